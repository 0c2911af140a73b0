//go:build long

package pareto

import (
	"flag"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

var figures = flag.String("figures", "", "directory into which the curves are drawn, such as ../../docs/figures")

// The whole curves, five seeds each: wherever second paths cost others anything, OLIA
// costs them less than LIA, and LIA's points lie within 0.1 of its fixed points, in parts
// of a fair share.
//
// row:F3
func TestCurves(t *testing.T) {
	for _, sc := range []Scenario{A, B, C} {
		settings := Sweep(sc)
		e := Experiment{Controllers: pairs, Settings: settings, Seeds: 5, Seconds: 150}
		all, err := e.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f := Figure(sc, all)
		if *figures != "" {
			if err := f.Save(filepath.Join(*figures, "olia-scenario-"+strings.ToLower(string(sc))+".svg")); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range f.Panels {
			for i, x := range p.Points[0].X {
				t.Logf("%s, %s at %.2f: lia %.3f [%.3f, %.3f], olia %.3f [%.3f, %.3f]", sc, p.Title, x,
					p.Points[0].Y[i], p.Points[0].Low[i], p.Points[0].High[i], p.Points[1].Y[i], p.Points[1].Low[i], p.Points[1].High[i])
			}
		}
		for _, p := range f.Panels {
			for i, x := range p.Points[0].X {
				if y := at(&p.Curves[0], x); math.Abs(p.Points[0].Y[i]-y) > 0.1 {
					t.Errorf("%s, %s at %.2f: LIA %.3f, its fixed point %.3f", sc, p.Title, x, p.Points[0].Y[i], y)
				}
			}
		}
		for _, s := range settings {
			lia, olia := the(t, all, "lia", s), the(t, all, "olia", s)
			if sc != B && olia.mean(other) < lia.mean(other)+0.03 || sc == B && olia.total() < lia.total() {
				t.Errorf("%+v: LIA leaves others %.3f of %.1f Mb/s, OLIA %.3f of %.1f", s, lia.mean(other), lia.total(), olia.mean(other), olia.total())
			}
		}
	}
}

// The points of the tables with five seeds.
//
// row:F3
func TestDirectionsLong(t *testing.T) {
	e := Experiment{Controllers: pairs, Settings: allFour, Seeds: 5, Seconds: 150}
	all, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	directions(t, all)
}
