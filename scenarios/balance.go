package scenarios

import (
	"net/netip"
	"slices"
)

// This file ties load balancers to scenarios.

// balanced returns the subflow of a client address and port: behind a load balancer
// the server knows it by an address of its own.
func (f *flowRun) balanced(client netip.AddrPort) *subflowRun {
	for _, x := range f.subs {
		if x.Local == client {
			return x
		}
	}
	return nil
}

// checkBalancers checks the addresses of load balancers, and the servers of flows
// behind them.
func (c *checker) checkBalancers() {
	for _, l := range c.sc.Links {
		for _, b := range l.Boxes {
			if at := c.plan.end(l, b); b.Type == "balance" && at != nil && c.boxes[b.Name] == b {
				c.balancer(b, at)
			}
		}
	}
	for _, f := range c.sc.Flows {
		for i, name := range f.Servers {
			at := elementPos(f.table, "servers", i)
			switch n := c.nodes[name]; {
			case n == nil:
				c.add(at, "flow %q: there is no node %q%s", f.Name, name, didYouMean(name, c.nodeNames()))
			case n.Router || name == f.Client || name == f.Server || slices.Contains(f.Servers[:i], name):
				c.add(at, "flow %q: node %q cannot be another server of it", f.Name, name)
			}
		}
		switch {
		case len(f.Servers) == 0:
		case f.Protocol == "udp":
			c.add(f.pos("servers"), "flow %q is udp, for which servers has no meaning", f.Name)
		case f.To == "":
			c.add(f.pos("servers"), "flow %q has several servers: give the virtual address of their load balancer in to", f.Name)
		}
	}
}

// balancer checks one load balancer: its virtual address must lead to it.
func (c *checker) balancer(b *Box, at *planIface) {
	spec, err := findBox(b.Type)
	if err != nil {
		return
	}
	given, err := spec.Given(b.settings)
	if err != nil {
		return
	}
	vips, servers := given.Prefixes("vip"), given.Prefixes("servers")
	switch {
	case len(vips) != 1 || !vips[0].IsSingleIP():
		c.add(b.extraPos("vip"), "load balancer %q needs one virtual address: vip = [\"10.0.9.9\"]", b.Name)
		return
	case len(servers) == 0:
		c.add(b.pos("type"), "load balancer %q needs servers", b.Name)
	case !at.node.decl.Router:
		c.add(b.pos("type"), "load balancer %q stands at the host %q; it belongs before a farm, at a router", b.Name, at.node.decl.Name)
	}
	if o := c.plan.owner[vips[0].Addr()]; o == nil || o.node != at.node {
		c.add(b.extraPos("vip"), "virtual address %v of load balancer %q is no address of node %q; give it to an interface there, such as lo", vips[0].Addr(), b.Name, at.node.decl.Name)
	}
	for _, s := range servers {
		if o := c.plan.owner[s.Addr()]; o == nil || o.node.decl.Router || !s.IsSingleIP() {
			c.add(b.extraPos("servers"), "server %v of load balancer %q is no address of a host", s, b.Name)
		}
	}
}
