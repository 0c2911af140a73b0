package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// shrinkWindow lowers the receive window in what a host announces, as devices do
// that protect their own buffers (RFC 8684 sections 3.3.5 and 6). It learns the
// scale from the SYNs; of a flow whose SYN it has not seen the scale counts as 0. A
// variant does not know of scaling (RFC 7323): it compares the field as it is, so that
// the window it leaves is larger than it means by the factor of the scale.
var shrinkWindowSpec = Spec{
	Name: "shrink-window",
	Doc:  "lowers the receive window in TCP headers",
	Params: []Param{
		{Name: "window", Kind: Whole, Number: 16384, Min: 0, Max: 1 << 30, Doc: "largest window left, bytes"},
		{Name: "scale", Kind: Choice, Default: "honour", Choices: []string{"honour", "ignore"}, Doc: "ignore: the box takes the field for bytes, whatever window scale the SYNs have agreed on"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &shrinkWindow{base: b, limit: s.at(v, "window").number, ignore: s.at(v, "scale").text == "ignore"}
	},
}

type shrinkWindow struct {
	base
	limit  int64
	ignore bool
	flows  flowTable[uint8] // window scale that the sender of this direction uses
}

// Process implements simnet.Box.
func (b *shrinkWindow) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !isTCP(p) {
		out.Emit(p, d)
		return
	}
	s := p.Segment()
	scale := uint8(0)
	if s.Flags.Has(wire.SYN) {
		if f := b.flows.add(p.Route()); f == nil {
			b.tell(now, p, trace.BoxFull)
		} else if *f = 0; p.Options().Has(wire.OptWScale) {
			*f = min(p.Options().WScale, 14)
		}
	} else if f := b.flows.get(p.Route()); f != nil && !b.ignore {
		scale = *f
	}
	if w := min(b.limit>>scale, 1<<16-1); int64(s.Window) > w && b.picks(now, p, d) {
		s.Window = uint16(w)
		b.note(now, p, trace.WindowShrunk)
	}
	out.Emit(p, d)
}
