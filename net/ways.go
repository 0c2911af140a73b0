package simnet

import (
	"net/netip"

	"mpsim/sim"
)

// A network may find its ways by itself: SetRouting. Then a node that has no rule
// and no route for a packet sends it along a shortest path to the interface that
// owns the destination address, and where there are several, chooses among them as
// its ECMP configuration says (see ecmp.go).
//
// What is modelled is the result of a link-state protocol, not its messages. Every
// node knows, for each destination, how far it is away over the links that the
// network as a whole believes to be alive. A node notices at once that an interface
// of its own has lost its carrier and leaves it out; that the others know it too,
// and distances change, takes until Converge is called. Until then packets go
// where they went, and a node without a member that is left drops them. As every
// hop brings a packet nearer by one and the same set of distances, there are no
// loops.
//
// Distances are computed for one destination at a time, when it is first asked
// for: one number for each node and each router that a destination hangs on. So a
// fat-tree of 8192 hosts and 1280 switches needs 512 such sets, not a table of
// every host in every switch.

// Metric says what a shortest path is.
type Metric uint8

// The metrics.
const (
	HopMetric   Metric = iota // the fewest links
	DelayMetric               // the least propagation delay as links are configured when distances are computed
)

// RoutingConfig says how a network finds its ways.
type RoutingConfig struct {
	Metric Metric
	ECMP   ECMP // of every node that has no configuration of its own
}

// unreachable is the distance of a node without a way.
const unreachable = ^uint32(0)

// ways are the distances of a network that routes by itself.
type ways struct {
	net    *Network
	cfg    RoutingConfig
	owners map[netip.Addr]*Interface // nil: to be found anew
	dead   []bool                    // by Interface.index: links that the network holds for dead
	costs  []uint32                  // of links by number, as of the distances; nil: to be computed
	// towards are the distances to a node, by its origin; nil: not computed.
	towards [][]uint32
}

// SetRouting makes the nodes of the network find ways beyond their rules and
// tables.
func (n *Network) SetRouting(cfg RoutingConfig) {
	if err := cfg.ECMP.Validate(); err != nil {
		sim.Bugf("routing: %v", err)
	}
	n.ways = &ways{net: n, cfg: cfg}
	n.topologyChanged()
}

// Converge lets every node know which links are alive now: it ends the time of a
// failure in which only the node at a link knows of it. Without SetRouting it does
// nothing.
func (n *Network) Converge() {
	w := n.ways
	if w == nil {
		return
	}
	w.dead = make([]bool, len(n.ifcs))
	for i, ifc := range n.ifcs {
		w.dead[i] = !ifc.Up()
	}
	n.structureChanged()
}

// structureChanged voids what is stored about the graph: nodes that forward, and
// links.
func (n *Network) structureChanged() {
	n.topologyChanged()
	if n.ways != nil {
		n.ways.towards, n.ways.costs = nil, nil
	}
}

// owner returns the interface that has an address, or nil.
func (w *ways) owner(a netip.Addr) *Interface {
	if w.owners == nil {
		w.owners = make(map[netip.Addr]*Interface)
		for _, ifc := range w.net.ifcs {
			for _, p := range ifc.addrs {
				w.owners[p.Addr()] = ifc
			}
		}
	}
	return w.owners[a]
}

// members returns the interfaces of a node that lie on shortest paths to an
// address and are up.
func (w *ways) members(nd *Node, dst netip.Addr) (out []*Interface) {
	d := w.owner(dst)
	if d == nil {
		return nil
	}
	target := d.node
	if d.in != nil && d.node.Receiver() != nil {
		// The addresses of a host are reached over their own links.
		target = d.in.node
		if last := d.in.from; target == nd {
			if last.Up() {
				return []*Interface{last}
			}
			return nil
		}
	}
	dist := w.distances(target)
	mine := dist[nd.origin]
	if mine == unreachable {
		return nil
	}
	for _, ifc := range nd.ifcs {
		if ifc.out == nil || !ifc.Up() {
			continue
		}
		next := ifc.out.to.node
		if next != target && !next.forward {
			continue
		}
		if far := dist[next.origin]; far != unreachable && far+w.costs[ifc.out.index] == mine {
			out = append(out, ifc)
		}
	}
	return out
}

// cost is the length of a link.
func (w *ways) cost(lk *Link) uint32 {
	if w.cfg.Metric == HopMetric {
		return 1
	}
	return uint32(min(max(lk.cfg.Delay, 1), sim.Second))
}

// distances returns how far every node is from a target, by origin.
func (w *ways) distances(target *Node) []uint32 {
	for i := len(w.costs); i < len(w.net.cold); i++ {
		w.costs = append(w.costs, w.cost(w.net.cold[i]))
	}
	for len(w.towards) < len(w.net.nodes) {
		w.towards = append(w.towards, nil)
	}
	if w.towards[target.origin] == nil {
		w.towards[target.origin] = w.spreadFrom(target)
	}
	return w.towards[target.origin]
}

// spreadFrom computes distances by Dijkstra's algorithm, over links against their
// direction. With the hop metric the queue is in order by itself.
func (w *ways) spreadFrom(target *Node) []uint32 {
	dist := make([]uint32, len(w.net.nodes))
	for i := range dist {
		dist[i] = unreachable
	}
	dist[target.origin] = 0
	queue := distanceQueue{{0, target.origin}}
	for len(queue) > 0 {
		var at nodeDistance
		if w.cfg.Metric == HopMetric {
			at, queue = queue[0], queue[1:]
		} else {
			at = queue.pop()
		}
		nd := w.net.nodes[at.node]
		if at.far != dist[at.node] || nd != target && !nd.forward {
			continue
		}
		for _, ifc := range nd.ifcs {
			if ifc.in == nil || w.holdsDead(ifc.in.from) {
				continue
			}
			far := at.far + w.costs[ifc.in.index]
			if from := ifc.in.node; far >= at.far && far < dist[from.origin] {
				dist[from.origin] = far
				if w.cfg.Metric == HopMetric {
					queue = append(queue, nodeDistance{far, from.origin})
				} else {
					queue.push(nodeDistance{far, from.origin})
				}
			}
		}
	}
	return dist
}

// holdsDead reports whether the network believes that an interface is down.
func (w *ways) holdsDead(ifc *Interface) bool {
	return int(ifc.index) < len(w.dead) && w.dead[ifc.index]
}

// nodeDistance is a node at a distance.
type nodeDistance struct {
	far  uint32
	node sim.NodeID
}

// distanceQueue is a binary heap by distance.
type distanceQueue []nodeDistance

func (q *distanceQueue) push(x nodeDistance) {
	*q = append(*q, x)
	h := *q
	for i := len(h) - 1; i > 0 && h[i].far < h[(i-1)/2].far; i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (q *distanceQueue) pop() nodeDistance {
	h := *q
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && h[c+1].far < h[c].far {
			c++
		}
		if h[i].far <= h[c].far {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	*q = h
	return top
}

// NextHops returns the interfaces among which the node chooses for packets from
// src to dst, in the order of their declaration: those of the rule, route or
// shortest paths that apply. It is what diagnosis and tests look at.
func (nd *Node) NextHops(src, dst netip.AddrPort) []*Interface {
	return nd.candidates(src, dst)
}
