package proxy

import (
	"mpsim/net/mbox"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// pep is a performance-enhancing proxy that acknowledges data proactively (RFC 3135
// sections 2.4 and 3.1; RFC 8684 section 6): the sender hears from the proxy as soon
// as data has reached it, and the proxy keeps each segment until the receiver has
// acknowledged it, sends within a congestion window of its own, and sends again what
// is lost behind it (send.go). Sequence numbers stay those of the hosts, and so do
// handshake and FIN. A full buffer closes the window that the sender sees.
//
// It knows nothing of MPTCP: its acknowledgements carry no DSS. With mptcp = "strip"
// what it passes on carries none either, as behind a transparent proxy that works in
// one direction only (the HTTP cases of TMA2015, RFC 8041 section 3.1); with "keep"
// segments pass with their options, and so do the receiver's acknowledgements.
//
// Departures: no delayed acknowledgements, no pacing; urgent data is not marked.
type pep struct {
	mbox.Acting
	strip  bool
	buffer int64
	flows  mbox.FlowTable[pepFlow]
	busy   []simnet.RouteID // flows with data that is not acknowledged
	next   sim.Time         // no deadline is before
	made   simnet.Packet
	mptcp  mbox.OptionSet
	sack   mbox.OptionSet
}

// pepFlow is one direction of a flow: the data of its sender, and what its sender
// says of the other direction.
type pepFlow struct {
	known, on  bool
	busy       bool
	d          simnet.Dir // in which the data travels
	nxt        wire.Seq   // next from the sender
	una        wire.Seq   // acknowledged by the receiver
	sent       wire.Seq   // next to send on
	kept       []keptPacket
	head       int // of kept: acknowledged by the receiver
	unsent     int // of kept: not sent on
	ahead      []keptPacket
	bytes      int64 // in kept and ahead
	ack        wire.Seq
	space      int64 // the window that was announced last, in bytes
	shift      uint8
	scales     bool // the SYN has a window scale
	sackOK     bool
	ts         bool
	tsVal      uint32
	tsEcr      uint32
	congestion congestion
}

// keptPacket is a segment that the proxy answers for.
type keptPacket struct {
	p        simnet.Packet
	seq, end wire.Seq // end without FIN
	sent     bool
}

var pepSpec = mbox.NewSpec("pep",
	"acknowledges data to its sender, keeps it until the receiver has it, and sends it again itself; direction is that of the data, conditions choose the SYN or SYN/ACK of its sender",
	[]mbox.Param{
		{Name: "mptcp", Kind: mbox.Choice, Default: "keep", Choices: []string{"keep", "strip"}, Doc: "what happens to the MPTCP options of the segments that it sends on"},
		{Name: "buffer", Kind: mbox.Whole, Number: 1 << 20, Min: 4096, Max: 1 << 30, Doc: "bytes that it keeps for each flow"},
	},
	func(f mbox.Filter, g *mbox.Given, env *mbox.Env) mbox.Box {
		b := &pep{Acting: mbox.NewActing(f, env), strip: g.Text("mptcp") == "strip", buffer: g.Number("buffer"), next: sim.Never}
		b.mptcp, b.sack = optionSet("mptcp"), optionSet("sack")
		return b
	})

// Process implements simnet.Box.
func (b *pep) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !mbox.IsTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	there, back := p.Route(), b.Env().Net.Reverse(p.Route())
	switch {
	case s.Flags.Has(wire.SYN):
		b.begin(now, p, d)
		out.Emit(p, d)
		return
	case s.Flags.Has(wire.RST):
		b.end(there)
		b.end(back)
		out.Emit(p, d)
		return
	}
	f, g := b.flows.Get(there), b.flows.Get(back)
	if f == nil || g == nil || !f.known || !g.known {
		out.Emit(p, d)
		return
	}
	was := f.space
	f.learn(s, f.scales && g.scales)
	absorbed := false
	if g.on && s.Flags.Has(wire.ACK) {
		absorbed = b.acknowledged(now, g, f, p, was, out)
	}
	switch {
	case f.on && (s.Len > 0 || s.Flags.Has(wire.FIN)):
		b.take(now, f, g, p, out)
	case absorbed:
		b.Env().Net.Free(p.ID())
	default:
		if f.on && s.Seq.After(f.sent) {
			s.Seq = f.sent // the receiver has not got further
		}
		if f.on && b.strip {
			b.stripOptions(p)
		}
		out.Emit(p, d)
	}
}

// begin notes what a SYN or SYN/ACK says.
func (b *pep) begin(now sim.Time, p *simnet.Packet, d simnet.Dir) {
	s, o := p.Segment(), p.Options()
	if f := b.flows.Get(p.Route()); f != nil && f.known && f.nxt == s.Seq.Add(1) {
		return // again
	}
	b.end(p.Route())
	f := b.flows.Add(p.Route())
	if f == nil {
		b.Tell(now, p, trace.BoxFull)
		return
	}
	first := s.Seq.Add(1)
	*f = pepFlow{known: true, on: b.Picks(now, p, d), d: d, nxt: first, una: first, sent: first, busy: f.busy, kept: f.kept[:0], ahead: f.ahead[:0]}
	f.sackOK = o.Has(wire.OptSACKPermitted)
	if o.Has(wire.OptWScale) {
		f.shift, f.scales = o.WScale, true
	}
	f.learn(s, false)
	f.congestion.begin()
}

// learn takes over what a segment says of the other direction. Of timestamps the newest
// count: a segment that was overtaken does not turn them back, or the receiver would refuse
// what is sent again with them (RFC 7323 section 5.3, PAWS).
func (f *pepFlow) learn(s *wire.Segment, scaled bool) {
	f.space, f.ack = int64(s.Window), s.Ack
	if scaled {
		f.space <<= f.shift
	}
	if s.Opt.Has(wire.HasTS) {
		if !f.ts || int32(s.TSVal-f.tsVal) > 0 {
			f.tsVal = s.TSVal
		}
		if !f.ts || int32(s.TSEcr-f.tsEcr) > 0 {
			f.tsEcr = s.TSEcr
		}
		f.ts = true
	}
}

// end forgets what is kept for a flow.
func (b *pep) end(r simnet.RouteID) {
	f := b.flows.Get(r)
	if f == nil {
		return
	}
	for _, k := range f.kept[f.head:] {
		b.Env().Net.Free(k.p.ID())
	}
	for _, k := range f.ahead {
		b.Env().Net.Free(k.p.ID())
	}
	*f = pepFlow{kept: f.kept[:0], ahead: f.ahead[:0], busy: f.busy}
	f.congestion.begin()
}

// take keeps a data segment, acknowledges it, and sends on what may be sent.
func (b *pep) take(now sim.Time, f, g *pepFlow, p *simnet.Packet, out simnet.Emitter) {
	s := p.Segment()
	end := s.Seq.Add(int(s.Len))
	k := keptPacket{p: *p, seq: s.Seq, end: end}
	fin := s.Flags.Has(wire.FIN)
	there := p.Route()
	b.Note(now, p, trace.EarlyAck)
	switch {
	case f.bytes+int64(s.Len) > b.buffer, !end.After(f.nxt) && !(fin && end == f.nxt && !f.finKept()):
		b.Env().Net.Free(p.ID()) // no room, or known
	case s.Seq.After(f.nxt):
		if !f.keepAhead(k) {
			b.Env().Net.Free(p.ID())
		}
	default:
		f.keep(k)
		for len(f.ahead) > 0 && !f.ahead[0].seq.After(f.nxt) {
			a := f.ahead[0]
			f.ahead = f.ahead[:copy(f.ahead, f.ahead[1:])]
			f.bytes -= int64(a.end.Diff(a.seq))
			if !a.end.After(f.nxt) && !a.p.Segment().Flags.Has(wire.FIN) {
				b.Env().Net.Free(a.p.ID())
				continue
			}
			f.keep(a)
		}
	}
	b.reply(f, g, there, out)
	b.send(now, f, out)
	if !f.busy && f.head < len(f.kept) {
		f.busy = true
		b.busy = append(b.busy, there)
	}
}

// finKept reports whether the end of the stream is among what is kept.
func (f *pepFlow) finKept() bool {
	n := len(f.kept)
	return n > f.head && f.kept[n-1].p.Segment().Flags.Has(wire.FIN)
}

// keep appends the next segment of the stream.
func (f *pepFlow) keep(k keptPacket) {
	f.kept = append(f.kept, k)
	f.bytes += int64(k.end.Diff(k.seq))
	if k.end.After(f.nxt) {
		f.nxt = k.end
	}
}

// keepAhead keeps a segment behind a gap, in order; false if it is there already.
func (f *pepFlow) keepAhead(k keptPacket) bool {
	i := len(f.ahead)
	for i > 0 && f.ahead[i-1].seq.After(k.seq) {
		i--
	}
	if i > 0 && f.ahead[i-1].seq == k.seq {
		return false
	}
	f.ahead = append(f.ahead, keptPacket{})
	copy(f.ahead[i+1:], f.ahead[i:])
	f.ahead[i] = k
	f.bytes += int64(k.end.Diff(k.seq))
	return true
}

// reply acknowledges to the sender of f what is kept, in the name of g's sender.
func (b *pep) reply(f, g *pepFlow, there simnet.RouteID, out simnet.Emitter) {
	b.made = out.New(*b.Env().Net.Tuple(b.Env().Net.Reverse(there)))
	a := b.made.Segment()
	seq := g.nxt
	if g.on {
		seq = g.sent
	} else if f.ack.After(seq) {
		seq = f.ack
	}
	a.TTL, a.Flags, a.Seq, a.Ack, a.Window = 64, wire.ACK, seq, f.nxt, b.offer(f, g)
	if g.ts && f.ts {
		a.Opt, a.TSVal, a.TSEcr = wire.HasTS, g.tsVal, f.tsVal
	}
	if f.sackOK && g.sackOK && len(f.ahead) > 0 {
		o := b.made.AddOptions()
		o.Present, o.NSACK = wire.OptSACK, 0
		for _, k := range f.ahead {
			if n := o.NSACK; n > 0 && !k.seq.After(o.SACK[n-1].End) {
				if k.end.After(o.SACK[n-1].End) {
					o.SACK[n-1].End = k.end
				}
			} else if n < 3 {
				o.SACK[n] = wire.SACKBlock{Start: k.seq, End: k.end}
				o.NSACK++
			}
		}
	}
	out.Emit(&b.made, mbox.Opposite(f.d))
}

// offer is the window that the sender of f is shown: what the receiver announces, or
// what the buffer has room for.
func (b *pep) offer(f, g *pepFlow) uint16 {
	n := min(g.space, max(b.buffer-f.bytes, 0))
	if f.scales && g.scales {
		n >>= g.shift
	}
	return uint16(min(n, 65535))
}

// stripOptions takes the MPTCP options off a packet.
func (b *pep) stripOptions(p *simnet.Packet) { without(p, &b.mptcp) }
