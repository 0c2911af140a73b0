package par

import (
	"slices"

	"mpsim/sim"
)

// Graph is what is to be divided among parts: nodes with a load, and edges with the
// traffic that would have to cross between parts.
type Graph struct {
	Load  []int64 // of each node, more than 0
	Edges []Edge
}

// Edge joins two nodes.
type Edge struct {
	A, B   int
	Weight int64
	Rigid  bool // both ends must be in one part
}

// Divide gives every node of a graph one of a number of parts, such that the loads of
// the parts differ little and little crosses between them. It halves the graph, and the
// halves again, by the multilevel method of Karypis and Kumar ("A fast and high quality
// multilevel scheme for partitioning irregular graphs", SIAM J. Sci. Comput. 1998):
// heavy edges are contracted until few nodes are left, those are divided by growing a
// region from several nodes, and while the contraction is undone step by step the
// boundary is improved as Fiduccia and Mattheyses do (DAC 1982). The result is a
// function of the graph. ok is false if the rigid edges leave less than one node for
// each part.
func Divide(g *Graph, parts int) (part []int, ok bool) {
	cluster, n := rigid(g)
	level := contract(g, cluster, n)
	if n < parts {
		return nil, false
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	of := make([]int, n)
	split(level, all, of, 0, parts)
	part = make([]int, len(g.Load))
	used := make([]bool, parts)
	for i, c := range cluster {
		part[i] = of[c]
		used[of[c]] = true
	}
	return part, !slices.Contains(used, false)
}

// Imbalance returns the load of the heaviest part in multiples of the mean.
func (g *Graph) Imbalance(part []int, parts int) float64 {
	loads, sum := make([]int64, parts), int64(0)
	for i, p := range part {
		loads[p] += g.Load[i]
		sum += g.Load[i]
	}
	return float64(slices.Max(loads)) * float64(parts) / float64(sum)
}

// rigid numbers the clusters of nodes that rigid edges join.
func rigid(g *Graph) (cluster []int, n int) {
	parent := make([]int, len(g.Load))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, e := range g.Edges {
		if e.Rigid {
			a, b := find(e.A), find(e.B)
			parent[max(a, b)] = min(a, b)
		}
	}
	cluster = make([]int, len(parent))
	for i := range parent {
		if find(i) == i {
			cluster[i] = n
			n++
		} else {
			cluster[i] = cluster[find(i)] // the smallest of its cluster
		}
	}
	return cluster, n
}

// mesh is a graph as the algorithm walks it.
type mesh struct {
	load []int64
	near [][]arc // by node, by ascending number of the other end
}

type arc struct {
	to     int
	weight int64
}

// contract returns the graph of n clusters.
func contract(g *Graph, cluster []int, n int) *mesh {
	m := &mesh{load: make([]int64, n), near: make([][]arc, n)}
	for i, l := range g.Load {
		m.load[cluster[i]] += l
	}
	for _, e := range g.Edges {
		if a, b := cluster[e.A], cluster[e.B]; a != b {
			m.near[a] = append(m.near[a], arc{b, e.Weight})
			m.near[b] = append(m.near[b], arc{a, e.Weight})
		}
	}
	m.tidy()
	return m
}

// tidy sorts the arcs of each node and adds up parallel ones.
func (m *mesh) tidy() {
	for i, arcs := range m.near {
		slices.SortStableFunc(arcs, func(a, b arc) int { return a.to - b.to })
		out := arcs[:0]
		for _, x := range arcs {
			if k := len(out) - 1; k >= 0 && out[k].to == x.to {
				out[k].weight += x.weight
			} else {
				out = append(out, x)
			}
		}
		m.near[i] = out
	}
}

// part returns the graph of some nodes of m.
func (m *mesh) part(nodes []int) *mesh {
	number := make([]int, len(m.load))
	for i := range number {
		number[i] = -1
	}
	for i, v := range nodes {
		number[v] = i
	}
	out := &mesh{load: make([]int64, len(nodes)), near: make([][]arc, len(nodes))}
	for i, v := range nodes {
		out.load[i] = m.load[v]
		for _, x := range m.near[v] {
			if number[x.to] >= 0 {
				out.near[i] = append(out.near[i], arc{number[x.to], x.weight})
			}
		}
	}
	return out
}

// split divides nodes of m among parts first, first+1, ...
func split(m *mesh, nodes, of []int, first, parts int) {
	if parts == 1 || len(nodes) == 0 {
		for _, v := range nodes {
			of[v] = first
		}
		return
	}
	left := parts / 2
	sub := m.part(nodes)
	total := int64(0)
	for _, l := range sub.load {
		total += l
	}
	side := sub.bisect(total*int64(left)/int64(parts), sim.NewRand(0, 0, "par/partition"))
	var a, b []int
	for i, v := range nodes {
		if side[i] {
			a = append(a, v)
		} else {
			b = append(b, v)
		}
	}
	split(m, a, of, first, left)
	split(m, b, of, first+left, parts-left)
}

// coarse is how many nodes are divided without contraction.
const coarse = 24

// bisect returns the side of each node: nodes of about the given load are true.
func (m *mesh) bisect(target int64, rnd *sim.Rand) []bool {
	if len(m.load) > coarse {
		if cluster, n := m.match(rnd); n < len(m.load)*9/10 {
			small := &mesh{load: make([]int64, n), near: make([][]arc, n)}
			for v, c := range cluster {
				small.load[c] += m.load[v]
				for _, x := range m.near[v] {
					if cluster[x.to] != c {
						small.near[c] = append(small.near[c], arc{cluster[x.to], x.weight})
					}
				}
			}
			small.tidy()
			of := small.bisect(target, rnd)
			side := make([]bool, len(m.load))
			for v, c := range cluster {
				side[v] = of[c]
			}
			m.improve(side, target)
			return side
		}
	}
	return m.grow(target, rnd)
}

// match joins nodes in pairs over heavy edges and numbers the pairs.
func (m *mesh) match(rnd *sim.Rand) (cluster []int, n int) {
	order := make([]int, len(m.load))
	total := int64(0)
	for i := range order {
		order[i] = i
		total += m.load[i]
	}
	for i := len(order) - 1; i > 0; i-- {
		k := int(rnd.IntN(uint64(i + 1)))
		order[i], order[k] = order[k], order[i]
	}
	// Nodes with few neighbours first: hosts join their switch.
	slices.SortStableFunc(order, func(a, b int) int { return len(m.near[a]) - len(m.near[b]) })
	cluster = make([]int, len(m.load))
	for i := range cluster {
		cluster[i] = -1
	}
	most := total / 8
	for _, v := range order {
		if cluster[v] >= 0 {
			continue
		}
		best, weight := -1, int64(-1)
		for _, x := range m.near[v] {
			// By traffic for the load, so that small clusters of much traffic grow first.
			w := x.weight * 1024 / max(1, m.load[x.to]+m.load[v])
			if cluster[x.to] < 0 && w > weight && m.load[v]+m.load[x.to] <= most {
				best, weight = x.to, w
			}
		}
		cluster[v] = n
		if best >= 0 {
			cluster[best] = n
		}
		n++
	}
	return cluster, n
}

// grow divides a graph by growing one side from each node in turn, at most from 32 of
// them, and takes the best result.
func (m *mesh) grow(target int64, rnd *sim.Rand) []bool {
	var best []bool
	var least int64
	n := len(m.load)
	for try := range min(n, 32) {
		v := try
		if n > 32 {
			v = int(rnd.IntN(uint64(n)))
		}
		side := m.growFrom(v, target)
		m.improve(side, target)
		if cost := m.cost(side, target); best == nil || cost < least {
			best, least = side, cost
		}
	}
	return best
}

// growFrom adds to a region from one node on what it has the most edges to.
func (m *mesh) growFrom(v int, target int64) []bool {
	side := make([]bool, len(m.load))
	pull := make([]int64, len(m.load))
	load := int64(0)
	for v >= 0 {
		if load+m.load[v]/2 > target && load > 0 {
			break
		}
		side[v] = true
		load += m.load[v]
		for _, x := range m.near[v] {
			pull[x.to] += x.weight
		}
		v = -1
		for i := range side {
			if !side[i] && (v < 0 || pull[i] > pull[v]) {
				v = i
			}
		}
	}
	return side
}

// cost is the traffic that crosses, and much for an imbalance.
func (m *mesh) cost(side []bool, target int64) int64 {
	cut, load, total, all := int64(0), int64(0), int64(0), int64(0)
	for v, arcs := range m.near {
		total += m.load[v]
		if side[v] {
			load += m.load[v]
		}
		for _, x := range arcs {
			all += x.weight
			if side[v] != side[x.to] {
				cut += x.weight
			}
		}
	}
	off := max(load-target, target-load)
	if slack := total / 50; off > slack {
		return cut + all*(off-slack)/max(1, total)*8
	}
	return cut
}

// improve moves nodes between the sides, the best move first even where it makes
// things worse, each node once, and goes back to the best state; until that brings
// nothing more.
func (m *mesh) improve(side []bool, target int64) {
	for range 12 {
		if !m.pass(side, target) {
			return
		}
	}
}

// pass is one pass of improve. It reports whether it has brought something.
func (m *mesh) pass(side []bool, target int64) bool {
	n := len(m.load)
	gain, locked := make([]int64, n), make([]bool, n)
	load, total := int64(0), int64(0)
	for v, arcs := range m.near {
		total += m.load[v]
		if side[v] {
			load += m.load[v]
		}
		for _, x := range arcs {
			if side[v] != side[x.to] {
				gain[v] += x.weight
			} else {
				gain[v] -= x.weight
			}
		}
	}
	slack := total / 50
	off := func(l int64) int64 { return max(0, max(l-target, target-l)-slack) }
	var moved []int
	sum, best, bestOff, keep := int64(0), int64(0), off(load), 0
	for len(moved)-keep < 64 {
		v, after := -1, int64(0)
		for i := range gain {
			if locked[i] {
				continue
			}
			l := load + m.load[i]
			if side[i] {
				l = load - m.load[i]
			}
			if o := off(l); o <= max(off(load), m.load[i]/2) && (v < 0 || gain[i] > gain[v]) {
				v, after = i, l
			}
		}
		if v < 0 {
			break
		}
		sum += gain[v]
		load = after
		locked[v] = true
		side[v] = !side[v]
		for _, x := range m.near[v] {
			if side[x.to] == side[v] {
				gain[x.to] -= 2 * x.weight
			} else {
				gain[x.to] += 2 * x.weight
			}
		}
		moved = append(moved, v)
		if o := off(load); o < bestOff || o == bestOff && sum > best {
			best, bestOff, keep = sum, o, len(moved)
		}
	}
	for _, v := range moved[keep:] {
		side[v] = !side[v]
	}
	return keep > 0
}
