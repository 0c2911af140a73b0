package simnet

import (
	"bytes"

	"mpsim/net/wire"
	"mpsim/sim"
)

// A run may be carried out in parts (sim/par): each has a Network of its own, all
// built alike, and carries out the events of its own nodes. A link between nodes of
// two parts is cut. Its sending end, with queue and server, works in the part of the
// node that transmits. There the packet's arrival and its key are computed when it is
// accepted, as always, and a copy goes into the mailbox for the other part; the packet
// itself only stays to be counted until it leaves the queue. The receiving part takes
// the mail at the end of the window and has the packets on the same link in flight,
// from where they arrive as always.
//
// Only links that know the arrival when they accept a packet can be cut: fifo links of
// a constant rate, and nothing may change them while the run lasts.

// Lookahead returns the least time from the acceptance of a packet by the link to its
// arrival, which is the propagation delay and the serialisation of a bare IPv4 header,
// or the delay of acknowledgements beside the queue; 0 if the link cannot be cut.
func (lk *Link) Lookahead() sim.Duration {
	l := lk.hot()
	const no = flagServed | flagSlowServer | flagClamp | flagDiscipline | flagRadio | flagDown | flagTurns
	if lk.from == nil || l.flags&no != 0 || l.delay <= 0 {
		return 0
	}
	ahead := l.delay
	if l.rate > 0 {
		ahead += sim.Duration(bareHeader * workUnit / uint64(l.rate))
	}
	if lk.acks != nil {
		ahead = min(ahead, lk.acks.Lookahead())
	}
	return ahead
}

// bareHeader are the octets of the shortest packet.
const bareHeader = 20

// cuts is what the network of one part has of its links to and from others.
type cuts struct {
	part int
	to   []int16 // by link number: the part of the far end of an own link that is cut, else -1
	// out is the mail to each part, for even and odd windows: what was sent in one is
	// taken while the next is filled.
	out    [2][]mailbox
	parity int
	first  sim.Time // the earliest arrival of what was sent in this window
	known  [][]bool // by part and route: the part was told its tuple
	route  [][]RouteID
}

// mailbox is the mail of one window from one part to another.
type mailbox struct {
	packets []crossing
	options []wire.Options
	tuples  []namedRoute
	used    int // of options
}

// crossing is one packet: 88 bytes.
type crossing struct {
	segment wire.Segment // Route is the sender's number, Cold the number in options and one
	arrive  sim.Time
	key     sim.Key
	link    uint32
	size    uint16
}

// namedRoute tells the number that the sender's network has for a tuple.
type namedRoute struct {
	id    RouteID
	tuple wire.Tuple
}

// Cut makes the network part number part of several: owner gives the part of each node
// by its origin. Links from own nodes to others are cut; their Lookahead must not be 0.
// The nodes of other parts learn of no addresses from now on, and leave no records.
func (n *Network) Cut(part, parts int, owner func(sim.NodeID) int) {
	c := &cuts{part: part, to: make([]int16, len(n.links)), known: make([][]bool, parts), route: make([][]RouteID, parts), first: sim.Never}
	for i := range c.out {
		c.out[i] = make([]mailbox, parts)
	}
	for i := range n.links {
		l := &n.links[i]
		c.to[i] = -1
		if to := owner(l.to); owner(l.from) == part && to != part {
			if n.cold[i].Lookahead() <= 0 {
				sim.Bugf("link %s cannot be cut", n.cold[i].name)
			}
			l.flags |= flagCut
			c.to[i] = int16(to)
		}
	}
	for _, nd := range n.nodes {
		if nd != nil && owner(nd.origin) != part {
			nd.watcher = nil
			n.trace.Mute(nd.trace.ID())
		}
	}
	n.cuts = c
}

// acceptCut is acceptFifo of a link that is cut.
func (n *Network) acceptCut(now sim.Time, li uint32, l *hotLink, id PacketID, m *packetMeta, s *segment) {
	l.depart(now, m.size)
	m.leave = l.busy
	m.arrive = sim.Never // not here
	n.post(li, s, m, l.busy+sim.Time(l.delay))
	n.DropOptions(id) // what stays is a place in the queue
	if l.cursor == 0 {
		l.cursor = id
	}
	if l.tail != 0 {
		n.meta[l.tail].next = id
	} else {
		l.head = id
	}
	l.tail = id
}

// gone frees the packet that has just left the queue of a cut link. It is the first.
func (n *Network) gone(l *hotLink, id PacketID) {
	if l.head = n.meta[id].next; l.head == 0 {
		l.tail = 0
	}
	n.release(id)
}

// post puts a copy of a packet into the mail.
func (n *Network) post(li uint32, s *segment, m *packetMeta, arrive sim.Time) {
	c := n.cuts
	to := c.to[li]
	b := &c.out[c.parity][to]
	known := c.known[to]
	if int(s.Route) >= len(known) || !known[s.Route] {
		for len(known) < len(n.routes) {
			known = append(known, false)
		}
		known[s.Route] = true
		c.known[to] = known
		b.tuples = append(b.tuples, namedRoute{RouteID(s.Route), n.tuples[s.Route]})
	}
	b.packets = append(b.packets, crossing{segment: *s, arrive: arrive, key: m.key, link: li, size: m.size})
	if s.Cold != 0 {
		b.packets[len(b.packets)-1].segment.Cold = b.attach(n.record(s.Cold))
	}
	c.first = min(c.first, arrive)
}

// attach copies a cold record with everything that it refers to, and returns its number
// and one.
func (b *mailbox) attach(o *wire.Options) uint32 {
	if b.used == len(b.options) {
		b.options = append(b.options, wire.Options{})
	}
	c := &b.options[b.used]
	c.CopyFrom(o)
	for i := range c.Pieces {
		c.Pieces[i].Data = bytes.Clone(c.Pieces[i].Data)
	}
	b.used++
	return uint32(b.used)
}

// BeginWindow empties the mailboxes for what is sent in the window of the given number,
// which counts up by one. What was sent in the one before stays to be taken; what was
// sent before that has been.
func (n *Network) BeginWindow(window uint64) {
	c := n.cuts
	c.parity = int(window & 1)
	c.first = sim.Never
	for i := range c.out[c.parity] {
		b := &c.out[c.parity][i]
		b.packets, b.tuples, b.used = b.packets[:0], b.tuples[:0], 0
	}
}

// FirstSent returns when the earliest packet arrives that was sent to another part
// in this window, or sim.Never.
func (n *Network) FirstSent() sim.Time { return n.cuts.first }

// Take puts the packets on their links that another part has sent to this one in the
// window of the given number.
func (n *Network) Take(from *Network, window uint64) {
	b := &from.cuts.out[window&1][n.cuts.part]
	src := from.cuts.part
	route := n.cuts.route[src]
	for i := range b.tuples {
		t := &b.tuples[i]
		for len(route) <= int(t.id) {
			route = append(route, 0)
		}
		route[t.id] = n.Intern(t.tuple)
	}
	n.cuts.route[src] = route
	for i := range b.packets {
		x := &b.packets[i]
		id := n.Alloc()
		s := n.Segment(id)
		*s = x.segment
		s.Route, s.Cold = uint32(route[s.Route]), 0
		if x.segment.Cold != 0 {
			n.AddOptions(id).CopyFrom(&b.options[x.segment.Cold-1])
		}
		m := &n.meta[id]
		m.arrive, m.leave, m.key, m.size = x.arrive, x.arrive, x.key, x.size
		l := &n.links[x.link]
		if l.tail != 0 {
			n.meta[l.tail].next = id
		} else {
			l.head = id
			n.sim.Schedule(x.arrive, x.key, n.handler, x.link)
		}
		l.tail = id
	}
}
