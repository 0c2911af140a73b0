package mptcp

import (
	"testing"

	"pgregory.net/rapid"
)

// TestReassembly delivers a stream in random pieces, with repetitions and with
// copies that carry other offsets, and compares with a table by byte: the first
// copy of each byte is read, in order, and all counts add up.
func TestReassembly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 150
		r := reassembly{next: 1}
		edge := uint64(rapid.IntRange(1, size+1).Draw(t, "edge"))
		var have [size + 2]bool
		var offs [size + 2]uint64
		var dup, refused, queued int64
		var got []uint64
		for range rapid.IntRange(0, 60).Draw(t, "n") {
			dsn := rapid.IntRange(1, size).Draw(t, "dsn")
			n := rapid.IntRange(1, size+1-dsn).Draw(t, "len")
			shift := uint64(rapid.IntRange(0, 1).Draw(t, "copy")) * 100000
			before := r.next
			adv := r.insert(uint64(dsn), int64(n), uint64(dsn)+shift, edge)
			for d := dsn; d < dsn+n; d++ {
				switch {
				case uint64(d) >= edge:
					refused++
				case have[d]:
					dup++
				default:
					have[d], offs[d] = true, uint64(d)+shift
				}
			}
			next := uint64(1)
			for have[next] {
				next++
			}
			if r.next != next || adv != int64(next-before) {
				t.Fatalf("next %d (+%d), want %d", r.next, adv, next)
			}
			got = read(&r.ready, got, rapid.IntRange(0, size).Draw(t, "read"))
		}
		got = read(&r.ready, got, size)
		if len(got) != int(r.next-1) {
			t.Fatalf("read %d bytes, want %d", len(got), r.next-1)
		}
		for i, off := range got {
			if off != offs[i+1] {
				t.Fatalf("byte %d has offset %d, want %d", i+1, off, offs[i+1])
			}
		}
		for d := r.next; d <= size; d++ {
			if have[d] {
				queued++
			}
		}
		if r.duplicate != dup || r.refused != refused || r.queued != queued {
			t.Fatalf("duplicate %d refused %d queued %d, want %d %d %d",
				r.duplicate, r.refused, r.queued, dup, refused, queued)
		}
		for i := r.head; i < len(r.waiting); i++ {
			if p := r.waiting[i]; p.n <= 0 || p.dsn <= r.next ||
				i > r.head && r.waiting[i-1].end() > p.dsn {
				t.Fatalf("waiting %v", r.waiting[r.head:])
			}
			if i > r.head {
				if b := r.waiting[i-1]; b.end() == r.waiting[i].dsn && b.off+uint64(b.n) == r.waiting[i].off {
					t.Fatalf("not joined: %v", r.waiting[r.head:])
				}
			}
		}
	})
}

// read pops up to n bytes and appends their offsets.
func read(q *spanQueue, got []uint64, n int) []uint64 {
	for n > 0 {
		off, k := q.pop(int64(n))
		if k == 0 {
			break
		}
		for i := range uint64(k) {
			got = append(got, off+i)
		}
		n -= int(k)
	}
	return got
}

// TestReassemblyBound fills the list of waiting ranges: what would need one
// entry more is refused, what joins an entry is not.
func TestReassemblyBound(t *testing.T) {
	r := reassembly{next: 1}
	edge := ^uint64(0)
	for i := range uint64(maxPieces) {
		r.insert(10+2*i, 1, 10+2*i, edge)
	}
	r.insert(5, 1, 5, edge)
	if r.refused != 1 || len(r.waiting)-r.head != maxPieces {
		t.Errorf("refused %d, %d ranges", r.refused, len(r.waiting)-r.head)
	}
	r.insert(11, 1, 11, edge)
	if r.refused != 1 || len(r.waiting)-r.head != maxPieces-1 {
		t.Errorf("refused %d, %d ranges", r.refused, len(r.waiting)-r.head)
	}
	if adv := r.insert(1, 12, 1, edge); adv != 12 {
		t.Errorf("advanced by %d", adv)
	}
}
