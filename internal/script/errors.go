package script

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Error is something that is wrong at a place of a script. It is the panic value
// of a call that failed while a simulation ran.
type Error struct {
	Name      string // of the file
	Line, Col int    // from 1, Col in characters
	Message   string
	// Backtrace are the calls that led to the place, the outermost first, one
	// line each; empty for what was found when the script was read.
	Backtrace []string
	// Owner is what the plug-in belongs to, see [File.For].
	Owner string
}

// Error returns "file:line:col: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Col, e.Message)
}

// Errors is everything that is wrong with a script that was read.
type Errors []*Error

// Error returns one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func at(pos syntax.Position, message string) *Error {
	return &Error{Name: pos.Filename(), Line: int(pos.Line), Col: int(pos.Col), Message: message}
}

// callError describes a call that failed: the place is the innermost one in the
// script.
func (f *File) callError(err error) *Error {
	out := &Error{Name: f.Name, Line: 1, Col: 1, Message: err.Error(), Owner: f.owner}
	var e *starlark.EvalError
	if !errors.As(err, &e) {
		return out
	}
	out.Message = strings.TrimPrefix(e.Msg, "Starlark computation cancelled: ")
	for _, frame := range e.CallStack {
		if frame.Pos.Filename() != f.Name {
			// A function that is built in: its caller is the place.
			if !strings.HasPrefix(out.Message, frame.Name+": ") && !strings.HasPrefix(out.Message, frame.Name+"(") {
				out.Message = frame.Name + ": " + out.Message
			}
			continue
		}
		out.Line, out.Col = int(frame.Pos.Line), int(frame.Pos.Col)
		out.Backtrace = append(out.Backtrace, fmt.Sprintf("%s: in %s", frame.Pos, frame.Name))
	}
	return out
}
