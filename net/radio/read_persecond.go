package radio

import (
	"io"
	"strings"

	"mpsim/sim"
)

// csvHeader is the header that a per-second file may have.
const csvHeader = "second,bytes_per_second"

// isCSVBytes recognises the header, or a row of two numbers.
func isCSVBytes(first string) bool {
	second, value, ok := strings.Cut(first, ",")
	return ok && (first == csvHeader || isDigits([]byte(second)) && startsNumber(value) && !strings.Contains(value, ","))
}

// isCSVMbits recognises a number and a unit per second.
func isCSVMbits(first string) bool {
	value, unit, ok := strings.Cut(first, ",")
	_, known := bitUnit(unit)
	return ok && known && startsNumber(value)
}

func startsNumber(s string) bool {
	return s != "" && (s[0] >= '0' && s[0] <= '9' || s[0] == '.')
}

// readCSVBytes reads rows `second,bytes`. The bytes of row k are what passed
// during that second; the first second may have any number, usually 0 or 1, and
// is the trace's first.
func readCSVBytes(t *text) (*Trace, error) {
	trace := &Trace{Kind: Rates}
	first := uint32(0)
	for {
		row, err := t.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if t.line == 1 && string(row[0].text) == "second" {
			continue
		}
		if len(row) != 2 {
			return nil, t.errorAt(t.line, 1, "%d values; a row is `second,bytes_per_second`", len(row))
		}
		second, err := t.second(row[0], "the second")
		if err != nil {
			return nil, err
		}
		if len(trace.Steps) == 0 {
			first = second
		}
		if err := t.consecutive(row[0], second, uint64(first)+uint64(len(trace.Steps))); err != nil {
			return nil, err
		}
		rate, err := t.bits(row[1], 8, "bytes/s")
		if err != nil {
			return nil, err
		}
		trace.addSecond(rate)
	}
	if len(trace.Steps) == 0 {
		return nil, t.empty()
	}
	return trace, nil
}

// consecutive refuses rows that are out of order or missing: what a link did in
// a second that was not recorded is not for this program to guess.
func (t *text) consecutive(f field, second uint32, want uint64) error {
	switch {
	case uint64(second) < want:
		return t.at(f, "second %d follows %d; the rows are not sorted by time, or one is there twice", second, want-1)
	case uint64(second) > want:
		return t.at(f, "second %d follows %d; there must be one row a second (write `%d,0` if nothing passed)", second, want-1, want)
	}
	return nil
}

// readCSVMbits reads rows `value,unit` as iperf's reports have them, one row a
// second. The unit is iperf's, which counts in powers of ten, and may change
// from row to row.
func readCSVMbits(t *text) (*Trace, error) {
	trace := &Trace{Kind: Rates}
	for {
		row, err := t.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(row) != 2 {
			return nil, t.errorAt(t.line, 1, "%d values; a row is `value,Mbits/sec`", len(row))
		}
		unit, ok := bitUnit(string(row[1].text))
		if !ok {
			return nil, t.at(row[1], "unknown unit %s; known are bits/sec, Kbits/sec, Mbits/sec, Gbits/sec", quote(row[1].text))
		}
		rate, err := t.bits(row[0], unit, string(row[1].text))
		if err != nil {
			return nil, err
		}
		trace.addSecond(rate)
	}
	if len(trace.Steps) == 0 {
		return nil, t.empty()
	}
	return trace, nil
}

// bitUnit returns how many bits per second iperf's unit stands for.
func bitUnit(unit string) (float64, bool) {
	switch unit {
	case "bits/sec":
		return 1, true
	case "Kbits/sec":
		return 1e3, true
	case "Mbits/sec":
		return 1e6, true
	case "Gbits/sec":
		return 1e9, true
	}
	return 0, false
}

// addSecond appends one second at the given rate.
func (t *Trace) addSecond(r sim.Rate) {
	t.Steps = append(t.Steps, Step{t.Length, r})
	t.Length += sim.Second
}
