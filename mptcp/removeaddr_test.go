package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// twoPaths is a download over two paths with the given profile on both sides.
func twoPaths(t *testing.T, profile *Profile, size int64) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 10*ms)
	w.profile = profile
	for _, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
	}
	w.start()
	srv = &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.until(sim.Second, "second subflow", func() bool { return cli.saw(SubflowUp) == 1 && len(w.server.apps) > 0 })
	return w, cli, srv
}

// TestRemoveAddrProbesFirst: a path whose address is withdrawn is probed; one that
// answers is kept, one that does not is reset by both sides (RFC 8684 section
// 3.4.2). An unknown id is ignored, id 0 is the initial address.
//
// row:A21 rfc8684:3.4.2-2 rfc8684:3.4.2-5
func TestRemoveAddrProbesFirst(t *testing.T) {
	for _, v := range []struct {
		id          uint8
		dead, ended bool
		known       bool
	}{
		{1, false, false, true}, {1, true, true, true}, {99, true, false, false}, {0, false, false, true},
	} {
		p := RFC()
		p.ReleaseNeedsSubflow = false
		w, cli, srv := twoPaths(t, p, 4<<20)
		path := 1
		if v.id == 0 {
			path = 0
		}
		if v.dead {
			lose := func(int, sim.Time, *Segment) bool { return true }
			w.paths[path][0].drop, w.paths[path][1].drop = lose, lose
		}
		from := len(w.log)
		w.client.ep.socks.get(cli.conn).conn.withdraw(w.now, v.id)
		w.flush(w.client)
		w.runTo(w.now.Add(30 * sim.Second))
		subs := w.server.ep.Subflows(srv.conn, nil)
		if len(subs) != 2 || (subs[path].Why == trace.AddressRemoved) != v.ended || v.ended && !subs[path].Ended {
			t.Errorf("%+v: %+v", v, subs)
		}
		keepalives, resets := w.keepalives(from, path)
		if v.ended && (keepalives != maxChecks || resets != 1) || !v.ended && resets != 0 ||
			v.known && keepalives == 0 || !v.known && keepalives != 0 {
			t.Errorf("%+v: %d keepalives, %d resets behind them", v, keepalives, resets)
		}
		w.counter(w.server, "RmAddr", 1) // as Linux counts, known or not
		w.counter(w.server, "RmAddrDrop", 0)
		if cli.off != 4<<20 || cli.bad != 0 {
			t.Errorf("%+v: %d bytes, %d bad", v, cli.off, cli.bad)
		}
	}
}

// keepalives counts the keepalives that the server has sent on a path since a place
// in the log, without payload and below what was sent already (RFC 1122 section
// 4.2.3.6), and the resets behind the first of them; one before it counts for 100.
func (w *world) keepalives(from, path int) (n, resets int) {
	var next wire.Seq
	for i := range w.log {
		r := &w.log[i]
		if r.path != path || r.up {
			continue
		}
		switch end := r.seg.Seq + wire.Seq(r.seg.Len); {
		case i >= from && r.seg.Flags.Has(wire.RST) && n == 0:
			resets += 100
		case i >= from && r.seg.Flags.Has(wire.RST):
			resets++
		case i >= from && r.seg.Flags == wire.ACK && r.seg.Len == 0 && next.After(r.seg.Seq):
			n++
		case end.After(next) || next == 0:
			next = end
			if r.seg.Flags.Has(wire.SYN) {
				next++
			}
		}
	}
	return n, resets
}

// TestRemoveAddrLost: REMOVE_ADDR is not reliable. A host that loses the address
// of a path says so on the other one; when the option is lost the peer learns it
// from its retransmission timeouts, and the stream stalls for longer.
//
// row:A21 rfc8684:3.4.2-1
func TestRemoveAddrLost(t *testing.T) {
	var gaps [2]sim.Duration
	for i, lost := range []bool{false, true} {
		p := RFC()
		p.ReleaseNeedsSubflow = false // what the dead path has sent would hold the send buffer
		w, cli, _ := twoPaths(t, p, 6<<20)
		w.runTo(w.now.Add(sim.Second))
		w.paths[0][0].drop = func(_ int, _ sim.Time, s *Segment) bool {
			return lost && s.Opt.Has(wire.OptRemoveAddr)
		}
		cli.gap = 0
		w.client.ep.HandleAddr(w.now, clientAddr(1), false, 0)
		w.flush(w.client)
		w.until(60*sim.Second, "download", func() bool { return cli.eof })
		if want := uint64(1); lost {
			w.counter(w.server, "RmAddr", 0)
		} else {
			w.counter(w.server, "RmAddr", want)
		}
		w.counter(w.client, "RmAddrTx", 1)
		gaps[i] = cli.gap
		if cli.off != 6<<20 || cli.bad != 0 {
			t.Errorf("lost %v: %d bytes, %d bad", lost, cli.off, cli.bad)
		}
	}
	if gaps[1] < gaps[0] {
		t.Errorf("the stream stalled for %v with REMOVE_ADDR and for %v without", gaps[0], gaps[1])
	}
	t.Logf("stalls of %v and %v", gaps[0], gaps[1])
}

// TestRemoveAddrLinux: Linux closes the subflows of a withdrawn address by FIN
// (remove_addr_rx.pkt), alive or not.
func TestRemoveAddrLinux(t *testing.T) {
	w, cli, srv := twoPaths(t, Linux(), 4<<20)
	w.client.ep.socks.get(cli.conn).conn.withdraw(w.now, 1)
	w.flush(w.client)
	w.runTo(w.now.Add(30 * sim.Second))
	if subs := w.server.ep.Subflows(srv.conn, nil); !subs[1].Ended || cli.off != 4<<20 {
		t.Errorf("%d bytes, %+v", cli.off, subs[1])
	}
	for i := range w.log {
		if w.log[i].path == 1 && w.log[i].seg.Flags.Has(wire.RST) && w.log[i].seg.Len == 0 && !w.log[i].up {
			t.Errorf("the server resets: %s", w.line(&w.log[i]))
		}
	}
}

// TestRemoveAddrDoesNotWait: a subflow whose address is withdrawn leaves the
// connection at once, although the peer's window lets no FIN leave and the path is
// dead, and what it carried comes on the other one. TCP gives it up in bounded time.
// That a kernel is such a peer shows TestRemoveAddr of internal/live.
func TestRemoveAddrDoesNotWait(t *testing.T) {
	const size = 4 << 20
	w, cli, srv := twoPaths(t, Linux(), size)
	cli.idle = true
	w.runTo(w.now.Add(10 * sim.Second)) // the window is closed
	if subs := w.server.ep.Subflows(srv.conn, nil); cli.off == size || subs[1].Granted == 0 {
		t.Fatalf("%d bytes read, %+v", cli.off, subs[1])
	}
	w.client.ep.socks.get(cli.conn).conn.withdraw(w.now, 1)
	w.flush(w.client)
	lose := func(_ int, _ sim.Time, s *Segment) bool { return !s.Opt.Has(wire.OptRemoveAddr) }
	w.paths[1][0].drop, w.paths[1][1].drop = lose, lose
	w.runTo(w.now.Add(100 * ms))
	if subs := w.server.ep.Subflows(srv.conn, nil); srv.saw(SubflowDown) != 1 || subs[1].Ended || subs[1].State != tcp.StateFinWait1 {
		t.Fatalf("%d subflows went down; %+v", srv.saw(SubflowDown), subs[1])
	}
	cli.idle = false
	w.flush(w.client)
	w.until(8*sim.Second, "download", func() bool { return cli.off == size })
	if cli.bad != 0 {
		t.Errorf("%d bytes are wrong", cli.bad)
	}
	w.runTo(w.now.Add(400 * sim.Second))
	for _, f := range w.server.ep.flows.slots {
		if f != nil && f.sub.id == 1 {
			t.Errorf("%v is still in %v", f.tuple, f.tcp.State())
		}
	}
	if srv.saw(SubflowDown) != 1 {
		t.Errorf("the subflow went down %d times", srv.saw(SubflowDown))
	}
}

// TestRemoveAddrSender: who withdraws an address ends its subflows from it: by a RST
// where the text is followed ("RSTs by both hosts on the affected subflow(s)", RFC
// 8684 section 3.4.2), so that keepalives of the peer meet no live end, and by FIN as
// Linux (LINUX.md, RM_ADDR). The subflow is over in bounded time at both ends, also
// where nothing passes on the path any more, and everything arrives on the other.
//
// row:A21
func TestRemoveAddrSender(t *testing.T) {
	const size = 4 << 20
	for _, p := range Profiles() {
		for _, dead := range []bool{false, true} {
			if p.Lacks != 0 {
				continue
			}
			p.ReleaseNeedsSubflow = false
			w, cli, srv := twoPaths(t, p, size)
			if dead {
				lose := func(int, sim.Time, *Segment) bool { return true }
				w.paths[1][0].drop, w.paths[1][1].drop = lose, lose
			}
			c := w.client.ep.socks.get(cli.conn).conn
			from, began := len(w.log), w.now
			c.withdraw(w.now, 1)
			c.retireLocal(w.now, 1)
			c.settle(w.now)
			w.flush(w.client)
			w.finish(t, cli, srv, size)
			rst, fin, first := 0, 0, sim.Never
			for i := from; i < len(w.log); i++ {
				r := &w.log[i]
				switch {
				case !r.up || r.path != 1:
				case r.seg.Flags.Has(wire.RST):
					rst++
				case r.seg.Flags.Has(wire.FIN):
					fin++
					first = min(first, r.at)
				}
			}
			if p.RemoveResets && (rst == 0 || fin > 0) || !p.RemoveResets && first != began {
				t.Errorf("%s, dead %v: %d RSTs, %d FINs, the first after %v", p.Name, dead, rst, fin, first.Sub(began))
			}
			w.counter(w.client, "RmSubflow", 1)
			cli.close = true
			w.flush(w.client)
			w.until(1200*sim.Second, p.Name+": end of the withdrawn subflow", func() bool {
				return len(w.client.ep.flows.names.byTuple)+len(w.server.ep.flows.names.byTuple) == 0
			})
		}
	}
}

// TestRemovedMakesRoom: a subflow that has left the connection, although its TCP
// still waits for a dead path, does not count when the peer joins from elsewhere.
func TestRemovedMakesRoom(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms, 10*ms)
	w.start()
	w.client.ep.HandleAddr(w.now, clientAddr(2), false, 0)
	w.server.ep.SetPathLimits(w.now, PathLimits{Subflows: 1})
	srv := &app{toWrite: 100_000}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.until(sim.Second, "second subflow", func() bool { return srv.saw(SubflowUp) == 1 })
	w.runTo(w.now.Add(sim.Second))
	w.client.ep.socks.get(cli.conn).conn.withdraw(w.now, 1)
	w.flush(w.client)
	lose := func(_ int, _ sim.Time, s *Segment) bool { return !s.Opt.Has(wire.OptRemoveAddr) }
	w.paths[1][0].drop, w.paths[1][1].drop = lose, lose
	w.runTo(w.now.Add(sim.Second))
	if subs := w.server.ep.Subflows(srv.conn, nil); srv.saw(SubflowDown) != 1 || subs[1].Ended {
		t.Fatalf("%d subflows went down; %+v", srv.saw(SubflowDown), subs[1])
	}
	w.client.ep.HandleAddr(w.now, clientAddr(2), true, 0)
	w.flush(w.client)
	w.runTo(w.now.Add(sim.Second))
	if srv.saw(SubflowUp) != 2 {
		t.Errorf("%d subflows came up, want 2", srv.saw(SubflowUp))
	}
}

// TestRemoveAddrBehindFIN: the FIN of a subflow comes over its own path before the
// REMOVE_ADDR over another, slower one does. The id is known: the withdrawal is no
// mistake, and the path manager hears of it, with no subflow left to close.
func TestRemoveAddrBehindFIN(t *testing.T) {
	w := newWorld(t, 80*ms, 10*ms)
	w.profile = Linux()
	heard := &hears{}
	w.start()
	srv := &app{toWrite: 1000}
	w.server.accept = func() *app { return srv }
	w.options = func(host string, o *SocketOptions) {
		if host == "server" {
			o.PathManager = func(*sim.Rand) PathManager { return heard }
		}
	}
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.until(2*sim.Second, "second subflow", func() bool { return cli.saw(SubflowUp) == 1 && cli.off == 1000 })
	c := w.client.ep.socks.get(cli.conn).conn
	c.subs[1].retire(w.now, trace.PathManagerRequest) // its FIN leaves now, on the fast path
	w.flush(w.client)
	w.runTo(w.now.Add(20 * ms))
	c.withdraw(w.now, 1)
	w.flush(w.client)
	w.runTo(w.now.Add(sim.Second))
	if len(heard.removed) != 1 || heard.removed[0].ID != 1 || heard.removed[0].Closed != 0 {
		t.Errorf("the path manager of the server heard %+v", heard.removed)
	}
	w.counter(w.server, "RmAddr", 1)
	w.counter(w.server, "RmAddrDrop", 0)
}

// hears is a path manager that keeps the withdrawals that it hears of.
type hears struct{ removed []PathEvent }

func (h *hears) OnEvent(_ sim.Time, ev PathEvent, _ *PathActions) {
	if ev.Kind == PathAddrRemoved {
		h.removed = append(h.removed, ev)
	}
}
