package sweep

import (
	"math"
	"slices"
	"testing"
)

// The selection for five points by hand: from (0,0), (0.1,0) is too near, then the
// walk goes to (0.5,0.5), where (0.6,0.5) is too near, and on to (1,1).
// row:F8
func TestWSPVector(t *testing.T) {
	points := [][]float64{{0, 0}, {.1, 0}, {.5, .5}, {.6, .5}, {1, 1}}
	if got, want := WSP(points, 0, .3), []int{0, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if got := WSP(points, 0, 0); len(got) != 5 {
		t.Errorf("at distance 0 all stay; kept %v", got)
	}
	// The walk goes to the nearest, not to the next: from 0 to 0.4 and on to 0.8, where 1 is
	// too near. From 1, or in another order, others would be kept.
	line := [][]float64{{0}, {1}, {.4}, {.8}}
	for start, want := range map[int][]int{0: {0, 2, 3}, 1: {1, 2, 0}, 2: {2, 0, 3}, 3: {3, 2, 0}} {
		if got := WSP(line, start, .3); !slices.Equal(got, want) {
			t.Errorf("from %v kept %v, want %v", line[start], got, want)
		}
	}
}

// A space-filling design keeps its points apart: the least distance is larger than that
// of as many random points, and no candidate that was left out could be added. 200
// points of 4 factors are the size of the CoNEXT'13 study.
// row:F8
func TestSpaceFillingKeepsApart(t *testing.T) {
	const n, dims = 200, 4
	candidates := random(2000, dims, stream(1), nil)
	got := spaceFilling(n, candidates)
	if len(got) < n-1 || len(got) > n {
		t.Fatalf("%d points, want %d", len(got), n)
	}
	chosen, plain := apart(got), apart(random(n, dims, stream(2), nil))
	if chosen < 2*plain {
		t.Errorf("least distance %.3f, of random points %.3f", chosen, plain)
	}
	for i, c := range candidates { // covered: the design leaves no hole
		nearest := math.Inf(1)
		for _, p := range got {
			nearest = min(nearest, squared(c, p))
		}
		if math.Sqrt(nearest) > 1.25*chosen {
			t.Errorf("candidate %d is %.3f away from the design, whose points are %.3f apart", i, math.Sqrt(nearest), chosen)
		}
	}
	if again := spaceFilling(n, random(2000, dims, stream(1), nil)); !slices.EqualFunc(got, again, slices.Equal[[]float64]) {
		t.Error("the same seed gives another design")
	}
}

// apart is the least distance between two points.
func apart(points [][]float64) float64 {
	least := math.Inf(1)
	for i := range points {
		for k := range i {
			least = min(least, squared(points[i], points[k]))
		}
	}
	return math.Sqrt(least)
}

// In a Latin hypercube of n points, each n-th of each dimension holds exactly one.
// row:F8
func TestLatinHypercube(t *testing.T) {
	const n, dims = 50, 3
	for d := range dims {
		var seen [n]int
		for _, p := range latin(n, dims, stream(7)) {
			seen[int(p[d]*n)]++
		}
		for i, c := range seen {
			if c != 1 {
				t.Errorf("dimension %d: %d points in part %d", d, c, i)
			}
		}
	}
}
