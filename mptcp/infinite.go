package mptcp

import (
	"math"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Infinite mappings (RFC 8684 sections 3.3.1 and 3.7): a DSS option with
// data-level length 0 says that from its subflow sequence number on the stream of
// the subflow is the stream of the connection. After that only the
// acknowledgements of TCP count, nothing leads back to MPTCP, and no other
// subflow carries data.
//
// On a subflow that replaces a failed one the mapping is all that says where the data goes
// on, and a box that joins segments may keep the options of another one. A mapping may be
// repeated (section 3.3.1), so where the profile says so every segment carries this one
// until the peer acknowledges data without DATA_ACK, as it does behind an infinite mapping
// (section 3.7). On the first subflow the peer can tell without it.
//
// The two directions revert together, but not in the same instant: what the peer
// has in flight still comes with mappings of its own, and a subflow that carries
// data which is not contiguous keeps its mappings until that is acknowledged.

// infiniteMap is the infinite mapping that a subflow announces.
type infiniteMap struct {
	due  bool   // it is to be sent with the next new data
	sent bool   // segments at [pos, end) carry it, whenever they are sent
	open bool   // the end is not known yet
	read bool   // one of the peer was counted
	pos  uint64 // stream position
	end  uint64
	dsn  uint64 // the mapping: data number dsn is at position from
	from uint64
}

// at reports whether a segment at a position carries it.
func (m *infiniteMap) at(pos uint64) bool { return m.sent && pos >= m.pos && pos < m.end }

// lenInfinite is the DSS option of an infinite mapping: 8-octet DATA_ACK and data
// sequence number, subflow sequence number, length, checksum or padding.
const lenInfinite = 28

// straight is where a subflow began to carry data in the order of its numbers.
type straight struct{ pos, dsn uint64 }

// grantAt notes that data from dsn on follows at position pos.
func (l *straight) grantAt(pos, dsn uint64) {
	if dsn-l.dsn != pos-l.pos || pos == 0 {
		l.pos, l.dsn = pos, dsn
	}
}

// straightFrom returns the data number of position 0 of our stream on f, if what f
// carries of the data that the peer has not acknowledged begins with the first such
// byte and is in order. What other subflows carried behind it can then be sent
// again on f.
func (c *connection) straightFrom(f *subflow) (tx uint64, ok bool) {
	end := f.flow.tcp.SndEnd()
	if end == 0 {
		return c.send.una, true
	}
	tx = f.line.dsn - f.line.pos
	return tx, f.line.dsn <= c.send.una && c.send.una <= end+tx && end+tx <= c.send.next
}

// revert makes f plain TCP: in our direction from now on, in the peer's from the
// position that rx says (data number of position 0). It reports false if our data
// does not allow it.
func (c *connection) revert(now sim.Time, f *subflow, rx uint64, why trace.Reason) bool {
	tx, ok := c.straightFrom(f)
	if !ok || f.flow.tcp.State() < stateCarrying {
		return false
	}
	c.fallBackOn(now, f, tx, rx, why, false)
	return true
}

// revertSending is revert for our direction only: the peer's data is taken by its
// mappings until an infinite mapping of the peer or its first byte without one.
func (c *connection) revertSending(now sim.Time, f *subflow, why trace.Reason) bool {
	tx, ok := c.straightFrom(f)
	if !ok || f.flow.tcp.State() < stateCarrying {
		return false
	}
	c.fallBackOn(now, f, tx, c.recv.next-f.delivered(), why, true)
	return true
}

// countInfinite counts an infinite mapping of the peer; its repetitions are the same one.
func (f *subflow) countInfinite(now sim.Time) {
	if c := f.conn; !f.infinite.read {
		f.infinite.read = true
		c.e.count(now, c.sock, infiniteMapRx)
	}
}

// readInfinite takes an infinite mapping over, and reports whether the subflow was
// reset: a gap before what it maps cannot be filled any more.
func (f *subflow) readInfinite(now sim.Time, pos, dsn uint64) (dead bool) {
	c := f.conn
	f.countInfinite(now)
	if f.raw.on {
		// It follows our MP_FAIL, or is the same again.
		c.moveTimer(&f.fail.at, sim.Never)
		f.confirmRaw(now)
	} else {
		rx := dsn - pos
		if next := rx + f.delivered(); next > c.recv.next || int64(next) < 0 {
			f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
			return true
		}
		c.recv.discard()
		f.raw = rawInput{on: true, rx: rx}
		f.rx.reset()
		f.releaseCheck(now)
		f.releaseHeld(now)
	}
	f.raw.infinite = true
	f.closeOthers(now)
	c.tryRevert(now, f, trace.InfiniteMap)
	return false
}

// tryRevert ends our direction of MPTCP, too, after the peer has ended its own. A
// stack that takes an infinite mapping for one direction only waits until the
// peer acknowledges without DATA_ACK, or the application closes.
func (c *connection) tryRevert(now sim.Time, f *subflow, why trace.Reason) {
	if c.p.InfiniteOneWay && !f.raw.bare && !c.closing.finQueued {
		return
	}
	if c.revert(now, f, f.raw.rx, why) {
		f.infinite.due = f.joined || c.p.AnnounceFallback
	}
}

// closeOthers resets all other subflows: only one can send data after an infinite
// mapping.
func (f *subflow) closeOthers(now sim.Time) {
	for _, g := range f.conn.subs {
		if g != f && !g.dead {
			g.reset(now, rstNone, trace.InfiniteMap)
		}
	}
}

// announce makes the next new data of a subflow that has reverted carry the
// infinite mapping. It starts, retroactively, at the first byte that is not
// acknowledged.
func (f *subflow) announce() {
	c := f.conn
	f.infinite = infiniteMap{due: true, read: f.infinite.read, dsn: c.send.una, from: c.send.una - c.fallback.tx}
}

// begin notes that the segment at a position carries the mapping as the first one.
func (m *infiniteMap) begin(pos uint64, repeat bool) {
	m.due, m.sent, m.open = false, true, repeat
	m.pos, m.end = pos, pos+1
	if repeat {
		m.end = math.MaxUint64
	}
}

// confirmInfinite ends the repetition of an infinite mapping when a segment acknowledges
// data behind it without a DATA_ACK.
func (f *subflow) confirmInfinite(s *Segment) {
	t, m := &f.flow.tcp, &f.infinite
	if s.Flags.Has(wire.ACK) && !s.Segment.Opt.Has(wire.HasDataAck) && s.Ack.After(t.SndUnaSeq()) &&
		t.SndUna()+uint64(s.Ack-t.SndUnaSeq()) > m.pos {
		m.open, m.end = false, t.SndNxt()
	}
}

// writePlain adds what a subflow that has reverted still sends: the infinite
// mapping, MP_FAIL, and DATA_ACKs as long as the peer sends mappings.
func (f *subflow) writePlain(now sim.Time, s *Segment) {
	c := f.conn
	switch {
	case s.Len > 0 && f.infinite.due:
		f.infinite.begin(f.sendPos, f.joined && c.p.RepeatInfinite)
		c.e.count(now, c.sock, infiniteMapTx)
		fallthrough
	case s.Len > 0 && f.infinite.at(f.sendPos):
		f.writeDataAck(s, c.dataAck())
		h := &s.Segment
		h.Opt |= wire.HasMap | wire.DSN8
		h.DSN = c.local.absolute(f.infinite.dsn)
		h.SSN, h.MapLen = uint32(f.infinite.from+1), 0
		if c.checksum {
			o := s.Options()
			o.Present |= wire.OptDSSChecksum
			o.DSSChecksum = 0
		}
	case s.Len > 0:
	case f.failDue:
		f.writeDataAck(s, f.fail.dsn)
		f.writeFail(now, s)
	case c.fallback.mapped && (c.infinite || !f.infinite.sent):
		f.writeDataAck(s, c.dataAck())
	}
}

// announces reports whether the segment at a position carries the infinite
// mapping.
func (f *subflow) announces(pos uint64) bool {
	return f.infinite.due || f.infinite.at(pos)
}

// readPlain processes what the peer of a subflow that has reverted still says of
// MPTCP.
func (f *subflow) readPlain(now sim.Time, s *Segment) (dead bool) {
	c := f.conn
	if s.Opt.Has(wire.OptFail) {
		f.readFail(now, s)
	}
	if !s.Segment.Opt.Has(wire.HasMap) {
		return false
	}
	if c.fallback.mapped {
		return f.readMap(now, s)
	}
	if s.MapLen == 0 {
		f.countInfinite(now) // known already
		return false
	}
	if f.contradicts(s) {
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	return false
}

// contradicts reports whether the mapping of new data says something else than the
// position by which it would be taken: the peer has sent what another subflow
// carried.
func (f *subflow) contradicts(s *Segment) bool {
	h := &s.Segment
	if s.Len == 0 || int32(h.SSN-1-uint32(f.flow.tcp.RcvNxt())) < 0 || !f.conn.remote.numbered() {
		return false // the peer does not know yet that this is TCP
	}
	dsn := f.conn.remote.relative(h.DSN, h.Opt.Has(wire.DSN8), f.conn.recv.next)
	return uint32(dsn-uint64(h.SSN-1)) != uint32(f.inputLine())
}

// awaitsInfinite reports whether a subflow that came in place of one that MP_FAIL has
// ended has not said yet where its data begins. A box that cuts segments may have the
// infinite mapping in a later part, so that data waits for it, up to a receive window.
func (f *subflow) awaitsInfinite() bool {
	return f.conn.fallback.mapped && f.joined && !f.mapped
}

// endBare ends the peer's mappings on a subflow that has reverted already, because
// the byte at pos comes without one: the stream goes on as the last mapping was.
// It reports whether the subflow was reset, since the peer did not say where.
func (f *subflow) endBare(now sim.Time, pos uint64) (dead bool) {
	c := f.conn
	rx, ok := f.raw.rx, f.mapped
	if !ok {
		rx, ok = 1, f.id == 0 && c.aloneEver(f)
	}
	if next := rx + pos; !ok || next > c.recv.next || int64(next) < 0 {
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	c.recv.discard()
	c.fallback.mapped, c.fallback.rx = false, rx
	f.rx.reset()
	return false
}

// endMapped ends the peer's mappings on a subflow that has reverted already.
func (f *subflow) endMapped(now sim.Time, pos, dsn uint64) (dead bool) {
	c := f.conn
	f.countInfinite(now)
	rx := dsn - pos
	if next := rx + f.delivered(); next > c.recv.next || int64(next) < 0 {
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	c.recv.discard()
	c.fallback.mapped = false
	c.fallback.rx = rx
	f.rx.reset()
	f.releaseCheck(now)
	f.releaseHeld(now)
	return false
}

// releaseCheck hands over what could not be verified before the stream is taken by
// position.
func (f *subflow) releaseCheck(now sim.Time) {
	pieces := f.check.pieces
	f.check = verification{}
	for _, h := range pieces {
		f.conn.receivePlain(h.pos+f.inputLine(), int64(h.n), h.off)
	}
}

// byPosition reports whether the received stream is taken by position.
func (f *subflow) byPosition() bool {
	return f.raw.on || f.phase == phasePlain && !f.conn.fallback.mapped
}

// deliverByPosition takes n bytes of such a stream.
func (f *subflow) deliverByPosition(now sim.Time, pos uint64, n int, off uint64) {
	if f.phase == phasePlain {
		f.conn.receivePlain(pos+f.conn.fallback.rx, int64(n), off)
		return
	}
	f.deliverRaw(now, pos, n, off)
}

// inputLine returns the data number of position 0 of a stream that is taken by
// position.
func (f *subflow) inputLine() uint64 {
	if f.phase == phasePlain {
		return f.conn.fallback.rx
	}
	return f.raw.rx
}
