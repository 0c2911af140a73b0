package mptcp

import (
	"slices"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// rejoinPM is testPM that opens again what has ended, a millisecond later.
type rejoinPM struct{}

func (rejoinPM) OnEvent(now sim.Time, ev PathEvent, act *PathActions) {
	switch {
	case !act.Client:
	case ev.Kind == PathSubflowDown:
		act.After(ms, 0)
	case ev.Kind == PathTimer:
		testPM{}.OnEvent(now, PathEvent{Kind: PathEstablished}, act)
	default:
		testPM{}.OnEvent(now, ev, act)
	}
}

// TestRestartLossySubflow is figure 1 of RFC 8041 (INFOCOM'14): of two good paths one
// loses 50 % from 5 to 15 s, and is as good as before then. A subflow that goes
// on holds the send buffer, so that the other stands still, too, and repeats what the
// peer has before it carries anything new; one that is reset and opened again does
// neither: the other path keeps its rate of 9.467 Mb/s, and nearly nothing is
// received twice. Of the chance of single losses, medians over several seeds are free.
//
// row:E9 row:H7
func TestRestartLossySubflow(t *testing.T) {
	const seeds = 9
	type result struct {
		during []float64 // Mb/s, for each seed of the losses
		gap    []sim.Duration
		twice  int64 // bytes that arrived on a subflow for the second time
		resets int
	}
	run := func(r *result, seed uint64, restart bool) {
		p := RFC()
		p.OutstandingPercent = 0
		w, cli, srv := newOutage(t, p, func(w *world) {
			w.opt.ResetDelivered = restart
			w.opt.SendBuffer = 2 << 20
			w.opt.PathManager = func(*sim.Rand) PathManager { return rejoinPM{} }
		})
		cli.toWrite, srv.toWrite = 1<<40, 0 // an upload: the client detects, resets and opens again
		back := sim.Time(15 * sim.Second)
		for _, d := range w.paths[0] {
			loss := lossySeed(seed, 50, sim.Time(5*sim.Second))
			d.drop = func(n int, now sim.Time, s *Segment) bool { return now < back && loss(n, now, s) }
		}
		w.arrive = func(_ *host, s *Segment) {
			if s.Flags.Has(wire.RST) && s.Opt.Has(wire.OptRst) && s.Opt.Rst.Reason == rstOutstanding {
				if r.resets++; s.Opt.Rst.Flags&wire.RstTransient == 0 {
					t.Errorf("reset with %+v", s.Opt.Rst)
				}
			}
		}
		w.runTo(sim.Time(6 * sim.Second))
		srv.gap = 0
		before := w.server.ep.Info(srv.conn).Duplicate
		r.during = append(r.during, w.rate(srv, 9*sim.Second))
		w.runTo(sim.Time(22 * sim.Second))
		r.gap = append(r.gap, srv.gap)
		r.twice += w.server.ep.Info(srv.conn).Duplicate - before
		if n := len(w.client.ep.Subflows(cli.conn, nil)); srv.bad != 0 || !restart && n > 2 {
			t.Errorf("seed %d: %d subflows, %d bad bytes", seed, n, srv.bad)
		}
	}
	var with, without result
	for seed := range uint64(seeds) {
		run(&with, seed, true)
		run(&without, seed, false)
	}
	t.Logf("with %+v, without %+v", with, without)
	for _, r := range []*result{&with, &without} {
		slices.Sort(r.during)
		slices.Sort(r.gap)
	}
	if without.resets != 0 || without.gap[seeds/2] < 3*sim.Second || without.during[seeds/2] > 0.6*9.467 {
		t.Errorf("without the rule: %+v", without)
	}
	if with.resets <= seeds/2 || with.gap[seeds/2] > 2*sim.Second || with.during[seeds/2] < 0.9*9.467 ||
		5*with.twice > without.twice {
		t.Errorf("with the rule: %+v", with)
	}
}
