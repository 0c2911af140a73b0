package topo

import "net/netip"

// Small topologies: what is between two groups of hosts.

var parallelSpec = Spec{
	Name:    "parallel",
	Doc:     "hosts client and server with links path0, path1, ... of their own between them; the server has one address",
	Classes: []string{"path"},
	Params:  []Param{{Name: "paths", Doc: "number of paths", Default: 2, Min: 1, Max: 16}},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		client, server := g.host(0, "client"), g.host(0, "server")
		g.Nodes[server].Addr = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 32)
		for i := range v.n("paths") {
			l := g.join("path", client, server)
			l.Name = "path" + digits(i)
			l.A = End{Node: client, Iface: l.Name, Addr: subnet(1+i, 1)}
			l.B = End{Node: server, Iface: l.Name}
		}
		return g, nil
	},
}

// subnet is address number host of 10.0.n.0/24.
func subnet(n, host int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n), byte(host)}), 24)
}

func digits(i int) string {
	if i >= 10 {
		return digits(i/10) + digits(i%10)
	}
	return string(rune('0' + i))
}

var dumbbellSpec = Spec{
	Name:    "dumbbell",
	Doc:     "hosts l0, l1, ... behind router left and r0, r1, ... behind router right, with the link left-right between the routers",
	Classes: []string{"access", "bottleneck"},
	Params:  []Param{{Name: "pairs", Doc: "hosts on each side", Default: 2, Min: 1, Max: 4096}},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		left, right := g.router("left"), g.router("right")
		g.join("bottleneck", left, right)
		n := v.n("pairs")
		for i := range n {
			g.attach("access", g.host(0, "l%d", i), "eth0", hostAddr(i, 0), left)
		}
		for i := range n {
			g.attach("access", g.host(1, "r%d", i), "eth0", hostAddr(n+i, 0), right)
		}
		return g, nil
	},
}

var parkingLotSpec = Spec{
	Name: "parkinglot",
	Doc: "routers r0, r1, ... in a line; host src before the first and dst behind the last one, and for hop i hosts in<i> and out<i> " +
		"whose packets cross the link r<i>-r<i+1> only",
	Classes: []string{"access", "hop"},
	Params:  []Param{{Name: "hops", Doc: "links between routers", Default: 3, Min: 1, Max: 64}},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		n := v.n("hops")
		for i := range n + 1 {
			g.router("r%d", i)
		}
		for i := range n {
			g.join("hop", i, i+1)
		}
		h := 0
		add := func(router int, format string, args ...any) {
			g.attach("access", g.host(0, format, args...), "eth0", hostAddr(h, 0), router)
			h++
		}
		add(0, "src")
		add(n, "dst")
		for i := range n {
			add(i, "in%d", i)
			add(i+1, "out%d", i)
		}
		return g, nil
	},
}

// twoSwitchesSpec is figure 3 of RFC 8041: two hosts, each linked to two switches.
var twoSwitchesSpec = Spec{
	Name: "twoswitches",
	Doc: "figure 3 of RFC 8041: host1 and host2 with interfaces eth1 at switch1 and eth2 at switch2, and a link between the switches; " +
		"the addresses of each switch form a subnet, or all form one",
	Classes: []string{"host", "switch"},
	Params: []Param{{
		Name: "subnets", Doc: "addresses: a subnet for each switch, or the same for both", IsText: true,
		DefaultText: "separate", Choices: []string{"separate", "same"},
	}},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		hosts := []int{g.host(0, "host1"), g.host(0, "host2")}
		switches := []int{g.router("switch1"), g.router("switch2")}
		for h, host := range hosts {
			for s, sw := range switches {
				l := g.attach("host", host, "eth"+digits(s+1), netip.Addr{}, sw)
				l.A.Addr = subnet(s+1, h+1)
				if v.text("subnets") == "same" {
					l.A.Addr = subnet(1, 2*h+s+1)
				}
			}
		}
		g.join("switch", switches[0], switches[1])
		return g, nil
	},
}

var norNetSpec = Spec{
	Name: "nornet",
	Doc: "sites of multi-homed hosts as in the testbed NorNet: provider routers isp0, isp1, ... around router core; each site s has hosts " +
		"s<s>n<i> with interfaces isp0, isp1, ... by which they reach `homing` providers through access routers a<s>_<p>",
	Classes: []string{"lan", "access", "backbone"},
	Params: []Param{
		{Name: "sites", Doc: "sites", Default: 20, Min: 1, Max: 1000},
		{Name: "nodes", Doc: "hosts of a site", Default: 5, Min: 1, Max: 64},
		{Name: "providers", Doc: "providers in all", Default: 6, Min: 1, Max: 64},
		{Name: "homing", Doc: "providers of a site: numbers site, site+1, ... modulo all", Default: 2, Min: 1, Max: 8},
	},
	Make: makeNorNet,
}

func makeNorNet(v *Values, _ *Env) (*Graph, error) {
	g := new(Graph)
	core := g.router("core")
	providers := v.n("providers")
	for p := range providers {
		g.join("backbone", g.router("isp%d", p), core)
	}
	h := 0
	for s := range v.n("sites") {
		var access []int
		for j := range min(v.n("homing"), providers) {
			p := (s + j) % providers
			a := g.router("a%d_%d", s, p)
			g.join("access", a, 1+p)
			access = append(access, a)
		}
		for i := range v.n("nodes") {
			host := g.host(s, "s%dn%d", s, i)
			for j, a := range access {
				g.attach("lan", host, "isp"+digits(j), hostAddr(h, j), a)
			}
			h++
		}
	}
	return g, nil
}
