package simnet

import (
	"math"

	"mpsim/net/wire"
	"mpsim/sim"
)

const (
	// Hot lines lie in chunks that never move, so that an endpoint may hold a
	// *Segment while it allocates others.
	chunkBits = 10
	chunkMask = 1<<chunkBits - 1

	coldBits = 6
	coldMask = 1<<coldBits - 1
)

// pool holds the packets of one network in slabs: hot lines and cold records in
// chunks, carrier metadata in one slice that never leaves this package. Free
// packets are taken last in, first out, because those are still in the cache.
type pool struct {
	meta     []packetMeta
	segments []*[1 << chunkBits]wire.Segment
	free     PacketID
	used     int

	records  []*[1 << coldBits]wire.Options
	coldFree []uint32
	coldUsed int
}

func (p *pool) init() {
	p.meta = append(p.meta, packetMeta{arrive: sim.Never, leave: sim.Never})
	p.segments = append(p.segments, new([1 << chunkBits]wire.Segment))
	p.records = append(p.records, new([1 << coldBits]wire.Options))
	for i := coldMask; i > 0; i-- {
		p.coldFree = append(p.coldFree, uint32(i))
	}
}

// Alloc returns a new packet with an empty hot line and no cold record.
func (p *pool) Alloc() PacketID {
	id := p.take()
	*p.Segment(id) = wire.Segment{}
	return id
}

// take takes a packet off the free list.
func (p *pool) take() PacketID {
	id := p.free
	if id == 0 {
		id = p.grow()
	}
	m := &p.meta[id]
	p.free = m.next
	m.next = 0
	m.state = packetUsed
	p.used++
	return id
}

// AllocLike returns a new packet with a copy of a hot line, which names no cold record.
func (p *pool) AllocLike(like *wire.Segment) (PacketID, *wire.Segment) {
	id := p.take()
	s := p.Segment(id)
	*s = *like
	return id, s
}

// Free gives a packet and its cold record back.
func (p *pool) Free(id PacketID) {
	m := &p.meta[id]
	if m.state != packetUsed {
		sim.Bugf("packet %d freed twice", id)
	}
	s := p.Segment(id)
	if s.Cold != 0 {
		p.freeCold(s.Cold)
		s.Cold = 0
	}
	if poison {
		poisonPacket(m, s)
	}
	m.state = packetFree
	m.next = p.free
	p.free = id
	p.used--
}

// release is Free for a packet without a cold record. It does not touch the hot line,
// which the cache may have lost.
func (p *pool) release(id PacketID) {
	m := &p.meta[id]
	if m.state != packetUsed {
		sim.Bugf("packet %d freed twice", id)
	}
	if poison {
		poisonPacket(m, p.Segment(id))
	}
	m.state = packetFree
	m.next = p.free
	p.free = id
	p.used--
}

// Clone returns a new packet with the same header, options and size. Literal
// payload is shared: nobody writes into the Data of a piece.
func (p *pool) Clone(id PacketID) PacketID {
	c := p.Alloc()
	from, to := p.Segment(id), p.Segment(c)
	*to = *from
	to.Cold = 0
	p.meta[c].size = p.meta[id].size
	if from.Cold != 0 {
		o := p.AddOptions(c)
		o.CopyFrom(p.record(from.Cold))
	}
	return c
}

// Allocated returns how many packets have an owner: 0 once all traffic has
// drained, else somebody leaks.
func (p *pool) Allocated() int { return p.used }

// grow adds one packet to the slabs and puts it on the free list.
func (p *pool) grow() PacketID {
	id := PacketID(len(p.meta))
	if int(id>>chunkBits) == len(p.segments) {
		p.segments = append(p.segments, new([1 << chunkBits]wire.Segment))
	}
	p.meta = append(p.meta, packetMeta{arrive: sim.Never, leave: sim.Never})
	p.free = id
	return id
}

func (p *pool) record(i uint32) *wire.Options {
	if i == 0 {
		return nil
	}
	return &p.records[i>>coldBits][i&coldMask]
}

func (p *pool) allocCold() uint32 {
	if len(p.coldFree) == 0 {
		base := uint32(len(p.records)) << coldBits
		p.records = append(p.records, new([1 << coldBits]wire.Options))
		for i := coldMask; i >= 0; i-- {
			p.coldFree = append(p.coldFree, base+uint32(i))
		}
	}
	i := p.coldFree[len(p.coldFree)-1]
	p.coldFree = p.coldFree[:len(p.coldFree)-1]
	p.coldUsed++
	return i
}

func (p *pool) freeCold(i uint32) {
	p.record(i).Reset()
	p.coldFree = append(p.coldFree, i)
	p.coldUsed--
}

// Measure sets the size of a packet from its header, options and payload, and
// returns it: for senders that need it before Node.SendMeasured.
func (n *Network) Measure(id PacketID) int {
	s := n.Segment(id)
	size := int(n.bare[s.Route]) + s.OptionsLen(nil) + int(s.Len)
	if s.Cold != 0 || n.bare[s.Route] == 0 {
		size = wire.WireLen(&n.tuples[s.Route], s, n.record(s.Cold))
	}
	if size > math.MaxUint16 {
		sim.Bugf("packet of %d octets", size)
	}
	n.meta[id].size = uint16(size)
	return size
}
