package topo

import (
	"fmt"
	"net/netip"
)

// Trees of switches. Hosts have one interface, eth0; subflows differ in ports and
// take different ways by ECMP.

// fatTreeSpec is the fat-tree of Al-Fares, Loukissas, Vahdat, "A scalable, commodity
// data center network architecture", SIGCOMM'08, section 3, with its addresses.
var fatTreeSpec = Spec{
	Name: "fattree",
	Doc: "k pods of k/2 edge switches e<pod>_<i> and k/2 aggregation switches a<pod>_<i>, (k/2)^2 core switches c<i>_<j>, and k/2 hosts " +
		"h<pod>_<edge>_<i> at each edge switch, or oversubscription times as many; addresses 10.POD.EDGE.(2+i)",
	Classes: []string{"host", "edge", "core"},
	Params: []Param{
		{Name: "k", Doc: "ports of a switch, an even number; k^3/4 hosts", Default: 4, Min: 2, Max: 48},
		{Name: "oversubscription", Doc: "hosts at an edge switch for each of its uplinks", Default: 1, Min: 1, Max: 8},
	},
	Make: makeFatTree,
}

func makeFatTree(v *Values, _ *Env) (*Graph, error) {
	k := v.n("k")
	if k%2 != 0 {
		return nil, fmt.Errorf("k is %d; it must be even: half of the ports of a switch lead up", k)
	}
	g, half := new(Graph), k/2
	hosts := half * v.n("oversubscription")
	core := make([]int, half*half)
	for i := range core {
		core[i] = g.router("c%d_%d", i/half, i%half)
	}
	for p := range k {
		aggs := make([]int, half)
		for a := range aggs {
			aggs[a] = g.router("a%d_%d", p, a)
			for j := range half {
				g.join("core", aggs[a], core[a*half+j])
			}
		}
		for e := range half {
			edge := g.router("e%d_%d", p, e)
			for _, a := range aggs {
				g.join("edge", edge, a)
			}
			for i := range hosts {
				addr := netip.AddrFrom4([4]byte{10, byte(p), byte(e), byte(2 + i)})
				g.attach("host", g.host(p, "h%d_%d_%d", p, e, i), "eth0", addr, edge)
			}
		}
	}
	return g, nil
}

var leafSpineSpec = Spec{
	Name:    "leafspine",
	Doc:     "leaf switches l<i>, each linked to all spine switches s<j>, with hosts h<i>_<n>",
	Classes: []string{"host", "spine"},
	Params: []Param{
		{Name: "leaves", Doc: "leaf switches", Default: 4, Min: 1, Max: 512},
		{Name: "spines", Doc: "spine switches", Default: 4, Min: 1, Max: 128},
		{Name: "hosts", Doc: "hosts of a leaf", Default: 4, Min: 1, Max: 128},
	},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		spines := make([]int, v.n("spines"))
		for i := range spines {
			spines[i] = g.router("s%d", i)
		}
		h := 0
		for i := range v.n("leaves") {
			leaf := g.router("l%d", i)
			for _, s := range spines {
				g.join("spine", leaf, s)
			}
			for n := range v.n("hosts") {
				g.attach("host", g.host(i, "h%d_%d", i, n), "eth0", hostAddr(h, 0), leaf)
				h++
			}
		}
		return g, nil
	},
}

// vl2Spec is VL2 of Greenberg et al., SIGCOMM'09, section 4.1: a Clos network of DA/2
// intermediate and DI aggregation switches with DA DI/4 racks. Its links between
// switches are ten times as fast as those of hosts.
var vl2Spec = Spec{
	Name: "vl2",
	Doc: "di aggregation switches a<i>, each linked to all da/2 intermediate switches i<j>; da*di/4 top-of-rack switches t<r>, each linked to two " +
		"aggregation switches, with hosts h<r>_<n>; links between switches should be ten times as fast as those of hosts (class fabric)",
	Classes: []string{"host", "fabric"},
	Params: []Param{
		{Name: "da", Doc: "ports of an aggregation switch, even", Default: 4, Min: 2, Max: 144},
		{Name: "di", Doc: "ports of an intermediate switch: aggregation switches, even", Default: 4, Min: 2, Max: 144},
		{Name: "hosts", Doc: "hosts of a rack", Default: 20, Min: 1, Max: 128},
	},
	Make: makeVL2,
}

func makeVL2(v *Values, _ *Env) (*Graph, error) {
	da, di := v.n("da"), v.n("di")
	if da%2 != 0 || di%2 != 0 {
		return nil, fmt.Errorf("da is %d and di is %d; both must be even", da, di)
	}
	g := new(Graph)
	aggs := make([]int, di)
	for i := range aggs {
		aggs[i] = g.router("a%d", i)
	}
	for j := range da / 2 {
		mid := g.router("i%d", j)
		for _, a := range aggs {
			g.join("fabric", a, mid)
		}
	}
	h := 0
	for r := range da * di / 4 {
		tor := g.router("t%d", r)
		// Racks go around pairs of aggregation switches, da/2 racks for each pair.
		pair := r % (di / 2)
		g.join("fabric", tor, aggs[2*pair])
		g.join("fabric", tor, aggs[2*pair+1])
		for n := range v.n("hosts") {
			g.attach("host", g.host(r, "h%d_%d", r, n), "eth0", hostAddr(h, 0), tor)
			h++
		}
	}
	return g, nil
}

// treeSpec is the single-rooted tree that the others are compared with.
var treeSpec = Spec{
	Name: "tree",
	Doc: "the tree without any choice of ways: router root, aggregation switches a<i>, below each edge switches e<i>_<j>, and hosts h<i>_<j>_<n>; " +
		"with equal rates it is oversubscribed by the product of the fan-outs below each link",
	Classes: []string{"host", "edge", "core"},
	Params: []Param{
		{Name: "aggregation", Doc: "aggregation switches", Default: 4, Min: 1, Max: 64},
		{Name: "edge", Doc: "edge switches of each", Default: 2, Min: 1, Max: 64},
		{Name: "hosts", Doc: "hosts of an edge switch", Default: 2, Min: 1, Max: 128},
	},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		root, h := g.router("root"), 0
		for i := range v.n("aggregation") {
			agg := g.router("a%d", i)
			g.join("core", agg, root)
			for j := range v.n("edge") {
				edge := g.router("e%d_%d", i, j)
				g.join("edge", edge, agg)
				for n := range v.n("hosts") {
					g.attach("host", g.host(i, "h%d_%d_%d", i, j, n), "eth0", hostAddr(h, 0), edge)
					h++
				}
			}
		}
		return g, nil
	},
}
