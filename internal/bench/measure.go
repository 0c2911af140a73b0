package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"mpsim/internal/floor"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// Measurement is what `mpsim bench NAME --json` prints. Times are medians over the
// repetitions.
type Measurement struct {
	Name string `json:"name"`
	// CPU and Wall are of the event loop, Setup is the processor time of loading
	// and building the scenario before it.
	CPU        results.Number `json:"cpu_s"`
	Wall       results.Number `json:"wall_s"`
	Setup      results.Number `json:"setup_cpu_s"`
	Events     uint64         `json:"events"`
	PacketHops uint64         `json:"packet_hops"`
	PerHop     results.Number `json:"ns_per_packet_hop"`
	// PeakRSS is the largest resident set while the scenario was loaded, built and
	// run; where the system cannot say so (not Linux), of the process so far.
	PeakRSS uint64         `json:"peak_rss_bytes"`
	Goodput results.Number `json:"goodput_bps"`
	// Utilisation is the share of the bottlenecks' capacity that carried payload,
	// for fat-trees in packets of 1500 octets; 0: the benchmark has no such band.
	Utilisation results.Number `json:"utilisation"`
	// HopsToPhysics is the number of packet-hops divided by delivered bytes times
	// path length, data and acknowledgements.
	HopsToPhysics results.Number `json:"hops_to_physics"`
	// Allocs are allocations of the event loop per 1000 packet-hops, the growth of
	// tables at its beginning with them.
	Allocs results.Number `json:"allocs_per_1000_hops"`
	// Floor is the bare event loop's processor time per packet-hop, measured
	// between the repetitions; Ratio is the median over the repetitions of the
	// run's time per packet-hop divided by the loop's.
	Floor       results.Number `json:"floor_ns_per_packet_hop"`
	FloorK      int            `json:"floor_k"`
	FloorSub    int            `json:"floor_sub"`
	Ratio       results.Number `json:"ratio_to_floor"`
	RatioMin    results.Number `json:"ratio_min"`
	RatioMax    results.Number `json:"ratio_max"`
	Repetitions int            `json:"repetitions"`
	Hash        string         `json:"hash"`
	// Sweep is what benchmarks of many runs have beside.
	Sweep *Sweep `json:"sweep,omitempty"`
	// Implausible says what cannot be; empty: nothing.
	Implausible []string `json:"implausible,omitempty"`
}

// ErrInterrupted says that the user ended the measurement.
var ErrInterrupted = errors.New("interrupted")

// Options of a measurement.
type Options struct {
	Count   int // repetitions, at least 1
	Plugins *scenarios.Plugins
	// Alone leaves out the bare loop, for profiles; there is no ratio then.
	Alone bool
	// Until ends runs after this simulated time; 0: the benchmark's. Utilisation and
	// hops are not judged then.
	Until sim.Duration
}

// repetition is one run.
type repetition struct {
	cpu, wall, setup float64 // s
	events, hops     uint64
	seconds          float64 // simulated
	peak             uint64
	allocs           uint64
	hash             string
	goodput          float64
	work             work
}

// Run measures a benchmark: Count runs, each paired with the bare loop.
func (b *Benchmark) Run(ctx context.Context, o Options) (*Measurement, error) {
	if b.runs > 1 {
		return b.sweep(ctx, o)
	}
	m := &Measurement{Name: b.Name, Repetitions: o.Count}
	loop := b.floor.Resolved()
	var cpu, wall, setup, bare, ratio []float64
	var r *repetition
	for i := range o.Count {
		first := 0.0
		if !o.Alone && i%2 == 1 {
			first = bareLoop(b.floor)
		}
		var err error
		if r, err = b.once(ctx, o); err != nil {
			return nil, err
		}
		if m.Hash != "" && m.Hash != r.hash {
			return nil, fmt.Errorf("two repetitions have the hashes %s and %s", m.Hash, r.hash)
		}
		m.Hash = r.hash
		m.PeakRSS = max(m.PeakRSS, r.peak)
		cpu, wall, setup = append(cpu, r.cpu), append(wall, r.wall), append(setup, r.setup)
		if o.Alone {
			continue
		}
		if first == 0 {
			first = bareLoop(b.floor)
		}
		bare = append(bare, first)
		ratio = append(ratio, r.cpu*1e9/float64(r.hops)/first)
	}
	m.CPU, m.Wall, m.Setup = median(cpu), median(wall), median(setup)
	m.Events, m.PacketHops, m.Goodput = r.events, r.hops, results.Number(r.goodput)
	m.PerHop = m.CPU * 1e9 / results.Number(m.PacketHops)
	m.Allocs = results.Number(float64(r.allocs) * 1000 / float64(r.hops))
	m.Utilisation = results.Number(b.guard.utilisation(&r.work, r.seconds))
	m.HopsToPhysics = results.Number(float64(r.hops) / r.work.hops)
	if !o.Alone {
		m.FloorK, m.FloorSub, m.Floor = loop.K, loop.Sub, median(bare)
		m.Ratio, m.RatioMin, m.RatioMax = median(ratio), results.Number(slices.Min(ratio)), results.Number(slices.Max(ratio))
	}
	if o.Until == 0 {
		m.Implausible = b.guard.check(m, &r.work)
	}
	return m, nil
}

// once loads, builds and runs the scenario.
func (b *Benchmark) once(ctx context.Context, o Options) (*repetition, error) {
	debug.FreeOSMemory()
	resetPeak()
	r := new(repetition)
	used := cpuTime()
	w, err := b.build(o, nil)
	if err != nil {
		return nil, err
	}
	r.setup = (cpuTime() - used).Seconds()
	end := w.Scenario().Duration.Time()
	if o.Until > 0 {
		end = sim.Time(o.Until)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	used = cpuTime()
	if _, err := w.Run(end, 0, func(sim.Time, uint64) bool { return ctx.Err() == nil }); err != nil {
		return nil, err
	}
	r.cpu, r.wall = (cpuTime() - used).Seconds(), time.Since(begun).Seconds()
	runtime.ReadMemStats(&after)
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	r.allocs = after.Mallocs - before.Mallocs
	r.peak = peakRSS()
	r.events, r.hops, r.hash = w.Sim().Events(), w.Network().PacketHops(), w.Hash().String()
	if r.hops == 0 {
		return nil, errors.New("no packet was sent")
	}
	r.seconds = w.Sim().Now().Seconds()
	for _, f := range w.Flows() {
		r.goodput += f.Goodput
	}
	r.work = measureWork(w, &b.guard)
	return r, nil
}

// build makes the world of a benchmark; seed nil: the scenario's.
func (b *Benchmark) build(o Options, seed *uint64) (*scenarios.World, error) {
	sc, err := scenarios.LoadLibrary(b.path, scenarios.Options{Set: b.set, Seed: seed, Plugins: o.Plugins})
	if err != nil {
		return nil, err
	}
	return scenarios.Build(sc, scenarios.Run{Seed: sc.Seed, Plugins: o.Plugins, NoExpect: true})
}

// bareLoop returns the processor time per packet-hop of the bare event loop, in
// ns.
func bareLoop(c floor.Config) float64 {
	c.Mode = floor.Heap1Ev
	l := floor.New(c)
	runtime.GC()
	used := cpuTime()
	r := l.Run()
	return float64(cpuTime()-used) / float64(r.Hops)
}

func median(x []float64) results.Number {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n == 0 {
		return results.Number(math.NaN())
	}
	return results.Number(stat.Mean(s[(n-1)/2:n/2+1], nil)) // the middle one or two
}
