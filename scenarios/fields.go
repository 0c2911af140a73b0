package scenarios

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// scalar is a value that a scenario file writes as a string with a unit.
type scalar interface {
	parse(text string) error
	String() string
	kind() (what, example string)
}

// field is one key of the schema.
type field struct {
	key         string
	typ         reflect.Type
	index       []int // for reflect.Value.FieldByIndex
	doc         string
	def         string
	hasDefault  bool
	required    bool
	min, max    string
	enum        []string
	hasEnum     bool
	isTable     bool // a sub-table
	isTableList bool // an array of tables
}

// fieldsOf returns the keys of a schema struct in the order of declaration. They are
// read from the tags once; nobody may change them.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldsRead.Load(t); ok {
		return known.([]field)
	}
	out := readFields(t)
	fieldsRead.Store(t, out)
	return out
}

// fieldsRead holds what fieldsOf has read, by type: many scenarios may be loaded at
// once.
var fieldsRead sync.Map

func readFields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("toml")
		if key == "" {
			if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Name != "meta" {
				for _, sub := range fieldsOf(f.Type) {
					sub.index = append([]int{i}, sub.index...)
					out = append(out, sub)
				}
			}
			continue
		}
		x := field{
			key: key, typ: f.Type, index: []int{i},
			doc: f.Tag.Get("doc"), required: f.Tag.Get("required") == "true",
			min: f.Tag.Get("min"), max: f.Tag.Get("max"),
		}
		x.def, x.hasDefault = f.Tag.Lookup("default")
		if e, ok := f.Tag.Lookup("enum"); ok {
			x.enum, x.hasEnum = strings.Split(e, ","), true
		}
		x.isTable = isSchemaStruct(f.Type)
		x.isTableList = f.Type.Kind() == reflect.Slice && isSchemaStruct(f.Type.Elem())
		out = append(out, x)
	}
	return out
}

// isSchemaStruct reports whether a type (or what it points to) is decoded from
// a table of known keys.
func isSchemaStruct(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	m, ok := t.FieldByName("meta")
	return ok && m.Type == reflect.TypeFor[meta]()
}

// asScalar returns the value behind v as a scalar, if its type is one.
func asScalar(v reflect.Value) (scalar, bool) {
	s, ok := v.Addr().Interface().(scalar)
	return s, ok
}

// typeName names the type of a key for the reference.
func (f *field) typeName() string {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[PluginRef]():
		return "plug-in"
	case f.isTable:
		return "table"
	case f.isTableList:
		return "tables"
	}
	if s, ok := reflect.New(t).Interface().(scalar); ok {
		what, _ := s.kind()
		return what
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Int {
			return "integers"
		}
		return "strings"
	case reflect.Int, reflect.Uint64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	}
	return "string"
}

// bound parses the min or max tag of a numeric field.
func bound(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil && text != ""
}
