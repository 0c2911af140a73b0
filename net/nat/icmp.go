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

// icmpOut translates a message from inside.
func (n *NAT) icmpOut(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	var m wire.ICMPMessage
	o := p.Options()
	t := *p.Tuple()
	if wire.ParseICMP(o.ICMP, &m) != nil {
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	switch m.Kind(t.Proto) {
	case wire.ICMPEchoRequest:
		q := echoTuple(t.Src.Addr(), t.Dst.Addr(), m.ID())
		id := find(n.byInside, n.env.Net.Known(&q))
		if id == 0 {
			var why trace.Reason
			if id, why = n.open(now, q, 0); id == 0 {
				n.drop(now, p, why, out)
				return
			}
		}
		n.track(now, id, &n.cfg, p, 0)
		seen := n.env.Net.Tuple(n.slots[id].outside).Src
		be.PutUint16(o.ICMP[4:], seen.Port())
		t.Src = netip.AddrPortFrom(seen.Addr(), 0)
	case wire.ICMPUnreachable, wire.ICMPTooBig, wire.ICMPTimeExceeded:
		// About a packet that came in: its destination is ours.
		var q wire.Tuple
		if _, err := wire.ParseQuote(m.Body, &q); err != nil {
			n.drop(now, p, trace.Untranslatable, out)
			return
		}
		back := q.Reverse()
		id := find(n.byInside, n.env.Net.Known(&back))
		if id == 0 {
			n.drop(now, p, trace.NoMapping, out)
			return
		}
		seen := n.env.Net.Tuple(n.slots[id].outside).Src
		rewriteQuote(m.Body, q.Src, seen)
		t.Src = netip.AddrPortFrom(seen.Addr(), 0)
	default:
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	n.acted++
	p.SetTuple(t)
	if n.owns(t.Dst.Addr()) {
		n.turn(now, p, out)
		return
	}
	out.Emit(p, simnet.Out)
}

// icmpIn translates a message from outside.
func (n *NAT) icmpIn(now sim.Time, p *simnet.Packet, out simnet.Emitter) {
	var m wire.ICMPMessage
	o := p.Options()
	t := *p.Tuple()
	if wire.ParseICMP(o.ICMP, &m) != nil {
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	switch m.Kind(t.Proto) {
	case wire.ICMPEchoReply:
		q := echoTuple(t.Dst.Addr(), t.Src.Addr(), m.ID())
		back := q.Reverse()
		id := find(n.byArriving, n.env.Net.Known(&back))
		if id == 0 {
			n.drop(now, p, trace.NoMapping, out)
			return
		}
		n.track(now, id, &n.cfg, p, 1)
		inside := n.env.Net.Tuple(n.slots[id].inside).Src
		be.PutUint16(o.ICMP[4:], inside.Port())
		t.Dst = netip.AddrPortFrom(inside.Addr(), 0)
	case wire.ICMPUnreachable, wire.ICMPTooBig, wire.ICMPTimeExceeded:
		// About a packet that left: its source is ours.
		var q wire.Tuple
		if _, err := wire.ParseQuote(m.Body, &q); err != nil {
			n.drop(now, p, trace.Untranslatable, out)
			return
		}
		back := q.Reverse()
		id := find(n.byArriving, n.env.Net.Known(&back))
		if id == 0 {
			n.drop(now, p, trace.NoMapping, out)
			return
		}
		inside := n.env.Net.Tuple(n.slots[id].inside).Src
		rewriteQuote(m.Body, inside, q.Dst)
		t.Dst = netip.AddrPortFrom(inside.Addr(), 0)
	default:
		n.drop(now, p, trace.Untranslatable, out)
		return
	}
	n.acted++
	p.SetTuple(t)
	out.Emit(p, simnet.In)
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
