package explain

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// openSet opens a scenario with overrides.
func openSet(t *testing.T, file string, set ...string) *Run {
	t.Helper()
	r, err := Open(file, Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func diffTest(t *testing.T, a, b *Run) *Difference {
	t.Helper()
	d, err := Diff(context.Background(), a, b, "")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Equal runs differ in nothing: with one seed there is one sequence of decisions.
//
// row:G10
func TestDiffOfEqualRuns(t *testing.T) {
	file := write(t, twoPaths)
	d := diffTest(t, openTest(t, file), openTest(t, file))
	if !d.Equal || d.Event != nil || d.Decision != nil || len(d.Setup)+len(d.Metrics) != 0 {
		t.Errorf("%+v", d)
	}
}

// Two schedulers differ first where one waits for its turn and the other does not:
// when the second subflow is established minRTT gives it data at once, and round-robin
// waits for the first one, whose turn it is and whose window is full. Before, there was
// one subflow to choose from.
//
// row:G10
func TestDiffNamesTheFirstDecision(t *testing.T) {
	file := write(t, twoPaths)
	d := diffTest(t, openTest(t, file), openSet(t, file, "defaults.scheduler={ name = \"roundrobin\", cwnd_limited = 0 }"))
	x := d.Decision
	if d.Equal || x == nil || x.A == nil || x.B == nil {
		t.Fatalf("%+v", d)
	}
	if len(x.A.Candidates) != 2 || x.A.Waits() || !x.B.Waits() || !x.SameState || x.A.At != x.At || x.B.At != x.At {
		t.Fatalf("%s: %+v\n%+v", x.Sentence, x.A, x.B)
	}
	g := &x.A.Grants[0]
	if g.Subflow != 1 || g.Why != "lowest_rtt" || x.B.Why != "turn_of_full" {
		t.Errorf("A to subflow %d (%s), B waits (%s)", g.Subflow, g.Why, x.B.Why)
	}
	// Data is granted in order.
	if x.B.Queue.Next != x.Bytes+1 || g.DSN != x.B.Queue.Next {
		t.Errorf("A grants from %d on, B waits with %d, equal up to %d", g.DSN, x.B.Queue.Next, x.Bytes+1)
	}
	// The windows at this question: the first subflow is full, the second empty.
	if a := x.A.Candidates; a[0].Room >= a[0].MSS || a[1].InFlight != 0 {
		t.Errorf("%+v", a)
	}
	for _, part := range []string{"minrtt grants", "roundrobin waits (turn_of_full)", "Both saw the same state"} {
		if !strings.Contains(x.Sentence, part) {
			t.Errorf("%q does not say %q", x.Sentence, part)
		}
	}
	if len(d.Setup) != 1 || !strings.Contains(d.Setup[0].B, "roundrobin") || len(d.Metrics) == 0 {
		t.Errorf("settings %+v, %d results", d.Setup, len(d.Metrics))
	}
}

// A scheduler that gives the same data to the same subflows at the same times in other
// pieces decides the same: round-robin segment by segment where only one subflow ever
// has room. The hash differs, as grants are part of it, but no result.
func TestDiffOfOtherPieces(t *testing.T) {
	file := write(t, `duration = "1s"
paths = ["wifi 10ms 1000pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`)
	d := diffTest(t, openTest(t, file), openSet(t, file, `defaults.scheduler="roundrobin"`))
	if d.Equal || d.Event == nil || d.Decision != nil || len(d.Metrics) != 0 {
		t.Errorf("equal %v, decision %+v, results %+v", d.Equal, d.Decision, d.Metrics)
	}
}

// The first event that differs is the first line that differs in the event logs of the
// two runs (but for the reasons of grants and for waiting, which the hash leaves out).
func TestDiffFindsTheFirstLine(t *testing.T) {
	const text = `duration = "1s"
[[node]]
name = "client"
[[node]]
name = "server"
[[link]]
name = "wifi"
a = "client.wifi"
b = "server.wifi"
rate = "8Mbps"
delay = "10ms"
queue = "100pkt"
down.drop = [%]
[[flow]]
name = "dl"
client = "client"
server = "server"
`
	fileA, fileB := write(t, strings.Replace(text, "%", "200", 1)), write(t, strings.Replace(text, "%", "100", 1))
	d := diffTest(t, openTest(t, fileA), openTest(t, fileB))
	linesA, linesB := eventLines(t, fileA), eventLines(t, fileB)
	n := 0
	for n < len(linesA) && n < len(linesB) && reflect.DeepEqual(linesA[n], linesB[n]) {
		n++
	}
	if d.Event == nil || d.Event.Number != uint64(n) {
		t.Fatalf("%+v, want line %d", d.Event, n)
	}
	if len(d.Event.Before) != contextRecords || len(d.Event.A) != contextRecords+1 || len(d.Event.B) != contextRecords+1 {
		t.Errorf("%d before, %d and %d after", len(d.Event.Before), len(d.Event.A), len(d.Event.B))
	}
	for i, list := range map[int][]json.RawMessage{n - contextRecords: d.Event.Before, n: d.Event.A} {
		for k := range list {
			if got := parseLine(t, list[k]); !reflect.DeepEqual(got, linesA[i+k]) {
				t.Errorf("line %d is %v, want %v", i+k, got, linesA[i+k])
			}
		}
	}
	if got := parseLine(t, d.Event.B[0]); !reflect.DeepEqual(got, linesB[n]) || got["kind"] != "packet_dropped" {
		t.Errorf("%v, want %v", got, linesB[n])
	}
}

// eventLines are the lines of an event log that a comparison looks at.
func eventLines(t *testing.T, file string) []map[string]any {
	t.Helper()
	sc, err := scenarios.Load(file, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: 1, Out: dir, Events: trace.AllKinds}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, results.EventsName))
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if x := parseLine(t, s.Bytes()); x["kind"] != "wait" {
			out = append(out, x)
		}
	}
	return out
}

// parseLine reads a line of an event log, without what is known only later (the flow
// of a connection that is not accepted yet) or is no part of the hash.
func parseLine(t *testing.T, line []byte) map[string]any {
	t.Helper()
	x := map[string]any{}
	if err := json.Unmarshal(line, &x); err != nil {
		t.Fatal(err)
	}
	delete(x, "flow")
	if x["kind"] == "grant" {
		delete(x, "why")
	}
	return x
}

// A run that is the beginning of another one differs where it ends; other seeds differ
// from the first packet on.
func TestDiffOfLengthAndSeed(t *testing.T) {
	file := write(t, twoPaths)
	d := diffTest(t, openTest(t, file), openSet(t, file, `duration="500ms"`))
	if e := d.Event; e == nil || len(e.B) != 0 || len(e.A) == 0 || e.At <= sim.Time(500*sim.Millisecond) {
		t.Errorf("%+v", d.Event)
	}
	if d.Decision == nil || d.Decision.At <= sim.Time(500*sim.Millisecond) {
		t.Errorf("%+v", d.Decision)
	}
	seed := uint64(2)
	b, err := Open(file, Options{Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	d = diffTest(t, openTest(t, file), b)
	if e := d.Event; d.Equal || e == nil || e.At > sim.Time(sim.Millisecond) {
		t.Errorf("%+v", d.Event)
	}
}

// Runs that cannot be carried out make no comparison.
func TestDiffNeedsBoth(t *testing.T) {
	file := write(t, twoPaths)
	if _, err := Diff(context.Background(), openTest(t, file), openTest(t, file), "ul"); err == nil || !strings.Contains(err.Error(), "there are dl") {
		t.Errorf("unknown flow: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	long := openSet(t, file, `duration="1000s"`)
	if _, err := Diff(ctx, long, openSet(t, file, `duration="1001s"`), ""); err != ErrInterrupted {
		t.Errorf("interrupted: %v", err)
	}
}
