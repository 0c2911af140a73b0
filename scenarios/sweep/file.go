package sweep

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"mpsim/scenarios"
)

// Sweep is a sweep file.
type Sweep struct {
	File        string // as given
	Name, Title string
	Rows        []string
	Base        string // the scenario, as scenarios.Load takes it
	Seed        uint64
	// Common random numbers: replication r has the same seed at all points.
	Common       bool
	Replications Replications
	Design       Sampling

	set        []override
	axes       []*axis
	sampled    *axis // one of axes; nil: no factor has a range
	factors    []*Factor
	conditions []condition
	measures   []scenarios.Measure // metrics, then expectations
	metrics    int                 // how many of measures are metrics
}

// Replications says how often each point is run.
type Replications struct {
	Min, Max int // equal: a fixed number
	// Precision ends the replications of a point when the half width of the interval
	// of Metric is at most this share of its mean, at the confidence level Level.
	Precision float64
	Level     float64
	Metric    string
}

// Sequential reports whether the number depends on the results.
func (r *Replications) Sequential() bool { return r.Precision > 0 }

// The largest design, for which mistakes in a file are found before they fill a disk.
const (
	maxPoints       = 1_000_000
	maxReplications = 100_000
)

// condition is a constraint with its place.
type condition struct {
	text string
	pos  scenarios.Pos
}

// override is a setting of a scenario key.
type override struct {
	key, value string // value is TOML
	pos        scenarios.Pos
}

// reader reads a sweep file and collects what is wrong with it.
type reader struct {
	s        *Sweep
	problems scenarios.Problems
}

// Load reads a sweep file, or a sweep of the library. The error is of type
// scenarios.Problems and holds everything that is wrong with the file; whether its
// factors are keys of the scenario is found by Sweep.Plan.
func Load(name string) (*Sweep, error) {
	doc, err := scenarios.ReadDocument(name)
	if err != nil {
		return nil, err
	}
	return read(name, doc)
}

// Parse reads a sweep from text. File is its name for messages and what the scenario
// is relative to.
func Parse(file, text string) (*Sweep, error) {
	doc, err := scenarios.ParseDocument(file, text)
	if err != nil {
		return nil, err
	}
	return read(file, doc)
}

func read(file string, doc scenarios.Value) (*Sweep, error) {
	r := &reader{s: &Sweep{File: file, Seed: 1, Common: true, Replications: Replications{Min: 1, Max: 1}, Design: defaultSampling()}}
	r.document(doc)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return r.s, nil
}

func (r *reader) add(at scenarios.Pos, format string, args ...any) {
	r.problems = append(r.problems, scenarios.Problem{Pos: at, Message: fmt.Sprintf(format, args...)})
}

var topKeys = []string{"schema", "name", "title", "rows", "scenario", "seed", "replications", "common_random_numbers", "constraint", "design", "set", "factors", "zip", "point", "metrics", "expect"}

func (r *reader) document(doc scenarios.Value) {
	entries, _ := doc.Table()
	for _, e := range entries {
		r.entry(e)
	}
	s := r.s
	for _, need := range []string{"schema", "name", "scenario", "metrics"} {
		if _, ok := doc.Get(need); !ok {
			r.add(doc.Pos(), "the sweep needs %s", map[string]string{
				"schema": "schema = 1", "name": `name = "..."`, "scenario": `scenario = "FILE", the base that the factors change`,
				"metrics": `[metrics], such as goodput = "goodput(FLOW)"`,
			}[need])
		}
	}
	for _, f := range s.factors {
		if f.Range != nil && s.sampled == nil {
			s.sampled = &axis{sampled: true}
			s.axes = append(s.axes, s.sampled)
		}
		if f.Range != nil {
			s.sampled.factors = append(s.sampled.factors, f)
		}
	}
	if s.sampled != nil && s.Design.Points == 0 {
		r.add(s.sampled.factors[0].Pos, "a factor with a range needs [design] with points = N")
	}
	if s.sampled == nil && s.Design.Points != 0 {
		r.add(s.Design.pos, "[design] is about factors with a range, and there is none")
	}
	if m := s.Replications.Metric; s.Replications.Sequential() && s.metric(m) < 0 && len(r.problems) == 0 {
		at, _ := doc.Get("replications")
		at, _ = at.Get("metric")
		r.add(at.Pos(), "replications: no metric %q%s", m, scenarios.Suggest(m, s.Metrics()))
	}
}

func (r *reader) entry(e scenarios.KeyValue) {
	s := r.s
	switch e.Key {
	case "schema":
		if n, ok := e.Value.Int(); !ok || n != 1 {
			r.add(e.Value.Pos(), "schema must be 1, not %s", e.Value.Describe())
		}
	case "name":
		if s.Name = r.text(e); !nameForm.MatchString(s.Name) {
			r.add(e.Value.Pos(), "a name is letters, digits, '-' and '_'")
		}
	case "title":
		s.Title = r.text(e)
	case "rows":
		for _, v := range r.list(e) {
			t, _ := v.Text()
			s.Rows = append(s.Rows, t)
		}
	case "scenario":
		s.Base = beside(s.File, r.text(e))
	case "seed":
		n, ok := e.Value.Int()
		if !ok || n < 0 || n > maxSeed {
			r.add(e.Value.Pos(), "seed is an integer from 0 to %d, not %s", int64(maxSeed), e.Value.Describe())
		}
		s.Seed = uint64(n)
	case "replications":
		r.replications(e.Value)
	case "common_random_numbers":
		var ok bool
		if s.Common, ok = e.Value.Bool(); !ok {
			r.add(e.Value.Pos(), "common_random_numbers is true or false, not %s", e.Value.Describe())
		}
	case "constraint":
		r.constraints(e)
	case "design":
		r.design(e)
	case "set":
		r.set(e.Value, "", func(k string, v scenarios.KeyValue) {
			s.set = append(s.set, override{k, v.Value.TOML(), v.Value.Pos()})
		})
	case "factors":
		r.factors(e.Value, "")
	case "zip":
		r.zips(e)
	case "point":
		r.points(e)
	case "metrics", "expect":
		r.measures(e)
	default:
		r.add(e.Pos, "unknown key %q in the sweep%s", e.Key, scenarios.Suggest(e.Key, topKeys))
	}
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (r *reader) text(e scenarios.KeyValue) string {
	t, ok := e.Value.Text()
	if !ok {
		r.add(e.Value.Pos(), "%s is a text in quotes, not %s", e.Key, e.Value.Describe())
	}
	return t
}

func (r *reader) list(e scenarios.KeyValue) []scenarios.Value {
	l, ok := e.Value.List()
	if !ok {
		r.add(e.Value.Pos(), "%s is an array, not %s", e.Key, e.Value.Describe())
	}
	return l
}

// beside returns the base scenario: a file beside the sweep, else as the user would
// name a scenario of the library.
func beside(file, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	p := filepath.Join(filepath.Dir(file), name)
	if _, err := os.Stat(p); err == nil {
		return p
	}
	if inside := path.Join(path.Dir(filepath.ToSlash(strings.TrimPrefix(file, "scenarios/"))), name); fs.ValidPath(inside) {
		if _, err := fs.Stat(scenarios.Library(), inside); err == nil {
			return inside
		}
	}
	if _, err := fs.Stat(scenarios.Library(), name); err == nil {
		return name
	}
	return p
}

// replications reads a number, or a table of a rule for stopping.
func (r *reader) replications(v scenarios.Value) {
	p := &r.s.Replications
	count := func(v scenarios.Value, what string, least int64) int {
		n, ok := v.Int()
		if !ok || n < least || n > maxReplications {
			r.add(v.Pos(), "%s is an integer from %d to %d, not %s", what, least, maxReplications, v.Describe())
			return int(least)
		}
		return int(n)
	}
	entries, ok := v.Table()
	if !ok {
		p.Min = count(v, "replications", 1)
		p.Max = p.Min
		return
	}
	p.Min, p.Max, p.Level = 3, 100, 0.95
	for _, e := range entries {
		switch e.Key {
		case "min":
			p.Min = count(e.Value, "min", 2)
		case "max":
			p.Max = count(e.Value, "max", 2)
		case "metric":
			p.Metric = r.text(e)
		case "until":
			p.Precision = r.share(e)
		case "confidence":
			p.Level = r.share(e)
		default:
			r.add(e.Pos, "unknown key %q of replications%s", e.Key, scenarios.Suggest(e.Key, []string{"until", "min", "max", "metric", "confidence"}))
		}
	}
	if p.Precision == 0 || p.Metric == "" {
		r.add(v.Pos(), `replications need until = "5%%" and metric = "NAME"`)
	}
	if p.Min > p.Max {
		r.add(v.Pos(), "replications: min = %d is more than max = %d", p.Min, p.Max)
	}
}

// share reads a number strictly between 0 and 1, as such or as a percentage.
func (r *reader) share(e scenarios.KeyValue) float64 {
	text, ok := e.Value.Text()
	if !ok {
		text = e.Value.TOML()
	}
	x, err := ParseShare(text)
	if err != nil {
		r.add(e.Value.Pos(), "%s: %v", e.Key, err)
	}
	return x
}

// ParseShare reads a number between 0 and 1, both excluded, as such or as "5%".
func ParseShare(text string) (float64, error) {
	q, ok := scenarios.ReadQuantity(text)
	if !ok || q.Unit != "" || !(q.Value > 0 && q.Value < 1) || math.IsNaN(q.Value) {
		return 0, fmt.Errorf("%q is not a share such as 5%%", text)
	}
	return q.Value, nil
}

func (r *reader) constraints(e scenarios.KeyValue) {
	list, ok := e.Value.List()
	if !ok {
		list = []scenarios.Value{e.Value}
	}
	for _, v := range list {
		t, ok := v.Text()
		if !ok {
			r.add(v.Pos(), "a constraint is a text such as \"a.rate > b.rate\", not %s", v.Describe())
		}
		r.s.conditions = append(r.s.conditions, condition{t, v.Pos()})
	}
}

// set reads dotted keys, in quotes or not. A table with a name is a value: a plug-in
// with parameters.
func (r *reader) set(v scenarios.Value, prefix string, take func(key string, v scenarios.KeyValue)) {
	entries, ok := v.Table()
	if !ok {
		r.add(v.Pos(), "want scenario keys with values, not %s", v.Describe())
	}
	for _, e := range entries {
		k := prefix + e.Key
		if _, isTable := e.Value.Table(); isTable {
			if _, named := e.Value.Get("name"); !named {
				r.set(e.Value, k+".", take)
				continue
			}
		}
		take(k, e)
	}
}

// measures reads [metrics] and [expect]; metrics come first.
func (r *reader) measures(e scenarios.KeyValue) {
	s := r.s
	entries, ok := e.Value.Table()
	if !ok || len(entries) == 0 {
		r.add(e.Value.Pos(), "[%s] holds NAME = \"expression\"", e.Key)
	}
	for _, m := range entries {
		x := scenarios.Measure{Name: m.Key, Expr: r.text(m), Pos: m.Value.Pos(), Condition: e.Key == "expect"}
		if !nameForm.MatchString(m.Key) || e.Key == "metrics" && ownColumn(m.Key) {
			r.add(m.Pos, "%q cannot be the name of a metric: it is letters, digits, '-' and '_', and no other column of the table", m.Key)
		}
		if x.Condition {
			s.measures = append(s.measures, x)
			continue
		}
		s.measures = append(s.measures[:s.metrics:s.metrics], append([]scenarios.Measure{x}, s.measures[s.metrics:]...)...)
		s.metrics++
	}
}

// Metrics returns the names of the metrics in the order of the file.
func (s *Sweep) Metrics() []string {
	out := make([]string, s.metrics)
	for i := range out {
		out[i] = s.measures[i].Name
	}
	return out
}

// metric returns the number of a metric, or -1.
func (s *Sweep) metric(name string) int {
	for i := range s.metrics {
		if s.measures[i].Name == name {
			return i
		}
	}
	return -1
}

// integer reads an integer of [design].
func (r *reader) integer(e scenarios.KeyValue, least, most int64) int {
	n, ok := e.Value.Int()
	if !ok || n < least || n > most {
		r.add(e.Value.Pos(), "%s is an integer from %s to %s, not %s", e.Key, strconv.FormatInt(least, 10), strconv.FormatInt(most, 10), e.Value.Describe())
		return int(least)
	}
	return int(n)
}
