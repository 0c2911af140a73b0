package simnet

// In a large network each event finds another link, packet and route, none of which
// is in the cache, and each of them is known only when the one before has come: a hop
// would be a chain of waits. So while an event is executed, the lines that those
// behind it will touch are asked for, each stage of an event some events ahead of its
// turn, when the stage before has arrived. This is the pipeline of a processor in
// software ("group prefetching", Chen et al., Improving Hash Join Performance through
// Prefetching, ICDE 2004). It changes nothing but the time that a run takes.
//
// Stages are counted in events before the turn.
const (
	aheadLink   = 7 // the link
	aheadPacket = 5 // its first packet
	aheadWay    = 3 // the route of that packet, and the packet behind it
	aheadNext   = 2 // the link that the packet goes to
	aheadLast   = 1 // the last packet there, and the chain of its node
)

// pipeline is what the stages have found, one place for each event on its way through
// them. An event that comes in between later is not looked at.
type pipeline struct {
	events [8]approach
	turn   uint32
}

// approach is what is known of one of the next events.
type approach struct {
	link  uint32
	id    PacketID // its first packet
	route uint32
	hop   uint32 // of the packet at the far end of the link; from aheadNext on the link that follows
}

// lookAhead does one step of every stage. What it reads may be out of date or not a
// link event at all: every number that leads to memory is checked.
func (n *Network) lookAhead() {
	p := &n.pipeline
	turn := p.turn
	p.turn = turn + 1
	links := n.links

	e := &p.events[turn%8]
	e.link = n.sim.Upcoming(aheadLink)
	if int(e.link) >= len(links) {
		e.link = 0
	}
	own := &links[e.link]

	e = &p.events[(turn-(aheadLink-aheadPacket))%8]
	e.id = links[e.link].head
	ready, head := &n.meta[e.id], n.Segment(e.id)

	e = &p.events[(turn-(aheadLink-aheadWay))%8]
	s := n.Segment(e.id)
	e.route, e.hop = s.Route, uint32(s.Hop)+1
	behind, way := &n.meta[n.meta[e.id].next], &n.routes[e.route]

	e = &p.events[(turn-(aheadLink-aheadNext))%8]
	hop := noHop
	if e.hop < inlineHops {
		hop = n.routes[e.route].path[e.hop]
	}
	if int(hop) >= len(links) {
		hop = e.link
	}
	e.hop = hop
	onto := &links[hop]

	hop = p.events[(turn-(aheadLink-aheadLast))%8].hop
	next := &links[hop]
	last, chain := &n.meta[next.tail], n.traces[next.from]
	prefetchHop(own, ready, head, behind, way, onto, last, chain)
}
