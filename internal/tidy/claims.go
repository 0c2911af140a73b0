package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	// A test that a page names, alone or behind its folder: `cc` TestLIAVectors.
	claimedTest = regexp.MustCompile("(?:`([\\w/]+)` )?`?\\b((?:Test|Fuzz|Benchmark)[A-Z]\\w+)\\b")
	// A file of the repository that a page names.
	claimedFile = regexp.MustCompile("`([\\w-]+(?:/[\\w.-]+)+\\.(?:go|toml|pkt|star))`")
	// A page that a page links to.
	claimedPage = regexp.MustCompile(`\]\(([\w./-]+\.md)[)#]`)
)

// tables are pages every row of which names the tests that show it.
var tables = []string{"docs/models/vectors.md", "docs/models/decisions.md"}

// claims checks that the tests, files and pages that the pages in docs name exist, and
// that no row of a table of claims lacks a test.
func claims(t *Tree) []Violation {
	tests := map[string][]string{} // folders by the name of a test
	for _, f := range t.Files {
		if !f.Test {
			continue
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[fn.Name.Name] = append(tests[fn.Name.Name], f.Pkg)
			}
		}
	}
	var files []string
	for _, f := range t.Texts {
		files = append(files, f.Path)
	}
	var out []Violation
	for _, f := range t.Texts {
		table := slices.Contains(tables, f.Path)
		if !strings.HasPrefix(f.Path, "docs/") || path.Ext(f.Path) != ".md" {
			continue
		}
		code := false
		for i, line := range bytes.Split(f.Src, []byte("\n")) {
			if bytes.HasPrefix(line, []byte("```")) {
				code = !code
			}
			if code {
				continue
			}
			add := func(format string, args ...any) {
				out = append(out, Violation{f.Path, i + 1, "claims", fmt.Sprintf(format, args...)})
			}
			found := claimedTest.FindAllSubmatch(line, -1)
			for _, m := range found {
				folder, name := string(m[1]), string(m[2])
				switch in := tests[name]; {
				case len(in) == 0:
					add("there is no test %s", name)
				case folder != "" && table && !slices.Contains(in, folder):
					add("%s lies in %s, not in %s", name, strings.Join(in, ", "), folder)
				}
			}
			shown := len(found) > 0
			for _, m := range claimedFile.FindAllSubmatch(line, -1) {
				name := string(m[1])
				shown = shown || path.Ext(name) == ".toml"
				if !slices.Contains(files, name) {
					add("there is no file %s", name)
				}
			}
			for _, m := range claimedPage.FindAllSubmatch(line, -1) {
				if p := path.Join(path.Dir(f.Path), string(m[1])); !slices.Contains(files, p) && !strings.Contains(string(m[1]), "://") {
					add("there is no page %s", p)
				}
			}
			if table && isRow(line) && !shown {
				add("a row without a test")
			}
		}
	}
	return out
}

// isRow reports whether a line is a row of a table, not its head.
func isRow(line []byte) bool {
	s := string(line)
	return strings.HasPrefix(s, "| ") && !strings.HasPrefix(s, "| section ") && !strings.HasPrefix(s, "| question ")
}
