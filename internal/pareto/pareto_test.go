package pareto

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"mpsim/results/plot"
	"mpsim/scenarios"
)

// The fixed points are those of the published tables (PAPERS 4), [F] there.
func TestFixedPoints(t *testing.T) {
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: %.4f, published %.4f", what, got, want)
		}
	}
	for _, v := range []struct {
		s    Setting
		want float64
	}{
		{Setting{A, 5, 10, 0.75, 1, false}, .8638}, {Setting{A, 10, 10, 0.75, 1, false}, .7500}, {Setting{A, 20, 10, 0.75, 1, false}, .5870},
		{Setting{A, 5, 10, 1, 1, false}, .8520}, {Setting{A, 10, 10, 1, 1, false}, .7390}, {Setting{A, 20, 10, 1, 1, false}, .5898},
		{Setting{A, 5, 10, 1.5, 1, false}, .8528}, {Setting{A, 10, 10, 3, 2, false}, .7500}, {Setting{A, 20, 10, 1.5, 1, false}, .6190},
	} {
		r := v.s.FixedPoint()
		near("A", r.Other/v.s.C2, v.want, 1e-4)
		near("A, the others", r.Multi, v.s.C1, 0)
	}
	for _, v := range []struct {
		s            Setting
		other, multi float64
	}{
		{Setting{C, 5, 10, 1, 1, false}, .8191, 1.362}, {Setting{C, 10, 10, 1, 1, false}, .7044, 1.296}, {Setting{C, 20, 10, 2, 2, false}, .5665, 1.217},
		{Setting{C, 30, 10, 1, 1, false}, .4853, 1.172}, {Setting{C, 5, 10, 1.5, 1, false}, .8401, 1.213}, {Setting{C, 30, 10, 1.5, 1, false}, .5332, 1.104},
	} {
		r := v.s.FixedPoint()
		near("C", r.Other/v.s.C2, v.other, 1e-4)
		near("C, the others", r.Multi/v.s.C1, v.multi, 1e-3)
	}
	before, after := Setting{B, 15, 15, 27, 36, false}, Setting{B, 15, 15, 27, 36, true}
	near("B blue", before.FixedPoint().Multi, 2.55, .01)
	near("B red", before.FixedPoint().Other, 1.65, .01)
	near("B blue, upgraded", after.FixedPoint().Multi, 1.98, .01)
	near("B red, upgraded", after.FixedPoint().Other, 1.61, .01)
	near("B, loss of the upgrade", 1-after.Total(after.FixedPoint())/before.Total(before.FixedPoint()), .144, .001)
}

// With 1 Mb/s a user and 150 ms a probe is 0.08 of a share (PAPERS 4: 0.92 for as many
// users of each kind). In scenario B the capacities add up to what users have and what
// the probes of red users take twice.
func TestOptimum(t *testing.T) {
	for _, v := range []struct {
		s    Setting
		want Rates
	}{
		{Setting{A, 10, 10, 1, 1, false}, Rates{1, 0.92}},
		{Setting{A, 30, 10, 1, 1, false}, Rates{1, 0.76}},
		{Setting{C, 10, 10, 1, 1, false}, Rates{1.08, 0.92}},
		{Setting{B, 15, 15, 27, 36, false}, Rates{2.1, 2.1}},
		{Setting{B, 15, 15, 27, 36, true}, Rates{2.06, 2.06}},
		{Setting{B, 15, 15, 45, 36, true}, Rates{3, 2.32}},
		{Setting{B, 15, 15, 45, 36, false}, Rates{3.08, 2.32}},
	} {
		got := v.s.Optimum()
		if math.Abs(got.Multi-v.want.Multi) > 1e-9 || math.Abs(got.Other-v.want.Other) > 1e-9 {
			t.Errorf("%+v: %.4f, want %.4f", v.s, got, v.want)
		}
	}
}

// the returns the outcome of a controller for a setting.
func the(t *testing.T, all []Outcome, controller string, s Setting) *Outcome {
	t.Helper()
	for i := range all {
		if all[i].Controller == controller && all[i].Setting == s {
			return &all[i]
		}
	}
	t.Fatal("no outcome of", controller, s)
	return nil
}

func other(r Rates) float64 { return r.Other }
func multi(r Rates) float64 { return r.Multi }

func (o *Outcome) mean(of func(Rates) float64) float64 {
	m := 0.0
	for _, r := range o.Rates {
		m += of(r) / float64(len(o.Rates))
	}
	return m
}

func (o *Outcome) total() float64 {
	return o.mean(func(r Rates) float64 { return o.Setting.Total(r) })
}

// The points of the paper's tables: ten users of each kind with 1 Mb/s each, and
// scenario B before and after the upgrade.
var (
	pointA  = Setting{A, 10, 10, 1, 1, false}
	before  = Setting{B, 15, 15, 27, 36, false}
	after   = Setting{B, 15, 15, 27, 36, true}
	pointC  = Setting{C, 10, 10, 1, 1, false}
	pairs   = []string{"lia", "olia"}
	allFour = []Setting{pointA, before, after, pointC}
)

// directions judges LIA by its fixed points and OLIA by LIA (A15 to A17 of the list of
// reproductions; the bands are those of the list).
func directions(t *testing.T, all []Outcome) {
	for i := range all {
		o := &all[i]
		fixed, best := o.Setting.FixedPoint(), o.Setting.Optimum()
		t.Logf("%s %+v: %.3f and %.3f; fixed point of LIA %.3f and %.3f, optimum %.3f and %.3f",
			o.Controller, o.Setting, o.mean(multi), o.mean(other), fixed.Multi, fixed.Other, best.Multi, best.Other)
	}
	for _, s := range []Setting{pointA, pointC} {
		lia, olia := the(t, all, "lia", s).mean(other), the(t, all, "olia", s).mean(other)
		if want := s.FixedPoint().Other; math.Abs(lia-want) > 0.07 {
			t.Errorf("%s: LIA leaves users of TCP %.3f, its fixed point %.3f", s.Scenario, lia, want)
		}
		if olia-lia < 0.05 || olia > 1 {
			t.Errorf("%s: OLIA leaves users of TCP %.3f, LIA %.3f", s.Scenario, olia, lia)
		}
	}
	for _, s := range []Setting{before, after} {
		o, want := the(t, all, "lia", s), s.FixedPoint()
		if blue, red := o.mean(multi), o.mean(other); math.Abs(blue-want.Multi) > 0.2 || math.Abs(red-want.Other) > 0.2 {
			t.Errorf("B, upgraded %v: %.2f and %.2f Mb/s, fixed point %.2f and %.2f", s.Upgraded, blue, red, want.Multi, want.Other)
		}
	}
	drop := func(c string) float64 { return 1 - the(t, all, c, after).total()/the(t, all, c, before).total() }
	t.Logf("the upgrade costs %.1f %% with LIA, %.1f %% with OLIA", 100*drop("lia"), 100*drop("olia"))
	if lia, olia := drop("lia"), drop("olia"); lia < 0.11 || lia > 0.17 || olia >= lia-0.03 {
		t.Errorf("the upgrade costs %.1f %% with LIA, %.1f %% with OLIA", 100*lia, 100*olia)
	}
}

// LIA is not Pareto-optimal: second paths that give little or nothing cost others much
// more than with OLIA. One seed; the long suite has five.
//
// row:F3
func TestDirections(t *testing.T) {
	e := Experiment{Controllers: pairs, Settings: allFour, Seeds: 1, Seconds: 90}
	all, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	directions(t, all)
}

func TestRunEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := Experiment{Controllers: []string{"lia"}, Settings: []Setting{pointA}, Seeds: 2, Seconds: 60}
	if _, err := e.Run(ctx); !errors.Is(err, errStopped) {
		t.Error(err)
	}
	e.Controllers = []string{"liaa"}
	if _, err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `did you mean "lia"`) {
		t.Error(err)
	}
}

// at returns the value of a curve at one of its points.
func at(c *plot.Curve, x float64) float64 {
	for i := range c.X {
		if math.Abs(c.X[i]-x) < 1e-9 {
			return c.Y[i]
		}
	}
	return math.NaN()
}

// A figure has both controllers, the fixed point and the optimum in every panel.
func TestFigure(t *testing.T) {
	for _, sc := range []Scenario{A, B, C} {
		var all []Outcome
		for _, c := range pairs {
			for _, s := range Sweep(sc) {
				r := s.FixedPoint()
				all = append(all, Outcome{c, s, []Rates{r, {r.Multi * 1.1, r.Other * 1.1}}})
			}
		}
		f := Figure(sc, all)
		for _, p := range f.Panels {
			if len(p.Curves) != 2 || len(p.Points) != 2 || len(p.Points[0].X) != 5 || p.Points[1].Name != "OLIA, simulated" {
				t.Fatalf("%s, %s: %d curves, %d sets of points", sc, p.Title, len(p.Curves), len(p.Points))
			}
			for i, x := range p.Points[0].X {
				// The mean of the made-up outcomes lies 5 % above the fixed point.
				if y := at(&p.Curves[0], x); math.Abs(p.Points[0].Y[i]-1.05*y) > 1e-3 || p.Points[0].Low[i] >= y || p.Points[0].High[i] <= 1.1*y {
					t.Errorf("%s, %s at %g: point %.3f [%.3f, %.3f], fixed point %.3f", sc, p.Title, x, p.Points[0].Y[i], p.Points[0].Low[i], p.Points[0].High[i], y)
				}
			}
		}
		b, err := f.Render("svg")
		if err != nil || !bytes.Contains(b, []byte("LIA, fixed point")) || !bytes.Contains(b, []byte("optimum with probing")) {
			t.Errorf("%s: %v", sc, err)
		}
	}
}

// The files of the library are these scenarios: the same runs, to the bit.
func TestLibraryHasTheSameScenarios(t *testing.T) {
	hash := func(sc *scenarios.Scenario, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w, err := scenarios.Build(sc, scenarios.Run{Seed: 1, NoExpect: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.RunToEnd(); err != nil {
			t.Fatal(err)
		}
		return w.Hash().String()
	}
	seen := map[string]bool{}
	for name, s := range map[string]Setting{"a": pointA, "b": before, "b-upgraded": after, "c": pointC} {
		got := hash(scenarios.LoadLibrary("papers/conext12-scenario-"+name+".toml", scenarios.Options{Set: []string{"duration=4s"}}))
		want := hash(scenarios.Parse(name, s.Text("{ name = \"lia\", hystartpp = 0 }", 4), scenarios.Options{}))
		if got != want || seen[got] {
			t.Errorf("%s: hash %s, the experiment has %s", name, got, want)
		}
		seen[got] = true
	}
}
