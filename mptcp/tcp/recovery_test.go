package tcp

import (
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// Loss recovery: RFC 6675, RFC 8985, RFC 6582, RFC 5682, RFC 3522, RFC 2883.

// burstOf returns a script with an established connection that has sent count
// segments of 1000 bytes; the window is fixed.
func burstOf(t *testing.T, window int64, count int64, change func(*Config)) *script {
	s := newScript(t, 0, func(c *Config) {
		c.CC = &fixedWindow{w: window}
		if change != nil {
			change(c)
		}
	})
	s.peer(0, fS, 0, 0, 0, 50000, synOptions(1000, true, 7))
	s.expect(0, 0, fSA, 0, 0, 1)
	s.peer(40*ms, fA, 1, 0, 1, 4000)
	s.write(0, count*1000)
	s.out = nil
	return s
}

// withSACK adds blocks, in segments of 1000 bytes counted from 0.
func withSACK(iss wire.Seq, blocks ...uint32) func(*Segment) {
	return func(s *Segment) {
		o := s.Options()
		o.Present |= wire.OptSACK
		for i := 0; i+1 < len(blocks); i += 2 {
			o.SACK[o.NSACK] = wire.SACKBlock{
				Start: iss + 1 + wire.Seq(1000*blocks[i]), End: iss + 1 + wire.Seq(1000*blocks[i+1]),
			}
			o.NSACK++
		}
	}
}

// sacks injects a duplicate ACK at segment ack with blocks.
func (s *script) sacks(d sim.Duration, ack uint32, blocks ...uint32) {
	s.peer(d, fA, 1, 0, 1+1000*ack, 4000, withSACK(s.iss, blocks...))
}

// segments returns the ordinals of the segments that were sent, and forgets them.
func (s *script) segments() (out []int) {
	for _, r := range s.out {
		if r.seg.Len > 0 {
			out = append(out, int(r.seg.Seq-s.iss-1)/1000)
		}
	}
	s.out = nil
	return out
}

func (s *script) sent(want ...int) {
	s.t.Helper()
	got := s.segments()
	if len(got) != len(want) {
		s.t.Fatalf("at %v: sent %v, want %v", s.clock, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			s.t.Fatalf("at %v: sent %v, want %v", s.clock, got, want)
		}
	}
}

func rfc6675(c *Config) { c.Profile.RACK, c.Profile.TLP = false, false }

// TestIsLost: RFC 6675 section 4, IsLost: three discontiguous ranges above, or more
// than (DupThresh-1)*SMSS bytes.
func TestIsLost(t *testing.T) {
	for _, v := range []struct {
		blocks []uint32
		below  int64 // position below which holes are lost; 0: none
	}{
		{[]uint32{1, 2}, 0},
		{[]uint32{1, 3}, 0}, // exactly two segments
		{[]uint32{1, 4}, 1},
		{[]uint32{5, 6, 3, 4, 1, 2}, 1}, // three ranges, one segment each
		{[]uint32{8, 9, 6, 7, 4, 5}, 4}, // the hole at 5 has two ranges above
		{[]uint32{6, 9, 2, 3}, 6},       // three contiguous segments at the top
		{[]uint32{8, 9, 4, 6}, 4},       // three segments in two ranges
		{[]uint32{8, 9, 6, 7}, 0},       // two segments in two ranges
	} {
		s := burstOf(t, 10_000, 10, rfc6675)
		s.sacks(40*ms, 0, v.blocks...)
		if got := s.c.lostBelow(); got != v.below*1000 {
			t.Errorf("%v: holes below %d are lost, want %d", v.blocks, got, v.below*1000)
		}
	}
}

// TestPipe: RFC 6675 section 4, SetPipe: octets that are not SACKed count once if
// they are not lost and once if they were retransmitted.
func TestPipe(t *testing.T) {
	s := burstOf(t, 10_000, 10, rfc6675)
	s.sacks(40*ms, 0, 1, 4)
	// Ten were sent; 1 to 3 arrived, 0 is lost and was sent again, and so was 9 by
	// the rescue rule: it counts twice.
	s.sent(0, 9)
	if got := s.c.InFlight(); got != 8_000 {
		t.Fatalf("pipe %d: 4 to 9, and two retransmissions, are 8000", got)
	}
	s.sacks(1*ms, 0, 1, 5)
	if got := s.c.InFlight(); got != 7_000 {
		t.Fatalf("pipe %d", got)
	}
}

// TestNextSeg: RFC 6675 section 4, NextSeg: (1) the lowest lost segment, (2) new
// data, (3) what is neither lost nor acknowledged below the highest SACK, (4) once
// the last segment.
func TestNextSeg(t *testing.T) {
	s := burstOf(t, 12_000, 12, rfc6675)
	// 3 to 5 arrived, three full segments: 0, 1 and 2 are lost.
	s.sacks(40*ms, 0, 3, 6)
	s.sent(0, 1, 2)
	// Rule 2: new data goes before holes that are not lost.
	s.write(0, 1000)
	s.sacks(1*ms, 0, 7, 8, 3, 6)
	s.sent(12)
	// Rule 3: 6, 8 and 9 are holes below the highest block. When 10 arrives there
	// are three ranges above none of them.
	s.sacks(1*ms, 0, 10, 11, 7, 8, 3, 6)
	s.sent(6)
	s.sacks(1*ms, 1, 10, 11, 7, 8, 3, 6) // progress: SafeACK lets two leave
	s.sent(8, 9)
	// Rule 4: the highest outstanding segment, once.
	s.sacks(1*ms, 2, 10, 11, 7, 8, 3, 6)
	s.sent(12)
	s.sacks(1*ms, 6, 10, 11, 7, 8)
	s.sent()
}

// TestRACKByDupThresh: without reordering seen, three selectively acknowledged
// segments are enough at once (RFC 8985 section 6.2 step 4).
func TestRACKByDupThresh(t *testing.T) {
	s := burstOf(t, 10_000, 10, nil)
	s.sacks(40*ms, 0, 1, 2)
	s.sacks(1*ms, 0, 1, 3)
	s.sent()
	if s.c.CAState() != cc.Disorder {
		t.Fatal(s.c.CAState())
	}
	s.sacks(1*ms, 0, 1, 4)
	s.sent(0)
	if s.c.CAState() != cc.Recovery {
		t.Fatal(s.c.CAState())
	}
}

// TestRACKReorderTimer: with fewer, the segment is lost min_rtt/4 (and 2 ms) after
// the one behind it was acknowledged. The vector of ALGORITHMS.md D5: min_rtt 40
// ms gives reo_wnd 10 ms.
func TestRACKReorderTimer(t *testing.T) {
	s := burstOf(t, 10_000, 10, nil)
	s.sacks(40*ms, 0, 1, 2)
	if got := s.c.reorderWindow(); got != 10*ms {
		t.Fatalf("reo_wnd %v", got)
	}
	s.expect(12*ms, 12*ms, fA, 1, 1000, 1)
}

// TestPTOVector: ALGORITHMS.md D5, SRTT 50 ms: 102 ms with two segments
// outstanding, 300 ms with one unless the RTO comes first.
func TestPTOVector(t *testing.T) {
	for _, v := range []struct {
		segments int64
		want     sim.Duration
	}{{2, 102 * ms}, {1, 300 * ms}} {
		s := newScript(t, 0, nil)
		s.handshake(50*ms, 50000, 1000, true, 7)
		s.c.rto = sim.Second
		s.write(0, v.segments*1000)
		if got := s.c.rtx.at.Sub(s.clock); got != v.want || s.c.rtx.kind != timerTLP {
			t.Errorf("%d outstanding: PTO %v, want %v", v.segments, got, v.want)
		}
	}
}

// TestRACKAfterReordering: once reordering was seen, three duplicates within the
// reordering window do not retransmit; outside they do.
func TestRACKAfterReordering(t *testing.T) {
	s := burstOf(t, 40_000, 40, nil)
	s.sacks(40*ms, 0, 1, 2)
	s.sacks(1*ms, 2) // 0 was late: reordering
	s.sent()
	if !s.c.recovery.reorderSeen {
		t.Fatal("reordering not noticed")
	}
	s.sacks(1*ms, 2, 3, 7)
	s.sent()
	s.sacks(5*ms, 7) // late again
	s.sent()
	if s.c.Stats().FastRecoveries != 0 {
		t.Fatal("spurious recovery")
	}
	s.sacks(1*ms, 7, 8, 12)
	s.expect(12*ms, 13*ms, fA, 7001, 1000, 1)
}

// TestLostRetransmission: a retransmission is lost, too; RACK finds that by what
// was sent after it, without a timeout (RFC 8985 section 2.2).
func TestLostRetransmission(t *testing.T) {
	s := burstOf(t, 20_000, 60, nil)
	s.sent()
	s.sacks(40*ms, 0, 1, 4)
	got := s.segments()
	if len(got) == 0 || got[0] != 0 {
		t.Fatalf("sent %v", got)
	}
	// New segments leave as the others arrive.
	s.sacks(1*ms, 0, 1, 20)
	s.sent(22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37)
	s.wait(41 * ms)
	s.sacks(0, 0, 1, 21) // what was sent after the retransmission arrives
	got = s.segments()
	if len(got) == 0 || got[0] != 0 || s.c.Stats().LostRetransmissions != 1 || s.c.Stats().Timeouts != 0 {
		t.Fatalf("sent %v, %+v", got, s.c.Stats())
	}
}

// TestTailLoss: the last segments of a transfer are lost; the probe repairs the
// last one, its acknowledgement lets RACK find the others, and no timeout is
// needed (RFC 8985 section 7).
func TestTailLoss(t *testing.T) {
	for lost := 1; lost <= 4; lost++ {
		n := newNet(t, 25*ms, nil)
		n.connect()
		k := 0
		n.a.out.drop = func(_ int, _ sim.Time, s *Segment) bool {
			if s.Len > 0 {
				k++
			}
			return s.Len > 0 && k > 10-lost && k <= 10
		}
		n.a.write = 10 * 1448
		n.flush(n.a)
		start := n.now
		n.runUntil(func() bool { return n.b.got == 10*1448 })
		st := n.a.c.Stats()
		if st.TailProbes != 1 || st.Timeouts != 0 {
			t.Errorf("%d lost: %d probes, %d timeouts", lost, st.TailProbes, st.Timeouts)
		}
		// The probe leaves 2 SRTT + 2 ms after the last ACK (if one segment is
		// outstanding, with the RTO of 250 ms), and takes half a round trip.
		want := 50*ms + 102*ms + 25*ms
		switch {
		case lost == 1:
			want = 50*ms + 250*ms + 25*ms
		case lost > 1:
			want += 2 * 25 * ms * 2 // the ACK of the probe, and the repair
		}
		if d := n.now.Sub(start); d > want {
			t.Errorf("%d lost: done after %v, want %v", lost, d, want)
		}
	}
}

// TestTailProbeReducesWindow: a loss that only the probe repaired halves the window
// (RFC 8985 section 7.4.2), a probe that was a duplicate does not.
func TestTailProbeReducesWindow(t *testing.T) {
	for _, lost := range []bool{true, false} {
		n := newNet(t, 25*ms, nil)
		n.connect()
		k := 0
		drop := func(_ int, _ sim.Time, s *Segment) bool {
			if s.Len > 0 {
				k++
			}
			return s.Len > 0 && k == 10
		}
		acks := func(_ int, now sim.Time, s *Segment) bool { return !lost && now < sim.Time(180*ms) }
		if lost {
			n.a.out.drop = drop
		} else {
			n.b.out.drop = acks // the data arrives, the ACKs do not
		}
		n.a.write = 10 * 1448
		n.flush(n.a)
		n.run(n.now.Add(400 * ms))
		n.a.write = 5 * 1448
		n.flush(n.a)
		n.run(n.now.Add(400 * ms))
		st := n.a.c.Stats()
		if st.TailProbes == 0 || (st.TailRepairs == 1) != lost {
			t.Errorf("lost %v: %d probes, %d repairs", lost, st.TailProbes, st.TailRepairs)
		}
	}
}

// TestNewReno: without SACK, each partial acknowledgement repairs one loss (RFC
// 6582), without a timeout.
func TestNewReno(t *testing.T) {
	n := newNet(t, 25*ms, func(a, b *Config) { a.Profile.SACK = false })
	n.connect()
	n.a.out.drop = dropData(20, 22, 24)
	n.a.write = 100 * 1448
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 100*1448 })
	st := n.a.c.Stats()
	if st.Timeouts != 0 || st.FastRecoveries != 1 || st.RetransmittedSegments != 3 {
		t.Fatalf("%+v", st)
	}
}

// TestLimitedTransmit: the first two duplicates each release a new segment (RFC
// 3042).
func TestLimitedTransmit(t *testing.T) {
	s := burstOf(t, 10_000, 30, nil)
	s.sacks(40*ms, 0, 1, 2)
	s.sent(10)
	s.sacks(1*ms, 0, 1, 3)
	s.sent(11)
}

// TestSpuriousRetransmission: a delayed segment makes fast retransmit begin; the
// timestamp shows that the original arrived (Eifel), or the DSACK does, and the
// reduction is taken back.
func TestSpuriousRetransmission(t *testing.T) {
	for _, ts := range []bool{true, false} {
		n := newNet(t, 25*ms, func(a, b *Config) { a.Profile.Timestamps = ts })
		n.connect()
		k := 0
		n.a.out.extra = func(_ int, s *Segment) sim.Duration {
			if s.Len > 0 {
				k++
				if k == 40 {
					return 30 * ms
				}
			}
			return 0
		}
		n.a.out.rate = 20 * sim.MegabitPerSecond
		n.a.write = 200 * 1448
		n.flush(n.a)
		n.runUntil(func() bool { return n.b.got == 200*1448 })
		n.run(n.now.Add(100 * ms))
		st := n.a.c.Stats()
		if st.SpuriousUndos != 1 || st.FastRecoveries != 1 {
			t.Errorf("timestamps %v: %+v", ts, st)
		}
		if w := n.a.c.cc.Ssthresh(0); w != cc.MaxWindow {
			t.Errorf("timestamps %v: threshold %d after the undo", ts, w)
		}
	}
}

// TestSpuriousTimeout: the path falls silent for longer than the RTO and then
// delivers everything. F-RTO notices without timestamps (RFC 5682), Eifel with
// them; the window is restored.
func TestSpuriousTimeout(t *testing.T) {
	for _, v := range []struct{ ts, sack, frto, undo bool }{
		{true, true, true, true}, {false, true, true, true}, {true, true, false, true},
		{true, false, true, true}, {false, true, false, false},
	} {
		n := newNet(t, 25*ms, func(a, b *Config) {
			a.Profile.Timestamps, a.Profile.SACK, a.Profile.FRTO = v.ts, v.sack, v.frto
			a.Profile.TLP = false
		})
		n.connect()
		n.a.out.rate = 5 * sim.MegabitPerSecond
		n.a.write = 3000 * 1448
		n.flush(n.a)
		n.run(n.now.Add(500 * ms))
		before := n.a.c.cc.Window(0)
		n.a.out.free = n.now.Add(2 * sim.Second) // the link stands still
		n.run(n.now.Add(3 * sim.Second))
		st := n.a.c.Stats()
		if st.Timeouts == 0 || (st.SpuriousUndos > 0) != v.undo {
			t.Errorf("%+v: %d timeouts, %d undos", v, st.Timeouts, st.SpuriousUndos)
		}
		if v.undo && n.a.c.cc.Window(0) < before {
			t.Errorf("%+v: window %d, before %d; %+v", v, n.a.c.cc.Window(0), before, st)
		}
	}
}

// TestRealTimeout: everything in flight is lost: F-RTO does not undo, and slow
// start repairs it.
func TestRealTimeout(t *testing.T) {
	n := newNet(t, 25*ms, nil)
	n.connect()
	n.a.write = 1000 * 1448
	n.flush(n.a)
	n.run(n.now.Add(160 * ms))
	dead := n.now.Add(400 * ms)
	n.a.out.drop = func(_ int, now sim.Time, _ *Segment) bool { return now < dead }
	n.runUntil(func() bool { return n.b.got == 1000*1448 })
	st := n.a.c.Stats()
	if st.Timeouts == 0 || st.SpuriousUndos != 0 || n.b.bad != 0 {
		t.Fatalf("%+v", st)
	}
}

// TestReneging: the peer forgets what it had acknowledged selectively; the sender
// sends it again (RFC 2018 section 8).
func TestReneging(t *testing.T) {
	s := burstOf(t, 10_000, 10, nil)
	s.sacks(40*ms, 0, 1, 10)
	s.sent(0)
	s.sacks(40*ms, 1) // 1 to 9 are gone
	if s.c.Stats().SACKReneges != 1 {
		t.Fatal("not noticed")
	}
	s.wait(25 * ms)
	s.sent(1)
	for i := uint32(2); i <= 10; i++ {
		s.sacks(40*ms, i)
	}
	if s.c.SndUna() != 10_000 || s.c.CAState() != cc.Open {
		t.Fatalf("una %d, %v", s.c.SndUna(), s.c.CAState())
	}
}

// TestDuplicateAtUna: a box has acknowledged what it lost then. The receiver goes on to
// acknowledge less, names what it has behind the gap, and reports each retransmission of
// that as a duplicate. Such blocks begin at SND.UNA, where they are not valid (Linux
// tcp_is_sackblock_valid): they neither acknowledge the segment nor have it sent again.
// The timer does that, and backs off (RFC 2018 section 8, RFC 6298 section 5.5).
func TestDuplicateAtUna(t *testing.T) {
	for name, change := range map[string]func(*Config){"RFC 6675": rfc6675, "RACK": nil} {
		s := burstOf(t, 20_000, 20, change)
		s.sacks(40*ms, 0, 1, 10)
		s.segments()
		s.sacks(40*ms, 1) // from the box
		last := s.clock
		var gaps []sim.Duration
		for s.clock < sim.Time(40*sim.Second) {
			s.wait(ms)
			got := s.segments()
			if slices.Contains(got, 1) && s.clock.Sub(last) > 100*ms {
				gaps = append(gaps, s.clock.Sub(last))
				last = s.clock
			}
			if len(got) > 0 {
				n := uint32(got[0])
				s.sacks(40*ms, 0, n, n+1, 1, 20)
			}
		}
		if n := s.c.Stats().RetransmittedSegments; n > 200 || len(gaps) < 4 || len(gaps) > 8 {
			t.Fatalf("%s: %d segments are sent again, the first one %d times", name, n, len(gaps))
		}
		for i := 2; i < len(gaps); i++ {
			if gaps[i] < 18*gaps[i-1]/10 {
				t.Errorf("%s: gaps %v do not double", name, gaps)
			}
		}
	}
}

// TestDSACKInformation: a duplicate is reported in the first block, once (RFC
// 2883).
func TestDSACKCounts(t *testing.T) {
	n := newNet(t, 25*ms, nil)
	n.connect()
	n.b.out.drop = func(k int, now sim.Time, _ *Segment) bool { return now < sim.Time(400*ms) }
	n.a.write = 20 * 1448
	n.flush(n.a)
	n.run(sim.Time(2 * sim.Second))
	if n.b.c.Stats().DSACKsSent == 0 || n.a.c.Stats().DSACKsReceived == 0 || n.b.got != 20*1448 {
		t.Fatalf("%+v %+v", n.b.c.Stats(), n.a.c.Stats())
	}
}

// TestReordering: a path that reorders all the time costs almost no
// retransmissions (RFC 8985 section 4).
func TestReordering(t *testing.T) {
	n := newNet(t, 25*ms, nil)
	n.connect()
	n.a.out.extra = func(k int, _ *Segment) sim.Duration {
		if k%3 == 0 {
			return 4 * ms
		}
		return 0
	}
	n.a.out.rate = 10 * sim.MegabitPerSecond
	n.a.write = 2000 * 1448
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 2000*1448 })
	st := n.a.c.Stats()
	if st.RetransmittedSegments > 20 || st.Timeouts > 0 {
		t.Fatalf("%d retransmissions: %+v", st.RetransmittedSegments, st)
	}
}

// TestWindowHalvedOnce: several losses in one window reduce it once.
func TestWindowHalvedOnce(t *testing.T) {
	n := newNet(t, 25*ms, nil)
	n.connect()
	n.a.out.drop = dropData(40, 43, 46, 47)
	n.a.write = 200 * 1448
	n.flush(n.a)
	n.runUntil(func() bool { return n.b.got == 200*1448 })
	if st := n.a.c.Stats(); st.FastRecoveries != 1 || st.RetransmittedSegments != 4 || st.Timeouts != 0 {
		t.Fatalf("%+v", st)
	}
}
