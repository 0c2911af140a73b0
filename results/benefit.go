package results

import "math"

// The aggregation benefit of Paasch, Khalili and Bonaventure, "On the benefits of
// applying experimental design to improve Multipath TCP", CoNEXT 2013, after Kaspar:
//
//	Ben(S) = (g - Cmax) / (sum C_i - Cmax)   if g >= Cmax
//	         (g - Cmax) / Cmax               otherwise
//
// g is the goodput over all paths, C_i what path i can carry, Cmax the largest C_i. 1
// is the sum of the paths, 0 the best path alone, -1 nothing at all. The C_i are the
// capacities, or the measured goodputs of one TCP on each path alone ("experimental
// aggregation benefit", De Coninck and Bonaventure, CoNEXT 2017).

// Benefit returns the aggregation benefit of a goodput over paths that carry the given
// rates when used alone. All have one unit, any. The value lies between -1 and 1, but
// above 1 where the goodput exceeds the sum of measured rates. It is NaN where the
// formula says nothing: no path carries anything, or one alone carries all and the
// goodput exceeds it; a goodput equal to the best path is 0 always.
func Benefit(goodput float64, alone ...float64) float64 {
	best, sum := 0.0, 0.0
	for _, c := range alone {
		best = max(best, c)
		sum += c
	}
	switch {
	case !(best > 0):
		return math.NaN()
	case goodput == best:
		return 0
	case goodput < best:
		return (goodput - best) / best
	case !(sum > best):
		return math.NaN()
	}
	return (goodput - best) / (sum - best)
}
