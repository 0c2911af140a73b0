package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestOrphanUnanswered: the FIN of a connection that nobody waits for is given up
// at the first timeout 102.2 s after the first retransmission, which is the time of
// eight doublings of 200 ms (ip-sysctl.rst, tcp_orphan_retries), that of one with an
// owner after 924.6 s.
func TestOrphanUnanswered(t *testing.T) {
	for _, orphan := range []bool{false, true} {
		s := newScript(t, 0, nil)
		s.handshake(50*ms, 50000, 1460, false, 7)
		s.do(0, func(now sim.Time) {
			s.c.CloseWrite(now)
			if orphan {
				s.c.Orphan(now)
			}
		})
		first := s.clock.Add(250 * ms)
		s.advance(first.Add(102200*ms - 1))
		if s.c.State() != StateFinWait1 {
			t.Fatalf("orphan %v: given up too early", orphan)
		}
		s.advance(first.Add(2 * 102200 * ms))
		switch {
		case !orphan && s.c.State() != StateFinWait1:
			t.Fatal("one that has an owner is given up")
		case orphan && (s.c.State() != StateClosed || s.c.Reason() != trace.TimedOut):
			t.Fatalf("%v %v", s.c.State(), s.c.Reason())
		}
	}
}

// TestOrphanBehindClosedWindow: a FIN that the peer's window never lets leave,
// although the peer answers every probe, is given up when the interval of the probes
// has reached 120 s, which takes nine doublings of 250 ms; a connection that has an
// owner waits for ever.
func TestOrphanBehindClosedWindow(t *testing.T) {
	for _, orphan := range []bool{false, true} {
		s := newScript(t, 0, nil)
		s.handshake(50*ms, 50000, 1460, false, 7)
		s.write(0, 500)
		s.now = s.clock
		s.peer(50*ms, fA, 1, 0, 501, 0)
		s.do(0, func(now sim.Time) {
			s.c.CloseWrite(now)
			if orphan {
				s.c.Orphan(now)
			}
		})
		s.out = nil
		var at []sim.Time
		for s.c.State() != StateClosed && len(at) < 20 {
			if s.await(s.clock.Add(200 * sim.Second)); len(s.out) == 0 {
				break
			}
			if p := s.out[0].seg; p.Flags != wire.ACK || p.Len != 0 || p.Seq != s.iss+500 {
				t.Fatalf("orphan %v: sent %+v instead of a probe", orphan, p.Segment)
			}
			at = append(at, s.clock)
			s.out = nil
			s.now = s.clock
			s.peer(0, fA, 1, 0, 501, 0)
		}
		if orphan != (s.c.State() == StateClosed) || orphan && (s.c.Reason() != trace.TimedOut || len(at) != 9) || !orphan && len(at) != 20 {
			t.Errorf("orphan %v: %d probes at %v, then %v for %v", orphan, len(at), at, s.c.State(), s.c.Reason())
		}
	}
}
