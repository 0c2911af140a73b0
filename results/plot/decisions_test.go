package plot

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/results"
)

// logged writes a run with an event log: WiFi (subflow 0) and LTE (1) take turns, a grant of
// 1000 bytes every 10 ms, until 8 s; then LTE gets the last 20 grants of WiFi again, and
// the scheduler waits for room until the grants of new data go on at 20 s.
func logged(t *testing.T) string {
	t.Helper()
	dir := story(t)
	var b strings.Builder
	line := func(node string, at float64, kind string, subflow int, rest string) {
		fmt.Fprintf(&b, `{"time_ns":%d,"node":"%s","kind":"%s","conn":1,"flow":"mptcp","subflow":%d%s}`+"\n", int64(math.Round(at*1e9)), node, kind, subflow, rest)
	}
	line("phone", 0, "grant", 0, `,"dsn":1,"len":100,"grant":"new"`) // the request
	line("server", 0, "rto", 0, `,"snd_una":5`)
	line("server", 0, "grant", 7, `,"flow":"other","dsn":1,"len":9,"grant":"new"`)
	dsn := 1
	for i := range 800 {
		line("server", float64(i)/100, "grant", i%2, fmt.Sprintf(`,"dsn":%d,"len":1000,"grant":"new","why":"lowest_rtt"`, dsn))
		dsn += 1000
	}
	line("server", 8.5, "retransmit", 0, `,"pos":390000,"len":1000,"times_sent":2`)
	for i := range 20 {
		line("server", 9+float64(i)/100, "grant", 1, fmt.Sprintf(`,"dsn":%d,"len":1000,"grant":"reinject"`, 1+760_000+2000*i))
	}
	line("server", 10, "wait", -1, `,"dsn":800001,"why":"no_room"`)
	line("server", 12, "wait", -1, `,"dsn":800001,"why":"no_room"`)
	line("server", 20, "grant", 1, fmt.Sprintf(`,"dsn":%d,"len":1000,"grant":"new"`, dsn))
	if err := os.WriteFile(filepath.Join(dir, results.EventsName), []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What each subflow was granted stands at its data sequence number above, and at its place
// in the subflow below: the first of LTE again at 760000 and 400000.
func TestSequence(t *testing.T) {
	s := open(t, logged(t))
	f, err := figureOf("sequence", s, new(Options))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.panels) != 3 || f.panels[1].title != "wifi" || f.panels[2].title != "lte" {
		t.Fatalf("%d panels", len(f.panels))
	}
	find := func(p panel, at float64) (out []line) {
		for _, ln := range p.lines {
			if ln.stroke && math.Abs(ln.x[0]-at) < 1e-9 {
				out = append(out, ln)
			}
		}
		return out
	}
	near := func(got, want float64) bool { return math.Abs(got-want) < 1e-9 }
	if a, b := find(f.panels[0], 9), find(f.panels[2], 9); len(a) != 1 || len(b) != 1 || !near(a[0].y[0], 0.76) || !near(b[0].y[0], 0.4) || a[0].color != paint(againColor) {
		t.Errorf("again at %+v and %+v", a, b)
	}
	// Strokes of one column are one: 30 s are a thousand columns.
	if a := find(f.panels[0], 0.01); len(a) != 1 || !near(a[0].y[0], 0.001) || !near(a[0].y[1], 0.004) || a[0].color != paint(1) {
		t.Errorf("the first of lte: %+v", a)
	}
	if m := f.panels[1].marks; len(m) != 1 || m[0].x != 8.5 || !near(m[0].y, 0.39) {
		t.Errorf("retransmissions %+v", m)
	}
	_, svg := picture(t, "sequence", f.layout().render)
	for _, text := range []string{"Sequence (MB)", "in order at the receiver", "granted again", "retransmitted", "wifi outage", "sequence of the subflow"} {
		if !bytes.Contains(svg, []byte(">"+text+"<")) {
			t.Errorf("the figure lacks %q", text)
		}
	}
}

// A window shows its strokes one by one.
func TestSequenceWindow(t *testing.T) {
	f, err := figureOf("sequence", open(t, logged(t)), &Options{From: 2, To: 3, Flow: "mptcp"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ln := range f.panels[0].lines {
		if ln.stroke {
			n++
		}
	}
	if n != 101 || f.xMin != 2 || f.tMax != 3 || f.panels[1].yMin < 0.09 || f.panels[1].yMin > 0.1 {
		t.Errorf("%d strokes from %v to %v, from %v up", n, f.xMin, f.tMax, f.panels[1].yMin)
	}
}

// The rows are the subflows and the reason; a wait lasts until the next grant, said once or
// twice.
func TestTimeline(t *testing.T) {
	s := open(t, logged(t))
	f, err := figureOf("timeline", s, new(Options))
	if err != nil {
		t.Fatal(err)
	}
	p := f.panels[0]
	var rows [3][]area
	for _, a := range p.areas {
		k := int(math.Round(a.y[0] + 0.36))
		rows[k] = append(rows[k], a)
	}
	if p.yTicks[0].label != "wifi" || p.yTicks[0].at != 2 || p.yTicks[2].label != "wait: no room" {
		t.Fatalf("rows %+v", p.yTicks)
	}
	if w := rows[0]; len(w) != 1 || w[0].x[0] != 10 || w[0].x[1] != 20 {
		t.Errorf("waits %+v", w)
	}
	if w := rows[2]; len(w) != 1 || w[0].x[0] != 0 || math.Abs(w[0].x[1]-8) > 0.05 {
		t.Errorf("wifi has %d blocks, the first from %v to %v", len(w), w[0].x[0], w[0].x[1])
	}
	if l := rows[1]; len(l) != 3 || l[1].fill != paint(1) || l[1].x[0] != 9 || math.Abs(l[1].x[1]-9.2) > 0.05 || l[2].x[0] != 20 {
		t.Errorf("lte has blocks %+v", l)
	}
	_, svg := picture(t, "timeline", f.layout().render)
	for _, text := range []string{"granted: new", "granted: reinject", "wait: no room", "lte", "Time (s)"} {
		if !bytes.Contains(svg, []byte(">"+text+"<")) {
			t.Errorf("the figure lacks %q", text)
		}
	}
}

func TestErrorsOfDecisions(t *testing.T) {
	dir := logged(t)
	s := open(t, dir)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Flow: "tcp-lte"}, `no MPTCP flow "tcp-lte"; it has mptcp`},
		{Options{From: 31}, "the run ends at 30 s"},
		{Options{From: 3, To: 2}, "no time lies between"},
		{Options{Metric: "x"}, "has no parameter metric"},
	} {
		for _, kind := range []string{"sequence", "timeline"} {
			if _, err := Draw(kind, s, &c.o, "svg"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %+v: %v", kind, c.o, err)
			}
		}
	}
	if _, err := Draw("timeline", open(t, story(t)), new(Options), "svg"); err == nil || !strings.Contains(err.Error(), "--events") {
		t.Errorf("no log: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, results.EventsName), []byte("{\"kind\":\"grant\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Draw("timeline", s, new(Options), "svg"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken log: %v", err)
	}
}
