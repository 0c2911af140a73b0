package scenarios

import (
	"fmt"
	simnet "mpsim/net"
	"net/netip"
	"slices"
)

// plan is the network of a scenario with all addresses and automatic routes,
// before it is built: checks, preamble and builder share it.
type plan struct {
	nodes  []*planNode
	byName map[string]*planNode
	ifaces map[string]*planIface // by "node.iface"
	owner  map[netip.Addr]*planIface
	taken  []netip.Prefix // prefixes that automatic addresses keep clear of
	next   int            // number of the next automatic subnet
	ways   map[*planNode][]*planIface
	nats   map[netip.Addr]*Box // by outside address
}

type planNode struct {
	plan     *plan
	number   int // in the plan
	decl     *Node
	ifaces   []*planIface
	explicit []planRoute
	source   bool // routes by source address
}

type planIface struct {
	node   *planNode
	name   string
	decl   *Interface // nil if only a link names it
	link   *Link
	isA    bool
	peer   *planIface
	addrs  []netip.Prefix
	future []netip.Prefix // added by the timeline
	pool   []netip.Prefix // outside addresses of a NAT here that the interface itself has not
}

// planRoute is an explicit route.
type planRoute struct {
	from, to       netip.Prefix
	via            *planIface
	sports, dports simnet.PortRange
}

func (i *planIface) fullName() string { return i.node.decl.Name + "." + i.name }

// planNetwork lays out a scenario whose nodes and links are sound so far; what
// it finds wrong with addresses it notes.
func planNetwork(c *checker) *plan {
	p := &plan{byName: make(map[string]*planNode), ifaces: make(map[string]*planIface), owner: make(map[netip.Addr]*planIface), nats: make(map[netip.Addr]*Box), next: 1, ways: make(map[*planNode][]*planIface)}
	for _, n := range c.sc.Nodes {
		if c.nodes[n.Name] != n {
			continue
		}
		pn := &planNode{plan: p, number: len(p.nodes), decl: n}
		p.nodes = append(p.nodes, pn)
		p.byName[n.Name] = pn
		for _, i := range n.Interfaces {
			p.iface(pn, i.Name).decl = i
		}
	}
	for _, l := range c.sc.Links {
		an, ai, aok := c.endpoint(l.A, l.valuePos("a"), "a")
		bn, bi, bok := c.endpoint(l.B, l.valuePos("b"), "b")
		if !aok || !bok || c.links[l.Name] != l {
			continue
		}
		a, b := p.iface(p.byName[an], ai), p.iface(p.byName[bn], bi)
		if a.link != nil || b.link != nil || a == b {
			continue // noted by checkLinks
		}
		a.link, a.peer, a.isA = l, b, true
		b.link, b.peer = l, a
	}
	p.explicitAddresses(c)
	p.outsideAddresses(c)
	p.automaticAddresses(c)
	p.finishNATs(c)
	p.sourceRouting(c)
	return p
}

func (p *plan) iface(n *planNode, name string) *planIface {
	full := n.decl.Name + "." + name
	if i := p.ifaces[full]; i != nil {
		return i
	}
	i := &planIface{node: n, name: name}
	n.ifaces = append(n.ifaces, i)
	p.ifaces[full] = i
	return i
}

// explicitAddresses takes the addresses that the file gives, now or later.
func (p *plan) explicitAddresses(c *checker) {
	for _, n := range p.nodes {
		for _, i := range n.ifaces {
			if i.decl == nil {
				continue
			}
			for k, text := range i.decl.Addresses {
				at := elementPos(i.decl.table, "addresses", k)
				if a, ok := p.address(c, i, text, at); ok {
					i.addrs = append(i.addrs, a)
					p.taken = append(p.taken, a.Masked())
				}
			}
			if i.link == nil && !i.loopback() && len(c.problems.all) == 0 {
				c.add(i.decl.valuePos("name"), "interface %s is at the end of no link; only one with addresses of full length (/32) may be", i.fullName())
			}
		}
	}
	for _, a := range c.sc.Actions {
		i := p.ifaces[a.Interface]
		if a.Action != "addr.add" || i == nil || a.Address == "" {
			continue
		}
		prefix, err := parseAddress(a.Address)
		if err != nil || slices.Contains(i.addrs, prefix) || slices.Contains(i.future, prefix) {
			continue
		}
		if prefix, ok := p.address(c, i, a.Address, a.valuePos("address")); ok {
			i.future = append(i.future, prefix)
		}
	}
}

// loopback reports whether an interface needs no link: it has addresses, all of
// full length, which the node owns as long as it lives.
func (i *planIface) loopback() bool {
	return len(i.addrs) > 0 && !slices.ContainsFunc(i.addrs, func(p netip.Prefix) bool { return !p.IsSingleIP() })
}

// elementPos returns where element k of an array stands.
func elementPos(t *table, key string, k int) Pos {
	if t != nil && t.get(key) != nil {
		if list, ok := t.get(key).value.data.([]*value); ok && k < len(list) {
			return list[k].pos
		}
		return t.valuePos(key)
	}
	return Pos{}
}

// parseAddress reads "10.0.1.2/24"; without a length it is a host prefix.
func parseAddress(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("%q is not an address with prefix length, such as \"10.0.1.2/24\"", text)
	}
	return prefix, nil
}

// address parses one address and claims it for an interface.
func (p *plan) address(c *checker, i *planIface, text string, at Pos) (netip.Prefix, bool) {
	prefix, err := parseAddress(text)
	if err != nil {
		c.add(at, "%v", err)
		return prefix, false
	}
	a := prefix.Addr()
	if a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Zone() != "" {
		c.add(at, "%v cannot be the address of an interface", a)
		return prefix, false
	}
	if first, taken := c.addresses[a]; taken {
		c.add(at, "duplicate address %v; %s has it already, at %v", a, p.owner[a].fullName(), first)
		return prefix, false
	}
	c.addresses[a] = at
	p.owner[a] = i
	return prefix, true
}

// automaticAddresses numbers the interfaces that have no addresses: the ends of
// a link from the next free subnet 10.x.y.0/24, or one end from the subnet of
// the other.
func (p *plan) automaticAddresses(c *checker) {
	for _, l := range c.sc.Links {
		a, b := p.ifaces[l.A], p.ifaces[l.B]
		if a == nil || b == nil || a.link != l {
			continue
		}
		needA, needB := a.wantsAddress(), b.wantsAddress()
		switch {
		case needA && needB:
			subnet, ok := p.freeSubnet()
			if !ok {
				c.add(l.pos("name"), "no free subnet for link %q; give its interfaces addresses", l.Name)
				return
			}
			p.assign(a, subnet, 1)
			p.assign(b, subnet, 2)
		case needA && len(b.addrs) > 0:
			p.assign(a, b.addrs[0].Masked(), 1)
		case needB && len(a.addrs) > 0:
			p.assign(b, a.addrs[0].Masked(), 1)
		case needA || needB: // the other end has no address by intention
			subnet, ok := p.freeSubnet()
			if !ok {
				c.add(l.pos("name"), "no free subnet for link %q; give its interfaces addresses", l.Name)
				return
			}
			one := a
			if needB {
				one = b
			}
			p.assign(one, subnet, 1)
		}
	}
}

// wantsAddress reports whether an interface gets an automatic address: one with
// addresses = [] does not.
func (i *planIface) wantsAddress() bool {
	return len(i.addrs) == 0 && (i.decl == nil || !i.decl.has("addresses"))
}

func (p *plan) freeSubnet() (netip.Prefix, bool) {
	for ; p.next < 1<<16; p.next++ {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(p.next >> 8), byte(p.next), 0}), 24)
		if !slices.ContainsFunc(p.taken, subnet.Overlaps) {
			p.next++
			return subnet, true
		}
	}
	return netip.Prefix{}, false
}

// assign gives an interface the first free host address from number host on.
func (p *plan) assign(i *planIface, subnet netip.Prefix, host int) {
	a := subnet.Addr()
	for range host {
		a = a.Next()
	}
	for p.owner[a] != nil && subnet.Contains(a.Next()) {
		a = a.Next()
	}
	if p.owner[a] != nil || !subnet.Contains(a) {
		return // a full subnet leaves the interface without address
	}
	p.owner[a] = i
	i.addrs = append(i.addrs, netip.PrefixFrom(a, subnet.Bits()))
}

// hop returns through which of its interfaces a node reaches an interface: the
// fewest hops, earlier links first; nil if it does not. The last hop crosses the
// link of that interface if it belongs to a host, so that the addresses of a phone
// are reached over their own networks.
func (n *planNode) hop(d *planIface) *planIface {
	root := d.node
	if !root.decl.Router && d.peer != nil {
		root = d.peer.node
		switch {
		case n == d.node:
			return nil
		case n == root:
			return d.peer
		case !root.forwards():
			return nil
		}
	}
	if n == root {
		return nil
	}
	if n.plan.ways[root] == nil {
		n.plan.ways[root] = n.plan.spread(root)
	}
	return n.plan.ways[root][n.number]
}

// forwards reports whether the node passes on packets of others.
func (n *planNode) forwards() bool { return n.decl.Router || n.decl.Forward }

// spread walks breadth-first from a node and returns the ways to it, by node.
func (p *plan) spread(root *planNode) []*planIface {
	hops := make([]*planIface, len(p.nodes))
	queue := []*planNode{root}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if n != root && !n.forwards() {
			continue
		}
		for _, i := range n.ifaces {
			if i.peer == nil || i.peer.node == root {
				continue
			}
			if m := i.peer.node; hops[m.number] == nil {
				hops[m.number] = i.peer
				queue = append(queue, m)
			}
		}
	}
	return hops
}

// sourceRouting decides which hosts route by source address.
func (p *plan) sourceRouting(c *checker) {
	for _, f := range c.sc.Flows {
		if n := p.byName[f.Client]; n != nil {
			n.source = true
		}
	}
	for _, n := range p.nodes {
		if s := n.decl.SourceRouting; s != nil {
			n.source = *s
		}
		if n.decl.Router {
			n.source = false
		}
	}
}

// wayOut returns the interface through which a node sends from src to dst.
func (n *planNode) wayOut(src netip.Addr, srcIface, dst *planIface, to netip.Addr) *planIface {
	var best *planRoute
	for k := range n.explicit {
		r := &n.explicit[k]
		if r.sports != (simnet.PortRange{}) || r.dports != (simnet.PortRange{}) {
			continue // not for whole paths
		}
		if r.to.Contains(to) && (!r.from.IsValid() || r.from.Contains(src)) && (best == nil || r.to.Bits() > best.to.Bits()) {
			best = r
		}
	}
	switch {
	case best != nil:
		return best.via
	case n.source && srcIface != nil && srcIface.node == n:
		return srcIface
	}
	return n.hop(dst)
}

// maxHops bounds a walk, so that explicit routes that loop are noticed.
const maxHops = 64

// walk follows the packets from an interface to an address; hops are the
// interfaces through which they leave.
func (p *plan) walk(from *planIface, to netip.Addr) (hops []*planIface, ok bool) {
	dst := p.owner[to]
	if dst == nil || len(from.addrs) == 0 {
		return nil, false
	}
	src := from.addrs[0].Addr()
	n := from.node
	for len(hops) < maxHops {
		if n == dst.node {
			return hops, true
		}
		if n != from.node && !n.forwards() {
			return hops, false
		}
		out := n.wayOut(src, from, dst, to)
		if out == nil || out.peer == nil {
			return hops, false
		}
		hops = append(hops, out)
		n = out.peer.node
	}
	return hops, false
}

// reach returns the address of a server that packets from an interface reach
// in the fewest hops, and the way there; among equals that of the interface at
// which they arrive.
func (p *plan) reach(from *planIface, server *planNode) (to netip.Addr, hops []*planIface, ok bool) {
	direct := false
	for _, i := range server.ifaces {
		for _, a := range i.addrs {
			h, found := p.walk(from, a.Addr())
			if !found {
				continue
			}
			arrives := h[len(h)-1].peer == i
			if !ok || len(h) < len(hops) || (len(h) == len(hops) && arrives && !direct) {
				to, hops, ok, direct = a.Addr(), h, true, arrives
			}
		}
	}
	return to, hops, ok
}
