package sched

import (
	"fmt"
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/sim"

	"pgregory.net/rapid"
)

// Rapid prefers small numbers: amounts are what is missing to something, and the
// rare case is the largest number.

// drawPaths makes subflows in any state, most of them with room.
func drawPaths(t *rapid.T) []Path {
	paths := make([]Path, 6-rapid.IntRange(0, 6).Draw(t, "missing paths"))
	for i := range paths {
		rare := func(what string) bool { return rapid.IntRange(0, 15).Draw(t, what) >= 13 }
		paths[i] = Path{
			Flow:              cc.FlowID(i),
			Lane:              uint8(i),
			SRTT:              sim.Duration(rapid.Int64Range(0, 5).Draw(t, "srtt")) * ms,
			Window:            (20 - rapid.Int64Range(0, 19).Draw(t, "reduction")) * mss,
			InFlight:          rapid.Int64Range(0, 25_000).Draw(t, "in flight"),
			Unsent:            rapid.Int64Range(0, 3000).Draw(t, "unsent"),
			SendBufFree:       20_000 - rapid.Int64Range(0, 20_000).Draw(t, "queued"),
			MSS:               rapid.Int64Range(mss-1, mss).Draw(t, "mss"),
			Backup:            rare("backup"),
			PotentiallyFailed: rare("failed"),
			Stale:             rare("stale"),
			InLoss:            rare("loss"),
		}
	}
	return paths
}

func drawQueue(t *rapid.T) Queue {
	una := rapid.Uint64Range(1, 1<<40).Draw(t, "una")
	next := una + rapid.Uint64Range(0, 30_000).Draw(t, "outstanding")
	q := Queue{
		Una: una, Next: next,
		End:      next + 60_000 - rapid.Uint64Range(0, 60_000).Draw(t, "written less"),
		PeerEdge: una + 80_000 - rapid.Uint64Range(0, 80_000).Draw(t, "window less"),
	}
	if next > una {
		for range rapid.IntRange(0, 4).Draw(t, "reinjections") {
			from := rapid.Uint64Range(una-1, next-1).Draw(t, "dsn")
			n := int(next - from)
			q.Reinject = append(q.Reinject, Range{
				DSN: from, Len: n - rapid.IntRange(0, n-1).Draw(t, "shorter"),
				Carried: rapid.Uint64Range(0, 63).Draw(t, "carried"),
			})
		}
	}
	return q
}

// A scheduler that the connection asks until it grants nothing stops, and never
// goes beyond a window, the data, or what it granted before; new data is
// granted once, in order, and in whole segments unless it ends.
func TestGrantsStayInBounds(t *testing.T) {
	var grants [Redundant + 1]int
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			paths, q := drawPaths(t), drawQueue(t)
			s, _ := NewScheduler("minrtt", nil, nil)
			var out []Grant
			for rounds := 0; ; rounds++ {
				if rounds > 1000 {
					t.Fatal("does not stop")
				}
				if out = s.Pick(0, &q, paths, out[:0]); len(out) == 0 {
					break
				}
				for _, g := range out {
					grants[g.Kind]++
					checkGrant(t, g, &q, paths)
					carryOut(g, &q, &paths[g.Flow])
				}
			}
		}
	})
	if grants[New] < 1000 || grants[Reinject] < 1000 {
		t.Errorf("only %v grants of each kind were seen", grants)
	}
}

func checkGrant(t *rapid.T, g Grant, q *Queue, paths []Path) {
	p := &paths[g.Flow]
	n := int64(g.Len)
	end := g.DSN + uint64(g.Len)
	switch {
	case g.Len <= 0:
		t.Fatalf("empty grant %+v", g)
	case n > p.Room() || n > p.SendBufFree:
		t.Fatalf("%+v exceeds room %d or buffer %d", g, p.Room(), p.SendBufFree)
	case p.PotentiallyFailed || p.Stale || p.InLoss:
		t.Fatalf("%+v on %+v", g, p)
	case g.Kind == New && (g.DSN != q.Next || end > q.End || end > q.PeerEdge):
		t.Fatalf("%+v outside %+v", g, q)
	case g.Kind == New && n%p.MSS != 0 && end != q.End && q.Una != q.Next:
		t.Fatalf("%+v cuts a segment of %d", g, p.MSS)
	case g.Kind == Reinject && !slices.ContainsFunc(q.Reinject, func(r Range) bool {
		return g.DSN >= max(r.DSN, q.Una) && end <= r.DSN+uint64(r.Len)
	}):
		t.Fatalf("%+v is not in %+v", g, q)
	}
	for i := range paths {
		o := &paths[i]
		if p.Backup && !o.Backup && g.Kind == New && !o.PotentiallyFailed && !o.Stale {
			t.Fatalf("backup used while flow %d lives", i)
		}
		if g.Kind == New && o.Backup == p.Backup && o.SRTT < p.SRTT && o.Ready(int64(q.End-q.Next)) == Ready {
			t.Fatalf("flow %d is faster and ready", i)
		}
	}
}

func carryOut(g Grant, q *Queue, p *Path) {
	p.Unsent += int64(g.Len)
	p.SendBufFree -= int64(g.Len)
	if g.Kind == New {
		q.Next += uint64(g.Len)
		return
	}
	for i := range q.Reinject {
		r := q.Reinject[i].Unacked(q.Una)
		if r.DSN == g.DSN && r.Len >= g.Len {
			q.Reinject[i] = Range{DSN: r.DSN + uint64(g.Len), Len: r.Len - g.Len, Carried: r.Carried}
			return
		}
	}
}

// The choice does not depend on the unit of time.
func TestScaleInvariance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths, q := drawPaths(t), drawQueue(t)
		k := sim.Duration(rapid.Int64Range(1, 1000).Draw(t, "k"))
		s, _ := NewScheduler("minrtt", nil, nil)
		a := s.Pick(0, &q, paths, nil)
		for i := range paths {
			paths[i].SRTT *= k
		}
		if b := s.Pick(0, &q, paths, nil); !slices.Equal(a, b) {
			t.Fatalf("%+v, with longer paths %+v", a, b)
		}
	})
}

func pickLoop(n int) func() {
	s, _ := NewScheduler("minrtt", nil, nil)
	q := bulk
	var paths []Path
	for i := range n {
		paths = append(paths, path(cc.FlowID(i), sim.Duration(20+i*7%11)*ms, int64(i%10)))
	}
	out := make([]Grant, 0, 4)
	return func() {
		out = s.Pick(0, &q, paths, out[:0])
		if len(out) != 1 {
			panic("no grant")
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for _, n := range []int{2, 8} {
		if a := testing.AllocsPerRun(1000, pickLoop(n)); a != 0 {
			t.Errorf("%v allocations per decision over %d paths", a, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{2, 8} {
		b.Run(fmt.Sprintf("minrtt/paths=%d", n), func(b *testing.B) {
			f := pickLoop(n)
			b.ReportAllocs()
			for range b.N {
				f()
			}
		})
	}
}
