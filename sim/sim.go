package sim

// Handler owns pending events. There are no closures: the pair (Handler, arg)
// is the event. A simulation has few handlers (all links are one, all hosts
// are one) and arg says which of its objects is meant.
type Handler interface {
	OnEvent(now Time, arg uint64)
}

// Sim is one simulation: clock, event queue, origins and random streams. It is
// not safe for concurrent use; run several in parallel instead.
type Sim struct {
	now      Time
	key      Key
	events   uint64
	counters []uint64
	handlers []Handler
	halted   bool
	timers   queue // deadlines: many, far, and seldom touched
	due      Time  // no deadline lies before it
	q        near  // events of packets: few at a time
	observer uint64
	names    []string

	seed, replication uint64
}

// New returns an empty simulation for the given seed and replication number.
func New(seed, replication uint64) *Sim {
	s := &Sim{
		seed: seed, replication: replication,
		counters: []uint64{0},
		names:    []string{"scenario"},
	}
	s.q.init()
	return s
}

// Seed returns the seed and the replication number of the run.
func (s *Sim) Seed() (seed, replication uint64) { return s.seed, s.replication }

// Now returns the virtual time of the event being executed.
func (s *Sim) Now() Time { return s.now }

// CurrentKey returns the key of the event being executed.
func (s *Sim) CurrentKey() Key { return s.key }

// Events returns how many events were executed, those of Observer excepted.
func (s *Sim) Events() uint64 { return s.events }

// Pending returns how many events are queued.
func (s *Sim) Pending() int { return s.q.len() + s.timers.len() }

// AddOrigin declares the next node and returns its number.
func (s *Sim) AddOrigin(name string) NodeID {
	id := NodeID(len(s.counters))
	if id >= Observer {
		Bugf("more than %d nodes", Observer-1)
	}
	s.counters = append(s.counters, 0)
	s.names = append(s.names, name)
	return id
}

// OriginName returns the name under which an origin was declared.
func (s *Sim) OriginName(n NodeID) string {
	if n == Observer {
		return "observer"
	}
	return s.names[n]
}

// Register adds a handler; its id is what Schedule takes.
func (s *Sim) Register(h Handler) HandlerID {
	s.handlers = append(s.handlers, h)
	return HandlerID(len(s.handlers) - 1)
}

// NextKey takes the next number of an origin. It is called once for each cause
// (a link accepts a packet, a deadline is set) and never by fast paths.
func (s *Sim) NextKey(origin NodeID) Key {
	if origin == Observer {
		s.observer++
		return Key(uint64(Observer)<<40 | s.observer)
	}
	c := &s.counters[origin]
	*c++
	return Key(uint64(origin)<<40 | *c)
}

// Schedule queues an event. Time must not lie before Now; the handler receives
// arg widened to 64 bits.
func (s *Sim) Schedule(at Time, key Key, h HandlerID, arg uint32) {
	if at < s.now {
		Bugf("event scheduled at %v, before now", at)
	}
	s.q.push(event{at, key, h, arg})
}

// next returns the first event and whether it is a deadline. Deadlines have a
// queue of their own, because a host always has one pending and hardly ever
// reaches it: the few events of packets would have to make their way among them.
// The order is that of one queue.
func (s *Sim) next() (e *event, deadline bool) {
	if q := &s.q; q.n > q.few {
		if e = &q.ring[q.head%frontSize]; e.at < s.due {
			return e, false
		}
	}
	return s.nextOfAll()
}

// Upcoming returns the argument of an event that is due soon, for handlers that want
// to touch the memory that it will need: the i-th after the one being executed, if
// that many are known. It is a hint.
func (s *Sim) Upcoming(i uint32) uint32 { return s.q.ring[(s.q.head+i)%frontSize].arg }

// Crowded reports whether so many events are pending that Upcoming knows some.
func (s *Sim) Crowded() bool { return s.q.wide }

// nextOfAll is next where a deadline may be the first event.
func (s *Sim) nextOfAll() (e *event, deadline bool) {
	e, t := s.q.peek(), s.timers.peek()
	s.due = Never
	if t != nil {
		s.due = t.at
	}
	if e == nil || t != nil && t.before(e) {
		return t, true
	}
	return e, false
}

// Stop says why Run returned.
type Stop uint8

// The reasons for which Run returns.
const (
	Idle     Stop = iota // no event is left
	Deadline             // the next event lies after the deadline
	Halted               // Halt was called
	Budget               // the event budget is spent
)

// Halt makes Run return after the event being executed.
func (s *Sim) Halt() { s.halted = true }

// Run executes events in order until none is left, the next one lies after
// until, budget events were executed by this call, or Halt is called. Events at
// until itself are executed. Now is until after Deadline, else the time of the
// last event.
func (s *Sim) Run(until Time, budget uint64) Stop {
	s.halted = false
	limit := s.events + budget
	if limit < budget {
		limit = ^uint64(0)
	}
	for !s.halted {
		e, deadline := s.next()
		if e == nil {
			return Idle
		}
		if e.at > until {
			s.now = until
			return Deadline
		}
		if s.events >= limit {
			return Budget
		}
		s.now, s.key = e.at, e.key
		h, arg := e.handler, e.arg
		if deadline {
			s.timers.pop()
		} else {
			s.q.pop()
		}
		if s.key < Key(uint64(Observer)<<40) {
			s.events++
		}
		s.handlers[h].OnEvent(s.now, uint64(arg))
	}
	return Halted
}
