package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// small is a phone that loses WiFi for a second, over before one gets bored.
const small = `
schema = 1
name = "small"
title = "A phone loses WiFi for a second"
duration = "4s"

[[node]]
name = "phone"
[[node]]
name = "server"

[[link]]
name = "wifi"
a = "phone.wifi"
b = "server.wifi"
rate = "8Mbps"
delay = "10ms"
queue = "50pkt"
[[link]]
name = "lte"
a = "phone.lte"
b = "server.lte"
rate = "6Mbps"
delay = "30ms"
queue = "100pkt"

[[flow]]
name = "dl"
client = "phone"
server = "server"

[[at]]
time = "1s"
action = "link.blackhole"
links = ["wifi"]
[[at]]
time = "2s"
action = "link.restore"
links = ["wifi"]

[expect]
intact = "corrupt_bytes(dl) == 0B"
survives = "goodput(dl, 2s, 4s) >= 5Mbps"
`

func parse(t *testing.T, set ...string) *scenarios.Scenario {
	t.Helper()
	sc, err := scenarios.Parse("small.toml", small, scenarios.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func execute(t *testing.T, job Job) *Outcome {
	t.Helper()
	if job.Scenario == nil {
		job.Scenario = parse(t)
	}
	if job.Seed == 0 {
		job.Seed = 1
	}
	o, err := Run(context.Background(), job)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// files returns the content of a directory by name.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = b
	}
	return out
}

var everyFile = []string{"capture.pcapng", "events.jsonl", "goodput.png", "goodput.svg", "manifest.json", "scenario.resolved.toml",
	"series.csv", "summary.json"}

func TestTwoRunsGiveTheSameBytes(t *testing.T) {
	var got [2]map[string][]byte
	for i := range got {
		dir := filepath.Join(t.TempDir(), "run")
		o := execute(t, Job{Out: dir, Capture: true, Events: trace.AllKinds})
		if !o.Passed() || o.Stopped != Finished {
			t.Fatalf("%+v", o.Summary.Expect)
		}
		got[i] = files(t, dir)
	}
	for _, name := range everyFile {
		if len(got[0][name]) == 0 {
			t.Errorf("%s is missing or empty", name)
		}
		if !bytes.Equal(got[0][name], got[1][name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	if len(got[0]) != len(everyFile) {
		t.Errorf("%d files instead of %d", len(got[0]), len(everyFile))
	}
}

// The hash does not depend on what observes the run, nor on verify mode, nor on
// the mode of links; it does on the seed.
func TestWhatTheHashDependsOn(t *testing.T) {
	base := execute(t, Job{}).Summary.Hash
	lossy := execute(t, Job{Scenario: parse(t, "link.wifi.loss=1%")}).Summary.Hash
	for _, c := range []struct {
		name string
		job  Job
		want string
	}{
		{"all sinks", Job{Out: filepath.Join(t.TempDir(), "x"), Capture: true, Events: trace.AllKinds}, base},
		{"nothing sampled", Job{NoSeries: true}, base},
		{"verify mode", Job{Verify: true}, base},
		{"served links", Job{Scenario: parse(t, "defaults.queue_mode=served")}, base},
		{"finer samples", Job{Scenario: parse(t, "defaults.sample=7ms")}, base},
		{"lossy served links", Job{Scenario: parse(t, "link.wifi.loss=1%", "defaults.queue_mode=served")}, lossy},
	} {
		if got := execute(t, c.job).Summary.Hash; got != c.want {
			t.Errorf("%s: hash %s, want %s", c.name, got, c.want)
		}
	}
	if got := execute(t, Job{Seed: 2}).Summary.Hash; got == base {
		t.Error("another seed gives the same hash")
	}
	if lossy == base {
		t.Error("loss does not change the hash")
	}
}

// The resolved scenario runs to the same hash.
func TestResolvedScenarioIsTheScenario(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := execute(t, Job{Scenario: parse(t, "link.lte.delay=35ms"), Out: dir})
	sc, err := scenarios.Load(filepath.Join(dir, results.ResolvedName), scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	o2 := execute(t, Job{Scenario: sc, Out: again})
	if o.Summary.Hash != o2.Summary.Hash {
		t.Errorf("hash %s, resolved %s", o.Summary.Hash, o2.Summary.Hash)
	}
	if !bytes.Equal(files(t, dir)[results.ResolvedName], files(t, again)[results.ResolvedName]) {
		t.Error("resolving twice changes the file")
	}
}

func TestSummaryAgreesWithTheSeries(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := execute(t, Job{Out: dir})
	f := o.Summary.Flows[0]
	if f.Name != "dl" || f.Protocol != "mptcp" || f.CorruptBytes != 0 || f.End != nil || len(f.Subflows) != 2 {
		t.Fatalf("%+v", f)
	}
	// Goodput is bytes over the time from the start on.
	want := float64(f.BytesDelivered) * 8 / (4 - float64(f.Start))
	if g := float64(f.Goodput); g < 0.999*want || g > 1.001*want {
		t.Errorf("goodput %v, bytes over time %v", g, want)
	}
	var sum, last float64
	file, err := os.Open(filepath.Join(dir, results.SeriesName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	err = results.ReadSeries(file, func(p results.Point) error {
		switch {
		case p.Entity == "dl" && p.Metric == "goodput_bps":
			sum += p.Value * 0.1 / 8
		case p.Entity == "dl" && p.Metric == "data_seq_bytes":
			last = p.Value
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := float64(f.BytesDelivered)
	if sum < 0.99*b || sum > 1.001*b || last < 0.99*b || last > b {
		t.Errorf("delivered %v bytes, the series add up to %v and end at %v", b, sum, last)
	}
	if len(o.Summary.Outages) != 1 || o.Summary.Outages[0] != (results.Outage{Link: "wifi", Start: 1, End: 2}) {
		t.Errorf("outages %+v", o.Summary.Outages)
	}
	if len(o.Summary.Links) != 4 || o.Summary.PacketHops == 0 || o.Summary.Counters["MPJoinSynTx"] != 1 {
		t.Errorf("%d links, %d packet-hops, counters %v", len(o.Summary.Links), o.Summary.PacketHops, o.Summary.Counters)
	}
}

// A limit leaves whole files that say so; what was written is a prefix of the
// full run.
func TestLimits(t *testing.T) {
	// Real time, memory and the user are asked every 32768 events.
	long := []string{"duration=60s"}
	full := filepath.Join(t.TempDir(), "full")
	execute(t, Job{Scenario: parse(t, long...), Out: full})
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name, reason string
		ctx          context.Context
		limits       Limits
		stop         Stop
	}{
		{"events", "limit of 5000 events", context.Background(), Limits{Events: 5000}, Limit},
		{"wall", "of real time", context.Background(), Limits{Wall: time.Nanosecond}, Limit},
		{"memory", "of memory", context.Background(), Limits{Memory: 1}, Limit},
		{"interrupt", "interrupted", interrupted, Limits{}, Interrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			o, err := Run(c.ctx, Job{Scenario: parse(t, long...), Seed: 1, Out: dir, Limits: c.limits, Capture: true, Events: trace.AllKinds})
			if err != nil {
				t.Fatal(err)
			}
			if o.Stopped != c.stop || o.Summary.Complete || !strings.Contains(o.Summary.Stopped, c.reason) || len(o.Summary.Expect) > 0 {
				t.Errorf("stopped %v, %+v", o.Stopped, o.Summary)
			}
			m, err := results.ReadManifest(dir)
			if err != nil {
				t.Fatal(err)
			}
			if m.Status != results.Partial || m.Reason != o.Summary.Stopped {
				t.Errorf("%+v", m)
			}
			if err := m.Verify(dir); err != nil {
				t.Error(err)
			}
			f := files(t, dir)
			var s results.Summary
			if err := json.Unmarshal(f[results.SummaryName], &s); err != nil {
				t.Error(err)
			}
			if !bytes.HasPrefix(files(t, full)[results.SeriesName], f[results.SeriesName]) {
				t.Error("the series is no prefix of that of the full run")
			}
		})
	}
}

func TestUntil(t *testing.T) {
	o := execute(t, Job{Until: sim.Second})
	if o.Unchecked == "" || len(o.Summary.Warnings) != 1 || o.Summary.Warnings[0] != o.Unchecked {
		t.Errorf("a shortened run says %q and warns %q of its expectations", o.Unchecked, o.Summary.Warnings)
	}
	if o.Summary.SimTime != 1 || !o.Summary.Complete || len(o.Summary.Expect) != 0 {
		t.Errorf("simulated %v s, complete %v, expectations %v", o.Summary.SimTime, o.Summary.Complete, o.Summary.Expect)
	}
}

// An error leaves the results that are there.
func TestErrorsTouchNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	execute(t, Job{Out: dir})
	before := files(t, dir)
	sc := parse(t, `link.lte.down.trace={ file = "absent.csv" }`)
	if _, err := Run(context.Background(), Job{Scenario: sc, Seed: 1, Out: dir, DataDir: t.TempDir()}); err == nil {
		t.Fatal("a missing trace is no error")
	}
	after := files(t, dir)
	for name := range before {
		if !bytes.Equal(before[name], after[name]) {
			t.Errorf("%s was changed", name)
		}
	}
	if siblings, _ := os.ReadDir(filepath.Dir(dir)); len(siblings) != 1 {
		t.Errorf("%d entries beside the run", len(siblings))
	}
}
