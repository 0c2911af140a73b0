package mptcp

import (
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The connection-level retransmission of upstream Linux (net/mptcp/protocol.c of
// 6.18: __mptcp_retrans, mptcp_subflow_get_retrans, mptcp_set_timeout; pm.c:
// mptcp_pm_subflow_chk_stale), where Profile.Retrans is RetransUpstream:
//
//   - One timer for the connection. It restarts whenever the peer acknowledges
//     data, and its interval is the longest time that the timers of the subflows
//     have left when the scheduler is asked, or the minimum RTO if none runs. It
//     does not back off. An ACK asks the scheduler before it restarts the timer, if
//     data waits that the window admits (options.c: ack_update_msk); while the window
//     is closed only a write and an expiry ask it (mptcp_sendmsg, __mptcp_retrans).
//   - An expiry sends the first buffer again if some subflow has nothing left to
//     send or to be acknowledged: there it goes, a backup only if the others made
//     no progress for two expiries.
//   - A subflow of which nothing was heard from one expiry to the next, data
//     waiting, has its stale count raised. Above StaleLossCount it becomes stale,
//     if another one is better off: the scheduler leaves it out, and the whole
//     queue of the connection is sent again. It recovers when anything arrives.
//   - The whole queue is sent again, too, when a subflow ends that had data left.
//
// Departure: in the kernel a subflow that ends without having carried anything has
// the queue sent again, too; here it does not.

// RetransTimer names a connection-level retransmission timer (RFC 8684 section
// 3.3.6).
type RetransTimer uint8

// The connection-level retransmission timers.
const (
	// RetransDelivered sends again what subflows have delivered and the peer has
	// not acknowledged, after twice the largest RTO, doubling (out-of-tree Linux).
	RetransDelivered RetransTimer = iota
	// RetransUpstream is that of upstream Linux.
	RetransUpstream
)

// setRetransInterval chooses the interval of the next restart when the scheduler is
// asked, and again when what it granted has been sent, if data is left: the kernel
// asks again then.
func (c *connection) setRetransInterval(now sim.Time) {
	due := c.latestRetrans(now)
	if c.retrans.interval = due.Sub(now); due == now {
		c.retrans.interval = c.p.TCP.MinRTO
	}
}

// restartByAck restarts the timer after a DATA_ACK, with an interval as of now if
// the scheduler would be asked: not one that an earlier ACK has left, which may be
// that of a timer for reordering.
func (c *connection) restartByAck(now sim.Time) {
	if c.send.unsent() > 0 && c.peer.edge > c.send.next {
		c.setRetransInterval(now)
	}
	c.restartUpstream(now)
}

// restartUpstream restarts the timer, or stops it if all data is acknowledged.
func (c *connection) restartUpstream(now sim.Time) {
	t := &c.retrans
	if c.send.una == c.send.end {
		t.at = sim.Never
		return
	}
	if t.interval == 0 {
		t.interval = c.p.TCP.MinRTO
	}
	t.due = now.Add(t.interval)
	if t.due < t.at {
		t.at, c.rearm = t.due, true
	}
}

// retransUpstream is the expiry.
func (c *connection) retransUpstream(now sim.Time) {
	t := &c.retrans
	if t.due > now {
		t.at = t.due
		return
	}
	f := c.retransSubflow(now)
	if f != nil && c.send.una != c.send.next {
		c.retransBuffer(now, f)
	}
	c.work, c.askClosed = true, true
	c.restartUpstream(now)
}

// retransSubflow returns the subflow on which data is sent again; nil: none.
func (c *connection) retransSubflow(now sim.Time) *subflow {
	var pick, backup *subflow
	quiet := uint8(255) // least stale count of those that have data
	for _, f := range c.subs {
		switch {
		case !f.usable():
		case f.flow.tcp.SndUna() != f.flow.tcp.SndEnd():
			c.checkStale(now, f)
			quiet = min(quiet, f.staleCount)
		case f.isBackup():
			if backup == nil {
				backup = f
			}
		case pick == nil:
			pick = f
		}
	}
	if pick == nil && quiet > 1 {
		pick = backup
	}
	return pick
}

// retransBuffer sends the first buffer again, as far as it was sent before.
func (c *connection) retransBuffer(now sim.Time, f *subflow) {
	q := &c.send
	end := q.buffers.first(q.next)
	if len(q.again) > 0 {
		end = min(end, q.again[0].DSN)
	}
	if len(q.skipped) > 0 {
		end = min(end, q.skipped[0].DSN)
	}
	if end <= q.una {
		return
	}
	n := int(end - q.una)
	c.e.count(now, c.sock, mptcpRetrans)
	c.stats.retransmits++
	c.copyOf(now, f, q.una, n, sched.Reinject)
	c.load(now, f, q.una, n)
}

// copyOf accounts for n bytes of data in flight that are sent again on f.
func (c *connection) copyOf(now sim.Time, f *subflow, dsn uint64, n int, k sched.Kind) {
	from := c.carrierOf(dsn)
	c.send.copyTo(f.lane, dsn, n)
	c.stats.reinjected += int64(n)
	f.reinjected += int64(n)
	c.e.emit(now, c.sock, f.id, trace.Reinject, trace.NoReason,
		int64(dsn), int64(n), int64(from), int64(f.id), int64(k))
}

// checkStale keeps count of expiries at which a subflow has made no progress.
func (c *connection) checkStale(now sim.Time, f *subflow) {
	heard := f.flow.tcp.LastReceived()
	switch {
	case f.staleCount == 0:
		f.staleHeard = heard
		f.staleCount = 1
	case f.staleHeard != heard:
		f.staleCount = 0
		c.recoverStale(now, f)
	default:
		if f.staleCount < 255 {
			f.staleCount++
		}
		c.markStale(now, f)
	}
}

// markStale takes a subflow out of use that made no progress for too long, if
// there is a better one.
func (c *connection) markStale(now sim.Time, f *subflow) {
	limit := c.p.StaleLossCount
	if f.stale || limit == 0 || int(f.staleCount) <= limit {
		return
	}
	for _, g := range c.subs {
		if g == f || !c.active(now, g) || int(g.staleCount) >= max(limit-1, 1) {
			continue
		}
		f.stale = true
		c.e.count(now, c.sock, subflowStale)
		c.send.requeueAll()
		c.push(now)
		return
	}
}

// active reports whether a subflow is usable and not stale; a stale one of which
// something was heard recovers.
func (c *connection) active(now sim.Time, f *subflow) bool {
	if f.stale && f.staleHeard != f.flow.tcp.LastReceived() {
		c.recoverStale(now, f)
	}
	return f.usable() && !f.stale
}

func (c *connection) recoverStale(now sim.Time, f *subflow) {
	if f.stale {
		f.stale = false
		c.e.count(now, c.sock, subflowRecover)
	}
}
