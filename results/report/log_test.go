package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/sim"
)

// The events of a page are the lines of the log: every time, kind, number, text and reason.
func TestEventsAreThoseOfTheLog(t *testing.T) {
	dir, _ := runOf(t, "handover/constant.toml", execute.Job{Events: results.Decisions, Until: 8 * sim.Second})
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := take(t, page)
	about, col := r.table("events")
	log, err := os.ReadFile(filepath.Join(dir, results.EventsName))
	if err != nil {
		t.Fatal(err)
	}
	texts, kinds, fields := about["texts"].([]any), about["kinds"].([]any), about["fields"].([]any)
	var values [5][]float64
	for i, c := range about["values"].([]any) {
		values[i] = r.columns[integer(c)]
	}
	i, keys := 0, 0
	for line := range bytes.Lines(log) {
		var e map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		kind := int(col("kind")[i])
		if float64(integer(e["time_ns"])) != col("time")[i] || kinds[kind] != e["kind"] || texts[int(col("node")[i])] != e["node"] {
			t.Fatalf("row %d: %g %v %v, want %s", i, col("time")[i], kinds[kind], texts[int(col("node")[i])], line)
		}
		why, _ := e["why"].(string)
		if got := texts[int(col("why")[i])]; got != why {
			t.Fatalf("row %d: reason %q, want %s", i, got, line)
		}
		if integer(e["conn"]) != 0 && texts[int(col("flow")[i])] == "" {
			t.Fatalf("row %d: the flow of a connection is not known: %s", i, line)
		}
		if flow, ok := e["flow"]; ok && texts[int(col("flow")[i])] != flow {
			t.Fatalf("row %d: flow %v, want %s", i, texts[int(col("flow")[i])], line)
		}
		for k, name := range fields[kind].([]any) {
			want := e[name.(string)]
			if text, ok := want.(string); ok {
				if int(col("is_text")[i])>>k&1 != 1 || texts[int(values[k][i])] != text {
					t.Fatalf("row %d: %s is %g, want %s", i, name, values[k][i], line)
				}
				continue
			}
			number := want.(json.Number)
			v, _ := number.Float64()
			if big := math.Abs(v) > 1<<53; big && texts[int(values[k][i])] != number.String() || !big && values[k][i] != v {
				t.Fatalf("row %d: %s is %g, want %s", i, name, values[k][i], line)
			}
			if math.Abs(v) > 1<<53 {
				keys++
			}
		}
		i++
	}
	if keys < 4 {
		t.Errorf("%d keys and first sequence numbers of 64 bits", keys)
	}
	if n := int(integer(about["n"])); i != n || n < 1000 {
		t.Errorf("%d events, the log has %d lines", n, i)
	}
}

// The life of a subflow: the handshake over an idle path of 10 ms takes two delays and the
// bits of SYN and SYN/ACK; the silent path repairs losses until it answers again.
func TestLanesAreTheLifeOfSubflows(t *testing.T) {
	dir, s := runOf(t, "basic/two-paths.toml", execute.Job{Events: results.Decisions, Until: 2 * sim.Second})
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	lanes := take(t, page).data["lanes"].([]any)
	if len(lanes) != 2 {
		t.Fatalf("%d lanes", len(lanes))
	}
	first := lanes[0].(map[string]any)["spans"].([]any)
	number := func(v any) float64 { f, _ := v.(json.Number).Float64(); return f }
	hand, up := first[0].(map[string]any), first[1].(map[string]any)
	want := 2*0.010 + (64+72)*8/10e6
	if hand["state"] != stateHandshake || number(hand["from"]) != 0 || math.Abs(number(hand["to"])-want) > 1e-9 {
		t.Errorf("handshake %v, want to %g", hand, want)
	}
	if up["state"] != stateEstablished || number(up["from"]) != number(hand["to"]) || number(up["to"]) != float64(s.SimTime) {
		t.Errorf("established %v", up)
	}
	join := lanes[1].(map[string]any)["spans"].([]any)[0].(map[string]any)
	if join["state"] != stateHandshake || number(join["from"]) <= want || number(join["to"])-number(join["from"]) < 0.020 {
		t.Errorf("join %v", join)
	}
}

// A backup path is shown as one, a subflow that is reset ends with the reason, and losses and
// timeouts of an outage lie in it.
func TestLanesOfBackupResetAndOutage(t *testing.T) {
	lanesOf := func(name string) []lane {
		dir, _ := runOf(t, name, execute.Job{Events: results.Decisions})
		page, err := Render(&Source{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var out []lane
		b, _ := json.Marshal(take(t, page).data["lanes"])
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	states := func(l lane) string {
		var s []string
		for _, x := range l.Spans {
			s = append(s, x.State)
		}
		return fmt.Sprint(s)
	}
	reset := lanesOf("mbox/c3-join-stripped.toml")
	if got := reset[1].Spans[1]; got.State != stateEstablished || got.Why != "reset_sent" || got.To > 1 {
		t.Errorf("the subflow that is reset: %+v", reset[1].Spans)
	}
	backup := lanesOf("handover/constant-backup.toml")
	if !strings.Contains(states(backup[1]), stateBackup) || strings.Contains(states(backup[0]), stateBackup) {
		t.Errorf("states of a backup: %s, of the other one: %s", states(backup[1]), states(backup[0]))
	}
	timeouts := 0
	for _, m := range backup[0].Marks {
		if m.Kind == "retransmission timeout" && m.At > 5 && m.At < 15.5 {
			timeouts++
		}
	}
	recovers := false
	for _, s := range backup[0].Spans {
		recovers = recovers || s.State == stateRecovery && s.From > 5 && s.From < 7 && s.To > 15
	}
	if timeouts < 3 || !recovers {
		t.Errorf("an outage from 5 to 15 s: %d timeouts, %+v", timeouts, backup[0].Spans)
	}
}

// Objects of logs are read as encoding/json reads them.
func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"time_ns":0,"node":"a"}`, `{}`, `{"a":-5,"b":18446744073709551615}`, `{"a":"\u00e4\n\"x"}`, `{"a":1.5}`, `{"a":[1]}`, `{"a":1`, `{"a" : 1 , "b":"c"}`, `{"a":1}x`, `{"a":"`, `{"":"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseLine([]byte(s), words{}, nil)
		if err != nil {
			return
		}
		var want map[string]any
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&want) != nil {
			return // a control character or a sloppy number, which logs do not hold
		}
		for _, x := range got {
			if text, ok := want[x.key].(string); ok && x.isText && text != x.text && strings.Count(s, `"`) == 4 {
				t.Errorf("%q: %q", s, x.text)
			}
			if _, ok := want[x.key]; !ok && !strings.Contains(s, "\\") && strings.ToValidUTF8(s, "") == s {
				t.Errorf("%q has no %q", s, x.key)
			}
		}
	})
}

// Mistakes of a log are told with their line, and a log of another run is refused.
func TestBadLogs(t *testing.T) {
	dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{Until: sim.Second})
	for _, c := range []struct{ log, want string }{
		{"{\"time_ns\":1,\"node\":\"client\",\"kind\":\"stale\",\"stale\":1}\n{\"time_ns\":2,", "line 2"},
		{`{"time_ns":1,"node":"client","kind":"party"}`, `line 1: unknown kind of event "party"`},
		{`{"node":"client","kind":"stale"}`, "without time_ns"},
		{`{"time_ns":5,"node":"a","kind":"stale"}` + "\n" + `{"time_ns":4,"node":"a","kind":"stale"}`, "line 2: the time 4 ns is before"},
		{`{"time_ns":1000000001000,"node":"a","kind":"stale"}`, "after the end of the run"},
		{`{"time_ns":1,"node":"a","kind":"stale","conn":1,"flow":"other"}`, `has no flow "other"`},
		{`[1]`, "line 1: no JSON object"},
		{`{"time_ns":1.5}`, "want a comma"},
	} {
		_, err := Render(&Source{Dir: dir, Log: strings.NewReader(c.log), LogName: "log"})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "log: ") {
			t.Errorf("%s: %v, want %s", c.log, err, c.want)
		}
	}
}
