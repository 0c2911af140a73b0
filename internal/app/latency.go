package app

import (
	"math/bits"

	"mpsim/sim"
)

// Delays counts delays in bins of about 1.6 % relative width (64 for each
// factor of two), so that quantiles cost no memory per packet. Smallest and
// largest are exact.
type Delays struct {
	N        int64
	Sum      sim.Duration
	Min, Max sim.Duration
	bins     []int64
}

const delayBits = 6

// Add counts one delay.
func (d *Delays) Add(v sim.Duration) {
	v = max(v, 0)
	if d.N == 0 || v < d.Min {
		d.Min = v
	}
	d.Max = max(d.Max, v)
	d.N++
	d.Sum += v
	i := delayBin(uint64(v))
	for i >= len(d.bins) {
		d.bins = append(d.bins, make([]int64, i+1-len(d.bins))...)
	}
	d.bins[i]++
}

// Mean returns the mean delay, 0 if there is none.
func (d *Delays) Mean() sim.Duration {
	if d.N == 0 {
		return 0
	}
	return d.Sum / sim.Duration(d.N)
}

// Quantile returns the delay that the share q of all do not exceed, as the
// upper end of its bin; q lies from 0 to 1.
func (d *Delays) Quantile(q float64) sim.Duration {
	if d.N == 0 {
		return 0
	}
	rank := int64(float64(q*float64(d.N)) + 0.999999)
	seen := int64(0)
	for i, n := range d.bins {
		seen += n
		if seen >= rank && n > 0 {
			return max(d.Min, min(d.Max, sim.Duration(delayBinEnd(i))))
		}
	}
	return d.Max
}

// delayBin returns the bin of a delay in ns: values below 64 have bins of their
// own, above each factor of two has 64.
func delayBin(v uint64) int {
	if v < 1<<delayBits {
		return int(v)
	}
	shift := bits.Len64(v) - delayBits - 1
	return (shift+1)<<delayBits + int(v>>shift) - 1<<delayBits
}

// delayBinEnd returns the largest delay of a bin.
func delayBinEnd(i int) uint64 {
	if i < 1<<delayBits {
		return uint64(i)
	}
	shift := i>>delayBits - 1
	return uint64(i&(1<<delayBits-1)+1<<delayBits+1)<<shift - 1
}
