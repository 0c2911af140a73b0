package cccheck

import (
	"math"

	"mpsim/results"
)

// level is the confidence level of the intervals.
const level = 0.95

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
	mean, low, high := results.Interval(values, level)
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
