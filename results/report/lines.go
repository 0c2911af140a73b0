package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// field is one member of an object of an event log: an integer or a text.
type field struct {
	key    string
	text   string
	number int64 // of 64 bits without a sign: the same bits
	isText bool
}

// parseLine reads a flat JSON object whose values are integers and strings, as event logs
// hold them, and appends its members to out.
func parseLine(line []byte, known words, out []field) ([]field, error) {
	p := lineParser{s: line, known: known}
	if !p.take('{') {
		return nil, errors.New("no JSON object")
	}
	for n := 0; !p.take('}'); n++ {
		if n > 0 && !p.take(',') {
			return nil, fmt.Errorf("column %d: want a comma", p.at+1)
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, fmt.Errorf("column %d: want a colon", p.at+1)
		}
		f := field{key: key}
		p.space()
		if p.at < len(p.s) && p.s[p.at] == '"' {
			f.isText = true
			f.text, err = p.text()
		} else {
			f.number, err = p.integer()
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if p.space(); p.at != len(p.s) {
		return nil, fmt.Errorf("column %d: the object has ended", p.at+1)
	}
	return out, nil
}

type lineParser struct {
	s     []byte
	at    int
	known words
}

// words are texts that occur again and again.
type words map[string]string

// maxWords bounds the texts that are kept.
const maxWords = 1 << 16

func (w words) of(b []byte) string {
	if s, ok := w[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(w) < maxWords {
		w[s] = s
	}
	return s
}

func (p *lineParser) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t' || p.s[p.at] == '\r' || p.s[p.at] == '\n') {
		p.at++
	}
}

func (p *lineParser) take(c byte) bool {
	p.space()
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

// text reads a string.
func (p *lineParser) text() (string, error) {
	p.space()
	begin := p.at
	if p.at >= len(p.s) || p.s[p.at] != '"' {
		return "", fmt.Errorf("column %d: want a string", p.at+1)
	}
	escaped := false
	for p.at++; p.at < len(p.s); p.at++ {
		switch p.s[p.at] {
		case '\\':
			escaped = true
			p.at++
		case '"':
			p.at++
			if !escaped {
				return p.known.of(p.s[begin+1 : p.at-1]), nil
			}
			var out string
			if err := json.Unmarshal(p.s[begin:p.at], &out); err != nil {
				return "", fmt.Errorf("column %d: %w", begin+1, err)
			}
			return out, nil
		}
	}
	return "", fmt.Errorf("column %d: the string has no end", begin+1)
}

// integer reads an integer of 64 bits with or without a sign.
func (p *lineParser) integer() (int64, error) {
	begin := p.at
	for p.at < len(p.s) && (p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at] == '-') {
		p.at++
	}
	text := string(p.s[begin:p.at])
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("column %d: want a string or an integer", begin+1)
	}
	return int64(v), nil
}
