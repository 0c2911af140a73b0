// Package conformance keeps the list of what mpsim must show, the requirements
// of RFC 8684 and the rows of the coverage table, finds the tests that show it
// by their tags, and writes docs/CONFORMANCE.md from both.
//
// A test, packetdrill script or scenario claims a row by "row:A12" and a
// requirement by "rfc8684:3.1-7" in its comment (a scenario by its rows key).
// The claim is that it fails when the mechanism is removed; that is for people
// to judge. What is checked here: that the row or requirement exists, that a
// test carries the tag, and that each MUST has a test named after its section.
package conformance

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Page returns docs/CONFORMANCE.md.
func Page(statements []Statement, rows []Row, evidence []Evidence) string {
	by := index(evidence)
	var b strings.Builder
	b.WriteString(head)
	section := ""
	for i := range statements {
		s := &statements[i]
		if s.Section() != section {
			section = s.Section()
			fmt.Fprintf(&b, "\n### Section %s\n| id | | requirement | shown by |\n|---|---|---|---|\n", section)
		}
		level := "SHOULD"
		if s.Must {
			level = "MUST"
		}
		shown := list(by[s.ID])
		if shown == "" {
			shown = s.Exempt
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.ID, level, cell(s.Text), or(shown, "**open**"))
	}
	b.WriteString("\n## Coverage rows\n| row | mechanism | shown by |\n|---|---|---|\n")
	for _, r := range rows {
		if !Covered(r.ID) && len(by[r.ID]) == 0 {
			continue
		}
		shown := list(by[r.ID])
		if shown == "" {
			shown = r.Later
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.ID, cell(r.Mechanism), or(shown, "**open**"))
	}
	return b.String()
}

const head = `# Conformance

Generated from the tags of the tests; ` + "`go test ./internal/conformance -update`" + ` writes it.

A test claims a requirement of RFC 8684 by ` + "`rfc8684:SECTION-NUMBER`" + ` in its comment and a row of the coverage table by ` + "`row:ID`" + `;
a scenario claims rows by its ` + "`rows`" + ` key. Numbers count the requirements of a section in the order of the text (the section without number is the
introduction of section 3). Scripts (` + "`.pkt`" + `) run with ` + "`mpsim packetdrill`" + `, scenarios with ` + "`mpsim test`" + `.

## RFC 8684
`

// Covered reports whether the page lists every row of a row's letter: A connection
// establishment, B data plane, C fallback, J fast open and SYN cookies, K API.
// Of the other letters it lists what is shown.
func Covered(row string) bool {
	return strings.ContainsAny(row[:1], "ABCJK") || slices.Contains(early, row)
}

// early are rows of other letters that the endpoint itself has to show.
var early = []string{"E6", "E8", "E9"}

// Open returns what is not shown: statements of level MUST or SHOULD without a
// test, MUSTs without a test that is named after their section, due rows without
// a test, and tags that name nothing.
func Open(statements []Statement, rows []Row, evidence []Evidence) []string {
	by := index(evidence)
	known := map[string]bool{}
	var out []string
	for i := range statements {
		s := &statements[i]
		known[s.ID] = true
		switch {
		case len(by[s.ID]) == 0 && s.Exempt == "":
			out = append(out, fmt.Sprintf("rfc8684:%s has no test: %s", s.ID, s.Text))
		case len(by[s.ID]) > 0 && s.Exempt != "":
			out = append(out, fmt.Sprintf("rfc8684:%s is exempt and has a test, %v", s.ID, by[s.ID][0]))
		case s.Must && s.Exempt == "" && !named(s.Section(), by[s.ID]):
			out = append(out, fmt.Sprintf("rfc8684:%s has no test named after section %s", s.ID, s.Section()))
		}
	}
	for _, r := range rows {
		known[r.ID] = true
		switch shown := len(by[r.ID]) > 0; {
		case Covered(r.ID) && !shown && r.Later == "":
			out = append(out, fmt.Sprintf("row:%s has no test: %s", r.ID, r.MustShow))
		case shown && r.Later != "":
			out = append(out, fmt.Sprintf("row:%s is in later.txt (%s) and has a test, %v", r.ID, r.Later, by[r.ID][0]))
		}
	}
	for _, e := range evidence {
		if !known[e.Tag] {
			out = append(out, fmt.Sprintf("%v: there is no %s", e, e.Tag))
		}
	}
	return out
}

// named reports whether one of the tests carries the section in its name:
// TestSection3_1..., or a script 3.1-....pkt.
func named(section string, es []Evidence) bool {
	prefix := "TestSection" + strings.ReplaceAll(section, ".", "_")
	for _, e := range es {
		rest, ok := strings.CutPrefix(e.Test, prefix)
		if ok && !strings.HasPrefix(rest, "_") && (rest == "" || rest[0] < '0' || rest[0] > '9') {
			return true
		}
		if e.Test == "" && strings.HasPrefix(path.Base(e.Path), section+"-") {
			return true
		}
	}
	return false
}

func index(evidence []Evidence) map[string][]Evidence {
	by := map[string][]Evidence{}
	for _, e := range evidence {
		by[e.Tag] = append(by[e.Tag], e)
	}
	return by
}

// list names at most so many tests that a table stays readable.
func list(es []Evidence) string {
	const most = 4
	var names []string
	for i, e := range es {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(es)-most))
			break
		}
		names = append(names, e.String())
	}
	return strings.Join(names, "<br>")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
