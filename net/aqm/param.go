package aqm

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mpsim/cc"
	simnet "mpsim/net"
	"mpsim/sim"
)

// ParamKind is the type of a parameter.
type ParamKind uint8

// The types of parameters.
const (
	Whole  ParamKind = iota // a whole number
	Real                    // a number
	Span                    // a time, in nanoseconds
	Speed                   // a rate, in bits per second
	Length                  // a queue length, in packets or in octets
	Choice                  // one of Choices
	Text                    // any text
)

// Param is one parameter of a discipline.
type Param struct {
	Name, Doc string
	Kind      ParamKind
	Default   float64 // of numbers
	// Packets says that a Length may be in packets, too, and that its default is.
	Packets  bool
	Min, Max float64 // inclusive, of numbers
	// Choices are what a Choice may be; the first is the default.
	Choices []string
}

// Setting is one parameter as a scenario gives it: a number, for a Length with its
// unit, or a text.
type Setting struct {
	Name    string
	Number  float64
	Packets bool // a Length in packets, not in octets
	Text    string
	IsText  bool
}

// Spec is one row of the table of disciplines: what `mpsim list queue` prints and
// what `aqm` of a link looks up.
type Spec struct {
	Name, Doc string
	Params    []Param
	// check says what is wrong with values that are each in range; it may be nil.
	check func(v *Values) error
	// fits says what is wrong with values on a given link; it may be nil.
	fits func(v *Values, on Place) error
	new  func(v *Values, p *simnet.Port) simnet.Discipline
}

// Values are the parameters of one discipline, complete.
type Values struct {
	spec  *Spec
	given []Setting // in the order of the parameters
	told  []bool    // whether they were given, not defaults
}

// Param returns the parameter of a name, or an error that lists the known ones.
func (s *Spec) Param(name string) (*Param, error) {
	for i := range s.Params {
		if s.Params[i].Name == name {
			return &s.Params[i], nil
		}
	}
	names := make([]string, len(s.Params))
	for i := range s.Params {
		names[i] = s.Params[i].Name
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("queue discipline %s has no parameters", s.Name)
	}
	return nil, cc.UnknownName("parameter of queue discipline "+s.Name, name, names)
}

// Check says what is wrong with a setting.
func (s *Spec) Check(set *Setting) error {
	p, err := s.Param(set.Name)
	if err != nil {
		return err
	}
	switch {
	case p.Kind == Choice && (!set.IsText || !slices.Contains(p.Choices, set.Text)):
		return fmt.Errorf("%s is one of %q", p.Name, p.Choices)
	case p.Kind == Choice:
	case p.Kind == Text && !set.IsText:
		return fmt.Errorf("%s is a text in quotes", p.Name)
	case p.Kind == Text:
	case set.IsText:
		return fmt.Errorf("%s is a number", p.Name)
	case !(set.Number >= p.Min && set.Number <= p.Max):
		return fmt.Errorf("%s is %g; it must lie between %g and %g", p.Name, set.Number, p.Min, p.Max)
	case set.Packets && !p.Packets:
		return fmt.Errorf("%s is in bytes, not in packets", p.Name)
	case p.Kind != Real && set.Number != math.Trunc(set.Number):
		return fmt.Errorf("%s is %g; it must be a whole number", p.Name, set.Number)
	}
	return nil
}

// Resolve completes settings with the defaults and checks them together.
func (s *Spec) Resolve(settings []Setting) (*Values, error) {
	v := &Values{spec: s, given: make([]Setting, len(s.Params)), told: make([]bool, len(s.Params))}
	for i := range s.Params {
		p := &s.Params[i]
		v.given[i] = Setting{Name: p.Name, Number: p.Default, Packets: p.Packets}
		if p.Kind == Choice {
			v.given[i].Text = p.Choices[0]
		}
	}
	for k := range settings {
		if err := s.Check(&settings[k]); err != nil {
			return nil, fmt.Errorf("queue discipline %q: %w", s.Name, err)
		}
		i := v.index(settings[k].Name)
		v.given[i], v.told[i] = settings[k], true
	}
	if s.check != nil {
		if err := s.check(v); err != nil {
			return nil, fmt.Errorf("queue discipline %q: %w", s.Name, err)
		}
	}
	return v, nil
}

// Find returns the discipline of a name, or an error that lists the known ones.
func Find(name string) (*Spec, error) {
	specs := Specs()
	names := make([]string, len(specs))
	for i := range specs {
		if specs[i].Name == name {
			return &specs[i], nil
		}
		names[i] = specs[i].Name
	}
	return nil, cc.UnknownName("queue discipline", name, names)
}

// Place is what a discipline has to fit to.
type Place struct {
	Limit simnet.Queue // of the link's queue
	// MTU is the size of the largest packet that is expected, in octets of IP; 0: 1500.
	MTU int
}

// New returns what makes the discipline of the given name and parameters for a
// link: Discipline of simnet.LinkConfig. An error says what is wrong with them.
func New(name string, settings []Setting, on Place) (func(*simnet.Port) simnet.Discipline, error) {
	s, err := Find(name)
	if err != nil {
		return nil, err
	}
	v, err := s.Resolve(settings)
	if err != nil {
		return nil, err
	}
	if on.MTU == 0 {
		on.MTU = 1500
	}
	if s.fits != nil {
		if err := s.fits(v, on); err != nil {
			return nil, fmt.Errorf("queue discipline %q: %w", s.Name, err)
		}
	}
	return func(p *simnet.Port) simnet.Discipline { return s.new(v, p) }, nil
}

func (v *Values) index(name string) int {
	for i := range v.spec.Params {
		if v.spec.Params[i].Name == name {
			return i
		}
	}
	sim.Bugf("queue discipline %q has no parameter %q", v.spec.Name, name)
	return 0
}

func (v *Values) get(name string) *Setting { return &v.given[v.index(name)] }

func (v *Values) real(name string) float64      { return v.get(name).Number }
func (v *Values) int(name string) int64         { return int64(v.get(name).Number) }
func (v *Values) span(name string) sim.Duration { return sim.Duration(v.get(name).Number) }
func (v *Values) on(name string) bool           { return v.get(name).Number == 1 }
func (v *Values) text(name string) string       { return v.get(name).Text }
func (v *Values) wasGiven(name string) bool     { return v.told[v.index(name)] }

// length is a queue length in packets or octets.
type length struct {
	n       float64
	packets bool
}

func (v *Values) length(name string) length {
	s := v.get(name)
	return length{s.Number, s.Packets}
}

// of returns the length of a queue in the unit of l.
func (l length) of(packets, bytes int) float64 {
	if l.packets {
		return float64(packets)
	}
	return float64(bytes)
}

// words splits a text at spaces and commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// flag is a parameter that is on (1) or off (0).
func flag(name, doc string, on bool) Param {
	p := Param{Name: name, Doc: doc, Kind: Whole, Max: 1}
	if on {
		p.Default = 1
	}
	return p
}

// Unit is the unit of the parameter's numbers, as it ends a description.
func (p *Param) Unit() string {
	switch {
	case p.Kind == Span:
		return ", ns"
	case p.Kind == Speed:
		return ", bit/s"
	case p.Kind == Length && p.Packets:
		return ", packets or bytes"
	case p.Kind == Length:
		return ", bytes"
	}
	return ""
}
