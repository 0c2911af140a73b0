package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// A1: in congestion avoidance ten segments acknowledged make 11 of 10, in one
// ACK or in ten.
func TestRenoGrowsOneSegmentPerWindow(t *testing.T) {
	for _, per := range []int64{1, 2, 5, 10} {
		c := joined(t, "reno", 10, 10)
		for range 10 / per {
			if segments(c, 0) != 10 {
				t.Fatalf("grew early with %d segments per ACK", per)
			}
			feed(c, 0, 0, per*mss, sim.Second)
		}
		if segments(c, 0) != 11 {
			t.Errorf("%d segments per ACK: window %v", per, segments(c, 0))
		}
	}
}

// One loss every 1/p segments gives a sawtooth between W/2 and W with
// 3/8 W^2 = 1/p; in rounds of equal length its mean is 3/4 W = 1.2247/sqrt(p)
// (Mathis et al., CCR 1997). Recovery takes one round more, at W/2.
func TestRenoSawtooth(t *testing.T) {
	for _, p := range []float64{1e-3, 1e-4} {
		l := &line{c: joined(t, "reno", 10, 10), rtt: 100 * sim.Millisecond}
		l.periodic(int(1/p), 20)
		peak := math.Sqrt(8 / (3 * p))
		want := (0.75*peak*peak/2 + peak/2) / (peak/2 + 1)
		if got := l.mean(); math.Abs(got/want-1) > 0.03 {
			t.Errorf("p = %g: mean window %.2f segments, theory %.2f", p, got, want)
		}
	}
}

// A1: 1.2247 MSS/(RTT sqrt(p)) with an MSS of 1448 bytes, 100 ms and a loss in a hundred
// is 177 kB/s, 1.42 Mb/s. With a round that repairs the loss the constant is 1.132 there:
// 1/p segments in W/2 + 1 rounds, where 3/8 W^2 + W/2 = 1/p.
func TestMathisVector(t *testing.T) {
	const segment, p, rtt = 1448.0, 0.01, 0.1
	formula := 1.2247 * segment / (rtt * math.Sqrt(p))
	if math.Abs(formula/177e3-1) > 0.003 || math.Abs(formula*8/1.42e6-1) > 0.003 {
		t.Fatalf("the formula gives %.0f B/s", formula)
	}
	l := &line{c: joined(t, "reno", 10, 10), rtt: 100 * sim.Millisecond}
	l.periodic(1/p, 50)
	got, want := l.mean()*segment/rtt, formula*1.132/1.2247
	if math.Abs(got/want-1) > 0.08 {
		t.Errorf("%.0f B/s, with the repair %.0f", got, want)
	}
}
