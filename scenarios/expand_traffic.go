package scenarios

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"mpsim/sim"
)

// pair is one flow of a pattern.
type pair struct {
	from, to int // in trafficGroup.hosts
	start    sim.Duration
	size     int64 // 0: as the template says
}

// trafficGroup is one [[traffic]] table while its flows are drawn.
type trafficGroup struct {
	*expander
	t     *Traffic
	at    Pos
	hosts []string
	nodes []int // of hosts in the graph
	rand  *sim.Rand
	end   sim.Duration // of the run
	// switches are the routers of each host, when first asked for.
	switches map[int][]int
}

// traffic expands [[traffic]].
func (x *expander) traffic() {
	e := x.root.get("traffic")
	if e == nil {
		return
	}
	x.root.remove("traffic")
	tables, ok := e.value.data.([]*value)
	if !ok {
		x.problems.add(e.value.pos, "traffic is an array of tables, written [[traffic]], not %s", e.value.describe())
		return
	}
	var flows, routes []*value
	ports := make(map[string]int64)
	for _, v := range tables {
		t, ok := v.data.(*table)
		if !ok {
			x.problems.add(v.pos, "traffic is an array of tables; this element is %s", v.describe())
			continue
		}
		f, r := x.group(t, ports)
		flows, routes = append(flows, f...), append(routes, r...)
	}
	x.appendTo("flow", e.pos, flows)
	x.appendTo("route", e.pos, routes)
}

// appendTo appends entries to an array of tables of the file.
func (x *expander) appendTo(key string, at Pos, more []*value) {
	if old := x.root.get(key); old != nil {
		if l, ok := old.value.data.([]*value); ok {
			old.value.data = append(l, more...)
			return
		}
	}
	if len(more) > 0 || key == "flow" {
		x.root.set(key, list(at, more...))
	}
}

// group makes the flows of one table, and the routes that they need.
func (x *expander) group(t *table, ports map[string]int64) (flows, routes []*value) {
	g := &trafficGroup{expander: x, t: new(Traffic), at: t.pos, end: sim.Second}
	before := len(x.problems.all)
	d := decoder{x.problems}
	d.table(t, reflect.ValueOf(g.t).Elem(), "[[traffic]]")
	var known []string
	for _, f := range fieldsOf(reflect.TypeFor[Flow]()) {
		if !slices.Contains([]string{"name", "client", "server", "group", "port", "via", "to"}, f.key) {
			known = append(known, f.key)
		}
	}
	for _, k := range g.t.extra {
		if !slices.Contains(known, k.name) {
			x.problems.add(k.entry.pos, "unknown key %q in traffic %q%s", k.name, g.t.Name, didYouMean(k.name, known))
		}
	}
	if e := x.root.get("duration"); e != nil {
		var dur Duration
		if s, ok := e.value.data.(string); ok && dur.parse(s) == nil {
			g.end = dur.Duration()
		}
	}
	if len(x.problems.all) > before || !g.selectHosts() {
		return nil, nil
	}
	g.rand = x.stream("traffic/" + cmp.Or(g.t.Draws, g.t.Name))
	pairs, err := g.draw()
	if err != nil {
		x.problems.add(t.valuePos("pattern"), "traffic %q: %v", g.t.Name, err)
		return nil, nil
	}
	jitter := x.stream("traffic/" + g.t.Name + "/start")
	for i := range pairs {
		f := g.flow(i, &pairs[i], jitter, ports)
		routes = append(routes, g.paths(f, &pairs[i])...)
		flows = append(flows, tableValue(f))
	}
	return flows, routes
}

// selectHosts finds the hosts that take part.
func (g *trafficGroup) selectHosts() bool {
	var all []string
	var numbers []int
	if g.graph != nil {
		for _, h := range g.graph.Hosts() {
			all, numbers = append(all, g.graph.Nodes[h].Name), append(numbers, h)
		}
	} else if e := g.root.get("node"); e != nil {
		nodes, _ := e.value.data.([]*value)
		for _, v := range nodes {
			t, ok := v.data.(*table)
			if !ok || elementName(v) == "" {
				continue
			}
			if r := t.get("router"); r != nil && r.value.data == true {
				continue
			}
			all, numbers = append(all, elementName(v)), append(numbers, -1)
		}
	}
	patterns := g.t.Hosts
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	for i, p := range patterns {
		found := false
		for k, n := range all {
			if glob(p, n) {
				found = true
				if !slices.Contains(g.hosts, n) || len(patterns) == 1 {
					g.hosts, g.nodes = append(g.hosts, n), append(g.nodes, numbers[k])
				}
			}
		}
		if !found && len(g.t.Hosts) > 0 {
			g.problems.add(elementPos(g.t.table, "hosts", i), "hosts: no host is named %q%s", p, didYouMean(p, all))
			return false
		}
	}
	if len(g.hosts) < 2 {
		g.problems.add(g.at, "traffic %q needs at least two hosts", g.t.Name)
		return false
	}
	return true
}

// flow is the table of a flow: the source is its client and sends.
func (g *trafficGroup) flow(i int, p *pair, jitter *sim.Rand, ports map[string]int64) *table {
	f := newTable(g.at)
	f.set("name", text(g.at, fmt.Sprintf("%s-%d", g.t.Name, i)))
	f.set("group", text(g.at, g.t.Name))
	f.set("client", text(g.at, g.hosts[p.from]))
	f.set("server", text(g.at, g.hosts[p.to]))
	if ports[g.hosts[p.to]] == 0 {
		ports[g.hosts[p.to]] = 20001
	}
	f.set("port", integer(g.at, ports[g.hosts[p.to]]))
	ports[g.hosts[p.to]]++
	for _, k := range g.t.extra {
		f.set(k.name, k.entry)
	}
	if g.t.table.get("direction") == nil && g.bulk() {
		f.set("direction", text(g.at, "up"))
	}
	start := p.start
	if e := g.t.table.get("start"); e != nil {
		var d Duration
		if s, ok := e.value.data.(string); ok && d.parse(s) == nil {
			start += d.Duration()
		}
	}
	if j := g.t.Jitter.Duration(); j > 0 {
		start += sim.Duration(jitter.IntN(uint64(j)))
	}
	if start > 0 {
		f.set("start", text(g.at, Duration(start).String()))
	}
	if p.size > 0 {
		f.set("size", text(g.at, fmt.Sprintf("%dB", p.size)))
	}
	if g.t.Subflows > 0 && g.multipath() && (g.graph == nil || g.graph.Paths == nil) {
		n := g.t.Subflows
		if g.t.AtMost && n > 1 && g.graph != nil {
			n = min(n, g.graph.ShortestPaths(g.nodes[p.from], g.nodes[p.to]))
		}
		pm := newTable(g.at)
		pm.set("name", text(g.at, "ndiffports"))
		pm.set("num_subflows", integer(g.at, int64(n)))
		f.set("path_manager", &entry{g.at, tableValue(pm)})
	}
	return f
}

// multipath reports whether the flows are MPTCP connections.
func (g *trafficGroup) multipath() bool {
	p := g.t.table.get("protocol")
	return p == nil || p.value.data == "mptcp"
}

// bulk reports whether the flows have a direction.
func (g *trafficGroup) bulk() bool {
	app := g.t.table.get("app")
	return app == nil || app.value.data != "request" && app.value.data != "ftp"
}

// paths puts the subflows of a flow on the path set of the topology: it names the
// interfaces at the ends, opens the further subflows, and routes each both ways.
func (g *trafficGroup) paths(f *table, p *pair) (routes []*value) {
	if g.graph == nil || g.graph.Paths == nil {
		return nil
	}
	var actions []*value
	for k, path := range g.graph.Paths(g.nodes[p.from], g.nodes[p.to], max(g.t.Subflows, 1), g.rand) {
		hops := g.walk(g.nodes[p.from], path)
		first, last := hops[0], hops[len(hops)-1]
		if k == 0 {
			f.set("via", text(g.at, first.out.Iface))
			f.set("to", text(g.at, last.in.Iface))
		} else {
			a := newTable(g.at)
			a.set("on", text(g.at, "ESTABLISHED"))
			a.set("do", text(g.at, "open"))
			a.set("from", text(g.at, first.out.Iface))
			a.set("to", text(g.at, last.in.Iface))
			actions = append(actions, tableValue(a))
		}
		from, to := first.out.Addr.Addr().String(), last.in.Addr.Addr().String()
		for _, h := range hops {
			there := route(g.at, g.graph.Nodes[h.out.Node].Name, to, h.out.Iface)
			there.set("from", text(g.at, from))
			back := route(g.at, g.graph.Nodes[h.in.Node].Name, from, h.in.Iface)
			back.set("from", text(g.at, to))
			routes = append(routes, tableValue(there), tableValue(back))
		}
	}
	if !g.multipath() {
		return routes
	}
	f.set("path_manager", text(g.at, "scripted"))
	if len(actions) > 0 {
		f.set("path_action", list(g.at, actions...))
	}
	return routes
}
