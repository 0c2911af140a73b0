package pareto

import (
	"strings"

	"mpsim/results/plot"
)

// The figures show what users of each kind have, normalised by their fair share without
// the others' second paths, over the number of users (A, C) or the capacity of X (B).

// Sweep returns the settings of a scenario that its figure simulates: 1 Mb/s a user and
// 10 of TCP (A, C), or 15 users of each kind and 36 Mb/s for T (B), as in the paper.
func Sweep(sc Scenario) []Setting {
	var out []Setting
	if sc == B {
		for _, x := range []float64{9, 18, 27, 36, 45} {
			out = append(out, Setting{B, 15, 15, x, 36, true})
		}
		return out
	}
	for _, n := range []int{5, 10, 15, 20, 30} {
		out = append(out, Setting{sc, n, 10, 1, 1, false})
	}
	return out
}

// Figure draws the outcomes of the settings of Sweep for one scenario, each controller
// in a colour, with the fixed point of LIA and the optimum with probing cost.
func Figure(sc Scenario, outcomes []Outcome) *plot.Chart {
	c := &plot.Chart{XLabel: "N1/N2: users with two paths over users of TCP", YLabel: "Normalised throughput"}
	panels := []measure{
		{"Users of TCP", "", func(s *Setting, r Rates) float64 { return r.Other / s.C2 }},
		{"Users with two paths", "", func(s *Setting, r Rates) float64 { return r.Multi / s.C1 }},
	}
	switch sc {
	case A:
		c.Title = "Scenario A: a second path that gives nothing"
	case B:
		c.Title = "Scenario B: red users add a path that costs both links"
		c.XLabel = "CX/CT: capacity of X over that of T"
		panels = []measure{
			{"Blue users", "over CT/N", func(s *Setting, r Rates) float64 { return r.Multi / s.C2 * float64(s.N2) }},
			{"Red users", "over CT/N", func(s *Setting, r Rates) float64 { return r.Other / s.C2 * float64(s.N2) }},
			{"All users", "over CX + CT", func(s *Setting, r Rates) float64 { return s.Total(r) / (s.C1 + s.C2) }},
		}
	case C:
		c.Title = "Scenario C: a second path that others need"
	}
	fine := curveSettings(sc)
	for _, m := range panels {
		p := plot.ChartPanel{Title: m.title, Note: m.note}
		fixed := plot.Curve{Name: "LIA, fixed point", Dashed: true}
		best := plot.Curve{Name: "optimum with probing", Color: plot.Neutral}
		for i := range fine {
			s := &fine[i]
			fixed.X, fixed.Y = append(fixed.X, s.x()), append(fixed.Y, m.of(s, s.FixedPoint()))
			best.X, best.Y = append(best.X, s.x()), append(best.Y, m.of(s, s.Optimum()))
		}
		p.Curves = []plot.Curve{fixed, best}
		p.Points = m.points(outcomes)
		c.Panels = append(c.Panels, p)
	}
	return c
}

// measure is what a panel shows of the rates.
type measure struct {
	title, note string
	of          func(s *Setting, r Rates) float64
}

// points returns the means of each controller.
func (m *measure) points(outcomes []Outcome) []plot.Points {
	var out []plot.Points
	for i := range outcomes {
		o := &outcomes[i]
		if i == 0 || outcomes[i-1].Controller != o.Controller {
			out = append(out, plot.Points{Name: strings.ToUpper(o.Controller) + ", simulated", Color: len(out)})
		}
		p := &out[len(out)-1]
		mean, low, high := o.Interval(func(r Rates) float64 { return m.of(&o.Setting, r) })
		p.X, p.Y = append(p.X, o.Setting.x()), append(p.Y, mean)
		p.Low, p.High = append(p.Low, low), append(p.High, high)
	}
	return out
}

// x returns the place of a setting on the axis.
func (s *Setting) x() float64 {
	if s.Scenario == B {
		return s.C1 / s.C2
	}
	return float64(s.N1) / float64(s.N2)
}

// curveSettings returns enough settings for smooth curves.
func curveSettings(sc Scenario) []Setting {
	all := Sweep(sc)
	first, last := all[0], all[len(all)-1]
	var out []Setting
	if sc == B {
		for i := range 101 {
			s := first
			s.C1 += (last.C1 - first.C1) * float64(i) / 100
			out = append(out, s)
		}
		return out
	}
	for n := first.N1; n <= last.N1; n++ {
		s := first
		s.N1 = n
		out = append(out, s)
	}
	return out
}
