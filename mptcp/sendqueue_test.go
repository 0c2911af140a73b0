package mptcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/sched"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSendQueue compares carriers and the list of repetitions with a table by
// byte over random operations.
func TestSendQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 300
		q := newSendQueue(size, 0)
		q.write(size, 1)
		var carried [size + 1]uint64
		var again [size + 1]bool
		flow := func() cc.FlowID { return cc.FlowID(rapid.IntRange(0, 3).Draw(t, "flow")) }
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 4).Draw(t, "op"); {
			case op == 0 && q.next < q.end:
				f, n := flow(), rapid.IntRange(1, int(q.end-q.next)).Draw(t, "n")
				for d := q.next; d < q.next+uint64(n); d++ {
					carried[d] = bit(f)
				}
				q.grant(f, n)
			case op == 1 && q.una < q.next:
				f := flow()
				d := uint64(rapid.IntRange(int(q.una), int(q.next-1)).Draw(t, "dsn"))
				n := rapid.IntRange(1, int(q.next-d)).Draw(t, "n")
				for i := d; i < d+uint64(n); i++ {
					carried[i] |= bit(f)
					again[i] = false
				}
				q.copyTo(f, d, n)
			case op == 2:
				q.ack(uint64(rapid.IntRange(int(q.una), int(q.next)).Draw(t, "una")))
			case op == 3:
				healthy := uint64(rapid.IntRange(0, 15).Draw(t, "healthy"))
				want := int64(0)
				for d := q.una; d < q.next; d++ {
					if carried[d]&healthy == 0 && !again[d] {
						again[d] = true
						want++
					}
				}
				if got := q.requeue(healthy); got != want {
					t.Fatalf("requeue: %d bytes, want %d", got, want)
				}
			case op == 4:
				f := flow()
				q.leave(f)
				for d := range carried {
					carried[d] &^= bit(f)
				}
			}
			checkQueue(t, &q, carried[:], again[:])
		}
	})
}

func checkQueue(t *rapid.T, q *sendQueue, carried []uint64, again []bool) {
	d, copies := q.una, 0
	for i, r := range q.inFlight() {
		if r.DSN != d || r.Len <= 0 || r.Len > maxRange {
			t.Fatalf("flight %v, una %d", q.inFlight(), q.una)
		}
		for ; d < r.DSN+uint64(r.Len); d++ {
			if carried[d] != r.Carried {
				t.Fatalf("byte %d carried by %b, want %b", d, r.Carried, carried[d])
			}
		}
		if q.copyOn(q.head+i) != sched.NoFlow {
			copies++
		}
	}
	if d != q.next || copies != q.copies || len(q.copied) > len(q.flight) {
		t.Fatalf("flight ends at %d, want %d; %d copies, want %d", d, q.next, q.copies, copies)
	}
	var listed [512]bool
	end := q.una
	for _, r := range q.again {
		if r.DSN < end || r.Len <= 0 {
			t.Fatalf("again %v, una %d", q.again, q.una)
		}
		end = r.DSN + uint64(r.Len)
		for d := r.DSN; d < end; d++ {
			listed[d] = true
		}
	}
	for d := q.una; d < q.next; d++ {
		if listed[d] != again[d] {
			t.Fatalf("byte %d to be sent again: %v, want %v (%v)", d, listed[d], again[d], q.again)
		}
	}
}

// TestSendQueueRoom: room counts from the first byte that is still occupied.
func TestSendQueueRoom(t *testing.T) {
	q := newSendQueue(1000, 0)
	if n := q.write(1500, 1); n != 1000 {
		t.Errorf("wrote %d, want 1000", n)
	}
	q.grant(0, 600)
	q.ack(401)
	if n := q.write(1500, 201); n != 200 {
		t.Errorf("wrote %d, want 200", n)
	}
	if d := cmp.Diff([]sched.Carried{{DSN: 401, Len: 200, Carried: 1}}, q.inFlight()); d != "" {
		t.Error(d)
	}
}
