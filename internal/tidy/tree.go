package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Violation is one broken rule.
type Violation struct {
	File    string // relative to the root
	Line    int    // 0: the whole file
	Rule    string
	Message string
}

// String prints the violation as a compiler prints an error.
func (v Violation) String() string {
	if v.Line == 0 {
		return fmt.Sprintf("%s: %s [%s]", v.File, v.Message, v.Rule)
	}
	return fmt.Sprintf("%s:%d: %s [%s]", v.File, v.Line, v.Message, v.Rule)
}

// File is a Go file.
type File struct {
	Path string // relative to the root, with slashes
	Pkg  string // its folder
	Test bool
	Src  []byte
	AST  *ast.File
}

// Text is any file of text, Go or not.
type Text struct {
	Path string
	Src  []byte
}

// Tree is the repository.
type Tree struct {
	Fset  *token.FileSet
	Files []*File
	Texts []Text
	Dirs  []string // top-level folders
	Rows  []string // the IDs of the coverage table
}

// skipped are folders that are not part of the source: results of runs, and what
// tools write.
func skipped(name string) bool {
	return name == "out" || name == ".git" || name == "rapid" || name == "fuzz"
}

// textual says which files are searched for words.
func textual(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".toml", ".txt", ".sh", ".py", ".yml", ".yaml", ".json", ".pkt", ".star", ".mod":
		return true
	}
	return strings.HasPrefix(name, ".ci/")
}

const maxText = 1 << 20

// Load reads the repository below root.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped(d.Name()):
			return fs.SkipDir
		case d.IsDir():
			if name != "." && !strings.Contains(name, "/") {
				t.Dirs = append(t.Dirs, name)
			}
			return nil
		case !textual(name):
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return t.add(name, src)
	})
	return t, err
}

func (t *Tree) add(name string, src []byte) error {
	if len(src) <= maxText {
		t.Texts = append(t.Texts, Text{Path: name, Src: src})
	}
	if path.Ext(name) != ".go" || slices.Contains(strings.Split(name, "/"), "testdata") {
		return nil
	}
	f, err := parser.ParseFile(t.Fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Files = append(t.Files, &File{
		Path: name, Pkg: path.Dir(name), Test: strings.HasSuffix(name, "_test.go"), Src: src, AST: f,
	})
	return nil
}

func (t *Tree) line(p token.Pos) int { return t.Fset.Position(p).Line }

// Check returns every violation, in the order of files and lines.
func Check(t *Tree) []Violation {
	var all []Violation
	for _, rule := range []func(*Tree) []Violation{
		imports, folders, names, format, sizes, documentation, impurity, typed, words, rows, baselines, claims,
	} {
		all = append(all, rule(t)...)
	}
	slices.SortStableFunc(all, func(a, b Violation) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return all
}

// opener lets package build read a file that is in memory already.
func opener(src []byte) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(src)), nil }
}
