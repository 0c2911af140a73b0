package results

import (
	"math"
	"testing"
)

// Nine values by hand, all exact in binary but for thirds and tenths (A24 of the list of
// reproductions): sum, best path, nothing, halves on both sides, three paths, a worst
// path, and a measured sum that is exceeded.
func TestBenefit(t *testing.T) {
	for _, v := range []struct {
		g     float64
		alone []float64
		want  float64
	}{
		{20, []float64{10, 10}, 1},
		{10, []float64{10, 10}, 0},
		{0, []float64{10, 10}, -1},
		{15, []float64{10, 10}, 0.5},
		{5, []float64{10, 10}, -0.5},
		{10, []float64{8, 4}, 0.5},                // (10-8)/(12-8)
		{6, []float64{2, 8}, -0.25},               // (6-8)/8
		{14, []float64{4, 8, 12}, 1. / 6},         // (14-12)/(24-12)
		{10.5, []float64{1, 8, 1.25}, 2.5 / 2.25}, // more than was measured of each alone
	} {
		if got := Benefit(v.g, v.alone...); got != v.want {
			t.Errorf("Ben(%g; %v) = %v, want %v", v.g, v.alone, got, v.want)
		}
	}
}

// Where the formula says nothing, and that the unit does not matter.
func TestBenefitAtItsEdges(t *testing.T) {
	for _, v := range []struct {
		g     float64
		alone []float64
	}{{1, nil}, {0, []float64{0, 0}}, {9, []float64{8}}, {9, []float64{8, 0}}, {math.NaN(), []float64{8, 4}}} {
		if got := Benefit(v.g, v.alone...); !math.IsNaN(got) {
			t.Errorf("Ben(%g; %v) = %v", v.g, v.alone, got)
		}
	}
	if got := Benefit(8, 8); got != 0 {
		t.Errorf("one path is %v of itself", got)
	}
	if got := Benefit(10e6, 8e6, 4e6); got != Benefit(10, 8, 4) {
		t.Errorf("in bit/s %v", got)
	}
}
