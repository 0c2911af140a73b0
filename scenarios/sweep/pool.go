package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
)

// Options say how a plan is carried out.
type Options struct {
	Out    string // the sweep directory
	Jobs   int    // runs at a time; at least 1
	Resume bool   // go on in a directory that holds results
	// Shard i of N, from 1: only every N-th run, and no table. 0: all.
	Shard, Shards int
	// Only picks points; nil: all. If it leaves any out, there is no table.
	Only func(*Point) bool
	Keep bool // run directories in Out/runs
	// Progress is called after each run and once at the beginning, one call at a
	// time; nil: nobody.
	Progress func(Progress)
}

// Progress is how far a sweep is.
type Progress struct {
	Done, Total int // runs; of a sequential sweep Total grows
	Reused      int // of Done, those of an earlier process
	Failed      int // of Done, those with an expectation that does not hold or an error
	Wall        time.Duration
}

// Outcome is what a process has made of a sweep.
type Outcome struct {
	Progress
	// Rows are the runs of the table in design order, or those of the chosen points;
	// of a shard, its own.
	Rows []Row
	// Tables says that the tables were written; Same that all replications of each
	// point are the same.
	Tables bool
	Same   bool
	// Bugs are runs that came to no result.
	Bugs []Row
}

// Row is a run with its result.
type Row struct {
	Run
	Result
}

// ErrInterrupted is the error of a sweep that the user has ended; it can be resumed.
var ErrInterrupted = errors.New("interrupted; --resume goes on where it ended")

// session is a plan being carried out.
type session struct {
	*Plan
	o       Options
	program string
	journal *journal
	known   map[string]Result
	errors  map[string]string // of runs without a result
	begun   time.Time
	state   Progress
}

// Execute carries out a plan with the cores of this machine. Runs that the directory
// has already are not repeated. The tables are written when all runs of the design
// have a result.
func (p *Plan) Execute(ctx context.Context, o Options) (*Outcome, error) {
	s, err := p.open(o)
	if err != nil {
		return nil, err
	}
	err = s.pool(ctx)
	if e := s.journal.close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return s.outcome()
}

// open prepares the directory. It is touched only if it is this sweep's.
func (p *Plan) open(o Options) (*session, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	s := &session{Plan: p, o: o, program: program, errors: make(map[string]string), begun: time.Now()}
	name := "local"
	if o.Shards > 0 {
		name = fmt.Sprintf("shard-%d-of-%d", o.Shard, o.Shards)
	}
	if err := p.mayWrite(o, name); err != nil {
		return nil, err
	}
	if s.known, err = readJournals([]string{o.Out}, p.Name, program); err != nil {
		return nil, err
	}
	var own []Result
	if s.journal, own, err = openJournal(o.Out, name, p.Name); err != nil {
		return nil, err
	}
	return s, collect(s.known, own, program, name)
}

// mayWrite refuses directories of something else, and those with results unless they
// are to be continued.
func (p *Plan) mayWrite(o Options, name string) error {
	entries, err := os.ReadDir(o.Out)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mine := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == JournalFolder })
	if len(entries) > 0 && !mine {
		return fmt.Errorf("%s exists and is not a sweep directory; choose another --out", o.Out)
	}
	if _, err := readJournals([]string{o.Out}, p.Name, ""); err != nil {
		return err // of another sweep, or damaged
	}
	if _, err := os.Stat(filepath.Join(o.Out, JournalFolder, name+journalSuffix)); err == nil && !o.Resume {
		return fmt.Errorf("%s holds results of this sweep; --resume goes on with them, or choose another --out", o.Out)
	}
	return nil
}

// finished is a run that a worker is done with.
type finished struct {
	run    Run
	result Result
	err    error
}

// pool keeps o.Jobs runs going until all are done. The result of a run is in the
// journal before the next one begins in its place.
func (s *session) pool(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := s.first()
	done := make(chan finished)
	active := 0
	var fault error
	s.report()
	for len(ready) > 0 || active > 0 {
		if ctx.Err() != nil && fault == nil && len(ready) > 0 {
			fault, ready = ErrInterrupted, nil
			continue
		}
		for ; active < s.o.Jobs && len(ready) > 0; active++ {
			run := ready[0]
			ready = ready[1:]
			go func() {
				result, err := s.carryOut(ctx, run)
				done <- finished{run, result, err}
			}()
		}
		f := <-done
		active--
		err := s.finish(&f)
		switch {
		case err != nil && fault == nil:
			fault, ready = err, nil
			cancel()
		case fault == nil:
			ready = append(ready, s.more(f.run.Point)...)
			s.report()
		}
	}
	return fault
}

// mine reports whether a run belongs to this process. Runs go round the shards in
// design order; a sequential sweep deals out points, since one place must see all
// replications of a point.
func (s *session) mine(x *Point, replication int) bool {
	if s.o.Only != nil && !s.o.Only(x) {
		return false
	}
	if s.o.Shards == 0 {
		return true
	}
	i := x.Number - 1
	if !s.Replications.Sequential() {
		i = i*s.Replications.Max + replication - 1
	}
	return i%s.o.Shards == s.o.Shard-1
}

// first returns the runs with which to begin, in design order.
func (s *session) first() []Run {
	var out []Run
	for _, x := range s.Points {
		for n := 1; n <= s.Replications.Min; n++ {
			if !s.mine(x, n) {
				continue
			}
			s.state.Total++
			if r := s.Run(x, n); s.has(r) {
				s.reuse()
			} else {
				out = append(out, r)
			}
		}
		out = append(out, s.more(x)...)
	}
	return out
}

func (s *session) reuse() {
	s.state.Done++
	s.state.Reused++
}

// has reports whether a run has a result already.
func (s *session) has(r Run) bool {
	if _, ok := s.known[r.ID]; !ok {
		return false
	}
	if !s.o.Keep {
		return true
	}
	_, err := os.Stat(filepath.Join(s.runDirectory(r), results.ManifestName))
	return err == nil
}

func (s *session) runDirectory(r Run) string { return filepath.Join(s.o.Out, "runs", r.ID) }

// more returns the next replication of a point of a sequential sweep, if one is
// needed and its predecessors are complete.
func (s *session) more(x *Point) []Run {
	if !s.Replications.Sequential() || !s.mine(x, 1) {
		return nil
	}
	for {
		n, complete := s.count(x)
		if complete || n < s.Replications.Min {
			return nil
		}
		if s.errors[s.Run(x, n+1).ID] != "" {
			return nil
		}
		s.state.Total++
		r := s.Run(x, n+1)
		if !s.has(r) {
			return []Run{r}
		}
		s.reuse()
	}
}

// carryOut executes one run.
func (s *session) carryOut(ctx context.Context, r Run) (Result, error) {
	out := Result{ID: r.ID, Program: s.program}
	sc, err := s.load(r.Point, r.Seed)
	if err != nil {
		return out, s.place(r.Point, err)
	}
	var world *scenarios.World
	job := execute.Job{Scenario: sc, Seed: r.Seed, DataDir: s.options.DataDir, Plugins: s.options.Plugins,
		Attach: func(w *scenarios.World) error { world = w; return nil }}
	if s.o.Keep {
		job.Out = s.runDirectory(r)
	}
	o, err := execute.Run(ctx, job)
	if err != nil {
		return out, err
	}
	if o.Stopped != execute.Finished {
		return out, ErrInterrupted
	}
	out.Hash = o.Summary.Hash
	for i, m := range world.Measure() {
		switch {
		case s.measures[i].Condition && m.Value == 0:
			out.Failed = append(out.Failed, s.measures[i].Name)
		case s.measures[i].Condition:
		case s.units[i] == "text":
			out.Values = append(out.Values, m.Text)
		default:
			out.Values = append(out.Values, string(results.AppendNumber(nil, m.Value)))
		}
	}
	return out, nil
}

// finish records a run. A run that fails by a fault of mpsim or of a plug-in leaves a
// row that says so; what is wrong with the machine ends the sweep.
func (s *session) finish(f *finished) error {
	var bug *scenarios.BugError
	var script *scenarios.ScriptError
	switch {
	case errors.As(f.err, &bug), errors.As(f.err, &script):
		s.errors[f.run.ID] = f.err.Error()
		s.state.Done++
		s.state.Failed++
		return nil
	case f.err != nil:
		return f.err
	}
	if err := s.journal.append(&f.result); err != nil {
		return fmt.Errorf("cannot keep a result: %w; the runs before it are kept, and --resume goes on", err)
	}
	s.known[f.run.ID] = f.result
	s.state.Done++
	if len(f.result.Failed) > 0 {
		s.state.Failed++
	}
	return nil
}

func (s *session) report() {
	if s.o.Progress != nil {
		s.state.Wall = time.Since(s.begun)
		s.o.Progress(s.state)
	}
}
