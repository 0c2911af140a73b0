package execute

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// spread is two phones with two servers behind a backbone that can be cut, and a
// timeline that acts on both sides of it, on both sides at once, too.
const spread = `
schema = 1
name = "spread"
title = "Two phones, two servers, and a backbone between them"
duration = "3s"

[[node]]
name = "phone1"
[[node]]
name = "phone2"
[[node]]
name = "server1"
[[node]]
name = "server2"
[[node]]
name = "west"
router = true
[[node]]
name = "east"
router = true

[[link]]
name = "wifi1"
a = "phone1.wifi"
b = "west.wifi1"
rate = "8Mbps"
delay = "5ms"
queue = "40pkt"
loss = "0.5%"
[[link]]
name = "lte1"
a = "phone1.lte"
b = "west.lte1"
rate = "6Mbps"
delay = "20ms"
queue = "60pkt"
[[link]]
name = "wifi2"
a = "phone2.wifi"
b = "east.wifi2"
rate = "9Mbps"
delay = "6ms"
queue = "40pkt"
[[link]]
name = "lte2"
a = "phone2.lte"
b = "east.lte2"
rate = "5Mbps"
delay = "25ms"
queue = "60pkt"
[[link]]
name = "backbone"
a = "west.core"
b = "east.core"
rate = "14Mbps"
delay = "8ms"
queue = "50pkt"
[[link]]
name = "server1"
a = "server1.eth0"
b = "east.server1"
rate = "100Mbps"
delay = "1ms"
[[link]]
name = "server2"
a = "server2.eth0"
b = "west.server2"
rate = "100Mbps"
delay = "1ms"

[[flow]]
name = "down1"
client = "phone1"
server = "server1"
[[flow]]
name = "up2"
client = "phone2"
server = "server2"
direction = "up"
start = "200ms"
[[flow]]
name = "ask1"
client = "phone1"
server = "server2"
app = "request"
[flow.request]
request = "400B"
response = "20kB"
interval = "50ms"
count = 100

[[at]]
time = "700ms"
action = "link.down"
links = ["wifi1", "wifi2"]
[[at]]
time = "1200ms"
action = "link.up"
links = ["wifi2", "wifi1"]
[[at]]
time = "1500ms"
action = "link.set"
links = ["lte1", "lte2"]
rate = "2Mbps"
[[at]]
time = "1800ms"
action = "iface.down"
interface = "phone2.lte"
[[at]]
time = "2400ms"
action = "flow.stop"
flows = ["down1", "up2"]

[output]
capture = ["phone*.*", "west.core", "east.core"]

[expect]
intact = "corrupt_bytes(down1) == 0B"
busy = "goodput(up2, 1s, 2s) >= 1Mbps"
stalls = "max_gap(down1) <= 1s"
timeouts = "timeouts(down1) >= 1"
`

func workersJob(t *testing.T, workers int) Job {
	t.Helper()
	sc, err := scenarios.Parse("spread.toml", spread, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Job{Scenario: sc, Seed: 1, Workers: workers, Divide: true, Sequential: func(why string) { t.Errorf("not divided: %s", why) }}
}

// A run directory is the same to the byte, whatever the number of workers: summary,
// series, every event, every captured packet, manifest with hash and checksums.
func TestWorkersWriteTheSameFiles(t *testing.T) {
	want := ""
	for _, workers := range []int{1, 2, 3} {
		job := workersJob(t, workers)
		job.Out = filepath.Join(t.TempDir(), "run")
		job.Events, job.Capture = trace.AllKinds, true
		o, err := Run(context.Background(), job)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = o.Dir
			if o.Summary.Counters["MPJoinSynTx"] < 2 || !o.Passed() {
				t.Errorf("the scenario does not do what it is for: %v", o.Summary.Counters)
			}
			continue
		}
		files, err := os.ReadDir(want)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) < 7 {
			t.Errorf("%d files", len(files))
		}
		for _, f := range files {
			a, errA := os.ReadFile(filepath.Join(want, f.Name()))
			b, errB := os.ReadFile(filepath.Join(o.Dir, f.Name()))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("%d workers: %s differs (%d octets, %d): %s", workers, f.Name(), len(b), len(a), firstDifference(a, b))
			}
		}
	}
}

// firstDifference returns the lines from which two texts differ.
func firstDifference(a, b []byte) string {
	la, lb := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			return la[i] + " | " + lb[i]
		}
	}
	return "one is longer"
}

// The limit of events ends a run in parts behind the same event as a run of one world,
// with the same summary.
func TestWorkersStopAtTheLimit(t *testing.T) {
	for _, limit := range []uint64{1, 777, 12_345, 18_000} {
		want := ""
		for _, workers := range []int{1, 2} {
			job := workersJob(t, workers)
			job.NoSeries = true
			job.Limits.Events = limit
			o, err := Run(context.Background(), job)
			if err != nil {
				t.Fatal(err)
			}
			b, err := o.Summary.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = string(b)
			}
			if o.Stopped != Limit || o.Summary.Events != limit || string(b) != want {
				t.Errorf("%d workers, limit %d: stopped %d after %d events: %s", workers, limit, o.Stopped, o.Summary.Events, firstDifference([]byte(want), b))
			}
		}
	}
}

// An interrupted run in parts leaves partial results.
func TestWorkersAreInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	job := workersJob(t, 2)
	text, _, _ := strings.Cut(spread, "[[at]]")
	var err error
	if job.Scenario, err = scenarios.Parse("spread.toml", text, scenarios.Options{}); err != nil {
		t.Fatal(err)
	}
	job.Out = filepath.Join(t.TempDir(), "run")
	job.Until = 600 * sim.Second
	job.Progress = func(Progress) { stop() }
	o, err := Run(ctx, job)
	if err != nil || o.Stopped != Interrupted || o.Dir == "" || o.Summary.Complete || o.Summary.Events == 0 {
		t.Fatalf("%v: %+v", err, o)
	}
	if s := o.Summary.SimTime; s <= 0 || s >= 600 {
		t.Errorf("interrupted at %v s", s)
	}
}

// What cannot be divided, and what does not pay, is carried out by one, and somebody is
// told why.
func TestWorkersThatDoNotPay(t *testing.T) {
	job := workersJob(t, 2)
	job.Divide, job.NoSeries = false, true
	for _, c := range []struct {
		text    string
		workers int
		want    string
	}{
		{spread, 2, "events"},
		{strings.ReplaceAll(spread, "queue = \"50pkt\"", "queue = \"50pkt\"\nmode = \"served\""), 40, "40 parts"},
	} {
		sc, err := scenarios.Parse("spread.toml", c.text, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		why := ""
		job.Scenario, job.Workers = sc, c.workers
		job.Sequential = func(text string) { why = text }
		if o, err := Run(context.Background(), job); err != nil || !strings.Contains(why, c.want) || o.Summary.Events == 0 {
			t.Errorf("%v: told %q, want something with %q", err, why, c.want)
		}
	}
}
