package mptcp

import (
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// outageWorld is the handover of the truth data: 10 Mb/s 20 ms and 10 Mb/s 60 ms,
// queues of 50 and 100 packets, a download of unlimited length, the first path
// silent from 5 to 15 s.
func outageWorld(t *testing.T, p *Profile, reprobe bool) (w *world, cli, srv *app) {
	return newOutage(t, p, func(w *world) { w.opt.Reprobe = reprobe })
}

// newOutage is outageWorld with what set changes before the connection is opened.
func newOutage(t *testing.T, p *Profile, set func(*world)) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 30*ms)
	w.profile = p
	w.keep = false
	w.maxSteps = 1 << 30
	w.opt.Controller = newController("cubic")
	w.opt.SendBuffer, w.opt.ReceiveBuffer = 4<<20, 6<<20
	set(w)
	for i, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50*(i+1)
		p[0].rate, p[0].limit = 10*sim.MegabitPerSecond, 50*(i+1)
	}
	for _, d := range w.paths[0] {
		d.drop = func(_ int, now sim.Time, _ *Segment) bool {
			return now >= sim.Time(5*sim.Second) && now < sim.Time(15*sim.Second)
		}
	}
	w.start()
	srv = &app{toWrite: 1 << 40}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 17
	w.flush(w.client)
	return w, cli, srv
}

// reinjecting is the Linux profile with a policy of reinjection in the place of
// the connection-level timer of upstream Linux.
func reinjecting(policy ReinjectPolicy) *Profile {
	p := Linux()
	p.Retrans, p.Reinject = RetransDelivered, policy
	return p
}

// rate returns the application's rate over the next d in Mb/s.
func (w *world) rate(a *app, d sim.Duration) float64 {
	before := a.off
	w.runTo(w.now.Add(d))
	return float64(a.off-before) * 8e3 / float64(d)
}

// TestOutage follows the handover: data goes on within 1.1 s, the other path's
// full rate is reached within 3.2 s, no byte is lost, and the silent path is used
// again when its own timer fires, or within 1.5 s with Reprobe.
//
// row:B14
func TestOutage(t *testing.T) {
	for _, reprobe := range []bool{false, true} {
		w, cli, srv := outageWorld(t, reinjecting(ReinjectOnRTO), reprobe)
		w.runTo(sim.Time(2 * sim.Second))
		if r := w.rate(cli, 3*sim.Second); r < 18 {
			t.Errorf("both paths carry %.2f Mb/s", r)
		}
		cli.gap = 0
		w.runTo(sim.Time(8200 * ms))
		if cli.gap > 1100*ms {
			t.Errorf("longest gap %v", cli.gap)
		}
		// 1420/1500 of 10 Mb/s.
		if r := w.rate(cli, 6*sim.Second); r < 0.97*9.467 || r > 9.47 {
			t.Errorf("during the outage %.2f Mb/s, want 9.467", r)
		}
		w.runTo(sim.Time(15 * sim.Second))
		subs := w.server.ep.Subflows(srv.conn, nil)
		if subs[0].Backoff < 3 && !reprobe || !subs[0].Failed {
			t.Errorf("silent subflow: %+v", subs[0])
		}
		delivered := subs[0].Delivered
		w.until(15*sim.Second, "first path used again", func() bool {
			return w.server.ep.Subflows(srv.conn, subs[:0])[0].Delivered > delivered
		})
		back := w.now.Sub(sim.Time(15 * sim.Second))
		if reprobe && back > 1500*ms || !reprobe && back < 2*sim.Second {
			t.Errorf("reprobe %v: used again after %v", reprobe, back)
		}
		w.runTo(w.now.Add(2 * sim.Second))
		if r := w.rate(cli, 3*sim.Second); r < 18 {
			t.Errorf("both paths carry %.2f Mb/s again", r)
		}
		if cli.bad != 0 {
			t.Errorf("%d bad bytes", cli.bad)
		}
		i := w.server.ep.Info(srv.conn)
		if i.Reinjected == 0 || i.Useful == 0 || i.Useful+i.Useless > i.Reinjected {
			t.Errorf("reinjected %d, useful %d, useless %d", i.Reinjected, i.Useful, i.Useless)
		}
		// Everything that was reinjected is retransmitted by its own subflow too:
		// what of it was useful arrives twice.
		if c := w.client.ep.Info(cli.conn); c.Duplicate < i.Useful*9/10 {
			t.Errorf("duplicates %d, useful %d", c.Duplicate, i.Useful)
		}
	}
}

// TestReinjectPolicies: when data of a silent subflow is sent again elsewhere.
//
// row:B14
func TestReinjectPolicies(t *testing.T) {
	var first [4]sim.Duration
	for policy := ReinjectOnRTO; policy <= ReinjectNone; policy++ {
		p := reinjecting(policy)
		p.ReinjectAfter = 3
		w, cli, srv := outageWorld(t, p, false)
		w.runTo(sim.Time(5 * sim.Second))
		for w.now < sim.Time(14*sim.Second) {
			if i := w.server.ep.Info(srv.conn); i.Reinjected > 0 && w.now >= sim.Time(5200*ms) {
				break
			}
			w.step(sim.Time(14 * sim.Second))
		}
		first[policy] = w.now.Sub(sim.Time(5 * sim.Second))
		w.runTo(sim.Time(30 * sim.Second))
		if cli.bad != 0 {
			t.Errorf("%v: %d bad bytes", policy, cli.bad)
		}
		switch i := w.server.ep.Info(srv.conn); {
		case policy == ReinjectNone && i.Reinjected != 0, policy != ReinjectNone && i.Reinjected == 0:
			t.Errorf("%v: reinjected %d", policy, i.Reinjected)
		}
	}
	if first[ReinjectOnRTO] > 1500*ms || first[ReinjectConservative] < 2*first[ReinjectOnRTO] ||
		first[ReinjectNone] != 9*sim.Second {
		t.Errorf("first reinjection after %v", first)
	}
}

// TestReinjectAggressive: under ReinjectAggressive a fast retransmission is
// accompanied by a copy on the other subflow; otherwise a single loss is the
// subflow's own business.
//
// row:B14
func TestReinjectAggressive(t *testing.T) {
	for _, policy := range []ReinjectPolicy{ReinjectOnRTO, ReinjectAggressive} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile.Reinject = policy
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 100
		}
		n := 0
		w.paths[0][1].drop = func(_ int, now sim.Time, s *Segment) bool {
			if s.Len > 0 && now > sim.Time(500*ms) {
				n++
			}
			return n == 1
		}
		w.start()
		srv := &app{toWrite: 4 << 20, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1
		w.flush(w.client)
		w.until(2*sim.Second, "loss", func() bool { return n > 0 })
		w.runTo(w.now.Add(500 * ms))
		i := w.server.ep.Info(srv.conn)
		if (i.Reinjected > 0) != (policy == ReinjectAggressive) {
			t.Errorf("%v: reinjected %d", policy, i.Reinjected)
		}
		w.finish(t, cli, srv, 4<<20)
	}
}

// TestSameBytesOnSubflow: whatever is reinjected elsewhere, a subflow never sends
// different bytes at one of its positions, and no mapping changes (RFC 8684
// section 3.3.6, row M12 of the middleboxes).
//
// row:B20
func TestSameBytesOnSubflow(t *testing.T) {
	w, cli, _ := outageWorld(t, Linux(), true)
	type at struct {
		path int
		seq  wire.Seq
	}
	offs := map[at]uint64{}
	next := map[int]wire.Seq{}
	isn := map[int]wire.Seq{}
	base := uint32(0)
	for _, p := range w.paths {
		drop := p[1].drop
		p[1].drop = func(n int, now sim.Time, s *Segment) bool {
			if s.Flags.Has(wire.SYN) {
				isn[p[1].path] = s.Seq
			}
			if s.Len > 0 {
				k := at{p[1].path, s.Seq}
				if o, ok := offs[k]; ok && o != s.Off {
					t.Fatalf("path %d: offset %d and %d at %d", k.path, o, s.Off, s.Seq)
				}
				offs[k] = s.Off
				// The mapping says of the first byte which data it is: data number
				// IDSN+1+Off. The low halves suffice to compare.
				at := uint32(s.Seq-isn[k.path]) - s.SSN
				idsn := uint32(s.DSN) + at - uint32(s.Off)
				if base == 0 {
					base = idsn
				}
				if !s.Segment.Opt.Has(wire.HasMap) || idsn != base || at+uint32(s.Len) > uint32(s.MapLen) {
					t.Fatalf("path %d: the mapping %v %v+%d does not hold %v+%d", k.path, s.DSN, s.SSN, s.MapLen, s.Seq, s.Len)
				}
				// A regular TCP sender: new data continues where the last ended.
				if e, ok := next[k.path]; ok && s.Seq.After(e) {
					t.Fatalf("path %d: gap before %d", k.path, s.Seq)
				}
				if e, ok := next[k.path]; !ok || s.Seq.Add(int(s.Len)).After(e) {
					next[k.path] = s.Seq.Add(int(s.Len))
				}
			}
			return drop != nil && drop(n, now, s)
		}
	}
	w.runTo(sim.Time(20 * sim.Second))
	if cli.bad != 0 || len(offs) < 1000 {
		t.Errorf("bad %d, %d segments", cli.bad, len(offs))
	}
}

// TestSharedWindow checks RFC 8684 section 3.3.4 on every segment of a transfer
// over two subflows with a small buffer and a slow reader: the right edge of the
// window never moves back (but for the rounding of its field), no data lies
// beyond it, and SSN - SUBFLOW_ACK <= DSN - DATA_ACK for data sent once.
//
// row:B11
func TestSharedWindow(t *testing.T) {
	for _, buffer := range []int64{20_000, 65_000, 300_000} {
		w := newWorld(t, 10*ms, 20*ms)
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
		}
		w.options = func(h string, o *SocketOptions) {
			if h == "client" {
				o.ReceiveBuffer = buffer
			}
		}
		w.start()
		srv := &app{toWrite: 2 << 20, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		cli.idle = true
		w.flush(w.client)
		edge := uint64(0)
		sent := map[uint64]bool{}
		for _, p := range w.paths {
			p[0].drop = func(_ int, now sim.Time, s *Segment) bool {
				c := w.client.ep.socks.get(cli.conn)
				if c == nil || s.Flags.Has(wire.SYN) || !s.Segment.Opt.Has(wire.HasDataAck) {
					return false
				}
				f := w.client.ep.flows.names.byTuple[*s.Tuple]
				if f == 0 || w.client.ep.flows.slots[f].sock != c {
					return false
				}
				_, scale := w.client.ep.flows.slots[f].tcp.Scales()
				ack := c.conn.remote.relative(s.DataAck, s.Segment.Opt.Has(wire.DataAck8), c.conn.recv.next)
				e := ack + uint64(s.Window)<<scale
				if e+1<<scale <= edge {
					t.Fatalf("edge moved from %d to %d", edge, e)
				}
				if e > c.conn.wnd.read+uint64(buffer)+1<<scale {
					t.Fatalf("edge %d beyond the buffer", e)
				}
				edge = max(edge, e)
				return false
			}
			p[1].drop = func(_ int, now sim.Time, s *Segment) bool {
				c := w.server.ep.socks.get(srv.conn)
				if c == nil || s.Len == 0 || !s.Segment.Opt.Has(wire.HasMap) {
					return false
				}
				f := w.server.ep.flows.names.byTuple[*s.Tuple]
				if f == 0 || w.server.ep.flows.slots[f].sock != c {
					return false
				}
				dsn := s.Off + 1
				if edge > 0 && dsn+uint64(s.Len) > max(edge, 65536) {
					t.Fatalf("data [%d, %d) beyond edge %d", dsn, dsn+uint64(s.Len), edge)
				}
				return false
			}
		}
		w.arrive = func(to *host, s *Segment) {
			f := w.client.ep.flows.match(s)
			if to != w.client || f == nil || s.Len == 0 {
				return
			}
			dsn, pos := s.Off+1, uint64(s.Seq-f.sub.peerISN-1)
			if c := f.sub.conn; !sent[dsn] && pos > f.tcp.RcvNxt() && pos-f.tcp.RcvNxt() > dsn-c.dataAck() {
				t.Fatalf("SSN-ACK %d > DSN-DATA_ACK %d", pos-f.tcp.RcvNxt(), dsn-c.dataAck())
			}
			sent[dsn] = true
		}
		// Read in bursts.
		for cli.off < 2<<20 {
			w.runTo(w.now.Add(40 * ms))
			cli.idle = false
			w.flush(w.client)
			cli.idle = true
			if w.now > sim.Time(300*sim.Second) {
				t.Fatalf("buffer %d: read only %d", buffer, cli.off)
			}
		}
		if cli.bad != 0 {
			t.Errorf("%d bad bytes", cli.bad)
		}
		if i := w.client.ep.Info(cli.conn); i.Refused != 0 {
			t.Errorf("%d bytes refused", i.Refused)
		}
	}
}

// TestZeroWindow: the reader stops for long, the window closes, the update that
// opens it is lost; probes find out (RFC 9293 section 3.8.6.1).
func TestZeroWindow(t *testing.T) {
	for _, paths := range []int{1, 2} {
		w := newWorld(t, []sim.Duration{10 * ms, 20 * ms}[:paths]...)
		w.options = func(h string, o *SocketOptions) {
			if h == "client" {
				o.ReceiveBuffer = 20_000
			}
		}
		w.start()
		srv := &app{toWrite: 100_000, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		cli.idle = true
		w.flush(w.client)
		w.runTo(sim.Time(20 * sim.Second))
		i := w.server.ep.Info(srv.conn)
		if i.Acked != 20_000 || i.PeerWindow > 0 {
			t.Fatalf("%d paths: acked %d, window %d\n%s", paths, i.Acked, i.PeerWindow, w.dump(30))
		}
		if n := counterOf(w.server.ep, "WinProbe"); n == 0 || n > 10 {
			t.Errorf("%d window probes", n)
		}
		for _, p := range w.paths {
			p[0].drop = func(_ int, now sim.Time, _ *Segment) bool { return now < sim.Time(21*sim.Second) }
		}
		cli.idle = false
		w.flush(w.client)
		w.until(60*sim.Second, "rest", func() bool { return cli.eof })
		if cli.off != 100_000 || cli.bad != 0 {
			t.Errorf("read %d (%d bad)", cli.off, cli.bad)
		}
	}
}

// TestReleaseRule: with ReleaseNeedsSubflow the send buffer stays occupied until
// the subflow that carried the data has acknowledged it, too, even if a copy was
// acknowledged at the data level (RFC 8684 section 3.3.2).
//
// row:B7
func TestReleaseRule(t *testing.T) {
	for _, strict := range []bool{false, true} {
		p := Linux()
		p.ReleaseNeedsSubflow = strict
		w, _, srv := outageWorld(t, p, false)
		w.runTo(sim.Time(12 * sim.Second))
		c := w.server.ep.socks.get(srv.conn).conn
		low, ok := c.subs[0].tx.lowest()
		if !ok || low >= c.send.una {
			t.Fatalf("the silent subflow carries nothing old")
		}
		want := c.send.una
		if strict {
			want = low
		}
		if got := c.released(); got != want {
			t.Errorf("strict %v: released %d, want %d (DATA_ACK %d)", strict, got, want, c.send.una)
		}
		// Strictly, the buffer is full of what the silent path holds.
		before := c.send.una
		w.runTo(sim.Time(14 * sim.Second))
		if moved := c.send.una > before; moved == strict {
			t.Errorf("strict %v: DATA_ACK moved %v", strict, moved)
		}
		if st := c.subs[0].flow.tcp.State(); st != tcp.StateEstablished {
			t.Errorf("subflow is %v", st)
		}
	}
}

// TestManySubflows: beside a third path the second is lost and regained 10 times,
// and again after 60 more losses, when the subflow of the third has number 73. What
// that carries is known to be carried: it is not sent once more because the second
// path is lost, so that as much is sent again as the first time.
func TestManySubflows(t *testing.T) {
	w := newWorld(t, 10*ms, 15*ms, 20*ms)
	w.keep = false
	w.opt.SubflowLimit = 1000 // the server does not hear of an address that is lost
	for _, p := range w.paths {
		p[0].rate, p[0].limit = 10*sim.MegabitPerSecond, 60
	}
	w.start()
	cli := w.connect()
	cli.toWrite = 1 << 40
	w.runTo(sim.Time(sim.Second))
	c := w.client.ep.socks.get(cli.conn).conn
	flap := func(n int) int64 {
		before := c.stats.reinjected
		for range n {
			for _, up := range []bool{false, true} {
				w.runTo(w.now.Add(200 * ms))
				w.client.ep.HandleAddr(w.now, clientAddr(1), up, 0)
				w.flush(w.client)
			}
		}
		return c.stats.reinjected - before
	}
	third := func(up bool) {
		w.client.ep.HandleAddr(w.now, clientAddr(2), up, 0)
		w.flush(w.client)
		w.runTo(w.now.Add(2 * sim.Second))
	}
	early := flap(10)
	third(false)
	flap(60)
	third(true)
	late := flap(10)
	if f := c.subs[73]; f.flow.tuple.Src.Addr() != clientAddr(2) || f.tx.len() == 0 {
		t.Fatalf("%d subflows, number 73 from %v", len(c.subs), f.flow.tuple.Src)
	}
	if early == 0 || late > 6*early/5 {
		t.Errorf("sent again: %d bytes, later %d", early, late)
	}
	if srv := w.server.apps[0]; srv.bad != 0 {
		t.Errorf("%d bad bytes", srv.bad)
	}
}
