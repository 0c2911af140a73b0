package cc

import (
	"math"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// oliaWith makes a connection whose subflows have the given windows and round-trip
// times and distances between losses in bytes.
func oliaWith(t testing.TB, paths []liaPath, l []int64, set ...Setting) *olia {
	c := like(t, "olia", paths, set...).(*olia)
	for i := range l {
		c.paths[i].between = l[i]
	}
	return c
}

// The vectors of ALGORITHMS A5.1, alpha and increase.
func TestOLIAVectors(t *testing.T) {
	for _, v := range []struct {
		paths      []liaPath
		l          []int64
		alpha, inc []float64
	}{
		{
			[]liaPath{{10, 100 * ms}, {5, 100 * ms}},
			[]int64{100, 400},
			[]float64{-.5, .5},
			[]float64{-0.0055556, 0.1222222},
		},
		{
			[]liaPath{{10, 100 * ms}, {5, 100 * ms}},
			[]int64{400, 100},
			[]float64{0, 0},
			[]float64{0.0444444, 0.0222222},
		},
		{
			[]liaPath{{10, 50 * ms}, {10, 100 * ms}, {4, 100 * ms}},
			[]int64{100, 900, 900},
			[]float64{-1. / 6, -1. / 6, 1. / 3},
			[]float64{0.0179354, -0.0080161, 0.0867935},
		},
	} {
		for f := range v.paths {
			c := oliaWith(t, v.paths, v.l)
			if got := c.Observe(FlowID(f)).Alpha; math.Abs(got-v.alpha[f]) > 1e-9 {
				t.Errorf("%v, subflow %d: alpha %v, want %v", v.paths, f, got, v.alpha[f])
			}
			if got := termsOf(t, c, FlowID(f))["increase"]; math.Abs(got-v.inc[f]) > 1e-7 {
				t.Errorf("%v, subflow %d: increase %.7f, want %.7f", v.paths, f, got, v.inc[f])
			}
			// And the window moves by that: by one segment in the direction of
			// its sign after 1/increase segments, not before. What is
			// acknowledged does not change the sets, for l2 stays below l1.
			n := int64(math.Ceil(math.Abs(1/v.inc[f]))) * mss
			for i := range c.paths {
				c.paths[i].between *= 1 << 20
			}
			w := c.Window(FlowID(f))
			feed(c, 0, FlowID(f), n-2*mss, v.paths[f].rtt)
			if c.Window(FlowID(f)) != w {
				t.Errorf("%v, subflow %d: moved early", v.paths, f)
			}
			feed(c, 0, FlowID(f), 2*mss, v.paths[f].rtt)
			if want := w + int64(math.Copysign(mss, v.inc[f])); c.Window(FlowID(f)) != want {
				t.Errorf("%v, subflow %d: window %d, want %d", v.paths, f, c.Window(FlowID(f)), want)
			}
			if c.Observe(FlowID(f)).SlowStart {
				t.Errorf("%v, subflow %d: in slow start", v.paths, f)
			}
		}
	}
	if got := increase(t, "olia", 0, []liaPath{{8, 100 * ms}}); got != 0.125 {
		t.Errorf("one path, w = 8: increase %v", got)
	}
}

// The other metric of the best path, l^2/rtt, turns the choice.
func TestOLIABestPath(t *testing.T) {
	paths, l := []liaPath{{10, 20 * ms}, {5, 100 * ms}}, []int64{100, 400}
	// 100/.02^2 = 250000 > 400/.1^2 = 40000; but 100^2/.02 = 500000 < 400^2/.1 = 1.6e6.
	for best, want := range []float64{0, 0.5} {
		if got := oliaWith(t, paths, l, Setting{"best", float64(best)}).Observe(1).Alpha; got != want {
			t.Errorf("best %d: alpha of the second path %v, want %v", best, got, want)
		}
	}
}

// l1 and l2: bytes between the last two losses and since the last one. A
// timeout during recovery is no loss, and a spurious loss was none.
func TestOLIADistances(t *testing.T) {
	c := like(t, "olia", []liaPath{{10, 100 * ms}, {10, 100 * ms}}).(*olia)
	want := func(what string, l1, l2 int64) {
		t.Helper()
		if x := c.paths[0]; x.between != l1*mss || x.since != l2*mss {
			t.Errorf("%s: l1 %d, l2 %d, want %d and %d segments", what, x.between/mss, x.since/mss, l1, l2)
		}
	}
	feed(c, 0, 0, 7*mss, 100*ms)
	want("before a loss", 0, 7)
	c.OnLoss(0, 0, Loss{Una: 7, Nxt: 17})
	want("after a loss", 7, 0)
	a := ackOf(3*mss, 5*mss, 100*ms)
	a.State = Recovery
	c.OnAck(0, 0, &a)
	want("in recovery", 7, 3)
	c.OnTimeout(0, 0, Loss{Una: 10, Nxt: 17})
	want("a timeout in recovery", 7, 3)
	c.OnTimeout(0, 0, Loss{Una: 20, Nxt: 30})
	want("a timeout later", 3, 0)
	feed(c, 0, 0, 2*mss, 100*ms)
	c.Undo(0, 0)
	want("undone", 7, 5)
	c.Reduce(0, 0, ECNEcho)
	want("a mark", 5, 0)
	c.Undo(0, 0)
	want("a mark is not undone", 5, 0)
	c.Reduce(0, 0, Penalty)
	want("a penalty", 5, 0)
	if x := c.paths[1]; x.between != 0 || x.since != 0 {
		t.Errorf("the other subflow: %+v", x)
	}
	c.Join(0, 0, Path{MSS: mss, InitWindow: mss, RTT: ms})
	want("joined again", 0, 0)
}

// A12.2 and 12.3 over random states: the alphas sum up to 0, increase times window is
// below 1 + 1/n, and the increase is the formula's.
func TestOLIAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "n")
		x, _ := New("olia", nil, nil)
		c := x.(*olia)
		rate := 0.0
		for i := range n {
			w := rapid.SampledFrom([]int64{1, 5, 10, 10, 10, 300}).Draw(t, "w")
			rtt := sim.Duration(rapid.SampledFrom([]int64{100, 20_000, 20_000, 500_000}).Draw(t, "rtt")) * sim.Microsecond
			c.Join(0, FlowID(i), Path{MSS: mss, InitWindow: w * mss, RTT: rtt})
			c.flows[i].Thresh = mss
			c.paths[i].between = rapid.Int64Range(0, 3).Draw(t, "l")
			rate += float64(w) / rtt.Seconds()
		}
		sum := 0.0
		for i := range n {
			alpha := c.Observe(FlowID(i)).Alpha
			if want := oliaAlpha(c, i); alpha != want {
				t.Fatalf("subflow %d: alpha %v, by the definition of the sets %v", i, alpha, want)
			}
			sum += alpha
			w, rtt := float64(c.Window(FlowID(i)))/mss, c.flows[i].SRTT.Seconds()
			want := w/rtt/rtt/(rate*rate) + alpha/w
			s := c.sums(&c.flows[i])
			got := c.perByte(FlowID(i), &s) * mss
			if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
				t.Fatalf("increase %v, formula %v", got, want)
			}
			if got*w >= 1+1/float64(n) {
				t.Fatalf("increase times window is %v", got*w)
			}
		}
		if math.Abs(sum) > 1e-12 {
			t.Fatalf("the alphas sum up to %v", sum)
		}
	})
}

// A12.3: OLIA has no cap. A collected path that has nearly all the rate grows by up to
// 1 + 1/n of what Reno would; LIA and BALIA in the same state do not.
func TestOLIAExceedsReno(t *testing.T) {
	paths := []liaPath{{10, ms}, {11, 10_000 * ms}}
	for _, v := range []struct {
		name        string
		least, most float64
	}{{"olia", 1.499, 1.5}, {"lia", 0.99, 1}, {"balia", 0.99, 1}} {
		c := like(t, v.name, paths)
		if o, ok := c.(*olia); ok {
			o.paths[0].between = 1000
		}
		if got := termsOf(t, c, 0)["increase"] * 10; got < v.least || got > v.most {
			t.Errorf("%s: increase times window %v, want %v to %v", v.name, got, v.least, v.most)
		}
	}
}

// The window never falls below one segment, and does not fall into slow start.
func TestOLIAShrinks(t *testing.T) {
	c := oliaWith(t, []liaPath{{10, 100 * ms}, {3, 1 * ms}}, []int64{0, 1 << 40})
	for range 3000 {
		c.flows[1].W = 3 * mss
		feed(c, 0, 0, mss, 100*ms)
		if c.Observe(0).SlowStart {
			t.Fatalf("window %d is in slow start", c.Window(0))
		}
	}
	if c.Window(0) > 4*mss || c.Window(0) < mss {
		t.Errorf("window %d", c.Window(0))
	}
}

// The draft's smallest threshold with several subflows is one segment.
func TestOLIASmallestThreshold(t *testing.T) {
	c := like(t, "olia", []liaPath{{2, 100 * ms}, {10, 100 * ms}})
	c.OnLoss(0, 0, Loss{InFlight: 2 * mss, Nxt: 1})
	if c.Window(0) != mss || c.Ssthresh(0) != mss {
		t.Errorf("window %d, threshold %d", c.Window(0), c.Ssthresh(0))
	}
	c = like(t, "olia", []liaPath{{2, 100 * ms}, {10, 100 * ms}}, Setting{"mode", 1})
	c.OnLoss(0, 0, Loss{InFlight: 2 * mss, Nxt: 1})
	if c.Ssthresh(0) != 2*mss {
		t.Errorf("linux-oot: threshold %d", c.Ssthresh(0))
	}
}

// ALGORITHMS A5.2: w = (10, 5), equal round-trip times, alpha -+1/2: the counter
// changes by -5 and +125 per ACK, so the second gains a segment with the ninth.
func TestOLIAKernelVector(t *testing.T) {
	c := like(t, "olia", []liaPath{{10, 100 * ms}, {5, 100 * ms}}, Setting{"mode", 1}).(*oliaKernel)
	c.paths[1].loss2 = 1000
	for f, want := range []int64{-5, 125} {
		if got := c.change(FlowID(f)); got != want {
			t.Errorf("subflow %d: %d per ACK, want %d", f, got, want)
		}
	}
	for i := range 9 {
		if c.Window(1) != 5*mss {
			t.Fatalf("grew after %d ACKs", i)
		}
		feed(c, 0, 1, 3*mss, 100*ms) // how much one acknowledges does not matter
	}
	if c.Window(1) != 6*mss || c.paths[1].cnt != 0 {
		t.Errorf("window %d, counter %d after nine ACKs", c.Window(1), c.paths[1].cnt)
	}
	for range 205 { // 205*5 = 1025
		c.flows[1].W = 5 * mss
		feed(c, 0, 0, mss, 100*ms)
	}
	if c.Window(0) != 9*mss {
		t.Errorf("window %d after 205 ACKs of -5", c.Window(0))
	}
}

// A5.2: the window moves when the counter is at 1023 or -1023.
func TestOLIAKernelStep(t *testing.T) {
	for _, v := range []struct {
		f             FlowID
		cnt, want     int64
		wantCnt       int64
		before, after int64
	}{
		{1, 897, 1022, 1022, 5, 5}, {1, 898, 1023, 0, 5, 6},
		{0, -1017, -1022, -1022, 10, 10}, {0, -1018, -1023, 0, 10, 9},
	} {
		c := like(t, "olia", []liaPath{{10, 100 * ms}, {5, 100 * ms}}, Setting{"mode", 1}).(*oliaKernel)
		c.paths[1].loss2 = 1000
		c.paths[v.f].cnt = v.cnt
		feed(c, 0, v.f, mss, 100*ms)
		if got := c.Window(v.f) / mss; got != v.after || c.paths[v.f].cnt != v.wantCnt {
			t.Errorf("counter %d to %d: window %d, counter %d", v.cnt, v.want, got, c.paths[v.f].cnt)
		}
	}
}

// loss1 to loss3 are sequence numbers modulo 2^32; a repeated timeout shifts
// nothing, and the comparison of the best paths wraps at 2^64.
func TestOLIAKernelDistances(t *testing.T) {
	c := like(t, "olia", []liaPath{{10, 100 * ms}, {5, 100 * ms}}, Setting{"mode", 1}).(*oliaKernel)
	una := uint64(0)
	ack := func(n uint64, s State) {
		una += n
		a := ackOf(int64(n), 10*mss, 100*ms)
		a.Una, a.Nxt, a.State = una, una+10*mss, s
		c.OnAck(0, 0, &a)
	}
	want := func(what string, l uint64) {
		t.Helper()
		if got := c.paths[0].distance(); got != l {
			t.Errorf("%s: l = %d, want %d", what, got, l)
		}
	}
	ack(7000, Open)
	want("before a loss", 7000)
	c.OnLoss(0, 0, Loss{Una: una, Nxt: una + 1})
	ack(3000, Recovery)
	want("in recovery", 7000)
	c.OnTimeout(0, 0, Loss{Una: una, Nxt: una + 1})
	ack(9000, LossState)
	want("after a timeout", 12000)
	c.OnTimeout(0, 0, Loss{Una: una, Nxt: una + 1})
	c.OnTimeout(0, 0, Loss{Una: una, Nxt: una + 1})
	want("two timeouts of a segment", 12000)
	ack(1<<32-5000, LossState)
	want("more than 2^32 in all", 1<<32-5000)

	// l*srtt^2 with srtt = 8*100 ms: 2^64/6.4e11 = 28 823 037.6 bytes.
	for l, want := range map[uint32]float64{28_823_037: 0.5, 28_823_038: 0} {
		c := like(t, "olia", []liaPath{{10, 100 * ms}, {5, 100 * ms}}, Setting{"mode", 1}).(*oliaKernel)
		c.paths[0].loss3, c.paths[1].loss3 = 1000, l
		if got := c.Observe(1).Alpha; got != want {
			t.Errorf("l = %d: alpha %v, want %v", l, got, want)
		}
	}
}

// oliaAlpha is alpha by the definition of M, B and C.
func oliaAlpha(c *olia, f int) float64 {
	n := len(c.flows)
	inM, inC := make([]bool, n), make([]bool, n)
	m, k := 0, 0
	quality := func(i int) float64 {
		l, rtt := float64(max(c.paths[i].between, c.paths[i].since)), float64(c.flows[i].SRTT)
		return l * (1 / rtt) * (1 / rtt)
	}
	for i := range n {
		inM[i], inC[i] = true, true
		for j := range n {
			inM[i] = inM[i] && c.flows[j].W <= c.flows[i].W
			inC[i] = inC[i] && quality(j) <= quality(i)
		}
		inC[i] = inC[i] && !inM[i]
		if inM[i] {
			m++
		}
		if inC[i] {
			k++
		}
	}
	switch {
	case k > 0 && inC[f]:
		return 1 / float64(n*k)
	case k > 0 && inM[f]:
		return -1 / float64(n*m)
	}
	return 0
}
