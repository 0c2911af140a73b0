package radio

import (
	"bytes"
	"io"
	"math"
)

// isMahimahi recognises a line that is one number.
func isMahimahi(first string) bool { return isDigits([]byte(first)) }

// readMahimahi reads the format of mahimahi's mm-link with its rules
// (ravinet/mahimahi, src/frontend/link_queue.cc): one non-negative integer a
// line, never decreasing, no blank line, at least one line, and the last one is
// not 0, because it is the period. mm-link accepts what strtol does, spaces and
// a plus sign included; nothing writes those, and here they are errors.
func readMahimahi(t *text) (*Trace, error) {
	trace := &Trace{Kind: Opportunities}
	last := uint32(0)
	for {
		line, err := t.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		ms, err := t.millisecond(line)
		if err != nil {
			return nil, err
		}
		if ms < last {
			return nil, t.errorAt(t.line, 1, "timestamp %d follows %d; timestamps in ms must not decrease (sort -n puts them in order)", ms, last)
		}
		if len(trace.Opportunities) == MaxOpportunities {
			return nil, t.errorAt(t.line, 1, "more than %d opportunities", MaxOpportunities)
		}
		last = ms
		trace.Opportunities = append(trace.Opportunities, ms)
	}
	if last == 0 {
		return nil, t.errorAt(t.line, 1, "the last timestamp is 0; it is the period in ms with which the trace repeats, and must be larger")
	}
	trace.Length = milliseconds(last)
	return trace, nil
}

// millisecond parses one line of a mahimahi file.
func (t *text) millisecond(line []byte) (uint32, error) {
	if len(line) == 0 {
		return 0, t.errorAt(t.line, 1, "blank line; every line of a mahimahi trace is a timestamp in ms")
	}
	n := uint64(0)
	for i, c := range line {
		if c < '0' || c > '9' {
			if bytes.Equal(line[i:], []byte{'\r'}) {
				return 0, t.errorAt(t.line, i+1, "carriage return; mahimahi wants lines that end in a newline alone (dos2unix)")
			}
			return 0, t.errorAt(t.line, i+1, "%s is not a timestamp; every line of a mahimahi trace is one non-negative integer in ms", quote(line))
		}
		n = 10*n + uint64(c-'0')
		if n > math.MaxUint32 {
			return 0, t.errorAt(t.line, 1, "timestamp %s ms is larger than %d ms (49 days); is the unit right?", quote(line), uint32(math.MaxUint32))
		}
	}
	return uint32(n), nil
}
