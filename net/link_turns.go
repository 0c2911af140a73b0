package simnet

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A link whose discipline is timeless needs no event for the end of a service. While
// nothing waits, the link is one that is first in, first out and has room for one packet:
// the departure is computed when the packet is accepted, and the discipline is not
// asked. What comes while a packet is in service goes to the discipline. Whoever looks
// at the link then (a packet that is offered, an arrival at the far end, a sampler)
// first does what the server has done since: at each end of a service until now the
// discipline gives the next packet, as it would have given it then, because nothing has
// come since and it does not ask for the time. The arrival of a packet is known when its
// service begins, and the arrival of the one before comes no later than the end of that
// service, so that no packet is late.
//
// With the first change of the link (rate, delay, outage, pause) this ends: from then on
// it is served with events. Links with a server that is not a constant rate, with a radio
// or of mode Served have events from the beginning. The run is the same in all cases.

// Timeless is a discipline of which all this is true: Dequeue gives a packet whenever one
// waits, drops and marks none, and does not use the time; a packet that finds the queue
// empty and the server idle is the next one if it fits into the limit of octets, and when
// it has gone the discipline is as it was, so that it need not be told of it.
type Timeless interface {
	Discipline
	Timeless()
}

// setTurns lets a new link do without events for the ends of services if it can.
func (lk *Link) setTurns(l *hotLink) {
	if _, ok := lk.queue.discipline.(Timeless); !ok || lk.cfg.Mode == Served || l.flags&flagSlowServer != 0 {
		return
	}
	l.flags &^= flagServed | flagDiscipline
	l.flags |= flagTurns
	lk.limitTurns(l)
}

// limitTurns makes room for the packet in service only.
func (lk *Link) limitTurns(l *hotLink) {
	l.limitPkts, l.limitBytes = 1, limitOf(lk.cfg.Queue.Bytes)
	if lk.cfg.Queue.ExcludeService {
		l.limitBytes = limitOf(0)
	}
}

// waitTurn gives a packet that does not go into service at once to the discipline, which
// may drop it.
func (n *Network) waitTurn(now sim.Time, li uint32, l *hotLink, id PacketID, m *packetMeta) {
	p := n.ports[li]
	if why := p.enqueue(now, id, m); why != trace.NoReason {
		n.drop(now, li, id, why)
		return
	}
	m.key = n.sim.NextKey(l.from)
	l.sent += uint64(m.size)
	if l.changesClass(l.bytes + uint32(m.size)) {
		n.leaveClass(li, l, now)
	}
	l.enter(now, m.size)
	n.foldAccept(now, l, n.Segment(id), m.size)
	p.accepted(m)
	l.flags |= flagQueued
	n.takeTurns(now, li, l)
	if n.traces[l.from].Wants(trace.PacketForwarded) {
		n.observe(now, trace.PacketForwarded, l, li, id, trace.NoReason)
	}
}

// takeTurns does what the server has done up to now while packets waited.
func (n *Network) takeTurns(now sim.Time, li uint32, l *hotLink) {
	p := n.ports[li]
	for p.waiting > 0 {
		at := l.busy
		if id := l.cursor; id != 0 {
			m := &n.meta[id]
			if m.leave > now {
				return
			}
			n.leave(li, l, id, m)
		} else {
			at = max(at, now)
		}
		id, _ := p.discipline.Dequeue(at)
		m := &n.meta[id]
		p.waiting--
		p.waits.add(sim.Duration(at - m.arrive))
		l.depart(at, m.size)
		m.leave, m.arrive, m.next = l.busy, l.busy+sim.Time(l.delay), 0
		if l.tail != 0 {
			n.meta[l.tail].next = id
		} else {
			l.head = id
			n.sim.Schedule(m.arrive, m.key, n.handler, li)
		}
		l.tail, l.cursor = id, id
	}
	l.flags &^= flagQueued
}

// endTurns makes events for the ends of services from now on, up to which the link has
// been settled. The caller schedules that of the packet in service.
func (lk *Link) endTurns(l *hotLink) {
	l.flags &^= flagTurns | flagQueued
	l.flags |= flagServed | flagDiscipline
	l.limitPkts = 0
	p := lk.queue
	p.idle, p.since, p.wake = l.cursor == 0, l.busy, sim.Never
	if id := l.cursor; id != 0 {
		m := &lk.net.meta[id]
		m.arrive, m.leave = sim.Never, sim.Never
		lk.served = id
		l.flags |= flagServing
	}
}
