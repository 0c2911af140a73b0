package script

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"

	"pgregory.net/rapid"
)

const mss = 1400

// example loads a script of docs/examples.
func example(t testing.TB, name string) *File {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Load(name, string(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func schedulerOf(t testing.TB, f *File) sched.Scheduler {
	t.Helper()
	spec, err := f.Scheduler(f.Name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := cc.Resolve(spec.Params, nil)
	if err != nil {
		t.Fatal(err)
	}
	return spec.New(p, sim.NewRand(1, 0, "test"))
}

func drawPaths(t *rapid.T) []sched.Path {
	paths := make([]sched.Path, rapid.IntRange(0, 5).Draw(t, "paths"))
	for i := range paths {
		rare := func(what string) bool { return rapid.IntRange(0, 15).Draw(t, what) >= 12 }
		paths[i] = sched.Path{
			Flow: cc.FlowID(i), Lane: uint8(i), MSS: mss,
			SRTT:              sim.Duration(rapid.Int64Range(0, 5).Draw(t, "srtt")) * 1e6,
			Window:            rapid.Int64Range(1, 20).Draw(t, "window") * mss,
			InFlight:          rapid.Int64Range(0, 25_000).Draw(t, "in flight"),
			Unsent:            rapid.Int64Range(0, 3000).Draw(t, "unsent"),
			SendBufFree:       rapid.Int64Range(0, 20_000).Draw(t, "free"),
			Backup:            rare("backup"),
			PotentiallyFailed: rare("failed"),
			Stale:             rare("stale"),
			InLoss:            rare("loss"),
		}
	}
	return paths
}

func drawQueue(t *rapid.T) sched.Queue {
	una := rapid.Uint64Range(1, 1<<40).Draw(t, "una")
	next := una + rapid.Uint64Range(0, 30_000).Draw(t, "outstanding")
	q := sched.Queue{
		Una: una, Next: next,
		End:      next + rapid.Uint64Range(0, 60_000).Draw(t, "written"),
		PeerEdge: una + rapid.Uint64Range(0, 80_000).Draw(t, "window"),
	}
	for dsn := una - min(una, 5000); dsn < next; {
		n := min(next-dsn, rapid.Uint64Range(500, 20_000).Draw(t, "range"))
		r := sched.Range{DSN: dsn, Len: int(n), Carried: rapid.Uint64Range(0, 31).Draw(t, "carried")}
		q.InFlight = append(q.InFlight, r)
		if rapid.IntRange(0, 3).Draw(t, "again") == 0 {
			q.Reinject = append(q.Reinject, r)
		}
		dsn += n
	}
	return q
}

// The script minrtt.star decides as the Go scheduler does, reasons included.
func TestMinRTTDecisions(t *testing.T) {
	own := schedulerOf(t, example(t, "minrtt.star"))
	rapid.Check(t, func(t *rapid.T) {
		ours, err := sched.NewScheduler("minrtt", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		q, paths := drawQueue(t), drawPaths(t)
		want := ours.Pick(1, &q, paths, nil)
		got := own.Pick(1, &q, paths, nil)
		if !slices.Equal(got, want) {
			t.Fatalf("the script grants %+v, Go %+v", got, want)
		}
		if a, b := own.(sched.Explainer).WhyWait(), ours.(sched.Explainer).WhyWait(); len(want) == 0 && a != b {
			t.Fatalf("the script waits because %q, Go because %q", a, b)
		}
	})
}

// benchmarkPick is a decision over n paths: all full but the last, which has the
// longest round-trip time, so that every path is looked at.
func benchmarkPick(b *testing.B, s sched.Scheduler, n int) {
	paths := make([]sched.Path, n)
	for i := range paths {
		paths[i] = sched.Path{
			Flow: cc.FlowID(i), Lane: uint8(i), SRTT: sim.Duration(i+10) * 1e6, Window: 100 * mss, InFlight: 98 * mss,
			SendBufFree: 1 << 20, MSS: mss,
		}
	}
	q := sched.Queue{Una: 1 << 33, Next: 1<<33 + 1<<20, End: 1<<33 + 2<<20, PeerEdge: 1<<33 + 4<<20}
	var out []sched.Grant
	b.ReportAllocs()
	for b.Loop() {
		out = s.Pick(1, &q, paths, out[:0])
	}
	if len(out) != 1 {
		b.Fatal("no grant")
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{2, 8} {
		native, err := sched.NewScheduler("minrtt", nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(map[int]string{2: "go-2", 8: "go-8"}[n], func(b *testing.B) { benchmarkPick(b, native, n) })
		own := schedulerOf(b, example(b, "minrtt.star"))
		b.Run(map[int]string{2: "starlark-2", 8: "starlark-8"}[n], func(b *testing.B) { benchmarkPick(b, own, n) })
	}
}
