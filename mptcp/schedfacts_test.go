package mptcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Linux's formula of the pacing rate, ratio*window/srtt, for windows that a long fat
// path has and beyond: 10 segments of 1000 bytes in 100 ms at 120 % are 960 kb/s; 2 GB
// in 160 ms are 120 Gb/s; and what 64 bits cannot hold is cut off, not wrapped.
func TestWindowRate(t *testing.T) {
	for _, v := range []struct {
		ratio        uint64
		window, srtt int64
		want         sim.Rate
	}{
		{12, 10_000, int64(100 * ms), 960_000},
		{20, 10_000, int64(100 * ms), 1_600_000},
		{12, 2e9, int64(160 * ms), 120e9},
		{20, cc.MaxWindow, int64(sim.Second), 16 * sim.Rate(cc.MaxWindow)},
		{20, cc.MaxWindow, 1, 1 << 60},
		{12, 0, int64(ms), 0},
	} {
		if got := windowRate(v.ratio, v.window, v.srtt); got != v.want {
			t.Errorf("%+v: %d", v, int64(got))
		}
	}
}

// A subflow that has ended is not the one on which the peer sends: its number may be
// given to another one.
func TestPeerFlowEnds(t *testing.T) {
	w := newWorld(t, 10*ms, 12*ms)
	pin := &pinned{}
	w.options = func(host string, o *SocketOptions) {
		o.Scheduler = schedulerNamed("mirror")
		if host == "client" {
			o.Scheduler = func(*sim.Rand) sched.Scheduler { return pin }
		}
	}
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	for pin.flow = range cc.FlowID(2) {
		cli.toWrite = 100
		w.flush(w.client)
		w.runTo(w.now.Add(200 * ms))
	}
	c, d := w.client.ep.socks.get(cli.conn).conn, w.server.ep.socks.get(srv.conn).conn
	if d.peerFlow != 1 {
		t.Fatalf("the peer sends on %d", d.peerFlow)
	}
	c.subs[1].reset(w.now, rstNone, trace.AddressRemoved)
	c.settle(w.now)
	w.flush(w.client)
	w.runTo(w.now.Add(200 * ms))
	if len(d.alive) != 1 || d.peerFlow != sched.NoFlow {
		t.Errorf("%d subflows live, the peer sends on %d", len(d.alive), d.peerFlow)
	}
}
