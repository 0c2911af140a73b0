package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The state machine (RFC 9293 sections 3.5 and 3.6).

// TestSimultaneousOpen is figure 7 of RFC 9293: both SYNs cross.
func TestSimultaneousOpen(t *testing.T) {
	for _, p := range []*Profile{Linux(), RFC()} {
		n := newNet(t, 10*ms, func(a, b *Config) { a.Profile, b.Profile = p, p })
		n.a.c.Connect(0)
		n.b.c.Connect(0)
		n.flush(n.a)
		n.flush(n.b)
		n.run(sim.Time(15 * ms))
		if n.a.c.State() != StateSynReceived || n.b.c.State() != StateSynReceived {
			t.Fatalf("%v %v after the SYNs crossed", n.a.c.State(), n.b.c.State())
		}
		n.run(sim.Time(40 * ms))
		if n.a.c.State() != StateEstablished || n.b.c.State() != StateEstablished {
			t.Fatalf("%v %v", n.a.c.State(), n.b.c.State())
		}
		if !n.a.c.UsesSACK() || !n.b.c.UsesTimestamps() {
			t.Fatal("options lost")
		}
		// The SYN of the SYN/ACK came again (measured on Linux 6.18: SACK 0:1).
		if a, b := n.a.c.Stats().DSACKsSent, n.b.c.Stats().DSACKsSent; a != 1 || b != 1 {
			t.Fatalf("%d and %d DSACKs for the SYNs", a, b)
		}
		n.a.write, n.b.write = 100_000, 100_000
		n.flush(n.a)
		n.flush(n.b)
		n.run(sim.Time(3 * sim.Second))
		if n.a.got != 100_000 || n.b.got != 100_000 || n.a.bad+n.b.bad != 0 {
			t.Fatalf("got %d %d", n.a.got, n.b.got)
		}
	}
}

// TestSimultaneousClose is figure 13: both FINs cross, both ends go through
// CLOSING to TIME-WAIT.
func TestSimultaneousClose(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	now := n.now
	for _, h := range []*host{n.a, n.b} {
		h.c.CloseWrite(now)
		n.flush(h)
		if h.c.State() != StateFinWait1 {
			t.Fatal(h.c.State())
		}
	}
	n.run(now.Add(10 * ms))
	if n.a.c.State() != StateClosing || n.b.c.State() != StateClosing {
		t.Fatalf("%v %v", n.a.c.State(), n.b.c.State())
	}
	n.run(now.Add(20 * ms))
	if n.a.c.State() != StateTimeWait || n.b.c.State() != StateTimeWait {
		t.Fatalf("%v %v", n.a.c.State(), n.b.c.State())
	}
	n.run(now.Add(20*ms + 60*sim.Second - 1))
	if n.a.c.Forgotten() {
		t.Fatal("TIME-WAIT too short")
	}
	n.run(now.Add(20*ms + 60*sim.Second))
	if !n.a.c.Forgotten() || n.a.c.State() != StateClosed || n.a.c.Reason() != trace.Graceful {
		t.Fatal("TIME-WAIT too long")
	}
}

// TestHalfClose: one side ends its stream and goes on receiving.
func TestHalfClose(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.c.CloseWrite(n.now)
	n.flush(n.a)
	n.run(n.now.Add(100 * ms))
	if n.a.c.State() != StateFinWait2 || n.b.c.State() != StateCloseWait || !n.b.c.PeerFIN() {
		t.Fatalf("%v %v", n.a.c.State(), n.b.c.State())
	}
	n.b.write, n.b.close = 500_000, true
	n.flush(n.b)
	n.run(n.now.Add(5 * sim.Second))
	if n.a.got != 500_000 || n.a.bad != 0 || n.b.c.State() != StateClosed || n.a.c.State() != StateTimeWait {
		t.Fatalf("got %d, %v %v", n.a.got, n.a.c.State(), n.b.c.State())
	}
}

// TestFinRidesOnData: the FIN of a stream that is closed behind its data goes with
// the last segment, and closing before anything was acknowledged works.
func TestFinRidesOnData(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.write, n.a.close = 2000, true
	n.flush(n.a)
	d := n.a.data()
	if len(d) != 2 || d[1].seg.Flags != fFA|wire.PSH || d[1].seg.Len != 552 {
		t.Fatalf("%d segments, last %v", len(d), d[len(d)-1].seg.Flags)
	}
}

// TestFinWait2Timeout: after Close the wait for the peer's FIN is bounded; after
// CloseWrite it is not.
func TestFinWait2Timeout(t *testing.T) {
	for _, full := range []bool{false, true} {
		n := newNet(t, 10*ms, nil)
		n.connect()
		if full {
			n.a.c.Close(n.now)
		} else {
			n.a.c.CloseWrite(n.now)
		}
		n.flush(n.a)
		n.run(n.now.Add(100 * ms))
		if n.a.c.State() != StateFinWait2 {
			t.Fatal(n.a.c.State())
		}
		n.run(n.now.Add(61 * sim.Second))
		if n.a.c.Forgotten() != full {
			t.Fatalf("full close %v: %v", full, n.a.c.State())
		}
	}
}

// TestDataAfterClose: what arrives when nobody reads any more is answered by a
// reset (RFC 1122 section 4.2.2.13).
func TestDataAfterClose(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.c.Close(n.now)
	n.flush(n.a)
	n.run(n.now.Add(50 * ms))
	n.b.write = 1000
	n.flush(n.b)
	n.run(n.now.Add(50 * ms))
	if n.b.c.State() != StateClosed || n.b.c.Reason() != trace.ResetReceived || n.a.c.Reason() != trace.ResetSent {
		t.Fatalf("%v %v", n.b.c.State(), n.b.c.Reason())
	}
}

// TestCloseWithUnreadData resets (RFC 2525 section 2.17).
func TestCloseWithUnreadData(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.read = false
	n.b.write = 1000
	n.flush(n.b)
	n.run(n.now.Add(50 * ms))
	n.a.c.Close(n.now)
	n.flush(n.a)
	n.run(n.now.Add(50 * ms))
	if n.b.c.Reason() != trace.ResetReceived {
		t.Fatal(n.b.c.Reason())
	}
}

// TestAbort sends RST with ACK and ends both ends.
func TestAbort(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.write = 100_000
	n.flush(n.a)
	n.a.c.Abort(n.now)
	if n.a.c.Forgotten() {
		t.Fatal("forgotten before the RST left")
	}
	n.flush(n.a)
	last := n.a.sent[len(n.a.sent)-1].seg
	if last.Flags != wire.RST|wire.ACK || !n.a.c.Forgotten() {
		t.Fatalf("sent %v", last.Flags)
	}
	n.run(n.now.Add(50 * ms))
	if n.b.c.State() != StateClosed || n.b.c.Reason() != trace.ResetReceived {
		t.Fatalf("%v %v", n.b.c.State(), n.b.c.Reason())
	}
}

// TestRefused: RST in answer to a SYN.
func TestRefused(t *testing.T) {
	c := New(&Config{CC: newCC(t, "reno"), MSS: 1460, ISS: 77})
	s := &script{t: t, c: c, iss: 77}
	c.Connect(0)
	s.flush()
	var rst Segment
	if !ResetFor(&s.out[0].seg, &rst) || rst.Flags != wire.RST|wire.ACK || rst.Ack != 78 || rst.Seq != 0 {
		t.Fatalf("ResetFor: %+v", rst.Segment)
	}
	c.Handle(sim.Time(10*ms), &rst)
	if c.State() != StateClosed || c.Reason() != trace.Refused {
		t.Fatalf("%v %v", c.State(), c.Reason())
	}
	if ResetFor(&rst, &Segment{}) {
		t.Fatal("a RST is answered")
	}
}

// TestSynSentChecks: in SYN-SENT a wrong ACK draws a reset and a RST without ACK
// is ignored (RFC 9293 section 3.10.7.3).
func TestSynSentChecks(t *testing.T) {
	c := New(&Config{CC: newCC(t, "reno"), MSS: 1460, ISS: 77})
	s := &script{t: t, c: c, iss: 77}
	c.Connect(0)
	s.flush()
	s.out = nil
	s.peer(0, fA, 500, 0, 12, 1000)
	if len(s.out) != 1 || s.out[0].seg.Flags != wire.RST || s.out[0].seg.Seq != 77+12 {
		t.Fatalf("%+v", s.out)
	}
	s.peer(0, fR, 0, 0, 0, 0)
	s.peer(0, wire.RST|wire.ACK, 0, 0, 12, 0)
	if c.State() != StateSynSent {
		t.Fatal(c.State())
	}
}

// TestLostHandshakeSegments: each of the three segments may be lost.
func TestLostHandshakeSegments(t *testing.T) {
	for lost := range 3 {
		n := newNet(t, 10*ms, nil)
		k := 0
		drop := func(int, sim.Time, *Segment) bool { k++; return k-1 == lost }
		n.a.out.drop, n.b.out.drop = drop, drop
		n.a.write, n.a.close = 50_000, true
		n.a.c.Connect(0)
		n.flush(n.a)
		n.run(sim.Time(10 * sim.Second))
		if n.b.got != 50_000 || n.b.bad != 0 {
			t.Fatalf("segment %d lost: got %d", lost, n.b.got)
		}
		if st := n.a.c.Stats().SynTimeouts + n.b.c.Stats().SynTimeouts; (lost < 2) != (st > 0) {
			t.Fatalf("segment %d lost: %d SYN timeouts", lost, st)
		}
	}
}

// TestInitialWindow: ten segments (RFC 6928); one after a handshake in which the
// SYN was lost, at once in the RFC profile (RFC 5681 section 3.1), after two losses
// in Linux.
func TestInitialWindow(t *testing.T) {
	for _, v := range []struct {
		p    *Profile
		lost int
		want int
	}{{Linux(), 0, 10}, {Linux(), 1, 10}, {Linux(), 2, 1}, {RFC(), 0, 10}, {RFC(), 1, 1}} {
		n := newNet(t, 10*ms, func(a, b *Config) { a.Profile, b.Profile = v.p, v.p })
		n.a.out.drop = func(k int, _ sim.Time, _ *Segment) bool { return k < v.lost }
		n.connect()
		n.a.write = 100_000
		n.flush(n.a)
		if got := len(n.a.data()); got != v.want {
			t.Errorf("%s, %d SYNs lost: %d segments, want %d", v.p.Name, v.lost, got, v.want)
		}
	}
}

// TestTimeWaitReuse: a newer SYN may reuse the 4-tuple (RFC 6191).
func TestTimeWaitReuse(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.c.CloseWrite(n.now)
	n.b.c.CloseWrite(n.now)
	n.flush(n.a)
	n.flush(n.b)
	n.run(n.now.Add(100 * ms))
	syn := &Segment{}
	syn.Flags = wire.SYN
	syn.Seq = n.b.cfg.ISS + 100000
	if !n.a.c.CanReuse(syn) {
		t.Fatal("newer sequence number refused")
	}
	syn.Seq = n.b.cfg.ISS
	if n.a.c.CanReuse(syn) {
		t.Fatal("old sequence number accepted")
	}
	syn.Segment.Opt |= wire.HasTS
	syn.TSVal = n.a.c.tsRecent + 1
	if !n.a.c.CanReuse(syn) {
		t.Fatal("newer timestamp refused")
	}
}
