package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// Resets (RFC 9293 section 3.5.2).

// resetRequest is a RST that is to be sent.
type resetRequest struct {
	seq wire.Seq
	ack bool // with ACK of RCV.NXT
}

// requestReset answers an unacceptable ACK with <SEQ=SEG.ACK><CTL=RST>; the
// connection goes on.
func (c *Conn) requestReset(seq wire.Seq) {
	c.reset = resetRequest{seq: seq}
	c.out |= outReset
}

// sendReset fills in the requested RST.
func (c *Conn) sendReset(now sim.Time, out *Segment) {
	c.out &^= outReset
	c.begin(out)
	out.Seq = c.reset.seq
	out.Flags = wire.RST
	if c.reset.ack {
		out.Flags |= wire.ACK
		out.Ack = c.rcvSeq(c.rcv.nxt)
	}
	if c.options&useTS != 0 {
		out.Segment.Opt |= wire.HasTS
		out.TSVal = c.tsClock(now)
		out.TSEcr = c.tsRecent
	}
	if c.ext != nil {
		c.ext.WriteOptions(now, out, wire.MaxOptionsLen-out.OptionsLen(out.Opt))
	}
	c.count.segmentsSent++
	if c.state == StateClosed {
		c.forget(now)
	}
}

// ResetFor fills in the RST that answers a segment for which there is no
// connection, and reports whether one is due: never for a RST (RFC 9293 section
// 3.10.7.1).
//
//	with ACK:     <SEQ=SEG.ACK><CTL=RST>
//	without ACK:  <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
func ResetFor(s *Segment, out *Segment) bool {
	if s.Flags.Has(wire.RST) {
		return false
	}
	out.Segment = wire.Segment{TTL: 64, Flags: wire.RST}
	out.Opt = nil
	if s.Flags.Has(wire.ACK) {
		out.Seq = s.Ack
		return true
	}
	n := wire.Seq(s.Len)
	if s.Flags.Has(wire.SYN) {
		n++
	}
	if s.Flags.Has(wire.FIN) {
		n++
	}
	out.Flags |= wire.ACK
	out.Ack = s.Seq + n
	return true
}
