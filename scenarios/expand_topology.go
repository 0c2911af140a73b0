package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"mpsim/net/topo"
	"mpsim/sim"
)

// expander turns [topology] and [[traffic]] into nodes, links, routes and flows. It
// draws from streams of the scenario's seed, so that the resolved scenario, which
// spells everything out, gives the same run.
type expander struct {
	root     *table
	problems *problemList
	dataDir  string
	seed     uint64
	graph    *topo.Graph // nil: the file lists its nodes
	opened   []string    // files of the data directory
}

// stream returns the random numbers of one purpose.
func (x *expander) stream(name string) *sim.Rand { return sim.NewRand(x.seed, 0, name) }

// text is an entry with a string.
func text(at Pos, s string) *entry { return &entry{at, &value{pos: at, data: s}} }

func integer(at Pos, n int64) *entry  { return &entry{at, &value{pos: at, data: n}} }
func boolean(at Pos, b bool) *entry   { return &entry{at, &value{pos: at, data: b}} }
func tableValue(t *table) *value      { return &value{pos: t.pos, data: t} }
func list(at Pos, v ...*value) *entry { return &entry{at, &value{pos: at, data: v}} }

// topology expands [topology]: generated nodes and links come first, and entries of
// the same name in the file complete them.
func (x *expander) topology() {
	e := x.root.get("topology")
	if e == nil {
		return
	}
	x.root.remove("topology")
	t, ok := e.value.data.(*table)
	if !ok {
		x.problems.add(e.value.pos, "topology is a table [topology], not %s", e.value.describe())
		return
	}
	kind := t.get("kind")
	if kind == nil {
		x.problems.add(t.pos, "topology needs kind, such as kind = \"fattree\" (mpsim list topo)")
		return
	}
	name, _ := kind.value.data.(string)
	spec, err := topo.Find(name)
	if err != nil {
		x.problems.add(kind.value.pos, "%v", err)
		return
	}
	before := len(x.problems.all)
	links, classes, settings := x.topologyKeys(t, spec)
	if len(x.problems.all) > before {
		return
	}
	g, err := spec.Generate(settings, x.environment(links))
	if err != nil {
		x.problems.add(kind.value.pos, "%v", err)
		return
	}
	x.graph = g
	base := newTable(x.root.pos)
	base.set("node", list(t.pos, x.graphNodes(t.pos)...))
	base.set("link", list(t.pos, x.graphLinks(t.pos, links, classes)...))
	if len(g.Routes) > 0 {
		var routes []*value
		for _, r := range g.Routes {
			routes = append(routes, tableValue(route(t.pos, g.Nodes[r.Node].Name, r.To.Addr.Addr().String(), r.Via)))
		}
		if old := x.root.get("route"); old != nil {
			if l, ok := old.value.data.([]*value); ok {
				routes = append(l, routes...)
			}
			x.root.remove("route")
		}
		base.set("route", list(t.pos, routes...))
	}
	if x.root.get("ecmp") == nil {
		base.set("ecmp", &entry{t.pos, tableValue(newTable(t.pos))})
	}
	*x.root = *merge(base, x.root)
}

func route(at Pos, node, to, via string) *table {
	t := newTable(at)
	t.set("node", text(at, node))
	t.set("to", text(at, to))
	t.set("via", text(at, via))
	return t
}

// topologyKeys parts the keys of [topology]: properties of all links, tables for
// classes of links, and parameters.
func (x *expander) topologyKeys(t *table, spec *topo.Spec) (links *table, classes map[string]*table, settings []topo.Setting) {
	links, classes = newTable(t.pos), make(map[string]*table)
	var keys []string
	for _, f := range fieldsOf(reflect.TypeFor[Link]()) {
		if !slices.Contains([]string{"name", "a", "b", "box"}, f.key) {
			keys = append(keys, f.key)
		}
	}
	known := append(slices.Clone(keys), spec.Classes...)
	for i := range spec.Params {
		known = append(known, spec.Params[i].Name)
	}
	for _, key := range t.keys {
		e := t.get(key)
		switch {
		case key == "kind":
		case spec.Param(key) != nil:
			s := topo.Setting{Name: key}
			s.Text, s.IsText = e.value.data.(string)
			if n, ok := number(e.value); ok {
				s.Number = n
			} else if !s.IsText {
				x.problems.add(e.value.pos, "%s cannot be %s", key, e.value.describe())
				continue
			}
			if err := spec.Check(&s); err != nil {
				x.problems.add(e.value.pos, "%v", err)
				continue
			}
			settings = append(settings, s)
		case slices.Contains(spec.Classes, key):
			class, ok := e.value.data.(*table)
			if !ok {
				x.problems.add(e.value.pos, "%s is a class of links, written [topology.%s], not %s", key, key, e.value.describe())
				continue
			}
			for _, k := range class.keys {
				if !slices.Contains(keys, k) {
					x.problems.add(class.get(k).pos, "unknown key %q in [topology.%s]%s", k, key, didYouMean(k, keys))
				}
			}
			classes[key] = class
		case slices.Contains(keys, key):
			links.set(key, e)
		default:
			x.problems.add(e.pos, "unknown key %q in [topology]%s", key, didYouMean(key, known))
		}
	}
	return links, classes, settings
}

// environment is what the generator may use.
func (x *expander) environment(links *table) *topo.Env {
	env := &topo.Env{Rand: x.stream("topology"), HasDelay: links.get("delay") != nil, Open: x.open}
	if e := links.get("rate"); e != nil {
		var r Rate
		if s, ok := e.value.data.(string); ok && r.parse(s) == nil {
			env.Rate = max(r.Bits, 1)
		}
	}
	return env
}

// open opens a file of the data directory.
func (x *expander) open(name string) (io.ReadCloser, error) {
	path := dataPath(x.dataDir, name)
	x.opened = append(x.opened, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist; point --data or MPSIM_DATA to the directory that holds %s", path, name)
	}
	return f, err
}

// graphNodes are the nodes with their interfaces, in the order of the links.
func (x *expander) graphNodes(at Pos) []*value {
	g := x.graph
	ifaces := make([][]*value, len(g.Nodes))
	numbered := make([]int, len(g.Nodes)) // interfaces with an address
	add := func(node int, name string, addresses ...string) {
		t := newTable(at)
		t.set("name", text(at, name))
		var all []*value
		for _, a := range addresses {
			all = append(all, &value{pos: at, data: a})
		}
		numbered[node] += len(all)
		t.set("addresses", list(at, all...))
		ifaces[node] = append(ifaces[node], tableValue(t))
	}
	for i := range g.Nodes {
		if g.Nodes[i].Addr.IsValid() {
			add(i, "lo", g.Nodes[i].Addr.String())
		}
	}
	for i := range g.Links {
		for _, e := range []*topo.End{&g.Links[i].A, &g.Links[i].B} {
			if e.Addr.IsValid() {
				add(e.Node, e.Iface, e.Addr.String())
			} else {
				add(e.Node, e.Iface)
			}
		}
	}
	nodes := make([]*value, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		t := newTable(at)
		t.set("name", text(at, n.Name))
		if n.Router {
			t.set("router", boolean(at, true))
		}
		if n.Forward {
			t.set("forward", boolean(at, true))
		}
		if !n.Router && numbered[i] > 1 {
			t.set("source_routing", boolean(at, true))
		}
		t.set("interface", list(at, ifaces[i]...))
		nodes[i] = tableValue(t)
	}
	return nodes
}

// graphLinks are the links: the properties of all, what the graph says, and the
// properties of the class, in the order in which they win.
func (x *expander) graphLinks(at Pos, links *table, classes map[string]*table) []*value {
	g := x.graph
	out := make([]*value, len(g.Links))
	for i := range g.Links {
		l := &g.Links[i]
		t := newTable(at)
		t.set("name", text(at, l.Name))
		t.set("a", text(at, g.Nodes[l.A.Node].Name+"."+l.A.Iface))
		t.set("b", text(at, g.Nodes[l.B.Node].Name+"."+l.B.Iface))
		for _, k := range links.keys {
			t.set(k, links.get(k))
		}
		if l.Rate > 0 {
			t.set("rate", text(at, Rate{Bits: l.Rate}.String()))
		}
		if l.Known {
			t.set("delay", text(at, Duration(l.Delay).String()))
		}
		if c := classes[l.Class]; c != nil {
			for _, k := range c.keys {
				t.set(k, c.get(k))
			}
		}
		out[i] = tableValue(t)
	}
	return out
}

// topologyReference prints the table of topologies.
func topologyReference(b *strings.Builder) {
	b.WriteString("\n### `[topology]`\n\nNodes and links by a generator. Keys of `[[link]]` from `mode` on hold for all links, in `[topology.CLASS]` for those of a class. " +
		"Entries `[[node]]` and `[[link]]` of the same names complete what is generated. Without `[ecmp]` its defaults hold.\n\n")
	b.WriteString("| kind | topology | classes of links | key | default | range | meaning |\n|---|---|---|---|---|---|---|\n")
	for _, s := range topo.Specs() {
		for i := range s.Params {
			p := &s.Params[i]
			name, doc, classes := "", "", ""
			if i == 0 {
				name, doc, classes = "`"+s.Name+"`", s.Doc, "`"+strings.Join(s.Classes, "` `")+"`"
			}
			def, limits := TopologyParamText(p)
			fmt.Fprintf(b, "| %s | %s | %s | `%s` | %s | %s | %s |\n", name, doc, classes, p.Name, def, limits, p.Doc)
		}
	}
}

// TopologyParamText prints the default and the range of a parameter of a topology.
func TopologyParamText(p *topo.Param) (def, limits string) {
	switch {
	case p.IsText && p.Choices != nil:
		return "`" + p.DefaultText + "`", "`" + strings.Join(p.Choices, "` `") + "`"
	case p.IsText:
		return "required", "text"
	}
	return trimFloat(p.Default), trimFloat(p.Min) + " to " + trimFloat(p.Max)
}
