package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestFailAnswersAreBounded: MP_FAIL is answered by MP_FAIL (RFC 8684 section 3.7), so
// two ends that have both reverted could go on answering for ever. A peer that never
// hears of the answer gets it a bounded number of times, at most one a round trip.
func TestFailAnswersAreBounded(t *testing.T) {
	const size = 400_000
	w, cli, srv := failWorld(t, RFC(), RFC(), size)
	cli.idle = false
	z := &resize{nth: 60, by: 1}
	w.paths[0][1].box = z.forward
	w.until(sim.Second, "accepted", func() bool { return srv.conn != 0 })
	c := w.server.ep.socks.get(srv.conn).conn
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if c.fallback.on && s.Len == 0 {
			o := s.Options()
			o.Present |= wire.OptFail
			o.Fail.DSN = c.local.absolute(c.send.una)
		}
		return z.reverse(s)
	}
	w.paths[0][1].drop = func(_ int, _ sim.Time, s *Segment) bool { return s.Opt.Has(wire.OptFail) }
	w.runTo(sim.Time(5 * sim.Second))
	var at []sim.Time
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.hasOpt && r.opt.Has(wire.OptFail) {
			at = append(at, r.at)
		}
	}
	if len(at) != 1+failTries {
		t.Errorf("%d MP_FAILs in answer, want %d", len(at), 1+failTries)
	}
	for i := 1; i < len(at); i++ {
		if at[i].Sub(at[i-1]) < 20*ms {
			t.Errorf("answers at %v: two in a round trip", at)
		}
	}
}

// TestFailAmidReversion: our direction has reverted because of the peer's MP_FAIL, the
// peer's data is still in mappings, and one of them fails in turn. What it covers is
// taken by its position at once, since nothing else would ever release it; the rest
// of the stream follows.
func TestFailAmidReversion(t *testing.T) {
	const down, up = 400_000, 600_000
	w, cli, srv := failWorld(t, RFC(), RFC(), down)
	cli.idle = false
	z := &resize{nth: 60, by: 1}
	w.paths[0][1].box = z.forward
	w.until(sim.Second, "accepted", func() bool { return srv.conn != 0 })
	c := w.server.ep.socks.get(srv.conn).conn
	changed := false
	w.paths[0][0].rate, w.paths[0][0].limit = 10*sim.MegabitPerSecond, 50
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if s.Len > 0 && !changed && w.log[len(w.log)-1].up && c.fallback.on {
			changed = true
			s.Off += 1 << 30
		}
		return z.reverse(s)
	}
	failed := false
	w.arrive = func(*host, *Segment) {
		failed = failed || c.fallback.on && !c.fallback.mapped && counterOf(w.server.ep, "DataCsumErr") == 1
	}
	w.at(sim.Time(50*ms), func() { cli.toWrite, cli.close = up, true })
	w.runTo(sim.Time(20 * sim.Second))
	if !changed || !failed {
		t.Fatalf("a segment changed %v, seen to fail amid the reversion %v", changed, failed)
	}
	if srv.off != up || !srv.eof || srv.bad == 0 || srv.bad > 65428 {
		t.Errorf("server read %d of %d, end of stream %v, %d wrong", srv.off, up, srv.eof, srv.bad)
	}
}

// TestFailUnansweredEndsInReset: an MP_FAIL on ACKs that never arrives is given up
// after three repetitions. What waits for the answer cannot be delivered then; the
// subflow ends by a RST with MP_FAIL as one that is not contiguous (RFC 8684 section
// 3.7), and a new subflow brings the stream in infinite mapping, whole and unchanged.
//
// row:C8
func TestFailUnansweredEndsInReset(t *testing.T) {
	const size = 400_000
	w, cli, srv := failWorld(t, RFC(), RFC(), size)
	cli.idle = false
	w.paths[0][1].box = shift(60, 1)
	sent := 0
	w.paths[0][0].drop = func(_ int, _ sim.Time, s *Segment) bool {
		if s.Opt.Has(wire.OptFail) && !s.Flags.Has(wire.RST) {
			sent++
			return true
		}
		return false
	}
	w.runTo(sim.Time(40 * sim.Second))
	var rst *record
	for i := range w.log {
		if r := &w.log[i]; r.up && r.seg.Flags.Has(wire.RST) && rst == nil {
			rst = r
		}
	}
	if rst == nil || !rst.opt.Has(wire.OptFail|wire.OptRst) || rst.opt.Rst.Reason != rstMiddlebox || sent < failTries {
		t.Fatalf("%d MP_FAILs lost, then %+v", sent, rst)
	}
	if cli.off != size || cli.bad != 0 || cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 {
		t.Errorf("read %d of %d, %d wrong, %v, %v", cli.off, size, cli.bad, cli.events, srv.events)
	}
}
