package results

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"mpsim/sim"
)

// Quantiles, medians, empirical distributions and fairness. Nothing here supposes a
// distribution, but that the values are independent. Quantiles are values that were
// measured (nearest rank), never between two of them.

// Quantile returns the nearest-rank quantile for a q from 0 to 1: the least value that at
// least the part q of all values does not exceed, x of rank ceil(q n), for q = 0 the
// least value. It is NaN without values.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return slices.Sorted(slices.Values(values))[max(rank(q, len(values)), 1)-1]
}

// rank is ceil(q n), at most n. A product that rounding has put just above a whole
// number is that number: 0.07 x 100 is rank 7.
func rank(q float64, n int) int {
	x := q * float64(n)
	if r := math.Round(x); math.Abs(x-r) <= 1e-9*max(r, 1) {
		x = r
	}
	return min(int(math.Ceil(x)), n)
}

// QuantileEstimate is a quantile with an interval between two of the values.
type QuantileEstimate struct {
	Estimate
	// LowRank and HighRank are the ranks of the ends, from 1; 0 and n+1 mean that the
	// values are too few for an end there, which is infinite then.
	LowRank, HighRank int
	// Coverage is the probability with which the interval covers the quantile of a
	// continuous distribution: that of LowRank <= B < HighRank, B binomial (n, q).
	Coverage float64
}

// QuantileInterval returns the nearest-rank quantile for a q between 0 and 1 with an
// interval whose ends are order statistics: those of the ranks nq -+ z sqrt(nq(1-q)),
// both rounded up, as the normal approximation of the binomial distribution gives them
// (David and Nagaraja, "Order Statistics", section 7.1). Where the approximation is poor,
// the exact Coverage tells.
func QuantileInterval(values []float64, q, level float64) QuantileEstimate {
	n := len(values)
	if n == 0 {
		return QuantileEstimate{Estimate: Estimate{math.NaN(), math.Inf(-1), math.Inf(1)}, HighRank: 1, Coverage: 1}
	}
	centre := q * float64(n)
	half := normal(level) * math.Sqrt(float64(centre*(1-q)))
	low := max(int(math.Ceil(centre-half)), 0)
	high := min(int(math.Ceil(centre+half)), n+1)
	b := distuv.Binomial{N: float64(n), P: q}
	e := QuantileEstimate{LowRank: low, HighRank: high, Coverage: b.CDF(float64(high-1)) - b.CDF(float64(low-1))}
	sorted := slices.Sorted(slices.Values(values))
	e.Value, e.Low, e.High = sorted[max(rank(q, n), 1)-1], math.Inf(-1), math.Inf(1)
	if low > 0 {
		e.Low = sorted[low-1]
	}
	if high <= n {
		e.High = sorted[high-1]
	}
	return e
}

// normal is the quantile of the normal distribution that a two-sided interval needs.
func normal(level float64) float64 { return distuv.UnitNormal.Quantile((1 + level) / 2) }

// Median returns the value in the middle, or the mean of the two there; NaN without
// values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return middle(slices.Sorted(slices.Values(values)))
}

func middle(sorted []float64) float64 {
	k := len(sorted) / 2
	if len(sorted)%2 == 1 || sorted[k-1] == sorted[k] {
		return sorted[k]
	}
	return (sorted[k-1] + sorted[k]) / 2
}

// Resamples is how often MedianInterval draws.
const Resamples = 10_000

// MedianInterval returns the median of independent replications with the percentile
// bootstrap interval (Efron, "Bootstrap methods: another look at the jackknife", Annals
// of Statistics 7(1), 1979): the median of each of Resamples samples of n values drawn
// with replacement, and of these the nearest-rank quantiles (1-level)/2 and (1+level)/2.
// It draws from r only, so one stream gives one interval. There is at least one value.
func MedianInterval(values []float64, level float64, r *sim.Rand) Estimate {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	medians, sample := make([]float64, Resamples), make([]float64, n)
	times := make([]int, n)
	for i := range medians {
		clear(times)
		for range n {
			times[r.IntN(uint64(n))]++
		}
		at := 0 // the sample in order
		for k, m := range times {
			for range m {
				sample[at] = sorted[k]
				at++
			}
		}
		medians[i] = middle(sample)
	}
	slices.Sort(medians)
	at := func(q float64) float64 { return medians[max(rank(q, Resamples), 1)-1] }
	return Estimate{middle(sorted), at((1 - level) / 2), at((1 + level) / 2)}
}

// DKW returns how far, at most, the distribution that n independent values come from
// lies above or below their empirical distribution, everywhere at once, at a level of
// confidence: sqrt(ln(2/(1-level))/(2n)), the inequality of Dvoretzky, Kiefer and
// Wolfowitz with the constant of Massart, "The tight constant in the
// Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18(3), 1990.
func DKW(n int, level float64) float64 { return math.Sqrt(math.Log(2/(1-level)) / float64(2*n)) }

// Step is a step of an empirical distribution: from X on, up to the next step, the part F
// of the values, between 0 and 1, is not exceeded. The true part lies between Low and High.
type Step struct{ X, F, Low, High float64 }

// Distribution returns the empirical distribution of values with the band of DKW, one
// step for each different value in rising order. NaN does not count.
func Distribution(values []float64, level float64) []Step {
	sorted := slices.DeleteFunc(slices.Sorted(slices.Values(values)), math.IsNaN)
	n := len(sorted)
	epsilon := DKW(n, level)
	var out []Step
	for i, x := range sorted {
		if i+1 < n && sorted[i+1] == x {
			continue
		}
		f := float64(i+1) / float64(n)
		out = append(out, Step{x, f, max(f-epsilon, 0), min(f+epsilon, 1)})
	}
	return out
}

// Jain returns the index of fairness of Jain, Chiu and Hawe, "A quantitative measure of
// fairness and discrimination for resource allocation in shared computer systems", DEC
// TR-301, 1984: (sum x)^2/(n sum x^2), 1 if all have the same and 1/n if one has all. It
// is NaN if nobody has anything.
func Jain(x []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += v
		squares += float64(v * v)
	}
	return float64(sum*sum) / float64(float64(len(x))*squares)
}
