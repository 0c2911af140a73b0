package tidy

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"math"
)

// On arm64 and with GOAMD64=v3 the compiler fuses x*y + z into one instruction
// that rounds once, also across statements and inlined calls; only an explicit
// conversion forbids it. So a float product must be wrapped, float64(x*y),
// before it meets a sum. The rule sees a product that is an operand of a sum,
// one in a local variable of the same function (but not around a loop), and one
// that a function returns. It does not see products in fields.

const fusionAdvice = "wrap it in float64(), or it is fused on some machines"

// fusions checks the functions of a file.
func (c *checker) fusions(f *File) {
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		vars := c.assignments(fn)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.ADD || n.Op == token.SUB {
					c.operand(f, n.X, vars)
					c.operand(f, n.Y, vars)
				}
			case *ast.AssignStmt:
				if n.Tok == token.ADD_ASSIGN || n.Tok == token.SUB_ASSIGN {
					c.operand(f, n.Lhs[0], vars)
					c.operand(f, n.Rhs[0], vars)
				}
			case *ast.ReturnStmt:
				for _, r := range n.Results {
					if c.product(r) {
						c.add(f, r.Pos(), "fusion", "a float product is returned, and may meet a sum where the call is inlined: "+fusionAdvice)
					}
				}
			}
			return true
		})
	}
}

func (c *checker) operand(f *File, x ast.Expr, vars []assignment) {
	x = strip(x)
	if c.product(x) {
		c.add(f, x.Pos(), "fusion", "a float product meets a sum: "+fusionAdvice)
	}
	if id, ok := x.(*ast.Ident); ok && isFloat(c.info.TypeOf(id)) && holdsProduct(c.info.Uses[id], id.Pos(), vars) {
		c.add(f, x.Pos(), "fusion", id.Name+" holds a float product that meets a sum: "+fusionAdvice)
	}
}

// product reports whether an expression is a float product that rounds. Constants
// do not, nor does the multiplication by a power of two.
func (c *checker) product(x ast.Expr) bool {
	x = strip(x)
	b, ok := x.(*ast.BinaryExpr)
	if !ok || b.Op != token.MUL || c.powerOfTwo(b.X) || c.powerOfTwo(b.Y) {
		return false
	}
	tv, ok := c.info.Types[x]
	return ok && tv.Value == nil && isFloat(tv.Type)
}

func (c *checker) powerOfTwo(x ast.Expr) bool {
	v := c.info.Types[x].Value
	if v == nil {
		return false
	}
	f, _ := constant.Float64Val(constant.ToFloat(v))
	frac, _ := math.Frexp(math.Abs(f))
	return frac == 0.5
}

func isFloat(t types.Type) bool {
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsFloat != 0
}

// assignment is one place where a local variable gets a value.
type assignment struct {
	to      types.Object
	at      token.Pos
	product bool
	block   ast.Node // innermost block around it
}

// holdsProduct reports whether a variable may hold a product at a place: it looks
// back over the assignments, up to one that is on every way there.
func holdsProduct(v types.Object, at token.Pos, vars []assignment) bool {
	for i := len(vars) - 1; i >= 0; i-- {
		a := &vars[i]
		switch {
		case a.to != v || a.at >= at:
		case a.product:
			return true
		case a.block.Pos() <= at && at < a.block.End():
			return false
		}
	}
	return false
}

// assignments lists the assignments of a function in the order of the source.
func (c *checker) assignments(fn *ast.FuncDecl) []assignment {
	var out []assignment
	var blocks []ast.Node
	note := func(lhs ast.Expr, n ast.Node, product bool) {
		if id, ok := lhs.(*ast.Ident); ok {
			if o := c.info.ObjectOf(id); o != nil {
				out = append(out, assignment{o, n.End(), product, blocks[len(blocks)-1]})
			}
		}
	}
	var stack []ast.Node
	ast.Inspect(fn, func(n ast.Node) bool {
		if n == nil {
			if top := stack[len(stack)-1]; len(blocks) > 0 && top == blocks[len(blocks)-1] {
				blocks = blocks[:len(blocks)-1]
			}
			stack = stack[:len(stack)-1]
			return true
		}
		stack = append(stack, n)
		switch n := n.(type) {
		case *ast.BlockStmt, *ast.CaseClause:
			blocks = append(blocks, n)
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				product := n.Tok == token.MUL_ASSIGN && !c.powerOfTwo(n.Rhs[0]) || len(n.Lhs) == len(n.Rhs) && c.product(n.Rhs[i])
				note(l, n, product)
			}
		case *ast.ValueSpec:
			for i, l := range n.Names {
				note(l, n, len(n.Values) == len(n.Names) && c.product(n.Values[i]))
			}
		}
		return true
	})
	return out
}

// strip removes parentheses and signs.
func strip(x ast.Expr) ast.Expr {
	for {
		switch y := x.(type) {
		case *ast.ParenExpr:
			x = y.X
		case *ast.UnaryExpr:
			if y.Op != token.SUB && y.Op != token.ADD {
				return x
			}
			x = y.X
		default:
			return x
		}
	}
}
