package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestHalfClose: one side ends its stream, the other goes on; then that ends too.
//
// row:K5
func TestHalfClose(t *testing.T) {
	w := newWorld(t, 10*ms, 30*ms)
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite, cli.close = 5000, true
	w.flush(w.client)
	w.until(5*sim.Second, "server sees the end", func() bool { return srv.eof })
	if st := w.server.ep.Info(srv.conn).State; st != tcp.StateCloseWait {
		t.Errorf("server is %v", st)
	}
	w.runTo(sim.Time(10 * sim.Second))
	if st := w.client.ep.Info(cli.conn).State; st != tcp.StateFinWait2 {
		t.Errorf("client is %v", st)
	}
	srv.toWrite, srv.close = 2<<20, true
	w.flush(w.server)
	w.until(20*sim.Second, "client sees the end", func() bool { return cli.eof })
	if cli.off != 2<<20 || cli.bad != 0 {
		t.Errorf("read %d", cli.off)
	}
	for _, a := range []*app{cli, srv} {
		w.until(5*sim.Second, "closed", func() bool { return a.saw(Closed) == 1 })
		if e := a.events[len(a.events)-1]; e.Kind != Closed || e.Why != trace.Graceful {
			t.Errorf("events %v", a.events)
		}
	}
	w.settleDown(200 * sim.Second)
}

// TestSubflowFINsLast: no FIN leaves before both DATA_FINs are acknowledged, and
// every subflow gets one (RFC 8684 section 3.3.3).
//
// row:K5
func TestSubflowFINsLast(t *testing.T) {
	w, cli, srv := joinWorld(t, 1<<20)
	w.finish(t, cli, srv, 1<<20)
	w.runTo(w.now.Add(sim.Second))
	cli.close = true
	w.flush(w.client)
	w.settleDown(200 * sim.Second)
	var dataFIN [2]bool
	fins := map[[2]int]int{}
	for i := range w.log {
		r := &w.log[i]
		side := 0
		if r.up {
			side = 1
		}
		if r.seg.Opt.Has(wire.DataFIN) {
			dataFIN[side] = true
		}
		if r.seg.Flags.Has(wire.FIN) {
			fins[[2]int{side, r.path}]++
			if !dataFIN[0] || !dataFIN[1] {
				t.Errorf("early FIN: %s", w.line(r))
			}
		}
	}
	if len(fins) != 4 {
		t.Errorf("FINs by side and path: %v", fins)
	}
}

// TestDataFINLosses loses packets around the end of the connection, on both paths
// and in both directions: it still ends in order on both sides.
//
// row:B8
func TestDataFINLosses(t *testing.T) {
	for mask := range 64 {
		w, cli, srv := joinWorld(t, 300_000)
		cli.close = true
		k := 0
		for _, p := range w.paths {
			for _, d := range p {
				d.drop = func(_ int, _ sim.Time, s *Segment) bool {
					if !s.Segment.Opt.Has(wire.DataFIN) && !s.Flags.Has(wire.FIN) {
						return false
					}
					k++
					return k <= 6 && mask>>(k-1)&1 != 0
				}
			}
		}
		w.finish(t, cli, srv, 300_000)
		w.until(100*sim.Second, "closed", func() bool { return cli.saw(Closed) == 1 && srv.saw(Closed) == 1 })
		for _, a := range []*app{cli, srv} {
			if e := a.events[len(a.events)-1]; e.Why != trace.Graceful {
				t.Errorf("mask %b: %v", mask, a.events)
			}
		}
		w.settleDown(400 * sim.Second)
	}
}

// TestAbort: RST with MP_FASTCLOSE on every subflow ends the peer's connection at
// once (RFC 8684 section 3.5, as Linux sends it).
func TestAbort(t *testing.T) {
	w, cli, srv := joinWorld(t, 1<<40)
	w.runTo(sim.Time(sim.Second))
	w.client.ep.Abort(w.now, cli.conn)
	w.flush(w.client)
	w.until(sim.Second, "server notices", func() bool { return srv.saw(Closed) == 1 })
	if e := srv.events[len(srv.events)-1]; e.Why != trace.ResetReceived {
		t.Errorf("server's reason %v", e.Why)
	}
	w.counter(w.client, "MPFastcloseTx", 2)
	w.settleDown(10 * sim.Second)
}

// TestCloseUnread: Close with unread data is an abort.
func TestCloseUnread(t *testing.T) {
	w, cli, srv := joinWorld(t, 1<<40)
	cli.idle = true
	w.runTo(sim.Time(sim.Second))
	w.client.ep.Close(w.now, cli.conn)
	w.flush(w.client)
	w.until(sim.Second, "server notices", func() bool { return srv.saw(Closed) == 1 })
	w.settleDown(10 * sim.Second)
}

// TestNoSubflowLeft: a connection outlives its last subflow by the close timeout
// of 60 s, and a new subflow within it continues the stream (RFC 8684 section
// 3.3.3).
func TestNoSubflowLeft(t *testing.T) {
	for _, back := range []bool{false, true} {
		const size = 4 << 20
		w, cli, srv := joinWorld(t, size)
		w.runTo(sim.Time(sim.Second))
		for i := range 2 {
			w.client.ep.HandleAddr(w.now, clientAddr(i), false, 0)
		}
		// The server learns of it by resets of a box: here we reset its subflows.
		for _, f := range w.server.ep.socks.get(srv.conn).conn.subs {
			f.flow.mute = true
			f.reset(w.now, rstNone, trace.ResetReceived)
		}
		w.server.ep.socks.get(srv.conn).conn.settle(w.now)
		w.flush(w.client)
		w.flush(w.server)
		gone := w.now
		if !back {
			w.until(70*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 && srv.saw(Closed) == 1 })
			if d := w.now.Sub(gone); d != 60*sim.Second {
				t.Errorf("ended after %v", d)
			}
			w.settleDown(sim.Second)
			continue
		}
		w.runTo(gone.Add(30 * sim.Second))
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, 0)
		w.flush(w.client)
		w.finish(t, cli, srv, size)
	}
}
