package topo

import (
	"fmt"
	"io"
	"strings"

	"mpsim/sim"
)

// Param is a parameter of a generator: a number, or a text.
type Param struct {
	Name, Doc         string
	Default, Min, Max float64
	Fraction          bool   // not a whole number
	IsText            bool   // then DefaultText counts
	DefaultText       string // "" : required
	Choices           []string
}

// Env is what a generator may use beside its parameters.
type Env struct {
	// Rand is the stream of what is drawn.
	Rand *sim.Rand
	// Open opens a file that a parameter names; nil: there are none.
	Open func(name string) (io.ReadCloser, error)
	// Rate and Delay are what links of files have that do not say; 0 and false: not
	// given.
	Rate     sim.Rate
	HasDelay bool
}

// Values are the parameters of a generator, complete and in range.
type Values struct {
	numbers map[string]float64
	texts   map[string]string
}

func (v *Values) n(name string) int {
	x, ok := v.numbers[name]
	if !ok {
		sim.Bugf("topology parameter %q", name)
	}
	return int(x)
}

func (v *Values) f(name string) float64 {
	x, ok := v.numbers[name]
	if !ok {
		sim.Bugf("topology parameter %q", name)
	}
	return x
}

func (v *Values) text(name string) string { return v.texts[name] }

// Spec is one row of the table of topologies.
type Spec struct {
	Name, Doc string
	// Classes are the kinds of links, outermost first.
	Classes []string
	Params  []Param
	Make    func(v *Values, env *Env) (*Graph, error)
}

// Specs returns the table of topologies. To add one: write it in a file of its own,
// give it a Spec, add a line here and a section in docs/models/topologies.md.
func Specs() []Spec {
	return []Spec{
		parallelSpec,
		dumbbellSpec,
		parkingLotSpec,
		torusSpec,
		oliaASpec,
		oliaBSpec,
		oliaCSpec,
		twoSwitchesSpec,
		treeSpec,
		fatTreeSpec,
		leafSpineSpec,
		vl2Spec,
		bcubeSpec,
		jellyfishSpec,
		norNetSpec,
		graphMLSpec,
		rocketfuelSpec,
	}
}

// Find returns the topology of a name; the error lists the known ones.
func Find(name string) (*Spec, error) {
	var known []string
	for _, s := range Specs() {
		if s.Name == name {
			return &s, nil
		}
		known = append(known, s.Name)
	}
	return nil, fmt.Errorf("unknown topology %q; have %s", name, strings.Join(known, ", "))
}

// Param returns the parameter of a name, or nil.
func (s *Spec) Param(name string) *Param {
	for i := range s.Params {
		if s.Params[i].Name == name {
			return &s.Params[i]
		}
	}
	return nil
}

// Setting is a value of a parameter.
type Setting struct {
	Name   string
	Number float64
	Text   string
	IsText bool
}

// Check reports what is wrong with one value.
func (s *Spec) Check(x *Setting) error {
	p := s.Param(x.Name)
	switch {
	case p == nil:
		return fmt.Errorf("topology %q has no parameter %q", s.Name, x.Name)
	case p.IsText && !x.IsText:
		return fmt.Errorf("%s of topology %q is a text in quotes", x.Name, s.Name)
	case !p.IsText && x.IsText:
		return fmt.Errorf("%s of topology %q is a number, not %q", x.Name, s.Name, x.Text)
	case p.IsText:
		for _, c := range p.Choices {
			if c == x.Text {
				return nil
			}
		}
		if p.Choices != nil {
			return fmt.Errorf("%s cannot be %q; it is one of %s", x.Name, x.Text, strings.Join(p.Choices, ", "))
		}
	case x.Number < p.Min || x.Number > p.Max || x.Number != x.Number:
		return fmt.Errorf("%s is %g; it must lie between %g and %g", x.Name, x.Number, p.Min, p.Max)
	case !p.Fraction && x.Number != float64(int(x.Number)):
		return fmt.Errorf("%s is %g; it must be a whole number", x.Name, x.Number)
	}
	return nil
}

// Generate makes the topology with the given settings and defaults for the rest.
func (s *Spec) Generate(settings []Setting, env *Env) (*Graph, error) {
	v := &Values{numbers: make(map[string]float64), texts: make(map[string]string)}
	for _, p := range s.Params {
		if p.IsText {
			v.texts[p.Name] = p.DefaultText
		} else {
			v.numbers[p.Name] = p.Default
		}
	}
	for i := range settings {
		x := &settings[i]
		if err := s.Check(x); err != nil {
			return nil, err
		}
		if x.IsText {
			v.texts[x.Name] = x.Text
		} else {
			v.numbers[x.Name] = x.Number
		}
	}
	for _, p := range s.Params {
		if p.IsText && v.texts[p.Name] == "" {
			return nil, fmt.Errorf("topology %q needs %s: %s", s.Name, p.Name, p.Doc)
		}
	}
	g, err := s.Make(v, env)
	if err != nil {
		return nil, err
	}
	return g, g.Check()
}
