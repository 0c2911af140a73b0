package scenarios

import (
	"strings"
	"testing"
)

// parallel is a pair of hosts behind routers with three links between them, of
// 10 Mb/s each, that fail in turn.
const parallel = `schema = 1
name = "parallel"
duration = "4s"
[ecmp]
mode = "hash"
[[node]]
name = "client"
[[node]]
name = "left"
router = true
[[node]]
name = "right"
router = true
[[node]]
name = "server"
[[link]]
name = "in"
a = "client.eth0"
b = "left.client"
[[link]]
name = "out"
a = "server.eth0"
b = "right.server"
[[link]]
repeat = 3
name = "way{i}"
a = "left.way{i}"
b = "right.way{i}"
rate = "10Mbps"
delay = "5ms"
queue = "50pkt"
[[flow]]
name = "dl"
protocol = "tcp"
client = "client"
server = "server"
`

// runChecked runs a scenario and checks its expectations.
func runChecked(t *testing.T, text string, set ...string) *World {
	t.Helper()
	w := runText(t, text, Run{}, set...)
	for _, e := range w.Expect() {
		if !e.Pass {
			t.Errorf("%s: %s: measured %s", e.Name, e.Expr, e.Value)
		}
	}
	return w
}

// carried returns the links that carried data downwards.
func carried(w *World) (out []string) {
	for _, l := range w.Links() {
		if strings.HasPrefix(l.Name, "way") && l.Direction == "down" && l.Stats.SentBytes > 100_000 {
			out = append(out, l.Name)
		}
	}
	return out
}

// One flow takes one of three links by its hash, all of them in turns.
func TestECMPOfScenario(t *testing.T) {
	if got := carried(runChecked(t, parallel)); len(got) != 1 {
		t.Errorf("one flow uses %v", got)
	}
	for _, mode := range []string{"roundrobin", "random", "flowlet"} {
		if got := carried(runChecked(t, parallel, "ecmp.mode="+mode, "ecmp.gap=1ms")); len(got) != 3 {
			t.Errorf("%s uses %v", mode, got)
		}
	}
	if got := carried(runChecked(t, parallel, "node.right.ecmp=off")); len(got) != 1 || got[0] != "way0" {
		t.Errorf("without ECMP at the router: %v", got)
	}
	// A weight of 10^6 against 1 leaves nothing to chance.
	if got := carried(runChecked(t, parallel, "ecmp.mode=weighted", "link.way2.ecmp_weight=1000000", "link.way0.ecmp_weight=1", "link.way1.ecmp_weight=1")); len(got) != 1 || got[0] != "way2" {
		t.Errorf("weighted: %v", got)
	}
}

// A failure stops the flow until the routers at the link notice; then the others
// take over at once, whatever reroute says: they need to hear of nobody.
func TestECMPFailureOfScenario(t *testing.T) {
	used := carried(runChecked(t, parallel))[0]
	fail := "\n[[at]]\ntime = \"1s\"\naction = \"link.down\"\nlinks = [\"" + used + "\"]\n"
	expect := "[expect]\nwent_on = \"goodput(dl, 3s, 4s) >= 9Mbps\"\n"
	for _, v := range []struct{ keys, expect string }{
		{"", "gap = \"max_gap(dl) <= 0.4s\"\n"},
		{"detect = \"300ms\"\n", "gap = \"0.3s <= max_gap(dl) <= 1.2s\"\n"},
		{"detect = \"300ms\"\nreroute = \"500ms\"\n", "gap = \"0.3s <= max_gap(dl) <= 1.2s\"\n"},
	} {
		runChecked(t, parallel+fail+v.keys+expect+v.expect)
	}
	all := "\n[[at]]\ntime = \"1s\"\naction = \"link.down\"\nlinks = [\"way*\"]\ndetect = \"100ms\"\n" +
		"[expect]\nlost = \"bytes(dl, 1.1s, 4s) == 0B\"\n"
	runChecked(t, parallel+all)
}

// A failure between a middle router and the left one: the right one, which sends the
// data, does not see it, so everything is lost until it is told.
func TestECMPConvergenceOfScenario(t *testing.T) {
	text := strings.NewReplacer("b = \"right.way{i}\"", "b = \"mid{i}.left\"").Replace(parallel) +
		"[[node]]\nrepeat = 3\nname = \"mid{i}\"\nrouter = true\n[[link]]\nrepeat = 3\nname = \"far{i}\"\na = \"mid{i}.right\"\nb = \"right.mid{i}\"\ndelay = \"1ms\"\n" +
		"[[at]]\ntime = \"1s\"\naction = \"link.down\"\nlinks = [\"WAY\"]\ndetect = \"100ms\"\nreroute = \"900ms\"\n" +
		"[expect]\nlost = \"bytes(dl, 1.02s, 2s) == 0B\"\nafter = \"bytes(dl, 2s, 4s) > 0.5MB\"\n"
	used := carried(runChecked(t, strings.Split(text, "[[at]]")[0]))
	runChecked(t, strings.ReplaceAll(text, "WAY", used[0]))
}

func TestECMPProblems(t *testing.T) {
	for _, v := range []struct{ from, to, want string }{
		{"mode = \"hash\"", "mode = \"hashed\"", `did you mean "hash"`},
		{"mode = \"hash\"", "mode = \"flowlet\"\ngap = \"0s\"", "gap is 0"},
		{"[ecmp]\nmode = \"hash\"\n", "", ""},
		{"[ecmp]\nmode = \"hash\"\n[[node]]\nname = \"client\"", "[[node]]\nname = \"client\"\necmp = \"hash\"", "no meaning without [ecmp]"},
		{"[ecmp]\nmode = \"hash\"\n", "[[at]]\ntime = \"1s\"\naction = \"link.down\"\nlinks = [\"way0\"]\nreroute = \"1s\"\n", "reroute has no meaning without [ecmp]"},
		{"delay = \"5ms\"", "delay = \"5ms\"\necmp_weight = -1", "out of range"},
	} {
		_, err := Parse("in.toml", strings.Replace(parallel, v.from, v.to, 1), Options{})
		switch {
		case v.want == "" && err != nil:
			t.Errorf("%q: %v", v.to, err)
		case v.want != "" && (err == nil || !strings.Contains(err.Error(), v.want)):
			t.Errorf("%q: %v, want %q", v.to, err, v.want)
		}
	}
}
