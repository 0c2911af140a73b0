package simnet

import "mpsim/sim"

// Dir is a direction at an interface.
type Dir uint8

// The directions: Out is from the node to the wire, In from the wire to the
// node.
const (
	Out Dir = iota
	In
)

// String returns "out" or "in".
func (d Dir) String() string {
	if d == Out {
		return "out"
	}
	return "in"
}

// Tap sees the packets of an interface: outgoing ones when they are given to
// the link, whether or not its queue takes them (as a capture on a host does
// when the bottleneck is elsewhere), incoming ones when they arrive. It sees
// what is on the wire: boxes of the interface stand between it and the node. A
// tap must not change packets and has no influence on the run.
type Tap interface {
	Packet(now sim.Time, ifc *Interface, dir Dir, id PacketID)
}

// AddTap lets t see the packets of the interface from now on.
func (ifc *Interface) AddTap(t Tap) {
	ifc.taps = append(ifc.taps, t)
	ifc.retap()
}

// retap tells the interface's links whether packets must stop here.
func (ifc *Interface) retap() {
	n := ifc.node.net
	stop := len(ifc.taps) > 0 || len(ifc.chain) > 0 || n.verify.on || n.watch != nil
	for _, e := range []struct {
		lk   *Link
		flag linkFlags
	}{{ifc.out, flagEgress}, {ifc.in, flagIngress}} {
		if e.lk == nil {
			continue
		}
		for lk := e.lk; lk != nil; lk = lk.acks {
			l := lk.hot()
			l.flags &^= e.flag
			if stop {
				l.flags |= e.flag
			}
		}
	}
}

// egress passes a packet from the node through the boxes and taps of the
// interface to its link.
func (n *Network) egress(now sim.Time, li uint32, id PacketID) {
	ifc := n.cold[li].from
	if n.watch != nil {
		n.watch.Left(now, ifc, id)
	}
	if len(ifc.chain) > 0 {
		n.boxes.run(now, ifc.chain[0], id, Out)
		return
	}
	n.transmit(now, ifc, id)
}

// transmit is the last step of egress.
func (n *Network) transmit(now sim.Time, ifc *Interface, id PacketID) {
	if n.meta[id].size <= ifc.out.hot().mtu || !n.mayFragment(id) {
		n.look(now, ifc, id) // at the fragments of others, when they are made
	}
	n.offer(now, ifc.out.index, id, n.Segment(id))
}

// look shows a packet that leaves to the taps of the interface and the verifier.
func (n *Network) look(now sim.Time, ifc *Interface, id PacketID) {
	if n.verify.on {
		n.verify.check(n, id)
	}
	for _, t := range ifc.taps {
		t.Packet(now, ifc, Out, id)
	}
}

// ingress passes a packet from a link through the taps and boxes of the
// interface to the node.
func (n *Network) ingress(now sim.Time, li uint32, id PacketID) {
	ifc := n.cold[li].to
	for _, t := range ifc.taps {
		t.Packet(now, ifc, In, id)
	}
	if k := len(ifc.chain); k > 0 {
		n.boxes.run(now, ifc.chain[k-1], id, In)
		return
	}
	if n.watch != nil {
		n.watch.Entered(now, ifc, id)
	}
	n.step(now, ifc.node.origin, id, n.Segment(id))
}
