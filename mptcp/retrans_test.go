package mptcp

import (
	"slices"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// payloads returns the segments with payload that the server sent on a path since
// a time.
func (w *world) payloads(path int, since sim.Time) (out []*record) {
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.path == path && r.seg.Len > 0 && r.at >= since {
			out = append(out, r)
		}
	}
	return out
}

// answered is a connection over two paths of 20 ms round-trip time, idle after a
// small exchange in both directions, whose first path then goes silent or
// whatever break does.
func answered(t *testing.T, p *Profile, breaks func(w *world)) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 10*ms)
	w.profile = p
	w.opt.Scheduler = kernelScheduler
	w.start()
	srv = &app{toWrite: 1000}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 100
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	if cli.off != 1000 || len(w.server.ep.Subflows(srv.conn, nil)) != 2 {
		t.Fatalf("%d bytes, %d subflows", cli.off, len(w.server.ep.Subflows(srv.conn, nil)))
	}
	breaks(w)
	srv.toWrite = 1000
	w.flush(w.server)
	return w, cli, srv
}

// TestRetransBeforeRTO: a segment lost on one path is sent again on the other
// 200 ms later, before the first path's own timeout of about 225 ms (seen on
// Linux 6.18), counted as MPTCPRetrans.
func TestRetransBeforeRTO(t *testing.T) {
	p := Linux()
	p.TCP.TLP = false
	w, cli, _ := answered(t, p, func(w *world) {
		w.paths[0][1].drop = func(int, sim.Time, *Segment) bool { return true }
	})
	from := w.now
	w.runTo(from.Add(250 * ms))
	first, second := w.payloads(0, from), w.payloads(1, from)
	if len(first) != 2 || len(second) != 1 {
		t.Fatalf("%d segments on the first path, %d on the second\n%s", len(first), len(second), w.dump(20))
	}
	if d := second[0].at.Sub(from); d < 199*ms || d > 201*ms {
		t.Errorf("sent again after %v, want 200 ms", d)
	}
	if d := first[1].at.Sub(from); d < 215*ms || d > 235*ms {
		t.Errorf("own timeout after %v, want about 225 ms", d)
	}
	if first[0].seg.DSN != second[0].seg.DSN || second[0].seg.MapLen != 1000 {
		t.Errorf("DSN %d+%d, sent again %d+%d", first[0].seg.DSN, first[0].seg.MapLen, second[0].seg.DSN, second[0].seg.MapLen)
	}
	w.counter(w.server, "MPTCPRetrans", 1)
	if cli.off != 2000 || cli.bad != 0 {
		t.Errorf("%d bytes, %d bad", cli.off, cli.bad)
	}
}

// lostBehindBox is a download of 2000 bytes whose first segments, lose of them, a
// middlebox acknowledges and loses.
func lostBehindBox(t *testing.T, profile *Profile, lose int) (w *world, cli, srv *app) {
	return answered(t, profile, func(w *world) {
		w.paths[0][1].box = func(s *Segment) []*Segment {
			if s.Len == 0 || lose == 0 {
				return []*Segment{s}
			}
			// What is behind the box loses it, after the box has acknowledged it.
			lose--
			ack := w.get()
			ack.Segment = wire.Segment{
				Seq: s.Ack, Ack: s.Seq + wire.Seq(s.Len), Flags: wire.ACK, Window: 0xffff, TTL: 64,
				TSVal: s.TSEcr, TSEcr: s.TSVal, Opt: s.Segment.Opt & wire.HasTS,
			}
			tuple := s.Tuple.Reverse()
			ack.Tuple, ack.Opt, ack.Socket = &tuple, nil, 0
			w.at(w.now.Add(10*ms), func() {
				w.server.ep.HandleSegment(w.now, ack)
				w.flush(w.server)
			})
			return nil
		}
	})
}

// TestRetransAcked: a middlebox acknowledges data and loses it. The subflow has
// nothing left to repair, but no DATA_ACK comes: the connection-level timer sends
// the same data again after 200 ms, with a new subflow sequence number if on the
// same subflow (seen on Linux 6.18; RFC 8684 section 3.3.6).
//
// row:B16
func TestRetransAcked(t *testing.T) {
	for _, profile := range []*Profile{Linux(), RFC(), LinuxOOT()} {
		w, cli, _ := lostBehindBox(t, profile, 1)
		from := w.now
		w.runTo(from.Add(5 * sim.Second))
		all := append(w.payloads(0, from), w.payloads(1, from)...)
		if cli.off != 2000 || cli.bad != 0 {
			t.Errorf("%s: %d bytes, %d bad\n%s", profile.Name, cli.off, cli.bad, w.dump(20))
		}
		if len(all) < 2 {
			t.Fatalf("%s: %d segments", profile.Name, len(all))
		}
		if d := all[1].at.Sub(from); profile.Name == "linux" && (d < 199*ms || d > 201*ms) {
			t.Errorf("sent again after %v, want 200 ms", d)
		}
		if all[0].path == all[1].path && all[0].seg.SSN == all[1].seg.SSN || all[0].seg.DSN != all[1].seg.DSN {
			t.Errorf("%s: SSN %d and %d, DSN %d and %d", profile.Name, all[0].seg.SSN, all[1].seg.SSN, all[0].seg.DSN, all[1].seg.DSN)
		}
	}
}

// TestStale: the outage of the kernel measurements. The silent subflow becomes
// stale after five expiries without progress, its data goes over the other path,
// and it recovers when its own timeout reaches the peer again.
func TestStale(t *testing.T) {
	for _, limit := range []int{4, 0} {
		p := Linux()
		p.StaleLossCount = limit
		w, cli, srv := outageWorld(t, p, false)
		w.opt.Scheduler = kernelScheduler
		stale := func() uint64 { return counterOf(w.server.ep, "SubflowStale") }
		w.runTo(sim.Time(9 * sim.Second))
		if limit == 0 {
			if stale() != 0 {
				t.Errorf("%d stale subflows with detection off", stale())
			}
			continue
		}
		if stale() != 1 {
			t.Errorf("SubflowStale %d, want 1", stale())
		}
		// 1420/1500 of 10 Mb/s.
		if r := w.rate(cli, 5*sim.Second); r < 0.97*9.467 || r > 9.47 {
			t.Errorf("during the outage %.2f Mb/s, want 9.467", r)
		}
		if c := counterOf(w.server.ep, "SubflowRecover"); c != 0 {
			t.Errorf("recovered during the outage: %d", c)
		}
		w.runTo(sim.Time(25 * sim.Second))
		w.counter(w.server, "SubflowRecover", 1)
		if cli.bad != 0 {
			t.Errorf("%d bad bytes", cli.bad)
		}
		if i := w.server.ep.Info(srv.conn); i.ConnTimeouts == 0 && i.Reinjected == 0 {
			t.Error("nothing was sent again")
		}
	}
}

// TestRetransDeliveredBackoff: the connection-level timer of the out-of-tree stack is
// twice the largest RTO of the subflows, and doubles while no data is acknowledged
// (ALGORITHMS B10). A middlebox strips the DATA_ACKs.
func TestRetransDeliveredBackoff(t *testing.T) {
	w, cli, srv := answered(t, LinuxOOT(), func(w *world) {
		for _, p := range w.paths {
			p[0].box = func(s *Segment) []*Segment {
				s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8
				return []*Segment{s}
			}
		}
	})
	from, rto := w.now, sim.Duration(0)
	for _, f := range w.server.ep.socks.get(srv.conn).conn.subs {
		rto = max(rto, f.flow.tcp.RTO())
	}
	w.runTo(from.Add(10 * sim.Second))
	var at []sim.Duration
	for _, r := range append(w.payloads(0, from), w.payloads(1, from)...) {
		at = append(at, r.at.Sub(from))
	}
	slices.Sort(at)
	// The first copy is due 2 RTO behind the data, the next ones 4 and 8 RTO later. The RTO
	// moves with the samples that the copies bring.
	if len(at) < 4 || cli.off != 2000 {
		t.Fatalf("%d bytes, segments at %v", cli.off, at)
	}
	for i, n := range []sim.Duration{2, 4, 8} {
		if d := at[i+1] - at[i]; d < n*rto*98/100 || d > n*rto*102/100 {
			t.Errorf("copy %d after %v, want %d times the RTO of %v", i+1, d, n, rto)
		}
	}
}

// TestFailureDetection: a path falls silent at 5 s while it carries data. The
// out-of-tree stack gives it up with its first RTO; upstream waits for the fifth expiry of
// the connection-level timer without a sign of life, each of 200 ms at least: one to two
// seconds and more (ALGORITHMS section 0, item 8).
func TestFailureDetection(t *testing.T) {
	for _, v := range []struct {
		p           *Profile
		least, most sim.Duration
	}{{LinuxOOT(), 200 * ms, 600 * ms}, {Linux(), sim.Second, 3 * sim.Second}} {
		w, _, srv := outageWorld(t, v.p, false)
		if v.p.StaleLossCount > 0 {
			w.opt.Scheduler = kernelScheduler
		}
		w.runTo(sim.Time(5 * sim.Second))
		subs := w.server.ep.socks.get(srv.conn).conn.subs
		for w.now < sim.Time(9*sim.Second) && !subs[0].stale && (v.p.StaleLossCount > 0 || !subs[0].failed) {
			w.runTo(w.now.Add(ms))
		}
		if d := w.now.Sub(sim.Time(5 * sim.Second)); d < v.least || d > v.most {
			t.Errorf("%s: given up after %v, want %v to %v", v.p.Name, d, v.least, v.most)
		} else {
			t.Logf("%s: given up after %v", v.p.Name, d)
		}
	}
}
