package mptcp

import (
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
// received twice.
//
// row:E9 row:H7
func TestRestartLossySubflow(t *testing.T) {
	type result struct {
		during, after float64 // Mb/s
		gap           sim.Duration
		twice         int64 // bytes that arrived on a subflow for the second time
		resets, subs  int
	}
	run := func(restart bool) (r result) {
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
			loss := lossy(50, sim.Time(5*sim.Second))
			d.drop = func(n int, now sim.Time, s *Segment) bool { return now < back && loss(n, now, s) }
		}
		w.arrive = func(_ *host, s *Segment) {
			if s.Flags.Has(wire.RST) && s.Opt.Has(wire.OptRst) {
				if r.resets++; s.Opt.Rst.Reason != rstOutstanding || s.Opt.Rst.Flags&wire.RstTransient == 0 {
					t.Errorf("reset with %+v", s.Opt.Rst)
				}
			}
		}
		w.runTo(sim.Time(6 * sim.Second))
		srv.gap = 0
		before := w.server.ep.Info(srv.conn).Duplicate
		r.during = w.rate(srv, 9*sim.Second)
		w.runTo(sim.Time(17 * sim.Second))
		r.after = w.rate(srv, 5*sim.Second)
		r.gap, r.subs = srv.gap, len(w.client.ep.Subflows(cli.conn, nil))
		r.twice = w.server.ep.Info(srv.conn).Duplicate - before
		if srv.bad != 0 {
			t.Errorf("%d bad bytes", srv.bad)
		}
		return r
	}
	with, without := run(true), run(false)
	t.Logf("with %+v, without %+v", with, without)
	if without.resets != 0 || without.subs != 2 || without.gap < 3*sim.Second || without.during > 0.6*9.467 {
		t.Errorf("without the rule: %+v", without)
	}
	if with.resets == 0 || with.gap > 2*sim.Second || with.during < 0.9*9.467 || with.after < 17 ||
		5*with.twice > without.twice || with.subs < 3 {
		t.Errorf("with the rule: %+v", with)
	}
}
