package results

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Intervals of means from independent replications, which are runs of one setting with
// different random streams: one mean, two settings paired or not, and a rule for how
// many replications are enough. They rest on means of replications being about normal;
// for others see Median. Levels of confidence lie between 0 and 1.

// Interval returns the mean of independent replications, at least two, and Student's
// interval of it at a confidence level between 0 and 1. Values that are all the same
// give that value three times; a NaN among them gives NaN.
func Interval(values []float64, level float64) (mean, low, high float64) {
	mean, deviation := stat.MeanStdDev(values, nil)
	n := float64(len(values))
	half := student(level, n-1) * deviation / math.Sqrt(n)
	return mean, mean - half, mean + half
}

// student is the quantile of Student's distribution that a two-sided interval needs.
func student(level, degrees float64) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: degrees}.Quantile((1 + level) / 2)
}

// Estimate is a number with its interval.
type Estimate struct {
	Value, Low, High float64
}

// Excludes reports whether a value lies outside the interval: for a difference,
// Excludes(0) says that two settings differ at the level of the interval.
func (e Estimate) Excludes(x float64) bool { return e.Low > x || e.High < x }

// Paired returns the mean of a[i]-b[i] with Student's interval. Use it for two settings
// under common random numbers, where replication i of both drew the same: what they
// share drops out of the difference. There are as many a as b, at least two.
func Paired(a, b []float64, level float64) Estimate {
	difference := make([]float64, len(a))
	for i := range a {
		difference[i] = a[i] - b[i]
	}
	mean, low, high := Interval(difference, level)
	return Estimate{mean, low, high}
}

// Welch returns the difference of the means of two settings whose replications are
// independent, with the interval of Welch, "The generalization of Student's problem when
// several different population variances are involved", Biometrika 34, 1947. Each has at
// least two values; their numbers and variances may differ.
func Welch(a, b []float64, level float64) Estimate {
	meanA, varianceA := stat.MeanVariance(a, nil)
	meanB, varianceB := stat.MeanVariance(b, nil)
	difference := meanA - meanB
	va, vb := varianceA/float64(len(a)), varianceB/float64(len(b))
	sum := va + vb
	if sum == 0 {
		return Estimate{difference, difference, difference}
	}
	degrees := float64(sum*sum) / (float64(va*va)/float64(len(a)-1) + float64(vb*vb)/float64(len(b)-1))
	half := student(level, degrees) * math.Sqrt(sum)
	return Estimate{difference, difference - half, difference + half}
}

// Precision says how many replications are enough: those with which the half-width of
// the interval is at most Relative times the mean, but at least Min and at most Max.
//
// The interval of a number of replications that was chosen so covers the mean a little
// less often than its level says, because the rule rather stops where the variance
// happens to look small (Law and Kelton, "Confidence intervals for steady-state
// simulations II", Management Science 28(5), 1982); a larger Min helps.
type Precision struct {
	Relative float64 // half-width over mean, above 0
	Level    float64 // of the interval
	Min, Max int     // replications, 2 <= Min <= Max
}

// DefaultPrecision is 5 % at a level of 95 %, with 10 to 100 replications.
var DefaultPrecision = Precision{Relative: 0.05, Level: 0.95, Min: 10, Max: 100}

// Enough reports whether no further replication is needed, and whether the values have
// the precision. Values that are not finite never have it.
func (p *Precision) Enough(values []float64) (enough, precise bool) {
	if len(values) < 2 {
		return len(values) >= p.Max, false
	}
	mean, _, high := Interval(values, p.Level)
	precise = high-mean <= p.Relative*math.Abs(mean) && !math.IsInf(mean, 0)
	return len(values) >= p.Max || precise && len(values) >= p.Min, precise
}

// IdenticalWarning is what to tell if replications are equal.
const IdenticalWarning = "all replications are identical: nothing random is active in this scenario, so an interval of them says nothing. " +
	"Use random loss, jitter, arrivals or start times, or run it once"

// Identical reports whether at least two replications, each with what was measured in
// it, gave all the same numbers to the bit; NaN equals NaN. Then intervals of them must
// come with IdenticalWarning.
func Identical(replications [][]float64) bool {
	if len(replications) < 2 {
		return false
	}
	first := replications[0]
	for _, r := range replications[1:] {
		if len(r) != len(first) {
			return false
		}
		for i, x := range r {
			if x != first[i] && !(math.IsNaN(x) && math.IsNaN(first[i])) {
				return false
			}
		}
	}
	return len(first) > 0
}
