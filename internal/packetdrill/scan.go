package packetdrill

import (
	"fmt"
	"strings"
)

// scanner is a cursor in the text of a script. White space and comments separate
// words and mean nothing else.
type scanner struct {
	file  string
	text  string
	at    int
	line  int
	start int // of the line
}

// bail carries an [Error] out of the parser; [Parse] catches it.
type bail struct{ err *Error }

func (s *scanner) pos() Pos { return Pos{s.file, s.line, s.at - s.start + 1} }

// fail ends the parsing with a message at the current place.
func (s *scanner) fail(format string, args ...any) {
	s.failAt(s.pos(), format, args...)
}

func (s *scanner) failAt(p Pos, format string, args ...any) {
	panic(bail{&Error{p, fmt.Sprintf(format, args...)}})
}

// move goes on by n bytes, which may hold line ends.
func (s *scanner) move(n int) {
	for i := s.at; i < s.at+n; i++ {
		if s.text[i] == '\n' {
			s.line++
			s.start = i + 1
		}
	}
	s.at += n
}

// skip goes behind white space and comments.
func (s *scanner) skip() {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n':
			s.move(1)
		case strings.HasPrefix(rest, "//") || rest[0] == '#':
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			s.move(n)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				s.fail("comment without end")
			}
			s.move(n + 4)
		default:
			return
		}
	}
}

// done reports whether nothing but white space is left.
func (s *scanner) done() bool {
	s.skip()
	return s.at == len(s.text)
}

// peek returns the next byte behind white space, or 0.
func (s *scanner) peek() byte {
	if s.done() {
		return 0
	}
	return s.text[s.at]
}

// looking reports whether the text goes on with lit.
func (s *scanner) looking(lit string) bool {
	s.skip()
	return strings.HasPrefix(s.text[s.at:], lit)
}

// accept takes lit if the text goes on with it.
func (s *scanner) accept(lit string) bool {
	if s.looking(lit) {
		s.move(len(lit))
		return true
	}
	return false
}

// expect takes lit or fails.
func (s *scanner) expect(lit string) {
	if !s.accept(lit) {
		s.fail("%q expected, found %s", lit, s.found())
	}
}

// found says what the text goes on with, for messages.
func (s *scanner) found() string {
	if s.done() {
		return "the end of the script"
	}
	if w := s.peekWord(); w != "" {
		return fmt.Sprintf("%q", w)
	}
	return fmt.Sprintf("%q", s.text[s.at:s.at+1])
}

func isWordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// peekWord returns the run of letters, digits and underscores ahead.
func (s *scanner) peekWord() string {
	s.skip()
	n := s.at
	for n < len(s.text) && isWordByte(s.text[n]) {
		n++
	}
	return s.text[s.at:n]
}

// word takes a word or fails, saying what was wanted.
func (s *scanner) word(want string) string {
	w := s.peekWord()
	if w == "" {
		s.fail("%s expected, found %s", want, s.found())
	}
	s.move(len(w))
	return w
}

// acceptWord takes the word w if it is the next one.
func (s *scanner) acceptWord(w string) bool {
	if s.peekWord() == w {
		s.move(len(w))
		return true
	}
	return false
}

// number takes a number up to max: decimal, or hexadecimal behind 0x.
func (s *scanner) number(want string, max uint64) uint64 {
	at := s.pos()
	w := s.word(want)
	n, ok := parseNumber(w)
	if !ok {
		s.failAt(at, "%s expected, found %q", want, w)
	}
	if n > max {
		s.failAt(at, "%s is at most %d", want, max)
	}
	return n
}

// parseNumber reads an unsigned number without sign and without octal form.
func parseNumber(w string) (n uint64, ok bool) {
	base, digits := uint64(10), w
	if len(w) > 2 && (strings.HasPrefix(w, "0x") || strings.HasPrefix(w, "0X")) {
		base, digits = 16, w[2:]
	}
	if digits == "" {
		return 0, false
	}
	for i := range len(digits) {
		d, isDigit := digit(digits[i])
		if !isDigit || d >= base || n > (1<<64-1-d)/base {
			return 0, false
		}
		n = n*base + d
	}
	return n, true
}

func digit(c byte) (uint64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return uint64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return uint64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return uint64(c-'A') + 10, true
	}
	return 0, false
}

// until takes the text up to lit and lit itself, and returns what stood before.
func (s *scanner) until(lit, what string) string {
	n := strings.Index(s.text[s.at:], lit)
	if n < 0 {
		s.fail("%s without end", what)
	}
	t := s.text[s.at : s.at+n]
	s.move(n + len(lit))
	return t
}
