package mptcp

import (
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/sched"

	"pgregory.net/rapid"
)

// Granting data out of order: whatever the order, each byte is granted once, is in
// flight with the subflow that got it, or skipped, or behind next.
func TestGrantOutOfOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 60
		q := newSendQueue(size, 0)
		q.write(size, 1)
		carrier := make([]cc.FlowID, size+1) // by byte; model
		for i := range carrier {
			carrier[i] = sched.NoFlow
		}
		for range 30 {
			f := cc.FlowID(rapid.IntRange(0, 2).Draw(t, "flow"))
			dsn := rapid.Uint64Range(1, size).Draw(t, "dsn")
			n := rapid.IntRange(1, 12).Draw(t, "n")
			end := min(dsn+uint64(n), size+1)
			n = int(end - dsn)
			fresh := true
			for i := dsn; i < end; i++ {
				fresh = fresh && carrier[i] == sched.NoFlow
			}
			// One grant lies in one piece: skipped, or not yet reached.
			whole := dsn >= q.next || end <= q.next
			if q.grantAt(f, dsn, n) != (fresh && whole) {
				t.Fatalf("grant of [%d, %d) to %d: fresh %v", dsn, end, f, fresh)
			} else if fresh && whole {
				for i := dsn; i < end; i++ {
					carrier[i] = f
				}
			}
			checkSendQueue(t, &q, carrier)
		}
	})
}

func checkSendQueue(t *rapid.T, q *sendQueue, carrier []cc.FlowID) {
	found := make([]cc.FlowID, len(carrier))
	for i := range found {
		found[i] = sched.NoFlow
	}
	at := q.una
	for i, r := range q.inFlight() {
		if r.DSN < at || r.Len <= 0 || q.copyOn(q.head+i) != sched.NoFlow {
			t.Fatalf("in flight: %+v", q.inFlight())
		}
		at = r.DSN + uint64(r.Len)
		for b := r.DSN; b < at; b++ {
			found[b] = cc.FlowID(slices.Index([]uint64{1, 2, 4}, r.Carried))
		}
	}
	if !slices.Equal(found, carrier) {
		t.Fatalf("in flight %v, want %v", found, carrier)
	}
	at = q.una
	for _, r := range q.skipped {
		if r.DSN < at || r.Len <= 0 || r.DSN+uint64(r.Len) >= q.next {
			t.Fatalf("skipped: %+v, next %d", q.skipped, q.next)
		}
		at = r.DSN + uint64(r.Len)
		for b := r.DSN; b < at; b++ {
			if carrier[b] != sched.NoFlow {
				t.Fatalf("byte %d is skipped and carried by %d", b, carrier[b])
			}
			carrier[b] = -2
		}
	}
	for b := uint64(1); b < q.next; b++ {
		if carrier[b] == sched.NoFlow {
			t.Fatalf("byte %d is nowhere: %+v", b, q)
		}
		if carrier[b] == -2 {
			carrier[b] = sched.NoFlow
		}
	}
}
