package scenarios

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// place is where a key or an array element stands: the decoder of the TOML
// library gives values without positions, so the index is built beside it. The
// scanner below runs after the library has accepted the text; it need not
// check the grammar, only follow it.
type place struct {
	key, value lineCol
	children   map[string]*place // of a table
	items      []*place          // of an array
}

type lineCol struct{ line, col int }

func (p *place) child(name string) *place {
	c := p.children[name]
	if c == nil {
		if p.children == nil {
			p.children = make(map[string]*place)
		}
		c = new(place)
		p.children[name] = c
	}
	return c
}

// open returns the table that a header or dotted key means: of an array of
// tables the last one.
func (p *place) open(name string, at lineCol) *place {
	c := p.child(name)
	if c.key.line == 0 {
		c.key, c.value = at, at
	}
	if n := len(c.items); n > 0 {
		return c.items[n-1]
	}
	return c
}

// scanPlaces returns the places of all keys and array elements of a valid TOML
// text.
func scanPlaces(text string) *place {
	s := &scanner{text: text, line: 1}
	root := new(place)
	current := root
	for {
		s.skipBlank()
		switch {
		case s.pos >= len(s.text):
			return root
		case s.peek() == '[':
			current = s.header(root)
		default:
			s.keyValue(current)
		}
	}
}

type scanner struct {
	text      string
	pos       int
	line      int
	lineStart int
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) here() lineCol {
	return lineCol{s.line, 1 + utf8.RuneCountInString(s.text[s.lineStart:s.pos])}
}

// advance moves over n bytes, counting lines.
func (s *scanner) advance(n int) {
	for end := min(s.pos+n, len(s.text)); s.pos < end; s.pos++ {
		if s.text[s.pos] == '\n' {
			s.line++
			s.lineStart = s.pos + 1
		}
	}
}

// skipBlank moves over spaces, newlines and comments.
func (s *scanner) skipBlank() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.advance(1)
		case '#':
			if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
				s.advance(i)
			} else {
				s.pos = len(s.text)
			}
		default:
			return
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *scanner) header(root *place) *place {
	at := s.here()
	s.advance(1)
	array := s.peek() == '['
	if array {
		s.advance(1)
	}
	parts, _ := s.dottedKey()
	p := root
	for _, part := range parts[:len(parts)-1] {
		p = p.open(part, at)
	}
	last := parts[len(parts)-1]
	if array {
		c := p.child(last)
		if c.key.line == 0 {
			c.key, c.value = at, at
		}
		p = &place{key: at, value: at}
		c.items = append(c.items, p)
	} else {
		p = p.open(last, at)
		p.key, p.value = at, at
	}
	for s.peek() == ']' {
		s.advance(1)
	}
	return p
}

// keyValue reads key = value within table p.
func (s *scanner) keyValue(p *place) {
	parts, at := s.dottedKey()
	for i, part := range parts[:len(parts)-1] {
		p = p.open(part, at[i])
	}
	last := len(parts) - 1
	c := p.child(parts[last])
	c.key = at[last]
	s.advance(1) // the equals sign
	s.skipBlank()
	s.value(c)
}

// dottedKey reads the parts of a key up to '=' or ']'. It always makes progress
// and returns at least one part.
func (s *scanner) dottedKey() (parts []string, at []lineCol) {
	for s.pos < len(s.text) {
		s.skipBlank()
		at = append(at, s.here())
		start := s.pos
		if q := s.peek(); q == '"' || q == '\'' {
			s.str()
			part := s.text[start+1 : max(start+1, s.pos-1)]
			if u, err := strconv.Unquote(s.text[start:s.pos]); err == nil && q == '"' {
				part = u
			}
			parts = append(parts, part)
		} else {
			n := strings.IndexAny(s.text[s.pos:], " \t\r\n.=]#")
			if n < 0 {
				n = len(s.text) - s.pos
			}
			s.advance(n)
			parts = append(parts, s.text[start:s.pos])
		}
		s.skipBlank()
		if s.peek() != '.' {
			break
		}
		s.advance(1)
	}
	if len(parts) == 0 {
		return []string{""}, []lineCol{s.here()}
	}
	return parts, at
}

// value reads one value and records where it and what is in it stand.
func (s *scanner) value(p *place) {
	p.value = s.here()
	switch s.peek() {
	case '"', '\'':
		s.str()
	case '[':
		s.advance(1)
		for s.separated(']') {
			item := new(place)
			p.items = append(p.items, item)
			s.value(item)
			item.key = item.value
		}
	case '{':
		s.advance(1)
		for s.separated('}') {
			s.keyValue(p)
		}
	default:
		n := strings.IndexAny(s.text[s.pos:], ",]}#\n")
		if n < 0 {
			n = len(s.text) - s.pos
		}
		s.advance(n)
	}
}

// separated moves to the next element of an array or inline table; at the
// closing bracket it moves behind it and returns false.
func (s *scanner) separated(closing byte) bool {
	s.skipBlank()
	if s.peek() == ',' {
		s.advance(1)
		s.skipBlank()
	}
	if s.pos >= len(s.text) {
		return false
	}
	if s.peek() == closing {
		s.advance(1)
		return false
	}
	return true
}

// str moves over a string of any of the four kinds.
func (s *scanner) str() {
	quote := s.text[s.pos : s.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.text[s.pos:], triple) {
		s.advance(3)
		for s.pos < len(s.text) && !strings.HasPrefix(s.text[s.pos:], triple) {
			s.step(quote)
		}
		s.advance(3)
		for i := 0; i < 2 && s.peek() == quote[0]; i++ { // quotes before the closing three
			s.advance(1)
		}
		return
	}
	s.advance(1)
	for s.pos < len(s.text) && s.peek() != quote[0] && s.peek() != '\n' {
		s.step(quote)
	}
	s.advance(1)
}

// step moves over one character or escape of a string.
func (s *scanner) step(quote string) {
	if quote == `"` && s.peek() == '\\' {
		s.advance(2)
		return
	}
	s.advance(1)
}
