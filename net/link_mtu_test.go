package simnet_test

import (
	"net/netip"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// messages keeps the ICMP messages that a host receives.
type messages struct {
	n   *simnet.Network
	got []wire.ICMPMessage
	len []int
	src []netip.Addr
}

func (m *messages) Receive(_ sim.Time, id simnet.PacketID) {
	if o := m.n.Options(id); o.Has(wire.OptICMP) {
		var msg wire.ICMPMessage
		if wire.ParseICMP(append([]byte(nil), o.ICMP...), &msg) == nil {
			m.got = append(m.got, msg)
			m.len = append(m.len, m.n.Size(id))
			m.src = append(m.src, m.n.Tuple(simnet.RouteID(m.n.Segment(id).Route)).Src.Addr())
		}
	}
	m.n.Free(id)
}

// A router with a link of MTU 1280 ahead drops what is longer and tells the source: the
// kind of message, the MTU, who speaks, and how much is quoted (RFC 1191 section 4, RFC
// 1812 section 4.3.2.3: 576 octets; RFC 4443 section 3.2: 1280). What fits passes; with
// TooBig off nobody is told; no message is about a message.
func TestTooBigMessages(t *testing.T) {
	for _, c := range []struct {
		v6, tell bool
		size     int
		messages int
		length   int
	}{
		{false, true, 1280, 0, 0}, {false, true, 1281, 1, 576}, {false, false, 1500, 0, 0},
		{true, true, 1280, 0, 0}, {true, true, 1500, 1, 1280},
	} {
		b := newLab(t)
		b.net.SetVerify(true)
		a, r, d := b.net.AddNode("a"), b.net.AddNode("r"), b.host("d")
		at, rt := "10.0.1.%", "10.0.2.%"
		bits := "/24"
		if c.v6 {
			at, rt, bits = "fd00:1::%", "fd00:2::%", "/64"
		}
		addr := func(pattern, host string) netip.Prefix {
			return netip.MustParsePrefix(pattern[:len(pattern)-1] + host + bits)
		}
		ea, ra, rd, ed := a.AddInterface("e"), r.AddInterface("a"), r.AddInterface("d"), d.AddInterface("e")
		ea.AddAddr(addr(at, "1"))
		ra.AddAddr(addr(at, "2"))
		rd.AddAddr(addr(rt, "2"))
		ed.AddAddr(addr(rt, "1"))
		b.net.Connect("ar", ea, ra, simnet.LinkConfig{}, simnet.LinkConfig{})
		narrow, _ := b.net.Connect("rd", rd, ed, simnet.LinkConfig{MTU: 1280, TooBig: c.tell}, simnet.LinkConfig{})
		m := &messages{n: b.net}
		a.SetReceiver(m)
		a.AddRoute(simnet.MainTable, netip.PrefixFrom(addr(rt, "0").Masked().Addr(), addr(rt, "0").Bits()), ea, 0)
		proto := uint8(wire.ProtoTCP)
		route := b.net.Intern(wire.Tuple{
			Src: netip.AddrPortFrom(addr(at, "1").Addr(), 1), Dst: netip.AddrPortFrom(addr(rt, "1").Addr(), 2), Proto: proto,
		})
		b.at(0, func() { b.send(a, route, 77, c.size) })
		b.finish()
		if len(m.got) != c.messages || c.messages == 0 && c.tell == (len(b.arrived) == 0) {
			t.Errorf("%+v: %d messages, %d packets arrived, %d drops", c, len(m.got), len(b.arrived), narrow.Stats().MTUDrops)
			continue
		}
		if c.messages == 0 {
			continue
		}
		icmp := uint8(wire.ProtoICMP)
		if c.v6 {
			icmp = wire.ProtoICMPv6
		}
		var quoted wire.Tuple
		seq, err := wire.ParseQuote(m.got[0].Body, &quoted)
		if m.got[0].Kind(icmp) != wire.ICMPTooBig || m.got[0].MTU(icmp) != 1280 || m.len[0] != c.length || m.src[0] != addr(rt, "2").Addr() ||
			err != nil || seq != 77 || quoted != *b.net.Tuple(route) {
			t.Errorf("%+v: type %d, MTU %d, %d octets from %v, about %v %d %v", c, m.got[0].Type, m.got[0].MTU(icmp), m.len[0], m.src[0], quoted, seq, err)
		}
	}
}
