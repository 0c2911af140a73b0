package cccheck

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"mpsim/results"
)

// level is the confidence level of the intervals.
const level = 0.95

// interval returns the mean of independent replications and Student's interval of
// it. Values that are all the same give that value three times.
func interval(values []float64) (mean, low, high float64) {
	mean, deviation := stat.MeanStdDev(values, nil)
	n := float64(len(values))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1 + level) / 2)
	half := t * deviation / math.Sqrt(n)
	return mean, mean - half, mean + half
}

// verdict judges an interval by bounds, of which either may be absent. An interval
// that ends at a bound is inside.
func verdict(low, high float64, atLeast, atMost *float64) string {
	switch {
	case atLeast == nil && atMost == nil:
		return ""
	case math.IsNaN(low) || math.IsNaN(high):
		return DoesNot // nothing was delivered
	case atLeast != nil && high < *atLeast, atMost != nil && low > *atMost:
		return DoesNot
	case atLeast != nil && low < *atLeast, atMost != nil && high > *atMost:
		return Unclear
	}
	return Meets
}

func (c *check) result(values []float64, note string) Result {
	mean, low, high := interval(values)
	r := Result{
		Group: c.group, Name: c.name, Doc: c.doc, Unit: c.unit,
		Mean: results.Number(mean), Low: results.Number(low), High: results.Number(high),
		AtLeast: c.atLeast, AtMost: c.atMost, Note: note,
		Verdict: verdict(low, high, c.atLeast, c.atMost),
	}
	for _, v := range values {
		r.Values = append(r.Values, results.Number(v))
	}
	return r
}
