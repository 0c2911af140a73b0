package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// value is one TOML value with its place. data is a string, int64, float64,
// bool, time.Time, *table or []*value.
type value struct {
	pos  Pos
	data any
}

// table is a TOML table with its keys in the order of the file.
type table struct {
	pos     Pos
	keys    []string
	entries map[string]*entry
}

type entry struct {
	pos   Pos // of the key
	value *value
}

func newTable(pos Pos) *table { return &table{pos: pos, entries: make(map[string]*entry)} }

func (t *table) get(key string) *entry { return t.entries[key] }

func (t *table) set(key string, e *entry) {
	if t.entries[key] == nil {
		t.keys = append(t.keys, key)
	}
	t.entries[key] = e
}

func (t *table) remove(key string) {
	if t.entries[key] != nil {
		delete(t.entries, key)
		t.keys = slices.DeleteFunc(t.keys, func(k string) bool { return k == key })
	}
}

// keyPos returns where a key stands, or where the table begins if it is absent.
func (t *table) keyPos(key string) Pos {
	if e := t.entries[key]; e != nil {
		return e.pos
	}
	return t.pos
}

// valuePos returns where the value of a key stands, or where the table begins.
func (t *table) valuePos(key string) Pos {
	if e := t.entries[key]; e != nil {
		return e.value.pos
	}
	return t.pos
}

// parseTree reads TOML text into a tree with places.
func parseTree(file, text string) (*table, error) {
	var m map[string]any
	if _, err := toml.Decode(text, &m); err != nil {
		var pe toml.ParseError
		if !errors.As(err, &pe) {
			return nil, Problems{{Pos{File: file, Line: 1, Col: 1}, err.Error()}}
		}
		return nil, Problems{{syntaxPos(file, text, pe), pe.Message}}
	}
	b := treeBuilder{file}
	return b.table(m, scanPlaces(text), Pos{file, 1, 1}), nil
}

// syntaxPos corrects the place of a syntax error: the library's column may lie
// behind the end of the line, or a line below.
func syntaxPos(file, text string, pe toml.ParseError) Pos {
	lines := strings.Split(text, "\n")
	line := min(max(pe.Position.Line, 1), len(lines))
	col := min(max(pe.Position.Col, 1), len([]rune(lines[line-1]))+1)
	if strings.Contains(pe.Message, "already been defined") { // the key is meant
		text := lines[line-1]
		col = 1 + len(text) - len(strings.TrimLeft(text, " \t["))
	}
	return Pos{file, line, col}
}

type treeBuilder struct{ file string }

func (b *treeBuilder) pos(at lineCol, outer Pos) Pos {
	if at.line == 0 {
		return outer
	}
	return Pos{b.file, at.line, at.col}
}

func (b *treeBuilder) table(m map[string]any, p *place, outer Pos) *table {
	t := newTable(outer)
	for key := range m {
		t.keys = append(t.keys, key)
	}
	where := func(key string) lineCol {
		if c := p.children[key]; c != nil {
			return c.key
		}
		return lineCol{}
	}
	slices.SortFunc(t.keys, func(x, y string) int {
		a, c := where(x), where(y)
		if a.line != c.line {
			return a.line - c.line
		}
		if a.col != c.col {
			return a.col - c.col
		}
		return strings.Compare(x, y)
	})
	for _, key := range t.keys {
		c := p.children[key]
		if c == nil {
			c = new(place)
		}
		t.entries[key] = &entry{b.pos(c.key, outer), b.value(m[key], c, outer)}
	}
	return t
}

func (b *treeBuilder) value(data any, p *place, outer Pos) *value {
	v := &value{pos: b.pos(p.value, outer)}
	item := func(i int) *place {
		if i < len(p.items) {
			return p.items[i]
		}
		return new(place)
	}
	switch d := data.(type) {
	case map[string]any:
		v.data = b.table(d, p, v.pos)
	case []map[string]any:
		list := make([]*value, len(d))
		for i := range d {
			list[i] = b.value(d[i], item(i), v.pos)
		}
		v.data = list
	case []any:
		list := make([]*value, len(d))
		for i := range d {
			list[i] = b.value(d[i], item(i), v.pos)
		}
		v.data = list
	default:
		v.data = data
	}
	return v
}

// describe names the type and content of a value for messages.
func (v *value) describe() string {
	switch d := v.data.(type) {
	case string:
		return fmt.Sprintf("the string %q", d)
	case int64:
		return fmt.Sprintf("the integer %d", d)
	case float64:
		return fmt.Sprintf("the number %g", d)
	case bool:
		return fmt.Sprintf("the boolean %t", d)
	case *table:
		return "a table"
	case []*value:
		return "an array"
	}
	return "a date"
}

// merge lays t over base: tables are merged key by key, entries of arrays of
// tables are merged by their name and appended if new, everything else is
// replaced.
func merge(base, t *table) *table {
	out := newTable(t.pos)
	for _, k := range base.keys {
		out.set(k, base.entries[k])
	}
	for _, k := range t.keys {
		over := t.entries[k]
		under := out.entries[k]
		if under != nil {
			over = &entry{over.pos, mergeValue(under.value, over.value)}
		}
		out.set(k, over)
	}
	return out
}

func mergeValue(base, over *value) *value {
	switch o := over.data.(type) {
	case *table:
		if b, ok := base.data.(*table); ok {
			return &value{pos: over.pos, data: merge(b, o)}
		}
	case []*value:
		if b, ok := base.data.([]*value); ok && named(b) && named(o) {
			return &value{pos: over.pos, data: mergeNamed(b, o)}
		}
	}
	return over
}

// named reports whether every element is a table with a name.
func named(list []*value) bool {
	for _, v := range list {
		if elementName(v) == "" {
			return false
		}
	}
	return len(list) > 0
}

// elementName returns the name of an element of an array of tables, or "".
func elementName(v *value) string {
	t, ok := v.data.(*table)
	if !ok || t.get("name") == nil {
		return ""
	}
	name, _ := t.get("name").value.data.(string)
	return name
}

func mergeNamed(base, over []*value) []*value {
	out := slices.Clone(base)
	for _, o := range over {
		i := slices.IndexFunc(out, func(b *value) bool { return elementName(b) == elementName(o) })
		if i < 0 {
			out = append(out, o)
			continue
		}
		out[i] = mergeValue(out[i], o)
	}
	return out
}
