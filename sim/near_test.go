package sim

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Against a sorted list: whatever is pushed and popped in whatever order, more
// events than the ring holds included, the first one is what comes out.
func TestNearIsASortedList(t *testing.T) {
	spilled, refilled := false, false
	rapid.Check(t, func(t *rapid.T) {
		var q near
		var want []event
		later := func(a, b event) int {
			switch {
			case a.before(&b):
				return -1
			case b.before(&a):
				return 1
			}
			return 0
		}
		key := Key(0)
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			spread := rapid.Int64Range(1, 200).Draw(t, "spread")
			for range rapid.IntRange(0, 2*frontSize).Draw(t, "pushes") {
				key++
				e := event{at: Time(rapid.Int64Range(0, spread).Draw(t, "at")), key: key, arg: uint32(key)}
				q.push(e)
				i, _ := slices.BinarySearchFunc(want, e, later)
				want = slices.Insert(want, i, e)
				spilled = spilled || q.far.len() > 0
			}
			for range rapid.IntRange(0, 2*frontSize).Draw(t, "pops") {
				refilled = refilled || q.n == 0 && q.far.len() > 0
				e := q.peek()
				if q.len() != len(want) {
					t.Fatalf("%d events, want %d", q.len(), len(want))
				}
				if e == nil {
					break
				}
				if *e != want[0] {
					t.Fatalf("first is %+v, want %+v", *e, want[0])
				}
				q.pop()
				want = want[1:]
			}
		}
	})
	if !spilled || !refilled {
		t.Errorf("the heap was used %v, the ring refilled %v: want both", spilled, refilled)
	}
}
