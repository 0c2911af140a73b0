// Package par carries out one run on several cores. The run is built once for each
// part, and every part carries out the events of its own nodes, in windows of virtual
// time that are so short that no part can learn in a window of what another one does in
// it: a conservative simulation with the link delay as lookahead (Chandy and Misra,
// "Distributed simulation", IEEE Trans. Software Eng. 1979; windows as in Lubachevsky,
// CACM 1989, and Nicol, "The cost of conservative synchronization", JACM 1993).
//
// The order of events is (time, origin, number of the origin), and numbers are taken
// where and when the cause happens, so the order in which one thread would carry them
// out does not depend on how they are distributed, and neither does anything that a
// run shows.
//
// This is the only package of layers 0 to 5 with goroutines. They meet at a barrier on
// which they spin: at the end of each window every worker writes when its next event is
// due, and reads the others'.
package par

import (
	"runtime"
	"sync"
	"sync/atomic"

	"mpsim/sim"
)

// Part is one part of a run. Its methods are called by one worker at a time.
type Part interface {
	// Window carries out the own events before a time, at most most of them, in the
	// window of the given number. It returns when the earliest packet arrives that it
	// has sent to other parts, or sim.Never.
	Window(number uint64, before sim.Time, most uint64) sim.Time
	// Take takes what all other parts have sent in the window of the given number.
	// They may have begun the next one.
	Take(number uint64)
	// Next returns when the next event is due, and its key; sim.Never if there is none.
	Next() (sim.Time, sim.Key)
	// Events returns how many events the part has carried out.
	Events() uint64
	// Now returns time and key of the event that is or was carried out last.
	Now() (sim.Time, sim.Key)
}

// Run is a run in parts.
type Run struct {
	parts     []Part
	lookahead sim.Duration
	window    uint64 // number of the last one
	seats     []seat
	Windows   uint64 // so far
	largest   uint64 // events of the largest window so far
}

// seat is what a worker shows the others, in cache lines of its own.
type seat struct {
	done   atomic.Uint64 // number of the last window that it has carried out
	next   [2]sim.Time   // when it or what it has sent is due, after even and odd windows
	events [2]uint64
	failed [2]bool
	panic  *Failure
	_      [64]byte
	// asleep says that the worker waits for wake, which has room for one. It changes
	// seldom, so that reading it costs the others nothing.
	asleep atomic.Bool
	wake   chan struct{}
	sleeps int // windows in a row in which it slept
	_      [104]byte
}

// New returns a run in parts. Lookahead is the least time from an event of one part to
// its effect in another, and more than 0.
func New(parts []Part, lookahead sim.Duration) *Run {
	if lookahead <= 0 {
		sim.Bugf("parts of a run with a lookahead of %v", lookahead)
	}
	r := &Run{parts: parts, lookahead: lookahead, seats: make([]seat, len(parts))}
	for i := range r.seats {
		r.seats[i].wake = make(chan struct{}, 1)
	}
	return r
}

// Failure is a panic in one of the parts.
type Failure struct {
	Part  int
	Value any
	Stack []byte
}

// Until carries out the events up to a time, those at that time included, until none
// is left, or until at least budget events were carried out: the window in which the
// budget is spent is carried out whole. After it returns without a failure all parts
// have carried out exactly the events before one common time. A
// panic in a part ends the run; if several parts panic, that of the earliest event is
// returned.
func (r *Run) Until(until sim.Time, budget uint64) (sim.Stop, *Failure) {
	var start uint64
	for i, p := range r.parts {
		s := &r.seats[i]
		s.next[r.window&1], _ = p.Next()
		s.events[r.window&1] = p.Events()
		start += p.Events()
	}
	limit := start + budget
	if limit < budget {
		limit = ^uint64(0)
	}
	stops := make([]sim.Stop, len(r.parts))
	var wait sync.WaitGroup
	for i := range r.parts[1:] {
		wait.Add(1)
		go func() {
			defer wait.Done()
			stops[i+1] = r.work(i+1, until, limit)
		}()
	}
	stops[0] = r.work(0, until, limit)
	wait.Wait()
	last := r.seats[0].done.Load()
	r.Windows += last - r.window
	r.window = last
	return stops[0], r.failure()
}

// work carries out windows of one part until all workers see a reason to stop.
func (r *Run) work(me int, until sim.Time, limit uint64) sim.Stop {
	n := r.window
	total := uint64(0)
	for {
		first, events := sim.Never, uint64(0)
		for i := range r.seats {
			s := &r.seats[i]
			first = min(first, s.next[n&1])
			events += s.events[n&1]
			if s.failed[n&1] {
				return sim.Halted
			}
		}
		if me == 0 && total > 0 {
			r.largest = max(r.largest, events-total)
		}
		total = events
		switch {
		case first == sim.Never:
			return sim.Idle
		case first > until:
			return sim.Deadline
		case events >= limit:
			return sim.Budget
		}
		n++
		r.carryOut(me, n, min(first.Add(r.lookahead), until.Add(1)), ^uint64(0))
		r.meet(me, n)
		r.parts[me].Take(n)
	}
}

// carryOut is one window of one part.
func (r *Run) carryOut(me int, n uint64, before sim.Time, most uint64) {
	s := &r.seats[me]
	defer func() {
		if v := recover(); v != nil {
			s.failed[n&1] = true
			stack := make([]byte, 1<<14)
			s.panic = &Failure{me, v, stack[:runtime.Stack(stack, false)]}
		}
		s.done.Store(n)
	}()
	p := r.parts[me]
	sent := p.Window(n, before, most)
	next, _ := p.Next()
	s.next[n&1] = min(next, sent)
	s.events[n&1] = p.Events()
}

// A worker that has to wait looks again and again, for being woken takes as long as many
// a window, and then sleeps, so that where there are fewer free cores than workers those
// that have work get them. If that happens in many windows in a row it looks less often,
// until all try again.
const (
	fewSpins  = 1 << 12
	manySpins = 1 << 18 // about a fifth of a millisecond
	tired     = 4       // windows in a row
	afresh    = 1024    // windows
)

// meet waits until every worker has carried out a window, and wakes those that sleep
// until this one has.
func (r *Run) meet(me int, n uint64) {
	for i := range r.seats {
		if s := &r.seats[i]; s.asleep.Load() && s.asleep.CompareAndSwap(true, false) {
			s.wake <- struct{}{}
		}
	}
	own := &r.seats[me]
	spins := manySpins
	if own.sleeps >= tired {
		spins = fewSpins
	}
	slept := 0
	for i := range r.seats {
		s := &r.seats[i]
		for k := 0; s.done.Load() < n; k++ {
			if k < spins {
				continue
			}
			slept = 1
			own.asleep.Store(true)
			if s.done.Load() < n || !own.asleep.CompareAndSwap(true, false) {
				<-own.wake // somebody is done, or is about to say so
			}
			k = 0
		}
	}
	if own.sleeps = (own.sleeps + slept) * slept; n%afresh == 0 {
		own.sleeps = 0
	}
}

// failure returns the panic of the earliest event.
func (r *Run) failure() *Failure {
	var out *Failure
	at, key := sim.Never, sim.Key(0)
	for i := range r.seats {
		if !r.seats[i].failed[r.window&1] {
			continue
		}
		if t, k := r.parts[i].Now(); out == nil || t < at || t == at && k < key {
			out, at, key = r.seats[i].panic, t, k
		}
	}
	return out
}

// Exactly is Until in the order of one thread: it carries out the next budget events
// and no more. An event that all parts have, of the origin sim.Scenario, counts once.
func (r *Run) Exactly(until sim.Time, budget uint64) (sim.Stop, *Failure) {
	for range budget {
		first, key := sim.Never, sim.Key(0)
		for _, p := range r.parts {
			if at, k := p.Next(); at < first || at == first && k < key {
				first, key = at, k
			}
		}
		if first == sim.Never {
			return sim.Idle, nil
		}
		if first > until {
			return sim.Deadline, nil
		}
		r.window++
		for i, p := range r.parts {
			most := uint64(0)
			if at, k := p.Next(); at == first && k == key {
				most = 1
			}
			r.carryOut(i, r.window, first.Add(1), most)
		}
		if f := r.failure(); f != nil {
			return sim.Halted, f
		}
		for _, p := range r.parts {
			p.Take(r.window)
		}
	}
	return sim.Budget, nil
}

// Largest returns the events of the largest window so far.
func (r *Run) Largest() uint64 { return r.largest }
