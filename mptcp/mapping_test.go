package mptcp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestRxMapsFirstHolds checks every byte of random declarations against a table
// by byte: what was declared first holds, and nothing else is mapped.
func TestRxMapsFirstHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 200
		var r rxMaps
		var want [size]uint64
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			m := mapping{
				pos: uint64(rapid.IntRange(0, size-1).Draw(t, "pos")),
				dsn: uint64(rapid.IntRange(1000, 1100).Draw(t, "dsn")),
			}
			m.len = uint32(rapid.IntRange(1, size-int(m.pos)).Draw(t, "len"))
			conflict := false
			for i := range uint64(m.len) {
				switch have := want[m.pos+i]; have {
				case 0:
					want[m.pos+i] = m.dsn + i
				case m.dsn + i:
				default:
					conflict = true
				}
			}
			if got := r.add(m); got != conflict {
				t.Fatalf("add(%v): conflict %v, want %v", m, got, conflict)
			}
		}
		var got [size]uint64
		for pos := 0; pos < size; {
			n := rapid.IntRange(1, size-pos).Draw(t, "take")
			dsn, k, ok := r.take(uint64(pos), n)
			if k < 1 || k > n {
				t.Fatalf("take(%d, %d) = %d bytes", pos, n, k)
			}
			for i := range k {
				if ok {
					got[pos+i] = dsn + uint64(i)
				}
			}
			pos += k
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// TestRxMapsBound declares more mappings than are remembered.
func TestRxMapsBound(t *testing.T) {
	var r rxMaps
	for i := range uint64(2 * maxRxMaps) {
		r.add(mapping{pos: 4 * (2*maxRxMaps - i), dsn: i, len: 1})
	}
	if r.len() != maxRxMaps {
		t.Errorf("%d mappings, want %d", r.len(), maxRxMaps)
	}
}

// TestTxMaps checks mappings of the sending side against a table by byte.
func TestTxMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m txMaps
		var dsn []uint64 // by position
		sent, una := 0, 0
		next := uint64(1)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "op") {
			case 0:
				n := rapid.IntRange(1, 40).Draw(t, "len")
				d := next
				if rapid.IntRange(0, 3).Draw(t, "again") == 0 && next > 50 {
					d = uint64(rapid.IntRange(1, 40).Draw(t, "dsn"))
				} else {
					next += uint64(n)
				}
				m.grant(uint64(len(dsn)), d, uint32(n), uint64(sent), 64)
				for i := range n {
					dsn = append(dsn, d+uint64(i))
				}
			case 1:
				sent = rapid.IntRange(sent, len(dsn)).Draw(t, "sent")
			case 2:
				una = rapid.IntRange(una, sent).Draw(t, "una")
				m.ack(uint64(una))
			}
			if len(dsn) > una {
				pos := rapid.IntRange(una, len(dsn)-1).Draw(t, "pos")
				e := m.lookup(uint64(pos))
				if e == nil || e.dsn+uint64(pos)-e.pos != dsn[pos] || e.len > 64 {
					t.Fatalf("lookup(%d) = %v, want %d", pos, e, dsn[pos])
				}
			}
			checkHolds(t, &m, dsn[una:], uint64(una))
		}
	})
}

func checkHolds(t *rapid.T, m *txMaps, held []uint64, una uint64) {
	from := uint64(rapid.IntRange(1, 60).Draw(t, "from"))
	n := rapid.IntRange(1, 60).Draw(t, "n")
	want, low := 0, ^uint64(0)
	for _, d := range held {
		if d >= from && d < from+uint64(n) {
			want++
		}
		low = min(low, d)
	}
	if got := m.holds(from, n, una); got != want {
		t.Fatalf("holds(%d, %d) = %d, want %d", from, n, got, want)
	}
	if got, ok := m.lowest(); ok && got > low {
		t.Fatalf("lowest %d, but %d is held", got, low)
	}
}

// TestTxMapsImmutable: a mapping of which something was sent does not grow.
func TestTxMapsImmutable(t *testing.T) {
	var m txMaps
	m.grant(0, 1, 100, 0, 1000)
	m.grant(100, 101, 100, 0, 1000) // nothing sent: grows
	m.grant(200, 201, 100, 50, 1000)
	m.grant(300, 301, 100, 50, 150) // would exceed the bound
	m.grant(400, 500, 100, 50, 1000)
	want := []mapping{
		{pos: 0, dsn: 1, len: 200}, {pos: 200, dsn: 201, len: 100},
		{pos: 300, dsn: 301, len: 100}, {pos: 400, dsn: 500, len: 100},
	}
	if d := cmp.Diff(want, m.all, cmp.AllowUnexported(mapping{})); d != "" {
		t.Error(d)
	}
}
