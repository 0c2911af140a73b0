package mptcp

import (
	"testing"

	"mpsim/sim"
)

// TestTwoPathDownload moves data over two subflows and closes in order.
func TestTwoPathDownload(t *testing.T) {
	w := newWorld(t, 10*ms, 30*ms)
	for _, p := range w.paths {
		p[0].rate, p[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		p[0].limit, p[1].limit = 50, 50
	}
	const size = 2 << 20
	w.start()
	var srv *app
	w.server.accept = func() *app {
		srv = &app{toWrite: size, close: true, full: true}
		return srv
	}
	a := w.connect()
	w.until(10*sim.Second, "connected", func() bool { return a.saw(Connected) > 0 })
	a.toWrite = 17
	w.flush(w.client)
	w.until(20*sim.Second, "download", func() bool { return a.eof })
	if a.off != size || a.bad != 0 || srv.off != 17 || srv.bad != 0 {
		t.Fatalf("client read %d (%d bad), server %d (%d bad)", a.off, a.bad, srv.off, srv.bad)
	}
	subs := w.server.ep.Subflows(srv.conn, nil)
	if len(subs) != 2 || subs[1].Delivered < size/4 {
		t.Errorf("subflows %+v\n%s", subs, w.dump(40))
	}
	w.client.ep.Close(w.now, a.conn)
	w.flush(w.client)
	w.settleDown(200 * sim.Second)
	if a.saw(Closed) != 1 || srv.saw(Closed) != 1 {
		t.Errorf("closed events: %d, %d", a.saw(Closed), srv.saw(Closed))
	}
	if len(w.client.ep.tokens)+len(w.server.ep.tokens) != 0 {
		t.Errorf("tokens left")
	}
	if n := len(w.client.ep.timers.free); n != len(w.client.ep.timers.pos) {
		t.Errorf("%d of %d timers free", n, len(w.client.ep.timers.pos))
	}
}

// TestFirstChoiceIsLowestRTT: with room on both subflows what is written goes to
// the one with the lower round-trip time, whichever was there first (RFC 8041
// section 3.7).
//
// row:G1
func TestFirstChoiceIsLowestRTT(t *testing.T) {
	for fast, delays := range [][]sim.Duration{{10 * ms, 30 * ms}, {30 * ms, 10 * ms}} {
		w := newWorld(t, delays...)
		cli := w.connect()
		write := func() {
			cli.toWrite = 1000
			w.flush(w.client)
			w.runTo(w.now.Add(300 * ms))
		}
		write()
		before := w.client.ep.Subflows(cli.conn, nil)
		if len(before) != 2 || !before[1].Usable || before[1].SRTT == 0 {
			t.Fatalf("%+v", before)
		}
		for range 20 {
			write()
		}
		after := w.client.ep.Subflows(cli.conn, nil)
		for i := range after {
			want := uint64(0)
			if i == fast {
				want = 20_000
			}
			if got := after[i].Granted - before[i].Granted; got != want {
				t.Errorf("delays %v: subflow %d was granted %d, want %d", delays, i, got, want)
			}
		}
	}
}

// TestDataAfterTimeoutWithoutSACK: TCP without SACK stays in loss recovery when
// exactly the data sent before a timeout is acknowledged, until something newer
// is (Linux tcp_try_undo_recovery). The scheduler must give it that. Found
// against a real kernel, where the transfer stood still for ever.
func TestDataAfterTimeoutWithoutSACK(t *testing.T) {
	w := newWorld(t, 10*ms)
	p := *w.profile
	p.TCP.SACK, p.TCP.TLP = false, false
	w.profile = &p
	w.start()
	// The first half of the initial window arrives, then nothing until the
	// window is full: no duplicate ACKs.
	data := 0
	w.paths[0][0].drop = func(_ int, now sim.Time, s *Segment) bool {
		if s.Len > 0 {
			data++
		}
		return data > 5 && now < sim.Time(150*ms)
	}
	const size = 200_000
	var srv *app
	w.server.accept = func() *app { srv = &app{}; return srv }
	a := w.connect()
	a.toWrite, a.close = size, true
	w.flush(w.client)
	w.until(10*sim.Second, "all data", func() bool { return srv != nil && srv.eof })
	if srv.off != size || srv.bad != 0 {
		t.Errorf("%d bytes, %d bad", srv.off, srv.bad)
	}
	if s := w.client.ep.Subflows(a.conn, nil)[0].Stats; s.Timeouts != 1 {
		t.Errorf("%d timeouts, this is about one", s.Timeouts)
	}
}
