package results

import (
	"math"
	"testing"

	"mpsim/sim"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %v, want %v within %v", what, got, want, within)
	}
}

// Quantiles of Student's distribution from printed tables (.975), and an interval by
// hand: s = .27889, half-width 2.262 s/sqrt(10) = .1995.
func TestInterval(t *testing.T) {
	for _, v := range []struct{ degrees, want float64 }{{4, 2.776}, {9, 2.262}, {19, 2.093}, {29, 2.045}, {1e9, 1.960}} {
		near(t, "t", student(0.95, v.degrees), v.want, 5e-4)
	}
	mean, low, high := Interval([]float64{9.8, 10.4, 10.1, 9.9, 10.6, 10.2, 9.7, 10.0, 10.3, 10.0}, 0.95)
	near(t, "mean", mean, 10.1, 1e-12)
	near(t, "lower half", mean-low, 0.1995, 5e-5)
	near(t, "upper half", high-mean, 0.1995, 5e-5)
}

// Student's sleep data, as R documents them: t.test(extra ~ group) has 17.776 degrees of
// freedom and -3.3654832 to 0.2054832, paired it has -2.4598858 to -0.7001142.
func TestTwoSettings(t *testing.T) {
	a := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	b := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	for _, v := range []struct {
		name      string
		e         Estimate
		low, high float64
		differ    bool
	}{
		{"Welch", Welch(a, b, 0.95), -3.3654832, 0.2054832, false},
		{"paired", Paired(a, b, 0.95), -2.4598858, -0.7001142, true},
	} {
		near(t, v.name, v.e.Value, -1.58, 1e-12)
		near(t, v.name+" low", v.e.Low, v.low, 5e-8)
		near(t, v.name+" high", v.e.High, v.high, 5e-8)
		if v.e.Excludes(0) != v.differ {
			t.Errorf("%s: differ = %v", v.name, !v.differ)
		}
	}
	if e := Welch([]float64{3, 3}, []float64{1, 1, 1}, 0.95); e != (Estimate{2, 2, 2}) {
		t.Errorf("without variance %v", e)
	}
}

// binomialBounds are those that a share of n trials with probability p keeps with all but
// one case in 2000 (3.5 deviations).
func binomialBounds(p float64, n int) (low, high float64) {
	d := 3.5 * math.Sqrt(float64(p*(1-p))/float64(n))
	return p - d, p + d
}

// The intervals cover what they estimate as often as they say.
func TestIntervalsCover(t *testing.T) {
	const trials = 4000
	r := sim.NewRand(1, 0, "coverage")
	draw := func(x []float64, mean, deviation float64) []float64 {
		for i := range x {
			x[i] = mean + float64(deviation*r.Normal())
		}
		return x
	}
	var one, welch, paired int
	x, y, shared := make([]float64, 5), make([]float64, 8), make([]float64, 5)
	z, w := make([]float64, 5), make([]float64, 5)
	for range trials {
		draw(x, 10, 2)
		if _, low, high := Interval(x, 0.95); low <= 10 && 10 <= high {
			one++
		}
		draw(y, 13, 2)
		if !Welch(x, y, 0.95).Excludes(-3) {
			welch++
		}
		// Common random numbers: a large part that both settings share.
		draw(shared, 0, 50)
		draw(z, 1, 1)
		draw(w, 0, 1)
		for i, s := range shared {
			z[i] += s
			w[i] += s
		}
		if e := Paired(z, w, 0.95); !e.Excludes(1) {
			paired++
			if e.High-e.Low > 50 {
				t.Fatalf("the shared part shows in the difference: %v", e)
			}
		}
	}
	low, high := binomialBounds(0.95, trials)
	for _, v := range []struct {
		name  string
		count int
	}{{"Student", one}, {"Welch", welch}, {"paired", paired}} {
		if share := float64(v.count) / trials; share < low || share > high {
			t.Errorf("%s: %.4f of the intervals cover, want %.4f to %.4f", v.name, share, low, high)
		}
	}
}

// The sequential rule: where it stops is by hand, and how often its interval covers.
func TestPrecision(t *testing.T) {
	p := Precision{Relative: 0.05, Level: 0.95, Min: 3, Max: 5}
	for _, v := range []struct {
		values          []float64
		enough, precise bool
	}{
		{nil, false, false},
		{[]float64{10}, false, false},
		{[]float64{10, 10}, false, true},               // fewer than Min
		{[]float64{10, 10, 10}, true, true},            //
		{[]float64{9.9, 10, 10.1}, true, true},         // half-width 4.303 x .1/sqrt 3 = .248 of 10
		{[]float64{9.7, 10, 10.3}, false, false},       // .745
		{[]float64{-9.9, -10, -10.1}, true, true},      // of the size of the mean
		{[]float64{9, 10, 11, 9, 11}, true, false},     // Max
		{[]float64{10, 10, math.Inf(1)}, false, false}, // a flow that is never complete
		{[]float64{math.Inf(1), math.Inf(1), math.Inf(1)}, false, false},
		{[]float64{math.NaN(), 1, 1}, false, false},
		{[]float64{0, 0, 0}, true, true},
	} {
		enough, precise := p.Enough(v.values)
		if enough != v.enough || precise != v.precise {
			t.Errorf("%v: enough %v, precise %v", v.values, enough, precise)
		}
	}
}

// Under the sequential rule an interval covers less often than its level says, by some
// percent, and less so with a larger Min: between 85 % and 95 % for values whose
// deviation is a fifth of the mean.
func TestSequentialCoverage(t *testing.T) {
	const trials = 1000
	r := sim.NewRand(1, 0, "sequential")
	share := func(least int) (covers, mean float64) {
		p := Precision{Relative: 0.1, Level: 0.95, Min: least, Max: 200}
		n, all := 0, 0
		for range trials {
			var x []float64
			for {
				x = append(x, 10+float64(2*r.Normal()))
				if len(x) < least {
					continue
				}
				if enough, _ := p.Enough(x); enough {
					break
				}
			}
			if _, low, high := Interval(x, p.Level); low <= 10 && 10 <= high {
				n++
			}
			all += len(x)
		}
		return float64(n) / trials, float64(all) / trials
	}
	early, fewer := share(3)
	late, more := share(10)
	_, most := binomialBounds(0.95, trials)
	if early < 0.80 || early >= late || late < 0.90 || late > most {
		t.Errorf("covers %.4f from 3 replications on and %.4f from 10 on, want under-coverage of the first", early, late)
	}
	// (1.96 x 2/1)^2 = 15.4 replications if the deviation were known.
	if fewer < 10 || fewer > 18 || more < 15 || more > 20 {
		t.Errorf("%.1f and %.1f replications on average", fewer, more)
	}
	t.Logf("covers %.4f with %.1f replications from 3 on, %.4f with %.1f from 10 on", early, fewer, late, more)
}

func TestIdentical(t *testing.T) {
	nan := math.NaN()
	for _, v := range []struct {
		runs [][]float64
		want bool
	}{
		{nil, false},
		{[][]float64{{1, 2}}, false},
		{[][]float64{{1, 2}, {1, 2}}, true},
		{[][]float64{{1, nan}, {1, nan}, {1, nan}}, true},
		{[][]float64{{1, 2}, {1, 2}, {1, math.Nextafter(2, 3)}}, false},
		{[][]float64{{1}, {nan}}, false},
		{[][]float64{{}, {}}, false},
	} {
		if got := Identical(v.runs); got != v.want {
			t.Errorf("%v: %v", v.runs, got)
		}
	}
}
