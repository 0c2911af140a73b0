package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A discipline decides which packets wait for a link, which of them goes next,
// and which are dropped or marked on the way (package mpsim/net/aqm holds those
// that mpsim ships). A link with one is always served: the discipline is asked
// when a packet is offered and when the server is free. Waiting packets belong to
// the discipline; the packet in service and those in flight belong to the link,
// and nothing is dropped from there.
//
// What a discipline does at fixed times between those two calls it does late, at
// the next of them: its state does not change in between, so that nobody can see
// the difference, and no event is spent.

// Discipline is the queue of one link. Its methods must not allocate.
type Discipline interface {
	// Enqueue offers a packet. NoReason says that it waits now; another reason
	// is why it is dropped, and the discipline has kept nothing of it. Waiting
	// packets may be dropped for its sake (Port.Drop).
	Enqueue(now sim.Time, id PacketID) trace.Reason
	// Dequeue takes out the packet that goes into service now. If it is none (0),
	// the second result is when to ask again although no packet has come, or
	// sim.Never.
	Dequeue(now sim.Time) (PacketID, sim.Time)
	// Evict takes out any waiting packet, or 0 if there is none: an outage
	// empties the queue. It decides nothing and remembers nothing.
	Evict() PacketID
}

// Port is what a discipline sees of its link. What each packet needs lies in the first of
// its two cache lines.
type Port struct {
	net        *Network
	discipline Discipline
	index      uint32
	waiting    uint32  // packets that the discipline holds
	key        sim.Key // of the last packet accepted
	entered    uint64  // packets that it has accepted
	limitPkts  uint32  // of the queue, as hot lines have it
	limitBytes uint32
	idle       bool
	exclude    bool // see Queue.ExcludeService

	waits waits
	since sim.Time // idle: since when
	wake  sim.Time // when the discipline is asked again; Never: no event is pending
	// culled counts packets that were dropped while they waited.
	culled, culledBytes uint64
}

// setDiscipline makes the discipline of a new link.
func (lk *Link) setDiscipline(l *hotLink) {
	l.flags |= flagDiscipline
	p := &Port{net: lk.net, index: lk.index, idle: true, since: lk.net.sim.Now(), wake: sim.Never}
	p.setLimit(lk.cfg.Queue)
	if lk.cfg.Histogram {
		p.waits.hist = new(histogram)
	}
	p.discipline = lk.cfg.Discipline(p)
	lk.queue = p
	for len(lk.net.ports) <= int(lk.index) {
		lk.net.ports = append(lk.net.ports, nil)
	}
	lk.net.ports[lk.index] = p
}

func (p *Port) setLimit(q Queue) {
	p.limitPkts, p.limitBytes, p.exclude = limitOf(q.Packets), limitOf(q.Bytes), q.ExcludeService
}

// Stream returns the random stream of the discipline, "link/NAME/aqm". Draws are
// taken by Index, so that variants under comparison meet the same luck.
func (p *Port) Stream() *sim.Rand { return p.link().net.sim.Stream("link/" + p.link().name + "/aqm") }

// Index returns the index of the packet that is being offered, counted from 0
// over all packets that the link was ever offered.
func (p *Port) Index() uint64 { return p.link().hot().offered - 1 }

// Size returns the octets of a packet as IP counts them.
func (p *Port) Size(id PacketID) int { return int(p.net.meta[id].size) }

func (p *Port) link() *Link { return p.net.cold[p.index] }

func (p *Port) hot() *hotLink { return &p.net.links[p.index] }

// Since returns when a waiting packet has come.
func (p *Port) Since(id PacketID) sim.Time { return p.net.meta[id].arrive }

// TOS returns the packet's DSCP and ECN field.
func (p *Port) TOS(id PacketID) uint8 { return p.net.Segment(id).TOS }

// Tuple returns addresses, ports and protocol of a packet. It must not be
// changed.
func (p *Port) Tuple(id PacketID) *wire.Tuple {
	return &p.net.tuples[p.net.Segment(id).Route]
}

// FlowHash returns a hash of the packet's tuple that depends on nothing else.
func (p *Port) FlowHash(id PacketID) uint64 {
	return p.net.routes[p.net.Segment(id).Route].salt
}

// Length returns the queue in packets and octets as its limit counts it: with the
// packet in service, unless Queue.ExcludeService is set or the link follows a
// trace.
func (p *Port) Length() (packets, bytes int) {
	a, b := p.hot().counted(p.net)
	return int(a), int(b)
}

// Limit returns the limit of the queue as it is now; 0 is none.
func (p *Port) Limit() Queue { return p.link().cfg.Queue }

// Full reports whether one more packet of the given octets would exceed the
// limit. A packet that goes into service at once does not count where that one
// is excluded.
func (p *Port) Full(size int) bool {
	l := p.hot()
	if p.exclude && p.waiting == 0 && l.flags&flagTrace == 0 && (p.idle || l.flags&flagTurns != 0 && l.cursor == 0) {
		return false
	}
	packets, bytes := l.counted(p.net)
	return packets >= p.limitPkts || uint64(bytes)+uint64(size) > uint64(p.limitBytes)
}

// IdleSince returns since when the server has nothing to do, or Never.
func (p *Port) IdleSince() sim.Time {
	if l := p.hot(); l.flags&flagTurns != 0 {
		if l.cursor == 0 {
			return l.busy
		}
	} else if p.idle && p.waiting == 0 {
		return p.since
	}
	return sim.Never
}

// ServiceTime returns how long the link takes for the given octets at the rate
// that it has now, or at the mean rate of its trace: 0 if it is infinitely fast,
// Never if it is stopped.
func (p *Port) ServiceTime(now sim.Time, bytes int) sim.Duration {
	l, c := p.hot(), &p.link().cfg
	r := l.rate
	switch {
	case l.flags&flagStopped != 0:
		return sim.Duration(sim.Never)
	case l.flags&flagTrace != 0:
		work := uint64(bytes+tunHeader) * uint64(c.Opportunities.Length())
		return sim.Duration(work / (uint64(len(c.Opportunities.Milliseconds)) * opportunity))
	case l.flags&flagVarying != 0:
		if r = c.Schedule.RateAt(now); r == 0 {
			return sim.Duration(sim.Never)
		}
	case r == 0:
		return 0
	}
	return sim.Duration((uint64(bytes) + uint64(l.overhead)) * workUnit / uint64(r))
}

// Mark gives CE to a packet and reports whether it is ECN-capable.
func (p *Port) Mark(id PacketID) bool {
	s := p.net.Segment(id)
	switch s.TOS & wire.ECNMask {
	case wire.NotECT:
		return false
	case wire.CE:
	default:
		p.link().marked++
		s.TOS |= wire.CE
	}
	return true
}

// Drop drops a packet that was waiting and that the discipline has taken out.
func (p *Port) Drop(now sim.Time, id PacketID, why trace.Reason) {
	p.culled++
	p.culledBytes += uint64(p.net.meta[id].size)
	p.forget(now, p.hot(), id)
	p.net.drop(now, p.index, id, why)
}

// forget takes a waiting packet out of the count of the queue.
func (p *Port) forget(now sim.Time, l *hotLink, id PacketID) {
	m := &p.net.meta[id]
	p.waiting--
	m.leave = now
	p.net.uncount(p.index, l, m)
}

// enqueue offers a packet to the discipline.
func (p *Port) enqueue(now sim.Time, id PacketID, m *packetMeta) trace.Reason {
	m.arrive, m.leave = now, sim.Never
	return p.discipline.Enqueue(now, id)
}

// accepted counts a packet that the discipline has taken.
func (p *Port) accepted(m *packetMeta) {
	p.waiting++
	p.entered++
	p.key = m.key
}

// pumpDiscipline does what the server of a link with a discipline has done up to
// now.
func (n *Network) pumpDiscipline(now sim.Time, li uint32, l *hotLink) {
	lk := n.cold[li]
	p := lk.queue
	for {
		if l.flags&flagServing != 0 {
			if l.busy > now {
				return
			}
			n.complete(li, l)
			p.since = l.busy
		}
		if p.waiting == 0 {
			p.idle = true
			return
		}
		if p.idle {
			p.idle = false
			lk.resume(now, l)
		}
		if begin := lk.begin(l); begin > now {
			if begin != sim.Never && l.flags&flagWaiting == 0 {
				l.flags |= flagWaiting
				n.sim.Schedule(begin, p.key, n.handler, li|serviceEvent)
			}
			return
		}
		id, again := p.discipline.Dequeue(now)
		if id == 0 {
			p.idle = true
			if p.waiting > 0 {
				p.askAgain(again, li)
			}
			return
		}
		p.begin(now, l, id)
		if l.busy > now && l.busy != sim.Never {
			n.sim.Schedule(l.busy, n.meta[id].key, n.handler, li|serviceEvent)
		}
	}
}

// begin takes a packet that was waiting into service.
func (p *Port) begin(now sim.Time, l *hotLink, id PacketID) {
	n := p.net
	m := &n.meta[id]
	p.waiting--
	p.waits.add(sim.Duration(now - m.arrive))
	m.arrive, m.next = sim.Never, 0
	if l.tail != 0 {
		n.meta[l.tail].next = id
	} else {
		l.head = id
	}
	l.tail, l.cursor = id, id
	n.beginService(p.index, l, id, m)
}

// askAgain has the discipline asked at a time at which it will have a packet.
func (p *Port) askAgain(at sim.Time, li uint32) {
	n := p.net
	now := n.sim.Now()
	if at == sim.Never {
		sim.Bugf("the discipline of link %s holds %d packets and gives none", p.link().name, p.waiting)
	}
	if p.wake <= now || at < p.wake {
		p.wake = at
		n.sim.Schedule(at, p.key, n.handler, li|serviceEvent)
	}
}

// purge drops all that waits.
func (p *Port) purge(now sim.Time, l *hotLink) {
	lk := p.link()
	for id := p.discipline.Evict(); id != 0; id = p.discipline.Evict() {
		p.forget(now, l, id)
		lk.purged++
		lk.purgedQueue++
		lk.purgedBytes += uint64(lk.net.meta[id].size)
		lk.net.drop(now, lk.index, id, trace.LinkDown)
	}
	p.idle, p.since = true, now
}

// Waiting is a first-in-first-out list of waiting packets, for disciplines. The
// zero value is empty.
type Waiting struct {
	Row
	Packets int
	Bytes   int // octets as IP counts them
}

// Row is a list of waiting packets that does not count them. The zero value is empty.
type Row struct{ head, tail PacketID }

// Push appends a packet.
func (w *Waiting) Push(p *Port, id PacketID) {
	w.Row.Push(p, id)
	w.Packets++
	w.Bytes += p.Size(id)
}

// Pop takes the first packet out, or returns 0.
func (w *Waiting) Pop(p *Port) PacketID {
	id := w.Row.Pop(p)
	if id != 0 {
		w.Packets--
		w.Bytes -= p.Size(id)
	}
	return id
}

// Push appends a packet.
func (r *Row) Push(p *Port, id PacketID) {
	if r.head != 0 {
		p.net.meta[r.tail].next = id
	} else {
		r.head = id
	}
	r.tail = id
	p.net.meta[id].next = 0
}

// Pop takes the first packet out, or returns 0.
func (r *Row) Pop(p *Port) PacketID {
	id := r.head
	if id != 0 {
		r.head = p.net.meta[id].next
	}
	return id
}

// Head returns the first packet, or 0.
func (r *Row) Head() PacketID { return r.head }

// waits are statistics of how long packets have waited.
type waits struct {
	sum     sim.Duration
	count   uint64
	longest sim.Duration
	hist    *histogram // of microseconds, by packets; nil: not kept
}

func (w *waits) add(d sim.Duration) {
	w.sum += d
	w.count++
	w.longest = max(w.longest, d)
	if w.hist != nil {
		w.hist.times[classOfLength(uint32(min(d/sim.Microsecond, 1<<31)))]++
	}
}

// into puts the statistics into s, given how many packets have not waited beside those
// that were added.
func (w *waits) into(s *Stats, others uint64) {
	if count := w.count + others; count > 0 {
		s.MeanWait, s.MaxWait = w.sum/sim.Duration(count), w.longest
	}
	if w.hist != nil {
		h := *w.hist
		h.times[0] += sim.Time(others)
		s.P99Wait = min(sim.Duration(h.quantile(0.99))*sim.Microsecond, w.longest)
	}
}
