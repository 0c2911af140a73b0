package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// dropNth drops the packets of a direction with the given ordinals.
func dropNth(set ...int) func(int, sim.Time, *Segment) bool {
	return func(n int, _ sim.Time, _ *Segment) bool {
		for _, x := range set {
			if x == n {
				return true
			}
		}
		return false
	}
}

// exchange is a way in which the client's key reaches the server (RFC 8684 figure
// in section 2.1, three cases).
type exchange struct {
	name string
	// client and server say how much each side writes, and when.
	clientData, serverData int64
	clientAt, serverAt     sim.Duration
}

var exchanges = []exchange{
	{"client sends at once", 3000, 5000, 0, 200 * ms},
	{"client sends later", 3000, 5000, 150 * ms, 200 * ms},
	{"server sends first", 3000, 5000, 3000 * ms, 0},
}

// run runs an exchange on one path with losses, and returns the network.
func (x *exchange) run(t *testing.T, up, down []int) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms)
	cli, srv = x.over(t, w, up, down)
	return w, cli, srv
}

// over runs an exchange in a network.
func (x *exchange) over(t *testing.T, w *world, up, down []int) (cli, srv *app) {
	w.paths[0][0].drop, w.paths[0][1].drop = dropNth(up...), dropNth(down...)
	w.start()
	srv = &app{}
	w.server.accept = func() *app {
		w.at(w.now.Add(x.serverAt), func() { srv.toWrite, srv.close = x.serverData, true })
		return srv
	}
	cli = w.connect()
	w.until(30*sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
	w.at(w.now.Add(x.clientAt), func() { cli.toWrite, cli.close = x.clientData, true })
	w.until(60*sim.Second, x.name, func() bool { return cli.eof && srv.eof })
	if cli.off != uint64(x.serverData) || srv.off != uint64(x.clientData) || cli.bad+srv.bad != 0 {
		t.Errorf("%s: client read %d, server %d", x.name, cli.off, srv.off)
	}
	return cli, srv
}

// TestHandshakeLosses loses each of the first packets of either direction, alone
// and in pairs, in the three ways of delivering the client's key. The connection
// stays MPTCP: the third ACK is repaired by the SYN/ACK that the server repeats,
// by the client's first data, or by both; a server that sends first does not wait for
// that data.
//
// row:A1 row:A2
func TestHandshakeLosses(t *testing.T) {
	for _, x := range exchanges {
		for i := -1; i < 6; i++ {
			for j := -1; j < 6; j++ {
				w, cli, srv := x.run(t, []int{i}, []int{j})
				if f := cli.saw(Fallback) + srv.saw(Fallback); f != 0 {
					t.Errorf("%s, lost up %d, down %d: fallback\n%s", x.name, i, j, w.dump(30))
				}
				w.counter(w.server, "MPCapableSYNRX", w.firstSYNs())
				if i == 2 && j == -1 && x.name == "server sends first" {
					w.counter(w.server, "MPCapableACKRX", 1)
				}
				if j == -1 && x.name == "server sends first" && cli.firstAt >= sim.Time(x.clientAt) {
					t.Errorf("%s, lost up %d: first data at %v", x.name, i, cli.firstAt)
				}
			}
		}
	}
}

// firstSYNs is how many connections the client opened.
func (w *world) firstSYNs() uint64 { return uint64(len(w.client.apps)) }

// TestHandshakeFirstPackets checks the options of the first packets of each
// exchange against section 3.1 and the kernel's captures.
//
// row:A1
func TestHandshakeFirstPackets(t *testing.T) {
	for _, x := range exchanges {
		w, _, _ := x.run(t, nil, nil)
		want := []struct {
			up   bool
			keys uint8
		}{{true, 0}, {false, 1}, {true, 2}}
		for i, p := range want {
			r := &w.log[i]
			if r.up != p.up || !r.hasOpt || !r.opt.Has(wire.OptCapable) || r.opt.Capable.Keys != p.keys ||
				r.opt.Capable.Version != 1 || r.opt.Capable.Flags != wire.CapableHMACSHA256 || r.seg.Len != 0 {
				t.Errorf("%s: packet %d is %s", x.name, i, w.line(r))
			}
		}
		for i := range w.log {
			r := &w.log[i]
			capable := r.hasOpt && r.opt.Has(wire.OptCapable)
			switch {
			case !r.up && r.seg.Len > 0 && capable, r.up && r.seg.Len > 0 && !r.seg.Opt.Has(wire.HasMap) && !capable:
				t.Errorf("%s: %s", x.name, w.line(r))
			case r.up && r.seg.Len > 0 && capable:
				if !r.opt.Capable.HasData || uint64(r.opt.Capable.DataLen) != uint64(x.clientData) || x.clientAt > sim.Second {
					t.Errorf("%s: %s", x.name, w.line(r))
				}
			}
		}
	}
}

// TestCrossingFirstData: both sides send first data at the same time, and the
// client's MP_CAPABLE with data arrives after its later segments, twice.
//
// row:A3
func TestCrossingFirstData(t *testing.T) {
	for _, mode := range []string{"late", "twice", "split", "lost"} {
		w := newWorld(t, 20*ms)
		n := 0
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if s.Len == 0 || !s.Opt.Has(wire.OptCapable) {
				return []*Segment{s}
			}
			n++
			switch {
			case mode == "twice":
				return []*Segment{s, clone(s)}
			case mode == "split":
				return splitSegment(s, 100)
			case mode == "lost" && n == 1:
				return nil
			}
			return []*Segment{s}
		}
		w.paths[0][0].extra = func(i int) sim.Duration {
			if mode == "late" && i == 2 {
				return 15 * ms
			}
			return 0
		}
		w.start()
		srv := &app{toWrite: 20_000, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = 20_000, true
		w.flush(w.client)
		w.until(20*sim.Second, mode, func() bool { return cli.eof && srv.eof })
		if cli.off != 20_000 || srv.off != 20_000 || cli.bad+srv.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
			t.Errorf("%s: %d %d\n%s", mode, cli.off, srv.off, w.dump(30))
		}
		w.counter(w.server, "DSSNotMatching", 0)
	}
}

// TestTokenCollision: a key whose token exists already is drawn again.
//
// row:A4
func TestTokenCollision(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.start()
	next, _ := Key(sim.NewRand(w.seed, 0, "client/keys").Uint64()).Derive()
	w.client.ep.tokens[next] = &connection{}
	a := w.connect()
	w.until(sim.Second, "connected", func() bool { return a.saw(Connected) > 0 })
	if i := w.client.ep.Info(a.conn); i.Token == next || i.Token == 0 {
		t.Errorf("token %#x", i.Token)
	}
	if n := counterOf(w.client.ep, "MPFallbackTokenInit"); n != 1 {
		t.Errorf("%d collisions", n)
	}
}

// TestNoJoinBeforeDSS: the path manager hears nothing, and no SYN with MP_JOIN
// leaves, before a DSS has been received (RFC 8684 section 3.1).
//
// row:A14
func TestNoJoinBeforeDSS(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms)
	w.start()
	a := w.connect()
	w.runTo(sim.Time(5 * sim.Second))
	if n := counterOf(w.client.ep, "MPJoinSynTx"); n != 0 {
		t.Fatalf("%d joins without any data", n)
	}
	a.toWrite = 1
	w.flush(w.client)
	w.until(sim.Second, "join", func() bool { return counterOf(w.client.ep, "MPJoinSynTx") == 1 })
	if at := w.now.Sub(sim.Time(5 * sim.Second)); at != 20*ms {
		t.Errorf("joined after %v, want one round trip", at)
	}
	seen := false
	for i := range w.log {
		r := &w.log[i]
		seen = seen || !r.up && r.seg.Opt.Has(wire.HasDSS|wire.HasDataAck)
		if r.hasOpt && r.opt.Has(wire.OptJoin) && !seen {
			t.Errorf("join before a DSS:\n%s", w.dump(20))
		}
	}
}

// TestCapableSYNsLost: after three SYNs with MP_CAPABLE the next ones go without,
// and the connection is plain TCP (Linux syn_retrans_before_tcp_fallback 2).
func TestCapableSYNsLost(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.paths[0][0].drop = func(_ int, _ sim.Time, s *Segment) bool {
		return s.Flags.Has(wire.SYN) && s.Opt.Has(wire.OptCapable)
	}
	w.start()
	srv := &app{toWrite: 1000, close: true}
	w.server.accept = func() *app { return srv }
	a := w.connect()
	a.toWrite, a.close = 500, true
	w.flush(w.client)
	w.until(20*sim.Second, "transfer", func() bool { return a.eof && srv.eof })
	w.counter(w.client, "MPCapableSYNTX", 3)
	w.counter(w.client, "MPCapableSYNTXDrop", 1)
	if a.off != 1000 || srv.off != 500 || a.saw(Fallback) != 1 {
		t.Errorf("read %d, %d", a.off, srv.off)
	}
	if r := w.client.apps[0].events[0]; r.Why != trace.MPCapableSYNTXDrop {
		t.Errorf("reason %v", r.Why)
	}
}

// TestSignalBeforeDSS: a segment with nothing but ADD_ADDR may come before the
// first DSS (RFC 8684 section 3.4.1): MPTCP options pass, so there is no reason
// to fall back.
func TestSignalBeforeDSS(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.start()
	n := 0
	w.arrive = func(to *host, s *Segment) {
		if to == w.client && !s.Flags.Has(wire.SYN) && n == 0 {
			n++
			stripAll(s)
			s.Options().Present |= wire.OptAddAddr
		}
	}
	cli := w.connect()
	cli.toWrite = 1000
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	if n != 1 || cli.saw(Fallback) != 0 || w.client.ep.Info(cli.conn).Acked != 1000 {
		t.Errorf("events %v\n%s", cli.events, w.dump(20))
	}
}

// TestThirdACKAndFirstDataLost: both packets that carry the client's key are
// lost at once, the ACK and the first data. The key still arrives, with the
// retransmission of either, and the connection stays MPTCP.
//
// row:A2
func TestThirdACKAndFirstDataLost(t *testing.T) {
	for _, x := range exchanges {
		for _, up := range [][]int{{1, 2}, {1, 2, 3}, {1, 2, 3, 4}, {1, 2, 3, 4, 5}} {
			w, cli, srv := x.run(t, up, nil)
			if f := cli.saw(Fallback) + srv.saw(Fallback); f != 0 {
				t.Errorf("%s, lost %v: fallback\n%s", x.name, up, w.dump(30))
			}
			w.counter(w.server, "MPCapableACKRX", 1)
			if !w.log[len(w.log)-1].seg.Opt.Has(wire.HasDataAck) {
				t.Errorf("%s, lost %v: not MPTCP at the end: %s", x.name, up, w.line(&w.log[len(w.log)-1]))
			}
		}
	}
}

// TestNoJoinOfHalfOpen: the side that was opened refuses a join while it has
// received no DSS and no data with its key, although the third ACK has told it
// both keys (RFC 8684 section 3.1): with reason 3, after the third packet of the
// join as Linux does or at once.
//
// row:A14
func TestNoJoinOfHalfOpen(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = ProfileByName(name)
		w.start()
		w.server.accept = func() *app { return &app{} }
		cli := w.connect()
		w.runTo(sim.Time(sim.Second))
		c := w.client.ep.socks.get(cli.conn).conn
		if c.full || len(w.server.apps) != 1 {
			t.Fatalf("%s: not half open", name)
		}
		join := func() {
			c.openSubflow(w.now, netip.AddrPortFrom(clientAddr(1), 0), c.subs[0].flow.tuple.Dst, 0, false)
			w.flush(w.client)
			w.runTo(w.now.Add(sim.Second))
		}
		join()
		w.counter(w.server, "MPJoinSynRx", 1)
		if name == "linux" {
			// Linux 6.18 takes a join from the third packet on (3.2-join-before-dss.pkt).
			w.counter(w.server, "MPJoinAckRx", 1)
			w.counter(w.server, "MPJoinRejected", 0)
			continue
		}
		w.counter(w.server, "MPJoinRejected", 1)
		refused := false
		for i := range w.log {
			r := &w.log[i]
			refused = refused || r.path == 1 && !r.up && r.seg.Flags.Has(wire.RST) && r.hasOpt && r.opt.Rst.Reason == 3
		}
		if !refused || !c.subs[1].dead {
			t.Errorf("%s: the join was not refused\n%s", name, w.dump(20))
		}
		cli.toWrite = 1
		w.flush(w.client)
		w.runTo(w.now.Add(sim.Second))
		// testPM has joined meanwhile; one more is welcome, too.
		join()
		w.counter(w.server, "MPJoinRejected", 1)
	}
}
