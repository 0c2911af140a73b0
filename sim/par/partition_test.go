package par

import (
	"fmt"
	"testing"
)

// fatTree is a fat-tree of k pods: hosts, edge, aggregation and core switches, with the
// traffic of a permutation over all ways.
func fatTree(k int) (g *Graph, pod []int) {
	g = &Graph{}
	node := func(load int64, p int) int {
		g.Load = append(g.Load, load)
		pod = append(pod, p)
		return len(g.Load) - 1
	}
	join := func(a, b int) { g.Edges = append(g.Edges, Edge{A: a, B: b, Weight: 100}) }
	h := k / 2
	var cores []int
	for range h * h {
		cores = append(cores, node(int64(k)*10, -1))
	}
	for p := range k {
		var aggs []int
		for i := range h {
			a := node(int64(k)*10, p)
			aggs = append(aggs, a)
			for c := range h {
				join(a, cores[i*h+c])
			}
		}
		for range h {
			e := node(int64(k)*10, p)
			for _, a := range aggs {
				join(e, a)
			}
			for range h {
				join(e, node(40, p))
			}
		}
	}
	return g, pod
}

func cutOf(g *Graph, part []int) (edges int) {
	for _, e := range g.Edges {
		if part[e.A] != part[e.B] {
			edges++
		}
	}
	return edges
}

// A fat-tree of k pods cannot be halved with less than k^3/8 links cut: every core has
// k/2 of its links into either half. The division must come near.
func TestDivideFatTree(t *testing.T) {
	for _, k := range []int{4, 8, 16} {
		for _, parts := range []int{2, 4} {
			t.Run(fmt.Sprint(k, parts), func(t *testing.T) {
				g, _ := fatTree(k)
				part, ok := Divide(g, parts)
				if !ok {
					t.Fatal("cannot be divided")
				}
				ideal := k * k * k / 8
				if parts == 4 {
					ideal = k * k / 4 * (k - k/4)
				}
				cut, imbalance := cutOf(g, part), g.Imbalance(part, parts)
				t.Logf("%d of %d links cut, %d are the least; imbalance %.3f", cut, len(g.Edges), ideal, imbalance)
				if cut > ideal*5/4 || imbalance > 1.08 {
					t.Errorf("%d of %d links cut, %d are the least; imbalance %.3f", cut, len(g.Edges), ideal, imbalance)
				}
			})
		}
	}
}

// Rigid edges are never cut, every part gets something, and a graph that they hold
// together cannot be divided.
func TestDivideKeepsRigidEdges(t *testing.T) {
	g, pod := fatTree(4)
	for i := range g.Edges {
		e := &g.Edges[i]
		e.Rigid = pod[e.A] == pod[e.B] // whole pods
	}
	part, ok := Divide(g, 4)
	if !ok {
		t.Fatal("cannot be divided")
	}
	used := map[int]bool{}
	for _, e := range g.Edges {
		if e.Rigid && part[e.A] != part[e.B] {
			t.Errorf("edge %d-%d is cut", e.A, e.B)
		}
		used[part[e.A]] = true
	}
	if len(used) != 4 {
		t.Errorf("%d parts are used", len(used))
	}
	for i := range g.Edges {
		g.Edges[i].Rigid = true
	}
	if _, ok := Divide(g, 2); ok {
		t.Error("divided what is rigid")
	}
}

// Loads that differ: one heavy node against many light ones.
func TestDivideBalances(t *testing.T) {
	g := &Graph{Load: []int64{1000}}
	for i := range 100 {
		g.Load = append(g.Load, 10)
		g.Edges = append(g.Edges, Edge{A: 0, B: i + 1, Weight: 1})
		if i > 0 {
			g.Edges = append(g.Edges, Edge{A: i, B: i + 1, Weight: 1})
		}
	}
	part, ok := Divide(g, 2)
	if x := g.Imbalance(part, 2); !ok || x > 1.05 {
		t.Errorf("imbalance %.2f", x)
	}
}
