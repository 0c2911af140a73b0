package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestBackupBitIsAbsent: the addresses of both ends are backups. Who has no B bit
// neither sets it nor heeds that of the peer, in SYN and SYN/ACK of a join
// (survey, Q8.5).
//
// row:C15
func TestBackupBitIsAbsent(t *testing.T) {
	for _, v := range []struct {
		client, server *Profile
		bits           [2]bool // of the SYN, of the SYN/ACK
		seen           bool    // by the server
	}{
		{FreeBSD02(), withoutSums(LinuxOOT()), [2]bool{false, true}, true},
		{withoutSums(LinuxOOT()), FreeBSD02(), [2]bool{true, false}, false},
		{LinuxOOT(), LinuxOOT(), [2]bool{true, true}, true},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile, w.served = v.client, v.server
		w.start()
		w.client.ep.HandleAddr(0, clientAddr(1), true, AddrBackup)
		w.server.ep.HandleAddr(0, serverAddr, true, AddrBackup)
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "joined", func() bool { return cli.saw(SubflowUp) == 1 && srv.conn != 0 })
		for i := range w.log {
			if r := &w.log[i]; r.seg.Flags.Has(wire.SYN) && r.options().Has(wire.OptJoin) {
				if r.opt.Join.Backup != v.bits[b2i(!r.up)] {
					t.Errorf("%s to %s: %s", v.client.Name, v.server.Name, w.line(r))
				}
			}
		}
		if s := w.server.ep.Subflows(srv.conn, nil); len(s) != 2 || s[1].Backup != v.seen {
			t.Errorf("%s to %s: %+v", v.client.Name, v.server.Name, s)
		}
	}
}

// TestAckFallbackIsAbsent: data is acknowledged without a DATA_ACK, from the first on
// or behind one that had it. Implementations 2 and 3 ignore that, 1 goes on as TCP
// (survey, Q4.4).
//
// row:C15
func TestAckFallbackIsAbsent(t *testing.T) {
	for _, later := range []bool{false, true} {
		for _, p := range []*Profile{FreeBSD02(), IOS7(), withoutSums(LinuxOOT())} {
			w := newWorld(t, 10*ms)
			w.profile, w.served = p, withoutSums(LinuxOOT())
			w.opt.NoDelay = true // Nagle's rule would wait for the DATA_ACK
			if !later {
				w.paths[0][1].box = withoutSYN()
			}
			w.start()
			srv := &app{}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite = 1000
			w.flush(w.client)
			w.runTo(sim.Time(sim.Second))
			w.paths[0][1].box = withoutSYN()
			cli.toWrite = 5000
			w.flush(w.client)
			w.runTo(sim.Time(2 * sim.Second))
			if srv.off != 6000 || srv.bad != 0 || cli.saw(SubflowDown)+cli.saw(Closed) != 0 || cli.saw(Fallback) != b2i(p.can(AckFallback)) {
				t.Errorf("%s, later %v: %d bytes, events %v", p.Name, later, srv.off, cli.events)
			}
		}
	}
}

// TestFastCloseIsAbsent: an MP_FASTCLOSE on an ACK ends the connection of who knows
// it at once; Implementation 2 goes on until the reset that comes when nobody has
// answered (survey, Q3.5).
//
// row:C15
func TestFastCloseIsAbsent(t *testing.T) {
	for _, p := range []*Profile{FreeBSD02(), NetScaler()} {
		w := newWorld(t, 10*ms)
		w.profile, w.served = withoutSums(LinuxOOT()), p
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "data", func() bool { return srv.off == 1000 })
		w.client.ep.Abort(w.now, cli.conn)
		w.flush(w.client)
		w.runTo(w.now.Add(50 * ms))
		w.counter(w.server, "MPFastcloseRx", b2u(p.can(FastClose)))
		if srv.saw(Closed) != b2i(p.can(FastClose)) {
			t.Errorf("%s: %v", p.Name, srv.events)
		}
		w.until(100*sim.Second, "end", func() bool { return srv.saw(Closed) == 1 })
	}
}

// TestFastCloseIsNotRepeated: Implementation 3 sends one MP_FASTCLOSE and repeats it
// in no form (survey, Q3.5); who repeats it does so three times and on the RST.
//
// row:C15
func TestFastCloseIsNotRepeated(t *testing.T) {
	for _, v := range []struct {
		profile *Profile
		sent    int
	}{{IOS7(), 1}, {withoutSums(LinuxOOT()), 5}} {
		w := newWorld(t, 10*ms)
		w.profile, w.served = v.profile, withoutSums(LinuxOOT())
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "data", func() bool { return srv.off == 1000 })
		w.runTo(w.now.Add(100 * ms))
		w.paths[0][0].drop = func(int, sim.Time, *Segment) bool { return true }
		w.client.ep.Abort(w.now, cli.conn)
		w.flush(w.client)
		w.until(60*sim.Second, "state released", w.client.forgotten)
		sent, resets := 0, 0
		for i := range w.log {
			r := &w.log[i]
			sent += b2i(r.options().Has(wire.OptFastClose))
			resets += b2i(r.up && r.seg.Flags.Has(wire.RST))
		}
		if sent != v.sent || resets != 1 {
			t.Errorf("%s: MP_FASTCLOSE %d times, %d resets", v.profile.Name, sent, resets)
		}
	}
}

// TestMovingSubflowIsKept: one path is active, and breaks while nothing is in flight.
// The data that follows goes over a backup whose box takes away all options.
// Implementation 3 keeps the subflow that moves the data, goes on as TCP on it and
// closes the others (survey, Q4.3); by RFC 6824 section 3.6 it is reset, and
// nothing more arrives. The peer here does as Implementation 3 does.
//
// row:C15 row:C11
func TestMovingSubflowIsKept(t *testing.T) {
	const before, after = 300_000, 200_000
	for _, moving := range []bool{true, false} {
		w := newWorld(t, 10*ms, 20*ms)
		w.profile, w.served = IOS7(), withoutSums(LinuxOOT())
		w.served.FallBackOnMoving = true
		if !moving {
			w.profile.FallBackOnMoving = false
		}
		w.start()
		w.client.ep.HandleAddr(0, clientAddr(1), true, AddrBackup)
		for i := range w.paths {
			w.paths[i][1].rate, w.paths[i][1].limit = 10*sim.MegabitPerSecond, 50
		}
		w.paths[1][0].box, w.paths[1][1].box = afterJoin(0), afterJoin(1)
		srv := &app{toWrite: before}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.runTo(sim.Time(2 * sim.Second))
		if cli.off != before || cli.saw(SubflowUp) != 1 || cli.saw(Fallback) != 0 {
			t.Fatalf("read %d, events %v", cli.off, cli.events)
		}
		dead := func(int, sim.Time, *Segment) bool { return true }
		w.paths[0][0].drop, w.paths[0][1].drop = dead, dead
		srv.toWrite = after
		w.flush(w.server)
		w.runTo(w.now.Add(20 * sim.Second))
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(w.now.Add(5 * sim.Second))
		if !moving {
			if cli.off != before || cli.saw(Fallback) != 0 {
				t.Errorf("reset: read %d, events %v", cli.off, cli.events)
			}
			continue
		}
		if cli.off != before+after || srv.off != 1010 || cli.bad+srv.bad != 0 || cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 {
			t.Errorf("read %d and %d (%d bad), events %v, %v\n%s", cli.off, srv.off, cli.bad+srv.bad, cli.events, srv.events, w.dump(20))
		}
		i := w.client.ep.Info(cli.conn)
		subs := w.client.ep.Subflows(cli.conn, nil)
		if i.Fallback != trace.DssFallback || !subs[0].Ended || subs[1].Ended {
			t.Errorf("fallback %v, subflows %+v", i.Fallback, subs)
		}
		infinite := map[wire.Seq]bool{}
		for k := range w.log {
			if r := &w.log[k]; r.up && r.path == 1 && r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0 {
				infinite[r.seg.Seq] = true
			}
		}
		if len(infinite) != 1 {
			t.Errorf("%d infinite mappings of the client", len(infinite))
		}
	}
}
