package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What happens to an incoming segment before its acknowledgement and payload
// count: RFC 9293 section 3.10.7.4 with the checks of RFC 7323 (PAWS) and
// RFC 5961, in the order of Linux tcp_validate_incoming.

// Handle processes a segment of this connection. It never panics, whatever the
// segment says.
func (c *Conn) Handle(now sim.Time, s *Segment) {
	c.count.segmentsReceived++
	c.rcv.last = now
	c.burst = 0
	if c.state == StateEstablished && s.Flags&^wire.PSH == wire.ACK && s.Opt == nil && c.predicted(now, s) {
		return
	}
	c.process(now, s)
}

// process is Handle for whatever segment in whatever state.
func (c *Conn) process(now sim.Time, s *Segment) {
	switch c.state {
	case StateClosed:
		return
	case StateSynSent:
		c.handleSynSent(now, s)
		return
	case StateTimeWait:
		c.handleTimeWait(now, s)
		return
	}
	seq := c.rcvPos(s.Seq)
	fin := s.Flags.Has(wire.FIN)
	if s.Flags.Has(wire.SYN) {
		if !c.acceptSYN(now, s) {
			return
		}
		seq = 0 // the SYN itself is at -1 and was dealt with
	}
	end := seq + int64(s.Len)
	if fin {
		end++
	}
	if !c.validate(now, s, seq, end) {
		return
	}
	established := false
	if c.state == StateSynReceived {
		if !c.handleSynReceived(now, s) {
			return
		}
		established = true
	}
	if !s.Flags.Has(wire.ACK) {
		return
	}
	if !c.processAck(now, s, seq, end, established) {
		return
	}
	if s.Flags.Has(wire.URG) && c.ext == nil {
		c.receiveUrgent(s, seq)
	}
	if s.Len > 0 || fin {
		if seq < 0 {
			seq = 0
		}
		c.receiveData(now, s, seq, end, fin)
		if c.state == StateClosed {
			return // the extension has reset it
		}
	}
	c.decideAck(now)
	if c.keepalive && c.slow.kind == timerKeepalive {
		c.keepaliveRestart(now)
	}
}

// validate checks sequence number, timestamp and the RST flag. It reports
// whether the segment is to be processed further.
func (c *Conn) validate(now sim.Time, s *Segment, seq, end int64) bool {
	hasTS := false
	if c.options&useTS != 0 {
		hasTS = s.Segment.Opt.Has(wire.HasTS)
		if hasTS && int32(s.TSVal-c.tsRecent) < -1 && !s.Flags.Has(wire.RST) &&
			c.paws(now, s, seq, end) {
			return false
		}
	}
	// Acceptable if it overlaps the window (RFC 9293 table 6). The left edge is
	// the one of the last acknowledgement sent, as in Linux, so that segments in
	// flight when it is sent do not count as old.
	if end < c.rcv.wup || seq > max(c.rcv.top, c.rcv.nxt) {
		c.unacceptable(now, s, seq, end)
		return false
	}
	if s.Flags.Has(wire.RST) {
		c.handleReset(now, s, seq)
		return false
	}
	return true
}

// paws handles a segment whose timestamp lies in the past. It reports whether
// the segment must be dropped (RFC 7323 section 5.3).
func (c *Conn) paws(now sim.Time, s *Segment, seq, end int64) bool {
	if now.Sub(c.tsRecentAt) >= c.p.pawsIdle() || c.tsRecent == 0 {
		return false
	}
	if s.Len == 0 && s.Flags&(wire.SYN|wire.FIN) == 0 && seq == end {
		old := c.sndPos(s.Ack)
		late := sim.Duration(c.tsRecent-s.TSVal) * c.p.tick()
		switch {
		case old < c.snd.una:
			// An ACK that was overtaken is common and says nothing.
			c.stats.PAWSDrops++
			return true
		case seq == c.rcv.nxt && old == c.snd.una && late <= c.rto*6/5 &&
			int64(s.Window)<<c.snd.scale == c.snd.wnd:
			// A duplicate ACK that was overtaken still counts (Linux
			// tcp_disordered_ack).
			return false
		}
	}
	c.stats.PAWSDrops++
	c.refused(now, trace.PAWS)
	if c.mayAnswer(now, s) {
		c.answerDuplicate(now, seq, end)
	}
	return true
}

// unacceptable answers a segment outside the window with an ACK (RFC 9293
// section 3.10.7.4), at a bounded rate unless it carries payload.
func (c *Conn) unacceptable(now sim.Time, s *Segment, seq, end int64) {
	if s.Flags.Has(wire.RST) {
		c.stats.BadResets++
		return
	}
	c.stats.OutOfWindowSegments++
	if c.mayAnswer(now, s) {
		c.answerDuplicate(now, seq, end)
	}
}

// answerDuplicate sends an ACK at once, with a DSACK for what was received
// before (Linux tcp_send_dupack).
func (c *Conn) answerDuplicate(now sim.Time, seq, end int64) {
	if end > seq && seq < c.rcv.nxt {
		c.ack.quick(c, c.p.QuickAckSegments)
		c.sacks.duplicate(c, max(seq, 0), min(end, c.rcv.nxt))
	}
	c.out |= outPureACK
}

// mayAnswer limits the rate at which segments are answered that may come from
// an attacker or from a loop of two confused ends: payload is always answered.
func (c *Conn) mayAnswer(now sim.Time, s *Segment) bool {
	if s.Len > 0 && !s.Flags.Has(wire.SYN) {
		return true
	}
	if c.challengeAt.Add(c.p.ChallengeInterval) > now {
		return false
	}
	c.challengeAt = now
	return true
}

// challenge answers a segment that only an attacker or a peer that lost its
// state sends: the latter will answer with a RST that is exact (RFC 5961).
func (c *Conn) challenge(now sim.Time) {
	if c.challengeAt.Add(c.p.ChallengeInterval) > now {
		return
	}
	c.challengeAt = now
	c.stats.ChallengeAcks++
	c.refused(now, trace.ChallengeAck)
	c.out |= outPureACK
}

// acceptSYN deals with a SYN in a synchronised state or in SYN-RECEIVED. It
// reports whether the rest of the segment counts: only for the SYN/ACK of a
// simultaneous open.
func (c *Conn) acceptSYN(now sim.Time, s *Segment) bool {
	if c.state == StateSynReceived && s.Seq == c.syn.seq && !s.Flags.Has(wire.RST) {
		if s.Flags.Has(wire.ACK) && s.Ack == c.iss+1 {
			return true
		}
		c.out |= outSYN // our SYN/ACK was lost
		c.syn.repeated = true
		return false
	}
	if s.Flags.Has(wire.RST) {
		c.stats.BadResets++
		return false
	}
	c.challenge(now) // RFC 5961 section 4.2
	return false
}

// handleReset obeys a RST only if its sequence number is exactly the next one
// expected; any other in the window draws a challenge ACK (RFC 5961 section
// 3.2). Linux also believes the highest end of a gap that we reported, and one
// below RCV.NXT after a FIN.
func (c *Conn) handleReset(now sim.Time, s *Segment, seq int64) {
	exact := seq == c.rcv.nxt ||
		seq == c.rcv.nxt-1 && c.PeerFIN() ||
		!c.ooo.empty() && seq == c.ooo.last()
	if !exact {
		c.stats.BadResets++
		c.challenge(now)
		return
	}
	if c.discarded(now, s) {
		return
	}
	why := trace.ResetReceived
	if c.state == StateSynReceived {
		why = trace.Refused
	}
	c.die(now, why)
}

// refused records that a segment was dropped or answered instead of processed.
func (c *Conn) refused(now sim.Time, why trace.Reason) {
	c.emit(now, trace.SegmentRefused, why, c.rcv.nxt, c.snd.una, 0, 0, 0)
}
