package simnet

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Watcher follows packets through nodes, boxes and links, which a Tap cannot: it sees both
// sides of a box, what a box makes, and what is dropped, so that it can tell at any place which
// packet it is. It must not change packets and has no influence on the run.
//
// Where a link cuts a packet into fragments, or a box puts it together again, the old packets are
// not heard of any more, and the new ones are seen when they arrive. What a node sends to itself
// is not seen.
type Watcher interface {
	// Left is called when a node gives a packet to an interface, before its boxes. Hop of
	// its segment is 0 if the node has made it.
	Left(now sim.Time, ifc *Interface, id PacketID)
	// Entered is called when a packet that came by an interface has passed its boxes.
	Entered(now sim.Time, ifc *Interface, id PacketID)
	// Taken is called when a box of an interface is given a packet that travels in
	// direction d, Given when one goes on from it, and Made when a packet number is taken
	// by a packet that a box has made, or a link by cutting one.
	Taken(now sim.Time, ifc *Interface, b Box, d Dir, id PacketID)
	Given(now sim.Time, ifc *Interface, b Box, d Dir, id PacketID)
	Made(id PacketID)
	// Dropped is called when a packet ends: at a link, else at a box, else at a node.
	Dropped(now sim.Time, nd *Node, lk *Link, b Box, id PacketID, why trace.Reason)
}

// SetWatcher lets w follow the packets of the network from now on. Packets stop at each
// interface then: the run is slower, and is the same.
func (n *Network) SetWatcher(w Watcher) {
	n.watch = w
	for _, ifc := range n.ifcs {
		ifc.retap()
	}
}
