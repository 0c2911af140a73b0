package sched

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"

	"github.com/google/go-cmp/cmp"
)

// ALGORITHMS B7: forward delays of 10 and 30 ms, windows of 2 and 3 segments. In one
// period the first subflow gets 2 + 2 + 2 segments, then the second its 3: those are
// segments 7 to 9, and they leave at once.
func TestDapsVector(t *testing.T) {
	fast := path(0, 20*ms, 8, func(p *Path) { p.Window, p.InFlight = 2*mss, 0 })
	slow := path(1, 60*ms, 8, func(p *Path) { p.Window, p.InFlight = 3*mss, 0 })
	s := make1(t, "daps").(*daps)
	// Delays of 10 and 30 ms are rounded down to the tick of 4 ms: 8 and 28. The
	// vector has them as they are.
	if a, b := dapsDelay(20*ms), dapsDelay(60*ms); a != 8 || b != 28 {
		t.Errorf("delays of %d and %d ms, want 8 and 28", a, b)
	}
	fast.SRTT, slow.SRTT = 8*ms, 24*ms // 4 and 12 ms: the same ratio
	s.plan([]Path{fast, slow}, false)
	want := []dapsRun{{0, 2 * mss}, {0, 2 * mss}, {0, 2 * mss}, {1, 3 * mss}}
	if d := cmp.Diff(want, s.runs, cmp.AllowUnexported(dapsRun{})); d != "" {
		t.Error(d)
	}
	q := Queue{Una: 1, Next: 1, End: 1 + 18*mss, PeerEdge: 1 << 20}
	paths := []Path{fast, slow}
	var got []Grant
	for {
		out := s.Pick(0, &q, paths, nil)
		if len(out) == 0 {
			break
		}
		carryOut(out[0], &q, &paths[out[0].Flow])
		got = append(got, out[0])
	}
	wantGrants := []Grant{
		{Flow: 0, DSN: 1, Len: 2 * mss, Penalise: NoFlow, Why: Planned},
		{Flow: 1, DSN: 1 + 6*mss, Len: 3 * mss, Penalise: NoFlow, Why: Planned},
	}
	if d := cmp.Diff(wantGrants, got); d != "" {
		t.Error(d)
	}
	// The second has nothing more in this period, though it has room; the first gets
	// what was left out, and then the next period begins.
	paths[1].Unsent = 0
	if out := s.Pick(0, &q, paths, nil); len(out) != 0 || s.wait != NotPlanned {
		t.Errorf("%+v, %v", out, s.wait)
	}
	paths[0].Unsent = 0
	if got := sequence(s, &q, paths[:1], 2); got != "AA" || q.Skipped[0].DSN != 1+4*mss {
		t.Errorf("%s, skipped %+v", got, q.Skipped)
	}
	paths[0].Unsent = 0
	if got := sequence(s, &q, paths[:1], 2); got != "AA" || len(q.Skipped) != 0 {
		t.Errorf("%s, skipped %+v", got, q.Skipped)
	}
	paths[0].Unsent = 0
	if got := sequence(s, &q, paths, 30); got != "AABBB." {
		t.Errorf("second period: %s", got)
	}
}

// What belongs to a subflow that has become a backup, is stale or is not there any more
// without a timeout goes over the others, though the schedule had it first.
func TestDapsDemoted(t *testing.T) {
	for what, change := range map[string]func([]Path) []Path{
		"backup": func(p []Path) []Path { p[0].Backup = true; return p },
		"stale":  func(p []Path) []Path { p[0].Stale = true; return p },
		"absent": func(p []Path) []Path { return p[1:] },
	} {
		s := make1(t, "daps")
		q := Queue{Una: 1, Next: 1, End: 1 + 60*mss, PeerEdge: 1 << 20}
		paths := []Path{path(0, 20*ms, 0), path(1, 60*ms, 0)}
		carryOut(s.Pick(0, &q, paths, nil)[0], &q, &paths[0])
		all := paths
		paths = change(paths)
		for range 10 {
			all[1].Unsent, all[1].SendBufFree = 0, 1<<20
			for out := s.Pick(0, &q, paths, nil); len(out) > 0; out = s.Pick(0, &q, paths, nil) {
				carryOut(out[0], &q, &all[out[0].Flow])
			}
		}
		if q.Next != q.End || len(q.Skipped) > 0 {
			t.Errorf("%s: %d bytes and %+v are left", what, q.End-q.Next, q.Skipped)
		}
	}
}

// Windows are smoothed by 7/8; a timeout throws the schedule away.
func TestDapsPlan(t *testing.T) {
	s := make1(t, "daps").(*daps)
	p := path(0, 8*ms, 0)
	s.plan([]Path{p}, false)
	p.Window = 18 * mss
	s.plan([]Path{p}, false)
	if len(s.runs) != 1 || s.runs[0].left != 11*mss {
		t.Errorf("%+v, want (7*10+18)/8 segments", s.runs)
	}
	s.OnTimeout(0, 0)
	if len(s.runs) != 0 {
		t.Errorf("%+v after a timeout", s.runs)
	}
	// Delays of 4*251 and 4*257 ms have a common multiple that needs 508 entries; three
	// such do not fit and are cut off.
	s.plan([]Path{path(0, 8*251*ms, 0), path(1, 8*257*ms, 0), path(2, 8*263*ms, 0)}, false)
	if len(s.runs) != dapsRuns {
		t.Errorf("%d entries", len(s.runs))
	}
}

// ALGORITHMS B7: RTT 100 and 20 ms, a window of 20 segments: the gap is 40 segments.
func TestStmsVector(t *testing.T) {
	wide := func(p *Path) { p.Window, p.InFlight = 20*mss, 20*mss }
	fast, slow := path(0, 20*ms, 0, wide), path(1, 100*ms, 8)
	s := make1(t, "stms").(*stms)
	if g := s.gap(&fast, &slow); g != 40*mss {
		t.Fatalf("gap of %d bytes, want 40 segments", g)
	}
	for _, v := range []struct {
		unsent uint64
		want   []Grant
	}{
		{40, nil}, // F is done first
		{41, []Grant{{Flow: 1, DSN: 101 + 40*mss, Len: mss, Penalise: NoFlow, Why: AheadInOrder}}},
	} {
		q := Queue{Una: 1, Next: 101, End: 101 + v.unsent*mss, PeerEdge: 1 << 20}
		if d := cmp.Diff(v.want, s.Pick(0, &q, []Path{fast, slow}, nil)); d != "" {
			t.Errorf("%d segments: %s", v.unsent, d)
		}
		if v.want == nil && s.wait != FasterCompletes {
			t.Errorf("waits for %v", s.wait)
		}
	}
	// F takes what was left out, from its head, before what lies behind.
	q := Queue{Una: 1, Next: 101 + 41*mss, End: 101 + 60*mss, PeerEdge: 1 << 20, Skipped: []Range{{DSN: 101, Len: 40 * mss}}}
	fast.InFlight = 15 * mss
	want := []Grant{{Flow: 0, DSN: 101, Len: 5 * mss, Penalise: NoFlow, Why: LowestRTT}}
	if d := cmp.Diff(want, s.Pick(0, &q, []Path{fast, slow}, nil)); d != "" {
		t.Error(d)
	}
}

// A range that holds up the DATA_ACK was late, one that is jumped over was early.
func TestStmsAdapts(t *testing.T) {
	s := make1(t, "stms").(*stms)
	for _, v := range []struct {
		acks []uint64
		want int64
	}{
		{[]uint64{1000, 5000, 6000}, mss},  // stops at the range
		{[]uint64{1000, 4000, 9000}, -mss}, // jumps over it
		{[]uint64{1000, 5500, 9000}, 0},    // into it
	} {
		*s.shift.at(1) = 0
		s.una = 0
		s.ahead = append(s.ahead[:0], sentAhead{5000, 6000, 1, mss})
		for _, a := range v.acks {
			s.OnDataAck(0, a)
		}
		if got := s.shift.get(1); got != v.want || len(s.ahead) != 0 {
			t.Errorf("acknowledgements %v: %d, want %d; %+v", v.acks, got, v.want, s.ahead)
		}
	}
	fast, slow := path(0, 20*ms, 10), path(1, 100*ms, 0)
	for _, v := range [][2]int64{{0, 20}, {1, 21}, {-2, 18}, {99, 30}, {-99, 10}} {
		*s.shift.at(1) = v[0] * mss
		if g := s.gap(&fast, &slow); g != v[1]*mss {
			t.Errorf("shifted by %d segments: %d bytes, want %d segments", v[0], g, v[1])
		}
	}
}

// However often a range was late, the first one that is early shortens the gap by a
// segment, and the other way round.
func TestStmsDoesNotWindUp(t *testing.T) {
	fast, slow := path(0, 20*ms, 10), path(1, 100*ms, 0) // 20 segments, by the formula
	for _, v := range []struct {
		acks, back []uint64
		want       [2]int64 // segments
	}{
		{[]uint64{1000, 5000}, []uint64{1000, 9000}, [2]int64{30, 29}},
		{[]uint64{1000, 9000}, []uint64{1000, 5000}, [2]int64{10, 11}},
	} {
		s := make1(t, "stms").(*stms)
		observe := func(acks []uint64) int64 {
			s.una = 0
			s.ahead = append(s.ahead[:0], sentAhead{5000, 6000, 1, mss})
			for _, a := range acks {
				s.OnDataAck(0, a)
			}
			return s.gap(&fast, &slow) / mss
		}
		var got [2]int64
		for range 50 {
			got[0] = observe(v.acks)
		}
		got[1] = observe(v.back)
		if got != v.want {
			t.Errorf("gaps of %v segments, want %v", got, v.want)
		}
	}
}

// The rule of STTF by hand: windows of 10 segments out of slow start (a segment more in
// each round). Over A (RTT 20 ms) segments arrive after 10, 30, 50, ... ms, over B (RTT
// 90 ms) after 45 ms. A is full: its next windows of 10 and 11 segments arrive after 30
// and 50 ms, so B takes the segments from the 11th on, and A's next window comes first.
func TestSttf(t *testing.T) {
	b := func(rtt sim.Duration, room int64) Path { return path(1, rtt, 10-room) }
	for _, v := range []struct {
		what   string
		unsent uint64
		b      Path
		dsn    uint64 // segments ahead
		n      int
		grant  bool
	}{
		{"A's next window is enough", 10, b(90*ms, 10), 0, 0, false},
		{"what lies behind it goes to B", 15, b(90*ms, 10), 10, 5, true},
		{"as much as B has room for", 25, b(90*ms, 3), 10, 3, true},
		{"B is later by a window of A more", 15, b(110*ms, 10), 0, 0, false},
		{"behind two windows", 30, b(110*ms, 10), 21, 9, true},
		{"B is as fast as A's next window: A is first", 12, b(60*ms, 10), 10, 2, true},
		{"B is faster than that", 12, b(58*ms, 10), 0, 10, true},
	} {
		q := Queue{Una: 1, Next: 101, End: 101 + v.unsent*mss, PeerEdge: 1 << 20}
		s := make1(t, "sttf")
		got := s.Pick(0, &q, []Path{path(0, 20*ms, 10), v.b}, nil)
		var want []Grant
		if v.grant {
			want = []Grant{{Flow: 1, DSN: 101 + v.dsn*mss, Len: v.n * mss, Penalise: NoFlow, Why: ArrivesFirst}}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", v.what, d)
		}
		if why := s.(Explainer).WhyWait(); !v.grant && why != FasterCompletes {
			t.Errorf("%s: waits for %v", v.what, why)
		}
	}
	// In slow start windows double: 10, 20, ... segments of A.
	q := Queue{Una: 1, Next: 101, End: 101 + 31*mss, PeerEdge: 1 << 20}
	grow := path(0, 20*ms, 10, func(p *Path) { p.Ssthresh = cc.MaxWindow })
	if got := make1(t, "sttf").Pick(0, &q, []Path{grow, b(110*ms, 10)}, nil); len(got) != 1 || got[0].DSN != 101+30*mss || got[0].Len != mss {
		t.Errorf("%+v", got)
	}
}

// Nothing is sent ahead beyond the peer's window, and nothing where a single subflow
// lives.
func TestAheadBounds(t *testing.T) {
	for _, name := range []string{"daps", "stms", "sttf"} {
		q := Queue{Una: 1, Next: 101, End: 101 + 500*mss, PeerEdge: 101 + 5*mss}
		paths := []Path{path(0, 8*ms, 10), path(1, 80*ms, 0)}
		for _, g := range make1(t, name).Pick(0, &q, paths, nil) {
			if g.DSN+uint64(g.Len) > q.PeerEdge {
				t.Errorf("%s: %+v", name, g)
			}
		}
		q.PeerEdge = 1 << 20
		if got := sequence(make1(t, name), &q, []Path{path(0, 8*ms, 0)}, 30); got != "AAAAAAAAAA." || len(q.Skipped) != 0 {
			t.Errorf("%s alone: %s, skipped %+v", name, got, q.Skipped)
		}
	}
}
