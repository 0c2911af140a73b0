package radio

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strconv"

	"mpsim/sim"
)

const (
	// maxText bounds the uncompressed size of a file, 256 MiB, so that a small
	// gzip file cannot fill the memory. The longest known recording has 4 MiB.
	maxText = 256 << 20
	// maxLine bounds the length of a line in bytes.
	maxLine = 4096
)

// Error is a fault in a trace file.
type Error struct {
	File      string
	Line, Col int // from 1; columns are bytes
	Message   string
}

// Error returns file:line:col: message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
}

// text reads a file line by line and knows where it is.
type text struct {
	name   string
	r      *bufio.Reader
	line   int // of the line that next returned last; 0 before the first
	read   int64
	fields []field // reused
}

// field is one comma-separated value with its column.
type field struct {
	text []byte
	col  int
}

// newText begins to read r, unpacking it if it starts with gzip's magic number.
func newText(r io.Reader, name string) (*text, error) {
	plain := bufio.NewReaderSize(r, 64<<10)
	magic, err := plain.Peek(2)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &text{name: name, r: plain}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return t, nil
	}
	z, err := gzip.NewReader(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: damaged gzip file: %w", name, err)
	}
	t.r = bufio.NewReaderSize(z, 64<<10)
	return t, nil
}

func (t *text) errorAt(line, col int, format string, args ...any) error {
	return &Error{t.name, max(line, 1), col, fmt.Sprintf(format, args...)}
}

// at is an error in a field of the present line.
func (t *text) at(f field, format string, args ...any) error {
	return t.errorAt(t.line, f.col, format, args...)
}

// peek returns the first line without its line end, and does not consume it.
func (t *text) peek() (string, error) {
	head, err := t.r.Peek(maxLine)
	if len(head) == 0 {
		if err == io.EOF {
			return "", t.errorAt(1, 1, "the file is empty; a trace has at least one line")
		}
		return "", t.failed(err)
	}
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	return string(bytes.TrimSuffix(head, []byte{'\r'})), nil
}

// next returns the next line without '\n', valid until the call after it, or
// io.EOF.
func (t *text) next() ([]byte, error) {
	line, err := t.r.ReadSlice('\n')
	if len(line) == 0 && err == io.EOF {
		return nil, io.EOF
	}
	t.line++
	t.read += int64(len(line))
	switch {
	case err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull):
		return nil, t.failed(err)
	case len(line) > maxLine:
		return nil, t.errorAt(t.line, maxLine, "the line is longer than %d bytes; this is no link trace", maxLine)
	case t.read > maxText:
		return nil, t.errorAt(t.line, 1, "the file is larger than %d MiB", maxText>>20)
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), nil
}

// failed is a reading error, which is not the text's fault.
func (t *text) failed(err error) error {
	return fmt.Errorf("%s: after line %d: %w", t.name, t.line, err)
}

// row returns the fields of the next line of a CSV file, valid until the next
// call, or io.EOF. Lines may end in "\r\n". There are no quotes in any of the
// formats. Blank lines are allowed at the end of the file only.
func (t *text) row() ([]field, error) {
	line, err := t.next()
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, t.blank()
	}
	t.fields = t.fields[:0]
	for col := 1; ; {
		i := bytes.IndexByte(line, ',')
		if i < 0 {
			t.fields = append(t.fields, field{line, col})
			return t.fields, nil
		}
		t.fields = append(t.fields, field{line[:i], col})
		line = line[i+1:]
		col += i + 1
	}
}

// blank is called on a blank line. It returns io.EOF if nothing but blank lines
// follows, and else an error about this one.
func (t *text) blank() error {
	here := t.line
	for {
		line, err := t.next()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return t.errorAt(here, 1, "blank line inside the trace")
		}
	}
}

// empty is the error of a file that ends before its first row of data.
func (t *text) empty() error {
	return t.errorAt(t.line+1, 1, "no row follows the header; the trace is empty")
}

// bits reads a decimal number of the given unit in bits per second.
func (t *text) bits(f field, unit float64, unitName string) (sim.Rate, error) {
	for _, c := range f.text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, t.at(f, "%s is not a number of %s", quote(f.text), unitName)
		}
	}
	x, err := strconv.ParseFloat(string(f.text), 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, t.at(f, "%s is not a number of %s", quote(f.text), unitName)
	case x < 0:
		return 0, t.at(f, "rate %s %s is negative", f.text, unitName)
	case err != nil || x > float64(MaxRate)/unit:
		return 0, t.at(f, "rate %s %s is above %v; is the unit right?", f.text, unitName, MaxRate)
	}
	return sim.Rate(float64(x*unit) + 0.5), nil
}

// second reads an unsigned integer below 2^32.
func (t *text) second(f field, what string) (uint32, error) {
	n, err := strconv.ParseUint(string(f.text), 10, 32)
	switch {
	case err == nil:
		return uint32(n), nil
	case isDigits(f.text):
		return 0, t.at(f, "%s %s is larger than %d", what, quote(f.text), uint32(1<<32-1))
	}
	return 0, t.at(f, "%s is not a whole number, as %s must be", quote(f.text), what)
}
