package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Explicit congestion notification (RFC 3168). New data carries ECT(0); the
// receiver echoes a mark with ECE until it sees CWR; the sender reduces its
// window once per window of data. Counting marks exactly (RFC 9768, DCTCP) is
// not modelled; cc.Ack.CE has the place for it.
type ecnState struct {
	echo bool // receiver: send ECE until CWR arrives
	cwr  bool // sender: the next new data carries CWR
}

// negotiateECN reads the flags of a SYN or SYN/ACK (RFC 3168 section 6.1.1).
func (c *Conn) negotiateECN(s *Segment) {
	if !c.p.ECN {
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
	case !c.p.ECN || c.syn.rtx > 0:
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
		c.ecn.echo = false
		// The sender's window may be very small now.
		c.ack.now = true
	}
	if s.TOS&wire.ECNMask == wire.CE {
		c.stats.CEReceived++
		if !c.ecn.echo {
			c.ack.quick(c, 2)
			c.ecn.echo = true
		}
	}
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
