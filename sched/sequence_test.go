package sched

import (
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// sequence asks a scheduler until it waits or n segments are granted, carries the
// grants out, and returns the subflow of each segment as a letter; "." says that it
// waits. Copies are lower case.
func sequence(s Scheduler, q *Queue, paths []Path, n int) string {
	var b strings.Builder
	for b.Len() < n {
		out := s.Pick(0, q, paths, nil)
		if len(out) == 0 {
			return b.String() + "."
		}
		for _, g := range out {
			letter := 'A' + rune(g.Flow)
			if g.Kind != New {
				letter += 'a' - 'A'
			}
			for range segments(int64(g.Len), mss) {
				b.WriteRune(letter)
			}
			carryOut(g, q, &paths[g.Flow])
		}
	}
	return b.String()
}

func set(name string, value float64) cc.Setting { return cc.Setting{Name: name, Value: value} }

func cost(c float64) func(*Path)        { return func(p *Path) { p.Cost = c } }
func weight(w int32) func(*Path)        { return func(p *Path) { p.Weight = w } }
func varies(d sim.Duration) func(*Path) { return func(p *Path) { p.RTTVar = d } }
func queued(n int64) func(*Path)        { return func(p *Path) { p.Queued = n } }
func heard(t sim.Time) func(*Path)      { return func(p *Path) { p.LastRecv = t } }
func device(n int64, r sim.Rate) func(*Path) {
	return func(p *Path) { p.DeviceQueue, p.DeviceRate = n, r }
}

// Sequences of decisions that follow from the rules; those of ALGORITHMS B are named
// by their sections.
func TestSequences(t *testing.T) {
	const a, b, c = 0, 1, 2
	open := func() []Path { return []Path{path(a, 20*ms, 0), path(b, 80*ms, 0)} }
	full := func() []Path { return []Path{path(a, 20*ms, 10), path(b, 80*ms, 0)} }
	for _, v := range []struct {
		what     string
		name     string
		settings []cc.Setting
		paths    []Path
		n        int
		want     string
		wait     Why
	}{
		{"B2: both open, num = 1", "roundrobin", nil, open(), 6, "ABABAB", 0},
		{"B2: A full, cwnd_limited", "roundrobin", nil, full(), 3, "BBB", 0},
		{"B2: A full on its turn, not cwnd_limited", "roundrobin", []cc.Setting{set("cwnd_limited", 0)}, full(), 3, ".", TurnOfFull},
		{"a quantum of 3", "roundrobin", []cc.Setting{set("segments", 3)}, open(), 12, "AAABBBAAABBB", 0},
		{"windows end", "roundrobin", nil, open(), 30, strings.Repeat("AB", 10) + ".", NoRoom},
		{"not cwnd_limited: equal shares until one is full", "roundrobin", []cc.Setting{set("cwnd_limited", 0)}, []Path{path(a, 20*ms, 7), path(b, 80*ms, 0)}, 30, "ABABAB.", TurnOfFull},
		{"a backup has no turn", "roundrobin", nil, []Path{path(a, 20*ms, 0), path(b, 20*ms, 0, backup)}, 3, "AAA", 0},
		{"backups in turn when the others have failed", "roundrobin", nil, []Path{path(a, 20*ms, 0, failed), path(b, 20*ms, 0, backup), path(c, 20*ms, 0, backup)}, 4, "BCBC", 0},

		{"B3: weights 3:1", "weighted", nil, []Path{path(a, 20*ms, 0, weight(3)), path(b, 20*ms, 0, weight(1))}, 8, "AAABAAAB", 0},
		{"a quantum of 2", "weighted", []cc.Setting{set("quantum", 2)}, []Path{path(a, 20*ms, 0, weight(2)), path(b, 20*ms, 0)}, 12, "AAAABBAAAABB", 0},
		{"the heavy one is full: the others go on", "weighted", nil, []Path{path(a, 20*ms, 10, weight(3)), path(b, 20*ms, 0), path(c, 20*ms, 0)}, 6, "BCBCBC", 0},
		{"exact shares wait for the heavy one", "weighted", []cc.Setting{set("cwnd_limited", 0)}, []Path{path(a, 20*ms, 6, weight(3)), path(b, 20*ms, 0)}, 9, "AAABA.", TurnOfFull},

		{"B3: the second only if the first has failed", "backup", nil, open(), 30, "AAAAAAAAAA.", PrimaryFull},
		{"the first has failed", "backup", nil, []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0), path(c, 20*ms, 0)}, 3, "BBBBBBBBBB", 0},
		{"the first is full: wait", "backup", nil, full(), 1, ".", PrimaryFull},
		{"the cheapest is first", "backup", nil, []Path{path(a, 20*ms, 0, cost(2)), path(b, 80*ms, 0, cost(1))}, 1, "BBBBBBBBBB", 0},
		{"a cheap backup is last", "backup", nil, []Path{path(a, 20*ms, 0, cost(2)), path(b, 80*ms, 0, backup)}, 1, "AAAAAAAAAA", 0},

		{"B3: overflow saturates the first", "overflow", nil, open(), 30, "AAAAAAAAAABBBBBBBBBB.", NoRoom},
		{"the cheap one is saturated first", "overflow", nil, []Path{path(a, 20*ms, 0, cost(2)), path(b, 80*ms, 0, cost(1))}, 30, "BBBBBBBBBBAAAAAAAAAA.", NoRoom},
		{"nothing overflows onto a backup", "overflow", nil, []Path{path(a, 20*ms, 0), path(b, 80*ms, 0, backup)}, 30, "AAAAAAAAAA.", NoRoom},

		{"steady ones by round-trip time", "jitter", nil, []Path{path(a, 20*ms, 0, varies(20*ms)), path(b, 80*ms, 0, varies(2*ms)), path(c, 60*ms, 0, varies(7*ms))}, 30, "CCCCCCCCCCBBBBBBBBBB.", OnlyVariable},
		{"a margin of 18 ms", "jitter", []cc.Setting{set("margin", 18)}, []Path{path(a, 20*ms, 0, varies(20*ms)), path(b, 80*ms, 0, varies(2*ms))}, 30, "AAAAAAAAAABBBBBBBBBB.", NoRoom},

		{"the one that holds least", "equalsplit", nil, []Path{path(a, 20*ms, 0, queued(3000)), path(b, 80*ms, 0, queued(0))}, 6, "BBBABA", 0},
		{"half of 16 segments each", "equalsplit", nil, []Path{path(a, 20*ms, 0), path(b, 80*ms, 0)}, 30, "ABABABABABABABAB.", ShareUsed},
		{"a failed one has no share", "equalsplit", nil, []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0)}, 30, "BBBBBBBBBB.", NoRoom},

		{"where the peer's data came", "mirror", nil, open(), 3, "BBBBBBBBBB", 0},
		{"where anything came last", "mirror", []cc.Setting{set("acks", 1)}, []Path{path(a, 20*ms, 0, heard(2)), path(b, 80*ms, 0, heard(1))}, 3, "AAAAAAAAAA", 0},
		{"one at a time", "mirror", nil, []Path{path(a, 20*ms, 0), path(b, 80*ms, 10)}, 3, ".", PrimaryFull},
		{"the followed one has failed", "mirror", nil, []Path{path(a, 20*ms, 0), path(b, 80*ms, 0, failed)}, 3, "AAAAAAAAAA", 0},
		{"a backup is not followed", "mirror", nil, []Path{path(a, 20*ms, 0), path(b, 80*ms, 0, backup)}, 3, "AAAAAAAAAA", 0},

		// 1000 bytes at 8 Mb/s take 1 ms; half round trips of 10 and 12 ms.
		{"an empty device first", "qaware", nil, []Path{path(a, 20*ms, 0, device(3000, 8*mbps)), path(b, 24*ms, 0, device(0, 8*mbps))}, 6, "BABABA", 0},
		{"no device is visible: round-trip times", "qaware", nil, open(), 3, "AAA", 0},

		{"in turn whatever the delay", "alternate-bytes", []cc.Setting{set("bytes", 1000)}, []Path{path(a, 20*ms, 0), path(b, 80*ms, 0), path(c, 10*ms, 8)}, 30, "ABCABCAB.", TurnOfFull},
		{"a piece longer than the window goes in parts", "alternate-bytes", []cc.Setting{set("bytes", 15_000)}, open(), 30, "AAAAAAAAAA.", TurnOfFull},
	} {
		q := bulk
		q.SendBuffer, q.PeerFlow = 16*mss, b
		s := make1(t, v.name, v.settings...)
		if got := sequence(s, &q, v.paths, v.n); got != v.want {
			t.Errorf("%s: %s: %s, want %s", v.name, v.what, got, v.want)
		}
		if why := s.(Explainer).WhyWait(); strings.HasSuffix(v.want, ".") && why != v.wait {
			t.Errorf("%s: %s: waits for %q, want %q", v.name, v.what, why, v.wait)
		}
	}
}

// ALGORITHMS B4: two subflows with windows of two segments and two segments of data.
// Each carries both; if the first is acknowledged before B sends, B begins at the
// second.
//
// row:G3
func TestRedundantVector(t *testing.T) {
	two := func() []Path {
		return []Path{path(0, 20*ms, 8), path(1, 80*ms, 8)}
	}
	for _, v := range []struct {
		what    string
		version float64
		paths   []Path
		want    string
	}{
		{"in turn", 90, two(), "AbAb."},
		{"B is full", 90, []Path{path(0, 20*ms, 8), path(1, 80*ms, 10)}, "AA."},
		{"one subflow sends everything once", 90, two()[:1], "AA."},
		{"no copy on a backup", 90, []Path{path(0, 20*ms, 8), path(1, 80*ms, 8, backup)}, "AA."},
		{"nor on a failed one", 90, []Path{path(0, 20*ms, 8), path(1, 80*ms, 8, failed)}, "AA."},
		{"v0.89", 89, two(), "AbAb."},
		{"v0.89: the copy waits for B, and everything else with it", 89, []Path{path(0, 20*ms, 8), path(1, 80*ms, 10)}, "A."},
		{"v0.89: one subflow", 89, two()[:1], "AA."},
		// Copies for B and C, in this order; minRTT takes C first, so that the copy for
		// B is dropped.
		{"v0.89: a copy is dropped where another subflow is chosen", 89, []Path{path(0, 20*ms, 8), path(1, 80*ms, 8), path(2, 40*ms, 8)}, "AcAc."},
	} {
		q := Queue{Una: 1, Next: 1, End: 2*mss + 1, PeerEdge: 1 << 20}
		if got := sequence(make1(t, "redundant", set("version", v.version)), &q, v.paths, 30); got != v.want {
			t.Errorf("%s: %s, want %s", v.what, got, v.want)
		}
	}

	q := Queue{Una: 1, Next: 1, End: 2*mss + 1, PeerEdge: 1 << 20}
	s := make1(t, "redundant")
	paths := []Path{path(0, 20*ms, 8), path(1, 80*ms, 10)}
	sequence(s, &q, paths, 30)
	q.Una = mss + 1
	paths[1].InFlight = 8 * mss
	g := s.Pick(0, &q, paths, nil)
	if len(g) != 1 || g[0].Flow != 1 || g[0].DSN != mss+1 || g[0].Kind != Redundant {
		t.Errorf("after the DATA_ACK of the first segment: %+v", g)
	}
}

// Every subflow is drawn as often as its share says: over 30,000 draws the counts lie
// within five standard deviations of the binomial distribution.
func TestRandomShares(t *testing.T) {
	for _, v := range []struct {
		weighted float64
		share    []float64
	}{{0, []float64{1. / 3, 1. / 3, 1. / 3}}, {1, []float64{.5, .3, .2}}} {
		s := make1(t, "random", set("weighted", v.weighted))
		paths := []Path{path(0, 20*ms, 0, weight(5)), path(1, 80*ms, 0, weight(3)), path(2, 10*ms, 0, weight(2))}
		const n = 30_000
		var count [3]float64
		for range n {
			count[s.Pick(0, &bulk, paths, nil)[0].Flow]++
		}
		for i, p := range v.share {
			if d := count[i] - n*p; d*d > 25*n*p*(1-p) {
				t.Errorf("weighted %v: subflow %d was drawn %v times of %v", v.weighted, i, count[i], n)
			}
		}
	}
}

// A dearer path is used if the data would wait for longer than patience: 10 segments
// of window in 20 ms are 500 segments a second, so that 100 ms are 50 segments.
func TestCostPatience(t *testing.T) {
	for _, v := range []struct {
		what     string
		waiting  uint64 // segments
		patience float64
		change   func(*Path)
		want     string
		wait     Why
	}{
		{"50 segments wait", 50, 100, nil, ".", CheaperInTime},
		{"51 do", 51, 100, nil, "B", 0},
		{"what is granted and not sent waits, too", 49, 100, func(p *Path) { p.Unsent = 2 * mss }, "B", 0},
		{"more patience", 51, 103, nil, ".", CheaperInTime},
		{"no patience", 1, 0, nil, "B", 0},
		{"the cheap one has failed", 1, 100, failed, "B", 0},
		{"the cheap one is not measured yet", 51, 100, func(p *Path) { p.SRTT = 0 }, ".", CheaperInTime},
		{"equal cost", 1, 100, cost(5), "B", 0},
	} {
		cheap := path(0, 20*ms, 10, cost(1))
		if v.change != nil {
			v.change(&cheap)
		}
		q := Queue{Una: 1, Next: 100, End: 100 + v.waiting*mss, PeerEdge: 1 << 20}
		s := make1(t, "cost", set("patience", v.patience))
		got := sequence(s, &q, []Path{cheap, path(1, 80*ms, 9, cost(5))}, 1)
		if got != v.want || v.want == "." && s.(Explainer).WhyWait() != v.wait {
			t.Errorf("%s: %s (%v), want %s", v.what, got, s.(Explainer).WhyWait(), v.want)
		}
	}
}

// Pieces of one byte never lie side by side on one subflow.
func TestAlternateBytes(t *testing.T) {
	q := Queue{Una: 1, Next: 1, End: 8, PeerEdge: 100}
	s := make1(t, "alternate-bytes")
	paths := []Path{path(0, 20*ms, 0), path(1, 80*ms, 0)}
	for i := range 7 {
		g := s.Pick(0, &q, paths, nil)
		if len(g) != 1 || g[0].Flow != cc.FlowID(i%2) || g[0].DSN != uint64(i+1) || g[0].Len != 1 {
			t.Fatalf("piece %d: %+v", i, g)
		}
		carryOut(g[0], &q, &paths[g[0].Flow])
	}
}

// A piece takes a segment of the congestion window, however short it is (Linux's windows
// count packets): with windows of ten segments, of which two subflows have three and six
// pieces in flight or queued, each gets four in turn, the first a fifth, and then the
// second, which is full, is waited for. One whose window is below a segment gets a piece all the same.
func TestAlternateBytesCountsSegments(t *testing.T) {
	q := Queue{Una: 1, Next: 1, End: 1000, PeerEdge: 1000}
	s := make1(t, "alternate-bytes")
	paths := []Path{path(0, 20*ms, 0), path(1, 80*ms, 0)}
	paths[0].InFlight, paths[0].Unsent = 2*mss, 1
	paths[1].InFlight, paths[1].Unsent = 5*mss, 1
	var pieces [2]int
	for range 100 {
		g := s.Pick(0, &q, paths, nil)
		if len(g) == 0 {
			break
		}
		pieces[g[0].Flow]++
		carryOut(g[0], &q, &paths[g[0].Flow])
	}
	if pieces != [2]int{5, 4} || s.(Explainer).WhyWait() != TurnOfFull {
		t.Errorf("%v pieces, %v", pieces, s.(Explainer).WhyWait())
	}
	if s.(Asker).Asks()&FactSlots == 0 {
		t.Error("TCP's windows count bytes")
	}
	one := path(0, 20*ms, 0)
	one.Window = mss - 1
	if g := make1(t, "alternate-bytes").Pick(0, &q, []Path{one}, nil); len(g) != 1 || g[0].Len != 1 {
		t.Errorf("%+v", g)
	}
}
