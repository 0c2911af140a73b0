package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Checks of incoming segments: RFC 5961, RFC 7323.

func withTS(val, ecr uint32) func(*Segment) {
	return func(s *Segment) {
		s.Segment.Opt |= wire.HasTS
		s.TSVal, s.TSEcr = val, ecr
	}
}

// tsScript is an established connection with timestamps; the peer's clock stands
// at 1000.
func tsScript(t *testing.T, change func(*Config)) *script {
	s := newScript(t, 0, change)
	s.peer(0, fS, 0, 0, 0, 50000, synOptions(1460, true, 7), withTS(1000, 0))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(20*ms, fA, 1, 0, 1, 400, withTS(1000, 0))
	return s
}

// TestPAWS: a segment with an older timestamp is dropped and acknowledged, a RST
// is not subject to the check, and long silence lifts it (RFC 7323 section 5: 24
// days; Linux 2147 s).
func TestPAWS(t *testing.T) {
	s := tsScript(t, nil)
	s.peer(0, fPA, 1, 100, 1, 400, withTS(1100, 0))
	s.expect(0, 0, fA, 1, 0, 101)
	s.peer(0, fPA, 101, 100, 1, 400, withTS(1050, 0))
	s.expect(0, 0, fA, 1, 0, 101)
	if s.c.Stats().PAWSDrops != 1 || s.c.RcvNxt() != 100 {
		t.Fatalf("drops %d, RCV.NXT %d", s.c.Stats().PAWSDrops, s.c.RcvNxt())
	}
	s.wait(s.c.p.PAWSIdle)
	s.out = nil
	s.peer(0, fPA, 101, 100, 1, 400, withTS(1050, 0))
	s.expect(0, 0, fA, 1, 0, 201)
	s.peer(0, fR, 201, 0, 0, 0, withTS(1, 0))
	if s.c.State() != StateClosed {
		t.Fatal("RST was subject to PAWS")
	}
}

// TestTSRecent: TS.Recent follows only segments that start at or before the last
// acknowledgement sent, so that a delayed ACK echoes the first of its segments
// (RFC 7323 section 4.3).
func TestTSRecent(t *testing.T) {
	s := tsScript(t, func(c *Config) { c.Profile.QuickAckStart = 0 })
	s.peer(0, fA, 1, 1448, 1, 400, withTS(2000, 0))
	s.peer(1*ms, fA, 1449, 1448, 1, 400, withTS(2001, 0))
	s.expect(0, 0, fA, 1, 0, 2897, func(g *Segment) {
		if g.TSEcr != 2000 {
			t.Fatalf("echoes %d, want the first of the two: 2000", g.TSEcr)
		}
	})
	// A hole: what lies behind it does not count.
	s.peer(1*ms, fA, 5793, 1448, 1, 400, withTS(2010, 0))
	s.expect(0, 0, fA, 1, 0, 2897, func(g *Segment) {
		if g.TSEcr != 2000 && g.TSEcr != 2001 {
			t.Fatalf("echoes %d", g.TSEcr)
		}
	})
}

// TestAckRange: an ACK of what was never sent, or older than the largest window,
// draws a challenge ACK and carries no payload in (RFC 5961 section 5).
func TestAckRange(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.peer(0, fPA, 1, 100, 2, 400)
	s.expect(0, 0, fA, 1, 0, 1)
	s.peer(600*ms, fPA, 1, 100, 0x80000000, 400)
	s.expect(0, 0, fA, 1, 0, 1)
	if st := s.c.Stats(); st.BadAcks != 2 || st.ChallengeAcks != 2 || s.c.RcvNxt() != 0 {
		t.Fatalf("%+v", st)
	}
}

// TestChallengeRate: at most one answer in 500 ms to what only an attacker sends.
func TestChallengeRate(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	for range 100 {
		s.peer(10*ms, fR, 2000, 0, 0, 0)
	}
	if n := s.c.Stats().ChallengeAcks; n != 2 || len(s.out) != 2 {
		t.Fatalf("%d challenge ACKs in 1 s", n)
	}
}

// TestResetExact: of all sequence numbers in the window only the next one resets
// (RFC 5961 section 3.2).
func TestResetExact(t *testing.T) {
	for _, v := range []struct {
		seq  uint32
		dead bool
	}{{0, false}, {1, true}, {2, false}, {60000, false}} {
		s := newScript(t, 0, nil)
		s.handshake(20*ms, 50000, 1460, true, 7)
		s.peer(0, fR, v.seq, 0, 0, 0)
		if (s.c.State() == StateClosed) != v.dead {
			t.Errorf("RST at %d: %v", v.seq, s.c.State())
		}
	}
}

// TestSynAckWithoutFlagACK: a segment without ACK is dropped in all synchronised
// states.
func TestNoAckFlag(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.peer(0, wire.PSH, 1, 100, 0, 400)
	if s.c.RcvNxt() != 0 || len(s.out) != 0 {
		t.Fatal("accepted")
	}
}

// TestRefusedByTimestamp: a SYN/ACK that echoes a timestamp we never sent draws a
// reset.
func TestSynAckEcho(t *testing.T) {
	c := New(&Config{CC: newCC(t, "reno"), MSS: 1460, ISS: 77, TSOffset: 5000})
	s := &script{t: t, c: c, iss: 77}
	c.Connect(0)
	s.flush()
	s.out = nil
	s.peer(10*ms, fSA, 0, 0, 1, 1000, synOptions(1460, true, 7), withTS(1, 4000))
	if c.State() != StateSynSent || len(s.out) != 1 || s.out[0].seg.Flags != wire.RST {
		t.Fatal(c.State())
	}
	s.out = nil
	s.peer(10*ms, fSA, 0, 0, 1, 1000, synOptions(1460, true, 7), withTS(1, 5000))
	if c.State() != StateEstablished {
		t.Fatal(c.State())
	}
}

// TestTimeWaitSegments: a FIN again is acknowledged and restarts the wait, a RST at
// the expected number ends it, old ACKs are ignored.
func TestTimeWaitSegments(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.do(0, s.c.CloseWrite)
	s.expect(0, 0, fFA, 1, 0, 1)
	s.peer(20*ms, fFA, 1, 0, 2, 400)
	s.expect(0, 0, fA, 2, 0, 2)
	s.peer(30*sim.Second, fFA, 1, 0, 2, 400)
	s.expect(0, 0, fA, 2, 0, 2)
	s.wait(59 * sim.Second)
	if s.c.State() != StateTimeWait {
		t.Fatal("the wait was not restarted")
	}
	s.peer(0, fA, 2, 0, 2, 400)
	s.peer(0, fR, 2, 0, 0, 0)
	if !s.c.Forgotten() || s.c.Reason() != trace.Graceful {
		t.Fatal(s.c.State())
	}
	s.done()
}

// TestTSRecentExpires: after 24 days of silence any timestamp is newer than
// TS.Recent, which must follow, or the peer's clock, half a turn ahead by then,
// would seem to run behind (RFC 7323 section 5.5).
func TestTSRecentExpires(t *testing.T) {
	n := newNet(t, 10*ms, nil)
	n.connect()
	n.a.write = 1000
	n.flush(n.a)
	n.run(n.now.Add(sim.Second))
	n.now = n.now.Add(30 * 24 * 3600 * sim.Second)
	n.a.write = 5_000_000
	n.flush(n.a)
	n.run(n.now.Add(20 * sim.Second))
	if n.b.got != 5_001_000 {
		t.Errorf("read %d", n.b.got)
	}
	if d := n.a.c.tsClock(n.now) - n.b.c.tsRecent; d > 20_000 {
		t.Errorf("TS.Recent is %d ms behind the peer's clock", d)
	}
}
