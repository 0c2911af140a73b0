package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// kernelWheel is calc_wheel_index of kernel/time/timer.c, written from its table:
// level 0 serves 0 to 62 ticks at a granularity of 1, level 1 63 to 503 at 8,
// level 2 504 to 4031 at 64, level 3 4032 to 32255 at 512, level 4 at 4096.
func kernelWheel(clk, delta int64) int64 {
	gran := int64(1)
	switch {
	case delta <= 62:
	case delta <= 503:
		gran = 8
	case delta <= 4031:
		gran = 64
	case delta <= 32255:
		gran = 512
	default:
		gran = 4096
	}
	return ((clk+delta)/gran + 1) * gran
}

func TestWheel(t *testing.T) {
	for _, now := range []sim.Duration{0, 1, 3999999, 4 * ms, 123456789, 5 * sim.Second} {
		for _, d := range []sim.Duration{1, 4 * ms, 40 * ms, 248 * ms, 252 * ms, 272 * ms, 544 * ms, 2012 * ms,
			2016 * ms, 8704 * ms, 16124 * ms, 16128 * ms, 60 * sim.Second, 120 * sim.Second, 130 * sim.Second} {
			want := kernelWheel(int64(now/(4*ms)), (int64(d)+int64(4*ms)-1)/int64(4*ms)) * int64(4*ms)
			got := wheelExpiry(sim.Time(now), d)
			if int64(got) != want {
				t.Errorf("now %v, %v: %v, want %v", now, d, got, sim.Time(want))
			}
			if got < sim.Time(now+d) {
				t.Errorf("now %v, %v: fires early at %v", now, d, got)
			}
		}
	}
}

// retransmissionTimes sends one segment into the void and returns the times of
// its transmissions, counted from the first.
func retransmissionTimes(t *testing.T, change func(*Config), rtt sim.Duration, count int) []sim.Duration {
	t.Helper()
	s := newScript(t, 0, change)
	s.handshake(rtt, 50000, 1460, false, 7) // without SACK there is no tail loss probe
	s.write(0, 500)
	var out []sim.Duration
	start := s.clock
	for len(out) < count {
		s.await(s.clock.Add(1000 * sim.Second))
		if len(s.out) == 0 {
			t.Fatalf("only %d transmissions", len(out))
		}
		out = append(out, s.out[0].at.Sub(start))
		s.out = s.out[1:]
	}
	return out
}

// TestBackoffIsExact: the k-th retransmission comes RTO*2^k after the one before,
// up to the maximum (RFC 6298 section 5.5).
func TestBackoffIsExact(t *testing.T) {
	got := retransmissionTimes(t, nil, 50*ms, 13)
	want, rto := sim.Duration(0), 250*ms // SRTT 50 + 200
	for i := range got {
		if got[i] != want {
			t.Fatalf("transmission %d after %v, want %v", i, got[i], want)
		}
		want += rto
		rto = min(2*rto, 120*sim.Second)
	}
}

// TestBackoffOnTheWheel: with an RTO of 272 ms a real kernel was seen to retransmit
// after 0.30, 0.58, 1.12, 2.2, 4.4 and 8.8 s (../shared/facts/LINUX.md).
func TestBackoffOnTheWheel(t *testing.T) {
	got := retransmissionTimes(t, func(c *Config) { c.Profile.Granularity = LinuxHZ250 }, 72*ms, 7)
	measured := []float64{0.30, 0.58, 1.12, 2.2, 4.4, 8.8}
	for i, m := range measured {
		d := (got[i+1] - got[i]).Seconds()
		bucket := 0.032 // of the level; where in it depends on the phase of the ticks
		if m > 2.016 {
			bucket = 0.256
		}
		if d < m-bucket || d > m+bucket {
			t.Errorf("interval %d is %.3f s, the kernel's %.2f", i, d, m)
		}
	}
}

// TestSynBackoff: 1, 1, 1, 1, 1, 2, 4 s and so on, and the end after 131 s (Linux
// 6.18, ip-sysctl.rst: "the final timeout ... 131 seconds").
func TestSynBackoff(t *testing.T) {
	c := New(&Config{CC: newCC(t, "reno"), MSS: 1460, ReceiveBuffer: 1 << 16})
	c.Connect(0)
	s := &script{t: t, c: c}
	s.flush()
	s.advance(sim.Time(200 * sim.Second))
	var at []sim.Duration
	for _, r := range s.out {
		if r.seg.Flags != wire.SYN {
			t.Fatalf("sent %v", r.seg.Flags)
		}
		at = append(at, sim.Duration(r.at))
	}
	var want []sim.Duration
	for _, x := range []int{0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67} {
		want = append(want, sim.Duration(x)*sim.Second)
	}
	equal(t, "SYNs", at, want)
	if c.Reason() != trace.TimedOut || !c.Forgotten() {
		t.Fatalf("%v, %v", c.State(), c.Reason())
	}
	if s.clock < sim.Time(131*sim.Second) {
		t.Fatal("given up too early")
	}
}

// TestSynAckBackoff: the last of five retransmissions after 31 s, the end after 63.
func TestSynAckBackoff(t *testing.T) {
	s := newScript(t, 0, nil)
	s.peer(0, fS, 0, 0, 0, 50000, synOptions(1460, true, 7))
	s.advance(sim.Time(62999 * ms))
	if len(s.out) != 6 || s.out[5].at != sim.Time(31*sim.Second) || s.c.State() != StateSynReceived {
		t.Fatalf("%d SYN/ACKs, %v", len(s.out), s.c.State())
	}
	s.advance(sim.Time(63 * sim.Second))
	if s.c.State() != StateClosed {
		t.Fatal(s.c.State())
	}
}

// TestGivingUp: data that is never acknowledged ends the connection at the first
// timeout 924.6 s after the first retransmission.
func TestGivingUp(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(50*ms, 50000, 1460, false, 7)
	s.write(0, 500)
	first := s.clock.Add(250 * ms)
	s.advance(first.Add(924600*ms - 1))
	if s.c.State() != StateEstablished {
		t.Fatal("given up too early")
	}
	s.advance(first.Add((924600 + 120000) * ms))
	if s.c.State() != StateClosed || s.c.Reason() != trace.TimedOut {
		t.Fatalf("%v %v", s.c.State(), s.c.Reason())
	}
}

// TestUserTimeout: SetUserTimeout ends it earlier (RFC 5482).
func TestUserTimeout(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(50*ms, 50000, 1460, false, 7)
	s.c.SetUserTimeout(3 * sim.Second)
	s.write(0, 500)
	first := s.clock.Add(250 * ms)
	s.advance(first.Add(2999 * ms))
	if s.c.State() != StateEstablished {
		t.Fatal("given up too early")
	}
	s.advance(first.Add(3 * sim.Second))
	if s.c.State() != StateClosed {
		t.Fatal("not given up")
	}
}

// TestRTOCap: with a cap the timer fires at least that often, whatever the
// backoff, and the pending one is moved.
func TestRTOCap(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(50*ms, 50000, 1460, false, 7)
	s.write(0, 500)
	s.advance(s.clock.Add(10 * sim.Second)) // 0.25 0.75 1.75 3.75 7.75 15.75
	last := s.out[len(s.out)-1].at
	s.out = nil
	s.c.SetRTOCap(sim.Second)
	s.advance(last.Add(13 * sim.Second))
	if len(s.out) < 10 {
		t.Fatalf("%d retransmissions in 11 s", len(s.out))
	}
	for i := 1; i < len(s.out); i++ {
		if d := s.out[i].at.Sub(s.out[i-1].at); d != sim.Second {
			t.Fatalf("interval %v", d)
		}
	}
	s.c.SetRTOCap(0)
	n := len(s.out)
	s.advance(s.clock.Add(17 * sim.Second))
	if len(s.out) > n+2 {
		t.Fatal("the cap is still in force")
	}
}

// TestKeepalive: probes after two hours of silence, every 75 s, nine of them, and
// then a reset (RFC 1122 section 4.2.3.6; Linux defaults).
func TestKeepalive(t *testing.T) {
	s := newScript(t, 0, func(c *Config) { c.Keepalive = true })
	s.handshake(50*ms, 50000, 1460, true, 7)
	start := s.clock
	s.advance(start.Add(7200 * sim.Second))
	if len(s.out) != 1 || s.out[0].seg.Seq != s.iss || s.out[0].seg.Len != 0 {
		t.Fatalf("first probe: %+v", s.out)
	}
	s.now = s.clock
	s.out = nil
	s.peer(50*ms, fA, 1, 0, 1, 400) // the peer lives
	s.advance(s.clock.Add(7200*sim.Second + 75*9*sim.Second))
	if len(s.out) != 10 || !s.out[9].seg.Flags.Has(wire.RST) || s.c.State() != StateClosed {
		t.Fatalf("%d segments, %v", len(s.out), s.c.State())
	}
}

// TestVanishedBehindClosedWindow: data is in flight when the peer closes its
// window and falls silent. R2 does not count against a closed window, silence
// does: twice the largest RTO, 240 s, or the user timeout if that is shorter. The
// connection ends at the first expiry of the timer after that (Linux
// tcp_rtx_probe0_timed_out).
func TestVanishedBehindClosedWindow(t *testing.T) {
	for _, v := range []struct{ user, atLeast, atMost sim.Duration }{
		{0, 240 * sim.Second, 360 * sim.Second},
		{10 * sim.Second, 10 * sim.Second, 20 * sim.Second},
		{3600 * sim.Second, 240 * sim.Second, 360 * sim.Second},
	} {
		s := newScript(t, 0, nil)
		s.handshake(50*ms, 50000, 1460, false, 7)
		s.c.SetUserTimeout(v.user)
		s.write(0, 5000)
		s.peer(10*ms, fA, 1, 0, 1, 0)
		silence := s.clock
		s.advance(silence.Add(v.atLeast - 1))
		if s.c.State() != StateEstablished {
			t.Errorf("user timeout %v: given up too early", v.user)
		}
		s.advance(silence.Add(v.atMost))
		if s.c.State() != StateClosed || s.c.Reason() != trace.TimedOut {
			t.Errorf("user timeout %v: %v after %v", v.user, s.c.State(), v.atMost)
		}
	}
}
