package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// ALGORITHMS A3.2, approximate: delta of (30, 10) at equal round-trip times, of (10, 10)
// at 1 and 2 ms, of one subflow; n equal paths have 1/n (A12.1).
func TestXMPDelta(t *testing.T) {
	const ms = sim.Millisecond
	for _, x := range []struct {
		w    []int64
		rtt  []sim.Duration
		want []float64
	}{
		{[]int64{30, 10}, []sim.Duration{ms, ms}, []float64{0.75, 0.25}},
		{[]int64{10, 10}, []sim.Duration{ms, 2 * ms}, []float64{2.0 / 3, 2.0 / 3}},
		{[]int64{10}, []sim.Duration{ms}, []float64{1}},
		{[]int64{12, 12, 12}, []sim.Duration{ms, ms, ms}, []float64{1.0 / 3, 1.0 / 3, 1.0 / 3}},
	} {
		c := must(t, "xmp")
		for f := range x.w {
			setFlow(t, c, FlowID(f), x.w[f], 5, x.rtt[f])
		}
		for f, want := range x.want {
			if got := c.Observe(FlowID(f)).Alpha; math.Abs(got-want) > 1e-12 {
				t.Errorf("w %v rtt %v: delta_%d = %v, want %v", x.w, x.rtt, f, got, want)
			}
		}
	}
}

// A mark takes a quarter, and at least one segment, of the subflow's window.
func TestXMPMark(t *testing.T) {
	for _, x := range [][2]int64{{40, 30}, {3, 2}, {2, 2}} {
		c := joined(t, "xmp", x[0], 0)
		c.Reduce(0, 0, ECNEcho)
		check(t, c, "mark", x[1]*mss, x[1]*mss)
	}
	if !TraitsOf(must(t, "xmp")).ExactECN {
		t.Error("no ECN")
	}
}

// Four rounds at delta 1/4 are one segment, and the other subflow grows by three.
func TestXMPRounds(t *testing.T) {
	c := must(t, "xmp")
	setFlow(t, c, 0, 300, 5, sim.Millisecond)
	setFlow(t, c, 1, 100, 5, sim.Millisecond)
	for i := range 4 {
		for f := range 2 {
			a := ackOf(mss, c.Window(FlowID(f)), sim.Millisecond)
			a.Una, a.Nxt = uint64(10*i+1), uint64(10*i+5)
			c.OnAck(0, FlowID(f), &a)
			a.Una++ // the same round
			c.OnAck(0, FlowID(f), &a)
		}
	}
	// 0.75 and 0.25 of each round, to the first order of the windows that change.
	if a, b := segments(c, 0), segments(c, 1); a < 302 || a > 303 || b < 100 || b > 101 {
		t.Errorf("windows %v and %v after four rounds", a, b)
	}
}
