package aqm

import (
	"math"
	"testing"

	"mpsim/sim"
)

// E2 of the algorithm facts: min 5, max 15, maxp 0.1, average 10, count 3: pb = 0.05,
// pa = 0.05/(1-0.15) = 0.0588.
func TestREDVector(t *testing.T) {
	r := redState{min: 5, max: 15, maxp: 0.1, avg: 10, count: 2} // the arrival makes it 3
	if pa := spread(0.05, 3); math.Abs(pa-0.05/0.85) > 1e-15 || math.Round(pa*1e4) != 588 {
		t.Errorf("pa = %v, want 0.0588", pa)
	}
	below, above := r, r
	if below.decide(0.0588) != redRandom || below.count != 0 {
		t.Errorf("a draw of 0.0588 below pa passes; count %d", below.count)
	}
	if above.decide(0.0589) != redAccept || above.count != 3 {
		t.Errorf("a draw of 0.0589 above pa is caught; count %d", above.count)
	}
}

// The regions of the drop function, Floyd and Jacobson 1993, figure 4, and the gentle
// one: from maxp at max to 1 at 2 max.
func TestREDRegions(t *testing.T) {
	for _, x := range []struct {
		avg    float64
		gentle bool
		u      float64
		want   verdict
	}{
		{4.99, false, 0, redAccept},
		{5, false, 0, redAccept}, // pb = 0
		{14.99, false, 0.09, redRandom},
		{15, false, 0.999, redHard},
		{15, true, 0.099, redRandom},
		{15, true, 0.101, redAccept},
		{22.5, true, 0.549, redRandom}, // 0.1 + 0.9/2
		{22.5, true, 0.551, redAccept},
		{30, true, 0.999, redHard},
	} {
		r := redState{min: 5, max: 15, maxp: 0.1, avg: x.avg, gentle: x.gentle, count: -1}
		if got := r.decide(x.u); got != x.want {
			t.Errorf("average %v, gentle %v, draw %v: %d, want %d", x.avg, x.gentle, x.u, got, x.want)
		}
	}
}

// Section 7 of the paper: with the uniform method the distance between two drops is
// uniform from 1 up to where pa is 1. The algorithm of figure 2 counts a packet before it
// decides, so that with pb = 0.05 this is 1 to 19 (0.05/(1-19 0.05) = 1), with mean 10.
func TestREDDistances(t *testing.T) {
	r := redState{min: 5, max: 15, maxp: 0.1, avg: 10}
	rng := sim.NewRand(1, 0, "test")
	const drops = 100000
	seen := make([]int, 22)
	sum := 0
	for n, last := 1, 0; ; n++ {
		if r.decide(rng.Float64()) != redRandom {
			continue
		}
		seen[n-last]++
		sum += n - last
		if last = n; sum >= drops*10 {
			break
		}
	}
	total := 0
	for d, n := range seen {
		total += n
		if want := drops / 19.0; d >= 1 && d <= 19 && math.Abs(float64(n)-want) > 5*math.Sqrt(want) {
			t.Errorf("distance %d: %d times, want about %.0f", d, n, want)
		}
	}
	if mean := float64(sum) / float64(total); math.Abs(mean-10) > 0.1 || seen[0]+seen[20] > 0 {
		t.Errorf("mean distance %v, want 10", mean)
	}
}

// The average: an exponential filter at arrivals, and (1-w)^m after the idle time of m
// packets, whole or not.
func TestREDAverage(t *testing.T) {
	r := redState{weight: 0.002}
	for range 500 {
		r.sample(10, 0)
	}
	if want := 10 * (1 - math.Pow(0.998, 500)); math.Abs(r.avg-want) > 1e-9 {
		t.Errorf("average %v after 500 samples of 10, want %v", r.avg, want)
	}
	r.avg = 10
	if r.sample(0, 250); math.Abs(r.avg-10*math.Pow(0.998, 250)) > 1e-12 {
		t.Errorf("average %v after 250 idle packets, want %v", r.avg, 10*math.Pow(0.998, 250))
	}
	r.avg = 10
	if r.sample(0, 0.5); math.Abs(r.avg-10*math.Sqrt(0.998)) > 1e-12 {
		t.Errorf("average %v after half a packet, want %v", r.avg, 10*math.Sqrt(0.998))
	}
}
