package simnet

import "mpsim/sim"

// Correlated are draws of a stream by index, each of which depends on the one before as
// in Linux netem (net/sched/sch_netem.c, get_crandom):
//
//	x(i) = ((2^32 - rho) u(i) + rho x(i-1)) / 2^32
//
// in whole numbers of 32 bits, with rho 2^32 times the correlation and u(i) independent
// and uniform. Successive draws have that correlation; their mean is 1/2. But they are not
// uniform any more: their variance is (1-c)/(1+c) of the uniform one, so that an event of
// probability p happens less often than that if p is small. tc-netem(8) calls it deprecated for
// that; models of loss in bursts do what they say.
//
// With correlation 0 the draws are
// those of sim.Rand.FloatAt, and nothing is remembered.
type Correlated struct {
	rnd  *sim.Rand
	rho  uint64
	last uint64
}

// NewCorrelated returns the draws of a stream with a correlation from 0 to 1. The value
// before the first is draw number before, which nothing else may use.
func NewCorrelated(rnd *sim.Rand, correlation float64, before uint64) Correlated {
	c := Correlated{rnd: rnd, rho: min(uint64(correlation*(1<<32)), 1<<32-1)}
	if c.rho > 0 {
		c.last = rnd.At(before) >> 32
	}
	return c
}

// At returns draw i, from 0 to below 1. With a correlation the indices must come one after the
// other.
func (c *Correlated) At(i uint64) float64 {
	if c.rho == 0 {
		return c.rnd.FloatAt(i)
	}
	u := c.rnd.At(i) >> 32
	// Both factors of 32 bits sum to 2^32, so that the sum stays below 2^64.
	c.last = (u*(1<<32-c.rho) + c.last*c.rho) >> 32
	return float64(c.last) / (1 << 32)
}
