package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file serves PEER (RFC 6887 section 12): an inside host asks for the session with
// one remote end, as if it had sent a packet there, learns its outside end, and keeps it
// for a lifetime whether or not packets come, which spares it keepalives. A suggested
// outside end brings back a session that a restart has lost, or nothing does (section
// 12.3). What is asked for cannot be shortened (section 12.1). A TCP session that has
// ended keeps nothing.

// pin keeps a session until a time.
type pin struct {
	id     uint32
	inside simnet.RouteID // the session's, as slots are used again
	nonce  Nonce
	until  sim.Time
}

// pinOf returns the pin of a session, or nil.
func (n *NAT) pinOf(id uint32) *pin {
	for i := range n.pins {
		if p := &n.pins[i]; p.id == id && p.inside == n.slots[id].inside {
			return p
		}
	}
	return nil
}

// outlives keeps a session whose idle time is over if it was asked for, and reports
// whether it has.
func (n *NAT) outlives(now sim.Time, id uint32) bool {
	s := &n.slots[id]
	p := n.pinOf(id)
	if p == nil || p.until <= now || s.proto == wire.ProtoTCP && !s.waiting && (s.tcp.state == Closed || s.tcp.state == TimeWait) {
		return false
	}
	n.keep(id, p.until)
	return true
}

// grantPeer carries out a PEER request and completes it to the response.
func (n *NAT) grantPeer(now sim.Time, m *MapMessage) {
	inside := netip.AddrPortFrom(m.Client, m.Internal)
	switch {
	case m.Proto == 0 || m.Internal == 0 || m.Peer.Port() == 0 || !m.Peer.Addr().Is4() || m.Peer.Addr().IsUnspecified():
		m.Result = PCPMalformedRequest
		return
	case !translates(m.Proto):
		m.Result = PCPUnsupportedProtocol
		return
	}
	t := wire.Tuple{Src: inside, Dst: m.Peer, Proto: m.Proto}
	id := find(n.byInside, n.env.Net.Known(&t))
	var had *pin
	if id != 0 {
		had = n.pinOf(id)
	}
	if had != nil && had.nonce != m.Nonce {
		m.Result = PCPNotAuthorized
		return
	}
	if had == nil && !n.roomForPin(now) {
		m.Result = PCPNoResources
		return
	}
	if m.Result = n.bring(now, &id, t, m.External); m.Result != PCPSuccess {
		return
	}
	life := min(max(sim.Duration(m.Lifetime)*sim.Second, n.cfg.MinLease), n.cfg.MaxLease)
	if had == nil {
		n.pins = append(n.pins, pin{id: id, inside: n.slots[id].inside, nonce: m.Nonce})
		had = &n.pins[len(n.pins)-1]
	}
	had.until = max(had.until, now.Add(life))
	if s := &n.slots[id]; s.expires == sim.Never || s.expires < had.until {
		n.keep(id, had.until)
	}
	m.Lifetime = uint32(had.until.Sub(now) / sim.Second)
	m.External = n.env.Net.Tuple(n.slots[id].outside).Src
}

// roomForPin drops the pins that are over and reports whether there is room for another.
func (n *NAT) roomForPin(now sim.Time) bool {
	k := 0
	for _, p := range n.pins {
		if p.until > now && n.slots[p.id].inside == p.inside && n.slots[p.id].expires != sim.Never {
			n.pins[k] = p
			k++
		}
	}
	n.pins = n.pins[:k]
	return k < maxLeases
}

// bring finds or makes the session of a tuple, with the suggested outside end if there is
// one.
func (n *NAT) bring(now sim.Time, id *uint32, t wire.Tuple, suggested netip.AddrPort) PCPResult {
	wants := suggested.Port() != 0 && suggested.Addr().IsValid() && !suggested.Addr().IsUnspecified()
	if *id == 0 && n.live >= n.cfg.Sessions {
		return PCPNoResources
	}
	remote := n.cfg.Mapping.depends(t.Dst)
	if *id == 0 && wants && n.maps.byInside[insideKey{t.Proto, t.Src, netip.AddrPort{}}] == 0 && n.maps.byInside[insideKey{t.Proto, t.Src, remote}] == 0 {
		if !n.owns(suggested.Addr()) || !n.portFree(now, t.Proto, suggested, t.Src.Addr(), remote) {
			return PCPCannotProvideExternal
		}
		n.addMapping(now, mapping{inside: t.Src, outside: suggested, remote: remote, proto: t.Proto}, trace.MappingCreated)
	}
	if *id == 0 {
		var why trace.Reason
		if mid := n.mapFrom(now, t.Proto, t.Src, t.Dst); mid != 0 && wants && n.maps.slots[mid].outside != suggested {
			return PCPCannotProvideExternal
		}
		if *id, why = n.open(now, t, 0); *id == 0 {
			if why == trace.PortsExhausted && n.cfg.PortsPerHost > 0 {
				return PCPUserExceededQuota
			}
			return PCPNoResources
		}
		n.slots[*id].waiting = true
		return PCPSuccess
	}
	if wants && n.env.Net.Tuple(n.slots[*id].outside).Src != suggested {
		return PCPCannotProvideExternal
	}
	return PCPSuccess
}

// begin lets a session that PEER has made begin with its first packet, of direction dir:
// a SYN, or, since the session may be one that was lost, any segment that tracking can
// pick up. False: it is neither, and is dropped.
func (n *NAT) begin(now sim.Time, id uint32, p *simnet.Packet, dir uint8, out simnet.Emitter) bool {
	s := &n.slots[id]
	if f := p.Segment().Flags; s.proto == wire.ProtoTCP && f&(wire.SYN|wire.ACK|wire.RST|wire.FIN) != wire.SYN {
		var c tracked
		if !c.begin(p.Segment(), p.Options(), true) || !sane(f) {
			n.drop(now, p, trace.InvalidState, out)
			return false
		}
	}
	s.waiting, s.opener = false, dir
	n.start(id, p)
	return true
}
