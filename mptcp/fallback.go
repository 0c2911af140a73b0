package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// fallback is the state of a connection that goes on as plain TCP on one subflow
// (RFC 8684 section 3.7): TCP's own acknowledgements, windows and FINs hold, and
// byte p of the subflow is data number p+tx in our direction and p+rx in the
// peer's. Both are 1 unless the connection has reverted in mid-stream.
type fallback struct {
	f      *subflow // that goes on
	tx, rx uint64   // modulo 2^64
	why    trace.Reason
	mapped bool // the peer's data still comes with mappings
	waits  bool // an ACK lacked its DATA_ACK while a join waited for its fourth packet
	eof    bool // the peer's FIN has arrived
	on     bool
}

// stateCarrying is the first state of TCP in which a subflow carries data.
const stateCarrying = tcp.StateEstablished

// canFallBack reports whether the first subflow carries exactly the stream of the
// connection, so that it can go on without mappings and without an agreement: no
// other subflow was ever established, and nothing was sent on it twice or is
// missing in between. The next byte to be delivered is at position pos.
func (c *connection) canFallBack(f *subflow, pos uint64) bool {
	return c.aloneEver(f) && c.straightSoFar(f, pos)
}

// straightSoFar is canFallBack but for other subflows. While the window was closed
// the peer may have sent a byte again to probe it, and while data is held, that data.
func (c *connection) straightSoFar(f *subflow, pos uint64) bool {
	return c.p.can(DataFallback) && f.id == 0 && f.flow.tcp.SndEnd() == c.send.next-1 &&
		pos == c.recv.next-1 && len(c.recv.waiting) == 0 && f.held.bytes == 0 && !c.wnd.closed && f.rx.onLine(1)
}

// aloneEver reports whether no subflow but f was ever established at either end: the
// peer may have used one from the third packet of its handshake on, while we wait
// for the fourth (as Linux, mptcp_finish_join).
func (c *connection) aloneEver(f *subflow) bool {
	for _, g := range c.subs {
		if g != f && g.mayHaveCarried() {
			return false
		}
	}
	return !c.joinedOnce
}

func (f *subflow) mayHaveCarried() bool { return f.usableAt != sim.Never || f.phase == phasePre }

// fallBack turns the connection into plain TCP on its first subflow, and counts
// the reason.
func (c *connection) fallBack(now sim.Time, f *subflow, why trace.Reason, n counter) {
	c.e.count(now, c.sock, n)
	c.fallBackOn(now, f, 1, 1, why, false)
}

// fallBackMoving turns the connection into plain TCP on f, although it is not the only
// subflow there ever was, because the byte to be delivered at pos has no mapping
// (Profile.FallBackOnMoving). The last mapping goes on; without one the byte is taken
// for the first that is missing, which holds if the peer sends again what it knows to
// be missing and no more was on its way. It reports false if the profile does not ask
// for it or our data does not allow it.
func (c *connection) fallBackMoving(now sim.Time, f *subflow, pos uint64) bool {
	rx := c.recv.next - pos
	if f.mapped {
		rx = f.raw.rx
	}
	if !c.p.FallBackOnMoving || !c.p.can(DataFallback) || int64(c.recv.next-rx-pos) < 0 || !c.revert(now, f, rx, trace.DssFallback) {
		return false
	}
	c.e.count(now, c.sock, dssFallback)
	c.recv.discard()
	f.infinite.due = c.p.AnnounceFallback
	return true
}

// fallBackOn turns the connection into plain TCP on f, where position 0 of our
// stream is data number tx and that of the peer's is rx. As long as the peer's data
// comes with mappings (mapped), rx is not used.
func (c *connection) fallBackOn(now sim.Time, f *subflow, tx, rx uint64, why trace.Reason, mapped bool) {
	c.fallback = fallback{on: true, why: why, eof: c.fallback.eof, f: f, tx: tx, rx: rx, mapped: mapped}
	c.full, c.ending = false, true
	c.forgetToken()
	c.fastFallback(now)
	f.closeOthers(now)
	c.e.emit(now, c.sock, f.id, trace.Fallback, why, int64(tx-1), int64(rx-1), 0, 0, 0)
	c.sock.tell(Fallback, why)
	f.setPhase(now, phasePlain)
	f.flow.setNagle()
	c.nagle.ceiling = sim.Never
	f.announce()
	f.infinite.due = false
	f.tx.reset()
	c.moveTimer(&f.fail.at, sim.Never)
	if !mapped {
		f.rx.reset()
		f.releaseCheck(now)
		f.releaseHeld(now)
	}
	c.send.flight, c.send.copied, c.send.head, c.send.copies = nil, nil, 0, 0
	c.send.again, c.send.skipped = nil, nil
	c.acked = c.send.una
	c.closing.forgetFIN()
	c.send.next = f.flow.tcp.SndEnd() + tx
	c.retrans.stop()
	c.probe.stop()
	c.closing.at = sim.Never
	c.closing.finSent = false
	c.pm.stop()
	c.addr.stop()
	c.work = true
	if f.flow.tcp.State() >= stateCarrying {
		f.flow.tcp.MSSChanged()
	}
}

// pushPlain hands everything written to TCP. Where a SYN has carried data, that
// waits for the end of the handshake: a late SYN/ACK may acknowledge the data of
// the SYN after a plain SYN has left, and then it must not be in TCP's stream again.
func (c *connection) pushPlain(now sim.Time) {
	f := c.fallback.f
	if c.sock.opt.FastOpen != 0 && f.flow.tcp.State() < stateCarrying {
		return
	}
	if n := c.send.unsent(); n > 0 && !f.dead {
		c.send.next = c.send.end
		f.flow.tcp.Write(now, n)
		c.e.ready.push(f.flow)
	}
}

// plainAcked frees what TCP has acknowledged.
func (c *connection) plainAcked(now sim.Time) {
	c.stats.lastAck = now
	c.send.una = max(c.send.una, c.fallback.f.flow.tcp.SndUna()+c.fallback.tx)
	c.acked = c.send.una
	c.releaseLiterals()
}

// checkPlainClosing is checkClosing after fallback: FINs instead of DATA_FINs.
func (c *connection) checkPlainClosing(now sim.Time) {
	f := c.fallback.f
	if c.closing.finQueued && !c.closing.finSent && f.flow.tcp.State() >= tcp.StateEstablished {
		c.pushPlain(now)
		c.closing.finSent = true
		f.closeWrite(now)
	}
	if f.dead {
		c.finish(now, f.why)
	}
}

// fallBackOr falls back if that is still possible, and resets the subflow
// otherwise, because a middlebox has interfered. It reports whether the subflow
// is dead.
func (f *subflow) fallBackOr(now sim.Time, pos uint64, why trace.Reason, n counter) (dead bool) {
	c := f.conn
	if c.canFallBack(f, pos) {
		c.fallBack(now, f, why, n)
		f.infinite.due = c.p.AnnounceFallback
		return false
	}
	f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
	return true
}

// initialWindow is the most that a sender has in flight before the first
// acknowledgement, in bytes (RFC 6928: ten segments). A peer whose first data is acknowledged without
// a DATA_ACK reverts to TCP with that much sent with mappings; options that vanish
// behind it have vanished in mid-stream, and the peer may send data again that it
// thinks is missing, so that going on without mappings is not safe.
const initialWindow = 14600

// acknowledges reports whether a segment acknowledges data that no one did before.
func (f *subflow) acknowledges(s *Segment) bool {
	return s.Flags.Has(wire.ACK) && f.flow.tcp.SndEnd() > 0 && s.Ack.After(f.flow.tcp.SndUnaSeq())
}

// ackedBare acts on an acknowledgement of data without a DATA_ACK: options do not
// pass, or the peer has reverted to TCP. A joined subflow is reset if its data was
// never acknowledged otherwise (RFC 8684 section 3.7). The first one goes on as TCP
// as long as no other was ever established, and whenever that is: a peer that takes
// its stream by position would take what is sent again on the data level for new
// data. Where that has been sent already it cannot be told what the peer made of it,
// and the subflow is reset. It reports whether the subflow is dead.
func (f *subflow) ackedBare(now sim.Time, s *Segment) (dead bool) {
	c := f.conn
	switch {
	case !c.p.can(AckFallback) || f.raw.on || f.signalsData(s):
	case s.Opt != nil && s.Opt.Present&signals != 0: // options pass
	case f.joined && f.confirmed:
	case f.joined && c.p.FallBackOnMoving && c.revert(now, f, c.recv.next-f.delivered(), trace.DssFallback):
		c.e.count(now, c.sock, dssFallback)
		f.infinite.due = c.p.AnnounceFallback
	case !f.joined && (f.hasCompany() || !f.lacksDataAck(s)):
	case !f.joined && c.straightSoFar(f, f.delivered()) && c.joins(f) != joinsMoved:
		if c.fallback.waits = c.joins(f) == joinsWait; !c.fallback.waits {
			c.fallBack(now, f, trace.DssFallback, dssFallback)
			f.infinite.due = c.p.AnnounceFallback
		}
	default:
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	return false
}

// signalsData reports whether a segment without DATA_ACK shows by its DSS option that
// options pass. One that says nothing else is what a device leaves that takes the
// DATA_ACK out: it shows that only if DATA_ACKs have come before, some of which may be
// lost (RFC 8684 section 6).
func (f *subflow) signalsData(s *Segment) bool {
	return s.Segment.Opt.Has(wire.HasDSS) && (f.confirmed || s.Len > 0 || s.Segment.Opt&(wire.HasMap|wire.DataFIN) != 0)
}

// joinsState is what the joins of a connection mean for its first subflow.
type joinsState uint8

const (
	joinsNone  joinsState = iota // there are none, or the peer has reset them all
	joinsWait                    // ours wait for their fourth packet
	joinsMoved                   // one has carried data, or may have
)

// joins says whether the peer of a first subflow can have reverted to TCP. One that has
// resets our joins instead of sending their fourth packets. Until either arrives
// nothing is sent that the peer could take for something else, as our stream is
// straight.
func (c *connection) joins(f *subflow) joinsState {
	state := joinsNone
	if c.joinedOnce {
		return joinsMoved
	}
	for _, g := range c.subs {
		switch {
		case g == f || !g.mayHaveCarried() || g.usableAt == sim.Never && g.why == trace.ResetReceived:
		case g.usableAt != sim.Never || g.dead || !g.active:
			return joinsMoved
		default:
			state = joinsWait
		}
	}
	return state
}

// bareDecided goes on with what ackedBare has left open when a join has come to its
// fourth packet or has ended.
func (c *connection) bareDecided(now sim.Time) {
	f := c.subs[0]
	state := c.joins(f)
	if state == joinsWait || c.fallback.on {
		return
	}
	c.fallback.waits = false
	switch {
	case f.dead:
	case state == joinsNone && c.straightSoFar(f, f.delivered()):
		c.fallBack(now, f, trace.DssFallback, dssFallback)
		f.infinite.due = c.p.AnnounceFallback
	default:
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
	}
	c.changed = true
}

// hasCompany reports whether another subflow was ever established here, so that the
// peer cannot take our data by position.
func (f *subflow) hasCompany() bool {
	for _, g := range f.conn.subs {
		if g != f && g.usableAt != sim.Never {
			return true
		}
	}
	return f.conn.joinedOnce
}

// lacksDataAck reports whether an acknowledgement on an only subflow covers data that
// no DATA_ACK does.
func (f *subflow) lacksDataAck(s *Segment) bool {
	c, t := f.conn, &f.flow.tcp
	pos := t.SndUna() + uint64(s.Ack-t.SndUnaSeq())
	return c.acked < c.send.next && c.acked <= pos
}
