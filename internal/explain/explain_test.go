package explain

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// head is what all scenarios of the tests begin with.
const head = `schema = 1
name = "test"
title = "A test of explanations"
`

// write makes a scenario file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.toml")
	if err := os.WriteFile(file, []byte(head+text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func openTest(t *testing.T, path string) *Run {
	t.Helper()
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// twoPaths is a download over two paths without loss: queues are larger than what
// is ever in flight.
const twoPaths = `duration = "1s"
paths = ["wifi 10ms 1000pkt 8Mbps", "lte 30ms 1000pkt 6Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`

// The log shows every decision with what the scheduler saw, and each obeys the rule
// of minRTT (RFC 8041 section 3.7): of the subflows whose windows have room the one
// with the smallest round-trip time; it waits only if none has room.
//
// row:G1
func TestDecisionsOfMinRTTObeyItsRule(t *testing.T) {
	bulk := explainAll(t, twoPaths)
	granted, waited, _ := obeyMinRTT(t, bulk)
	if granted[0] < 50 || granted[1] < 50 || waited < 50 {
		t.Errorf("grants %v, waits %d", granted, waited)
	}
	if len(bulk.Subflows) != 2 || bulk.Subflows[1].Over != "client.lte" || bulk.Sender != "server" {
		t.Errorf("subflows %+v, sender %q", bulk.Subflows, bulk.Sender)
	}
	// Short answers find both windows empty, so that there is a choice.
	web := explainAll(t, strings.Replace(twoPaths, `server = "server"`, `server = "server"
app = "request"
request.count = 100
request.response = "4kB"
request.interval = "50ms"`, 1))
	if granted, _, choices := obeyMinRTT(t, web); choices < 10 || granted[1] > 0 {
		t.Errorf("%d choices, grants %v", choices, granted)
	}
}

// explainAll returns all decisions of the only flow of a run over a second.
func explainAll(t *testing.T, text string) *Answer {
	t.Helper()
	a, err := Explain(context.Background(), openTest(t, write(t, text)), Query{For: sim.Second})
	if err != nil {
		t.Fatal(err)
	}
	if a.Scheduler != "minrtt" || a.Flow != "dl" || a.LeftOut > 0 {
		t.Fatalf("scheduler %q, flow %q, left out %d", a.Scheduler, a.Flow, a.LeftOut)
	}
	return a
}

// obeyMinRTT checks every decision against the rule and counts grants by subflow,
// waiting, and decisions at which both subflows had room.
func obeyMinRTT(t *testing.T, a *Answer) (granted map[int]int, waited, choices int) {
	granted = map[int]int{}
	next := uint64(1)
	for i := range a.Decisions {
		d := &a.Decisions[i]
		var best *Candidate
		ready := 0
		for k := range d.Candidates {
			c := &d.Candidates[k]
			if c.Room != c.Window-c.InFlight-c.Unsent {
				t.Errorf("at %v subflow %d: room %d, window %d, in flight %d, unsent %d", d.At, c.Subflow, c.Room, c.Window, c.InFlight, c.Unsent)
			}
			if c.Room < c.MSS {
				continue
			}
			ready++
			if best == nil || c.SRTT < best.SRTT {
				best = c
			}
		}
		if d.Waits() {
			waited++
			if best != nil || d.Why != "no_room" {
				t.Errorf("at %v it waits (%s), although %d subflows have room", d.At, d.Why, ready)
			}
			continue
		}
		if ready == 2 {
			choices++
		}
		g := &d.Grants[0]
		if len(d.Grants) != 1 || best == nil || g.Subflow != best.Subflow || !best.Chosen || g.Why != "lowest_rtt" || g.Sentence == "" {
			t.Fatalf("at %v: %+v, best %+v", d.At, d.Grants, best)
		}
		if g.DSN != next {
			t.Errorf("at %v data from %d on is granted, the next byte is %d", d.At, g.DSN, next)
		}
		next = g.DSN + uint64(g.Len)
		granted[g.Subflow]++
	}
	return granted, waited, choices
}

// The fate of a byte obeys the path: a full packet takes its serialisation and the
// delay to arrive, an acknowledgement the delay and its own serialisation back.
func TestFateOfAByte(t *testing.T) {
	const text = `duration = "1s"
paths = ["wifi 10ms 1000pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
`
	a, err := Explain(context.Background(), openTest(t, write(t, text)), Query{DSN: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]sim.Time{}
	for _, e := range a.Fate {
		if _, twice := at[e.What]; twice {
			t.Errorf("%s twice", e.What)
		}
		at[e.What] = e.At
	}
	// Full packets have 1500 octets: 1.5 ms at 8 Mb/s.
	arrival := at["sent"].Add(11500 * sim.Microsecond)
	for what, want := range map[string]sim.Time{"arrived": arrival, "in order at the receiver": arrival, "read by the application": arrival} {
		if at[what] != want {
			t.Errorf("%s at %v, want %v", what, at[what], want)
		}
	}
	// The acknowledgement comes at once or with the second packet, 1.5 ms later (RFC
	// 9293 section 3.8.6.3). It has at least 60 octets (20 of IP, 20 of TCP, 12 of
	// timestamps, 8 of DSS) and at most 64.
	back := at["acknowledged at the data level"].Sub(arrival)
	if least := 10060 * sim.Microsecond; back < least || back > least+1504*sim.Microsecond {
		t.Errorf("acknowledged %v after the arrival", back)
	}
	if at["written by the application"] == 0 || at["written by the application"] > at["sent"] {
		t.Errorf("written at %v, sent at %v", at["written by the application"], at["sent"])
	}
}

// A byte whose packet is lost is sent again on the same subflow, and where a path
// dies, on another one.
func TestFateOfALostByte(t *testing.T) {
	const lost = `duration = "2s"
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
queue = "1000pkt"
down.drop = [2]
[[flow]]
name = "dl"
client = "client"
server = "server"
`
	// Packet 0 down is the SYN/ACK, 1 and 2 are the first full ones with 1424 bytes
	// of payload each (1460 less timestamps and DSS).
	a, err := Explain(context.Background(), openTest(t, write(t, lost)), Query{DSN: 1425})
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, e := range a.Fate {
		what = append(what, e.What)
	}
	want := "written by the application,sent,retransmitted,arrived,in order at the receiver,read by the application,acknowledged at the data level"
	if got := strings.Join(what, ","); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	recovery := false
	for _, e := range a.Events {
		recovery = recovery || e.What == "loss recovery begins"
	}
	if !recovery {
		t.Errorf("no loss recovery among %+v", a.Events)
	}
}

// What a path manager learns and orders is part of what happens at a time.
func TestPathManagerIsExplained(t *testing.T) {
	a, err := Explain(context.Background(), openTest(t, write(t, twoPaths)), Query{For: 500 * sim.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	opened, up := false, 0
	for _, e := range a.Events {
		if e.What == "path manager: ESTABLISHED" && e.Node == "client" && len(e.Actions) == 1 {
			opened = strings.HasPrefix(e.Actions[0], "open 10.0.2.1 to 10.0.")
		}
		if e.What == "path manager: SF_ESTABLISHED" && e.Subflow != nil && *e.Subflow == 1 {
			up++
		}
	}
	if !opened || up != 2 {
		t.Errorf("opened %v, up %d: %+v", opened, up, a.Events)
	}
}

// An answer is about the run that was asked about: its hash is the manifest's, or
// there is no answer unless it is forced. Observers change nothing.
func TestAnswersAreAboutTheRun(t *testing.T) {
	file := write(t, twoPaths)
	sc, err := scenarios.Load(file, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	o, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: 7, Out: dir})
	if err != nil {
		t.Fatal(err)
	}
	a, err := Explain(context.Background(), openTest(t, dir), Query{DSN: 100000})
	if err != nil {
		t.Fatal(err)
	}
	if a.Hash != o.Summary.Hash || !a.Repeated || a.Seed != 7 {
		t.Errorf("hash %s, repeated %v, seed %d; the run has %s", a.Hash, a.Repeated, a.Seed, o.Summary.Hash)
	}
	if w, err := Why(context.Background(), openTest(t, dir), ""); err != nil || w.Hash != o.Summary.Hash {
		t.Errorf("%v", err)
	}
	name := filepath.Join(dir, results.ManifestName)
	b, _ := os.ReadFile(name)
	if err := os.WriteFile(name, []byte(strings.Replace(string(b), o.Summary.Hash, strings.Repeat("0", 64), 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	var drift *DriftError
	if _, err := Explain(context.Background(), openTest(t, dir), Query{DSN: 1}); !errors.As(err, &drift) {
		t.Errorf("another hash: %v", err)
	}
	r, err := Open(dir, Options{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := Explain(context.Background(), r, Query{DSN: 1}); err != nil || a.Repeated {
		t.Errorf("forced: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, results.ResolvedName), b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("a changed scenario was taken for the run's")
	}
}

// Runs that were cut short are repeated up to where they ended.
func TestCutRunsAreRepeated(t *testing.T) {
	for name, job := range map[string]execute.Job{
		"until":  {Until: 333 * sim.Millisecond},
		"events": {Limits: execute.Limits{Events: 2345}},
	} {
		sc, err := scenarios.Load(write(t, twoPaths), scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		job.Scenario, job.Seed, job.Out = sc, 1, filepath.Join(t.TempDir(), "run")
		o, err := execute.Run(context.Background(), job)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Why(context.Background(), openTest(t, job.Out), "dl")
		if err != nil || w.Hash != o.Summary.Hash || w.End.Seconds() != float64(o.Summary.SimTime) {
			t.Errorf("%s: %v, end %v, want %v", name, err, w, o.Summary.SimTime)
		}
	}
}

// Questions that have no answer are errors that say what there is.
func TestQuestionsWithoutAnswer(t *testing.T) {
	plain := write(t, strings.Replace(twoPaths, `name = "dl"`, "name = \"dl\"\nprotocol = \"tcp\"", 1))
	if _, err := Explain(context.Background(), openTest(t, plain), Query{DSN: 1}); err == nil || !strings.Contains(err.Error(), "plain TCP") {
		t.Errorf("TCP: %v", err)
	}
	if _, err := Why(context.Background(), openTest(t, plain), "ul"); err == nil || !strings.Contains(err.Error(), "there are dl") {
		t.Errorf("unknown flow: %v", err)
	}
	a, err := Explain(context.Background(), openTest(t, write(t, twoPaths)), Query{DSN: 1 << 40})
	if err != nil || len(a.Decisions)+len(a.Fate) != 0 {
		t.Errorf("a byte that was never written: %v", err)
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}
