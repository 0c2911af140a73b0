package mptcp

import (
	"net/netip"
	"runtime"
	"testing"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestFlappingAddress: an address comes and goes 10,000 times in the life of one
// connection. Neither end grows with it: records, flows, the numbers of subflows that
// plug-ins see and the heap stay below a bound, and the data goes on.
func TestFlappingAddress(t *testing.T) {
	const size = 3 << 20
	w := newWorld(t, 1*ms, 1*ms)
	w.profile, w.maxSteps = RFC(), 2_000_000
	w.start()
	srv := &app{toWrite: 10}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.until(sim.Second, "second subflow", func() bool { return cli.saw(SubflowUp) == 1 })
	w.runTo(w.now.Add(5 * ms))
	w.keep = false
	c, d := w.client.ep.socks.get(cli.conn).conn, w.server.ep.socks.get(srv.conn).conn
	steps, early := 0, int64(0)
	for i := range 10_000 {
		if i == 1000 {
			early = w.heap()
		}
		last := c.alive[len(c.alive)-1]
		last.reset(w.now, rstNone, trace.AddressRemoved)
		c.settle(w.now)
		w.flush(w.client)
		before := w.steps
		w.runTo(w.now.Add(3 * ms))
		if c.openSubflow(w.now, netip.AddrPortFrom(clientAddr(1), 0), c.subs[0].flow.tuple.Dst, 0, false) == nil {
			t.Fatalf("join %d: no port", i)
		}
		w.flush(w.client)
		w.runTo(w.now.Add(5 * ms))
		if n := w.steps - before; i == 300 {
			steps = n
		} else if i > 300 && n > steps+2 {
			t.Fatalf("join %d takes %d steps, an earlier one %d", i, n, steps)
		}
		cli.events, srv.events = cli.events[:0], srv.events[:0]
		for _, x := range []*connection{c, d} {
			if len(x.alive) != 2 || len(x.subs) > maxSubflowRecords || len(x.e.flows.slots) > maxSubflowRecords+8 || len(x.e.timers.pos) > maxSubflowRecords+8 {
				t.Fatalf("join %d: %d live, %d records, %d flows, %d timers", i, len(x.alive), len(x.subs), len(x.e.flows.slots), len(x.e.timers.pos))
			}
		}
	}
	if grown := w.heap() - early; grown > 64<<10 {
		t.Errorf("the heap has grown by %d bytes in the last 9000 joins", grown)
	}
	if len(c.subs) != maxSubflowRecords || len(d.subs) != maxSubflowRecords {
		t.Errorf("%d and %d records, want %d", len(c.subs), len(d.subs), maxSubflowRecords)
	}
	if c.aloneEver(c.subs[0]) || d.aloneEver(d.subs[0]) {
		t.Error("forgotten that there were other subflows")
	}
	srv.toWrite, srv.close = size, true
	w.flush(w.server)
	w.finish(t, cli, srv, 10+size)
	if f := c.alive[1]; f.flow.tcp.RcvNxt() == 0 {
		t.Error("the last subflow carried nothing")
	}
}

// heap returns the bytes in use, without what the driver knows of tuples.
func (w *world) heap() int64 {
	clear(w.tuples)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestRejoinAfterOtherEnded: the subflow that MP_FAIL ends is not the one that was
// opened last, whose address is gone. The new one is opened in its place, in infinite
// mapping, and the stream is whole (RFC 8684 section 3.7).
//
// row:C8
func TestRejoinAfterOtherEnded(t *testing.T) {
	const size = 4 << 20
	w := checksumWorld(t, ChecksumRequired, ChecksumRequired, 10*ms, 20*ms, 30*ms)
	w.profile = RFC()
	for _, p := range w.paths {
		p[0].rate, p[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		p[0].limit, p[1].limit = 50, 50
	}
	w.start()
	srv := &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	c, d := w.client.ep.socks.get(cli.conn).conn, w.server.ep.socks.get(srv.conn).conn
	if len(c.subs) != 3 || c.subs[2].flow.tuple.Src.Addr() != clientAddr(2) {
		t.Fatalf("%d subflows", len(c.subs))
	}
	for _, i := range []int{0, 2} {
		w.client.ep.HandleAddr(w.now, clientAddr(i), false, 0)
		for _, f := range d.subs {
			if f.flow.tuple.Dst.Addr() == clientAddr(i) {
				f.flow.mute = true
				f.reset(w.now, rstNone, trace.Unreachable)
			}
		}
	}
	d.settle(w.now)
	w.flush(w.client)
	w.paths[1][1].box = shift(40, 1)
	w.flush(w.server)
	w.finish(t, cli, srv, size)
	w.judgeRejoin(t)
	if len(c.subs) != 4 || c.subs[3].flow.tuple.Src.Addr() != clientAddr(1) || !c.subs[3].again {
		t.Errorf("%d subflows", len(c.subs))
	}
}
