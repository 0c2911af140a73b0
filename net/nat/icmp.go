package nat

import (
	"encoding/binary"
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

var be = binary.BigEndian

// This file translates ICMP (RFC 5508): echoes by their identifier, errors by the
// packet that they quote. An error keeps no session alive (REQ-6) and ends none.

// echoTuple is the tuple under which the sessions know an echo: its identifier
// stands in for the port of the asking end.
func echoTuple(src, dst netip.Addr, id uint16) wire.Tuple {
	return wire.Tuple{Src: netip.AddrPortFrom(src, id), Dst: netip.AddrPortFrom(dst, 0), Proto: wire.ProtoICMP}
}

// icmp translates a message that travels in direction d.
func (n *NAT) icmp(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	var m wire.ICMPMessage
	var end netip.Addr // the source of what leaves, the destination of what comes in
	t := *p.Tuple()
	why := trace.Untranslatable
	if wire.ParseICMP(p.Options().ICMP, &m) == nil {
		switch kind := m.Kind(t.Proto); {
		case kind == wire.ICMPEchoRequest && d == simnet.Out:
			end, why = n.echoOut(now, p, &m)
		case kind == wire.ICMPEchoReply && d == simnet.In:
			end, why = n.echoIn(now, p, &m)
		case kind == wire.ICMPUnreachable || kind == wire.ICMPTooBig || kind == wire.ICMPTimeExceeded:
			end, why = n.quoted(m.Body, d)
		}
	}
	if why != trace.NoReason {
		n.drop(now, p, why, out)
		return
	}
	n.acted++
	if d == simnet.In {
		t.Dst = netip.AddrPortFrom(end, 0)
		p.SetTuple(t)
		out.Emit(p, simnet.In)
		return
	}
	t.Src = netip.AddrPortFrom(end, 0)
	p.SetTuple(t)
	if n.owns(t.Dst.Addr()) {
		n.turn(now, p, out)
		return
	}
	out.Emit(p, simnet.Out)
}

// echoOut gives an echo request from inside its outside identifier, and returns its
// outside address.
func (n *NAT) echoOut(now sim.Time, p *simnet.Packet, m *wire.ICMPMessage) (end netip.Addr, why trace.Reason) {
	t := p.Tuple()
	q := echoTuple(t.Src.Addr(), t.Dst.Addr(), m.ID())
	id := find(n.byInside, n.env.Net.Known(&q))
	if id == 0 {
		if id, why = n.open(now, q, 0); id == 0 {
			return end, why
		}
	}
	n.track(now, id, &n.cfg, p, 0)
	seen := n.env.Net.Tuple(n.slots[id].outside).Src
	be.PutUint16(p.Options().ICMP[4:], seen.Port())
	return seen.Addr(), trace.NoReason
}

// echoIn gives an echo reply from outside the identifier that was asked with, and
// returns the address of the asker.
func (n *NAT) echoIn(now sim.Time, p *simnet.Packet, m *wire.ICMPMessage) (end netip.Addr, why trace.Reason) {
	t := p.Tuple()
	back := echoTuple(t.Dst.Addr(), t.Src.Addr(), m.ID())
	back = back.Reverse()
	id := find(n.byArriving, n.env.Net.Known(&back))
	if id == 0 {
		return end, trace.NoMapping
	}
	n.track(now, id, &n.cfg, p, 1)
	inside := n.env.Net.Tuple(n.slots[id].inside).Src
	be.PutUint16(p.Options().ICMP[4:], inside.Port())
	return inside.Addr(), trace.NoReason
}

// quoted translates the packet that an error quotes, and returns the address that the
// error itself gets: an error that leaves is about a packet that came in, whose
// destination is ours; one that comes in is about a packet that left.
func (n *NAT) quoted(body []byte, d simnet.Dir) (end netip.Addr, why trace.Reason) {
	var q wire.Tuple
	if _, err := wire.ParseQuote(body, &q); err != nil {
		return end, trace.Untranslatable
	}
	index := n.byInside
	if d == simnet.In {
		index = n.byArriving
	}
	back := q.Reverse()
	id := find(index, n.env.Net.Known(&back))
	if id == 0 {
		return end, trace.NoMapping
	}
	if d == simnet.In {
		inside := n.env.Net.Tuple(n.slots[id].inside).Src
		rewriteQuote(body, inside, q.Dst)
		return inside.Addr(), trace.NoReason
	}
	seen := n.env.Net.Tuple(n.slots[id].outside).Src
	rewriteQuote(body, q.Src, seen)
	return seen.Addr(), trace.NoReason
}

// rewriteQuote gives the quoted IPv4 packet in b, which has passed ParseQuote,
// other ends. Checksums are corrected as far as they are quoted (RFC 5508 REQ-4,
// RFC 1624), so that a wrong one stays wrong.
func rewriteQuote(b []byte, src, dst netip.AddrPort) {
	ip := int(b[0]&15) * 4
	s, d := src.Addr().As4(), dst.Addr().As4()
	var old, now [12]byte
	copy(old[:], b[12:20])
	copy(old[8:], b[ip:ip+4])
	copy(now[:], s[:])
	copy(now[4:], d[:])
	be.PutUint16(now[8:], src.Port())
	be.PutUint16(now[10:], dst.Port())
	copy(b[12:20], now[:8])
	copy(b[ip:], now[8:])
	correct(b[10:], old[:8], now[:8])
	at := ip + 16
	if b[9] == wire.ProtoUDP {
		at = ip + 6
	}
	if len(b) < at+2 || b[9] == wire.ProtoUDP && be.Uint16(b[at:]) == 0 {
		return
	}
	correct(b[at:], old[:], now[:])
	if b[9] == wire.ProtoUDP && be.Uint16(b[at:]) == 0 {
		be.PutUint16(b[at:], 0xffff)
	}
}

// correct updates the checksum at the beginning of b for octets that change (RFC
// 1624: HC' = ~(~HC + ~m + m')).
func correct(b, old, now []byte) {
	sum := uint32(^be.Uint16(b))
	for i := 0; i < len(old); i += 2 {
		sum += uint32(^be.Uint16(old[i:])) + uint32(be.Uint16(now[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	be.PutUint16(b, ^uint16(sum))
}
