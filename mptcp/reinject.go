package mptcp

import (
	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Data in flight is sent again on another subflow (RFC 8684 section 3.3.6) when
// its own subflow times out, as far as the profile's policy says, and when it
// ends. The subflow goes on retransmitting its own bytes: its stream must stay
// whole.

// reinjectAfterTimeout reports whether a timeout of f lets its data be sent
// again: there is somebody else to send it, and the policy allows.
func (c *connection) reinjectAfterTimeout(f *subflow) bool {
	switch {
	case !c.p.can(Reinjection), c.p.Reinject == ReinjectNone:
		return false
	case c.p.Reinject == ReinjectConservative:
		if f.flow.tcp.Backoff() < c.p.ReinjectAfter {
			return false
		}
	}
	f.givenUp = f.failed
	return true
}

// timeoutsExceeded resets a subflow that has timed out as often in a row as the
// profile lets it, if another one can carry data.
func (c *connection) timeoutsExceeded(now sim.Time, f *subflow) {
	if c.p.SubflowTimeouts == 0 || f.dead || f.flow.tcp.Backoff() < c.p.SubflowTimeouts {
		return
	}
	for _, g := range c.subs {
		if g != f && g.usable() && !g.failed {
			f.reset(now, rstPerformance, trace.TimedOut)
			return
		}
	}
}

// requeueLost puts everything on the list of what is to be sent again that only
// subflows carry which have ended or, by the policy, failed. Without a subflow
// in health the list would serve nobody, so it waits until there is one.
func (c *connection) requeueLost() {
	if !c.p.can(Reinjection) {
		return
	}
	healthy := uint64(0)
	able := false
	for _, f := range c.subs {
		if f.dead || f.givenUp && f.failed {
			continue
		}
		healthy |= bit(f.lane)
		able = able || f.usable()
	}
	if able {
		c.send.requeue(healthy)
	}
}

// fastRecovery sends the first unacknowledged mapping of a subflow again when
// its TCP has just entered fast recovery, under ReinjectAggressive.
func (c *connection) fastRecovery(f *subflow) {
	in := f.flow.tcp.CAState() == cc.Recovery
	entered := in && !f.inRecovery
	f.inRecovery = in
	if !entered || f.tx.len() == 0 {
		return
	}
	m := f.tx.at(0)
	for _, g := range c.subs {
		if g == f || !g.usable() || g.failed {
			continue
		}
		if i := c.send.find(m.dsn); i < len(c.send.flight) && c.send.flight[i].DSN < m.dsn+uint64(m.len) {
			c.send.repeat(c.send.flight[i])
			c.work = true
		}
		return
	}
}

// retransTimer is the connection-level retransmission timer (RFC 8684 section
// 3.3.6): a net for data that subflows have delivered but the peer has not
// acknowledged. Its interval is that of out-of-tree Linux, twice the largest RTO
// of the subflows in health, doubling while nothing moves; that of upstream Linux
// is in retrans.go.
type retransTimer struct {
	alone   aloneRange
	backoff uint
	moved   sim.Time // last progress
	// Of RetransUpstream: what the next restart adds, and the deadline, which at may
	// precede.
	interval sim.Duration
	due      sim.Time
	at       sim.Time
}

func (t *retransTimer) stop() { *t = retransTimer{at: sim.Never} }

// retransProgress notes that the peer has acknowledged data. A deadline without backoff is
// moved only when it comes up; one that was backed off is brought forward, and what follows
// a range that came through on its own is due at once.
func (c *connection) retransProgress(now sim.Time) {
	t := &c.retrans
	t.moved = now
	if t.backoff == 0 && t.alone.n == 0 {
		return
	}
	t.backoff = 0
	due := now
	if !t.alone.arrived(c.send.una) {
		due = now.Add(c.retransInterval())
	}
	if due < t.at {
		t.at, c.rearm = due, true
	}
}

// armRetrans starts the timer if data is outstanding.
func (c *connection) armRetrans(now sim.Time) {
	if c.retrans.at == sim.Never && c.send.una != c.send.next {
		if c.p.Retrans == RetransUpstream {
			c.restartUpstream(now)
			return
		}
		c.retrans.moved = now
		c.retrans.at, c.rearm = now.Add(c.retransInterval()), true
	}
}

// retransInterval is the interval of the timer, backoff included.
func (c *connection) retransInterval() sim.Duration {
	rto := sim.Duration(0)
	for _, f := range c.subs {
		if f.usable() && !f.failed {
			rto = max(rto, f.flow.tcp.RTO())
		}
	}
	if rto == 0 {
		rto = c.p.TCP.InitialRTO
	}
	return min(2*rto<<min(c.retrans.backoff, 10), c.p.TCP.MaxRTO)
}

// retransTimeout acts if no subflow is going to deliver the first outstanding
// range: all that carried it have acknowledged it, but the peer has not (RFC 8684
// section 3.3.6). Then it is sent again, with everything else that only the same
// subflows carried and delivered in vain. (Out-of-tree Linux sends one segment at
// each expiry; ranges that others carried may well wait behind the gap.) If that was
// twice in vain, although DATA_ACKs do come, a range goes on its own (alone.go). Where no
// DATA_ACK came, many segments ask for many.
func (c *connection) retransTimeout(now sim.Time) {
	t := &c.retrans
	t.at = sim.Never
	if c.over || c.fallback.on || c.send.una == c.send.next {
		return
	}
	if c.p.Retrans == RetransUpstream {
		c.retransUpstream(now)
		return
	}
	arrived := t.alone.arrived(c.send.una)
	if due := t.moved.Add(c.retransInterval()); due > now && !arrived {
		t.at = due
		return
	}
	flight := c.send.inFlight()
	switch {
	case !c.p.can(Reinjection) || c.inHand(&flight[0]):
		t.alone.n = 0
	case t.alone.n > 0 && !arrived && c.giveWayToFailed(now):
	case (arrived || t.backoff%3 == 2 && c.heard) && c.repeatAlone(now, arrived):
	default:
		c.repeatInVain(flight)
	}
	t.backoff++
	c.heard = false
	t.moved = now
	t.at = now.Add(c.retransInterval())
}

// repeatInVain has everything sent again that the same subflows carried as the first
// range in flight and have delivered.
func (c *connection) repeatInVain(flight []sched.Carried) {
	c.retrans.alone.n = 0
	for i := range flight {
		if flight[i].Carried == flight[0].Carried && !c.inHand(&flight[i]) {
			c.send.repeat(flight[i])
		}
	}
	c.stats.retransmits++
	c.work = true
}

// inHand reports whether a subflow has not yet delivered a range, so that its TCP
// will see to it.
func (c *connection) inHand(r *sched.Range) bool {
	for _, f := range c.subs {
		if !f.dead && f.tx.holds(r.DSN, r.Len, f.flow.tcp.SndUna()) > 0 {
			return true
		}
	}
	return false
}

// probeTimer probes a closed window of the connection: the peer may have opened
// it in a segment that was lost, and nothing is in flight that would bring
// another. As in Linux a byte goes into a subflow that the peer has already; it
// waits there for TCP's window, which TCP probes.
type probeTimer struct {
	at       sim.Time
	interval sim.Duration
}

func (t *probeTimer) stop() { *t = probeTimer{at: sim.Never} }

// armProbe starts the timer if data waits for the window and nothing is
// outstanding.
func (c *connection) armProbe(now sim.Time) {
	if c.send.una != c.send.next || c.send.next == c.send.end || c.peer.edge > c.send.next ||
		c.probe.at != sim.Never {
		return
	}
	c.touched = true
	if c.probe.interval == 0 {
		c.probe.interval = c.p.WindowProbe
	}
	c.probe.at = now.Add(c.probe.interval)
}

// probeTimeout puts a probe into the subflow in best health.
func (c *connection) probeTimeout(now sim.Time) {
	c.probe.at = sim.Never
	if c.over || c.fallback.on || c.send.una != c.send.next || c.peer.edge > c.send.next || c.send.next == c.send.end {
		return
	}
	c.probe.interval = min(2*c.probe.interval, c.p.TCP.MaxRTO)
	c.probe.at = now.Add(c.probe.interval)
	best := c.idleSubflow()
	if best == nil {
		return // a probe is on its way
	}
	c.e.count(now, c.sock, winProbe)
	if c.send.una > 1 {
		c.load(now, best, c.send.una-1, 1)
		return
	}
	// Nothing was ever acknowledged: the first new byte is the probe.
	c.send.grant(best.lane, 1)
	c.load(now, best, c.send.next-1, 1)
}
