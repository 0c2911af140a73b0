package sim

// near is a queue for events of which only a few are pending and most lie close
// together, as those of links do: one for each link with a packet in flight. The
// first frontSize of them are a sorted ring. An event is inserted from the end,
// because most are later than most of those that wait, or if many wait from the
// end that is nearer, and taken from the front. That is one comparison or two that
// the processor cannot foresee; in a heap every level has one.
//
// What does not fit waits in a calendar: the ring then holds what happens before
// edge, the calendar the rest. A heap takes what lies before edge and does not fit
// into the ring, as where very many events have one time.
type near struct {
	head uint32
	n    uint32
	few  uint32 // with so many events or fewer the ring is filled from the calendar
	wide bool   // very many events are pending
	edge Time   // events from here on are in the calendar; Never: it is empty
	far  queue  // no event in it precedes one of the ring, and none is as late as edge
	ring [frontSize]event
	cal  calendar
}

const (
	frontSize = 64
	manyWait  = 12

	// Where a calendar is in use, the ring is kept so full that handlers know the
	// next events (see Sim.Upcoming).
	fewEvents    = 8
	enoughEvents = 16
	wideEnough   = 128
)

func (q *near) init() { q.edge = Never }

func (q *near) len() int { return int(q.n) + q.far.len() + q.cal.len() }

func (q *near) push(e event) {
	if e.at >= q.edge && q.edge != Never {
		q.cal.push(e)
		return
	}
	q.admit(e)
}

// admit is push for an event that does not belong into the calendar.
func (q *near) admit(e event) {
	switch {
	case len(q.far.h) != 0 && q.behindRing(e):
		q.far.push(e)
	case q.n == frontSize:
		q.spill(e)
	default:
		q.insert(e)
	}
}

// insert puts an event into the ring, which has room for it.
func (q *near) insert(e event) {
	if q.n >= manyWait && q.ring[(q.head+q.n/2)%frontSize].follows(e.at, e.key) {
		q.insertEarly(e)
		return
	}
	i := q.head + q.n
	q.n++
	for i != q.head {
		p := &q.ring[(i-1)%frontSize]
		if !p.follows(e.at, e.key) {
			break
		}
		q.ring[i%frontSize] = *p
		i--
	}
	q.ring[i%frontSize] = e
}

// insertEarly is insert for an event of the first half.
func (q *near) insertEarly(e event) {
	i := q.head
	q.head--
	q.n++
	for {
		p := &q.ring[i%frontSize]
		if p.follows(e.at, e.key) {
			break
		}
		q.ring[(i-1)%frontSize] = *p
		i++
	}
	q.ring[(i-1)%frontSize] = e
}

// behindRing reports whether an event belongs behind what the ring holds, where
// others wait.
func (q *near) behindRing(e event) bool {
	return q.far.len() > 0 && (q.n == 0 || !q.last().follows(e.at, e.key))
}

// spill is push where the ring is full. The later half of it goes to the calendar,
// or to the heap where the calendar begins behind the ring.
func (q *near) spill(e event) {
	if q.edge == Never && q.far.len() == 0 {
		q.edge = q.cal.begin(q.ring[q.head%frontSize].at, q.ring[(q.head+frontSize/2)%frontSize].at)
		q.few = fewEvents
		for q.n > 0 && q.last().at >= q.edge {
			q.cal.push(*q.last())
			q.n--
		}
	} else if !q.last().follows(e.at, e.key) {
		q.far.push(e)
		return
	} else {
		for q.n > frontSize/2 {
			q.far.push(*q.last())
			q.n--
		}
	}
	q.push(e)
}

// last returns the latest event of the ring, which is not empty.
func (q *near) last() *event { return &q.ring[(q.head+q.n-1)%frontSize] }

// peek returns the first event, or nil. The pointer is valid until the next push
// or pop.
func (q *near) peek() *event {
	if q.n <= q.few {
		q.refill()
		if q.n == 0 {
			return nil
		}
	}
	return &q.ring[q.head%frontSize]
}

// refill moves events into a ring that holds few: from the heap, or if that is
// empty from the calendar, of which it takes whole buckets.
func (q *near) refill() {
	for q.n < enoughEvents {
		if e := q.far.peek(); e != nil {
			q.ring[(q.head+q.n)%frontSize] = *e
			q.n++
			q.far.pop()
			continue
		}
		if q.edge == Never {
			break
		}
		if q.cal.len() == 0 {
			q.edge, q.few = Never, 0
			break
		}
		slot := q.cal.take()
		q.edge = q.cal.edge()
		for slot != 0 {
			var e event
			e, slot = q.cal.release(slot)
			q.admit(e)
		}
	}
	if q.edge == Never && q.far.len() == 0 {
		q.few = 0
	}
	q.wide = q.cal.n >= wideEnough
}

// pop removes the event that peek has just returned.
func (q *near) pop() {
	q.head++
	q.n--
}
