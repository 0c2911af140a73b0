package simnet

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What happens to a link while the run lasts. A change at t finds what has left
// by t gone: departures at t are complete, those after t follow the new state.
// The packet in service keeps what was sent of it. Packets never overtake each
// other, so that after a reduction of the delay the first packets arrive
// together with the last ones that were under way.

// SetRate sets a constant rate: 0 is infinite, NoService stops the link. It
// ends a schedule. A link that follows a trace has no rate to set.
func (lk *Link) SetRate(r sim.Rate) {
	if lk.cfg.Opportunities != nil {
		sim.Bugf("link %s follows a trace and has no rate to set", lk.name)
	}
	lk.change(func(l *hotLink, _ PacketID) {
		lk.cfg.Rate, lk.cfg.Schedule = r, nil
		lk.setServer(l)
	})
}

// SetSchedule makes the rate follow a schedule, whose time 0 is the start of
// the run.
func (lk *Link) SetSchedule(s *RateSchedule) {
	if lk.cfg.Opportunities != nil {
		sim.Bugf("link %s follows a trace and has no rate to set", lk.name)
	}
	if err := s.Validate(); err != nil {
		sim.Bugf("link %s: %v", lk.name, err)
	}
	lk.change(func(l *hotLink, _ PacketID) {
		lk.cfg.Schedule = s
		lk.setServer(l)
	})
}

// SetDelay sets the propagation delay of the packets that have not left yet.
func (lk *Link) SetDelay(d sim.Duration) {
	if d < 0 {
		sim.Bugf("link %s: negative delay", lk.name)
	}
	lk.change(func(l *hotLink, staying PacketID) {
		if d < l.delay {
			lk.clampBehind(l, staying)
		}
		lk.cfg.Delay, l.delay = d, d
	})
}

// SetLoss sets the probability of Bernoulli loss.
func (lk *Link) SetLoss(p float64) {
	if !(p >= 0 && p <= 1) {
		sim.Bugf("link %s: loss probability %v", lk.name, p)
	}
	lk.setLoss(lk.hot(), p)
}

// SetDrop sets the exact drop pattern. Indices still count from the first
// packet that the link was ever offered.
func (lk *Link) SetDrop(p DropPattern) { lk.setDrop(lk.hot(), p) }

// SetQueue sets the limit of the queue. Packets that are in the queue stay.
func (lk *Link) SetQueue(q Queue) {
	l := lk.hot()
	lk.net.settle(lk.net.sim.Now(), lk.index, l)
	lk.setQueue(l, q)
}

// Outage says what a failure does. The zero value is a cut that loses
// everything under way and that the transmitting interface notices.
type Outage struct {
	KeepQueue    bool // what is queued or in service waits for Up and goes on then
	KeepInFlight bool // what has left still arrives
	Silent       bool // a black hole: the interface stays up and nobody is told
}

// Down makes the link drop everything that it is offered.
func (lk *Link) Down(o Outage) {
	n, now := lk.net, lk.net.sim.Now()
	lk.change(func(l *hotLink, _ PacketID) { l.flags |= flagDown | flagStopped })
	lk.purge(now, o)
	if !o.Silent && lk.from != nil {
		n.ifcs[lk.from.index].setCarrier(false)
	}
}

// Notice ends the silence of a failure: the transmitting interface loses its
// carrier, as after the detection time of a routing protocol. A link that works
// takes no notice.
func (lk *Link) Notice() {
	if lk.IsDown() && lk.from != nil {
		lk.from.setCarrier(false)
	}
}

// Up ends an outage.
func (lk *Link) Up() {
	lk.change(func(l *hotLink, _ PacketID) {
		l.flags &^= flagDown
		lk.setServer(l)
	})
	if lk.from != nil {
		lk.from.setCarrier(true)
	}
}

// Pause stops the server: what is offered waits in the queue, as far as there is room,
// until Resume. KeepQueue and KeepInFlight of o say what becomes of packets that the link
// has already; nobody notices.
func (lk *Link) Pause(o Outage) {
	lk.paused = true
	lk.change(func(l *hotLink, _ PacketID) { l.flags |= flagStopped })
	lk.purge(lk.net.sim.Now(), o)
}

// Resume lets the server go on after Pause.
func (lk *Link) Resume() {
	lk.paused = false
	lk.change(func(l *hotLink, _ PacketID) { lk.setServer(l) })
}

// IsDown reports whether the link drops everything.
func (lk *Link) IsDown() bool { return lk.hot().flags&flagDown != 0 }

// change applies what f does to the link and computes anew what has not left: f
// is given the first packet of that, or 0.
func (lk *Link) change(f func(l *hotLink, staying PacketID)) {
	n, now, l := lk.net, lk.net.sim.Now(), lk.hot()
	n.settle(now, lk.index, l)
	lk.capacity.charge(lk, l, now)
	if l.flags&flagTurns != 0 {
		lk.endTurns(l)
	}
	if l.flags&flagServed != 0 {
		lk.changeServed(now, l, f)
	} else {
		lk.changeFifo(now, l, f)
	}
}

func (lk *Link) changeServed(now sim.Time, l *hotLink, f func(l *hotLink, staying PacketID)) {
	n := lk.net
	if lk.air != nil {
		f(l, l.cursor)
		lk.air.radio.Changed(now, false)
		return
	}
	id := lk.served
	if id == 0 {
		f(l, l.cursor)
		lk.resume(now, l)
	} else {
		m := &n.meta[id]
		work := lk.work(l, m)
		lk.rewind(now, l, id, work)
		f(l, id)
		lk.finish(l, id, work)
		if l.busy != sim.Never {
			n.sim.Schedule(l.busy, m.key, n.handler, lk.index|serviceEvent)
		}
	}
	l.flags &^= flagWaiting
	n.pump(now, lk.index, l)
}

func (lk *Link) changeFifo(now sim.Time, l *hotLink, f func(l *hotLink, staying PacketID)) {
	n := lk.net
	first := lk.inService(now, l)
	if first == 0 {
		f(l, 0)
		return
	}
	lk.rewind(now, l, first, lk.backlog(l, first))
	f(l, first)
	for id := first; id != 0; {
		m := &n.meta[id]
		lk.serve(l, id, m)
		m.arrive = l.busy.Add(l.delay)
		if l.flags&flagClamp != 0 {
			n.clamp(lk.index, m)
		}
		id = m.next
	}
	if m := &n.meta[first]; l.head == first && m.arrive != sim.Never {
		n.sim.Schedule(m.arrive, m.key, n.handler, lk.index)
	}
}

// inService returns the first packet of a fifo link that has not left, or 0.
// On a trace that may be one which does not count in the queue any more.
func (lk *Link) inService(now sim.Time, l *hotLink) PacketID {
	if l.flags&flagTrace == 0 {
		return l.cursor
	}
	before := lk.before(l)
	if before == 0 {
		return l.cursor
	}
	if l.busy == sim.Never && lk.stuck.id == before {
		return before
	}
	if int64(lk.ahead(now, l)-lk.backlog(l, l.cursor)) > 0 {
		return before
	}
	return l.cursor
}

// before returns the packet ahead of the cursor in the list, or 0.
func (lk *Link) before(l *hotLink) PacketID {
	var before PacketID
	for id := l.head; id != l.cursor; id = lk.net.meta[id].next {
		before = id
	}
	return before
}

// backlog sums the work of the packets from id on for which the server has a
// departure.
func (lk *Link) backlog(l *hotLink, id PacketID) uint64 {
	var sum uint64
	for id != 0 && !(l.busy == sim.Never && id == lk.stuck.id) {
		m := &lk.net.meta[id]
		sum += lk.work(l, m)
		id = m.next
	}
	return sum
}

// clampBehind makes later packets arrive no earlier than those in flight, which
// are the ones before staying.
func (lk *Link) clampBehind(l *hotLink, staying PacketID) {
	n := lk.net
	for id := l.head; id != staying; id = n.meta[id].next {
		lk.floor = n.meta[id].arrive
		l.flags |= flagClamp
	}
}

func (n *Network) clamp(li uint32, m *packetMeta) {
	if m.arrive < n.cold[li].floor {
		m.arrive = n.cold[li].floor
	}
}

// purge drops what an outage loses: first what is in flight, then the queue
// with the packet in service.
func (lk *Link) purge(now sim.Time, o Outage) {
	n, l := lk.net, lk.hot()
	queue := lk.staying(now, l)
	flight, last := l.head, PacketID(0)
	for id := l.head; id != queue; id = n.meta[id].next {
		last = id
	}
	if last == 0 {
		flight = 0
	} else {
		n.meta[last].next = 0
	}
	if o.KeepQueue && queue != 0 {
		if o.KeepInFlight && last != 0 {
			n.meta[last].next = queue
		} else {
			l.head = queue
		}
	} else {
		l.tail = last
		if !o.KeepInFlight {
			l.head, l.tail = 0, 0
		} else if last == 0 {
			l.head = 0
		}
	}
	if !o.KeepInFlight {
		lk.dropList(now, l, flight)
	}
	if !o.KeepQueue {
		lk.dropList(now, l, queue)
		if lk.queue != nil {
			lk.queue.purge(now, l)
		}
		lk.served = 0
		l.flags &^= flagServing | flagWaiting
		l.busy, l.rem = now, 0
		if lk.air != nil {
			lk.air.emptied(now)
		}
	}
}

// staying returns the first packet that has not left the sending end, or 0.
func (lk *Link) staying(now sim.Time, l *hotLink) PacketID {
	if l.flags&flagServed == 0 {
		return lk.inService(now, l)
	}
	if lk.served != 0 {
		return lk.served
	}
	return l.cursor
}

// dropList drops a list of packets that were accepted.
func (lk *Link) dropList(now sim.Time, l *hotLink, id PacketID) {
	n := lk.net
	for id != 0 {
		m := &n.meta[id]
		next := m.next
		if id == l.cursor {
			m.leave = now
			n.leave(lk.index, l, id, m)
			lk.purgedQueue++
			lk.purgedBytes += uint64(m.size)
		}
		lk.purged++
		n.drop(now, lk.index, id, trace.LinkDown)
		id = next
	}
}
