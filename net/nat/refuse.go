package nat

import (
	"net/netip"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file deals with packets from outside that are not let in.

// heldSYN is an unsolicited SYN that waits for one of the same connection from
// inside (RFC 5382 REQ-4).
type heldSYN struct {
	packet simnet.Packet
	until  sim.Time
	why    trace.Reason
}

// held are the SYNs that wait, all for the same time, oldest first.
type held struct {
	list []heldSYN
}

// maxHeld bounds the SYNs that wait; further ones are dropped without an answer.
const maxHeld = 256

func (h *held) next() sim.Time {
	if len(h.list) == 0 {
		return sim.Never
	}
	return h.list[0].until
}

// refuse ends a packet from outside and answers it as configured, a SYN after it
// was held.
func (b *box) refuse(now sim.Time, p *simnet.Packet, why trace.Reason, out simnet.Emitter) {
	answer := b.cfg.Stray
	if p.Tuple().Proto == wire.ProtoTCP && p.Segment().Flags&(wire.SYN|wire.ACK|wire.RST|wire.FIN) == wire.SYN {
		answer = b.cfg.UnsolicitedSYN
		if b.cfg.Hold > 0 && answer != Silence && len(b.held.list) < maxHeld {
			b.acted++
			b.tell(now, p, trace.SYNHeld)
			b.held.list = append(b.held.list, heldSYN{*p, now.Add(b.cfg.Hold), why})
			return
		}
		if b.cfg.Hold > 0 {
			answer = Silence
		}
	}
	b.answer(p, answer, out)
	b.drop(now, p, why, out)
}

// answer tells the sender of a packet from outside.
func (b *box) answer(p *simnet.Packet, how Answer, out simnet.Emitter) {
	switch how {
	case Reset:
		b.refusal.Reset(p, simnet.In, out)
	case Unreachable:
		b.refusal.Unreachable(p, simnet.In, b.address(p.Tuple().Dst.Addr()), portUnreachable(p), 8, out)
	}
}

// portUnreachable is the code of that name: 3 in ICMP (RFC 792), 4 in ICMPv6 (RFC
// 4443).
func portUnreachable(p *simnet.Packet) uint8 {
	if p.Tuple().Dst.Addr().Is6() {
		return 4
	}
	return 3
}

// address is the one from which the box sends: that at which the packet was aimed
// if it is the box's own, else one of the node.
func (b *box) address(dst netip.Addr) netip.Addr {
	for _, a := range b.cfg.Outside {
		if a == dst {
			return a
		}
	}
	for _, ifc := range b.env.Node.Interfaces() {
		for _, a := range ifc.Addrs() {
			if a.Addr().Is4() == dst.Is4() {
				return a.Addr()
			}
		}
	}
	return dst
}

// release ends the SYNs that have waited long enough; those whose connection has
// been opened from inside meanwhile get no answer.
func (n *NAT) release(now sim.Time, out simnet.Emitter) {
	n.held.release(now, func(h *heldSYN) {
		solicited := find(n.byArriving, h.packet.Route()) != 0
		n.end(now, h, solicited, out)
	})
}

// release calls f for the SYNs whose time has come.
func (h *held) release(now sim.Time, f func(*heldSYN)) {
	k := 0
	for k < len(h.list) && h.list[k].until <= now {
		f(&h.list[k])
		k++
	}
	h.list = append(h.list[:0], h.list[k:]...)
}

// end answers a held SYN, unless the connection was opened from inside, and drops
// it.
func (b *box) end(now sim.Time, h *heldSYN, solicited bool, out simnet.Emitter) {
	if !solicited {
		b.answer(&h.packet, b.cfg.UnsolicitedSYN, out)
	}
	b.drop(now, &h.packet, h.why, out)
}
