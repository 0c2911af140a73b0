package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"mpsim/internal/execute"
	"mpsim/scenarios"
)

// testFlags are the flags of `mpsim test`.
type testFlags struct {
	junit  string
	update bool
	jobs   int
	data   string
}

func (p *program) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test PATH...",
		Short: "check the expectations and baselines of scenarios",
		Long: "test runs every scenario file below the given paths and checks its expectations and its baseline hash.\n" +
			"The report, in the Test Anything Protocol, is the same for any number of jobs. Directories named testdata or sweeps are left out.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, paths []string) error { return p.test(paths, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.junit, "junit", "", "write a report in JUnit's XML to `file`")
	fl.BoolVar(&f.update, "update", false, "write the hash of each run whose expectations hold into its file")
	fl.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "runs at a time")
	dataFlag(c, &f.data)
	return c
}

// verdictOf is the result of one scenario under test.
type verdictOf struct {
	file    string
	outcome *execute.Outcome
	err     error
	// baseline is the hash in the file, or empty; updated says that --update
	// has replaced it.
	baseline string
	updated  bool
}

func (p *program) test(paths []string, f *testFlags) error {
	if f.jobs < 1 {
		return usage(errors.New("--jobs must be at least 1"))
	}
	files, err := scenarioFiles(paths)
	if err != nil {
		return usage(err)
	}
	verdicts := make([]verdictOf, len(files))
	done := make([]chan struct{}, len(files))
	for i := range done {
		done[i] = make(chan struct{})
	}
	var g errgroup.Group
	g.SetLimit(f.jobs)
	printed := make(chan struct{})
	fmt.Fprintf(p.out, "TAP version 14\n1..%d\n", len(files))
	go func() {
		defer close(printed)
		for i := range verdicts {
			<-done[i]
			writeTAP(p.out, i+1, &verdicts[i])
		}
	}()
	for i, file := range files {
		g.Go(func() error {
			defer close(done[i])
			verdicts[i] = p.testOne(file, f)
			return nil
		})
	}
	_ = g.Wait() // no function returns an error
	<-printed
	if f.junit != "" {
		if err := maybe.WriteFile(f.junit, junit(verdicts), 0o644); err != nil {
			return usage(err)
		}
	}
	return summarise(p, verdicts)
}

// testOne runs one scenario without files.
func (p *program) testOne(file string, f *testFlags) verdictOf {
	v := verdictOf{file: file}
	if p.ctx.Err() != nil {
		v.err = errInterrupted
		return v
	}
	sc, err := scenarios.Load(file, scenarios.Options{DataDir: f.data, Plugins: p.plugins})
	if err != nil {
		v.err = err
		return v
	}
	v.baseline = sc.Baseline.Hash
	v.outcome, v.err = execute.Run(p.ctx, execute.Job{Scenario: sc, Seed: sc.Seed, DataDir: f.data, Plugins: p.plugins})
	if v.err == nil && v.outcome.Stopped == execute.Interrupted {
		v.outcome, v.err = nil, errInterrupted
	}
	if f.update && v.err == nil && v.outcome.Passed() && len(sc.Expect) > 0 && v.baseline != v.outcome.Summary.Hash {
		if v.err = updateBaseline(file, v.outcome.Summary.Hash); v.err == nil {
			v.baseline, v.updated = v.outcome.Summary.Hash, true
		}
	}
	return v
}

var errInterrupted = errors.New("interrupted")

// passed reports whether everything that the file asks for holds.
func (v *verdictOf) passed() bool {
	return v.err == nil && v.outcome.Passed() && v.baselineHolds()
}

func (v *verdictOf) baselineHolds() bool {
	return v.baseline == "" || v.baseline == v.outcome.Summary.Hash
}

// summarise prints the last line and picks the exit code: that of the worst
// result, a bug before a mistake before a failure.
func summarise(p *program, verdicts []verdictOf) error {
	failed, code := 0, exitOK
	for i := range verdicts {
		v := &verdicts[i]
		if v.passed() {
			continue
		}
		failed++
		code = max(code, exitFailed)
		if v.err == nil {
			continue
		}
		if v.err == errInterrupted {
			code = exitInterrupted
			break
		}
		var e *exitError
		if errors.As(classify(v.err), &e) {
			code = max(code, e.code)
		}
	}
	fmt.Fprintf(p.out, "# %d of %d scenarios passed\n", len(verdicts)-failed, len(verdicts))
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// scenarioFiles returns the scenario files below paths, each path in order and
// sorted within, every file once.
func scenarioFiles(paths []string) ([]string, error) {
	var files []string
	add := func(f string) {
		if !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			add(filepath.Clean(path))
			continue
		}
		err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || d.Name() == "sweeps") && file != path:
				return filepath.SkipDir
			case !d.IsDir() && strings.HasSuffix(file, ".toml"):
				add(file)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no scenario file (*.toml) below %s", strings.Join(paths, ", "))
	}
	return files, nil
}
