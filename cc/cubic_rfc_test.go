package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// RFC 9438, section by section, in the mode that follows it; windows are in segments.

// cubicAt is a flow in congestion avoidance at window w, whose last loss was at prior
// and whose plateau is at plateau, in its first acknowledgement at time 0.
func cubicAt(t *testing.T, w, prior, plateau float64, set ...Setting) (*cubicRef, Controller) {
	t.Helper()
	c := joined(t, "cubic", int64(w), 1, append(set, cubicModes["ref"])...)
	x := &c.(*each[cubicRef, *cubicRef]).flows[0]
	x.epoch.wMax, x.epoch.prior = plateau, prior
	feed(c, 0, 0, 0, 100*ms)
	return x, c
}

func (c *cubicRef) real() float64 { return (float64(c.W) + c.fraction) / float64(c.MSS) }

// Sections 4.2, 4.4 and 4.5: an acknowledged segment moves the window by (target -
// W)/W, where the target is the cubic one round-trip time ahead, at least W and at most
// 1.5 W. K = cbrt(30/0.4) = 4.21716 s; the targets are 100 + 0.4 (t + 0.1 - K)^3.
func TestCubicSteps(t *testing.T) {
	for _, v := range []struct {
		what      string
		at        float64 // s since the epoch began
		w, target float64
	}{
		{"concave", 0, 70, 72.08393},
		{"concave", 2, 94, 96.20403},
		{"at the plateau", 4.21716, 100, 100.00040},
		{"convex", 6, 102, 102.66992},
		{"convex", 10, 150, 181.43674},
		{"above the target", 1, 90, 90},
		{"far below the target", 20, 100, 150},
	} {
		x, c := cubicAt(t, 70, 100, 100, Setting{"friendly", 0})
		feed(c, 0, 0, 1, 100*ms) // begins the epoch
		x.W, x.fraction = int64(v.w*mss), 0
		x.last = sim.Time(v.at * 1e9)
		feed(c, x.last, 0, mss, 100*ms)
		if got, want := x.real()-v.w, (v.target-v.w)/v.w; math.Abs(got-want) > 2e-6 {
			t.Errorf("%s, %v s: moved by %.6f, want %.6f", v.what, v.at, got, want)
		}
	}
}

// Section 4.3: W_est begins at the window, and grows by alpha/W for each segment with
// alpha = 3*0.3/1.7 = 0.529412, by 1/W when it has reached the window before the loss.
// Where W_cubic(t) is below it, the window is W_est, else the cubic decides; it is t,
// not t + RTT, that counts.
func TestCubicRegions(t *testing.T) {
	for _, v := range []struct {
		what                 string
		prior, plateau, wEst float64
		want                 float64 // after one segment at 20 segments, at the epoch's begin
	}{
		{"Reno-friendly", 40, 0, 20, 20 + 0.529412/20},
		{"Reno-friendly above the old window", 20, 0, 20, 20 + 1./20},
		// K = cbrt(20/0.4) = 3.684031 s: W_cubic(0) = 20, W_cubic(0.1) = 21.584842.
		{"Reno-friendly, and the cubic will be above", 40, 40, 20, 20 + 0.529412/20},
		{"cubic", 40, 40, 19.9, 20 + 1.584842/20},
	} {
		x, c := cubicAt(t, 20, v.prior, v.plateau)
		feed(c, 0, 0, 1, 100*ms) // begins the epoch
		x.W, x.fraction, x.epoch.wEst = 20*mss, 0, v.wEst
		feed(c, 0, 0, mss, 100*ms)
		if got := x.real(); math.Abs(got-v.want) > 1e-5 {
			t.Errorf("%s: window %.6f, want %.6f", v.what, got, v.want)
		}
	}
}

// Linux counts W_est in whole segments, one for each 15 W/8 acknowledged, rounded down:
// 1/alpha = 1.889 for beta = 717/1024. At a window of 20 that are 37, and cnt is then at
// most 20/(W_est - 20).
func TestCubicLinuxRenoWindow(t *testing.T) {
	for _, v := range []struct{ acked, reno, cnt int64 }{
		{37 * mss, 20, 100}, {37*mss + 1, 21, 20}, {74*mss + 1, 22, 10}, {370*mss + 1, 30, 2},
	} {
		x := cubicLinux{reno: 20, ackBytes: v.acked, cnt: 100}
		x.MSS = mss
		x.friend(20)
		if x.reno != v.reno || x.cnt != v.cnt {
			t.Errorf("%d bytes: W_est %d, cnt %d, want %d and %d", v.acked, x.reno, x.cnt, v.reno, v.cnt)
		}
	}
}

// Linux's cnt at the plateau is 100 W; it leaves it at the tick at which 410 t^3 >> 40 is 1,
// t = 1390: 97 ms of delay count as 25 ticks of 4 ms, so that with them tick 315 is
// 340*1024/250 = 1392. Before the first loss cnt is 20 at most.
func TestCubicLinuxPlateau(t *testing.T) {
	for _, v := range []struct{ lastMax, tick, w, cnt int64 }{
		{100, 314, 100, 10000}, {100, 315, 100, 100}, {21, 315, 21, 21}, {0, 315, 21, 20}, {0, 314, 21, 20}, {0, 315, 19, 19},
	} {
		x := cubicLinux{lastMax: v.lastMax, origin: v.w}
		x.exit.linux.delayMin = 97 * ms
		if x.cubic(v.tick, v.w); x.cnt != v.cnt {
			t.Errorf("%+v: cnt %d", v, x.cnt)
		}
	}
	// The epoch's first acknowledgement counts for W_est.
	x := cubicLinux{ackBytes: 99, reno: 99}
	if x.begin(0, 50, 2000); x.ackBytes != 2000 || x.reno != 50 {
		t.Errorf("W_est begins at %d with %d bytes", x.reno, x.ackBytes)
	}
}

// Section 4.6: ssthresh = 0.7 W, at least two segments; 4.7: two losses in a row
// below the plateau move it to 0.85 W each time.
func TestCubicReductions(t *testing.T) {
	x, c := cubicAt(t, 200, 0, 0)
	for _, v := range []struct{ window, plateau float64 }{{140, 200}, {98, 119}, {68.6, 83.3}, {48.02, 58.31}} {
		c.OnLoss(0, 0, Loss{InFlight: x.W, Nxt: 1})
		if got := segments(c, 0); math.Abs(got-v.window) > 2e-3 || math.Abs(x.epoch.wMax-v.plateau) > 2e-3 {
			t.Errorf("window %v, plateau %v, want %v and %v", got, x.epoch.wMax, v.window, v.plateau)
		}
	}
	c.OnLoss(0, 0, Loss{Nxt: 2})
	for range 20 {
		c.OnLoss(0, 0, Loss{Nxt: 3})
	}
	check(t, c, "at the end", 2*mss, 2*mss)
}

// Section 4.9.2: a spurious reduction gives back W_max, K, the epoch's begin, W_est
// and the window before it, so that the next step is that of a flow that saw none.
func TestCubicSpuriousLoss(t *testing.T) {
	step := func(spurious, timeout bool) float64 {
		x, c := cubicAt(t, 70, 100, 100)
		feed(c, 0, 0, mss, 100*ms)
		now := sim.Time(2 * sim.Second)
		x.last = now
		if spurious && timeout {
			c.OnTimeout(now, 0, Loss{InFlight: x.W, Nxt: 9})
			c.Undo(now, 0)
		} else if spurious {
			c.OnLoss(now, 0, Loss{InFlight: x.W, Nxt: 9})
			c.Undo(now, 0)
		}
		feed(c, now, 0, mss, 100*ms)
		return x.real()
	}
	for _, timeout := range []bool{false, true} {
		// The fraction of a byte that the window was short of is not restored.
		if a, b := step(false, timeout), step(true, timeout); math.Abs(a-b) > 2e-3 {
			t.Errorf("timeout %v: window %v, without a spurious loss %v", timeout, b, a)
		}
	}
}

// Section 5.8: time in which the window was not the limit does not count, whether the
// flow was silent or sent less than it might have. After ten seconds of either the
// window grows on from where it was.
func TestCubicApplicationLimited(t *testing.T) {
	grown := func(limited, silent bool) float64 {
		x, c := cubicAt(t, 70, 100, 100)
		now := sim.Time(0)
		run := func(cwndLimited bool) {
			for range 200 {
				now = now.Add(5 * ms)
				c.OnSent(now, 0, mss)
				a := ackOf(mss, c.Window(0), 100*ms)
				a.CwndLimited = cwndLimited
				c.OnAck(now, 0, &a)
			}
		}
		run(true)
		if limited {
			for range 10 {
				run(false)
			}
		}
		if silent {
			a := ackOf(0, c.Window(0), 100*ms)
			a.Una = a.Nxt
			c.OnAck(now, 0, &a)
			now = now.Add(10 * sim.Second)
		}
		run(true)
		return x.real()
	}
	want := grown(false, false)
	for _, v := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		if got := grown(v[0], v[1]); math.Abs(got-want) > 0.1 {
			t.Errorf("limited %v, silent %v: window %.2f, without a break %.2f", v[0], v[1], got, want)
		}
	}
}
