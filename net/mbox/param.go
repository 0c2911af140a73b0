package mbox

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mpsim/cc"
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ParamKind is the type of a parameter.
type ParamKind uint8

// The types of parameters.
const (
	Whole   ParamKind = iota // a whole number
	Span                     // a time, in nanoseconds
	Choice                   // one of Choices
	Options                  // a list of names of TCP options
	Text                     // any text
)

// Param is one parameter of a box.
type Param struct {
	Name, Doc string
	Kind      ParamKind
	Default   string   // of Choice, Options (separated by spaces) and Text
	Number    float64  // default of Whole and Span
	Min, Max  float64  // inclusive, of Whole and Span
	Choices   []string // of Choice
}

// Setting is one parameter as a scenario gives it: a number (times in
// nanoseconds), or texts, of which only Options take more than one.
type Setting struct {
	Name   string
	Number float64
	Texts  []string
	// IsText: Texts were given, not a number.
	IsText bool
}

// Values are the values of all parameters, in the order of Spec.Params.
type Values []value

type value struct {
	number int64
	text   string
	set    OptionSet
}

// Check returns the parameter that a setting names and its value, or what is
// wrong with it.
func (s *Spec) Check(set *Setting) (i int, v value, err error) {
	i = slices.IndexFunc(s.Params, func(p Param) bool { return p.Name == set.Name })
	if i < 0 {
		names := make([]string, len(s.Params))
		for k := range s.Params {
			names[k] = s.Params[k].Name
		}
		return i, v, cc.UnknownName("parameter of box "+s.Name, set.Name, names)
	}
	p := &s.Params[i]
	switch p.Kind {
	case Whole, Span:
		switch {
		case set.IsText:
			return i, v, fmt.Errorf("%s is a number", p.Name)
		case !(set.Number >= p.Min && set.Number <= p.Max):
			return i, v, fmt.Errorf("%s is %g; it must lie between %g and %g", p.Name, set.Number, p.Min, p.Max)
		case set.Number != math.Trunc(set.Number):
			return i, v, fmt.Errorf("%s is %g; it must be a whole number", p.Name, set.Number)
		}
		v.number = int64(set.Number)
		return i, v, nil
	case Options:
		if !set.IsText {
			return i, v, fmt.Errorf("%s is a list of names of TCP options", p.Name)
		}
		for _, name := range set.Texts {
			if err := v.set.Add(name); err != nil {
				return i, v, cc.UnknownName("TCP option", name, OptionNames())
			}
		}
		return i, v, nil
	}
	if !set.IsText || len(set.Texts) != 1 {
		return i, v, fmt.Errorf("%s is one text in quotes", p.Name)
	}
	v.text = set.Texts[0]
	if p.Kind == Choice && !slices.Contains(p.Choices, v.text) {
		return i, v, cc.UnknownName(p.Name, v.text, p.Choices)
	}
	return i, v, nil
}

// Resolve completes settings, which have passed Check, with the defaults.
func (s *Spec) Resolve(settings []Setting) (Values, error) {
	out := make(Values, len(s.Params))
	for i := range s.Params {
		p := &s.Params[i]
		d := Setting{Name: p.Name, Number: p.Number, Texts: []string{p.Default}, IsText: p.Kind > Span}
		if p.Kind == Options {
			d.Texts = strings.Fields(p.Default)
		}
		_, v, err := s.Check(&d)
		if err != nil {
			return nil, fmt.Errorf("default: %w", err)
		}
		out[i] = v
	}
	for k := range settings {
		i, v, err := s.Check(&settings[k])
		if err != nil {
			return nil, fmt.Errorf("box %q: %w", s.Name, err)
		}
		out[i] = v
	}
	return out, nil
}

func (s *Spec) at(v Values, name string) *value {
	for i := range s.Params {
		if s.Params[i].Name == name {
			return &v[i]
		}
	}
	sim.Bugf("box %q has no parameter %q", s.Name, name)
	return nil
}

// Env is where a box works.
type Env struct {
	Net  *simnet.Network
	Node *simnet.Node // whose trace the box writes into
	// Rand is the box's own random stream.
	Rand *sim.Rand
	// Number of the box in the scenario, for traces.
	Number int

	record trace.Record
}

// Box is a box as a scenario uses it.
type Box interface {
	simnet.Box
	// Switch switches the box on or off. State for flows stays as it is.
	Switch(on bool)
	// Acted returns on how many packets the box has acted.
	Acted() uint64
}

// Spec is one row of the table of boxes: what `mpsim list mbox` prints and what
// `type` of a [[link.box]] looks up.
type Spec struct {
	Name, Doc string
	Params    []Param
	new       func(s *Spec, b base, v Values) Box
}

// New makes the box of the given name with its filter and parameters.
func New(name string, f Filter, settings []Setting, env *Env) (Box, error) {
	s, err := Find(name)
	if err != nil {
		return nil, err
	}
	v, err := s.Resolve(settings)
	if err != nil {
		return nil, err
	}
	return s.new(s, base{Filter: f, env: env}, v), nil
}

// Find returns the row of the given name; the error lists the names.
func Find(name string) (*Spec, error) {
	var names []string
	for _, s := range Specs() {
		if s.Name == name {
			return &s, nil
		}
		names = append(names, s.Name)
	}
	return nil, cc.UnknownName("box", name, names)
}
