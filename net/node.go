package simnet

import (
	"net/netip"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// Receiver takes the packets that are addressed to a node. It owns them from
// then on: it frees each or sends it on.
type Receiver interface {
	Receive(now sim.Time, id PacketID)
}

// AddrWatcher is told of addresses that a node gains or loses while the run
// lasts: added, removed, or their interface going up or down.
type AddrWatcher interface {
	AddrChanged(now sim.Time, ifc *Interface, addr netip.Addr, up bool)
}

// Node is a host, router or box: an origin of events and an owner of one chain
// of the run hash.
type Node struct {
	net     *Network
	origin  sim.NodeID
	name    string
	trace   *trace.Node
	watcher AddrWatcher
	forward bool
	ifcs    []*Interface
	tables  []table // routing tables by TableID; 0 is the main one
	rules   []rule
	loop    *Link // from the node to itself, made when first needed
	drops   [dropClasses]uint64
	icmp    *icmpErrors // nil: none
	partial *reassembly // what has come of packets in fragments; nil: nothing yet

	ecmp      *ecmpState // nil: as the network's
	groups    []uint32   // its groups in Network.spreads, of generation groupsGen
	groupsGen uint32
	kept      []keptHop // by route modulo the length; nil: none yet
}

// AddNode declares a node. Its name must be unique in the run.
func (n *Network) AddNode(name string) *Node {
	nd := &Node{
		net:     n,
		origin:  n.sim.AddOrigin(name),
		name:    name,
		trace:   n.trace.AddNode(name),
		forward: true,
		tables:  make([]table, 1),
	}
	for len(n.nodes) <= int(nd.origin) {
		n.nodes = append(n.nodes, nil)
		n.traces = append(n.traces, nil)
		n.receivers = append(n.receivers, nil)
	}
	n.nodes[nd.origin] = nd
	n.traces[nd.origin] = nd.trace
	return nd
}

// Name returns the node's name.
func (nd *Node) Name() string { return nd.name }

// Network returns the network that the node belongs to.
func (nd *Node) Network() *Network { return nd.net }

// Origin returns the node's number in the order of events.
func (nd *Node) Origin() sim.NodeID { return nd.origin }

// Trace returns the node's part of the trace.
func (nd *Node) Trace() *trace.Node { return nd.trace }

// Interfaces returns the node's interfaces in the order of their declaration.
func (nd *Node) Interfaces() []*Interface { return nd.ifcs }

// Interface returns the interface of the given name, or nil.
func (nd *Node) Interface(name string) *Interface {
	for _, ifc := range nd.ifcs {
		if ifc.name == name {
			return ifc
		}
	}
	return nil
}

// SetReceiver makes the node a host: packets to its addresses go to r, and
// packets to others are dropped unless SetForwarding says otherwise.
func (nd *Node) SetReceiver(r Receiver) {
	nd.net.receivers[nd.origin] = r
	nd.forward = false
	nd.net.structureChanged()
}

// SetForwarding says whether the node passes on packets that are not for it. A
// node without a receiver does by default, a host does not.
func (nd *Node) SetForwarding(on bool) {
	nd.forward = on
	nd.net.structureChanged()
}

// Forwards reports whether the node passes on packets that are not for it.
func (nd *Node) Forwards() bool { return nd.forward }

// Receiver returns the one that takes the packets addressed to the node, or nil.
func (nd *Node) Receiver() Receiver { return nd.net.receivers[nd.origin] }

// Drop ends a packet that the node's receiver owns and that no endpoint wants.
func (nd *Node) Drop(now sim.Time, id PacketID, why trace.Reason) { nd.net.dropAt(now, nd, id, why) }

// SetAddrWatcher names the one that is told of address changes.
func (nd *Node) SetAddrWatcher(w AddrWatcher) { nd.watcher = w }

// Send originates a packet: routes it by its tuple and gives it to the link of
// the interface that routing names. TTL is what the sender wrote; routers
// decrement it. The network owns the packet from now on.
func (nd *Node) Send(now sim.Time, id PacketID) {
	nd.net.Measure(id)
	nd.SendMeasured(now, id)
}

// SendMeasured is Send for a packet that has not changed since Network.Measure.
func (nd *Node) SendMeasured(now sim.Time, id PacketID) { nd.net.Originate(now, nd.origin, id) }

// Originate is Node.SendMeasured of the node of the given origin.
func (n *Network) Originate(now sim.Time, at sim.NodeID, id PacketID) {
	s := n.Segment(id)
	s.Hop = 0
	n.step(now, at, id, s)
}

// step is what a node does with a packet that it originates (Hop 0) or has
// received: deliver it, give it to the next link, or drop it.
func (n *Network) step(now sim.Time, at sim.NodeID, id PacketID, s *segment) {
	r := &n.routes[s.Route]
	hop := r.cached(n.gen, s.Hop)
	if hop&localHop != 0 {
		if hop != localHop|uint32(at) {
			if hop = n.lookup(now, at, id, s); hop == noHop {
				return
			}
		}
	} else if n.links[hop].from != at {
		if hop = n.lookup(now, at, id, s); hop == noHop {
			return
		}
	}
	if hop&localHop != 0 {
		n.deliver(now, at, id, s)
		return
	}
	if s.Hop > 0 {
		if s.TTL <= 1 {
			if n.nodes[at].icmp != nil {
				n.nodes[at].timeExceeded(now, id)
			}
			n.dropAt(now, n.nodes[at], id, trace.TTLExpired)
			return
		}
		s.TTL--
	}
	if n.links[hop].flags&flagEgress != 0 {
		n.egress(now, hop, id)
		return
	}
	n.offer(now, hop, id, s)
}

// deliver hands a packet to the receiver of a node.
func (n *Network) deliver(now sim.Time, at sim.NodeID, id PacketID, s *segment) {
	r := n.receivers[at]
	if r == nil {
		n.dropAt(now, n.nodes[at], id, trace.NoSocket)
		return
	}
	if s.Cold != 0 && n.record(s.Cold).IsFragment() {
		if id = n.nodes[at].reassemble(now, id); id == 0 {
			return
		}
	}
	r.Receive(now, id)
}

// local reports whether addr belongs to an interface of the node that is up.
func (nd *Node) local(addr netip.Addr) bool {
	for _, ifc := range nd.ifcs {
		if !ifc.Up() {
			continue
		}
		for _, p := range ifc.addrs {
			if p.Addr() == addr {
				return true
			}
		}
	}
	return false
}

// loopback returns the link from the node to itself: infinitely fast, without
// delay, so that what a node sends to itself arrives in an event of its own.
func (nd *Node) loopback() *Link {
	if nd.loop == nil {
		nd.loop = nd.net.addLink(nd.name+"/lo", nd, nd, LinkConfig{})
	}
	return nd.loop
}
