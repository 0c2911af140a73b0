package tidy

import (
	"bytes"
	"fmt"
	"go/ast"
	goformat "go/format"
	"path"
	"slices"
	"strings"
)

var topLevel = []string{"sim", "net", "mptcp", "cc", "sched", "scenarios", "cmd", "results", "notebooks", "docs", "internal", ".ci"}

// folders checks that nothing grows beside the house.
func folders(t *Tree) []Violation {
	var out []Violation
	for _, d := range t.Dirs {
		if !slices.Contains(topLevel, d) {
			out = append(out, Violation{File: d, Rule: "folders", Message: "is not a top-level folder of DESIGN.md"})
		}
	}
	for _, f := range t.Files {
		if f.Pkg == "." {
			out = append(out, Violation{File: f.Path, Rule: "folders", Message: "Go files do not lie in the root"})
		}
	}
	return out
}

var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

// names checks that files and packages are named after what is in them.
func names(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.Path), ".go"), "_test")
		base = strings.ReplaceAll(base, "path_manager", "")
		parts := append(strings.Split(base, "_"), strings.TrimSuffix(f.AST.Name.Name, "_test"))
		for _, p := range parts {
			if slices.Contains(emptyNames, p) {
				out = append(out, Violation{File: f.Path, Rule: "names", Message: fmt.Sprintf("%q says nothing", p)})
				break
			}
		}
	}
	return out
}

// format checks gofmt.
func format(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		if want, err := goformat.Source(f.Src); err != nil || !bytes.Equal(f.Src, want) {
			out = append(out, Violation{File: f.Path, Rule: "gofmt", Message: "is not formatted"})
		}
	}
	return out
}

// The caps of DESIGN.md section 1; tests may be longer.
const (
	maxFileLines     = 600
	maxFuncLines     = 80
	maxTestFileLines = 800
	maxTestFuncLines = 150
)

// sizes checks the lengths of files and functions.
func sizes(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		maxFile, maxFunc := maxFileLines, maxFuncLines
		if f.Test {
			maxFile, maxFunc = maxTestFileLines, maxTestFuncLines
		}
		if n := bytes.Count(f.Src, []byte("\n")); n > maxFile {
			out = append(out, Violation{File: f.Path, Rule: "size", Message: fmt.Sprintf("has %d lines, at most %d", n, maxFile)})
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := t.line(fn.End()) - t.line(fn.Pos()) + 1; n > maxFunc {
				out = append(out, Violation{f.Path, t.line(fn.Pos()), "size", fmt.Sprintf("%s has %d lines, at most %d", fn.Name.Name, n, maxFunc)})
			}
		}
	}
	return out
}

// documentation checks that every package, exported function, type, constant and
// variable, and every exported method of an exported type has a comment. A
// comment on a group serves its members.
func documentation(t *Tree) []Violation {
	var out []Violation
	first := map[string]*File{}
	documented := map[string]bool{}
	var pkgs []string
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if first[f.Pkg] == nil {
			first[f.Pkg] = f
			pkgs = append(pkgs, f.Pkg)
		}
		documented[f.Pkg] = documented[f.Pkg] || f.AST.Doc != nil
		for _, d := range f.AST.Decls {
			for _, id := range undocumented(d) {
				out = append(out, Violation{f.Path, t.line(id.Pos()), "doc", "exported " + id.Name + " has no comment"})
			}
		}
	}
	for _, p := range pkgs {
		if !documented[p] {
			out = append(out, Violation{File: first[p].Path, Rule: "doc", Message: "package " + p + " has no comment"})
		}
	}
	return out
}

func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		var out []*ast.Ident
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					out = append(out, s.Name)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if s.Doc == nil && s.Comment == nil && id.IsExported() {
						out = append(out, id)
					}
				}
			}
		}
		return out
	}
	return nil
}

// exportedReceiver reports whether a function is no method, or one of an exported
// type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	x := d.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.IndexListExpr:
			x = y.X
		case *ast.Ident:
			return y.IsExported()
		default:
			return false
		}
	}
}
