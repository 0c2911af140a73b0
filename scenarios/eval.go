package scenarios

import (
	"fmt"
	"math"
	"strings"

	"mpsim/sim"
)

// view is what metrics look at: a world at the end of its run.
type view struct {
	w   *World
	now sim.Time
}

// arguments are the evaluated arguments of a metric.
type arguments struct {
	names  []string
	values []float64 // in seconds, bytes a second or plain
	given  int
}

// flow returns the flow that argument i names.
func (v *view) flow(a *arguments, i int) *flowRun { return v.w.byFlow[a.names[i]] }

// link returns the link direction that argument i names.
func (v *view) link(a *arguments, i int) *linkRun { return v.w.byLink[a.names[i]] }

// time returns argument i as a point of time, or other if it was not given.
func (a *arguments) time(i int, other sim.Time) sim.Time {
	if i >= a.given {
		return other
	}
	return sim.Time(math.Round(a.values[i] * 1e9))
}

// eval evaluates an expectation: whether it holds, and the measured values as
// text.
func (c *comparison) eval(v *view) (string, bool) {
	value, _, pass := c.verdict(v)
	return value, pass
}

// verdict is eval that also tells by how much the expectation does not hold.
func (c *comparison) verdict(v *view) (value, miss string, pass bool) {
	values := make([]quantity, len(c.sides))
	for i, s := range c.sides {
		values[i] = s.eval(v)
		if s.zero && i > 0 {
			values[i].dim = values[i-1].dim
		}
	}
	pass = true
	for i, op := range c.ops {
		if !compare(values[i], values[i+1], op) {
			pass = false
			if miss == "" {
				miss = missed(c.sides[i], values[i], values[i+1])
			}
		}
	}
	// Sides that are written down in the expression need no repetition.
	var parts []string
	for i, s := range c.sides {
		if s.measured() {
			parts = append(parts, values[i].String())
		}
	}
	if len(parts) == 0 {
		parts = append(parts, values[0].String())
	}
	return strings.Join(parts, ", "), miss, pass
}

// missed says how far the measured one of two sides that do not compare as expected is
// from the other one.
func missed(left *exprNode, a, b quantity) string {
	if a.isText || math.IsInf(a.v, 0) || math.IsInf(b.v, 0) {
		return ""
	}
	if !left.measured() {
		a, b = b, a
	}
	return fmt.Sprintf("%s off %s", signed(quantity{v: a.v - b.v, dim: a.dim}, b.v), b)
}

// measured reports whether a node contains a metric.
func (n *exprNode) measured() bool {
	if n.metric != nil && !n.metric.generic {
		return true
	}
	for _, k := range n.kids {
		if k.measured() {
			return true
		}
	}
	for _, a := range n.args {
		if a.node != nil && a.node.measured() {
			return true
		}
	}
	return false
}

func compare(a, b quantity, op string) bool {
	if a.isText {
		return (a.text == b.text) == (op == "==")
	}
	switch op {
	case "==":
		return near(a.v, b.v)
	case "!=":
		return !near(a.v, b.v)
	case "<=":
		return a.v <= b.v || near(a.v, b.v)
	case ">=":
		return a.v >= b.v || near(a.v, b.v)
	case "<":
		return a.v < b.v && !near(a.v, b.v)
	}
	return a.v > b.v && !near(a.v, b.v)
}

// near is equality up to the rounding of arithmetic in expectations. What never
// happened is near nothing else.
func near(a, b float64) bool {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return a == b
	}
	return a == b || math.Abs(a-b) <= 1e-12*max(math.Abs(a), math.Abs(b))
}

func (n *exprNode) eval(v *view) quantity {
	switch n.op {
	case "neg":
		q := n.kids[0].eval(v)
		q.v = -q.v
		return q
	case "+", "-", "*", "/":
		a, b := n.kids[0].eval(v).v, n.kids[1].eval(v).v
		q := quantity{dim: n.dim}
		switch n.op {
		case "+":
			q.v = a + b
		case "-":
			q.v = a - b
		case "*":
			q.v = a * b
		default:
			q.v = a / b
		}
		return q
	}
	if n.metric == nil {
		return n.lit
	}
	a := &arguments{given: len(n.args)}
	for _, arg := range n.args {
		x := 0.0
		if arg.node != nil {
			x = arg.node.eval(v).v
		}
		a.names = append(a.names, arg.name)
		a.values = append(a.values, x)
	}
	q := n.metric.eval(v, a)
	q.dim, q.isText = n.dim, n.isText
	return q
}
