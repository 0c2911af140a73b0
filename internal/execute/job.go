// Package execute carries out one run of a scenario: it builds the simulated
// world, attaches the writers, runs within limits, and leaves a run directory
// that appears all at once. The commands run, test and bench share it.
package execute

import (
	"context"
	"time"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Job describes one run.
type Job struct {
	Scenario          *scenarios.Scenario
	Seed, Replication uint64
	DataDir           string // of recorded traces; empty: the default
	Plugins           *scenarios.Plugins
	// Until ends the run before the scenario does, or after; 0: the scenario's
	// duration.
	Until sim.Duration
	// Verify makes every hop render and parse every packet. The hash is the
	// same, the run slower.
	Verify bool
	// Workers is on how many cores the run is carried out if that is possible and pays;
	// 0 and 1: on one. Nothing that the run shows depends on it. Attach needs one.
	Workers int
	Divide  bool // use the workers even where that does not pay
	Limits  Limits

	// Out is the run directory; empty: no files.
	Out string
	// NoSeries samples nothing and evaluates no expectations, for measurements
	// of speed; it needs Out to be empty.
	NoSeries bool
	// Capture writes packets, Events the records of these kinds (0: none). The
	// scenario may ask for both, too.
	Capture bool
	Events  trace.KindSet
	// Packets writes every packet at every place that it passes, by a single worker.
	Packets bool
	// Qlog writes the records of these kinds and the samples of windows as qlog, by a
	// single worker; 0: no file.
	Qlog trace.KindSet
	// Records is the file to which all trace records are written as they are, by a single
	// worker; empty: none.
	Records string

	// Attach is called when the world is built, for observers; nil: there are none.
	// They must only look.
	Attach func(*scenarios.World) error

	// Sequential is called if there are to be several workers and the run has one all the
	// same, with the reason; nil: nobody.
	Sequential func(why string)

	// Preamble is called before the run begins, Progress now and then while it
	// lasts; both may be nil.
	Preamble func(*scenarios.Preamble)
	Progress func(Progress)
}

// Limits end a run that takes too much. Zero means no limit.
type Limits struct {
	Events uint64
	Wall   time.Duration
	Memory uint64 // bytes that the process has from the system
}

// Progress is how far a run is.
type Progress struct {
	Now, End sim.Time
	Events   uint64
	Wall     time.Duration
}

// Outcome is what came of a run.
type Outcome struct {
	Summary results.Summary
	// Stopped is empty for a run that reached its end, else Limit or
	// Interrupted.
	Stopped Stop
	// Dir is the run directory, or empty.
	Dir string
	// Figures are the names of figures in Dir; Capture says whether it holds a
	// capture.
	Figures []string
	Capture bool
	// Unchecked says why the expectations were not evaluated, if there are any.
	Unchecked string
	Wall      time.Duration
	// Expect and Numbers are the verdicts on expectations and numeric baselines, with their
	// places; empty unless the run saw its end.
	Expect  []scenarios.ExpectReport
	Numbers []scenarios.NumberReport
}

// NumbersHold reports whether all numeric baselines hold.
func (o *Outcome) NumbersHold() bool {
	for i := range o.Numbers {
		if !o.Numbers[i].Pass {
			return false
		}
	}
	return true
}

// Stop says why a run ended before its time.
type Stop uint8

// The values of Stop.
const (
	Finished Stop = iota
	Limit
	Interrupted
)

// Passed reports whether every expectation holds.
func (o *Outcome) Passed() bool {
	for _, e := range o.Summary.Expect {
		if !e.Pass {
			return false
		}
	}
	return true
}

// interrupted reports whether the user wants the run to end.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }
