package proxy

import (
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file is the sending half of a pep: NewReno without SACK (RFC 5681, RFC 6582)
// with the timer of RFC 6298, whose least value is Linux's 200 ms.

const (
	pepFirstRTO = sim.Second
	pepMinRTO   = 200 * sim.Millisecond
	pepMaxRTO   = 60 * sim.Second
	// pepTries is how often the first segment is sent again by the timer before the
	// sender is reset (Linux tcp_retries2).
	pepTries = 15
	pepMSS   = 1460
)

// congestion is the state of the connection from the proxy to the receiver; windows
// in bytes.
type congestion struct {
	window    int64
	threshold int64
	dups      int
	recovery  bool
	recover   wire.Seq // recovery ends here
	srtt      sim.Duration
	rttvar    sim.Duration
	rto       sim.Duration
	tries     int
	deadline  sim.Time
	timed     bool // a segment is being timed
	timedSeq  wire.Seq
	timedAt   sim.Time
}

func (c *congestion) begin() {
	*c = congestion{window: 10 * pepMSS, threshold: 1 << 40, rto: pepFirstRTO, deadline: sim.Never}
}

// measure takes a round-trip time into account (RFC 6298 section 2).
func (c *congestion) measure(r sim.Duration) {
	if c.srtt == 0 {
		c.srtt, c.rttvar = r, r/2
	} else {
		dev := c.srtt - r
		if dev < 0 {
			dev = -dev
		}
		c.rttvar += (dev - c.rttvar) / 4
		c.srtt += (r - c.srtt) / 8
	}
	c.rto = min(max(c.srtt+4*c.rttvar, pepMinRTO), pepMaxRTO)
}

// halve reduces the window to half of what is in flight.
func (c *congestion) halve(flight int64) {
	c.threshold = max(flight/2, 2*pepMSS)
	c.window = c.threshold
}

// send sends on what is kept so far as the windows allow.
func (b *pep) send(now sim.Time, f *pepFlow, out simnet.Emitter) {
	if f.head == len(f.kept) {
		return
	}
	g := b.flows.Get(b.Env().Net.Reverse(f.kept[f.head].p.Route()))
	c := &f.congestion
	room := min(c.window, g.space)
	for f.unsent < len(f.kept) {
		k := &f.kept[f.unsent]
		flight := int64(k.end.Diff(f.una))
		if flight > room && (f.unsent > f.head || room == 0) {
			break
		}
		if !c.timed && !k.sent {
			c.timed, c.timedSeq, c.timedAt = true, k.end, now
		}
		b.emit(f, k, out)
		f.unsent++
		if k.end.After(f.sent) {
			f.sent = k.end
		}
	}
	if c.deadline == sim.Never {
		b.arm(now, f)
	}
}

// emit sends a copy of a segment.
func (b *pep) emit(f *pepFlow, k *keptPacket, out simnet.Emitter) {
	b.made = out.Clone(&k.p)
	s := b.made.Segment()
	s.Ack = f.ack
	if s.Opt.Has(wire.HasTS) {
		setTimestamps(&b.made, f.tsVal, f.tsEcr)
	}
	if b.strip {
		b.stripOptions(&b.made)
	}
	k.sent = true
	out.Emit(&b.made, f.d)
}

// arm sets the timer.
func (b *pep) arm(now sim.Time, f *pepFlow) {
	f.congestion.deadline = now.Add(f.congestion.rto)
	b.next = min(b.next, f.congestion.deadline)
}

// acknowledged handles an acknowledgement of the receiver of f's data, which r sends,
// and makes it one that the sender may see. It reports whether the segment, which
// carries nothing else, tells the sender nothing new. was is the window that r
// announced before.
func (b *pep) acknowledged(now sim.Time, f, r *pepFlow, p *simnet.Packet, was int64, out simnet.Emitter) (absorbed bool) {
	s := p.Segment()
	c := &f.congestion
	pure := s.Len == 0 && !s.Flags.Has(wire.FIN)
	acked := s.Ack.Diff(f.una)
	outstanding := f.head < f.unsent
	c.tries = 0
	switch {
	case acked > 0:
		b.release(f, s.Ack)
		c.dups = 0
		if c.timed && !s.Ack.Before(c.timedSeq) {
			c.timed = false
			c.measure(now.Sub(c.timedAt))
		}
		b.grow(f, s.Ack, int64(acked), out)
		c.deadline = sim.Never
		if f.head < len(f.kept) {
			b.arm(now, f)
		}
	case acked == 0 && was == 0 && r.space > 0:
		f.unsent = f.head // probes were not taken
	case acked == 0 && pure && outstanding && r.space == was:
		c.dups++
		absorbed = true
		if c.dups == 3 && !c.recovery {
			c.halve(int64(f.sent.Diff(f.una)))
			c.recovery, c.recover, c.timed = true, f.sent, false
			b.Note(now, p, trace.LocalRetransmit)
			b.emit(f, &f.kept[f.head], out)
		}
	}
	b.send(now, f, out)
	if s.Ack.Before(f.nxt) {
		s.Ack = f.nxt
		if p.Options().Has(wire.OptSACK) {
			without(p, &b.sack) // whose gaps are the proxy's
		}
	}
	s.Window = b.offer(f, r)
	return absorbed
}

// grow opens the window for acknowledged data, or goes on with a recovery.
func (b *pep) grow(f *pepFlow, ack wire.Seq, acked int64, out simnet.Emitter) {
	c := &f.congestion
	switch {
	case c.recovery && ack.Before(c.recover):
		if f.head < f.unsent {
			b.emit(f, &f.kept[f.head], out)
		}
	case c.recovery:
		c.recovery = false
	case c.window < c.threshold:
		c.window += min(acked, 2*pepMSS)
	default:
		c.window += max(pepMSS*acked/c.window, 1)
	}
}

// release frees what the receiver has acknowledged.
func (b *pep) release(f *pepFlow, ack wire.Seq) {
	f.una = ack
	for f.head < len(f.kept) {
		k := &f.kept[f.head]
		end := k.end
		if k.p.Segment().Flags.Has(wire.FIN) {
			end = end.Add(1)
		}
		if end.After(ack) {
			break
		}
		f.bytes -= int64(k.end.Diff(k.seq))
		b.Env().Net.Free(k.p.ID())
		f.head++
	}
	f.unsent = max(f.unsent, f.head)
	if f.sent.Before(ack) {
		f.sent = ack
	}
	if f.head == len(f.kept) {
		f.kept, f.head, f.unsent = f.kept[:0], 0, 0
	} else if f.head > 64 && 2*f.head > len(f.kept) {
		n := copy(f.kept, f.kept[f.head:])
		f.kept, f.unsent, f.head = f.kept[:n], f.unsent-f.head, 0
	}
}

// NextTimeout implements simnet.Box.
func (b *pep) NextTimeout() sim.Time { return b.next }

// HandleTimeout implements simnet.Box.
func (b *pep) HandleTimeout(now sim.Time, out simnet.Emitter) {
	b.next = sim.Never
	kept := b.busy[:0]
	for _, r := range b.busy {
		f := b.flows.Get(r)
		if f.head == len(f.kept) {
			f.busy = false
			continue
		}
		kept = append(kept, r)
		if c := &f.congestion; now >= c.deadline {
			b.expire(now, f, r, out)
		}
		b.next = min(b.next, f.congestion.deadline)
	}
	b.busy = kept
}

// expire sends again from the first segment that is not acknowledged, or gives up.
func (b *pep) expire(now sim.Time, f *pepFlow, r simnet.RouteID, out simnet.Emitter) {
	c := &f.congestion
	back := b.Env().Net.Reverse(r)
	if c.tries++; c.tries > pepTries {
		g := b.flows.Get(back)
		b.made = out.New(*b.Env().Net.Tuple(back))
		s := b.made.Segment()
		s.TTL, s.Flags, s.Seq, s.Ack = 64, wire.RST|wire.ACK, f.ack, f.nxt
		if g.on {
			s.Seq = g.sent
		}
		d := mbox.Opposite(f.d)
		b.end(r)
		b.end(back)
		out.Emit(&b.made, d)
		return
	}
	b.Note(now, &f.kept[f.head].p, trace.LocalRetransmit)
	c.halve(int64(f.sent.Diff(f.una)))
	c.window = pepMSS
	c.recovery, c.dups, c.timed = false, 0, false
	c.rto = min(2*c.rto, pepMaxRTO)
	f.unsent = f.head
	b.arm(now, f)
	b.send(now, f, out)
	if f.unsent == f.head { // the window is closed: a probe
		b.emit(f, &f.kept[f.head], out)
		f.unsent++
	}
}
