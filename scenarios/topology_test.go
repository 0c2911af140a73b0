package scenarios

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpsim/sim"
)

// pods is a fat-tree of 16 hosts with traffic to come.
const pods = `schema = 1
name = "pods"
duration = "200ms"
[topology]
kind = "fattree"
rate = "100Mbps"
delay = "10us"
queue = "50pkt"
`

// group returns source and destination of the flows of a pattern.
func group(t *testing.T, traffic string, o Options) (out [][2]string, sc *Scenario) {
	t.Helper()
	o.DataDir = synthetic
	sc, err := Parse("in.toml", pods+"[[traffic]]\nname = \"g\"\nprotocol = \"tcp\"\n"+traffic, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sc.Flows {
		if f.Group != "g" || f.Direction != "up" {
			t.Errorf("flow %s is of group %q, direction %s", f.Name, f.Group, f.Direction)
		}
		out = append(out, [2]string{f.Client, f.Server})
	}
	return out, sc
}

// distinct counts the different sources and destinations.
func distinct(pairs [][2]string) (from, to int) {
	f, t := make(map[string]bool), make(map[string]bool)
	for _, p := range pairs {
		f[p[0]], t[p[1]] = true, true
	}
	return len(f), len(t)
}

func TestTrafficPatterns(t *testing.T) {
	for _, v := range []struct {
		keys            string
		flows, from, to int // 0: any
	}{
		{"pattern = \"permutation\"", 16, 16, 16},
		{"pattern = \"random\"\nflows = 12", 16 * 12, 16, 16},
		{"pattern = \"sparse\"", 5, 5, 5}, // 30 % of 16 is 4.8
		{"pattern = \"sparse\"\nshare = 0.5", 8, 8, 8},
		{"pattern = \"hotspot\"\nshare = 1", 16, 16, 0},
		{"pattern = \"incast\"", 15, 15, 1},
		{"pattern = \"incast\"\nsenders = 7\ntarget = \"h2_1_0\"", 7, 7, 1},
		{"pattern = \"alltoall\"", 240, 16, 16},
		{"pattern = \"alltoall\"\nhosts = [\"h0_*\", \"h1_0_0\"]", 20, 5, 5},
		{"pattern = \"stride\"\nstride = 8", 16, 16, 16},
		{"pattern = \"local\"", 16, 16, 16},
		{"pattern = \"file\"\nfile = \"traffic/flows.txt\"", 2, 2, 2},
	} {
		pairs, sc := group(t, v.keys, Options{})
		from, to := distinct(pairs)
		if len(pairs) != v.flows || from != v.from || v.to != 0 && to != v.to {
			t.Errorf("%q: %d flows from %d to %d hosts, want %d, %d, %d", v.keys, len(pairs), from, to, v.flows, v.from, v.to)
		}
		for i, p := range pairs {
			if p[0] == p[1] || slices.Contains(pairs[:i], p) {
				t.Errorf("%q: flow from %s to %s", v.keys, p[0], p[1])
			}
			if strings.Contains(v.keys, "\"local\"") && p[0][:4] != p[1][:4] {
				t.Errorf("%s and %s share no switch", p[0], p[1])
			}
		}
		switch {
		case strings.Contains(v.keys, "target ="):
			if pairs[0][1] != "h2_1_0" {
				t.Errorf("incast to %s", pairs[0][1])
			}
		case strings.Contains(v.keys, "hotspot"):
			hot := make(map[string]int)
			for _, p := range pairs {
				hot[p[1]]++
			}
			most := 0
			for _, n := range hot {
				most = max(most, n)
			}
			if most < 15 {
				t.Errorf("with a share of 1 the hot host gets %d flows of 16", most)
			}
		case strings.Contains(v.keys, "stride"):
			if pairs[0] != [2]string{"h0_0_0", "h2_0_0"} {
				t.Errorf("stride 8 leads from %s to %s", pairs[0][0], pairs[0][1])
			}
		case strings.Contains(v.keys, "flows.txt"):
			if f := sc.Flows[1]; f.Client != "h1_0_0" || f.Start != 100e6 || f.Size.N != 20000 {
				t.Errorf("second flow of the file: %+v", f)
			}
		}
	}
}

// What is drawn follows the seed, of the file or of the command line; the resolved
// scenario has it spelled out and gives the same run, whatever the seed of its file
// draws.
func TestTrafficFollowsTheSeed(t *testing.T) {
	keys := "pattern = \"permutation\"\njitter = \"20ms\"\nsize = \"20kB\""
	first, one := group(t, keys, Options{})
	if again, _ := group(t, keys, Options{}); !slices.Equal(first, again) {
		t.Error("the same seed draws another permutation")
	}
	seed := uint64(2)
	second, two := group(t, keys, Options{Seed: &seed})
	if slices.Equal(first, second) || two.Seed != 2 || two.FileSeed() != 1 {
		t.Errorf("seed 2 draws the same permutation; seed %d of the run, %d of the file", two.Seed, two.FileSeed())
	}
	// groups with the same name of draws have the same pairs, whatever theirs are called.
	both, _ := group(t, keys+"\ndraws = \"pairs\"", Options{})
	if other, _ := group(t, keys+"\ndraws = \"pairs\"", Options{Set: []string{"traffic.g.subflows=2"}}); !slices.Equal(both, other) || slices.Equal(both, first) {
		t.Error("the name of the draws decides nothing")
	}
	if set, _ := group(t, keys, Options{Set: []string{"seed=2"}}); !slices.Equal(set, second) {
		t.Error("--set seed=2 and --seed 2 differ")
	}
	for _, f := range one.Flows {
		if f.Start < 0 || f.Start >= 20e6 {
			t.Errorf("flow %s starts at %v", f.Name, f.Start)
		}
	}
	hash := func(sc *Scenario) string {
		w, err := Build(sc, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		return w.Hash().String()
	}
	again, err := Parse("resolved.toml", resolvedText(t, one), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := hash(one), hash(again); a != b {
		t.Errorf("the run has the hash %s, that of the resolved scenario %s", a, b)
	}
}

// Poisson arrivals: the bytes per second are load x capacity for each host, within
// four standard deviations of the sum of a Poisson number of sizes; sizes follow
// the distribution: half of them up to 1000 bytes.
func TestPoissonTraffic(t *testing.T) {
	pairs, sc := group(t, "pattern = \"poisson\"\nsizes = \"traffic/sizes.txt\"\nload = 0.2\ncapacity = \"100Mbps\"", Options{Set: []string{"duration=1s"}})
	// Mean (500 + 5500)/2; mean square 1000^2/6 + (10000^3-1000^3)/(3 x 9000)/2.
	const mean, square = 3000, 1e6/6 + (1e12-1e9)/27000/2
	rate := 16 * 0.2 * 100e6 / 8.0 // bytes a second
	n := rate / mean
	if d := math.Abs(float64(len(pairs)) - n); d > 4*math.Sqrt(n) {
		t.Errorf("%d flows, want %.0f", len(pairs), n)
	}
	sum, small := 0.0, 0
	for i, f := range sc.Flows {
		sum += float64(f.Size.N)
		if f.Size.N <= 1000 {
			small++
		}
		if i > 0 && f.Start < sc.Flows[i-1].Start {
			t.Fatal("arrivals are not in order")
		}
	}
	if d := math.Abs(sum - rate); d > 4*math.Sqrt(n*square) {
		t.Errorf("%.0f bytes, want %.0f", sum, rate)
	}
	if d := math.Abs(float64(small) - n/2); d > 4*math.Sqrt(n/2) {
		t.Errorf("%d of %d flows have up to 1000 bytes", small, len(pairs))
	}
}

// The means of published distributions under linear interpolation, where the machine
// has the files: web search 1.711 MB, data mining 12.66 MB.
func TestRecordedFlowSizes(t *testing.T) {
	dir := filepath.Join(DataDir(""), "flow-cdf")
	if _, err := os.Stat(dir); err != nil {
		dir = filepath.FromSlash("../../shared/data/flow-cdf")
	}
	for file, want := range map[string]float64{
		"DCTCP_CDF.apache2.txt": 1.711e6, "VL2_CDF.apache2.txt": 12.66e6, "DCTCP_CDF.hkust.txt": 1.711e6, "FB_CDF.hkust.txt": 342,
	} {
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Skipf("no recorded flow sizes in %s", dir)
		}
		d, err := readSizes(file, bufio.NewScanner(f))
		f.Close()
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if m := d.mean(); math.Abs(m-want) > 0.002*want {
			t.Errorf("%s: mean %.0f, want %.0f", file, m, want)
		}
	}
}

func TestFlowSizesRead(t *testing.T) {
	read := func(text string) (*sizeDistribution, error) {
		return readSizes("f", bufio.NewScanner(strings.NewReader(text)))
	}
	d, err := read("0 0\n100 40\n200 100\n")
	if err != nil || d.upTo[1] != 0.4 || d.mean() != 50*0.4+150*0.6 {
		t.Errorf("%+v, %v", d, err)
	}
	r := sim.NewRand(1, 0, "x")
	for range 1000 {
		if n := d.draw(r); n < 1 || n > 200 {
			t.Fatalf("drew %d", n)
		}
	}
	for text, want := range map[string]string{
		"": "last probability", "1 0.5": "last probability", "1 2 3": "f:1:", "a 1": "f:1:", "5 0.5\n4 1": "f:2: sizes", "5 0.5\n6 0.4": "f:2: sizes",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The links of a topology: properties of all, of a class, of one by its name; rates
// that the graph knows win over those of all links.
func TestTopologyLinks(t *testing.T) {
	sc := mustParse(t, pods+
		"[topology.core]\nrate = \"1Gbps\"\n[[link]]\nname = \"h0_0_0-e0_0\"\ndelay = \"3us\"\n[[traffic]]\nname = \"x\"\npattern = \"stride\"\n", "link.e0_0-a0_1.rate=7Mbps")
	rates := make(map[string]int64)
	for _, l := range sc.Links {
		rates[l.Name] = int64(l.Up.Rate.Bits)
		if want := Duration(10e3); l.Name == "h0_0_0-e0_0" && *l.Up.Delay != 3e3 || l.Name != "h0_0_0-e0_0" && *l.Up.Delay != want {
			t.Errorf("%s has a delay of %v", l.Name, *l.Up.Delay)
		}
	}
	if len(rates) != 48 || rates["a0_0-c0_0"] != 1e9 || rates["e0_0-a0_0"] != 1e8 || rates["e0_0-a0_1"] != 7e6 || rates["h3_1_1-e3_1"] != 1e8 {
		t.Errorf("rates %v", rates)
	}
	if sc.ECMP == nil || sc.ECMP.Mode != "hash" {
		t.Errorf("ECMP %+v", sc.ECMP)
	}
	if f := sc.Flows[0]; f.To != "10.0.0.3" || f.Client != "h0_0_0" {
		t.Errorf("first flow goes from %s to %s", f.Client, f.To)
	}
	olia := mustParse(t, strings.Replace(pods, "fattree", "olia-b", 1)+"[[flow]]\nname = \"b\"\nclient = \"blue0\"\nserver = \"server\"\n")
	for _, l := range olia.Links {
		if l.Name == "X" && l.Down.Rate.Bits != 27e6 {
			t.Errorf("X has %v", l.Down.Rate)
		}
	}
}

func TestTopologyProblems(t *testing.T) {
	traffic := "[[traffic]]\nname = \"g\"\npattern = \"permutation\"\n"
	for _, v := range []struct{ text, want string }{
		{strings.Replace(pods, "fattree", "fatree", 1) + traffic, `in.toml:5:8: unknown topology "fatree"`},
		{strings.Replace(pods, "kind = \"fattree\"\n", "", 1) + traffic, "topology needs kind"},
		{pods + "k = 3\n" + traffic, "must be even"},
		{pods + "k = 100\n" + traffic, `in.toml:9:5: k is 100`},
		{pods + "pods = 4\n" + traffic, `unknown key "pods" in [topology]`},
		{pods + "[topology.core]\nrates = \"1Gbps\"\n" + traffic, `unknown key "rates" in [topology.core]; did you mean "rate"`},
		{pods + "core = \"1Gbps\"\n" + traffic, "class of links, written [topology.core]"},
		{strings.Replace(pods, "100Mbps", "100Mb", 1) + traffic, "in.toml:6:8: rate"},
		{pods + "[[traffic]]\nname = \"g\"\n", "needs pattern"},
		{pods + "[[traffic]]\nname = \"g\"\npattern = \"permutations\"\n", `did you mean "permutation"`},
		{pods + traffic + "server = \"x\"\n", `unknown key "server" in traffic "g"`},
		{pods + traffic + "ccc = \"lia\"\n", `did you mean "cc"`},
		{pods + traffic + "cc = \"nothing\"\n", `unknown congestion controller "nothing"`},
		{pods + traffic + "hosts = [\"x*\"]\n", `no host is named "x*"`},
		{pods + traffic + "hosts = [\"h0_0_0\"]\n", "at least two hosts"},
		{pods + strings.Replace(traffic, "permutation", "random", 1) + "flows = 16\n", "need as many other hosts"},
		{pods + strings.Replace(traffic, "permutation", "stride", 1) + "stride = 16\n", "to itself"},
		{pods + strings.Replace(traffic, "permutation", "incast", 1) + "target = \"h9\"\n", `no host "h9"`},
		{pods + strings.Replace(traffic, "permutation", "poisson", 1), "needs sizes or size"},
		{pods + strings.Replace(traffic, "permutation", "poisson", 1) + "sizes = \"none\"\n", "does not exist"},
		{pods + strings.Replace(traffic, "permutation", "poisson", 1) + "size = \"1B\"\n", "more than 50000 flows"},
		{pods + strings.Replace(traffic, "permutation", "file", 1), "needs file"},
		{pods + traffic + "[expect]\nx = \"goodput_mean(f) > 1Mbps\"\n", `no group of flows "f"`},
		{pods + traffic + "[expect]\nx = \"utilisation_mean('x*') > 1\"\n", `no link direction is named "x*"`},
	} {
		_, err := Parse("in.toml", v.text, Options{DataDir: synthetic})
		if err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%q: %v, want %q", v.text[len(v.text)-60:], err, v.want)
		}
	}
}

// A hundred kilobytes from each of 7 senders at once: the last is done when 700 kB
// and their headers have passed the receiver's link, not before.
func TestIncastCompletion(t *testing.T) {
	w := runText(t, pods+"[[traffic]]\nname = \"in\"\nprotocol = \"tcp\"\npattern = \"incast\"\nsenders = 7\ntarget = \"h0_0_0\"\nsize = \"100kB\"\n"+
		"[expect]\nall = \"finished(in) == 1\"\nnone = \"flows(in) == 7\"\nlast = \"fct_quantile(in, 1) >= 700kB / (100Mbps * 1448/1500)\"\nmean = \"fct_mean(in) <= fct_quantile(in, 1)\"\n"+
		"lost = \"drops_sum('e0_0-*.up') + drops_sum('h0_0_0-*.down') > 0\"\nright = \"group_corrupt_bytes(in) == 0B\"\nused = \"links_used('h0_0_0-*.down', 2) == 1\"\n", Run{}, "duration=3s")
	for _, e := range w.Expect() {
		if !e.Pass {
			t.Errorf("%s: %s: measured %s", e.Name, e.Expr, e.Value)
		}
	}
	if s := fmt.Sprint(w.Preamble().Settings); !strings.Contains(s, "in-0") {
		t.Errorf("preamble %s", s)
	}
}

// A map runs: packets from Paris to New York take the direct link of 29.186 ms by
// hops, and by delay the way over London of 1.718 and 27.851 ms when the direct one is
// made longer; the routers are named by their cities.
func TestMaps(t *testing.T) {
	text := "schema = 1\nname = \"map\"\nduration = \"2s\"\n[topology]\nkind = \"graphml\"\nfile = \"maps/three.graphml\"\nqueue = \"1000pkt\"\n[topology.host]\nrate = \"unlimited\"\n" +
		"[[flow]]\nname = \"f\"\nprotocol = \"tcp\"\nclient = \"hParis_0\"\nserver = \"hNew_York_0\"\nsize = \"10kB\"\n"
	for _, v := range []struct {
		keys, expect string
	}{
		{"", "29.186ms * 2 <= connected(f) <= 29.19ms * 2 + 0.1ms"},
		{"[ecmp]\nmetric = \"delay\"\n[[link]]\nname = \"Paris-New_York\"\ndelay = \"40ms\"\n", "29.568ms * 2 <= connected(f) <= 29.57ms * 2 + 0.1ms"},
		{"[[link]]\nname = \"Paris-New_York\"\ndelay = \"40ms\"\n", "80ms <= connected(f) <= 80.1ms"},
	} {
		sc, err := Parse("in.toml", text+v.keys+"[expect]\nway = \""+v.expect+"\"\n", Options{DataDir: synthetic})
		if err != nil {
			t.Fatal(err)
		}
		w, err := Build(sc, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		for _, e := range w.Expect() {
			if !e.Pass {
				t.Errorf("%s: measured %s", e.Expr, e.Value)
			}
		}
	}
	_, err := Parse("in.toml", strings.Replace(text, "three", "noweights", 1), Options{DataDir: synthetic})
	if err == nil || !strings.Contains(err.Error(), "in.toml:5:8: maps/noweights.graphml says nothing of the speed of link n0-n1") {
		t.Errorf("a cycle without weights: %v", err)
	}
}
