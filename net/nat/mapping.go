package nat

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file makes, finds and ends mappings.

// depends returns the part of a remote end that a mapping depends on.
func (d Dependence) depends(remote netip.AddrPort) netip.AddrPort {
	switch d {
	case EndpointIndependent:
		return netip.AddrPort{}
	case AddressDependent:
		return netip.AddrPortFrom(remote.Addr(), 0)
	}
	return remote
}

// mapFrom returns the mapping of an inside end towards a remote one, making it if
// there is none; 0 if that is impossible. An explicit mapping, which holds for all
// remote ends, goes first.
func (n *NAT) mapFrom(now sim.Time, proto uint8, inside, remote netip.AddrPort) uint32 {
	if id := n.maps.byInside[insideKey{proto, inside, netip.AddrPort{}}]; id != 0 {
		return id
	}
	remote = n.cfg.Mapping.depends(remote)
	if id := n.maps.byInside[insideKey{proto, inside, remote}]; id != 0 {
		return id
	}
	out, ok := n.allocate(now, proto, inside, remote)
	if !ok {
		return 0
	}
	return n.addMapping(now, mapping{inside: inside, outside: out, remote: remote, proto: proto}, trace.MappingCreated)
}

// addMapping enters a mapping into the tables.
func (n *NAT) addMapping(now sim.Time, m mapping, why trace.Reason) uint32 {
	t := &n.maps
	if len(t.slots) == 0 {
		t.slots = make([]mapping, 1, 16)
		t.byInside, t.byOutside = make(map[insideKey]uint32), make(map[outsideKey]uint32)
		t.ofHost = make(map[netip.Addr]*insideHost)
	}
	id := t.free
	if id != 0 {
		t.free = t.slots[id].next
	} else {
		id = uint32(len(t.slots))
		t.slots = append(t.slots, mapping{})
	}
	m.live = true
	t.slots[id] = m
	t.byInside[insideKey{m.proto, m.inside, m.remote}] = id
	t.byOutside[n.outsideKey(&m)] = id
	h := t.ofHost[m.inside.Addr()]
	if h == nil {
		h = new(insideHost)
		t.ofHost[m.inside.Addr()] = h
	}
	h.outside = m.outside.Addr()
	h.mappings++
	n.traceMapping(now, &t.slots[id], why)
	return id
}

// outsideKey is the key under which a mapping is found from outside: with
// overloaded ports together with the remote end, unless it holds for all.
func (n *NAT) outsideKey(m *mapping) outsideKey {
	k := outsideKey{proto: m.proto, outside: m.outside}
	if n.cfg.Overload {
		k.remote = m.remote
	}
	return k
}

// mapTo returns the mapping behind an outside end, for packets from a remote one;
// 0 if there is none.
func (n *NAT) mapTo(proto uint8, outside, remote netip.AddrPort) uint32 {
	if id := n.maps.byOutside[outsideKey{proto: proto, outside: outside}]; id != 0 || !n.cfg.Overload {
		return id
	}
	return n.maps.byOutside[outsideKey{proto, outside, n.cfg.Mapping.depends(remote)}]
}

// admits reports whether filtering lets a remote end in through a mapping (RFC 4787
// section 5): an explicit one admits all.
func (n *NAT) admits(m *mapping, remote netip.AddrPort) bool {
	if m.expected.IsValid() && m.expected == remote.Addr() {
		return true
	}
	if m.leased && !m.expected.IsValid() || n.cfg.Filtering == EndpointIndependent {
		return true
	}
	for id := m.first; id != 0; id = n.slots[id].next {
		s := &n.slots[id]
		if s.opener != 0 {
			continue // whoever came in has not been asked for
		}
		peer := n.env.Net.Tuple(s.inside).Dst
		if peer == remote || n.cfg.Filtering == AddressDependent && peer.Addr() == remote.Addr() {
			return true
		}
	}
	return false
}

// endSession removes a session, and its mapping if nothing else keeps it.
func (n *NAT) endSession(now sim.Time, id uint32, why trace.Reason) {
	mid := n.slots[id].mapping
	m := &n.maps.slots[mid]
	for p := &m.first; *p != 0; p = &n.slots[*p].next {
		if *p == id {
			*p = n.slots[id].next
			break
		}
	}
	n.remove(id)
	if m.first == 0 && !(m.leased && now < m.lease) {
		n.endMapping(now, mid, why)
	}
}

// endMapping removes a mapping and its sessions.
func (n *NAT) endMapping(now sim.Time, id uint32, why trace.Reason) {
	m := &n.maps.slots[id]
	for m.first != 0 {
		s := m.first
		m.first = n.slots[s].next
		n.remove(s)
	}
	n.traceMapping(now, m, why)
	delete(n.maps.byInside, insideKey{m.proto, m.inside, m.remote})
	delete(n.maps.byOutside, n.outsideKey(m))
	if n.cfg.HoldDown > 0 {
		n.holdDown(now, m)
	}
	if h := n.maps.ofHost[m.inside.Addr()]; h.mappings > 1 {
		h.mappings--
	} else {
		delete(n.maps.ofHost, m.inside.Addr())
	}
	*m = mapping{next: n.maps.free}
	n.maps.free = id
}

// holdDown remembers a port that is given up; the oldest are forgotten where there
// are more than ports.
func (n *NAT) holdDown(now sim.Time, m *mapping) {
	key := outsideKey{proto: m.proto, outside: m.outside}
	if n.freed == nil {
		n.freed = make(map[outsideKey]freed)
	}
	n.freed[key] = freed{now, m.inside.Addr()}
	n.freedOrder = append(n.freedOrder, key)
	for len(n.freedOrder) > 0 {
		oldest := n.freedOrder[0]
		if f, known := n.freed[oldest]; known && now < f.at.Add(n.cfg.HoldDown) && len(n.freedOrder) <= maxFreed {
			return
		}
		delete(n.freed, oldest)
		n.freedOrder = n.freedOrder[1:]
	}
}

// maxFreed bounds the ports that are held down.
const maxFreed = 1 << 16

// flush ends all mappings.
func (n *NAT) flush(now sim.Time) {
	for id := range n.maps.slots {
		if n.maps.slots[id].live {
			n.endMapping(now, uint32(id), trace.MappingFlushed)
		}
	}
	n.leases, n.nextLease = n.leases[:0], sim.Never
	n.pins = n.pins[:0]
	n.ftp = ftpGateway{}
	n.epoch = now
}

// traceMapping records the beginning or end of a mapping.
func (n *NAT) traceMapping(now sim.Time, m *mapping, why trace.Reason) {
	n.count(why)
	lifetime := int64(0)
	if m.leased {
		lifetime = int64(m.lease.Sub(now))
	}
	n.record = trace.Record{
		At: now, Kind: trace.Mapping, Why: why, Flow: -1,
		A: int64(n.env.Number), B: packed(m.inside), C: packed(m.outside), D: int64(m.proto), E: lifetime,
	}
	n.env.Node.Trace().Emit(&n.record)
}

// packed is an IPv4 address and port as one number: address*65536+port.
func packed(a netip.AddrPort) int64 {
	b := a.Addr().As4()
	return int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 | int64(b[3])<<16 | int64(a.Port())
}

// protocols that are translated.
func translates(proto uint8) bool { return proto == wire.ProtoTCP || proto == wire.ProtoUDP }
