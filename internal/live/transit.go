package live

import (
	"container/heap"

	"mpsim/sim"
)

// passage is a packet between the endpoint and the kernel.
type passage struct {
	at     sim.Time // when it arrives
	n      int      // order among equal times
	iface  int
	out    bool // from the endpoint
	packet []byte
}

// transit holds the packets that are delayed, the earliest first.
type transit struct {
	queue passages
	n     int
}

func (t *transit) push(p passage) {
	p.n = t.n
	t.n++
	heap.Push(&t.queue, p)
}

// next returns when the next packet arrives, or sim.Never.
func (t *transit) next() sim.Time {
	if len(t.queue) == 0 {
		return sim.Never
	}
	return t.queue[0].at
}

// pop takes the next packet that has arrived by now.
func (t *transit) pop(now sim.Time) (passage, bool) {
	if t.next() > now {
		return passage{}, false
	}
	return heap.Pop(&t.queue).(passage), true
}

// passages is a heap by time and number.
type passages []passage

func (q passages) Len() int { return len(q) }
func (q passages) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q passages) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *passages) Push(x any)   { *q = append(*q, x.(passage)) }
func (q *passages) Pop() any {
	old := *q
	p := old[len(old)-1]
	*q = old[:len(old)-1]
	return p
}
