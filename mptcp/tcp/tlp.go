package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Tail loss probes (RFC 8985 section 7; Linux tcp_schedule_loss_probe,
// tcp_send_loss_probe, tcp_process_tlp_ack). If no acknowledgement comes for
// about two round trips, the last segment, or a new one, is sent, so that the
// answer lets RACK find what was lost.
//
//	PTO = 2 SRTT + 2 ms; + MinRTO instead of 2 ms if one segment is outstanding
//	      (it may be the receiver that delays); InitialRTO without measurement;
//	      not later than the retransmission timeout

// tlpActive reports whether a probe is outstanding.
func (c *Conn) tlpActive() bool { return c.tlpHigh > 0 }

func (c *Conn) stopTLP() { c.tlpHigh = 0 }

// scheduleTLP arms the probe timer if probes are allowed. advancing says that the
// retransmission timer is to start anew.
func (c *Conn) scheduleTLP(now sim.Time, advancing bool) bool {
	if c.options&useTLP == 0 || c.flight.empty() ||
		c.caState != cc.Open && c.caState != cc.CWR || c.state == StateSynReceived {
		return false
	}
	d := c.rtt.srtt8 >> 2
	switch {
	case c.rtt.srtt8 == 0:
		d = c.p.InitialRTO
	case c.flight.tail-c.flight.head == 1:
		d += c.p.MinRTO
	default:
		d += rackSlack
	}
	limit := c.rto
	if !advancing {
		limit = c.rtoRemaining(now)
	}
	if limit > 0 {
		d = min(d, limit)
	}
	if c.rtoCap > 0 {
		d = min(d, c.rtoCap)
	}
	c.arm(now, timerTLP, d)
	return true
}

// probeTimeout is the expiry of the probe timer.
func (c *Conn) probeTimeout(now sim.Time) {
	if c.flight.empty() {
		return
	}
	if c.tlpActive() { // one probe at a time
		c.rtx.kind = timerTLP
		c.rearmRTO(now)
		return
	}
	c.out |= outTail
	c.emit(now, trace.TailLossProbe, trace.NoReason, c.snd.una, int64(2*c.rtt.srtt()), c.pipe(), 0, 0)
	// Poll sends the probe; the retransmission timer starts now.
	c.arm(now, timerRTO, c.rto)
}

// ackOfTLP processes an acknowledgement while a probe is outstanding.
func (c *Conn) ackOfTLP(now sim.Time, f *ackFacts) {
	switch {
	case c.snd.una < c.tlpHigh:
	case !c.tlpResent, f.flags&ackDSACKTLP != 0:
		// New data arrived, or original and probe both did: no loss.
		c.stopTLP()
	case c.snd.una > c.tlpHigh:
		// Only the probe repaired the loss: react to it.
		c.stats.TailRepairs++
		c.startReduction(c.pipe())
		c.cc.Reduce(now, c.flow, cc.TailRepair)
		c.reducing = false
		c.recovery.undoMarker = -1
		c.caState = cc.CWR
		c.keepOpen(now)
		c.windowChanged(now, trace.ProbeRepaired)
	case f.flags&(ackAdvanced|ackHasData|ackWindow|ackAcked|ackNotDup|ackSacked) == 0:
		c.stopTLP() // a pure duplicate: both arrived
	}
}
