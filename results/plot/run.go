package plot

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"mpsim/results"
)

// Run is what a figure is drawn from: the summary and the series of one run
// directory.
type Run struct {
	Dir     string
	Summary results.Summary
	series  map[seriesKey]*series
}

type seriesKey struct{ entity, metric string }

// series is one metric of one entity over time, in seconds.
type series struct{ x, y []float64 }

// Load reads a run directory.
func Load(dir string) (*Run, error) {
	if _, err := results.ReadManifest(dir); err != nil {
		return nil, err
	}
	return read(dir)
}

// LoadUnfinished reads a directory that has no manifest yet, for figures that
// become part of it.
func LoadUnfinished(dir string) (*Run, error) { return read(dir) }

func read(dir string) (*Run, error) {
	r := &Run{Dir: dir, series: map[seriesKey]*series{}}
	path := filepath.Join(dir, results.SummaryName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &r.Summary); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, results.SeriesName)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	err = results.ReadSeries(f, func(p results.Point) error {
		k := seriesKey{p.Entity, p.Metric}
		s := r.series[k]
		if s == nil {
			s = new(series)
			r.series[k] = s
		}
		s.x = append(s.x, p.At.Seconds())
		s.y = append(s.y, p.Value)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// ErrNothing says that no run has what a kind of figure shows.
var ErrNothing = errors.New("the run holds no series for this kind of figure")

// get returns a series, or nil.
func (r *Run) get(entity, metric string) *series { return r.series[seriesKey{entity, metric}] }

// scaled returns the series with its values multiplied.
func (s *series) scaled(factor float64) *series {
	out := &series{x: s.x, y: make([]float64, len(s.y))}
	for i, v := range s.y {
		out.y[i] = v * factor
	}
	return out
}

// top returns the largest value, 0 of nothing.
func (s *series) top() float64 {
	t := 0.0
	for _, v := range s.y {
		t = math.Max(t, v)
	}
	return t
}

// maxBins is the number of points that a mean over intervals keeps: more cannot
// be told apart in one column of a paper.
const maxBins = 60

// binned returns the means over runs of equally many points, each of which is
// itself the mean over the interval that ends at its time, and the length of
// the new intervals. Points of the result lie in the middle of their interval.
func (s *series) binned() (*series, float64) {
	if len(s.x) < 2 {
		return s, 0
	}
	step := s.x[1] - s.x[0]
	k := (len(s.x) + maxBins - 1) / maxBins
	out := new(series)
	for i := 0; i+k <= len(s.x); i += k {
		sum := 0.0
		for _, v := range s.y[i : i+k] {
			sum += v
		}
		out.x = append(out.x, s.x[i+k-1]-float64(k)*step/2)
		out.y = append(out.y, sum/float64(k))
	}
	return out, float64(k) * step
}
