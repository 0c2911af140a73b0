package script

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"mpsim/cc"
	"mpsim/sim"
)

// This file holds the names that every script finds: param, state, now_ns, math,
// random. Universal names are Starlark's own.

// predeclared returns the environment of a run; nil gives only its names.
func predeclared(r *run) starlark.StringDict {
	env := starlark.StringDict{"math": mathModule, "state": starlark.NewBuiltin("state", newState)}
	for name, fn := range map[string]func(*run, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error){
		"param": (*run).param, "now_ns": (*run).nowNS, "rules": (*run).choose, "grant": (*run).grant, "wait": (*run).wait,
	} {
		env[name] = starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return fn(r, b, args, kwargs)
		})
	}
	env["random"] = newRandom(r)
	return env
}

// param declares a parameter and returns its value in this run:
// param(name, default, doc="", min=, max=, whole=False).
func (r *run) param(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if r.started {
		return nil, errors.New("parameters are declared at the top level of the file")
	}
	var p cc.Param
	var def, lo, hi starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "name", &p.Name, "default", &def, "doc?", &p.Doc, "min?", &lo, "max?", &hi, "whole?", &p.Whole); err != nil {
		return nil, err
	}
	p.Min, p.Max = -math.MaxFloat64, math.MaxFloat64
	for _, x := range []struct {
		v   starlark.Value
		out *float64
	}{{def, &p.Default}, {lo, &p.Min}, {hi, &p.Max}} {
		if x.v == nil {
			continue
		}
		n, ok := starlark.AsFloat(x.v)
		if !ok || math.IsNaN(n) {
			return nil, fmt.Errorf("default, min and max are numbers, not %s", x.v.Type())
		}
		*x.out = n
	}
	switch {
	case p.Name == "" || p.Name == "name":
		return nil, fmt.Errorf("a parameter cannot be named %q", p.Name)
	case slices.ContainsFunc(r.declared, func(q cc.Param) bool { return q.Name == p.Name }):
		return nil, fmt.Errorf("parameter %q is declared twice", p.Name)
	case p.Default < p.Min || p.Default > p.Max:
		return nil, fmt.Errorf("the default of %q, %v, must lie between %v and %v", p.Name, p.Default, p.Min, p.Max)
	case p.Whole && p.Default != math.Trunc(p.Default):
		return nil, fmt.Errorf("the default of %q, %v, must be a whole number", p.Name, p.Default)
	}
	value := p.Default
	if i := len(r.declared); r.settings != nil {
		if i >= len(r.settings) || r.file.Params[i].Name != p.Name {
			return nil, fmt.Errorf("parameter %q is not declared in every run of the file", p.Name)
		}
		value = r.settings[i]
	}
	r.declared = append(r.declared, p)
	if p.Whole {
		return starlark.NumberToInt(starlark.Float(value))
	}
	return starlark.Float(value), nil
}

// nowNS returns the time of the call in nanoseconds since the start of the run.
func (r *run) nowNS(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0); err != nil {
		return nil, err
	}
	return starlark.MakeInt64(int64(r.now)), nil
}

// record is a value with named fields: what state(a=1, b=2) makes, or a row of the
// simulator's that does not change.
type record struct {
	kind   string // as its type is named
	names  []string
	values []starlark.Value
	frozen bool
}

func newState(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("%s takes named arguments only", b.Name())
	}
	s := &record{kind: b.Name()}
	for _, kv := range kwargs {
		s.names, s.values = append(s.names, string(kv[0].(starlark.String))), append(s.values, kv[1])
	}
	return s, nil
}

func (s *record) String() string {
	return fmt.Sprintf("<%s of %s>", s.kind, strings.Join(s.names, ", "))
}
func (s *record) Type() string          { return s.kind }
func (s *record) Truth() starlark.Bool  { return true }
func (s *record) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", s.kind) }
func (s *record) AttrNames() []string   { return s.names }
func (s *record) Freeze() {
	s.frozen = true
	for _, v := range s.values {
		v.Freeze()
	}
}

func (s *record) Attr(name string) (starlark.Value, error) {
	for i, n := range s.names {
		if n == name {
			return s.values[i], nil
		}
	}
	return nil, nil
}

func (s *record) SetField(name string, v starlark.Value) error {
	if s.frozen {
		return fmt.Errorf("the fields of a %s cannot be set", s.kind)
	}
	for i, n := range s.names {
		if n == name {
			s.values[i] = v
			return nil
		}
	}
	s.names, s.values = append(s.names, name), append(s.values, v)
	return nil
}

// module is a value with fields that do not change.
type module struct {
	name    string
	members starlark.StringDict
}

func (m *module) String() string                           { return "<module " + m.name + ">" }
func (m *module) Type() string                             { return "module" }
func (m *module) Truth() starlark.Bool                     { return true }
func (m *module) Hash() (uint32, error)                    { return 0, errors.New("unhashable type: module") }
func (m *module) Freeze()                                  {}
func (m *module) Attr(name string) (starlark.Value, error) { return m.members[name], nil }
func (m *module) AttrNames() []string                      { return m.members.Keys() }

// mathModule has the simulator's functions, whose bits are equal on all machines.
var mathModule = &module{"math", starlark.StringDict{
	"sqrt":  unary("sqrt", 0, sim.Sqrt),
	"log":   unary("log", 0, sim.Log),
	"exp":   unary("exp", math.Inf(-1), sim.Exp),
	"cbrt":  unary("cbrt", math.Inf(-1), sim.Cbrt),
	"floor": whole("floor", math.Floor),
	"ceil":  whole("ceil", math.Ceil),
	"pow":   starlark.NewBuiltin("pow", mathPow),
	"inf":   starlark.Float(math.Inf(1)),
}}

func unary(name string, least float64, fn func(float64) float64) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		x, err := oneFloat(b, args, kwargs)
		if err != nil {
			return nil, err
		}
		if x < least {
			return nil, fmt.Errorf("%s(%v): not defined", name, x)
		}
		return starlark.Float(fn(x)), nil
	})
}

func whole(name string, fn func(float64) float64) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		x, err := oneFloat(b, args, kwargs)
		if err != nil {
			return nil, err
		}
		return starlark.NumberToInt(starlark.Float(fn(x)))
	})
}

func oneFloat(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (float64, error) {
	if len(args) != 1 || len(kwargs) > 0 {
		return 0, fmt.Errorf("%s takes one number", b.Name())
	}
	x, ok := starlark.AsFloat(args[0])
	if !ok {
		return 0, fmt.Errorf("%s takes a number, not a %s", b.Name(), args[0].Type())
	}
	return x, nil
}

func mathPow(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var x, y starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 2, &x, &y); err != nil {
		return nil, err
	}
	base, ok := starlark.AsFloat(x)
	exponent, ok2 := starlark.AsFloat(y)
	if !ok || !ok2 || base <= 0 {
		return nil, errors.New("pow takes a positive base and an exponent")
	}
	return starlark.Float(sim.Pow(base, exponent)), nil
}

// newRandom returns the module that draws from the stream of the connection.
func newRandom(r *run) *module {
	draw := func(name string, fn func(rnd *sim.Rand) float64) *starlark.Builtin {
		return starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 0); err != nil {
				return nil, err
			}
			return starlark.Float(fn(r.rnd)), nil
		})
	}
	return &module{"random", starlark.StringDict{
		"uniform":     draw("uniform", (*sim.Rand).Float64),
		"exponential": draw("exponential", (*sim.Rand).Exp),
		"normal":      draw("normal", (*sim.Rand).Normal),
		"below": starlark.NewBuiltin("below", func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var n int64
			if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &n); err != nil {
				return nil, err
			}
			if n <= 0 {
				return nil, fmt.Errorf("%s(%d): there is no such number", b.Name(), n)
			}
			return starlark.MakeInt64(int64(r.rnd.IntN(uint64(n)))), nil
		}),
	}}
}
