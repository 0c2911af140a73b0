package script

import (
	"math"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// The example CMT/RPv2 by its formula, with windows of 10 and 30 segments.
//
// At equal round-trip times the rates are as 1 : 3. A loss takes max(1/2, 40/20) of the
// first window, all but a segment, and then max(1/2, 31/60) of the second: 16 of 30. The
// first one's share of the increase is 1/15: a segment for 15 segments acknowledged.
//
// At 10 and 30 ms both have half of the rate. A loss takes max(1/2, 20/20) of the first,
// and then, of 33 segments in 30 ms, max(1/2, 33/60) of the second: 17 of 30. Of the first
// one's round-trip time both together have 1 + 13/3 segments.
//
// row:F13
func TestCMTRP(t *testing.T) {
	for _, c := range []struct {
		rtt   [2]sim.Duration
		left  [2]int64 // bytes after a loss of each, the first one first
		every int64    // bytes acknowledged to the first for a segment of growth
		alpha float64
	}{
		{[2]sim.Duration{10e6, 10e6}, [2]int64{1 * mss, 14 * mss}, 15 * mss, 1. / 15},
		{[2]sim.Duration{10e6, 30e6}, [2]int64{1 * mss, 13 * mss}, 16 * mss / 3, 3. / 16},
	} {
		ctl := cmtrp(t)
		for f := range cc.FlowID(2) {
			ctl.Join(0, f, cc.Path{MSS: mss, InitWindow: (10 + 20*int64(f)) * mss})
			ctl.OnAck(1, f, &cc.Ack{SRTT: c.rtt[f]})
		}
		for f, want := range c.left {
			ctl.OnLoss(2, cc.FlowID(f), cc.Loss{InFlight: ctl.Window(cc.FlowID(f)), Bytes: mss, Nxt: 1})
			if got := ctl.Ssthresh(cc.FlowID(f)); got != want {
				t.Errorf("%v: a loss leaves subflow %d %d bytes, want %d", c.rtt, f, got, want)
			}
		}
		before := ctl.Window(0)
		ack := cc.Ack{SRTT: c.rtt[0], CwndLimited: true, Una: 10, Nxt: 20}
		ack.Acked, ack.Delivered = c.every-10, c.every-10
		ctl.OnAck(3, 0, &ack)
		if got := ctl.Observe(0).Alpha; math.Abs(got-c.alpha) > 1e-9 {
			t.Errorf("%v: a share of %v in the increase, want %v", c.rtt, got, c.alpha)
		}
		if w := ctl.Window(0); w != before {
			t.Errorf("%v: %d bytes after %d", c.rtt, w, ack.Acked)
		}
		ack.Acked, ack.Delivered = 20, 20
		ctl.OnAck(4, 0, &ack)
		if w := ctl.Window(0); w != before+mss {
			t.Errorf("%v: %d bytes, want %d", c.rtt, w, before+mss)
		}
	}
}

// Alone it is Reno, in slow start and behind it, and after losses.
func TestCMTRPOfOnePath(t *testing.T) {
	spec, p, err := cc.Lookup("controller", cc.Specs(), "reno", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, b := cmtrp(t), spec.New(p, sim.NewRand(1, 0, "test"))
	random := sim.NewRand(2, 0, "test")
	both := func(do func(c cc.Controller)) { do(a); do(b) }
	both(func(c cc.Controller) { c.Join(0, 0, cc.Path{MSS: mss, InitWindow: 10 * mss}) })
	una := int64(0)
	for i := range sim.Time(2000) {
		una += mss
		kind := random.Uint64() % 200
		both(func(c cc.Controller) {
			c.OnAck(i, 0, &cc.Ack{Acked: mss, Delivered: mss, SRTT: 1e7, CwndLimited: true, Una: uint64(una), Nxt: uint64(una + c.Window(0))})
			loss := cc.Loss{InFlight: c.Window(0), Bytes: mss, Una: uint64(una), Nxt: uint64(una + c.Window(0))}
			switch kind {
			case 0, 1:
				c.OnLoss(i, 0, loss)
			case 2:
				c.OnTimeout(i, 0, loss)
			case 3:
				c.Reduce(i, 0, cc.ECNEcho)
			}
		})
		if a.Window(0) != b.Window(0) || a.Ssthresh(0) != b.Ssthresh(0) {
			t.Fatalf("step %d: %d and %d bytes, Reno %d and %d", i, a.Window(0), a.Ssthresh(0), b.Window(0), b.Ssthresh(0))
		}
	}
}

// cmtrp makes the controller of the example.
func cmtrp(t *testing.T) cc.Controller {
	t.Helper()
	spec, err := example(t, "cmtrp.star").Controller("file:cmtrp.star")
	if err != nil {
		t.Fatal(err)
	}
	p, err := cc.Resolve(spec.Params, nil)
	if err != nil {
		t.Fatal(err)
	}
	return spec.New(p, sim.NewRand(1, 0, "test"))
}
