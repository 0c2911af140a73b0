package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// performanceWorld is a download over two paths of 10 Mb/s without an end, with
// the rule against underperforming subflows on both ends.
func performanceWorld(t *testing.T, on bool) (w *world, cli, srv *app) {
	w, cli, srv = newOutage(t, reinjecting(ReinjectOnRTO), func(w *world) { w.opt.ResetUnderperforming = on })
	for _, d := range w.paths[0] {
		d.drop = nil
	}
	return w, cli, srv
}

// lossy loses a share in percent of a direction's segments from a time on, at
// random, but no RST.
func lossy(percent uint64, from sim.Time) func(int, sim.Time, *Segment) bool {
	return lossySeed(7, percent, from)
}

func lossySeed(seed, percent uint64, from sim.Time) func(int, sim.Time, *Segment) bool {
	r := sim.NewRand(seed, 0, "loss")
	return func(_ int, now sim.Time, s *Segment) bool {
		return now >= from && r.IntN(100) < percent && !s.Flags.Has(wire.RST)
	}
}

// TestSection3_3_6Underperforming: a path of two falls to 5 % of its rate and loses 30
// % of the packets. Its subflow is reset with "Unacceptable performance" in
// MP_TCPRST, and the stream goes on at the rate of the other path: 1420 of 1500
// bytes of 10 Mb/s. Without the rule the subflow stays.
//
// rfc8684:3.3.6-3 row:B18
func TestSection3_3_6Underperforming(t *testing.T) {
	for _, on := range []bool{true, false} {
		w, cli, srv := performanceWorld(t, on)
		resets := 0
		w.arrive = func(_ *host, s *Segment) {
			if !s.Flags.Has(wire.RST) {
				return
			}
			if resets++; resets > 1 {
				return // answers to what was under way to a subflow that is gone
			}
			if !s.Opt.Has(wire.OptRst) || s.Opt.Rst.Reason != rstPerformance || s.Opt.Rst.Flags&wire.RstTransient == 0 {
				t.Errorf("reset with %+v", s.Opt)
			}
		}
		w.runTo(sim.Time(5 * sim.Second))
		d := w.paths[0][1]
		d.rate /= 20
		d.drop = lossy(30, w.now)
		w.runTo(sim.Time(21 * sim.Second)) // two windows of 5 s, begun after the fall
		subs := w.server.ep.Subflows(srv.conn, nil)
		if subs[1].Ended || subs[0].Ended != on || on != (resets > 0) {
			t.Fatalf("rule %v: ended %v and %v, %d resets", on, subs[0].Ended, subs[1].Ended, resets)
		}
		if !on {
			continue
		}
		if r := w.rate(cli, 3*sim.Second); r < 0.97*9.467 || r > 9.47 || cli.bad != 0 {
			t.Errorf("afterwards %.2f Mb/s, want 9.467; %d bad bytes", r, cli.bad)
		}
	}
}

// TestAsymmetricPathIsKept: what looks bad and is not. A path whose
// acknowledgements take 600 ms, come over 100 kb/s, or are lost by a third, keeps its
// rate; one of 5 % of the other's rate loses nothing but what its own queue drops; one that
// loses 15 % brings as much as the other;
// a silent backup is not needed; and nothing else could carry the data of a single
// silent path. None is reset, while the same connection resets a subflow whose
// data is lost (TestSection3_3_6Underperforming).
//
// row:B18
func TestAsymmetricPathIsKept(t *testing.T) {
	start := sim.Time(2 * sim.Second)
	cases := []struct {
		name  string
		least float64 // Mb/s that the path carries at least
		set   func(w *world, up, down *direction)
	}{
		{"long", 8, func(_ *world, up, down *direction) { up.delay, down.limit = 590*ms, 500 }},
		{"slow acknowledgements", 8, func(_ *world, up, _ *direction) { up.rate, up.limit = 100*sim.KilobitPerSecond, 20 }},
		{"lost acknowledgements", 8, func(_ *world, up, _ *direction) { up.drop = lossy(33, start) }},
		{"slow", 0.4, func(_ *world, _, down *direction) {
			down.rate /= 20
			down.limit = 10
		}},
		{"lossy, and as good as the other", 0.2, func(w *world, _, down *direction) {
			w.paths[1][1].rate /= 10
			w.paths[1][1].limit = 10
			down.drop = lossy(15, start)
		}},
		{"backup", 0, func(w *world, _, down *direction) {
			w.client.ep.HandleAddr(w.now, clientAddr(0), true, AddrBackup)
			down.drop = lossy(100, start)
		}},
		{"alone", 0, func(w *world, _, down *direction) {
			w.client.ep.HandleAddr(w.now, clientAddr(1), false, 0)
			down.drop = lossy(100, start)
		}},
	}
	for _, k := range cases {
		w, cli, srv := performanceWorld(t, true)
		w.runTo(start)
		k.set(w, w.paths[0][0], w.paths[0][1])
		w.flush(w.client)
		w.runTo(sim.Time(10 * sim.Second))
		before := w.server.ep.Subflows(srv.conn, nil)[0].Delivered
		w.runTo(sim.Time(30 * sim.Second))
		f := w.server.ep.Subflows(srv.conn, nil)[0]
		rate := float64(f.Delivered-before) * 8 / 20e6
		if f.Ended || rate < k.least || cli.bad != 0 {
			t.Errorf("%s: ended %v (%v), %.2f Mb/s, %d bad bytes", k.name, f.Ended, f.Why, rate, cli.bad)
		}
	}
}
