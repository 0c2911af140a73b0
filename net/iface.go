package simnet

import (
	"net/netip"
	"slices"
)

// Interface is a node's end of a point-to-point connection: one link out, one
// link in, addresses, and optional boxes and taps.
type Interface struct {
	node    *Node
	name    string
	index   uint32
	addrs   []netip.Prefix
	down    bool   // switched off by the node's owner
	carrier bool   // whether the outgoing link has not said that it is dead
	share   uint32 // weight among next hops; 0: from the rate of the link
	out, in *Link
	chain   []*boxSlot // from the node towards the wire
	taps    []Tap
}

// AddInterface declares an interface, up and without addresses. Names are
// unique within a node.
func (nd *Node) AddInterface(name string) *Interface {
	ifc := &Interface{node: nd, name: name, index: uint32(len(nd.net.ifcs)), carrier: true}
	nd.ifcs = append(nd.ifcs, ifc)
	nd.net.ifcs = append(nd.net.ifcs, ifc)
	return ifc
}

// Name returns the interface's name, unique within its node.
func (ifc *Interface) Name() string { return ifc.name }

// Node returns the node that the interface belongs to.
func (ifc *Interface) Node() *Node { return ifc.node }

// Out returns the link on which the interface transmits, or nil.
func (ifc *Interface) Out() *Link { return ifc.out }

// In returns the link from which the interface receives, or nil.
func (ifc *Interface) In() *Link { return ifc.in }

// OuterBox returns the box that stands next to the wire, or nil.
func (ifc *Interface) OuterBox() Box {
	if k := len(ifc.chain); k > 0 {
		return ifc.chain[k-1].box
	}
	return nil
}

// Addrs returns the interface's addresses with their prefixes, in the order of
// their addition; the first one is the preferred source.
func (ifc *Interface) Addrs() []netip.Prefix { return ifc.addrs }

// Up reports whether the interface is switched on and has a carrier. A silent
// failure of its link leaves it up.
func (ifc *Interface) Up() bool { return !ifc.down && ifc.carrier }

// AddAddr adds an address and, in the main table, the route to its prefix.
func (ifc *Interface) AddAddr(p netip.Prefix) {
	if slices.Contains(ifc.addrs, p) {
		return
	}
	ifc.addrs = append(ifc.addrs, p)
	ifc.node.AddRoute(MainTable, p.Masked(), ifc, 0)
	ifc.changed(p, true)
}

// RemoveAddr removes an address and the route to its prefix, unless another
// address of the interface shares it.
func (ifc *Interface) RemoveAddr(p netip.Prefix) {
	i := slices.Index(ifc.addrs, p)
	if i < 0 {
		return
	}
	ifc.addrs = slices.Delete(ifc.addrs, i, i+1)
	shared := slices.ContainsFunc(ifc.addrs, func(q netip.Prefix) bool { return q.Masked() == p.Masked() })
	if !shared {
		ifc.node.RemoveRoute(MainTable, p.Masked(), ifc)
	}
	ifc.changed(p, false)
}

// SetUp switches the interface on or off. An interface that is off is not used
// by routes, and its addresses are not local; what its link has accepted still
// arrives.
func (ifc *Interface) SetUp(up bool) {
	ifc.setState(!up, ifc.carrier)
}

func (ifc *Interface) setCarrier(carrier bool) {
	ifc.setState(ifc.down, carrier)
}

func (ifc *Interface) setState(down, carrier bool) {
	was := ifc.Up()
	ifc.down, ifc.carrier = down, carrier
	if ifc.Up() == was {
		return
	}
	ifc.node.net.topologyChanged()
	w := ifc.node.watcher
	if w == nil {
		return
	}
	for _, p := range slices.Clone(ifc.addrs) {
		w.AddrChanged(ifc.node.net.sim.Now(), ifc, p.Addr(), !was)
	}
}

// changed voids cached paths and tells the watcher of one address.
func (ifc *Interface) changed(p netip.Prefix, up bool) {
	ifc.node.net.topologyChanged()
	if w := ifc.node.watcher; w != nil && ifc.Up() {
		w.AddrChanged(ifc.node.net.sim.Now(), ifc, p.Addr(), up)
	}
}
