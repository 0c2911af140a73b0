package explain

import (
	"context"
	"encoding/json"
	"fmt"
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

// recordTo carries a scenario out into a run directory with all events.
func recordTo(t *testing.T, file string, kinds trace.KindSet, set ...string) string {
	t.Helper()
	sc, err := scenarios.Load(file, scenarios.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: 1, Out: dir, Events: kinds}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// record is a line of an event log as it is written, numbered by its time.
func record(at int, kind, rest string) string {
	return fmt.Sprintf(`{"time_ns":%d,"node":"server","kind":%q%s}`, at, kind, rest)
}

func texts(list []json.RawMessage) (out []string) {
	for _, l := range list {
		out = append(out, string(l))
	}
	return out
}

// Logs by hand. A wait, or the reason of a grant, is the scheduler's own and no part of
// what a run did; everything else counts, as does an end that comes earlier.
func TestFirstEventOfLogs(t *testing.T) {
	sent := func(at int) string { return record(at, "packet_sent", fmt.Sprintf(`,"seq":%d`, at)) }
	grant := func(at int, dsn int, why string) string {
		return record(at, "grant", fmt.Sprintf(`,"dsn":%d,"len":1420,"why":%q`, dsn, why))
	}
	wait := record(3, "wait", `,"why":"window"`)
	var many []string
	for i := range 20 {
		many = append(many, sent(i))
	}
	changed := func(at int, line string) []string {
		out := append([]string(nil), many...)
		out[at] = line
		return out
	}
	for name, c := range map[string]struct {
		a, b         []string
		number       uint64 // of equal records
		before       []string
		onlyA, onlyB []string
		at           sim.Time
	}{
		"in the middle": {many, changed(10, sent(11)), 10, many[5:10], many[10:16], append([]string{sent(11)}, many[11:16]...), 10},
		"at the first":  {many, changed(0, sent(9)), 0, nil, many[:6], append([]string{sent(9)}, many[1:6]...), 0},
		"at the last":   {many, changed(19, sent(18)), 19, many[14:19], many[19:], []string{sent(18)}, 18},
		"B ends":        {many, many[:7], 7, many[2:7], many[7:13], nil, 7},
		"A is empty":    {nil, many[:2], 0, nil, nil, many[:2], 0},
		"equal":         {many, many, 0, nil, nil, nil, sim.Never},
		"a wait":        {append([]string{wait}, many...), append(append([]string(nil), many...), wait), 0, nil, nil, nil, sim.Never},
		"a reason":      {[]string{grant(1, 1, "lowest_rtt")}, []string{grant(1, 1, "in_turn")}, 0, nil, nil, nil, sim.Never},
		"no reason":     {[]string{grant(1, 1, "lowest_rtt")}, []string{record(1, "grant", `,"dsn":1,"len":1420`)}, 0, nil, nil, nil, sim.Never},
		"a grant":       {[]string{grant(1, 1, "in_turn"), grant(2, 1421, "in_turn")}, []string{grant(1, 1, "in_turn"), grant(2, 2841, "in_turn")}, 1, []string{grant(1, 1, "in_turn")}, []string{grant(2, 1421, "in_turn")}, []string{grant(2, 2841, "in_turn")}, 2},
		// The reason of anything but a grant is a decision of the protocol.
		"a fallback": {[]string{record(1, "fallback", `,"why":"checksum"`)}, []string{record(1, "fallback", `,"why":"no_dss"`)}, 0, nil, []string{record(1, "fallback", `,"why":"checksum"`)}, []string{record(1, "fallback", `,"why":"no_dss"`)}, 1},
	} {
		e, err := firstEvent(strings.NewReader(strings.Join(c.a, "\n")), strings.NewReader(strings.Join(c.b, "\n")+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if c.at == sim.Never {
			if e != nil {
				t.Errorf("%s: %+v", name, e)
			}
			continue
		}
		if e == nil {
			t.Errorf("%s: nothing is found", name)
			continue
		}
		if e.Number != c.number || e.At != c.at {
			t.Errorf("%s: after %d records at %d ns, want %d at %d", name, e.Number, e.At, c.number, c.at)
		}
		for what, list := range map[string][2][]string{"before": {texts(e.Before), c.before}, "A": {texts(e.A), c.onlyA}, "B": {texts(e.B), c.onlyB}} {
			if !reflect.DeepEqual(list[0], list[1]) {
				t.Errorf("%s: %s\n%q, want\n%q", name, what, list[0], list[1])
			}
		}
	}
}

// The first grant that differs, whatever other records differ before it.
func TestFirstGrantOfLogs(t *testing.T) {
	grant := func(at int, dsn int) string {
		return record(at, "grant", fmt.Sprintf(`,"dsn":%d,"why":"in_turn"`, dsn))
	}
	sent := record(1, "packet_sent", "")
	find := func(a, b []string) *GrantDifference {
		t.Helper()
		d, err := firstGrant(strings.NewReader(strings.Join(a, "\n")), strings.NewReader(strings.Join(b, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := find([]string{sent, grant(1, 1), grant(2, 2)}, []string{grant(1, 1), sent, sent, grant(2, 2), sent}); d != nil {
		t.Errorf("grants are equal: %+v", d)
	}
	d := find([]string{grant(1, 1), sent, grant(4, 2), grant(5, 3)}, []string{sent, grant(1, 1), grant(3, 2)})
	if d == nil || d.Number != 1 || d.At != 3 || string(d.A) != grant(4, 2) || string(d.B) != grant(3, 2) {
		t.Errorf("%+v", d)
	}
	d = find([]string{grant(1, 1), grant(4, 2)}, []string{grant(1, 1), sent})
	if d == nil || d.Number != 1 || d.At != 4 || string(d.A) != grant(4, 2) || d.B != nil {
		t.Errorf("B grants no more: %+v", d)
	}
}

// Two directories of runs differ where the runs differ when both are carried out again,
// side by side, and in the same results; grants begin to differ where the longest common
// beginning of the two lists of grants ends.
//
// row:G10
func TestRecordedAgreesWithDiff(t *testing.T) {
	file := write(t, twoPaths)
	other := `defaults.scheduler={ name = "roundrobin", cwnd_limited = 0 }`
	dirA, dirB := recordTo(t, file, trace.AllKinds), recordTo(t, file, trace.AllKinds, other)
	d, err := Recorded(dirA, dirB)
	if err != nil {
		t.Fatal(err)
	}
	again := diffTest(t, openTest(t, file), openSet(t, file, other))
	if d.Equal || d.Event == nil || again.Event == nil || d.Event.Number != again.Event.Number || d.Event.At != again.Event.At {
		t.Fatalf("recorded %+v, carried out again %+v", d.Event, again.Event)
	}
	for i, pair := range [][2][]json.RawMessage{{d.Event.Before, again.Event.Before}, {d.Event.A, again.Event.A}, {d.Event.B, again.Event.B}} {
		for k := range pair[0] {
			if len(pair[0]) != len(pair[1]) || !reflect.DeepEqual(parseLine(t, pair[0][k]), parseLine(t, pair[1][k])) {
				t.Errorf("list %d: recorded %q, carried out again %q", i, pair[0], pair[1])
				break
			}
		}
	}
	if !reflect.DeepEqual(d.Setup, again.Setup) || !reflect.DeepEqual(d.Metrics, again.Metrics) || len(d.Metrics) == 0 {
		t.Errorf("recorded %+v %+v, carried out again %+v %+v", d.Setup, d.Metrics, again.Setup, again.Metrics)
	}
	grants := func(dir string) (out []map[string]any) {
		b, err := os.ReadFile(filepath.Join(dir, results.EventsName))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if x := parseLine(t, []byte(line)); x["kind"] == "grant" {
				out = append(out, x)
			}
		}
		return out
	}
	a, b := grants(dirA), grants(dirB)
	n := 0
	for n < min(len(a), len(b)) && reflect.DeepEqual(a[n], b[n]) {
		n++
	}
	if d.Grant == nil || d.Grant.Number != uint64(n) || !reflect.DeepEqual(parseLine(t, d.Grant.A), a[n]) || !reflect.DeepEqual(parseLine(t, d.Grant.B), b[n]) {
		t.Errorf("%+v, want grant %d: %v, %v", d.Grant, n, a[n], b[n])
	}
}

// Equal runs need no event logs. Of runs that differ a log is wanted, and what is no
// longer what the run wrote is not compared.
func TestRecordedNeedsWhatTheRunWrote(t *testing.T) {
	file := write(t, twoPaths)
	plain, same := recordTo(t, file, 0), recordTo(t, file, trace.AllKinds)
	d, err := Recorded(plain, same)
	if err != nil || !d.Equal || d.Event != nil || d.Grant != nil || len(d.Setup)+len(d.Metrics) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	longer := recordTo(t, file, trace.AllKinds, `duration="1100ms"`)
	if d, err := Recorded(same, longer); err != nil || d.Equal || len(d.Event.A) != 0 || d.Event.At <= sim.Time(sim.Second) {
		t.Errorf("%+v, %v", d, err)
	}
	refused := func(what, want, a, b string) {
		t.Helper()
		if _, err := Recorded(a, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	refused("no log", "--events=all", plain, longer)
	refused("no log of B", "--events=all", longer, plain)
	refused("no directory", "nowhere", longer, "nowhere")
	log := filepath.Join(longer, results.EventsName)
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, b[:len(b)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	refused("half a log", "is not the file that the run wrote", same, longer)
}
