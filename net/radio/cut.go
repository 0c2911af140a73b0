package radio

import (
	"fmt"
	"math"

	"mpsim/sim"
)

// Slice returns the part (from, from+length] of the trace, with from as its new
// time 0. The slice must lie within the trace, and a slice of opportunities
// must begin and end at whole milliseconds. The period of the result is length,
// even if the slice ends in a gap.
func (t *Trace) Slice(from, length sim.Duration) (*Trace, error) {
	switch {
	case from < 0 || length <= 0:
		return nil, fmt.Errorf("%s: a slice from %v of length %v is empty or begins before 0", t.Source, from, length)
	case length > t.Length || from > t.Length-length:
		return nil, fmt.Errorf("%s: the slice %v + %v reaches beyond the end of the trace at %v; loop it first",
			t.Source, from, length, t.Length)
	case t.Kind == Opportunities && (from%sim.Millisecond != 0 || length%sim.Millisecond != 0):
		return nil, fmt.Errorf("%s: opportunities can be cut at whole milliseconds only, not at %v + %v", t.Source, from, length)
	}
	out := *t
	out.Length = length
	out.Steps, out.Opportunities, out.Modes = nil, nil, nil
	for i, s := range t.Steps {
		if t.stepEnd(i) > from && s.At < from+length {
			out.Steps = append(out.Steps, Step{max(s.At-from, 0), s.Rate})
		}
	}
	first, last := uint32(from/sim.Millisecond), uint32((from+length)/sim.Millisecond)
	for _, ms := range t.Opportunities {
		if (ms > first || first == 0) && ms <= last {
			out.Opportunities = append(out.Opportunities, ms-first)
		}
	}
	for _, m := range t.Modes {
		at, end := max(m.At-from, 0), min(m.At+m.Length-from, length)
		if at < end {
			out.Modes = append(out.Modes, Mode{at, end - at, m.Name})
		}
	}
	if err := out.Check(); err != nil {
		return nil, fmt.Errorf("%s: slice %v + %v: %w", t.Source, from, length, err)
	}
	return &out, nil
}

// Scale returns the trace with every rate multiplied by factor, which lies
// between 0.001 and 1000. Of opportunities every n-th is kept or each is
// repeated, so that at any time their number is floor(factor times the number
// so far).
func (t *Trace) Scale(factor float64) (*Trace, error) {
	if !(factor >= 1e-3 && factor <= 1e3) {
		return nil, fmt.Errorf("%s: scale factor %g is not between 0.001 and 1000", t.Source, factor)
	}
	if n := math.Floor(float64(len(t.Opportunities)) * factor); n > MaxOpportunities {
		return nil, fmt.Errorf("%s: %.0f opportunities are more than %d", t.Source, n, MaxOpportunities)
	}
	out := *t
	out.Steps, out.Opportunities = nil, nil
	for _, s := range t.Steps {
		out.Steps = append(out.Steps, Step{s.At, sim.Rate(math.Round(float64(s.Rate) * factor))})
	}
	for i, ms := range t.Opportunities {
		for n := int(math.Floor(float64(i+1) * factor)); len(out.Opportunities) < n; {
			out.Opportunities = append(out.Opportunities, ms)
		}
	}
	if err := out.Check(); err != nil {
		return nil, fmt.Errorf("%s: scaled by %g: %w", t.Source, factor, err)
	}
	return &out, nil
}

// Loop returns the trace repeated until it is length long. As in mahimahi an
// opportunity at the end of one turn and one at 0 of the next are two
// opportunities in the same millisecond. For opportunities length is a whole
// number of milliseconds.
func (t *Trace) Loop(length sim.Duration) (*Trace, error) {
	if length <= 0 || length > MaxLength {
		return nil, fmt.Errorf("%s: loop length %v is not between 0 and %v", t.Source, length, MaxLength)
	}
	turns := int64((length + t.Length - 1) / t.Length)
	if entries := int64(len(t.Opportunities) + len(t.Steps)); turns > MaxOpportunities/entries {
		return nil, fmt.Errorf("%s: %d turns of %d entries to fill %v are more than %d entries",
			t.Source, turns, entries, length, MaxOpportunities)
	}
	out := *t
	out.Length = sim.Duration(turns) * t.Length
	if out.Length > MaxLength {
		return nil, fmt.Errorf("%s: %d turns to fill %v are longer than %v", t.Source, turns, length, MaxLength)
	}
	out.Steps, out.Opportunities, out.Modes = nil, nil, nil
	for turn := range turns {
		base := sim.Duration(turn) * t.Length
		for _, s := range t.Steps {
			out.Steps = append(out.Steps, Step{base + s.At, s.Rate})
		}
		for _, ms := range t.Opportunities {
			out.Opportunities = append(out.Opportunities, uint32(base/sim.Millisecond)+ms)
		}
		for _, m := range t.Modes {
			out.Modes = append(out.Modes, Mode{base + m.At, m.Length, m.Name})
		}
	}
	return out.Slice(0, length)
}
