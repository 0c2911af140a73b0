package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestStrippedDataAcks: a middlebox strips the DATA_ACK from a share of the ACKs, and
// sets their window to 1. DATA_ACKs are cumulative and the window counts only beside
// one (RFC 8684 section 3.3.2 and 3.3.4), so the transfer becomes slower with a
// growing share but neither stops nor falls back.
//
// row:B6
func TestStrippedDataAcks(t *testing.T) {
	last := 100.0
	for _, percent := range []int{0, 50, 80, 95, 99} {
		w := newWorld(t, 10*ms, 10*ms)
		w.keep, w.maxSteps = false, 1<<30
		w.opt.SendBuffer, w.opt.ReceiveBuffer = 4<<20, 120_000
		for _, p := range w.paths {
			n := 0
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
			p[0].box = func(s *Segment) []*Segment {
				if s.Flags.Has(wire.SYN) || s.Opt != nil && s.Opt.Present != 0 || s.Len > 0 || w.now < sim.Time(sim.Second) {
					return []*Segment{s}
				}
				if n++; n*37%100 < percent {
					s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8
					s.Window = 1
				}
				return []*Segment{s}
			}
		}
		w.start()
		srv := &app{toWrite: 1 << 40}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 17
		w.flush(w.client)
		w.runTo(sim.Time(2 * sim.Second))
		rate := w.rate(cli, 5*sim.Second)
		t.Logf("%d %% stripped: %.2f Mb/s", percent, rate)
		if cli.bad != 0 || srv.saw(Fallback)+cli.saw(Fallback) != 0 {
			t.Errorf("%d %%: %d bad bytes, fallback", percent, cli.bad)
		}
		if rate > last*1.02 || rate < 0.1 {
			t.Errorf("%d %%: %.2f Mb/s after %.2f with fewer stripped", percent, rate, last)
		}
		if percent == 0 && rate < 16 {
			t.Errorf("nothing stripped: %.2f Mb/s", rate)
		}
		if percent == 99 && rate > 5 {
			t.Errorf("nearly all stripped: %.2f Mb/s: the box does nothing", rate)
		}
		last = rate
	}
}

// TestWindowWithoutDataAck: the window of a segment counts from its DATA_ACK, so that
// of a segment that omits the DATA_ACK is not taken over (RFC 8684 section 3.3.1).
//
// rfc8684:3.3.2-3
func TestWindowWithoutDataAck(t *testing.T) {
	r := rawEstablished(t, RFC(), 100)
	r.send(wire.ACK, 101, 0, r.dss(0, 0, 0, 1))
	r.send(wire.ACK, 101, 100, func(s *Segment) {
		r.dss(101, 101, 100, 0)(s)
		s.Window = 0
	})
	r.ep.Write(r.now, r.conn, 500)
	if out := r.poll(); len(out) != 1 || out[0].Len != 500 {
		t.Errorf("%d segments with data after a window of 0 without DATA_ACK", len(out))
	}
}
