package scenarios

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// WriteResolved writes the scenario as it runs: one file without extends,
// overrides, paths, repeat or open defaults. Loading it gives the same run.
func (sc *Scenario) WriteResolved(w io.Writer) error {
	e := encoder{w: w}
	e.line("# The scenario with every default spelled out. Written by mpsim; loading it gives the same run.")
	e.table(reflect.ValueOf(sc.resolved()).Elem(), "")
	if len(sc.Expect) > 0 {
		e.line("")
		e.line("[expect]")
		e.expect(sc.Expect)
	}
	return e.err
}

// resolved returns a copy in which the interfaces and addresses of the plan are
// spelled out.
func (sc *Scenario) resolved() *Scenario {
	out := *sc
	out.Nodes = nil
	for _, n := range sc.plan.nodes {
		node := *n.decl
		node.Interfaces = nil
		source := n.source
		node.SourceRouting = &source
		for _, i := range n.ifaces {
			x := new(Interface)
			if i.decl != nil {
				*x = *i.decl
			}
			x.Name, x.Addresses = i.name, make([]string, len(i.addrs))
			for k, a := range i.addrs {
				x.Addresses[k] = a.String()
			}
			node.Interfaces = append(node.Interfaces, x)
		}
		out.Nodes = append(out.Nodes, &node)
	}
	out.Links = nil
	for _, l := range sc.Links {
		link := *l
		link.Direction = Direction{} // both directions are spelled out
		for _, d := range []**Direction{&link.Up, &link.Down} {
			dir := **d
			if l.Profile.Name != "" {
				dir.Rate = nil // the profile's
			}
			*d = &dir
		}
		out.Links = append(out.Links, &link)
	}
	return &out
}

// keySkipper is a schema struct some of whose keys have no meaning beside
// others.
type keySkipper interface{ skips(key string) bool }

func (f *Flow) skips(key string) bool {
	return f.converses() && (key == "size" || key == "direction")
}

func (a *Action) skips(key string) bool {
	for _, s := range actionSpecs {
		if s.name == a.Action {
			return !slices.Contains(alwaysKeys, key) && !slices.Contains(s.keys, key)
		}
	}
	return false
}

// extraWriter is a schema struct with keys that only its checker knows.
type extraWriter interface {
	writeExtra(line func(format string, args ...any))
}

type encoder struct {
	w   io.Writer
	err error
}

func (e *encoder) line(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format+"\n", args...)
	}
}

// table writes the keys of a schema struct: values first, then tables.
func (e *encoder) table(v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	skipper, _ := v.Addr().Interface().(keySkipper)
	for i := range fields {
		f := &fields[i]
		if f.isTable || f.isTableList || f.key == "expect" || (skipper != nil && skipper.skips(f.key)) {
			continue
		}
		if text, ok := encodeValue(v.FieldByIndex(f.index)); ok {
			e.line("%s = %s", f.key, text)
		}
	}
	if x, ok := v.Addr().Interface().(extraWriter); ok {
		x.writeExtra(e.line)
	}
	for i := range fields {
		f := &fields[i]
		x := v.FieldByIndex(f.index)
		name := f.key
		if path != "" {
			name = path + "." + f.key
		}
		switch {
		case f.isTableList:
			for k := range x.Len() {
				e.line("")
				e.line("[[%s]]", name)
				e.table(x.Index(k).Elem(), name)
			}
		case f.isTable:
			if x.Kind() == reflect.Pointer {
				if x.IsNil() {
					continue
				}
				x = x.Elem()
			}
			if b, ok := x.Addr().Interface().(*Baseline); ok && !b.given() {
				continue
			}
			e.line("")
			e.line("[%s]", name)
			e.table(x, name)
		}
	}
}

// encodeValue writes one value; nil pointers and empty names of plug-ins are
// left out.
func encodeValue(v reflect.Value) (string, bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case PluginRef:
		return encodePlugin(x)
	case Probability:
		return x.String(), true
	case fmt.Stringer:
		return strconv.Quote(x.String()), true
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String()), v.String() != ""
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float64:
		return trimFloat(v.Float()), true
	case reflect.Slice:
		if v.IsNil() {
			return "", false
		}
		items := make([]string, v.Len())
		for i := range items {
			items[i], _ = encodeValue(v.Index(i))
			if v.Index(i).Kind() == reflect.String {
				items[i] = quote(v.Index(i).String())
			}
		}
		return "[" + strings.Join(items, ", ") + "]", true
	}
	return "", false
}

func encodePlugin(p PluginRef) (string, bool) {
	if p.Name == "" {
		return "", false
	}
	if len(p.Params) == 0 {
		return quote(p.Name), true
	}
	parts := []string{"name = " + quote(p.Name)}
	for _, q := range p.Params {
		if q.Text != "" {
			parts = append(parts, key(q.Name)+" = "+quote(q.Text))
			continue
		}
		parts = append(parts, key(q.Name)+" = "+trimFloat(q.Value))
	}
	return "{ " + strings.Join(parts, ", ") + " }", true
}

// expect writes the expectations; those that share a name are a list.
func (e *encoder) expect(list []*Expect) {
	for i := 0; i < len(list); {
		k := i
		var texts []string
		for ; k < len(list) && list[k].Name == list[i].Name; k++ {
			texts = append(texts, quote(list[k].Expr))
		}
		if len(texts) == 1 {
			e.line("%s = %s", key(list[i].Name), texts[0])
		} else {
			e.line("%s = [%s]", key(list[i].Name), strings.Join(texts, ", "))
		}
		i = k
	}
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func key(name string) string {
	if bareKey.MatchString(name) {
		return name
	}
	return quote(name)
}

// quote writes a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
