package topo

import (
	"fmt"
	"net/netip"

	"mpsim/sim"
)

// Graph is a topology.
type Graph struct {
	Nodes  []Node
	Links  []Link
	Routes []Route // beyond shortest paths
	// Paths returns up to count ways from one host to another for the subflows of a
	// connection, as numbers of links; the first is the shortest. Nil: they take
	// what routing gives them.
	Paths func(from, to, count int, rnd *sim.Rand) [][]int

	pairs map[[2]int]int // links of a pair of nodes
	near  [][]int32      // neighbours of each node, see index
}

// Route is an explicit route of a node to the address of an end.
type Route struct {
	Node int
	To   End
	Via  string // interface of the node
}

// Node is a host or a router (switch).
type Node struct {
	Name    string
	Router  bool
	Forward bool // a host that forwards packets of others
	// Addr is an address of the host that belongs to no link; invalid: none.
	Addr netip.Prefix
	// Group is what patterns of traffic take for near: the pod, rack or site of a
	// host; 0 where there is none.
	Group int
}

// Link joins two nodes.
type Link struct {
	Name  string
	Class string // one of Spec.Classes
	A, B  End
	Rate  sim.Rate     // bits per second; 0: the graph does not say
	Delay sim.Duration // one way; Known tells whether the graph says
	Known bool
}

// End is one end of a link.
type End struct {
	Node  int    // in Graph.Nodes
	Iface string // unique within the node
	// Addr is the address of the interface; invalid for routers that need none.
	Addr netip.Prefix
}

// Hosts returns the numbers of the hosts, in order.
func (g *Graph) Hosts() []int {
	var out []int
	for i := range g.Nodes {
		if !g.Nodes[i].Router {
			out = append(out, i)
		}
	}
	return out
}

// router and host add a node and return its number.
func (g *Graph) router(format string, args ...any) int {
	g.Nodes = append(g.Nodes, Node{Name: fmt.Sprintf(format, args...), Router: true})
	return len(g.Nodes) - 1
}

func (g *Graph) host(group int, format string, args ...any) int {
	g.Nodes = append(g.Nodes, Node{Name: fmt.Sprintf(format, args...), Group: group})
	return len(g.Nodes) - 1
}

// join links two nodes by interfaces named after the other end, and returns the
// link. Several links between two nodes are numbered from 1 on.
func (g *Graph) join(class string, a, b int) *Link {
	x, y := g.Nodes[a].Name, g.Nodes[b].Name
	l := Link{Name: x + "-" + y, Class: class, A: End{Node: a, Iface: y}, B: End{Node: b, Iface: x}}
	if g.pairs == nil {
		g.pairs = make(map[[2]int]int)
	}
	pair := [2]int{min(a, b), max(a, b)}
	if k := g.pairs[pair]; k > 0 {
		l.Name = fmt.Sprintf("%s-%d", l.Name, k)
		l.A.Iface, l.B.Iface = fmt.Sprintf("%s-%d", y, k), fmt.Sprintf("%s-%d", x, k)
	}
	g.pairs[pair]++
	g.Links = append(g.Links, l)
	return &g.Links[len(g.Links)-1]
}

// attach links a host by an interface of the given name and address to a router.
func (g *Graph) attach(class string, host int, iface string, a netip.Addr, router int) *Link {
	l := g.join(class, host, router)
	l.A.Iface, l.A.Addr = iface, netip.PrefixFrom(a, a.BitLen())
	return l
}

// hostAddr is the address of interface number n of host number h: 10.(64+n).x.y.
func hostAddr(h, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(64 + n), byte(h >> 8), byte(h)})
}

// Limits of generated graphs.
const (
	maxHosts = 1 << 16
	maxLinks = 1 << 18
)

// Check reports what is wrong with a graph: too large, names that are not unique,
// ends that do not exist.
func (g *Graph) Check() error {
	if h := len(g.Hosts()); h > maxHosts {
		return fmt.Errorf("the topology has %d hosts; at most %d are possible", h, maxHosts)
	}
	if len(g.Links) > maxLinks {
		return fmt.Errorf("the topology has %d links; at most %d are possible", len(g.Links), maxLinks)
	}
	seen := make(map[string]bool)
	for i := range g.Nodes {
		if seen[g.Nodes[i].Name] {
			return fmt.Errorf("two nodes are named %s", g.Nodes[i].Name)
		}
		seen[g.Nodes[i].Name] = true
	}
	links, ends := make(map[string]bool), make(map[string]bool)
	for i := range g.Links {
		l := &g.Links[i]
		if links[l.Name] {
			return fmt.Errorf("two links are named %s", l.Name)
		}
		links[l.Name] = true
		for _, e := range []End{l.A, l.B} {
			if e.Node < 0 || e.Node >= len(g.Nodes) {
				return fmt.Errorf("link %s ends at node %d of %d", l.Name, e.Node, len(g.Nodes))
			}
			name := g.Nodes[e.Node].Name + "." + e.Iface
			if ends[name] {
				return fmt.Errorf("two links end at %s", name)
			}
			ends[name] = true
		}
	}
	return nil
}
