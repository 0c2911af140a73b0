package mbox

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// drop and reject are packet filters: the first is silent, the second tells the
// sender by a RST, as if the peer had sent it, or by ICMP (RFC 792, RFC 4443).
var dropSpec = Spec{
	Name: "drop",
	Doc:  "drops packets",
	new:  func(_ *Spec, b base, _ Values) Box { return &drop{b} },
}

type drop struct{ base }

// Process implements simnet.Box.
func (b *drop) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if b.picks(now, p, d) {
		b.note(now, p, trace.BoxDrop)
		out.Drop(p, trace.BoxDrop)
		return
	}
	out.Emit(p, d)
}

var rejectSpec = Spec{
	Name: "reject",
	Doc:  "drops packets and tells the sender",
	Params: []Param{
		{Name: "with", Kind: Choice, Default: "rst", Choices: []string{"rst", "icmp"}, Doc: "answer: a RST of the connection, or ICMP destination unreachable"},
		{Name: "code", Kind: Whole, Number: 1, Max: 15, Doc: "code of the ICMP message: of ICMP type 3 (1 host unreachable, 3 port unreachable, 13 prohibited), or of ICMPv6 type 1"},
		{Name: "quote", Kind: Whole, Number: 8, Min: 8, Max: 500, Doc: "octets behind the IP header that the ICMP message quotes: 8 (RFC 792) or more (RFC 1812 section 4.3.2.3)"},
	},
	new: func(s *Spec, b base, v Values) Box {
		return &reject{base: b, rst: s.at(v, "with").text == "rst",
			code: uint8(s.at(v, "code").number), quote: int(s.at(v, "quote").number)}
	},
}

type reject struct {
	base
	rst   bool
	code  uint8
	quote int
	buf   []byte
}

// Process implements simnet.Box.
func (b *reject) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	b.note(now, p, trace.BoxReject)
	switch t := *p.Tuple(); {
	case !b.rst && t.Proto != wire.ProtoICMP && t.Proto != wire.ProtoICMPv6:
		b.unreachable(p, t, d, out)
	case b.rst && t.Proto == wire.ProtoTCP && !p.Segment().Flags.Has(wire.RST):
		b.reset(p, t, d, out)
	}
	out.Drop(p, trace.BoxReject)
}

// reset answers like a host without the connection (RFC 9293 section 3.10.7.1).
func (b *reject) reset(p *simnet.Packet, t wire.Tuple, d simnet.Dir, out simnet.Emitter) {
	s := *p.Segment()
	b.made = out.New(t.Reverse())
	r := b.made.Segment()
	r.TTL = 64
	r.Flags = wire.RST
	if s.Flags.Has(wire.ACK) {
		r.Seq = s.Ack
	} else {
		r.Flags |= wire.ACK
		r.Ack = s.Seq.Add(int(s.Len))
		if s.Flags.Has(wire.SYN) {
			r.Ack++
		}
		if s.Flags.Has(wire.FIN) {
			r.Ack++
		}
	}
	out.Emit(&b.made, opposite(d))
}

// unreachable sends destination unreachable with the beginning of the packet.
func (b *reject) unreachable(p *simnet.Packet, t wire.Tuple, d simnet.Dir, out simnet.Emitter) {
	b.buf = wire.AppendPacket(b.buf[:0], &t, p.Segment(), p.Options(), -1)
	ip := wire.HeaderLen(&t, p.Segment(), p.Options()) - wire.TCPHeaderLen - p.Segment().OptionsLen(p.Options())
	if t.Proto != wire.ProtoTCP {
		ip = len(b.buf) - int(p.Segment().Len)
		if t.Proto == wire.ProtoUDP {
			ip -= wire.UDPHeaderLen
		}
	}
	proto := uint8(wire.ProtoICMP)
	if t.Src.Addr().Is6() {
		proto = wire.ProtoICMPv6
	}
	m := wire.NewUnreachable(proto, b.code, b.buf[:min(len(b.buf), ip+b.quote)])
	b.made = out.New(wire.Tuple{
		Src: netip.AddrPortFrom(b.address(t.Dst.Addr()), 0), Dst: netip.AddrPortFrom(t.Src.Addr(), 0), Proto: proto,
	})
	b.made.Segment().TTL = 64
	o := b.made.AddOptions()
	o.Present |= wire.OptICMP
	o.ICMP = wire.AppendICMP(o.ICMP[:0], &m)
	out.Emit(&b.made, opposite(d))
}

// address returns an address of the node at which the box stands, of the family
// of the packet's destination, or that destination if there is none.
func (b *reject) address(dst netip.Addr) netip.Addr {
	for _, ifc := range b.env.Node.Interfaces() {
		for _, a := range ifc.Addrs() {
			if a.Addr().Is4() == dst.Is4() {
				return a.Addr()
			}
		}
	}
	return dst
}
