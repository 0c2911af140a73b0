package report

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/sim"
)

// Columns come back as they were: small integers, sorted times, 64 bits, numbers to nine
// digits, nothing where nothing was.
func TestColumnsComeBack(t *testing.T) {
	b := new(blobs)
	whole := [][]int64{{}, {0, 1, -1, math.MaxInt32, math.MinInt32 + 1}, {math.MinInt32}, {1 << 40, -1 << 40, 1<<53 - 1, -5}}
	var numbers []int
	for _, v := range whole {
		numbers = append(numbers, b.ints(v, false))
	}
	times := []int64{0, 5, 60e9, 60e9 + 1, 61e9} // a step of more than 2^31
	dense := []int64{1e12, 1e12 + 1, 1e12 + 2_000_000_000}
	numbers = append(numbers, b.ints(times, true), b.ints(dense, true))
	whole = append(whole, times, dense)
	read := func(i int) []float64 {
		var about map[string]any
		text, _ := json.Marshal(b.list[i])
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		_ = d.Decode(&about)
		return unpack(t, b.texts[i], about)
	}
	for k, v := range whole {
		got := read(numbers[k])
		for i := range v {
			if got[i] != float64(v[i]) {
				t.Errorf("column %d: %v, want %v", k, got, v)
				break
			}
		}
		if len(got) != len(v) {
			t.Errorf("column %d: %d values, want %d", k, len(got), len(v))
		}
	}
	for _, v := range [][]float64{{0.1, math.NaN(), -123.456789}, {3e12, 1}, {0, 0}, {1e-9, 2e-9, 1.0 / 3e9}, {5, 7, math.NaN()}} {
		top := 0.0
		for _, x := range v {
			if !math.IsNaN(x) {
				top = math.Max(top, math.Abs(x))
			}
		}
		for i, got := range read(b.floats(v)) {
			if math.IsNaN(got) != math.IsNaN(v[i]) || math.Abs(got-v[i]) > top*5e-9 {
				t.Errorf("%v comes back as %g", v[i], got)
			}
		}
	}
	if n := len(b.list); b.ints([]int64{0, 5, 60e9, 60e9 + 1, 61e9}, true) != numbers[4] || len(b.list) != n {
		t.Error("an equal column is kept twice")
	}
}

// An overview has the least and the largest value of each column of time, in the order in
// which they occur, and nothing where a curve has a gap.
func TestOverviewKeepsExtremes(t *testing.T) {
	var at []int64
	var a, b []float64
	for i := range 10_000 {
		at = append(at, int64(i)*1e6)
		a = append(a, math.Sin(float64(i)))
		b = append(b, math.NaN())
	}
	a[1234], a[1235], b[5000] = 9, -9, 1
	times, out := overview(at, [][]float64{a, b}, 100)
	if len(times) > 202 || len(times) < 200 || len(out[0]) != len(times) || len(out[1]) != len(times) {
		t.Fatalf("%d points, %d and %d values", len(times), len(out[0]), len(out[1]))
	}
	peak := -1
	for i := range times {
		if i > 0 && times[i] < times[i-1] {
			t.Fatalf("the times %d and %d", times[i-1], times[i])
		}
		if out[0][i] == 9 {
			peak = i
		}
	}
	if peak < 0 || out[0][peak+1] != -9 || times[peak] > 1234e6 || times[peak+1] < 1235e6 {
		t.Errorf("the extremes are lost: %v", out[0][max(0, peak):max(0, peak)+2])
	}
	ones := 0
	for _, v := range out[1] {
		if v == 1 {
			ones++
		}
	}
	if ones != 2 {
		t.Errorf("a single point of a curve stands %d times", ones)
	}
}

// Grants are counted by subflow, kind and reason, and waits with the time until the next
// grant or the next reason.
func TestDecisionsAreCounted(t *testing.T) {
	dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{Until: 2 * sim.Second})
	var log strings.Builder
	line := func(at float64, format string, args ...any) {
		fmt.Fprintf(&log, `{"time_ns":%d,"node":"server","conn":2,"flow":"mptcp",`+format+"}\n", append([]any{int64(at * 1e9)}, args...)...)
	}
	grant := func(at float64, subflow, length int, kind string) {
		line(at, `"kind":"grant","subflow":%d,"dsn":1,"len":%d,"grant":%q,"candidates":1,"penalised":-1,"why":"lowest_rtt"`, subflow, length, kind)
	}
	wait := func(at float64, why string) {
		line(at, `"kind":"wait","dsn":1,"unsent":1,"candidates":1,"why":%q`, why)
	}
	grant(0.1, 0, 1000, "new")
	wait(0.2, "no_room")
	wait(0.3, "no_room")
	wait(0.5, "peer_window")
	grant(0.6, 1, 500, "new")
	grant(0.7, 0, 200, "new")
	wait(1.0, "no_room")
	grant(1.25, 1, 100, "reinject")
	wait(1.5, "no_room")
	file := filepath.Join(dir, "events.jsonl")
	if err := os.WriteFile(file, []byte(log.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := openRun(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, d := range decisions(r.events, &r.summary) {
		got += fmt.Sprintf("%s %s %s %s %d %d %.3f\n", d.Flow, d.What, d.Subflow, d.Why, d.Count, d.Bytes, d.Seconds)
	}
	want := `mptcp grants new one lowest_rtt 2 1200 0.000
mptcp grants new two lowest_rtt 1 500 0.000
mptcp grants reinject two lowest_rtt 1 100 0.000
mptcp waits  no_room 4 0 1.050
mptcp waits  peer_window 1 0 0.100
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The timeline of the scenario is in the page: when links carry nothing, and what was done.
func TestOutagesAreInThePage(t *testing.T) {
	dir, _ := runOf(t, "handover/constant.toml", execute.Job{})
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := take(t, page)
	list := r.data["outages"].([]any)
	if len(list) != 1 || fmt.Sprintf("%v %v", list[0].(map[string]any)["from"], list[0].(map[string]any)["to"]) != "5 15" { // as its title says
		t.Errorf("outages %v", list)
	}
	if a := r.data["actions"].([]any); len(a) != 2 || fmt.Sprint(a[0].(map[string]any)["at"]) != "5" {
		t.Errorf("actions %v", a)
	}
}
