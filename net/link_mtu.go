package simnet

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Packets longer than the MTU of a link. The node that should transmit one drops it and,
// if the link's TooBig says so, tells its source by ICMP: fragmentation needed and DF set
// (RFC 792, RFC 1191) or packet too big (RFC 4443, RFC 8201), with the MTU and the
// beginning of the packet, as much as keeps the message within 576 octets (RFC 1812
// section 4.3.2.3) or 1280 (RFC 4443 section 2.4). No message is about ICMP errors, nor
// comes from a node without an address of the family. A packet of IPv4 whose DF bit is
// clear is cut instead (see fragment.go).
//
// A node that is the source itself gets its message through its loopback link: a host
// learns the MTU of its own link by its first long packet. The rate of messages is not
// limited.

// Octets of a packet that an ICMP error quotes.
const (
	quote4 = 576 - 20 - wire.ICMPHeaderLen
	quote6 = 1280 - 40 - wire.ICMPHeaderLen
)

// tooBig ends a packet that is longer than the MTU of the link.
func (n *Network) tooBig(now sim.Time, li uint32, id PacketID) {
	lk := n.cold[li]
	if !lk.cfg.TooBig {
		n.drop(now, li, id, trace.PacketTooBig)
		return
	}
	t := *n.Tuple(RouteID(n.Segment(id).Route))
	from, ok := lk.speaker(t.Src.Addr())
	if !ok || t.Proto == wire.ProtoICMP || t.Proto == wire.ProtoICMPv6 {
		n.drop(now, li, id, trace.PacketTooBig)
		return
	}
	proto, quote := uint8(wire.ProtoICMP), quote4
	if t.Src.Addr().Is6() {
		proto, quote = wire.ProtoICMPv6, quote6
	}
	n.scratch = wire.AppendPacket(n.scratch[:0], &t, n.Segment(id), n.Options(id), -1)
	mtu := uint32(lk.hot().mtu)
	if lk.cfg.OldRouter {
		mtu = 0
	}
	m := wire.NewTooBig(proto, mtu, n.scratch[:min(len(n.scratch), quote)])
	n.drop(now, li, id, trace.PacketTooBig)
	lk.node.sendICMP(now, from, t.Src.Addr(), proto, &m)
}

// speaker returns an address of the transmitting node of the family of dst: one of the
// link's own interface if it has one.
func (lk *Link) speaker(dst netip.Addr) (netip.Addr, bool) {
	if lk.from == nil {
		return dst, false
	}
	if a, ok := lk.from.addrLike(dst); ok {
		return a, true
	}
	for _, ifc := range lk.node.ifcs {
		if a, ok := ifc.addrLike(dst); ok {
			return a, true
		}
	}
	return dst, false
}

// addrLike returns the first address of the interface that has the family of a.
func (ifc *Interface) addrLike(a netip.Addr) (netip.Addr, bool) {
	for _, p := range ifc.addrs {
		if p.Addr().Is4() == a.Is4() {
			return p.Addr(), true
		}
	}
	return a, false
}
