package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// bleach changes the octet of the IP header that was once TOS. Routers that rewrite it
// as a whole clear the ECN field with it, so that a congested queue behind them drops
// where it would mark, and marks set before them are lost (RFC 3168 section 18.1.1: an
// erased congestion indication; RFC 8311). Other networks rewrite the DSCP alone (RFC
// 2474 section 3). TCP's own flags ECE and CWR are left alone: hosts go on believing
// that ECN was agreed on.
var bleachSpec = Spec{
	Name: "bleach",
	Doc:  "clears the ECN field of IP headers, or changes the DSCP",
	Params: []Param{
		{Name: "ecn", Kind: Choice, Default: "clear", Choices: []string{"clear", "unmark", "keep"}, Doc: "clear: every codepoint becomes Not-ECT; unmark: CE becomes ECT(0), so that marks vanish; keep: the field stays"},
		{Name: "dscp", Kind: Whole, Number: 64, Max: 64, Doc: "what the DSCP becomes; 64: it stays"},
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &bleach{base: b, dscp: uint8(s.at(v, "dscp").number)}
		switch s.at(v, "ecn").text {
		case "clear":
			x.ecn = [4]uint8{}
		case "unmark":
			x.ecn = [4]uint8{wire.NotECT, wire.ECT1, wire.ECT0, wire.ECT0}
		default:
			x.ecn = [4]uint8{wire.NotECT, wire.ECT1, wire.ECT0, wire.CE}
		}
		return x
	},
}

type bleach struct {
	base
	ecn  [4]uint8 // what each codepoint becomes
	dscp uint8
}

// Process implements simnet.Box.
func (b *bleach) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	tos, why := s.TOS&^wire.ECNMask|b.ecn[s.TOS&wire.ECNMask], trace.ECNBleached
	if b.dscp < 64 && tos>>2 != b.dscp {
		tos, why = b.dscp<<2|tos&wire.ECNMask, trace.DSCPChanged
	}
	if tos != s.TOS && b.picks(now, p, d) {
		s.TOS = tos
		b.note(now, p, why)
	}
	out.Emit(p, d)
}
