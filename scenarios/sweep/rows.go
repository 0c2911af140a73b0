package sweep

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"mpsim/results"
)

// count returns how many replications of a point have results, one after the other
// from the first, and whether that is all that the point needs.
func (s *session) count(x *Point) (n int, complete bool) {
	p := &s.Replications
	rule := results.Precision{Relative: p.Precision, Level: p.Level, Min: p.Min, Max: p.Max}
	var values []float64
	for n = 0; n < p.Max; n++ {
		r, ok := s.known[s.Run(x, n+1).ID]
		if p.Sequential() {
			if enough, _ := rule.Enough(values); enough {
				return n, true
			}
		}
		if !ok {
			return n, false
		}
		if p.Sequential() {
			values = append(values, r.number(s.metric(p.Metric)))
		}
	}
	return n, true
}

// number returns a metric as a number; NaN: it is a text.
func (r *Result) number(metric int) float64 {
	x, err := strconv.ParseFloat(r.Values[metric], 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// outcome gathers the rows in design order and writes the tables if all are there.
func (s *session) outcome() (*Outcome, error) {
	o := &Outcome{}
	whole := true
	for _, x := range s.Points {
		n, complete := s.count(x)
		if !complete {
			n = max(n, s.Replications.Min)
		}
		for i := 1; i <= n; i++ {
			run := s.Run(x, i)
			r, ok := s.known[run.ID]
			r.Error = s.errors[run.ID]
			switch {
			case r.Error != "":
				r.ID = run.ID
				o.Bugs = append(o.Bugs, Row{run, r})
			case !ok:
				whole = false
				continue
			}
			if s.o.Only == nil || s.o.Only(x) {
				o.Rows = append(o.Rows, Row{run, r})
			}
		}
	}
	o.Progress = s.state
	o.Wall = time.Since(s.begun)
	o.Same = len(o.Bugs) == 0 && s.same(o.Rows)
	if !whole || s.o.Only != nil || s.o.Shards > 0 {
		return o, nil
	}
	if err := s.write(s.o.Out, o.Rows); err != nil {
		return nil, fmt.Errorf("cannot write the tables: %w; the runs are kept, and --resume writes the tables again", err)
	}
	o.Tables = true
	return o, nil
}

// same reports whether every point has replications with different seeds whose metrics
// are all the same: then nothing in the scenario is random.
func (s *session) same(rows []Row) bool {
	repeated := false
	for i := 1; i < len(rows); i++ {
		a, b := &rows[i-1], &rows[i]
		if a.Point != b.Point {
			continue
		}
		repeated = true
		for k := range a.Values {
			if a.Values[k] != b.Values[k] {
				return false
			}
		}
	}
	return repeated
}

// Merge gathers the journals of several directories and writes the tables into out.
// Every run must be there.
func (p *Plan) Merge(out string, dirs []string) (*Outcome, error) {
	program, err := Program()
	if err != nil {
		return nil, err
	}
	s := &session{Plan: p, o: Options{Out: out}, program: program, begun: time.Now()}
	if s.known, err = readJournals(append([]string{out}, dirs...), p.Name, program); err != nil {
		return nil, err
	}
	if err := p.mayWrite(Options{Out: out, Resume: true}, ""); err != nil {
		return nil, err
	}
	missing, first := 0, Run{}
	for _, x := range p.Points {
		n, complete := s.count(x)
		if complete {
			continue
		}
		for i := n + 1; i <= max(n+1, p.Replications.Min); i++ {
			if _, ok := s.known[p.Run(x, i).ID]; ok {
				continue
			}
			if missing++; missing == 1 {
				first = p.Run(x, i)
			}
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("%d runs have no result of this program, the first is replication %d of point %d (%s)", missing, first.Replication, first.Point.Number, first.ID)
	}
	if err := os.MkdirAll(filepath.Join(out, JournalFolder), 0o777); err != nil { // it marks the directory as a sweep's
		return nil, err
	}
	s.state.Done, s.state.Total = len(s.known), len(s.known)
	return s.outcome()
}
