package topo

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/sim"
)

func generate(t testing.TB, kind string, set ...Setting) *Graph {
	t.Helper()
	g, err := try(kind, set...)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	return g
}

func try(kind string, set ...Setting) (*Graph, error) {
	s, err := Find(kind)
	if err != nil {
		return nil, err
	}
	return s.Generate(set, &Env{
		Rand: sim.NewRand(1, 0, "topology"),
		Open: func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join("testdata", name)) },
	})
}

func num(name string, x float64) Setting { return Setting{Name: name, Number: x} }
func text(name, x string) Setting        { return Setting{Name: name, Text: x, IsText: true} }

// count returns hosts, routers and links of a graph.
func count(g *Graph) [3]int {
	h := len(g.Hosts())
	return [3]int{h, len(g.Nodes) - h, len(g.Links)}
}

// degrees returns how many links of which class end at each node.
func degrees(g *Graph, class string) []int {
	out := make([]int, len(g.Nodes))
	for _, l := range g.Links {
		if l.Class == class {
			out[l.A.Node]++
			out[l.B.Node]++
		}
	}
	return out
}

// distances from a node over nodes that forward.
func distances(g *Graph, from int) []int {
	dist := make([]int, len(g.Nodes))
	for i := range dist {
		dist[i] = -1
	}
	dist[from] = 0
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if n := &g.Nodes[at]; at != from && !n.Router && !n.Forward {
			continue
		}
		for _, l := range g.Links {
			for _, e := range [][2]int{{l.A.Node, l.B.Node}, {l.B.Node, l.A.Node}} {
				if e[0] == at && dist[e[1]] < 0 {
					dist[e[1]] = dist[at] + 1
					queue = append(queue, e[1])
				}
			}
		}
	}
	return dist
}

// The sizes that the papers give: fat-tree of k has k^3/4 hosts, 5k^2/4 switches
// and 3k^3/4 links (Al-Fares et al., SIGCOMM'08), of k=8 128 hosts and 80 switches;
// BCube of n=5, k=2 125 servers of 3 interfaces and 75 switches (NSDI'11); VL2 da
// di/4 racks (SIGCOMM'09).
//
// row:H2
func TestSizes(t *testing.T) {
	for _, v := range []struct {
		kind string
		set  []Setting
		want [3]int
	}{
		{"fattree", nil, [3]int{16, 20, 48}},
		{"fattree", []Setting{num("k", 8)}, [3]int{128, 80, 384}},
		{"fattree", []Setting{num("k", 16)}, [3]int{1024, 320, 3072}},
		{"fattree", []Setting{num("k", 8), num("oversubscription", 4)}, [3]int{512, 80, 256 + 512}},
		{"bcube", []Setting{num("n", 5), num("k", 2)}, [3]int{125, 75, 375}},
		{"bcube", nil, [3]int{16, 8, 32}},
		{"vl2", []Setting{num("da", 6), num("di", 4), num("hosts", 3)}, [3]int{18, 6 + 4 + 3, 12 + 12 + 18}},
		{"leafspine", nil, [3]int{16, 8, 32}},
		{"tree", nil, [3]int{16, 13, 28}},
		{"jellyfish", nil, [3]int{80, 20, 40 + 80}},
		{"parallel", []Setting{num("paths", 3)}, [3]int{2, 0, 3}},
		{"dumbbell", nil, [3]int{4, 2, 5}},
		{"parkinglot", nil, [3]int{8, 4, 11}},
		{"torus", nil, [3]int{10, 6, 20}},
		{"olia-a", nil, [3]int{22, 4, 2 + 3 + 30}},
		{"olia-b", nil, [3]int{31, 4, 4 + 1 + 60}},
		{"olia-c", nil, [3]int{22, 3, 2 + 2 + 30}},
		{"twoswitches", nil, [3]int{2, 2, 5}},
		{"nornet", nil, [3]int{100, 1 + 6 + 40, 6 + 40 + 200}},
	} {
		if got := count(generate(t, v.kind, v.set...)); got != v.want {
			t.Errorf("%s%v: hosts, routers, links %v, want %v", v.kind, v.set, got, v.want)
		}
	}
}

// Every host of every kind reaches every other one.
func TestConnected(t *testing.T) {
	for _, s := range Specs() {
		if s.Param("file") != nil {
			continue
		}
		g := generate(t, s.Name)
		for _, from := range g.Hosts() {
			for to, d := range distances(g, from) {
				if d < 0 {
					t.Errorf("%s: %s does not reach %s", s.Name, g.Nodes[from].Name, g.Nodes[to].Name)
				}
			}
		}
		for _, l := range g.Links {
			if !strings.Contains(" "+strings.Join(s.Classes, " ")+" ", " "+l.Class+" ") {
				t.Errorf("%s: link %s has the class %q", s.Name, l.Name, l.Class)
			}
		}
	}
}

// A fat-tree: 2, 4 and 6 links between hosts of a rack, a pod and different pods;
// (k/2)^2 shortest ways between pods, k/2 within one; every switch has k links.
func TestFatTree(t *testing.T) {
	g := generate(t, "fattree", num("k", 8))
	d := distances(g, g.Hosts()[0])
	seen := make(map[int]int)
	for _, h := range g.Hosts() {
		seen[d[h]]++
	}
	if want := map[int]int{0: 1, 2: 3, 4: 12, 6: 112}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("hosts by distance: %v, want %v", seen, want)
	}
	ways := func(to int) int { // shortest ways from host 0, counted backwards
		n := make([]int, len(g.Nodes))
		n[g.Hosts()[0]] = 1
		for far := 1; far <= d[to]; far++ {
			for _, l := range g.Links {
				for _, e := range [][2]int{{l.A.Node, l.B.Node}, {l.B.Node, l.A.Node}} {
					if d[e[0]] == far-1 && d[e[1]] == far {
						n[e[1]] += n[e[0]]
					}
				}
			}
		}
		return n[to]
	}
	if n := ways(g.Hosts()[127]); n != 16 {
		t.Errorf("%d ways between pods, want 16", n)
	}
	if n := ways(g.Hosts()[4]); n != 4 {
		t.Errorf("%d ways within a pod, want 4", n)
	}
	total := make([]int, len(g.Nodes))
	for _, c := range []string{"host", "edge", "core"} {
		for i, n := range degrees(g, c) {
			total[i] += n
		}
	}
	for i, n := range g.Nodes {
		if n.Router && total[i] != 8 {
			t.Errorf("switch %s has %d links", n.Name, total[i])
		}
	}
	if a := g.Links[len(g.Links)-1].A.Addr.String(); a != "10.7.3.5/32" {
		t.Errorf("the last host has the address %s", a)
	}
	if _, err := try("fattree", num("k", 5)); err == nil || !strings.Contains(err.Error(), "even") {
		t.Errorf("k = 5: %v", err)
	}
}

// BCube's path set (Guo et al., section 3.2): k+1 ways that share no server and no
// switch beyond the ends, each of at most k+2 hops over servers, and one shortest way
// of as many hops as digits differ.
func TestBCubePaths(t *testing.T) {
	const n, k = 5, 2
	g, b := generate(t, "bcube", num("n", n), num("k", k)), newBCube(n, k)
	rnd := sim.NewRand(1, 0, "test")
	walk := func(from int, path []int) (at int, inner []int) {
		at = from
		for i, l := range path {
			e := &g.Links[l]
			switch at {
			case e.A.Node:
				at = e.B.Node
			case e.B.Node:
				at = e.A.Node
			default:
				t.Fatalf("link %s does not begin at %s", e.Name, g.Nodes[at].Name)
			}
			if i < len(path)-1 {
				inner = append(inner, at)
			}
		}
		return at, inner
	}
	firsts := make(map[int]int)
	for range 400 {
		from, to := int(rnd.IntN(125)), int(rnd.IntN(125))
		if from == to {
			continue
		}
		differ := 0
		for l := range k + 1 {
			if b.digit(from, l) != b.digit(to, l) {
				differ++
			}
		}
		one := g.Paths(from, to, 1, rnd)
		if end, _ := walk(from, one[0]); end != to || len(one) != 1 || len(one[0]) != 2*differ {
			t.Fatalf("the shortest way from %d to %d has %d links for %d digits", from, to, len(one[0]), differ)
		}
		if differ == 3 {
			firsts[one[0][0]%3]++
		}
		used := make(map[int]bool)
		all := g.Paths(from, to, k+1, rnd)
		if len(all) != k+1 || len(all[0]) != 2*differ {
			t.Fatalf("%d ways, the first of %d links", len(all), len(all[0]))
		}
		for _, p := range all {
			end, inner := walk(from, p)
			if end != to || len(p) > 2*(k+2) {
				t.Errorf("a way of %d links ends at %d, want %d", len(p), end, to)
			}
			for _, x := range inner {
				if used[x] {
					t.Errorf("%s is on two of the ways from %d to %d", g.Nodes[x].Name, from, to)
				}
				used[x] = true
			}
		}
	}
	if len(firsts) != 3 {
		t.Errorf("shortest ways begin at levels %v only", firsts)
	}
}

// Jellyfish is a regular graph without loops or double links, another one for
// another seed, the same for the same; with odd numbers one port stays free.
func TestJellyfish(t *testing.T) {
	for _, v := range [][2]int{{20, 4}, {21, 5}, {50, 11}, {8, 7}} {
		g := generate(t, "jellyfish", num("switches", float64(v[0])), num("degree", float64(v[1])), num("hosts", 1))
		short := 0
		for i, d := range degrees(g, "switch")[:v[0]] {
			if d != v[1] {
				short += v[1] - d
				if d > v[1] {
					t.Errorf("switch %d has %d links", i, d)
				}
			}
		}
		if short != v[0]*v[1]%2 {
			t.Errorf("%d switches of degree %d: %d ports are free", v[0], v[1], short)
		}
		pairs := make(map[[2]int]bool)
		for _, l := range g.Links {
			p := [2]int{l.A.Node, l.B.Node}
			if pairs[p] || p[0] == p[1] {
				t.Errorf("link %s is a loop or a second one", l.Name)
			}
			pairs[p] = true
		}
	}
	draw := func(seed uint64) string {
		return fmt.Sprint(randomRegular(20, 4, sim.NewRand(seed, 0, "topology").IntN))
	}
	if draw(1) != draw(1) || draw(1) == draw(2) {
		t.Error("the graph does not follow its seed")
	}
}

// The torus and scenarios of the papers: which bottlenecks the ways cross.
func TestPaperTopologies(t *testing.T) {
	g := generate(t, "olia-b")
	rates := make(map[string]float64)
	for _, l := range g.Links {
		if l.Class == "bottleneck" {
			rates[l.Name] = float64(l.Rate)
		}
	}
	if fmt.Sprint(rates) != fmt.Sprint(map[string]float64{"X": 27e6, "T": 36e6}) {
		t.Errorf("bottlenecks of scenario B: %v", rates)
	}
	if len(g.Routes) != 30 {
		t.Errorf("%d routes for 15 upgraded users", len(g.Routes))
	}
	a := generate(t, "olia-a", num("n1", 20), num("c1", 1.5))
	for _, l := range a.Links {
		if l.Name == "uplink" && l.Rate != 30e6 {
			t.Errorf("uplink has %d bit/s", l.Rate)
		}
	}
}

func TestTrigonometry(t *testing.T) {
	for x := -6.0; x <= 6; x += 0.01 {
		if d := math.Abs(sine(x) - math.Sin(x)); d > 1e-12 {
			t.Fatalf("sine(%g) is wrong by %g", x, d)
		}
		if d := math.Abs(cosine(x/2) - math.Cos(x/2)); d > 1e-12 {
			t.Fatalf("cosine(%g) is wrong by %g", x/2, d)
		}
	}
	for x := 0.0; x <= 1; x += 0.001 {
		if d := math.Abs(arcsine(x) - math.Asin(x)); d > 1e-7 || x < 0.99 && d > 1e-12 {
			t.Fatalf("arcsine(%g) is wrong by %g", x, d)
		}
	}
}

// A map with coordinates and speeds: Paris to London is 343.56 km, 1.7178 ms of
// fibre.
func TestGraphML(t *testing.T) {
	g := generate(t, "graphml", text("file", "map.graphml"), num("hosts", 2))
	if got := count(g); got != [3]int{6, 3, 3 + 6} {
		t.Fatalf("hosts, routers, links %v", got)
	}
	want := map[string][2]float64{"Paris-London": {10e9, 1.7178}, "London-New_York": {2488.32e6, 27.851}, "Paris-New_York": {155e6, 29.186}}
	for _, l := range g.Links[:3] {
		w := want[l.Name]
		if math.Abs(float64(l.Rate)-w[0]) > 1 || math.Abs(l.Delay.Seconds()*1000-w[1]) > 0.001 {
			t.Errorf("%s: %d bit/s, %v, want %v", l.Name, l.Rate, l.Delay, w)
		}
	}
	for file, want := range map[string]string{
		"noweights.graphml": "says nothing of the speed of link n0-n1", "broken.graphml": "broken.graphml", "nofile": "nofile", "nodes.graphml": `"n9"`,
	} {
		if _, err := try("graphml", text("file", file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if _, err := try("graphml"); err == nil || !strings.Contains(err.Error(), "needs file") {
		t.Errorf("without a file: %v", err)
	}
}

func TestRocketfuel(t *testing.T) {
	s, _ := Find("rocketfuel")
	env := &Env{Rate: 1e9, Open: func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("Oslo,+Norway1 Bergen,+Norway2 7\nBergen,+Norway2 Oslo,+Norway1 7\nBergen,+Norway2 Tromso3 15\n" + name)), nil
	}}
	g, err := s.Generate([]Setting{text("file", "\n")}, env)
	if err != nil {
		t.Fatal(err)
	}
	if got := count(g); got != [3]int{3, 3, 2 + 3} {
		t.Errorf("hosts, routers, links %v", got)
	}
	if l := g.Links[0]; l.Name != "Oslo_Norway1-Bergen_Norway2" || l.Delay != 7*sim.Millisecond {
		t.Errorf("first link %+v", l)
	}
	for line, want := range map[string]string{"a b": ":4: 2 words", "a b c": `:4: latency "c"`, "a b -1": ":4: latency"} {
		if _, err := s.Generate([]Setting{text("file", line)}, env); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}

// The real maps of the machine, if it has them.
func TestRecordedMaps(t *testing.T) {
	dir := os.Getenv("MPSIM_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	env := &Env{Rate: 10e9, HasDelay: true, Open: func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, name)) }}
	for file, want := range map[string][2]int{ // routers and links as counted by grep
		"topozoo/Abilene.graphml": {11, 14}, "topozoo/Geant2012.graphml": {40, 62}, "rocketfuel/1221.latencies.intra": {108, 153},
	} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Skipf("no recorded maps in %s", dir)
		}
		s, _ := Find("graphml")
		if strings.HasPrefix(file, "rocketfuel") {
			s, _ = Find("rocketfuel")
		}
		g, err := s.Generate([]Setting{text("file", file), num("hosts", 0)}, env)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := count(g); got[1] != want[0] || got[2] != want[1] {
			t.Errorf("%s: %d routers, %d links, want %v", file, got[1], got[2], want)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, v := range []struct {
		kind string
		set  Setting
		want string
	}{
		{"fatree", num("k", 4), "unknown topology"},
		{"fattree", num("kk", 4), `no parameter "kk"`},
		{"fattree", num("k", 4.5), "whole"},
		{"fattree", num("k", 1000), "between 2 and 48"},
		{"fattree", text("k", "4"), "is a number"},
		{"twoswitches", text("subnets", "one"), "separate, same"},
		{"twoswitches", num("subnets", 1), "text"},
		{"vl2", num("da", 3), "even"},
		{"jellyfish", num("degree", 20), "cannot have 20 links"},
	} {
		if _, err := try(v.kind, v.set); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s %+v: %v, want %q", v.kind, v.set, err, v.want)
		}
	}
}

func BenchmarkFatTree16(b *testing.B) {
	for b.Loop() {
		generate(b, "fattree", num("k", 16))
	}
}
