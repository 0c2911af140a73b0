package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Reference prints the reference of every key from the schema, in Markdown:
// docs/SCENARIOS.md holds it between its introduction and its end.
func Reference() string {
	var b strings.Builder
	referenceTable(&b, reflect.TypeFor[Scenario](), "")
	topologyReference(&b)
	b.WriteString("\n")
	referenceTable(&b, reflect.TypeFor[Traffic](), "[[traffic]]")
	b.WriteString("| pattern | flows |\n|---|---|\n")
	for _, p := range trafficPatterns {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p[0], p[1])
	}
	b.WriteString("\n")
	b.WriteString("### Actions\n\nWhat `action` of a `[[at]]` entry may be, and the keys that it takes beside `time`, `action` and `label`.\n\n")
	b.WriteString("| action | what happens | keys |\n|---|---|---|\n")
	for _, a := range actionSpecs {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.name, a.doc, "`"+strings.Join(a.keys, "` `")+"`")
	}
	boxReference(&b)
	aqmReference(&b)
	b.WriteString("\n### Presets\n\n| preset | meaning | profile | cc | scheduler | path_manager | reinject |\n|---|---|---|---|---|---|---|\n")
	for _, p := range Presets() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", p.Name, p.Doc, p.Profile, p.CC, p.Scheduler, p.PathManager, p.Reinject)
	}
	b.WriteString("\n### Metrics of expectations\n\n| metric | meaning |\n|---|---|\n")
	for _, m := range Metrics() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Usage(), m.Doc)
	}
	return b.String()
}

func referenceTable(b *strings.Builder, t reflect.Type, path string) {
	fields := fieldsOf(t)
	heading := "Top level"
	if path != "" {
		heading = "`" + path + "`"
	}
	fmt.Fprintf(b, "### %s\n\n| key | type | default | range | meaning |\n|---|---|---|---|---|\n", heading)
	if path == "" {
		b.WriteString("| `extends` | string | | | file that this one is laid over, relative to its own directory |\n")
		b.WriteString("| `include` | string or strings | | | file or files whose keys lie below those of this one and above those of `extends`, relative to its own directory |\n")
		b.WriteString("| `paths` | strings | | | short form: nodes client and server and one link for each line `\"NAME DELAY QUEUE RATE [LOSS]\"` |\n")
	}
	if slices.Contains(extraKeys(t), "repeat") {
		fmt.Fprintf(b, "| `repeat` | integer | 1 | 1 to %d | this many copies of the entry; `{i}` in strings is 0, 1, ... |\n", maxRepeat)
	}
	for i := range fields {
		f := &fields[i]
		if f.isTable || f.isTableList {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", f.key, f.typeName(), f.defaultText(), f.rangeText(), f.doc)
	}
	b.WriteByte('\n')
	for i := range fields {
		f := &fields[i]
		name := strings.Trim(path, "[]")
		if name != "" {
			name += "."
		}
		name += f.key
		sub := f.typ
		if f.isTableList || sub.Kind() == reflect.Pointer {
			sub = sub.Elem()
		}
		switch {
		case f.isTableList:
			referenceTable(b, sub.Elem(), "[["+name+"]]")
		case f.isTable && sub == reflect.TypeFor[Direction]():
			fmt.Fprintf(b, "### `[%s]`\n\nThe keys of `[[link]]` from `rate` on, for direction %s only.\n\n", name, f.key)
		case f.isTable:
			referenceTable(b, sub, "["+name+"]")
		}
	}
}

func (f *field) defaultText() string {
	switch {
	case f.required:
		return "required"
	case f.hasDefault && f.def != "":
		return "`" + f.def + "`"
	}
	return ""
}

func (f *field) rangeText() string {
	switch {
	case f.hasEnum:
		choices := slices.DeleteFunc(slices.Clone(f.enum), func(s string) bool { return s == "" })
		return "`" + strings.Join(choices, "` `") + "`"
	case f.min != "" && f.min == f.max:
		return f.min
	case f.min != "" && f.max != "":
		return f.min + " to " + f.max
	case f.max != "":
		return "up to " + f.max
	case f.min != "":
		return "from " + f.min
	}
	return ""
}
