package nat

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
)

// This file chooses outside addresses and ports.

// freed remembers when an outside port was given up, for HoldDown.
type freed struct {
	at   sim.Time
	host netip.Addr // who had it, and may have it again at once
}

// allocate returns an outside address and port for an inside end, or false if none
// is free. remote is what the mapping depends on.
func (n *NAT) allocate(now sim.Time, proto uint8, inside, remote netip.AddrPort) (netip.AddrPort, bool) {
	h := n.maps.ofHost[inside.Addr()]
	if h != nil && n.cfg.PortsPerHost > 0 && h.mappings >= n.cfg.PortsPerHost {
		return netip.AddrPort{}, false
	}
	k := 0
	if len(n.cfg.Outside) > 1 {
		k = int(n.env.Rand.IntN(uint64(len(n.cfg.Outside))))
	}
	if n.cfg.Paired && h != nil && h.outside.IsValid() {
		return n.allocateAt(now, h.outside, proto, inside, remote)
	}
	for i := range n.cfg.Outside {
		a := n.cfg.Outside[(k+i)%len(n.cfg.Outside)]
		if out, ok := n.allocateAt(now, a, proto, inside, remote); ok {
			return out, true
		}
	}
	return netip.AddrPort{}, false
}

// allocateAt chooses a port of one outside address.
func (n *NAT) allocateAt(now sim.Time, a netip.Addr, proto uint8, inside, remote netip.AddrPort) (netip.AddrPort, bool) {
	free := func(port uint16) (netip.AddrPort, bool) {
		out := netip.AddrPortFrom(a, port)
		return out, n.portFree(now, proto, out, inside.Addr(), remote)
	}
	if n.cfg.Ports == Preserve && inside.Port() != 0 {
		if out, ok := free(inside.Port()); ok {
			return out, true
		}
	}
	first, last := n.cfg.FirstPort, n.cfg.LastPort
	step, start := 1, 0
	count := int(last) - int(first) + 1
	switch n.cfg.Ports {
	case Sequential:
		start = n.nextPort % count
	case Parity:
		if proto == wire.ProtoUDP || proto == wire.ProtoTCP {
			first, last = parityRange(inside.Port(), first, last)
			step = 2
			count = (int(last)-int(first))/2 + 1
		}
		fallthrough
	default:
		start = int(n.env.Rand.IntN(uint64(count)))
	}
	for i := range count {
		k := (start + i) % count
		if out, ok := free(first + uint16(k*step)); ok {
			if n.cfg.Ports == Sequential {
				n.nextPort = k + 1
			}
			return out, true
		}
	}
	return netip.AddrPort{}, false
}

// parityRange returns the ports of the parity of an inside one, of the same range:
// below 1024 or not (RFC 4787 REQ-3 and REQ-4).
func parityRange(port, first, last uint16) (uint16, uint16) {
	if port < 1024 {
		first, last = 1, 1023
	}
	first += (first ^ port) & 1
	last -= (last ^ port) & 1
	return first, last
}

// portFree reports whether an outside port may stand for another inside end. A
// port of the translator's own services is never free.
func (n *NAT) portFree(now sim.Time, proto uint8, out netip.AddrPort, host netip.Addr, remote netip.AddrPort) bool {
	if out.Port() == 0 || n.cfg.PCP && proto == wire.ProtoUDP && out.Port() == PCPPort {
		return false
	}
	key := outsideKey{proto, out, netip.AddrPort{}}
	if n.cfg.Overload {
		if n.maps.byOutside[key] != 0 {
			return false // explicitly mapped for everybody
		}
		key.remote = remote
	}
	if n.maps.byOutside[key] != 0 {
		return false
	}
	if n.cfg.HoldDown > 0 {
		f, known := n.freed[outsideKey{proto, out, netip.AddrPort{}}]
		if known && f.host != host && now < f.at.Add(n.cfg.HoldDown) {
			return false
		}
	}
	return true
}
