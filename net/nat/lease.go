package nat

import (
	"net/netip"
	"slices"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file is the PCP server of a translator (RFC 6887 section 11): inside hosts
// ask for explicit mappings, which admit every remote end and live until their
// lease ends, whether or not packets come.

// maxLeases bounds the explicit mappings of a translator.
const maxLeases = 1 << 12

// forPCP reports whether a packet is for the translator's PCP server.
func (n *NAT) forPCP(t *wire.Tuple) bool {
	return n.cfg.PCP && t.Proto == wire.ProtoUDP && t.Dst.Port() == PCPPort && (n.owns(t.Dst.Addr()) || n.nodeHas(t.Dst.Addr()))
}

// nodeHas reports whether an address belongs to the router at which the translator
// stands.
func (n *NAT) nodeHas(a netip.Addr) bool {
	if !n.env.Node.Forwards() {
		return false
	}
	for _, ifc := range n.env.Node.Interfaces() {
		for _, p := range ifc.Addrs() {
			if p.Addr() == a {
				return true
			}
		}
	}
	return false
}

// servePCP answers a request and ends the packet. The answer goes back to where
// the request came from.
func (n *NAT) servePCP(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	t := *p.Tuple()
	bytes := wire.AppendPacket(nil, &t, p.Segment(), p.Options(), -1)
	payload := bytes[len(bytes)-int(p.Segment().Len):]
	var m MapMessage
	err := m.Parse(payload)
	if m.Reply || err == errPCPLength && len(payload) < 24 {
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	switch {
	case err == errPCPVersion:
		m.Result = PCPUnsupportedVersion
	case err == errPCPOpcode:
		m.Result = PCPUnsupportedOpcode
	case err == errPCPOption:
		m.Result = PCPUnsupportedOption
	case err != nil:
		m.Result = PCPMalformedRequest
	case m.Client != t.Src.Addr():
		m.Result = PCPAddressMismatch // another translator stands between (section 8.2)
	case m.Peer.IsValid():
		n.grantPeer(now, &m)
	default:
		n.grant(now, &m)
	}
	if m.Result != PCPSuccess {
		m.Lifetime = 30 // for which the error stands (section 7.4: short-lived ones)
		if m.Result != PCPNoResources && m.Result != PCPUserExceededQuota {
			m.Lifetime = 1800
		}
	}
	m.Reply = true
	m.Epoch = uint32(now.Sub(n.epoch) / sim.Second)
	n.made = out.New(t.Reverse())
	s := n.made.Segment()
	s.TTL = 64
	o := n.made.AddOptions()
	wire.SetPieces(s, o, []wire.Piece{{Len: uint32(m.Len()), Data: m.Append(nil)}})
	n.acted++
	out.Emit(&n.made, simnet.In)
	out.Drop(p, trace.NoReason)
}

// grant carries out a MAP request and completes it to the response.
func (n *NAT) grant(now sim.Time, m *MapMessage) {
	inside := netip.AddrPortFrom(m.Client, m.Internal)
	switch {
	case !translates(m.Proto):
		m.Result = PCPUnsupportedProtocol // 0 would be all protocols
		return
	case m.Internal == 0:
		m.Result = PCPNotAuthorized // all ports of an address that others share
		return
	}
	id := n.maps.byInside[insideKey{m.Proto, inside, netip.AddrPort{}}]
	if id != 0 && n.maps.slots[id].leased && (n.maps.slots[id].expected.IsValid() || n.maps.slots[id].nonce != m.Nonce) {
		m.Result = PCPNotAuthorized // somebody else's (section 11.3)
		return
	}
	if m.Lifetime == 0 {
		n.giveBack(now, id, m)
		return
	}
	if len(n.leases) >= maxLeases && (id == 0 || !n.maps.slots[id].leased) {
		m.Result = PCPNoResources
		return
	}
	if id == 0 {
		out, result := n.suggested(now, m, inside)
		if m.Result = result; result != PCPSuccess {
			return
		}
		id = n.addMapping(now, mapping{inside: inside, outside: out, proto: m.Proto}, trace.MappingCreated)
	}
	e := &n.maps.slots[id]
	if !e.leased {
		n.leases = append(n.leases, id)
	}
	life := min(max(sim.Duration(m.Lifetime)*sim.Second, n.cfg.MinLease), n.cfg.MaxLease)
	e.leased, e.nonce, e.lease = true, m.Nonce, now.Add(life)
	n.nextLease = min(n.nextLease, e.lease)
	m.Lifetime = uint32(life / sim.Second)
	m.External = e.outside
	n.traceMapping(now, e, trace.MappingLeased)
}

// suggested returns the outside end of a new explicit mapping: the suggested one if
// it is free, else what the policy gives.
func (n *NAT) suggested(now sim.Time, m *MapMessage, inside netip.AddrPort) (netip.AddrPort, PCPResult) {
	if n.cfg.PortsPerHost > 0 {
		if h := n.maps.ofHost[inside.Addr()]; h != nil && h.mappings >= n.cfg.PortsPerHost {
			return netip.AddrPort{}, PCPUserExceededQuota
		}
	}
	if a := m.External; a.Port() != 0 {
		for _, own := range n.cfg.Outside {
			out := netip.AddrPortFrom(own, a.Port())
			if (own == a.Addr() || !a.Addr().IsValid() || a.Addr().IsUnspecified()) && n.unused(now, m.Proto, out, inside.Addr()) {
				return out, PCPSuccess
			}
		}
	}
	out, ok := n.allocate(now, m.Proto, inside, netip.AddrPort{})
	if !ok || !n.unused(now, m.Proto, out, inside.Addr()) {
		return out, PCPNoResources
	}
	return out, PCPSuccess
}

// unused reports whether an outside end stands for nobody at all, whatever the
// remote end: an explicit mapping takes it for all.
func (n *NAT) unused(now sim.Time, proto uint8, out netip.AddrPort, host netip.Addr) bool {
	if !n.portFree(now, proto, out, host, netip.AddrPort{}) {
		return false
	}
	if !n.cfg.Overload {
		return true
	}
	return !slices.ContainsFunc(n.maps.slots, func(m mapping) bool { return m.live && m.proto == proto && m.outside == out })
}

// giveBack ends an explicit mapping by the wish of its owner (section 15).
func (n *NAT) giveBack(now sim.Time, id uint32, m *MapMessage) {
	if id == 0 || !n.maps.slots[id].leased {
		return // nothing to delete is success
	}
	m.External = n.maps.slots[id].outside
	n.maps.slots[id].lease = now
	n.endLeases(now)
}

// endLeases turns explicit mappings whose time is over into dynamic ones, which end
// unless sessions keep them.
func (n *NAT) endLeases(now sim.Time) {
	n.nextLease = sim.Never
	n.leases = slices.DeleteFunc(n.leases, func(id uint32) bool {
		m := &n.maps.slots[id]
		if !m.leased {
			return true
		}
		if now < m.lease {
			n.nextLease = min(n.nextLease, m.lease)
			return false
		}
		m.leased, m.expected = false, netip.Addr{}
		if m.first == 0 {
			n.endMapping(now, id, trace.MappingExpired)
		}
		return true
	})
}
