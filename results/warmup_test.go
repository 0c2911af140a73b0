package results

import (
	"errors"
	"math"
	"slices"
	"testing"

	"mpsim/sim"
)

// batches repeats each value five times, so that these are the batch means.
func batches(means ...float64) (out []float64) {
	for _, z := range means {
		out = append(out, z, z, z, z, z)
	}
	return out
}

// By hand, for Z = 0, 8, 10, 9, 11, 10: 82/36, 5.2/25, 2/16, 2/9 for 0 to 3 batches
// deleted; 2 is best.
func TestMSER5(t *testing.T) {
	settled := batches(0, 8, 10, 9, 11, 10)
	for _, v := range []struct {
		observations []float64
		want         int
	}{
		{settled, 10},
		{append(slices.Clone(settled), 1e9, 1e9), 10}, // no whole batch
		{batches(5, 5, 5, 5), 0},
		{batches(10, 9, 11, 10), 0},
		// The mean of a batch counts, not what is in it: 0, 10, 10, 10.
		{[]float64{-9, 9, 0, 3, -3, 10, 10, 10, 10, 10, 9, 11, 8, 12, 10, 10, 10, 10, 10, 10}, 5},
	} {
		if got, err := MSER5(v.observations); got != v.want || err != nil {
			t.Errorf("%v: deletes %d (%v), want %d", v.observations, got, err, v.want)
		}
	}
	var short *TooShortError
	for _, x := range [][]float64{nil, batches(1), batches(1, 2), batches(1, 2, 3, 4, 5, 6), batches(0, 0, 0, 9, 9, 9)} {
		if d, err := MSER5(x); !errors.As(err, &short) {
			t.Errorf("%v: deletes %d without an error", x, d)
		}
	}
	if _, err := MSER5(batches(1, math.NaN(), 1)); err == nil || errors.As(err, new(*TooShortError)) {
		t.Errorf("NaN: %v", err)
	}
}

// A process that approaches 10 from 0 with a time constant of 20 observations: what is
// deleted leaves no bias that shows beside the noise.
func TestMSER5RemovesTheTransient(t *testing.T) {
	const n, runs = 1000, 100
	r := sim.NewRand(1, 0, "transient")
	all, kept := 0.0, 0.0
	x := make([]float64, n)
	for range runs {
		for i := range x {
			x[i] = 10*(1-math.Exp(-float64(i)/20)) + r.Normal()
		}
		d, err := MSER5(x)
		if err != nil || d < 20 || d > n/2 {
			t.Fatalf("deletes %d: %v", d, err)
		}
		all += mean(x) / runs
		kept += mean(x[d:]) / runs
	}
	// The whole is too low by 10 x 20/1000 = 0.2; the error of the mean is 1/sqrt(1e5).
	near(t, "mean of all", all, 9.8, 0.03)
	near(t, "mean behind the warm-up", kept, 10, 0.02)
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func TestFixedWarmUp(t *testing.T) {
	if a, b := FixedWarmUp(0.02), FixedWarmUp(0.2); a != 5 || b != 10 {
		t.Errorf("%v s for 20 ms, %v s for 200 ms", a, b)
	}
	x := []float64{0, 1, 2, 3, 4, 5}
	for _, v := range []struct {
		step, warm float64
		want       int
	}{{0.1, 0.3, 3}, {0.1, 0.25, 3}, {1, 0, 0}, {1, 9, 6}, {0.1, -1, 0}} {
		if got := Behind(x, v.step, v.warm); len(got) != len(x)-v.want {
			t.Errorf("behind %v s in steps of %v s: %v", v.warm, v.step, got)
		}
	}
}
