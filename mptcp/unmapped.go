package mptcp

import (
	"sort"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// Data without a mapping (RFC 8684 sections 3.3.1 and 3.7). TCP has acknowledged it,
// but DATA_ACKs do not cover it, so that the peer's connection-level timer sends it
// again, in new bytes of a subflow and with a mapping of their own. Meanwhile it is
// held, in case that its own mapping comes late, as it does behind a box that joins
// segments (a mapping that is repeated in each of its segments survives in a later
// one) or behind one that has the option in a later part.
//
// Departure: on the last subflow upstream Linux does not hold it but reverts to TCP
// without telling the peer, which goes on with mappings and sends again what it
// misses, so that the stream gets it twice.

// heldData is payload that TCP has delivered in order and no mapping covers yet
// (RFC 8684 section 3.3.1), or whose mapping is not trusted.
type heldData struct {
	bytes  int64
	pieces []heldPiece
}

// overlaps reports whether a byte of [pos, end) is held.
func (h *heldData) overlaps(pos, end uint64) bool {
	i := sort.Search(len(h.pieces), func(i int) bool { return h.pieces[i].end() > pos })
	return i < len(h.pieces) && h.pieces[i].pos < end
}

// gaps reports whether data that had a mapping arrived behind the first byte held.
func (h *heldData) gaps() bool {
	return len(h.pieces) > 0 && h.pieces[len(h.pieces)-1].end()-h.pieces[0].pos > uint64(h.bytes)
}

// heldPiece is a run of it.
type heldPiece struct {
	pos uint64
	n   int
	off uint64
}

func (h *heldPiece) end() uint64 { return h.pos + uint64(h.n) }

// unmapped deals with n delivered bytes that no mapping covers, and reports
// whether Deliver is to stop because the subflow was reset.
func (f *subflow) unmapped(now sim.Time, pos uint64, n int, off uint64) (stop bool) {
	c := f.conn
	c.e.count(now, c.sock, noDSSInWindow)
	if f.phase == phasePlain {
		if f.awaitsInfinite() {
			f.hold(pos, n, off)
			if stop = f.held.bytes > c.wnd.size; stop {
				f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
			}
			return stop
		}
		if f.endBare(now, pos) {
			c.recv.arena.Release(off, int64(n))
			return true
		}
		f.deliverByPosition(now, pos, n, off)
		return false
	}
	early := !f.mapped || pos <= initialWindow
	if early && c.canFallBack(f, pos) {
		c.fallBack(now, f, trace.DssFallback, dssFallback)
		f.infinite.due = c.p.AnnounceFallback
		c.receivePlain(pos+1, int64(n), off)
		return false
	}
	if early && c.fallBackMoving(now, f, pos) {
		f.deliverByPosition(now, pos, n, off)
		return false
	}
	f.hold(pos, n, off)
	if !f.mayWait() {
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	return false
}

// mayWait reports whether what is held may wait on: on any subflow by the RFC, on the
// last one that can carry data otherwise, and for up to a receive window. On the last
// one the oldest pieces make room for others as long as mappings pass behind them.
func (f *subflow) mayWait() bool {
	c := f.conn
	over := f.held.bytes > c.wnd.size
	switch {
	case c.canDoWithout(f):
		return c.p.HoldUnmapped && !over
	case over && !f.held.gaps():
		return false
	}
	for f.held.bytes > c.wnd.size {
		h := &f.held.pieces[0]
		c.recv.arena.Release(h.off, int64(h.n))
		c.recv.refused += int64(h.n)
		f.held.bytes -= int64(h.n)
		f.held.pieces = f.held.pieces[1:]
	}
	return true
}

// endsUnmapped reports whether the peer has ended the last subflow behind data that waits
// for a mapping, and not the data: none can come any more. A FIN in answer would tell a
// peer that takes its stream for plain TCP's that everything has arrived, so that the
// subflow is reset (RFC 8684 section 3.7).
func (f *subflow) endsUnmapped() bool {
	c := f.conn
	return f.held.bytes > 0 && f.flow.tcp.PeerFIN() && c.closing.peerFIN == 0 && !c.closing.peerDone && c.onlyOne(f)
}

// canDoWithout reports whether another subflow can carry data, and passes mappings as
// well as this one: it has delivered some, or this one has not, or none in ten
// segments.
func (c *connection) canDoWithout(f *subflow) bool {
	bare := !f.mapped || len(f.held.pieces) >= 10 && !f.held.gaps()
	for _, g := range c.alive {
		if g != f && (g.mapped || bare) && g.usable() && !g.failed && !g.stale {
			return true
		}
	}
	return false
}

// hold keeps n delivered bytes.
func (f *subflow) hold(pos uint64, n int, off uint64) {
	f.held.pieces = append(f.held.pieces, heldPiece{pos, n, off})
	f.held.bytes += int64(n)
}

// releaseHeld delivers what of the held data is mapped by now, or all of it after
// a fallback. What is verified at the end of the stream meanwhile stays behind it.
func (f *subflow) releaseHeld(now sim.Time) {
	pieces, last := f.held.pieces, f.check
	f.held, f.check = heldData{}, verification{}
	for _, h := range pieces {
		for h.n > 0 {
			if f.dead {
				f.hold(h.pos, h.n, h.off)
				break
			}
			if f.byPosition() {
				f.deliverByPosition(now, h.pos, h.n, h.off)
				break
			}
			dsn, k, ok := f.rx.take(h.pos, h.n)
			if !ok {
				f.hold(h.pos, k, h.off)
			} else {
				f.raw.rx = dsn - h.pos
				f.place(now, dsn, h.pos, k, h.off)
			}
			h = heldPiece{h.pos + uint64(k), h.n - k, h.off + uint64(k)}
		}
	}
	switch {
	case last.bytes == 0:
	case f.byPosition() && !f.dead: // a checksum has failed
		for _, h := range last.pieces {
			f.deliverByPosition(now, h.pos, h.n, h.off)
		}
	default:
		f.check = last
	}
}

// discardHeld gives up what is held: the subflow has ended.
func (f *subflow) discardHeld() {
	for _, h := range f.held.pieces {
		f.conn.recv.arena.Release(h.off, int64(h.n))
	}
	f.held = heldData{}
	f.check.discard(f.conn.recv.arena)
}
