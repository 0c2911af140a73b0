package results

import (
	"fmt"
	"math"
)

// Deletion of the warm-up: a simulation starts empty, and what it shows before it has
// settled biases a mean over time. Two ways to choose where the steady state begins are
// here: a fixed time with a lower bound, and MSER-5 (White, "An effective truncation
// heuristic for bias reduction in simulation output", Simulation 69(6), 1997; White,
// Cobb and Spratt, "A comparison of five steady-state truncation heuristics for
// simulation", WSC 2000). Not here: methods by eye (Welch's moving average).

// mserBatch is the number of observations in a batch of MSER-5.
const mserBatch = 5

// TooShortError says that a run is too short for its warm-up to be told.
type TooShortError struct {
	Batches int // of five observations, that there are
	Cut     int // batches that the heuristic would delete; 0 if there are too few at all
}

// Error implements error.
func (e *TooShortError) Error() string {
	if e.Batches < 2 {
		return fmt.Sprintf("the run is too short: MSER-5 needs at least 10 observations, and there are fewer (%d batches of 5)", e.Batches)
	}
	return fmt.Sprintf("the run is too short: MSER-5 would delete %d of %d batches of 5 observations, the most that it may; it has perhaps not settled at all", e.Cut, e.Batches)
}

// MSER5 returns how many observations to delete at the beginning of a series whose steps
// are equal. Of n batch means of five observations it deletes the first d with the least
//
//	sum over j > d of (Z_j - mean of these)^2 / (n-d)^2,   0 <= d <= n/2,
//
// the first such d if there are several. Observations behind the last whole batch play
// no part. The error is a *TooShortError if d is n/2 or there are fewer than two
// batches, and another if an observation is not finite.
func MSER5(observations []float64) (deleted int, err error) {
	means := make([]float64, len(observations)/mserBatch)
	for i := range means {
		sum := 0.0
		for _, x := range observations[i*mserBatch : (i+1)*mserBatch] {
			sum += x
		}
		means[i] = sum / mserBatch
		if math.IsNaN(means[i]) || math.IsInf(means[i], 0) {
			return 0, fmt.Errorf("observations %d to %d have no finite mean", i*mserBatch, (i+1)*mserBatch-1)
		}
	}
	d, err := mser(means)
	return d * mserBatch, err
}

// mser returns how many batches to delete.
func mser(z []float64) (int, error) {
	n := len(z)
	if n < 2 {
		return 0, &TooShortError{Batches: n}
	}
	// From the end, with the mean and the squares about it of what is kept (Welford).
	best, cut := math.Inf(1), 0
	mean, squares := 0.0, 0.0
	for d := n - 1; d >= 0; d-- {
		kept := float64(n - d)
		step := z[d] - mean
		mean += step / kept
		squares += float64(step * (z[d] - mean))
		if d <= n/2 {
			if statistic := squares / (kept * kept); statistic <= best {
				best, cut = statistic, d
			}
		}
	}
	if cut == n/2 {
		return cut, &TooShortError{Batches: n, Cut: cut}
	}
	return cut, nil
}

// FixedWarmUp returns the warm-up in seconds that is customary where no series is looked
// at: the longer of 5 s and 50 round-trip times.
func FixedWarmUp(rttSeconds float64) float64 { return max(5, 50*rttSeconds) }

// Behind returns the observations of a series with equal steps, the first of them at
// time 0, that lie at or after a warm-up. Both times are in seconds, the step above 0.
func Behind(observations []float64, stepSeconds, warmUpSeconds float64) []float64 {
	// A quotient that rounding has put just above a whole number is that number.
	first := math.Ceil(warmUpSeconds/stepSeconds - 1e-9)
	return observations[min(max(int(first), 0), len(observations)):]
}
