package topo

import (
	"fmt"
	"net/netip"

	"mpsim/sim"
)

// Topologies of papers on coupled congestion control. Data flows from servers to
// clients, so it is direction down of the links named as bottlenecks that counts.

// torusSpec is figure 4 of Wischik et al., NSDI'11: connection i uses links i and
// i+1 of a ring.
var torusSpec = Spec{
	Name: "torus",
	Doc: "the torus of NSDI'11: links L0, L1, ... from router core to routers out<i>, and connections of client c<i> with server s<i>, whose " +
		"interfaces a and b lie behind links i and i+1",
	Classes: []string{"server", "client", "bottleneck"},
	Params:  []Param{{Name: "links", Doc: "links, and as many connections", Default: 5, Min: 3, Max: 64}},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g, n := new(Graph), v.n("links")
		core := g.router("core")
		for i := range n {
			out := g.router("out%d", i)
			g.named("bottleneck", fmt.Sprintf("L%d", i), out, core)
		}
		for i := range n {
			client, server := g.host(i, "c%d", i), g.host(i, "s%d", i)
			g.user("server", server, "eth", hostAddr(2*i, 0), core, fmt.Sprintf("server%d", i))
			g.user("client", client, "a", hostAddr(2*i+1, 0), 1+i, fmt.Sprintf("a%d", i))
			g.user("client", client, "b", hostAddr(2*i+1, 1), 1+(i+1)%n, fmt.Sprintf("b%d", i))
		}
		return g, nil
	},
}

// named links two routers by a link of its own name.
func (g *Graph) named(class, name string, a, b int) *Link {
	l := g.join(class, a, b)
	l.Name = name
	return l
}

// user links a host by a link of its own name.
func (g *Graph) user(class string, host int, iface string, a netip.Addr, router int, name string) *Link {
	l := g.attach(class, host, iface, a, router)
	l.Name = name
	return l
}

var oliaParams = []Param{
	{Name: "n1", Doc: "users of the first kind", Default: 10, Min: 1, Max: 1000},
	{Name: "n2", Doc: "users of the second kind", Default: 10, Min: 1, Max: 1000},
	{Name: "c1", Doc: "fair share of a user of the first kind at its own link, Mb/s", Default: 1, Min: 0.01, Max: 1e5, Fraction: true},
	{Name: "c2", Doc: "fair share of a user of the second kind at the shared link, Mb/s", Default: 1, Min: 0.01, Max: 1e5, Fraction: true},
}

// megabits is a number of Mb/s as a rate.
func megabits(x float64) sim.Rate { return sim.Rate(x * 1e6) }

// oliaASpec, oliaBSpec and oliaCSpec are scenarios A, B and C of Khalili et al.,
// CoNEXT'12, section 3.
var oliaASpec = Spec{
	Name: "olia-a",
	Doc: "scenario A of CoNEXT'12: users one<i> reach server1, behind link uplink of n1 c1 Mb/s, by interface private and, through link shared of n2 c2 Mb/s, " +
		"by interface open; users two<i> reach server2 through shared",
	Classes: []string{"user", "server", "core", "bottleneck"},
	Params:  oliaParams,
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		core, gate, isp, ap := g.router("core"), g.router("gate"), g.router("isp"), g.router("ap")
		g.named("bottleneck", "uplink", core, gate).Rate = megabits(v.f("c1") * v.f("n1"))
		g.named("bottleneck", "shared", ap, core).Rate = megabits(v.f("c2") * v.f("n2"))
		g.named("core", "isp", isp, core)
		h := g.servers(gate, core)
		for i := range v.n("n1") {
			one := g.host(1, "one%d", i)
			g.user("user", one, "private", hostAddr(h, 0), isp, fmt.Sprintf("private%d", i))
			g.user("user", one, "open", hostAddr(h, 1), ap, fmt.Sprintf("open%d", i))
			h++
		}
		g.singles(v.n("n2"), h, ap)
		return g, nil
	},
}

// servers adds server1 and server2 behind two routers and returns the number of the
// next host.
func (g *Graph) servers(first, second int) int {
	g.user("server", g.host(0, "server1"), "eth", hostAddr(0, 0), first, "server1")
	g.user("server", g.host(0, "server2"), "eth", hostAddr(1, 0), second, "server2")
	return 2
}

// singles adds the users two<i> with one link each.
func (g *Graph) singles(n, h, router int) {
	for i := range n {
		g.user("user", g.host(2, "two%d", i), "eth", hostAddr(h+i, 0), router, fmt.Sprintf("two%d", i))
	}
}

var oliaCSpec = Spec{
	Name: "olia-c",
	Doc: "scenario C of CoNEXT'12: users one<i> reach server1 through link own of n1 c1 Mb/s (interface own) and through link shared of n2 c2 Mb/s (interface shared), " +
		"users two<i> reach server2 through shared",
	Classes: []string{"user", "server", "bottleneck"},
	Params:  oliaParams,
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		core, ap1, ap2 := g.router("core"), g.router("ap1"), g.router("ap2")
		g.named("bottleneck", "own", ap1, core).Rate = megabits(v.f("c1") * v.f("n1"))
		g.named("bottleneck", "shared", ap2, core).Rate = megabits(v.f("c2") * v.f("n2"))
		h := g.servers(core, core)
		for i := range v.n("n1") {
			one := g.host(1, "one%d", i)
			g.user("user", one, "own", hostAddr(h, 0), ap1, fmt.Sprintf("own%d", i))
			g.user("user", one, "shared", hostAddr(h, 1), ap2, fmt.Sprintf("shared%d", i))
			h++
		}
		g.singles(v.n("n2"), h, ap2)
		return g, nil
	},
}

var oliaBSpec = Spec{
	Name: "olia-b",
	Doc: "scenario B of CoNEXT'12: users blue<i> have interface x behind link X and t behind link T; users red<i> have interface t behind T and, as upgraded users, " +
		"interface x behind both T and X; all reach host server",
	Classes: []string{"user", "server", "core", "bottleneck"},
	Params: []Param{
		{Name: "blue", Doc: "blue users", Default: 15, Min: 1, Max: 1000},
		{Name: "red", Doc: "red users", Default: 15, Min: 1, Max: 1000},
		{Name: "cx", Doc: "rate of X, Mb/s", Default: 27, Min: 0.01, Max: 1e5, Fraction: true},
		{Name: "ct", Doc: "rate of T, Mb/s", Default: 36, Min: 0.01, Max: 1e5, Fraction: true},
	},
	Make: func(v *Values, _ *Env) (*Graph, error) {
		g := new(Graph)
		core, t, before, x := g.router("core"), g.router("t"), g.router("before"), g.router("x")
		g.named("bottleneck", "T", t, core).Rate = megabits(v.f("ct"))
		g.named("bottleneck", "X", x, before).Rate = megabits(v.f("cx"))
		g.named("core", "direct", before, core)
		g.named("core", "behind", before, t)
		g.user("server", g.host(0, "server"), "eth", hostAddr(0, 0), core, "server")
		h := 1
		for i := range v.n("blue") {
			u := g.host(1, "blue%d", i)
			g.user("user", u, "x", hostAddr(h, 0), x, fmt.Sprintf("blue%dx", i))
			g.user("user", u, "t", hostAddr(h, 1), t, fmt.Sprintf("blue%dt", i))
			h++
		}
		for i := range v.n("red") {
			u := g.host(2, "red%d", i)
			g.user("user", u, "t", hostAddr(h, 0), t, fmt.Sprintf("red%dt", i))
			l := g.user("user", u, "x", hostAddr(h, 1), x, fmt.Sprintf("red%dx", i))
			// What the server sends to this address crosses T before X.
			g.Routes = append(g.Routes, Route{Node: core, To: l.A, Via: "t"}, Route{Node: t, To: l.A, Via: "before"})
			h++
		}
		return g, nil
	},
}
