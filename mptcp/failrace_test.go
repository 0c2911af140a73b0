package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// plainWorld is a connection that has fallen back because a box takes the options
// away after the handshake, but for MP_FAIL.
func plainWorld(t *testing.T, profile string) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms)
	w.profile = ProfileByName(profile)
	w.start()
	srv = &app{}
	w.server.accept = func() *app { return srv }
	strip := func(s *Segment) []*Segment {
		if !s.Flags.Has(wire.SYN) && w.now > sim.Time(25*ms) {
			s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN
			if s.Opt != nil && !s.Opt.Has(wire.OptFail) {
				s.Opt.Present &^= mptcpOptions
			}
		}
		return []*Segment{s}
	}
	w.paths[0][0].box, w.paths[0][1].box = strip, strip
	cli = w.connect()
	cli.toWrite, srv.toWrite = 5000, 5000
	w.flush(w.client)
	w.runTo(sim.Time(2 * sim.Second))
	if cli.saw(Fallback)+srv.saw(Fallback) != 2 {
		t.Fatalf("no fallback: %v, %v", cli.events, srv.events)
	}
	w.paths[0][0].box, w.paths[0][1].box = nil, nil
	return w, cli, srv
}

// TestFailBetweenPlainEnds: an MP_FAIL that reaches an endpoint which reverted for
// another reason is not answered, and one after a reversion by MP_FAIL not for ever.
func TestFailBetweenPlainEnds(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		w, _, srv := plainWorld(t, name)
		c := w.server.ep.socks.get(srv.conn).conn
		done := false
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if !done && s.Len == 0 {
				done = true
				o := s.Options()
				o.Present |= wire.OptFail
				o.Fail.DSN = c.local.absolute(c.send.una)
			}
			return []*Segment{s}
		}
		from := len(w.log)
		srv.toWrite = 1000
		w.flush(w.server)
		w.runTo(w.now.Add(60 * sim.Second))
		n := 0
		for _, r := range w.log[from:] {
			if r.hasOpt && r.opt.Has(wire.OptFail) {
				n++
			}
		}
		if !done || n > 0 {
			t.Errorf("%s: %d MP_FAILs sent", name, n)
		}
	}
}

// TestFailStreamsWhole: after an MP_FAIL on the only subflow with data both ways,
// the FIN of one side does not cut the stream of the other: an end of stream is read
// behind all of it only. Losses and several changed segments make the order of
// events vary.
func TestFailStreamsWhole(t *testing.T) {
	const size = 300_000
	for seed := uint64(1); seed <= 150; seed++ {
		r := sim.NewRand(seed, 0, "corrupt1")
		w := checksumWorld(t, ChecksumRequired, ChecksumRequired, 10*ms)
		w.profile, w.seed, w.keep = RFC(), seed, false
		left := 4
		w.paths[0][0].rate, w.paths[0][1].rate = 20*sim.MegabitPerSecond, 20*sim.MegabitPerSecond
		w.paths[0][0].limit, w.paths[0][1].limit = 60, 60
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if s.Len > 0 && left > 0 && r.Uint64()%40 == 0 {
				left--
				s.Off += 1 << 30
			}
			return []*Segment{s}
		}
		lose := func(int, sim.Time, *Segment) bool { return r.Uint64()%60 == 0 }
		w.paths[0][0].drop, w.paths[0][1].drop = lose, lose
		w.start()
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = size, true
		w.flush(w.client)
		w.runTo(sim.Time(100 * sim.Second))
		if cli.eof && cli.off != size || srv.eof && srv.off != size {
			t.Errorf("seed %d: end of stream after %d and %d of %d", seed, cli.off, srv.off, size)
		}
	}
}

// TestFailFINBeforeOurData: the peer has reverted by an infinite mapping and ended its
// direction at once, while ours still has mappings and much to send. The FIN is the
// end of the peer's stream and not that of the subflow, so that ours goes on
// without a stall to its end. How long the peer's stream is decides whether the FIN comes at that moment.
func TestFailFINBeforeOurData(t *testing.T) {
	const up = 1_500_000
	met := 0
	for down := int64(90_000); down < 300_000; down += 6000 {
		cp := RFC()
		cp.InfiniteOneWay, cp.AnnounceFallback = true, false
		w, cli, srv := failWorld(t, cp, RFC(), down)
		srv.close = true
		w.paths[0][0].rate, w.paths[0][0].limit = 10*sim.MegabitPerSecond, 50
		z := &resize{nth: 60, by: 1}
		w.paths[0][1].box, w.paths[0][0].box = z.forward, z.reverse
		// The first answers are lost, so that the client learns from the infinite mapping.
		w.paths[0][1].drop = func(_ int, now sim.Time, s *Segment) bool {
			return s.Opt.Has(wire.OptFail) && now < sim.Time(500*ms)
		}
		w.at(sim.Time(50*ms), func() { cli.toWrite, cli.close = up, true })
		c := w.client.ep.socks.get(cli.conn).conn
		w.until(20*sim.Second, "upload", func() bool {
			if f := c.subs[0]; f.raw.infinite && c.fallback.eof && !c.fallback.on && cli.toWrite > 0 {
				met++
			}
			return srv.eof
		})
		if srv.off != up || srv.bad != 0 || srv.gap > 100*ms {
			t.Errorf("download of %d: server read %d of %d, %d bad, stalled for %v", down, srv.off, up, srv.bad, srv.gap)
		}
	}
	if met == 0 {
		t.Error("no FIN before the reversion of our direction")
	}
}

// TestRejoinInfiniteLost is TestSection3_7FailureNotContiguous with a loss: the
// segment with the infinite mapping is the first one on the new subflow, and data
// without mappings overtakes it. Or a box takes the options of the first segments, as one
// that joins them does: the mapping is repeated (RFC 8684 section 3.3.1), and what comes
// before it waits. Or a box takes the DATA_ACKs out.
//
// row:C8
func TestRejoinInfiniteLost(t *testing.T) {
	const size = 4 << 20
	for _, stripped := range []int{0, 5, 1 << 20} {
		w, cli, srv := lostPathWorld(t, "rfc", size)
		lost := 0
		infinite := func(s *Segment) bool { return s.Segment.Opt.Has(wire.HasMap) && s.MapLen == 0 }
		if stripped == 0 {
			w.paths[1][1].drop = func(_ int, _ sim.Time, s *Segment) bool {
				if lost == 0 && infinite(s) {
					lost++
					return true
				}
				return false
			}
		} else {
			before := w.paths[1][1].box
			w.paths[1][1].box = func(s *Segment) []*Segment {
				switch {
				case stripped == 1<<20 && w.server.ep.socks.get(srv.conn).conn.fallback.on:
					lost++
					s.Segment.Opt &^= wire.HasDataAck | wire.DataAck8
				case infinite(s) && lost < stripped:
					lost++
					s.Segment.Opt &^= wire.HasDSS | wire.HasMap | wire.DSN8 | wire.HasDataAck | wire.DataAck8
					s.Options().Present &^= wire.OptDSSChecksum
				}
				return before(s)
			}
		}
		w.finish(t, cli, srv, size)
		if lost != max(stripped, 1) && (stripped < 1<<20 || lost == 0) {
			t.Errorf("%d infinite mappings are lost", lost)
		}
	}
}

// TestFailDuringJoin: a segment is changed while a second subflow is in its
// handshake, at every 5 ms of it. The join counts as another subflow, so that the
// first one is reset with MP_FAIL and everything is read in full and unchanged, or
// the join comes too late and both directions are TCP.
func TestFailDuringJoin(t *testing.T) {
	const size = 300_000
	for _, name := range []string{"rfc", "linux"} {
		for at := 50 * ms; at < 100*ms; at += 5 * ms {
			w := checksumWorld(t, ChecksumRequired, ChecksumRequired, 10*ms, 17*ms)
			w.profile, w.keep = ProfileByName(name), false
			for i := range w.paths {
				w.paths[i][0].rate, w.paths[i][1].rate = 20*sim.MegabitPerSecond, 20*sim.MegabitPerSecond
			}
			changed := false
			w.paths[0][1].box = func(s *Segment) []*Segment {
				if s.Len > 0 && !changed && w.now >= sim.Time(at) {
					changed = true
					s.Off += 1 << 30
				}
				return []*Segment{s}
			}
			w.start()
			srv := &app{toWrite: size, close: true}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite, cli.close = size, true
			w.flush(w.client)
			w.runTo(sim.Time(100 * sim.Second))
			if !changed || !cli.eof || cli.off != size || !srv.eof || srv.off != size || srv.bad != 0 || cli.bad > 1460 {
				t.Errorf("%s %v: client read %d (%d changed), eof %v; server %d, eof %v",
					name, at, cli.off, cli.bad, cli.eof, srv.off, srv.eof)
			}
		}
	}
}

// TestFailBothWays: segments of both directions are changed on two paths that lose
// some, with profiles mixed. Whatever happens, both ends come to an end of the
// connection, and an end of stream comes behind as many bytes as were written.
// (Before our direction only was reverted by an MP_FAIL of the peer, bytes of the
// peer were read twice: seed 82.)
func TestFailBothWays(t *testing.T) {
	const size = 300_000
	for seed := uint64(1); seed <= 120; seed++ {
		r := sim.NewRand(seed, 0, "corrupt")
		n := 1 + int(r.Uint64()%2)
		w := checksumWorld(t, ChecksumRequired, ChecksumRequired, []sim.Duration{10 * ms, 17 * ms}[:n]...)
		w.profile, w.seed, w.maxSteps = []*Profile{Linux(), RFC()}[seed&1], seed, 300_000
		left := 1 + int(r.Uint64()%4)
		for i := range w.paths {
			for _, d := range w.paths[i] {
				d.rate, d.limit = 20*sim.MegabitPerSecond, 60
				q, p := 20+r.Uint64()%60, r.Uint64()%3
				d.box = func(s *Segment) []*Segment {
					if s.Len > 0 && left > 0 && r.Uint64()%q == 0 {
						left--
						s.Off += 1 << 30
					}
					return []*Segment{s}
				}
				d.drop = func(int, sim.Time, *Segment) bool { return p > 0 && r.Uint64()%100 < p }
			}
		}
		w.start()
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = size, true
		w.flush(w.client)
		w.runTo(sim.Time(2000 * sim.Second))
		for _, a := range []*app{cli, srv} {
			if a.saw(Closed) == 0 || a.off > size || a.eof && a.off != size || a.bad > 5*1460 {
				t.Errorf("seed %d: read %d (%d changed), eof %v, %v", seed, a.off, a.bad, a.eof, a.events)
			}
		}
	}
}

// TestFailForgetsWhatWaits: with the reset by MP_FAIL of the only subflow the receiver
// forgets what waits behind the failed data, because the sender starts again with
// the first byte that is not acknowledged (RFC 8684 section 3.7).
//
// row:C8
func TestFailForgetsWhatWaits(t *testing.T) {
	w, cli, _ := lostPathWorld(t, "rfc", 4<<20)
	c := w.client.ep.socks.get(cli.conn).conn
	waited := int64(0)
	failed := func() bool { return counterOf(w.client.ep, "MPFailTx") > 0 }
	w.until(20*sim.Second, "MP_FAIL", func() bool {
		if !failed() {
			waited = c.recv.queued
		}
		return failed()
	})
	if waited == 0 || c.recv.queued != 0 {
		t.Errorf("%d bytes waited, %d wait now", waited, c.recv.queued)
	}
}

// Of two subflows the first ends by MP_FAIL, and a box takes every mapping from the second:
// TCP acknowledges what no DATA_ACK does. When a range on its own was delivered in vain, too,
// the sender resets that subflow (RFC 8684 section 3.7: data without options on a further
// subflow is a path failure), and one in infinite mapping takes the place of both, over the
// first path.
func TestSubflowInVainMakesRoom(t *testing.T) {
	const before, after = 300_000, 50_000
	w, cli, srv := joinedChecksums(t, "rfc", before)
	srv.close = false
	w.runTo(sim.Time(2 * sim.Second))
	w.paths[0][1].box = shift(0, 1)
	w.paths[1][1].box = strip(func(s *Segment) bool { return s.Len > 0 })
	c := w.server.ep.socks.get(srv.conn).conn
	srv.toWrite, srv.close = after, true
	w.flush(w.server)
	w.until(60*sim.Second, "reset", func() bool { return c.subs[0].dead && c.subs[1].dead })
	if e := srv.events[len(srv.events)-1]; e.Kind != SubflowDown || e.Flow != 1 || e.Why != trace.MiddleboxInterference || cli.off >= before+after {
		t.Errorf("the server's last event is %v, with %d bytes read", e, cli.off)
	}
	w.finish(t, cli, srv, before+after)
	if cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 || cli.saw(Closed)+srv.saw(Closed) != 0 {
		t.Errorf("end at %v, events of the server %v", w.now, srv.events)
	}
}
