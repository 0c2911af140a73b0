package cc

import (
	"math"
	"testing"

	"mpsim/sim"

	"pgregory.net/rapid"
)

// The vectors of ALGORITHMS A6.1: alpha, increase, window after a loss, in segments.
func TestBALIAVectors(t *testing.T) {
	for _, v := range []struct {
		paths            []liaPath
		alpha, inc, left []float64
	}{
		{[]liaPath{{10, 100 * ms}, {5, 100 * ms}}, []float64{1, 2}, []float64{0.0444444, 0.04}, []float64{5, 1.25}},
		{[]liaPath{{10, 10 * ms}, {20, 100 * ms}}, []float64{1, 5}, []float64{0.0694444, 0.0075}, []float64{5, 5}},
		{[]liaPath{{14, 100 * ms}, {10, 100 * ms}}, []float64{1, 1.4}, nil, []float64{7, 3}},
	} {
		for f := range v.paths {
			c := like(t, "balia", v.paths)
			if got := c.Observe(FlowID(f)).Alpha; math.Abs(got-v.alpha[f]) > 1e-9 {
				t.Errorf("%v, subflow %d: alpha %v, want %v", v.paths, f, got, v.alpha[f])
			}
			if v.inc != nil {
				if got := increase(t, "balia", FlowID(f), v.paths); math.Abs(got/v.inc[f]-1) > 1e-4 {
					t.Errorf("%v, subflow %d: increase %.7f, want %.7f", v.paths, f, got, v.inc[f])
				}
			}
			loss := Loss{InFlight: 10 * mss, Nxt: 1}
			for what, reduce := range map[string]func(){
				"loss": func() { c.OnLoss(0, FlowID(f), loss) },
				"mark": func() { c.Reduce(0, FlowID(f), ECNEcho) },
				"time": func() { c.OnTimeout(0, FlowID(f), loss) },
			} {
				c = like(t, "balia", v.paths)
				reduce()
				left := v.left[f]
				if what == "time" {
					left = 1
				}
				if got := segments(c, FlowID(f)); math.Abs(got-left) > 1e-9 {
					t.Errorf("%v, subflow %d: %v left of the window after %s, want %v", v.paths, f, got, what, left)
				}
				if got := float64(c.Ssthresh(FlowID(f))) / mss; math.Abs(got-v.left[f]) > 1e-9 {
					t.Errorf("%v, subflow %d: threshold %v after %s, want %v", v.paths, f, got, what, v.left[f])
				}
			}
		}
	}
}

// A12.3 over random states: increase times window is
// (x+max)(4x+max)/(10*sum^2) <= 1 without a cap, and alpha >= 1, 1 on the fastest.
func TestBALIAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5).Draw(t, "n")
		x, _ := New("balia", nil, nil)
		c := x.(*balia)
		rates := make([]float64, n)
		sum, most := 0.0, 0.0
		for i := range n {
			w := rapid.Int64Range(1, 500).Draw(t, "w")
			rtt := sim.Duration(rapid.Int64Range(100, 500_000).Draw(t, "rtt")) * sim.Microsecond
			c.Join(0, FlowID(i), Path{MSS: mss, InitWindow: w * mss, RTT: rtt})
			rates[i] = float64(w) / rtt.Seconds()
			sum += rates[i]
			most = math.Max(most, rates[i])
		}
		for i, r := range rates {
			s := c.sums(&c.flows[i])
			got := float64(c.Window(FlowID(i))) / float64(s.baliaThreshold(&c.flows[i]))
			want := (r + most) * (4*r + most) / (10 * sum * sum)
			if got > 1 || math.Abs(got/want-1) > 1e-3 {
				t.Fatalf("increase times window is %v, formula %v", got, want)
			}
			alpha := c.Observe(FlowID(i)).Alpha
			if math.Abs(alpha*r/most-1) > 1e-9 || alpha < 1-1e-12 {
				t.Fatalf("alpha %v, formula %v", alpha, most/r)
			}
		}
	})
}

// ALGORITHMS A6.2: ai, md and the threshold after a loss of the out-of-tree kernel;
// alpha is the whole quotient. A window grows with the ACK after ai.
func TestBALIAKernelVectors(t *testing.T) {
	for _, v := range []struct {
		w               [2]int64
		ai, md, left    [2]int64
		alphaOfTheOther float64
	}{
		{[2]int64{10, 5}, [2]int64{22, 25}, [2]int64{5, 3}, [2]int64{5, 2}, 2},
		{[2]int64{14, 10}, [2]int64{41, 44}, [2]int64{7, 5}, [2]int64{7, 5}, 1},
	} {
		for f := range FlowID(2) {
			c := must(t, "balia", Setting{"mode", 1}).(*baliaKernel)
			for i, w := range v.w {
				c.Join(0, FlowID(i), Path{MSS: 1448, InitWindow: w * 1448, RTT: 100 * ms})
				c.flows[i].Thresh = 2 * 1448
			}
			c.recalculate(f)
			x := c.paths[f]
			if int64(x.ai) != v.ai[f] || int64(x.md) != v.md[f] {
				t.Errorf("w = %v, subflow %d: ai %d, md %d, want %d and %d", v.w, f, x.ai, x.md, v.ai[f], v.md[f])
			}
			if got := c.Observe(1).Alpha; f == 1 && got != v.alphaOfTheOther {
				t.Errorf("w = %v: alpha %v, want %v", v.w, got, v.alphaOfTheOther)
			}
			for i := range v.ai[f] + 1 {
				if c.Window(f) != v.w[f]*1448 {
					t.Fatalf("w = %v, subflow %d: grew after %d ACKs", v.w, f, i)
				}
				feed(c, 0, f, 4*1448, 100*ms)
			}
			if c.Window(f) != (v.w[f]+1)*1448 {
				t.Errorf("w = %v, subflow %d: window %d after ai+1 ACKs", v.w, f, c.Window(f))
			}
			c.flows[f].W = v.w[f] * 1448
			c.recalculate(f)
			c.OnLoss(0, f, Loss{InFlight: 1448, Nxt: 1})
			if c.Window(f) != v.left[f]*1448 {
				t.Errorf("w = %v, subflow %d: window %d after a loss, want %d segments", v.w, f, c.Window(f), v.left[f])
			}
		}
	}
}

// Rates above 2^25 bytes/s are shifted right by 5 bits until they are not: ai by
// hand for windows of 1000 and 500 segments of 1448 bytes at 1 ms, where x is
// 1 448 000 000 and 724 000 000: after two shifts 1 414 062 and 707 031.
func TestBALIAKernelScalesDown(t *testing.T) {
	c := must(t, "balia", Setting{"mode", 1}).(*baliaKernel)
	for i, w := range []int64{1000, 500} {
		c.Join(0, FlowID(i), Path{MSS: 1448, InitWindow: w * 1448, RTT: ms})
	}
	c.recalculate(1)
	const a, b = 1_414_062, 707_031
	want := (a + b) * (a + b) * 10 / (b + a) * 500 / (4*b + a)
	if got := c.paths[1].ai; got != uint64(want) {
		t.Errorf("ai %d, want %d", got, want)
	}
}

// One established subflow: Reno's threshold, and a step with every w+1st ACK.
func TestKernelsOnOnePath(t *testing.T) {
	for _, name := range []string{"lia", "balia"} {
		c := joined(t, name, 10, 2, Setting{"mode", 1})
		for i := range 11 {
			if c.Window(0) != 10*mss {
				t.Fatalf("%s: grew after %d ACKs", name, i)
			}
			feed(c, 0, 0, mss, 100*ms)
		}
		if c.Window(0) != 11*mss {
			t.Errorf("%s: window %d after 11 ACKs", name, c.Window(0))
		}
		c.OnLoss(0, 0, Loss{InFlight: 11 * mss, Nxt: 1})
		check(t, c, name, 5*mss, 5*mss)
	}
}

// ALGORITHMS A4.3: alpha' and T of the out-of-tree kernel, in the order of its list,
// which has the newest subflow first. Above 26 ms the terms that choose the best
// path are 0 and the last of the list is taken.
func TestLIAKernelVectors(t *testing.T) {
	for _, v := range []struct {
		list  []liaPath // as the kernel goes through them
		alpha uint64    // 0: not given
		t     []int64
	}{
		{[]liaPath{{10, 100 * ms}, {10, 100 * ms}}, 102, []int64{40, 40}},
		{[]liaPath{{10, 10 * ms}, {20, 100 * ms}}, 284, []int64{14, 20}},
		{[]liaPath{{10, 30 * ms}, {20, 100 * ms}}, 28, []int64{146, 146}},
		{[]liaPath{{20, 100 * ms}, {10, 30 * ms}}, 0, []int64{25, 25}},
	} {
		n := len(v.list)
		for k := range v.list {
			c := must(t, "lia", Setting{"mode", 1}).(*liaKernel)
			for i := range v.list {
				p := v.list[n-1-i] // the last of the list joined first
				setFlow(t, c, FlowID(i), p.w, 1, p.rtt)
			}
			f := FlowID(n - 1 - k)
			c.recalculate()
			if v.alpha > 0 && c.alpha != v.alpha {
				t.Errorf("%v: alpha' %d, want %d", v.list, c.alpha, v.alpha)
			}
			if got := c.threshold(&c.flows[f]); got != v.t[k] {
				t.Errorf("%v, entry %d: T = %d, want %d", v.list, k, got, v.t[k])
			}
			// One increment with T+1 ACKs, whatever they acknowledge.
			for i := range v.t[k] + 1 {
				if c.Window(f) != v.list[k].w*mss {
					t.Fatalf("%v, entry %d: grew after %d ACKs", v.list, k, i)
				}
				feed(c, 0, f, 2*mss, v.list[k].rtt)
			}
			if c.Window(f) != (v.list[k].w+1)*mss {
				t.Errorf("%v, entry %d: window %d after T+1 ACKs", v.list, k, c.Window(f))
			}
		}
	}
}

// When the kernel computes alpha': in slow start, when a window grew, on a timeout,
// after a change of state; not when the other's window changes otherwise.
func TestLIAKernelRecomputes(t *testing.T) {
	c := like(t, "lia", []liaPath{{10, 20 * ms}, {10, 20 * ms}}, Setting{"mode", 1}).(*liaKernel)
	feed(c, 0, 0, mss, 20*ms)
	if c.alpha != 0 {
		t.Errorf("alpha' %d without a reason to compute it", c.alpha)
	}
	a := ackOf(mss, 10*mss, 20*ms)
	a.State = Disorder
	c.OnAck(0, 0, &a)
	if c.alpha != 102 {
		t.Errorf("alpha' %d after a change of state", c.alpha)
	}
	c.flows[1].W = 40 * mss
	feed(c, 0, 1, mss, 20*ms) // the other never left Open
	a.State = Open
	c.alpha = 7
	c.OnAck(0, 0, &a)
	if want := uint64(40) << 32 / (50 << 10 * 50 << 10); c.alpha != want {
		t.Errorf("alpha' %d after the return to Open, want %d", c.alpha, want)
	}
	c.alpha = 7
	c.OnTimeout(0, 1, Loss{Nxt: 1})
	if want := uint64(40) << 32 / (50 << 10 * 50 << 10); c.alpha != want {
		t.Errorf("alpha' %d after a timeout, want %d: the window before it counts", c.alpha, want)
	}
	feed(c, 0, 1, mss, 20*ms) // slow start: 2 segments now
	if want := uint64(10) << 32 / (12 << 10 * 12 << 10); c.alpha != want {
		t.Errorf("alpha' %d in slow start, want %d", c.alpha, want)
	}
}
