package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/scenarios/sweep"
)

// summaryLevel is the confidence of the intervals of the summary that a sweep ends with.
const summaryLevel = 0.95

// sweepFlags are the flags of `mpsim sweep`.
type sweepFlags struct {
	out, data    string
	jobs         int
	resume, keep bool
	shard        string
	list         bool
	only         string
	replications int
	precision    string
	progress     string
	engine       string
	tasks        int
}

func (p *program) sweepCommand() *cobra.Command {
	var f sweepFlags
	var summary summaryFlags
	c := &cobra.Command{
		Use:   "sweep FILE",
		Short: "carry out an experiment of many runs",
		Long: "sweep runs a base scenario at every point of a design, with replications, and writes one table with a\n" +
			"row for each run: table.csv and table.parquet in the sweep directory, by default out/NAME.\n" +
			"A finished run is kept at once: a sweep that was killed goes on with --resume. The tables are the same\n" +
			"for any number of jobs, shards and interruptions. docs/SWEEPS.md describes the file.\n" +
			"With --summary, FILE is a sweep directory or its table, of which the means are printed again.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := summary.check(c.Flags().Changed); err != nil {
				return usage(err)
			}
			if summary.on {
				return p.sweepSummary(args[0], &summary)
			}
			return p.sweep(args[0], &f)
		},
	}
	p.planFlags(c, &f)
	fl := c.Flags()
	fl.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "runs at a time")
	fl.BoolVar(&f.resume, "resume", false, "go on in a directory that holds results of this sweep")
	fl.BoolVar(&f.keep, "keep", false, "write a run directory runs/ID for each run")
	fl.StringVar(&f.shard, "shard", "", "carry out part `i/N` of the runs, i from 1 to N, and write no table (mpsim sweep merge does)")
	fl.BoolVar(&f.list, "list", false, "print the runs as CSV, with the command that repeats each, and run nothing")
	fl.StringVar(&f.only, "only", "", "run only these `points`: numbers and ranges such as 1,4-7, or a condition such as 'link.one.rate >= 2Mbps'; print their rows and write no table")
	fl.StringVar(&f.progress, "progress", "auto", "`auto` (a line on a terminal, JSON lines where the variable CI is set, else a line now and then), json or none")
	fl.StringVar(&f.engine, "engine", "local", "`local`: the cores of this machine, or slurm: a job array of a Slurm cluster that shares the sweep directory")
	fl.BoolVar(&summary.on, "summary", false, "run nothing, and print the means of a sweep directory or table with their intervals")
	fl.StringArrayVar(&summary.metrics, "metric", nil, "with --summary: only this `metric`; may be given again")
	fl.Float64Var(&summary.level, "level", summaryLevel, "with --summary: confidence level of the intervals")
	fl.BoolVar(&summary.json, "json", false, "with --summary: print a JSON object")
	fl.IntVar(&f.tasks, "tasks", 0, "tasks of the job array (default: so many that each has half a minute of work)")
	c.AddCommand(p.sweepMergeCommand())
	return c
}

// planFlags are the flags that the design depends on.
func (p *program) planFlags(c *cobra.Command, f *sweepFlags) {
	fl := c.Flags()
	fl.StringVar(&f.out, "out", "", "sweep `directory` (default out/NAME)")
	fl.IntVar(&f.replications, "replications", 0, "run each point this often, whatever the file says")
	fl.StringVar(&f.precision, "precision", "", "replicate until the file's metric is known to this `share` of its mean, such as 5%")
	dataFlag(c, &f.data)
}

func (p *program) sweepMergeCommand() *cobra.Command {
	var f sweepFlags
	c := &cobra.Command{
		Use:   "merge FILE [DIR...]",
		Short: "write the tables of a sweep that was carried out in shards",
		Long: "merge gathers the results of shards that lie in the sweep directory (--out) and in further directories,\n" +
			"checks that every run is there and that runs which two shards have are equal, and writes the tables.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			plan, err := p.sweepPlan(args[0], &f)
			if err != nil {
				return usage(err)
			}
			o, err := plan.Merge(f.out, args[1:])
			if err != nil {
				return usage(err)
			}
			return p.sweepOutcome(plan, &f, o)
		},
	}
	p.planFlags(c, &f)
	return c
}

// sweepPlan reads a sweep and makes its design.
func (p *program) sweepPlan(file string, f *sweepFlags) (*sweep.Plan, error) {
	s, err := sweep.Load(file)
	if err != nil {
		return nil, err
	}
	if f.replications < 0 {
		return nil, errors.New("--replications must be at least 1")
	}
	if f.replications > 0 {
		s.Replications = sweep.Replications{Min: f.replications, Max: f.replications}
	}
	if f.precision != "" {
		if !s.Replications.Sequential() {
			return nil, fmt.Errorf("--precision needs a file with replications = { until = ..., metric = ... }")
		}
		if s.Replications.Precision, err = sweep.ParseShare(f.precision); err != nil {
			return nil, fmt.Errorf("--precision: %w", err)
		}
	}
	if f.out == "" {
		f.out = filepath.Join("out", s.Name)
	}
	return s.Plan(scenarios.Options{DataDir: f.data, Plugins: p.plugins})
}

func (p *program) sweep(file string, f *sweepFlags) error {
	o := sweep.Options{Jobs: f.jobs, Resume: f.resume, Keep: f.keep}
	if f.jobs < 1 {
		return usage(errors.New("--jobs must be at least 1"))
	}
	var err error
	if o.Shard, o.Shards, err = parseShard(f.shard); err != nil {
		return usage(err)
	}
	switch slurm := f.engine == "slurm"; {
	case !slurm && f.engine != "local":
		return usage(fmt.Errorf("--engine is local or slurm, not %q", f.engine))
	case slurm && (f.shard != "" || f.only != ""):
		return usage(errors.New("--engine slurm makes shards of the whole sweep; it does not go with --shard or --only"))
	case f.tasks < 0 || f.tasks > 0 && !slurm:
		return usage(errors.New("--tasks is a number of tasks of --engine slurm"))
	}
	bar, err := newSweepProgress(p.err, f.progress)
	if err != nil {
		return usage(err)
	}
	plan, err := p.sweepPlan(file, f)
	if err != nil {
		return usage(err)
	}
	if o.Only, err = parseOnly(f.only, plan); err != nil {
		return usage(err)
	}
	if f.list {
		return p.listRuns(plan, &o)
	}
	o.Out, o.Progress = f.out, bar.show
	var out *sweep.Outcome
	if f.engine == "local" {
		out, err = plan.Execute(p.ctx, o)
	} else {
		out, err = p.slurm(plan, file, o, f)
	}
	bar.done()
	switch {
	case errors.Is(err, sweep.ErrInterrupted):
		return &exitError{exitInterrupted, err}
	case err != nil:
		return classify(err)
	}
	if o.Only != nil {
		if _, err := p.out.Write(plan.CSV(out.Rows)); err != nil {
			return err
		}
		return sweepVerdict(out)
	}
	return p.sweepOutcome(plan, f, out)
}

// sweepOutcome prints what came of a sweep.
func (p *program) sweepOutcome(plan *sweep.Plan, f *sweepFlags, o *sweep.Outcome) error {
	for _, b := range o.Bugs {
		fmt.Fprintf(p.err, "mpsim: replication %d of point %d has no result: %s\n  %s\n", b.Replication, b.Point.Number, b.Error, plan.Command(b.Run))
	}
	for i := range o.Rows {
		if r := &o.Rows[i]; len(r.Failed) > 0 {
			fmt.Fprintf(p.out, "FAIL point %d replication %d: %s\n  %s\n", r.Point.Number, r.Replication, strings.Join(r.Failed, ", "), plan.Command(r.Run))
		}
	}
	if o.Same {
		fmt.Fprintln(p.err, "WARNING: all replications of each point have the same metrics. Nothing in the scenario is random, or nothing that the metrics show: the replications say nothing about spread.")
	}
	where := "no table: " + fmt.Sprintf("%d of %d runs of this shard are done", o.Done, o.Total)
	if o.Tables {
		t, err := results.ReadTable(f.out)
		if err != nil {
			return usage(err)
		}
		s, err := t.LevelMeans(nil, summaryLevel)
		if err != nil {
			return usage(err)
		}
		printSummary(p.out, s)
		where = filepath.Join(f.out, sweep.CSVName) + ", " + sweep.ParquetName
	}
	fmt.Fprintf(p.out, "%s: %d points, %d runs (%d of them from before), %d failed\n%s\n", plan.Name, len(plan.Points), len(o.Rows), o.Reused, o.Failed, where)
	return sweepVerdict(o)
}

func sweepVerdict(o *sweep.Outcome) error {
	if len(o.Bugs) > 0 {
		return &exitError{code: exitBug}
	}
	for i := range o.Rows {
		if len(o.Rows[i].Failed) > 0 {
			return &exitError{code: exitFailed}
		}
	}
	return nil
}

// parseShard reads "i/N"; empty means no shards.
func parseShard(text string) (i, n int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(text, "/")
	i, errI := strconv.Atoi(a)
	n, errN := strconv.Atoi(b)
	if errI != nil || errN != nil || i < 1 || i > n {
		return 0, 0, fmt.Errorf("--shard is i/N with i from 1 to N, such as 1/4, not %q", text)
	}
	return i, n, nil
}

// parseOnly reads which points are wanted.
func parseOnly(text string, plan *sweep.Plan) (func(*sweep.Point) bool, error) {
	if text == "" {
		return nil, nil
	}
	if strings.ContainsAny(text, "<>=") {
		return plan.Where(text)
	}
	var ranges [][2]int
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			b = a
		}
		low, err := strconv.Atoi(a)
		high, err2 := strconv.Atoi(b)
		if err != nil || err2 != nil || low < 1 || high < low || high > len(plan.Points) {
			return nil, fmt.Errorf("--only: %q is no range of points from 1 to %d, and no condition", part, len(plan.Points))
		}
		ranges = append(ranges, [2]int{low, high})
	}
	return func(x *sweep.Point) bool {
		return slices.ContainsFunc(ranges, func(r [2]int) bool { return r[0] <= x.Number && x.Number <= r[1] })
	}, nil
}

// listRuns prints the design.
func (p *program) listRuns(plan *sweep.Plan, o *sweep.Options) error {
	_, err := p.out.Write(plan.List(o))
	return err
}

// slurm carries out a sweep on a cluster, whose tasks execute this command line.
func (p *program) slurm(plan *sweep.Plan, file string, o sweep.Options, f *sweepFlags) (*sweep.Outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if path, err := filepath.Abs(file); err == nil && exists(path) { // else a sweep of the library
		file = path
	}
	command := []string{self, "sweep", file, "--jobs", "1", "--progress", "none"}
	if f.keep {
		command = append(command, "--keep")
	}
	if f.replications > 0 {
		command = append(command, "--replications", strconv.Itoa(f.replications))
	}
	for _, x := range [][2]string{{"--precision", f.precision}, {"--data", f.data}} {
		if x[1] != "" {
			command = append(command, x[0], x[1])
		}
	}
	return plan.ExecuteSlurm(p.ctx, o, sweep.Slurm{Command: command, Shards: f.tasks, Report: func(text string) { fmt.Fprintln(p.err, text) }})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func designRows(*program) []row {
	var rows []row
	for _, k := range sweep.Samplings() {
		rows = append(rows, row{Name: k.Name, Doc: k.Doc, Params: []param{}})
	}
	return rows
}
