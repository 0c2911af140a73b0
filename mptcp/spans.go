package mptcp

// span is a run of received data: n bytes whose true offsets in the sender's
// stream are off, off+1, ... The offset is ground truth for the application's
// check; nothing here decides by it but whether two spans can be one entry.
type span struct {
	off uint64
	n   int64
}

// spanQueue is a queue of spans, the data that waits to be read. Spans that
// continue each other are one entry.
type spanQueue struct {
	ring  []span // power of two
	head  uint32
	count uint32
	bytes int64
}

func (q *spanQueue) push(off uint64, n int64) {
	q.bytes += n
	if q.count > 0 {
		l := &q.ring[(q.head+q.count-1)&q.mask()]
		if l.off+uint64(l.n) == off {
			l.n += n
			return
		}
	}
	if int(q.count) == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.count)&q.mask()] = span{off, n}
	q.count++
}

func (q *spanQueue) mask() uint32 { return uint32(len(q.ring) - 1) }

func (q *spanQueue) grow() {
	ring := make([]span, max(4, 2*len(q.ring)))
	for i := range q.count {
		ring[i] = q.ring[(q.head+i)&q.mask()]
	}
	q.ring, q.head = ring, 0
}

// pop removes up to limit bytes that lie in one span; n is 0 if there are none.
func (q *spanQueue) pop(limit int64) (off uint64, n int64) {
	if q.count == 0 || limit <= 0 {
		return 0, 0
	}
	s := &q.ring[q.head&q.mask()]
	off, n = s.off, min(s.n, limit)
	s.off += uint64(n)
	s.n -= n
	if s.n == 0 {
		q.head++
		q.count--
	}
	q.bytes -= n
	return off, n
}
