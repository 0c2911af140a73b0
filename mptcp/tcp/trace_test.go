package tcp

import (
	"testing"

	"mpsim/sim"
	"mpsim/sim/trace"
)

// counter counts records by kind.
type counter map[trace.Kind]int

func (c counter) Emit(r *trace.Record) { c[r.Kind]++ }

func tracedPair(t testing.TB, sink bool) (*pair, *trace.Run, counter) {
	run, seen := &trace.Run{}, counter{}
	nodes := []*trace.Node{run.AddNode("a"), run.AddNode("b")}
	if sink {
		run.Subscribe(trace.AllKinds, seen)
	}
	i := 0
	p := newPair(t, func(c *Config) {
		c.Trace = nodes[i]
		i++
	})
	p.gap, p.limit = 100*sim.Microsecond, 100
	return p, run, seen
}

// TestTrace: losses, probes and timeouts are recorded as often as they are counted,
// and the hash depends neither on a sink nor on chance.
func TestTrace(t *testing.T) {
	var hashes []trace.Hash
	for _, sink := range []bool{true, false, true} {
		p, run, seen := tracedPair(t, sink)
		dead := sim.Time(3 * sim.Second)
		p.lose = func() bool { return p.now > dead && p.now < dead.Add(sim.Second) }
		for p.now < sim.Time(8*sim.Second) {
			p.step()
		}
		st := p.c[0].Stats()
		if sink {
			for _, v := range []struct {
				kind trace.Kind
				n    int64
			}{
				{trace.RTO, st.Timeouts}, {trace.TailLossProbe, st.TailProbes},
				{trace.Retransmit, st.RetransmittedSegments}, {trace.Undo, st.SpuriousUndos},
				{trace.SubflowState, 4},
			} {
				if int64(seen[v.kind]) != v.n {
					t.Errorf("%d records of kind %v, counted %d", seen[v.kind], v.kind, v.n)
				}
			}
			if st.Timeouts == 0 || st.TailProbes == 0 || st.FastRecoveries == 0 || seen[trace.Recovery] == 0 || seen[trace.Window] == 0 {
				t.Errorf("%+v %v", st, seen)
			}
		}
		hashes = append(hashes, run.Hash())
	}
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] {
		t.Fatal("hashes differ")
	}
}

// TestTraceAllocations: recording costs no allocation either.
func TestTraceAllocations(t *testing.T) {
	p, _, _ := tracedPair(t, false)
	p.every = 200
	for p.got < 50_000_000 {
		p.step()
	}
	if n := testing.AllocsPerRun(20, func() {
		for range 5000 {
			p.step()
		}
	}); n > 0 {
		t.Errorf("%v allocations in 5000 steps", n)
	}
}
