package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestFirstSubflowEndsWithoutData: the first subflow ends right after the handshake,
// before either side has sent data. A join afterwards is allowed or not (survey,
// implementation 3, question 4.7; RFC 8684 section 3.1 wants a DSS option first).
//
// row:C12
func TestFirstSubflowEndsWithoutData(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		p := RFC()
		p.JoinWithoutData = allowed
		w := newWorld(t, 10*ms, 20*ms)
		w.profile = p
		w.start()
		w.client.ep.HandleAddr(w.now, clientAddr(1), false, 0)
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) == 1 && srv.conn != 0 })
		w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
		f := w.server.ep.socks.get(srv.conn).conn.subs[0]
		f.flow.mute = true
		f.reset(w.now, rstNone, trace.ResetReceived)
		f.conn.settle(w.now)
		w.flush(w.client)
		w.runTo(sim.Time(5 * sim.Second))
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, 0)
		srv.toWrite, srv.close = 50_000, true
		w.flush(w.client)
		w.flush(w.server)
		w.runTo(sim.Time(20 * sim.Second))
		want := uint64(0)
		if allowed {
			want = 50_000
		}
		if cli.off != want || cli.bad != 0 || cli.eof != allowed || (cli.saw(SubflowUp) == 1) != allowed {
			t.Errorf("allowed %v: read %d, events %v\n%s", allowed, cli.off, cli.events, w.dump(20))
		}
		if !allowed {
			w.until(60*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 && srv.saw(Closed) == 1 })
		}
	}
}

// TestStrippedJoin: a box removes MP_JOIN from the SYN, so that a listener of plain
// TCP answers (RFC 8684 section 6). By the RFC the subflow is reset; a stack that keeps its control block (survey, implementation 2, question
// 4.2) has it stranded, unused, until the connection ends. The connection and the
// peer go on either way, and nothing is left in the end.
//
// row:C16
func TestStrippedJoin(t *testing.T) {
	for _, keep := range []bool{false, true} {
		p := RFC()
		p.KeepStrippedJoin = keep
		w := newWorld(t, 10*ms, 20*ms)
		w.profile, w.served = p, RFC()
		w.paths[1][0].box = strip(func(s *Segment) bool { return s.Flags.Has(wire.SYN) })
		w.start()
		srv, plain := &app{toWrite: 500_000, close: true}, &app{}
		w.server.accept = func() *app {
			if srv.conn == 0 {
				return srv
			}
			return plain
		}
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		want := 0
		if keep {
			want = 1
		}
		if n := w.client.ep.Info(cli.conn).Stranded; n != want {
			t.Errorf("keep %v: %d stranded\n%s", keep, n, w.dump(20))
		}
		if !keep {
			w.counter(w.client, "MPRstTx", 1)
		}
		w.finish(t, cli, srv, 500_000)
		if cli.saw(Fallback)+srv.saw(Fallback)+cli.saw(SubflowUp) != 0 {
			t.Errorf("keep %v: events %v", keep, cli.events)
		}
		for i := range w.log {
			if r := &w.log[i]; r.path == 1 && r.seg.Len > 0 {
				t.Errorf("keep %v: data on the subflow: %s", keep, w.line(r))
			}
		}
		cli.close = true
		w.flush(w.client)
		w.settleDown(400 * sim.Second)
		if n := len(w.client.ep.timers.pos) - len(w.client.ep.timers.free); n != 0 {
			t.Errorf("keep %v: %d timers left", keep, n)
		}
	}
}

// TestIdleConnectionIsCollected: both subflows are gone by FINs without a DATA_FIN
// and nobody comes back: a stack with a close timeout forgets the connection after
// it, one without keeps it (survey, implementation 3, question 3.3d).
//
// row:C16
func TestIdleConnectionIsCollected(t *testing.T) {
	for _, timeout := range []sim.Duration{30 * sim.Second, 1 << 50} {
		p := RFC()
		p.CloseTimeout = timeout
		w := newWorld(t, 10*ms)
		w.profile = p
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 100
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		w.client.ep.socks.get(cli.conn).conn.subs[0].closeWrite(w.now)
		w.flush(w.client)
		w.runTo(sim.Time(300 * sim.Second))
		kept := len(w.client.ep.tokens) + len(w.server.ep.tokens)
		if timeout > 300*sim.Second != (kept == 2) || timeout < 300*sim.Second && (kept != 0 || srv.events[len(srv.events)-1].Why != trace.TimedOut) {
			t.Errorf("timeout %v: %d connections kept, events %v", timeout, kept, srv.events)
		}
	}
}
