package tidy

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"sync"
)

// checker type-checks the packages of layers 0 to 5, from the sources of the tree
// and of the standard library.
type checker struct {
	tree *Tree
	info *types.Info
	pkgs map[string]*types.Package
	out  []Violation
}

// typed checks layers 0 to 5 for what needs types: ranges over maps, and float
// products that meet a sum unrounded.
func typed(t *Tree) []Violation {
	c := &checker{
		tree: t,
		pkgs: map[string]*types.Package{},
		info: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{},
			Defs:  map[*ast.Ident]types.Object{},
			Uses:  map[*ast.Ident]types.Object{},
		},
	}
	var dirs []string
	for _, f := range t.Files {
		if core(f.Pkg) && !f.Test && !slices.Contains(dirs, f.Pkg) {
			dirs = append(dirs, f.Pkg)
		}
	}
	for _, d := range dirs {
		if _, err := c.Import(module + "/" + d); err != nil {
			c.out = append(c.out, Violation{File: d, Rule: "types", Message: err.Error()})
			continue
		}
		for _, f := range c.files(d) {
			c.mapRanges(f)
			c.fusions(f)
		}
	}
	return c.out
}

// files returns what the compiler would see of a package here: no tests, and
// of files with build constraints those that hold.
func (c *checker) files(dir string) []*File {
	var out []*File
	for _, f := range c.tree.Files {
		if f.Pkg != dir || f.Test {
			continue
		}
		ctx := build.Default
		ctx.OpenFile = opener(f.Src)
		if ok, err := ctx.MatchFile(".", path.Base(f.Path)); err == nil && ok {
			out = append(out, f)
		}
	}
	return out
}

// Import implements types.Importer over the tree.
func (c *checker) Import(p string) (*types.Package, error) {
	dir, inside := strings.CutPrefix(p, module+"/")
	if !inside {
		return importOutside(p)
	}
	if pkg, ok := c.pkgs[dir]; ok {
		if pkg == nil {
			return nil, fmt.Errorf("%s does not type-check, or imports itself", p)
		}
		return pkg, nil
	}
	c.pkgs[dir] = nil
	var files []*ast.File
	for _, f := range c.files(dir) {
		files = append(files, f.AST)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no package %s", p)
	}
	conf := types.Config{Importer: c}
	pkg, err := conf.Check(p, c.tree.Fset, files, c.info)
	if err != nil {
		return nil, err
	}
	c.pkgs[dir] = pkg
	return pkg, nil
}

// standard imports the standard library from its source, once.
var standard = sync.OnceValue(func() types.Importer {
	build.Default.CgoEnabled = false // the importer would run cgo for package net
	return importer.ForCompiler(token.NewFileSet(), "source", nil)
})

// importOutside imports from the standard library; of other modules, which the
// core does not use, it knows the name only.
func importOutside(p string) (*types.Package, error) {
	if thirdParty(p) {
		pkg := types.NewPackage(p, path.Base(p))
		pkg.MarkComplete()
		return pkg, nil
	}
	return standard().Import(p)
}

func (c *checker) add(f *File, p token.Pos, rule, message string) {
	c.out = append(c.out, Violation{f.Path, c.tree.line(p), rule, message})
}

// mapRanges finds loops whose order differs from run to run.
func (c *checker) mapRanges(f *File) {
	ast.Inspect(f.AST, func(n ast.Node) bool {
		r, ok := n.(*ast.RangeStmt)
		if !ok {
			return true
		}
		if x := c.info.TypeOf(r.X); x != nil {
			if _, ok := x.Underlying().(*types.Map); ok {
				c.add(f, r.Pos(), "map range", "range over a map: its order is random")
			}
		}
		return true
	})
}
