package plot

import (
	"slices"
	"testing"
)

// Each group in ascending order over its own ranks; what never ended has none.
//
// row:H1
func TestRanks(t *testing.T) {
	s := open(t, sweepDir(t))
	f, err := figureOf("rank", s, &Options{Metric: "done", By: "defaults.scheduler"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{
		"minrtt (10)":    {10, 10, 11, 11, 12, 12, 13, 13, 14, 14},
		"blest (10)":     {10, 10, 11, 11, 12, 12, 13, 13, 14, 14},
		"roundrobin (8)": {10, 10, 11, 11, 12, 12, 13, 13},
	}
	if p := f.panels[0]; p.yMin > 10 || p.yMax < 14 || f.tMax < 10 {
		t.Errorf("an axis from %v to %v over %v ranks", p.yMin, p.yMax, f.tMax)
	}
	lines := f.panels[0].lines
	if len(lines) != 3 || len(f.legend) != 3 {
		t.Fatalf("%d lines, legend %v", len(lines), f.legend)
	}
	for i, ln := range lines {
		y := want[f.legend[i].name]
		if !slices.Equal(ln.y, y) || ln.x[0] != 1 || ln.x[len(ln.x)-1] != float64(len(y)) {
			t.Errorf("%s: %v over %v, want %v over its ranks", f.legend[i].name, ln.y, ln.x, y)
		}
	}
}

// Flows of one [[traffic]], or of one name with numbers, are a group.
func TestGroupOfFlow(t *testing.T) {
	for name, want := range map[string]string{"one-0": "one", "dl-12": "dl", "dl": "dl", "x-1-y": "x-1-y", "a-b-3": "a-b", "-3": "-3", "b-": "b-"} {
		if got := groupOf(name); got != want {
			t.Errorf("%s: group %s, want %s", name, got, want)
		}
	}
}
