package sim

import "math/bits"

// NodeID names an origin of events: a simulated node, or one of the two
// reserved origins. Nodes are numbered in the order of their declaration.
type NodeID uint32

const (
	// Scenario is the origin of timeline actions; it precedes every node, so
	// that an action at t is seen by everything else that happens at t.
	Scenario NodeID = 0
	// Observer is the origin of samplers; it follows every node and its events
	// are not counted.
	Observer NodeID = 1<<24 - 1
)

// Key orders events of equal time: origin in the upper 24 bits, the origin's
// own counter in the lower 40. The number is taken when the cause happens and
// travels with the packet or deadline, so the order is independent of how the
// engine stores or batches events.
type Key uint64

// Origin returns the node that took the number.
func (k Key) Origin() NodeID { return NodeID(k >> 40) }

// HandlerID names a registered Handler.
type HandlerID uint32

// event is pointer-free, so that moving it costs no write barrier and the
// collector never scans the queue.
type event struct {
	at      Time
	key     Key
	handler HandlerID
	arg     uint32
}

func (e *event) before(f *event) bool {
	return e.at < f.at || (e.at == f.at && e.key < f.key)
}

// follows reports whether e comes after an event of the given time and key. It
// takes them by value so that they stay in registers.
func (e *event) follows(at Time, key Key) bool {
	return e.at > at || (e.at == at && e.key > key)
}

// precedes is before as a number, 1 or 0, and without a branch: which of two
// children comes first is a coin toss to the processor. Times are not negative.
func (e *event) precedes(f *event) int {
	_, borrow := bits.Sub64(uint64(e.key), uint64(f.key), 0)
	_, borrow = bits.Sub64(uint64(e.at), uint64(f.at), borrow)
	return int(borrow)
}

// queue is a binary heap of event values. A hole at the root is kept open after
// pop until the next push or pop: the usual handler schedules exactly one
// event, and replacing the root costs one sift instead of two.
type queue struct {
	h    []event
	hole bool
}

func (q *queue) len() int {
	if q.hole {
		return len(q.h) - 1
	}
	return len(q.h)
}

func (q *queue) push(e event) {
	if q.hole {
		q.hole = false
		q.siftDown(e)
		return
	}
	q.h = append(q.h, e)
	h := q.h
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) >> 1
		if !e.before(&h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
}

// peek returns the first event, closing the hole if there is one. The pointer
// is valid until the next push or pop.
func (q *queue) peek() *event {
	if q.hole {
		q.closeHole()
	}
	if len(q.h) == 0 {
		return nil
	}
	return &q.h[0]
}

// closeHole fills the root's place with the last event.
func (q *queue) closeHole() {
	q.hole = false
	n := len(q.h) - 1
	e := q.h[n]
	q.h = q.h[:n]
	if n > 0 {
		q.siftDown(e)
	}
}

// pop removes the event that peek has just returned.
func (q *queue) pop() { q.hole = true }

// siftDown writes e into the root's place and restores the heap.
func (q *queue) siftDown(e event) {
	h := q.h
	n := len(h)
	i := 0
	for {
		c := i<<1 + 1
		if c >= n {
			break
		}
		if c+1 < n {
			c += h[c+1].precedes(&h[c])
		}
		if !h[c].before(&e) {
			break
		}
		h[i] = h[c]
		i = c
	}
	h[i] = e
}
