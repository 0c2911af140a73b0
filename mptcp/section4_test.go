package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// One test for each item of RFC 8684 section 4, under its name there. FIN has two
// more in closing_test.go.

// TestSection4SequenceNumber: sequence numbers of TCP belong to the subflow; data has
// numbers of its own, in which the SYN and the DATA_FIN take one octet each, and
// every mapping joins the two.
//
// row:K5
func TestSection4SequenceNumber(t *testing.T) {
	const size = 1 << 20
	w, cli, srv := joinWorld(t, size)
	w.finish(t, cli, srv, size)
	w.runTo(w.now.Add(300 * ms))
	isn := map[int]wire.Seq{}
	first, last := ^wire.DSN(0), wire.DSN(0)
	for i := range w.log {
		r := &w.log[i]
		if r.seg.Flags.Has(wire.SYN) && !r.up {
			isn[r.path] = r.seg.Seq
		}
		if r.up && r.seg.Opt.Has(wire.DataAck8) {
			last = max(last, r.seg.DataAck-w.idsn(false))
		}
		if r.up || !r.seg.Opt.Has(wire.HasMap) || r.seg.Len == 0 {
			continue
		}
		first = min(first, r.seg.DSN-w.idsn(false))
		// The payload is the part of the mapping that its place in the subflow says.
		at := uint64(uint32(r.seg.Seq-isn[r.path]) - r.seg.SSN)
		if r.seg.Off != uint64(r.seg.DSN-w.idsn(false))+at-1 {
			t.Fatalf("payload and mapping differ: %s", w.line(r))
		}
	}
	if first != 1 || last != size+2 || isn[0] == isn[1] {
		t.Errorf("data begins with %d, the last DATA_ACK is %d; initial numbers %v", first, last, isn)
	}
}

// TestSection4ACK: what a subflow acknowledges is not acknowledged as data. While a
// box removes DATA_ACKs, nothing is freed; TCP goes on.
//
// row:K5
func TestSection4ACK(t *testing.T) {
	const size = 1 << 20
	w, cli, srv := joinWorld(t, size)
	w.runTo(sim.Time(300 * ms))
	until := w.now.Add(100 * ms)
	for _, p := range w.paths {
		p[0].box = func(s *Segment) []*Segment {
			if w.now < until {
				s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8
			}
			return []*Segment{s}
		}
	}
	w.runTo(w.now.Add(30 * ms)) // what is under way
	c := w.server.ep.socks.get(srv.conn).conn
	data := w.server.ep.Info(srv.conn).Acked
	stream := c.subs[0].flow.tcp.SndUna() + c.subs[1].flow.tcp.SndUna()
	w.runTo(until)
	if got := w.server.ep.Info(srv.conn).Acked; got != data {
		t.Errorf("data acknowledged: %d, then %d", data, got)
	}
	if got := c.subs[0].flow.tcp.SndUna() + c.subs[1].flow.tcp.SndUna(); got < stream+30_000 {
		t.Errorf("the subflows acknowledged %d, then %d", stream, got)
	}
	w.finish(t, cli, srv, size)
}

// TestSection4DuplicateACK: duplicate ACKs that carry an MPTCP signal are no sign of
// congestion; the same without a signal, or with a DSS only, are.
//
// row:K5
func TestSection4DuplicateACK(t *testing.T) {
	const size = 1 << 20
	for _, signal := range []bool{false, true} {
		w, cli, srv := newWorld(t, 10*ms), (*app)(nil), &app{toWrite: size, close: true}
		w.profile = RFC()
		w.profile.TCP.SACK, w.profile.TCP.RACK, w.profile.TCP.TLP = false, false, false
		w.paths[0][1].rate = 10 * sim.MegabitPerSecond
		n := 0
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if n++; n != 30 || s.Len > 0 {
				return []*Segment{s}
			}
			out := []*Segment{s}
			for range 5 {
				c := copyOf(s)
				if signal {
					c.Options().Present |= wire.OptPrio
					c.Opt.Prio.Backup = false
				}
				out = append(out, c)
			}
			return out
		}
		w.start()
		w.server.accept = func() *app { return srv }
		cli = w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.finish(t, cli, srv, size)
		again := w.server.ep.Subflows(srv.conn, nil)[0].Stats.RetransmittedSegments
		if (again > 0) == signal {
			t.Errorf("signal %v: %d segments sent again", signal, again)
		}
	}
}

// TestSection4ReceiveWindow: the window is that of the whole connection, counted from
// the DATA_ACK: an application that does not read stops both subflows together when
// its one buffer is full.
//
// row:K5
func TestSection4ReceiveWindow(t *testing.T) {
	const buffer = 200_000
	w := newWorld(t, 10*ms, 20*ms)
	w.options = func(_ string, o *SocketOptions) { o.ReceiveBuffer = buffer }
	for _, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
	}
	w.start()
	srv := &app{toWrite: 1 << 20}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.idle = true
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(5 * sim.Second))
	subs := w.server.ep.Subflows(srv.conn, nil)
	if subs[0].Granted == 0 || subs[1].Granted == 0 {
		t.Fatalf("%+v", subs)
	}
	highest := wire.DSN(0)
	for i := range w.log {
		if r := &w.log[i]; !r.up && r.seg.Opt.Has(wire.HasMap) && r.seg.Len > 0 {
			highest = max(highest, r.seg.DSN+wire.DSN(r.seg.MapLen)-w.idsn(false)-1)
		}
	}
	if highest > buffer || highest < buffer-65536 {
		t.Errorf("%d bytes sent into a buffer of %d", highest, buffer)
	}
}

// TestSection4FIN: a FIN ends the subflow that it is sent on, and not the connection.
//
// row:K5
func TestSection4FIN(t *testing.T) {
	const size = 1 << 20
	w, cli, srv := joinWorld(t, size)
	w.runTo(sim.Time(200 * ms))
	w.server.ep.socks.get(srv.conn).conn.subs[1].closeWrite(w.now)
	w.flush(w.server)
	w.until(2*sim.Second, "FIN exchange", func() bool { return cli.saw(SubflowDown) == 1 })
	if cli.eof || cli.off == size {
		t.Fatalf("read %d, end of stream %v", cli.off, cli.eof)
	}
	w.finish(t, cli, srv, size)
}

// TestSection4RST: a RST ends the subflow that it is sent on, and not the connection;
// with MP_FASTCLOSE it ends all.
//
// row:K5
func TestSection4RST(t *testing.T) {
	const size = 1 << 20
	w, cli, srv := joinWorld(t, size)
	w.runTo(sim.Time(200 * ms))
	w.client.ep.socks.get(cli.conn).conn.subs[1].reset(w.now, rstNone, 0)
	w.client.ep.socks.get(cli.conn).conn.settle(w.now)
	w.flush(w.client)
	w.until(sim.Second, "reset", func() bool { return srv.saw(SubflowDown) == 1 })
	w.finish(t, cli, srv, size)

	w, cli, srv = joinWorld(t, size)
	w.runTo(sim.Time(200 * ms))
	w.client.ep.Abort(w.now, cli.conn)
	w.flush(w.client)
	w.until(sim.Second, "reset", func() bool { return srv.saw(Closed) == 1 })
}

// TestSection4AddressList: addresses belong to one connection: of two connections
// between the same hosts one adds a subflow, and the other has one subflow and one
// address still.
//
// row:K5
func TestSection4AddressList(t *testing.T) {
	w := newWorld(t, 10*ms, 20*ms)
	w.start()
	var served []*app
	w.server.accept = func() *app {
		a := &app{toWrite: 50_000, close: true}
		served = append(served, a)
		return a
	}
	n := 0
	w.options = func(h string, o *SocketOptions) {
		if h == "client" {
			if n++; n == 2 {
				o.PathManager = nil
			}
		}
	}
	one := w.connect()
	one.toWrite = 10
	two := w.connect()
	two.toWrite = 10
	w.flush(w.client)
	w.until(10*sim.Second, "transfers", func() bool { return one.eof && two.eof })
	for i, a := range served {
		if got := w.server.ep.Info(a.conn).Subflows; got != 2-i {
			t.Errorf("connection %d has %d subflows", i, got)
		}
	}
}

// TestSection4FiveTuple: the addresses and ports of a connection are those of its
// first subflow, even if that is gone.
//
// row:K5
func TestSection4FiveTuple(t *testing.T) {
	w, cli, srv := joinWorld(t, 4<<20)
	w.runTo(sim.Time(200 * ms))
	before := w.client.ep.Subflows(cli.conn, nil)[0].Tuple
	if local, remote := w.client.ep.SocketAddrs(cli.conn); local != before.Src || remote != before.Dst {
		t.Errorf("%v, %v: the first subflow is %v", local, remote, before)
	}
	w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
	f := w.server.ep.socks.get(srv.conn).conn.subs[0]
	f.flow.mute = true
	f.reset(w.now, rstNone, 0)
	f.conn.settle(w.now)
	w.flush(w.client)
	w.flush(w.server)
	w.finish(t, cli, srv, 4<<20)
	after := w.client.ep.Subflows(cli.conn, nil)[0]
	if !after.Ended || after.Tuple != before || after.Tuple.Src.Addr() != clientAddr(0) {
		t.Errorf("%+v, then %+v", before, after)
	}
	if local, remote := w.client.ep.SocketAddrs(cli.conn); local != before.Src || remote != before.Dst {
		t.Errorf("client: %v, %v", local, remote)
	}
	if local, remote := w.server.ep.SocketAddrs(srv.conn); local != before.Dst || remote != before.Src {
		t.Errorf("server: %v, %v", local, remote)
	}
}
