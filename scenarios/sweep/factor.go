package sweep

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"mpsim/scenarios"
	"mpsim/sim"
)

// Factor is what a sweep varies: a column of the table.
type Factor struct {
	Name string
	Keys []string // of the scenario; empty: the name of a point
	Pos  scenarios.Pos
	// Range is from where a space-filling or random design takes values; nil: the
	// factor has a list.
	Range *Range
}

// Range is an interval of values of a factor.
type Range struct {
	Low, High scenarios.Quantity
	Log       bool // the logarithm is what is spread evenly
	Integer   bool
}

// Level is a value of a factor.
type Level struct {
	value string // TOML
	text  string // as a table shows it
	pos   scenarios.Pos
}

// axis is a part of the design whose factors vary together.
type axis struct {
	factors []*Factor
	rows    [][]Level
	extra   [][]override // of named points: the settings of each row
	sampled bool         // rows come from the sampling
}

var factorKeys = []string{"values", "uniform", "log_uniform", "keys", "integer"}

// factors reads [factors]: dotted keys with a list, or a table with a list or a range.
func (r *reader) factors(v scenarios.Value, prefix string) {
	entries, ok := v.Table()
	if !ok || len(entries) == 0 {
		r.add(v.Pos(), "[factors] holds scenario keys with lists of values, such as link.wifi.rate = [\"5Mbps\", \"10Mbps\"]")
	}
	for _, e := range entries {
		name := prefix + e.Key
		inner, isTable := e.Value.Table()
		if !isTable {
			if rows := r.levels(e); rows != nil {
				f := r.factor(name, e.Pos, []string{name})
				r.s.axes = append(r.s.axes, &axis{factors: []*Factor{f}, rows: rows})
			}
			continue
		}
		if !slices.ContainsFunc(inner, func(x scenarios.KeyValue) bool { return slices.Contains(factorKeys, x.Key) }) {
			r.factors(e.Value, name+".")
			continue
		}
		r.factorTable(name, e, inner)
	}
}

// factor declares a factor.
func (r *reader) factor(name string, at scenarios.Pos, keys []string) *Factor {
	f := &Factor{Name: name, Keys: keys, Pos: at}
	for _, g := range r.s.factors {
		if g.Name == name {
			r.add(at, "factor %q stands at %v already", name, g.Pos)
		}
		for _, k := range keys {
			if slices.Contains(g.Keys, k) && g.Name != name {
				r.add(at, "factor %q sets %s, and so does %q", name, k, g.Name)
			}
		}
	}
	if ownColumn(name) || strings.ContainsAny(name, ",\"\n") {
		r.add(at, "%q cannot be the name of a factor", name)
	}
	r.s.factors = append(r.s.factors, f)
	return f
}

func (r *reader) factorTable(name string, e scenarios.KeyValue, inner []scenarios.KeyValue) {
	f := r.factor(name, e.Pos, nil)
	var rows [][]Level
	integer := false
	for _, x := range inner {
		switch x.Key {
		case "keys":
			for _, v := range r.list(x) {
				k, ok := v.Text()
				if !ok {
					r.add(v.Pos(), "a key is a text, not %s", v.Describe())
				}
				f.Keys = append(f.Keys, k)
			}
		case "integer":
			var ok bool
			if integer, ok = x.Value.Bool(); !ok {
				r.add(x.Value.Pos(), "integer is true or false, not %s", x.Value.Describe())
			}
		case "values":
			rows = r.levels(x)
		case "uniform", "log_uniform":
			if f.Range != nil {
				r.add(x.Pos, "factor %s has two ranges", name)
			}
			f.Range = r.interval(x)
		default:
			r.add(x.Pos, "unknown key %q of factor %s%s", x.Key, name, scenarios.Suggest(x.Key, factorKeys))
		}
	}
	if f.Keys == nil {
		f.Keys = []string{name}
	}
	switch {
	case f.Range != nil && rows != nil || f.Range == nil && rows == nil:
		r.add(e.Pos, "factor %s needs one of values, uniform, log_uniform", name)
	case f.Range != nil:
		f.Range.Integer = f.Range.Integer || integer
	default:
		r.s.axes = append(r.s.axes, &axis{factors: []*Factor{f}, rows: rows})
	}
}

// levels reads a list of values, one a row.
func (r *reader) levels(e scenarios.KeyValue) [][]Level {
	list := r.list(e)
	if len(list) == 0 {
		r.add(e.Value.Pos(), "the design is empty: %s has no values", e.Key)
		return nil
	}
	out := make([][]Level, len(list))
	for i, v := range list {
		out[i] = []Level{level(v)}
	}
	return out
}

// level makes a level of a value of the file. A plug-in with parameters is shown as
// TOML, as all that is no text.
func level(v scenarios.Value) Level {
	l := Level{value: v.TOML(), pos: v.Pos()}
	var ok bool
	if l.text, ok = v.Text(); !ok {
		l.text = l.value
	}
	return l
}

// interval reads [low, high].
func (r *reader) interval(e scenarios.KeyValue) *Range {
	list := r.list(e)
	out := &Range{Log: e.Key == "log_uniform", Integer: true}
	if len(list) != 2 {
		r.add(e.Value.Pos(), "%s is [low, high]", e.Key)
		return out
	}
	ends := [2]*scenarios.Quantity{&out.Low, &out.High}
	for i, v := range list {
		l := level(v)
		q, ok := scenarios.ReadQuantity(l.text)
		if !ok {
			r.add(v.Pos(), "%s is not a number with a unit of scenario files", l.value)
		}
		*ends[i] = q
		if _, whole := v.Int(); !whole {
			out.Integer = false
		}
	}
	switch {
	case len(r.problems) > 0:
	case out.Low.Unit != out.High.Unit:
		r.add(e.Value.Pos(), "%s has two units, %q and %q", e.Key, out.Low.Unit, out.High.Unit)
	case !(out.Low.Value < out.High.Value):
		r.add(e.Value.Pos(), "the design is empty: the low end of %s is not below the high end", e.Key)
	case out.Log && !(out.Low.Value > 0):
		r.add(e.Value.Pos(), "log_uniform needs a low end above 0")
	}
	return out
}

// at returns the level at u between 0 and 1, rounded to four significant digits, and
// to whole base units where the scenario wants those.
func (g *Range) at(u float64) Level {
	x := g.Low.Value + float64(u*(g.High.Value-g.Low.Value))
	if g.Log {
		low := sim.Log(g.Low.Value)
		x = sim.Exp(low + float64(u*(sim.Log(g.High.Value)-low)))
	}
	q := scenarios.Quantity{Value: min(max(significant(x), g.Low.Value), g.High.Value), Unit: g.Low.Unit}
	if g.Integer {
		q.Value = math.Round(q.Value)
	}
	text := q.String()
	if q.Unit == "" {
		return Level{value: text, text: text}
	}
	return Level{value: `"` + text + `"`, text: text}
}

// significant rounds to four significant digits.
func significant(x float64) float64 {
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	return y
}

// zips reads [[zip]]: factors whose lists are gone through together.
func (r *reader) zips(e scenarios.KeyValue) {
	for _, z := range r.list(e) {
		a := &axis{}
		r.set(z, "", func(k string, x scenarios.KeyValue) {
			rows := r.levels(x)
			if rows == nil {
				return
			}
			a.factors = append(a.factors, r.factor(k, x.Pos, []string{k}))
			if a.rows != nil && len(a.rows) != len(rows) {
				r.add(x.Value.Pos(), "the lists of a zip have one length: %s has %d values, %s %d", a.factors[0].Name, len(a.rows), k, len(rows))
				return
			}
			if a.rows == nil {
				a.rows = rows
				return
			}
			for i := range rows {
				a.rows[i] = append(a.rows[i], rows[i]...)
			}
		})
		if len(a.factors) == 0 {
			r.add(z.Pos(), "the design is empty: [[zip]] has no factors")
			continue
		}
		r.s.axes = append(r.s.axes, a)
	}
}

// points reads [[point]]: named points with settings of their own, which are one
// factor of the design.
func (r *reader) points(e scenarios.KeyValue) {
	a := &axis{factors: []*Factor{r.factor("name", e.Pos, nil)}}
	for _, p := range r.list(e) {
		var set []override
		name := Level{pos: p.Pos()}
		entries, _ := p.Table()
		for _, x := range entries {
			switch x.Key {
			case "name":
				name.text = r.text(x)
			case "set":
				r.set(x.Value, "", func(k string, v scenarios.KeyValue) { set = append(set, override{k, v.Value.TOML(), v.Value.Pos()}) })
			default:
				r.add(x.Pos, "unknown key %q of a point%s", x.Key, scenarios.Suggest(x.Key, []string{"name", "set"}))
			}
		}
		if name.text == "" {
			r.add(p.Pos(), "a point needs a name")
		}
		a.rows, a.extra = append(a.rows, []Level{name}), append(a.extra, set)
	}
	r.s.axes = append(r.s.axes, a)
}
