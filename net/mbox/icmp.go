package mbox

import (
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// icmp is a source of ICMP errors: a router that tells the sender that a packet did
// not get on, or one that says so though it did. What it quotes is what its builders
// read: RFC 792 asks for the IP header and 8 octets, RFC 1812 section 4.3.2.3 for as
// much as fits into 576 octets, RFC 4443 into 1280. Ports are in either quote, TCP
// options only in the long one; by it a host learns what its segment looked like there
// (tracebox). RFC 8684 section 3.3.6 counts such errors as a sign that a subflow has
// failed. ICMP errors are never about ICMP. Not modelled: rate limits.
var icmpSpec = Spec{
	Name: "icmp",
	Doc:  "answers packets with ICMP errors, and drops them or lets them pass",
	Params: []Param{
		{Name: "error", Kind: Choice, Default: "unreachable", Choices: []string{"unreachable", "time-exceeded", "too-big"}, Doc: "what the message says"},
		{Name: "code", Kind: Whole, Number: 1, Max: 15, Doc: "code of unreachable: of ICMP type 3 (1 host, 3 port, 13 prohibited), or of ICMPv6 type 1"},
		{Name: "mtu", Kind: Whole, Number: 1280, Min: 68, Max: 65535, Doc: "next-hop MTU of too-big, which is about packets that are larger only"},
		{Name: "quote", Kind: Choice, Default: "rfc1812", Choices: []string{"rfc792", "rfc1812"}, Doc: "rfc792: the IP header and 8 octets; rfc1812: what fits into 576 octets, of ICMPv6 into 1280"},
		{Name: "pass", Kind: Flag, Doc: "the packet goes on: the message is wrong"},
	},
	new: func(s *Spec, b base, v Values) Box {
		x := &icmp{base: b, pass: s.at(v, "pass").number == 1, code: uint8(s.at(v, "code").number), mtu: uint32(s.at(v, "mtu").number), long: s.at(v, "quote").text == "rfc1812"}
		switch s.at(v, "error").text {
		case "unreachable":
			x.kind = wire.ICMPUnreachable
		case "time-exceeded":
			x.kind = wire.ICMPTimeExceeded
		default:
			x.kind = wire.ICMPTooBig
		}
		return x
	},
}

type icmp struct {
	base
	kind    wire.ICMPKind
	code    uint8
	mtu     uint32
	long    bool
	pass    bool
	refusal Refusal
}

// Process implements simnet.Box.
func (b *icmp) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t := p.Tuple()
	about := t.Proto != wire.ProtoICMP && t.Proto != wire.ProtoICMPv6
	if b.kind == wire.ICMPTooBig && about {
		about = wire.WireLen(t, p.Segment(), p.Options()) > int(b.mtu)
	}
	if !about || !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	b.note(now, p, trace.ICMPSent)
	proto, room := uint8(wire.ProtoICMP), 576-20-wire.ICMPHeaderLen
	if t.Src.Addr().Is6() {
		proto, room = wire.ProtoICMPv6, 1280-40-wire.ICMPHeaderLen
	}
	if !b.long {
		room = 0
	}
	quote := b.refusal.quote(p, 8, room)
	m := wire.NewUnreachable(proto, b.code, quote)
	switch b.kind {
	case wire.ICMPTimeExceeded:
		m = wire.NewTimeExceeded(proto, quote)
	case wire.ICMPTooBig:
		m = wire.NewTooBig(proto, b.mtu, quote)
	}
	b.refusal.answer(p, d, b.address(t.Dst.Addr()), proto, &m, out)
	if b.pass {
		out.Emit(p, d)
		return
	}
	out.Drop(p, trace.ICMPSent)
}
