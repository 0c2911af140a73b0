package simnet

import "mpsim/sim"

// A served link has an event for each end of service (and, on a trace, for the
// opportunity for which an idle link waits). Because a departure at t precedes
// an arrival at t whatever the order of the two events, a packet that is
// offered first completes the service that is due; its event then finds nothing
// to do. Such an event has the key of the packet in service and is not part of
// the trace.

// serviceEvent marks the argument of an end-of-service event.
const serviceEvent = 1 << 31

// acceptServed appends the packet to the queue and begins to serve it if the
// link is idle.
func (n *Network) acceptServed(now sim.Time, li uint32, l *hotLink, id PacketID, m *packetMeta) {
	if l.flags&(flagDiscipline|flagRadio) != 0 {
		if a := n.cold[li].air; a != nil {
			a.accept(now, l, id, m)
			return
		}
		n.cold[li].queue.accepted(m)
		n.pump(now, li, l)
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
		if l.flags&flagServing == 0 {
			n.cold[li].resume(now, l)
		}
	}
	n.pump(now, li, l)
}

// serviceDue handles an end-of-service event.
func (n *Network) serviceDue(now sim.Time, li uint32) {
	l := &n.links[li]
	l.flags &^= flagWaiting
	if l.flags&flagRadio != 0 {
		n.cold[li].air.offered(now) // the discipline has a packet now
		return
	}
	n.pump(now, li, l)
}

// pump does what the server of a served link has done up to now.
func (n *Network) pump(now sim.Time, li uint32, l *hotLink) {
	lk := n.cold[li]
	if lk.air != nil {
		return // it has events of its own
	}
	if lk.queue != nil {
		n.pumpDiscipline(now, li, l)
		return
	}
	for {
		if l.flags&flagServing != 0 {
			if l.busy > now {
				return
			}
			n.complete(li, l)
		}
		id := l.cursor
		if id == 0 {
			return
		}
		m := &n.meta[id]
		if begin := lk.begin(l); begin > now {
			if begin != sim.Never && l.flags&flagWaiting == 0 {
				l.flags |= flagWaiting
				n.sim.Schedule(begin, m.key, n.handler, li|serviceEvent)
			}
			return
		}
		n.beginService(li, l, id, m)
		if l.busy > now && l.busy != sim.Never {
			n.sim.Schedule(l.busy, m.key, n.handler, li|serviceEvent)
		}
	}
}

// beginService takes the packet at the cursor into service.
func (n *Network) beginService(li uint32, l *hotLink, id PacketID, m *packetMeta) {
	lk := n.cold[li]
	if l.flags&flagTrace != 0 {
		m.leave = lk.begin(l)
		n.leave(li, l, id, m)
	}
	lk.served = id
	l.flags |= flagServing
	lk.finish(l, id, lk.work(l, m))
}

// complete ends the service of the packet in service, at busy.
func (n *Network) complete(li uint32, l *hotLink) {
	lk := n.cold[li]
	id := lk.served
	lk.served = 0
	l.flags &^= flagServing
	m := &n.meta[id]
	if l.flags&flagTrace == 0 {
		m.leave = l.busy
		n.leave(li, l, id, m)
	}
	m.arrive = l.busy.Add(l.delay)
	if l.flags&flagClamp != 0 {
		n.clamp(li, m)
	}
	if l.head == id {
		n.sim.Schedule(m.arrive, m.key, n.handler, li)
	}
}
