package topo

import "mpsim/sim"

// Circular functions that give the same bits on every machine: Taylor series, with
// the terms in the order of their size.

// sine is exact to some 1e-13 for |x| up to 2 pi.
func sine(x float64) float64 {
	if x < 0 {
		return -sine(-x)
	}
	const pi = 3.14159265358979323846
	if x > pi {
		return -sine(x - pi)
	}
	if x > pi/2 {
		x = pi - x
	}
	term, sum := x, 0.0
	for n := 1; n < 30; n += 2 {
		sum += term
		term = -float64(term*x) * x / float64((n+1)*(n+2))
	}
	return sum
}

func cosine(x float64) float64 { return sine(x + 1.57079632679489661923) }

// arcsine is for x from 0 to 1: asin(x) = 2 asin(sqrt((1-sqrt(1-x^2))/2)), until
// the series converges fast.
func arcsine(x float64) float64 {
	if x > 0.25 {
		return 2 * arcsine(sim.Sqrt((1-sim.Sqrt(1-float64(x*x)))/2))
	}
	term, sum := x, 0.0
	for n := 1; n < 40; n += 2 {
		sum += term / float64(n)
		term = float64(term*x) * x * float64(n) / float64(n+1)
	}
	return sum
}
