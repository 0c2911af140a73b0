package sweep

import (
	"math"
	"slices"

	"mpsim/sim"
)

// Designs of n points in the unit cube of so many dimensions. Draw gives random
// numbers in [0, 1). Accept may be nil; it says which points are wanted.

// random is independent uniform points. It gives up after a thousand refusals in a
// row.
func random(n, dims int, draw func() float64, accept func([]float64) bool) [][]float64 {
	var out [][]float64
	for refused := 0; len(out) < n && refused < 1000; {
		p := make([]float64, dims)
		for d := range p {
			p[d] = draw()
		}
		if accept != nil && !accept(p) {
			refused++
			continue
		}
		refused = 0
		out = append(out, p)
	}
	return out
}

// latin is a Latin hypercube after McKay, Beckman, Conover, Technometrics 1979: in
// each dimension every n-th of the range holds one point, at a uniform place within.
func latin(n, dims int, draw func() float64) [][]float64 {
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, dims)
	}
	order := make([]int, n)
	for d := range dims {
		for i := range order {
			order[i] = i
		}
		for i := n - 1; i > 0; i-- { // Fisher and Yates
			k := int(draw() * float64(i+1))
			order[i], order[k] = order[k], order[i]
		}
		for i := range out {
			out[i][d] = (float64(order[i]) + draw()) / float64(n)
		}
	}
	return out
}

// WSP is the selection of Wootton, Sergent and Phan-Tan-Luu (Santiago, Claeys-Bruno,
// Sergent, Chemometrics 2012): from the point start on, delete all candidates nearer
// than least, go on to the nearest that remains, until none does. It returns the
// numbers of the points that are kept, in the order of the walk; any two of them are
// at least so far apart. Of candidates equally near, the first is taken.
func WSP(candidates [][]float64, start int, least float64) []int {
	left := make([]int, 0, len(candidates))
	for i := range candidates {
		if i != start {
			left = append(left, i)
		}
	}
	out := []int{start}
	for at := start; ; {
		nearest, distance := -1, math.Inf(1)
		kept := left[:0]
		for _, i := range left {
			d := squared(candidates[at], candidates[i])
			if d < float64(least*least) {
				continue
			}
			kept = append(kept, i)
			if d < distance {
				nearest, distance = i, d
			}
		}
		if left = kept; nearest < 0 {
			return out
		}
		left = slices.DeleteFunc(left, func(i int) bool { return i == nearest })
		out, at = append(out, nearest), nearest
	}
}

func squared(a, b []float64) float64 {
	sum := 0.0
	for d := range a {
		x := a[d] - b[d]
		sum += float64(x * x)
	}
	return sum
}

// spaceFilling is the WSP selection of n points from candidates, whose distance is
// found by bisection; the walk begins at the candidate nearest to the centre. The
// number kept does not fall steadily with the distance: the selection nearest to n
// that was met is returned, the larger one if two are as near, cut to n points at the
// end of the walk.
func spaceFilling(n int, candidates [][]float64) [][]float64 {
	if len(candidates) == 0 {
		return nil
	}
	centre := make([]float64, len(candidates[0]))
	for d := range centre {
		centre[d] = 0.5
	}
	start := 0
	for i := range candidates {
		if squared(candidates[i], centre) < squared(candidates[start], centre) {
			start = i
		}
	}
	low, high := 0.0, math.Sqrt(float64(len(centre)))
	best := WSP(candidates, start, low)
	better := func(a, b []int) bool {
		x, y := max(len(a)-n, n-len(a)), max(len(b)-n, n-len(b))
		return x < y || x == y && len(a) > len(b)
	}
	for range 60 {
		mid := (low + high) / 2
		kept := WSP(candidates, start, mid)
		if better(kept, best) {
			best = kept
		}
		if len(kept) == n {
			break
		}
		if len(kept) > n {
			low = mid
		} else {
			high = mid
		}
	}
	out := make([][]float64, 0, n)
	for _, i := range best[:min(n, len(best))] {
		out = append(out, candidates[i])
	}
	return out
}

// stream returns the random numbers of a design of a sweep.
func stream(seed uint64) func() float64 {
	r := sim.NewRand(seed, 0, "sweep/design")
	return r.Float64
}
