package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/renameio/v2/maybe"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"mpsim/internal/execute"
	"mpsim/scenarios"
)

// testFlags are the flags of `mpsim test`.
type testFlags struct {
	tap, junit  string
	annotations bool
	update      bool
	bail        bool
	jobs        int
	only        string
	seeds       string
	against     string
	kept        string
	data        string
}

func (p *program) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test PATH...",
		Short: "check the expectations and baselines of scenarios",
		Long: "test runs every scenario file below the given paths and checks its expectations and its baseline: the hash exactly,\n" +
			"numbers within their tolerances. The report, in the Test Anything Protocol, is the same for any number of jobs.\n" +
			"Directories named testdata or sweeps are left out. Where there is no such file, a path is a scenario of the library,\n" +
			"handover/constant, or a family of it. With --against, or --baseline, a case that fails says where it first\n" +
			"differs from the same run of another mpsim.",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeScenario,
		RunE:              func(_ *cobra.Command, paths []string) error { return p.test(paths, &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.tap, "tap", "", "write the report to `file`, too")
	fl.StringVar(&f.junit, "junit", "", "write a report in JUnit's XML to `file`")
	fl.BoolVar(&f.annotations, "annotations", os.Getenv("GITHUB_ACTIONS") == "true",
		"print failures as annotations of GitHub (::error file=...) to standard error (default: if GITHUB_ACTIONS is true)")
	fl.BoolVar(&f.update, "update", false, "write the baselines that do not hold into the files whose expectations do, and say what changed")
	fl.BoolVar(&f.bail, "bail", false, "end at the first case that fails")
	fl.IntVar(&f.jobs, "jobs", runtime.GOMAXPROCS(0), "runs at a time")
	fl.StringVar(&f.only, "run", "", "only files whose path matches this regular `expression`")
	fl.StringVar(&f.seeds, "seeds", "", "run each scenario with these seeds, `first..last`; baselines hold for the seed of the file only")
	fl.StringVar(&f.against, "against", "", "`program`, another mpsim with which cases that fail are run again and compared")
	fl.StringVar(&f.kept, "baseline", "", "`directory` of run directories NAME-SEED (mpsim run --events=all) with which cases that fail are compared")
	dataFlag(c, &f.data)
	return c
}

// verdictOf is the result of one scenario under test.
type verdictOf struct {
	file    string
	seed    uint64 // given by --seeds
	seeded  bool
	outcome *execute.Outcome
	err     error
	// baseline is the hash in the file, or empty; updated says that --update has
	// replaced it, and changes what has been written, in words.
	baseline   string
	hashPos    scenarios.Pos
	updated    bool
	changes    []string
	divergence []string // where the run first differs from another mpsim's
}

// name is the file with the seed, if that is not the file's.
func (v *verdictOf) name() string {
	if v.seeded {
		return fmt.Sprintf("%s (seed %d)", v.file, v.seed)
	}
	return v.file
}

func (p *program) test(paths []string, f *testFlags) error {
	verdicts, err := testCases(paths, f)
	if err != nil {
		return usage(err)
	}
	done := make([]chan struct{}, len(verdicts))
	for i := range done {
		done[i] = make(chan struct{})
	}
	var g errgroup.Group
	g.SetLimit(f.jobs)
	printed := make(chan struct{})
	var report strings.Builder
	say := func(text string) {
		fmt.Fprint(p.out, text)
		report.WriteString(text)
	}
	say(fmt.Sprintf("TAP version 14\n1..%d\n", len(verdicts)))
	var bailed atomic.Bool
	last := len(verdicts)
	go func() {
		defer close(printed)
		for i := range verdicts {
			<-done[i]
			if bailed.Load() {
				continue
			}
			v := &verdicts[i]
			var b strings.Builder
			writeTAP(&b, i+1, v)
			say(b.String())
			if f.annotations {
				writeAnnotations(p.err, v)
			}
			if f.bail && !v.passed() {
				last = i + 1
				say("Bail out! " + escapeTAP(v.name()) + " failed\n")
				bailed.Store(true)
			}
		}
	}()
	for i := range verdicts {
		g.Go(func() error {
			defer close(done[i])
			if !bailed.Load() {
				p.testOne(&verdicts[i], f)
			}
			return nil
		})
	}
	_ = g.Wait() // no function returns an error
	<-printed
	verdicts = verdicts[:last]
	if f.junit != "" {
		if err := maybe.WriteFile(f.junit, junit(verdicts), 0o644); err != nil {
			return usage(err)
		}
	}
	end, err := summarise(verdicts)
	say(end)
	if f.tap != "" {
		if err := maybe.WriteFile(f.tap, []byte(report.String()), 0o644); err != nil {
			return usage(err)
		}
	}
	return err
}

// mostSeeds bounds --seeds.
const mostSeeds = 100_000

// testCases checks the flags and returns what is to be run, in order.
func testCases(paths []string, f *testFlags) ([]verdictOf, error) {
	switch {
	case f.jobs < 1:
		return nil, errors.New("--jobs must be at least 1")
	case f.update && f.seeds != "":
		return nil, errors.New("--update writes the baselines of the seeds that the files give: leave out --seeds")
	case f.against != "" && f.kept != "":
		return nil, errors.New("--against and --baseline both name what to compare with; give one")
	}
	files, err := scenarioFiles(paths)
	if err != nil {
		return nil, err
	}
	only, err := regexp.Compile(f.only)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	all := len(files)
	files = slices.DeleteFunc(files, func(file string) bool { return !only.MatchString(filepath.ToSlash(file)) })
	if len(files) == 0 {
		return nil, fmt.Errorf("--run %q matches none of %d scenario files", f.only, all)
	}
	for _, file := range files {
		if _, err := os.Stat(file); f.update && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--update writes files, and %s of the library is part of the program (mpsim scenarios copy)", file)
		}
	}
	var out []verdictOf
	if f.seeds == "" {
		for _, file := range files {
			out = append(out, verdictOf{file: file})
		}
		return out, nil
	}
	first, end, err := seedRange(f.seeds)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		for n := range end - first + 1 {
			out = append(out, verdictOf{file: file, seed: first + n, seeded: true})
		}
	}
	return out, nil
}

// seedRange reads "3" or "1..20".
func seedRange(text string) (first, last uint64, err error) {
	a, b, isRange := strings.Cut(text, "..")
	first, err = strconv.ParseUint(a, 10, 64)
	last = first
	if err == nil && isRange {
		last, err = strconv.ParseUint(b, 10, 64)
	}
	if err != nil || last < first || last-first >= mostSeeds {
		return 0, 0, fmt.Errorf("--seeds %q is no range such as 1..20 of at most %d seeds", text, mostSeeds)
	}
	return first, last, nil
}

// testOne runs one scenario without files.
func (p *program) testOne(v *verdictOf, f *testFlags) {
	if p.ctx.Err() != nil {
		v.err = errInterrupted
		return
	}
	o := scenarios.Options{DataDir: f.data, Plugins: p.plugins}
	if v.seeded {
		o.Seed = &v.seed
	}
	sc, err := scenarios.Load(v.file, o)
	if err != nil {
		v.err = err
		return
	}
	own := sc.Seed == sc.FileSeed()
	if own {
		v.baseline, v.hashPos = sc.Baseline.Hash, sc.Baseline.HashPos()
	}
	v.outcome, v.err = execute.Run(p.ctx, execute.Job{Scenario: sc, Seed: sc.Seed, DataDir: f.data, Plugins: p.plugins})
	switch {
	case v.err != nil:
		return
	case v.outcome.Stopped == execute.Interrupted:
		v.outcome, v.err = nil, errInterrupted
		return
	case !own:
		v.outcome.Numbers = nil
	}
	if f.update && v.outcome.Passed() && len(sc.Expect) > 0 {
		v.err = v.update(len(sc.Baseline.Numbers) > 0)
	}
	if v.err == nil && !v.passed() && (f.against != "" || f.kept != "") {
		v.divergence = p.diverged(v, sc, f)
	}
}

var errInterrupted = errors.New("interrupted")

// passed reports whether everything that the file asks for holds.
func (v *verdictOf) passed() bool {
	return v.err == nil && v.outcome.Passed() && v.outcome.NumbersHold() && v.baselineHolds()
}

func (v *verdictOf) baselineHolds() bool {
	return v.baseline == "" || v.baseline == v.outcome.Summary.Hash
}

// summarise returns the last line and picks the exit code: that of the worst
// result, a bug before a mistake before a failure.
func summarise(verdicts []verdictOf) (string, error) {
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
	end := fmt.Sprintf("# %d of %d scenarios passed\n", len(verdicts)-failed, len(verdicts))
	if code == exitOK {
		return end, nil
	}
	return end, &exitError{code: code}
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
		if errors.Is(err, fs.ErrNotExist) {
			names, none := libraryCases(path)
			if none != nil {
				return nil, none
			}
			for _, name := range names {
				add(name)
			}
			continue
		}
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

// libraryCases returns the scenarios of the library that a name means: one, or those of a
// family.
func libraryCases(name string) ([]string, error) {
	found := scenarios.FindLibrary(name)
	if len(found) > 1 {
		return nil, fmt.Errorf("%q is the name of several scenarios of the library: %s", name, strings.Join(found, ", "))
	}
	if len(found) == 0 {
		family := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(name), "scenarios/"), "/") + "/"
		for _, file := range scenarios.LibraryNames() {
			if strings.HasPrefix(file, family) {
				found = append(found, file)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no such file or directory, and no scenario or family of the library", name)
	}
	return found, nil
}
