package cc

import (
	"math"
	"testing"

	"mpsim/sim"
)

// The three goals of coupled congestion control (RFC 6356 section 1) in the model
// of its own analysis (Wischik et al., NSDI'11): every segment is lost with
// probability p of its path, independent of the sender. A shared bottleneck shows
// all its flows the same p and round-trip time.

// lossyPath is the model: loss probability and round-trip time.
type lossyPath struct {
	p   float64
	rtt sim.Duration
}

// rates returns the segments per second of each subflow over the given time,
// after 200 s to settle.
func rates(t *testing.T, name string, length sim.Duration, paths ...lossyPath) []float64 {
	c := must(t, name)
	lines := make([]*line, len(paths))
	rnds := make([]*sim.Rand, len(paths))
	for i, p := range paths {
		setFlow(t, c, FlowID(i), 10, 10, p.rtt)
		lines[i] = &line{c: c, f: FlowID(i), rtt: p.rtt}
		rnds[i] = sim.NewRand(7, uint64(i), t.Name())
	}
	const settle = 200 * sim.Second
	end := settle + length
	sent := make([]float64, len(paths))
	for {
		first := 0
		for i := range lines {
			if lines[i].now < lines[first].now {
				first = i
			}
		}
		l := lines[first]
		if l.now > sim.Time(end) {
			break
		}
		if l.now > sim.Time(settle) {
			sent[first]++
		}
		l.step(rnds[first].Float64() < paths[first].p)
	}
	for i := range sent {
		sent[i] /= (end - settle).Seconds()
	}
	return sent
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// Do no harm: over one bottleneck two LIA subflows take what one TCP takes, and
// two uncoupled ones twice that. LIA is a little above its fluid model, where the
// windows are equal and alpha is 1/2: they fluctuate, and alpha has their maximum
// in the numerator.
//
// row:F1 row:F2
func TestShareOfBottleneck(t *testing.T) {
	b := lossyPath{p: 1e-3, rtt: 50 * sim.Millisecond}
	for _, v := range []struct {
		multi, single string
		share, tol    float64
	}{{"lia", "reno", 1, 0.15}, {"reno", "reno", 2, 0.05}, {"cubic", "cubic", 2, 0.05}} {
		tcp := sum(rates(t, v.single, 1500*sim.Second, b))
		got := sum(rates(t, v.multi, 1500*sim.Second, b, b)) / tcp
		if math.Abs(got/v.share-1) > v.tol {
			t.Errorf("two subflows of %s take %.3f shares, want %v", v.multi, got, v.share)
		}
	}
}

// Improve throughput: LIA over two paths is as fast as TCP on the better one,
// wherever that is.
//
// row:F2
func TestAtLeastTheBestPath(t *testing.T) {
	const length = 1000 * sim.Second
	for _, paths := range [][]lossyPath{
		{{1e-3, 20 * sim.Millisecond}, {1e-3, 100 * sim.Millisecond}},
		{{4e-3, 20 * sim.Millisecond}, {5e-4, 100 * sim.Millisecond}},
		{{1e-2, 100 * sim.Millisecond}, {5e-4, 20 * sim.Millisecond}},
	} {
		best := 0.0
		for _, p := range paths {
			best = math.Max(best, sum(rates(t, "reno", length, p)))
		}
		got := sum(rates(t, "lia", length, paths...)) / best
		if got < 0.93 || got > 1.15 {
			t.Errorf("%v: LIA is %.3f times as fast as TCP on the best path", paths, got)
		}
	}
}

// Balance congestion: of two paths that differ in loss only, the one with less
// carries more than uncoupled TCPs would put there. In equilibrium of the
// increase alpha/w_tot per segment w_i = 2*alpha/(p_i*w_tot), so that the shares
// are as 1/p instead of Reno's 1/sqrt(p).
//
// row:F2
func TestBalance(t *testing.T) {
	const r = 50 * sim.Millisecond
	a, b := lossyPath{4e-4, r}, lossyPath{1e-4, r}
	x := rates(t, "lia", 3000*sim.Second, a, b)
	if ratio := x[1] / x[0]; math.Abs(ratio/4-1) > 0.15 {
		t.Errorf("rates as 1 to %.2f, theory 4", ratio)
	}
	x = rates(t, "reno", 3000*sim.Second, a, b)
	if ratio := x[1] / x[0]; math.Abs(ratio/2-1) > 0.1 {
		t.Errorf("uncoupled rates as 1 to %.2f, theory 2", ratio)
	}
}
