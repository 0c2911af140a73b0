package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestPlainTCP moves data both ways over plain TCP sockets of the same endpoints:
// no MPTCP option, full segments of 1448 bytes, and an end by FINs.
//
// row:K1
func TestPlainTCP(t *testing.T) {
	for _, v := range []struct{ client, server Protocol }{{TCP, TCP}, {TCP, MPTCP}, {MPTCP, TCP}} {
		w := newWorld(t, 10*ms)
		w.paths[0][0].rate, w.paths[0][1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		w.options = func(h string, o *SocketOptions) {
			o.Protocol = v.client
			if h == "server" {
				o.Protocol = v.server
			}
		}
		w.start()
		srv := &app{toWrite: 1 << 20, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = 300_000, true
		w.flush(w.client)
		w.until(20*sim.Second, "streams", func() bool { return cli.eof && srv.eof })
		if cli.off != 1<<20 || srv.off != 300_000 || cli.bad+srv.bad != 0 {
			t.Errorf("%v: read %d, %d", v, cli.off, srv.off)
		}
		longest := uint16(0)
		for i := range w.log {
			r := &w.log[i]
			longest = max(longest, r.seg.Len)
			syn := r.up && r.seg.Flags.Has(wire.SYN) && v.client == MPTCP
			if !syn && (r.seg.Opt.Has(wire.HasDSS) || r.hasOpt && r.opt.Present&mptcpOptions != 0) {
				t.Errorf("%v: %s", v, w.line(r))
			}
		}
		if longest != 1448 {
			t.Errorf("%v: largest segment %d", v, longest)
		}
		w.until(sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
		for _, a := range []*app{cli, srv} {
			if e := a.events[len(a.events)-1]; e.Why != trace.Graceful {
				t.Errorf("%v: %v", v, e)
			}
		}
		w.settleDown(200 * sim.Second)
	}
}

// TestPlainInfo: what a plain connection shows.
func TestPlainInfo(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.opt.Protocol = TCP
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 5000
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	i := w.client.ep.Info(cli.conn)
	if i.Protocol != TCP || i.Written != 5000 || i.Acked != 5000 || i.Established != sim.Time(20*ms) || i.Fallback != trace.NoReason {
		t.Errorf("%+v", i)
	}
	s := w.client.ep.Subflows(cli.conn, nil)
	if len(s) != 1 || !s[0].Usable || s[0].Delivered != 5000 || s[0].SRTT == 0 || s[0].Window == 0 ||
		s[0].Tuple.Dst != netip.AddrPortFrom(serverAddr, 80) {
		t.Errorf("%+v", s)
	}
	if r := w.server.ep.Info(srv.conn); r.Received != 5000 || r.Read != 5000 {
		t.Errorf("%+v", r)
	}
	if *w.client.ep.Tuple(s[0].Socket) != s[0].Tuple || w.client.ep.Tuple(99) != nil {
		t.Error("Tuple")
	}
}

// TestClosedPort: a SYN to a port without a listener is refused, and so is a
// segment of no connection (RFC 9293 section 3.10.7.1).
func TestClosedPort(t *testing.T) {
	for _, proto := range []Protocol{TCP, MPTCP} {
		w := newWorld(t, 10*ms)
		w.opt.Protocol = proto
		w.start()
		o := w.opt
		a := &app{}
		a.conn, _ = w.client.ep.Dial(0, netip.AddrPort{}, netip.AddrPortFrom(serverAddr, 81), &o)
		w.client.apps = append(w.client.apps, a)
		w.flush(w.client)
		w.until(sim.Second, "refused", func() bool { return a.saw(Closed) == 1 })
		if e := a.events[0]; e.Kind != Closed || e.Why != trace.Refused || w.now != sim.Time(20*ms) {
			t.Errorf("%v: %v at %v", proto, a.events, w.now)
		}
		w.settleDown(sim.Second)
	}
}

// TestDialErrors: commands that cannot work say so.
func TestDialErrors(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.start()
	e := w.client.ep
	remote := netip.AddrPortFrom(serverAddr, 80)
	o := w.opt
	if _, err := e.Dial(0, netip.AddrPort{}, netip.MustParseAddrPort("[2001:db8::1]:80"), &o); err != ErrNoAddress {
		t.Errorf("no address: %v", err)
	}
	local := netip.AddrPortFrom(clientAddr(0), 4000)
	if _, err := e.Dial(0, local, remote, &o); err != nil {
		t.Error(err)
	}
	if _, err := e.Dial(0, local, remote, &o); err != ErrAddrInUse {
		t.Errorf("in use: %v", err)
	}
	if _, err := e.Listen(0, netip.AddrPortFrom(netip.Addr{}, 80), &o); err != nil {
		t.Error(err)
	}
	if _, err := e.Listen(0, netip.MustParseAddrPort("0.0.0.0:80"), &o); err != ErrAddrInUse {
		t.Errorf("in use: %v", err)
	}
	o.Scheduler = nil
	if _, err := e.Dial(0, netip.AddrPort{}, remote, &o); err == nil {
		t.Error("no scheduler was accepted")
	}
	o.Controller = nil
	if _, err := e.Dial(0, netip.AddrPort{}, remote, &o); err == nil {
		t.Error("no controller was accepted")
	}
}

// TestBacklog: a listener holds no more connections than its backlog.
func TestBacklog(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.opt.Backlog = 2
	w.start()
	w.server.accept = func() *app { return &app{} }
	for range 3 {
		w.connect()
	}
	w.runTo(sim.Time(15 * ms))
	n := 0
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.seg.Flags.Has(wire.SYN) {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d SYN/ACKs, want 2", n)
	}
	// Those that were accepted make room for the third.
	w.until(5*sim.Second, "third", func() bool { return len(w.server.apps) == 3 })
}

// TestDeterminism: the same run twice folds the same hash, another seed another.
func TestDeterminism(t *testing.T) {
	hash := func(seed uint64) trace.Hash {
		w := newWorld(t, 10*ms, 30*ms)
		w.seed = seed
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 20
		}
		w.start()
		srv := &app{toWrite: 1 << 20, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1
		w.flush(w.client)
		w.finish(t, cli, srv, 1<<20)
		return w.run.Hash()
	}
	if hash(1) != hash(1) {
		t.Error("two runs differ")
	}
	if hash(1) == hash(2) {
		t.Error("two seeds agree")
	}
}
