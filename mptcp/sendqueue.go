package mptcp

import (
	"math/bits"
	"slices"

	"mpsim/cc"
	"mpsim/sched"
)

// sendQueue is the connection-level send buffer. The data itself is virtual, so
// the queue consists of positions: what the application has written, what the
// scheduler has granted to subflows, and what the peer has acknowledged.
//
//	una <= next <= end        all relative data sequence numbers
//
// Between una and next it keeps which subflows carried what (the connection-
// level retransmission queue), but for what the scheduler has skipped; between next
// and end nothing was sent yet.
type sendQueue struct {
	buffers buffers

	// skipped are the ranges below next that were never granted, in order.
	skipped []sched.Range

	// again are the ranges to be sent again, sorted and without overlap.
	again []sched.Range

	// copied and flight are parallel: for each of the unacknowledged ranges, in order,
	// the subflow that carried its last copy, or sched.NoFlow. Copied ends where no
	// copies follow. Consumed from the front.
	copied []cc.FlowID
	copies int // ranges in flight that were copied
	flight []sched.Carried
	head   int

	limit          int64  // size of the buffer in bytes
	una, next, end uint64 // last, because every acknowledgement needs them
}

func newSendQueue(limit int64, page int) sendQueue {
	return sendQueue{una: 1, next: 1, end: 1, limit: limit, buffers: buffers{size: int32(page)}}
}

// maxRange bounds the ranges that neighbours with the same carriers merge into.
const maxRange = 1 << 16

// bit is the member of a set of carriers that stands for the subflow on lane f.
// With 64 subflows at once the next have none: what only they carried counts as
// carried by nobody.
func bit(f cc.FlowID) uint64 {
	if uint32(f) >= 64 {
		return 0
	}
	return 1 << uint32(f)
}

// write appends up to n bytes as long as the buffer, of which released is the
// first byte still occupied, has room.
func (q *sendQueue) write(n int64, released uint64) int64 {
	n = min(n, q.room(released))
	if n <= 0 {
		return 0
	}
	q.buffers.write(q.end, q.end+uint64(n), q.next != q.end)
	q.end += uint64(n)
	return n
}

func (q *sendQueue) room(released uint64) int64 { return q.limit - int64(q.end-released) }

// unsent returns how many bytes were never granted.
func (q *sendQueue) unsent() int64 { return int64(q.end - q.next) }

// inFlight returns the unacknowledged ranges with their carriers.
func (q *sendQueue) inFlight() []sched.Carried { return q.flight[q.head:] }

// grant gives the next n bytes to a subflow.
func (q *sendQueue) grant(f cc.FlowID, n int) {
	dsn := q.next
	q.next += uint64(n)
	if i := len(q.flight) - 1; i >= q.head {
		if r := &q.flight[i]; r.Carried == bit(f) && (q.copies == 0 || q.copyOn(i) == sched.NoFlow) && r.Len+n <= maxRange && r.DSN+uint64(r.Len) == dsn {
			r.Len += n
			return
		}
	}
	if len(q.flight) == cap(q.flight) && q.head > len(q.flight)/2 {
		n := copy(q.flight, q.flight[q.head:])
		q.copied = q.copied[:copy(q.copied, q.copied[min(q.head, len(q.copied)):])]
		q.flight, q.head = q.flight[:n], 0
	}
	q.flight = append(q.flight, sched.Carried{DSN: dsn, Len: n, Carried: bit(f)})
}

// copyOn returns the subflow that carried the last copy of range i; sched.NoFlow: there
// is none.
func (q *sendQueue) copyOn(i int) cc.FlowID {
	if i < len(q.copied) {
		return q.copied[i]
	}
	return sched.NoFlow
}

// noteCopy notes that a subflow carries a copy of range i.
func (q *sendQueue) noteCopy(i int, f cc.FlowID) {
	for len(q.copied) <= i {
		q.copied = append(q.copied, sched.NoFlow)
	}
	if q.copied[i] == sched.NoFlow {
		q.copies++
	}
	q.copied[i] = f
}

// copyTo records that a subflow carries a copy of n bytes from dsn on, all of
// which were granted before, and takes them out of what is to be sent again.
func (q *sendQueue) copyTo(f cc.FlowID, dsn uint64, n int) {
	end := dsn + uint64(n)
	for i := q.find(dsn); i < len(q.flight) && q.flight[i].DSN < end; i++ {
		if q.flight[i].DSN < dsn {
			q.split(i, dsn)
			continue
		}
		if q.flight[i].DSN+uint64(q.flight[i].Len) > end {
			q.split(i, end)
		}
		q.flight[i].Carried |= bit(f)
		q.noteCopy(i, f)
	}
	q.forget(dsn, end)
}

// split cuts range i in two at dsn.
func (q *sendQueue) split(i int, dsn uint64) {
	r := q.flight[i]
	left := int(dsn - r.DSN)
	q.flight = slices.Insert(q.flight, i, sched.Carried{DSN: r.DSN, Len: left, Carried: r.Carried})
	q.flight[i+1] = sched.Carried{DSN: dsn, Len: r.Len - left, Carried: r.Carried}
	if i < len(q.copied) {
		q.copied = slices.Insert(q.copied, i, q.copied[i])
		if q.copied[i] != sched.NoFlow {
			q.copies++
		}
	}
}

// find returns the index of the first range in flight that ends behind dsn.
func (q *sendQueue) find(dsn uint64) int {
	lo, hi := q.head, len(q.flight)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r := &q.flight[mid]; r.DSN+uint64(r.Len) > dsn {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// ack advances una.
func (q *sendQueue) ack(una uint64) {
	q.una = una
	q.buffers.release(una)
	for q.head < len(q.flight) {
		r := &q.flight[q.head]
		if r.DSN+uint64(r.Len) > una {
			if r.DSN < una {
				r.Len -= int(una - r.DSN)
				r.DSN = una
			}
			break
		}
		if q.copies > 0 && q.copyOn(q.head) != sched.NoFlow {
			if q.copies--; q.copies == 0 {
				q.copied = q.copied[:0]
			}
		}
		q.head++
	}
	if q.head == len(q.flight) {
		q.flight, q.copied, q.head = q.flight[:0], q.copied[:0], 0
	}
	if len(q.again) > 0 {
		q.forget(0, una)
	}
}

// requeue puts everything in flight that no subflow of the set healthy carries
// on the list of what is to be sent again, and returns how many bytes were put
// there.
func (q *sendQueue) requeue(healthy uint64) (bytes int64) {
	for i := q.head; i < len(q.flight); i++ {
		if r := &q.flight[i]; r.Carried&healthy == 0 {
			bytes += q.repeat(*r)
		}
	}
	return bytes
}

// requeueAll puts everything in flight there.
func (q *sendQueue) requeueAll() (bytes int64) {
	if q.una == q.next {
		return 0
	}
	q.again = q.again[:0]
	for _, r := range q.inFlight() {
		q.again = append(q.again, r)
		bytes += int64(r.Len)
	}
	return bytes
}

// repeat puts the parts of r that are not there yet on the list of what is to be
// sent again.
func (q *sendQueue) repeat(r sched.Range) (bytes int64) {
	i := 0
	for i < len(q.again) && q.again[i].DSN+uint64(q.again[i].Len) <= r.DSN {
		i++
	}
	for r.Len > 0 {
		if i < len(q.again) && q.again[i].DSN <= r.DSN {
			r = r.Unacked(q.again[i].DSN + uint64(q.again[i].Len))
			i++
			continue
		}
		part := r
		if i < len(q.again) {
			part.Len = min(part.Len, int(q.again[i].DSN-r.DSN))
		}
		q.again = slices.Insert(q.again, i, part)
		i++
		bytes += int64(part.Len)
		r = r.Unacked(part.DSN + uint64(part.Len))
	}
	return bytes
}

// forget removes [from, to) from what is to be sent again.
func (q *sendQueue) forget(from, to uint64) {
	i := 0
	for i < len(q.again) && q.again[i].DSN+uint64(q.again[i].Len) <= from {
		i++
	}
	if i == len(q.again) || q.again[i].DSN >= to {
		return
	}
	if r := q.again[i]; r.DSN < from {
		q.again[i].Len = int(from - r.DSN)
		i++
		if right := r.Unacked(to); right.Len > 0 {
			q.again = slices.Insert(q.again, i, right)
			return
		}
	}
	j := i
	for j < len(q.again) && q.again[j].DSN+uint64(q.again[j].Len) <= to {
		j++
	}
	q.again = slices.Delete(q.again, i, j)
	if i < len(q.again) && q.again[i].DSN < to {
		q.again[i] = q.again[i].Unacked(to)
	}
}

// leave removes a subflow from the carriers of everything in flight.
func (q *sendQueue) leave(f cc.FlowID) {
	for i := q.head; i < len(q.flight); i++ {
		q.flight[i].Carried &^= bit(f)
	}
	for i := range q.again {
		q.again[i].Carried &^= bit(f)
	}
}

// nextCarrier removes the first subflow of a set and returns it.
func nextCarrier(set *uint64) (f cc.FlowID, ok bool) {
	if *set == 0 {
		return sched.NoFlow, false
	}
	f = cc.FlowID(bits.TrailingZeros64(*set))
	*set &= *set - 1
	return f, true
}
