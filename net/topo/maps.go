package topo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"mpsim/sim"
)

// rocketfuelSpec reads the latencies of Rocketfuel (Spring, Mahajan, Wetherall,
// SIGCOMM'02, as processed by Mahajan et al., IMW'02): lines "City+id City+id ms",
// one for each direction.
var rocketfuelSpec = Spec{
	Name: "rocketfuel",
	Doc: "a backbone of Rocketfuel with measured latencies: routers named by city and number, one link for each pair that is listed in either direction; " +
		"rate of [topology] holds for all links",
	Classes: []string{"host", "backbone"},
	Params:  mapParams,
	Make:    makeRocketfuel,
}

func makeRocketfuel(v *Values, env *Env) (*Graph, error) {
	text, err := openMap(v, env)
	if err != nil {
		return nil, err
	}
	b := mapBuilder{file: v.text("file"), env: env, index: make(map[string]int), once: make(map[[2]int]bool)}
	for i, line := range strings.Split(string(bytes.TrimRight(text, "\n")), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("%s:%d: %d words; want two routers and a latency in ms", b.file, i+1, len(words))
		}
		ms, err := strconv.ParseFloat(words[2], 64)
		if err != nil || !(ms >= 0 && ms <= 10000) {
			return nil, fmt.Errorf("%s:%d: latency %q is not a number of milliseconds from 0 to 10000", b.file, i+1, words[2])
		}
		for _, w := range words[:2] {
			if _, known := b.index[w]; !known {
				if err := b.node(mapNode{id: w, label: w}); err != nil {
					return nil, err
				}
			}
		}
		if err := b.edge(words[0], words[1], 0, sim.Duration(ms*float64(sim.Millisecond))); err != nil {
			return nil, fmt.Errorf("%s:%d: %v", b.file, i+1, err)
		}
	}
	return b.finish(v.n("hosts"))
}

// mapBuilder makes a graph of a map.
type mapBuilder struct {
	file  string
	env   *Env
	g     Graph
	nodes []mapNode
	index map[string]int // by id
	// once says which pairs are linked already, if a second line of a pair is the
	// other direction of the same link; nil: it is another link.
	once map[[2]int]bool
}

// node adds a router, named by its label so far as names allow.
func (b *mapBuilder) node(m mapNode) error {
	if _, known := b.index[m.id]; known || m.id == "" {
		return fmt.Errorf("%s: two nodes have the id %q, or none", b.file, m.id)
	}
	name := cleanName(m.label)
	for _, n := range b.g.Nodes {
		if n.Name == name {
			name = ""
		}
	}
	if name == "" {
		name = cleanName("n" + strings.TrimPrefix(m.id, "n"))
	}
	b.index[m.id] = b.g.router("%s", name)
	b.nodes = append(b.nodes, m)
	return nil
}

// cleanName turns a label into a name; "" if it has no letter to begin with.
func cleanName(label string) string {
	var out strings.Builder
	for _, c := range label {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' && out.Len() > 0:
			out.WriteRune(c)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "_"):
			out.WriteByte('_')
		}
	}
	return strings.TrimSuffix(out.String(), "_")
}

// edge adds a link; a negative delay is to be found from coordinates.
func (b *mapBuilder) edge(from, to string, rate sim.Rate, delay sim.Duration) error {
	x, ok1 := b.index[from]
	y, ok2 := b.index[to]
	switch {
	case !ok1 || !ok2:
		return fmt.Errorf("%s: a link from %q to %q, one of which is no node", b.file, from, to)
	case x == y:
		return nil // some maps have loops
	case b.once != nil && b.once[[2]int{min(x, y), max(x, y)}]:
		return nil
	case b.once != nil:
		b.once[[2]int{min(x, y), max(x, y)}] = true
	}
	l := b.g.join("backbone", x, y)
	l.Rate = rate
	if p, q := &b.nodes[x], &b.nodes[y]; delay < 0 && p.place && q.place {
		delay = greatCircle(p, q)
	}
	if delay >= 0 {
		l.Delay, l.Known = delay, true
	}
	return nil
}

// greatCircle is the delay of a fibre along the great circle, 200 km a millisecond
// on a sphere of radius 6371 km (haversine formula).
func greatCircle(p, q *mapNode) sim.Duration {
	const rad = 3.14159265358979323846 / 180
	sinHalf := func(deg float64) float64 { return sine(float64(deg*rad) / 2) }
	a, o := sinHalf(p.lat-q.lat), sinHalf(p.lon-q.lon)
	cosines := float64(cosine(float64(p.lat*rad)) * cosine(float64(q.lat*rad)))
	h := float64(a*a) + float64(float64(cosines*o)*o)
	km := float64(2 * 6371 * arcsine(sim.Sqrt(min(h, 1))))
	return sim.Duration(km / 200 * float64(sim.Millisecond))
}

// finish adds the hosts and checks that every link has a rate and a delay.
func (b *mapBuilder) finish(hosts int) (*Graph, error) {
	if len(b.nodes) == 0 {
		return nil, fmt.Errorf("%s has no nodes", b.file)
	}
	for i := range b.g.Links {
		l := &b.g.Links[i]
		switch {
		case l.Rate == 0 && b.env.Rate == 0:
			return nil, fmt.Errorf("%s says nothing of the speed of link %s; give [topology] a rate for such links", b.file, l.Name)
		case !l.Known && !b.env.HasDelay:
			return nil, fmt.Errorf("%s gives link %s neither a latency nor both ends coordinates; give [topology] a delay for such links", b.file, l.Name)
		}
	}
	h := 0
	for r := range len(b.nodes) {
		for i := range hosts {
			l := b.g.attach("host", b.g.host(r, "h%s_%d", b.g.Nodes[r].Name, i), "eth0", hostAddr(h, 0), r)
			l.Delay, l.Known = 0, true
			h++
		}
	}
	return &b.g, nil
}
