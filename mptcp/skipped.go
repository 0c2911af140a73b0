package mptcp

import (
	"slices"

	"mpsim/cc"
	"mpsim/sched"
)

// A scheduler may grant data that was never sent out of order, so that what it gives a
// slow subflow arrives when it is its turn (sched/ahead.go). What it leaves out is
// skipped: it lies below next, is carried by nobody and not in flight, and waits to be
// granted like the data behind next.

// grantAt gives n bytes from dsn on, none of which was granted before, to a subflow. It
// reports false if one was.
func (q *sendQueue) grantAt(f cc.FlowID, dsn uint64, n int) bool {
	switch {
	case dsn == q.next:
		q.grant(f, n)
		return true
	case dsn > q.next:
		q.skipped = append(q.skipped, sched.Range{DSN: q.next, Len: int(dsn - q.next)})
		q.next = dsn
		q.grant(f, n)
		return true
	}
	end := dsn + uint64(n)
	i := slices.IndexFunc(q.skipped, func(r sched.Range) bool { return r.DSN+uint64(r.Len) > dsn })
	if i < 0 || q.skipped[i].DSN > dsn || q.skipped[i].DSN+uint64(q.skipped[i].Len) < end {
		return false
	}
	hole := q.skipped[i]
	left, right := int(dsn-hole.DSN), hole.Unacked(end)
	switch {
	case left > 0 && right.Len > 0:
		q.skipped[i].Len = left
		q.skipped = slices.Insert(q.skipped, i+1, right)
	case left > 0:
		q.skipped[i].Len = left
	case right.Len > 0:
		q.skipped[i] = right
	default:
		q.skipped = slices.Delete(q.skipped, i, i+1)
	}
	q.fill(f, dsn, n)
	return true
}

// fill puts a range that was skipped among those in flight. It becomes part of the one
// before it if the same subflow alone carries that.
func (q *sendQueue) fill(f cc.FlowID, dsn uint64, n int) {
	i := q.find(dsn)
	if i > q.head {
		r := &q.flight[i-1]
		if r.DSN+uint64(r.Len) == dsn && r.Carried == bit(f) && q.copyOn(i-1) == sched.NoFlow && r.Len+n <= maxRange {
			r.Len += n
			return
		}
	}
	q.flight = slices.Insert(q.flight, i, sched.Carried{DSN: dsn, Len: n, Carried: bit(f)})
	if i < len(q.copied) {
		q.copied = slices.Insert(q.copied, i, sched.NoFlow)
	}
}
