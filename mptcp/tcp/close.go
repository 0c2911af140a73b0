package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The end of a connection (RFC 9293 sections 3.6 and 3.10.4 to 3.10.7).

// closing is what the application has closed.
type closing struct {
	queued bool // our stream ends at snd.end: the FIN has the position behind
	deaf   bool // nobody will read what arrives (Close)
	orphan bool // nobody waits for the end
}

// CloseWrite ends our stream after what was written: the FIN follows the data.
// What the peer sends is still received.
func (c *Conn) CloseWrite(now sim.Time) {
	if c.closing.queued {
		return
	}
	switch c.state {
	case StateEstablished:
		c.setState(now, StateFinWait1)
	case StateCloseWait:
		c.setState(now, StateLastAck)
	case StateSynSent, StateSynReceived:
		// establish goes on to FIN-WAIT-1.
	default:
		return
	}
	c.closing.queued = true
	c.chrono.start(now)
	c.burst = 0
}

// Close is CloseWrite, and nobody reads any more: what arrives later resets the
// connection, and so does what was not read yet (RFC 2525 section 2.17). A
// connection that is not yet established is dropped.
func (c *Conn) Close(now sim.Time) {
	switch {
	case c.state == StateSynSent:
		c.die(now, trace.Graceful)
		return
	case c.ext == nil && c.Readable() > 0:
		c.Abort(now)
		return
	}
	c.CloseWrite(now)
	c.closing.deaf = true
	c.closing.orphan = true
	c.BoundFinWait2(now, c.p.FinWait2)
}

// Orphan says that nobody waits for the connection any more, whose stream has
// ended: it is tried for less long than one that somebody uses to get the rest
// across and to close in order (Linux sock_orphan by tcp_close). What the peer
// still sends is received.
func (c *Conn) Orphan(now sim.Time) {
	c.closing.orphan = true
	c.BoundFinWait2(now, c.p.FinWait2)
}

// BoundFinWait2 ends the connection when it has been in FIN-WAIT-2 for a time, now
// or later: for extensions that know that the peer has nothing to send any more.
// 0: no bound.
func (c *Conn) BoundFinWait2(now sim.Time, d sim.Duration) {
	c.finWait2 = d
	if c.state == StateFinWait2 && d > 0 && c.slow.kind != timerFinWait2 {
		c.armSlow(now, timerFinWait2, d)
	}
}

// Abort ends the connection at once, with a RST if the peer knows of it.
func (c *Conn) Abort(now sim.Time) {
	if c.state == StateClosed {
		return
	}
	c.reason = trace.ResetSent
	c.abort(now)
}

// abort sends RST and forgets; c.reason says why.
func (c *Conn) abort(now sim.Time) {
	known := c.state != StateSynSent && c.state != StateTimeWait
	pos := min(c.snd.nxt, max(c.snd.una+c.snd.wnd, c.snd.una))
	if known {
		c.reset = resetRequest{seq: c.sndSeq(pos), ack: true}
		c.out |= outReset
	}
	c.end(now, c.reason)
}

// die ends the connection without telling the peer.
func (c *Conn) die(now sim.Time, why trace.Reason) {
	c.out &^= outReset
	c.end(now, why)
}

// end enters CLOSED; a reset that is to be sent leaves with the next Poll.
func (c *Conn) end(now sim.Time, why trace.Reason) {
	if c.state == StateClosed {
		return
	}
	wasOver := c.state == StateTimeWait
	c.reason = why
	c.out &= outReset
	c.stopTimers()
	c.chrono.stop(now)
	c.leave(now)
	c.discardReceived()
	c.setState(now, StateClosed)
	if !wasOver {
		c.event(now, Closed, why)
	}
	if c.out&outReset == 0 {
		c.forget(now)
	}
}

// leave takes the flow out of its controller.
func (c *Conn) leave(now sim.Time) {
	if c.joined {
		c.joined = false
		c.cc.Leave(now, c.flow)
	}
}

func (c *Conn) stopTimers() {
	c.rtx.stop()
	c.slow.stop()
	c.ackTimer = sim.Never
}

// forget is the end of TIME-WAIT, or of a connection that needs none.
func (c *Conn) forget(now sim.Time) {
	if c.forgotten {
		return
	}
	c.forgotten = true
	c.stopTimers()
	c.leave(now)
	c.setState(now, StateClosed)
	c.event(now, Forgotten, c.reason)
}

// finAcked: the peer acknowledged our FIN.
func (c *Conn) finAcked(now sim.Time) {
	switch c.state {
	case StateFinWait1:
		c.setState(now, StateFinWait2)
		if c.finWait2 > 0 {
			c.armSlow(now, timerFinWait2, c.finWait2)
		}
	case StateClosing:
		c.timeWait(now)
	case StateLastAck:
		c.die(now, trace.Graceful)
	}
}

// peerFIN: the peer's stream is complete.
func (c *Conn) peerFIN(now sim.Time) {
	c.rcv.nxt++
	c.ack.sched = true
	switch c.state {
	case StateEstablished:
		c.setState(now, StateCloseWait)
		if c.p.PingPong {
			c.ack.pingpong = 1 // our FIN is likely to follow
		} else {
			c.ack.now = true
		}
	case StateFinWait1:
		c.setState(now, StateClosing)
		c.ack.now = true
	case StateFinWait2:
		c.event(now, PeerClosed, trace.NoReason)
		if c.state == StateFinWait2 {
			c.timeWait(now)
			c.out |= outACK
		}
		return
	}
	c.event(now, PeerClosed, trace.NoReason)
}

// timeWait enters TIME-WAIT.
func (c *Conn) timeWait(now sim.Time) {
	c.reason = trace.Graceful
	c.stopTimers()
	c.leave(now)
	c.setState(now, StateTimeWait)
	c.armSlow(now, timerTimeWait, c.p.TimeWait)
	c.event(now, Closed, trace.Graceful)
}

// handleTimeWait processes a segment in TIME-WAIT: whatever is not an old ACK is
// acknowledged again at a bounded rate, and a FIN restarts the wait (RFC 9293
// section 3.10.7.4; Linux tcp_timewait_state_process).
func (c *Conn) handleTimeWait(now sim.Time, s *Segment) {
	seq := c.rcvPos(s.Seq)
	old := c.options&useTS != 0 && s.Segment.Opt.Has(wire.HasTS) && int32(s.TSVal-c.tsRecent) < 0
	switch {
	case s.Flags.Has(wire.RST):
		if seq == c.rcv.nxt && !old {
			c.forget(now)
		}
		return
	case !old && seq == c.rcv.nxt && s.Len == 0 && s.Flags&(wire.FIN|wire.SYN) == 0:
		return
	}
	if s.Flags.Has(wire.ACK) && (old || s.Flags.Has(wire.FIN) || s.Len > 0) {
		c.armSlow(now, timerTimeWait, c.p.TimeWait)
	}
	if c.mayAnswer(now, s) {
		c.out |= outACK
	}
}

// CanReuse reports whether a SYN may open a new connection with the 4-tuple of
// this one in TIME-WAIT: it must be newer than everything received (RFC 6191,
// RFC 9293 section 3.10.7.4).
func (c *Conn) CanReuse(syn *Segment) bool {
	return c.state == StateTimeWait && c.newer(syn)
}

// newer reports whether a segment is a SYN that is newer than everything received.
func (c *Conn) newer(syn *Segment) bool {
	if syn.Flags&(wire.SYN|wire.RST|wire.ACK) != wire.SYN {
		return false
	}
	if c.options&useTS != 0 && syn.Segment.Opt.Has(wire.HasTS) && int32(syn.TSVal-c.tsRecent) > 0 {
		return true
	}
	return c.rcvPos(syn.Seq) > c.rcv.nxt
}
