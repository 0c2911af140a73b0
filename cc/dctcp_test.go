package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// dctcpWindow acknowledges a window of n segments of which some carry a mark.
func dctcpWindow(c Controller, nxt *uint64, n, marked int64) {
	w := c.Window(0)
	for i := range n {
		a := ackOf(mss, w, 100*sim.Microsecond)
		a.CwndLimited = false // keep the window
		if i < marked {
			a.CE = mss
		}
		a.Una, a.Nxt = *nxt, *nxt+uint64(n)
		if i == 0 {
			a.Una--
		}
		c.OnAck(0, 0, &a)
	}
	*nxt += uint64(n)
}

// ALGORITHMS A3.1: alpha 1024, ten delivered of which four are marked, gives 985; a
// window of 20 is then reduced to 11.
func TestDCTCPLinuxVector(t *testing.T) {
	c := joined(t, "dctcp", 20, 10, Setting{"mode", 1})
	d := &c.(*each[dctcp, *dctcp]).flows[0]
	d.delivered, d.marked = 9*mss, 4*mss
	a := ackOf(mss, 20*mss, sim.Millisecond)
	a.CwndLimited = false
	c.OnAck(0, 0, &a)
	if d.fixed != 985 {
		t.Errorf("alpha %d/1024, want 985", d.fixed)
	}
	c.Reduce(0, 0, ECNEcho)
	check(t, c, "after a mark", 11*mss, 11*mss)
}

// RFC 8257 section 3.3 with g = 1/16: half of alpha 1 and no marks is 15/16; alpha 0.5
// without marks 0.46875; a window of 20 at 0.5 becomes 15.
func TestDCTCPRefVector(t *testing.T) {
	c := joined(t, "dctcp", 20, 10, Setting{"alpha_on_init", 0.5})
	nxt := uint64(100)
	c.Reduce(0, 0, ECNEcho)
	check(t, c, "at alpha 0.5", 15*mss, 15*mss)
	c = joined(t, "dctcp", 20, 10, Setting{"alpha_on_init", 0.5})
	a := ackOf(mss, 20*mss, sim.Millisecond)
	c.OnAck(0, 0, &a)
	if got := c.Observe(0).Alpha; got != 0.46875 {
		t.Errorf("alpha %v, want 0.46875", got)
	}
	c = joined(t, "dctcp", 20, 10)
	for range 200 {
		dctcpWindow(c, &nxt, 20, 5)
	}
	// The estimate converges to the part that is marked.
	if got := c.Observe(0).Alpha; math.Abs(got-0.25) > 0.005 {
		t.Errorf("alpha %v with a quarter marked", got)
	}
}

// alpha changes once per window, not with each acknowledgement.
func TestDCTCPUpdatesOncePerWindow(t *testing.T) {
	c := joined(t, "dctcp", 20, 10)
	for i := range 10 {
		a := ackOf(mss, 20*mss, sim.Millisecond)
		a.Una, a.Nxt = uint64(i), 20
		c.OnAck(0, 0, &a)
	}
	if got := c.Observe(0).Alpha; got != 1-1.0/16 {
		t.Errorf("alpha %v after the first window only", got)
	}
}

// In Linux alpha below 16 vanishes at once (min_not_zero); without marks it does reach 0.
func TestDCTCPSmallAlpha(t *testing.T) {
	c := joined(t, "dctcp", 20, 10, Setting{"mode", 1}, Setting{"alpha_on_init", 15.0 / 1024})
	a := ackOf(mss, 20*mss, sim.Millisecond)
	c.OnAck(0, 0, &a)
	if got := c.Observe(0).Alpha; got != 0 {
		t.Errorf("alpha %v", got)
	}
	c.Reduce(0, 0, ECNEcho)
	check(t, c, "no marks of late", 20*mss, 20*mss)
}

// RFC 8257 section 3.5: a loss halves whatever alpha is. ECN is asked for.
func TestDCTCPLoss(t *testing.T) {
	c := joined(t, "dctcp", 20, 10, Setting{"alpha_on_init", 0})
	c.OnLoss(0, 0, Loss{Nxt: 5})
	check(t, c, "loss", 10*mss, 10*mss)
	if !TraitsOf(c).ExactECN || TraitsOf(must(t, "reno")).ExactECN {
		t.Error("ECN is asked for by the wrong controller")
	}
}
