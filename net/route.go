package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// RouteID names an interned tuple: the flow of a packet in one direction. It is
// the number in Segment.Route; 0 is no route.
type RouteID uint32

type segment = wire.Segment

const (
	inlineHops = 9

	// A cached hop is a link number, or localHop and the node that it means, or a
	// group of links (see spread).
	localHop = 1 << 31
	noHop    = ^uint32(0)
)

// route is one interned tuple: 64 bytes. The path holds what the nodes have
// decided, by the hop count of the packet, filled as packets go their way. An
// entry says itself at which node it was decided (a link starts at its node, a
// local mark names it), so a wrong one is noticed and replaced.
type route struct {
	gen     uint32 // the routing generation in which path was filled
	more    uint32 // index into Network.more for the hops after path; 0: none
	reverse RouteID
	// socket is the destination's own number for the flow, valid at socketAt.
	socket   uint32
	socketAt sim.NodeID
	path     [inlineHops]uint32
	salt     uint64 // hash of the tuple, for the run hash
}

// Intern returns the number of a tuple. It is a map lookup: endpoints ask once
// for a flow, not for each packet.
func (n *Network) Intern(t wire.Tuple) RouteID {
	if id, ok := n.intern[t]; ok {
		return id
	}
	id := RouteID(len(n.routes))
	n.routes = append(n.routes, route{salt: tupleSalt(&t)})
	n.tuples = append(n.tuples, t)
	n.bare = append(n.bare, bareLen(&t))
	n.intern[t] = id
	return id
}

// Known returns the number of a tuple that has been interned, else 0.
func (n *Network) Known(t *wire.Tuple) RouteID { return n.intern[*t] }

// bareLen returns the octets of the headers of a TCP packet that has no cold
// record, without options; 0 if the tuple is not of TCP.
func bareLen(t *wire.Tuple) uint8 {
	if t.Proto != wire.ProtoTCP {
		return 0
	}
	var s wire.Segment
	return uint8(wire.HeaderLen(t, &s, nil) - s.OptionsLen(nil))
}

// Tuple returns the tuple of a route. It must not be changed.
func (n *Network) Tuple(r RouteID) *wire.Tuple { return &n.tuples[r] }

// TupleHash returns a hash of a route's tuple that depends on nothing else: what
// folds packets into a chain takes it for the addresses and ports.
func (n *Network) TupleHash(r RouteID) uint64 { return n.routes[r].salt }

// FlowHash returns 64 even bits that depend on a route's tuple and a seed only: what
// balances flows over several ways takes it.
func (n *Network) FlowHash(r RouteID, seed uint64) uint64 { return finalise(n.routes[r].salt ^ seed) }

// Reverse returns the route of the opposite direction.
func (n *Network) Reverse(r RouteID) RouteID {
	if rev := n.routes[r].reverse; rev != 0 {
		return rev
	}
	rev := n.Intern(n.tuples[r].Reverse())
	n.routes[r].reverse = rev
	n.routes[rev].reverse = r
	return rev
}

// SetSocket lets the destination of a route, the node of the given origin, remember which
// of its sockets the packets are for; 0 forgets it.
func (n *Network) SetSocket(r RouteID, at sim.NodeID, socket uint32) {
	n.routes[r].socket, n.routes[r].socketAt = socket, at
	if socket != 0 {
		n.Reverse(r)
	}
}

// Socket returns what SetSocket has stored for this node, and the route of the opposite
// direction; both are 0 if there is nothing.
func (n *Network) Socket(r RouteID, at sim.NodeID) (socket uint32, back RouteID) {
	rt := &n.routes[r]
	if rt.socketAt != at || rt.socket == 0 {
		return 0, 0
	}
	return rt.socket, rt.reverse
}

// IsTCP reports whether a route is one of TCP.
func (n *Network) IsTCP(r RouteID) bool { return n.bare[r] != 0 }

// OutLink returns the link on which the node sends the packets that it
// originates on a route, or nil if it has no way. Its QueueBytes is what a
// packet scheduler sees of the local device. Where the choice is made for each
// packet it is the first link of the group.
func (nd *Node) OutLink(r RouteID) *Link {
	n := nd.net
	rt := &n.routes[r]
	if hop := rt.cached(n.gen, 0); hop&localHop == 0 && n.links[hop].from == nd.origin {
		return n.cold[hop]
	}
	hop, _ := nd.decide(r, true)
	if hop == noHop {
		return nil
	}
	n.remember(rt, 0, hop)
	if isSpread(hop) {
		return n.spreads[hop&^(localHop|spreadMark)].members[0].out
	}
	return n.cold[hop]
}

// cached returns the decision stored for the given hop count, or noHop.
func (r *route) cached(gen uint32, hop uint8) uint32 {
	if r.gen == gen && hop < inlineHops {
		return r.path[hop]
	}
	return noHop
}

// remember stores a decision.
func (n *Network) remember(r *route, hop uint8, decision uint32) {
	if r.gen != n.gen {
		r.gen = n.gen
		for i := range r.path {
			r.path[i] = noHop
		}
		if r.more != 0 {
			clearHops(n.more[r.more])
		}
	}
	if hop < inlineHops {
		r.path[hop] = decision
		return
	}
	if r.more == 0 {
		r.more = uint32(len(n.more))
		n.more = append(n.more, clearHops(make([]uint32, 256-inlineHops)))
	}
	n.more[r.more][hop-inlineHops] = decision
}

func clearHops(h []uint32) []uint32 {
	for i := range h {
		h[i] = noHop
	}
	return h
}

// lookup is the decision of a node for a packet whose cached path does not hold
// it. It drops the packet and returns noHop where there is none.
func (n *Network) lookup(now sim.Time, at sim.NodeID, id PacketID, s *segment) uint32 {
	r := &n.routes[s.Route]
	hop := r.cached(n.gen, s.Hop)
	if s.Hop >= inlineHops && r.gen == n.gen && r.more != 0 {
		hop = n.more[r.more][s.Hop-inlineHops]
		if !isSpread(hop) && n.decidedAt(hop, at) {
			return hop
		}
	}
	if isSpread(hop) {
		if link := n.choose(now, at, hop, &n.tuples[s.Route]); link != noHop {
			return link
		}
	}
	nd := n.nodes[at]
	elsewhere := hop != noHop // the packets of the route take several ways
	if elsewhere {
		hop = nd.recall(RouteID(s.Route))
	}
	if !elsewhere || hop == noHop {
		var why trace.Reason
		if hop, why = nd.decide(RouteID(s.Route), s.Hop == 0); hop == noHop {
			n.dropAt(now, nd, id, why)
			return noHop
		}
		if elsewhere {
			nd.keep(RouteID(s.Route), hop)
		} else {
			n.remember(r, s.Hop, hop)
		}
	}
	if isSpread(hop) {
		return n.choose(now, at, hop, &n.tuples[s.Route])
	}
	return hop
}

// decidedAt reports whether a cached hop was decided at the given node.
func (n *Network) decidedAt(hop uint32, at sim.NodeID) bool {
	if hop&localHop != 0 {
		return hop == localHop|uint32(at)
	}
	return n.links[hop].from == at
}

// decide is the forwarding decision itself: the node's own addresses first,
// then the rules and tables, then the shortest paths. The result is a link, a mark
// of delivery, or the mark of a group in which each packet has a choice.
func (nd *Node) decide(r RouteID, origin bool) (hop uint32, why trace.Reason) {
	t := &nd.net.tuples[r]
	if nd.local(t.Dst.Addr()) {
		if origin {
			return nd.loopback().index, trace.NoReason
		}
		return localHop | uint32(nd.origin), trace.NoReason
	}
	if !origin && !nd.forward {
		return noHop, trace.NotForwarding
	}
	c := nd.candidates(t.Src, t.Dst)
	if len(c) == 0 {
		return noHop, trace.NoRoute
	}
	e := nd.ecmpOf()
	switch {
	case e == nil || len(c) == 1:
		return c[0].out.index, trace.NoReason
	case e.cfg.Mode.perPacket():
		return nd.net.spreadOver(nd, c), trace.NoReason
	}
	return e.pickByHash(t, c).out.index, trace.NoReason
}
