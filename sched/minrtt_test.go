package sched

import (
	"fmt"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"

	"github.com/google/go-cmp/cmp"
)

const (
	ms  = sim.Millisecond
	mss = 1000
)

// path is a subflow of 10 segments window with the given number in flight.
func path(f cc.FlowID, srtt sim.Duration, inFlight int64, change ...func(*Path)) Path {
	p := Path{Flow: f, Lane: uint8(f), SRTT: srtt, Window: 10 * mss, InFlight: inFlight * mss, SendBufFree: 1 << 20, MSS: mss}
	for _, c := range change {
		c(&p)
	}
	return p
}

func backup(p *Path)   { p.Backup = true }
func failed(p *Path)   { p.PotentiallyFailed = true }
func stale(p *Path)    { p.Stale = true }
func inLoss(p *Path)   { p.InLoss = true }
func unsent(p *Path)   { p.Unsent = 10 * mss }
func noBuffer(p *Path) { p.SendBufFree = mss - 1 }

// pick asks once.
func pick(t *testing.T, q Queue, paths ...Path) []Grant {
	t.Helper()
	s, err := NewScheduler("minrtt", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Pick(0, &q, paths, nil)
}

// bulk has more data than any window, and some outstanding.
var bulk = Queue{Una: 50_000, Next: 100_000, End: 10_000_000, PeerEdge: 5_000_000}

func TestNewData(t *testing.T) {
	const a, b, c = 0, 1, 2
	for _, v := range []struct {
		what  string
		paths []Path
		want  cc.FlowID // NoFlow: wait
	}{
		{"both have room", []Path{path(a, 20*ms, 0), path(b, 80*ms, 0)}, a},
		{"order does not matter", []Path{path(a, 80*ms, 0), path(b, 20*ms, 0)}, b},
		{"ties go to the first", []Path{path(a, 80*ms, 0), path(b, 20*ms, 0), path(c, 20*ms, 0)}, b},
		{"no sample counts as zero, as in Linux", []Path{path(a, 20*ms, 0), path(b, 0, 0)}, b},
		// The vectors of ALGORITHMS B1.
		{"the fast one is full", []Path{path(a, 20*ms, 10), path(b, 80*ms, 0)}, b},
		{"the fast one is full, the other a backup", []Path{path(a, 20*ms, 10), path(b, 80*ms, 0, backup)}, NoFlow},
		{"the fast one may have failed, the other is a backup", []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0, backup)}, b},
		// B0: what makes a subflow busy, and what makes it fail.
		{"a stale one counts as failed", []Path{path(a, 20*ms, 0, stale), path(b, 80*ms, 0, backup)}, b},
		{"loss recovery is temporary", []Path{path(a, 20*ms, 0, inLoss), path(b, 80*ms, 0, backup)}, NoFlow},
		{"loss recovery, another one", []Path{path(a, 20*ms, 0, inLoss), path(b, 80*ms, 0)}, b},
		{"granted data fills the window", []Path{path(a, 20*ms, 0, unsent), path(b, 80*ms, 0)}, b},
		{"a full send queue is temporary", []Path{path(a, 20*ms, 0, noBuffer), path(b, 80*ms, 0, backup)}, NoFlow},
		{"failed wins over full", []Path{path(a, 20*ms, 10, failed), path(b, 80*ms, 0, backup)}, b},
		{"one of two has failed, the other is full", []Path{path(a, 20*ms, 0, failed), path(b, 40*ms, 10), path(c, 80*ms, 0, backup)}, NoFlow},
		{"a faster backup stays idle", []Path{path(a, 80*ms, 0), path(b, 20*ms, 0, backup)}, a},
		{"the faster of two backups", []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0, backup), path(c, 40*ms, 0, backup)}, c},
		{"backups full", []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 10, backup)}, NoFlow},
		{"all have failed", []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0, failed, backup)}, NoFlow},
		{"nobody is there", nil, NoFlow},
	} {
		got := pick(t, bulk, v.paths...)
		if v.want == NoFlow {
			if len(got) != 0 {
				t.Errorf("%s: granted %+v", v.what, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Flow != v.want {
			t.Errorf("%s: granted %+v, want flow %d", v.what, got, v.want)
		}
	}
}

// How much one grant gives: whole segments of what the windows leave, unless the
// data ends.
func TestGrantLength(t *testing.T) {
	for _, v := range []struct {
		what string
		q    Queue
		p    Path
		want int
	}{
		{"the window's room", bulk, path(0, 20*ms, 4), 6000},
		{"rounded down to segments", bulk, path(0, 20*ms, 0, func(p *Path) { p.InFlight = 4001 }), 5000},
		{"less than a segment of room", bulk, path(0, 20*ms, 0, func(p *Path) { p.InFlight = 9001 }), 0},
		{"the end of the data", Queue{Una: 1, Next: 100, End: 1350, PeerEdge: 9999}, path(0, 20*ms, 0), 1250},
		{"the end of the data, room for a part", Queue{Una: 1, Next: 100, End: 2350, PeerEdge: 9999}, path(0, 20*ms, 0, func(p *Path) { p.InFlight = 8500 }), 1000},
		{"the end of the data in less than a segment of room", Queue{Una: 1, Next: 100, End: 350, PeerEdge: 9999}, path(0, 20*ms, 0, func(p *Path) { p.InFlight = 9700 }), 250},
		{"no data", Queue{Una: 1, Next: 100, End: 100, PeerEdge: 9999}, path(0, 20*ms, 0), 0},
		{"the peer's edge", Queue{Una: 1, Next: 100, End: 99999, PeerEdge: 3150}, path(0, 20*ms, 0), 3000},
		{"the peer's edge and the end", Queue{Una: 1, Next: 100, End: 3150, PeerEdge: 3150}, path(0, 20*ms, 0), 3050},
		{"less than a segment to the edge", Queue{Una: 1, Next: 100, End: 99999, PeerEdge: 1050}, path(0, 20*ms, 0), 0},
		{"the same, nothing outstanding", Queue{Una: 100, Next: 100, End: 99999, PeerEdge: 1050}, path(0, 20*ms, 0), 950},
		{"whole segments, nothing outstanding", Queue{Una: 100, Next: 100, End: 99999, PeerEdge: 2150}, path(0, 20*ms, 0), 2000},
		{"a closed window", Queue{Una: 100, Next: 100, End: 99999, PeerEdge: 100}, path(0, 20*ms, 0), 0},
		{"an edge that moved back", Queue{Una: 100, Next: 5000, End: 99999, PeerEdge: 4000}, path(0, 20*ms, 0), 0},
		{"the send queue", bulk, path(0, 20*ms, 0, func(p *Path) { p.SendBufFree = 2500 }), 2000},
	} {
		got := 0
		for _, g := range pick(t, v.q, v.p) {
			if g.DSN != v.q.Next || g.Kind != New || g.Penalise != NoFlow {
				t.Errorf("%s: grant %+v", v.what, g)
			}
			got += g.Len
		}
		if got != v.want {
			t.Errorf("%s: %d bytes, want %d", v.what, got, v.want)
		}
	}
}

// Why minRTT waits for new data, or whom it takes.
func TestNewDataWhy(t *testing.T) {
	closed := bulk
	closed.PeerEdge = closed.Next
	for _, v := range []struct {
		what  string
		q     Queue
		paths []Path
		want  Why
	}{
		{"room", bulk, []Path{path(0, 20*ms, 0)}, LowestRTT},
		{"a backup alone", bulk, []Path{path(0, 20*ms, 0, failed), path(1, 20*ms, 0, backup)}, OnlyBackups},
		{"a closed window", closed, []Path{path(0, 20*ms, 0)}, PeerWindowClosed},
		{"full", bulk, []Path{path(0, 20*ms, 10)}, NoRoom},
		{"failed", bulk, []Path{path(0, 20*ms, 0, failed)}, NoSubflow},
	} {
		s, _ := NewScheduler("minrtt", nil, nil)
		got := NoWhy
		if g := s.Pick(0, &v.q, v.paths, nil); len(g) > 0 {
			got = g[0].Why
		} else {
			got = s.(Explainer).WhyWait()
		}
		if got != v.want {
			t.Errorf("%s: %q, want %q", v.what, got, v.want)
		}
	}
}

// Ranges to be sent again: which subflow, and before what.
func TestReinject(t *testing.T) {
	const a, b, c = 0, 1, 2
	by := func(flows ...int) (mask uint64) {
		for _, f := range flows {
			mask |= 1 << f
		}
		return mask
	}
	for _, v := range []struct {
		what    string
		carried uint64
		paths   []Path
		want    cc.FlowID
		why     Why
	}{
		{"not on the one that carried it", by(a), []Path{path(a, 20*ms, 0), path(b, 80*ms, 0)}, b, LowestRTT},
		{"the fastest of the others", by(a), []Path{path(a, 20*ms, 0), path(b, 80*ms, 0), path(c, 40*ms, 0)}, c, LowestRTT},
		{"the other is busy: wait", by(a), []Path{path(a, 20*ms, 0), path(b, 80*ms, 10)}, NoFlow, NoRoom},
		{"the other is busy: no backup either", by(a), []Path{path(a, 20*ms, 0), path(b, 80*ms, 10), path(c, 99*ms, 0, backup)}, NoFlow, NoRoom},
		{"all others carried it: the backup", by(a, b), []Path{path(a, 20*ms, 0), path(b, 80*ms, 0), path(c, 99*ms, 0, backup)}, c, OnlyBackups},
		{"the carrier is alone", by(a), []Path{path(a, 20*ms, 0)}, a, AllCarried},
		{"the carrier is alone and busy", by(a), []Path{path(a, 20*ms, 10)}, NoFlow, NoRoom},
		{"all carried it: anew", by(a, b), []Path{path(a, 80*ms, 0), path(b, 20*ms, 0)}, b, AllCarried},
		{"all carried it, the backup, too: anew without it", by(a, b), []Path{path(a, 80*ms, 0), path(b, 20*ms, 0, backup)}, a, AllCarried},
		{"the only other one has failed: anew", by(a), []Path{path(a, 20*ms, 0), path(b, 80*ms, 0, failed)}, a, AllCarried},
		{"the carrier has failed, a backup is there", by(a), []Path{path(a, 20*ms, 0, failed), path(b, 80*ms, 0, backup)}, b, OnlyBackups},
		{"the carrier has failed and nobody is there", by(a), []Path{path(a, 20*ms, 0, failed)}, NoFlow, NoSubflow},
		{"the carrier has gone", by(c), []Path{path(a, 20*ms, 0), path(b, 80*ms, 0)}, a, LowestRTT},
	} {
		q := Queue{Una: 1, Next: 5000, End: 5000, PeerEdge: 9999, Reinject: []Range{{DSN: 1000, Len: 1500, Carried: v.carried}}}
		var want []Grant
		if v.want != NoFlow {
			want = []Grant{{Flow: v.want, DSN: 1000, Len: 1500, Kind: Reinject, Penalise: NoFlow, Why: v.why}}
		}
		s, _ := NewScheduler("minrtt", nil, nil)
		if d := cmp.Diff(want, s.Pick(0, &q, v.paths, nil)); d != "" {
			t.Errorf("%s: %s", v.what, d)
		}
		if got := s.(Explainer).WhyWait(); want == nil && got != v.why {
			t.Errorf("%s: waits for %q, want %q", v.what, got, v.why)
		}
	}
}

func TestReinjectOrder(t *testing.T) {
	q := bulk
	q.Reinject = []Range{{DSN: 40_000, Len: 2000, Carried: 1}, {DSN: 49_000, Len: 3000, Carried: 1}, {DSN: 60_000, Len: 2500, Carried: 2}}
	two := []Path{path(0, 20*ms, 0), path(1, 80*ms, 0)}
	// The first was acknowledged meanwhile, the second in part.
	want := []Grant{{Flow: 1, DSN: 50_000, Len: 2000, Kind: Reinject, Penalise: NoFlow, Why: LowestRTT}}
	if d := cmp.Diff(want, pick(t, q, two...)); d != "" {
		t.Error(d)
	}
	// It has to wait for flow 1: the third, which flow 0 may carry, does not wait.
	two[1].InFlight = 10 * mss
	want = []Grant{{Flow: 0, DSN: 60_000, Len: 2500, Kind: Reinject, Penalise: NoFlow, Why: LowestRTT}}
	if d := cmp.Diff(want, pick(t, q, two...)); d != "" {
		t.Error(d)
	}
	// Nor does new data.
	q.Reinject = q.Reinject[:2]
	want = []Grant{{Flow: 0, DSN: 100_000, Len: 10_000, Kind: New, Penalise: NoFlow, Why: LowestRTT}}
	if d := cmp.Diff(want, pick(t, q, two...)); d != "" {
		t.Error(d)
	}
	// The peer's window does not hold back what lies inside it.
	q.Reinject, q.PeerEdge = []Range{{DSN: 60_000, Len: 2500}}, q.Next
	want = []Grant{{Flow: 0, DSN: 60_000, Len: 2500, Kind: Reinject, Penalise: NoFlow, Why: LowestRTT}}
	if d := cmp.Diff(want, pick(t, q, two...)); d != "" {
		t.Error(d)
	}
}

// RFC 8041 section 3.7: lowest round-trip time first fills the window of the
// fastest subflow and then goes to the next. The log is the whole decision.
//
// row:G1
func TestDecisionLog(t *testing.T) {
	paths := []Path{path(0, 80*ms, 7), path(1, 20*ms, 2), path(2, 40*ms, 5), path(3, 10*ms, 0, backup)}
	q := Queue{Una: 1, Next: 100_000, End: 100_000 + 14_500, PeerEdge: 1_000_000}
	s, _ := NewScheduler("minrtt", nil, nil)
	var log strings.Builder
	for {
		g := s.Pick(0, &q, paths, nil)
		if len(g) == 0 {
			break
		}
		for _, x := range g {
			fmt.Fprintf(&log, "%d: %d+%d\n", x.Flow, x.DSN, x.Len)
			q.Next += uint64(x.Len)
			paths[x.Flow].Unsent += int64(x.Len)
		}
	}
	want := "1: 100000+8000\n2: 108000+5000\n0: 113000+1500\n"
	if d := cmp.Diff(want, log.String()); d != "" {
		t.Error(d)
	}
}

func TestNewSchedulerRefuses(t *testing.T) {
	_, err := NewScheduler("minrrt", nil, nil)
	if err == nil || !strings.HasPrefix(err.Error(), `unknown scheduler "minrrt", did you mean "minrtt"? (known: minrtt, linux, `) {
		t.Error(err)
	}
	_, err = NewScheduler("minrtt", []cc.Setting{{Name: "burst", Value: 1}}, nil)
	if err == nil || err.Error() != `scheduler "minrtt": unknown parameter "burst" (none is known)` {
		t.Error(err)
	}
}
