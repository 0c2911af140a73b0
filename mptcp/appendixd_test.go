package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The closing of a connection as the machine of RFC 8684 appendix D (figure 22).

// arrows are the transitions of figure 22. TIME_WAIT of the connection and CLOSED
// are one state here: nothing is left but its subflows.
var arrows = map[[2]tcp.State]bool{
	{tcp.StateEstablished, tcp.StateFinWait1}:  true, // close / DATA_FIN
	{tcp.StateEstablished, tcp.StateCloseWait}: true, // DATA_FIN / DATA_ACK
	{tcp.StateFinWait1, tcp.StateFinWait2}:     true, // DATA_ACK
	{tcp.StateFinWait1, tcp.StateClosing}:      true, // DATA_FIN / DATA_ACK
	{tcp.StateFinWait1, tcp.StateClosed}:       true, // both in one segment
	{tcp.StateFinWait2, tcp.StateClosed}:       true, // DATA_FIN / DATA_ACK
	{tcp.StateClosing, tcp.StateClosed}:        true, // DATA_ACK
	{tcp.StateCloseWait, tcp.StateLastAck}:     true, // close / DATA_FIN
	{tcp.StateLastAck, tcp.StateClosed}:        true, // DATA_ACK
}

// TestClosingMachine explores the machine: either side closes first, or both within
// a round trip, with one subflow or two, and every combination of losses of the
// first packets that carry a DATA_FIN or acknowledge one. Each side goes along the
// arrows of the figure only, every arrow is seen, no FIN precedes the closing, and
// the end is CLOSED.
//
// row:B9
func TestClosingMachine(t *testing.T) {
	seen := map[[2]tcp.State]bool{}
	for _, paths := range [][]sim.Duration{{10 * ms}, {10 * ms, 15 * ms}} {
		for _, after := range []sim.Duration{-200 * ms, -25 * ms, -10 * ms, -3 * ms, 0, 3 * ms, 10 * ms, 25 * ms, 200 * ms} {
			for mask := range 16 {
				exploreClosing(t, paths, after, mask, seen)
			}
		}
	}
	for a := range arrows {
		if !seen[a] {
			t.Errorf("no run went from %v to %v", a[0], a[1])
		}
	}
}

// exploreClosing closes the server at 500 ms and the client so much later, and
// loses packets of the exchange as the mask says.
func exploreClosing(t *testing.T, paths []sim.Duration, after sim.Duration, mask int, seen map[[2]tcp.State]bool) {
	w := newWorld(t, paths...)
	w.profile = RFC()
	w.start()
	srv := &app{toWrite: 3000}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(400 * ms))
	k := 0
	for _, p := range w.paths {
		for _, d := range p {
			d.drop = func(_ int, now sim.Time, s *Segment) bool {
				if now < sim.Time(290*ms) || s.Flags.Has(wire.FIN) {
					return false
				}
				k++
				return k <= 4 && mask>>(k-1)&1 != 0
			}
		}
	}
	begin := sim.Time(500 * ms)
	if after < 0 {
		begin = begin.Add(-after) // the client is first
	}
	w.at(begin, func() { srv.close = true })
	w.at(begin.Add(after), func() { cli.close = true })
	ends := [2]*connection{w.client.ep.socks.get(cli.conn).conn, w.server.ep.socks.get(srv.conn).conn}
	last := [2]tcp.State{tcp.StateEstablished, tcp.StateEstablished}
	for last != [2]tcp.State{tcp.StateClosed, tcp.StateClosed} {
		if !w.step(sim.Time(60 * sim.Second)) {
			t.Fatalf("%v, mask %b: stays in %v\n%s", after, mask, last, w.dump(20))
		}
		for i, c := range ends {
			now := c.state()
			if now == last[i] {
				continue
			}
			step := [2]tcp.State{last[i], now}
			if !arrows[step] {
				t.Errorf("%v, mask %b: %v to %v\n%s", after, mask, step[0], step[1], w.dump(10))
			}
			seen[step] = true
			last[i] = now
		}
	}
	for i := range w.log {
		if r := &w.log[i]; r.seg.Flags.Has(wire.FIN) && r.at < begin {
			t.Errorf("%v, mask %b: early FIN %s", after, mask, w.line(r))
		}
	}
	w.settleDown(300 * sim.Second)
	if cli.off != 3000 || srv.off != 10 || ends[0].why != trace.Graceful || ends[1].why != trace.Graceful {
		t.Errorf("%v, mask %b: read %d, %d, ended by %v, %v", after, mask, cli.off, srv.off, ends[0].why, ends[1].why)
	}
}

// TestAllSubflowsClosed: every subflow ends by a FIN exchange, but no DATA_FIN was
// sent. The connection outlives them by the close timeout, and a subflow that joins
// within it goes on with the stream (break before make, RFC 8684 section 3.3.3).
//
// row:B9
func TestAllSubflowsClosed(t *testing.T) {
	const size = 4 << 20
	for _, back := range []bool{false, true} {
		w := newWorld(t, 10*ms, 20*ms, 15*ms)
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
		}
		w.start()
		w.client.ep.HandleAddr(w.now, clientAddr(2), false, 0)
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		c := w.client.ep.socks.get(cli.conn).conn
		for _, f := range c.subs {
			f.closeWrite(w.now)
		}
		w.flush(w.client)
		w.until(5*sim.Second, "FIN exchanges", func() bool { return c.live() == 0 })
		read := cli.off
		for i := range w.log {
			r := &w.log[i]
			if r.seg.Flags.Has(wire.RST) || r.seg.Opt.Has(wire.DataFIN) && r.seg.Len == 0 {
				t.Errorf("%s", w.line(r))
			}
		}
		gone := w.now
		if !back {
			w.until(70*sim.Second, "end", func() bool { return cli.saw(Closed) == 1 && srv.saw(Closed) == 1 })
			if d := w.now.Sub(gone); d < 59*sim.Second || d > 61*sim.Second || cli.off != read || cli.eof {
				t.Errorf("ended after %v, read %d, then %d", d, read, cli.off)
			}
			continue
		}
		w.runTo(gone.Add(40 * sim.Second))
		if cli.saw(Closed)+srv.saw(Closed) != 0 || cli.off != read || read == size {
			t.Fatalf("read %d, then %d, events %v", read, cli.off, cli.events)
		}
		w.client.ep.HandleAddr(w.now, clientAddr(2), true, 0)
		w.flush(w.client)
		w.finish(t, cli, srv, size)
	}
}

// TestWhoOwnsTimeWait is RFC 8041 section 3.6: the server closes first and the
// client, which wants no TIME-WAIT, afterwards. Where the DATA_FIN of the passive
// closer takes the FINs with it, the client owns TIME-WAIT all the same (figure 5);
// where it waits for the peer's FINs, the server does, on every subflow, whatever
// packet is lost. The wait is bounded: without the peer's FINs the client ends, too.
//
// row:B10
func TestWhoOwnsTimeWait(t *testing.T) {
	for _, wait := range []bool{false, true} {
		for lost := range 12 {
			w, cli, srv := timeWaitWorld(t, wait, lost)
			w.until(20*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
			w.runTo(w.now.Add(5 * sim.Second))
			client, server := w.client.ep.TimeWaits(), w.server.ep.TimeWaits()
			if wait && (client != 0 || server != 2) {
				t.Errorf("lost %d: the client owns %d, the server %d\n%s", lost, client, server, w.dump(20))
			}
			if !wait && lost == 0 && client != 2 {
				t.Errorf("the client owns %d, the server %d\n%s", client, server, w.dump(20))
			}
		}
	}
	w, cli, srv := timeWaitWorld(t, true, 0)
	for _, p := range w.paths {
		p[1].drop = func(_ int, _ sim.Time, s *Segment) bool { return s.Flags.Has(wire.FIN) }
	}
	w.until(20*sim.Second, "closed", func() bool { return cli.saw(Closed)+srv.saw(Closed) == 2 })
	closed := w.now
	w.until(5*sim.Second, "FIN of the client", func() bool {
		for i := range w.log {
			if w.log[i].up && w.log[i].seg.Flags.Has(wire.FIN) {
				return true
			}
		}
		return false
	})
	if d := w.now.Sub(closed); d < 2900*ms || d > 3100*ms {
		t.Errorf("the client waited %v", d)
	}
}

// timeWaitWorld is a server that has closed after a download over two paths, and a
// client that closes when it sees that; the lost-th packet from then on is lost (1
// is the first).
func timeWaitWorld(t *testing.T, wait bool, lost int) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 12*ms)
	p := RFC()
	p.FINWithDataFIN = !wait
	if wait {
		p.PassiveCloserWaits = 3 * sim.Second
	}
	w.profile = p
	w.start()
	srv = &app{toWrite: 30_000}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	k := 0
	for _, x := range w.paths {
		for _, d := range x {
			d.drop = func(int, sim.Time, *Segment) bool { k++; return k == lost }
		}
	}
	srv.close = true
	w.flush(w.server)
	w.until(5*sim.Second, "end of stream", func() bool { return cli.eof })
	cli.close = true
	w.flush(w.client)
	return w, cli, srv
}
