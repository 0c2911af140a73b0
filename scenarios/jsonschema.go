package scenarios

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"mpsim/cc"
	"mpsim/net/aqm"
	"mpsim/net/topo"
)

// The JSON Schema of scenario files, for editors that complete and check them, and for
// programs that write them. It is made from the tags of the schema and the tables of
// plug-ins, as the reference is.
//
// It says less than the loader: ranges of quantities with units, names that refer to
// other entries, expressions, and what excludes what are in the descriptions at most. A
// file that extends another, or whose nodes and links come from paths or a topology,
// may leave out keys that the rest of it gives.

// jsonObject is an object of a JSON Schema; its keys are printed in their order.
type jsonObject = map[string]any

// JSONSchema returns the schema of scenario files for draft 2020-12, with the plug-ins of
// the given tables (nil: the built-in ones). Tables are in $defs by name of their type.
func JSONSchema(p *Plugins) ([]byte, error) {
	w := schemaWriter{plugins: p.orBuiltin(), defs: jsonObject{}}
	root := w.object(reflect.TypeFor[Scenario](), false)
	properties := root["properties"].(jsonObject)
	properties["extends"] = jsonObject{"type": "string", "description": "file that this one is laid over, relative to its own directory"}
	properties["include"] = jsonObject{
		"type": []string{"string", "array"}, "items": jsonObject{"type": "string"},
		"description": "file or files whose keys lie below those of this one and above those of extends, relative to its own directory",
	}
	properties["paths"] = jsonObject{
		"type": "array", "items": jsonObject{"type": "string"},
		"description": "short form: nodes client and server and one link for each line \"NAME DELAY QUEUE RATE [LOSS]\"",
	}
	properties["topology"] = w.topology()
	properties["traffic"] = jsonObject{"type": "array", "items": w.traffic()}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "mpsim scenario"
	root["$defs"] = w.defs
	has := func(keys ...string) jsonObject {
		var any []jsonObject
		for _, k := range keys {
			any = append(any, jsonObject{"required": []string{k}})
		}
		return jsonObject{"anyOf": any}
	}
	rest, graph := needs(reflect.TypeFor[Scenario]()), jsonObject{}
	inner := rest["properties"].(jsonObject)
	for _, key := range []string{"node", "link"} {
		graph[key] = inner[key]
		delete(inner, key)
	}
	inner["topology"] = jsonObject{"required": []string{"kind"}}
	root["allOf"] = []jsonObject{
		{"if": has("extends", "include"), "else": rest},
		{"if": has("extends", "include", "paths", "topology"), "else": jsonObject{"properties": graph}},
	}
	return json.MarshalIndent(root, "", " ")
}

// schemaWriter makes the schemas of tables.
type schemaWriter struct {
	plugins *Plugins
	defs    jsonObject
}

// ref returns a reference to the schema of a table, which it makes if need be.
func (w *schemaWriter) ref(t reflect.Type, repeated bool) jsonObject {
	name := t.Name()
	if w.defs[name] == nil {
		w.defs[name] = jsonObject{} // while it is being made
		w.defs[name] = w.object(t, repeated)
	}
	return jsonObject{"$ref": "#/$defs/" + name}
}

// object returns the schema of a table without what it requires. In one that can be
// repeated, or is part of one, the number of the copy may stand in strings.
func (w *schemaWriter) object(t reflect.Type, repeated bool) jsonObject {
	properties := jsonObject{}
	if slices.Contains(extraKeys(t), "repeat") {
		repeated = true
		properties["repeat"] = jsonObject{
			"type": "integer", "minimum": 1, "maximum": maxRepeat,
			"description": "this many copies of the entry; {i} in strings is 0, 1, ...",
		}
	}
	fields := fieldsOf(t)
	for i := range fields {
		properties[fields[i].key] = w.field(t, &fields[i], repeated)
	}
	if t == reflect.TypeFor[Box]() {
		for _, s := range boxSpecs() {
			for i := range s.Params {
				p := &s.Params[i]
				if _, known := properties[p.Name]; !known { // types share names with different meanings
					properties[p.Name] = jsonObject{"type": []string{"string", "number", "boolean", "array"}, "description": "key of some types of boxes"}
				}
			}
		}
	}
	return jsonObject{"type": "object", "properties": properties, "additionalProperties": false}
}

// field returns the schema of one key.
func (w *schemaWriter) field(of reflect.Type, f *field, repeated bool) (out jsonObject) {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case f.key == "expect":
		text := jsonObject{"type": "string", "pattern": "[^\\s]"}
		out = jsonObject{"type": "object", "additionalProperties": jsonObject{"anyOf": []jsonObject{text, {"type": "array", "items": text}}}}
	case f.isTableList:
		return jsonObject{"type": "array", "items": w.ref(t.Elem().Elem(), repeated)}
	case f.isTable:
		return w.ref(t, repeated)
	case t == reflect.TypeFor[PluginRef]():
		out = w.plugin(of, f.key, repeated)
	case t.Kind() == reflect.Slice:
		out = jsonObject{"type": "array", "items": w.single(f, t.Elem(), repeated)}
	default:
		out = w.single(f, t, repeated)
	}
	if f.doc != "" {
		out["description"] = f.doc
	}
	if f.hasDefault && f.def != "" && t.Kind() != reflect.Slice {
		out["default"] = defaultValue(t, f.def)
	}
	return out
}

// single returns the schema of a value that is neither table nor array.
func (w *schemaWriter) single(f *field, t reflect.Type, repeated bool) jsonObject {
	if _, ok := reflect.New(t).Interface().(scalar); ok {
		return scalarSchema(t, repeated)
	}
	switch t.Kind() {
	case reflect.Bool:
		return jsonObject{"type": "boolean"}
	case reflect.Int, reflect.Uint64, reflect.Float64:
		out := jsonObject{"type": "integer"}
		if t.Kind() == reflect.Float64 {
			out["type"] = "number"
		}
		if low, ok := bound(f.min); ok {
			out["minimum"] = low
		} else if t.Kind() == reflect.Uint64 {
			out["minimum"] = 0
		}
		if high, ok := bound(f.max); ok {
			out["maximum"] = high
		}
		return out
	}
	switch {
	case f.hasEnum:
		return jsonObject{"enum": slices.DeleteFunc(slices.Clone(f.enum), func(s string) bool { return s == "" })}
	case f.key == "profile":
		return jsonObject{"enum": profileNames()}
	case f.key == "preset":
		var names []string
		for _, p := range Presets() {
			names = append(names, p.Name)
		}
		return jsonObject{"enum": names}
	}
	return jsonObject{"type": "string"}
}

// defaultValue is a default as JSON has it.
func defaultValue(t reflect.Type, text string) any {
	switch t.Kind() {
	case reflect.Bool:
		return text == "true"
	case reflect.Int, reflect.Uint64, reflect.Float64:
		if n, ok := bound(text); ok {
			return n
		}
	}
	return text
}

// decimal is the pattern of a number that is not negative.
const decimal = `([0-9]+(\.[0-9]*)?|\.[0-9]+)`

// scalarSchema returns the schema of a quantity with a unit.
func scalarSchema(t reflect.Type, repeated bool) jsonObject {
	with := func(units []unit, words ...string) string {
		names := unitNames(units)
		pattern := `\s*` + decimal + `\s*(` + strings.Join(names, "|") + `)\s*`
		if len(words) > 0 {
			pattern += "|" + strings.Join(words, "|")
		}
		return pattern
	}
	bdp, packets := unit{"bdp", 1}, unit{"pkt", 1}
	var pattern string
	switch t {
	case reflect.TypeFor[Rate]():
		pattern = with(rateUnits, "unlimited")
	case reflect.TypeFor[Duration]():
		pattern = with(timeUnits)
	case reflect.TypeFor[Bytes]():
		pattern = with(byteUnits, "unlimited")
	case reflect.TypeFor[Buffer]():
		pattern = with(append([]unit{bdp}, byteUnits...), "auto")
	case reflect.TypeFor[Queue]():
		pattern = with(append([]unit{bdp, packets}, byteUnits...), "unlimited")
	case reflect.TypeFor[Distribution]():
		span := `\s+` + decimal + `(` + strings.Join(unitNames(timeUnits), "|") + `)`
		pattern = `\s*((constant|exponential)` + span + `|uniform` + span + span + `)\s*`
	case reflect.TypeFor[Probability]():
		text := jsonObject{"type": "string", "pattern": wholeText(`\s*`+decimal+`\s*%?\s*`, repeated)}
		return jsonObject{"anyOf": []jsonObject{{"type": "number", "minimum": 0, "maximum": 1}, text}}
	default:
		return jsonObject{"type": "string"}
	}
	return jsonObject{"type": "string", "pattern": wholeText(pattern, repeated)}
}

// wholeText is a pattern for all of a text, or for one with the number of a copy in it.
func wholeText(pattern string, repeated bool) string {
	pattern = "^(" + pattern + ")$"
	if repeated {
		pattern += `|\{i`
	}
	return pattern
}

// plugin returns the schema of a name of a plug-in, with or without parameters.
func (w *schemaWriter) plugin(of reflect.Type, key string, repeated bool) jsonObject {
	name := key
	if of == reflect.TypeFor[Link]() && key == "profile" {
		name = "link_profile"
	} else if key == "tcp_cc" {
		name = "cc"
	}
	if w.defs[name] == nil {
		var kind pluginKind
		scripts := true
		switch name {
		case "cc":
			kind = w.plugins.ccKind()
		case "scheduler":
			kind = w.plugins.schedulerKind()
		case "path_manager":
			kind = w.plugins.pathManagerKind()
		case "link_profile":
			kind, scripts = linkProfileKind(), false
		case "aqm":
			scripts = false
		}
		forms := pluginForms(&kind)
		if name == "aqm" {
			forms = aqmForms()
		}
		if scripts {
			forms = append(forms, jsonObject{"type": "string", "pattern": `^file:.*\.star$`}, jsonObject{
				"type": "object", "required": []string{"name"},
				"properties":           jsonObject{"name": jsonObject{"type": "string", "pattern": `^file:.*\.star$`}},
				"additionalProperties": jsonObject{"type": []string{"number", "string"}},
			})
		}
		w.defs[name] = jsonObject{"anyOf": forms}
	}
	return jsonObject{"$ref": "#/$defs/" + name}
}

// pluginForms are the names of a table, and for each plug-in the table of its parameters.
func pluginForms(k *pluginKind) []jsonObject {
	forms := []jsonObject{{"enum": k.names}}
	for i, name := range k.names {
		properties := jsonObject{"name": jsonObject{"const": name}}
		for _, p := range k.params[i] {
			properties[p.Name] = paramSchema(&p)
		}
		forms = append(forms, tableForm(properties))
	}
	return forms
}

// tableForm is { name = "...", ... }.
func tableForm(properties jsonObject) jsonObject {
	return jsonObject{"type": "object", "required": []string{"name"}, "properties": properties, "additionalProperties": false}
}

// paramSchema returns the schema of a parameter of a plug-in.
func paramSchema(p *cc.Param) jsonObject {
	out := jsonObject{"type": "number", "minimum": p.Min, "maximum": p.Max, "default": p.Default}
	if p.Whole {
		out["type"] = "integer"
	}
	if p.Names != nil {
		out = jsonObject{"anyOf": []jsonObject{out, {"enum": p.Names}}}
	}
	out["description"] = p.Doc
	return out
}

// aqmForms are those of queue disciplines, whose parameters may have units.
func aqmForms() []jsonObject {
	var names []string
	var tables []jsonObject
	for _, s := range aqm.Specs() {
		names = append(names, s.Name)
		properties := jsonObject{"name": jsonObject{"const": s.Name}}
		for i := range s.Params {
			p := &s.Params[i]
			q := jsonObject{"type": []string{"number", "string"}}
			if p.Kind == aqm.Choice {
				q = jsonObject{"enum": p.Choices}
			}
			q["description"] = p.Doc
			properties[p.Name] = q
		}
		tables = append(tables, tableForm(properties))
	}
	return append([]jsonObject{{"enum": names}}, tables...)
}

// topology returns the schema of [topology], of one kind at a time.
func (w *schemaWriter) topology() jsonObject {
	links := jsonObject{}
	fields := fieldsOf(reflect.TypeFor[Link]())
	for i := range fields {
		if f := &fields[i]; !slices.Contains([]string{"name", "a", "b", "box"}, f.key) {
			links[f.key] = w.field(reflect.TypeFor[Link](), f, false)
		}
	}
	w.defs["links"] = jsonObject{"type": "object", "properties": links, "additionalProperties": false}
	var forms []jsonObject
	for _, s := range topo.Specs() {
		properties := jsonObject{"kind": jsonObject{"const": s.Name}}
		for k := range links {
			properties[k] = jsonObject{"$ref": "#/$defs/links/properties/" + k}
		}
		for _, c := range s.Classes {
			properties[c] = jsonObject{"$ref": "#/$defs/links"}
		}
		for i := range s.Params {
			p := &s.Params[i]
			q := jsonObject{"type": "number", "minimum": p.Min, "maximum": p.Max, "default": p.Default}
			switch {
			case p.IsText && p.Choices != nil:
				q = jsonObject{"enum": p.Choices, "default": p.DefaultText}
			case p.IsText:
				q = jsonObject{"type": "string"}
			}
			q["description"] = p.Doc
			properties[p.Name] = q
		}
		forms = append(forms, jsonObject{"type": "object", "properties": properties, "additionalProperties": false})
	}
	return jsonObject{"anyOf": forms}
}

// traffic returns the schema of an entry of [[traffic]], which has the keys of flows, too.
func (w *schemaWriter) traffic() jsonObject {
	out := w.object(reflect.TypeFor[Traffic](), false)
	properties := out["properties"].(jsonObject)
	fields := fieldsOf(reflect.TypeFor[Flow]())
	for i := range fields {
		if k := fields[i].key; properties[k] == nil {
			properties[k] = jsonObject{"$ref": "#/$defs/Flow/properties/" + k}
		}
	}
	out["required"] = []string{"name", "pattern"}
	return out
}

// needs returns the schema of what a table and those within it require; nil: nothing.
func needs(t reflect.Type) jsonObject {
	var required []string
	properties := jsonObject{}
	fields := fieldsOf(t)
	for i := range fields {
		f := &fields[i]
		if f.required {
			required = append(required, f.key)
		}
		inner := f.typ
		if f.isTableList || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case f.key == "expect":
		case f.isTableList:
			if n := needs(inner.Elem()); n != nil {
				properties[f.key] = jsonObject{"items": n}
			}
		case f.isTable:
			if n := needs(inner); n != nil {
				properties[f.key] = n
			}
		}
	}
	out := jsonObject{}
	if len(required) > 0 {
		out["required"] = required
	}
	if len(properties) > 0 {
		out["properties"] = properties
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
