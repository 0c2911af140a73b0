package sweep

import (
	"fmt"
	"slices"
	"strings"

	"mpsim/scenarios"
)

// Sampling says how values of factors with a range are chosen.
type Sampling struct {
	Kind       string // a name of Samplings
	Points     int
	Candidates int // of wsp
	Seed       uint64
	pos        scenarios.Pos
}

// SamplingKind is an entry of the table of designs.
type SamplingKind struct {
	Name, Doc string
	sample    func(s *Sampling, dims int, draw func() float64, accept func([]float64) bool) [][]float64
}

// Samplings returns the table of designs, for `mpsim list design`.
func Samplings() []SamplingKind {
	return []SamplingKind{
		{"random", "independent uniform points; those that constraints refuse are drawn again", func(s *Sampling, dims int, draw func() float64, accept func([]float64) bool) [][]float64 {
			return random(s.Points, dims, draw, accept)
		}},
		{"lhs", "Latin hypercube (McKay et al. 1979): the projection on each factor is even; constraints take points away", func(s *Sampling, dims int, draw func() float64, accept func([]float64) bool) [][]float64 {
			return keep(latin(s.Points, dims, draw), accept)
		}},
		{"wsp", "space-filling selection of Wootton, Sergent, Phan-Tan-Luu from random candidates, as in CoNEXT'13: no two points are near; constraints take candidates away", func(s *Sampling, dims int, draw func() float64, accept func([]float64) bool) [][]float64 {
			return spaceFilling(s.Points, keep(random(s.Candidates, dims, draw, nil), accept))
		}},
	}
}

func keep(points [][]float64, accept func([]float64) bool) [][]float64 {
	return slices.DeleteFunc(points, func(p []float64) bool { return accept != nil && !accept(p) })
}

func defaultSampling() Sampling { return Sampling{Kind: "wsp", Candidates: 2000, Seed: 1} }

// design reads [design].
func (r *reader) design(e scenarios.KeyValue) {
	d := &r.s.Design
	d.pos = e.Pos
	entries, ok := e.Value.Table()
	if !ok {
		r.add(e.Value.Pos(), "[design] is a table with kind and points, not %s", e.Value.Describe())
	}
	for _, x := range entries {
		switch x.Key {
		case "kind":
			d.Kind = r.text(x)
			var names []string
			for _, k := range Samplings() {
				names = append(names, k.Name)
			}
			if !slices.Contains(names, d.Kind) {
				r.add(x.Value.Pos(), "no design %q%s", d.Kind, scenarios.Suggest(d.Kind, names))
			}
		case "points":
			d.Points = r.integer(x, 1, maxPoints)
		case "candidates":
			d.Candidates = r.integer(x, 1, 100_000)
		case "seed":
			d.Seed = uint64(r.integer(x, 0, maxSeed))
		default:
			r.add(x.Pos, "unknown key %q of [design]%s", x.Key, scenarios.Suggest(x.Key, []string{"kind", "points", "candidates", "seed"}))
		}
	}
	if d.Points == 0 {
		r.add(e.Pos, "[design] needs points = N")
	}
	if d.Kind == "wsp" && d.Candidates < d.Points {
		r.add(e.Pos, "[design]: %d candidates are fewer than %d points", d.Candidates, d.Points)
	}
}

// Point is one setting of all factors.
type Point struct {
	Number int // from 1, in design order
	levels []Level
	set    []override // with those of the whole sweep
	digest string     // of the resolved scenario
}

// Values returns the values of the factors as text, in the order of Sweep.Factors.
func (p *Point) Values() []string {
	out := make([]string, len(p.levels))
	for i := range out {
		out[i] = p.levels[i].text
	}
	return out
}

// Set returns the overrides that make the point of the base scenario.
func (p *Point) Set() []string {
	out := make([]string, len(p.set))
	for i, o := range p.set {
		out[i] = o.key + "=" + o.value
	}
	return out
}

// Factors returns the names of the factors, in the order of the columns.
func (s *Sweep) Factors() []string {
	var out []string
	for _, a := range s.axes {
		for _, f := range a.factors {
			out = append(out, f.Name)
		}
	}
	return out
}

// points returns the design: every combination of the axes, the last one running
// fastest, without those that a constraint refuses.
func (s *Sweep) points() ([]*Point, error) {
	filter, err := s.filter()
	if err != nil {
		return nil, err
	}
	if s.sampled != nil {
		if err := s.sample(filter); err != nil {
			return nil, err
		}
	}
	total := 1
	for _, a := range s.axes {
		if total *= len(a.rows); total > maxPoints {
			return nil, problem(a.factors[0].Pos, "the design has more than %d points", maxPoints)
		}
	}
	var out []*Point
	for i := range total {
		p := &Point{set: slices.Clone(s.set)}
		stride := total
		for _, a := range s.axes {
			stride /= len(a.rows)
			p.take(a, i/stride%len(a.rows))
		}
		ok, err := filter.holds(p.levels, s.Factors())
		if err != nil {
			return nil, err
		}
		if ok {
			p.Number = len(out) + 1
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, problem(s.conditions[0].pos, "the design is empty: no point satisfies the constraints")
	}
	return out, nil
}

// problem is one thing that is wrong with a sweep file.
func problem(at scenarios.Pos, format string, args ...any) error {
	return scenarios.Problems{{Pos: at, Message: fmt.Sprintf(format, args...)}}
}

// take adds a row of an axis to a point.
func (p *Point) take(a *axis, row int) {
	for i, f := range a.factors {
		l := a.rows[row][i]
		p.levels = append(p.levels, l)
		for _, k := range f.Keys {
			at := l.pos
			if at.File == "" {
				at = f.Pos
			}
			p.set = append(p.set, override{k, l.value, at})
		}
	}
	if a.extra != nil {
		p.set = append(p.set, a.extra[row]...)
	}
}

// sample fills the axis of the factors with a range. Constraints about those factors
// alone shape the sample; all are applied to the whole points again.
func (s *Sweep) sample(all filter) error {
	names := make([]string, len(s.sampled.factors))
	for i, f := range s.sampled.factors {
		names[i] = f.Name
	}
	own := all.about(names)
	at := func(u []float64) []Level {
		row := make([]Level, len(u))
		for i, f := range s.sampled.factors {
			row[i] = f.Range.at(u[i])
		}
		return row
	}
	var fault error
	accept := func(u []float64) bool {
		ok, err := own.holds(at(u), names)
		if err != nil && fault == nil {
			fault = err
		}
		return ok
	}
	s.sampled.rows = nil
	for _, k := range Samplings() {
		if k.Name == s.Design.Kind {
			for _, u := range k.sample(&s.Design, len(names), stream(s.Design.Seed), accept) {
				s.sampled.rows = append(s.sampled.rows, at(u))
			}
		}
	}
	if fault == nil && len(s.sampled.rows) == 0 {
		fault = problem(s.conditions[0].pos, "the design is empty: the constraints refuse every point")
	}
	return fault
}

// filter is the constraints with the names in them.
type filter []constraint

type constraint struct {
	condition
	names   []string // as written
	factors []string // that they mean
}

// filter resolves the names in the constraints: a name means the factor of that name,
// or the only one that ends in it after a point.
func (s *Sweep) filter() (filter, error) {
	var out filter
	var problems scenarios.Problems
	for _, c := range s.conditions {
		x := constraint{condition: c}
		for _, n := range scenarios.NewCondition(c.text).Names() {
			var meant []string
			for _, f := range s.Factors() {
				if f == n {
					meant = []string{f}
					break
				}
				if strings.HasSuffix(f, "."+n) {
					meant = append(meant, f)
				}
			}
			if len(meant) != 1 {
				what := "no factor " + n + scenarios.Suggest(n, s.Factors())
				if len(meant) > 1 {
					what = n + " may be " + strings.Join(meant, " or ")
				}
				problems = append(problems, scenarios.Problem{Pos: c.pos, Message: "constraint: " + what})
				continue
			}
			x.names, x.factors = append(x.names, n), append(x.factors, meant[0])
		}
		out = append(out, x)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

// about returns the constraints that speak of nothing but the given factors.
func (f filter) about(factors []string) filter {
	return slices.DeleteFunc(slices.Clone(f), func(c constraint) bool {
		return slices.ContainsFunc(c.factors, func(n string) bool { return !slices.Contains(factors, n) })
	})
}

// holds reports whether the levels of the factors satisfy every constraint.
func (f filter) holds(levels []Level, factors []string) (bool, error) {
	for _, c := range f {
		ok, at, err := scenarios.NewCondition(c.text).Holds(c.names, func(n string) string {
			return levels[slices.Index(factors, c.factors[slices.Index(c.names, n)])].text
		})
		if err != nil {
			pos := c.pos
			pos.Col += 1 + at // behind the opening quote
			return false, scenarios.Problems{{Pos: pos, Message: "constraint: " + err.Error()}}
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}
