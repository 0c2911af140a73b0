package scenarios

import "math"

// Measure is a quantity that a caller wants of a run: an expression of the language
// of expectations that is a value ("goodput(dl)"), or a comparison ("goodput(dl) >=
// 1Mbps").
type Measure struct {
	Name, Expr string
	Pos        Pos // of the expression, or of its file
	// Condition: the expression is a comparison.
	Condition bool

	value *exprNode
	holds *comparison
}

// Measured is what a measure came to. A value is in bits per second, seconds, bytes
// or plain; of a comparison it is 1 if it holds and 0 if not.
type Measured struct {
	Value float64
	Text  string // of a value that is a text
}

// Unit returns the unit of the values of measure i of Options.Measures: "bps", "s",
// "B", "" for plain numbers, "text", or a product of those.
func (sc *Scenario) Unit(i int) string {
	m := &sc.measures[i]
	switch {
	case m.Condition:
		return ""
	case m.value.isText:
		return "text"
	case m.value.dim == dimRate:
		return "bps"
	case m.value.dim == dimTime:
		return "s"
	case m.value.dim == dimSize:
		return "B"
	case m.value.dim == dimNumber:
		return ""
	}
	return m.value.dim.String()
}

// Measure evaluates Options.Measures at the present time, in their order.
func (w *World) Measure() []Measured {
	v := &view{w: w, now: w.sim.Now()}
	out := make([]Measured, len(w.sc.measures))
	for i := range w.sc.measures {
		m := &w.sc.measures[i]
		if m.Condition {
			if _, pass := m.holds.eval(v); pass {
				out[i].Value = 1
			}
			continue
		}
		q := m.value.eval(v)
		out[i] = Measured{Value: q.v, Text: q.text}
		if !q.isText && m.value.dim == dimRate {
			out[i].Value = q.v * 8
		}
		if q.isText {
			out[i].Value = math.NaN()
		}
	}
	return out
}

// checkMeasures parses what the caller wants to know.
func (c *checker) checkMeasures(scope *nameScope) {
	for i := range c.sc.measures {
		m := &c.sc.measures[i]
		var needs exprNeeds
		var fault *exprError
		if m.Condition {
			m.holds, needs, fault = parseComparison(m.Expr, scope)
		} else {
			m.value, needs, fault = parseValue(m.Expr, scope)
		}
		if fault != nil {
			at := m.Pos
			if at.Line > 0 {
				at.Col += 1 + fault.at // behind the opening quote
			}
			c.add(at, "%s: %s", m.Name, fault.msg)
			continue
		}
		c.observe(&needs)
	}
}

// parseValue parses an expression that is a value.
func parseValue(text string, scope *nameScope) (n *exprNode, needs exprNeeds, fault *exprError) {
	p := &exprParser{text: []rune(text), scope: scope}
	defer func() { fault = faultOf(recover(), fault) }()
	n = p.sum()
	if p.space(); p.pos < len(p.text) {
		p.fail(p.pos, "unexpected %q in a value", string(p.text[p.pos:]))
	}
	return n, p.needs, nil
}

// faultOf returns the fault with which a parser gave up; other panics go on.
func faultOf(r any, fault *exprError) *exprError {
	switch e := r.(type) {
	case nil:
		return fault
	case *exprError:
		return e
	}
	panic(r)
}
