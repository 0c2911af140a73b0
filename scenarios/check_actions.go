package scenarios

import (
	"cmp"
	simnet "mpsim/net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// actionSpec is one row of the table of timeline actions.
type actionSpec struct {
	name, doc string
	keys      []string // that have a meaning for it
	needs     []string
}

var actionSpecs = []actionSpec{
	{"link.down", "the link fails and its interfaces notice: their addresses go", []string{"links", "direction", "queue", "inflight", "detect", "reroute"}, []string{"links"}},
	{"link.up", "the link works again, after link.down", []string{"links", "direction", "reroute"}, []string{"links"}},
	{"link.blackhole", "the link fails silently: everything offered to it vanishes, nobody is told", []string{"links", "direction", "queue", "inflight"}, []string{"links"}},
	{"link.restore", "the link works again, after link.blackhole", []string{"links", "direction"}, []string{"links"}},
	{"link.pause", "the link carries nothing until link.resume; what is offered waits in its queue", []string{"links", "direction", "queue", "inflight"}, []string{"links"}},
	{"link.resume", "the link goes on, after link.pause", []string{"links", "direction"}, []string{"links"}},
	{"link.flap", "the link fails for down_time and works for up_time, over and over, count times or until a time, at which it works", []string{"links", "direction", "queue", "inflight", "down_time", "up_time", "count", "until", "silent"}, []string{"links", "down_time", "up_time"}},
	{"link.set", "rate, delay, loss or queue limit of the link change", []string{"links", "direction", "rate", "delay", "loss", "limit"}, []string{"links"}},
	{"addr.add", "an interface gains an address", []string{"interface", "address"}, []string{"interface", "address"}},
	{"addr.del", "an interface loses an address", []string{"interface", "address"}, []string{"interface", "address"}},
	{"iface.down", "an interface is switched off: its addresses go", []string{"interface"}, []string{"interface"}},
	{"iface.up", "an interface is switched on again", []string{"interface", "reroute"}, []string{"interface"}},
	{"flow.stop", "senders stop and close", []string{"flows"}, []string{"flows"}},
	{"box.on", "boxes begin to act", []string{"boxes"}, []string{"boxes"}},
	{"box.off", "boxes let everything pass; what they know of flows they keep", []string{"boxes"}, []string{"boxes"}},
	{"nat.rebind", "a NAT or firewall forgets all mappings and sessions, as after a restart", []string{"boxes"}, []string{"boxes"}},
	{"nat.renumber", "a NAT gets another outside address in place of all that it had, and forgets its mappings", []string{"boxes", "address"}, []string{"boxes", "address"}},
	{"nat.map", "a host asks a NAT for an explicit mapping, by PCP (RFC 6887): for the initial subflow of a flow, or for interface and port", []string{"boxes", "flows", "interface", "port", "protocol", "outside_port", "lifetime", "renew"}, []string{"boxes"}},
	{"nat.peer", "a host asks a NAT to keep the session of the initial subflow of a flow, by PCP (opcode PEER, RFC 6887 section 12): it needs no packets to live as long", []string{"boxes", "flows", "lifetime", "renew"}, []string{"boxes", "flows"}},
}

// alwaysKeys have a meaning for every action.
var alwaysKeys = []string{"time", "action", "label", "name"}

func (c *checker) checkActions() {
	for _, a := range c.sc.Actions {
		i := slices.IndexFunc(actionSpecs, func(s actionSpec) bool { return s.name == a.Action })
		if i < 0 {
			continue // noted by the decoder
		}
		spec := &actionSpecs[i]
		for _, key := range a.table.keys {
			if !slices.Contains(alwaysKeys, key) && !slices.Contains(spec.keys, key) {
				c.add(a.pos(key), "%s has no key %q%s", a.Action, key, didYouMean(key, spec.keys))
			}
		}
		for _, key := range spec.needs {
			if !a.has(key) {
				c.add(a.table.pos, "%s at %v needs %s", a.Action, a.Time, key)
			}
		}
		if c.sc.Duration > 0 && a.Time > c.sc.Duration {
			c.add(a.valuePos("time"), "%s at %v happens after the end of the run at %v", a.Action, a.Time, c.sc.Duration)
		}
		c.actionTargets(a)
	}
}

func (c *checker) actionTargets(a *Action) {
	a.Links = c.matching(a.table, "links", a.Links, c.linkNames())
	a.Flows = c.matching(a.table, "flows", a.Flows, c.flowNames())
	a.Boxes = c.matching(a.table, "boxes", a.Boxes, c.boxNames())
	switch a.Action {
	case "link.set":
		c.linkSet(a)
	case "link.flap":
		c.checkFlap(a)
	case "link.pause": // loses nothing unless it says so
		if !a.has("queue") {
			a.Queue = "keep"
		}
		if !a.has("inflight") {
			a.InFlight = "keep"
		}
	}
	if strings.HasPrefix(a.Action, "nat.") {
		c.natAction(a)
	}
	if a.Interface == "" {
		return
	}
	at := a.valuePos("interface")
	if _, _, ok := c.endpoint(a.Interface, at, "interface"); !ok {
		return
	}
	i := c.plan.ifaces[a.Interface]
	if i == nil {
		node, _, _ := strings.Cut(a.Interface, ".")
		var names []string
		for _, i := range c.plan.byName[node].ifaces {
			names = append(names, i.fullName())
		}
		c.add(at, "there is no interface %q%s", a.Interface, didYouMean(a.Interface, names))
		return
	}
	if a.Address == "" || a.Action == "nat.renumber" {
		return
	}
	prefix, err := parseAddress(a.Address)
	if err != nil {
		c.add(a.valuePos("address"), "%v", err)
		return
	}
	if a.Action == "addr.del" {
		all := append(slices.Clone(i.addrs), i.future...)
		k := slices.IndexFunc(all, func(p netip.Prefix) bool { return p.Addr() == prefix.Addr() })
		if k < 0 {
			c.add(a.valuePos("address"), "interface %q never has the address %v", a.Interface, prefix.Addr())
			return
		}
		a.Address = all[k].String()
	}
}

func (c *checker) linkSet(a *Action) {
	if a.Rate == nil && a.Delay == nil && a.Loss == nil && a.Limit == nil {
		c.add(a.table.pos, "link.set at %v sets nothing: give rate, delay, loss or limit", a.Time)
	}
	if a.Limit != nil && a.Limit.BDP != 0 {
		c.add(a.valuePos("limit"), "limit is in packets or bytes here, not in bdp")
	}
	if a.Rate != nil && !a.Rate.Unlimited && a.Rate.Bits == 0 {
		c.add(a.valuePos("rate"), "rate is 0; use link.blackhole to stop a link")
	}
	for _, name := range a.Links {
		if l := c.links[name]; a.Rate != nil && (l.Profile.Name != "" || l.Up.Trace != nil || l.Down.Trace != nil || l.Medium != "") {
			c.add(a.valuePos("rate"), "link %q follows a trace, a profile or a medium; its rate cannot be set", name)
		}
	}
}

// checkRoutes checks explicit routes and adds them to the plan.
func (c *checker) checkRoutes() {
	for _, r := range c.sc.Routes {
		n := c.plan.byName[r.Node]
		if n == nil {
			c.add(r.valuePos("node"), "there is no node %q%s", r.Node, didYouMean(r.Node, c.nodeNames()))
			continue
		}
		via := c.plan.ifaces[r.Node+"."+r.Via]
		if via == nil {
			var names []string
			for _, i := range n.ifaces {
				names = append(names, i.name)
			}
			c.add(r.valuePos("via"), "node %q has no interface %q%s", r.Node, r.Via, didYouMean(r.Via, names))
			continue
		}
		to, ok := c.destinations(r)
		if !ok {
			continue
		}
		var from netip.Prefix
		if r.From != "" {
			var err error
			if from, err = parseAddress(r.From); err != nil {
				c.add(r.valuePos("from"), "%v", err)
				continue
			}
		}
		sports, ok := c.ports(r.SourcePort, r.valuePos("sport"))
		dports, too := c.ports(r.DestPort, r.valuePos("dport"))
		if !ok || !too {
			continue
		}
		for _, t := range to {
			n.explicit = append(n.explicit, planRoute{from, t.Masked(), via, sports, dports})
		}
	}
}

// ports reads "N" or "N-M"; nothing stands for all ports.
func (c *checker) ports(text string, at Pos) (r simnet.PortRange, ok bool) {
	if text == "" {
		return r, true
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || a == 0 || b < a {
		c.add(at, "%q is no port from 1 to 65535, nor a range of such as \"41001-41004\"", text)
		return r, false
	}
	return simnet.PortRange{First: uint16(a), Last: uint16(b)}, true
}

// destinations are the prefixes that a route leads to.
func (c *checker) destinations(r *Route) ([]netip.Prefix, bool) {
	if r.To == "default" {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, true
	}
	if n := c.plan.byName[r.To]; n != nil {
		var out []netip.Prefix
		for _, i := range n.ifaces {
			for _, a := range i.addrs {
				out = append(out, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()))
			}
		}
		return out, true
	}
	p, err := parseAddress(r.To)
	if err != nil {
		c.add(r.valuePos("to"), "%q is neither a prefix such as \"10.0.9.0/24\", nor \"default\", nor a node%s", r.To, didYouMean(r.To, c.nodeNames()))
		return nil, false
	}
	return []netip.Prefix{p}, true
}

// checkExpect parses the expectations.
func (c *checker) checkExpect() {
	scope := &nameScope{flows: c.flowNames(), ifaces: make(map[string][]string)}
	scope.boxes, scope.groups = c.boxNames(), c.groupNames()
	for _, m := range c.sc.Media {
		scope.media = append(scope.media, m.Name)
	}
	for _, l := range c.linkNames() {
		scope.links = append(scope.links, l+".up", l+".down")
	}
	for _, f := range c.sc.Flows {
		if n := c.plan.byName[f.Client]; n != nil {
			for _, i := range n.ifaces {
				scope.ifaces[f.Name] = append(scope.ifaces[f.Name], i.name)
			}
		}
	}
	for _, e := range c.sc.Expect {
		parsed, needs, fault := parseComparison(e.Expr, scope)
		if fault != nil {
			at := e.pos
			if at.Line > 0 {
				at.Col += 1 + fault.at // behind the opening quote
			}
			c.add(at, "expectation %s: %s", e.Name, fault.msg)
			continue
		}
		e.parsed = parsed
		c.observe(&needs)
	}
	c.checkMeasures(scope)
	c.checkBaseline(scope)
}

// observe notes what has to be observed during the run.
func (c *checker) observe(needs *exprNeeds) {
	c.sc.fineLinks = union(c.sc.fineLinks, needs.links)
	c.sc.fineFlows = union(c.sc.fineFlows, needs.flows)
	c.sc.orderedFlows = union(c.sc.orderedFlows, needs.order)
	c.sc.needsRecords = c.sc.needsRecords || needs.records
}

// union appends to a the elements of b that it lacks.
func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// byTime returns the actions in the order in which they happen.
func (sc *Scenario) byTime() []*Action {
	out := slices.Clone(sc.Actions)
	slices.SortStableFunc(out, func(a, b *Action) int { return cmp.Compare(a.Time, b.Time) })
	return out
}
