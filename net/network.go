package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Network is the simulated network of one run: its packets, routes, nodes and
// links. Everything that a packet touches on its way lies in slices indexed by
// 32-bit numbers.
type Network struct {
	pool
	sim     *sim.Sim
	trace   *trace.Run
	handler sim.HandlerID

	links     []hotLink     // by link number
	traces    []*trace.Node // by origin; nil where an origin is no node
	hists     []histogram   // by link number, as far as links have one
	receivers []Receiver    // by origin; nil: none
	routes    []route       // by RouteID
	gen       uint32        // routing generation: cached paths of another one are void

	nodes []*Node      // by origin; nil where an origin is no node
	cold  []*Link      // by link number
	ports []*Port      // by link number, as far as links have one; nil: no discipline
	ifcs  []*Interface // by Interface.index

	tuples []wire.Tuple // by RouteID
	bare   []uint8      // by RouteID, see bareLen
	intern map[wire.Tuple]RouteID
	more   [][]uint32 // hops that do not fit into route.path

	ways    *ways    // nil: nodes go by their rules and tables only
	spreads []spread // see isSpread

	pipeline pipeline
	cuts     *cuts // nil: the network is the whole one
	boxes    boxTable
	partial  partialTable
	verify   verifier
	scratch  []byte // for rendering
	watch    Watcher
}

// New returns an empty network whose events go through s and whose records go
// to r.
func New(s *sim.Sim, r *trace.Run) *Network {
	n := &Network{
		sim:    s,
		trace:  r,
		intern: make(map[wire.Tuple]RouteID),
		routes: make([]route, 1),
		tuples: make([]wire.Tuple, 1),
		bare:   make([]uint8, 1),
		more:   make([][]uint32, 1),
		gen:    1,
	}
	n.pool.init()
	n.handler = s.Register(n)
	n.boxes.init(n)
	n.partial.init(n)
	return n
}

// Sim returns the simulation that the network belongs to.
func (n *Network) Sim() *sim.Sim { return n.sim }

// Nodes returns the nodes in the order of their declaration.
func (n *Network) Nodes() []*Node {
	var out []*Node
	for _, nd := range n.nodes {
		if nd != nil {
			out = append(out, nd)
		}
	}
	return out
}

// Links returns the links in the order of their declaration.
func (n *Network) Links() []*Link { return n.cold }

// PacketHops returns how many packets were accepted by a link or dropped by its
// queue.
func (n *Network) PacketHops() uint64 {
	var sum uint64
	for _, lk := range n.cold {
		sum += lk.packetHops()
	}
	return sum
}

// RoutingGeneration returns a number that grows whenever a routing decision may have
// changed: what was derived from one is void then.
func (n *Network) RoutingGeneration() uint32 { return n.gen }

// topologyChanged voids every cached path.
func (n *Network) topologyChanged() {
	n.gen++
	if n.gen == 0 {
		sim.Bugf("more than 2^32 routing changes")
	}
	n.spreads = n.spreads[:0]
	if n.ways != nil {
		n.ways.owners = nil
	}
}
