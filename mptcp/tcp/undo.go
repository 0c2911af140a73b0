package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Taking back a reduction that turns out to have been unnecessary: because every
// retransmission was a duplicate (RFC 3708, by DSACK), because the echoed
// timestamp belongs to the original (Eifel, RFC 3522), or because segments that
// were sent once are acknowledged after a timeout (F-RTO, RFC 5682).

// initUndo remembers where the episode began (Linux tcp_init_undo).
func (c *Conn) initUndo() {
	rc := &c.recovery
	rc.undoMarker = c.snd.una
	rc.undoRetrans = c.flight.nResent
	if c.tlpActive() && c.tlpResent {
		rc.undoRetrans++
	}
	if rc.undoRetrans == 0 {
		rc.undoRetrans = -1
	}
}

// mayUndo reports whether nothing speaks for a loss any more.
func (c *Conn) mayUndo(f *ackFacts) bool {
	rc := &c.recovery
	return rc.undoMarker >= 0 && (rc.undoRetrans == 0 || c.originalArrived(f))
}

// originalArrived reports whether the acknowledgement was caused by an original
// transmission (Linux tcp_packet_delayed): it echoes a time before the first
// retransmission, or there was none.
func (c *Conn) originalArrived(f *ackFacts) bool {
	rc := &c.recovery
	if rc.resentAt >= 0 {
		return f.hasTS && f.tsEcr != 0 && int32(f.tsEcr-c.tsClock(rc.resentAt)) < 0
	}
	return c.options&useSACK != 0 || c.snd.una < rc.highSeq
}

// undoReduction gives the window back.
func (c *Conn) undoReduction(now sim.Time, unmark bool) {
	fl := &c.flight
	rc := &c.recovery
	if unmark {
		for i := fl.head; i != fl.tail; i++ {
			if r := fl.at(i); r.flags&sentLost != 0 {
				fl.setFlags(r, r.flags&^sentLost)
			}
		}
		fl.rewind()
	}
	if rc.undoable {
		c.cc.Undo(now, c.flow)
		c.refreshWindow()
		c.ecn.withdrawCWR()
		c.stats.SpuriousUndos++
		c.emit(now, trace.Undo, trace.NoReason, c.cc.Window(c.flow), c.cc.Ssthresh(c.flow), 0, 0, 0)
	}
	c.reducing = false
	rc.undoMarker = -1
	c.rack.advanced = true // look at the segments again
}

// undoRecovery is called when high_seq is acknowledged. It reports that the
// state must be held: without SACK, until something above high_seq is
// acknowledged, so that late duplicates do not begin another recovery.
func (c *Conn) undoRecovery(now sim.Time, f *ackFacts) bool {
	if c.mayUndo(f) {
		c.undoReduction(now, false)
	} else if c.rack.persist > 0 {
		c.rack.persist--
	}
	if c.holdsForLateDuplicates() {
		return true
	}
	c.setCA(now, cc.Open, trace.NoReason)
	c.recovery.reneged = false
	return false
}

// holdsForLateDuplicates is Linux tcp_is_non_sack_preventing_reopen.
func (c *Conn) holdsForLateDuplicates() bool {
	if c.snd.una != c.recovery.highSeq || c.options&useSACK != 0 {
		return false
	}
	if !c.anyResent() {
		c.recovery.resentAt = -1
	}
	return true
}

// undoByDSACK undoes when all retransmissions were reported as duplicates.
func (c *Conn) undoByDSACK(now sim.Time) bool {
	rc := &c.recovery
	if rc.undoMarker < 0 || rc.undoRetrans != 0 {
		return false
	}
	c.rack.persist = min(rackPersist, c.rack.persist+1)
	c.undoReduction(now, false)
	return true
}

// undoPartial undoes on a partial acknowledgement that an original caused. It
// reports that nothing is to be retransmitted now.
func (c *Conn) undoPartial(now sim.Time, f *ackFacts) bool {
	rc := &c.recovery
	if rc.undoMarker < 0 || !c.originalArrived(f) {
		return false
	}
	c.noteReordering(f.una)
	if c.flight.nResent > 0 {
		return true
	}
	if !c.anyResent() {
		rc.resentAt = -1
	}
	c.undoReduction(now, true)
	c.keepOpen(now)
	return false
}

// undoLoss undoes a timeout. It reports that it did.
func (c *Conn) undoLoss(now sim.Time, f *ackFacts, byFRTO bool) bool {
	if !byFRTO && !c.mayUndo(f) {
		return false
	}
	c.undoReduction(now, true)
	c.retries.timeouts = 0
	if c.holdsForLateDuplicates() {
		return true
	}
	if byFRTO || c.options&useSACK != 0 {
		c.setCA(now, cc.Open, trace.NoReason)
		c.recovery.reneged = false
	}
	return true
}
