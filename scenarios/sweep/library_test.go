package sweep

import (
	"io/fs"
	"slices"
	"testing"

	"mpsim/scenarios"
)

// library returns the plans of the sweeps of the library, by path.
func library(t *testing.T) map[string]*Plan {
	t.Helper()
	files, err := fs.Glob(scenarios.SweepFiles(), "sweeps/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no sweeps", err)
	}
	out := make(map[string]*Plan)
	for _, f := range files {
		s, err := Load(f)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if f != "sweeps/"+s.Name+".toml" || s.Title == "" {
			t.Errorf("%s: name %q, title %q", f, s.Name, s.Title)
		}
		if len(s.measures) == s.metrics {
			t.Errorf("%s has no expectations", f)
		}
		if out[f], err = s.Plan(scenarios.Options{}); err != nil {
			t.Errorf("%v", err)
		}
	}
	return out
}

// Every sweep of the library makes its design and loads every point of it.
func TestLibraryLoads(t *testing.T) { library(t) }

// byPoint returns a metric of each run, by the values of the factors of its point.
func (o *Outcome) byPoint(metric int) map[string][]float64 {
	out := make(map[string][]float64)
	for _, r := range o.Rows {
		name := ""
		for _, v := range r.Point.Values() {
			name += "/" + v
		}
		out[name] = append(out[name], r.number(metric))
	}
	return out
}

// The receive buffer of RFC 6182 section 5.3 and RFC 8041 section 3.5: with less than
// the product of the longest path the connection is slower than the best path alone,
// which carries 10 Mb/s; with the longest round-trip time multiplied by the sum of the
// rates it fills both but for what queues and losses ask beyond; more adds nothing.
func TestReceiveBuffer(t *testing.T) {
	goodput := sweepTo(t, library(t)["sweeps/receive-buffer.toml"], Options{Out: t.TempDir(), Jobs: 2}).byPoint(0)
	const alone, sum = 10e6 * 1420 / 1500, 20e6 * 1420 / 1500
	for buffer, want := range map[string][2]float64{
		"/30kB": {0, 0.5 * alone}, "/60kB": {0, 0.95 * alone}, "/125kB": {1.05 * alone, 0.9 * sum}, "/250kB": {0.9 * sum, sum}, "/500kB": {0.9 * sum, sum}, "/1500kB": {0.9 * sum, sum},
	} {
		if g := goodput[buffer]; len(g) != 3 || slices.Min(g) < want[0] || slices.Max(g) > want[1] {
			t.Errorf("buffer %s: goodput %.0f, want %.0f", buffer, g, want)
		}
	}
}

// Path manager x congestion control x scheduler between hosts with two addresses each:
// every combination runs, and has the subflows that its path manager opens.
// row:E18
func TestMultihomed(t *testing.T) {
	o := sweepTo(t, library(t)["sweeps/multihomed.toml"], Options{Out: t.TempDir(), Jobs: 2})
	subflows := map[string]float64{"default": 1, "ndiffports": 2, `{ name = "fullmesh", announce = 1 }`: 4}
	combinations := make(map[[3]string]int)
	for _, r := range o.Rows {
		v := r.Point.Values()
		combinations[[3]string(v)]++
		if r.number(1) != subflows[v[0]] || len(r.Failed) > 0 {
			t.Errorf("%v: %s subflows, failed %v", v, r.Values[1], r.Failed)
		}
	}
	if len(combinations) != 3*5*3 || len(o.Rows) != 2*3*5*3 {
		t.Errorf("%d combinations in %d runs", len(combinations), len(o.Rows))
	}
	// With one subflow there is nothing to schedule or to couple.
	different := make(map[string]bool)
	for _, r := range o.Rows {
		if r.number(1) > 1 {
			different[r.Hash] = true
		}
	}
	if len(different) != 60 {
		t.Errorf("%d runs of 60 with several subflows are different", len(different))
	}
}

// The design of the CoNEXT'13 study: 200 points of eight factors within their ranges,
// each run five times.
// row:F8
func TestSpaceFillingSweep(t *testing.T) {
	p := library(t)["sweeps/space-filling.toml"]
	if n := len(p.Points); n < 198 || n > 200 || p.Replications.Min != 5 {
		t.Fatalf("%d points, %d replications", n, p.Replications.Min)
	}
	ranges := [][2]float64{{1e5, 1e8}, {0, .025}, {.001, .1}, {0, .025}, {1e5, 1e8}, {0, .025}, {.001, .1}, {0, .025}}
	var unit [][]float64
	for _, x := range p.Points {
		u := make([]float64, len(ranges))
		for i, v := range x.Values() {
			q, ok := scenarios.ReadQuantity(v)
			if u[i] = (q.Value - ranges[i][0]) / (ranges[i][1] - ranges[i][0]); !ok || u[i] < 0 || u[i] > 1 {
				t.Errorf("point %d: %s = %s", x.Number, p.Factors()[i], v)
			}
		}
		unit = append(unit, u)
	}
	if chosen, plain := apart(unit), apart(random(len(unit), len(ranges), stream(3), nil)); chosen < 1.5*plain {
		t.Errorf("points are %.3f apart, random ones %.3f", chosen, plain)
	}
	o := sweepTo(t, p, Options{Out: t.TempDir(), Jobs: 2, Only: func(x *Point) bool { return x.Number%50 == 1 }})
	if len(o.Rows) != 20 {
		t.Errorf("%d rows", len(o.Rows))
	}
	for _, r := range o.Rows {
		if b := r.number(0); !(b >= -1 && b <= 1.5) || len(r.Failed) > 0 {
			t.Errorf("point %d: benefit %v, failed %v", r.Point.Number, b, r.Failed)
		}
	}
}
