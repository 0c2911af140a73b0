package packetdrill

import (
	"math"
	"strings"
)

// maxDepth bounds how deep arguments are nested.
const maxDepth = 16

// syscall reads name(args) = result [ERRNO] [(text)].
func (p *parser) syscall() *Syscall {
	c := &Syscall{Pos: p.pos()}
	c.Name = p.word("system call")
	p.expect("(")
	for !p.accept(")") {
		c.Args = append(c.Args, p.expr(0))
		if !p.looking(")") {
			p.expect(",")
		}
	}
	p.expect("=")
	c.Result = p.expr(0)
	if c.Result.Kind != ExprNumber && c.Result.Kind != ExprEllipsis {
		p.failAt(c.Result.Pos, "the result of a system call is a number or ...")
	}
	if w := p.peekWord(); strings.HasPrefix(w, "E") {
		p.move(len(w))
		c.Errno = w
	}
	if c.Errno != "" && c.Result.N != -1 {
		p.failAt(c.Result.Pos, "%s comes with the result -1", c.Errno)
	}
	if p.accept("(") {
		p.comment()
	}
	return c
}

// comment goes behind the parenthesis that ends the text of a result.
func (p *parser) comment() {
	at := p.pos()
	for depth := 1; depth > 0; p.move(1) {
		if p.at == len(p.text) {
			p.failAt(at, "the text has no end")
		}
		switch p.text[p.at] {
		case '(':
			depth++
		case ')':
			depth--
		}
	}
}

// expr reads an argument.
func (p *parser) expr(depth int) *Expr {
	p.skip()
	e := &Expr{Pos: p.pos()}
	if depth > maxDepth {
		p.fail("nested deeper than %d", maxDepth)
	}
	switch c := p.peek(); {
	case p.accept("..."):
		e.Kind = ExprEllipsis
	case c == '"':
		p.move(1)
		e.Kind, e.Text = ExprString, p.until(`"`, "string")
	case c == '[':
		p.move(1)
		e.Kind = ExprList
		p.members(e, "]", depth)
	case c == '{':
		p.move(1)
		e.Kind = ExprStruct
		p.members(e, "}", depth)
	case c == '-':
		p.move(1)
		e.Kind, e.N = ExprNumber, -int64(p.number("number", math.MaxInt64))
	default:
		p.symbol(e, depth)
	}
	return e
}

// symbol reads a number, a function or words joined by |.
func (p *parser) symbol(e *Expr, depth int) {
	w := p.word("argument")
	if n, ok := parseNumber(w); ok {
		if n > math.MaxInt64 {
			p.failAt(e.Pos, "%s is too large", w)
		}
		e.Kind, e.N = ExprNumber, int64(n)
		return
	}
	e.Words = []string{w}
	if p.accept("(") {
		e.Kind = ExprCall
		p.members(e, ")", depth)
		return
	}
	e.Kind = ExprWord
	for p.accept("|") {
		e.Words = append(e.Words, p.word("symbol"))
	}
}

// members reads the members of a list, a struct or a function up to end. In a
// struct they may have names: name=value or name(n)=value.
func (p *parser) members(e *Expr, end string, depth int) {
	for !p.accept(end) {
		m := p.expr(depth + 1)
		name := ""
		if len(m.Words) > 0 && p.accept("=") {
			name = m.Words[0]
			m = p.expr(depth + 1)
		}
		e.List = append(e.List, m)
		e.Names = append(e.Names, name)
		if !p.looking(end) {
			p.expect(",")
		}
	}
}

// member returns the member of a struct with the given name, or nil.
func (e *Expr) member(name string) *Expr {
	for i, n := range e.Names {
		if n == name {
			return e.List[i]
		}
	}
	return nil
}

// text returns the symbol of a word, joined by |.
func (e *Expr) text() string { return strings.Join(e.Words, "|") }
