package bench

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"mpsim/results"
)

// Sweep is what a benchmark of many runs measures: the same seeds on one core and
// then on several, whose results must be equal byte for byte.
type Sweep struct {
	Runs  int `json:"runs"`
	Cores int `json:"cores"`
	// One and Many are real times; Speedup is the median of their ratio over the
	// repetitions.
	One     results.Number `json:"wall_one_core_s"`
	Many    results.Number `json:"wall_all_cores_s"`
	Speedup results.Number `json:"speedup"`
	PerRun  results.Number `json:"cpu_per_run_s"`
}

// sweepCores are the cores of a sweep; a machine with more leaves the others idle,
// so that figures can be compared.
const sweepCores = 2

// seedResult is what one run of a sweep gives.
type seedResult struct {
	row          string // hash and results, as a table would have them
	events, hops uint64
	goodput      float64
}

// sweep measures a benchmark of many runs. Its times are those of one core, the
// loading of each run with them.
func (b *Benchmark) sweep(ctx context.Context, o Options) (*Measurement, error) {
	m := &Measurement{Name: b.Name, Repetitions: o.Count, Sweep: &Sweep{Runs: b.runs, Cores: min(sweepCores, runtime.NumCPU())}}
	var cpu, one, many, speedup []float64
	for range o.Count {
		debug.FreeOSMemory()
		resetPeak()
		used := cpuTime()
		a, alone, err := b.seeds(ctx, o, 1)
		if err != nil {
			return nil, err
		}
		cpu = append(cpu, (cpuTime() - used).Seconds())
		c, together, err := b.seeds(ctx, o, m.Sweep.Cores)
		if err != nil {
			return nil, err
		}
		if table(a) != table(c) {
			return nil, fmt.Errorf("the tables of %d cores and of one differ", m.Sweep.Cores)
		}
		m.PeakRSS = max(m.PeakRSS, peakRSS())
		m.Hash, m.Events, m.PacketHops, m.Goodput = table(a), 0, 0, 0
		for i := range a {
			m.Events += a[i].events
			m.PacketHops += a[i].hops
			m.Goodput += results.Number(a[i].goodput / float64(len(a)))
		}
		one, many = append(one, alone.Seconds()), append(many, together.Seconds())
		speedup = append(speedup, alone.Seconds()/together.Seconds())
	}
	m.CPU, m.Wall = median(cpu), median(one)
	m.PerHop = m.CPU * 1e9 / results.Number(m.PacketHops)
	s := m.Sweep
	s.One, s.Many, s.Speedup, s.PerRun = median(one), median(many), median(speedup), m.CPU/results.Number(b.runs)
	return m, nil
}

// table is the hash of all rows in the order of the seeds.
func table(rows []seedResult) string {
	h := sha256.New()
	for i := range rows {
		fmt.Fprintln(h, rows[i].row)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// seeds runs seeds 1, 2, ... on so many cores and returns their results in order
// and the real time.
func (b *Benchmark) seeds(ctx context.Context, o Options, cores int) ([]seedResult, time.Duration, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	out, errs := make([]seedResult, b.runs), make([]error, b.runs)
	begun := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range cores {
		wg.Go(func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= len(out) || ctx.Err() != nil {
					return
				}
				errs[i] = b.seed(o, uint64(i+1), &out[i])
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, 0, ErrInterrupted
	}
	return out, time.Since(begun), cmp.Or(errs...)
}

// seed is one run of a sweep.
func (b *Benchmark) seed(o Options, seed uint64, out *seedResult) error {
	w, err := b.build(o, &seed)
	if err != nil {
		return err
	}
	if _, err := w.Run(w.Scenario().Duration.Time(), 0, nil); err != nil {
		return err
	}
	out.events, out.hops = w.Sim().Events(), w.Network().PacketHops()
	out.row = fmt.Sprintf("%d,%s,%v,%d,%d", seed, w.Hash(), w.Sim().Now(), out.events, out.hops)
	for _, f := range w.Flows() {
		out.goodput += f.Goodput
		out.row += fmt.Sprintf(",%s,%d,%d,%v", f.Name, f.BytesDelivered, f.CorruptBytes, f.Goodput)
	}
	return nil
}
