package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The states of loss recovery and the way between them (Linux
// tcp_fastretrans_alert), with RFC 6582 where SACK is not in use.
//
//	Open      nothing unusual
//	Disorder  something arrived out of order; nothing is presumed lost
//	CWR       the window is being reduced without a loss (ECN)
//	Recovery  fast retransmit: losses were found by acknowledgements
//	Loss      the retransmission timer expired
//
// CWR and Recovery end when high_seq, which was SND.NXT at their beginning, is
// acknowledged.

// recovery is the state that the states share.
type recovery struct {
	highSeq int64
	lost    int64 // bytes found lost so far
	// undoMarker is SND.UNA when the window was reduced; -1: there is nothing to
	// undo. undoRetrans counts retransmissions that were not reported as
	// duplicates; -1: none was made yet.
	undoMarker  int64
	undoRetrans int32
	// reordering is the duplicate ACK threshold in segments.
	reordering int32
	// resentAt is the time of the first retransmission of the episode; -1: none.
	resentAt sim.Time
	// undoable says that the reduction can be taken back (Linux prior_ssthresh).
	undoable    bool
	reorderSeen bool
	frto        bool // F-RTO is undecided
	reneged     bool
	rescued     bool // RFC 6675: the rescue retransmission was made
	board       scoreboard
}

func (r *recovery) init() {
	r.undoMarker, r.resentAt = -1, -1
	r.reordering = 3
}

// rexmitMode is what Poll may send again (Linux's REXMIT_*).
type rexmitMode uint8

const (
	rexmitNone rexmitMode = iota
	rexmitLost            // what is marked lost
	rexmitNew             // F-RTO: new data first, if there is any
)

// loseOrRecover processes an acknowledgement that is not plain progress.
func (c *Conn) loseOrRecover(now sim.Time, f *ackFacts) {
	rc := &c.recovery
	c.rexmit = rexmitNone
	if f.flags&ackECE != 0 {
		rc.undoable = false
	}
	if c.checkReneging(now, f) {
		return
	}
	if c.caState == cc.Open {
		rc.resentAt = -1
	} else if c.snd.una >= rc.highSeq && c.leaveAtHighSeq(now, f) {
		return
	}
	switch c.caState {
	case cc.Recovery:
		if !c.inRecovery(now, f) {
			return
		}
	case cc.LossState:
		c.inLoss(now, f)
		c.findLosses(now, f)
		if c.caState != cc.Open && f.flags&ackLostRetrans == 0 {
			return
		}
		if !c.outsideRecovery(now, f) {
			return
		}
	default:
		if !c.outsideRecovery(now, f) {
			return
		}
	}
	c.rexmit = rexmitLost
}

// leaveAtHighSeq ends CWR and Recovery when what was outstanding at their
// beginning is acknowledged. It reports that nothing else is to be done.
func (c *Conn) leaveAtHighSeq(now sim.Time, f *ackFacts) bool {
	rc := &c.recovery
	switch c.caState {
	case cc.CWR:
		// Held until something above high_seq is acknowledged, so that CWR has
		// reached the receiver.
		if c.snd.una != rc.highSeq {
			c.endReduction()
			c.setCA(now, cc.Open, trace.NoReason)
		}
	case cc.Recovery:
		if c.options&useSACK == 0 {
			c.resetDupAcks()
		}
		if c.undoRecovery(now, f) {
			return true
		}
		c.endReduction()
	}
	return false
}

// inRecovery continues fast recovery. It reports whether retransmission goes on.
func (c *Conn) inRecovery(now sim.Time, f *ackFacts) bool {
	if f.flags&ackAdvanced == 0 {
		if c.options&useSACK == 0 {
			c.addDupAck(f)
		}
	} else if c.undoPartial(now, f) {
		return false
	}
	if c.undoByDSACK(now) {
		c.tryOpen(now, f)
	}
	c.findLosses(now, f)
	if c.caState != cc.Recovery {
		if c.flight.nLost == 0 {
			return false
		}
		c.enterRecovery(now, f.flags&ackECE != 0, f.pipe, c.recovery.lost-f.lost)
	}
	return true
}

// outsideRecovery is for Open, Disorder, CWR, and for Loss if it has just ended
// or a retransmission was lost. It reports whether recovery began.
func (c *Conn) outsideRecovery(now sim.Time, f *ackFacts) bool {
	if c.options&useSACK == 0 {
		if f.flags&ackAdvanced != 0 {
			c.resetDupAcks()
		}
		c.addDupAck(f)
	}
	if c.caState <= cc.Disorder {
		c.undoByDSACK(now)
	}
	c.findLosses(now, f)
	if c.flight.nLost == 0 {
		c.tryOpen(now, f)
		return false
	}
	if c.mtu.size != 0 && c.probeLost(now) {
		return true
	}
	c.enterRecovery(now, f.flags&ackECE != 0, f.pipe, c.recovery.lost-f.lost)
	return true
}

// findLosses marks segments as lost by the method in use (Linux
// tcp_identify_packet_loss).
func (c *Conn) findLosses(now sim.Time, f *ackFacts) {
	fl := &c.flight
	if fl.empty() {
		return
	}
	switch {
	case c.options&useSACK == 0:
		c.markLostNewReno(f.flags&ackAdvanced != 0)
	case c.p.RACK:
		before := fl.nResent
		if c.rackMarkLost(now) {
			f.flags &^= ackSetTimer
		}
		if before > fl.nResent {
			f.flags |= ackLostRetrans
		}
	default:
		c.markLostRFC6675()
	}
}

// markLostNewReno presumes the first segment lost after enough duplicate ACKs,
// and after each partial acknowledgement in recovery (RFC 6582).
func (c *Conn) markLostNewReno(advanced bool) {
	fl := &c.flight
	if c.caState < cc.Recovery && fl.nSacked >= c.recovery.reordering ||
		c.caState == cc.Recovery && advanced {
		if r := fl.at(fl.head); r.flags&sentLost == 0 {
			c.markLost(fl.head, r)
		}
	}
}

// markLost presumes a record lost; if it was sent again, that is lost, too.
func (c *Conn) markLost(i uint32, r *sent) {
	if r.flags&sentSacked != 0 || r.flags&(sentLost|sentResent) == sentLost {
		return
	}
	fl := &c.flight
	if r.flags&sentResent != 0 {
		c.stats.LostRetransmissions++
	}
	fl.setFlags(r, r.flags&^sentResent|sentLost)
	c.recovery.lost += int64(r.len)
	fl.waits(i)
}

// enterRecovery begins fast recovery (Linux tcp_enter_recovery). The window is
// reduced unless that is under way already.
func (c *Conn) enterRecovery(now sim.Time, ece bool, pipe, lost int64) {
	rc := &c.recovery
	rc.undoable = false
	c.initUndo()
	reducing := c.caState == cc.CWR || c.caState == cc.Recovery
	if !reducing {
		rc.undoable = !ece
		c.startReduction(pipe)
		c.cc.OnLoss(now, c.flow, cc.Loss{
			InFlight: pipe, Bytes: lost, Una: uint64(c.snd.una), Nxt: uint64(c.snd.nxt),
		})
		c.prr.ssthresh = c.cc.Ssthresh(c.flow)
		c.windowChanged(now, trace.LossRecovery)
	}
	rc.rescued = false
	c.stats.FastRecoveries++
	c.setCA(now, cc.Recovery, trace.LossRecovery)
}

// startReduction begins an episode in which the window is reduced (Linux
// tcp_init_cwnd_reduction); the caller tells the controller why, and then takes
// over its threshold.
func (c *Conn) startReduction(pipe int64) {
	c.recovery.highSeq = c.snd.nxt
	c.stopTLP()
	if !c.ownRates {
		c.prr.start(c, pipe)
	}
	c.ecn.queueCWR(c)
}

// endReduction ends it: the window is the controller's again.
func (c *Conn) endReduction() { c.reducing = false }

// tryOpen returns to Open, or to Disorder while something is out of order (Linux
// tcp_try_to_open).
func (c *Conn) tryOpen(now sim.Time, f *ackFacts) {
	if !c.anyResent() {
		c.recovery.resentAt = -1
	}
	if f.flags&ackECE != 0 {
		c.enterCWR(now, f)
	}
	if c.caState != cc.CWR {
		c.keepOpen(now)
	}
}

// keepOpen chooses between Open and Disorder.
func (c *Conn) keepOpen(now sim.Time) {
	state := cc.Open
	if c.flight.nSacked != 0 || c.flight.nLost != 0 || c.anyResent() {
		state = cc.Disorder
	}
	if state != c.caState {
		c.setCA(now, state, trace.NoReason)
		c.recovery.highSeq = c.snd.nxt
	}
}

// anyResent reports whether a retransmission may be in flight.
func (c *Conn) anyResent() bool {
	fl := &c.flight
	return fl.nResent != 0 || !fl.empty() && fl.at(fl.head).flags&sentEver != 0
}

// setCA enters a state of loss recovery.
func (c *Conn) setCA(now sim.Time, s cc.State, why trace.Reason) {
	old := c.caState
	c.caState = s
	if s == cc.Open {
		c.rexmit = rexmitNone
		c.flight.resentQ.clear()
	}
	if was, is := old >= cc.Recovery, s >= cc.Recovery; was != is {
		in := int64(0)
		if is {
			in = 1
		}
		c.emit(now, trace.Recovery, why, in, c.recovery.highSeq,
			c.cc.Window(c.flow), c.cc.Ssthresh(c.flow), 0)
	}
}

// windowChanged records a change of the controller's window.
func (c *Conn) windowChanged(now sim.Time, why trace.Reason) {
	c.refreshWindow()
	if c.trace != nil {
		c.emit(now, trace.Window, why, c.cc.Window(c.flow), c.cc.Ssthresh(c.flow), c.pipe(), 0, 0)
	}
}

// checkReneging notices that the peer dropped what it had acknowledged
// selectively: the segment behind the cumulative acknowledgement is among it.
// Soon a timeout will forget all its blocks (Linux tcp_check_sack_reneging).
func (c *Conn) checkReneging(now sim.Time, f *ackFacts) bool {
	if f.flags&(ackReneging|ackAdvanced) != ackReneging|ackAdvanced {
		return false
	}
	c.stats.SACKReneges++
	c.arm(now, timerRTO, max(c.rtt.srtt()/2, 10*sim.Millisecond))
	f.flags &^= ackSetTimer
	return true
}
