package scenarios

import (
	"net/netip"
	"reflect"
	"slices"

	"mpsim/internal/host"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/radio"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Run says how a scenario is built and run.
type Run struct {
	Seed, Replication uint64
	DataDir           string // of recorded traces; empty: MPSIM_DATA or ../shared/data
	Plugins           *Plugins
	// Verify makes every hop render and parse every packet.
	Verify bool
	// Sample gets the points of all time series at the sampling interval of the
	// scenario, in order of time; nil samples nothing.
	Sample func(at sim.Time, entity, metric string, value float64)
	// NoExpect leaves out what only the evaluation of expectations needs, for
	// measurements of speed; Expect must not be called then.
	NoExpect bool
	// Divide makes BuildParallel divide the run even where that does not pay.
	Divide bool
	// part: the world is one of several that carry out a run together.
	part bool
}

// World is a scenario that is built and can run, once.
type World struct {
	sc    *Scenario
	run   Run
	sim   *sim.Sim
	trace *trace.Run
	net   *simnet.Network

	nodes    []*simnet.Node // as in the plan
	hosts    map[string]*host.Host
	links    []*linkRun // in the order of declaration, up before down
	byLink   map[string]*linkRun
	media    map[string]*radio.Medium
	boxes    []boxRun
	natted   *natWatch // nil: no NATs
	flows    []*flowRun
	byFlow   map[string]*flowRun
	timeline timeline
	sampler  sampler
	watch    watcher
	arrivals map[string]*arrivals // by flow; nil: no expectation needs them
	states   stateWatcher
	traceIDs map[string]uint32 // of nodes, in trace records
	profiles []*mptcp.Profile  // those of the hosts, each once
	shared   host.Shared

	clientSubs, subs []mptcp.SubflowInfo // scratch of observe

	parted *partedRun // nil: the world carries out its run alone
}

// linkRun is one direction of a link in a world.
type linkRun struct {
	decl *Link
	dir  *Direction
	name string // "wifi.down"
	up   bool
	// other is the other direction.
	other  *linkRun
	link   *simnet.Link
	fine   []linkSample  // every 10 ms, if an expectation observes the link
	mobile *radio.Mobile // nil: no key radio
	device *radio.LTE    // nil: no key lte
	// last are the bytes sent at the last sample.
	last uint64
}

// Build makes the simulated world of a scenario. The error is of type Problems:
// recorded traces are read here, so a missing or bad file is found here.
func Build(sc *Scenario, run Run) (*World, error) {
	w := &World{
		sc: sc, run: run,
		sim:   sim.New(run.Seed, run.Replication),
		trace: new(trace.Run),
		hosts: make(map[string]*host.Host), byLink: make(map[string]*linkRun), byFlow: make(map[string]*flowRun), traceIDs: make(map[string]uint32),
	}
	w.run.Plugins = run.Plugins.orBuiltin()
	w.net = simnet.New(w.sim, w.trace)
	var problems problemList
	w.buildNodes()
	w.buildLinks(&problems)
	if err := problems.err(); err != nil {
		return nil, err
	}
	w.buildAddresses()
	w.routing()
	w.buildRoutes()
	w.addGuards()
	if err := w.configurePaths(); err != nil {
		problems.add(Pos{}, "%v", err)
	}
	w.buildFlows(&problems)
	w.timeline.init(w)
	w.sampler.init(w)
	w.watch.init(w)
	w.states.init(w)
	w.followArrivals()
	if run.Verify {
		w.net.SetVerify(true)
	}
	return w, problems.err()
}

// Network returns the simulated network, for capture points.
func (w *World) Network() *simnet.Network { return w.net }

// Trace returns the trace of the run, for sinks.
func (w *World) Trace() *trace.Run { return w.trace }

// Sim returns the simulation.
func (w *World) Sim() *sim.Sim { return w.sim }

// Scenario returns what the world was built from.
func (w *World) Scenario() *Scenario { return w.sc }

// Hash returns the run hash of what has happened so far.
func (w *World) Hash() trace.Hash {
	if w.parted != nil {
		return w.parted.hash()
	}
	return w.trace.Hash()
}

// Events returns how many events were executed.
func (w *World) Events() uint64 {
	if w.parted != nil {
		return w.parted.events()
	}
	return w.sim.Events()
}

// PacketHops returns how many packets were accepted by a link or dropped by its queue.
func (w *World) PacketHops() uint64 {
	if w.parted != nil {
		return w.parted.packetHops()
	}
	return w.net.PacketHops()
}

// buildNodes declares nodes and interfaces, in the order of the file.
func (w *World) buildNodes() {
	for _, n := range w.sc.plan.nodes {
		nd := w.net.AddNode(n.decl.Name)
		nd.SetICMP(n.decl.ICMPQuote, sim.Duration(n.decl.ICMPInterval))
		w.nodes = append(w.nodes, nd)
		w.traceIDs[n.decl.Name] = nd.Trace().ID()
		for _, i := range n.ifaces {
			nd.AddInterface(i.name)
		}
		if !n.decl.Router {
			h := host.New(w.net, nd, host.Config{
				Profile: w.sharedProfile(hostProfile(n.decl, &w.sc.Defaults)), PathFacts: w.pathFacts, Shared: &w.shared,
			})
			h.SetDF(*n.decl.DF)
			w.hosts[n.decl.Name] = h
			if n.decl.Forward {
				nd.SetForwarding(true)
			}
		}
	}
}

// sharedProfile returns p, or one that is the same: segments look at the profiles of
// both ends, which of many hosts would be in no cache close by.
func (w *World) sharedProfile(p *mptcp.Profile) *mptcp.Profile {
	for _, q := range w.profiles {
		if p.Name == q.Name {
			p.Sources = q.Sources // compared by address below
		}
		if reflect.DeepEqual(p, q) {
			return q
		}
	}
	w.profiles = append(w.profiles, p)
	return p
}

// iface returns the interface of the network that a planned one became.
func (w *World) iface(i *planIface) *simnet.Interface {
	return w.node(i.node).Interface(i.name)
}

func (w *World) node(n *planNode) *simnet.Node { return w.nodes[n.number] }

// buildAddresses gives interfaces their addresses and tells the hosts how path
// managers may use them.
func (w *World) buildAddresses() {
	for _, n := range w.sc.plan.nodes {
		h := w.hosts[n.decl.Name]
		for _, i := range n.ifaces {
			for _, a := range append(slices.Clone(i.addrs), i.future...) {
				if h != nil {
					h.KnowAddr(a.Addr(), addrFlags(i))
				}
			}
			for _, a := range i.addrs {
				w.iface(i).AddAddr(a)
			}
		}
	}
}

// buildRoutes fills the routing tables: explicit routes first, then, on hosts
// that route by source, one table for each address, then the way to every
// address.
func (w *World) buildRoutes() {
	for k, n := range w.sc.plan.nodes {
		nd := w.nodes[k]
		next := simnet.MainTable + 1
		for _, r := range n.explicit {
			from := r.from
			if !from.IsValid() {
				from = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
				if r.to.Addr().Is6() {
					from = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
				}
			}
			nd.AddRoute(next, r.to, w.iface(r.via), 0)
			nd.AddPortRule(from, r.sports, r.dports, next)
			next++
		}
		if n.source {
			for _, i := range n.ifaces {
				next = w.sourceTable(nd, i, next)
			}
		}
		w.mainTable(nd, n)
	}
}

// sourceTable makes packets from the addresses of an interface leave through
// it.
func (w *World) sourceTable(nd *simnet.Node, i *planIface, next simnet.TableID) simnet.TableID {
	if i.peer == nil {
		return next
	}
	for _, list := range [][]netip.Prefix{i.addrs, i.future} {
		for _, a := range list {
			host := netip.PrefixFrom(a.Addr(), a.Addr().BitLen())
			all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
			if a.Addr().Is6() {
				all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			}
			nd.AddRoute(next, all, w.iface(i), 0)
			nd.AddRule(host, next)
			next++
		}
	}
	return next
}

// mainTable adds the way to every address. A node with one connected interface
// needs only a default route, and with [ecmp] the network finds the ways.
func (w *World) mainTable(nd *simnet.Node, n *planNode) {
	var ways []*planIface
	for _, i := range n.ifaces {
		if i.peer != nil {
			ways = append(ways, i)
		}
	}
	if len(ways) == 1 {
		for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			nd.AddRoute(simnet.MainTable, netip.PrefixFrom(all, 0), w.iface(ways[0]), 0)
		}
		return
	}
	if w.sc.ECMP != nil {
		return // the network finds its ways
	}
	for _, other := range w.sc.plan.nodes {
		for _, d := range other.ifaces {
			out := n.hop(d)
			if other == n && len(d.pool) > 0 {
				out = d // what goes to a pool of its own leaves where the NAT stands
			}
			if out == nil {
				continue
			}
			for _, list := range [][]netip.Prefix{d.addrs, d.future, d.pool} {
				for _, a := range list {
					nd.AddRoute(simnet.MainTable, netip.PrefixFrom(a.Addr(), a.Addr().BitLen()), w.iface(out), 0)
				}
			}
		}
	}
}
