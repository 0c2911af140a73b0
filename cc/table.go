package cc

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"mpsim/sim"
)

// This file turns names and numbers of a scenario into a controller. The parts
// that know nothing of controllers serve the other tables of plug-ins, too.

// Setting is one parameter as a scenario gives it.
type Setting struct {
	Name  string
	Value float64
}

// New makes the controller of the given name from the table of [Specs].
func New(name string, settings []Setting, rnd *sim.Rand) (Controller, error) {
	return Make(Specs(), name, settings, rnd)
}

// Make makes the controller of the given name with its parameters. The error of
// an unknown name lists the known ones; all wrong parameters are reported at
// once. Rnd is the connection's own random stream; only controllers that draw
// need it.
func Make(table []Spec, name string, settings []Setting, rnd *sim.Rand) (Controller, error) {
	s, p, err := Lookup("congestion controller", table, name, settings)
	if err != nil {
		return nil, err
	}
	return s.New(p, rnd), nil
}

// Row is a row of a table of plug-ins of any kind.
type Row interface {
	// Plugin returns the name of the plug-in and its parameters.
	Plugin() (name string, params []Param)
}

// Plugin implements Row.
func (s Spec) Plugin() (string, []Param) { return s.Name, s.Params }

// Lookup finds a plug-in of a kind by its name and completes its parameters.
func Lookup[R Row](kind string, table []R, name string, settings []Setting) (row R, p Params, err error) {
	for _, r := range table {
		if n, params := r.Plugin(); n == name {
			if p, err = Resolve(params, settings); err != nil {
				return row, nil, fmt.Errorf("%s %q: %w", kind, name, err)
			}
			return r, p, nil
		}
	}
	return row, nil, UnknownName(kind, name, Names(table))
}

// Names returns the names of a table, in its order.
func Names[R Row](table []R) []string {
	names := make([]string, len(table))
	for i, r := range table {
		names[i], _ = r.Plugin()
	}
	return names
}

// Resolve completes the settings with the defaults and checks names and ranges.
func Resolve(params []Param, settings []Setting) (Params, error) {
	out := make(Params, len(params))
	for i := range params {
		out[i] = params[i].Default
	}
	given := make([]bool, len(params))
	var errs []error
	for _, s := range settings {
		i := indexOf(params, s.Name)
		switch {
		case i < 0:
			errs = append(errs, UnknownName("parameter", s.Name, paramNames(params)))
			continue
		case given[i]:
			errs = append(errs, fmt.Errorf("parameter %q is given twice", s.Name))
			continue
		}
		given[i] = true
		if err := params[i].check(s.Value); err != nil {
			errs = append(errs, err)
			continue
		}
		out[i] = s.Value
	}
	return out, errors.Join(errs...)
}

func (p *Param) check(v float64) error {
	switch {
	case !(v >= p.Min && v <= p.Max): // also refuses NaN
		return fmt.Errorf("parameter %q is %v, must lie between %v and %v", p.Name, v, p.Min, p.Max)
	case p.Whole && v != math.Trunc(v):
		return fmt.Errorf("parameter %q is %v, must be a whole number", p.Name, v)
	}
	return nil
}

// Get returns the value of the parameter of the given name in its table. It is
// for constructors, which ask for their own parameters.
func (p Params) Get(table []Param, name string) float64 {
	i := indexOf(table, name)
	if i < 0 || i >= len(p) {
		sim.Bugf("no parameter %q", name)
	}
	return p[i]
}

func indexOf(params []Param, name string) int {
	for i := range params {
		if params[i].Name == name {
			return i
		}
	}
	return -1
}

func paramNames(params []Param) []string {
	names := make([]string, len(params))
	for i := range params {
		names[i] = params[i].Name
	}
	return names
}

// UnknownName is the error for a name that a table does not have: it lists what
// the table has and says what was probably meant.
func UnknownName(kind, name string, known []string) error {
	list := "none is known"
	if len(known) > 0 {
		list = "known: " + strings.Join(known, ", ")
	}
	if s := closest(name, known); s != "" {
		return fmt.Errorf("unknown %s %q, did you mean %q? (%s)", kind, name, s, list)
	}
	return fmt.Errorf("unknown %s %q (%s)", kind, name, list)
}

// closest returns the first name at the smallest edit distance, if that is at
// most a third of its length (and at least one edit).
func closest(name string, known []string) string {
	best, bestDist := "", 1<<30
	for _, k := range known {
		d := editDistance(strings.ToLower(name), k)
		if d <= max(1, len(k)/3) && d < bestDist {
			best, bestDist = k, d
		}
	}
	return best
}

// editDistance is Levenshtein's, on bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
