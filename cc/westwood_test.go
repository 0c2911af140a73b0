package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// westwoodAt drives one subflow at a rate of a segment every ms with a round-trip
// time, after one sample of the smallest.
func westwoodAt(t testing.TB, c Controller, f FlowID, smallest, rtt sim.Duration, acks int) {
	now := sim.Time(0)
	feed(c, now, f, 0, smallest)
	for range acks {
		now = now.Add(ms)
		feed(c, now, f, mss, rtt)
	}
}

// A path of 1000 segments/s and a smallest round-trip time of 60 ms: the estimate
// is 1000 segments/s and a loss leaves the 60 that fit the path, whatever the queue
// was; a window below that does not grow by a loss; a timeout leaves the same
// threshold, and measures the smallest round-trip time anew.
//
// row:F13
func TestWestwoodEstimate(t *testing.T) {
	loss := Loss{InFlight: 100 * mss, Nxt: 1}
	c := like(t, "westwood-coordinated", []liaPath{{100, 60 * ms}})
	westwoodAt(t, c, 0, 60*ms, 100*ms, 4000)
	w := c.Window(0)
	if got := termsOf(t, c, 0)["bwe_per_s"]; math.Abs(got/1000-1) > 0.01 {
		t.Errorf("estimate %v segments/s", got)
	}
	c.OnLoss(0, 0, loss)
	if got := segments(c, 0); math.Abs(got/60-1) > 0.01 || w < 100*mss {
		t.Errorf("window %v after a loss at %d bytes", got, w)
	}
	flowOf(t, c, 0).W = 40 * mss
	c.Reduce(0, 0, ECNEcho)
	if got := segments(c, 0); got != 40 {
		t.Errorf("window %v after a mark at 40", got)
	}
	flowOf(t, c, 0).W = 100 * mss
	c.OnTimeout(0, 0, Loss{Una: 5, Nxt: 6})
	if c.Window(0) != mss || math.Abs(float64(c.Ssthresh(0))/(60*mss)-1) > 0.01 {
		t.Errorf("window %d, threshold %d after a timeout", c.Window(0), c.Ssthresh(0))
	}
	feed(c, sim.Time(10*sim.Second), 0, mss, 80*ms)
	if got := c.(*westwood).paths[0].minRTT; got != 80*ms {
		t.Errorf("smallest round-trip time %v after a timeout", got)
	}
}

// Linux's filter by hand: samples of 1000 and then 500 segments/s give
// first = (7*1000 + 500)/8 = 937.5, BWE = (7*1000 + 937.5)/8 = 992.1875. A sample
// ends after a round-trip time, or 50 ms if that is more.
func TestWestwoodFilter(t *testing.T) {
	x := westwoodPath{}
	a := ackOf(51*mss, 0, 10*ms)
	x.measure(sim.Time(51*ms), &a)
	if x.rate != 1000*mss {
		t.Errorf("first sample %v", x.rate)
	}
	x.measure(sim.Time(101*ms), &a)
	if x.acked != 51*mss {
		t.Error("a sample of 50 ms ended")
	}
	x.measure(sim.Time(255*ms), &a)
	if math.Abs(x.rate-992187.5) > 1e-6 {
		t.Errorf("second sample: BWE %v", x.rate)
	}
}

// The increase is LIA's; random losses hurt it less than LIA, and a bottleneck's
// share is that of one Westwood.
func TestWestwoodGoals(t *testing.T) {
	paths := []liaPath{{10, 10 * ms}, {20, 100 * ms}}
	for f, want := range []float64{0.0694444, 0.05} { // ALGORITHMS A4.1
		if got := increase(t, "westwood-coordinated", FlowID(f), paths); math.Abs(got/want-1) > 1e-4 {
			t.Errorf("subflow %d: increase %v, LIA's is %v", f, got, want)
		}
	}
	c, l := like(t, "westwood-coordinated", paths), like(t, "lia", paths)
	for _, x := range []Controller{c, l} {
		// 10 segments in 10 ms fill the path: the loss is a radio's.
		for i := range 2000 {
			feed(x, sim.Time(i)*sim.Time(ms), 0, mss, 10*ms)
			flowOf(t, x, 0).W = 10 * mss
		}
		x.OnLoss(0, 0, Loss{InFlight: 10 * mss, Nxt: 1})
	}
	if w, h := segments(c, 0), segments(l, 0); h != 5 || math.Abs(w-10) > 0.1 {
		t.Errorf("windows after a random loss: %v, LIA %v", w, h)
	}
}
