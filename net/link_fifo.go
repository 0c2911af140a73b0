package simnet

import (
	"math/bits"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// OnEvent is the one handler of all links: arg is the link number, with
// serviceEvent set for the end of service on a served link.
func (n *Network) OnEvent(now sim.Time, arg uint64) {
	if arg&serviceEvent != 0 {
		n.serviceDue(now, uint32(arg&^serviceEvent))
		return
	}
	li := uint32(arg)
	l := &n.links[li]
	if canPrefetch && n.sim.Crowded() {
		n.lookAhead()
	}
	id := l.head
	m := &n.meta[id]
	if m.arrive != now || m.key != n.sim.CurrentKey() {
		return // left behind by a change of the link
	}
	if l.flags&flagQueued != 0 {
		n.takeTurns(now, li, l)
	}
	if l.cursor == id {
		l.cursor = m.next
		if l.changesClass(l.bytes - uint32(m.size)) {
			n.leaveClass(li, l, m.leave)
		}
		l.remove(m)
	}
	next := m.next
	l.head = next
	if next == 0 {
		l.tail = 0
	} else if nm := &n.meta[next]; nm.arrive != sim.Never {
		n.sim.Schedule(nm.arrive, nm.key, n.handler, li)
	}
	s := n.Segment(id)
	s.Hop++
	if l.flags&flagIngress != 0 {
		n.ingress(now, li, id)
		return
	}
	n.step(now, l.to, id, s)
}

// offer gives a packet to a link, which accepts or drops it. The key of the
// packet's arrival is taken here. Most links are plain: first in, first out at a
// constant rate, and nothing but the limits to look at.
func (n *Network) offer(now sim.Time, li uint32, id PacketID, s *segment) {
	l := &n.links[li]
	m := &n.meta[id]
	size := m.size
	if l.flags&flagOffer != 0 || size > l.mtu {
		n.offerOdd(now, li, id, s)
		return
	}
	l.offered++
	for c := l.cursor; c != 0; {
		first := &n.meta[c]
		if first.leave > now {
			break
		}
		c = first.next
		l.cursor = c
		if l.changesClass(l.bytes - uint32(first.size)) {
			n.leaveClass(li, l, first.leave)
		}
		l.remove(first)
	}
	if l.full(size) && !n.beyondLimit(now, li, l, id, m) {
		return
	}
	key := n.sim.NextKey(l.from)
	l.sent += uint64(size)
	if l.changesClass(l.bytes + uint32(size)) {
		n.leaveClass(li, l, now)
	}
	l.enter(now, size)
	t := n.traces[l.from]
	t.Chain = t.Chain.With(uint64(now), uint64(s.Seq)|uint64(s.Ack)<<32).With(n.routes[s.Route].salt, packetWord(s, size, l.salt))
	busy, rem := l.busy, l.rem
	if busy < now {
		busy, rem = now, 0
	}
	if l.rate > 0 {
		var d sim.Time
		d, rem = l.serialise((uint64(size)+uint64(l.overhead))*workUnit + rem)
		busy += d
	} else {
		rem = 0
	}
	l.busy, l.rem = busy, rem
	arrive := busy + sim.Time(l.delay)
	m.leave, m.arrive, m.key, m.next = busy, arrive, key, 0
	if l.cursor == 0 {
		l.cursor = id
	}
	last := l.tail
	l.tail = id
	if t.Wants(trace.PacketForwarded) {
		n.observe(now, trace.PacketForwarded, l, li, id, trace.NoReason)
	}
	if last != 0 {
		n.meta[last].next = id
		return
	}
	l.head = id
	n.sim.Schedule(arrive, key, n.handler, li)
}

// offerOdd is offer for links that are not plain, and for packets that are too big.
func (n *Network) offerOdd(now sim.Time, li uint32, id PacketID, s *segment) {
	l := &n.links[li]
	m := &n.meta[id]
	size := m.size
	i := l.offered
	l.offered++
	if l.flags&flagFate != 0 || size > l.mtu {
		if l.besideQueue(s) {
			l.offered--
			n.offer(now, n.cold[li].acks.index, id, s)
			return
		}
		if size > l.mtu && l.flags&flagDown == 0 && n.fragments(now, n.cold[li], id) {
			return
		}
		if why := n.fate(now, li, l, i, size); why != trace.NoReason {
			if why == trace.PacketTooBig {
				n.tooBig(now, li, id)
				return
			}
			n.drop(now, li, id, why)
			return
		}
	}
	if l.flags&(flagServed|flagQueued) != 0 || l.cursor != 0 && n.meta[l.cursor].leave <= now {
		n.settle(now, li, l)
	}
	if l.full(size) && !n.beyondLimit(now, li, l, id, m) {
		return
	}
	if l.flags&flagMark != 0 {
		n.mark(li, l, s)
	}
	m.key = n.sim.NextKey(l.from)
	m.next = 0
	l.sent += uint64(size)
	if l.changesClass(l.bytes + uint32(size)) {
		n.leaveClass(li, l, now)
	}
	l.enter(now, size)
	n.foldAccept(now, l, s, size)
	switch {
	case l.flags&(flagServed|flagCut) == 0:
		n.acceptFifo(now, li, l, id, m)
	case l.flags&flagCut != 0:
		n.acceptCut(now, li, l, id, m, s)
	default:
		n.acceptServed(now, li, l, id, m)
	}
	if n.traces[l.from].Wants(trace.PacketForwarded) {
		n.observe(now, trace.PacketForwarded, l, li, id, trace.NoReason)
	}
}

// acceptFifo computes the packet's departure and appends it to the list.
func (n *Network) acceptFifo(now sim.Time, li uint32, l *hotLink, id PacketID, m *packetMeta) {
	if l.flags&flagSlowServer == 0 {
		l.depart(now, m.size)
		m.leave = l.busy
		m.arrive = l.busy + sim.Time(l.delay)
	} else {
		lk := n.cold[li]
		lk.resume(now, l)
		lk.serve(l, id, m)
		m.arrive = l.busy.Add(l.delay)
	}
	if l.flags&flagClamp != 0 {
		n.clamp(li, m)
	}
	if l.cursor == 0 {
		l.cursor = id
	}
	if l.tail != 0 {
		n.meta[l.tail].next = id
	} else {
		l.head = id
		if m.arrive != sim.Never {
			n.sim.Schedule(m.arrive, m.key, n.handler, li)
		}
	}
	l.tail = id
}

// depart moves busy and rem to when a packet of the given octets, accepted now, has left a
// server of constant rate.
func (l *hotLink) depart(now sim.Time, size uint16) {
	if l.busy < now {
		l.busy, l.rem = now, 0
	}
	if l.rate == 0 {
		l.rem = 0
		return
	}
	d, rem := l.serialise((uint64(size)+uint64(l.overhead))*workUnit + l.rem)
	l.busy, l.rem = l.busy+d, rem
}

// serialise returns the whole nanoseconds that the constant rate needs for the
// work, and the remainder. The quotient is estimated with the inverse of the rate,
// which for work below 2^63 is at most one too small; a division would take several
// times as long.
func (l *hotLink) serialise(work uint64) (sim.Time, uint64) {
	d, _ := bits.Mul64(work, l.inverse)
	rem := work - d*uint64(l.rate)
	if rem >= uint64(l.rate) {
		rem -= uint64(l.rate)
		d++
	}
	return sim.Time(d), rem
}

// settle brings the queue of a link up to now: what leaves at now has left.
func (n *Network) settle(now sim.Time, li uint32, l *hotLink) {
	if l.flags&flagServed != 0 {
		n.pump(now, li, l)
		return
	}
	if l.flags&flagQueued != 0 {
		n.takeTurns(now, li, l)
	}
	for id := l.cursor; id != 0; id = l.cursor {
		m := &n.meta[id]
		if m.leave > now {
			return
		}
		n.leave(li, l, id, m)
		if l.flags&flagCut != 0 {
			n.gone(l, id)
		}
	}
}

// leave takes the first packet of the queue out of the count.
func (n *Network) leave(li uint32, l *hotLink, id PacketID, m *packetMeta) {
	l.cursor = m.next
	n.uncount(li, l, m)
}

// uncount ends the stay of a packet in the queue at the time at which it leaves.
func (n *Network) uncount(li uint32, l *hotLink, m *packetMeta) {
	if l.changesClass(l.bytes - uint32(m.size)) {
		n.leaveClass(li, l, m.leave)
	}
	l.remove(m)
}

// remove is uncount but for the class of the length.
func (l *hotLink) remove(m *packetMeta) {
	l.packets--
	l.bytes -= uint32(m.size)
	var borrow uint64
	hi, lo := bits.Mul64(uint64(m.size), uint64(m.leave))
	l.areaLo, borrow = bits.Add64(l.areaLo, lo, 0)
	l.areaHi += hi + borrow
}

// enter counts a packet that the queue has accepted, but for the class of the length.
func (l *hotLink) enter(now sim.Time, size uint16) {
	l.packets++
	l.bytes += uint32(size)
	var borrow uint64
	hi, lo := bits.Mul64(uint64(size), uint64(now))
	l.areaLo, borrow = bits.Sub64(l.areaLo, lo, 0)
	l.areaHi -= hi + borrow
}

// changesClass reports whether the queue would be of another class with so many octets,
// and classes are kept.
func (l *hotLink) changesClass(bytes uint32) bool {
	return l.flags&flagHistogram != 0 && !sameClass(l.bytes, bytes)
}

// full reports whether all packets together leave no room for one more.
func (l *hotLink) full(size uint16) bool {
	return l.packets >= l.limitPkts || l.bytes+uint32(size) > l.limitBytes
}

// beyondLimit is what happens to a packet for which the hot line says that there
// is no room. It reports whether the packet is to be accepted all the same.
func (n *Network) beyondLimit(now sim.Time, li uint32, l *hotLink, id PacketID, m *packetMeta) bool {
	why := trace.QueueFull
	switch {
	case l.flags&flagTurns != 0:
		n.waitTurn(now, li, l, id, m)
		return false
	case l.flags&flagDiscipline != 0:
		if why = n.cold[li].queue.enqueue(now, id, m); why == trace.NoReason {
			return true
		}
	case l.flags&flagTail != 0:
		if why = n.cold[li].inTail(l, m.size); why == trace.NoReason {
			return true
		}
	case l.roomBehindService(n, m.size):
		return true
	}
	n.drop(now, li, id, why)
	return false
}

// roomBehindService reports whether a full queue takes one more packet because the
// one in service does not count.
func (l *hotLink) roomBehindService(n *Network, size uint16) bool {
	if l.flags&flagExclude == 0 {
		return false
	}
	if l.idle() {
		return true // it goes into service at once
	}
	packets, bytes := l.counted(n)
	return packets < l.limitPkts && bytes+uint32(size) <= l.limitBytes
}

// counted is the length of the queue as the limit counts it.
func (l *hotLink) counted(n *Network) (packets, bytes uint32) {
	if l.flags&(flagExclude|flagTrace) == flagExclude && l.cursor != 0 {
		return l.packets - 1, l.bytes - uint32(n.meta[l.cursor].size)
	}
	return l.packets, l.bytes
}

func (l *hotLink) idle() bool { return l.cursor == 0 && l.flags&flagTrace == 0 }
