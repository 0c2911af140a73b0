package plot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"mpsim/results"
)

// Source is what a figure is drawn from: runs, or the table of a sweep.
type Source struct {
	Runs  []*Run
	Table *Table // nil: that of Runs, a row a flow
}

// Open reads run directories, or one sweep directory or CSV file.
func Open(paths []string) (*Source, error) {
	s := new(Source)
	for _, p := range paths {
		file := p
		if !strings.HasSuffix(p, ".csv") {
			file = filepath.Join(p, results.TableName)
		}
		_, err := os.Stat(file)
		if file != p && errors.Is(err, os.ErrNotExist) {
			r, err := Load(p)
			if err != nil {
				return nil, err
			}
			s.Runs = append(s.Runs, r)
			continue
		}
		t, err := results.ReadTable(file)
		if err != nil {
			return nil, err
		}
		s.Table = tableFrom(t)
		if len(paths) > 1 {
			return nil, fmt.Errorf("%s is a table: a figure is drawn from one table, or from runs", p)
		}
	}
	return s, nil
}

// Options say what a figure shows. The zero value is the default of each kind.
type Options struct {
	// Metric, X, Y and By are names of columns of a table.
	Metric, X, Y, By string
	// Title replaces the title; "-": none.
	Title string
	// Full is a figure as wide as a page, not as one column of two.
	Full bool
	// Where are conditions COLUMN=VALUE on the rows of a table; all hold, of several on one
	// column one.
	Where []string
	// Bounds are columns whose values are lines across the data. Log makes the axis x
	// logarithmic.
	Bounds []string
	Log    bool
	// Samples is a metric of the time series of runs, whose samples are drawn in place of
	// a table.
	Samples string
	// Flow is the name of an MPTCP flow; empty: the first.
	Flow string
	// Subflow is the number of a subflow of Flow; empty: all. Count is how many packets are
	// drawn at most; 0: mostPackets.
	Subflow string
	Count   int
	// From and To bound the time that is shown, in seconds; To 0: to the end.
	From, To float64
}

// Param describes an option that a kind of figure takes.
type Param struct{ Name, Doc string }

var (
	paramMetric = Param{"metric", "column of the values; default: the first metric of a sweep, goodput_bps of runs"}
	paramBy     = Param{"by", "column whose values are drawn apart, at most 6"}
	paramWhere  = Param{"where", "COLUMN=VALUE: only rows in which it holds; may be given again, for one column with other values"}
	paramX      = Param{"x", "column of the categories along the axis; default: the first factor of a sweep"}
	paramY      = Param{"y", "column of the categories up the axis; default: the second factor of a sweep"}
	paramXValue = Param{"x", "column of the values along the axis"}
	paramYValue = Param{"y", "column of the values up the axis; default: the first metric of a sweep, goodput_bps of runs"}

	paramBound   = Param{"bound", "column whose values are lines across the data, along the axis whose unit it has; may be given again"}
	paramLog     = Param{"log", "the axis x is logarithmic"}
	paramSamples = Param{"samples", "metric of series.csv of runs, whose samples of each entity are drawn in place of a table"}
	paramsOfTime = []Param{
		{"from", "with samples: first second; default: 0"},
		{"to", "with samples: last second; default: the end of the run"},
	}

	paramsOfPackets = []Param{
		{"flow", "only packets of this flow; default: all"},
		{"subflow", "only packets of the subflow with this number"},
		{"from", "first second shown; default: 0"},
		{"to", "last second in which a shown packet is made; default: the end of the run"},
		{"count", "packets shown at most; default: 40"},
	}

	paramsOfFlow = []Param{
		{"flow", "name of an MPTCP flow; default: the first"},
		{"from", "first second shown; default: 0"},
		{"to", "last second shown; default: the end of the run"},
	}
)

// check refuses options that a kind has no use for.
func (o *Options) check(k *Kind) error {
	for _, given := range []struct {
		name string
		set  bool
	}{
		{"metric", o.Metric != ""}, {"x", o.X != ""}, {"y", o.Y != ""}, {"by", o.By != ""},
		{"where", len(o.Where) > 0}, {"bound", len(o.Bounds) > 0}, {"log", o.Log}, {"samples", o.Samples != ""}, {"flow", o.Flow != ""}, {"subflow", o.Subflow != ""}, {"count", o.Count != 0}, {"from", o.From != 0}, {"to", o.To != 0},
	} {
		if given.set && !slices.ContainsFunc(k.Params, func(p Param) bool { return p.Name == given.name }) {
			return fmt.Errorf("figure %s has no parameter %s (mpsim list plot)", k.Name, given.name)
		}
	}
	if o.Count < 0 {
		return fmt.Errorf("--count %d: at least one packet", o.Count)
	}
	if !(o.From >= 0) || o.To != 0 && !(o.To > o.From) {
		return fmt.Errorf("no time lies between %g s and %g s", o.From, o.To)
	}
	return nil
}

// ofRuns makes the builder of a figure that is drawn from runs alone.
func ofRuns(build func([]*Run) (*figure, error)) func(*Source, *Options) (*figure, error) {
	return func(s *Source, _ *Options) (*figure, error) {
		if len(s.Runs) == 0 {
			return nil, fmt.Errorf("this figure is drawn from run directories, not from a table")
		}
		return build(s.Runs)
	}
}

// ofTable makes the builder of a figure that is drawn from a table.
func ofTable(build func(*Table, *Options) (*figure, error)) func(*Source, *Options) (*figure, error) {
	return func(s *Source, o *Options) (*figure, error) {
		t := s.Table
		switch {
		case o.Samples != "":
			var err error
			if t, err = samplesOf(s.Runs, o); err != nil {
				return nil, err
			}
		case o.From != 0 || o.To != 0:
			return nil, errors.New("--from and --to choose samples of a series: --samples METRIC")
		case t == nil:
			t = tableOf(s.Runs)
		}
		t, err := t.where(o.Where)
		if err != nil {
			return nil, err
		}
		return build(t, o)
	}
}

// drawing is what a kind of figure makes.
type drawing interface {
	// render returns it in one of Formats, tex for LaTeX, data as the table of DataHeader.
	render(format string) ([]byte, error)
	tex() []byte
	data() []byte
}

func (f *figure) render(format string) ([]byte, error) { return f.layout().render(format) }

// drawingOf makes a drawing of a kind.
func drawingOf(kind string, s *Source, o *Options) (drawing, error) {
	k, err := lookup(kind)
	if err != nil {
		return nil, err
	}
	if k.build != nil {
		return figureOf(kind, s, o)
	}
	if err := o.check(k); err != nil {
		return nil, err
	}
	return k.other(s, o)
}

// figureOf builds a figure with axes.
func figureOf(kind string, s *Source, o *Options) (*figure, error) {
	k, err := lookup(kind)
	if err != nil {
		return nil, err
	}
	if err := o.check(k); err != nil {
		return nil, err
	}
	f, err := k.build(s, o)
	if err != nil {
		return nil, err
	}
	f.full, f.title = o.Full, o.titled(f.title)
	return f, nil
}

// titled returns the title that a figure has.
func (o *Options) titled(own string) string {
	switch o.Title {
	case "":
		return own
	case "-":
		return ""
	}
	return o.Title
}

// Draw draws a figure of the given kind in the given format: one of Formats, or "tex".
func Draw(kind string, s *Source, o *Options, format string) ([]byte, error) {
	f, err := drawingOf(kind, s, o)
	if err != nil {
		return nil, err
	}
	if format == texFormat {
		return f.tex(), nil
	}
	return f.render(format)
}

// texFormat is the format of figures that LaTeX draws.
const texFormat = "tex"

// Write draws a figure of the given kind into a file, whose extension names the format.
// The file is replaced in one step.
func Write(kind string, s *Source, o *Options, file string) error {
	if strings.HasSuffix(file, "."+texFormat) {
		b, err := Draw(kind, s, o, texFormat)
		if err != nil {
			return err
		}
		return maybe.WriteFile(file, b, 0o644)
	}
	return save(file, func(format string) ([]byte, error) { return Draw(kind, s, o, format) })
}
