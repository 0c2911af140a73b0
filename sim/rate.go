package sim

import (
	"math/bits"
	"strconv"
)

// Rate is a data rate in bits per second.
type Rate int64

// The usual units of Rate.
const (
	BitPerSecond     Rate = 1
	KilobitPerSecond      = 1e3 * BitPerSecond
	MegabitPerSecond      = 1e6 * BitPerSecond
	GigabitPerSecond      = 1e9 * BitPerSecond
)

// String prints r in the largest unit that leaves a number of at least one.
func (r Rate) String() string {
	units := []struct {
		unit Rate
		name string
	}{{GigabitPerSecond, "Gb/s"}, {MegabitPerSecond, "Mb/s"}, {KilobitPerSecond, "kb/s"}}
	for _, u := range units {
		if r >= u.unit {
			return strconv.FormatFloat(float64(r)/float64(u.unit), 'g', 6, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(int64(r), 10) + " b/s"
}

// Serialise returns the time that r needs to send the given number of bytes,
// carrying the part below one nanosecond: rem is the remainder of earlier
// packets in units of 1/r nanoseconds (0 <= rem < r), and the new remainder is
// returned, so that a long train of packets is exact to the nanosecond.
//
//	d = floor((bytes*8*1e9 + rem) / r)
//
// It panics if r is not positive.
func (r Rate) Serialise(bytes int, rem uint64) (d Duration, newRem uint64) {
	if r <= 0 {
		Bugf("serialising at rate %d", int64(r))
	}
	hi, lo := bits.Mul64(uint64(bytes), 8*1e9)
	lo, carry := bits.Add64(lo, rem, 0)
	hi += carry
	if hi == 0 {
		return Duration(lo / uint64(r)), lo % uint64(r)
	}
	q, m := bits.Div64(hi, lo, uint64(r))
	return Duration(q), m
}

// BytesIn returns how many whole bytes r carries in d.
func (r Rate) BytesIn(d Duration) int64 {
	if r <= 0 || d <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(r), uint64(d))
	q, _ := bits.Div64(hi, lo, 8*1e9)
	return int64(q)
}
