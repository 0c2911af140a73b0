package cc

import (
	"testing"

	"mpsim/sim"
)

// vegasRoundOf ends a round of three samples of which the smallest is rtt.
func vegasRoundOf(c Controller, nxt *uint64, rtt sim.Duration) {
	for i, d := range []sim.Duration{rtt + 5*sim.Millisecond, rtt, rtt + sim.Millisecond} {
		a := ackOf(mss, c.Window(0), d)
		a.Una = *nxt
		if i == 2 {
			a.Una++
		}
		a.Nxt = *nxt + 10
		c.OnAck(0, 0, &a)
	}
	*nxt += 10
}

// vegasBase shows the connection a base and ends the round.
func vegasBase(c Controller, base sim.Duration) (nxt uint64) {
	a := ackOf(mss, c.Window(0), base)
	a.Una, a.CwndLimited = 1, false
	c.OnAck(0, 0, &a)
	return 1
}

// The rule of tcp_vegas.c by hand: base 100 ms, window 20, so a smallest delay of 110 ms
// is a backlog of 20*10/100 = 2 (1.99 with the microsecond that each sample gains),
// 121 ms one of 4, 126 ms one of 5.
func TestVegasAdjustment(t *testing.T) {
	const ms = sim.Millisecond
	for _, x := range []struct {
		rtt  sim.Duration
		want int64
	}{
		{100 * ms, 21}, {109 * ms, 21}, {111 * ms, 20}, {121 * ms, 20}, {124 * ms, 20}, {126 * ms, 19}, {150 * ms, 19},
	} {
		c := joined(t, "vegas", 20, 10)
		nxt := vegasBase(c, 100*ms)
		vegasRoundOf(c, &nxt, x.rtt)
		if c.Window(0) != x.want*mss {
			t.Errorf("rtt %v: window %v, want %d", x.rtt, segments(c, 0), x.want)
		}
	}
}

// Slow start ends at the first round with more than gamma in the queue: of 20 segments
// at 125 ms, floor(20*100.001/125.001) = 16 fit into the path.
func TestVegasSlowStart(t *testing.T) {
	c := joined(t, "vegas", 18, 0)
	nxt := vegasBase(c, 100*sim.Millisecond)
	a := ackOf(2*mss, 18*mss, 125*sim.Millisecond)
	c.OnAck(0, 0, &a)
	if c.Window(0) != 20*mss {
		t.Fatalf("window %v", segments(c, 0))
	}
	for range 2 {
		a = ackOf(0, 20*mss, 125*sim.Millisecond)
		a.Una = nxt
		c.OnAck(0, 0, &a)
	}
	a = ackOf(mss, 20*mss, 125*sim.Millisecond)
	a.Una, a.Nxt = nxt+1, nxt+20
	c.OnAck(0, 0, &a)
	if w := segments(c, 0); w != 17 {
		t.Errorf("window %v after slow start, want floor(20*100/125)+1", w)
	}
	if c.Observe(0).SlowStart {
		t.Error("still in slow start")
	}
}

// A round of two samples is Reno's; outside Open all is; back in Open the window is
// held by the backlog again.
func TestVegasIsRenoWithoutMeasurement(t *testing.T) {
	c := joined(t, "vegas", 10, 5)
	for i := range 10 {
		a := ackOf(mss, 10*mss, 200*sim.Millisecond)
		a.RTT = 0
		a.Una, a.Nxt = uint64(2*i+1), uint64(2*i+2)
		c.OnAck(0, 0, &a)
	}
	if c.Window(0) != 11*mss {
		t.Errorf("few samples: window %v", segments(c, 0))
	}
	c = joined(t, "vegas", 10, 5)
	for i := range 10 {
		a := ackOf(mss, 10*mss, sim.Duration(100+50*min(i, 1))*sim.Millisecond)
		a.State = Disorder
		c.OnAck(0, 0, &a)
	}
	if c.Window(0) != 11*mss {
		t.Errorf("disorder: window %v", segments(c, 0))
	}
}

// Sending after silence, and a restart after idling, forget the base: what is measured
// then is the new one.
func TestVegasForgetsBase(t *testing.T) {
	for _, how := range []string{"", "silence", "restart"} {
		c := joined(t, "vegas", 20, 10)
		nxt := uint64(0)
		vegasRoundOf(c, &nxt, 100*sim.Millisecond)
		switch how {
		case "silence":
			a := ackOf(0, 20*mss, 100*sim.Millisecond)
			a.Una, a.Nxt = nxt, nxt
			c.OnAck(0, 0, &a)
			c.OnSent(0, 0, mss)
		case "restart":
			c.OnIdleRestart(0, 0, sim.Second, 2*sim.Second)
		}
		flowOf(t, c, 0).Thresh = 5 * mss
		before := c.Window(0)
		vegasRoundOf(c, &nxt, 200*sim.Millisecond)
		vegasRoundOf(c, &nxt, 200*sim.Millisecond)
		if grown := c.Window(0) > before; grown != (how != "") {
			t.Errorf("%q: window from %d to %d", how, before, c.Window(0))
		}
	}
}
