package tcp

import (
	"testing"

	"mpsim/sim"
)

// TestFind: the record that contains a position is found, whatever the lengths of the
// records: a walk over all of them is the oracle.
func TestFind(t *testing.T) {
	r := sim.NewRand(1, 0, "find")
	for range 300 {
		var f flight
		f.head = uint32(r.Uint64()) // indices wrap
		f.tail = f.head
		pos := int64(r.Uint64() >> 20)
		start := pos
		for range r.Uint64() % 40 {
			n := 1448
			if r.Uint64()%4 == 0 {
				n = 1 + int(r.Uint64()%60_000)
			}
			x := f.push()
			*x = sent{pos: pos, len: uint16(n)}
			pos += int64(n)
		}
		for range 50 {
			at := start - 10 + int64(r.Uint64()%uint64(pos-start+20))
			want := f.head
			for want != f.tail && f.at(want).end() <= at {
				want++
			}
			if got := f.find(at); got != want {
				t.Fatalf("position %d of [%d, %d): record %d of %d, want %d", at, start, pos, got-f.head, f.len(), want-f.head)
			}
		}
	}
}
