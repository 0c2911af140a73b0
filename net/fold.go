package simnet

import (
	"math/bits"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A node folds four words for each packet that its link accepts and six for
// each that is dropped: the time, sequence and acknowledgement number, a hash
// of the tuple, and size, flags, TOS and a hash of the link's name. Numbers that
// depend on the order of construction (packet, route, link) are not folded.
// Hosts fold the whole packets that they send and receive.

// foldAccept records in the chain of the transmitting node that the link has
// accepted a packet.
func (n *Network) foldAccept(now sim.Time, l *hotLink, s *segment, size uint16) {
	t := n.traces[l.from]
	c := t.Chain.With(uint64(now), uint64(s.Seq)|uint64(s.Ack)<<32)
	t.Chain = c.With(n.routes[s.Route].salt, packetWord(s, size, l.salt))
}

func (n *Network) foldDrop(now sim.Time, t *trace.Node, salt uint32, id PacketID, why trace.Reason) {
	s := n.Segment(id)
	t.Fold(uint64(now), uint64(s.Seq)|uint64(s.Ack)<<32)
	t.Fold(n.routes[s.Route].salt, packetWord(s, n.meta[id].size, salt))
	t.Fold(uint64(trace.PacketDropped.Key())|uint64(why.Key())<<32, uint64(s.TTL))
}

// packetWord packs size (16 bits), flags (12), TOS (8) and salt (28).
func packetWord(s *segment, size uint16, salt uint32) uint64 {
	return uint64(size) | uint64(s.Flags&0xFFF)<<16 | uint64(s.TOS)<<28 | uint64(salt)<<36
}

// observe gives a per-packet record to the sinks that want it.
func (n *Network) observe(now sim.Time, k trace.Kind, l *hotLink, li uint32, id PacketID, why trace.Reason) {
	s := n.Segment(id)
	_, bytes := l.counted(n)
	t := n.traces[l.from]
	r := t.Scratch()
	*r = trace.Record{
		At: now, Kind: k, Why: why, Flow: -1,
		A: int64(li), B: int64(s.Seq), C: int64(s.Len), D: int64(n.meta[id].size), E: int64(bytes),
	}
	t.Observe(r)
}

// tupleSalt hashes a tuple, nameSalt a name (the low 28 bits count).
func tupleSalt(t *wire.Tuple) uint64 {
	h := uint64(0x9E3779B97F4A7C15) ^ uint64(t.Proto)
	src, dst := t.Src.Addr().As16(), t.Dst.Addr().As16()
	for i := range src {
		h = mix(h, uint64(src[i])|uint64(dst[i])<<8)
	}
	return mix(h, uint64(t.Src.Port())|uint64(t.Dst.Port())<<16)
}

func nameSalt(name string) uint32 {
	h := uint64(len(name))
	for i := range len(name) {
		h = mix(h, uint64(name[i]))
	}
	return uint32(h)
}

func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
	return hi ^ lo
}
