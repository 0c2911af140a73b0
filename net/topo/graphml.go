package topo

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mpsim/sim"
)

// GraphML as the Internet Topology Zoo publishes it (Knight et al., JSAC 2011).
//
// Read: nodes with label and Latitude/Longitude; edges with LinkSpeedRaw (bits per
// second), LinkSpeed with LinkSpeedUnits, LinkLabel or label ("10 Gbps", "OC-192c").
// The delay of a link is the length of the great circle between its ends at 200 km a
// millisecond, the speed of light in fibre. Not read: nested graphs, ports,
// hyperedges, directions (a link carries both).

var mapParams = []Param{
	{Name: "file", Doc: "file below the data directory", IsText: true},
	{Name: "hosts", Doc: "hosts h<node>_<i> of each router", Default: 1, Min: 0, Max: 64},
}

var graphMLSpec = Spec{
	Name: "graphml",
	Doc: "a map of the Internet Topology Zoo: routers n<id>, or named by their labels, links with the speed of their label and the delay of the great circle " +
		"between their coordinates; rate and delay of [topology] are for links of which the file says nothing",
	Classes: []string{"host", "backbone"},
	Params:  mapParams,
	Make:    makeGraphML,
}

type xmlGraph struct {
	Keys []struct {
		ID   string `xml:"id,attr"`
		Name string `xml:"attr.name,attr"`
		For  string `xml:"for,attr"`
	} `xml:"key"`
	Graphs []struct {
		Nodes []xmlItem `xml:"node"`
		Edges []xmlItem `xml:"edge"`
	} `xml:"graph"`
}

type xmlItem struct {
	ID     string `xml:"id,attr"`
	Source string `xml:"source,attr"`
	Target string `xml:"target,attr"`
	Data   []struct {
		Key  string `xml:"key,attr"`
		Text string `xml:",chardata"`
	} `xml:"data"`
}

// mapNode is a router of a map.
type mapNode struct {
	id, label string
	place     bool
	lat, lon  float64
}

// maxMapFile bounds the size of a map.
const maxMapFile = 16 << 20

// openMap returns the text of the file that the parameters name.
func openMap(v *Values, env *Env) ([]byte, error) {
	if env.Open == nil {
		return nil, fmt.Errorf("there are no files here to read %s from", v.text("file"))
	}
	f, err := env.Open(v.text("file"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMapFile+1))
	if err == nil && len(text) > maxMapFile {
		err = fmt.Errorf("%s is larger than %d MiB", v.text("file"), maxMapFile>>20)
	}
	return text, err
}

func makeGraphML(v *Values, env *Env) (*Graph, error) {
	text, err := openMap(v, env)
	if err != nil {
		return nil, err
	}
	var x xmlGraph
	if err := xml.Unmarshal(text, &x); err != nil {
		return nil, fmt.Errorf("%s: %v", v.text("file"), err)
	}
	if len(x.Graphs) != 1 {
		return nil, fmt.Errorf("%s: %d graphs, want one", v.text("file"), len(x.Graphs))
	}
	names := make(map[string]string)
	for _, k := range x.Keys {
		names[k.For+"/"+k.ID] = k.Name
	}
	data := func(kind string, i *xmlItem) map[string]string {
		m := make(map[string]string)
		for _, d := range i.Data {
			m[names[kind+"/"+d.Key]] = strings.TrimSpace(d.Text)
		}
		return m
	}
	b := mapBuilder{file: v.text("file"), env: env, index: make(map[string]int)}
	for i := range x.Graphs[0].Nodes {
		n := &x.Graphs[0].Nodes[i]
		d := data("node", n)
		m := mapNode{id: n.ID, label: d["label"]}
		lat, err1 := strconv.ParseFloat(d["Latitude"], 64)
		lon, err2 := strconv.ParseFloat(d["Longitude"], 64)
		if err1 == nil && err2 == nil {
			m.place, m.lat, m.lon = true, lat, lon
		}
		if err := b.node(m); err != nil {
			return nil, err
		}
	}
	for i := range x.Graphs[0].Edges {
		e := &x.Graphs[0].Edges[i]
		d := data("edge", e)
		if err := b.edge(e.Source, e.Target, linkSpeed(d), -1); err != nil {
			return nil, err
		}
	}
	return b.finish(v.n("hosts"))
}

// linkSpeed reads the rate of an edge; 0: it has none.
func linkSpeed(d map[string]string) sim.Rate {
	if f, err := strconv.ParseFloat(d["LinkSpeedRaw"], 64); err == nil && f > 0 && f < 1e15 {
		return sim.Rate(f)
	}
	for _, text := range []string{d["LinkSpeed"] + d["LinkSpeedUnits"] + "bps", d["LinkLabel"], d["label"]} {
		if r := parseSpeed(text); r > 0 {
			return r
		}
	}
	return 0
}

// parseSpeed reads "10 Gbps", "155Mb/s", "OC-192c" or "STM-16"; 0: it is none of
// these. OC-n is n times 51.84 Mb/s, STM-n three times as much (ITU-T G.707).
func parseSpeed(text string) sim.Rate {
	t := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "/", "P").Replace(text))
	digits := func(s string) (float64, string) {
		i := 0
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
			i++
		}
		f, _ := strconv.ParseFloat(s[:i], 64)
		return f, s[i:]
	}
	for _, o := range []struct {
		prefix string
		unit   float64
	}{{"OC", 51.84e6}, {"STM", 155.52e6}} {
		if s, ok := strings.CutPrefix(t, o.prefix); ok {
			if n, _ := digits(s); n > 0 && n <= 3072 {
				return sim.Rate(n * o.unit)
			}
		}
	}
	n, unit := digits(t)
	for _, u := range []struct {
		name string
		bits float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}} {
		if strings.HasPrefix(unit, u.name+"P") && n > 0 && n*u.bits < 1e15 {
			return sim.Rate(n * u.bits)
		}
	}
	return 0
}
