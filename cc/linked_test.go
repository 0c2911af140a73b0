package cc

import (
	"fmt"
	"math"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// like makes a connection in congestion avoidance on all subflows.
func like(t testing.TB, name string, paths []liaPath, set ...Setting) Controller {
	t.Helper()
	c := must(t, name, set...)
	for i, p := range paths {
		setFlow(t, c, FlowID(i), p.w, 1, p.rtt)
	}
	return c
}

// increase returns the growth of subflow f in segments per segment acknowledged,
// as the controller's own formula has it, after checking that the window moves by
// that: within 1 in 1000 of the bytes until the next step.
func increase(t testing.TB, name string, f FlowID, paths []liaPath, set ...Setting) float64 {
	t.Helper()
	c := like(t, name, paths, set...)
	want := termsOf(t, c, f)["increase"]
	before := c.Window(f)
	n := int64(0)
	for c.Window(f) == before {
		feed(c, 0, f, 8, paths[f].rtt)
		if n += 8; n > 2e6 {
			t.Fatalf("%s: the window does not move, its increase is %v", name, want)
		}
	}
	got := float64(c.Window(f)-before) / float64(n)
	if math.Abs(got/want-1) > 1e-3 { // eight bytes of at least 8000
		t.Errorf("%s %v, subflow %d: moved by %.7f, its term says %.7f", name, paths, f, got, want)
	}
	return want
}

// A12.1: on n equal paths LIA, BALIA, EWTCP and OLIA (with nothing collected) have
// the increase 1/(n^2 w), so have SEMICOUPLED with a = 1/n and the epsilon family;
// on one path that is Reno's.
func TestEqualPaths(t *testing.T) {
	for n := 1; n <= 4; n++ {
		const w = 12
		paths := make([]liaPath, n)
		for i := range paths {
			paths[i] = liaPath{w, 80 * ms}
		}
		for name, set := range map[string][]Setting{
			"lia": nil, "olia": nil, "balia": nil, "ewtcp": nil,
			"semicoupled": {{"a", 1 / float64(n)}},
			"epsilon":     {{"epsilon", 0.7}},
		} {
			for f := range paths {
				got := increase(t, name, FlowID(f), paths, set...)
				if want := 1 / float64(n*n*w); math.Abs(got/want-1) > 1e-4 {
					t.Errorf("%s, %d paths: increase %.8f, want %.8f", name, n, got, want)
				}
			}
		}
	}
}

// A12.4: with one subflow the ref modes are Reno, and mpcubic is CUBIC, to the bit
// over any history.
func TestOnePath(t *testing.T) {
	single := func(c Controller) Flow {
		switch c := c.(type) {
		case interface{ flowAt(FlowID) *Flow }:
			return *c.flowAt(0)
		}
		return Flow{}
	}
	for name, other := range map[string]string{
		"lia": "reno", "olia": "reno", "balia": "reno", "ewtcp": "reno", "coupled": "reno", "semicoupled": "reno",
		"epsilon": "reno", "mpcubic": "cubic",
	} {
		rapid.Check(t, func(t *rapid.T) {
			var set, setOther []Setting
			if rapid.Bool().Draw(t, "flightsize") {
				set = []Setting{{"flightsize", 1}}
			}
			setOther = set
			if other == "cubic" {
				setOther = append([]Setting{{"mode", 0}}, set...)
			}
			a, _ := New(other, setOther, nil)
			b, _ := New(name, set, nil)
			w := newWalk(t, 1)
			w.join(a, b)
			for range 100 {
				e := w.draw(t)
				now := w.now
				w.apply(a, e)
				w.now = now
				w.apply(b, e)
				if fa, fb := single(a), single(b); fa != fb {
					t.Fatalf("%s after %+v:\n%+v\n%s %+v", other, e, fa, name, fb)
				}
			}
		})
	}
}

// A12.2: the increase does not change when all round-trip times are scaled, and
// goes with the inverse of the scale of the windows. Powers of two are exact but
// for the rounding of T to a byte.
func TestScaleInvariance(t *testing.T) {
	for _, name := range []string{"lia", "olia", "balia", "epsilon", "coupled", "semicoupled", "ewtcp"} {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(1, 5).Draw(t, "n")
			shift := rapid.IntRange(1, 4).Draw(t, "shift")
			var c [3]Controller // as drawn, wider, longer
			for i := range c {
				c[i], _ = New(name, nil, nil)
			}
			for i := range n {
				p := Path{
					MSS: mss, InitWindow: rapid.Int64Range(4, 500).Draw(t, "w") * mss,
					RTT: sim.Duration(rapid.Int64Range(1000, 500_000_000).Draw(t, "rtt")),
				}
				c[0].Join(0, FlowID(i), p)
				c[1].Join(0, FlowID(i), Path{MSS: mss, InitWindow: p.InitWindow << shift, RTT: p.RTT})
				c[2].Join(0, FlowID(i), Path{MSS: mss, InitWindow: p.InitWindow, RTT: p.RTT << shift})
			}
			for i := range n {
				var inc [3]float64
				for k := range c {
					if f := c[k].(interface{ flowAt(FlowID) *Flow }).flowAt(FlowID(i)); f.W > 0 {
						f.Thresh = 2 * mss
					}
					for _, x := range c[k].(Explainer).Terms(FlowID(i), nil) {
						if x.Name == "increase" {
							inc[k] = x.Value
						}
					}
				}
				scale := float64(int64(1) << shift)
				if math.Abs(inc[2]-inc[0]) > 1e-3*math.Abs(inc[0]) || math.Abs(inc[1]*scale-inc[0]) > 1e-3*math.Abs(inc[0]) {
					t.Fatalf("%s, subflow %d: %v, with wider windows %v, on longer paths %v", name, i, inc[0], inc[1]*scale, inc[2])
				}
			}
		})
	}
}

// A12.9: for every coupled controller who joins, leaves and has no round-trip time
// counts or not at once: the terms of a connection that others were part of are
// those of one that never had them.
func TestMembership(t *testing.T) {
	for _, name := range []string{"lia", "olia", "balia", "ewtcp", "coupled", "semicoupled", "epsilon", "mpcubic", "westwood-coordinated"} {
		two := []liaPath{{10, 100 * ms}, {20, 50 * ms}}
		want := fmt.Sprint(like(t, name, two).(Explainer).Terms(1, nil))
		alone := fmt.Sprint(like(t, name, two[1:]).(Explainer).Terms(0, nil))
		for mode := range 2 {
			c := like(t, name, append(two, liaPath{30, 20 * ms}))
			three := fmt.Sprint(c.(Explainer).Terms(1, nil))
			c.Leave(0, 2)
			if mode == 1 {
				feed(c, 0, 2, mss, 20*ms) // a late acknowledgement
			}
			if got := fmt.Sprint(c.(Explainer).Terms(1, nil)); got != want || three == want {
				t.Errorf("%s: %v after one left, %v of two that were alone, %v of three", name, got, want, three)
			}
			c.Leave(0, 0)
			c.Leave(0, 0) // again: nothing more
			if got := fmt.Sprint(c.(Explainer).Terms(1, nil)); got != alone {
				t.Errorf("%s: %v of the one that stayed, %v of one that was alone", name, got, alone)
			}
			c.Join(0, 0, Path{MSS: mss, InitWindow: 10 * mss, RTT: 100 * ms})
			if got := fmt.Sprint(c.(Explainer).Terms(1, nil)); got != want {
				t.Errorf("%s: %v after one came back, want %v", name, got, want)
			}
		}
	}
	for _, name := range []string{"lia", "olia", "balia", "coupled", "semicoupled", "epsilon", "mpcubic"} {
		c := like(t, name, []liaPath{{10, 100 * ms}, {20, 50 * ms}})
		want := fmt.Sprint(c.(Explainer).Terms(1, nil))
		c.Join(0, 2, Path{MSS: mss, InitWindow: 10 * mss})
		if got := fmt.Sprint(c.(Explainer).Terms(1, nil)); got != want {
			t.Errorf("%s: a subflow without a round-trip time counts: %v, want %v", name, got, want)
		}
		feed(c, 0, 2, 0, 100*ms)
		if got := fmt.Sprint(c.(Explainer).Terms(1, nil)); got == want {
			t.Errorf("%s: a subflow with its first round-trip time does not count", name)
		}
	}
}

// EWTCP's n counts every subflow of the connection at once.
func TestEWTCP(t *testing.T) {
	paths := []liaPath{{10, 100 * ms}, {40, 20 * ms}}
	if got := increase(t, "ewtcp", 0, paths); math.Abs(got-0.025) > 1e-9 {
		t.Errorf("n = 2, w = 10: increase %v, want 0.25/10 (A8)", got)
	}
	if got := increase(t, "ewtcp", 1, paths, Setting{"a", 0.7}); math.Abs(got-0.7/40) > 1e-6 {
		t.Errorf("a = 0.7, w = 40: increase %v", got)
	}
	c := like(t, "ewtcp", paths)
	c.OnLoss(0, 1, Loss{InFlight: 40 * mss, Nxt: 1})
	if c.Window(1) != 20*mss || c.Window(0) != 10*mss {
		t.Errorf("windows %d and %d after a loss on the second", c.Window(0), c.Window(1))
	}
}

// A8: w = (10, 30). COUPLED grows both by 1/40; a loss takes half the sum, but
// leaves one segment. SEMICOUPLED with a = 1 grows alike and halves.
func TestCoupledVectors(t *testing.T) {
	paths := []liaPath{{10, 100 * ms}, {30, 20 * ms}}
	for _, v := range []struct {
		name string
		lost FlowID
		left int64
	}{{"coupled", 0, 1}, {"coupled", 1, 10}, {"semicoupled", 0, 5}, {"semicoupled", 1, 15}} {
		if got := increase(t, v.name, v.lost, paths); math.Abs(got-0.025) > 1e-9 {
			t.Errorf("%s: increase %v of subflow %d", v.name, got, v.lost)
		}
		for what, reduce := range map[string]func(Controller){
			"loss": func(c Controller) { c.OnLoss(0, v.lost, Loss{InFlight: 10 * mss, Nxt: 1}) },
			"mark": func(c Controller) { c.Reduce(0, v.lost, ECNEcho) },
		} {
			c := like(t, v.name, paths)
			reduce(c)
			if c.Window(v.lost) != v.left*mss || c.Ssthresh(v.lost) != v.left*mss {
				t.Errorf("%s: window %d, threshold %d after a %s, want %d", v.name, c.Window(v.lost), c.Ssthresh(v.lost), what, v.left)
			}
		}
		c := like(t, v.name, paths)
		c.OnTimeout(0, v.lost, Loss{InFlight: 10 * mss, Nxt: 1})
		if c.Window(v.lost) != mss || c.Ssthresh(v.lost) != v.left*mss {
			t.Errorf("%s: window %d, threshold %d after a timeout", v.name, c.Window(v.lost), c.Ssthresh(v.lost))
		}
	}
	if got := increase(t, "semicoupled", 0, paths, Setting{"a", 2.5}); math.Abs(got-2.5/40) > 1e-9 {
		t.Errorf("semicoupled, a = 2.5: increase %v", got)
	}
}

// The members of the epsilon family: LIA at 1, Reno at 2, and between them the
// formula of A8 by Go's own power function; never faster than Reno.
func TestEpsilonFamily(t *testing.T) {
	paths := []liaPath{{10, 10 * ms}, {20, 100 * ms}, {7, 35 * ms}}
	for f := range paths {
		lia := increase(t, "lia", FlowID(f), paths)
		if got := increase(t, "epsilon", FlowID(f), paths, Setting{"epsilon", 1}); math.Abs(got/lia-1) > 2e-4 {
			t.Errorf("epsilon 1, subflow %d: increase %v, LIA's is %v", f, got, lia)
		}
		w := float64(paths[f].w)
		if got := increase(t, "epsilon", FlowID(f), paths, Setting{"epsilon", 2}); math.Abs(got*w-1) > 1e-9 {
			t.Errorf("epsilon 2, subflow %d: increase %v, Reno's is %v", f, got, 1/w)
		}
		for _, e := range []float64{0, 0.25, 0.5, 1, 1.5, 1.9} {
			var best, rate, total float64
			for _, p := range paths {
				w, r := float64(p.w), p.rtt.Seconds()
				best = math.Max(best, math.Pow(w, e/2)/r)
				rate += w / r
				total += w
			}
			a := total * math.Pow(best/rate, 1/(1-e/2))
			want := math.Min(a*math.Pow(a*w, 1-e)/math.Pow(total, 2-e), 1/w)
			if got := increase(t, "epsilon", FlowID(f), paths, Setting{"epsilon", e}); math.Abs(got/want-1) > 2e-4 {
				t.Errorf("epsilon %v, subflow %d: increase %v, formula %v", e, f, got, want)
			}
			c := like(t, "epsilon", paths, Setting{"epsilon", e})
			if got := c.Observe(0).Alpha; math.Abs(got/a-1) > 1e-9 {
				t.Errorf("epsilon %v: A is %v, formula %v", e, got, a)
			}
		}
	}
}
