package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// coalesce joins segments that follow each other, as receive offload and proxies
// do. A segment waits for the next one for at most the hold time; what does not
// continue it sends it on first, so that nothing is reordered. Acknowledgement
// and window are those of the last part. Which options survive is the point: a
// DSS mapping that is lost with them leaves data unmapped.
var coalesceSpec = Spec{
	Name: "coalesce",
	Doc:  "joins data segments that follow each other",
	Params: []Param{
		{Name: "size", Kind: Whole, Number: 65000, Min: 2, Max: 65000, Doc: "payload bytes of a joined segment, at most"},
		{Name: "hold", Kind: Span, Number: 1e6, Max: float64(sim.Second), Doc: "how long a segment waits for the next one"},
		{Name: "options", Kind: Choice, Default: "first", Choices: []string{"first", "last", "both"},
			Doc: "whose options the joined segment has; both: segments whose options do not fit together are not joined"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &coalesce{base: b, size: int(s.at(v, "size").number), hold: sim.Duration(s.at(v, "hold").number),
			options: s.at(v, "options").text}
	},
}

type coalesce struct {
	base
	size    int
	hold    sim.Duration
	options string

	flows  flowTable[heldSegment]
	order  []waiting // by deadline, as all wait equally long
	head   int
	pieces []wire.Piece
	a, b   [2*wire.MaxOptionsLen + 3]byte
}

// heldSegment is the segment of one direction of a flow that waits.
type heldSegment struct {
	packet simnet.Packet
	dir    simnet.Dir
	since  sim.Time
	full   bool // there is one
}

type waiting struct {
	at    sim.Time
	route simnet.RouteID
	since sim.Time
}

// Process implements simnet.Box.
func (b *coalesce) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	h := b.flows.get(p.Route())
	const never = wire.SYN | wire.RST | wire.URG
	if !isTCP(p) || p.Segment().Len == 0 || p.Segment().Flags&never != 0 || !b.picks(now, p, d) {
		if h != nil {
			b.release(h, out)
		}
		out.Emit(p, d)
		return
	}
	if h != nil && h.full {
		if b.join(h, p) {
			b.note(now, &h.packet, trace.SegmentsCoalesced)
			out.Drop(p, trace.SegmentsCoalesced)
			if h.packet.Segment().Flags.Has(wire.FIN) || int(h.packet.Segment().Len) >= b.size {
				b.release(h, out)
			}
			return
		}
		b.release(h, out)
	}
	if h = b.flows.add(p.Route()); h == nil || p.Segment().Flags.Has(wire.FIN) || b.hold == 0 {
		if h == nil {
			b.tell(now, p, trace.BoxFull)
		}
		out.Emit(p, d)
		return
	}
	*h = heldSegment{*p, d, now, true}
	b.order = append(b.order, waiting{now.Add(b.hold), p.Route(), now})
}

// release sends a waiting segment on.
func (b *coalesce) release(h *heldSegment, out simnet.Emitter) {
	if h.full {
		h.full = false
		out.Emit(&h.packet, h.dir)
	}
}

// NextTimeout implements simnet.Box.
func (b *coalesce) NextTimeout() sim.Time {
	for b.head < len(b.order) {
		w := &b.order[b.head]
		if h := b.flows.get(w.route); h.full && h.since == w.since {
			return w.at
		}
		b.head++ // it has left already
	}
	b.order, b.head = b.order[:0], 0
	return sim.Never
}

// HandleTimeout implements simnet.Box.
func (b *coalesce) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for b.NextTimeout() <= now {
		b.release(b.flows.get(b.order[b.head].route), out)
	}
}

// join appends a segment to the waiting one, if it continues it.
func (b *coalesce) join(h *heldSegment, p *simnet.Packet) bool {
	first, last := h.packet.Segment(), p.Segment()
	n := int(first.Len) + int(last.Len)
	if last.Seq != first.Seq.Add(int(first.Len)) || n > b.size || first.TOS != last.TOS {
		return false
	}
	raw := optionBytes(b.a[:wire.MaxOptionsLen+3], &h.packet)
	switch b.options {
	case "last":
		raw = optionBytes(b.a[:wire.MaxOptionsLen+3], p)
	case "both":
		var ok bool
		if raw, ok = b.union(raw, optionBytes(b.b[:], p)); !ok {
			return false
		}
	}
	b.pieces = wire.AppendPieces(b.pieces[:0], first, h.packet.Options(), 0, int(first.Len))
	b.pieces = wire.AppendPieces(b.pieces, last, p.Options(), 0, int(last.Len))
	first.Ack, first.Window = last.Ack, last.Window
	first.Flags |= last.Flags
	if wire.OnlySpan(b.pieces) {
		wire.SetPieces(first, h.packet.Options(), b.pieces)
	} else {
		wire.SetPieces(first, h.packet.AddOptions(), b.pieces)
	}
	setOptions(&h.packet, raw)
	return true
}

// union puts the options of both lists into one: timestamps once, the rest of
// the second behind the first, if there is room.
func (b *coalesce) union(first, second []byte) ([]byte, bool) {
	all := trimNOPs(first)
	for i, end, ok := wire.NextOption(second, 0); ok; i, end, ok = wire.NextOption(second, end) {
		if second[i] == wire.KindTimestamps || contains(all, second[i:end]) {
			continue
		}
		for len(all) > 0 && all[len(all)-1] == wire.KindNOP {
			all = all[:len(all)-1]
		}
		all = append(all, second[i:end]...)
	}
	return all, (len(all)+3)&^3 <= wire.MaxOptionsLen
}

// contains reports whether the list has exactly this option.
func contains(list, opt []byte) bool {
	for i, end, ok := wire.NextOption(list, 0); ok; i, end, ok = wire.NextOption(list, end) {
		if string(list[i:end]) == string(opt) {
			return true
		}
	}
	return false
}
