package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// impureImports are packages that would make a run depend on the machine, the
// moment or the order of goroutines.
var impureImports = []string{
	"time", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand",
	"os", "os/exec", "os/signal", "log", "log/slog", "net", "net/http",
	"maps", "runtime", "runtime/debug", "unsafe", "context", "hash/maphash", "syscall",
}

// mayImport lists the exceptions: sim defines Duration by time's, and sim/par is
// where goroutines live.
func mayImport(pkg, p string) bool {
	switch pkg {
	case "sim":
		return p == "time"
	case "sim/par":
		return p == "sync" || p == "sync/atomic" || p == "runtime"
	}
	return false
}

// ownMath are the functions of package math whose bits differ between machines;
// sim has its own.
var ownMath = []string{
	"Acos", "Acosh", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "Cbrt", "Cos", "Cosh", "Erf", "Erfc", "Erfcinv",
	"Erfinv", "Exp", "Exp2", "Expm1", "FMA", "Gamma", "Hypot", "J0", "J1", "Jn", "Lgamma", "Log", "Log10", "Log1p",
	"Log2", "Pow", "Pow10", "Sin", "Sincos", "Sinh", "Tan", "Tanh", "Y0", "Y1", "Yn",
}

// impurity checks layers 0 to 5 for what needs no types: imports, goroutines and
// channels, and functions of math.
func impurity(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		if f.Test || !core(f.Pkg) {
			continue
		}
		add := func(p token.Pos, format string, args ...any) {
			out = append(out, Violation{f.Path, t.line(p), "purity", fmt.Sprintf(format, args...)})
		}
		mathName := ""
		for _, spec := range f.AST.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			if slices.Contains(impureImports, p) && !mayImport(f.Pkg, p) {
				add(spec.Pos(), "layers 0 to 5 do not import %s", p)
			}
			if p == "math" {
				mathName = "math"
				if spec.Name != nil {
					mathName = spec.Name.Name
				}
			}
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if what := concurrent(n); what != "" && f.Pkg != "sim/par" {
				add(n.Pos(), "%s: only sim/par has goroutines in layers 0 to 5", what)
			}
			if s, ok := n.(*ast.SelectorExpr); ok && mathName != "" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == mathName && slices.Contains(ownMath, s.Sel.Name) {
					add(n.Pos(), "math.%s differs between machines: use package sim's", s.Sel.Name)
				}
			}
			return true
		})
	}
	return out
}

func concurrent(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go statement"
	case *ast.SelectStmt:
		return "select statement"
	case *ast.SendStmt:
		return "send"
	case *ast.ChanType:
		return "channel"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "receive"
		}
	}
	return ""
}
