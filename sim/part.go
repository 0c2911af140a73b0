package sim

// What a Sim needs to be one partition of a run: several of them, built alike, then
// carry out the events of different nodes. See sim/par.

// Keep drops the queued events of every origin that own does not accept. Events that
// are queued later are the caller's affair.
func (s *Sim) Keep(own func(origin NodeID) bool) {
	var near, far []event
	for e := s.q.peek(); e != nil; e = s.q.peek() {
		if own(e.key.Origin()) {
			near = append(near, *e)
		}
		s.q.pop()
	}
	for e := s.timers.peek(); e != nil; e = s.timers.peek() {
		if own(e.key.Origin()) {
			far = append(far, *e)
		}
		s.timers.pop()
	}
	for _, e := range near {
		s.q.push(e)
	}
	for _, e := range far {
		s.timers.push(e)
	}
	s.due = 0 // looked up anew
}

// Next returns the time and the key of the event that Run would execute first, or
// Never if none is queued.
func (s *Sim) Next() (Time, Key) {
	e, _ := s.next()
	if e == nil {
		return Never, 0
	}
	return e.at, e.key
}

// Advance moves the clock to a time that no queued event precedes.
func (s *Sim) Advance(to Time) {
	if at, _ := s.Next(); to < s.now || at < to {
		Bugf("clock set to %v, where the next event is at %v", to, at)
	}
	s.now = to
}

// Taken returns how many numbers an origin has taken: what it has caused so far.
func (s *Sim) Taken(origin NodeID) uint64 { return s.counters[origin] }
