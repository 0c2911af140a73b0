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
	rst     bool
	code    uint8
	quote   int
	refusal Refusal
}

// Process implements simnet.Box.
func (b *reject) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if !b.picks(now, p, d) {
		out.Emit(p, d)
		return
	}
	b.note(now, p, trace.BoxReject)
	if b.rst {
		b.refusal.Reset(p, d, out)
	} else {
		b.refusal.Unreachable(p, d, b.address(p.Tuple().Dst.Addr()), b.code, b.quote, out)
	}
	out.Drop(p, trace.BoxReject)
}

// address returns an address of the node at which the box stands, of the family
// of the packet's destination, or that destination if there is none.
func (b *base) address(dst netip.Addr) netip.Addr {
	for _, ifc := range b.env.Node.Interfaces() {
		for _, a := range ifc.Addrs() {
			if a.Addr().Is4() == dst.Is4() {
				return a.Addr()
			}
		}
	}
	return dst
}

// Refusal makes the answers by which a box refuses packets. A box has one, so
// that nothing escapes to the heap.
type Refusal struct {
	made simnet.Packet
	buf  []byte
}

// Reset answers a TCP segment that travels in direction d like a host without the
// connection (RFC 9293 section 3.10.7.1); a RST and what is not TCP gets no
// answer. The packet stays the caller's.
func (r *Refusal) Reset(p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	t, s := *p.Tuple(), *p.Segment()
	if t.Proto != wire.ProtoTCP || s.Flags.Has(wire.RST) {
		return
	}
	r.made = out.New(t.Reverse())
	a := r.made.Segment()
	a.TTL = 64
	a.Flags = wire.RST
	if s.Flags.Has(wire.ACK) {
		a.Seq = s.Ack
	} else {
		a.Flags |= wire.ACK
		a.Ack = s.Seq.Add(int(s.Len))
		if s.Flags.Has(wire.SYN) {
			a.Ack++
		}
		if s.Flags.Has(wire.FIN) {
			a.Ack++
		}
	}
	out.Emit(&r.made, opposite(d))
}

// Unreachable answers a packet that travels in direction d by destination
// unreachable of the given code, from an address, with the beginning of the
// packet: its IP header and quote octets behind it. ICMP gets no answer. The
// packet stays the caller's.
func (r *Refusal) Unreachable(p *simnet.Packet, d simnet.Dir, from netip.Addr, code uint8, quote int, out simnet.Emitter) {
	t := p.Tuple()
	if t.Proto == wire.ProtoICMP || t.Proto == wire.ProtoICMPv6 {
		return
	}
	proto := uint8(wire.ProtoICMP)
	if t.Src.Addr().Is6() {
		proto = wire.ProtoICMPv6
	}
	m := wire.NewUnreachable(proto, code, r.quote(p, quote, 0))
	r.answer(p, d, from, proto, &m, out)
}

// quote returns the beginning of a packet: its IP header and n octets behind it, or, if
// total is more, that many octets.
func (r *Refusal) quote(p *simnet.Packet, n, total int) []byte {
	t := p.Tuple()
	r.buf = wire.AppendPacket(r.buf[:0], t, p.Segment(), p.Options(), -1)
	ip := wire.HeaderLen(t, p.Segment(), p.Options()) - wire.TCPHeaderLen - p.Segment().OptionsLen(p.Options())
	if t.Proto != wire.ProtoTCP {
		ip = len(r.buf) - int(p.Segment().Len)
		if t.Proto == wire.ProtoUDP {
			ip -= wire.UDPHeaderLen
		}
	}
	return r.buf[:min(len(r.buf), max(ip+n, total))]
}

// answer sends an ICMP message about a packet to its source.
func (r *Refusal) answer(p *simnet.Packet, d simnet.Dir, from netip.Addr, proto uint8, m *wire.ICMPMessage, out simnet.Emitter) {
	r.made = out.New(wire.Tuple{
		Src: netip.AddrPortFrom(from, 0), Dst: netip.AddrPortFrom(p.Tuple().Src.Addr(), 0), Proto: proto,
	})
	r.made.Segment().TTL = 64
	o := r.made.AddOptions()
	o.Present |= wire.OptICMP
	o.ICMP = wire.AppendICMP(o.ICMP[:0], m)
	out.Emit(&r.made, opposite(d))
}
