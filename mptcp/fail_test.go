package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// run is a piece of a stream that was read: n bytes with true offsets from off on.
type readRun struct {
	off uint64
	n   int64
}

// readAll reads what an idle application has waiting, neighbours joined.
func (w *world) readAll(h *host, a *app) (runs []readRun) {
	for {
		off, n := h.ep.Read(w.now, a.conn, 1<<40)
		if n == 0 {
			return runs
		}
		if k := len(runs); k > 0 && runs[k-1].off+uint64(runs[k-1].n) == off {
			runs[k-1].n += n
			continue
		}
		runs = append(runs, readRun{off, n})
	}
}

// failWorld is a download on one path with checksums, and 20 kB the other way.
func failWorld(t tester, client, server *Profile, size int64) (w *world, cli, srv *app) {
	w = checksumWorld(t, ChecksumRequired, ChecksumRequired, 10*ms)
	w.profile, w.served = client, server
	w.paths[0][1].rate, w.paths[0][1].limit = 20*sim.MegabitPerSecond, 60
	w.start()
	srv = &app{toWrite: size}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.idle = true
	w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) == 1 })
	return w, cli, srv
}

// TestSection3_7FailureOnOnlySubflow is the special case of RFC 8684 section 3.7: one
// subflow, contiguous data, a box that changes the length of one segment. The
// receiver answers with MP_FAIL on an ACK and the sender with MP_FAIL and one
// infinite mapping, that begins with the first byte not DATA_ACKed. Then both
// directions are TCP: what is read is what the box made of the stream, in full,
// and everything ends by FINs. (Linux 6.18 stalls here; that is not copied.)
//
// row:C7 rfc8684:3.7-9
func TestSection3_7FailureOnOnlySubflow(t *testing.T) {
	const size = 600_000
	for _, name := range []string{"linux", "rfc"} {
		for by := -3; by <= 3; by++ {
			w, cli, srv := failWorld(t, ProfileByName(name), ProfileByName(name), size)
			z := &resize{nth: 100, by: by}
			w.paths[0][1].box, w.paths[0][0].box = z.forward, z.reverse
			w.runTo(sim.Time(150 * ms))
			cli.toWrite = 20_000
			w.flush(w.client)
			w.runTo(sim.Time(3 * sim.Second))
			if cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 || srv.off != 20_000 || srv.bad != 0 {
				t.Fatalf("%s %+d: client %v, server %v, read %d\n%s", name, by, cli.events, srv.events, srv.off, w.dump(40))
			}
			at := w.failedAt(z)
			runs := w.readAll(w.client, cli)
			want := []readRun{{0, at.off}, {1<<40 + uint64(at.off), int64(at.n + by)}, {uint64(at.off) + uint64(at.n), size - at.off - int64(at.n)}}
			if len(runs) != 3 || runs[0] != want[0] || runs[1] != want[1] || runs[2] != want[2] {
				t.Errorf("%s %+d: read %v, want %v", name, by, runs, want)
			}
			w.judgeReversion(t, at.mapping)
			w.counter(w.client, "DataCsumErr", 1)
			w.counter(w.client, "InfiniteMapRx", 1)
			w.counter(w.server, "InfiniteMapTx", 1)
			cli.close, srv.close = true, true
			cli.idle = false
			w.flush(w.client)
			w.flush(w.server)
			w.until(5*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
			for _, a := range []*app{cli, srv} {
				if e := a.events[len(a.events)-1]; e.Why != trace.Graceful {
					t.Errorf("%s %+d: events %v", name, by, a.events)
				}
			}
		}
	}
}

// failedSegment is the segment that a box changed.
type failedSegment struct {
	off     int64 // in the stream
	n       int
	mapping wire.DSN // data sequence number of its mapping
}

func (w *world) failedAt(z *resize) (f failedSegment) {
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.seg.Len > 0 && r.seg.Seq == z.first {
			// The log has segments as they were sent.
			return failedSegment{int64(r.seg.Off), int(r.seg.Len), r.seg.DSN}
		}
	}
	w.t.Fatalf("no segment at %d", z.first)
	return f
}

// judgeReversion checks the exchange that turns both directions into TCP after the
// mapping from dsn on has failed at the client.
func (w *world) judgeReversion(t *testing.T, dsn wire.DSN) {
	t.Helper()
	var failed, answered, infinite bool
	acked := w.idsn(false) + 1 // highest DATA_ACK sent before
	var first wire.Segment
	for i := range w.log {
		r := &w.log[i]
		o := r.options()
		switch {
		case r.seg.Flags&(wire.RST|wire.SYN) != 0:
			if r.seg.Flags.Has(wire.RST) {
				t.Errorf("reset: %s", w.line(r))
			}
		case o.Has(wire.OptFail) && r.up:
			if !failed && o.Fail.DSN != dsn {
				t.Errorf("MP_FAIL of %d: %s", dsn, w.line(r))
			}
			if r.seg.Opt.Has(wire.HasDataAck) && r.seg.DataAck > dsn || r.seg.Len > 0 {
				t.Errorf("failed data acknowledged: %s", w.line(r))
			}
			failed = true
		case o.Has(wire.OptFail):
			if !failed {
				t.Errorf("early answer: %s", w.line(r))
			}
			answered = true
		case !r.up && r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0:
			if infinite && r.seg.DSN == first.DSN && r.seg.SSN == first.SSN {
				continue // the same again
			}
			first = r.seg
			if !answered || infinite || r.seg.DSN != acked || !o.Has(wire.OptDSSChecksum) || o.DSSChecksum != 0 {
				t.Errorf("infinite mapping, %d acknowledged: %s", acked, w.line(r))
			}
			if r.seg.SSN != uint32(acked-w.idsn(false)) {
				t.Errorf("infinite mapping is not on the line: %s", w.line(r))
			}
			infinite = true
		case !r.up && infinite:
			if r.seg.Opt.Has(wire.HasDSS) || o != nil && o.Present&mptcpOptions != 0 {
				t.Errorf("MPTCP after the infinite mapping: %s", w.line(r))
			}
		case r.up && !failed && r.seg.Opt.Has(wire.DataAck8):
			acked = max(acked, r.seg.DataAck)
		}
	}
	if !failed || !answered || !infinite {
		t.Errorf("MP_FAIL %v, answer %v, infinite mapping %v\n%s", failed, answered, infinite, w.dump(60))
	}
}

// TestFailExchangeLosses loses every combination of the first packets that carry
// MP_FAIL or the infinite mapping: both sides revert all the same, and nothing is
// missing.
//
// row:C7
func TestFailExchangeLosses(t *testing.T) {
	const size = 300_000
	for _, name := range []string{"linux", "rfc"} {
		for mask := range 64 {
			w, cli, srv := failWorld(t, ProfileByName(name), ProfileByName(name), size)
			z := &resize{nth: 100, by: 2}
			w.paths[0][1].box, w.paths[0][0].box = z.forward, z.reverse
			k := 0
			for _, d := range w.paths[0] {
				d.drop = func(_ int, _ sim.Time, s *Segment) bool {
					if !s.Opt.Has(wire.OptFail) && !(s.Segment.Opt.Has(wire.HasMap) && s.MapLen == 0) {
						return false
					}
					k++
					return k <= 6 && mask>>(k-1)&1 != 0
				}
			}
			srv.close = true
			w.runTo(sim.Time(20 * sim.Second))
			n := int64(0)
			for _, r := range w.readAll(w.client, cli) {
				n += r.n
			}
			if n != size+2 || !w.client.ep.ReadEOF(cli.conn) {
				t.Fatalf("%s mask %b: read %d, client %v, server %v\n%s", name, mask, n, cli.events, srv.events, w.dump(30))
			}
		}
	}
}

// lostPathWorld is a download over two paths in the middle of which the first path
// vanishes, and what it carried is sent again on the second, where a box then
// changes a byte.
func lostPathWorld(t *testing.T, profile string, size int64) (w *world, cli, srv *app) {
	w, cli, srv = joinedChecksums(t, profile, size)
	w.runTo(sim.Time(sim.Second))
	w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
	w.flush(w.client)
	f := w.server.ep.socks.get(srv.conn).conn.subs[0]
	f.flow.mute = true
	f.reset(w.now, rstNone, trace.Unreachable)
	f.conn.settle(w.now)
	w.paths[1][1].box = shift(40, 1)
	w.flush(w.server)
	return w, cli, srv
}

// TestSection3_7FailureNotContiguous: the only subflow left repeats what another one
// carried, so the data in flight is not contiguous and the subflow is reset with
// MP_FAIL (RFC 8684 section 3.7). The sender's data goes on over a new subflow in
// infinite mapping from the number in the MP_FAIL, or the first one missing before
// it, and the stream is whole.
//
// row:C8 rfc8684:3.7-10 rfc8684:3.7-12
func TestSection3_7FailureNotContiguous(t *testing.T) {
	const size = 4 << 20
	w, cli, srv := lostPathWorld(t, "rfc", size)
	w.finish(t, cli, srv, size)
	if failed, acked := w.judgeRejoin(t); failed < acked {
		t.Errorf("MP_FAIL with %d, %d acknowledged", failed, acked)
	}
	if srv.saw(Fallback) != 1 || cli.saw(Fallback) != 1 {
		t.Errorf("client %v, server %v", cli.events, srv.events)
	}
	cli.close = true
	w.flush(w.client)
	w.until(5*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
}

// judgeRejoin checks that the subflow of path 1 was reset with MP_FAIL, and that the
// server's data went on in one infinite mapping from the first byte that was not
// acknowledged, at the beginning of a new subflow. It returns the number in the MP_FAIL
// and that of the byte.
func (w *world) judgeRejoin(t *testing.T) (failed, acked wire.DSN) {
	t.Helper()
	var rst, infinite *record
	for i := range w.log {
		r := &w.log[i]
		switch {
		case r.up && r.seg.Flags.Has(wire.RST) && r.path == 1 && rst == nil:
			rst = r
		case rst == nil && r.up && r.seg.Opt.Has(wire.DataAck8):
			acked = max(acked, r.seg.DataAck)
		case !r.up && r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0 && infinite == nil:
			infinite = r
		case infinite != nil && !r.up && r.seg.Opt.Has(wire.HasMap) && (r.seg.DSN != infinite.seg.DSN || r.seg.SSN != infinite.seg.SSN || r.seg.MapLen != 0):
			t.Errorf("MPTCP after the infinite mapping: %s", w.line(r))
		}
	}
	if rst == nil || !rst.opt.Has(wire.OptFail|wire.OptRst) || rst.opt.Rst.Reason != 6 {
		t.Fatalf("reset %v\n%s", rst, w.dump(40))
	}
	if infinite == nil || infinite.seg.SSN != 1 || infinite.seg.DSN != acked {
		t.Fatalf("%d acknowledged, infinite mapping %v\n%s", acked, infinite, w.dump(40))
	}
	return rst.opt.Fail.DSN, acked
}

// TestChecksumFailureNotContiguousLinux: a stack that opens no subflow of its own
// accord keeps the connection for the close timeout, and no wrong byte is read.
//
// row:C8
func TestChecksumFailureNotContiguousLinux(t *testing.T) {
	w, cli, srv := lostPathWorld(t, "linux", 4<<20)
	w.until(100*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 && srv.saw(Closed) == 1 })
	if cli.bad != 0 || cli.eof {
		t.Errorf("%d bad, end of stream %v", cli.bad, cli.eof)
	}
	w.counter(w.client, "MPFailTx", 1)
	w.counter(w.server, "InfiniteMapTx", 0)
}

// TestSection3_7InfiniteMappingIsFinal: after an infinite mapping DATA_ACKs free nothing,
// joins are refused, and no MPTCP option is sent (RFC 8684 section 3.7).
//
// row:C9 rfc8684:3.7-13 rfc8684:3.7-14 rfc8684:3.7-15
func TestSection3_7InfiniteMappingIsFinal(t *testing.T) {
	w, cli, srv := failWorld(t, Linux(), RFC(), 3<<20)
	z := &resize{nth: 100, by: 1}
	forged := 0
	w.paths[0][1].box = z.forward
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if c := w.server.ep.socks.get(srv.conn).conn; c.fallback.on && !s.Opt.Has(wire.OptFail) {
			s.Segment.Opt |= wire.HasDSS | wire.HasDataAck | wire.DataAck8
			s.DataAck = c.local.absolute(c.send.next)
			forged++
		}
		return z.reverse(s)
	}
	cli.idle = false
	w.until(3*sim.Second, "reversion", func() bool { return srv.saw(Fallback) == 1 && cli.saw(Fallback) == 1 })
	f := w.server.ep.socks.get(srv.conn).conn.subs[0]
	w.until(30*sim.Second, "download", func() bool {
		if got, want := w.server.ep.Info(srv.conn).Acked, f.flow.tcp.SndUna(); got != want {
			t.Fatalf("acknowledged %d of the stream, %d of the subflow", got, want)
		}
		return cli.off == 3<<20+1
	})
	if forged < 100 {
		t.Errorf("%d DATA_ACKs forged", forged)
	}
	for _, e := range []*Endpoint{w.client.ep, w.server.ep} {
		if len(e.tokens) != 0 {
			t.Error("the connection can still be joined")
		}
	}
}

// TestInfiniteMappingPairs pairs a stack that takes an infinite mapping for the
// sender's direction only with one that reverts both, in all four ways, with data
// in both directions (survey, implementation 4, question 4.7): the transfers
// complete.
//
// row:C10
func TestInfiniteMappingPairs(t *testing.T) {
	const size = 400_000
	for pair := range 4 {
		cp, sp := RFC(), RFC()
		cp.InfiniteOneWay, sp.InfiniteOneWay = pair&1 != 0, pair&2 != 0
		cp.AnnounceFallback, sp.AnnounceFallback = false, false
		w, cli, srv := failWorld(t, cp, sp, size)
		z := &resize{nth: 60, by: 1}
		w.paths[0][1].box, w.paths[0][0].box = z.forward, z.reverse
		// The answer is lost, so that the client learns from the infinite mapping.
		w.paths[0][1].drop = func(_ int, _ sim.Time, s *Segment) bool { return s.Opt.Has(wire.OptFail) }
		w.at(sim.Time(50*ms), func() { cli.toWrite, cli.close = size, true })
		w.runTo(sim.Time(8 * sim.Second))
		n := int64(0)
		for _, r := range w.readAll(w.client, cli) {
			n += r.n
		}
		if n != size+1 || srv.off != size || srv.bad != 0 || !srv.eof {
			t.Errorf("pair %d: client read %d, server %d (%d bad)\n%s", pair, n, srv.off, srv.bad, w.dump(30))
		}
	}
}
