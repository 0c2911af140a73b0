package cc

import (
	"math"
	"slices"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// A wrapper that has nothing to do is its inner controller: equal costs, no delivery
// rate and no one-way delays (the walk has none), give the very windows of each inner controller over random
// histories.
func TestIdleWrappersAreTransparent(t *testing.T) {
	wrappers := []struct {
		name  string
		inner []Spec
	}{{"cost", innerSpecs()}, {"mpt-bm", innerSpecs()}, {"sbd", sbdSpecs()}}
	rapid.Check(t, func(t *rapid.T) {
		every := slices.Concat(innerSpecs(), sbdSpecs())
		inner := rapid.SampledFrom(Names(every)).Draw(t, "inner")
		plain, err := New(inner, nil, sim.NewRand(1, 0, "x"))
		if err != nil {
			t.Fatal(err)
		}
		all := []Controller{plain}
		for _, x := range wrappers {
			at := slices.Index(Names(x.inner), inner)
			if at < 0 {
				continue
			}
			c, err := New(x.name, []Setting{{"inner", float64(at)}}, sim.NewRand(1, 0, "x"))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
			want := TraitsOf(plain)
			want.OwnWindows = false // a wrapper may change any window at any time
			if TraitsOf(c) != want {
				t.Fatalf("%s: other traits", x.name)
			}
		}
		w := newWalk(t, 2)
		w.join(all...)
		start := w.now
		for range 60 {
			e := w.draw(t)
			for _, c := range all {
				w.now = start
				w.apply(c, e)
			}
			start = w.now
			for f := range FlowID(2) {
				for _, c := range all[1:] {
					if c.Window(f) != plain.Window(f) || c.Ssthresh(f) != plain.Ssthresh(f) || c.PacingRate(f) != plain.PacingRate(f) {
						t.Fatalf("%T over %s: window %d, inner %d after %+v", c, inner, c.Window(f), plain.Window(f), e)
					}
				}
			}
		}
	})
}

// costs joins subflows of the costs given, all with a window of 10 in congestion
// avoidance.
func costs(t *testing.T, inner string, sensitivity float64, cost ...float64) Controller {
	at := 0.0
	for i, s := range innerSpecs() {
		if s.Name == inner {
			at = float64(i)
		}
	}
	c := must(t, "cost", Setting{"inner", at}, Setting{"sensitivity", sensitivity})
	for f, x := range cost {
		c.Join(0, FlowID(f), Path{MSS: mss, InitWindow: 10 * mss, RTT: 100 * sim.Millisecond, Cost: x})
		flowOf(t, c, FlowID(f)).Thresh = 5 * mss
	}
	return c
}

// With costs 1 and 4 and sensitivity 1 the dear subflow needs 4 times as many segments
// for each step, the cheap one as many as ever; when the cheap one leaves, the dear one is
// the cheapest.
func TestCostScalesGrowth(t *testing.T) {
	c := costs(t, "reno", 1, 1, 4)
	steps := func(f FlowID) (n int) {
		for w := c.Window(f); c.Window(f) == w; n++ {
			feed(c, 0, f, mss, 100*sim.Millisecond)
		}
		return n
	}
	if a, b := steps(0), steps(1); a != 10 || b != 40 {
		t.Errorf("a step takes %d and %d segments, want 10 and 40", a, b)
	}
	c.Leave(0, 0)
	if n := steps(1); n != 11 {
		t.Errorf("a step of the only subflow takes %d segments, want 11", n)
	}
}

// In slow start, and in reductions, cost does not matter.
func TestCostLeavesSlowStart(t *testing.T) {
	c := costs(t, "reno", 1, 1, 4)
	flowOf(t, c, 1).Thresh = 100 * mss
	feed(c, 0, 1, 2*mss, 100*sim.Millisecond)
	if c.Window(1) != 12*mss {
		t.Errorf("window %v", segments(c, 1))
	}
	c.OnLoss(0, 1, Loss{Nxt: 9})
	if c.Window(1) != 6*mss {
		t.Errorf("window %v after a loss", segments(c, 1))
	}
}

// Under periodic loss the mean window goes with the root of phi (the fluid limit of an
// increase of phi a round), here 1/2 for a cost of 3 more.
func TestCostEquilibrium(t *testing.T) {
	mean := func(cost float64) float64 {
		c := costs(t, "reno", 1, 0, cost)
		l := line{c: c, f: 1, rtt: 100 * sim.Millisecond}
		l.periodic(10_000, 30)
		return l.mean()
	}
	if got := mean(3) / mean(0); math.Abs(got-0.5) > 0.03 {
		t.Errorf("the window is %v of that without cost, want 1/2", got)
	}
}

// lambda 2, a rate of 20 segments per 100 ms: nothing happens up to 150 ms over 100 ms; from
// there on 2*100 ms of the rate, 40 segments, may be in flight, whatever the round-trip
// time, until the queue is gone; then the inner window holds again.
func TestBloatCap(t *testing.T) {
	c := must(t, "mpt-bm", Setting{"lambda", 2}, Setting{"inner", 1})
	setFlow(t, c, 0, 60, 10, 100*sim.Millisecond)
	ack := func(n int64, rtt sim.Duration) Ack {
		a := ackOf(n, 60*mss, rtt*sim.Millisecond)
		a.RateDelivered, a.Interval = 20*mss, 100*sim.Millisecond
		return a
	}
	for _, x := range []struct {
		rtt  sim.Duration
		used int64
	}{{149, 60}, {160, 40}, {400, 40}, {120, 40}, {106, 40}, {104, 60}, {149, 60}, {200, 40}} {
		a := ack(0, x.rtt)
		c.OnAck(0, 0, &a)
		if c.Window(0) != x.used*mss || c.Observe(0).Window != c.Window(0) {
			t.Errorf("srtt %d ms: window %v, want %d", x.rtt, segments(c, 0), x.used)
		}
	}
	a := ack(mss, 200)
	for range 200 {
		c.OnAck(0, 0, &a)
	}
	if w := flowOf(t, c, 0).W; w != 60*mss {
		t.Errorf("the inner window grew to %d under the cap", w)
	}
	a.RateDelivered = 1
	for range 200 {
		c.OnAck(0, 0, &a)
	}
	if c.Window(0) != 2*mss {
		t.Errorf("window %v at the least rate, want 2", segments(c, 0))
	}
	a.CwndLimited = false
	c.OnAck(0, 0, &a)
	if c.Window(0) != 60*mss {
		t.Errorf("window %v of a sender that it does not limit", segments(c, 0))
	}
}
