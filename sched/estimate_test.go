package sched

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// ALGORITHMS B5: RTT 300/50 ms, a window of 10 segments of 1448 bytes on F, which is
// full, 4 in flight on S, a send window of 131072 bytes. X is 108600 bytes, 123832
// are free; the kernel expects 91 segments of F.
func TestBlestVectors(t *testing.T) {
	const m = 1448
	fast := Path{Flow: 0, SRTT: 50 * ms, Window: 10 * m, InFlight: 10 * m, SendBufFree: 1 << 20, MSS: m, Ssthresh: 9 * m}
	slow := Path{Flow: 1, Lane: 1, SRTT: 300 * ms, Window: 10 * m, InFlight: 4 * m, SendBufFree: 1 << 20, MSS: m}
	q := Queue{Una: 1, Next: 50_000, End: 10_000_000, PeerEdge: 1 + 131072}
	ref, oot := &blest{}, &blest{kernel: true}
	ref.measure([]Path{fast, slow})
	oot.measure([]Path{fast, slow})
	if x := ref.during(&fast, &slow); x != 108_600 {
		t.Errorf("X = %d, want 108600", x)
	}
	if x := oot.during(&fast, &slow) / m; x != 91 {
		t.Errorf("the kernel expects %d segments, want 91", x)
	}
	for _, v := range []struct {
		mode, lambda float64
		edge         int64 // of the window, beyond 131072 bytes
		want         bool  // a grant
	}{
		{0, 1, 0, true},
		{0, 1.2, 0, false},
		{0, 1.2, 130_320 - 123_832, true},
		{0, 1.2, 130_320 - 123_832 - 1, false},
		{1, 0, 0, false},
		{1, 0, 158_121 - 123_832, true},
		{1, 0, 158_121 - 123_832 - 1, false},
	} {
		// Lambda falls once a round trip of S: no time has passed.
		s := make1(t, "blest", set("mode", v.mode), set("lambda", v.lambda))
		w := q
		w.PeerEdge += uint64(v.edge)
		g := s.Pick(0, &w, []Path{fast, slow}, nil)
		if granted := len(g) == 1 && g[0].Flow == 1 && g[0].Why == SlowInTime; granted != v.want {
			t.Errorf("mode %v, lambda %v, window %+d: %+v", v.mode, v.lambda, v.edge, g)
		}
		if why := s.(Explainer).WhyWait(); !v.want && why != WouldBlock {
			t.Errorf("waits for %v", why)
		}
	}
	fast.InFlight = 0
	if g := make1(t, "blest").Pick(0, &q, []Path{fast, slow}, nil); len(g) != 1 || g[0].Flow != 0 || g[0].Why != LowestRTT {
		t.Errorf("F has room: %+v", g)
	}
}

// The kernel's estimate in the first slow start is c (2^min(n,16) - 1) segments, and
// a segment on an empty subflow takes less time than on a full one.
func TestBlestKernelEstimate(t *testing.T) {
	fast := Path{Flow: 0, SRTT: 50 * ms, Window: 10 * mss, MSS: mss, Ssthresh: cc.MaxWindow}
	slow := Path{Flow: 1, SRTT: 120 * ms, Window: 10 * mss, MSS: mss}
	s := &blest{kernel: true}
	s.measure([]Path{fast, slow})
	slow.SRTT = 220 * ms
	s.measure([]Path{fast, slow})
	slow.SRTT = 130 * ms
	if d := s.linger(&slow); d != 130*ms {
		t.Errorf("empty: %v, want at least the current 130 ms", d) // 120 + 100/10 = 130
	}
	slow.InFlight = 4 * mss
	if d := s.linger(&slow); d != 170*ms {
		t.Errorf("half full: %v, want 120 + 100*5/10 = 170 ms", d)
	}
	if x := s.during(&fast, &slow); x != 10*15*mss {
		t.Errorf("%d bytes, want 10 (2^4-1) segments", x)
	}
	slow.InFlight = 9 * mss
	if d := s.linger(&slow); d != 220*ms {
		t.Errorf("full: %v, want the largest", d)
	}
	slow.SRTT = 100 * sim.Second
	if x := s.during(&fast, &slow); x != 10*(1<<16-1)*mss {
		t.Errorf("%d bytes, want the bound of 2^16", x)
	}
}

// Lambda: +0.04 after the window has kept F waiting, else -0.01, once in a round trip
// of S, between 1 and 1.3.
func TestBlestLambda(t *testing.T) {
	s := make1(t, "blest", set("lambda", 1.2)).(*blest)
	fast, slow := path(0, 50*ms, 10), path(1, 300*ms, 4)
	open := Queue{Una: 1, Next: 50_000, End: 10_000_000, PeerEdge: 9_000_000}
	shut := open
	shut.PeerEdge = shut.Next
	shut.InFlight = []Range{{DSN: 1, Len: 1000, Carried: 2}}
	at := sim.Time(0)
	step := func(want int64) {
		t.Helper()
		at = at.Add(300 * ms)
		s.Pick(at, &open, []Path{fast, slow}, nil)
		s.Pick(at.Add(299*ms), &open, []Path{fast, slow}, nil)
		if s.lambda != want {
			t.Fatalf("lambda %d, want %d", s.lambda, want)
		}
	}
	block := func(q Queue) {
		ready := fast
		ready.InFlight = 0
		s.Pick(at, &q, []Path{ready, slow}, nil)
	}
	step(1190)
	step(1180)
	block(shut)
	step(1220)
	block(shut)
	step(1260)
	block(shut)
	step(1300)
	block(shut)
	step(1300)
	shut.InFlight[0].Carried = 1 // F itself holds the window up
	block(shut)
	step(1290)
	for range 40 {
		at = at.Add(300 * ms)
		s.Pick(at, &open, []Path{fast, slow}, nil)
	}
	step(1000)
}

// ALGORITHMS B6: windows of 10 segments, RTT 20/100 ms, sigma 5 ms.
func TestEcfVectors(t *testing.T) {
	for _, v := range []struct {
		k       int64
		waiting bool
		want    bool // wait
		after   bool
	}{
		{10, false, true, true},
		{100, false, false, false},
		{100, true, false, false},
		{60, true, false, false},
		{50, true, true, true},
		{55, true, true, true},   // 130 < 131.25
		{56, true, false, false}, // 132
		{50, false, false, false},
		// Little is left: S would not need longer than F does.
		{4, false, false, false}, // 1.4*20 < 105, but 0.4*100 < 45
		{4, true, false, true},
	} {
		s := make1(t, "ecf").(*ecf) // beta = 0.25
		s.waiting = v.waiting
		fast, slow := path(0, 20*ms, 10, varies(5*ms)), path(1, 100*ms, 0, varies(5*ms))
		q := Queue{Una: 1, Next: 50_000, End: 50_000 + uint64(v.k*mss), PeerEdge: 9_000_000}
		g := s.Pick(0, &q, []Path{fast, slow}, nil)
		if (len(g) == 0) != v.want || s.waiting != v.after {
			t.Errorf("k = %d, waiting %v: %+v, waiting %v", v.k, v.waiting, g, s.waiting)
		}
		if v.want && s.wait != FasterCompletes || !v.want && (g[0].Flow != 1 || g[0].Why != SlowInTime) {
			t.Errorf("k = %d: %+v, waits for %v", v.k, g, s.wait)
		}
	}
}

// The out-of-tree kernel: delta is at least 100 ms, so that with 100 ms on S it waits
// for up to n RTT_F < 200 ms, and data counts as a window at least: with 1 segment S
// would take 100 ms, which is less than 2*20+100.
func TestEcfKernel(t *testing.T) {
	for _, v := range []struct {
		k    int64
		rtt  sim.Duration // of S
		want bool
	}{
		{1, 100 * ms, false}, // (10+10)/10*20 = 40 < 200; 100 < 140
		{20, 100 * ms, true}, // 60 < 200; 2*100 >= 140
		{89, 100 * ms, true}, // 198 < 200
		{90, 100 * ms, false},
		{1, 150 * ms, true}, // 40 < 250; 150 >= 140: ref would take S, 0.1*150 < 45
	} {
		fast, slow := path(0, 20*ms, 10, varies(5*ms)), path(1, v.rtt, 0, varies(5*ms))
		q := Queue{Una: 1, Next: 50_000, End: 50_000 + uint64(v.k*mss), PeerEdge: 9_000_000}
		g := make1(t, "ecf", set("mode", 1)).Pick(0, &q, []Path{fast, slow}, nil)
		if (len(g) == 0) != v.want {
			t.Errorf("k = %d, S %v: %+v", v.k, v.rtt, g)
		}
	}
}

// With F ready, both are minRTT; with every subflow of one round-trip time, too.
func TestEstimatesWithoutNeed(t *testing.T) {
	for _, name := range []string{"blest", "ecf"} {
		q := Queue{Una: 1, Next: 50_000, End: 70_000, PeerEdge: 9_000_000}
		paths := []Path{path(0, 20*ms, 0), path(1, 20*ms, 5), path(2, 90*ms, 0)}
		if got := sequence(make1(t, name), &q, paths[:2], 20); got != "AAAAAAAAAABBBBB." {
			t.Errorf("%s: %s", name, got)
		}
	}
}
