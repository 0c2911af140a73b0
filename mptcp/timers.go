package mptcp

import "mpsim/sim"

// timed is what can be woken: a flow or a connection.
type timed interface {
	// deadline returns when the owner wants to be woken; it may change at will.
	deadline() sim.Time
	// expire wakes the owner.
	expire(now sim.Time)
	// setArmed tells the owner when its entry is due; Never: there is none.
	setArmed(at sim.Time)
}

// timers is the deadline of every socket of an endpoint: a binary heap of
// (time, timer number). It is lazy: a deadline that moves away leaves its entry
// where it is, and the entry moves when it comes up. So the first entry may be
// early but is never late, and an acknowledgement that postpones a timeout costs
// nothing: the owner knows when its entry is due, and sets only what is earlier.
type timers struct {
	first  sim.Time // of the heap, plus 1; 0: it is empty
	heap   []timerEntry
	pos    []int32 // of each timer: index in heap, -1: not there
	owners []timed
	free   []uint32
}

type timerEntry struct {
	at sim.Time
	id uint32
}

func (a *timerEntry) before(b *timerEntry) bool {
	return a.at < b.at || a.at == b.at && a.id < b.id
}

// add returns the number of a new timer.
func (t *timers) add(o timed) uint32 {
	if n := len(t.free); n > 0 {
		id := t.free[n-1]
		t.free = t.free[:n-1]
		t.owners[id] = o
		return id
	}
	t.pos = append(t.pos, -1)
	t.owners = append(t.owners, o)
	return uint32(len(t.pos) - 1)
}

// remove ends a timer.
func (t *timers) remove(id uint32) {
	if i := t.pos[id]; i >= 0 {
		t.unlink(int(i))
	}
	t.owners[id] = nil
	t.free = append(t.free, id)
}

// set takes a deadline over if it is earlier than the entry.
func (t *timers) set(id uint32, at sim.Time) {
	if at == sim.Never {
		return
	}
	if i := t.pos[id]; i >= 0 {
		if at < t.heap[i].at {
			t.owners[id].setArmed(at)
			t.up(int(i), timerEntry{at, id})
		}
		return
	}
	t.owners[id].setArmed(at)
	t.heap = append(t.heap, timerEntry{})
	t.up(len(t.heap)-1, timerEntry{at, id})
}

// next returns a time before which no deadline lies.
func (t *timers) next() sim.Time {
	if t.first == 0 {
		return sim.Never
	}
	return t.first - 1
}

// due returns the next owner whose deadline has been reached, or nil.
func (t *timers) due(now sim.Time) timed {
	for t.next() <= now {
		id := t.heap[0].id
		o := t.owners[id]
		switch at := o.deadline(); {
		case at <= now:
			// The entry goes; the owner's next deadline is set anew.
			t.unlink(0)
			o.setArmed(sim.Never)
			return o
		case at == sim.Never:
			t.unlink(0)
			o.setArmed(sim.Never)
		default:
			t.down(0, timerEntry{at, id})
			o.setArmed(at)
		}
	}
	return nil
}

func (t *timers) unlink(i int) {
	t.pos[t.heap[i].id] = -1
	n := len(t.heap) - 1
	e := t.heap[n]
	t.heap = t.heap[:n]
	if n == 0 {
		t.first = 0
	}
	if i == n {
		return
	}
	if i > 0 && e.before(&t.heap[(i-1)/2]) {
		t.up(i, e)
	} else {
		t.down(i, e)
	}
}

// up puts e into the hole i or above.
func (t *timers) up(i int, e timerEntry) {
	for i > 0 {
		p := (i - 1) / 2
		if !e.before(&t.heap[p]) {
			break
		}
		t.place(i, t.heap[p])
		i = p
	}
	t.place(i, e)
}

// down puts e into the hole i or below.
func (t *timers) down(i int, e timerEntry) {
	n := len(t.heap)
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && t.heap[c+1].before(&t.heap[c]) {
			c++
		}
		if !t.heap[c].before(&e) {
			break
		}
		t.place(i, t.heap[c])
		i = c
	}
	t.place(i, e)
}

func (t *timers) place(i int, e timerEntry) {
	t.heap[i] = e
	t.pos[e.id] = int32(i)
	if i == 0 {
		t.first = e.at + 1
	}
}
