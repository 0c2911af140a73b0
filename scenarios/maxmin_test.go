package scenarios

import (
	"math"
	"math/rand/v2"
	"testing"
)

// maxMin returns the max-min fair rates of flows over links of capacity 1: all grow
// alike, and those on a link that is full stop (Bertsekas and Gallager, Data Networks,
// section 6.5.2). Flows are lists of links.
func maxMin(links int, flows [][]int) []float64 {
	rate, free := make([]float64, len(flows)), make([]float64, links)
	for l := range free {
		free[l] = 1
	}
	for stopped := make([]bool, len(flows)); ; {
		users, step := make([]float64, links), math.Inf(1)
		for i, f := range flows {
			for _, l := range f {
				if !stopped[i] {
					users[l]++
				}
			}
		}
		for l := range users {
			if users[l] > 0 {
				step = min(step, free[l]/users[l])
			}
		}
		if math.IsInf(step, 1) {
			return rate
		}
		for l := range users {
			free[l] -= step * users[l]
		}
		for i, f := range flows {
			if stopped[i] {
				continue
			}
			rate[i] += step
			for _, l := range f {
				stopped[i] = stopped[i] || free[l] < 1e-9
			}
		}
	}
}

// fatTreeShare draws a permutation of the hosts of a fat-tree of k and a way for each
// flow, and returns the mean of the max-min fair rates as a part of a link.
func fatTreeShare(k int, rnd *rand.Rand) float64 {
	half := k / 2
	hosts := k * half * half
	// The links of a switch, by kind: hosts up and down, edge up and down, core up and down.
	link := func(kind, pod, from, to int) int { return kind*hosts + (pod*half+from)*half + to }
	to := rnd.Perm(hosts)
	for again := true; again; {
		again = false
		for i := range to {
			again = again || to[i] == i
		}
		if again {
			to = rnd.Perm(hosts)
		}
	}
	flows := make([][]int, hosts)
	for i, d := range to {
		pod, edge, dpod, dedge := i/(half*half), i/half%half, d/(half*half), d/half%half
		flows[i] = []int{i, hosts + d}
		if pod == dpod && edge == dedge {
			continue
		}
		agg := rnd.IntN(half)
		flows[i] = append(flows[i], link(2, pod, edge, agg), link(3, dpod, dedge, agg))
		if pod != dpod {
			core := rnd.IntN(half)
			flows[i] = append(flows[i], link(4, pod, agg, core), link(5, dpod, agg, core))
		}
	}
	sum := 0.0
	for _, r := range maxMin(6*hosts, flows) {
		sum += r
	}
	return sum / float64(hosts)
}

// The shares that the bounds of fattree-permutation and of the tests of throughput on
// fat-trees of 16 hosts rest on: 59.7 % of a link in the mean over permutations and ways,
// with a standard deviation of 8.1 %. Two small cases check the filling.
func TestMaxMinSharesOfAFatTree(t *testing.T) {
	for _, r := range maxMin(3, [][]int{{0, 1}, {1, 2}, {2}, {0, 1, 2}}) {
		if math.Abs(r-1.0/3) > 1e-9 {
			t.Errorf("a rate of %v where three flows share each link that is full", r)
		}
	}
	if got := maxMin(2, [][]int{{0}, {0, 1}, {0}, {1}}); math.Abs(got[0]-1.0/3) > 1e-9 || math.Abs(got[3]-2.0/3) > 1e-9 {
		t.Errorf("rates %v, want 1/3 on the first link, and 2/3 for the flow that has the second one's rest", got)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	var sum, squares float64
	for range n {
		x := fatTreeShare(4, rnd)
		sum += x
		squares += x * x
	}
	mean := sum / n
	sd := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-0.597) > 0.006 || math.Abs(sd-0.081) > 0.005 {
		t.Errorf("mean %.4f, standard deviation %.4f; the scenarios say 0.597 and 0.081", mean, sd)
	}
}
