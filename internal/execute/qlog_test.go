package execute

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/results"
	"mpsim/sim/trace"
)

// readSequence reads JSON text sequences as RFC 7464 section 2.1 says: each text stands between a
// record separator and a line feed.
func readSequence(t *testing.T, b []byte) []map[string]any {
	t.Helper()
	if len(b) == 0 || b[0] != 0x1e {
		t.Fatal("the file does not begin with a record separator")
	}
	var out []map[string]any
	for _, text := range bytes.Split(b[1:], []byte{0x1e}) {
		if !bytes.HasSuffix(text, []byte("\n")) {
			t.Fatalf("cut off: %q", text)
		}
		var m map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&m); err != nil || d.More() {
			t.Fatalf("%q: %v", text, err)
		}
		out = append(out, m)
	}
	return out
}

// The qlog says what the event log and the series say, record by record, and changes nothing.
func TestQlogRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	plain := execute(t, Job{Out: dir})
	o := execute(t, Job{Out: dir, Events: trace.AllKinds, Qlog: trace.AllKinds})
	if o.Summary.Hash != plain.Summary.Hash {
		t.Error("the qlog changes the run")
	}
	text, err := os.ReadFile(filepath.Join(dir, results.QlogName))
	if err != nil {
		t.Fatal(err)
	}
	list := readSequence(t, text)
	head := list[0]
	tr, _ := head["trace"].(map[string]any)
	if head["file_schema"] != "urn:ietf:params:qlog:file:sequential" || head["serialization_format"] != "application/qlog+json-seq" || head["qlog_format"] != "JSON-SEQ" || tr["vantage_point"] == nil {
		t.Errorf("head %v", head)
	}
	schemas := fmt.Sprint(tr["event_schemas"])
	var events []map[string]any
	windows := map[string]json.Number{}
	for _, e := range list[1:] {
		name := e["name"].(string)
		space, kind, _ := strings.Cut(name, ":")
		if !strings.Contains(schemas, "events:"+space) {
			t.Fatalf("the namespace of %s is not declared", name)
		}
		data := e["data"].(map[string]any)
		if kind != "metrics_updated" {
			events = append(events, e)
			continue
		}
		for key, v := range data {
			windows[fmt.Sprintf("%s %s %s", nanoseconds(e), e["group_id"], key)] = v.(json.Number)
		}
	}
	compareEvents(t, filepath.Join(dir, results.EventsName), events)
	compareWindows(t, filepath.Join(dir, results.SeriesName), windows)
}

// nanoseconds returns the time of an event as an integer in text.
func nanoseconds(e map[string]any) string {
	whole, part, _ := strings.Cut(e["time"].(json.Number).String(), ".")
	return strings.TrimLeft(whole+part, "0") + strings.Repeat("0", 6-len(part))
}

func compareEvents(t *testing.T, file string, events []map[string]any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if n >= len(events) {
			continue
		}
		got := events[n]
		data := got["data"].(map[string]any)
		at := strings.TrimLeft(fmt.Sprint(want["time_ns"]), "0")
		if nanoseconds(got) != at || !strings.HasSuffix(got["name"].(string), ":"+want["kind"].(string)) {
			t.Fatalf("event %d: %v, the log has %v", n, got, want)
		}
		rename := map[string]string{"cwnd": "congestion_window", "in_flight": "bytes_in_flight", "why": "trigger"}
		for key, v := range want {
			switch key {
			case "time_ns", "kind", "conn", "flow", "subflow":
				delete(want, key)
				continue
			}
			if k := rename[key]; k != "" {
				key = k
			}
			if fmt.Sprint(data[key]) != fmt.Sprint(v) {
				t.Fatalf("event %d: %s is %v, the log has %v", n, key, data[key], want)
			}
		}
		if len(data) != len(want) {
			t.Fatalf("event %d: %v, the log has %v", n, data, want)
		}
	}
	if n != len(events) || n < 100 {
		t.Errorf("%d events, the log has %d", len(events), n)
	}
}

func compareWindows(t *testing.T, file string, windows map[string]json.Number) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	keys := map[string]string{"cwnd_bytes": "congestion_window", "ssthresh_bytes": "ssthresh", "in_flight_bytes": "bytes_in_flight", "srtt_s": "smoothed_rtt"}
	n := 0
	err = results.ReadSeries(f, func(p results.Point) error {
		key := keys[p.Metric]
		if key == "" {
			return nil
		}
		n++
		want := p.Value
		if key == "smoothed_rtt" {
			want *= 1000
		}
		got, err := windows[fmt.Sprintf("%d %s %s", int64(p.At), p.Entity, key)].Float64()
		if err != nil || got != want {
			return fmt.Errorf("%v: got %g", p, got)
		}
		return nil
	})
	if err != nil || n == 0 || n != len(windows) {
		t.Errorf("%d samples, the series has %d: %v", len(windows), n, err)
	}
}
