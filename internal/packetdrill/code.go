package packetdrill

import (
	"fmt"
	"strings"
)

// code evaluates %{ ... }% with the variables of TCP_INFO of the connection that
// was accepted or opened last. Of Python there are assertions, expressions over
// whole numbers and names, and nothing else:
//
//	assert tcpi_snd_cwnd == 10 and tcpi_unacked <= 4, tcpi_snd_cwnd
func (r *runner) code(e *Event) {
	if !r.hasFD {
		r.errorAt(e.Code.Pos, "there is no connection whose TCP_INFO is meant")
	}
	vars := r.sys.Info(r.lastFD)
	if vars == nil {
		r.errorAt(e.Code.Pos, "the socket has no TCP_INFO")
	}
	for _, stmt := range statements(e.Code.Text) {
		c := &evaluator{text: stmt, vars: vars}
		ok, msg := c.assertion()
		switch {
		case c.err != "":
			r.errorAt(e.Code.Pos, "%s: %s", stmt, c.err)
		case !ok:
			r.fail(e.Code.Pos, e, "the assertion fails: %s%s", stmt, msg)
		}
	}
}

// statements splits code at line ends and semicolons; a backslash or an open
// parenthesis continues a line.
func statements(text string) (out []string) {
	depth, start := 0, 0
	cut := func(end int) {
		if s := strings.TrimSpace(strings.ReplaceAll(text[start:end], "\\\n", " ")); s != "" {
			out = append(out, s)
		}
		start = end + 1
	}
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ';' || c == '\n' && depth <= 0 && (i == 0 || text[i-1] != '\\'):
			cut(i)
		}
	}
	cut(len(text))
	return out
}

// constants are those that the generated program of the original tool defines.
var constants = map[string]int64{
	"TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
	"True": 1, "False": 0,
	"TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5,
	"TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
}

// evaluator is a recursive descent over one statement.
type evaluator struct {
	text  string
	at    int
	depth int
	vars  map[string]int64
	err   string
	used  []string // names, for the message
}

// assertion evaluates "assert expr [, message]". The text returned tells the
// values of the names.
func (c *evaluator) assertion() (ok bool, values string) {
	if !c.take("assert") {
		c.fail("only assert is supported")
		return false, ""
	}
	v := c.or()
	c.space()
	if c.at < len(c.text) && c.text[c.at] != ',' {
		c.fail("%q is not understood", c.text[c.at:])
	}
	if v != 0 {
		return true, ""
	}
	for _, n := range c.used {
		values += fmt.Sprintf("\n      %s = %d", n, c.vars[n])
	}
	return false, values
}

func (c *evaluator) fail(format string, args ...any) {
	if c.err == "" {
		c.err = fmt.Sprintf(format, args...)
	}
	c.at = len(c.text)
}

func (c *evaluator) space() {
	for c.at < len(c.text) && strings.IndexByte(" \t\r\n", c.text[c.at]) >= 0 {
		c.at++
	}
}

// take takes an operator or a word.
func (c *evaluator) take(op string) bool {
	c.space()
	rest := c.text[c.at:]
	if !strings.HasPrefix(rest, op) {
		return false
	}
	if isWordByte(op[0]) && len(rest) > len(op) && isWordByte(rest[len(op)]) {
		return false
	}
	c.at += len(op)
	return true
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (c *evaluator) or() int64 {
	v := c.and()
	for c.take("or") {
		w := c.and()
		v = truth(v != 0 || w != 0)
	}
	return v
}

func (c *evaluator) and() int64 {
	v := c.not()
	for c.take("and") {
		w := c.not()
		v = truth(v != 0 && w != 0)
	}
	return v
}

func (c *evaluator) not() int64 {
	if c.depth++; c.depth > 100 {
		c.fail("nested too deep")
		return 0
	}
	defer func() { c.depth-- }()
	if c.take("not") {
		return truth(c.not() == 0)
	}
	return c.comparison()
}

// comparison is Python's, where a < b < c means both.
func (c *evaluator) comparison() int64 {
	v := c.sum()
	all, any := true, false
	for {
		op := ""
		for _, o := range []string{"==", "!=", "<=", ">=", "<", ">"} {
			if c.take(o) {
				op = o
				break
			}
		}
		if op == "" {
			if any {
				return truth(all)
			}
			return v
		}
		w := c.sum()
		any = true
		switch op {
		case "==":
			all = all && v == w
		case "!=":
			all = all && v != w
		case "<=":
			all = all && v <= w
		case ">=":
			all = all && v >= w
		case "<":
			all = all && v < w
		case ">":
			all = all && v > w
		}
		v = w
	}
}

func (c *evaluator) sum() int64 {
	v := c.product()
	for {
		switch {
		case c.take("+"):
			v += c.product()
		case c.take("-"):
			v -= c.product()
		default:
			return v
		}
	}
}

func (c *evaluator) product() int64 {
	v := c.factor()
	for {
		switch {
		case c.take("*"):
			v *= c.factor()
		case c.take("//"):
			v = c.divide(v, c.factor(), false)
		case c.take("%"):
			v = c.divide(v, c.factor(), true)
		default:
			return v
		}
	}
}

// divide rounds down, as Python's // does.
func (c *evaluator) divide(v, w int64, rest bool) int64 {
	if w == 0 {
		c.fail("division by zero")
		return 0
	}
	q, m := v/w, v%w
	if m != 0 && (m < 0) != (w < 0) {
		q, m = q-1, m+w
	}
	if rest {
		return m
	}
	return q
}

func (c *evaluator) factor() int64 {
	if c.depth++; c.depth > 100 {
		c.fail("nested too deep")
		return 0
	}
	defer func() { c.depth-- }()
	switch {
	case c.take("-"):
		return -c.factor()
	case c.take("("):
		v := c.or()
		if !c.take(")") {
			c.fail("a parenthesis is open")
		}
		return v
	}
	c.space()
	start := c.at
	for c.at < len(c.text) && isWordByte(c.text[c.at]) {
		c.at++
	}
	w := c.text[start:c.at]
	if n, ok := parseNumber(w); ok {
		return int64(n)
	}
	if n, ok := constants[w]; ok {
		return n
	}
	n, ok := c.vars[w]
	switch {
	case ok:
		c.used = append(c.used, w)
	case w == "":
		c.fail("a number or a name expected at %q", c.text[start:])
	default:
		c.fail("there is no variable %s", w)
	}
	return n
}
