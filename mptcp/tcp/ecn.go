package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Explicit congestion notification (RFC 3168). New data carries ECT(0); the
// receiver echoes a mark with ECE until it sees CWR; the sender reduces its
// window once per window of data.
//
// A controller that needs it (cc.Traits.ExactECN) changes three things, as in Linux
// (TCP_CONG_NEEDS_ECN, net/ipv4/tcp_dctcp.h): ECN is negotiated whatever the profile
// says; retransmissions carry ECT(0), too; and the receiver echoes marks exactly
// (RFC 8257 section 3.2): ECE says whether the last segment with an ECN field other
// than Not-ECT was marked, and when that changes a delayed acknowledgement leaves at
// once with the old ECE, and one of the new segment behind it. CWR means nothing
// then. Both ends must do so, else the sender sees the echo of RFC 3168. The bytes that an
// acknowledgement with ECE delivers are cc.Ack.CE.
//
// Not modelled: AccECN (RFC 9768), ECN++ on control segments (RFC 8257 section 5
// leaves it to the operator; Linux marks them ECT for DCTCP).
type ecnState struct {
	echo  bool // receiver: send ECE until CWR arrives; exact: DCTCP.CE
	cwr   bool // sender: the next new data carries CWR
	exact bool // as the controller wants it
}

// wantsECN reports whether ECN is offered and accepted.
func (c *Conn) wantsECN() bool { return c.p.ECN || c.ecn.exact }

// negotiateECN reads the flags of a SYN or SYN/ACK (RFC 3168 section 6.1.1).
func (c *Conn) negotiateECN(s *Segment) {
	if !c.wantsECN() {
		return
	}
	if s.Flags.Has(wire.ACK) {
		if s.Flags&(wire.ECE|wire.CWR) == wire.ECE && c.syn.rtx == 0 {
			c.options |= useECN
		}
	} else if s.Flags.Has(wire.ECE | wire.CWR) {
		c.options |= useECN
	}
}

// writeSYNECN asks for ECN, or grants it. A SYN that is sent again does without,
// because somebody on the path may drop it for the flags.
func (c *Conn) writeSYNECN(out *Segment) {
	switch {
	case !c.wantsECN() || c.syn.rtx > 0:
	case !out.Flags.Has(wire.ACK):
		out.Flags |= wire.ECE | wire.CWR
	case c.options&useECN != 0:
		out.Flags |= wire.ECE
	}
}

// markedCE looks at the ECN field of a segment with payload.
func (c *Conn) markedCE(now sim.Time, s *Segment) {
	if c.options&useECN == 0 {
		return
	}
	if s.Flags.Has(wire.CWR) {
		c.ecn.echo = c.ecn.echo && c.ecn.exact
		// The sender's window may be very small now.
		c.ack.now = true
	}
	mark := s.TOS & wire.ECNMask
	if c.ecn.exact && mark != 0 {
		c.echoExactly(mark == wire.CE)
	}
	if mark == wire.CE {
		c.stats.CEReceived++
		if !c.ecn.echo {
			c.ack.quick(c, 2)
			c.ecn.echo = true
		}
	}
}

// echoExactly is the receiver's state machine of RFC 8257 section 3.2.
func (c *Conn) echoExactly(ce bool) {
	if ce == c.ecn.echo {
		return
	}
	if c.ackTimer != sim.Never && c.rcv.nxt > c.rcv.wup && c.out&outPriorACK == 0 {
		c.out |= outPriorACK
		c.priorACK = c.rcv.nxt
	}
	c.ack.now = true
	c.ecn.echo = ce
	if ce {
		c.ack.quick(c, 2)
	}
}

// sendPriorACK acknowledges what arrived before the echo changed, with the old echo.
func (c *Conn) sendPriorACK(now sim.Time, out *Segment) {
	rest := c.out & (outACK | outPureACK | outFirstACK)
	c.sendACK(now, out, c.snd.nxt)
	c.out = c.out&^outPriorACK | rest
	out.Flags ^= wire.ECE
	out.Ack = c.rcvSeq(c.priorACK)
	out.Window = uint16(min(int64(out.Window)+(c.rcv.nxt-c.priorACK)>>c.rcv.scale, 1<<16-1))
}

// queueCWR says that the window was reduced.
func (e *ecnState) queueCWR(c *Conn) {
	if c.options&useECN != 0 {
		e.cwr = true
	}
}

// withdrawCWR takes that back.
func (e *ecnState) withdrawCWR() { e.cwr = false }

// enterCWR reduces the window because the peer echoed a mark.
func (c *Conn) enterCWR(now sim.Time, f *ackFacts) {
	if c.caState >= cc.CWR {
		return
	}
	c.recovery.undoable = false
	c.recovery.undoMarker = -1
	c.startReduction(f.pipe)
	c.cc.Reduce(now, c.flow, cc.ECNEcho)
	c.prr.ssthresh = c.cc.Ssthresh(c.flow)
	c.stats.ECNReductions++
	c.setCA(now, cc.CWR, trace.ECNEcho)
	c.windowChanged(now, trace.ECNEcho)
}

// markData puts the ECN field and CWR on a segment of new data.
func (c *Conn) markData(out *Segment) {
	if c.options&useECN == 0 {
		return
	}
	out.TOS |= wire.ECT0
	if c.ecn.cwr {
		c.ecn.cwr = false
		out.Flags |= wire.CWR
	}
}
