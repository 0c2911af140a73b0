package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

var cubicModes = map[string]Setting{"ref": {"mode", 0}, "linux": {"mode", 1}}

// A2: a loss at W = 100 below W_max = 120 moves the plateau to 85 and the
// threshold to 70 (fast convergence); without it, or above, the plateau is W.
func TestCubicLoss(t *testing.T) {
	for mode, set := range cubicModes {
		for _, v := range []struct {
			last, fast float64
			plateau    float64
		}{{120, 1, 85}, {120, 0, 100}, {80, 1, 100}} {
			c := joined(t, "cubic", 100, 10, set, Setting{"fast_convergence", v.fast})
			setPlateau(c, v.last)
			c.OnLoss(0, 0, Loss{InFlight: 100 * mss, Nxt: 1})
			check(t, c, mode, 70*mss, 70*mss)
			if got := plateau(c); math.Abs(got-v.plateau) > 1e-9 {
				t.Errorf("%s: plateau %v after a loss at 100 below %v, want %v", mode, got, v.last, v.plateau)
			}
		}
	}
}

func setPlateau(c Controller, w float64) {
	switch c := c.(type) {
	case *each[cubicLinux, *cubicLinux]:
		c.flows[0].lastMax = int64(w)
	case *each[cubicRef, *cubicRef]:
		c.flows[0].epoch.wMax = w
	}
}

func plateau(c Controller) float64 {
	switch c := c.(type) {
	case *each[cubicLinux, *cubicLinux]:
		return float64(c.flows[0].lastMax)
	case *each[cubicRef, *cubicRef]:
		return c.flows[0].epoch.wMax
	}
	return math.NaN()
}

// A2: K from a plateau of 100 and a window of 70: 4.2172 s, in Linux 4317 units of
// 1/1024 s; W(0), W(1), W(2), W(6) = 70, 86.681, 95.640, 102.267.
func TestCubicFunction(t *testing.T) {
	e := cubicEpoch{wMax: 100}
	e.begin(0, 70)
	if math.Abs(e.k-4.2172) > 5e-5 {
		t.Errorf("K = %v", e.k)
	}
	for _, v := range []struct{ t, w float64 }{{0, 70}, {1, 86.681}, {2, 95.640}, {6, 102.267}} {
		if got := e.at(v.t); math.Abs(got-v.w) > 1e-3 {
			t.Errorf("W(%v) = %v, want %v", v.t, got, v.w)
		}
	}
	l := cubicLinux{lastMax: 100}
	l.begin(0, 70, 1)
	if l.k != 4317 {
		t.Errorf("Linux: K = %d", l.k)
	}
	for _, v := range []struct{ t, w float64 }{{0, 70}, {1, 86.681}, {2, 95.640}, {6, 102.267}} {
		got := float64(l.origin + cubed(int64(v.t*1024)-l.k))
		if math.Abs(got-v.w) > 1 {
			t.Errorf("Linux: W(%v) = %v, want %v", v.t, got, v.w)
		}
	}
}

// The cube root against its definition: (2r-1)^3 <= 8a <= (2r+1)^3.
func TestCubeRoot(t *testing.T) {
	for _, a := range []uint64{1, 7, 8, 9, 26, 27, 1e15, 1e15 - 1, 80450123456, cubicFactor << 20} {
		r := uint64(cubeRoot(a))
		if (2*r-1)*(2*r-1)*(2*r-1) > 8*a || (2*r+1)*(2*r+1)*(2*r+1) < 8*a {
			t.Errorf("cubeRoot(%d) = %d", a, r)
		}
	}
	if cubeRoot(0) != 0 {
		t.Error("cubeRoot(0) is not 0")
	}
}

// After a loss the window follows the cubic: on a long path, where Reno is slower,
// it is at every second where the formula says.
func TestCubicFollowsTheCurve(t *testing.T) {
	for mode, set := range cubicModes {
		c := joined(t, "cubic", 100, 10, set)
		l := &line{c: c, rtt: 200 * sim.Millisecond}
		l.step(true)
		start := l.now
		want := cubicEpoch{wMax: 100}
		want.begin(0, 70)
		for s := 1.0; s < 12; s++ {
			for l.now < start+sim.Time(s*1e9) {
				l.step(false)
			}
			if got := segments(c, 0); math.Abs(got-want.at(s)) > 2 {
				t.Errorf("%s: W(%v s) = %.2f, want %.2f", mode, s, got, want.at(s))
			}
		}
	}
}

// With one loss every 1/p segments the mean window is
// (C(3+beta)/(4(1-beta)))^(1/4) * (RTT/p)^(3/4) = 1.0538 (RTT/p)^(3/4) (RFC 9438
// section 5.1), without fast convergence and the Reno-friendly region. The cubic is
// flat there, so that the way to this fixed point is endless: the test begins at
// it, where the mean is 1 - 0.3/4 of the plateau, and sees that it stays.
func TestCubicResponse(t *testing.T) {
	for _, p := range []float64{1e-3, 1e-4} {
		want := 1.0538 * math.Pow(0.1/p, 0.75)
		c := joined(t, "cubic", int64(want/0.925+0.5), 10, cubicModes["ref"], Setting{"friendly", 0}, Setting{"fast_convergence", 0})
		l := &line{c: c, rtt: 100 * sim.Millisecond}
		l.step(true)
		l.periodic(int(1/p), 40)
		if got := l.mean(); math.Abs(got/want-1) > 0.03 {
			t.Errorf("p = %g: mean window %.1f, theory %.1f", p, got, want)
		}
	}
}

// In Linux the target is a whole number, so that the window reaches its plateau as
// soon as the cubic is within a segment of it, (1/C)^(1/3) = 1.36 s early, and
// leaves it 1.36 s late: a loss anywhere between repeats for ever. The mean
// window M is then any solution of M*(K + d)/RTT = 1/p with |d| <= 1.36 s.
func TestCubicLinuxResponse(t *testing.T) {
	const p, rtt = 1e-4, 0.1
	solve := func(d float64) float64 {
		lo, hi := 1.0, 1e6
		for range 100 {
			m := (lo + hi) / 2
			k := math.Cbrt(0.3 * m / 0.925 / 0.4) // the mean is 1 - 0.3/4 of the plateau
			if m*(k+d)/rtt > 1/p {
				hi = m
			} else {
				lo = m
			}
		}
		return lo
	}
	if m := solve(0); math.Abs(m/(1.0538*math.Pow(rtt/p, 0.75))-1) > 1e-3 {
		t.Fatalf("the band is not around the closed form: %v", m)
	}
	for _, start := range []int64{50, 150, 400} {
		c := joined(t, "cubic", start, 10, cubicModes["linux"], Setting{"friendly", 0})
		l := &line{c: c, rtt: 100 * sim.Millisecond}
		l.periodic(int(1/p), 40)
		if got := l.mean(); got < 0.98*solve(1.36) || got > 1.02*solve(-1.36) {
			t.Errorf("from %d: mean window %.1f, theory %.1f to %.1f", start, got, solve(1.36), solve(-1.36))
		}
	}
}

// RFC 9438 section 4.3: where Reno would be faster CUBIC is as fast as Reno with
// beta = 0.7 and alpha = 0.53, whose mean is that of standard Reno, 1.2247/sqrt(p),
// a little more in `ref` for alpha = 1 above the old maximum. Linux looks at Reno's
// window only when its own changed or every 32 ms, here six rounds, and falls
// up to four segments behind it.
func TestCubicRenoFriendly(t *testing.T) {
	for mode, band := range map[string][2]float64{"ref": {0.97, 1.12}, "linux": {0.85, 1}} {
		const p = 1e-3
		c := joined(t, "cubic", 50, 10, cubicModes[mode])
		l := &line{c: c, rtt: 5 * sim.Millisecond}
		l.periodic(int(1/p), 50)
		reno := 1.2247 / math.Sqrt(p)
		if got := l.mean() / reno; got < band[0] || got > band[1] {
			t.Errorf("%s: mean window %.3f of Reno's", mode, got)
		}
		alone := joined(t, "cubic", 50, 10, cubicModes[mode], Setting{"friendly", 0})
		l = &line{c: alone, rtt: 5 * sim.Millisecond}
		l.periodic(int(1/p), 50)
		if l.mean() > 0.5*reno {
			t.Errorf("%s: the cubic alone has %.1f segments, so this is not the Reno-friendly region", mode, l.mean())
		}
	}
}

// Before any loss the window grows by 5 % per round at least (cnt <= 20), and
// never by more than half (cnt >= 2).
func TestCubicLinuxLimits(t *testing.T) {
	c := joined(t, "cubic", 100, 100)
	for range 20 {
		feed(c, sim.Time(10*sim.Second), 0, mss, 100*sim.Millisecond)
	}
	if segments(c, 0) != 101 {
		t.Errorf("window %v after 20 segments", segments(c, 0))
	}
	c = joined(t, "cubic", 100, 100)
	setPlateau(c, 101)
	feed(c, 0, 0, mss, 100*sim.Millisecond)
	feed(c, sim.Time(100*sim.Second), 0, 199*mss, 100*sim.Millisecond)
	if got := segments(c, 0); got != 200 {
		t.Errorf("window %v after 200 segments far behind the plateau, want 200", got)
	}
}

// cnt is computed once per tick of 4 ms and not at all while the window stays the
// same for 1/32 s, which is 7 ticks: bictcp_update by hand at W = 100, plateau
// 130, K = cbrt(2681735677*30) = 4317.
func TestCubicLinuxGranularity(t *testing.T) {
	c := joined(t, "cubic", 100, 100, Setting{"friendly", 0}).(*each[cubicLinux, *cubicLinux])
	setPlateau(c, 130)
	x := &c.flows[0]
	at := func(d sim.Duration) int64 {
		feed(c, sim.Time(d), 0, 1, 100*sim.Millisecond)
		return x.cnt
	}
	// t = 25 ticks of delay = 102 units: 130 - (410*4215^3 >> 40) = 130 - 27 = 103.
	if got := at(0); got != 33 {
		t.Errorf("cnt = %d at the start of the epoch, want 100/3", got)
	}
	x.W += mss
	if got := at(3 * sim.Millisecond); got != 33 {
		t.Errorf("cnt = %d within the tick, want 33", got)
	}
	// t = (1+25)<<10/250 = 106: 130 - (410*4211^3 >> 40) = 130 - 27 = 103; 101/2.
	if got := at(4 * sim.Millisecond); got != 50 {
		t.Errorf("cnt = %d in the next tick, want 101/2", got)
	}
	x.cnt = 77
	if got := at(32 * sim.Millisecond); got != 77 {
		t.Errorf("cnt = %d with the window unchanged for 7 ticks", got)
	}
	// t = (9+25)<<10/250 = 139: 130 - (410*4178^3 >> 40) = 130 - 27 = 103.
	if got := at(36 * sim.Millisecond); got != 50 {
		t.Errorf("cnt = %d after 8 ticks, want 50", got)
	}
}

// A timeout lets CUBIC begin anew: RFC 9438 section 4.8 with K = 0 and W_max =
// cwnd, Linux as if there had been no loss at all.
func TestCubicTimeout(t *testing.T) {
	for mode, set := range cubicModes {
		c := joined(t, "cubic", 100, 10, set)
		c.OnTimeout(0, 0, Loss{InFlight: 100 * mss, Nxt: 1})
		check(t, c, mode, mss, 70*mss)
		l := &line{c: c, rtt: 200 * sim.Millisecond}
		for c.Window(0) < 70*mss {
			l.step(false)
		}
		start := l.now
		for l.now < start+sim.Time(3*sim.Second) {
			l.step(false)
		}
		// 15 rounds: the cubic from its plateau gives 70 + 0.4*27 = 80.8 (Reno with
		// alpha = 0.53 only 70 + 8), Linux's 5 % per round 70*1.05^15.
		got, want, band := segments(c, 0), 80.8, 0.01
		if mode == "linux" {
			want, band = 70*math.Pow(1.05, 15), 0.05
		}
		if math.Abs(got/want-1) > band {
			t.Errorf("%s: window %.1f after 3 s, want %.1f", mode, got, want)
		}
	}
}

// Time without data does not count: the epoch moves along.
func TestCubicIdle(t *testing.T) {
	for mode, set := range cubicModes {
		grown := func(idle sim.Duration) float64 {
			c := joined(t, "cubic", 100, 10, set)
			l := &line{c: c, rtt: 200 * sim.Millisecond}
			l.step(true)
			for range 300 {
				c.OnSent(l.now, 0, mss)
				l.step(false)
			}
			if idle > 0 {
				a := ackOf(0, c.Window(0), l.rtt)
				a.Una, a.Nxt = 9999, 9999 // everything is acknowledged
				c.OnAck(l.now, 0, &a)
				l.now = l.now.Add(idle)
			}
			for range 300 {
				c.OnSent(l.now, 0, mss)
				l.step(false)
			}
			return segments(c, 0)
		}
		if a, b := grown(0), grown(60*sim.Second); math.Abs(a-b) > 1 {
			t.Errorf("%s: window %v without a break and %v with one", mode, a, b)
		}
	}
}

// RFC 9438 section 4.9: a spurious loss gives back the whole epoch; Linux gives
// back window and threshold only, and keeps the plateau.
func TestCubicUndo(t *testing.T) {
	c := joined(t, "cubic", 100, 10, cubicModes["ref"]).(*each[cubicRef, *cubicRef])
	l := &line{c: c, rtt: 200 * sim.Millisecond}
	l.step(true)
	for range 500 {
		l.step(false)
	}
	before := c.flows[0].epoch
	c.OnLoss(l.now, 0, Loss{Nxt: 1})
	c.Undo(l.now, 0)
	if c.flows[0].epoch != before {
		t.Errorf("epoch %+v, was %+v", c.flows[0].epoch, before)
	}
	x := joined(t, "cubic", 100, 10, cubicModes["linux"])
	x.OnLoss(0, 0, Loss{Nxt: 1})
	x.Undo(0, 0)
	if plateau(x) != 100 || segments(x, 0) != 100 {
		t.Errorf("Linux: plateau %v window %v", plateau(x), segments(x, 0))
	}
}

// With the parameter flightsize beta multiplies the bytes in flight.
func TestCubicFlightSize(t *testing.T) {
	for mode, set := range cubicModes {
		c := joined(t, "cubic", 100, 10, set, Setting{"flightsize", 1})
		c.OnLoss(0, 0, Loss{InFlight: 60 * mss, Nxt: 1})
		if got := segments(c, 0); math.Abs(got-42) > 0.02 {
			t.Errorf("%s: window %v after a loss with 60 segments in flight", mode, got)
		}
	}
}

// RFC 9438 section 4.3: once Reno's window reaches that before the loss, it grows
// by one per round.
func TestCubicAlphaAboveTheOldMaximum(t *testing.T) {
	e := cubicEpoch{wMax: 20, prior: 20}
	e.begin(0, 14)
	for e.wEst < 20 {
		e.next(0, 20, 1, 0.01, 1, true)
	}
	below := e.wEst
	for range 20 {
		e.next(0, 20, 1, 0.01, 1, true)
	}
	if got := e.wEst - below; math.Abs(got-1) > 1e-9 {
		t.Errorf("grew by %v in a round above the old maximum", got)
	}
	e.wEst = 14
	for range 20 {
		e.next(0, 20, 1, 0.01, 1, true)
	}
	if got := e.wEst - 14; math.Abs(got-0.5294) > 1e-4 {
		t.Errorf("grew by %v in a round below the old maximum", got)
	}
}

// Section 4.4: the target is at most half a window away, so that a window of
// acknowledgements adds half a window at most, compounded.
func TestCubicRefLimit(t *testing.T) {
	c := joined(t, "cubic", 100, 100, cubicModes["ref"])
	setPlateau(c, 101)
	feed(c, 0, 0, mss, 100*ms)
	feed(c, sim.Time(100*sim.Second), 0, 99*mss, 100*ms)
	if got := segments(c, 0); got < 149 || got > 150.1 {
		t.Errorf("window %v after 100 segments far behind the curve, want 150", got)
	}
}

// Linux does not believe delays in the second after an epoch began, neither for
// the smallest one nor for HyStart; a timeout forgets both.
func TestCubicLinuxDelaySamples(t *testing.T) {
	c := joined(t, "cubic", 100, 100).(*each[cubicLinux, *cubicLinux])
	x := &c.flows[0]
	h := &x.exit.linux
	feed(c, 0, 0, mss, 100*ms) // begins the epoch
	feed(c, sim.Time(996*ms), 0, mss, 50*ms)
	if h.delayMin != 100*ms {
		t.Errorf("smallest delay %v within the second", h.delayMin)
	}
	x.Thresh = MaxWindow // slow start, as after an idle restart
	for range 20 {
		feed(c, sim.Time(996*ms), 0, mss, 500*ms)
	}
	if !x.SlowStart() {
		t.Error("slow start ended by delays within the second")
	}
	for range 20 {
		feed(c, sim.Time(sim.Second), 0, mss, 500*ms)
	}
	if x.SlowStart() || !h.found {
		t.Error("slow start did not end by delays after the second")
	}
	// It ends once only.
	x.Thresh = MaxWindow
	for range 20 {
		feed(c, sim.Time(sim.Second), 0, mss, 500*ms)
	}
	if !x.SlowStart() {
		t.Error("slow start ended twice")
	}
	c.OnTimeout(sim.Time(2*sim.Second), 0, Loss{Nxt: 7})
	if h.found || h.delayMin != 0 || h.roundEnd != 7 {
		t.Errorf("after a timeout: %+v", *h)
	}
}
