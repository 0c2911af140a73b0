package tidy

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

var (
	// Written in two parts, so that this file passes its own rules.
	markers = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	// A path of somebody's machine: it begins a word and leads into a home.
	machine = regexp.MustCompile(`(^|[^\w./~-])/(wo` + `rk|ho` + `me|ro` + `ot|Us` + `ers)/\w`)
	rowTag  = regexp.MustCompile(`\brow:([A-Za-z]+\d+\w*)`)
)

// words checks the text for markers of unfinished work and for paths that exist
// on one machine only.
func words(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Texts {
		for i, line := range bytes.Split(f.Src, []byte("\n")) {
			if m := markers.Find(line); m != nil {
				out = append(out, Violation{f.Path, i + 1, "markers", fmt.Sprintf("%s: finish it, or open an issue", m)})
			}
			if machine.Match(line) {
				out = append(out, Violation{f.Path, i + 1, "paths", "path of one machine"})
			}
		}
	}
	return out
}

// rows checks that every tag names a row of the coverage table.
func rows(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Texts {
		for i, line := range bytes.Split(f.Src, []byte("\n")) {
			for _, m := range rowTag.FindAllSubmatch(line, -1) {
				if id := string(m[1]); !slices.Contains(t.Rows, id) {
					out = append(out, Violation{f.Path, i + 1, "rows", fmt.Sprintf("there is no row %s in the coverage table", id)})
				}
			}
		}
	}
	return out
}

// baselines checks that no scenario of the library relies on a hash alone.
func baselines(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Texts {
		if !strings.HasPrefix(f.Path, "scenarios/") || path.Ext(f.Path) != ".toml" || strings.Contains(f.Path, "/testdata/") {
			continue
		}
		var s struct {
			Baseline struct {
				Hash string `toml:"hash"`
			} `toml:"baseline"`
			Expect any `toml:"expect"`
		}
		if _, err := toml.Decode(string(f.Src), &s); err != nil {
			out = append(out, Violation{File: f.Path, Rule: "baseline", Message: err.Error()})
			continue
		}
		if s.Baseline.Hash != "" && empty(s.Expect) {
			out = append(out, Violation{File: f.Path, Rule: "baseline", Message: "a baseline hash needs [expect]"})
		}
	}
	return out
}

func empty(x any) bool {
	switch x := x.(type) {
	case nil:
		return true
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	case []map[string]any:
		return len(x) == 0
	}
	return false
}
