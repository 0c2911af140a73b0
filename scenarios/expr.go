package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mpsim/sim/trace"
)

// An expectation is a comparison, possibly chained, of arithmetic over numbers
// with units and metrics of the run:
//
//	comparison = sum op sum [op sum]       op = "==" | "!=" | "<=" | ">=" | "<" | ">"
//	sum        = product { ("+" | "-") product }
//	product    = unary { ("*" | "/") unary }
//	unary      = ["-"] ( number[unit] | 'text' | name "(" args ")" | "(" sum ")" )
//
// A name may hold '-' and '.' between letters and digits, as in
// lte-mptcp.down; a minus sign therefore has a space before it. Dimensions are
// checked when the scenario is loaded: a time is not compared with a rate. The
// number 0 fits any dimension.

// exprNode is a node of the syntax tree.
type exprNode struct {
	at     int // offset in characters within the expression
	op     string
	lit    quantity
	metric *Metric
	args   []exprArg
	kids   []*exprNode
	dim    dimension
	isText bool
	zero   bool // the literal 0, which fits any dimension
}

// exprArg is one argument of a metric: a name, or a value.
type exprArg struct {
	name string
	node *exprNode
}

// comparison is a parsed expectation.
type comparison struct {
	sides []*exprNode
	ops   []string
}

// nameScope tells which names an expectation may use.
type nameScope struct {
	media        []string
	flows, links []string            // links with direction
	ifaces       map[string][]string // client interfaces by flow
	boxes        []string
	groups       []string
	values       map[string]quantity // of a Condition, which has no run
}

// exprError is a fault in an expression.
type exprError struct {
	at  int
	msg string
}

type exprParser struct {
	text  []rune
	pos   int
	scope *nameScope
	needs exprNeeds
}

// exprNeeds is what has to be observed during the run for an expectation.
type exprNeeds struct {
	links, flows []string // every 10 ms
	records      bool     // of timeouts and recoveries
	order        []string // flows: in which order their data arrives
}

// parseComparison parses an expectation. The error tells the offset in
// characters.
func parseComparison(text string, scope *nameScope) (c *comparison, needs exprNeeds, fault *exprError) {
	p := &exprParser{text: []rune(text), scope: scope}
	defer func() { fault = faultOf(recover(), fault) }() // the parser gives up by panicking with its fault
	c = new(comparison)
	c.sides = append(c.sides, p.sum())
	for {
		p.space()
		op := p.operator()
		if op == "" {
			break
		}
		right := p.sum()
		p.comparable(c.sides[len(c.sides)-1], right, op)
		c.sides = append(c.sides, right)
		c.ops = append(c.ops, op)
	}
	if p.pos < len(p.text) {
		p.fail(p.pos, "unexpected %q", string(p.text[p.pos:]))
	}
	if len(c.ops) == 0 {
		p.fail(0, "an expectation is a comparison, such as goodput(%s) >= 1Mbps", first(scope.flows, "flow"))
	}
	return c, p.needs, nil
}

func first(list []string, other string) string {
	if len(list) > 0 {
		return list[0]
	}
	return other
}

func (p *exprParser) fail(at int, format string, args ...any) {
	panic(&exprError{at, fmt.Sprintf(format, args...)})
}

func (p *exprParser) space() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t' || p.text[p.pos] == '\n') {
		p.pos++
	}
}

func (p *exprParser) peek() rune {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *exprParser) operator() string {
	rest := string(p.text[p.pos:])
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(rest, op) {
			p.pos += len(op)
			return op
		}
	}
	if p.peek() == '=' {
		p.fail(p.pos, "\"=\" is not a comparison; did you mean \"==\"?")
	}
	return ""
}

// comparable checks that two sides may be compared.
func (p *exprParser) comparable(a, b *exprNode, op string) {
	if a.isText != b.isText || (!a.isText && a.dim != b.dim && !a.zero && !b.zero) {
		p.fail(b.at, "%s is compared with %s", a.what(), b.what())
	}
	if a.isText && op != "==" && op != "!=" {
		p.fail(b.at, "texts can be compared by == and != only")
	}
}

// what describes the type of a node.
func (n *exprNode) what() string {
	if n.isText {
		return "a text"
	}
	return n.dim.String()
}

func (p *exprParser) sum() *exprNode {
	left := p.product()
	for {
		p.space()
		op := p.peek()
		if op != '+' && op != '-' {
			return left
		}
		p.pos++
		right := p.product()
		p.needNumber(left)
		p.needNumber(right)
		if left.dim != right.dim && !left.zero && !right.zero {
			p.fail(right.at, "%s and %s cannot be added", left.what(), right.what())
		}
		n := &exprNode{at: left.at, op: string(op), kids: []*exprNode{left, right}, dim: left.dim}
		if left.zero {
			n.dim = right.dim
		}
		left = n
	}
}

func (p *exprParser) product() *exprNode {
	left := p.unary()
	for {
		p.space()
		op := p.peek()
		if op != '*' && op != '/' {
			return left
		}
		p.pos++
		right := p.unary()
		p.needNumber(left)
		p.needNumber(right)
		n := &exprNode{at: left.at, op: string(op), kids: []*exprNode{left, right}}
		sign := int8(1)
		if op == '/' {
			sign = -1
		}
		n.dim = dimension{left.dim.bytes + sign*right.dim.bytes, left.dim.seconds + sign*right.dim.seconds}
		left = n
	}
}

func (p *exprParser) needNumber(n *exprNode) {
	if n.isText {
		p.fail(n.at, "arithmetic with a text")
	}
}

func (p *exprParser) unary() *exprNode {
	p.space()
	at := p.pos
	switch c := p.peek(); {
	case c == '-':
		p.pos++
		n := p.unary()
		p.needNumber(n)
		return &exprNode{at: at, op: "neg", kids: []*exprNode{n}, dim: n.dim, zero: n.zero}
	case c == '(':
		p.pos++
		n := p.sum()
		p.space()
		p.expect(')')
		return n
	case c == '\'' || c == '"':
		p.pos++
		start := p.pos
		for p.pos < len(p.text) && p.text[p.pos] != c {
			p.pos++
		}
		text := string(p.text[start:p.pos])
		p.expect(c)
		return &exprNode{at: at, lit: quantity{text: text, isText: true}, isText: true}
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	case isLetter(c):
		return p.call()
	case c == 0:
		p.fail(at, "the expression ends where a value is expected")
	default:
		p.fail(at, "unexpected %q", string(c))
	}
	return nil
}

func (p *exprParser) expect(c rune) {
	if p.peek() != c {
		p.fail(p.pos, "expected %q here", string(c))
	}
	p.pos++
}

func isLetter(c rune) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isDigitRune(c rune) bool { return c >= '0' && c <= '9' }

func (p *exprParser) number() *exprNode {
	at := p.pos
	for isDigitRune(p.peek()) || p.peek() == '.' {
		p.pos++
	}
	if c := p.peek(); (c == 'e' || c == 'E') && p.exponentFollows() {
		p.pos += 2
		for isDigitRune(p.peek()) {
			p.pos++
		}
	}
	number := string(p.text[at:p.pos])
	start := p.pos
	for isLetter(p.peek()) || p.peek() == '%' {
		p.pos++
	}
	q, err := literal(number, string(p.text[start:p.pos]))
	if err != nil {
		p.fail(at, "%v", err)
	}
	return &exprNode{at: at, lit: q, dim: q.dim, zero: q.v == 0 && q.dim == dimNumber}
}

func (p *exprParser) exponentFollows() bool {
	if p.pos+1 >= len(p.text) {
		return false
	}
	c := p.text[p.pos+1]
	return isDigitRune(c) || ((c == '-' || c == '+') && p.pos+2 < len(p.text) && isDigitRune(p.text[p.pos+2]))
}

// name reads a name with '-' and '.' between letters and digits.
func (p *exprParser) name() string {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		inner := (c == '-' || c == '.') && p.pos > start && p.pos+1 < len(p.text) &&
			(isLetter(p.text[p.pos+1]) || isDigitRune(p.text[p.pos+1]))
		if !isLetter(c) && !(isDigitRune(c) && p.pos > start) && !inner {
			break
		}
		p.pos++
	}
	return string(p.text[start:p.pos])
}

// call reads NAME(args).
func (p *exprParser) call() *exprNode {
	at := p.pos
	name := p.name()
	if q, ok := p.scope.values[name]; ok {
		return &exprNode{at: at, lit: q, dim: q.dim, isText: q.isText, zero: q.v == 0 && q.dim == dimNumber && !q.isText}
	}
	m := findMetric(name)
	if p.scope.values != nil && (m == nil || !m.generic) {
		p.fail(at, "unknown name %q%s", name, didYouMean(name, slices.Sorted(maps.Keys(p.scope.values))))
	}
	if m == nil {
		p.fail(at, "unknown metric %q%s", name, didYouMean(name, metricNames()))
	}
	n := &exprNode{at: at, metric: m, dim: m.result, isText: m.isText}
	p.needs.records = p.needs.records || m.records
	p.space()
	p.expect('(')
	flow := ""
	for i := 0; ; i++ {
		p.space()
		if p.peek() == ')' {
			p.pos++
			if i < m.required() {
				p.fail(at, "%s needs %s", name, m.Params[i].Name)
			}
			break
		}
		if i >= len(m.Params) {
			p.fail(p.pos, "too many arguments: %s", m.Usage())
		}
		if i > 0 {
			p.expect(',')
			p.space()
		}
		arg := p.argument(m, i, flow)
		if m.Params[i].kind == argFlow {
			flow = arg.name
		}
		n.args = append(n.args, arg)
	}
	if m.generic {
		p.unify(n)
	}
	return n
}

// unify gives a generic metric such as max the dimension of its arguments.
func (p *exprParser) unify(n *exprNode) {
	n.dim = n.args[0].node.dim
	for _, a := range n.args[1:] {
		if a.node.dim != n.dim && !a.node.zero {
			p.fail(a.node.at, "%s of %v and %s", n.metric.Name, n.dim, a.node.what())
		}
	}
}

// argument reads argument i of a metric; flow is the flow named before it.
func (p *exprParser) argument(m *Metric, i int, flow string) exprArg {
	param := &m.Params[i]
	at := p.pos
	known := map[argKind][]string{
		argFlow: p.scope.flows, argLink: p.scope.links, argIface: p.scope.ifaces[flow], argBox: p.scope.boxes, argMedium: p.scope.media, argDevice: radioDevices(),
		argGroup: p.scope.groups, argSight: sightNames(),
	}
	switch param.kind {
	case argFlow, argLink, argIface, argBox, argGroup, argMedium, argDevice, argSight:
		name := p.name()
		if name == "" {
			p.fail(at, "expected the name of %s", param.kind)
		}
		if !slices.Contains(known[param.kind], name) {
			p.fail(at, "no %s %q%s", param.kind, name, didYouMean(name, known[param.kind]))
		}
		switch {
		case m.fine && param.kind == argLink:
			p.needs.links = append(p.needs.links, name)
		case m.order && param.kind == argFlow:
			p.needs.order = append(p.needs.order, name)
		case m.fine && param.kind == argFlow:
			p.needs.flows = append(p.needs.flows, name)
		}
		return exprArg{name: name}
	case argPattern:
		return exprArg{name: p.pattern(at)}
	case argReason:
		name := p.name()
		if _, known := trace.ParseReason(name); !known {
			p.fail(at, "no reason %q", name)
		}
		return exprArg{name: name}
	case argName:
		name := p.name()
		if known := counterNames(); !slices.Contains(known, name) {
			p.fail(at, "no counter %q%s", name, didYouMean(name, known))
		}
		return exprArg{name: name}
	}
	n := p.sum()
	if want := param.kind.dim(); !m.generic && (n.isText || (n.dim != want && !n.zero)) {
		p.fail(n.at, "%s of %s is %v, not %s", param.Name, m.Name, want, n.what())
	}
	return exprArg{node: n}
}

// pattern reads a text that means at least one link direction.
func (p *exprParser) pattern(at int) string {
	n := p.unary()
	if n.op != "" || !n.isText || n.metric != nil {
		p.fail(at, "expected a text such as 'c*.up'")
	}
	if !slices.ContainsFunc(p.scope.links, func(l string) bool { return glob(n.lit.text, l) }) {
		p.fail(at, "no link direction is named %q%s", n.lit.text, didYouMean(n.lit.text, p.scope.links))
	}
	return n.lit.text
}
