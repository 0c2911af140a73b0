package radio

import (
	"errors"
	"fmt"
	"math/bits"

	"mpsim/sim"
)

// OpportunityBytes is what one delivery opportunity carries: an IP packet of
// 1500 bytes. (The accounting of mahimahi's link adds 4 bytes of TUN header to
// the packet and to the opportunity alike, which is the link's business.)
const OpportunityBytes = 1500

// MaxRate is the highest rate that a trace may hold, 10 Tb/s. Anything above is
// a mistaken unit.
const MaxRate sim.Rate = 1e13

// MaxLength is the longest trace, 2^32-1 ms or 49 days: opportunities are
// 32-bit milliseconds.
const MaxLength = sim.Duration(1<<32-1) * sim.Millisecond

// MaxOpportunities bounds a trace of opportunities: 2^26, that is 256 MiB of
// memory, or 22 hours at 10 Mb/s.
const MaxOpportunities = 1 << 26

// Kind says in which of the two forms a trace is held.
type Kind uint8

// The kinds of trace.
const (
	Rates         Kind = iota // Steps
	Opportunities             // Opportunities
)

// String names the kind.
func (k Kind) String() string {
	if k == Opportunities {
		return "opportunities"
	}
	return "rates"
}

// Step is a rate from a time on, until the next step or the end of the trace.
type Step struct {
	At   sim.Duration // since the start of the trace
	Rate sim.Rate     // 0: no service
}

// Mode is an interval during which a recording device was attached to one kind
// of network, for example "LTE".
type Mode struct {
	At, Length sim.Duration
	Name       string
}

// Trace is what one direction of a link offers over time. It is a value that
// nothing changes after it was made; several links may share one.
type Trace struct {
	Source string // file name or profile name, for messages and manifests
	Format Format // of the file; Generated for a profile's
	Kind   Kind

	// Length is the period with which the trace repeats. For a mahimahi file it
	// is the last timestamp.
	Length sim.Duration

	// Steps of a trace of Rates begin at 0 and increase strictly.
	Steps []Step

	// Opportunities of a trace of that kind are in milliseconds, in order, and
	// may repeat. None lies beyond Length, which is a whole number of
	// milliseconds. One at t stands for what the link could carry in (t-1 ms,
	// t]; one at 0 counts to the first millisecond.
	Opportunities []uint32

	// Modes, if the format records them, in order and without overlap.
	Modes []Mode
}

// Check returns what is wrong with a trace that did not come from this package,
// or nil.
func (t *Trace) Check() error {
	if t.Length <= 0 || t.Length > MaxLength {
		return fmt.Errorf("length %v is not between 0 and %v", t.Length, MaxLength)
	}
	if t.Kind == Opportunities {
		return t.checkOpportunities()
	}
	return t.checkSteps()
}

func (t *Trace) checkOpportunities() error {
	if t.Length%sim.Millisecond != 0 {
		return fmt.Errorf("length %v is not a whole number of milliseconds", t.Length)
	}
	if len(t.Opportunities) == 0 {
		return errNoService
	}
	last := uint32(0)
	for i, ms := range t.Opportunities {
		if ms < last {
			return fmt.Errorf("opportunity %d at %d ms follows one at %d ms", i, ms, last)
		}
		last = ms
	}
	if milliseconds(last) > t.Length {
		return fmt.Errorf("opportunity at %d ms lies beyond the length %v", last, t.Length)
	}
	return nil
}

func (t *Trace) checkSteps() error {
	if len(t.Steps) == 0 || t.Steps[0].At != 0 {
		return errors.New("no step at time 0")
	}
	serves := false
	for i, s := range t.Steps {
		if s.Rate < 0 || s.Rate > MaxRate {
			return fmt.Errorf("rate %d b/s at %v is not between 0 and %v", int64(s.Rate), s.At, MaxRate)
		}
		if i > 0 && s.At <= t.Steps[i-1].At {
			return fmt.Errorf("step at %v follows one at %v", s.At, t.Steps[i-1].At)
		}
		serves = serves || s.Rate > 0
	}
	if last := t.Steps[len(t.Steps)-1].At; last >= t.Length {
		return fmt.Errorf("step at %v lies beyond the length %v", last, t.Length)
	}
	if !serves {
		return errNoService
	}
	return nil
}

// errNoService refuses a trace that carries nothing: a link that repeats it
// would wait for ever.
var errNoService = errors.New("the trace never lets a byte pass")

// Bytes returns how many whole bytes of IP the trace lets pass in one period.
func (t *Trace) Bytes() int64 {
	if t.Kind == Opportunities {
		return int64(len(t.Opportunities)) * OpportunityBytes
	}
	var v volume
	for i, s := range t.Steps {
		v.add(s.Rate, t.stepEnd(i)-s.At)
	}
	return v.bytes
}

// Mean returns the mean rate over one period, in bits of IP per second.
func (t *Trace) Mean() sim.Rate {
	hi, lo := bits.Mul64(uint64(t.Bytes()), 8*1e9)
	q, _ := bits.Div64(hi, lo, uint64(t.Length))
	return sim.Rate(q)
}

// stepEnd returns where step i ends.
func (t *Trace) stepEnd(i int) sim.Duration {
	if i+1 < len(t.Steps) {
		return t.Steps[i+1].At
	}
	return t.Length
}

// volume adds up rate times duration without rounding: whole bytes, and a rest
// in units of 1/8e9 byte (bit-nanoseconds).
type volume struct {
	bytes int64
	rest  uint64
}

func (v *volume) add(r sim.Rate, d sim.Duration) {
	hi, lo := bits.Mul64(uint64(r), uint64(d))
	lo, carry := bits.Add64(lo, v.rest, 0)
	q, rest := bits.Div64(hi+carry, lo, 8*1e9)
	v.bytes += int64(q)
	v.rest = rest
}

func milliseconds(ms uint32) sim.Duration { return sim.Duration(ms) * sim.Millisecond }
