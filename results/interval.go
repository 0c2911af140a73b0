package results

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval returns the mean of independent replications, at least two, and Student's
// interval of it at a confidence level between 0 and 1. Values that are all the same
// give that value three times; a NaN among them gives NaN.
func Interval(values []float64, level float64) (mean, low, high float64) {
	mean, deviation := stat.MeanStdDev(values, nil)
	n := float64(len(values))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1 + level) / 2)
	half := t * deviation / math.Sqrt(n)
	return mean, mean - half, mean + half
}
