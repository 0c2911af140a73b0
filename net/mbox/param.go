package mbox

import (
	"fmt"
	"math"
	"net/netip"
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
	Whole     ParamKind = iota // a whole number
	Span                       // a time, in nanoseconds
	Choice                     // one of Choices
	Options                    // a list of names of TCP options
	Text                       // any text
	Addresses                  // a list of addresses or prefixes
	Flag                       // true or false
	Speed                      // a rate, in bits per second
)

// Param is one parameter of a box.
type Param struct {
	Name, Doc string
	Kind      ParamKind
	Default   string   // of Choice, Options and Addresses (separated by spaces) and Text
	Number    float64  // default of Whole, Span, Speed and Flag (0 or 1)
	Min, Max  float64  // inclusive, of Whole, Span and Speed
	Choices   []string // of Choice
}

// Setting is one parameter as a scenario gives it: a number (times in nanoseconds,
// true as 1), or texts, of which only Options and Addresses take more than one.
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
	number   int64
	text     string
	set      OptionSet
	prefixes []netip.Prefix
	given    bool // by the scenario: not the default
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
	case Whole, Span, Speed:
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
	case Flag:
		if set.IsText || set.Number != 0 && set.Number != 1 {
			return i, v, fmt.Errorf("%s is true or false", p.Name)
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
	if p.Kind == Addresses {
		v.prefixes, err = parsePrefixes(p.Name, set)
		return i, v, err
	}
	if !set.IsText || len(set.Texts) != 1 {
		return i, v, fmt.Errorf("%s is one text in quotes", p.Name)
	}
	v.text = set.Texts[0]
	if p.Kind == Choice && !slices.Contains(p.Choices, v.text) {
		return i, v, cc.UnknownName(p.Name, v.text, p.Choices)
	}
	if p.Kind == Text && s.check != nil {
		err = s.check(p.Name, &v)
	}
	return i, v, err
}

// parsePrefixes reads a list of addresses and prefixes; an address is a prefix of
// full length.
func parsePrefixes(name string, set *Setting) (out []netip.Prefix, err error) {
	if !set.IsText {
		return nil, fmt.Errorf("%s is a list of addresses or prefixes in quotes", name)
	}
	for _, text := range set.Texts {
		p, err := netip.ParsePrefix(text)
		if a, bad := netip.ParseAddr(text); bad == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is neither an address such as \"100.64.0.1\" nor a prefix such as \"10.0.0.0/8\"", name, text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Resolve completes settings, which have passed Check, with the defaults.
func (s *Spec) Resolve(settings []Setting) (Values, error) {
	out := make(Values, len(s.Params))
	for i := range s.Params {
		p := &s.Params[i]
		d := Setting{Name: p.Name, Number: p.Number, Texts: []string{p.Default}, IsText: p.Kind > Span && p.Kind != Flag && p.Kind != Speed}
		if p.Kind == Options || p.Kind == Addresses {
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
		v.given = true
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
	// Name of the box in the scenario, for the names of further random streams.
	Name string
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
	check     func(name string, v *value) error      // of texts; nil: any text
	build     func(f Filter, g *Given, env *Env) Box // of boxes of other packages
}

// NewSpec returns a row for a box of another package.
func NewSpec(name, doc string, params []Param, build func(f Filter, g *Given, env *Env) Box) Spec {
	return Spec{Name: name, Doc: doc, Params: params, build: build}
}

// Given completes settings, which have passed Check, with the defaults.
func (s *Spec) Given(settings []Setting) (*Given, error) {
	v, err := s.Resolve(settings)
	return &Given{s, v}, err
}

// New makes the box of the row with its filter and parameters.
func (s *Spec) New(f Filter, settings []Setting, env *Env) (Box, error) {
	g, err := s.Given(settings)
	if err != nil {
		return nil, err
	}
	if s.build != nil {
		return s.build(f, g, env), nil
	}
	b := base{Filter: f, env: env, luck: simnet.NewCorrelated(env.Rand, f.Correlation, 1<<63)}
	if f.Subflow < 0 {
		return s.new(s, b, g.values), nil
	}
	b.flows = new(numberer)
	return &numbering{s.new(s, b, g.values), b.flows, env}, nil
}

// Given are the values of all parameters of a box by name.
type Given struct {
	spec   *Spec
	values Values
}

// Explicit reports whether the scenario gives a parameter: it is not the default.
func (g *Given) Explicit(name string) bool { return g.spec.at(g.values, name).given }

// Number returns a parameter that is a number; times are in nanoseconds.
func (g *Given) Number(name string) int64 { return g.spec.at(g.values, name).number }

// Flag returns a parameter that is true or false.
func (g *Given) Flag(name string) bool { return g.Number(name) == 1 }

// Text returns a parameter that is a choice or a text.
func (g *Given) Text(name string) string { return g.spec.at(g.values, name).text }

// Options returns a parameter that is a set of options.
func (g *Given) Options(name string) OptionSet { return g.spec.at(g.values, name).set }

// Prefixes returns a parameter that is a list of addresses or prefixes.
func (g *Given) Prefixes(name string) []netip.Prefix { return g.spec.at(g.values, name).prefixes }

// New makes the box of the given name with its filter and parameters.
func New(name string, f Filter, settings []Setting, env *Env) (Box, error) {
	s, err := Find(name)
	if err != nil {
		return nil, err
	}
	return s.New(f, settings, env)
}

// Find returns the row of the given name; the error lists the names.
func Find(name string) (*Spec, error) { return FindIn(Specs(), name) }

// FindIn returns the row of the given name in a table; the error lists the names.
func FindIn(table []Spec, name string) (*Spec, error) {
	var names []string
	for _, s := range table {
		if s.Name == name {
			return &s, nil
		}
		names = append(names, s.Name)
	}
	return nil, cc.UnknownName("box", name, names)
}
