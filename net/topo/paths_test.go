package topo

import "testing"

// A fat-tree of k pods has (k/2)^2 shortest paths between hosts of two pods, k/2
// between two racks of a pod, one within a rack (Al-Fares et al., section 2.2).
func TestShortestPaths(t *testing.T) {
	for _, k := range []int{4, 8} {
		g := generate(t, "fattree", num("k", float64(k)))
		h := g.Hosts()
		half := k / 2
		for to, want := range map[int]int{1: 1, half: half, half * half: half * half, len(h) - 1: half * half} {
			if got := g.ShortestPaths(h[0], h[to]); got != want {
				t.Errorf("k=%d: %d paths from host 0 to host %d, want %d", k, got, to, want)
			}
		}
	}
}
