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
			RTTVar:            sim.Duration(rapid.Int64Range(0, 7).Draw(t, "rttvar")) * ms,
			Ssthresh:          rapid.Int64Range(2, 30).Draw(t, "ssthresh") * mss,
			DeviceQueue:       rapid.Int64Range(0, 9000).Draw(t, "device queue"),
			DeviceRate:        sim.Rate(rapid.Int64Range(0, 3).Draw(t, "device rate")) * mbps,
			Cost:              float64(rapid.IntRange(0, 2).Draw(t, "cost")),
			Weight:            rapid.Int32Range(0, 4).Draw(t, "weight"),
			LastRecv:          sim.Time(rapid.Int64Range(0, 3).Draw(t, "last received")),
			Window:            (20 - rapid.Int64Range(0, 19).Draw(t, "reduction")) * mss,
			InFlight:          rapid.Int64Range(0, 25_000).Draw(t, "in flight"),
			Unsent:            rapid.Int64Range(0, 3000).Draw(t, "unsent"),
			SendBufFree:       20_000 - rapid.Int64Range(0, 20_000).Draw(t, "queued"),
			MSS:               rapid.Int64Range(mss-1, mss).Draw(t, "mss"),
			Queued:            rapid.Int64Range(0, 20_000).Draw(t, "held"),
			Pacing:            sim.Rate(rapid.Int64Range(0, 3).Draw(t, "pacing")) * mbps,
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
	q.SendBuffer = rapid.Int64Range(20_000, 90_000).Draw(t, "send buffer")
	q.PeerFlow = cc.FlowID(rapid.IntRange(-1, 5).Draw(t, "peer's flow"))
	for dsn := una; dsn < next; {
		r := Range{DSN: dsn, Len: int(min(next-dsn, rapid.Uint64Range(500, 20_000).Draw(t, "in flight"))), Carried: rapid.Uint64Range(0, 63).Draw(t, "carried")}
		q.InFlight = append(q.InFlight, r)
		dsn += uint64(r.Len)
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

// everyScheduler calls f for each scheduler of the table, with the defaults of its
// parameters and with each of its parameters of two values at the other one.
func everyScheduler(f func(name string, settings ...cc.Setting)) {
	for _, s := range Specs() {
		if s.Name == "alternate-bytes" {
			f(s.Name, cc.Setting{Name: "bytes", Value: 200}) // one takes too long
			continue
		}
		f(s.Name)
		for _, p := range s.Params {
			if p.Whole && p.Max == p.Min+1 {
				f(s.Name, cc.Setting{Name: p.Name, Value: p.Min + p.Max - p.Default})
			}
		}
	}
}

func make1(t testing.TB, name string, settings ...cc.Setting) Scheduler {
	t.Helper()
	s, err := NewScheduler(name, settings, sim.NewRand(1, 0, "sched"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A scheduler that the connection asks until it grants nothing stops, and never
// goes beyond a window, the data, or what it granted before; new data is
// granted once and in whole segments unless it ends. When it waits, it says why.
func TestGrantsStayInBounds(t *testing.T) {
	everyScheduler(func(name string, settings ...cc.Setting) {
		t.Run(fmt.Sprint(name, settings), func(t *testing.T) {
			var grants [Redundant + 1]int
			rapid.Check(t, func(rt *rapid.T) {
				for range 4 {
					paths, q := drawPaths(rt), drawQueue(rt)
					s := make1(t, name, settings...)
					for _, p := range paths {
						s.OnPath(0, p.Flow, true)
					}
					var out []Grant
					for rounds := 0; ; rounds++ {
						if rounds > 60_000 {
							rt.Fatal("does not stop")
						}
						if out = s.Pick(0, &q, paths, out[:0]); len(out) == 0 {
							break
						}
						for _, g := range out {
							grants[g.Kind]++
							checkGrant(rt, name, g, &q, paths)
							carryOut(g, &q, &paths[g.Flow])
						}
					}
					if why := s.(Explainer).WhyWait(); q.Next != q.End && why == NoWhy {
						rt.Fatal("waits without a reason")
					}
				}
			})
			if grants[New] < 100 || grants[Reinject] < 100 {
				t.Errorf("only %v grants of each kind were seen", grants)
			}
		})
	})
}

// beyond are the schedulers that do not keep to the rules of the others, as their
// pages say.
var beyond = map[string]bool{"linux": true}

// ahead are those that grant data out of order.
var ahead = map[string]bool{"daps": true, "stms": true, "sttf": true}

func checkGrant(t *rapid.T, name string, g Grant, q *Queue, paths []Path) {
	p := &paths[g.Flow]
	n := int64(g.Len)
	end := g.DSN + uint64(g.Len)
	switch {
	case g.Len <= 0:
		t.Fatalf("empty grant %+v", g)
	case g.Why == NoWhy || g.Why >= NoSubflow:
		t.Fatalf("%+v: reason %v", g, g.Why)
	case !beyond[name] && (n > p.Room() || n > p.SendBufFree):
		t.Fatalf("%+v exceeds room %d or buffer %d", g, p.Room(), p.SendBufFree)
	case p.Stale || !beyond[name] && (p.PotentiallyFailed || p.InLoss):
		t.Fatalf("%+v on %+v", g, p)
	case g.Kind == New && (!q.isNew(name, g.DSN, end) || end > q.End || end > q.PeerEdge):
		t.Fatalf("%+v outside %+v", g, q)
	case g.Kind == New && !beyond[name] && name != "alternate-bytes" && n%p.MSS != 0 && !q.endsPiece(end) && q.Una != q.Next:
		t.Fatalf("%+v cuts a segment of %d", g, p.MSS)
	case g.Kind == Reinject && !beyond[name] && !slices.ContainsFunc(q.Reinject, func(r Range) bool {
		return g.DSN >= max(r.DSN, q.Una) && end <= r.DSN+uint64(r.Len)
	}):
		t.Fatalf("%+v is not in %+v", g, q)
	case g.Kind == Redundant && (g.DSN < q.Una || end > q.Next || carried(q, g, p)):
		t.Fatalf("%+v is no copy of what is in flight: %+v", g, q)
	}
	for i := range paths {
		o := &paths[i]
		if p.Backup && !o.Backup && g.Kind != Reinject && !o.Stale && (!o.PotentiallyFailed || beyond[name]) {
			t.Fatalf("backup used while flow %d lives", i)
		}
		if name == "minrtt" && g.Kind == New && o.Backup == p.Backup && o.SRTT < p.SRTT && o.Ready(int64(q.End-q.Next)) == Ready {
			t.Fatalf("flow %d is faster and ready", i)
		}
	}
}

// isNew reports whether [dsn, end) was never granted and is granted in order.
func (q *Queue) isNew(name string, dsn, end uint64) bool {
	return dsn == q.Next || dsn > q.Next && ahead[name] || slices.ContainsFunc(q.Skipped, func(r Range) bool {
		return dsn >= r.DSN && end <= r.DSN+uint64(r.Len)
	})
}

// endsPiece reports whether data that may be granted ends at end.
func (q *Queue) endsPiece(end uint64) bool {
	return end == q.End || slices.ContainsFunc(q.Skipped, func(r Range) bool { return end == r.DSN+uint64(r.Len) })
}

// carried reports whether a part of what a grant gives was on its subflow before.
func carried(q *Queue, g Grant, p *Path) bool {
	return slices.ContainsFunc(q.InFlight, func(r Range) bool {
		return r.CarriedBy(p) && r.DSN < g.DSN+uint64(g.Len) && g.DSN < r.DSN+uint64(r.Len)
	})
}

func carryOut(g Grant, q *Queue, p *Path) {
	p.Unsent += int64(g.Len)
	p.Queued += int64(g.Len)
	p.SendBufFree -= int64(g.Len)
	end := g.DSN + uint64(g.Len)
	if g.Kind == New {
		r := Range{DSN: g.DSN, Len: g.Len, Carried: 1 << p.Lane}
		if g.DSN >= q.Next {
			if g.DSN > q.Next {
				q.Skipped = append(q.Skipped, Range{DSN: q.Next, Len: int(g.DSN - q.Next)})
			}
			q.Next = end
			q.InFlight = append(q.InFlight, r)
			return
		}
		i := slices.IndexFunc(q.Skipped, func(r Range) bool { return g.DSN < r.DSN+uint64(r.Len) })
		hole := q.Skipped[i]
		q.Skipped = slices.Delete(q.Skipped, i, i+1)
		if right := hole.Unacked(end); right.Len > 0 {
			q.Skipped = slices.Insert(q.Skipped, i, right)
		}
		if g.DSN > hole.DSN {
			q.Skipped = slices.Insert(q.Skipped, i, Range{DSN: hole.DSN, Len: int(g.DSN - hole.DSN)})
		}
		q.InFlight = slices.Insert(q.InFlight, q.find(g.DSN), r)
		return
	}
	for i := 0; i < len(q.InFlight); i++ {
		r := q.InFlight[i]
		if rEnd := r.DSN + uint64(r.Len); r.DSN >= end || rEnd <= g.DSN {
			continue
		} else if r.DSN < g.DSN || rEnd > end {
			at := max(r.DSN, g.DSN)
			if at == r.DSN {
				at = end
			}
			left := int(at - r.DSN)
			q.InFlight = slices.Insert(q.InFlight, i, Range{DSN: r.DSN, Len: left, Carried: r.Carried})
			q.InFlight[i+1] = Range{DSN: at, Len: r.Len - left, Carried: r.Carried}
			i--
			continue
		}
		q.InFlight[i].Carried |= 1 << p.Lane
	}
	for i := range q.Reinject {
		r := q.Reinject[i].Unacked(q.Una)
		if r.DSN == g.DSN && r.Len > 0 {
			n := min(g.Len, r.Len)
			q.Reinject[i] = Range{DSN: r.DSN + uint64(n), Len: r.Len - n, Carried: r.Carried}
			if g.Len > n {
				g.DSN, g.Len = g.DSN+uint64(n), g.Len-n
				continue
			}
			return
		}
	}
}

// No scheduler lets data wait for ever while a subflow lives and everything that
// was granted is acknowledged after a while.
func TestNothingStarves(t *testing.T) {
	everyScheduler(func(name string, settings ...cc.Setting) {
		t.Run(fmt.Sprint(name, settings), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				paths, q := drawPaths(rt), drawQueue(rt)
				for i := range paths {
					paths[i].InLoss = false
					paths[i].SendBufFree = 20_000
					paths[i].Unsent, paths[i].Queued = 0, 0
				}
				if !slices.ContainsFunc(paths, func(p Path) bool { return !p.Failed() }) {
					return
				}
				s := make1(t, name, settings...)
				for round, now := 0, sim.Time(0); q.Next != q.End || len(q.Reinject)+len(q.Skipped) > 0; round++ {
					if round > 3000 {
						rt.Fatalf("%d bytes and %+v are left: %v", q.End-q.Next, q.Reinject, s.(Explainer).WhyWait())
					}
					for {
						out := s.Pick(now, &q, paths, nil)
						if len(out) == 0 {
							break
						}
						for _, g := range out {
							carryOut(g, &q, &paths[g.Flow])
						}
					}
					now = now.Add(10 * ms)
					for i := range paths {
						paths[i].InFlight, paths[i].Unsent, paths[i].Queued, paths[i].SendBufFree = 0, 0, 0, 20_000
					}
					if q.Reinject = slices.DeleteFunc(q.Reinject, func(r Range) bool { return r.Unacked(q.Una).Len == 0 }); len(q.Reinject) > 0 {
						continue
					}
					if q.Una, q.InFlight = q.Next, nil; len(q.Skipped) > 0 {
						q.Una = q.Skipped[0].DSN
					}
					q.PeerEdge = max(q.PeerEdge, q.Una+20_000)
					s.OnDataAck(now, q.Una)
				}
			})
		})
	})
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

// pickLoop asks about bulk data over n subflows, some of them full, and carries
// nothing out.
func pickLoop(t testing.TB, name string, n int, settings ...cc.Setting) func() {
	s := make1(t, name, settings...)
	q := bulk
	q.SendBuffer, q.PeerFlow = 1<<20, NoFlow
	q.InFlight = []Range{{DSN: q.Una, Len: int(q.Next - q.Una), Carried: 1}}
	var paths []Path
	for i := range n {
		paths = append(paths, path(cc.FlowID(i), sim.Duration(20+i*7%11)*ms, int64(i%10)))
		s.OnPath(0, cc.FlowID(i), true)
	}
	out := make([]Grant, 0, 4)
	now := sim.Time(0)
	return func() {
		now++
		out = s.Pick(now, &q, paths, out[:0])
	}
}

// Nothing is allocated per decision, over 2 subflows and over 32, by any row of the table
// with any parameter at either end of its range.
func TestNoAllocation(t *testing.T) {
	everySetting(func(name string, settings []cc.Setting) {
		for _, n := range []int{2, 32} {
			f := pickLoop(t, name, n, settings...)
			for range 100 {
				f()
			}
			if a := testing.AllocsPerRun(1000, f); a != 0 {
				t.Errorf("%s %v: %v allocations per decision over %d paths", name, settings, a, n)
			}
		}
	})
}

// BenchmarkPick is what one decision costs.
func BenchmarkPick(b *testing.B) {
	for _, s := range Specs() {
		for _, n := range []int{2, 8, 32} {
			b.Run(fmt.Sprintf("%s/paths=%d", s.Name, n), func(b *testing.B) {
				f := pickLoop(b, s.Name, n)
				b.ReportAllocs()
				for range b.N {
					f()
				}
			})
		}
	}
}
