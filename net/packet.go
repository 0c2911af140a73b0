package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// PacketID names a packet of one [Network]; 0 is no packet. Every packet has
// exactly one owner: whoever allocated it, then the network from Node.Send on,
// then the [Receiver] that it is delivered to. The owner passes it on or frees
// it.
type PacketID uint32

// packetMeta is what the carrier knows of a packet: 32 bytes beside the hot
// line, so that a queue walk does not touch the 64-byte lines.
type packetMeta struct {
	arrive sim.Time // when it reaches the far end of its link; Never: not known
	leave  sim.Time // when it stops counting in the queue of its fifo link
	key    sim.Key  // taken when the link accepted it; its arrival happens at (arrive, key)
	next   PacketID // behind it on its link, or in the free list
	size   uint16   // octets as IP counts them
	state  packetState
}

type packetState uint16

const (
	packetFree packetState = iota
	packetUsed
)

// Segment returns the hot line of a packet. The pointer stays valid until the
// packet is freed or sent.
func (p *pool) Segment(id PacketID) *wire.Segment {
	return &p.segments[id>>chunkBits][id&chunkMask]
}

// Options returns the cold record of a packet, or nil if it has none. The
// pointer stays valid until the packet is freed or sent.
func (p *pool) Options(id PacketID) *wire.Options {
	return p.record(p.Segment(id).Cold)
}

// AddOptions returns the cold record of a packet, attaching an empty one if it
// has none.
func (p *pool) AddOptions(id PacketID) *wire.Options {
	s := p.Segment(id)
	if s.Cold == 0 {
		s.Cold = p.allocCold()
	}
	return p.record(s.Cold)
}

// DropOptions detaches and frees the cold record of a packet, if there is one.
func (p *pool) DropOptions(id PacketID) {
	s := p.Segment(id)
	if s.Cold != 0 {
		p.freeCold(s.Cold)
		s.Cold = 0
	}
}

// Size returns the octets of a packet as IP counts them. It is known from
// Node.Send on.
func (p *pool) Size(id PacketID) int { return int(p.meta[id].size) }
