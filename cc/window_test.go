package cc

import (
	"math"
	"slices"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// The vectors of Linux's tcp_cong_avoid_ai, in segments (ALGORITHMS A0).
func TestAdditiveVectors(t *testing.T) {
	for _, v := range []struct{ w, cnt, t, acked, wantW, wantCnt int64 }{
		{w: 10, cnt: 8, t: 10, acked: 5, wantW: 11, wantCnt: 3},
		{w: 10, cnt: 10, t: 12, acked: 1, wantW: 10, wantCnt: 11},
		{w: 10, cnt: 12, t: 10, acked: 1, wantW: 11, wantCnt: 1}, // old credit is worth one segment
		{w: 10, cnt: 0, t: 10, acked: 35, wantW: 13, wantCnt: 5},
	} {
		f := Flow{W: v.w * mss, Cnt: v.cnt * mss, MSS: mss}
		f.Additive(v.t*mss, v.acked*mss)
		if f.W != v.wantW*mss || f.Cnt != v.wantCnt*mss {
			t.Errorf("%+v: got w %d cnt %d", v, f.W/mss, f.Cnt/mss)
		}
	}
}

// A1: slow start, W = 10 and two segments acknowledged make 12; what exceeds the
// threshold belongs to congestion avoidance.
func TestSlowStartSurplus(t *testing.T) {
	for _, v := range []struct{ w, thresh, acked, wantW, surplus int64 }{
		{10, 100, 2, 12, 0},
		{10, 12, 2, 12, 0},
		{10, 12, 5, 12, 3},
	} {
		f := Flow{W: v.w * mss, Thresh: v.thresh * mss, MSS: mss}
		if got := f.Increase(v.acked * mss); got != v.surplus*mss || f.W != v.wantW*mss {
			t.Errorf("%+v: got w %d surplus %d", v, f.W/mss, got/mss)
		}
	}
}

// One ACK may end slow start and begin congestion avoidance: 8 -> 10 takes two
// segments, the other ten are a whole window.
func TestSurplusCountsInTheSameAck(t *testing.T) {
	for _, name := range []string{"reno", "lia"} {
		c := joined(t, name, 8, 10)
		feed(c, 0, 0, 12*mss, 100*sim.Millisecond)
		if segments(c, 0) != 11 {
			t.Errorf("%s: window %v segments, want 11", name, segments(c, 0))
		}
	}
}

func TestWindowDoesNotGrow(t *testing.T) {
	cases := map[string]func(*Ack){
		"application limited":      func(a *Ack) { a.CwndLimited = false },
		"reduced for a mark":       func(a *Ack) { a.State = CWR },
		"in recovery":              func(a *Ack) { a.State = Recovery },
		"no cumulative progress":   func(a *Ack) { a.Acked = 0 },
		"nothing that arrived now": func(a *Ack) { a.Delivered = 0 },
	}
	for _, s := range ruled() {
		for what, change := range cases {
			for _, thresh := range []int64{0, 10} {
				if s.String() == "wvegas with mode=1" && what == "application limited" && thresh == 0 {
					continue // the kernel's tcp_slow_start without a gate
				}
				c := s.joined(t, 20, thresh)
				a := ackOf(100*mss, 20*mss, 100*sim.Millisecond)
				change(&a)
				c.OnAck(0, 0, &a)
				if segments(c, 0) != 20 {
					t.Errorf("%s, %s, threshold %d: window %v", s.String(), what, thresh, segments(c, 0))
				}
			}
		}
	}
}

// After a timeout the window grows again while the loss is still being repaired.
func TestSlowStartInLossState(t *testing.T) {
	for _, s := range ruled() {
		c := s.joined(t, 20, 0)
		c.OnTimeout(0, 0, Loss{InFlight: 20 * mss, Nxt: 20})
		a := ackOf(2*mss, mss, 100*sim.Millisecond)
		a.State = LossState
		c.OnAck(0, 0, &a)
		if segments(c, 0) != 3 {
			t.Errorf("%s: window %v segments after 1 and two acknowledged, want 3", s.String(), segments(c, 0))
		}
	}
}

func TestPacing(t *testing.T) {
	rtt := 100 * sim.Millisecond
	for _, s := range ruled() {
		if c := s.joined(t, 10, 0); c.PacingRate(0) != 0 {
			t.Errorf("%s paces by default", s.String())
		}
		on := Setting{"pacing", 1}
		c := s.joined(t, 10, 0, on)
		if got := c.PacingRate(0); got != 1600_000 { // 10 000 B/0.1 s * 8 * 2
			t.Errorf("%s: slow start is paced at %v", s.String(), got)
		}
		for thresh, want := range map[int64]sim.Rate{10: 960_000, 15: 960_000, 20: 960_000, 21: 1600_000} {
			c = s.joined(t, 10, thresh, on)
			if got := c.PacingRate(0); got != want {
				t.Errorf("%s: 10 segments are paced at %v with a threshold of %d, want %v", s.String(), got, thresh, want)
			}
		}
		c = s.make(t, on)
		c.Join(0, 0, Path{MSS: mss, InitWindow: mss})
		if got := c.PacingRate(0); got != 0 {
			t.Errorf("%s: paced at %v without a round-trip time", s.String(), got)
		}
		feed(c, 0, 0, 0, rtt)
		if got := c.PacingRate(0); got != 160_000 {
			t.Errorf("%s: paced at %v after the first sample", s.String(), got)
		}
	}
}

// smallestThreshold is two segments, or one where the draft of the algorithm says
// so and there are several subflows.
func smallestThreshold(s variant, flows int) int64 {
	switch s.String() {
	case "olia with mode=0", "balia with mode=0", "balia with mode=1", "coupled":
		if flows > 1 {
			return mss
		}
	}
	return 2 * mss
}

// Whatever happens, a window is at least one segment and a threshold at least two.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(variants()).Draw(t, "controller")
		set := slices.Clone(s.set)
		if s.name == "cubic" {
			set = append(set, Setting{"hystart", float64(rapid.IntRange(0, 2).Draw(t, "hystart"))})
		}
		if rapid.Bool().Draw(t, "flightsize") && indexOf(find(s.name).Params, "flightsize") >= 0 {
			set = append(set, Setting{"flightsize", 1})
		}
		c, err := New(s.name, set, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWalk(t, rapid.IntRange(1, 3).Draw(t, "flows"))
		w.join(c)
		least := smallestThreshold(s, len(w.flows))
		var terms []Term
		for range 80 {
			e := w.draw(t)
			w.apply(c, e)
			for f := range w.flows {
				if c.Window(FlowID(f)) < mss || c.Window(FlowID(f)) > MaxWindow {
					t.Fatalf("%s: window %d after %+v", s, c.Window(FlowID(f)), e)
				}
				if c.Ssthresh(FlowID(f)) < least || c.Ssthresh(FlowID(f)) > MaxWindow {
					t.Fatalf("%s: threshold %d after %+v", s, c.Ssthresh(FlowID(f)), e)
				}
				terms = c.(Explainer).Terms(FlowID(f), terms[:0])
				for _, x := range terms {
					if math.IsNaN(x.Value) || math.IsInf(x.Value, 0) {
						t.Fatalf("%s: %s is %v after %+v", s, x.Name, x.Value, e)
					}
				}
			}
		}
	})
}

// RFC 5681 leaves open which phase a window equal to the threshold is in; it is congestion
// avoidance, as in Linux (tcp_in_slow_start): ten segments acknowledged make one of ten.
func TestEqualityIsAvoidance(t *testing.T) {
	for _, s := range ruled() {
		c := s.joined(t, 10, 10)
		if c.Observe(0).SlowStart {
			t.Errorf("%s: a window at the threshold is in slow start", s)
		}
		feed(c, 0, 0, 9*mss, 100*ms)
		if c.Window(0) > 11*mss {
			t.Errorf("%s: window %v after 9 segments at the threshold", s, segments(c, 0))
		}
	}
}
