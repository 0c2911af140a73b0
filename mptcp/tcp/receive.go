package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Payload and FIN of incoming segments (RFC 9293 section 3.10.7.4, seventh and
// eighth; Linux tcp_data_queue).

// receiveData takes [seq, end) of the peer's stream, the last position of which
// is the FIN if fin is set.
func (c *Conn) receiveData(now sim.Time, s *Segment, seq, end int64, fin bool) {
	c.answers = true
	if !receiving.has(c.state) {
		if seq < c.rcv.nxt {
			c.duplicate(seq, min(end, c.rcv.nxt))
		}
		return
	}
	c.markedCE(now, s)
	if end <= c.rcv.nxt {
		c.duplicate(seq, end)
		return
	}
	if s.Opt.Has(wire.OptPieces) && !c.ooo.arena.HasRoom(int(s.Len)) {
		c.stats.ReassemblyDrops++
		c.refused(now, trace.ArenaFull) // as if it were lost
		return
	}
	if c.closing.deaf && end > c.rcv.nxt && s.Len > 0 {
		// Nobody will read it (RFC 1122 section 4.2.2.13).
		c.reason = trace.ResetSent
		c.abort(now)
		return
	}
	top := max(c.rcv.top, c.rcv.nxt)
	data := end
	if fin {
		data--
	}
	if seq >= top && !(fin && data == seq && seq == c.rcv.nxt) {
		c.stats.OutOfWindowSegments++
		c.ack.quick(c, c.p.QuickAckSegments)
		c.out |= outACK
		return
	}
	if data > top {
		data, fin = top, false
	}
	if c.rcv.fin >= 0 && data > c.rcv.fin {
		data, fin = c.rcv.fin, false // beyond the peer's own end
	}
	if fin && c.rcv.fin < 0 && (c.ooo.empty() || c.ooo.last() <= data) {
		c.rcv.fin = data
	}
	if seq > c.rcv.nxt {
		c.outOfOrder(now, s, seq, data)
		return
	}
	c.inOrder(now, s, seq, data)
}

// duplicate answers a segment that was received before.
func (c *Conn) duplicate(seq, end int64) {
	c.stats.DuplicateBytes += end - seq
	c.ack.quick(c, c.p.QuickAckSegments)
	c.sacks.duplicate(c, seq, end)
	c.out |= outACK
}

// inOrder takes payload that starts at or before RCV.NXT.
func (c *Conn) inOrder(now sim.Time, s *Segment, seq, data int64) {
	nxt := c.rcv.nxt
	if seq < nxt {
		c.sacks.duplicate(c, seq, nxt)
		c.stats.DuplicateBytes += nxt - seq
		c.out |= outACK
	}
	if data > nxt {
		c.ack.dataArrived(c, now, int(s.Len), s.Flags.Has(wire.PSH))
		if c.tuned {
			c.measureReceive(now, s)
			if c.ext == nil && c.slope.Open(int64(s.Len), c.mssOurs, c.tune.Window()-(data-c.rcv.read)-c.ooo.bytes()) {
				c.QuickAck()
			}
		}
		c.count.bytesReceived += data - nxt
		if s.Opt.Has(wire.OptPieces) {
			c.deliverPieces(now, s.Opt, seq, data)
		} else {
			c.deliver(now, span{nxt, data, s.Off + uint64(nxt-seq)})
		}
	}
	if c.gaps && !c.ooo.empty() {
		c.drain(now)
	}
	if c.rcv.nxt == c.rcv.fin && c.state != StateClosed {
		c.peerFIN(now)
	}
}

// deliver hands over a span that starts at RCV.NXT.
func (c *Conn) deliver(now sim.Time, s span) {
	c.rcv.nxt = s.end
	if c.ext != nil {
		c.ext.Deliver(now, uint64(s.pos), int(s.end-s.pos), s.off)
		return
	}
	c.queue.push(s)
}

// deliverPieces delivers a payload of several pieces up to the position data.
func (c *Conn) deliverPieces(now sim.Time, o *wire.Options, seq, data int64) {
	for i := range o.Pieces {
		p := &o.Pieces[i]
		from, to := max(seq, c.rcv.nxt), min(seq+int64(p.Len), data)
		if from < to && c.state != StateClosed {
			c.deliver(now, span{from, to, c.takePiece(p, from-seq, to-from)})
		}
		seq += int64(p.Len)
	}
}

// drain delivers what has come into order.
func (c *Conn) drain(now sim.Time) {
	for {
		s, ok := c.ooo.pop(c.rcv.nxt)
		if !ok {
			break
		}
		c.deliver(now, s)
	}
	c.ooo.trim(c.rcv.nxt)
	c.noteGaps()
	if c.ooo.empty() {
		c.ack.now = true // the gap is filled (RFC 5681 section 4.2)
	}
}

// outOfOrder keeps payload behind a gap.
func (c *Conn) outOfOrder(now sim.Time, s *Segment, seq, data int64) {
	c.stats.OutOfOrderSegments++
	c.ack.sched = true
	if data <= seq {
		c.ack.now = true // a FIN alone
		return
	}
	before := c.stats.ReassemblyDrops
	var dup block
	if s.Opt.Has(wire.OptPieces) {
		at := seq
		for i := range s.Opt.Pieces {
			p := &s.Opt.Pieces[i]
			if to := min(at+int64(p.Len), data); at < to {
				d := c.keep(at, to, c.takePiece(p, 0, to-at))
				if dup.end == 0 {
					dup = d
				} else if d.start == dup.end {
					dup.end = d.end
				}
			}
			at += int64(p.Len)
		}
	} else {
		dup = c.keep(seq, data, s.Off)
	}
	if dup.end > dup.start {
		c.sacks.duplicate(c, dup.start, dup.end)
	}
	if c.stats.ReassemblyDrops == before {
		c.sacks.note(&c.ooo, seq)
	}
}

// keep stores a range out of order and returns the first part of it that was
// there already.
func (c *Conn) keep(from, to int64, off uint64) (dup block) {
	dup, ok := c.ooo.insert(from, to, off)
	c.noteGaps()
	if dup.end > dup.start {
		c.stats.DuplicateBytes += dup.end - dup.start
	}
	if !ok {
		c.ooo.arena.Release(off, to-from)
		c.stats.ReassemblyDrops++
		return dup
	}
	c.count.bytesReceived += to - from - (dup.end - dup.start)
	return dup
}
