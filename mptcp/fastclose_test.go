package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// abruptWorld is a running download over two paths between endpoints that close
// abruptly as the given forms say.
func abruptWorld(t tester, clientOnAck, serverOnAck bool) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 20*ms)
	for _, p := range w.paths {
		p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
	}
	w.profile, w.served = RFC(), RFC()
	w.profile.FastCloseOnAck, w.served.FastCloseOnAck = clientOnAck, serverOnAck
	w.start()
	srv = &app{toWrite: 1 << 40}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	cli.toWrite = 10
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	w.log = w.log[:0]
	return w, cli, srv
}

// sent are the segments of a direction that carry MP_FASTCLOSE or RST.
func (w *world) abruptEnd(up bool) (out []*record) {
	for i := range w.log {
		if r := &w.log[i]; r.up == up && (r.options().Has(wire.OptFastClose) || r.seg.Flags.Has(wire.RST)) {
			out = append(out, r)
		}
	}
	return out
}

// forgotten reports whether a host has no flow left.
func (h *host) forgotten() bool { return len(h.ep.flows.names.byTuple) == 0 }

// TestFastCloseOnAck is option A of RFC 8684 section 3.5: an ACK with the peer's
// key on one subflow, a RST without it on the other, FASTCLOSE_WAIT, in which
// nothing else leaves; the peer resets every subflow, and both sides are closed one
// round trip later.
//
// row:A25
func TestFastCloseOnAck(t *testing.T) {
	w, cli, srv := abruptWorld(t, true, true)
	c := w.client.ep.socks.get(cli.conn).conn
	key := c.remote.key
	w.client.ep.Abort(w.now, cli.conn)
	w.flush(w.client)
	if w.client.forgotten() || c.fastClose.f == nil {
		t.Fatal("not in FASTCLOSE_WAIT")
	}
	begin := w.now
	w.until(sim.Second, "closed", func() bool { return w.client.forgotten() && w.server.forgotten() })
	// RTT 20 ms; the answer waits behind what is in the queue of 50 packets of 1.2 ms.
	if d := w.now.Sub(begin); d < 20*ms || d > 100*ms {
		t.Errorf("closed after %v", d)
	}
	up, down := w.abruptEnd(true), w.abruptEnd(false)
	if len(up) < 2 || up[0].seg.Flags != wire.RST|wire.ACK && up[1].seg.Flags != wire.RST|wire.ACK {
		t.Fatalf("sent %d\n%s", len(up), w.dump(20))
	}
	acks, resets := 0, 0
	for _, r := range up {
		switch {
		case r.seg.Flags.Has(wire.RST):
			resets++
			if r.path != 1 || r.options().Has(wire.OptFastClose) {
				t.Errorf("reset %s", w.line(r))
			}
		default:
			acks++
			if r.path != 0 || r.seg.Flags != wire.ACK || r.seg.Len != 0 || Key(r.opt.FastClose.ReceiverKey) != key {
				t.Errorf("fast close %s", w.line(r))
			}
		}
	}
	if acks != 1 || resets == 0 {
		t.Errorf("%d ACKs with MP_FASTCLOSE, %d resets", acks, resets)
	}
	for i := range w.log {
		if r := &w.log[i]; r.up && r.at >= begin && r.path == 0 && !r.options().Has(wire.OptFastClose) {
			t.Errorf("left in FASTCLOSE_WAIT: %s", w.line(r))
		}
	}
	if len(down) == 0 || down[0].path != 0 || !down[0].seg.Flags.Has(wire.RST) {
		t.Errorf("the peer has not answered on the same subflow by a RST\n%s", w.dump(20))
	}
	if e := srv.events[len(srv.events)-1]; e.Kind != Closed || e.Why != trace.ResetReceived {
		t.Errorf("server %v", e)
	}
}

// TestFastCloseUnanswered: without an answer MP_FASTCLOSE is sent again after each
// RTO, three times, and then a RST carries it and the state is gone (RFC 8684
// section 3.5).
//
// row:A25 rfc8684:3.5-2 rfc8684:3.5-3 rfc8684:3.5-4 rfc8684:3.5-5
func TestFastCloseUnanswered(t *testing.T) {
	w, cli, _ := abruptWorld(t, true, true)
	for _, p := range w.paths {
		p[0].drop = func(int, sim.Time, *Segment) bool { return true }
	}
	rto := w.client.ep.Subflows(cli.conn, nil)[0].RTO
	begin := w.now
	w.client.ep.Abort(w.now, cli.conn)
	w.flush(w.client)
	w.until(20*sim.Second, "state released", w.client.forgotten)
	var at []sim.Duration
	var last *record
	for _, r := range w.abruptEnd(true) {
		if r.options().Has(wire.OptFastClose) {
			at = append(at, r.at.Sub(begin))
			last = r
		}
	}
	if len(at) != 5 || !last.seg.Flags.Has(wire.RST) {
		t.Fatalf("sent at %v", at)
	}
	for i, d := range at {
		if d != sim.Duration(i)*rto {
			t.Errorf("MP_FASTCLOSE %d after %v, RTO %v", i, d, rto)
		}
	}
}

// TestFastCloseOnReset is option R: a RST with the key on every subflow, and no
// state is left at once; the peer is closed when it arrives.
//
// row:A25
func TestFastCloseOnReset(t *testing.T) {
	w, cli, srv := abruptWorld(t, false, false)
	w.client.ep.Abort(w.now, cli.conn)
	w.flush(w.client)
	if !w.client.forgotten() {
		t.Error("state is left")
	}
	up := w.abruptEnd(true)
	if len(up) != 2 || up[0].path == up[1].path {
		t.Fatalf("sent %d", len(up))
	}
	for _, r := range up {
		if !r.seg.Flags.Has(wire.RST) || !r.options().Has(wire.OptFastClose) {
			t.Errorf("%s", w.line(r))
		}
	}
	w.runTo(w.now.Add(10 * ms))
	if !w.server.forgotten() || srv.saw(Closed) != 1 {
		t.Errorf("server %v", srv.events)
	}
}

// TestFastCloseSimultaneous: both sides close at once, in every pair of forms. Who
// waits and gets an MP_FASTCLOSE answers by a RST; both end within a round trip.
//
// row:A25
func TestFastCloseSimultaneous(t *testing.T) {
	for pair := range 4 {
		w, cli, srv := abruptWorld(t, pair&1 != 0, pair&2 != 0)
		w.client.ep.Abort(w.now, cli.conn)
		w.server.ep.Abort(w.now, srv.conn)
		w.flush(w.client)
		w.flush(w.server)
		begin := w.now
		w.until(sim.Second, "closed", func() bool { return w.client.forgotten() && w.server.forgotten() })
		if d := w.now.Sub(begin); d > 100*ms {
			t.Errorf("pair %d: closed after %v", pair, d)
		}
		if n := counterOf(w.client.ep, "MPFastcloseTx"); pair&1 != 0 && n != 1 {
			t.Errorf("pair %d: the client sent %d", pair, n)
		}
		if pair == 3 {
			answers := 0
			for _, r := range append(w.abruptEnd(true), w.abruptEnd(false)...) {
				if r.path == 0 && r.seg.Flags.Has(wire.RST) && !r.options().Has(wire.OptFastClose) {
					answers++
				}
			}
			if answers != 2 {
				t.Errorf("%d answers by RST", answers)
			}
		}
	}
}

// TestFastCloseWrongKey: an MP_FASTCLOSE without our key is ignored: on an ACK
// nothing happens, on a RST only the subflow ends.
//
// row:A25
func TestFastCloseWrongKey(t *testing.T) {
	for _, flag := range []wire.Flags{0, wire.RST} {
		w, cli, srv := abruptWorld(t, true, true)
		w.runTo(w.now.Add(20 * ms))
		forged := false
		w.paths[1][1].box = func(s *Segment) []*Segment {
			if forged || s.Len == 0 {
				return []*Segment{s}
			}
			forged = true
			f := *s
			f.Segment.Len = 0
			f.Segment.Opt &= wire.HasTS
			f.Segment.Flags = wire.ACK | flag
			f.Buf = wire.Options{Present: wire.OptFastClose}
			f.Buf.FastClose.ReceiverKey = uint64(w.client.ep.socks.get(cli.conn).conn.local.key) + 1
			f.Opt = &f.Buf
			return []*Segment{&f, s}
		}
		w.runTo(w.now.Add(300 * ms))
		if !forged || cli.saw(Closed)+srv.saw(Closed) != 0 {
			t.Errorf("flag %d: client %v", flag, cli.events)
		}
		down := 0
		if flag == wire.RST {
			down = 1
		}
		if cli.saw(SubflowDown) != down {
			t.Errorf("flag %d: client %v", flag, cli.events)
		}
		w.counter(w.client, "MPFastcloseRx", 0)
	}
}

// TestFastCloseLosses loses every combination of the packets of an abrupt end, in
// both forms: both sides end in bounded time and leave nothing behind.
//
// row:A25
func TestFastCloseLosses(t *testing.T) {
	for _, onAck := range []bool{true, false} {
		for mask := range 32 {
			w, cli, srv := abruptWorld(t, onAck, onAck)
			srv.toWrite = 0
			k := 0
			for _, p := range w.paths {
				for _, d := range p {
					d.drop = func(_ int, _ sim.Time, s *Segment) bool {
						if !s.Opt.Has(wire.OptFastClose) && !s.Flags.Has(wire.RST) {
							return false
						}
						k++
						return k <= 5 && mask>>(k-1)&1 != 0
					}
				}
			}
			w.client.ep.Abort(w.now, cli.conn)
			w.flush(w.client)
			w.until(2000*sim.Second, "closed", func() bool { return w.client.forgotten() })
			w.runTo(w.now.Add(5 * sim.Second))
			// A side that has heard nothing finds out when it sends.
			if srv.saw(Closed) == 0 {
				w.server.ep.Close(w.now, srv.conn)
				w.flush(w.server)
			}
			w.settleDown(2000 * sim.Second)
		}
	}
}

// TestPeerResetReason: what a RST says by MP_TCPRST is recorded with the subflow.
func TestPeerResetReason(t *testing.T) {
	for _, transient := range []bool{false, true} {
		w, cli, _ := abruptWorld(t, true, true)
		w.paths[1][1].box = func(s *Segment) []*Segment {
			s.Flags |= wire.RST
			s.Len = 0
			s.Options().Present |= wire.OptRst
			s.Opt.Rst = wire.Rst{Reason: 5}
			if transient {
				s.Opt.Rst.Flags = wire.RstTransient
			}
			return []*Segment{s}
		}
		w.runTo(w.now.Add(500 * ms))
		f := w.client.ep.Subflows(cli.conn, nil)[1]
		if want := (PeerReset{Seen: true, Reason: 5, Transient: transient}); f.PeerReset != want || !f.Ended {
			t.Errorf("%+v", f.PeerReset)
		}
	}
}
