package scenarios

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Value is a value of a TOML text that knows its place, for files that are no
// scenarios but speak of them. The zero Value is nothing.
type Value struct{ v *value }

// KeyValue is an entry of a table.
type KeyValue struct {
	Key   string
	Pos   Pos // of the key
	Value Value
}

// ParseDocument reads TOML text; file is its name in messages. The error is of
// type Problems.
func ParseDocument(file, text string) (Value, error) {
	t, err := parseTree(file, text)
	if err != nil {
		return Value{}, err
	}
	t.pos = Pos{File: file, Line: 1, Col: 1}
	return Value{&value{pos: t.pos, data: t}}, nil
}

// ReadDocument reads a TOML file, or a sweep of the library if no such file exists
// ("sweeps/NAME.toml"). The error is of type Problems.
func ReadDocument(name string) (Value, error) {
	s := source{}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if p := strings.TrimPrefix(name, "scenarios/"); strings.HasPrefix(p, "sweeps/") {
			if _, err := fs.Stat(sweepFiles, p); err == nil {
				s.fsys, name = sweepFiles, p
			}
		}
	}
	text, err := s.read(name)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return Value{}, Problems{{Pos{File: name}, "cannot read the file: " + err.Error()}}
	}
	return ParseDocument(name, text)
}

// Pos returns where the value stands.
func (v Value) Pos() Pos { return v.v.pos }

// Describe names type and content for messages, such as `the integer 5`.
func (v Value) Describe() string { return v.v.describe() }

// Table returns the entries of a table in the order of the file; false: it is none.
func (v Value) Table() ([]KeyValue, bool) {
	if v.v == nil {
		return nil, false
	}
	t, ok := v.v.data.(*table)
	if !ok {
		return nil, false
	}
	out := make([]KeyValue, len(t.keys))
	for i, k := range t.keys {
		out[i] = KeyValue{k, t.entries[k].pos, Value{t.entries[k].value}}
	}
	return out, true
}

// Get returns an entry of a table; false: there is none.
func (v Value) Get(key string) (Value, bool) {
	t, ok := v.v.data.(*table)
	if !ok || t.get(key) == nil {
		return Value{}, false
	}
	return Value{t.get(key).value}, true
}

// List returns the elements of an array; false: it is none.
func (v Value) List() ([]Value, bool) {
	l, ok := v.v.data.([]*value)
	out := make([]Value, len(l))
	for i := range l {
		out[i] = Value{l[i]}
	}
	return out, ok
}

// Text returns a string; false: it is none.
func (v Value) Text() (string, bool) { s, ok := v.v.data.(string); return s, ok }

// Int returns an integer; false: it is none.
func (v Value) Int() (int64, bool) { n, ok := v.v.data.(int64); return n, ok }

// Bool returns a boolean; false: it is none.
func (v Value) Bool() (bool, bool) { b, ok := v.v.data.(bool); return b, ok }

// TOML writes the value on one line.
func (v Value) TOML() string {
	switch d := v.v.data.(type) {
	case string:
		return quote(d)
	case int64:
		return strconv.FormatInt(d, 10)
	case float64:
		if t := trimFloat(d); strings.ContainsAny(t, ".Nn") {
			return t
		}
		return trimFloat(d) + ".0"
	case bool:
		if d {
			return "true"
		}
		return "false"
	case time.Time:
		return d.Format(time.RFC3339Nano)
	case []*value:
		items := make([]string, len(d))
		for i := range d {
			items[i] = Value{d[i]}.TOML()
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *table:
		items := make([]string, len(d.keys))
		for i, k := range d.keys {
			items[i] = key(k) + " = " + Value{d.entries[k].value}.TOML()
		}
		return "{ " + strings.Join(items, ", ") + " }"
	}
	return `""`
}

// Suggest returns what to say after an unknown name: `; did you mean "x"?`, or
// which names are known.
func Suggest(written string, known []string) string { return didYouMean(written, known) }
