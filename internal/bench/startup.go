package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"mpsim/results"
)

// Cost is what something costs beside a bare run or alone.
type Cost struct {
	Name string         `json:"name"`
	CPU  results.Number `json:"cpu_s"` // median
	// Ratio is the median of the paired ratios to the bare run; 0: there is none.
	Ratio    results.Number `json:"ratio,omitempty"`
	RatioMin results.Number `json:"ratio_min,omitempty"`
	RatioMax results.Number `json:"ratio_max,omitempty"`
	// Bytes that were written.
	Bytes int64  `json:"bytes,omitempty"`
	Doc   string `json:"doc"`
}

// startScenario is the small scenario of StartUp.
const startScenario = "basic/two-paths.toml"

// StartUp measures the processor time of whole processes: of the command with nothing
// to do, and of `mpsim run` of a small scenario with its files and figures, less the
// event loop of the same scenario in this process.
func StartUp(ctx context.Context, o Options) ([]Cost, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mpsim-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &Benchmark{path: startScenario, guard: guard{payload: 1428}}
	var nothing, outside []float64
	for range o.Count {
		idle, err := process(ctx, self, "version")
		if err != nil {
			return nil, err
		}
		whole, err := process(ctx, self, "run", startScenario, "--json", "--out", filepath.Join(dir, "out"))
		if err != nil {
			return nil, err
		}
		r, err := b.once(ctx, o)
		if err != nil {
			return nil, err
		}
		nothing, outside = append(nothing, idle), append(outside, whole-r.cpu)
	}
	return []Cost{
		{Name: "nothing", CPU: median(nothing), Doc: "mpsim version"},
		{Name: "run", CPU: median(outside), Doc: "mpsim run " + startScenario + " with series, summary and figures, without its event loop"},
	}, nil
}

// process returns the processor time of a child process, in seconds.
func process(ctx context.Context, program string, args ...string) (float64, error) {
	before := childTime()
	c := exec.CommandContext(ctx, program, args...)
	if _, err := c.Output(); err != nil {
		if ctx.Err() != nil {
			return 0, ErrInterrupted
		}
		return 0, childError(program, err)
	}
	return (childTime() - before).Seconds(), nil
}
