package cc

import (
	"testing"

	"mpsim/sim"
)

// tcp_cwnd_restart by hand: RTO 300 ms, initial window 10. The loop subtracts
// the RTO before each test, so the first RTO of idleness is free.
func TestIdleRestart(t *testing.T) {
	const rto = 300 * sim.Millisecond
	for _, v := range []struct {
		window       int64
		idle         sim.Duration
		want, thresh int64 // segments
	}{
		{80, 300 * sim.Millisecond, 80, 60},
		{80, 301 * sim.Millisecond, 40, 60},
		{80, 600 * sim.Millisecond, 40, 60},
		{80, 601 * sim.Millisecond, 20, 60},
		{80, 10 * sim.Second, 10, 60},
		{83, 301 * sim.Millisecond, 41, 61}, // 83/2 + 83/4 = 41 + 20
		{15, 10 * sim.Second, 10, 12},       // 7 + 3 is 10, but the old threshold was 12
		{6, 10 * sim.Second, 6, 12},
	} {
		for _, s := range ruled() {
			c := s.make(t)
			setFlow(t, c, 0, 10, 12, 100*sim.Millisecond)
			flowOf(t, c, 0).W = v.window * mss
			c.OnIdleRestart(0, 0, v.idle, rto)
			check(t, c, s.String(), v.want*mss, v.thresh*mss)
		}
	}
}

// RFC 2861: the window moves halfway to what was used, or to the initial window
// if that is more.
func TestUnusedWindow(t *testing.T) {
	for _, v := range []struct{ used, want int64 }{{20, 50}, {4, 45}, {80, 80}} {
		for _, s := range ruled() {
			c := s.make(t)
			setFlow(t, c, 0, 10, 12, 100*sim.Millisecond)
			flowOf(t, c, 0).W = 80 * mss
			for _, flight := range []int64{1, v.used, 2} {
				a := ackOf(mss, flight*mss, 100*sim.Millisecond)
				a.CwndLimited = false
				c.OnAck(0, 0, &a)
			}
			c.Reduce(0, 0, UnusedWindow)
			thresh := int64(60)
			if v.used == 80 {
				thresh = 12
			}
			check(t, c, s.String(), v.want*mss, thresh*mss)
		}
	}
}

// Using the whole window once in between starts the measurement anew.
func TestUnusedWindowForgets(t *testing.T) {
	c := joined(t, "reno", 80, 12)
	flowOf(t, c, 0).IW = 10 * mss
	for _, x := range []struct {
		flight  int64
		limited bool
	}{{70, false}, {80, true}, {20, false}} {
		a := ackOf(0, x.flight*mss, 100*sim.Millisecond)
		a.CwndLimited = x.limited
		c.OnAck(0, 0, &a)
	}
	c.Reduce(0, 0, UnusedWindow)
	check(t, c, "reno", 50*mss, 60*mss)
}
