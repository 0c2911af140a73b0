package sched

import (
	"testing"

	"mpsim/cc"
	"mpsim/sim"

	"github.com/google/go-cmp/cmp"
)

// kernelPath is a subflow with a pacing rate and a send queue, as the linux
// scheduler sees it.
func kernelPath(f cc.FlowID, rate sim.Rate, queued int64, change ...func(*Path)) Path {
	p := Path{Flow: f, Lane: uint8(f), Pacing: rate, Queued: queued, SendBufFree: 1<<20 - queued, MSS: mss}
	for _, c := range change {
		c(&p)
	}
	return p
}

func newLinux(t testing.TB) Scheduler {
	t.Helper()
	s, err := NewScheduler("linux", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const mbps = sim.MegabitPerSecond

// The choice of mptcp_subflow_get_send: least queued bytes over pacing rate.
func TestLinuxChoice(t *testing.T) {
	const a, b, c = 0, 1, 2
	full := func(p *Path) { p.SendBufFree = 0 }
	for _, v := range []struct {
		what  string
		paths []Path
		want  cc.FlowID // NoFlow: wait
		why   Why
	}{
		{"both idle: the first", []Path{kernelPath(a, 10*mbps, 0), kernelPath(b, 20*mbps, 0)}, a, ShortestQueue},
		{"the shorter queue", []Path{kernelPath(a, 10*mbps, 9000), kernelPath(b, 10*mbps, 8000)}, b, ShortestQueue},
		{"the longer but faster queue", []Path{kernelPath(a, 10*mbps, 9000), kernelPath(b, 30*mbps, 20000)}, b, ShortestQueue},
		{"beyond the congestion window", []Path{kernelPath(a, 10*mbps, 9000, func(p *Path) { p.Window, p.InFlight = mss, 9*mss })}, a, ShortestQueue},
		{"the pick has no buffer left: wait, though the other has", []Path{kernelPath(a, 10*mbps, 0, full), kernelPath(b, 10*mbps, 9000)}, NoFlow, SendQueueFull},
		{"backups only without others", []Path{kernelPath(a, 10*mbps, 9000), kernelPath(b, 10*mbps, 0, backup)}, a, ShortestQueue},
		{"a stale one is not active", []Path{kernelPath(a, 10*mbps, 0, stale), kernelPath(b, 10*mbps, 9000)}, b, ShortestQueue},
		{"a timed-out one is", []Path{kernelPath(a, 10*mbps, 0, failed), kernelPath(b, 10*mbps, 9000)}, a, ShortestQueue},
		{"the others are stale: the shorter of the backups", []Path{kernelPath(a, 10*mbps, 0, stale), kernelPath(b, 10*mbps, 9000, backup), kernelPath(c, 10*mbps, 8000, backup)}, c, OnlyBackups},
		{"all stale", []Path{kernelPath(a, 10*mbps, 0, stale)}, NoFlow, NoSubflow},
		{"nobody", nil, NoFlow, NoSubflow},
	} {
		q := bulk
		s := newLinux(t)
		got := s.Pick(0, &q, v.paths, nil)
		if v.want == NoFlow {
			if len(got) != 0 {
				t.Errorf("%s: granted %+v", v.what, got)
			}
			if why := s.(Explainer).WhyWait(); why != v.why {
				t.Errorf("%s: waits for %q, want %q", v.what, why, v.why)
			}
			continue
		}
		if len(got) != 1 || got[0].Flow != v.want || got[0].Why != v.why {
			t.Errorf("%s: granted %+v, want flow %d, %q", v.what, got, v.want, v.why)
		}
	}
}

// How much a pick gets. The kernel was seen to send bursts of 65456 bytes: two
// buffers of a page of 32 KiB less their headers of 40 bytes.
func TestLinuxBurst(t *testing.T) {
	pages := func(from uint64) (ends []uint64) {
		for range 40 {
			from += 32768 - 40
			ends = append(ends, from)
		}
		return ends
	}
	for _, v := range []struct {
		what string
		q    Queue
		free int64
		want int
	}{
		{"whole buffers", Queue{Una: 1, Next: 1, End: 1 << 20, PeerEdge: 1 << 21, Buffers: pages(1)}, 1 << 20, 65456},
		{"from within a buffer", Queue{Una: 1, Next: 30_001, End: 1 << 20, PeerEdge: 1 << 21, Buffers: pages(1)}, 1 << 20, 2728 + 2*32728},
		{"until the send queue is full, at the end of a buffer", Queue{Una: 1, Next: 1, End: 1 << 20, PeerEdge: 1 << 21, Buffers: pages(1)}, 100, 32728},
		{"without buffers", Queue{Una: 1, Next: 1, End: 1 << 20, PeerEdge: 1 << 21}, 1 << 20, 65428},
		{"the peer's edge, not in whole segments", Queue{Una: 1, Next: 1, End: 1 << 20, PeerEdge: 5121, Buffers: pages(1)}, 1 << 20, 5120},
		{"the end of the data", Queue{Una: 1, Next: 1, End: 301, PeerEdge: 5121, Buffers: []uint64{301}}, 1 << 20, 300},
		{"many small buffers", Queue{Una: 1, Next: 1, End: 901, PeerEdge: 5121, Buffers: []uint64{301, 601, 901}}, 1 << 20, 900},
		{"a closed window", Queue{Una: 1, Next: 1, End: 301, PeerEdge: 1, Buffers: []uint64{301}}, 1 << 20, 0},
	} {
		paths := []Path{kernelPath(0, 10*mbps, 0, func(p *Path) { p.SendBufFree = v.free })}
		got := 0
		for _, g := range newLinux(t).Pick(0, &v.q, paths, nil) {
			if g.DSN != v.q.Next || g.Kind != New {
				t.Errorf("%s: %+v", v.what, g)
			}
			got += g.Len
		}
		if got != v.want {
			t.Errorf("%s: %d bytes, want %d", v.what, got, v.want)
		}
	}
}

// The rate is averaged over picks: after a pick with an idle queue it is the
// pacing rate; with queue m and burst n it moves by n/(m+n) of the difference.
func TestLinuxAverageRate(t *testing.T) {
	l := newLinux(t).(*linux)
	q := bulk
	l.Pick(0, &q, []Path{kernelPath(0, 10*mbps, 0)}, nil)
	if l.rates[0] != 10*mbps {
		t.Errorf("after the first pick %v", l.rates[0])
	}
	l.Pick(0, &q, []Path{kernelPath(0, 20*mbps, 65428)}, nil)
	if l.rates[0] != 15*mbps {
		t.Errorf("half queue, half burst: %v, want 15 Mb/s", l.rates[0])
	}
	// The average, not the latest rate, decides: 15 Mb/s against 16 now.
	paths := []Path{kernelPath(0, 100*mbps, 15_000), kernelPath(1, 16*mbps, 15_000)}
	if g := l.Pick(0, &q, paths, nil); g[0].Flow != 1 {
		t.Errorf("%+v", g)
	}
}

// Ranges to be sent again go first, joined where they touch, whoever carried
// them.
func TestLinuxReinject(t *testing.T) {
	q := bulk
	q.Reinject = []Range{{DSN: 49_000, Len: 2000, Carried: 1}, {DSN: 51_000, Len: 3000, Carried: 2}, {DSN: 60_000, Len: 2500, Carried: 1}}
	paths := []Path{kernelPath(0, 10*mbps, 0), kernelPath(1, 10*mbps, 100)}
	want := []Grant{{Flow: 0, DSN: 50_000, Len: 4000, Kind: Reinject, Penalise: NoFlow, Why: ShortestQueue}}
	if d := cmp.Diff(want, newLinux(t).Pick(0, &q, paths, nil)); d != "" {
		t.Error(d)
	}
}

// Where nothing is left to send but ranges that have been acknowledged meanwhile, the
// peer's window is not what is waited for.
func TestLinuxNothingLeft(t *testing.T) {
	for _, v := range []struct {
		q   Queue
		why Why
	}{
		{Queue{Una: 5001, Next: 5001, End: 5001, PeerEdge: 9001, Reinject: []Range{{DSN: 1, Len: 4000, Carried: 1}}}, NoWhy},
		{Queue{Una: 5001, Next: 5001, End: 6001, PeerEdge: 5001}, PeerWindowClosed},
	} {
		s := newLinux(t)
		if got := s.Pick(0, &v.q, []Path{kernelPath(0, 10*mbps, 0)}, nil); len(got) != 0 {
			t.Errorf("granted %+v", got)
		}
		if why := s.(Explainer).WhyWait(); why != v.why {
			t.Errorf("waits for %q, want %q", why, v.why)
		}
	}
}

func TestLinuxNoAllocation(t *testing.T) {
	s := newLinux(t)
	q := bulk
	q.Buffers = []uint64{110_000, 140_000, 180_000}
	paths := []Path{kernelPath(0, 10*mbps, 0), kernelPath(1, 10*mbps, 100)}
	out := make([]Grant, 0, 4)
	if a := testing.AllocsPerRun(1000, func() { out = s.Pick(0, &q, paths, out[:0]) }); a != 0 {
		t.Errorf("%v allocations per decision", a)
	}
}

// The vectors of ALGORITHMS B8: 100 kB at 1 MB/s linger for less than 20 kB at 0.1 MB/s;
// an average of 1 MB/s with 100 kB queued and a burst at 1.2 MB/s becomes 1079101 B/s.
func TestLinuxVectors(t *testing.T) {
	const kBps = 8000 * sim.BitPerSecond
	s := newLinux(t).(*linux)
	paths := []Path{kernelPath(0, 1000*kBps, 100_000), kernelPath(1, 100*kBps, 20_000)}
	if g := s.Pick(0, &bulk, paths, nil); len(g) != 1 || g[0].Flow != 0 {
		t.Errorf("%+v", g)
	}
	paths[0].Pacing = 1200 * kBps
	s.Pick(0, &bulk, paths[:1], nil)
	if got := s.rates[0] / 8; got != 1_079_101 {
		t.Errorf("average of %d B/s, want 1079101", got)
	}
}
