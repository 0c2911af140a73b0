package results

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"mpsim/sim"
)

func upTo(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64((i*37)%n + 1) // 1 to n in disorder, if 37 does not divide n
	}
	return x
}

// x of rank ceil(q n).
func TestQuantile(t *testing.T) {
	for _, v := range []struct {
		n       int
		q, want float64
	}{{100, 0.5, 50}, {100, 0.95, 95}, {100, 0.07, 7}, {100, 0.951, 96}, {100, 0, 1}, {100, 1, 100}, {5, 0.5, 3}, {4, 0.5, 2}, {1, 0.99, 1}} {
		if got := Quantile(upTo(v.n), v.q); got != v.want {
			t.Errorf("quantile %v of 1 to %d: %v, want %v", v.q, v.n, got, v.want)
		}
	}
	// Flows that are not complete count as infinite.
	for q, want := range map[float64]float64{0: 1, 0.2: 1, 0.21: 2, 0.5: 3, 0.8: 4, 1: math.Inf(1)} {
		if got := Quantile([]float64{4, 1, math.Inf(1), 2, 3}, q); got != want {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error("a quantile of nothing")
	}
}

// n = 100, q = 0.95: 95 -+ 4.27, so the ranks 91 and 100; n = 10, q = 0.5: ranks 2 and 9,
// which cover with 97.9 % (1 - 2 x 11/1024); 20 values have no upper end for q = 0.99.
func TestQuantileInterval(t *testing.T) {
	e := QuantileInterval(upTo(100), 0.95, 0.95)
	if e.Estimate != (Estimate{95, 91, 100}) || e.LowRank != 91 || e.HighRank != 100 {
		t.Errorf("n = 100, q = 0.95: %+v", e)
	}
	e = QuantileInterval(upTo(10), 0.5, 0.95)
	if e.Estimate != (Estimate{5, 2, 9}) {
		t.Errorf("n = 10, q = 0.5: %+v", e)
	}
	near(t, "coverage", e.Coverage, 1-22./1024, 1e-12)
	if e = QuantileInterval(upTo(20), 0.99, 0.95); e.HighRank != 21 || !math.IsInf(e.High, 1) {
		t.Errorf("n = 20, q = 0.99: %+v", e)
	}
	// The stated coverage is what simulation finds.
	const trials = 4000
	r := sim.NewRand(1, 0, "quantile")
	covered := 0
	x := make([]float64, 60)
	for range trials {
		for i := range x {
			x[i] = r.Float64()
		}
		if e = QuantileInterval(x, 0.9, 0.95); !e.Excludes(0.9) {
			covered++
		}
	}
	low, high := binomialBounds(e.Coverage, trials)
	if s := float64(covered) / trials; s < low || s > high {
		t.Errorf("covers %v, says %v", s, e.Coverage)
	}
}

// The bootstrap distribution of the median of an odd number n of values is known: at most
// the k-th with the probability that a binomial (n, k/n) is above n/2 (Efron 1979).
func TestMedianInterval(t *testing.T) {
	const n, level = 21, 0.95
	end := func(q float64) float64 {
		for k := 1; ; k++ {
			b := distuv.Binomial{N: n, P: float64(k) / n}
			if 1-b.CDF(n/2) >= q {
				return float64(k)
			}
		}
	}
	e := MedianInterval(upTo(n), level, sim.NewRand(1, 0, "bootstrap"))
	if want := (Estimate{11, end((1 - level) / 2), end((1 + level) / 2)}); e != want {
		t.Errorf("median %+v, want %+v", e, want)
	}
	if again := MedianInterval(upTo(n), level, sim.NewRand(1, 0, "bootstrap")); again != e {
		t.Errorf("the same stream gives %+v, then %+v", e, again)
	}
	if e := MedianInterval([]float64{7, 7}, level, sim.NewRand(1, 0, "bootstrap")); e != (Estimate{7, 7, 7}) {
		t.Errorf("equal values: %+v", e)
	}
	if m := Median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median of an even number of values: %v", m)
	}
	if m := Median([]float64{1, math.Inf(1), math.Inf(1), 1, math.Inf(1), math.Inf(1)}); !math.IsInf(m, 1) {
		t.Errorf("median where most are never complete: %v", m)
	}
}

// sqrt(ln(40)/200) = 0.13581; and the band holds the whole distribution as often as the
// level says at least.
func TestDistribution(t *testing.T) {
	near(t, "DKW(100)", DKW(100, 0.95), 0.13581, 5e-6)
	epsilon := DKW(4, 0.5) // sqrt(ln 4/8) = 0.41628
	near(t, "DKW(4)", epsilon, 0.41628, 5e-6)
	got := Distribution([]float64{3, 1, math.NaN(), 1, 2}, 0.5)
	want := []Step{{1, 0.5, 0.5 - epsilon, 0.5 + epsilon}, {2, 0.75, 0.75 - epsilon, 1}, {3, 1, 1 - epsilon, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	const trials = 2000
	r := sim.NewRand(1, 0, "band")
	inside := 0
	x := make([]float64, 50)
	for range trials {
		for i := range x {
			x[i] = r.Float64()
		}
		ok, before := true, 0.0
		e := DKW(len(x), 0.9)
		for _, s := range Distribution(x, 0.9) { // the truth is F(x) = x
			// Just below the step and at it: |F_n - F| <= e.
			ok = ok && s.X-before <= e && s.F-s.X <= e
			before = s.F
		}
		if ok {
			inside++
		}
	}
	if low, _ := binomialBounds(0.9, trials); float64(inside)/trials < low {
		t.Errorf("the band holds the distribution in %d of %d cases", inside, trials)
	}
}

// (6^2)/(3 x 14) = 0.857; one of n has all: 1/n.
func TestJain(t *testing.T) {
	for _, v := range []struct {
		x    []float64
		want float64
	}{{[]float64{1, 2, 3}, 36. / 42}, {[]float64{0, 5, 0, 0}, 0.25}, {[]float64{7, 7}, 1}} {
		if got := Jain(v.x); got != v.want {
			t.Errorf("Jain of %v: %v, want %v", v.x, got, v.want)
		}
	}
	if !math.IsNaN(Jain([]float64{0, 0})) {
		t.Error("fairness of nothing")
	}
}
