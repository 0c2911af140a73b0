package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// twoPaths is a handover in a few seconds, with all kinds of flows.
const twoPaths = `schema = 1
name = "two"
duration = "6s"
paths = ["wifi 10ms 50pkt 10Mbps", "lte 30ms 100pkt 10Mbps 0.1%"]
[[flow]]
name = "dl"
client = "client"
server = "server"
[[flow]]
name = "up"
protocol = "tcp"
client = "client"
server = "server"
via = "lte"
direction = "up"
size = "1MB"
[[flow]]
name = "ask"
client = "client"
server = "server"
app = "request"
request = { request = "300B", response = "5kB", count = 10, interval = "100ms" }
[[flow]]
name = "cbr"
protocol = "udp"
client = "client"
server = "server"
cbr = { rate = "1Mbps" }
[[flow]]
name = "bursts"
protocol = "udp"
app = "onoff"
client = "client"
server = "server"
direction = "up"
onoff = { rate = "2Mbps", on = "exponential 50ms", off = "uniform 10ms 100ms" }
[[at]]
time = "2s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "3s"
action = "link.restore"
links = ["wifi"]
[[at]]
time = "4s"
action = "link.set"
links = ["lte"]
direction = "down"
rate = "5Mbps"
delay = "50ms"
loss = "1%"
limit = "20pkt"
[expect]
intact = ["corrupt_bytes(dl) == 0", "corrupt_bytes(up) == 0", "corrupt_bytes(ask) == 0", "corrupt_bytes(cbr) == 0", "corrupt_bytes(bursts) == 0"]
done = ["completed(up) <= 6s", "requests(ask) == 10", "bytes(up) == 1MB", "bytes(ask) == 50kB"]
shares = "share(dl, wifi) + share(dl, lte) == 1"
timeouts = "timeouts(dl) >= 1"
queue = "queue_delay(wifi.down, 1s) <= 61ms"
`

func runText(t *testing.T, text string, run Run, set ...string) *World {
	t.Helper()
	sc := mustParse(t, text, set...)
	if run.Seed == 0 {
		run.Seed = sc.Seed
	}
	w, err := Build(sc, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	return w
}

// The laws of laws_test.go on links that change, and on what the file says in
// another way.
func TestWhatMustNotChangeARunWithATimeline(t *testing.T) {
	base := runText(t, twoPaths, Run{})
	for _, e := range base.Expect() {
		if !e.Pass {
			t.Errorf("%s: measured %s", e.Expr, e.Value)
		}
	}
	idle := "[[node]]\nname = \"x\"\n[[node]]\nname = \"y\"\n[[link]]\nname = \"xy\"\na = \"x.eth0\"\nb = \"y.eth0\"\nrate = \"1Mbps\"\ndelay = \"1ms\"\n"
	for name, w := range map[string]*World{
		"served links":  runText(t, twoPaths, Run{}, "defaults.queue_mode=served"),
		"fine sampling": runText(t, twoPaths, Run{Sample: func(sim.Time, string, string, float64) {}}, "defaults.sample=1ms"),
		"resolved":      runText(t, resolvedText(t, base.Scenario()), Run{}),
		"an idle link":  runText(t, twoPaths+idle, Run{}),
	} {
		if w.Hash() != base.Hash() {
			t.Errorf("%s: hash %v, want %v", name, w.Hash(), base.Hash())
		}
	}
}

// Whether a socket speaks MPTCP is an option of the socket; the application and
// everything else stay the same.
//
// row:K1
func TestProtocolIsAnOption(t *testing.T) {
	for protocol, subflows := range map[string]int{"mptcp": 2, "tcp": 1} {
		w := runText(t, small, Run{}, "flow.dl.protocol="+protocol, "flow.dl.size=5MB")
		f := w.Flows()[0]
		if len(f.Subflows) != subflows || f.BytesDelivered != 5e6 || f.CorruptBytes != 0 || f.End == sim.Never || f.Why != "graceful" {
			t.Errorf("%s: %+v", protocol, f)
		}
	}
}

func TestTimelineOfLinksAndAddresses(t *testing.T) {
	w := runText(t, small+`
[[at]]
time = "2s"
action = "link.down"
links = ["wifi"]
[[at]]
time = "4s"
action = "link.up"
links = ["wifi"]
[[at]]
time = "6s"
action = "addr.del"
interface = "client.wifi"
address = "10.0.1.1"
[[at]]
time = "7s"
action = "addr.add"
interface = "client.wifi"
address = "10.0.1.77/24"
[[at]]
time = "8s"
action = "iface.down"
interface = "client.lte"
[[at]]
time = "9s"
action = "flow.stop"
flows = ["d*"]
[expect]
a = ["share(dl, lte, 2.2s, 4s) == 1", "share(dl, wifi, 4.5s, 6s) > 0.1", "share(dl, lte, 6.2s, 7s) == 1", "share(dl, wifi, 8.2s, 9s) == 1"]
b = ["completed(dl) <= 9.9s", "corrupt_bytes(dl) == 0", "subflows(dl) == 4"]
`, Run{}, "flow.dl.send_buffer=256KiB")
	for _, e := range w.Expect() {
		if !e.Pass {
			t.Errorf("%s: measured %s", e.Expr, e.Value)
		}
	}
	got := w.Outages()
	if len(got) != 2 || got[0] != (Outage{"wifi.up", 2e9, 4e9}) || got[1] != (Outage{"wifi.down", 2e9, 4e9}) {
		t.Errorf("outages %v", got)
	}
	if a := w.Actions(); len(a) != 6 || a[3].Target != "client.wifi 10.0.1.77/24" {
		t.Errorf("actions %v", a)
	}
}

// broken is a controller with a broken invariant.
type broken struct{ cc.Controller }

func (broken) Window(cc.FlowID) int64 {
	sim.Bugf("window of %d elephants", 3)
	return 0
}

func TestBrokenInvariant(t *testing.T) {
	p := Builtin()
	reno := p.CC[0]
	p.CC = append(p.CC, cc.Spec{Name: "broken", Doc: "fails", Params: reno.Params, New: func(q cc.Params, rnd *sim.Rand) cc.Controller {
		return broken{reno.New(q, rnd)}
	}})
	sc, err := Parse("dir/in.toml", small, Options{Set: []string{"flow.dl.cc=broken"}, Plugins: p})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 7, Plugins: p})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Run(sc.Duration.Time(), 0, nil)
	bug, ok := err.(*BugError)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if bug.Time <= 0 || (bug.Node != "client" && bug.Node != "server") || len(bug.Last) == 0 {
		t.Errorf("bug at %v in %q with %d records", bug.Time, bug.Node, len(bug.Last))
	}
	for _, want := range []string{"window of 3 elephants", "mpsim run dir/in.toml --seed 7 --set 'flow.dl.cc=broken'", "last "} {
		if !strings.Contains(bug.Error(), want) {
			t.Errorf("report lacks %q:\n%s", want, bug.Error())
		}
	}
}

func TestRunLimits(t *testing.T) {
	build := func() *World {
		sc := mustParse(t, small, "link.wifi.rate=100Mbps", "link.wifi.queue=1bdp")
		w, err := Build(sc, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := build()
	if stop, err := w.Run(10e9, 1000, nil); stop != sim.Budget || err != nil || w.Sim().Events() != 1000 {
		t.Errorf("stopped with %v, %v after %d events", stop, err, w.Sim().Events())
	}
	w = build()
	if stop, _ := w.Run(10e9, 0, func(now sim.Time, _ uint64) bool { return now < 2e9 }); stop != sim.Halted || w.Sim().Now() > 9e9 {
		t.Errorf("stopped with %v at %v", stop, w.Sim().Now())
	}
	w = build()
	if stop, _ := w.Run(10e9, 0, nil); stop != sim.Deadline || w.Sim().Now() != 10e9 {
		t.Errorf("stopped with %v at %v", stop, w.Sim().Now())
	}
}

func TestTraceFilesWithFaults(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty.csv": "", "unsorted": "3\n2\n", "words.csv": "one,two\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := `schema = 1
name = "t"
duration = "1s"
[[node]]
name = "a"
[[node]]
name = "b"
`
	files := []string{"missing.csv", "empty.csv", "unsorted", "words.csv"}
	for i, f := range files {
		text += strings.NewReplacer("N", string(rune('0'+i)), "F", f).Replace("[[link]]\nname = \"lN\"\na = \"a.eN\"\nb = \"b.eN\"\nqueue = \"10pkt\"\ndown = { trace = { file = \"F\" } }\n")
	}
	text += "[[flow]]\nname = \"f\"\nclient = \"a\"\nserver = \"b\"\n"
	// With another problem in the file, those of the traces are reported, too.
	_, err := Parse("in.toml", strings.Replace(text, "duration", "seedd = 1\nduration", 1), Options{DataDir: dir})
	if ps, ok := err.(Problems); !ok || len(ps) != len(files)+1 || !strings.Contains(ps[0].Error(), `unknown key "seedd"`) {
		t.Errorf("want %d problems, got\n%v", len(files)+1, err)
	}
	sc := mustParse(t, text)
	_, err = Build(sc, Run{Seed: 1, DataDir: dir})
	ps, ok := err.(Problems)
	if !ok || len(ps) != len(files) {
		t.Fatalf("want %d problems, got\n%v", len(files), err)
	}
	for i, want := range []string{
		"in.toml:13:27: trace file " + filepath.Join(dir, "missing.csv") + " does not exist; expected a recorded link trace",
		"in.toml:19:27: trace file " + filepath.Join(dir, "empty.csv"),
		"in.toml:25:27: trace file " + filepath.Join(dir, "unsorted") + ":2:1:",
		"in.toml:31:27: trace file " + filepath.Join(dir, "words.csv") + ":1:",
	} {
		if !strings.HasPrefix(ps[i].Error(), want) || strings.Contains(ps[i].Error(), "\n") {
			t.Errorf("problem %d: %s\nwant %s...", i, ps[i].Error(), want)
		}
	}
}

func TestPreambleWarnsOfSmallBuffers(t *testing.T) {
	warn := func(set ...string) []Setting {
		w, err := Build(mustParse(t, small, set...), Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return w.Preamble().Warnings
	}
	// 80 ms x 10 Mb/s in sum are 100 000 bytes.
	if got := warn("defaults.receive_buffer=100kB"); len(got) != 0 {
		t.Errorf("warnings %q", got)
	}
	if got := warn("defaults.receive_buffer=99999B"); len(got) != 1 || !strings.Contains(got[0].Value, "100000 bytes") || got[0].Name() != "flow dl" {
		t.Errorf("warnings %q", got)
	}
}

// Flows that are alike share a line.
func TestPreambleOfManyFlowsIsShort(t *testing.T) {
	sc, err := LoadLibrary("bench/bottleneck-100.toml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := w.Preamble()
	if len(p.Settings) > 10 || len(p.Warnings) != 1 || p.Warnings[0].Name() != "flow reno0 ... reno99 (100)" {
		t.Errorf("%d settings; warnings %+v", len(p.Settings), p.Warnings)
	}
}

// Time series come at their interval, in order, and their rates add up to what
// was delivered.
func TestTimeSeries(t *testing.T) {
	const interval = 100e6
	sum := make(map[string]float64)
	last := make(map[string]float64)
	count := make(map[string]int)
	now := sim.Time(0)
	w := runText(t, twoPaths, Run{Sample: func(at sim.Time, entity, metric string, v float64) {
		if at < now || at%interval != 0 {
			t.Fatalf("point of %s %s at %v after %v", entity, metric, at, now)
		}
		now = at
		key := entity + " " + metric
		sum[key] += v
		last[key] = v
		count[key]++
	}})
	near := func(what string, got, want float64) {
		if want == 0 || got < want*(1-1e-9) || got > want*(1+1e-9) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	for _, f := range w.Flows() {
		if n := count[f.Name+" goodput_bps"]; n != 60 {
			t.Errorf("%s has %d points in 6 s", f.Name, n)
		}
		near(f.Name, sum[f.Name+" goodput_bps"]*0.1/8, last[f.Name+" bytes"])
		if f.Name != "dl" {
			continue
		}
		near(f.Name, last["dl bytes"], float64(f.BytesDelivered))
		for i, s := range f.Subflows {
			name := []string{"dl/0", "dl/1"}[i]
			near(name, sum[name+" goodput_bps"]*0.1/8, float64(s.BytesDelivered))
			if last[name+" cwnd_bytes"] < 1420 || last[name+" srtt_s"] < 0.02 {
				t.Errorf("%s ends with cwnd %v and srtt %v", name, last[name+" cwnd_bytes"], last[name+" srtt_s"])
			}
		}
	}
	for _, l := range w.Links() {
		name := l.Name + "." + l.Direction
		near(name, sum[name+" rate_bps"]*0.1/8, float64(l.Stats.SentBytes))
	}
}

// A subflow is reported in the state that it came to, which is later than the
// end of its connection.
func TestSubflowsEndWhereTheyEnd(t *testing.T) {
	text := `schema = 1
name = "ends"
duration = "%s"
paths = ["wifi 10ms 50pkt 10Mbps", "lte 30ms 100pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
size = "200kB"
`
	// TIME-WAIT lasts 60 s on the side that has it, and both runs are long past the
	// transfer of 0.3 s.
	for duration, want := range map[string][]string{"10s": {"TIME-WAIT", "CLOSED"}, "100s": {"CLOSED"}} {
		w := runText(t, fmt.Sprintf(text, duration), Run{})
		for _, s := range w.Flows()[0].Subflows {
			if !slices.Contains(want, s.State) {
				t.Errorf("after %s subflow %d is %s, want one of %v", duration, s.ID, s.State, want)
			}
		}
	}
}
