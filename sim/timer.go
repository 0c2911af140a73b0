package sim

// Timer is one deadline of an object that has at most one: the only thing that
// can be cancelled. It moves lazily: a deadline that is postponed leaves its
// queue entry in place, and the entry re-arms itself when it is reached. The
// key is taken when the deadline changes, and the timer fires at exactly
// (deadline, that key), whatever entries were queued on the way.
//
// The zero value is a stopped timer; Init must be called before use.
type Timer struct {
	deadline Time
	key      Key
	armed    Time // time of the queue entry that will re-arm or fire
	armedKey Key
	handler  HandlerID
	arg      uint32
	origin   NodeID
}

// Init binds the timer to the handler that its events go to.
func (t *Timer) Init(origin NodeID, h HandlerID, arg uint32) {
	*t = Timer{deadline: Never, armed: Never, handler: h, arg: arg, origin: origin}
}

// Deadline returns the time at which the timer fires, or Never.
func (t *Timer) Deadline() Time { return t.deadline }

// Set moves the deadline; Never stops the timer. Setting the present deadline
// again changes nothing and takes no number. A deadline before Now counts as
// Now.
func (t *Timer) Set(s *Sim, at Time) {
	if at < s.now {
		at = s.now
	}
	if at == t.deadline {
		return
	}
	t.deadline = at
	if at == Never {
		return
	}
	t.key = s.NextKey(t.origin)
	if at < t.armed {
		t.arm(s)
	}
}

// Expired is called by the handler for each event of the timer. It reports
// whether the deadline has been reached, and then stops the timer; otherwise
// it re-arms the queue entry or ignores a stale one.
func (t *Timer) Expired(s *Sim) bool {
	if s.now == t.deadline && s.key == t.key {
		t.deadline = Never
		t.armed = Never
		return true
	}
	if s.now == t.armed && s.key == t.armedKey {
		t.armed = Never
		if t.deadline != Never {
			t.arm(s)
		}
	}
	return false
}

func (t *Timer) arm(s *Sim) {
	t.armed, t.armedKey = t.deadline, t.key
	s.due = min(s.due, t.deadline)
	s.timers.push(event{t.deadline, t.key, t.handler, t.arg})
}
