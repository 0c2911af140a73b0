package conformance

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Evidence is a place in the repository that claims to show a row of the
// coverage table or a statement of RFC 8684.
type Evidence struct {
	// Tag is the row ("A12") or statement ("3.1-7") that is claimed.
	Tag string
	// Path is the file, relative to the root of the repository.
	Path string
	// Test is the Go test function that carries the tag; empty for scripts and
	// scenarios, which are one test each.
	Test string
}

// String names the evidence as the generated page shows it.
func (e Evidence) String() string {
	if e.Test == "" {
		return "`" + e.Path + "`"
	}
	return "`" + path.Dir(e.Path) + "` " + e.Test
}

var tag = regexp.MustCompile(`\b(?:row:([A-Z]\d+)|rfc8684:(\d+(?:\.\d+)*-\d+))\b`)

// Collect finds the tags of a repository: in comments of Go tests, of
// packetdrill scripts and in the rows of scenarios, in the order of the paths.
// A tag outside of a test is an error: nothing would show what it claims.
func Collect(root fs.FS) ([]Evidence, error) {
	var all []Evidence
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && p != "." || p == "internal/conformance" || p == "internal/tidy" {
				return fs.SkipDir
			}
			return nil
		}
		read := reader(p)
		if read == nil {
			return nil
		}
		src, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		found, err := read(p, src)
		all = append(all, found...)
		return err
	})
	return all, err
}

// reader returns how the tags of a file are read; nil: it has none.
func reader(p string) func(string, []byte) ([]Evidence, error) {
	switch {
	case strings.HasSuffix(p, "_test.go"):
		return goTags
	case path.Ext(p) == ".pkt":
		return scriptTags
	case path.Ext(p) == ".toml" && strings.HasPrefix(p, "scenarios/") && !strings.Contains(p, "/testdata/"):
		return scenarioTags
	}
	return nil
}

func goTags(p string, src []byte) ([]Evidence, error) {
	if !tag.Match(src) {
		return nil, nil
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, p, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var out []Evidence
	for _, group := range f.Comments {
		tags := tagsOf([]byte(group.Text()))
		if len(tags) == 0 {
			continue
		}
		name := enclosing(f, group.Pos())
		if name == "" {
			return nil, fmt.Errorf("%v: tag %v outside of a test function", fset.Position(group.Pos()), tags)
		}
		for _, t := range tags {
			out = append(out, Evidence{t, p, name})
		}
	}
	return out, nil
}

// enclosing returns the test whose text or doc comment a position lies in.
func enclosing(f *ast.File, pos token.Pos) string {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !isTest(fn.Name.Name) {
			continue
		}
		from := fn.Pos()
		if fn.Doc != nil {
			from = fn.Doc.Pos()
		}
		if from <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

func isTest(name string) bool {
	for _, p := range []string{"Test", "Fuzz", "Example"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func scriptTags(p string, src []byte) ([]Evidence, error) {
	var out []Evidence
	for line := range bytes.Lines(src) {
		if _, comment, ok := bytes.Cut(line, []byte("//")); ok {
			for _, t := range tagsOf(comment) {
				out = append(out, Evidence{Tag: t, Path: p})
			}
		}
	}
	return out, nil
}

func scenarioTags(p string, src []byte) ([]Evidence, error) {
	var s struct{ Rows []string }
	if _, err := toml.Decode(string(src), &s); err != nil {
		return nil, fmt.Errorf("%s: %v", p, err)
	}
	var out []Evidence
	for _, r := range s.Rows {
		out = append(out, Evidence{Tag: r, Path: p})
	}
	return out, nil
}

func tagsOf(text []byte) []string {
	var out []string
	for _, m := range tag.FindAllSubmatch(text, -1) {
		t := string(m[1]) + string(m[2])
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}
