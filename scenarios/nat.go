package scenarios

import (
	"math"
	"net/netip"
	"slices"

	"mpsim/internal/app"
	"mpsim/internal/proxy"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/nat"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// This file ties NATs and firewalls to scenarios: their addresses in the plan, what
// the timeline does to them, and how subflows behind them are recognised.

// boxSpecs are the types that a [[link.box]] may have.
func boxSpecs() []mbox.Spec { return slices.Concat(mbox.Specs(), nat.Specs(), proxy.Specs()) }

// findBox returns the type of a name.
func findBox(name string) (*mbox.Spec, error) { return mbox.FindIn(boxSpecs(), name) }

// filterKeys are the keys of boxes that choose packets; boxes which follow sessions
// look at all.
var filterKeys = []string{"direction", "from", "until", "packets", "carrying", "meaning", "subflow", "source", "destination", "first", "count", "every", "probability", "correlation"}

// stateful reports whether a box follows sessions.
func (b *Box) stateful() bool { return b.Type == "nat" || b.Type == "firewall" || b.Type == "balance" }

// skips implements keySkipper.
func (b *Box) skips(key string) bool { return b.stateful() && slices.Contains(filterKeys, key) }

// setting returns a parameter that the file gives, or nil.
func (b *Box) setting(name string) *mbox.Setting {
	for i := range b.settings {
		if b.settings[i].Name == name {
			return &b.settings[i]
		}
	}
	return nil
}

// extraPos returns where a parameter stands, or where the box begins.
func (b *Box) extraPos(name string) Pos {
	for _, x := range b.extra {
		if x.name == name {
			return x.entry.pos
		}
	}
	return b.pos("type")
}

// end returns the interface at which a box stands, or nil.
func (p *plan) end(l *Link, b *Box) *planIface {
	if b.At == "b" {
		return p.ifaces[l.B]
	}
	return p.ifaces[l.A]
}

// eachNAT calls f for the NATs of sound links, in the order of the file.
func (p *plan) eachNAT(c *checker, f func(b *Box, at *planIface)) {
	for _, l := range c.sc.Links {
		for _, b := range l.Boxes {
			if at := p.end(l, b); b.Type == "nat" && at != nil && at.link == l && c.boxes[b.Name] == b {
				f(b, at)
			}
		}
	}
}

// outsideAddresses claims the outside addresses that the file gives to NATs, now
// and later.
func (p *plan) outsideAddresses(c *checker) {
	p.eachNAT(c, func(b *Box, at *planIface) {
		cfg, ok := b.natConfig()
		if !ok {
			return
		}
		for _, a := range cfg.Outside {
			p.claimOutside(c, b, at, a, b.extraPos("outside"))
		}
	})
	for _, a := range c.sc.Actions {
		if a.Action != "nat.renumber" {
			continue
		}
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			continue // noted by natAction
		}
		p.eachNAT(c, func(b *Box, at *planIface) {
			if slices.Contains(a.Boxes, b.Name) && p.nats[addr] != b {
				p.claimOutside(c, b, at, addr, a.valuePos("address"))
			}
		})
	}
}

// claimOutside makes an address one of a NAT: unless its interface has it, packets
// to it are led there.
func (p *plan) claimOutside(c *checker, b *Box, at *planIface, a netip.Addr, pos Pos) {
	if other := p.nats[a]; other != nil {
		c.add(pos, "outside address %v of NAT %q belongs to NAT %q, too", a, b.Name, other.Name)
		return
	}
	switch owner := p.owner[a]; {
	case owner == at:
	case owner != nil:
		c.add(pos, "outside address %v of NAT %q is that of interface %s", a, b.Name, owner.fullName())
		return
	case c.sc.ECMP != nil:
		c.add(pos, "with [ecmp] the network leads packets to addresses of interfaces only; give outside address %v to %s, too", a, at.fullName())
		return
	default:
		p.owner[a] = at
		c.addresses[a] = pos
		at.pool = append(at.pool, netip.PrefixFrom(a, a.BitLen()))
		p.taken = append(p.taken, netip.PrefixFrom(a, a.BitLen()))
	}
	p.nats[a] = b
}

// natConfig returns what the parameters of a NAT say, if they have passed their
// checks.
func (b *Box) natConfig() (cfg nat.Config, ok bool) {
	spec, err := findBox(b.Type)
	if err != nil || b.broken {
		return cfg, false
	}
	given, err := spec.Given(b.settings)
	if err != nil {
		return cfg, false
	}
	return nat.Read(given), true
}

// finishNATs gives NATs of routers that name no outside address those of their
// interface, and checks the result.
func (p *plan) finishNATs(c *checker) {
	inner := make(map[*planIface]*nat.Config) // the last NAT at an interface, seen from the node
	names := make(map[*planIface]string)
	p.eachNAT(c, func(b *Box, at *planIface) {
		if b.setting("outside") == nil && at.node.decl.Router && inner[at] == nil {
			set := mbox.Setting{Name: "outside", IsText: true}
			for _, a := range at.addrs {
				if a.Addr().Is4() {
					set.Texts = append(set.Texts, a.Addr().String())
					p.nats[a.Addr()] = b
				}
			}
			if len(set.Texts) > 0 {
				b.settings = append(b.settings, set)
			}
		}
		cfg, ok := b.natConfig()
		if !ok {
			return
		}
		if err := cfg.Check(); err != nil {
			c.add(b.pos("type"), "NAT %q: %v", b.Name, err)
			return
		}
		for _, a := range cfg.Outside {
			if !at.node.decl.Router && slices.ContainsFunc(at.addrs, func(q netip.Prefix) bool { return q.Addr() == a }) {
				c.add(b.extraPos("outside"), "NAT %q at host %q translates to the host's own address %v; give it another", b.Name, at.node.decl.Name, a)
			}
		}
		if prev := inner[at]; prev != nil && len(cfg.Inside) > 0 {
			for _, a := range prev.Outside {
				if !slices.ContainsFunc(cfg.Inside, func(q netip.Prefix) bool { return q.Contains(a) }) {
					c.add(b.extraPos("inside"), "impossible chain: NAT %q translates only %v, but %v is what NAT %q before it makes of addresses", b.Name, cfg.Inside, a, names[at])
				}
			}
		}
		inner[at], names[at] = &cfg, b.Name
	})
	for _, l := range c.sc.Links {
		for _, b := range l.Boxes {
			if s := b.setting("open"); b.Type == "firewall" && s != nil {
				if _, err := nat.ParsePorts(s.Texts[0]); err != nil {
					c.add(b.extraPos("open"), "open: %v", err)
				}
			}
		}
	}
}

// natAction checks an action on NATs.
func (c *checker) natAction(a *Action) {
	for _, name := range a.Boxes {
		if b := c.boxes[name]; b != nil && b.Type != "nat" && (b.Type != "firewall" || a.Action != "nat.rebind") {
			c.add(a.valuePos("boxes"), "box %q is no NAT, but a %s", name, b.Type)
		}
	}
	switch a.Action {
	case "nat.renumber":
		if addr, err := netip.ParseAddr(a.Address); a.Address != "" && (err != nil || !addr.Is4()) {
			c.add(a.valuePos("address"), "address of nat.renumber is an IPv4 address, not %q", a.Address)
		}
		if len(a.Boxes) > 1 {
			c.add(a.valuePos("boxes"), "nat.renumber gives one address to one NAT, not to %d", len(a.Boxes))
		}
	case "nat.map", "nat.peer":
		c.mapAction(a)
	}
}

// mapAction checks who asks for which mapping.
func (c *checker) mapAction(a *Action) {
	if len(a.Boxes) > 1 {
		c.add(a.valuePos("boxes"), "%s asks one NAT, not %d", a.Action, len(a.Boxes))
	}
	for _, name := range a.Boxes {
		if b := c.boxes[name]; b != nil && b.Type == "nat" {
			if cfg, ok := b.natConfig(); ok && !cfg.PCP {
				c.add(a.valuePos("boxes"), "NAT %q grants no mappings: pcp = false", name)
			}
		}
	}
	byFlow := len(a.Flows) > 0
	switch {
	case byFlow == (a.Interface != ""):
		c.add(a.table.pos, "%s at %v needs either flows or interface and port", a.Action, a.Time)
	case byFlow && len(a.Flows) > 1:
		c.add(a.valuePos("flows"), "%s asks for one flow, not for %d", a.Action, len(a.Flows))
	case byFlow:
		if f := c.flows[a.Flows[0]]; f != nil && (f.Start > a.Time || f.Protocol == "udp") {
			c.add(a.valuePos("flows"), "flow %q is no connection that has begun at %v", f.Name, a.Time)
		}
	case a.Port == 0:
		c.add(a.table.pos, "%s at %v needs port", a.Action, a.Time)
	default:
		if i := c.plan.ifaces[a.Interface]; i != nil && (i.node.decl.Router || len(i.addrs) == 0) {
			c.add(a.valuePos("interface"), "%s is no interface of a host with an address", a.Interface)
		}
	}
	if a.Lifetime.Duration()%sim.Second != 0 {
		c.add(a.valuePos("lifetime"), "lifetime is %v; PCP counts whole seconds", a.Lifetime)
	}
}

// natAction carries out an action on NATs.
func (w *World) natAction(now sim.Time, a *Action) {
	switch a.Action {
	case "nat.rebind":
		for _, name := range a.Boxes {
			w.box(name).(interface{ Rebind(now sim.Time) }).Rebind(now)
		}
	case "nat.renumber":
		w.renumber(now, a)
	case "nat.map", "nat.peer":
		w.askForMapping(now, a)
	}
}

// renumber changes the outside address of a NAT, and that of its interface if they
// are the same.
func (w *World) renumber(now sim.Time, a *Action) {
	addr := netip.MustParseAddr(a.Address)
	x := w.box(a.Boxes[0]).(*nat.NAT)
	at := w.iface(w.sc.plan.owner[addr])
	had := slices.Clone(x.Config().Outside)
	x.Renumber(now, []netip.Addr{addr})
	for _, p := range slices.Clone(at.Addrs()) {
		if slices.Contains(had, p.Addr()) {
			at.RemoveAddr(p)
			at.AddAddr(netip.PrefixFrom(addr, addr.BitLen()))
		}
	}
}

// askForMapping makes a host ask a NAT for an explicit mapping.
func (w *World) askForMapping(now sim.Time, a *Action) {
	outside := w.box(a.Boxes[0]).(*nat.NAT).Config().Outside
	q := app.MappingRequest{
		Server: netip.AddrPortFrom(outside[0], nat.PCPPort), Proto: wire.ProtoTCP,
		Suggested: uint16(a.Outside), Lifetime: a.Lifetime.Duration(), Renew: a.Renew,
	}
	if a.Protocol == "udp" {
		q.Proto = wire.ProtoUDP
	}
	var client string
	if len(a.Flows) > 0 {
		f := w.byFlow[a.Flows[0]]
		subs := f.ends.Client.Subflows(nil)
		if len(subs) == 0 {
			return // over already
		}
		client, q.Local = f.decl.Client, subs[0].Tuple.Src
		if a.Action == "nat.peer" {
			q.Peer = subs[0].Tuple.Dst
		}
	} else {
		i := w.sc.plan.ifaces[a.Interface]
		client, q.Local = i.node.decl.Name, netip.AddrPortFrom(i.addrs[0].Addr(), uint16(a.Port))
	}
	if _, err := app.NewMapping(now, w.hosts[client], q, w.sim.Stream("pcp/"+a.Time.String()+"/"+q.Local.String())); err != nil {
		sim.Bugf("%s: %v", a.Action, err)
	}
}

// addGuards puts the filters of anti_spoof at the interfaces, on the wire side of
// other boxes.
func (w *World) addGuards() {
	for _, n := range w.sc.plan.nodes {
		for _, i := range n.ifaces {
			if i.decl == nil || !i.decl.AntiSpoof || i.peer == nil {
				continue
			}
			g := nat.NewAntiSpoof(w.iface(i), &mbox.Env{Net: w.net, Node: w.node(n), Number: len(w.boxes)})
			w.boxes = append(w.boxes, boxRun{n.decl.Name + "-" + i.name + "-anti-spoof", "antispoof", w.node(n), g})
			w.iface(i).AddBoxWith(g, simnet.PassFragments)
		}
	}
}

// boxCount returns how often a box has done something for a reason; NaN if it does
// not count, or there is no such reason.
func (v *view) boxCount(box, reason string) float64 {
	why, known := trace.ParseReason(reason)
	if !known {
		return math.NaN()
	}
	switch x := v.w.box(box).(type) {
	case interface{ Count(trace.Reason) uint64 }:
		return float64(x.Count(why))
	case interface{ Times(trace.Reason) uint64 }:
		return float64(x.Times(why))
	}
	return math.NaN()
}

// natWatch knows which subflow a server means: by the tuples before translation.
type natWatch struct {
	inside map[wire.Tuple]wire.Tuple
}

// Translated implements nat.Observer.
func (n *natWatch) Translated(inside, outside wire.Tuple) { n.inside[outside] = inside }

// maxLayers bounds the NATs that a packet is followed through.
const maxLayers = 16

// original undoes the translations of a tuple from client to server.
func (n *natWatch) original(t wire.Tuple) wire.Tuple {
	for range maxLayers {
		x, ok := n.inside[t]
		if !ok {
			break
		}
		t = x
	}
	return t
}

// watchNAT follows the sessions of a box if it is a NAT.
func (w *World) watchNAT(b mbox.Box) {
	if x, ok := b.(*nat.NAT); ok {
		if w.natted == nil {
			w.natted = &natWatch{make(map[wire.Tuple]wire.Tuple)}
		}
		x.SetObserver(w.natted)
	}
}

// Original returns the tuple that a client has given to packets, of which t is what
// the server sees.
func (w *World) Original(t wire.Tuple) wire.Tuple {
	if w.natted == nil {
		return t
	}
	return w.natted.original(t)
}

// behindNAT returns the entry of a subflow as the server sees it; once found it is
// remembered, since ports may be used again. A client that connects to an outside
// address is translated at the other end.
func (f *flowRun) behindNAT(i *mptcp.SubflowInfo, client, server netip.AddrPort) *subflowRun {
	id := int(i.ID)
	for id >= len(f.far) {
		f.far = append(f.far, nil)
	}
	if f.far[id] == nil {
		t := f.natted.original(wire.Tuple{Src: client, Dst: server, Proto: wire.ProtoTCP})
		for _, x := range f.subs {
			seen := f.natted.original(wire.Tuple{Src: x.Remote, Dst: x.Local, Proto: wire.ProtoTCP})
			if x.Local == t.Src && x.Remote == t.Dst || seen.Src == server && seen.Dst == t.Src {
				f.far[id] = x
			}
		}
	}
	return f.far[id]
}
