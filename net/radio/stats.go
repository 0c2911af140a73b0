package radio

import (
	"fmt"
	"io"

	"mpsim/sim"
)

// Gap is a time without service.
type Gap struct {
	At, Length sim.Duration
}

// Stats are the figures by which one judges a trace. Rates count bits of IP.
type Stats struct {
	Length sim.Duration
	Bytes  int64
	Mean   sim.Rate
	// MinSecond and MaxSecond are the rates of the worst and the best whole
	// second; Mean, if the trace is shorter than a second.
	MinSecond, MaxSecond sim.Rate
	// Variation is the standard deviation of the rates of the whole seconds,
	// divided by their mean; 0 if the trace is shorter than a second.
	Variation float64
	// Longest is the longest time without service. Silences counts those of
	// LongSilence or more, and Silent is their total.
	Longest  Gap
	Silences int
	Silent   sim.Duration
}

// LongSilence is the length from which Stats counts a gap: about the smallest
// retransmission timeout in use (Linux: 200 ms), below which a transport cannot
// notice it.
const LongSilence = 200 * sim.Millisecond

// Stats measures one period of the trace.
func (t *Trace) Stats() Stats {
	s := Stats{Length: t.Length, Bytes: t.Bytes(), Mean: t.Mean()}
	for _, g := range t.Gaps(0) {
		if g.Length > s.Longest.Length {
			s.Longest = g
		}
		if g.Length >= LongSilence {
			s.Silences++
			s.Silent += g.Length
		}
	}
	whole := t.seconds()[:t.Length/sim.Second]
	if len(whole) == 0 {
		s.MinSecond, s.MaxSecond = s.Mean, s.Mean
		return s
	}
	s.MinSecond, s.MaxSecond = MaxRate, 0
	var sum, squares float64
	for _, bytes := range whole {
		rate := sim.Rate(8 * bytes)
		s.MinSecond, s.MaxSecond = min(s.MinSecond, rate), max(s.MaxSecond, rate)
		sum += float64(bytes)
	}
	mean := sum / float64(len(whole))
	for _, bytes := range whole {
		d := float64(bytes) - mean
		squares += float64(d * d)
	}
	if mean > 0 {
		s.Variation = sim.Sqrt(squares/float64(len(whole))) / mean
	}
	return s
}

// Gaps returns the times without service of at least the given length, in
// order, within one period: between an opportunity and the next (and before the
// first and after the last), or while the rate is 0. Gaps of length 0 are never
// returned.
func (t *Trace) Gaps(shortest sim.Duration) []Gap {
	var gaps []Gap
	served := sim.Duration(0) // end of the last service
	serve := func(from, to sim.Duration) {
		if d := from - served; d > 0 && d >= shortest {
			gaps = append(gaps, Gap{served, d})
		}
		served = to
	}
	for _, ms := range t.Opportunities {
		serve(milliseconds(ms), milliseconds(ms))
	}
	for i, s := range t.Steps {
		if s.Rate > 0 {
			serve(s.At, t.stepEnd(i))
		}
	}
	serve(t.Length, t.Length)
	return gaps
}

// WriteInfo prints what a person wants to know of a trace: where it comes from,
// duration, mean, extremes, gaps and network modes.
func WriteInfo(w io.Writer, t *Trace) error {
	s := t.Stats()
	entries := fmt.Sprintf("%d rates", len(t.Steps))
	if t.Kind == Opportunities {
		entries = fmt.Sprintf("%d opportunities of %d bytes", len(t.Opportunities), OpportunityBytes)
	}
	_, err := fmt.Fprintf(w, `source       %s
format       %s, %s
duration     %.3f s
bytes        %d
mean rate    %v
per second   %v to %v, coefficient of variation %.2f
longest gap  %.3f s at %.3f s
silences     %d of at least %v, %.3f s in total
`,
		t.Source, t.Format, entries, s.Length.Seconds(), s.Bytes, s.Mean, s.MinSecond, s.MaxSecond, s.Variation,
		s.Longest.Length.Seconds(), s.Longest.At.Seconds(), s.Silences, LongSilence, s.Silent.Seconds())
	if err != nil || len(t.Modes) == 0 {
		return err
	}
	if _, err = fmt.Fprintln(w, "modes"); err != nil {
		return err
	}
	for _, m := range t.Modes {
		if _, err = fmt.Fprintf(w, "  %10.3f s  %-6s for %.3f s\n", m.At.Seconds(), m.Name, m.Length.Seconds()); err != nil {
			return err
		}
	}
	return nil
}
