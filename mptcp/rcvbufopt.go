package mptcp

import (
	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// Opportunistic retransmission and penalisation (Raiciu et al., NSDI'12 section
// 4.2; out-of-tree Linux v0.9x, net/mptcp/mptcp_sched.c,
// mptcp_rcv_buf_optimization), beside any scheduler. When the scheduler grants
// nothing because the peer's window is closed, or because the send buffer is full
// of what is in flight, then for the fastest subflow that could send a segment:
//
//   - penalisation: the first other subflow that carries the oldest data has its window
//     halved if it is slower, at most once in a round trip of the fast one, and not while
//     it repairs a loss. Beside BLEST every such subflow has (mptcp_blest.c);
//   - opportunistic retransmission: the oldest segment is sent on it, too, if it
//     has not carried it, and every carrier is more than four times as slow or has
//     at most four segments of window.
//
// Departures: the kernel decides by its own choice of subflow, here it is the one
// with the smallest round-trip time. Which carrier is the first matters only if several
// carry the oldest data, which takes three subflows and a copy: it is the first in the
// order of lanes, in which subflows were opened.

// RcvBufOpt is a set of measures against a window that a slow subflow holds up.
type RcvBufOpt uint8

// The measures.
const (
	// OpportunisticRetransmit sends the oldest data on a fast subflow, too.
	OpportunisticRetransmit RcvBufOpt = 1 << iota
	// PenaliseSlow halves the window of the subflow that holds it.
	PenaliseSlow
	// RcvBufOptOff switches both off where the profile has them.
	RcvBufOptOff
)

// String names the measures.
func (o RcvBufOpt) String() string {
	switch o {
	case 0, RcvBufOptOff:
		return "no"
	case OpportunisticRetransmit:
		return "opportunistic retransmission"
	case PenaliseSlow:
		return "penalisation"
	}
	return "opportunistic retransmission, penalisation"
}

// optimiseRcvBuf takes the measures that are switched on, and reports whether
// anything was granted.
func (c *connection) optimiseRcvBuf(now sim.Time, candidates int) bool {
	q := &c.send
	if q.una == q.next {
		return false
	}
	head := q.inFlight()[0]
	if head.DSN > q.una {
		return false // what is missing was skipped by the scheduler
	}
	fast := c.fastest(head.Len)
	if fast == nil {
		return false
	}
	if c.rcvBufOpt&PenaliseSlow != 0 && (c.windowLimited(fast) || q.room(c.released()) <= 0) {
		c.penaliseCarriers(now, &head, fast)
	}
	if c.rcvBufOpt&OpportunisticRetransmit == 0 || head.Carried&bit(fast.lane) != 0 || !c.worthCopy(&head, fast) {
		return false
	}
	g := sched.Grant{
		Flow: fast.id, DSN: head.DSN, Len: min(head.Len, fast.flow.tcp.MSS()),
		Kind: sched.Opportunistic, Penalise: sched.NoFlow, Why: sched.WindowCopy,
	}
	if c.e.witness != nil {
		c.e.work.grants = append(c.e.work.grants[:0], g)
		c.witnessDecision(now, c.queue(), nil, false)
	}
	return c.carry(now, &g, candidates)
}

// windowLimited reports whether the peer's window keeps the next segment back.
func (c *connection) windowLimited(f *subflow) bool {
	n := min(c.send.unsent(), int64(f.flow.tcp.MSS()))
	return n > 0 && c.send.next+uint64(n) > c.peer.edge
}

// fastest returns the subflow with the smallest round-trip time that can send a
// segment of at most n bytes now; nil: none.
func (c *connection) fastest(n int) (best *subflow) {
	for _, f := range c.subs {
		if !f.usable() || f.failed || f.stale || f.isBackup() || f.flow.tcp.CAState() == cc.LossState {
			continue
		}
		t := &f.flow.tcp
		if t.Cwnd()-t.InFlight()-t.Unsent() < int64(min(n, t.MSS())) {
			continue
		}
		if best == nil || t.SRTT() < best.flow.tcp.SRTT() {
			best = f
		}
	}
	return best
}

// penaliseCarriers halves the window of the first other subflow that carries a range, or
// of all of them if the scheduler asks for it, where they are slower.
func (c *connection) penaliseCarriers(now sim.Time, r *sched.Range, fast *subflow) {
	rtt := fast.flow.tcp.SRTT()
	if fast.penalised > 0 && now.Sub(fast.penalised) < rtt {
		return
	}
	set := r.Carried &^ bit(fast.lane)
	for lane, ok := nextCarrier(&set); ok; lane, ok = nextCarrier(&set) {
		slow := c.lanes[lane]
		if slow == nil {
			continue
		}
		if slow.flow.tcp.SRTT() > rtt && slow.flow.tcp.CAState() == cc.Open {
			c.penalise(now, slow.id)
			c.stats.penalties++
			fast.penalised = now
		}
		if c.asks&sched.FactEveryCarrier == 0 {
			return
		}
	}
}

// worthCopy reports whether the carriers of a range are so slow that a copy on a
// fast subflow arrives first.
func (c *connection) worthCopy(r *sched.Range, fast *subflow) (worth bool) {
	set := r.Carried &^ bit(fast.lane)
	for lane, ok := nextCarrier(&set); ok; lane, ok = nextCarrier(&set) {
		slow := c.lanes[lane]
		if slow == nil {
			continue
		}
		t := &slow.flow.tcp
		decided := false
		if worth, decided = judgeCarrier(fast.flow.tcp.SRTT(), t.SRTT(), c.cc.Window(slow.id), int64(t.MSS())); decided {
			return worth
		}
	}
	return worth
}

// judgeCarrier is worthCopy for one carrier, by the round-trip times of the fast
// subflow and of the carrier, and the carrier's window in bytes. Decided says that
// further carriers change nothing.
func judgeCarrier(fast, slow sim.Duration, window, mss int64) (worth, decided bool) {
	switch {
	case window <= 4*mss:
		return true, true
	case 4*fast >= slow:
		return false, true
	}
	return true, false
}
