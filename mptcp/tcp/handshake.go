package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The three-way handshake (RFC 9293 sections 3.5 and 3.10.7), simultaneous open
// included, and the options that only SYNs carry.

// synState is what the handshake needs.
type synState struct {
	sentAt    sim.Time // of the last SYN or SYN/ACK
	firstAt   sim.Time
	rtx       int  // retransmissions
	passive   bool // opened by Accept
	repeated  bool // a SYN/ACK was sent again because the SYN came again
	stateless bool // the SYN/ACK was a SYN cookie
	// peer is what the SYN offered; a SYN/ACK answers only that.
	peer negotiated
	seq  wire.Seq // of the peer's SYN
}

// Connect opens the connection actively: CLOSED to SYN-SENT.
func (c *Conn) Connect(now sim.Time) {
	if c.state != StateClosed || c.forgotten {
		sim.Bugf("Connect in state %v", c.state)
	}
	c.setState(now, StateSynSent)
	c.startSYN(now)
}

// Accept opens the connection passively with a SYN that an endpoint in LISTEN
// received and accepts: SYN-RECEIVED.
func (c *Conn) Accept(now sim.Time, syn *Segment) {
	if c.state != StateClosed || c.forgotten {
		sim.Bugf("Accept in state %v", c.state)
	}
	c.syn.passive = true
	c.count.segmentsReceived++
	c.rcv.last = now
	c.readSYN(now, syn)
	if c.ext != nil && c.ext.ReadOptions(now, syn)&Discard != 0 {
		return
	}
	c.setState(now, StateSynReceived)
	c.startSYN(now)
}

// startSYN sends SYN or SYN/ACK for the first time.
func (c *Conn) startSYN(now sim.Time) {
	c.out |= outSYN
	c.syn.firstAt = now
	c.arm(now, timerRTO, c.rto)
}

// readSYN takes over what the peer's SYN says.
func (c *Conn) readSYN(now sim.Time, s *Segment) {
	c.irs, c.syn.seq = s.Seq, s.Seq
	var peer negotiated
	mss := 536 // RFC 9293 section 3.7.1
	if o := s.Opt; o != nil {
		if o.Has(wire.OptMSS) {
			mss = int(o.MSS)
		}
		if o.Has(wire.OptWScale) && c.p.WindowScaling {
			peer |= useScale
			c.snd.scale = min(o.WScale, 14)
			c.rcv.scale = Scale(c.rcv.buffer)
		}
		if o.Has(wire.OptSACKPermitted) && c.p.SACK {
			peer |= useSACK
		}
	}
	if s.Segment.Opt.Has(wire.HasTS) && c.p.Timestamps {
		peer |= useTS
		c.tsRecent = s.TSVal
	}
	c.syn.peer = peer
	if c.p.TLP && c.p.RACK && peer&useSACK != 0 {
		peer |= useTLP
	}
	c.options = peer | c.options&useECN
	c.outgo.peerMSS = min(max(mss, minMSS), c.mssOurs)
	// The window of a SYN is not scaled.
	c.setWindow(int64(s.Window), -1)
	c.negotiateECN(s)
	c.updateMSS()
}

// handleSynSent is RFC 9293 section 3.10.7.3.
func (c *Conn) handleSynSent(now sim.Time, s *Segment) {
	ackOK := false
	acked := int64(0)
	if s.Flags.Has(wire.ACK) {
		// Of the payload that our SYN carried any part may be acknowledged.
		if acked = int64(s.Ack.Diff(c.iss + 1)); acked < 0 || acked > c.fast.data {
			if !s.Flags.Has(wire.RST) {
				c.requestReset(s.Ack)
			}
			c.stats.BadAcks++
			return
		}
		ackOK = c.synEchoOK(now, s)
		if !ackOK && !s.Flags.Has(wire.RST) {
			c.requestReset(s.Ack)
			return
		}
	}
	if s.Flags.Has(wire.RST) {
		if ackOK && !c.discarded(now, s) {
			c.die(now, trace.Refused)
		}
		return
	}
	if !s.Flags.Has(wire.SYN) {
		return
	}
	c.readSYN(now, s)
	if c.synAcked(s, acked); acked > 0 {
		c.allAcked(now)
	}
	if c.discarded(now, s) {
		return
	}
	if ackOK {
		c.out &^= outSYN
		if c.ext != nil || c.fast.data <= acked {
			c.out |= outFirstACK // else the rest of the payload is (Linux)
		}
		c.handshakeRTT(now, s)
		c.establish(now)
		c.afterSYN(now, s)
		return
	}
	// Simultaneous open: our SYN becomes a SYN/ACK.
	c.setState(now, StateSynReceived)
	c.out |= outSYN
	c.afterSYN(now, s)
}

// synEchoOK checks the timestamp that a SYN/ACK echoes against those that our
// SYNs carried (Linux tcp_rcv_synsent_state_process).
func (c *Conn) synEchoOK(now sim.Time, s *Segment) bool {
	if !s.Segment.Opt.Has(wire.HasTS) || s.TSEcr == 0 || !c.p.Timestamps {
		return true
	}
	first := c.tsClock(c.syn.firstAt)
	return s.TSEcr-first <= c.tsClock(now)-first
}

// discarded shows the segment to the extension and reports whether it wants it
// dropped, or ended the connection.
func (c *Conn) discarded(now sim.Time, s *Segment) bool {
	return c.ext != nil && c.ext.ReadOptions(now, s)&Discard != 0 || c.state == StateClosed
}

// afterSYN processes payload and FIN that came with the peer's SYN, as if they
// had come in a segment of their own.
func (c *Conn) afterSYN(now sim.Time, s *Segment) {
	if s.Len == 0 && !s.Flags.Has(wire.FIN) {
		return
	}
	if c.state == StateSynReceived {
		return // queued by nobody: the peer will send it again
	}
	c.receiveData(now, s, 0, int64(s.Len), s.Flags.Has(wire.FIN))
}

// handleSynReceived processes a segment in SYN-RECEIVED up to the point where
// the connection is established. It reports whether the rest of the segment is
// to be processed in the new state.
func (c *Conn) handleSynReceived(now sim.Time, s *Segment) bool {
	if !s.Flags.Has(wire.ACK) {
		return false
	}
	if early := int64(s.Ack.Diff(c.iss + 1)); early < 0 || early > c.snd.nxt {
		c.stats.BadAcks++
		c.requestReset(s.Ack)
		return false
	}
	var verdict Verdict
	if c.ext != nil {
		if verdict = c.ext.ReadOptions(now, s); verdict&Discard != 0 || c.state == StateClosed {
			return false
		}
	}
	if s.Flags.Has(wire.SYN) && verdict&NotDuplicate == 0 {
		// The SYN of a SYN/ACK that crossed ours is a duplicate, and acknowledged as
		// such (RFC 9293 section 3.10.7.4; Linux reports it by a DSACK too).
		c.sacks.duplicate(c, -1, 0)
		c.out |= outACK
	}
	c.out &^= outSYN
	c.handshakeRTT(now, s)
	c.snd.wl1 = -1
	c.setWindow(int64(s.Window)<<c.snd.scale, c.rcvPos(s.Seq))
	c.establish(now)
	return true
}

// handshakeRTT takes the measurement of the handshake: from the SYN if it was
// sent once, else from the timestamps (RFC 6298 section 3).
func (c *Conn) handshakeRTT(now sim.Time, s *Segment) {
	var rtt sim.Duration
	if c.syn.stateless {
		return
	}
	once := c.syn.rtx == 0 && !c.syn.repeated
	switch {
	case once:
		rtt = now.Sub(c.syn.sentAt)
	case c.options&useTS != 0 && s.Segment.Opt.Has(wire.HasTS) && s.TSEcr != 0:
		rtt = c.tsRTT(now, s.TSEcr)
	}
	if rtt > 0 || once {
		c.takeRTT(rtt, rtt)
	} else {
		c.rtt.fallback(c.p)
		c.rto = c.p.FallbackRTO
		c.backoff = 0
	}
	c.rto = c.roundTimeout(c.rto)
}

// synSpurious reports whether the answer was to the first of several SYNs, so
// that nothing was lost (Linux tcp_try_undo_spurious_syn).
func (c *Conn) synSpurious(now sim.Time) bool {
	return c.rtt.latest > 0 && now.Add(-c.rtt.latest) < c.syn.sentAt
}

// establish enters ESTABLISHED and joins the controller.
func (c *Conn) establish(now sim.Time) {
	c.rtx.stop()
	c.setState(now, StateEstablished)
	c.retries = retryState{}
	if c.ack.ato == 0 {
		c.ack.last = now
	}
	c.updateMSS()
	if c.p.MTUProbing > 1 || c.mtu.path > 0 {
		c.startMTU(now)
	}
	c.joinController(now, c.syn.rtx >= c.p.RestartSynLosses && !c.synSpurious(now))
	c.keepaliveRestart(now)
	c.ExpandSendBuffer(true)
	if !c.flight.empty() {
		c.rearmRTO(now) // sent before the third segment came
	}
	if c.closing.queued {
		c.setState(now, StateFinWait1)
	}
	c.event(now, Connected, trace.NoReason)
}

// retransmitSYN is the retransmission timeout of SYN and SYN/ACK.
func (c *Conn) retransmitSYN(now sim.Time) {
	limit := c.p.SynRetries + c.p.SynLinearTimeouts
	linear := c.p.SynLinearTimeouts
	if c.state == StateSynReceived {
		limit, linear = c.p.SynAckRetries, 0
	}
	if c.syn.rtx >= limit || c.userTimeout > 0 && now.Sub(c.syn.firstAt) >= c.userTimeout {
		c.die(now, trace.TimedOut)
		return
	}
	c.syn.rtx++
	c.stats.SynTimeouts++
	c.event(now, TimedOutOnce, trace.Timeout)
	if c.state != StateSynSent && c.state != StateSynReceived {
		return
	}
	if c.syn.rtx > linear {
		c.backoff++
		c.rto = min(2*c.rto, c.p.MaxRTO)
	}
	c.out |= outSYN
	c.arm(now, timerRTO, c.rto)
}

// writeSYN fills in SYN or SYN/ACK.
func (c *Conn) writeSYN(now sim.Time, out *Segment) {
	offer := useTS | useSACK | useScale
	out.Flags = wire.SYN
	if c.state == StateSynReceived {
		out.Flags |= wire.ACK
		offer = c.syn.peer
	}
	out.Seq = c.iss
	if out.Flags.Has(wire.ACK) {
		out.Ack = c.rcvSeq(c.rcv.nxt)
	}
	o := out.Options()
	o.Present |= wire.OptMSS
	o.MSS = uint16(c.mssOurs)
	if offer&useSACK != 0 && c.p.SACK {
		o.Present |= wire.OptSACKPermitted
	}
	if offer&useScale != 0 && c.p.WindowScaling {
		o.Present |= wire.OptWScale
		o.WScale = Scale(c.rcv.buffer)
	}
	if offer&useTS != 0 && c.p.Timestamps {
		out.Segment.Opt |= wire.HasTS
		out.TSVal = c.tsClock(now)
		out.TSEcr = 0
		if out.Flags.Has(wire.ACK) {
			out.TSEcr = c.tsRecent
		}
	}
	out.Window = c.announceFirst(now)
	c.writeSYNECN(out)
	c.syn.sentAt = now
	if c.ext != nil {
		c.ext.WriteOptions(now, out, wire.MaxOptionsLen-out.OptionsLen(out.Opt))
	}
	if c.fast.offer || c.fast.bare {
		c.writeFastOpen(now, out)
	}
}

// announceFirst returns the window field of a SYN, which is not scaled.
func (c *Conn) announceFirst(now sim.Time) uint16 {
	c.rcv.wnd = min(c.initialWindow(now), 1<<16-1)
	c.rcv.edge = c.rcv.nxt + c.rcv.wnd
	c.rcv.top = c.rcv.edge
	return uint16(c.rcv.wnd)
}

// SYNACKSent tells a connection just accepted that its SYN/ACK has left already,
// as a SYN cookie of which nobody knows when: it is neither sent again nor timed
// (Linux cookie_v4_check).
func (c *Conn) SYNACKSent(now sim.Time) {
	c.out &^= outSYN
	c.syn.stateless = true
	c.rtx.stop()
	c.announceFirst(now)
	c.rcv.wup = c.rcv.nxt
}

// BehindCookie reports whether the SYN/ACK was a SYN cookie.
func (c *Conn) BehindCookie() bool { return c.syn.stateless }

// initialWindow is the window of a SYN before the field's limit.
func (c *Conn) initialWindow(now sim.Time) int64 {
	if c.ext != nil {
		if w := c.ext.ReceiveWindow(now); w > 0 {
			return w
		}
	}
	if c.tuned {
		mss := c.mssOurs
		if c.options&useTS != 0 {
			mss -= 12
		}
		c.slope.Start(c.tune.Window(), mss)
		return c.slope.Size()
	}
	return c.rcv.buffer - (c.rcv.nxt - c.rcv.read)
}
