package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The retransmission timeout and what follows it (RFC 6298 section 5, RFC 5681
// section 3.1, F-RTO of RFC 5682), and the probes of a closed window (RFC 9293
// section 3.8.6.1) and of an idle connection (RFC 1122 section 4.2.3.6).

// retryState counts what goes unanswered.
type retryState struct {
	timeouts int32        // retransmission timeouts since SND.UNA last moved
	probes   int32        // window probes or keepalives since the last ACK
	soft     trace.Reason // of an ICMP error since the last ACK
	probeAt  sim.Time
}

// retransmissionTimeout is the expiry of the retransmission timer.
func (c *Conn) retransmissionTimeout(now sim.Time) {
	if c.state == StateSynSent || c.state == StateSynReceived {
		c.retransmitSYN(now)
		return
	}
	fl := &c.flight
	if fl.empty() {
		return
	}
	if c.vanished(now) || (c.snd.wnd > 0 || c.orphaned()) && c.givenUp(now) {
		c.die(now, c.timedOut())
		return
	}
	c.suspectBlackHole(now)
	c.stats.Timeouts++
	c.emit(now, trace.RTO, trace.Timeout, c.snd.una, int64(c.rto), int64(c.backoff), c.pipe(), 0)
	c.enterLoss(now)
	c.retries.timeouts++
	c.retrying = true
	c.out = c.out&^outTail | outHead
	if c.backoff < 255 {
		c.backoff++
	}
	c.rto = min(2*c.rto, c.p.MaxRTO)
	c.arm(now, timerRTO, c.clampToUserTimeout(now, c.rto))
	c.event(now, TimedOutOnce, trace.Timeout)
}

// vanished reports whether a peer whose window is closed has fallen silent, which
// R2 does not judge because such a peer need not take data: nothing was heard of
// it for twice the largest RTO, or for the user timeout if that is shorter (Linux
// tcp_rtx_probe0_timed_out).
func (c *Conn) vanished(now sim.Time) bool {
	if c.snd.wnd > 0 || c.retries.timeouts == 0 {
		return false
	}
	limit := 2 * c.p.MaxRTO
	if c.userTimeout > 0 {
		limit = min(limit, c.userTimeout)
	}
	return now.Sub(c.rcv.last) > limit
}

// givenUp reports whether R2 or the user timeout has passed since the first
// retransmission (Linux retransmits_timed_out).
func (c *Conn) givenUp(now sim.Time) bool {
	if c.retries.timeouts == 0 || c.recovery.resentAt < 0 {
		return false
	}
	limit := c.p.DataTimeout()
	switch {
	case c.userTimeout > 0:
		limit = c.userTimeout
	case c.orphaned():
		limit = c.p.retryTime(c.orphanRetries(c.rto))
	}
	return now.Sub(c.recovery.resentAt) >= limit
}

// orphaned reports whether the bound of connections without an owner holds.
func (c *Conn) orphaned() bool { return c.closing.orphan && c.p.OrphanRetries > 0 }

// orphanRetries is how often a peer may leave such a connection without an answer,
// given the interval: not at all once that has reached its maximum (Linux
// tcp_orphan_retries).
func (c *Conn) orphanRetries(interval sim.Duration) int {
	if interval >= c.p.MaxRTO {
		return 0
	}
	return c.p.OrphanRetries
}

// clampToUserTimeout lets the timer expire in time to give up (Linux
// tcp_clamp_rto_to_user_timeout). Behind a closed window the peer's silence
// counts, not the age of the data, so that nothing is hurried.
func (c *Conn) clampToUserTimeout(now sim.Time, d sim.Duration) sim.Duration {
	if c.userTimeout == 0 || c.recovery.resentAt < 0 || c.snd.wnd == 0 {
		return d
	}
	left := c.userTimeout - now.Sub(c.recovery.resentAt)
	return max(min(d, left), 1)
}

// enterLoss presumes what is outstanding lost and collapses the window (Linux
// tcp_enter_loss).
func (c *Conn) enterLoss(now sim.Time) {
	fl := &c.flight
	rc := &c.recovery
	pipe, lost := c.pipe(), rc.lost
	c.markLostTimeout(now)
	if c.caState <= cc.Disorder || rc.highSeq <= c.snd.una ||
		c.caState == cc.LossState && c.retries.timeouts == 0 {
		rc.undoable = true
		c.initUndo()
	}
	if c.caState <= cc.Disorder && fl.nSacked >= 3 {
		rc.reordering = min(rc.reordering, 3)
	}
	c.reducing = false
	rc.highSeq = c.snd.nxt
	c.stopTLP()
	c.ecn.queueCWR(c)
	c.cc.OnTimeout(now, c.flow, cc.Loss{
		InFlight: pipe, Bytes: rc.lost - lost, Una: uint64(c.snd.una), Nxt: uint64(c.snd.nxt),
	})
	c.windowChanged(now, trace.Timeout)
	c.setCA(now, cc.LossState, trace.Timeout)
	c.rexmit = rexmitNone
	rc.frto = c.p.FRTO
}

// markLostTimeout marks everything lost that is not acknowledged; with RACK, not
// what was sent within the last round trip. If the first segment had been
// acknowledged selectively, the peer has reneged and no block is believed any
// more.
func (c *Conn) markLostTimeout(now sim.Time) {
	fl := &c.flight
	if c.options&useSACK == 0 {
		c.resetDupAcks()
	}
	reneged := fl.at(fl.head).flags&sentSacked != 0
	if reneged {
		c.recovery.reneged = true
		c.recovery.board.nCache = 0
	}
	for i := fl.head; i != fl.tail; i++ {
		r := fl.at(i)
		if reneged {
			if r.flags&sentSacked != 0 {
				fl.setFlags(r, r.flags&^sentSacked)
			}
		} else if i != fl.head && c.p.RACK && c.rack.valid && c.rack.rtt-now.Sub(r.at) > 0 {
			continue
		}
		c.markLost(i, r)
	}
	fl.rewind()
}

// inLoss processes an acknowledgement after a timeout (Linux tcp_process_loss).
func (c *Conn) inLoss(now sim.Time, f *ackFacts) {
	rc := &c.recovery
	recovered := c.snd.una >= rc.highSeq
	advanced := f.flags&ackAdvanced != 0
	c.rexmit = rexmitLost
	if advanced && c.undoLoss(now, f, false) {
		return
	}
	if rc.frto {
		// RFC 5682 section 3.1, step 3.b: what was sent once before the timeout
		// arrives, so not all was lost.
		if f.flags&ackOrigAcked != 0 && c.undoLoss(now, f, true) {
			return
		}
		if c.snd.nxt > rc.highSeq {
			if f.flags&ackSacked != 0 || f.dupAcks > 0 {
				rc.frto = false // step 3.a: the loss was real
			}
		} else if advanced && !recovered {
			rc.highSeq = c.snd.nxt
			// Step 2.b: new data decides, if there is any.
			if c.snd.end > c.snd.nxt && c.snd.una+c.snd.wnd > c.snd.nxt {
				c.rexmit = rexmitNew
				return
			}
			rc.frto = false
		}
	}
	if recovered {
		c.undoRecovery(now, f)
		return
	}
	if c.options&useSACK == 0 {
		if c.snd.nxt > rc.highSeq && f.dupAcks > 0 {
			c.addDupAck(f)
		} else if advanced {
			c.resetDupAcks()
		}
	}
}

// probeInterval is the time to the next window probe: the RTO doubled for each
// one sent (Linux tcp_probe0_when).
func (c *Conn) probeInterval() sim.Duration {
	d := max(c.rto, c.p.baseRTO())
	for range c.backoff {
		if d >= c.p.MaxRTO {
			break
		}
		d *= 2
	}
	return min(d, c.p.MaxRTO)
}

// ackOfProbe restarts or stops the probe timer after an ACK while nothing is
// outstanding (Linux tcp_ack_probe).
func (c *Conn) ackOfProbe(now sim.Time) {
	if c.waiting() <= 0 || !sending.has(c.state) {
		if c.rtx.kind == timerProbe {
			c.rtx.stop()
		}
		return
	}
	if c.windowFits() {
		c.backoff = 0
		if c.rtx.kind == timerProbe {
			c.rtx.stop()
		}
		return
	}
	c.arm(now, timerProbe, c.probeInterval())
}

// waiting is the sequence space that was not sent yet, the FIN included.
func (c *Conn) waiting() int64 {
	left := c.snd.end - c.snd.nxt
	if c.closing.queued && left >= 0 {
		left++
	}
	return left
}

// windowFits reports whether the next segment fits into the peer's window.
func (c *Conn) windowFits() bool {
	n := min(c.waiting(), int64(c.snd.mss))
	return c.snd.nxt+n <= c.snd.una+c.snd.wnd
}

// windowProbeTimeout sends a window probe. The peer may keep its window closed
// for ever as long as it answers (RFC 1122 section 4.2.2.17), but for an orphan (Linux
// tcp_probe_timer).
func (c *Conn) windowProbeTimeout(now sim.Time) {
	if !c.flight.empty() || c.waiting() <= 0 {
		c.retries.probes = 0
		c.backoff = 0
		return
	}
	if c.cork && c.windowFits() {
		c.out |= outProbe // what is corked leaves
		return
	}
	if c.retries.probes == 0 {
		c.retries.probeAt = now
	}
	limit := c.p.Retries2
	if c.orphaned() {
		limit = c.orphanRetries(c.probeInterval())
	}
	if int(c.retries.probes) >= limit ||
		c.userTimeout > 0 && c.retries.probes > 0 && now.Sub(c.retries.probeAt) >= c.userTimeout {
		c.die(now, c.timedOut())
		return
	}
	c.out |= outProbe
	c.stats.WindowProbes++
	c.retries.probes++
	c.retrying = true
	if int(c.backoff) < c.p.Retries2 {
		c.backoff++
	}
	c.arm(now, timerProbe, c.probeInterval())
}

// keepaliveRestart starts the time of silence after which the peer is probed.
func (c *Conn) keepaliveRestart(now sim.Time) {
	if c.keepalive {
		c.armSlow(now, timerKeepalive, c.p.KeepaliveTime)
	}
}

// keepaliveTimeout probes an idle connection, or gives it up.
func (c *Conn) keepaliveTimeout(now sim.Time) {
	if !c.flight.empty() || c.snd.end > c.snd.nxt {
		c.keepaliveRestart(now) // other timers watch it
		return
	}
	if idle := now.Sub(c.rcv.last); idle < c.p.KeepaliveTime {
		c.armSlow(now, timerKeepalive, c.p.KeepaliveTime-idle)
		return
	}
	if int(c.retries.probes) >= c.p.KeepaliveProbes {
		c.reason = trace.TimedOut
		c.abort(now)
		return
	}
	c.retries.probes++
	c.retrying = true
	c.stats.Keepalives++
	c.out |= outProbe
	c.armSlow(now, timerKeepalive, c.p.KeepaliveInterval)
}

// Probe sends a keepalive at the next Poll, whatever the timer of keepalives
// says: an ACK with a sequence number that the peer has acknowledged, which it
// will answer (RFC 1122 section 4.2.3.6).
func (c *Conn) Probe() {
	if c.state >= StateEstablished && c.state != StateTimeWait {
		c.out |= outProbe
	}
}
