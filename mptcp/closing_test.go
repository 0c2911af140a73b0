package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestDataFINNumbers is the example of RFC 8684 section 3.3.3: a segment with DSN
// 80 and length 11 that carries a DATA_FIN maps 10 octets, and is acknowledged
// with 91.
//
// row:B8
func TestDataFINNumbers(t *testing.T) {
	s := newScripted(t)
	step := func(line string) { s.line("test", line) }
	step("+0 listen(3, 5) = 0")
	step("+0 < S 0:0(0) win 64000 <mss 1460, nop, nop, sackOK, nop, wscale 7, mpcapable v1 flags[flag_h] nokey>")
	step("+0 > S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 8, mpcapable v1 flags[flag_h] key[skey]>")
	step("+0 < . 1:1(0) ack 1 win 300 <mpcapable v1 flags[flag_h] key[ckey=7, skey]>")
	step("+0 accept(3, ..., ...) = 4")
	step("+0 < P. 1:80(79) ack 1 win 300 <dss dack8=1 dsn8=1 ssn=1 dll=79 nocs>")
	step("+0 > . 1:1(0) ack 80 <dss dack8=80 nocs>")
	step("+0 < P. 80:90(10) ack 1 win 300 <dss dack8=1 dsn8=80 ssn=80 dll=11 nocs fin>")
	step("+0 > . 1:1(0) ack 90 <dss dack8=91 nocs>")
	step("+0 read(4, ..., 1000) = 89")
	if !s.e.ReadEOF(s.conns["4"]) {
		t.Error("no end of stream")
	}
	// A DATA_FIN of our own, repeated after 0.2, 0.2, 0.4, 0.8 s (LINUX.md).
	step("+0 close(4) = 0")
	for _, after := range []string{"0", "0.2", "0.2", "0.4", "0.8"} {
		step("+" + after + " > . 1:1(0) ack 90 <dss dack8=91 dsn8=1 ssn=0 dll=1 nocs fin>")
	}
}

// TestDataFINBeforeData: a DATA_FIN that overtakes data is not acknowledged before
// the data is there, and data behind it is never read.
//
// row:B8
func TestDataFINBeforeData(t *testing.T) {
	s := newScripted(t)
	step := func(line string) { s.line("test", line) }
	step("+0 listen(3, 5) = 0")
	step("+0 < S 0:0(0) win 64000 <mss 1460, nop, nop, sackOK, nop, wscale 7, mpcapable v1 flags[flag_h] nokey>")
	step("+0 > S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 8, mpcapable v1 flags[flag_h] key[skey]>")
	step("+0 < . 1:1(0) ack 1 win 300 <mpcapable v1 flags[flag_h] key[ckey=7, skey]>")
	step("+0 accept(3, ..., ...) = 4")
	step("+0 < P. 1:11(10) ack 1 win 300 <dss dack8=1 dsn8=1 ssn=1 dll=10 nocs>")
	step("+0 > . 1:1(0) ack 11 <dss dack8=11 nocs>")
	step("+0 < . 11:11(0) ack 1 win 300 <dss dack8=1 dsn8=31 ssn=0 dll=1 nocs fin>")
	step("+0 < P. 11:21(10) ack 1 win 300 <dss dack8=1 dsn8=21 ssn=11 dll=10 nocs>")
	step("+0 > . 1:1(0) ack 21 <dss dack8=11 nocs>")
	step("+0 < P. 21:41(20) ack 1 win 300 <dss dack8=1 dsn8=31 ssn=21 dll=20 nocs>")
	step("+0 > . 1:1(0) ack 41 <dss dack8=11 nocs>")
	step("+0 < P. 41:51(10) ack 1 win 300 <dss dack8=1 dsn8=11 ssn=41 dll=10 nocs>")
	step("+0 > . 1:1(0) ack 51 <dss dack8=32 nocs>")
	step("+0 read(4, ..., 1000) = 30")
	if !s.e.ReadEOF(s.conns["4"]) {
		t.Error("no end of stream")
	}
}

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
