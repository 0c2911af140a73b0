package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestTooMuchOutstanding: one path of two goes silent. The send buffer is freed only
// when the subflow has acknowledged the data, too, so that it fills with what that
// path holds; the subflow is reset with code 0x04, the transfer goes on at the other
// path's rate, and without the rule it stands still until the path returns (RFC 8684
// sections 3.3.2 and 3.6).
//
// row:B7
func TestTooMuchOutstanding(t *testing.T) {
	for _, percent := range []int{50, 0} {
		p := RFC()
		p.OutstandingPercent = percent
		w, cli, srv := outageWorld(t, p, false)
		w.opt.SendBuffer = 4 << 20
		code := -1
		w.arrive = func(_ *host, s *Segment) {
			if s.Flags.Has(wire.RST) && s.Opt.Has(wire.OptRst) {
				code = int(s.Opt.Rst.Reason)
			}
		}
		w.paths[0][1].drop = func(_ int, now sim.Time, s *Segment) bool {
			return now >= sim.Time(5*sim.Second) && !s.Flags.Has(wire.RST)
		}
		w.runTo(sim.Time(5 * sim.Second))
		cli.gap = 0
		w.runTo(sim.Time(16 * sim.Second))
		ended := w.server.ep.Subflows(srv.conn, nil)[0].Ended
		if percent == 0 {
			if r := w.rate(cli, 2*sim.Second); ended || r > 0 {
				t.Errorf("without the rule: ended %v, %.2f Mb/s", ended, r)
			}
			continue
		}
		if !ended || code != rstOutstanding {
			t.Errorf("ended %v, code %d, want 4", ended, code)
		}
		if cli.gap > 2*sim.Second || cli.bad != 0 {
			t.Errorf("longest gap %v, %d bad bytes", cli.gap, cli.bad)
		}
		// 1420/1500 of 10 Mb/s.
		if r := w.rate(cli, 5*sim.Second); r < 0.97*9.467 || r > 9.5 {
			t.Errorf("%.2f Mb/s, want 9.467", r)
		}
	}
}
