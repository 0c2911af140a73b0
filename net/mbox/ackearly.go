package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ackEarly is the smallest performance-enhancing proxy: it acknowledges in-order
// data to the sender as soon as it passes, in the receiver's name, before the
// receiver has it (RFC 3135 section 3.1.1; RFC 8684 section 3.3.6: "proactive
// ACKs"). It keeps no copy, so that what is lost behind it is lost for the
// subflow, and only the DATA_ACK, which it does not forge, tells the sender.
// Acknowledgements of the receiver never fall behind its own, and lose their SACK
// blocks. Segments are acknowledged with the receiver's latest window and
// timestamp. A flow is known from its SYN and SYN/ACK.
var ackEarlySpec = Spec{
	Name: "ack-early",
	Doc:  "acknowledges data to its sender before the receiver has it, and keeps no copy; direction is that of the data",
	new:  func(_ *Spec, b base, _ Values) Box { return &ackEarly{base: b} },
}

type ackEarly struct {
	base
	flows flowTable[earlyFlow]
	buf   [wire.MaxOptionsLen + 3]byte
}

// earlyFlow is one direction of a flow as the box sees it.
type earlyFlow struct {
	nxt    wire.Seq // next sequence number in order
	window uint16
	scaled bool // the window is of a segment without SYN
	ts     bool
	tsVal  uint32
	known  bool // the SYN was seen
	acked  bool // nxt was told to the sender early
}

// Process implements simnet.Box.
func (b *ackEarly) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	back := b.env.Net.Reverse(p.Route())
	f := b.follow(now, p)
	if g := b.flows.get(back); g != nil && g.known && s.Flags.Has(wire.ACK) {
		switch {
		case s.Ack.After(g.nxt):
			g.nxt = s.Ack // what came around the box, or behind a gap
		case g.acked && s.Ack.Before(g.nxt):
			s.Ack = g.nxt
			b.dropSACK(p)
		}
	}
	g := b.flows.get(back)
	if f != nil && g != nil && f.known && g.known && g.scaled && s.Len > 0 && !s.Flags.Has(wire.SYN|wire.RST) && b.picks(now, p, d) {
		b.note(now, p, trace.EarlyAck)
		f.acked = true
		b.made = out.New(p.Tuple().Reverse())
		s = p.Segment()
		a := b.made.Segment()
		a.TTL, a.Flags, a.Seq, a.Ack, a.Window = 64, wire.ACK, g.nxt, f.nxt, g.window
		if g.ts && s.Opt.Has(wire.HasTS) {
			a.Opt, a.TSVal, a.TSEcr = wire.HasTS, g.tsVal, s.TSVal
		}
		out.Emit(&b.made, opposite(d))
	}
	out.Emit(p, d)
}

// follow takes over what a packet says of its sender.
func (b *ackEarly) follow(now sim.Time, p *simnet.Packet) *earlyFlow {
	s := p.Segment()
	f := b.flows.get(p.Route())
	if s.Flags.Has(wire.SYN) {
		if f = b.flows.add(p.Route()); f == nil {
			b.tell(now, p, trace.BoxFull)
			return nil
		}
		*f = earlyFlow{nxt: s.Seq.Add(1), known: true}
		return f
	}
	if f == nil {
		return nil
	}
	if s.Seq == f.nxt || s.Seq.Before(f.nxt) && s.Seq.Add(int(s.Len)).After(f.nxt) {
		f.nxt = s.Seq.Add(int(s.Len)) // the FIN is left to the receiver
	}
	f.window, f.scaled = s.Window, true
	if s.Opt.Has(wire.HasTS) {
		f.ts, f.tsVal = true, s.TSVal
	}
	return f
}

// dropSACK takes the SACK option away, which names gaps that the sender cannot
// fill any more.
func (b *ackEarly) dropSACK(p *simnet.Packet) {
	if !p.Options().Has(wire.OptSACK) {
		return
	}
	raw := optionBytes(b.buf[:], p)
	for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
		if raw[i] == wire.KindSACK {
			raw = raw[:i+copy(raw[i:], raw[end:])]
			end = i
		}
	}
	setOptions(p, trimNOPs(raw))
}
