package tcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Windows, probes, small segments, delayed acknowledgements.

func TestScale(t *testing.T) {
	// Linux tcp_select_initial_window; the kernel announces 10 for 32 MiB and 8
	// for 15 MB (../shared/facts/LINUX.md, packetdrill's defaults.sh).
	for _, v := range []struct {
		buf  int64
		want uint8
	}{{65535, 0}, {1 << 16, 1}, {15 << 20, 8}, {15_000_000, 8}, {32 << 20, 10}, {1 << 40, 14}} {
		if got := Scale(v.buf); got != v.want {
			t.Errorf("Scale(%d) = %d, want %d", v.buf, got, v.want)
		}
	}
}

// TestZeroWindow: the peer does not read, its window closes, and it is probed
// after RTO, 2 RTO, 4 RTO ... with one sequence number below SND.UNA; when the
// application reads, the window update lets the rest through.
func TestZeroWindow(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { b.ReceiveBuffer = 20_000 })
	n.connect()
	n.b.read = false
	n.a.write = 100_000
	n.flush(n.a)
	n.run(n.now.Add(20 * sim.Second))
	if got := n.b.c.Readable(); got < 20_000-1448 || got > 20_000+64 {
		t.Fatalf("%d bytes in a buffer of 20000", got)
	}
	var probes []sim.Time
	for _, r := range n.a.sent {
		if r.seg.Len == 0 && r.seg.Seq == n.a.c.sndSeq(n.a.c.snd.una-1) {
			probes = append(probes, r.at)
		}
	}
	// The first probe fills what is left of the window: 20000 - 13*1448 bytes.
	if len(probes) < 5 || int64(len(probes))+1 != n.a.c.Stats().WindowProbes {
		t.Fatalf("%d probes, %d counted", len(probes), n.a.c.Stats().WindowProbes)
	}
	for i := 2; i < len(probes); i++ {
		d := probes[i].Sub(probes[i-1])
		last := probes[i-1].Sub(probes[i-2])
		// The answer, one round trip later, arms the timer with the new interval; a
		// probe within 500 ms of the last answer is not answered.
		if d < 2*last-45*ms || d > 2*last+25*ms {
			t.Errorf("probe intervals %v, %v", last, d)
		}
	}
	n.b.read = true
	n.at(n.now, func() {})
	n.runUntil(func() bool { return n.b.got == 100_000 })
	if n.b.bad != 0 {
		t.Fatal("wrong offsets")
	}
}

// TestLostWindowUpdate: the ACK that opens the window is lost; a probe finds it
// open.
func TestLostWindowUpdate(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { b.ReceiveBuffer = 20_000 })
	n.connect()
	n.b.read = false
	n.a.write = 60_000
	n.flush(n.a)
	n.run(n.now.Add(5 * sim.Second))
	n.b.read = true
	lost := 0
	n.b.out.drop = func(int, sim.Time, *Segment) bool { lost++; return lost == 1 }
	n.at(n.now, func() {})
	n.runUntil(func() bool { return n.b.got == 60_000 })
}

// TestSillyWindowReceiver: an application that reads 100 bytes at a time does not
// make the receiver announce windows in steps below a segment (RFC 9293 section
// 3.8.6.2.2).
func TestSillyWindowReceiver(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { b.ReceiveBuffer = 20_000 })
	n.connect()
	n.b.read = false
	n.a.write = 100_000
	n.flush(n.a)
	n.run(n.now.Add(2 * sim.Second))
	for range 400 {
		n.b.c.Read(n.now, 100)
		n.flush(n.b)
		n.run(n.now.Add(10 * ms))
	}
	small := 0
	for _, r := range n.a.data() {
		if r.seg.Len < 1448 {
			small++
		}
	}
	if small > 2 {
		t.Fatalf("%d small segments of %d", small, len(n.a.data()))
	}
}

// TestSillyWindowSender: with a peer that opens its window by little, only the
// override timer sends a short segment (RFC 9293 section 3.8.6.2.1).
func TestSillyWindowSender(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 8000, 1000, true, 0)
	s.peer(0, fA, 1, 0, 1, 8000)
	s.write(0, 20_000)
	s.expect(0, 0, fPA, 1, 8000, 1)
	s.peer(20*ms, fA, 1, 0, 8001, 300)
	s.done()
	// 300 bytes are below a segment: they wait for the probe timer.
	s.expect(220*ms, 220*ms, fA, 8001, 300, 1)
	s.peer(20*ms, fA, 1, 0, 8301, 8000)
	s.expect(0, 0, fPA, 8301, 8000, 1)
}

// TestWindowScaleInUse: windows beyond 64 KiB are used in both directions, and
// without the option they are not.
func TestWindowScaleInUse(t *testing.T) {
	for _, on := range []bool{true, false} {
		n := newNet(t, 50*ms, func(a, b *Config) {
			a.Profile.WindowScaling = on
			a.ReceiveBuffer, b.ReceiveBuffer = 1<<20, 1<<20
		})
		n.connect()
		n.a.write = 3_000_000
		n.flush(n.a)
		most := int64(0)
		for n.b.got < 3_000_000 {
			n.step(sim.Never - 1)
			most = max(most, n.a.c.InFlight())
		}
		if on != (most > 65535) {
			t.Errorf("scaling %v: %d bytes in flight", on, most)
		}
		for _, r := range n.b.sent[1:] {
			if w := int64(r.seg.Window) << n.b.c.rcv.scale; w > 1<<20+1<<n.b.c.rcv.scale {
				t.Fatalf("window %d", w)
			}
		}
	}
}

// TestDelayedAck: in the RFC profile every second full segment is acknowledged at
// once, and a single one after 200 ms (RFC 5681 section 4.2).
func TestDelayedAck(t *testing.T) {
	s := newScript(t, 0, func(c *Config) { c.Profile = RFC() })
	s.handshake(20*ms, 50000, 1460, true, 7)
	for i := range uint32(4) {
		s.peer(1*ms, fA, 1+1460*i, 1460, 1, 400)
		if (len(s.out) == 1) != (i%2 == 1) {
			t.Fatalf("segment %d: %d ACKs", i, len(s.out))
		}
		s.out = nil
	}
	s.peer(1*ms, fA, 1+1460*4, 1460, 1, 400)
	s.expect(200*ms, 200*ms, fA, 1, 0, 1+1460*5)
	if s.c.Stats().DelayedAcks != 1 {
		t.Fatal("not counted")
	}
}

// TestQuickAcks: the Linux profile acknowledges each of the first segments, the
// RFC profile never, and AckEvery = 1 always.
func TestQuickAcks(t *testing.T) {
	for _, v := range []struct {
		change func(*Profile)
		want   int
	}{
		{func(p *Profile) {}, 70 + 15},
		{func(p *Profile) { p.QuickAckStart = 0 }, 50},
		{func(p *Profile) { p.AckEvery = 1 }, 100},
	} {
		s := newScript(t, 0, func(c *Config) { v.change(c.Profile) })
		s.handshake(20*ms, 50000, 1460, true, 7)
		for i := range uint32(100) {
			s.peer(1*ms, fA, 1+1460*i, 1460, 1, 400)
			s.readAll(0, 1460)
		}
		if got := len(s.out); got < v.want-1 || got > v.want+1 {
			t.Errorf("%d ACKs for 100 segments, want %d", got, v.want)
		}
	}
}

// TestImmediateAcks: out of order, filling a gap, a duplicate, and beyond the
// window are acknowledged at once (RFC 5681 section 4.2, RFC 9293).
func TestImmediateAcks(t *testing.T) {
	s := newScript(t, 0, func(c *Config) { c.Profile = RFC() })
	s.handshake(20*ms, 50000, 1460, true, 7)
	s.peer(0, fA, 1461, 1460, 1, 400) // behind a gap
	s.expect(0, 0, fA, 1, 0, 1, sackIs(t, 1461, 2921))
	s.peer(0, fA, 4381, 1460, 1, 400) // behind another
	s.expect(0, 0, fA, 1, 0, 1, sackIs(t, 4381, 5841, 1461, 2921))
	s.peer(0, fA, 1, 1460, 1, 400) // fills the first
	s.expect(0, 0, fA, 1, 0, 2921, sackIs(t, 4381, 5841))
	s.peer(0, fA, 1, 1460, 1, 400) // a duplicate
	s.expect(0, 0, fA, 1, 0, 2921, sackIs(t, 1, 1461, 4381, 5841))
	s.peer(0, fA, 2921, 1460, 1, 400) // fills the last
	s.expect(0, 0, fA, 1, 0, 5841, sackIs(t))
	s.peer(0, fA, 5841+16<<20, 100, 1, 400) // beyond the window
	s.expect(0, 0, fA, 1, 0, 5841)
	s.done()
}

// sackIs checks the blocks of a SACK option: start and end of each.
func sackIs(t *testing.T, want ...uint32) func(*Segment) {
	return func(s *Segment) {
		t.Helper()
		var got []uint32
		if s.Opt.Has(wire.OptSACK) {
			for i := range int(s.Opt.NSACK) {
				got = append(got, uint32(s.Opt.SACK[i].Start), uint32(s.Opt.SACK[i].End))
			}
		}
		if len(got) != len(want) {
			t.Fatalf("SACK %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("SACK %v, want %v", got, want)
			}
		}
	}
}

// TestSACKRoom: as many blocks as the option space leaves: four without
// timestamps, three with (RFC 2018 section 3).
func TestSACKRoom(t *testing.T) {
	for _, ts := range []bool{false, true} {
		var s *script
		if ts {
			s = tsScript(t, nil)
		} else {
			s = newScript(t, 0, nil)
			s.handshake(20*ms, 50000, 1460, true, 7)
		}
		var opt []func(*Segment)
		if ts {
			opt = append(opt, withTS(1000, 0))
		}
		for i := range uint32(6) {
			s.out = nil
			s.peer(20*ms, fA, 1001+2000*i, 1000, 1, 400, opt...)
			s.wait(5 * ms) // gathered duplicates, too
		}
		last := s.out[len(s.out)-1].seg
		want := uint8(4)
		if ts {
			want = 3
		}
		if last.Opt.NSACK != want || last.Opt.SACK[0].Start != 11001 || last.Opt.SACK[1].Start != 9001 {
			t.Fatalf("timestamps %v: %d blocks %v", ts, last.Opt.NSACK, last.Opt.SACK)
		}
	}
}

// TestSACKCompression: the first three duplicates of a gap are acknowledged at
// once, then one in a millisecond (Linux tcp_comp_sack_delay_ns).
func TestSACKCompression(t *testing.T) {
	s := newScript(t, 0, nil)
	s.handshake(20*ms, 50000, 1460, true, 7)
	for i := range uint32(23) {
		s.peer(100*sim.Microsecond, fA, 1461+1460*i, 1460, 1, 400)
	}
	s.wait(2 * ms)
	if n := len(s.out); n != 3+2 {
		t.Fatalf("%d ACKs for 23 duplicates in 2.3 ms", n)
	}
	if n := s.c.Stats().CompressedAcks; n != 23-5 {
		t.Fatalf("%d counted", n)
	}
}

// TestNagleRules: Minshall holds a short segment behind a short one, RFC 896 behind
// any.
func TestNagleRules(t *testing.T) {
	for _, v := range []struct {
		rule NagleRule
		off  bool
		want int64
	}{{NagleMinshall, false, 1100}, {NagleAny, false, 1000}, {NagleAny, true, 1200}, {NagleOff, false, 1200}} {
		s := newScript(t, 0, func(c *Config) { c.Profile.Nagle, c.NoDelay = v.rule, v.off })
		s.handshake(20*ms, 50000, 1000, true, 7)
		s.write(0, 1000)
		s.write(0, 100)
		s.write(0, 100)
		if got := s.c.Stats().BytesSent; got != v.want {
			t.Errorf("rule %d, off %v: %d bytes sent, want %d", v.rule, v.off, got, v.want)
		}
	}
}

// TestECN: a mark is echoed until CWR, the window is reduced once per window of
// data and nothing is retransmitted (RFC 3168 section 6.1).
func TestECN(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { a.Profile.ECN, b.Profile.ECN = true, true })
	n.connect()
	if !n.a.c.UsesECN() || !n.b.c.UsesECN() {
		t.Fatal("not negotiated")
	}
	n.a.out.rate = 20 * sim.MegabitPerSecond
	n.a.write = 2_000_000
	marked := 0
	n.a.out.ce = func(k int) bool {
		if k == 40 || k == 42 { // twice in a window
			marked++
			return true
		}
		return false
	}
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 2_000_000 })
	st := n.a.c.Stats()
	if marked != 2 || n.b.c.Stats().CEReceived != 2 || st.ECNReductions != 1 || st.RetransmittedSegments != 0 {
		t.Fatalf("marked %d, received %d, reductions %d, retransmitted %d", marked, n.b.c.Stats().CEReceived,
			st.ECNReductions, st.RetransmittedSegments)
	}
	cwr, ece := 0, 0
	for _, r := range n.a.sent[2:] {
		if r.seg.Flags.Has(wire.CWR) {
			cwr++
		}
		if r.seg.Len > 0 && r.seg.TOS&wire.ECNMask != wire.ECT0 {
			t.Fatal("data without ECT")
		}
		if r.seg.Len == 0 && r.seg.TOS&wire.ECNMask != 0 {
			t.Fatal("pure ACK with ECT")
		}
	}
	for _, r := range n.b.sent[1:] {
		if r.seg.Flags.Has(wire.ECE) {
			ece++
		}
	}
	if cwr != 1 || ece == 0 {
		t.Fatalf("CWR on %d segments, ECE on %d", cwr, ece)
	}
	half := n.a.c.cc.Ssthresh(0)
	if half >= cwndAtMark(n) {
		t.Fatalf("threshold %d", half)
	}
}

// cwndAtMark is the most that was ever in flight.
func cwndAtMark(n *net) int64 {
	var most int64
	for _, r := range n.a.sent {
		most = max(most, int64(r.seg.Seq-n.a.cfg.ISS))
	}
	return most
}

// TestECNNotOffered: one side alone does not use it.
func TestECNNotOffered(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { a.Profile.ECN = true })
	n.connect()
	if n.a.c.UsesECN() || n.b.c.UsesECN() {
		t.Fatal("negotiated by one side")
	}
}

// TestIdleRestart: after silence longer than the RTO the window shrinks (RFC 5681
// section 4.1), unless the profile says otherwise.
func TestIdleRestart(t *testing.T) {
	for _, on := range []bool{true, false} {
		n := newNet(t, 10*ms, func(a, b *Config) { a.Profile.SlowStartAfterIdle = on })
		n.connect()
		n.a.write = 400_000
		n.flush(n.a)
		n.runUntil(func() bool { return n.b.got == 400_000 })
		n.run(n.now.Add(100 * ms))
		before := n.a.c.cc.Window(0)
		n.run(n.now.Add(10 * sim.Second))
		sent := len(n.a.data())
		n.a.write = 700_000
		n.flush(n.a)
		burst := int64(len(n.a.data())-sent) * 1448
		if before < 100_000 {
			t.Fatalf("window %d", before)
		}
		if on && burst != 14480 || !on && burst < before-1448 {
			t.Errorf("restart %v: burst of %d with a window of %d before", on, burst, before)
		}
	}
}

// TestWrap: sequence numbers wrap under loss; positions and offsets do not.
func TestWrap(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { a.ISS, b.ISS = 1<<32-50_000, 1<<32-2 })
	n.connect()
	n.a.out.rate, n.a.out.limit = 50*sim.MegabitPerSecond, 40
	n.a.write, n.b.write = 2_000_000, 100_000
	n.flush(n.a)
	n.flush(n.b)
	n.runUntil(func() bool { return n.b.got == 2_000_000 && n.a.got == 100_000 })
	if n.a.bad+n.b.bad != 0 || n.a.out.dropped == 0 {
		t.Fatalf("bad %d %d, dropped %d", n.a.bad, n.b.bad, n.a.out.dropped)
	}
}

// TestFINBehindClosedWindow: everything is sent and acknowledged, the FIN does not
// fit into the closed window, and the ACKs that open it are lost: the FIN occupies
// sequence space (RFC 9293 section 3.4), so the window is probed for it too.
func TestFINBehindClosedWindow(t *testing.T) {
	n := newNet(t, 10*ms, func(a, b *Config) { b.ReceiveBuffer = 20_000 })
	n.connect()
	n.b.read = false
	n.a.write = 20_000
	n.flush(n.a)
	n.run(n.now.Add(3 * sim.Second))
	if u := n.a.c.SndUna(); u != 20_000 || n.a.c.SendWindow() != 0 {
		t.Fatalf("acknowledged %d, window %d", u, n.a.c.SendWindow())
	}
	n.a.c.CloseWrite(n.now)
	n.flush(n.a)
	n.run(n.now.Add(sim.Second))
	lost := 0
	n.b.out.drop = func(int, sim.Time, *Segment) bool { lost++; return lost <= 3 }
	n.b.read = true
	n.flush(n.b)
	n.run(n.now.Add(600 * sim.Second))
	if !n.b.c.PeerFIN() || n.b.got != 20_000 {
		t.Errorf("FIN received: %v, read %d", n.b.c.PeerFIN(), n.b.got)
	}
}

// TestWindowLimitedGate: the window grows only when it was the limit in the last window of
// data; in slow start also while it is below twice what was in flight (Linux
// tcp_is_cwnd_limited). An application that always has w segments in flight stops the
// growth at the first window that is not below 2 w.
func TestWindowLimitedGate(t *testing.T) {
	for _, w := range []int64{6, 10, 15, 24} {
		n := newNet(t, 10*ms, func(a, b *Config) {
			a.Profile.SlowStartAfterIdle, b.Profile.SlowStartAfterIdle = false, false
		})
		n.connect()
		for range 40 {
			n.a.write += w * 1448
			n.flush(n.a)
			n.run(n.now.Add(50 * ms))
		}
		got := n.a.c.cc.Window(0) / 1448
		if least, most := max(2*w, 10), max(2*w+w, 10); got < least || got >= most {
			t.Errorf("%d segments in flight: window %d, want %d to below %d", w, got, least, most)
		}
	}
}
