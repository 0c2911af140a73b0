package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// duplicate sends packets twice, or repeats options within a packet: what is
// received twice must change nothing.
var duplicateSpec = Spec{
	Name: "duplicate",
	Doc:  "duplicates packets, or options within packets",
	Params: []Param{
		{Name: "what", Kind: Choice, Default: "packet", Choices: []string{"packet", "options"}, Doc: "what is duplicated"},
		{Name: "copies", Kind: Whole, Number: 1, Min: 1, Max: 100, Doc: "additional packets"},
		{Name: "options", Kind: Options, Default: "mptcp", Doc: "options that are repeated behind the others, as far as there is room"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &duplicate{base: b, packets: s.at(v, "what").text == "packet", copies: int(s.at(v, "copies").number), set: s.at(v, "options").set}
	},
}

type duplicate struct {
	base
	packets bool
	copies  int
	set     OptionSet
	buf     [2*wire.MaxOptionsLen + 3]byte
}

// Process implements simnet.Box.
func (b *duplicate) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	switch {
	case b.packets:
		if b.picks(now, p, d) {
			b.note(now, p, trace.Duplicated)
			for range b.copies {
				b.made = out.Clone(p)
				out.Emit(&b.made, d)
			}
		}
	case isTCP(p):
		raw := optionBytes(b.buf[:], p)
		if twice, more := b.repeat(raw); more && b.picks(now, p, d) {
			setOptions(p, twice)
			b.note(now, p, trace.Duplicated)
		}
	}
	out.Emit(p, d)
}

// repeat appends the options of the set to the list, and reports whether it has
// appended any.
func (b *duplicate) repeat(raw []byte) (twice []byte, more bool) {
	twice = raw
	n := len(raw)
	for i, end, ok := wire.NextOption(raw, 0); ok && end <= n; i, end, ok = wire.NextOption(raw, end) {
		if b.set.has(raw[i:end]) && (len(twice)+end-i+3)&^3 <= wire.MaxOptionsLen {
			twice = append(twice, raw[i:end]...)
			more = true
		}
	}
	return twice, more
}

// clampMSS lowers the MSS option of SYNs, as gateways to links of a smaller MTU
// do.
var clampMSSSpec = Spec{
	Name: "clamp-mss",
	Doc:  "lowers the MSS option of SYNs",
	Params: []Param{
		{Name: "mss", Kind: Whole, Number: 1380, Min: 88, Max: 65495, Doc: "largest MSS left, bytes"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &clampMSS{base: b, mss: uint16(s.at(v, "mss").number)}
	},
}

type clampMSS struct {
	base
	mss uint16
	buf [wire.MaxOptionsLen + 3]byte
}

// Process implements simnet.Box.
func (b *clampMSS) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if o := p.Options(); o.Has(wire.OptMSS) && o.MSS > b.mss && b.picks(now, p, d) {
		raw := optionBytes(b.buf[:], p)
		for i, end, ok := wire.NextOption(raw, 0); ok; i, end, ok = wire.NextOption(raw, end) {
			if raw[i] == wire.KindMSS && end-i == 4 {
				be.PutUint16(raw[i+2:], b.mss)
			}
		}
		setOptions(p, raw)
		b.note(now, p, trace.MSSClamped)
	}
	out.Emit(p, d)
}

// jitterBox is Jitter as a row of the table.
type jitterBox struct {
	base
	Jitter
}

// Process implements simnet.Box.
func (b *jitterBox) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if d == simnet.Out && b.towards(d) {
		b.acted++
		b.Jitter.Process(now, p, d, out)
		return
	}
	out.Emit(p, d)
}

// NextTimeout implements simnet.Box.
func (b *jitterBox) NextTimeout() sim.Time { return b.Jitter.NextTimeout() }

// HandleTimeout implements simnet.Box.
func (b *jitterBox) HandleTimeout(now sim.Time, out simnet.Emitter) {
	b.Jitter.HandleTimeout(now, out)
}
