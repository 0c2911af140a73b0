package scenarios

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// decoder turns a tree into the structs of the schema and notes every problem
// with its place.
type decoder struct {
	problems *problemList
}

// decode reads a whole scenario out of its tree.
func decode(root *table, problems *problemList) *Scenario {
	sc := new(Scenario)
	d := decoder{problems}
	d.table(root, reflect.ValueOf(sc).Elem(), "the scenario")
	return sc
}

// tableSetter is a schema struct that remembers its table.
type tableSetter interface{ setTable(t *table) }

// extraTaker is a schema struct that takes keys which only its checker knows.
type extraTaker interface{ takeExtra(key string, e *entry) }

// table decodes the keys of t into a schema struct; where names the table in
// messages. A nil table leaves the defaults.
func (d *decoder) table(t *table, dst reflect.Value, where string) {
	fields := fieldsOf(dst.Type())
	dst.Addr().Interface().(tableSetter).setTable(t)
	known := make([]string, len(fields))
	for i := range fields {
		known[i] = fields[i].key
	}
	hints := slices.Concat(known, extraKeys(dst.Type()))
	if t != nil {
		for _, key := range t.keys {
			if slices.Contains(known, key) {
				continue
			}
			if x, ok := dst.Addr().Interface().(extraTaker); ok {
				x.takeExtra(key, t.entries[key])
			} else {
				d.problems.add(t.entries[key].pos, "unknown key %q in %s%s", key, where, didYouMean(key, hints))
			}
		}
	}
	for i := range fields {
		f := &fields[i]
		v := dst.FieldByIndex(f.index)
		var e *entry
		if t != nil {
			e = t.get(f.key)
		}
		switch {
		case e != nil:
			d.field(f, e.value, v, where)
		case f.required:
			if t != nil {
				d.problems.add(t.pos, "%s needs %s", where, f.example())
			}
		default:
			d.absent(f, v)
		}
	}
}

// extraKeys are keys that were carried out before decoding.
func extraKeys(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Scenario]():
		return []string{"extends", "include", "paths", "topology", "traffic"}
	case reflect.TypeFor[Node](), reflect.TypeFor[Link](), reflect.TypeFor[Route](), reflect.TypeFor[Flow](), reflect.TypeFor[Action]():
		return []string{"repeat"}
	}
	return nil
}

// defaults fills a schema struct that the file does not have with defaults.
func (d *decoder) defaults(dst tableSetter) { d.table(nil, reflect.ValueOf(dst).Elem(), "") }

// absent sets the default of a key that the file does not give.
func (d *decoder) absent(f *field, v reflect.Value) {
	switch {
	case f.isTable && v.Kind() == reflect.Struct:
		d.table(nil, v, "")
	case f.hasDefault:
		if err := setText(v, f.def); err != nil {
			panic(fmt.Sprintf("default of %s: %v", f.key, err)) // a fault of the schema; its test reads every default
		}
	}
}

// example shows how a required key is written.
func (f *field) example() string {
	if s, ok := reflect.New(f.typ).Interface().(scalar); ok {
		_, text := s.kind()
		return fmt.Sprintf("%s, such as %s = %q", f.key, f.key, text)
	}
	if f.typ.Kind() == reflect.String {
		return fmt.Sprintf("%s = \"...\" (%s)", f.key, f.doc)
	}
	return fmt.Sprintf("%s (%s)", f.key, f.doc)
}

// field decodes the value of one key.
func (d *decoder) field(f *field, x *value, v reflect.Value, where string) {
	switch {
	case f.key == "expect":
		d.expect(x, v.Addr().Interface().(*[]*Expect))
		return
	case f.isTableList:
		d.tables(f, x, v, where)
		return
	case v.Type() == reflect.TypeFor[PluginRef]():
		d.plugin(f, x, v.Addr().Interface().(*PluginRef))
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if f.isTable {
		t, ok := x.data.(*table)
		if !ok {
			d.problems.add(x.pos, "%s is a table [%s], not %s", f.key, f.key, x.describe())
			d.table(nil, v, "")
			return
		}
		d.table(t, v, "["+f.key+"]"+inside(where))
		return
	}
	if list, ok := x.data.([]*value); ok && v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, item := range list {
			d.single(f, item, v.Index(i))
		}
		return
	}
	d.single(f, x, v)
}

// inside says within what a table stands, unless that is the file itself.
func inside(where string) string {
	if where == "the scenario" {
		return ""
	}
	return " of " + where
}

// tables decodes an array of tables.
func (d *decoder) tables(f *field, x *value, v reflect.Value, where string) {
	list, ok := x.data.([]*value)
	if !ok {
		d.problems.add(x.pos, "%s is an array of tables, written [[%s]], not %s", f.key, f.key, x.describe())
		return
	}
	for _, item := range list {
		t, ok := item.data.(*table)
		if !ok {
			d.problems.add(item.pos, "%s is an array of tables; this element is %s", f.key, item.describe())
			continue
		}
		name := "[[" + f.key + "]]"
		if n := elementName(item); n != "" {
			name = fmt.Sprintf("%s %q", f.key, n)
		}
		p := reflect.New(v.Type().Elem().Elem())
		d.table(t, p.Elem(), name+inside(where))
		v.Set(reflect.Append(v, p))
	}
}

// single decodes a value that is neither table nor array.
func (d *decoder) single(f *field, x *value, v reflect.Value) {
	if s, ok := asScalar(v); ok {
		d.scalar(f, x, s, v)
		return
	}
	bad := func(want string) {
		d.problems.add(x.pos, "%s must be %s, not %s", f.key, want, x.describe())
	}
	switch v.Kind() {
	case reflect.String:
		text, ok := x.data.(string)
		if !ok {
			bad("a string in quotes")
			return
		}
		if f.hasEnum && (!slices.Contains(f.enum, text) || text == "") {
			choices := slices.DeleteFunc(slices.Clone(f.enum), func(s string) bool { return s == "" })
			d.problems.add(x.pos, "%s cannot be %q%s", f.key, text, didYouMean(text, choices))
			return
		}
		v.SetString(text)
	case reflect.Bool:
		b, ok := x.data.(bool)
		if !ok {
			bad("true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int:
		n, ok := x.data.(int64)
		if !ok {
			bad("an integer")
			return
		}
		if d.inRange(f, x.pos, float64(n), x.describe()) {
			v.SetInt(n)
		}
	case reflect.Uint64:
		n, ok := x.data.(int64)
		if !ok {
			bad("an integer")
			return
		}
		if n < 0 {
			d.problems.add(x.pos, "%s is %d; it cannot be negative", f.key, n)
			return
		}
		v.SetUint(uint64(n))
	case reflect.Float64:
		n, ok := number(x)
		if !ok {
			bad("a number")
			return
		}
		if d.inRange(f, x.pos, n, x.describe()) {
			v.SetFloat(n)
		}
	default:
		bad("an array")
	}
}

// number returns the finite number that a value holds.
func number(x *value) (float64, bool) {
	switch n := x.data.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}

// inRange checks the bounds of a number.
func (d *decoder) inRange(f *field, at Pos, n float64, what string) bool {
	low, hasLow := bound(f.min)
	high, hasHigh := bound(f.max)
	if (hasLow && n < low) || (hasHigh && n > high) {
		d.problems.add(at, "%s is out of range: %s, must lie between %s and %s", f.key, what, f.min, f.max)
		return false
	}
	return true
}

// scalar decodes a value with a unit.
func (d *decoder) scalar(f *field, x *value, s scalar, v reflect.Value) {
	what, example := s.kind()
	text, ok := x.data.(string)
	if p, isProbability := s.(*Probability); isProbability && !ok {
		if n, isNumber := number(x); isNumber {
			if err := p.fromNumber(n); err != nil {
				d.problems.add(x.pos, "%s: %v", f.key, err)
			}
			return
		}
	}
	if !ok {
		d.problems.add(x.pos, "%s must be a %s in a string with its unit, such as %q, not %s", f.key, what, example, x.describe())
		return
	}
	old := v.Interface()
	if err := s.parse(text); err != nil {
		d.problems.add(x.pos, "%s: %v", f.key, err)
		v.Set(reflect.ValueOf(old))
		return
	}
	if neg, ok := s.(interface{ negative() bool }); ok && neg.negative() {
		d.problems.add(x.pos, "%s is %q; a %s cannot be negative", f.key, text, what)
		v.Set(reflect.ValueOf(old))
		return
	}
	d.scalarRange(f, x.pos, s, v)
}

// scalarRange checks the bounds of a value with a unit; the tags are written
// with units too.
func (d *decoder) scalarRange(f *field, at Pos, s scalar, v reflect.Value) {
	for _, end := range []struct {
		text string
		sign float64
		word string
	}{{f.min, -1, "least"}, {f.max, 1, "most"}} {
		if end.text == "" {
			continue
		}
		limit := reflect.New(v.Type())
		if err := limit.Interface().(scalar).parse(end.text); err != nil {
			panic(fmt.Sprintf("bound of %s: %v", f.key, err)) // a fault of the schema
		}
		if (magnitude(v)-magnitude(limit.Elem()))*end.sign > 0 {
			d.problems.add(at, "%s is %v; it must be at %s %s", f.key, s, end.word, end.text)
		}
	}
}

// magnitude is the number by which scalars of one type compare.
func magnitude(v reflect.Value) float64 {
	switch x := v.Interface().(type) {
	case Duration:
		return float64(x)
	case Bytes:
		if x.Unlimited {
			return math.Inf(1)
		}
		return float64(x.N)
	case Rate:
		if x.Unlimited {
			return math.Inf(1)
		}
		return float64(x.Bits)
	}
	return 0
}

// plugin decodes "name" or { name = "...", parameter = number, ... }.
func (d *decoder) plugin(f *field, x *value, ref *PluginRef) {
	ref.pos = x.pos
	switch data := x.data.(type) {
	case string:
		ref.Name = data
	case *table:
		for _, key := range data.keys {
			e := data.get(key)
			if key == "name" {
				name, ok := e.value.data.(string)
				if !ok {
					d.problems.add(e.value.pos, "the name of a plug-in must be a string, not %s", e.value.describe())
				}
				ref.Name, ref.pos = name, e.value.pos
				continue
			}
			n, ok := number(e.value)
			if text, isText := e.value.data.(string); isText && text != "" {
				ref.Params = append(ref.Params, PluginParam{Name: key, Text: text, pos: e.value.pos})
				continue
			}
			if !ok {
				d.problems.add(e.value.pos, "%s: parameter %s must be a number, not %s", f.key, key, e.value.describe())
				continue
			}
			ref.Params = append(ref.Params, PluginParam{Name: key, Value: n, pos: e.pos})
		}
		if data.get("name") == nil {
			d.problems.add(x.pos, "%s needs a name, as in { name = \"...\" }", f.key)
		}
	default:
		d.problems.add(x.pos, "%s must be a name in quotes or a table { name = \"...\", parameter = 1 }, not %s", f.key, x.describe())
	}
}

// expect decodes the expectations: NAME = "expression" or a list of them.
func (d *decoder) expect(x *value, out *[]*Expect) {
	t, ok := x.data.(*table)
	if !ok {
		d.problems.add(x.pos, "expect is a table [expect] of NAME = \"expression\", not %s", x.describe())
		return
	}
	for _, key := range t.keys {
		v := t.get(key).value
		list, isList := v.data.([]*value)
		if !isList {
			list = []*value{v}
		}
		for _, item := range list {
			text, ok := item.data.(string)
			if !ok || strings.TrimSpace(text) == "" {
				d.problems.add(item.pos, "expectation %s must be an expression in quotes, not %s", key, item.describe())
				continue
			}
			*out = append(*out, &Expect{Name: key, Expr: text, pos: item.pos})
		}
	}
}

// setText sets a value from the text of a default.
func setText(v reflect.Value, text string) error {
	if s, ok := asScalar(v); ok {
		return s.parse(text)
	}
	switch {
	case v.Type() == reflect.TypeFor[PluginRef]():
		v.Set(reflect.ValueOf(PluginRef{Name: text}))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		v.SetBool(text == "true")
	default:
		n, ok := bound(text)
		if !ok {
			return fmt.Errorf("%q is not a number", text)
		}
		switch v.Kind() {
		case reflect.Int:
			v.SetInt(int64(n))
		case reflect.Uint64:
			v.SetUint(uint64(n))
		case reflect.Float64:
			v.SetFloat(n)
		default:
			return fmt.Errorf("no defaults for %v", v.Type())
		}
	}
	return nil
}
