package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// runFlags are the flags of `mpsim run`.
type runFlags struct {
	seed      uint64
	seedGiven bool
	set       []string
	out, data string
	until     time.Duration
	pcap      bool
	events    string
	qlog      string
	packets   bool
	trace     string
	json      bool
	verify    bool
	maxEvents uint64
	maxWall   time.Duration
	maxMemory size
	workers   int
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE",
		Short: "run a scenario",
		Long: "run executes a scenario and writes a run directory, by default out/NAME-SEED, with the summary,\n" +
			"the time series and figures, and the capture and the event log if the scenario or a flag asks for them.\n" +
			"FILE is a scenario file, or the path or name of a scenario of the library (mpsim scenarios list).",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			f.seedGiven = c.Flags().Changed("seed")
			return p.run(args[0], &f)
		},
	}
	fl := c.Flags()
	fl.Uint64Var(&f.seed, "seed", 1, "seed of all random streams (default: the scenario's)")
	setFlag(c, &f.set)
	dataFlag(c, &f.data)
	fl.StringVar(&f.out, "out", "", "run `directory` (default out/NAME-SEED)")
	fl.DurationVar(&f.until, "until", 0, "end the run at this virtual `time`, for example 10s; a shortened run checks no expectations")
	fl.BoolVar(&f.pcap, "pcap", false, "write capture.pcapng")
	fl.StringVar(&f.events, "events", "", "write events.jsonl: all, decisions (the default), or `kinds` separated by commas (mpsim list event)")
	fl.Lookup("events").NoOptDefVal = "decisions"
	fl.StringVar(&f.qlog, "qlog", "", "write events.sqlog, a qlog in JSON text sequences (docs/QLOG.md): all, decisions (the default), or `kinds`")
	fl.Lookup("qlog").NoOptDefVal = "decisions"
	fl.BoolVar(&f.packets, "packets", false, "write packets.pcapng: every packet at every node and box that it passes, for mpsim plot --kind packets")
	fl.StringVar(&f.trace, "trace", "", "write all trace records in binary to this `file`; mpsim trace convert makes JSON lines of it")
	fl.BoolVar(&f.json, "json", false, "print the summary as one JSON object and nothing else")
	fl.BoolVar(&f.verify, "verify", false, "render and parse every packet at every hop")
	fl.IntVar(&f.workers, "workers", 1, "carry out the run on this `number` of cores, where that is possible and pays; the results are the same")
	fl.Uint64Var(&f.maxEvents, "max-events", 0, "stop after this `number` of events")
	fl.DurationVar(&f.maxWall, "max-wall", 0, "stop after this real `time`, for example 5m")
	fl.Var(&f.maxMemory, "max-memory", "stop when the process has this much memory, for example 2GiB")
	return c
}

// maxWorkers bounds the copies of the scenario that are built.
const maxWorkers = 64

func (p *program) run(file string, f *runFlags) error {
	o := scenarios.Options{Set: f.set, DataDir: f.data, Plugins: p.plugins}
	if f.seedGiven {
		o.Seed = &f.seed
	}
	sc, err := scenarios.Load(file, o)
	if err != nil {
		return usage(err)
	}
	job, err := p.job(sc, f)
	if err != nil {
		return usage(err)
	}
	bar := newProgress(p.err)
	job.Progress = bar.show
	if !f.json {
		job.Preamble = func(pre *scenarios.Preamble) { p.printPreamble(sc, pre) }
	}
	out, err := execute.Run(p.ctx, *job)
	bar.done()
	if err != nil {
		return classify(err)
	}
	if f.json {
		out.Summary.WallTime = results.Number(out.Wall.Seconds()).Ptr()
		b, err := out.Summary.EncodeLine()
		if err != nil {
			return err
		}
		if _, err := p.out.Write(b); err != nil {
			return err
		}
	} else {
		p.printOutcome(out)
	}
	if err := verdict(out); err != nil {
		return err
	}
	// The baseline is that of the file as it stands.
	if len(f.set) > 0 || job.Seed != sc.FileSeed() || out.Unchecked != "" {
		return nil
	}
	for _, n := range out.Numbers {
		if !n.Pass {
			return &exitError{exitFailed, fmt.Errorf("%v: the baseline %s does not hold: measured %s, %s", n.Pos, n.Text, n.Value, n.Off)}
		}
	}
	if want := sc.Baseline.Hash; want != "" && want != out.Summary.Hash {
		return &exitError{exitFailed, fmt.Errorf("the hash is not the baseline's, %s", want)}
	}
	return nil
}

// job turns the flags into a job.
func (p *program) job(sc *scenarios.Scenario, f *runFlags) (*execute.Job, error) {
	job := &execute.Job{
		Scenario: sc, Seed: sc.Seed, DataDir: f.data, Plugins: p.plugins, Verify: f.verify, Capture: f.pcap, Packets: f.packets, Out: f.out, Records: f.trace,
		Limits: execute.Limits{Events: f.maxEvents, Wall: f.maxWall, Memory: uint64(f.maxMemory)},
	}
	if f.until < 0 || f.maxWall < 0 {
		return nil, errors.New("--until and --max-wall must not be negative")
	}
	if f.workers < 1 || f.workers > maxWorkers {
		return nil, fmt.Errorf("--workers must be 1 to %d", maxWorkers)
	}
	job.Workers = f.workers
	job.Sequential = func(why string) { fmt.Fprintf(p.err, "one worker: %s\n", why) }
	job.Until = sim.Duration(f.until)
	if f.events != "" {
		kinds, err := results.ParseKinds(f.events)
		if err != nil {
			return nil, fmt.Errorf("--events: %w", err)
		}
		job.Events = kinds
	}
	if f.qlog != "" {
		kinds, err := results.ParseKinds(f.qlog)
		if err != nil {
			return nil, fmt.Errorf("--qlog: %w", err)
		}
		job.Qlog = kinds
	}
	if job.Out == "" {
		job.Out = filepath.Join("out", fmt.Sprintf("%s-%d", sc.Name, job.Seed))
	}
	return job, nil
}

// classify gives an error of a run its exit code.
func classify(err error) error {
	var problems scenarios.Problems
	var bug *scenarios.BugError
	switch {
	case errors.As(err, &problems):
		return usage(err)
	case errors.As(err, &bug):
		return &exitError{exitBug, err}
	}
	return usage(err)
}

// verdict is the exit code of a run that came to an end of some kind.
func verdict(o *execute.Outcome) error {
	switch {
	case o.Stopped == execute.Interrupted:
		return &exitError{code: exitInterrupted}
	case o.Stopped == execute.Limit:
		return &exitError{exitLimit, fmt.Errorf("%s; the results are complete up to then", o.Summary.Stopped)}
	case !o.Passed():
		return &exitError{code: exitFailed}
	}
	return nil
}
