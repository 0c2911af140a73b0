package nat

import "mpsim/net/wire"

// side is what one end of a connection has sent and may send (struct
// ip_ct_tcp_state of Linux; Guido van Rooij, "Real stateful TCP packet filtering
// in IP Filter", 2000).
type side struct {
	end    wire.Seq // behind the last octet sent
	maxEnd wire.Seq // behind the last that the other end's window allows
	maxAck wire.Seq // largest acknowledgement sent
	maxWin uint32   // largest window announced, scaled; 0: nothing seen
	scale  int8     // of its windows
	sack   bool
	scaled bool // its SYN had the window scale option
	acked  bool // maxAck is valid
	// unacked: the last that it sent is not acknowledged.
	unacked bool
	closer  bool // it sent the first FIN
}

// maxAckWindow is how far acknowledgements may be behind (MAXACKWINDOW: 66000 or
// the window).
func (d *side) maxAckWindow() wire.Seq { return wire.Seq(max(d.maxWin, 66000)) }

// endOf returns the sequence number behind a segment.
func endOf(s *wire.Segment) wire.Seq {
	end := s.Seq.Add(int(s.Len))
	if s.Flags.Has(wire.SYN) {
		end++
	}
	if s.Flags.Has(wire.FIN) {
		end++
	}
	return end
}

// options reads those of a SYN that matter.
func (d *side) options(o *wire.Options) {
	d.scale, d.sack, d.scaled = 0, false, false
	if o == nil {
		return
	}
	d.sack = o.Has(wire.OptSACKPermitted)
	if o.Has(wire.OptWScale) {
		d.scale, d.scaled = int8(min(o.WScale, 14)), true
	}
}

// start takes a SYN as the beginning of what an end sends.
func (d *side) start(s *wire.Segment, o *wire.Options) {
	d.end = endOf(s)
	d.maxWin = max(uint32(s.Window), 1)
	d.options(o)
}

// highestSACK returns the largest number that a segment acknowledges, SACK
// included.
func highestSACK(s *wire.Segment, o *wire.Options) wire.Seq {
	high := s.Ack
	if o.Has(wire.OptSACK) {
		for i := range min(int(o.NSACK), len(o.SACK)) {
			if high.Before(o.SACK[i].End) {
				high = o.SACK[i].End
			}
		}
	}
	return high
}

// window is tcp_in_window of Linux 6.x: whether a segment lies where its sender may
// send, and what it changes. What lies below the window passes without effect, as
// a segment sent again does, and so does what exceeds it by less than a window.
func (c *tracked) window(s *wire.Segment, o *wire.Options, dir uint8, k segmentKind, old State, check bool) verdict {
	d, peer := &c.seen[dir], &c.seen[dir^1]
	seq, end, ack := s.Seq, endOf(s), s.Ack
	sack := ack
	if peer.sack {
		sack = highestSACK(s, o)
	}
	syn := s.Flags.Has(wire.SYN)
	switch {
	case d.maxWin == 0 && syn:
		c.startSide(d, peer, s, o)
		if !s.Flags.Has(wire.ACK) {
			return accepted
		}
	case d.maxWin == 0:
		d.end = end
		d.maxWin = max(uint32(s.Window)<<d.scale, 1)
		d.maxEnd = end + wire.Seq(d.maxWin)
		if peer.maxWin == 0 {
			peer.end, peer.maxEnd = sack, sack
		} else if sack == peer.end+1 {
			peer.end++ // the answer to a keepalive
		}
	case syn && d.end.Before(end) && (old == SYNSent || old == SYNReceived):
		c.startSide(d, peer, s, o)
		if dir == 1 && !s.Flags.Has(wire.ACK) {
			return accepted
		}
	}
	if !s.Flags.Has(wire.ACK) || s.Flags.Has(wire.RST) && ack == 0 {
		ack, sack = peer.end, peer.end
	}
	if s.Flags.Has(wire.RST) && seq == 0 && old == SYNSent {
		seq, end = d.end, d.end
	}
	switch c.bounds(d, peer, seq, end, sack) {
	case passes:
		return passes
	case outside:
		if check && !c.picked {
			return outside
		}
		return accepted
	}
	c.advance(d, peer, s, k, seq, end, ack, sack)
	return accepted
}

// startSide takes the first SYN of an end; windows are scaled only if both SYNs
// say so.
func (c *tracked) startSide(d, peer *side, s *wire.Segment, o *wire.Options) {
	d.start(s, o)
	d.maxEnd = d.end
	if !s.Flags.Has(wire.ACK) {
		return
	}
	if !d.scaled || !peer.scaled {
		d.scale, peer.scale = 0, 0
	}
}

// bounds are the four conditions of van Rooij as Linux has them.
func (c *tracked) bounds(d, peer *side, seq, end, sack wire.Seq) verdict {
	lowest := d.end - wire.Seq(peer.maxWin) - 1
	inWindow := peer.maxWin == 0 || lowest.Before(end)
	ackAbove := (peer.end - d.maxAckWindow() - 1).Before(sack)
	ackKnown := sack.Before(peer.end + 1)
	if !seq.Before(d.maxEnd + 1) {
		over := end.Diff(d.maxEnd) + 1
		if peer.maxWin != 0 && inWindow && ackAbove && ackKnown && over <= int32(peer.maxWin) {
			return passes
		}
		return outside
	}
	switch {
	case !ackKnown:
		return outside
	case !inWindow, !ackAbove:
		return passes
	}
	return accepted
}

// advance records what a segment in the window says.
func (c *tracked) advance(d, peer *side, s *wire.Segment, k segmentKind, seq, end, ack, sack wire.Seq) {
	win := uint32(s.Window)
	if !s.Flags.Has(wire.SYN) {
		win <<= d.scale
	}
	d.maxWin = max(d.maxWin, win+uint32(sack-ack))
	if d.end.Before(end) {
		d.end = end
		d.unacked = true
	}
	if s.Flags.Has(wire.ACK) && (!d.acked || d.maxAck.Before(ack)) {
		d.maxAck, d.acked = ack, true
	}
	if peer.maxWin != 0 && d.maxEnd.Before(end) {
		peer.maxWin += uint32(end - d.maxEnd)
	}
	if edge := sack + wire.Seq(win); (peer.maxEnd - 1).Before(edge) {
		peer.maxEnd = edge
		if win == 0 {
			peer.maxEnd++
		}
	}
	if ack == peer.end {
		peer.unacked = false
	}
	if k != kindACK {
		return
	}
	if c.lastDir == uint8(c.dirOf(d)) && c.lastSeq == seq && c.lastAck == ack && c.lastEnd == end && c.lastWin == s.Window {
		c.repeated = min(c.repeated+1, 3)
		return
	}
	c.lastSeq, c.lastAck, c.lastEnd, c.lastWin = seq, ack, end, s.Window
	c.repeated = 0
}

// dirOf returns which end d is.
func (c *tracked) dirOf(d *side) int {
	if d == &c.seen[0] {
		return 0
	}
	return 1
}
