package mptcp

import (
	"net/netip"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What happens when a checksum fails (RFC 8684 section 3.7). With other subflows,
// or where the stream of the only one is not the next part of the data, the
// subflow is reset with MP_FAIL, and what it carried is sent again elsewhere. On
// an only subflow with contiguous data:
//
//	receiver                       sender
//	MP_FAIL on an ACK         ->   reverts to TCP in both directions
//	stream taken by position  <-   MP_FAIL on an ACK
//	reverts to TCP            <-   infinite mapping on its next new data
//
// From the mapping that failed on the receiver takes bytes by their position, as
// the infinite mapping will say it retroactively. MP_FAIL is not reliable, so until
// either answer arrives it is on every ACK that acknowledges new data, and sent
// again by a timer. Where the only subflow
// was reset, the side that opened the connection opens another one, which is in
// infinite mapping from the first data number that is not acknowledged.
//
// Departures: Linux falls back without a word if no checksum was ever correct
// on the subflow; here MP_FAIL is sent then, too.

// failState is what a subflow needs while MP_FAIL is exchanged.
type failState struct {
	dsn   uint64 // the data number in the MP_FAIL
	at    sim.Time
	tries int
	// answered is when an MP_FAIL of the peer was answered last.
	answered sim.Time
}

// failTries is how often an unanswered MP_FAIL is repeated (the number that RFC
// 8684 section 3.5 recommends for MP_FASTCLOSE; section 3.7 says nothing).
const failTries = 3

// rawInput is a received stream that is taken by position: byte p is data number
// p+rx.
type rawInput struct {
	on      bool
	holding bool // until the peer has confirmed it

	infinite bool // the peer has said so by an infinite mapping
	bare     bool // our data was acknowledged without a DATA_ACK since
	rx       uint64
}

// onlyOne reports whether no other subflow exists. One in its handshake counts, as
// the peer may have sent data on it already, but for one whose SYN has no answer.
func (c *connection) onlyOne(f *subflow) bool {
	for _, g := range c.alive {
		if g != f && !g.dead && g.flow.tcp.State() != tcp.StateSynSent {
			return false
		}
	}
	return true
}

// onlyCarrier reports whether no other subflow can carry data of ours.
func (c *connection) onlyCarrier(f *subflow) bool {
	for _, g := range c.alive {
		if g != f && g.established() {
			return false
		}
	}
	return true
}

// reverting reports whether the peer's stream is taken by position on a subflow,
// so that no other one may come to carry data.
func (c *connection) reverting() bool {
	for _, f := range c.alive {
		if f.raw.on && !f.dead {
			return true
		}
	}
	return false
}

// checksumFailed acts on a mapping whose checksum is wrong, and reports whether
// the subflow was reset.
func (f *subflow) checksumFailed(now sim.Time, m *mapping) (dead bool) {
	c := f.conn
	c.e.count(now, c.sock, dataCsumErr)
	c.e.emit(now, c.sock, f.id, trace.SegmentRefused, trace.ChecksumFailure, int64(m.pos), int64(m.dsn), int64(m.len), 0, 0)
	f.fail.dsn = m.dsn
	if !c.onlyOne(f) || c.recv.next != m.dsn || len(c.recv.waiting) > 0 || !f.rx.straightFrom(m) {
		f.check.discard(c.recv.arena)
		f.resetFailed(now)
		return true
	}
	pieces := f.check.pieces
	f.check = verification{}
	f.rx.reset()
	if f.phase == phasePlain {
		f.failedPlain(now, m, pieces)
		return false
	}
	f.raw = rawInput{on: true, rx: m.dsn - m.pos, holding: !c.p.DeliverFailed}
	c.closing.forgetFIN()
	for _, h := range pieces {
		f.deliverRaw(now, h.pos, h.n, h.off)
	}
	f.sendFail(now)
	c.moveTimer(&f.fail.at, now.Add(f.flow.tcp.RTO()))
	c.e.timers.set(c.timer, f.fail.at)
	return false
}

// straightFrom reports whether all mappings declared behind m go on as m does: those
// of data that has overtaken other data are known already.
func (r *rxMaps) straightFrom(m *mapping) bool {
	for i := range r.len() {
		if e := r.at(i); e.pos > m.pos && e.dsn-e.pos != m.dsn-m.pos {
			return false
		}
	}
	return true
}

// onLine reports whether all declared mappings say that position 0 is data number rx.
func (r *rxMaps) onLine(rx uint64) bool {
	for i := range r.len() {
		if e := r.at(i); e.dsn-e.pos != rx {
			return false
		}
	}
	return true
}

// failedPlain is the rest of checksumFailed where our direction has reverted already:
// the peer knows that no more than one subflow is left, and its stream is taken by
// position from the mapping on. A mapping that contradicts that ends the subflow
// (readPlain).
func (f *subflow) failedPlain(now sim.Time, m *mapping, pieces []heldPiece) {
	c := f.conn
	c.fallback.mapped, c.fallback.rx = false, m.dsn-m.pos
	for _, h := range pieces {
		f.deliverByPosition(now, h.pos, h.n, h.off)
	}
	f.sendFail(now)
}

// resetFailed closes a subflow by a RST with MP_FAIL. If it was the only one, what
// was received behind the failed data is forgotten, because everything comes
// again.
func (f *subflow) resetFailed(now sim.Time) {
	c := f.conn
	if c.onlyOne(f) {
		c.recv.discard()
		c.rejoinFor(f)
	} else {
		c.failed = f
	}
	f.failDue = true
	f.reset(now, rstMiddlebox, trace.ChecksumFailure)
}

// sendFail orders an ACK with MP_FAIL.
func (f *subflow) sendFail(now sim.Time) {
	f.failDue = true
	f.flow.tcp.AckFirst(now)
	f.conn.e.ready.push(f.flow)
}

// writeFail adds an MP_FAIL that is due to a segment without payload.
func (f *subflow) writeFail(now sim.Time, s *Segment) {
	c := f.conn
	f.failDue = false
	o := s.Options()
	o.Present |= wire.OptFail
	o.Fail.DSN = c.remote.absolute(f.fail.dsn)
	c.e.count(now, c.sock, mpFailTx)
}

// failTimeout sends an unanswered MP_FAIL again.
func (f *subflow) failTimeout(now sim.Time) {
	c := f.conn
	c.moveTimer(&f.fail.at, sim.Never)
	switch {
	case f.dead || f.phase == phasePlain:
		return
	case f.fail.tries < failTries:
		f.fail.tries++
		c.moveTimer(&f.fail.at, now.Add(f.flow.tcp.RTO()<<f.fail.tries))
		f.sendFail(now)
	case f.raw.holding:
		f.resetFailed(now)
		c.changed = true
	}
}

// deliverRaw takes n received octets by their position.
func (f *subflow) deliverRaw(now sim.Time, pos uint64, n int, off uint64) {
	if f.fail.at != sim.Never {
		f.failDue = true
	}
	if !f.raw.holding {
		f.conn.receivePlain(pos+f.raw.rx, int64(n), off)
		return
	}
	f.hold(pos, n, off)
	if f.held.bytes > f.conn.wnd.size {
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
	}
}

// readFail processes an MP_FAIL that came on an ACK.
func (f *subflow) readFail(now sim.Time, s *Segment) {
	c := f.conn
	dsn := c.local.relative(s.Opt.Fail.DSN, true, c.send.una)
	if dsn == 0 || dsn > c.send.end+1 {
		return // not a number of ours
	}
	c.e.count(now, c.sock, mpFailRx)
	if f.phase == phasePlain {
		// Ours was lost, unless this one is of the round trip in which ours was
		// under way.
		if !f.raw.on && c.fallback.why == trace.MPFail && f.fail.tries < failTries && now.Sub(f.fail.answered) > f.flow.tcp.SRTT() {
			f.fail.tries++
			f.answerFail(now)
		}
		return
	}
	if c.acked > c.send.una {
		c.dataAcked(now)
	}
	if f.raw.on {
		// The answer to ours: the peer has reverted.
		c.moveTimer(&f.fail.at, sim.Never)
		f.confirmRaw(now)
		if c.revert(now, f, f.raw.rx, trace.MPFail) {
			f.infinite.due = c.p.AnnounceFallback
		}
		return
	}
	if c.send.copies == 0 && f.delivered() == f.flow.tcp.RcvNxt() && len(c.recv.waiting) == 0 && c.onlyCarrier(f) &&
		c.revertSending(now, f, trace.MPFail) {
		f.infinite.due = true
		f.answerFail(now)
		return
	}
	// Data in flight that is not contiguous cannot be saved on this subflow.
	f.fail.dsn = c.recv.next
	c.infinite = c.onlyOne(f)
	f.resetFailed(now)
}

// answerFail answers an MP_FAIL by one in the reverse direction.
func (f *subflow) answerFail(now sim.Time) {
	f.fail.dsn, f.fail.answered = f.conn.recv.next, now
	f.sendFail(now)
}

// confirmRaw hands over what was held until the peer confirmed that its stream is
// taken by position.
func (f *subflow) confirmRaw(now sim.Time) {
	if !f.raw.holding {
		return
	}
	f.raw.holding = false
	pieces := f.held.pieces
	f.held = heldData{}
	for _, h := range pieces {
		f.deliverRaw(now, h.pos, h.n, h.off)
	}
}

// readFailedReset notes that a RST carries MP_FAIL: our data has failed. Other
// subflows send it again; without one the next subflow does, in infinite mapping.
func (f *subflow) readFailedReset(now sim.Time) {
	c := f.conn
	c.e.count(now, c.sock, mpFailRx)
	f.why = trace.ChecksumFailure
	if c.onlyOne(f) {
		c.rejoinFor(f)
		c.infinite = true
	} else {
		c.failed, c.failedByPeer = f, true
	}
}

// replaceFailed is what follows when the last subflow is over and MP_FAIL ended an
// earlier one, on whose path TCP passes: the same as if that had been the last.
func (c *connection) replaceFailed() {
	f := c.failed
	c.failed = nil
	if c.p.RejoinAfterFail && !c.fallback.on {
		c.recv.discard()
		c.rejoin, c.infinite = f, c.infinite || c.failedByPeer
	}
}

// rejoinFor notes that a subflow is to be opened in place of f.
func (c *connection) rejoinFor(f *subflow) {
	if c.p.RejoinAfterFail {
		c.rejoin = f
	}
}

// reopen opens a subflow in place of the one that MP_FAIL has ended.
func (c *connection) reopen(now sim.Time) {
	f := c.rejoin
	c.rejoin = nil
	if !c.client || !c.full || f.flow.mute {
		return
	}
	// From a fresh port whatever the policy: RSTs that answer what was under way to the
	// old one would end the new subflow in devices that follow sessions.
	from, err := c.e.bind(netip.AddrPortFrom(f.flow.tuple.Src.Addr(), 0), f.flow.tuple.Dst)
	if err != nil {
		return
	}
	if g := c.openSubflow(now, from, f.flow.tuple.Dst, f.remoteID, f.backup); g != nil {
		g.again = true
	}
}

// resume puts a subflow that has come up after such an end in infinite mapping:
// it carries our data from the first byte that is not acknowledged on, while the
// peer's may have mappings until it says otherwise.
func (c *connection) resume(now sim.Time, f *subflow) {
	c.fallBackOn(now, f, c.send.una, c.recv.next, trace.MPFail, true)
	f.infinite.due = true
	f.flow.tcp.MSSChanged()
}
