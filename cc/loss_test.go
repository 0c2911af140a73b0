package cc

import (
	"testing"

	"mpsim/sim"
)

func check(t *testing.T, c Controller, what string, window, thresh int64) {
	t.Helper()
	if c.Window(0) != window || c.Ssthresh(0) != thresh {
		t.Errorf("%s: window %d threshold %d bytes, want %d and %d", what, c.Window(0), c.Ssthresh(0), window, thresh)
	}
}

// A1: Linux halves the window in whole segments, the RFC the bytes in flight.
func TestHalving(t *testing.T) {
	path := Path{MSS: 1460, InitWindow: 11 * 1460, RTT: 100 * sim.Millisecond}
	for _, name := range []string{"reno", "lia"} {
		c := must(t, name)
		c.Join(0, 0, path)
		c.OnLoss(0, 0, Loss{InFlight: 9 * 1460, Nxt: 1})
		check(t, c, name+", window of 11", 5*1460, 5*1460)

		c = must(t, name, Setting{"flightsize", 1})
		c.Join(0, 0, path)
		c.OnLoss(0, 0, Loss{InFlight: 11 * 1460, Nxt: 1})
		check(t, c, name+", 16060 bytes in flight", 8030, 8030)
	}
}

func TestThresholdIsAtLeastTwoSegments(t *testing.T) {
	for _, s := range ruled() {
		for _, flight := range []float64{0, 1} {
			for w := int64(1); w <= 2; w++ {
				c := s.joined(t, w, 0, Setting{"flightsize", flight})
				c.OnLoss(0, 0, Loss{InFlight: w * mss, Nxt: 1})
				if c.Ssthresh(0) != 2*mss {
					t.Errorf("%s: threshold %d from %d segments", s.String(), c.Ssthresh(0), w)
				}
				c = s.joined(t, w, 0, Setting{"flightsize", flight})
				c.OnTimeout(0, 0, Loss{InFlight: w * mss, Nxt: 1})
				check(t, c, s.String()+" timeout", mss, 2*mss)
			}
		}
	}
}

// The threshold is lowered once per window of data: RFC 5681 section 3.1 holds
// it while the same segment times out, Linux also within a recovery, and lowers
// it again when data was acknowledged in between.
func TestRepeatedTimeouts(t *testing.T) {
	for _, name := range []string{"reno", "lia"} {
		c := joined(t, name, 40, 0)
		c.OnTimeout(0, 0, Loss{Una: 0, Nxt: 40})
		check(t, c, "first", mss, 20*mss)
		c.OnTimeout(0, 0, Loss{Una: 0, Nxt: 40})
		check(t, c, "same segment", mss, 20*mss)
		feed(c, 0, 0, 5*mss, sim.Second)
		c.OnTimeout(0, 0, Loss{Una: 5, Nxt: 40})
		check(t, c, "after progress", mss, 3*mss)

		c = joined(t, name, 40, 0)
		c.OnLoss(0, 0, Loss{Una: 0, Nxt: 40})
		c.OnTimeout(0, 0, Loss{Una: 10, Nxt: 50})
		check(t, c, "within the recovery", mss, 20*mss)
		c.OnTimeout(0, 0, Loss{Una: 50, Nxt: 60})
		check(t, c, "in a later window", mss, 2*mss)

		c = joined(t, name, 40, 0)
		c.OnLoss(0, 0, Loss{Una: 0, Nxt: 40})
		c.OnTimeout(0, 0, Loss{Una: 40, Nxt: 60})
		check(t, c, "after the recovery", mss, 10*mss)
	}
}

// Undo gives back the larger of what was and what is, for window and threshold;
// the threshold that was includes 3/4 of the window (tcp_current_ssthresh).
func TestUndo(t *testing.T) {
	reduce := map[string]func(Controller){
		"loss":    func(c Controller) { c.OnLoss(0, 0, Loss{InFlight: 40 * mss, Nxt: 40}) },
		"timeout": func(c Controller) { c.OnTimeout(0, 0, Loss{InFlight: 40 * mss, Nxt: 40}) },
		"a timeout in recovery": func(c Controller) {
			c.OnLoss(0, 0, Loss{InFlight: 40 * mss, Nxt: 40})
			c.OnTimeout(0, 0, Loss{InFlight: 40 * mss, Nxt: 40})
		},
	}
	for _, s := range ruled() {
		for what, f := range reduce {
			c := s.joined(t, 40, 10)
			f(c)
			if c.Window(0) >= 40*mss {
				t.Errorf("%s: no reduction by %s", s.String(), what)
			}
			c.Undo(0, 0)
			check(t, c, s.String()+" "+what, 40*mss, 30*mss)
			c.OnLoss(0, 0, Loss{InFlight: 40 * mss, Nxt: 50})
			c.Reduce(0, 0, ECNEcho)
			w := c.Window(0)
			c.Undo(0, 0)
			if c.Window(0) != w {
				t.Errorf("%s: a mark was undone", s.String())
			}
		}
		c := s.joined(t, 40, 10)
		c.Undo(0, 0)
		check(t, c, s.String()+" without a reduction", 40*mss, 10*mss)
	}
}

// After an undone timeout another one in the same window lowers the threshold.
func TestTimeoutAfterUndo(t *testing.T) {
	c := joined(t, "reno", 40, 0)
	c.OnTimeout(0, 0, Loss{Nxt: 40})
	c.Undo(0, 0)
	c.OnTimeout(0, 0, Loss{Nxt: 40})
	if c.Ssthresh(0) != 20*mss {
		t.Errorf("threshold %d", c.Ssthresh(0))
	}
}

func TestMarksReduceLikeLosses(t *testing.T) {
	for _, why := range []Reason{ECNEcho, TailRepair} {
		for name, want := range map[string]int64{"reno": 20, "lia": 20, "cubic": 28} {
			c := joined(t, name, 40, 10)
			c.Reduce(0, 0, why)
			check(t, c, name, want*mss, want*mss)
		}
	}
}

// B9: the penalty halves the window, the threshold only if the window reached it.
func TestPenalty(t *testing.T) {
	for _, s := range ruled() {
		c := s.joined(t, 20, 10)
		c.Reduce(0, 0, Penalty)
		check(t, c, s.String(), 10*mss, 5*mss)
		c = s.joined(t, 20, 40)
		c.Reduce(0, 0, Penalty)
		check(t, c, s.String(), 10*mss, 40*mss)
		for _, w := range []int64{1, 3} { // the least threshold is two
			c = s.joined(t, w, 2)
			c.Reduce(0, 0, Penalty)
			check(t, c, s.String(), mss, 2*mss)
		}
	}
}

// A credit towards the next segment does not survive a reduction.
func TestReductionClearsCredit(t *testing.T) {
	c := joined(t, "reno", 10, 10)
	feed(c, 0, 0, 9*mss, sim.Second)
	c.OnLoss(0, 0, Loss{Nxt: 1})
	feed(c, 0, 0, 4*mss, sim.Second)
	if segments(c, 0) != 5 {
		t.Errorf("window %v after 4 of 5 segments", segments(c, 0))
	}
	feed(c, 0, 0, mss, sim.Second)
	if segments(c, 0) != 6 {
		t.Errorf("window %v after 5 of 5 segments", segments(c, 0))
	}
}
