package simnet

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// FullQuote as the quoting of SetICMP: as much as fits into 576 octets (RFC 1812
// section 4.3.2.3).
const FullQuote = 576

// icmpErrors is how a node tells senders of packets whose TTL has run out at it (RFC
// 792, RFC 4443 section 3.3). One message in an interval is sent at most (RFC 1812
// section 4.3.2.8). ICMP itself gets no answer, which RFC 1122 section 3.2.2 demands of
// errors only. The source is the first address of the node of the packet's family.
type icmpErrors struct {
	quote int // octets behind the IP header
	every sim.Duration
	next  sim.Time
	buf   []byte
}

// SetICMP makes the node answer packets whose TTL runs out at it by ICMP time
// exceeded, which quotes the IP header and the given octets behind it: 8 (RFC 792) to
// FullQuote; 0: no answer, which is the default. At most one is sent in the interval.
func (nd *Node) SetICMP(quote int, every sim.Duration) {
	nd.icmp = nil
	if quote > 0 {
		nd.icmp = &icmpErrors{quote: quote, every: every}
	}
}

// ICMPQuote returns the quoting of SetICMP.
func (nd *Node) ICMPQuote() int {
	if nd.icmp == nil {
		return 0
	}
	return nd.icmp.quote
}

// timeExceeded answers a packet whose TTL has run out. The packet stays the caller's.
func (nd *Node) timeExceeded(now sim.Time, id PacketID) {
	n, e := nd.net, nd.icmp
	s, o := n.Segment(id), n.Options(id)
	t := *n.Tuple(RouteID(s.Route))
	if t.Proto == wire.ProtoICMP || t.Proto == wire.ProtoICMPv6 || now < e.next {
		return
	}
	from, ok := nd.addressLike(t.Src.Addr())
	if !ok {
		return
	}
	e.next = now.Add(e.every)
	e.buf = wire.AppendPacket(e.buf[:0], &t, s, o, -1)
	ip, proto, most := 20, uint8(wire.ProtoICMP), FullQuote-28
	if t.Src.Addr().Is6() {
		ip, proto, most = 40, wire.ProtoICMPv6, 1280-48
	}
	m := wire.NewTimeExceeded(proto, e.buf[:min(len(e.buf), ip+e.quote, most)])
	nd.sendICMP(now, from, t.Src.Addr(), proto, &m)
}

// sendICMP sends a message of ICMP or ICMPv6 from the node.
func (nd *Node) sendICMP(now sim.Time, from, to netip.Addr, proto uint8, m *wire.ICMPMessage) {
	n := nd.net
	id := n.Alloc()
	s := n.Segment(id)
	s.Route = uint32(n.Intern(wire.Tuple{Src: netip.AddrPortFrom(from, 0), Dst: netip.AddrPortFrom(to, 0), Proto: proto}))
	s.TTL = 64
	o := n.AddOptions(id)
	o.Present |= wire.OptICMP
	o.ICMP = wire.AppendICMP(o.ICMP[:0], m)
	nd.Send(now, id)
}

// addressLike returns the first address of the node of the same family.
func (nd *Node) addressLike(a netip.Addr) (netip.Addr, bool) {
	for _, ifc := range nd.ifcs {
		for _, p := range ifc.addrs {
			if p.Addr().Is4() == a.Is4() {
				return p.Addr(), true
			}
		}
	}
	return netip.Addr{}, false
}
