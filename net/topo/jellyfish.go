package topo

import (
	"fmt"
	"slices"
)

// jellyfishSpec is Jellyfish (Singla, Hong, Popa, Godfrey, NSDI'12, section 3): a
// random regular graph of top-of-rack switches.
var jellyfishSpec = Spec{
	Name: "jellyfish",
	Doc: "a random graph of switches s<i>, each linked to `degree` others, with hosts h<i>_<n>; drawn from the seed of the scenario: random pairs of " +
		"switches with free ports are linked, and the last ports, whose switches are linked already, take the place of a random link",
	Classes: []string{"host", "switch"},
	Params: []Param{
		{Name: "switches", Doc: "switches", Default: 20, Min: 2, Max: 4096},
		{Name: "degree", Doc: "links of a switch to others", Default: 4, Min: 1, Max: 128},
		{Name: "hosts", Doc: "hosts of a switch", Default: 4, Min: 1, Max: 128},
	},
	Make: makeJellyfish,
}

func makeJellyfish(v *Values, env *Env) (*Graph, error) {
	n, degree := v.n("switches"), v.n("degree")
	if degree >= n {
		return nil, fmt.Errorf("%d switches cannot have %d links to others each", n, degree)
	}
	g := new(Graph)
	for i := range n {
		g.router("s%d", i)
	}
	for _, e := range randomRegular(n, degree, env.Rand.IntN) {
		g.join("switch", e[0], e[1])
	}
	h := 0
	for i := range n {
		for k := range v.n("hosts") {
			g.attach("host", g.host(i, "h%d_%d", i, k), "eth0", hostAddr(h, 0), i)
			h++
		}
	}
	return g, nil
}

// randomRegular draws the links of n nodes with the given degree; if both are odd
// one port stays free.
func randomRegular(n, degree int, draw func(uint64) uint64) [][2]int {
	free := make([]int, n) // ports
	linked := make([][]bool, n)
	for i := range n {
		free[i] = degree
		linked[i] = make([]bool, n)
	}
	var edges [][2]int
	link := func(a, b int) {
		edges = append(edges, [2]int{min(a, b), max(a, b)})
		linked[a][b], linked[b][a] = true, true
		free[a]--
		free[b]--
	}
	pick := func(k int) int { return int(draw(uint64(k))) }
	for {
		var pairs [][2]int
		var open []int
		for a := range n {
			if free[a] > 0 {
				open = append(open, a)
			}
		}
		// A few random tries first: the list of all pairs is long at the beginning.
		if len(open) > 2 {
			a, b := open[pick(len(open))], open[pick(len(open))]
			if a != b && !linked[a][b] {
				link(a, b)
				continue
			}
		}
		for i, a := range open {
			for _, b := range open[i+1:] {
				if !linked[a][b] {
					pairs = append(pairs, [2]int{a, b})
				}
			}
		}
		if len(pairs) > 0 {
			p := pairs[pick(len(pairs))]
			link(p[0], p[1])
			continue
		}
		// What is left has linked with each other: its ports x and y, of one switch or
		// of two, take the place of a random link.
		if len(open) == 0 || len(open) == 1 && free[open[0]] < 2 {
			break
		}
		x, y := open[0], open[len(open)-1]
		if free[x] >= 2 {
			y = x
		}
		var away [][3]int // a link, and which of its ends x and y take
		for i, e := range edges {
			for _, end := range [][2]int{e, {e[1], e[0]}} {
				if u, v := end[0], end[1]; u != x && v != y && !linked[x][u] && !linked[y][v] {
					away = append(away, [3]int{i, u, v})
				}
			}
		}
		if len(away) == 0 {
			break
		}
		e := away[pick(len(away))]
		edges = slices.Delete(edges, e[0], e[0]+1)
		linked[e[1]][e[2]], linked[e[2]][e[1]] = false, false
		free[e[1]]++
		free[e[2]]++
		link(x, e[1])
		link(y, e[2])
	}
	slices.SortFunc(edges, func(a, b [2]int) int {
		if a[0] != b[0] {
			return a[0] - b[0]
		}
		return a[1] - b[1]
	})
	return edges
}
