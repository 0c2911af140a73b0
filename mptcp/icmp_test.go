package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// icmp gives the client an ICMP error about a segment of its own.
func (w *world) icmp(t wire.Tuple, seq wire.Seq, kind wire.ICMPKind, code uint8) {
	w.client.ep.HandleICMP(w.now, &ICMPError{Tuple: t, Seq: seq, Kind: kind, Code: code})
	w.flush(w.client)
}

func why(a *app) trace.Reason {
	for _, e := range a.events {
		if e.Kind == Closed {
			return e.Why
		}
	}
	return trace.NoReason
}

// An error about a SYN ends the attempt at once, if it quotes that SYN (RFC 1122
// section 4.2.3.9 applies to established connections only; Linux tcp_v4_err).
func TestICMPWhileConnecting(t *testing.T) {
	for _, proto := range []Protocol{TCP, MPTCP} {
		for code, want := range map[uint8]trace.Reason{0: trace.Unreachable, 1: trace.Unreachable, 3: trace.Refused, 13: trace.Unreachable} {
			w := newWorld(t, 10*ms)
			w.opt.Protocol = proto
			w.paths[0][0].drop = func(int, sim.Time, *Segment) bool { return true }
			a := w.connect()
			syn := w.log[0].seg
			tuple := w.client.ep.flows.slots[1].tuple
			w.icmp(tuple, syn.Seq+1, wire.ICMPUnreachable, code)
			w.icmp(tuple.Reverse(), syn.Seq, wire.ICMPUnreachable, code)
			w.icmp(tuple, syn.Seq, wire.ICMPTooBig, 4)
			if a.saw(Closed) != 0 {
				t.Fatalf("%v, code %d: an error about something else ended the attempt", proto, code)
			}
			w.icmp(tuple, syn.Seq, wire.ICMPUnreachable, code)
			if a.saw(Closed) != 1 || why(a) != want {
				t.Errorf("%v, code %d: %d Closed events, reason %v, want %v", proto, code, a.saw(Closed), why(a), want)
			}
		}
	}
}

// About an established connection an error is advice: the transfer goes on, and
// only if the connection times out it says why.
func TestICMPIsSoft(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.opt.Protocol = TCP
	silent := false
	w.paths[0][0].drop = func(int, sim.Time, *Segment) bool { return silent }
	a := w.connect()
	w.until(sim.Second, "connected", func() bool { return a.saw(Connected) > 0 })
	f := w.client.ep.flows.slots[1]
	last := func() wire.Seq { return w.log[len(w.log)-1].seg.Seq }
	send := func() {
		a.toWrite = 1000
		w.flush(w.client)
	}
	send()
	w.icmp(f.tuple, last(), wire.ICMPUnreachable, 3)
	if n := f.tcp.Stats().SoftErrors; n != 1 || a.saw(Closed) != 0 {
		t.Fatalf("%d soft errors, %d Closed events", n, a.saw(Closed))
	}
	w.runTo(w.now.Add(sim.Second))
	w.icmp(f.tuple, last()-5000, wire.ICMPUnreachable, 3) // nothing in flight
	if n := f.tcp.Stats().SoftErrors; n != 1 {
		t.Fatalf("an error about what is not in flight is counted")
	}
	// The first error was answered by progress since: it does not count any more.
	silent = true
	send()
	w.until(3000*sim.Second, "timed out", func() bool { return a.saw(Closed) > 0 })
	if why(a) != trace.TimedOut {
		t.Errorf("reason %v, want timed_out", why(a))
	}
}

// The reason of a connection that times out is that of the last error, and each
// error about an unreachable host takes one doubling of the timer back (RFC 6069).
func TestICMPRevertsBackoff(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.opt.Protocol = TCP
	silent := false
	w.paths[0][0].drop = func(int, sim.Time, *Segment) bool { return silent }
	a := w.connect()
	w.until(sim.Second, "connected", func() bool { return a.saw(Connected) > 0 })
	f := w.client.ep.flows.slots[1]
	base := f.tcp.RTO()
	silent = true
	a.toWrite = 1000
	w.flush(w.client)
	head := w.log[len(w.log)-1].seg.Seq
	w.until(60*sim.Second, "four timeouts", func() bool { return f.tcp.Backoff() == 4 })
	if f.tcp.RTO() != 16*base {
		t.Fatalf("RTO %v after four timeouts from %v", f.tcp.RTO(), base)
	}
	w.icmp(f.tuple, head, wire.ICMPUnreachable, 13) // prohibited says nothing of the path
	if f.tcp.Backoff() != 4 {
		t.Error("code 13 reverts a doubling")
	}
	sent := w.now
	w.icmp(f.tuple, head, wire.ICMPUnreachable, 1)
	if f.tcp.Backoff() != 3 || f.tcp.RTO() != 8*base {
		t.Fatalf("backoff %d, RTO %v; want 3, %v", f.tcp.Backoff(), f.tcp.RTO(), 8*base)
	}
	if at := f.tcp.NextTimeout(); at != sent.Add(8*base) {
		t.Errorf("timer at %v, want %v", at, sent.Add(8*base))
	}
	w.until(3000*sim.Second, "timed out", func() bool { return a.saw(Closed) > 0 })
	if why(a) != trace.Unreachable {
		t.Errorf("reason %v, want unreachable", why(a))
	}
}

// RFC 8684 section 3.3.6: an ICMP error declares a subflow failed; its data is
// sent again on another one. In Linux it is advice.
func TestICMPFailsSubflow(t *testing.T) {
	for _, p := range []*Profile{RFC(), Linux()} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = p
		var srv *app
		w.start()
		w.server.accept = func() *app { srv = &app{}; return srv }
		a := w.connect()
		a.toWrite = 100
		w.flush(w.client)
		w.until(5*sim.Second, "two subflows", func() bool {
			subs := w.client.ep.Subflows(a.conn, nil)
			return len(subs) == 2 && subs[1].Usable
		})
		c := w.client.ep.socks.get(a.conn).conn
		silent := false
		w.paths[1][0].drop = func(int, sim.Time, *Segment) bool { return silent }
		a.toWrite = 399_900
		w.flush(w.client)
		w.until(5*sim.Second, "data on the second path", func() bool { return c.subs[1].flow.tcp.SndUna() > 20_000 })
		silent = true
		w.runTo(w.now.Add(5 * ms))
		g := c.subs[1]
		var head wire.Seq
		for _, r := range w.log {
			if r.path == 1 && r.up && r.seg.Len > 0 {
				head = r.seg.Seq
			}
		}
		w.icmp(g.flow.tuple, head, wire.ICMPUnreachable, 1)
		if fails := p.ICMPFailsSubflow; g.dead != fails || fails && g.why != trace.Unreachable {
			t.Errorf("%s: subflow dead %v, reason %v", p.Name, g.dead, g.why)
		}
		w.until(60*sim.Second, "everything", func() bool { return srv.off == 400_000 })
		if srv.bad != 0 || p.ICMPFailsSubflow && c.stats.reinjected == 0 {
			t.Errorf("%s: %d bad bytes, %d sent again", p.Name, srv.bad, c.stats.reinjected)
		}
	}
}
