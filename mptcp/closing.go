package mptcp

import (
	"cmp"

	"mpsim/mptcp/tcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// closing is the end of a connection's two directions (RFC 8684 section 3.3.3):
// the DATA_FIN of each occupies one data sequence number behind the data.
type closing struct {
	finQueued bool // the application has ended our direction
	finSent   bool // every segment carries the DATA_FIN until it is acknowledged
	finAcked  bool
	passive   bool // the peer's DATA_FIN was there before ours was sent

	peerDone bool   // everything before the peer's DATA_FIN was received
	worked   bool   // the worker has run: the peer's DATA_FIN counts
	peerFIN  uint64 // number of that; 0: not received

	interval sim.Duration
	tries    int
	work     sim.Time // the peer's DATA_FIN counts, behind the ACK of the data
	at       sim.Time // the DATA_FIN is sent again
	since    sim.Time // the DATA_FIN was sent first
	giveUp   sim.Time // the connection ends without the peer
	linger   sim.Time // our FINs do not wait for the peer's any longer
}

func (cl *closing) init() {
	cl.work, cl.at, cl.giveUp, cl.linger = sim.Never, sim.Never, sim.Never, sim.Never
}

func (cl *closing) stop() { cl.init() }

// pending reports whether segments carry our DATA_FIN.
func (cl *closing) pending() bool { return cl.finSent && !cl.finAcked }

// finPending reports whether segments of the connection carry our DATA_FIN.
func (c *connection) finPending() bool { return c.ending && c.closing.pending() }

// readDataFIN takes a DATA_FIN behind n bytes from dsn on. The first one holds. One
// beyond the window is nobody's who obeys it. With checksums a DATA_FIN counts
// when the checksum of its mapping does: at once if it is alone, else when the
// data is complete (place).
func (f *subflow) readDataFIN(now sim.Time, s *Segment, dsn, n uint64) {
	c := f.conn
	switch fin := dsn + n; {
	case fin < c.recv.next || c.closing.peerFIN != 0:
		// One behind data that is missing is not acknowledged yet: two sides that
		// both wait for data would answer each other's answers.
		if c.p.AnswerDataFIN && c.closing.peerDone {
			f.flow.tcp.AckNow(now)
		}
	case fin > max(c.wnd.edge, c.recv.next):
		c.e.emit(now, c.sock, f.id, trace.SegmentRefused, trace.BadSequence, 0, int64(dsn), int64(n), 0, 0)
	case !c.checksum:
		c.endAt(fin)
	case n == 0:
		sum, ok := c.checksumOf(s)
		if m := (mapping{dsn: dsn, sum: newMappingSum(sum, true)}); !ok || !f.checksumHolds(&m, s.SSN, 0) {
			c.e.count(now, c.sock, dataCsumErr)
			c.e.emit(now, c.sock, f.id, trace.SegmentRefused, trace.ChecksumFailure, 0, int64(dsn), 0, 0, 0)
			return
		}
		c.endAt(fin)
	}
}

// endAt takes a DATA_FIN over: what waits behind it is no data of the peer's, and
// one that lies in what was read already is ignored.
func (c *connection) endAt(fin uint64) {
	if fin < c.recv.next || c.closing.peerFIN != 0 {
		return
	}
	c.closing.peerFIN, c.ending = fin, true
	c.recv.cut(fin)
}

// forgetFIN forgets a DATA_FIN behind data that is missing: the peer's stream is
// taken by position from now on, and ends with its FIN.
func (cl *closing) forgetFIN() {
	if !cl.peerDone {
		cl.peerFIN = 0
	}
}

// acked takes a DATA_ACK over; fin is the number of our DATA_FIN.
func (cl *closing) acked(dataAck, fin uint64) {
	if cl.finSent && dataAck > fin && !cl.finAcked {
		cl.finAcked = true
		cl.at = sim.Never
	}
}

// dataAck returns the DATA_ACK that segments carry: the peer's DATA_FIN counts.
func (c *connection) dataAck() uint64 {
	if c.ending && c.closing.peerDone {
		return c.recv.next + 1
	}
	return c.recv.next
}

// shutdown ends our direction behind what was written.
func (c *connection) shutdown(now sim.Time) {
	c.closing.finQueued, c.ending = true, true
	c.work = c.work || c.p.NagleOnData // nothing holds the end back
	c.changed = c.changed || c.p.InfiniteOneWay
	c.settle(now)
}

// closeByApp is shutdown by an application that will not read any more. If the
// peer makes no progress for the close timeout, the connection is reset.
func (c *connection) closeByApp(now sim.Time) {
	c.closing.finQueued, c.ending = true, true
	c.work = c.work || c.p.NagleOnData // nothing holds the end back
	c.changed = c.changed || c.p.InfiniteOneWay
	c.stats.lastAck = now
	c.closing.giveUp = now.Add(c.p.CloseTimeout)
	c.settle(now)
}

// checkClosing takes the steps of closing that have become possible.
func (c *connection) checkClosing(now sim.Time) {
	cl := &c.closing
	if c.over {
		return
	}
	if c.fallback.on {
		c.checkPlainClosing(now)
		return
	}
	arrived := cl.peerFIN != 0 && !cl.peerDone && c.recv.next == cl.peerFIN && !c.ackLeavesFirst(now)
	if arrived {
		cl.peerDone = true
	}
	if cl.peerFIN != 0 || cl.finQueued || c.eof() {
		c.touch()
	}
	if cl.finQueued && !cl.finSent && c.send.next == c.send.end && len(c.send.skipped) == 0 && c.carrierExists() {
		cl.finSent, cl.passive = true, cl.peerDone
		cl.interval, cl.since = c.p.DataFINTimeout, now
		cl.at = now.Add(cl.interval)
		c.e.count(now, c.sock, dataFinTx)
		if cl.passive && c.p.FINWithDataFIN && c.send.una == c.send.end {
			c.finAll(now) // nothing is outstanding elsewhere
		}
		c.ackAll(now)
	} else if arrived && !cl.finAcked {
		c.ackAll(now)
	}
	if cl.finAcked && c.eof() {
		c.closeSubflows(now, arrived)
	}
}

// ackLeavesFirst reports whether the peer's DATA_FIN, before which everything was
// received, has to wait: an acknowledgement that TCP owes for the data leaves first,
// and a worker that runs after it takes the DATA_FIN over.
func (c *connection) ackLeavesFirst(now sim.Time) bool {
	if !c.p.AckBeforeDataFIN || c.closing.worked {
		return false
	}
	for _, f := range c.alive {
		if f.established() && f.flow.tcp.AckDue() {
			c.closing.work = now
			return true
		}
	}
	return false
}

// workTimeout is the worker of ackLeavesFirst.
func (cl *closing) workTimeout() { cl.work, cl.worked = sim.Never, true }

// carrierExists reports whether a subflow can carry data or signals.
func (c *connection) carrierExists() bool {
	for _, f := range c.subs {
		if f.usable() {
			return true
		}
	}
	return false
}

// closeSubflows ends the connection in order: both DATA_FINs are acknowledged,
// and every subflow is closed by a FIN exchange of its own.
func (c *connection) closeSubflows(now sim.Time, arrived bool) {
	c.finish(now, trace.Graceful)
	wait := c.closing.passive && c.p.PassiveCloserWaits > 0
	if wait {
		c.closing.linger = now.Add(c.p.PassiveCloserWaits)
	}
	for _, f := range c.subs {
		// Both streams are complete: a FIN that does not come is not worth waiting
		// for without end.
		if !f.dead {
			f.flow.tcp.BoundFinWait2(now, cmp.Or(c.p.TCP.FinWait2, c.p.CloseTimeout))
		}
		switch {
		case f.dead:
		case !f.established():
			f.reset(now, rstNone, trace.Graceful)
		case wait && !f.closing:
		default:
			f.closeWrite(now)
			if arrived && c.p.AckAfterFIN {
				f.ackNow(now)
			}
		}
	}
}

// closeTimeout ends a connection that has had no subflow, or after Close no
// progress, for the close timeout.
func (c *connection) closeTimeout(now sim.Time) {
	cl := &c.closing
	cl.giveUp = sim.Never
	if c.over {
		return
	}
	if c.live() > 0 {
		if !c.sock.appClosed {
			return
		}
		if until := c.stats.lastAck.Add(c.p.CloseTimeout); until > now {
			cl.giveUp = until
			return
		}
	}
	c.abort(now, trace.TimedOut)
}

// finAll ends our direction of every subflow.
func (c *connection) finAll(now sim.Time) {
	c.closing.linger = sim.Never
	for _, f := range c.subs {
		if f.established() {
			f.closeWrite(now)
		}
	}
}

// TimeWaits returns how many flows of the endpoint are in TIME-WAIT: the side whose
// FIN is first owns it (RFC 9293 section 3.6, RFC 8041 section 3.6).
func (e *Endpoint) TimeWaits() (n int) {
	for _, f := range e.flows.slots {
		if f != nil && f.tcp.State() == tcp.StateTimeWait {
			n++
		}
	}
	return n
}
