package scenarios

import (
	"fmt"
	"reflect"
	"strings"

	"mpsim/mptcp"
)

// ProfileReference prints the table of the protocol profiles in Markdown:
// docs/models/profiles.md holds it behind its introduction.
func ProfileReference() string {
	profiles := mptcp.Profiles()
	var b strings.Builder
	b.WriteString("| field |")
	for _, p := range profiles {
		fmt.Fprintf(&b, " `%s` |", p.Name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(profiles)) + "\n")
	for _, f := range reflect.VisibleFields(reflect.TypeFor[mptcp.Profile]()) {
		switch f.Name {
		case "Name", "Doc", "Sources", "TCP":
			continue
		}
		if f.Anonymous {
			continue
		}
		fmt.Fprintf(&b, "| `%s` |", f.Name)
		for _, p := range profiles {
			fmt.Fprintf(&b, " %s |", profileValue(reflect.ValueOf(p).Elem().FieldByIndex(f.Index)))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n## Where they come from\n")
	for _, p := range profiles {
		fmt.Fprintf(&b, "\n### `%s`: %s\n\n", p.Name, p.Doc)
		if len(p.Sources) == 0 {
			b.WriteString("The comments in `mptcp/profile.go` name the section or the setting of each field.\n")
			continue
		}
		b.WriteString("| field | source |\n|---|---|\n")
		for _, s := range p.Sources {
			fmt.Fprintf(&b, "| %s | %s |\n", s.Field, s.From)
		}
	}
	return b.String()
}

// profileValue prints a field of a profile.
func profileValue(v reflect.Value) string {
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	if v.Kind() == reflect.Bool {
		return map[bool]string{true: "yes", false: "no"}[v.Bool()]
	}
	return fmt.Sprint(v.Interface())
}

// ProfileDoc says in one line what a profile is: its origin, versions, widths,
// checksums, joins, and what it lacks.
func ProfileDoc(p *mptcp.Profile) string {
	s := fmt.Sprintf("%s. %v, data sequence numbers %v, checksums %v, joins by %v, at most %d beside the initial subflow",
		p.Doc, p.Versions, p.DSN, p.Checksum, p.JoinBy, p.SubflowLimit)
	if p.Lacks != 0 {
		s += "; lacks " + p.Lacks.String()
	}
	return s
}
