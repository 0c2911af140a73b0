package simnet

import (
	"errors"
	"fmt"
	"sort"

	"mpsim/sim"
)

// RateStep is one piece of a piecewise-constant rate: Rate from At on. A rate
// of 0 is no service.
type RateStep struct {
	At   sim.Time
	Rate sim.Rate
}

// EndRule says what follows the last step of a schedule.
type EndRule uint8

// The end rules. Hold keeps the last rate for ever. Loop starts again at the
// schedule's Length. Stop ends service at Length.
const (
	Hold EndRule = iota
	Loop
	Stop
)

// RateSchedule is a rate as a function of time, e.g. one value a second
// measured on a cellular link. It is a value that several links may share; it
// must not change once a link uses it.
//
// A link that follows a schedule behaves as if its rate were set at each step,
// but needs no events for it: a departure is found by integrating the rate.
type RateSchedule struct {
	Steps  []RateStep // ascending times, the first at 0, rates not negative
	End    EndRule
	Length sim.Duration // of the schedule, behind the last step; for Loop and Stop
}

// Validate reports what is wrong with the schedule.
func (s *RateSchedule) Validate() error {
	if len(s.Steps) == 0 {
		return errors.New("rate schedule without steps")
	}
	if s.Steps[0].At != 0 {
		return fmt.Errorf("rate schedule begins at %v, not at 0", s.Steps[0].At)
	}
	for i, st := range s.Steps {
		if st.Rate < 0 {
			return fmt.Errorf("negative rate %d at %v", int64(st.Rate), st.At)
		}
		if i > 0 && st.At <= s.Steps[i-1].At {
			return fmt.Errorf("rate steps at %v and %v are not in order", s.Steps[i-1].At, st.At)
		}
	}
	if s.End != Hold && sim.Time(s.Length) <= s.Steps[len(s.Steps)-1].At {
		return fmt.Errorf("rate schedule of length %v ends before its last step", s.Length)
	}
	return nil
}

// RateAt returns the rate at a time.
func (s *RateSchedule) RateAt(t sim.Time) sim.Rate {
	_, r, _ := s.piece(t)
	return r
}

// piece returns the step that holds at t (its number within the cycle), its
// rate, and when it ends.
func (s *RateSchedule) piece(t sim.Time) (i int, r sim.Rate, end sim.Time) {
	var base sim.Time
	length := sim.Time(s.Length)
	switch {
	case s.End == Loop:
		base = t - t%length
	case s.End == Stop && t >= length:
		return len(s.Steps), 0, sim.Never
	}
	i = sort.Search(len(s.Steps), func(i int) bool { return s.Steps[i].At > t-base }) - 1
	return i, s.Steps[i].Rate, s.pieceEnd(i, base)
}

// pieceEnd returns when step i of the cycle that begins at base ends.
func (s *RateSchedule) pieceEnd(i int, base sim.Time) sim.Time {
	switch {
	case i+1 < len(s.Steps):
		return base + s.Steps[i+1].At
	case s.End == Hold:
		return sim.Never
	}
	return base + sim.Time(s.Length)
}

// dead reports whether a schedule that loops never serves.
func (s *RateSchedule) dead() bool {
	for _, st := range s.Steps {
		if st.Rate > 0 {
			return false
		}
	}
	return s.End == Loop
}

// work returns the integral of the rate from a to b, in units of 1e-9 bit,
// modulo 2^64.
func (s *RateSchedule) work(a, b sim.Time) uint64 {
	var sum uint64
	for a < b {
		_, r, end := s.piece(a)
		end = min(end, b)
		sum += uint64(r) * uint64(end-a)
		a = end
	}
	return sum
}

// rateCursor remembers the piece in which the last departure lay, because the
// next one usually lies there too.
type rateCursor struct {
	schedule *RateSchedule
	from     sim.Time
	end      sim.Time
	rate     sim.Rate
}

// at returns the rate at a time.
func (c *rateCursor) at(now sim.Time) sim.Rate {
	if now < c.from || now >= c.end {
		_, c.rate, c.end = c.schedule.piece(now)
		c.from = now
	}
	return c.rate
}

// finish returns when work that begins at a given time is done, and the
// remainder in units of 1e-9 bit.
func (c *rateCursor) finish(at sim.Time, work uint64) (sim.Time, uint64) {
	for {
		if at < c.from || at >= c.end {
			_, c.rate, c.end = c.schedule.piece(at)
			c.from = at
		}
		if c.rate == 0 {
			if c.end == sim.Never || c.schedule.dead() {
				return sim.Never, 0
			}
		} else {
			if d := work / uint64(c.rate); d <= uint64(c.end-at) {
				return at + sim.Time(d), work % uint64(c.rate)
			}
			work -= uint64(c.rate) * uint64(c.end-at)
		}
		at = c.end
	}
}
