package scenarios

import (
	"fmt"
	"math"
	"strconv"
)

// Numeric baselines: [baseline] numbers = ["goodput(dl) = 18.2Mbps +- 1%"]. Each says what
// the run gave when the file was checked in and how far a later run may be from that. An
// expectation says what is right, by a source; a baseline says what was.
//
//	number    = sum "=" ["-"] value "+-" tolerance       sum as in expectations
//	tolerance = percent of the value, or a quantity of its dimension
//
// A tolerance with % is a part of the value, also where the value is a plain number.

// Baseline is what the run gave that the file was checked in with.
type Baseline struct {
	meta
	Hash    string   `toml:"hash" default:"" doc:"run hash; mpsim test compares it, mpsim test --update writes it. Needs [expect]"`
	Numbers []string `toml:"numbers" doc:"results with tolerance, such as \"goodput(dl) = 18.2Mbps +- 1%\" or \"max_gap(dl) = 80ms +- 2ms\"; mpsim test compares them, --update rewrites those that do not hold. Needs [expect]"`

	parsed []*pinned // of Numbers
}

// HashPos returns where the hash stands.
func (b *Baseline) HashPos() Pos { return b.valuePos("hash") }

// given reports whether there is anything to compare.
func (b *Baseline) given() bool { return b.Hash != "" || len(b.Numbers) > 0 }

// pinned is a parsed numeric baseline.
type pinned struct {
	text      string
	pos       Pos
	of        *exprNode
	want      quantity
	tolerance float64 // in the unit of want
	// percent: the tolerance was given as a part of the value.
	percent bool
	// valueFrom and valueTo are where the value stands in the text, in characters.
	valueFrom, valueTo int
}

// NumberReport is what became of one numeric baseline.
type NumberReport struct {
	Text  string
	Pos   Pos    // of the text
	Value string // what was measured
	Pass  bool
	Off   string // by how much the value is off, and what was allowed
	// Update is Text with the measured value in place of the old one; empty: the value
	// cannot be written, as that of something that never happened.
	Update string
}

// checkBaseline parses the baseline.
func (c *checker) checkBaseline(scope *nameScope) {
	b := &c.sc.Baseline
	if h := b.Hash; h != "" && !hashPattern.MatchString(h) {
		c.add(b.valuePos("hash"), "a run hash has 64 hexadecimal digits; run mpsim test --update to write it")
	}
	if b.given() && len(c.sc.Expect) == 0 {
		key, what := "hash", "a hash"
		if b.Hash == "" {
			key, what = "numbers", "what a run gave"
		}
		c.add(b.pos(key), "a baseline %s needs [expect]: %s alone does not say what is right", key, what)
	}
	for i, text := range b.Numbers {
		at := elementPos(b.table, "numbers", i)
		n, needs, fault := parsePinned(text, scope)
		if fault != nil {
			if at.Line > 0 {
				at.Col += 1 + fault.at // behind the opening quote
			}
			c.add(at, "baseline: %s", fault.msg)
			continue
		}
		n.pos = at
		b.parsed = append(b.parsed, n)
		c.observe(&needs)
	}
}

// parsePinned parses a numeric baseline. The error tells the offset in characters.
func parsePinned(text string, scope *nameScope) (n *pinned, needs exprNeeds, fault *exprError) {
	p := &exprParser{text: []rune(text), scope: scope}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *exprError:
			n, fault = nil, e // the parser gives up by panicking with its fault
		default:
			panic(e)
		}
	}()
	n = &pinned{text: text, of: p.sum()}
	p.needNumber(n.of)
	if !n.of.measured() {
		p.fail(n.of.at, "a baseline is a result of the run, such as goodput(%s) = 1Mbps +- 1%%", first(scope.flows, "flow"))
	}
	p.space()
	if p.peek() != '=' || p.pos+1 < len(p.text) && p.text[p.pos+1] == '=' {
		p.fail(p.pos, "expected \"=\" here: a baseline is METRIC = VALUE +- TOLERANCE")
	}
	p.pos++
	n.want, n.valueFrom, n.valueTo, _ = p.written()
	if n.want.dim != n.of.dim && n.want.v != 0 {
		p.fail(n.valueFrom, "%s is compared with %s", n.of.what(), n.want.dim)
	}
	n.want.dim = n.of.dim
	p.space()
	if p.pos+1 >= len(p.text) || string(p.text[p.pos:p.pos+2]) != "+-" {
		p.fail(p.pos, "expected \"+- TOLERANCE\" here, such as +- 1%%")
	}
	p.pos += 2
	q, from, _, percent := p.written()
	switch {
	case q.v < 0:
		p.fail(from, "a tolerance is not negative")
	case percent:
		n.tolerance = math.Abs(n.want.v) * q.v
	case q.dim != n.want.dim && q.v != 0:
		p.fail(from, "the tolerance is %s, not %s", q.dim, n.want.dim)
	default:
		n.tolerance = q.v
	}
	n.percent = percent
	if p.space(); p.pos < len(p.text) {
		p.fail(p.pos, "unexpected %q", string(p.text[p.pos:]))
	}
	return n, p.needs, nil
}

// written reads a number with its unit, and says where it stands and whether the unit
// is %.
func (p *exprParser) written() (q quantity, from, to int, percent bool) {
	p.space()
	from = p.pos
	sign := 1.0
	if p.peek() == '-' {
		p.pos++
		sign = -1
	}
	if c := p.peek(); !isDigitRune(c) && c != '.' {
		p.fail(p.pos, "expected a number here")
	}
	q = p.number().lit
	q.v *= sign
	return q, from, p.pos, p.text[p.pos-1] == '%'
}

// report compares a numeric baseline with the run.
func (n *pinned) report(v *view) NumberReport {
	is := n.of.eval(v)
	is.dim = n.want.dim
	off := is.v - n.want.v
	r := NumberReport{Text: n.text, Pos: n.pos, Value: is.String()}
	r.Pass = math.Abs(off) <= n.tolerance || near(math.Abs(off), n.tolerance) || near(is.v, n.want.v)
	by := quantity{v: off, dim: n.want.dim}
	allowed := quantity{v: n.tolerance, dim: n.want.dim}
	r.Off = fmt.Sprintf("%s off, +- %s allowed", signed(by, n.want.v), allowed)
	if value := is.literal(n.tolerance / 100); value != "" {
		text := []rune(n.text)
		r.Update = string(text[:n.valueFrom]) + value + string(text[n.valueTo:])
	}
	return r
}

// signed prints a difference with its sign, and as a part of what it is a difference from.
func signed(by quantity, of float64) string {
	text := by.String()
	if by.v >= 0 {
		text = "+" + text
	}
	if of != 0 && !math.IsInf(of, 0) && !math.IsInf(by.v, 0) {
		text += fmt.Sprintf(" (%+.3g %%)", 100*by.v/math.Abs(of))
	}
	return text
}

// literal writes the quantity so that it can be read back within an error; "": it is no
// finite number, or of a dimension without a unit.
func (q quantity) literal(within float64) string {
	if math.IsInf(q.v, 0) || math.IsNaN(q.v) || q.isText {
		return ""
	}
	unit, v := "", q.v
	switch q.dim {
	case dimNumber:
	case dimSize:
		unit = "B"
	case dimTime:
		unit = "s"
	case dimRate:
		unit, v = "Mbps", q.v*8/1e6
	default:
		return ""
	}
	for digits := 6; digits <= 17; digits++ {
		number := strconv.FormatFloat(v, 'g', digits, 64)
		back, err := literal(number, unit)
		if err == nil && (math.Abs(back.v-q.v) <= within || near(back.v, q.v)) {
			return number + unit
		}
	}
	return strconv.FormatFloat(v, 'g', -1, 64) + unit
}

// Numbers compares the numeric baselines with the run as it stands.
func (w *World) Numbers() []NumberReport {
	v := &view{w: w, now: w.sim.Now()}
	var out []NumberReport
	for _, n := range w.sc.Baseline.parsed {
		out = append(out, n.report(v))
	}
	return out
}
