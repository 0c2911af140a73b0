package sched

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// sift fills in which rows are open, as an endpoint does.
func sift(q *Queue, paths []Path) {
	longest := int64(0)
	q.Open = 0
	for i := range paths {
		if longest = max(longest, paths[i].MSS); paths[i].IsOpen() {
			q.Open |= 1 << i
		}
	}
	q.Sifted = int64(q.End-q.Next) >= longest
}

// Minrtt decides the same whether it is told which rows are open or not, and while none is
// it grants nothing, so that it need not be asked.
func TestOpenRows(t *testing.T) {
	spared := 0
	rapid.Check(t, func(t *rapid.T) {
		told, plain := minRTT{}, minRTT{}
		q, paths := drawQueue(t), drawPaths(t)
		if rapid.IntRange(0, 2).Draw(t, "nothing to send again") > 0 {
			q.Reinject = nil
		}
		want := plain.Pick(0, &q, paths, nil)
		sift(&q, paths)
		got := told.Pick(0, &q, paths, nil)
		if !slices.Equal(got, want) || len(got) == 0 && told.WhyWait() != plain.WhyWait() {
			t.Fatalf("rows %b are open: %+v %v, not told %+v %v", q.Open, got, told.WhyWait(), want, plain.WhyWait())
		}
		if q.Sifted && q.Open == 0 && len(q.Reinject) == 0 {
			if spared++; len(want) > 0 {
				t.Fatalf("no row is open, but granted is %+v", want)
			}
		}
	})
	if spared == 0 {
		t.Error("no question could have been spared")
	}
}
