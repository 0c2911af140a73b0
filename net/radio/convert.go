package radio

import (
	"fmt"

	"mpsim/sim"
)

// Conversions keep bytes. A millisecond stamp t stands for the capacity of
// (t-1 ms, t], a step at t for that of [t, next step); with these two rules the
// capacity of any whole number of milliseconds is the same in both forms, up to
// the part of an opportunity that has not added up to 1500 bytes yet.

// ToOpportunities returns the trace as delivery opportunities: number k+1 comes
// in the millisecond in which the rate has carried (k+1) 1500 bytes. What does
// not fill an opportunity is carried over, so that at the end of every
// millisecond less than one opportunity is missing.
//
// The last opportunity is put at the end of the trace, because in a mahimahi
// file nothing else can say where the period ends. A length that is not a whole
// number of milliseconds is rounded up.
func (t *Trace) ToOpportunities() (*Trace, error) {
	if t.Kind == Opportunities {
		return t, nil
	}
	n := t.Bytes() / OpportunityBytes
	if n == 0 {
		return nil, fmt.Errorf("%s: %d bytes are less than one opportunity of %d", t.Source, t.Bytes(), OpportunityBytes)
	}
	if n > MaxOpportunities {
		return nil, fmt.Errorf("%s: %d opportunities are more than %d; cut the trace or scale it down", t.Source, n, MaxOpportunities)
	}
	out := *t
	out.Kind, out.Steps = Opportunities, nil
	out.Opportunities = make([]uint32, 0, n)
	var v volume
	ms := uint32(1)
	for i, s := range t.Steps {
		at, end := s.At, t.stepEnd(i)
		for at < end {
			to := min(milliseconds(ms), end)
			v.add(s.Rate, to-at)
			at = to
			if to == milliseconds(ms) {
				out.offer(&v, ms)
				ms++
			}
		}
	}
	if t.Length > milliseconds(ms-1) {
		out.offer(&v, ms)
		ms++
	}
	out.Length = milliseconds(ms - 1)
	out.Opportunities[n-1] = ms - 1
	return &out, nil
}

// offer appends the opportunities that v has filled, at millisecond ms.
func (t *Trace) offer(v *volume, ms uint32) {
	for ; v.bytes >= OpportunityBytes; v.bytes -= OpportunityBytes {
		t.Opportunities = append(t.Opportunities, ms)
	}
}

// PerSecond returns the trace as one rate a second, each the whole bytes that a
// repeating link lets pass in that second; what is below a byte is carried
// over. A broken last second is filled with the beginning of the next turn, so
// the length of the result is rounded up to whole seconds.
func (t *Trace) PerSecond() (*Trace, error) {
	full, err := t.Loop((t.Length + sim.Second - 1) / sim.Second * sim.Second)
	if err != nil {
		return nil, err
	}
	seconds := full.seconds()
	full.Kind, full.Opportunities = Rates, nil
	full.Steps = make([]Step, len(seconds))
	for i, bytes := range seconds {
		full.Steps[i] = Step{sim.Duration(i) * sim.Second, sim.Rate(8 * bytes)}
	}
	return full, nil
}

// seconds returns the whole bytes that pass in each second, the last of which
// may be broken.
func (t *Trace) seconds() []int64 {
	out := make([]int64, (t.Length+sim.Second-1)/sim.Second)
	if t.Kind == Opportunities {
		for _, ms := range t.Opportunities {
			out[(max(ms, 1)-1)/1000] += OpportunityBytes
		}
		return out
	}
	var v volume
	second := 0
	for i, s := range t.Steps {
		at, end := s.At, t.stepEnd(i)
		for at < end {
			boundary := sim.Duration(second+1) * sim.Second
			to := min(boundary, end)
			v.add(s.Rate, to-at)
			at = to
			if to == boundary || to == t.Length {
				out[second] = v.bytes
				v.bytes = 0
				second++
			}
		}
	}
	return out
}
