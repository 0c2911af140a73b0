package mptcp

import (
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// mptcpOptions are what a box that removes MPTCP options (kind 30) removes.
const mptcpOptions = wire.OptCapable | wire.OptJoin | wire.OptDSSChecksum | wire.OptAddAddr |
	wire.OptRemoveAddr | wire.OptPrio | wire.OptFail | wire.OptFastClose | wire.OptRst

// stripAll removes every MPTCP option from a segment.
func stripAll(s *Segment) []*Segment {
	const dss = wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN
	s.Segment.Opt &^= dss
	s.DSN, s.DataAck, s.SSN, s.MapLen = 0, 0, 0, 0
	if s.Opt != nil {
		s.Opt.Present &^= mptcpOptions
	}
	return []*Segment{s}
}

// strip removes them from the segments for which the condition holds.
func strip(cond func(s *Segment) bool) func(*Segment) []*Segment {
	return func(s *Segment) []*Segment {
		if cond(s) {
			return stripAll(s)
		}
		return []*Segment{s}
	}
}

// TestFallback removes MPTCP options where LINUX.md and RFC 8684 section 3.7 say
// what has to happen: plain TCP with the reason and the counter of the kernel on
// either side, data intact in both directions, and an end by FINs.
//
// row:C1
func TestFallback(t *testing.T) {
	always := func(*Segment) bool { return true }
	syn := func(s *Segment) bool { return s.Flags.Has(wire.SYN) }
	notSYN := func(s *Segment) bool { return !s.Flags.Has(wire.SYN) }
	for _, v := range []struct {
		name             string
		up, down         func(*Segment) bool
		client, server   trace.Reason
		cliCount, srvCnt string
	}{
		{"SYN", syn, nil, trace.MPCapableFallbackSYNACK, trace.NotOffered, "MPCapableFallbackSYNACK", ""},
		{"SYN/ACK", nil, syn, trace.MPCapableFallbackSYNACK, trace.MPCapableFallbackACK, "MPCapableFallbackSYNACK", "MPCapableFallbackACK"},
		{"third ACK and everything behind it", notSYN, nil, trace.MPCapableDataFallback, trace.MPCapableFallbackACK, "MPCapableDataFallback", "MPCapableFallbackACK"},
		{"everything but SYNs", notSYN, notSYN, trace.MPCapableDataFallback, trace.MPCapableFallbackACK, "MPCapableDataFallback", "MPCapableFallbackACK"},
		{"everything", always, always, trace.MPCapableFallbackSYNACK, trace.NotOffered, "MPCapableFallbackSYNACK", ""},
	} {
		w := newWorld(t, 10*ms)
		never := func(*Segment) bool { return false }
		if v.up == nil {
			v.up = never
		}
		if v.down == nil {
			v.down = never
		}
		w.paths[0][0].box, w.paths[0][1].box = strip(v.up), strip(v.down)
		w.start()
		srv := &app{toWrite: 100_000, close: true}
		var id ConnID
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = 50_000, true
		w.flush(w.client)
		w.until(5*sim.Second, "accept", func() bool { return srv.conn != 0 })
		id = srv.conn
		w.until(20*sim.Second, v.name, func() bool { return cli.eof && srv.eof })
		if cli.off != 100_000 || srv.off != 50_000 || cli.bad+srv.bad != 0 {
			t.Errorf("%s: read %d, %d (%d bad)\n%s", v.name, cli.off, srv.off, cli.bad+srv.bad, w.dump(40))
		}
		if got := w.client.ep.Info(w.client.ep.socks.slots[1].id).Fallback; got != v.client {
			t.Errorf("%s: client's reason %q, want %q\n%s", v.name, got, v.client, w.dump(40))
		}
		if got := w.server.ep.Info(id).Fallback; got != v.server {
			t.Errorf("%s: server's reason %q, want %q\n%s", v.name, got, v.server, w.dump(40))
		}
		w.counter(w.client, v.cliCount, 1)
		if v.srvCnt != "" {
			w.counter(w.server, v.srvCnt, 1)
		}
		w.until(5*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
		w.settleDown(200 * sim.Second)
	}
}

// TestFallbackSegments: after a fallback no MPTCP option is sent, and segments are
// as large as TCP's.
//
// row:C1
func TestFallbackSegments(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.paths[0][1].box = strip(func(s *Segment) bool { return s.Flags.Has(wire.SYN) })
	w.start()
	srv := &app{toWrite: 100_000, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	w.until(20*sim.Second, "download", func() bool { return cli.eof })
	longest := uint16(0)
	for i := range w.log {
		r := &w.log[i]
		longest = max(longest, r.seg.Len)
		if i > 1 && (r.seg.Opt.Has(wire.HasDSS) || r.hasOpt && r.opt.Present&mptcpOptions != 0) {
			t.Errorf("packet %d: %s", i, w.line(r))
		}
	}
	if longest != 1448 {
		t.Errorf("largest segment %d, want 1448", longest)
	}
}

// TestOptionsVanishOnSubflow: options removed from a joined subflow in mid-stream
// end that subflow with reason 6, and the stream stays whole (RFC 8684 section
// 3.7, capture of the kernel).
//
// row:C4 rfc8684:3.7-5
func TestOptionsVanishOnSubflow(t *testing.T) {
	for _, name := range []string{"linux", "rfc"} {
		const size = 6 << 20
		w := newWorld(t, 10*ms, 20*ms)
		w.profile = ProfileByName(name)
		w.options = func(_ string, o *SocketOptions) { o.ReceiveBuffer = 200_000 }
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
		}
		w.start()
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		w.paths[1][0].box, w.paths[1][1].box = stripAll, stripAll
		w.finish(t, cli, srv, size)
		var reset *record
		for i := range w.log {
			if r := &w.log[i]; r.path == 1 && r.seg.Flags.Has(wire.RST) && reset == nil {
				reset = r
			}
		}
		if reset == nil || !reset.up || reset.opt.Rst.Reason != 6 {
			t.Fatalf("%s: no reset with reason 6\n%s", name, w.dump(30))
		}
		held := cli.saw(SubflowDown) == 1 && counterOf(w.client.ep, "NoDSSInWindow") >= 1
		if !held {
			t.Errorf("%s: events %v", name, cli.events)
		}
		if n := counterOf(w.client.ep, "NoDSSInWindow"); name == "linux" && n != 1 || name == "rfc" && n < 100 {
			t.Errorf("%s: %d segments without a mapping", name, n)
		}
	}
}

// TestOptionsVanishOnlySubflow: in mid-stream on the only subflow there is no way
// on (RFC 8684 section 3.7): the subflow is reset, and no wrong byte is read.
//
// row:C4
func TestOptionsVanishOnlySubflow(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.paths[0][1].rate = 10 * sim.MegabitPerSecond
	w.start()
	srv := &app{toWrite: 4 << 20, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	w.paths[0][1].box = stripAll
	w.until(100*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 })
	if cli.bad != 0 || cli.eof || cli.events[len(cli.events)-1].Why != trace.TimedOut {
		t.Errorf("bad %d, events %v", cli.bad, cli.events)
	}
}

// TestCloseAfterFallback: progress is what TCP acknowledges after a fallback, so
// that the close timeout of 60 s does not cut off what a slow path takes 170 s
// for.
func TestCloseAfterFallback(t *testing.T) {
	const size = 1 << 20
	w := newWorld(t, 10*ms)
	w.keep = false
	w.paths[0][0].box, w.paths[0][1].box = stripAll, stripAll
	w.paths[0][0].rate, w.paths[0][0].limit = 50_000, 30
	w.start()
	srv := &app{close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite, cli.close, cli.full = size, true, true
	w.flush(w.client)
	w.runTo(sim.Time(600 * sim.Second))
	if srv.off != size || srv.bad != 0 || !srv.eof {
		t.Errorf("read %d of %d (%d bad)", srv.off, size, srv.bad)
	}
}

// TestFallbackBeforeAccept: the application hears of a fallback that happened
// before it accepted the connection, once, and under its ConnID.
func TestFallbackBeforeAccept(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.paths[0][0].box = strip(func(s *Segment) bool { return !s.Flags.Has(wire.SYN) })
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 100
	w.runTo(sim.Time(sim.Second))
	if srv.saw(Fallback) != 1 || srv.events[0].Kind != Fallback || w.server.ep.Info(srv.conn).Fallback == trace.NoReason {
		t.Errorf("events %v", srv.events)
	}
}

// TestUnmappedDataIsHeld: data without a mapping on a joined subflow is
// acknowledged there and held; when a receive window of it has come without a
// mapping, the subflow is reset (RFC 8684 section 3.3.1). The peer's data comes
// over the other subflow all the same.
//
// row:B4
func TestUnmappedDataIsHeld(t *testing.T) {
	const size, window = 4 << 20, 100_000
	w := newWorld(t, 10*ms, 20*ms)
	w.profile = RFC()
	w.options = func(_ string, o *SocketOptions) { o.ReceiveBuffer = window }
	for _, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
	}
	w.start()
	srv := &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	w.paths[1][1].box = stripAll
	f := w.client.ep.socks.get(cli.conn).conn.subs[1]
	most := int64(0)
	w.until(20*sim.Second, "reset", func() bool {
		if f.dead {
			return true
		}
		if f.held.bytes > most {
			most = f.held.bytes
			if got := f.flow.tcp.RcvNxt() - f.delivered(); got != uint64(most) {
				t.Fatalf("acknowledged %d bytes beyond the mapped ones, holding %d", got, most)
			}
		}
		return false
	})
	if most > window || most < window-1500 {
		t.Errorf("held at most %d bytes of a window of %d", most, window)
	}
	if f.rst != rstMiddlebox || f.why != trace.MiddleboxInterference {
		t.Errorf("reset with %d, %v", f.rst, f.why)
	}
	w.finish(t, cli, srv, size)
}

// TestCapableFlags changes the flags of MP_CAPABLE on the way. Flag B makes the
// option one to be ignored, and so do cryptographic bits without H, or an answer
// that selects more than one algorithm (RFC 8684 section 3.1): the connection is
// TCP, nothing is lost, and the next connection, with flags that are understood, is
// MPTCP again. A proposal of several algorithms, H among them, is one that we accept
// by the text of the RFC, and refuse as Linux does.
//
// row:A8 row:A10
func TestCapableFlags(t *testing.T) {
	const g, h, b = wire.CapableHMACSHA256 << 1, wire.CapableHMACSHA256, wire.CapableExtension
	for _, v := range []struct {
		name  string
		dir   int
		flags wire.CapableFlags
		tcp   bool
	}{
		{"B in the SYN", 0, b | h, true}, {"B in the SYN/ACK", 1, b | h, true},
		{"no algorithm in the SYN", 0, 0, true}, {"no algorithm in the SYN/ACK", 1, 0, true},
		{"another algorithm in the SYN", 0, g, true}, {"two algorithms in the SYN/ACK", 1, g | h, true},
		{"two algorithms in the SYN", 0, g | h, true}, {"as sent", 0, h, false},
		{"two algorithms in the SYN, rfc", 0, g | h, false},
	} {
		w := newWorld(t, 10*ms)
		if strings.HasSuffix(v.name, "rfc") {
			w.profile = RFC()
		}
		w.paths[0][v.dir].box = func(s *Segment) []*Segment {
			if s.Flags.Has(wire.SYN) && s.Opt.Has(wire.OptCapable) {
				s.Opt.Capable.Flags = v.flags
			}
			return []*Segment{s}
		}
		w.start()
		for range 2 {
			srv := &app{toWrite: 20_000, close: true}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite, cli.close = 1000, true
			w.flush(w.client)
			w.until(20*sim.Second, "transfer", func() bool { return cli.eof && srv.eof })
			if cli.off != 20_000 || srv.off != 1000 || cli.bad+srv.bad != 0 || (cli.saw(Fallback) == 1) != v.tcp {
				t.Errorf("%s: read %d, %d, events %v", v.name, cli.off, srv.off, cli.events)
			}
			w.paths[0][v.dir].box = nil
			v.tcp = false
		}
	}
}
