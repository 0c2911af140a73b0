package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// termsOf returns the terms of a subflow by name.
func termsOf(t testing.TB, c Controller, f FlowID) map[string]float64 {
	t.Helper()
	e, ok := c.(Explainer)
	if !ok {
		t.Fatalf("%T does not explain itself", c)
	}
	m := map[string]float64{}
	for _, x := range e.Terms(f, nil) {
		if _, twice := m[x.Name]; twice || x.Name == "" {
			t.Errorf("%T: term %q", c, x.Name)
		}
		m[x.Name] = x.Value
	}
	return m
}

func wantTerms(t testing.TB, c Controller, f FlowID, want map[string]float64) {
	t.Helper()
	got := termsOf(t, c, f)
	for name, v := range want {
		if x, ok := got[name]; !ok || math.Abs(x-v) > 1e-5*math.Max(1, math.Abs(v)) {
			t.Errorf("%T, subflow %d: %s is %v, want %v", c, f, name, got, v)
		}
	}
}

// The terms of the vectors of ALGORITHMS A1, A2 and A4.1.
func TestTerms(t *testing.T) {
	c := joined(t, "reno", 10, 10)
	feed(c, 0, 0, 3*mss, sim.Second)
	wantTerms(t, c, 0, map[string]float64{"increase": 0.1, "credit": 3})

	c = liaWith(t, liaPath{10, 10 * ms}, liaPath{20, 100 * ms})
	wantTerms(t, c, 0, map[string]float64{"alpha": 2.08333, "w_total": 30, "threshold": 14.4, "increase": 0.0694444})
	wantTerms(t, c, 1, map[string]float64{"threshold": 20, "increase": 0.05})

	for mode, set := range cubicModes {
		c = joined(t, "cubic", 100, 10, set)
		setPlateau(c, 80)
		c.OnLoss(0, 0, Loss{InFlight: 100 * mss, Nxt: 1})
		feed(c, 0, 0, mss, 100*ms)
		want := map[string]float64{"w_max": 100, "k_s": 4.2172}
		if mode == "linux" {
			want["k_s"] = 4317. / 1024
		}
		wantTerms(t, c, 0, want)
	}
}

// Every controller explains itself with finite values at every point of its life,
// and asking changes nothing.
func TestEveryControllerExplainsItself(t *testing.T) {
	for _, s := range variants() {
		c := s.make(t)
		if _, ok := c.(Explainer); !ok {
			t.Errorf("%s does not explain itself", s)
			continue
		}
		look := func(when string) {
			before := c.Window(0)
			m := termsOf(t, c, 0)
			if len(m) == 0 {
				t.Errorf("%s: no term %s", s, when)
			}
			for name, v := range m {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s: %s is %v %s", s, name, v, when)
				}
			}
			if c.Window(0) != before {
				t.Errorf("%s: asking changed the window", s)
			}
		}
		c.Join(0, 0, Path{MSS: mss, InitWindow: 10 * mss})
		look("without a round-trip time")
		feed(c, 0, 0, mss, 100*ms)
		look("in slow start")
		c.OnLoss(0, 0, Loss{InFlight: 10 * mss, Nxt: 1})
		look("after a loss")
		feed(c, sim.Time(sim.Second), 0, mss, 100*ms)
		look("in congestion avoidance")
		c.OnTimeout(sim.Time(sim.Second), 0, Loss{InFlight: mss, Una: 1, Nxt: 2})
		look("after a timeout")
		c.Leave(sim.Time(sim.Second), 0)
		look("after it left")
	}
}
