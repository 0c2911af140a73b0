package simnet

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A radio serves a link in place of the link's own server: it decides when packets
// are sent and when they are received, or given up, at the far end. The queue, its
// limit, its discipline, loss before the queue and outages stay with the link.
// Package mpsim/net/radio holds a shared 802.11 medium and the LTE user plane.

// Radio is the server of one link. It takes packets out of the queue when it wants,
// as many as it wants, and ends each by Air.Sent or Air.Lost in the order in which
// it has taken them. Its methods must not allocate in steady state.
type Radio interface {
	// Offered says that something waits in the queue that did not before.
	Offered(now sim.Time)
	// Changed says that rate or delay of the link have changed, or that an outage
	// has begun or ended. If emptied is set, packets that were taken are gone.
	Changed(now sim.Time, emptied bool)
}

// Air is what a radio sees of its link.
type Air struct {
	link  *Link
	radio Radio
	next  PacketID // first packet not taken yet; 0: none, or a discipline holds them
	taken int      // packets taken and neither sent nor lost
	held  bool     // the discipline holds packets and gives none yet
	last  sim.Time // arrival of the packet sent last
}

// setRadio makes the radio of a new link.
func (lk *Link) setRadio(l *hotLink) {
	l.flags |= flagServed | flagRadio
	lk.air = &Air{link: lk}
	lk.air.radio = lk.cfg.Radio(lk.air)
}

// Name returns the name of the link.
func (a *Air) Name() string { return a.link.name }

// Sim returns the simulation.
func (a *Air) Sim() *sim.Sim { return a.link.net.sim }

// Origin returns the number of the transmitting node, from which keys of events are
// taken.
func (a *Air) Origin() sim.NodeID { return a.link.node.origin }

// Stream returns the random stream "link/NAME/kind".
func (a *Air) Stream(kind string) *sim.Rand {
	return a.link.net.sim.Stream("link/" + a.link.name + "/" + kind)
}

// Works reports whether the link is neither down nor stopped.
func (a *Air) Works() bool { return a.link.hot().flags&flagStopped == 0 }

// Rate returns the configured rate of the link at a time in bits per second; 0 means
// no service while the link is stopped or its schedule has none, else that no rate is
// set.
func (a *Air) Rate(now sim.Time) sim.Rate {
	l := a.link.hot()
	switch {
	case l.flags&flagStopped != 0:
		return 0
	case l.flags&flagVarying != 0:
		return a.link.rates.at(now)
	}
	return l.rate
}

// Size returns the octets of a packet as IP counts them.
func (a *Air) Size(id PacketID) int { return int(a.link.net.meta[id].size) }

// Waits reports whether a packet waits that can be taken now.
func (a *Air) Waits() bool {
	if p := a.link.queue; p != nil {
		return p.waiting > 0 && !a.held
	}
	return a.next != 0
}

// Take gives the next packet to the radio; 0 is none. A discipline that holds packets
// but gives none yet has Offered called when it does.
func (a *Air) Take(now sim.Time) PacketID {
	n, lk := a.link.net, a.link
	if lk.queue != nil {
		return a.dequeue(now, lk.queue)
	}
	id := a.next
	if id != 0 {
		a.next = n.meta[id].next
		a.taken++
	}
	return id
}

// dequeue takes a packet from the discipline and appends it to the list of the link.
func (a *Air) dequeue(now sim.Time, p *Port) PacketID {
	if p.waiting == 0 {
		return 0
	}
	n, l := a.link.net, a.link.hot()
	id, again := p.discipline.Dequeue(now)
	if id == 0 {
		if a.held = p.waiting > 0; a.held {
			p.askAgain(again, a.link.index)
		}
		return 0
	}
	p.idle = false
	m := &n.meta[id]
	p.waiting--
	p.waits.add(sim.Duration(now - m.arrive))
	m.arrive, m.next = sim.Never, 0
	if l.tail != 0 {
		n.meta[l.tail].next = id
	} else {
		l.head = id
	}
	l.tail = id
	if l.cursor == 0 {
		l.cursor = id
	}
	a.taken++
	return id
}

// Sent ends a packet that has left the queue and is whole at the receiving radio at
// the given time, not before now. It arrives after the delay of the link, and not
// before those that were sent earlier.
func (a *Air) Sent(now sim.Time, id PacketID, whole sim.Time) {
	n, lk, l := a.link.net, a.link, a.link.hot()
	a.end(now, l, id)
	m := &n.meta[id]
	m.leave = now
	n.leave(lk.index, l, id, m)
	m.arrive = max(whole.Add(l.delay), a.last)
	a.last = m.arrive
	if l.flags&flagClamp != 0 {
		n.clamp(lk.index, m)
	}
	if l.head == id {
		n.sim.Schedule(m.arrive, m.key, n.handler, lk.index)
	}
	a.idle(now, l)
}

// Lost ends a packet that the radio has given up.
func (a *Air) Lost(now sim.Time, id PacketID, why trace.Reason) {
	n, lk, l := a.link.net, a.link, a.link.hot()
	a.end(now, l, id)
	m := &n.meta[id]
	var before PacketID
	for x := l.head; x != id; x = n.meta[x].next {
		before = x
	}
	m.leave = now
	n.leave(lk.index, l, id, m)
	if before != 0 {
		n.meta[before].next = m.next
	} else {
		l.head = m.next
	}
	if l.tail == id {
		l.tail = before
	}
	lk.purged++
	lk.purgedQueue++
	lk.purgedBytes += uint64(m.size)
	n.drop(now, lk.index, id, why)
	a.idle(now, l)
}

// end checks that a packet is the one whose turn it is.
func (a *Air) end(now sim.Time, l *hotLink, id PacketID) {
	if a.taken == 0 || l.cursor != id || now != a.link.net.sim.Now() {
		sim.Bugf("the radio of link %s ends packet %d out of turn at %v", a.link.name, id, now)
	}
	a.taken--
}

// idle tells a discipline that the server has nothing to do.
func (a *Air) idle(now sim.Time, l *hotLink) {
	if p := a.link.queue; p != nil && l.cursor == 0 && p.waiting == 0 {
		p.idle, p.since = true, now
	}
}

// accept appends a packet to the queue of a link with a radio.
func (a *Air) accept(now sim.Time, l *hotLink, id PacketID, m *packetMeta) {
	n := a.link.net
	if p := a.link.queue; p != nil {
		p.accepted(m)
		a.offered(now)
		return
	}
	m.arrive, m.leave = sim.Never, sim.Never
	if l.tail != 0 {
		n.meta[l.tail].next = id
	} else {
		l.head = id
	}
	l.tail = id
	if l.cursor == 0 {
		l.cursor = id
	}
	if a.next == 0 {
		a.next = id
		a.radio.Offered(now)
	}
}

// offered asks a discipline again: a packet has come, or one that it held may go.
func (a *Air) offered(now sim.Time) {
	a.held = false
	a.radio.Offered(now)
}

// emptied follows an outage that has dropped the queue.
func (a *Air) emptied(now sim.Time) {
	a.next, a.taken, a.held = 0, 0, false
	a.radio.Changed(now, true)
}
