package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim/trace"
)

// traceScenario is what Traces runs, and for how long: a bulk transfer at 200 Mb/s, of
// which every packet crosses three links. Long enough that figures, which cost the same
// for any run, do not decide.
var traceScenario = Benchmark{path: "bench/two-path.toml", set: []string{"duration=30s"}}

// Traces measures what observation costs: the run without any against the same run
// with a binary trace of everything, with captures at the end points and time series,
// and with everything as JSON lines. The last two write a run directory with its
// figures and checksums, which count. Runs are made in turns.
func Traces(ctx context.Context, o Options) ([]Cost, error) {
	dir, err := os.MkdirTemp("", "mpsim-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	records, out := filepath.Join(dir, "records"), filepath.Join(dir, "out")
	kinds := []struct {
		Cost
		job  execute.Job
		file string
	}{
		{Cost{Name: "nothing", Doc: "the run alone"}, execute.Job{NoSeries: true}, ""},
		{Cost{Name: "records", Doc: "run --trace: all records, binary"}, execute.Job{NoSeries: true, Records: records}, records},
		{Cost{Name: "capture", Doc: "run --pcap: capture of every host, series.csv, figures"}, execute.Job{Out: out, Capture: true}, filepath.Join(out, "capture.pcapng")},
		{Cost{Name: "json-lines", Doc: "run --events=all: all records as JSON lines, series.csv, figures"}, execute.Job{Out: out, Events: trace.AllKinds}, filepath.Join(out, "events.jsonl")},
	}
	cpu := make([][]float64, len(kinds))
	for range o.Count {
		for i := range kinds {
			k := &kinds[i]
			sc, err := scenarios.LoadLibrary(traceScenario.path, scenarios.Options{Set: traceScenario.set, Plugins: o.Plugins})
			if err != nil {
				return nil, err
			}
			k.job.Scenario, k.job.Seed, k.job.Plugins = sc, sc.Seed, o.Plugins
			// Replacing a file makes some file systems write it to the disk at once.
			if err := errors.Join(os.RemoveAll(records), os.RemoveAll(out)); err != nil {
				return nil, err
			}
			used := cpuTime()
			r, err := execute.Run(ctx, k.job)
			if err != nil {
				return nil, err
			}
			if r.Stopped != execute.Finished {
				return nil, ErrInterrupted
			}
			cpu[i] = append(cpu[i], (cpuTime() - used).Seconds())
			if info, err := os.Stat(k.file); err == nil {
				k.Bytes = info.Size()
			}
		}
	}
	var costs []Cost
	for i := range kinds {
		k := kinds[i].Cost
		k.CPU = median(cpu[i])
		if i > 0 {
			q := quotients(cpu[i], cpu[0])
			k.Ratio, k.RatioMin, k.RatioMax = median(q), results.Number(slices.Min(q)), results.Number(slices.Max(q))
		}
		costs = append(costs, k)
	}
	return costs, nil
}
