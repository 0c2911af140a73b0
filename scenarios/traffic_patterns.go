package scenarios

import (
	"bufio"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mpsim/net/topo"
	"mpsim/sim"
)

// draw returns the flows of the pattern.
func (g *trafficGroup) draw() ([]pair, error) {
	switch g.t.Pattern {
	case "permutation":
		return g.permutation(), nil
	case "random":
		return g.random()
	case "sparse":
		return g.sparse()
	case "hotspot":
		return g.hotspot()
	case "incast":
		return g.incast()
	case "alltoall", "local":
		return g.everyone()
	case "stride":
		if g.t.Stride%len(g.hosts) == 0 {
			return nil, fmt.Errorf("a stride of %d leads each of %d hosts to itself", g.t.Stride, len(g.hosts))
		}
		var out []pair
		for i := range g.hosts {
			out = append(out, pair{from: i, to: (i + g.t.Stride) % len(g.hosts)})
		}
		return out, nil
	case "poisson":
		return g.poisson()
	}
	return g.read()
}

// shuffled returns the numbers below n in random order.
func shuffled(n int, r *sim.Rand) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := int(r.IntN(uint64(i + 1)))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// permutation draws until nobody sends to itself, some 2.7 times, so that each
// derangement is equally likely.
func (g *trafficGroup) permutation() (out []pair) {
	for {
		to := shuffled(len(g.hosts), g.rand)
		out = out[:0]
		for i, k := range to {
			if i != k {
				out = append(out, pair{from: i, to: k})
			}
		}
		if len(out) == len(g.hosts) {
			return out
		}
	}
}

// other draws a host that is not the given one.
func (g *trafficGroup) other(i int) int {
	k := int(g.rand.IntN(uint64(len(g.hosts) - 1)))
	if k >= i {
		k++
	}
	return k
}

func (g *trafficGroup) random() (out []pair, err error) {
	if g.t.Flows >= len(g.hosts) {
		return nil, fmt.Errorf("%d flows of a host need as many other hosts; there are %d", g.t.Flows, len(g.hosts)-1)
	}
	for i := range g.hosts {
		var to []int
		for len(to) < g.t.Flows {
			if k := g.other(i); !slices.Contains(to, k) {
				to = append(to, k)
				out = append(out, pair{from: i, to: k})
			}
		}
	}
	return out, nil
}

// share is the part of the hosts that the pattern wants.
func (g *trafficGroup) share(usual float64) int {
	if g.t.Share != nil {
		usual = float64(*g.t.Share)
	}
	return int(usual*float64(len(g.hosts)) + 0.5)
}

func (g *trafficGroup) sparse() (out []pair, err error) {
	n := g.share(0.3)
	if n < 1 {
		return nil, fmt.Errorf("a share of %d hosts rounds to nobody", len(g.hosts))
	}
	from := shuffled(len(g.hosts), g.rand)[:n]
	slices.Sort(from)
	for {
		to := shuffled(len(g.hosts), g.rand)[:n]
		out = out[:0]
		for i := range from {
			if from[i] != to[i] {
				out = append(out, pair{from: from[i], to: to[i]})
			}
		}
		if len(out) == n {
			return out, nil
		}
	}
}

func (g *trafficGroup) hotspot() (out []pair, err error) {
	if g.t.Targets >= len(g.hosts) {
		return nil, fmt.Errorf("%d targets of %d hosts", g.t.Targets, len(g.hosts))
	}
	hot := shuffled(len(g.hosts), g.rand)[:g.t.Targets]
	toHot := shuffled(len(g.hosts), g.rand)[:g.share(0.5)]
	for i := range g.hosts {
		to := g.other(i)
		if slices.Contains(toHot, i) {
			to = hot[g.rand.IntN(uint64(len(hot)))]
			for to == i && len(hot) > 1 {
				to = hot[g.rand.IntN(uint64(len(hot)))]
			}
			if to == i {
				to = g.other(i)
			}
		}
		out = append(out, pair{from: i, to: to})
	}
	return out, nil
}

func (g *trafficGroup) incast() (out []pair, err error) {
	target := slices.Index(g.hosts, g.t.Target)
	if g.t.Target == "" {
		target = int(g.rand.IntN(uint64(len(g.hosts))))
	}
	n := g.t.Senders
	switch {
	case target < 0:
		return nil, fmt.Errorf("there is no host %q%s", g.t.Target, didYouMean(g.t.Target, g.hosts))
	case n >= len(g.hosts):
		return nil, fmt.Errorf("%d senders need as many hosts beside the target; there are %d", n, len(g.hosts)-1)
	case n == 0:
		n = len(g.hosts) - 1
	}
	from := slices.DeleteFunc(shuffled(len(g.hosts), g.rand), func(i int) bool { return i == target })[:n]
	slices.Sort(from)
	for _, i := range from {
		out = append(out, pair{from: i, to: target})
	}
	return out, nil
}

// everyone is all pairs, or those that share a router.
func (g *trafficGroup) everyone() (out []pair, err error) {
	local := g.t.Pattern == "local"
	if local && g.graph == nil {
		return nil, fmt.Errorf("pattern \"local\" needs [topology]")
	}
	for i := range g.hosts {
		for k := range g.hosts {
			if i != k && (!local || g.near(g.nodes[i], g.nodes[k])) {
				out = append(out, pair{from: i, to: k})
			}
		}
	}
	if len(out) > g.t.Most {
		return nil, fmt.Errorf("%d hosts make %d flows; at most %d are possible", len(g.hosts), len(out), g.t.Most)
	}
	return out, nil
}

// near reports whether two hosts share a router.
func (g *trafficGroup) near(a, b int) bool {
	if g.switches == nil {
		g.switches = make(map[int][]int)
		for i := range g.graph.Links {
			l := &g.graph.Links[i]
			g.switches[l.A.Node] = append(g.switches[l.A.Node], l.B.Node)
		}
	}
	return slices.ContainsFunc(g.switches[a], func(s int) bool { return slices.Contains(g.switches[b], s) })
}

// poisson draws arrivals of the whole group: the rate is that of a host, load x
// capacity / (8 x mean size), for each host.
func (g *trafficGroup) poisson() (out []pair, err error) {
	sizes := &sizeDistribution{}
	if g.t.Sizes != "" {
		f, err := g.open(g.t.Sizes)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if sizes, err = readSizes(g.t.Sizes, bufio.NewScanner(f)); err != nil {
			return nil, err
		}
	} else {
		var size Bytes
		e := g.t.table.get("size")
		if e == nil {
			return nil, fmt.Errorf("pattern \"poisson\" needs sizes or size")
		}
		if s, ok := e.value.data.(string); !ok || size.parse(s) != nil || size.Unlimited || size.N < 1 {
			return nil, fmt.Errorf("size must be a number of bytes")
		}
		sizes = &sizeDistribution{bytes: []float64{float64(size.N)}, upTo: []float64{1}}
	}
	interval := 8 * sizes.mean() / (g.t.Load * float64(g.t.Capacity.Bits) * float64(len(g.hosts))) // s
	draws := g.stream("traffic/" + g.t.Name + "/size")
	for at := 0.0; ; {
		at += float64(g.rand.Exp() * interval)
		if at >= g.end.Seconds() {
			return out, nil
		}
		if len(out) == g.t.Most {
			return nil, fmt.Errorf("more than %d flows before the end of the run", g.t.Most)
		}
		from := int(g.rand.IntN(uint64(len(g.hosts))))
		out = append(out, pair{from, g.other(from), sim.Duration(at * float64(sim.Second)), sizes.draw(draws)})
	}
}

// sizeDistribution is an empirical distribution: probability upTo[i] of at most
// bytes[i], linear between the points.
type sizeDistribution struct{ bytes, upTo []float64 }

// readSizes reads lines "bytes probability".
func readSizes(name string, lines *bufio.Scanner) (*sizeDistribution, error) {
	d := new(sizeDistribution)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return nil, fmt.Errorf("%s:%d: want \"bytes probability\"", name, n)
		}
		size, err1 := strconv.ParseFloat(words[0], 64)
		p, err2 := strconv.ParseFloat(words[1], 64)
		if err1 != nil || err2 != nil || !(size >= 0 && size <= 1e12) || !(p >= 0 && p <= 100) {
			return nil, fmt.Errorf("%s:%d: %q is no number of bytes with a probability", name, n, lines.Text())
		}
		if k := len(d.bytes); k > 0 && (size <= d.bytes[k-1] || p < d.upTo[k-1]) {
			return nil, fmt.Errorf("%s:%d: sizes and probabilities must ascend", name, n)
		}
		d.bytes, d.upTo = append(d.bytes, size), append(d.upTo, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	if len(d.upTo) == 0 || d.upTo[len(d.upTo)-1] != 1 && d.upTo[len(d.upTo)-1] != 100 {
		return nil, fmt.Errorf("%s: the last probability must be 1, or 100 per cent", name)
	}
	if d.upTo[len(d.upTo)-1] == 100 {
		for i := range d.upTo {
			d.upTo[i] /= 100
		}
	}
	return d, nil
}

// mean is the mean of the distribution.
func (d *sizeDistribution) mean() float64 {
	sum := float64(d.bytes[0] * d.upTo[0])
	for i := 1; i < len(d.bytes); i++ {
		sum += float64((d.bytes[i] + d.bytes[i-1]) / 2 * (d.upTo[i] - d.upTo[i-1]))
	}
	return sum
}

// draw returns a size, at least one byte.
func (d *sizeDistribution) draw(r *sim.Rand) int64 {
	u := r.Float64()
	i, _ := slices.BinarySearch(d.upTo, u)
	x := d.bytes[i]
	if i > 0 && d.upTo[i] > d.upTo[i-1] {
		x = d.bytes[i-1] + float64((x-d.bytes[i-1])*(u-d.upTo[i-1])/(d.upTo[i]-d.upTo[i-1]))
	}
	return max(int64(x+0.5), 1)
}

// read reads the flows of a file.
func (g *trafficGroup) read() (out []pair, err error) {
	if g.t.File == "" {
		return nil, fmt.Errorf("pattern \"file\" needs file")
	}
	f, err := g.open(g.t.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	place := make(map[string]int)
	for i, h := range g.hosts {
		place[h] = i
	}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 4 {
			return nil, fmt.Errorf("%s:%d: want \"start_in_s source destination bytes\"", g.t.File, n)
		}
		start, err1 := strconv.ParseFloat(words[0], 64)
		size, err2 := strconv.ParseInt(words[3], 10, 64)
		if err1 != nil || err2 != nil || !(start >= 0 && start <= 86400) || size < 1 {
			return nil, fmt.Errorf("%s:%d: %q is no start in seconds, or %q no number of bytes", g.t.File, n, words[0], words[3])
		}
		for _, w := range words[1:3] {
			if _, ok := place[w]; !ok {
				return nil, fmt.Errorf("%s:%d: there is no host %q%s", g.t.File, n, w, didYouMean(w, g.hosts))
			}
		}
		if words[1] == words[2] {
			return nil, fmt.Errorf("%s:%d: %s sends to itself", g.t.File, n, words[1])
		}
		out = append(out, pair{place[words[1]], place[words[2]], sim.Duration(start*float64(sim.Second) + 0.5), size})
		if len(out) > g.t.Most {
			return nil, fmt.Errorf("%s:%d: more than %d flows", g.t.File, n, g.t.Most)
		}
	}
	return out, lines.Err()
}

// pathHop is one link of a path in the direction of the path.
type pathHop struct{ out, in *topo.End }

// walk follows the links of a path from a host.
func (g *trafficGroup) walk(from int, path []int) []pathHop {
	var hops []pathHop
	at := from
	for _, i := range path {
		l := &g.graph.Links[i]
		h := pathHop{&l.A, &l.B}
		if l.A.Node != at {
			h = pathHop{&l.B, &l.A}
		}
		hops = append(hops, h)
		at = h.in.Node
	}
	return hops
}
