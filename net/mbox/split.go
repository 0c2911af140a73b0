package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// split cuts segments, as segmentation offload does (which copies all options to
// every part) and as middleboxes do that resegment a stream (RFC 8684 section 3.3:
// "TCP Segmentation Offload ... might replicate options"). Parts without the
// options keep the timestamps, without which they could not be accepted.
var splitSpec = Spec{
	Name: "split",
	Doc:  "cuts data segments into smaller ones",
	Params: []Param{
		{Name: "size", Kind: Whole, Number: 536, Min: 1, Max: 65535, Doc: "payload bytes of each part, at most"},
		{Name: "options", Kind: Choice, Default: "all", Choices: []string{"all", "first", "last"},
			Doc: "which parts carry the options beside timestamps"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &split{base: b, size: int(s.at(v, "size").number), options: s.at(v, "options").text}
	},
}

type split struct {
	base
	size    int
	options string
	pieces  []wire.Piece
	buf     [wire.MaxOptionsLen + 3]byte
}

// Process implements simnet.Box.
func (b *split) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	if !isTCP(p) || int(s.Len) <= b.size || s.Flags.Has(wire.SYN) || !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	b.note(now, p, trace.SegmentSplit)
	n, at := int(s.Len), 0
	for ; at+b.size < n; at += b.size {
		b.made = out.Clone(p)
		b.cut(&b.made, at, at+b.size, n)
		out.Emit(&b.made, d)
	}
	b.cut(p, at, n, n)
	out.Emit(p, d)
}

// cut makes a packet with n bytes of payload the part [from, to).
func (b *split) cut(p *simnet.Packet, from, to, n int) {
	s := p.Segment()
	b.pieces = wire.AppendPieces(b.pieces[:0], s, p.Options(), from, to)
	wire.SetPieces(s, p.Options(), b.pieces)
	s.Seq = s.Seq.Add(from)
	if from > 0 {
		s.Flags &^= wire.CWR // it announces once
	}
	if to < n {
		s.Flags &^= wire.FIN | wire.PSH
	}
	if b.options == "first" && from > 0 || b.options == "last" && to < n {
		raw := optionBytes(b.buf[:], p)
		for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
			if raw[i] != wire.KindTimestamps {
				raw = raw[:i+copy(raw[i:], raw[end:])]
				end = i
			}
		}
		setOptions(p, trimNOPs(raw))
	}
	if o := p.Options(); o != nil && o.Present == 0 {
		p.DropOptions()
	}
}

// trimNOPs takes away the padding at the end, so far as it is whole words.
func trimNOPs(raw []byte) []byte {
	n := len(raw)
	for n > 0 && raw[n-1] == wire.KindNOP {
		n--
	}
	for n%4 != 0 && n < len(raw) {
		n++
	}
	return raw[:n]
}
