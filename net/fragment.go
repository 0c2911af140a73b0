package simnet

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Fragments of IPv4 packets (RFC 791 section 3.2). The node that transmits on a link cuts
// a packet that is longer than the MTU if its flag DF is clear, be it a router or the
// source itself. To the link and its taps the fragments are packets like others, with
// draws, places in the queue and numbers of their own; the packet that was cut never came
// there. Boxes at the sending interface stand before the cut; what a box does with
// fragments that come to it is its rule. Routers forward fragments as what they are:
// without ports, but for the first, so that a choice among several ways by the 5-tuple
// may send them apart, as it does in networks.

// FragmentRule is what happens to fragments that come to a box.
type FragmentRule uint8

// The rules.
const (
	// ReassembleFragments: the box sees whole packets, as those behind Linux's
	// nf_defrag_ipv4 do; they are cut again where the next link needs it.
	ReassembleFragments FragmentRule = iota
	// PassFragments: they go by the box, unless it is a FragmentBox.
	PassFragments
	// DropFragments: none passes.
	DropFragments
)

// FragmentBox is a box that treats fragments itself where its rule is PassFragments.
type FragmentBox interface {
	Box
	// ProcessFragment is Process for a fragment.
	ProcessFragment(now sim.Time, p *Packet, d Dir, out Emitter)
}

// mayFragment reports whether a packet may be cut.
func (n *Network) mayFragment(id PacketID) bool {
	s := n.Segment(id)
	return s.Cold != 0 && wire.MayFragment(n.Tuple(RouteID(s.Route)), n.record(s.Cold))
}

// fragments cuts a packet that is longer than the MTU of the link and offers the parts;
// false: it must not be cut.
func (n *Network) fragments(now sim.Time, lk *Link, id PacketID) bool {
	if !n.mayFragment(id) || lk.from == nil {
		return false
	}
	t := *n.Tuple(RouteID(n.Segment(id).Route))
	whole := wire.PayloadLen(&t, n.Segment(id), n.Options(id))
	room := wire.FragmentRoom(&t, n.Options(id), int(lk.hot().mtu))
	if room <= 0 {
		return false
	}
	lk.hot().offered-- // the parts count
	var tuple wire.Tuple
	for from := 0; from < whole; from += room {
		part := n.boxes.made(n.Alloc())
		o := n.AddOptions(part)
		s := n.Segment(part)
		wire.Fragment(&t, n.Segment(id), n.Options(id), from, min(from+room, whole), &tuple, s, o)
		s.Route = uint32(n.Intern(tuple))
		n.Measure(part)
		if lk.hot().flags&flagEgress != 0 {
			n.look(now, lk.from, part)
		}
		n.offer(now, lk.index, part, n.Segment(part))
	}
	n.Free(id)
	return true
}

// fragment does what the rule of a box says, and returns the packet that the box is to
// see, or 0.
func (t *boxTable) fragment(now sim.Time, s *boxSlot, id PacketID, d Dir) PacketID {
	switch s.rule {
	case DropFragments:
		t.net.dropAt(now, s.ifc.node, id, trace.FragmentRefused)
		return 0
	case PassFragments:
		t.taken(now, s, d, id)
		b, own := s.box.(FragmentBox)
		if !own {
			t.goOn(now, s, emission{id, d})
			return 0
		}
		base := len(t.queue)
		t.running = s
		t.current = Packet{t.net, id}
		b.ProcessFragment(now, &t.current, d, t)
		t.finish(now, s, base)
		return 0
	}
	if s.partial == nil {
		s.partial = t.net.partial.add(s.ifc.node, false)
	}
	if id = s.partial.take(now, id); id != 0 {
		t.made(id)
	}
	return id
}
