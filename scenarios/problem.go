package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a scenario file, or an override on the command line.
type Pos struct {
	File      string // file name, or "--set key"
	Line, Col int    // from 1, Col in characters; Line 0: File alone says it
}

// String prints file:line:col, the form that editors understand.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong with a scenario.
type Problem struct {
	Pos     Pos
	Message string // what is wrong and what was meant, without a final stop
}

// Error returns "file:line:col: message".
func (p Problem) Error() string { return p.Pos.String() + ": " + p.Message }

// Problems is everything that is wrong with a scenario: the error of Load.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// problemList collects problems while a scenario is read, so that all are
// reported at once.
type problemList struct {
	all  []Problem
	seen map[Problem]bool
	at   map[Pos]int // how many problems a place has
	// taken are the places of problems that were found while the values were
	// read: what is found there later is a consequence.
	taken map[Pos]bool
}

// mostAtOnePlace bounds what the copies of a repeated entry report.
const mostAtOnePlace = 8

// add records a problem; the same one again (from an entry that is repeated)
// is dropped.
func (l *problemList) add(at Pos, format string, args ...any) {
	p := Problem{at, fmt.Sprintf(format, args...)}
	if l.seen[p] || l.taken[at] || l.at[at] >= mostAtOnePlace {
		return
	}
	if l.seen == nil {
		l.seen, l.at = make(map[Problem]bool), make(map[Pos]int)
	}
	l.seen[p] = true
	l.at[at]++
	l.all = append(l.all, p)
}

// consequences begins the search for problems beyond single values.
func (l *problemList) consequences() {
	l.taken = make(map[Pos]bool)
	for _, p := range l.all {
		l.taken[p.Pos] = true
	}
}

// err returns the problems in the order of their places, or nil.
func (l *problemList) err() error {
	if len(l.all) == 0 {
		return nil
	}
	slices.SortStableFunc(l.all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return Problems(l.all)
}
