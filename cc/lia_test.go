package cc

import (
	"math"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

type liaPath struct {
	w   int64 // segments
	rtt sim.Duration
}

// liaWith makes a connection in congestion avoidance on all subflows.
func liaWith(t testing.TB, paths ...liaPath) Controller {
	c := must(t, "lia")
	for i, p := range paths {
		setFlow(t, c, FlowID(i), p.w, 1, p.rtt)
	}
	return c
}

// bytesPerStep returns how many bytes must be acknowledged on subflow f until its
// window grows by a segment: MSS over the increase per byte.
func bytesPerStep(t testing.TB, f FlowID, paths ...liaPath) float64 {
	c := liaWith(t, paths...)
	before := c.Window(f)
	n := int64(0)
	for c.Window(f) == before {
		feed(c, 0, f, 1, paths[f].rtt)
		if n++; n > 1e7 {
			t.Fatal("the window does not grow")
		}
	}
	if c.Window(f) != before+mss {
		t.Fatalf("grew by %d bytes", c.Window(f)-before)
	}
	return float64(n)
}

const ms = sim.Millisecond

func threshold(c Controller) int64 {
	l := plainLIA(c)
	s := l.sums(l.at(0))
	return s.liaThreshold()
}

// The vectors of ALGORITHMS A4.1: alpha, and the increase in segments per
// segment acknowledged. A threshold is whole bytes: one in 14 400 is 7e-5.
func TestLIAVectors(t *testing.T) {
	for _, v := range []struct {
		paths []liaPath
		alpha float64
		inc   []float64
	}{
		{[]liaPath{{10, 100 * ms}, {10, 100 * ms}}, 0.5, []float64{0.025, 0.025}},
		{[]liaPath{{10, 10 * ms}, {20, 100 * ms}}, 2.08333, []float64{0.0694444, 0.05}},
		{[]liaPath{{40, 50 * ms}, {10, 50 * ms}}, 0.8, []float64{0.016, 0.016}},
		{[]liaPath{{5, 20 * ms}, {20, 80 * ms}}, 1.25, []float64{0.05, 0.05}},
		{[]liaPath{{10, 50 * ms}}, 1, []float64{0.1}},
		// A12.1: n equal paths, alpha = 1/n and 1/(n^2 w).
		{[]liaPath{{12, 80 * ms}, {12, 80 * ms}, {12, 80 * ms}}, 1. / 3, []float64{0.00925926, 0.00925926, 0.00925926}},
	} {
		c := liaWith(t, v.paths...)
		for f, want := range v.inc {
			if got := c.Observe(FlowID(f)).Alpha; math.Abs(got-v.alpha) > 1e-5 {
				t.Errorf("%v: alpha %.6f, want %.6f", v.paths, got, v.alpha)
			}
			if got := mss / bytesPerStep(t, FlowID(f), v.paths...); math.Abs(got/want-1) > 1e-4 {
				t.Errorf("%v, subflow %d: increase %.7f, want %.7f", v.paths, f, got, want)
			}
		}
	}
}

// The closed form of two subflows (NSDI'11), the first of which has the larger
// w/rtt^2: alpha = (1+p)/(1+p*r)^2 with p = w2/w1 and r = rtt1/rtt2.
func TestLIAOfTwo(t *testing.T) {
	for _, v := range [][2]liaPath{
		{{10, 10 * ms}, {20, 100 * ms}},
		{{40, 50 * ms}, {10, 50 * ms}},
		{{30, 70 * ms}, {17, 90 * ms}},
	} {
		p, r := float64(v[1].w)/float64(v[0].w), v[0].rtt.Seconds()/v[1].rtt.Seconds()
		want := (1 + p) / (1 + p*r) / (1 + p*r)
		if got := liaWith(t, v[:]...).Observe(0).Alpha; math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%v: alpha %v, closed form %v", v, got, want)
		}
	}
}

// RFC 6356 section 3: a subflow never grows faster than TCP would (A12.3), and
// the increase follows the formula, over random states.
func TestLIAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		c, _ := New("lia", nil, nil)
		var total, rate, best float64
		l := plainLIA(c)
		for i := range n {
			w := rapid.Int64Range(1, 500).Draw(t, "w")
			rtt := sim.Duration(rapid.Int64Range(100, 500_000).Draw(t, "rtt")) * sim.Microsecond
			c.Join(0, FlowID(i), Path{MSS: mss, InitWindow: w * mss, RTT: rtt})
			s := rtt.Seconds()
			total += float64(w)
			rate += float64(w) / s
			best = math.Max(best, float64(w)/s/s)
		}
		alpha := total * best / (rate * rate)
		if got := c.Observe(0).Alpha; math.Abs(got/alpha-1) > 1e-9 {
			t.Fatalf("alpha %v, formula %v", got, alpha)
		}
		for i := range n {
			w := float64(c.Window(FlowID(i))) / mss
			inc := mss / float64(max(threshold(l), c.Window(FlowID(i))))
			if want := math.Min(alpha/total, 1/w); math.Abs(inc/want-1) > 1e-3 {
				t.Fatalf("increase %v, formula %v", inc, want)
			}
			if inc*w > 1 {
				t.Fatalf("faster than TCP: %v times", inc*w)
			}
		}
	})
}

// A12.2: alpha does not change when all windows or all round-trip times are
// scaled, and the threshold scales with the windows. Powers of two are exact.
func TestLIAScaleInvariance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		shift := rapid.IntRange(1, 4).Draw(t, "shift")
		a, _ := New("lia", nil, nil)
		wider, _ := New("lia", nil, nil)
		longer, _ := New("lia", nil, nil)
		for i := range n {
			p := Path{
				MSS: mss, InitWindow: rapid.Int64Range(1, 500).Draw(t, "w") * mss,
				RTT: sim.Duration(rapid.Int64Range(1000, 500_000_000).Draw(t, "rtt")),
			}
			a.Join(0, FlowID(i), p)
			p.InitWindow <<= shift
			wider.Join(0, FlowID(i), p)
			p.InitWindow >>= shift
			p.RTT <<= shift
			longer.Join(0, FlowID(i), p)
		}
		if x := a.Observe(0).Alpha; x != wider.Observe(0).Alpha || x != longer.Observe(0).Alpha {
			t.Fatalf("alpha %v, %v with larger windows, %v on longer paths", x, wider.Observe(0).Alpha, longer.Observe(0).Alpha)
		}
		ta, tw, tl := threshold(a), threshold(wider), threshold(longer)
		if ta != tl || tw>>shift != ta {
			t.Fatalf("thresholds %d, %d with larger windows, %d on longer paths", ta, tw, tl)
		}
	})
}

// RFC 6356 section 3, last paragraph but two: with one subflow alpha is 1 and the
// algorithm is TCP's. The windows are equal to the bit over any history (A12.4).
func TestLIAOnOnePathIsReno(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set []Setting
		if rapid.Bool().Draw(t, "flightsize") {
			set = []Setting{{"flightsize", 1}}
		}
		a, _ := New("reno", set, nil)
		b, _ := New("lia", set, nil)
		w := newWalk(t, 1)
		w.join(a, b)
		for range 150 {
			e := w.draw(t)
			now := w.now
			w.apply(a, e)
			w.now = now
			w.apply(b, e)
			fa, fb := a.(*each[reno, *reno]).flows[0].Flow, plainLIA(b).flows[0].Flow
			if fa != fb {
				t.Fatalf("after %+v:\nreno %+v\nlia  %+v", e, fa, fb)
			}
		}
	})
}

// A12.9: who joins or leaves counts at once; who has no round-trip time does not
// count, and grows like TCP at most.
func TestLIAMembership(t *testing.T) {
	c := liaWith(t, liaPath{10, 100 * ms}, liaPath{10, 100 * ms})
	alpha := func() float64 { return c.Observe(0).Alpha }
	if alpha() != 0.5 {
		t.Fatalf("alpha of two equal paths %v", alpha())
	}
	c.Join(0, 2, Path{MSS: mss, InitWindow: 10 * mss})
	if alpha() != 0.5 {
		t.Errorf("a subflow without a round-trip time counts: alpha %v", alpha())
	}
	feed(c, 0, 2, 0, 100*ms)
	if math.Abs(alpha()-1./3) > 1e-12 {
		t.Errorf("alpha of three equal paths %v", alpha())
	}
	c.Leave(0, 1)
	c.Leave(0, 2)
	if alpha() != 1 {
		t.Errorf("alpha of the one that stayed %v", alpha())
	}
	feed(c, 0, 2, mss, 100*ms)
	if alpha() != 1 {
		t.Errorf("a late acknowledgement brought a subflow back: alpha %v", alpha())
	}
	c.Leave(0, 0)
	if !math.IsNaN(alpha()) {
		t.Errorf("alpha of nobody %v", alpha())
	}
	c.Join(0, 4, Path{MSS: mss, InitWindow: 10 * mss, RTT: 100 * ms})
	if alpha() != 1 {
		t.Errorf("alpha after a later number joined %v", alpha())
	}
}

// A loss on one subflow changes the increase of the other in the same instant.
func TestLIAFollowsLosses(t *testing.T) {
	c := liaWith(t, liaPath{20, 100 * ms}, liaPath{20, 100 * ms})
	c.OnLoss(0, 0, Loss{Nxt: 1})
	// w = (10, 20): alpha = 30*20/30^2 = 2/3.
	if got := c.Observe(1).Alpha; math.Abs(got-2./3) > 1e-12 {
		t.Errorf("alpha %v after the loss", got)
	}
	c.Undo(0, 0)
	if got := c.Observe(1).Alpha; math.Abs(got-0.5) > 1e-12 {
		t.Errorf("alpha %v after its undoing", got)
	}
	c.OnTimeout(0, 1, Loss{Nxt: 1})
	// w = (20, 1): alpha = 21*20/21^2.
	if got := c.Observe(0).Alpha; math.Abs(got-20./21) > 1e-12 {
		t.Errorf("alpha %v after a timeout", got)
	}
}

// Subflows with different segment sizes: w_i += alpha*acked*MSS_i/w_tot.
func TestLIASegmentSizes(t *testing.T) {
	c := must(t, "lia")
	c.Join(0, 0, Path{MSS: 1400, InitWindow: 14000, RTT: 100 * ms})
	c.Join(0, 1, Path{MSS: 700, InitWindow: 14000, RTT: 100 * ms})
	plainLIA(c).flows[0].Thresh, plainLIA(c).flows[1].Thresh = 14000, 14000
	for f, step := range []int64{1400, 700} {
		feed(c, 0, FlowID(f), 4*14000-1, 100*ms)
		if c.Window(FlowID(f)) != 14000 {
			t.Errorf("subflow %d grew early to %d", f, c.Window(FlowID(f)))
		}
		feed(c, 0, FlowID(f), 1, 100*ms)
		if c.Window(FlowID(f)) != 14000+step {
			t.Errorf("subflow %d: window %d", f, c.Window(FlowID(f)))
		}
		setWindow(c, FlowID(f), 14000)
	}
}

// Alpha follows the round-trip times that acknowledgements bring.
func TestLIAFollowsRoundTripTimes(t *testing.T) {
	c := liaWith(t, liaPath{10, 100 * ms}, liaPath{10, 100 * ms})
	feed(c, 0, 1, 0, 200*ms)
	// sum = 100 + 50, best = 1000: alpha = 20*1000/150^2.
	if got := c.Observe(0).Alpha; math.Abs(got-20000./22500) > 1e-9 {
		t.Errorf("alpha %v", got)
	}
}

// ALGORITHMS A4.3: the kernel's term for the best path, (w << 32)/(8 rtt)^2 with rtt in
// us, is 0 where 8 rtt exceeds sqrt(w 2^32): above 25.9 ms for w = 10, above 82 ms for
// w = 100. There the last subflow of its list is the best one whatever its rate, and a
// subflow in the first place that is twice as fast is not.
func TestLIAKernelUnderflow(t *testing.T) {
	for _, v := range []struct {
		w    int64
		rtt  sim.Duration
		best bool // the first of the list, by its term
	}{
		{10, 25_900 * sim.Microsecond, true},
		{10, 25_905 * sim.Microsecond, true},
		{10, 25_906 * sim.Microsecond, false},
		{100, 81_900 * sim.Microsecond, true},
		{100, 81_920 * sim.Microsecond, true},
		{100, 81_921 * sim.Microsecond, false},
	} {
		c := must(t, "lia", Setting{"mode", 1}).(*liaKernel)
		setFlow(t, c, 0, v.w, 1, 2*v.rtt) // joined first: the last of the list
		setFlow(t, c, 1, v.w, 1, v.rtt)
		c.recalculate()
		// Of equal windows w and rates x and x/2 (w << 10 each in the measure of the best):
		// the best path's sum is (w + w/2), the other's (w + 2w).
		w := uint64(v.w)
		want := w << 32 / (w << 10 * 3 * (w << 10) * 3)
		if v.best {
			want = w << 32 / ((w<<10 + w<<9) * (w<<10 + w<<9))
		}
		if c.alpha != want {
			t.Errorf("w = %d, %v: alpha' %d, want %d", v.w, v.rtt, c.alpha, want)
		}
	}
	// The formula itself: w_tot/alpha of the vectors in A4.3 is 40 and 25.6 segments.
	for _, v := range []struct {
		paths []liaPath
		want  float64
	}{
		{[]liaPath{{10, 100 * ms}, {10, 100 * ms}}, 40},
		{[]liaPath{{10, 30 * ms}, {20, 100 * ms}}, 25.6},
		{[]liaPath{{20, 100 * ms}, {10, 30 * ms}}, 25.6},
	} {
		if got := float64(threshold(liaWith(t, v.paths...))) / mss; math.Abs(got-v.want) > 1e-3 {
			t.Errorf("%v: w_tot/alpha is %v segments, want %v", v.paths, got, v.want)
		}
	}
}
