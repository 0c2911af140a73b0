package explain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mpsim/results"
	"mpsim/sim"
)

// Two runs are compared as they were recorded: by the event logs, summaries and hashes of
// their directories. Nothing is carried out again, so that they may be of different
// versions of mpsim. The state that a scheduler saw is not in a log; the reason is.

// GrantDifference is the first grant of a scheduler that differs between two event logs.
type GrantDifference struct {
	At sim.Time `json:"time_ns"`
	// Number is how many grants before were equal.
	Number uint64 `json:"number"`
	// A and B are the records; null: there are no more.
	A json.RawMessage `json:"a"`
	B json.RawMessage `json:"b"`
}

// Recorded compares two run directories as they are. Both need an event log
// (mpsim run --events=all).
func Recorded(dirA, dirB string) (*Difference, error) {
	d := &Difference{Schema: 1}
	var s [2]results.Summary
	for i, dir := range []string{dirA, dirB} {
		o, err := recordedOrigin(dir, &s[i])
		if err != nil {
			return nil, err
		}
		*[]*Origin{&d.A, &d.B}[i] = o
	}
	d.Equal = d.A.Hash == d.B.Hash
	d.Setup = results.CompareSetup(&s[0], &s[1])
	d.Metrics = results.Compare(&s[0], &s[1])
	if d.Equal {
		return d, nil
	}
	read := func(find func(a, b io.Reader) error) error {
		a, err := os.Open(filepath.Join(dirA, results.EventsName))
		if err != nil {
			return fmt.Errorf("%w (the log is written by mpsim run --events=all)", err)
		}
		defer a.Close()
		b, err := os.Open(filepath.Join(dirB, results.EventsName))
		if err != nil {
			return fmt.Errorf("%w (the log is written by mpsim run --events=all)", err)
		}
		defer b.Close()
		return find(a, b)
	}
	err := read(func(a, b io.Reader) (err error) { d.Event, err = firstEvent(a, b); return })
	if err == nil {
		err = read(func(a, b io.Reader) (err error) { d.Grant, err = firstGrant(a, b); return })
	}
	return d, err
}

func recordedOrigin(dir string, s *results.Summary) (Origin, error) {
	m, err := results.ReadManifest(dir)
	if err != nil {
		return Origin{}, err
	}
	if err := m.Verify(dir); err != nil {
		return Origin{}, err
	}
	file := filepath.Join(dir, results.SummaryName)
	b, err := os.ReadFile(file)
	if err != nil {
		return Origin{}, err
	}
	if err := json.Unmarshal(b, s); err != nil {
		return Origin{}, fmt.Errorf("%s: %w", file, err)
	}
	return Origin{Run: dir, Scenario: m.Scenario, Seed: m.Seed, Replication: m.Replication, Hash: m.Hash, Recorded: true}, nil
}

// logReader reads the records of a log that are compared.
type logReader struct {
	r    *bufio.Reader
	only string // the kind that counts; empty: all but the waiting
}

// recordHead is what is needed of every record.
type recordHead struct {
	At   sim.Time `json:"time_ns"`
	Kind string   `json:"kind"`
}

// next returns the next record, or nil at the end.
func (l *logReader) next() (json.RawMessage, error) {
	for {
		line, err := l.r.ReadBytes('\n')
		line = bytes.TrimSpace(line)
		if len(line) > 0 {
			want := []byte(`"kind":"` + l.only + `"`)
			if l.only == "" && !bytes.Contains(line, []byte(`"kind":"wait"`)) || l.only != "" && bytes.Contains(line, want) {
				return line, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
}

// sameLine reports whether two records are the same; the reason of a grant is the
// scheduler's and no part of the hash.
func sameLine(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil || headOf(a).Kind != "grant" || headOf(b).Kind != "grant" {
		return false
	}
	return bytes.Equal(withoutWhy(a), withoutWhy(b))
}

func headOf(line json.RawMessage) (h recordHead) {
	if json.Unmarshal(line, &h) != nil {
		return recordHead{At: sim.Never}
	}
	return h
}

// withoutWhy cuts off the reason, the last field of a record.
func withoutWhy(line []byte) []byte {
	if i := bytes.LastIndex(line, []byte(`,"why":`)); i >= 0 {
		return line[:i]
	}
	return bytes.TrimSuffix(line, []byte("}"))
}

// firstEvent returns the first record that differs, with its context; nil: none.
func firstEvent(a, b io.Reader) (*EventDifference, error) {
	x, y := &logReader{r: bufio.NewReaderSize(a, 1<<16)}, &logReader{r: bufio.NewReaderSize(b, 1<<16)}
	e := &EventDifference{At: sim.Never, Before: []json.RawMessage{}, A: []json.RawMessage{}, B: []json.RawMessage{}}
	for {
		p, err := x.next()
		if err != nil {
			return nil, err
		}
		q, err := y.next()
		if err != nil {
			return nil, err
		}
		if p == nil && q == nil {
			return nil, nil
		}
		if sameLine(p, q) {
			e.Number++
			e.Before = append(e.Before, p)
			e.Before = e.Before[max(0, len(e.Before)-contextRecords):]
			continue
		}
		if e.A, err = x.context(p); err == nil {
			e.B, err = y.context(q)
		}
		for _, list := range [][]json.RawMessage{e.A, e.B} {
			if len(list) > 0 {
				e.At = min(e.At, headOf(list[0]).At)
			}
		}
		return e, err
	}
}

// context returns a record and those behind it.
func (l *logReader) context(line json.RawMessage) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	for line != nil && len(out) <= contextRecords {
		out = append(out, line)
		var err error
		if line, err = l.next(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// firstGrant returns the first grant that differs; nil: none.
func firstGrant(a, b io.Reader) (*GrantDifference, error) {
	x := &logReader{r: bufio.NewReaderSize(a, 1<<16), only: "grant"}
	y := &logReader{r: bufio.NewReaderSize(b, 1<<16), only: "grant"}
	for n := uint64(0); ; n++ {
		p, err := x.next()
		if err != nil {
			return nil, err
		}
		q, err := y.next()
		if err != nil {
			return nil, err
		}
		switch {
		case p == nil && q == nil:
			return nil, nil
		case sameLine(p, q):
			continue
		}
		d := &GrantDifference{At: sim.Never, Number: n, A: p, B: q}
		for _, line := range []json.RawMessage{p, q} {
			if line != nil {
				d.At = min(d.At, headOf(line).At)
			}
		}
		return d, nil
	}
}
