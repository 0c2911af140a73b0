package simnet

import (
	"slices"

	"mpsim/net/wire"
	"mpsim/sim"
)

// spread is a group of next hops among which a node chooses for each packet. In
// the path of a route it is named by a mark beside localHop, which no link and no
// delivery has, so that a packet on a cached link does not pay for it.
type spread struct {
	at      *Node
	members []*Interface
	turn    uint32 // of round robin
}

const spreadMark = 1 << 30

// isSpread reports whether a cached hop names a group.
func isSpread(hop uint32) bool {
	return hop != noHop && hop&(localHop|spreadMark) == localHop|spreadMark
}

// perPacket reports whether the choice is not a function of the flow.
func (m ECMPMode) perPacket() bool { return m >= ECMPRandom }

// spreadOver returns the mark of the group of a node that has the given members.
func (n *Network) spreadOver(nd *Node, members []*Interface) uint32 {
	if nd.groupsGen != n.gen {
		nd.groups, nd.groupsGen = nd.groups[:0], n.gen
	}
	for _, i := range nd.groups {
		if slices.Equal(n.spreads[i].members, members) {
			return localHop | spreadMark | i
		}
	}
	i := uint32(len(n.spreads))
	n.spreads = append(n.spreads, spread{at: nd, members: members})
	nd.groups = append(nd.groups, i)
	return localHop | spreadMark | i
}

// choose returns the link on which a packet of a group leaves, or noHop if the
// group is not one of this node.
func (n *Network) choose(now sim.Time, at sim.NodeID, hop uint32, t *wire.Tuple) uint32 {
	g := &n.spreads[hop&^(localHop|spreadMark)]
	if g.at.origin != at {
		return noHop
	}
	e := g.at.ecmpOf()
	if e.rand == nil {
		e.rand = n.sim.Stream("node/" + g.at.name + "/ecmp")
	}
	switch e.cfg.Mode {
	case ECMPRoundRobin:
		i := g.turn
		if g.turn++; g.turn == uint32(len(g.members)) {
			g.turn = 0
		}
		return g.members[i].out.index
	case ECMPFlowlet:
		return e.flowletHop(now, g, t)
	}
	return g.members[e.rand.IntN(uint64(len(g.members)))].out.index
}

// Where packets of one route come along several ways, the path of the route holds
// the decision of one node for each hop count; the others keep theirs.

// keptHop is a decision that a node keeps itself.
type keptHop struct {
	route RouteID
	gen   uint32
	hop   uint32
}

// keptHops is how many decisions a node keeps at most; a later one of the same
// place replaces an earlier one.
const keptHops = 1 << 12

// recall returns what the node keeps for a route, or noHop.
func (nd *Node) recall(r RouteID) uint32 {
	if nd.kept != nil {
		if k := &nd.kept[r%keptHops]; k.route == r && k.gen == nd.net.gen {
			return k.hop
		}
	}
	return noHop
}

func (nd *Node) keep(r RouteID, hop uint32) {
	if nd.kept == nil {
		nd.kept = make([]keptHop, keptHops)
	}
	nd.kept[r%keptHops] = keptHop{r, nd.net.gen, hop}
}

// flowlet is an entry of a node's table of flowlets.
type flowlet struct {
	last sim.Time
	hop  uint32 // link number and 1; 0: empty
}

// flowletHop returns the link of a packet's flowlet.
func (e *ecmpState) flowletHop(now sim.Time, g *spread, t *wire.Tuple) uint32 {
	if e.flowlets == nil {
		size := e.cfg.Flowlets
		if size == 0 {
			size = 1024
		}
		e.flowlets = make([]flowlet, size)
	}
	f := &e.flowlets[e.flowHash(t)%uint64(len(e.flowlets))]
	if f.hop == 0 || now.Sub(f.last) > e.cfg.Gap || !g.has(f.hop-1) {
		f.hop = e.newFlowlet(now, g) + 1
	}
	f.last = now
	return f.hop - 1
}

// has reports whether a link is one of the group.
func (g *spread) has(link uint32) bool {
	for _, m := range g.members {
		if m.out.index == link {
			return true
		}
	}
	return false
}

// newFlowlet chooses the link of a new flowlet.
func (e *ecmpState) newFlowlet(now sim.Time, g *spread) uint32 {
	if !e.cfg.LeastLoaded {
		return g.members[e.rand.IntN(uint64(len(g.members)))].out.index
	}
	best, least := g.members[0], int64(-1)
	for _, m := range g.members {
		if q := m.out.QueueBytes(); least < 0 || q < least {
			best, least = m, q
		}
	}
	return best.out.index
}
