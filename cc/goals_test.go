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

// lossyRun is a connection in that model.
type lossyRun struct {
	paths []lossyPath
	lines []*line
	rnds  []*sim.Rand
	sent  []float64 // segments since the last take
}

func newLossyRun(t *testing.T, c Controller, paths ...lossyPath) *lossyRun {
	r := &lossyRun{paths: paths, sent: make([]float64, len(paths))}
	for i, p := range paths {
		setFlow(t, c, FlowID(i), 10, 10, p.rtt)
		r.lines = append(r.lines, &line{c: c, f: FlowID(i), rtt: p.rtt})
		r.rnds = append(r.rnds, sim.NewRand(7, uint64(i), t.Name()))
	}
	return r
}

// until lets time pass.
func (r *lossyRun) until(end sim.Duration) {
	for {
		first := 0
		for i := range r.lines {
			if r.lines[i].now < r.lines[first].now {
				first = i
			}
		}
		l := r.lines[first]
		if l.now > sim.Time(end) {
			return
		}
		r.sent[first]++
		l.step(r.rnds[first].Float64() < r.paths[first].p)
	}
}

// take returns the segments per second of each subflow over the time since the
// last take.
func (r *lossyRun) take(length sim.Duration) []float64 {
	x := r.sent
	r.sent = make([]float64, len(x))
	for i := range x {
		x[i] /= length.Seconds()
	}
	return x
}

// rates returns the segments per second of each subflow over the given time,
// after 200 s to settle.
func rates(t *testing.T, name string, length sim.Duration, paths ...lossyPath) []float64 {
	return ratesOf(t, must(t, name), length, paths...)
}

func ratesOf(t *testing.T, c Controller, length sim.Duration, paths ...lossyPath) []float64 {
	const settle = 200 * sim.Second
	r := newLossyRun(t, c, paths...)
	r.until(settle)
	r.take(settle)
	r.until(settle + length)
	return r.take(length)
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
	}{
		{"lia", "reno", 1, 0.15},
		{"olia", "reno", 1, 0.15},
		{"balia", "reno", 1, 0.15},
		{"ewtcp", "reno", 1, 0.15},
		{"epsilon", "reno", 1, 0.15},
		{"reno", "reno", 2, 0.05},
		{"cubic", "cubic", 2, 0.05},
	} {
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

// OLIA is Pareto-optimal where LIA is not: of a path that is as lossy but four times
// as long it keeps little more than a probe, and loses nothing by that, while LIA
// takes a fifth of its traffic from there. (LIA 707 + 179, OLIA 906 + 21 segments/s in
// the Monte Carlo of PAPERS 18.3, without a round of recovery.)
//
// And it flaps little: on two equal paths the fully coupled controller of which it is
// the repair has nine tenths of its traffic on one of them half of the time.
//
// row:F3
func TestOLIAIsParetoOptimal(t *testing.T) {
	a, b := lossyPath{5e-3, 20 * sim.Millisecond}, lossyPath{5e-3, 80 * sim.Millisecond}
	lia, olia := rates(t, "lia", 2000*sim.Second, a, b), rates(t, "olia", 2000*sim.Second, a, b)
	if share := olia[1] / sum(olia); share > 0.04 {
		t.Errorf("OLIA puts %.3f on the worse path", share)
	}
	if share := lia[1] / sum(lia); share < 0.15 {
		t.Errorf("LIA puts %.3f on the worse path", share)
	}
	if sum(olia) < sum(lia) {
		t.Errorf("OLIA %.0f segments/s, LIA %.0f", sum(olia), sum(lia))
	}
	c := lossyPath{2e-4, 20 * sim.Millisecond}
	flapping := func(name string) float64 {
		captured, blocks := 0.0, 0.0
		perBlock(t, name, 500*sim.Millisecond, 1000, func(x []float64) {
			blocks++
			if share := x[0] / sum(x); share < 0.1 || share > 0.9 {
				captured++
			}
		}, c, c)
		return captured / blocks
	}
	coupled, opportunistic := flapping("coupled"), flapping("olia")
	t.Logf("captured by one path: coupled %.2f, OLIA %.2f of the time", coupled, opportunistic)
	if coupled < 0.4 || opportunistic > 0.25 {
		t.Errorf("captured by one path: coupled %.2f, OLIA %.2f of the time", coupled, opportunistic)
	}
}

// A12.8: of two paths that differ in loss OLIA leaves the worse one nearly alone: of losses
// of 0.2 and 2 % it carries 673 + 38 segments/s where TCP has 743 on the better one, and
// LIA, whose shares go as 1/p, 654 + 67 (Monte Carlo of PAPERS 18.3, without a round of
// recovery, which takes the same part of each). Over two equal paths, with a TCP on each,
// LIA takes the rate of one TCP in total, not of two.
func TestOLIALeavesTheLossierPath(t *testing.T) {
	const r, length = 40 * sim.Millisecond, 2000 * sim.Second
	a, b := lossyPath{2e-3, r}, lossyPath{2e-2, r}
	tcp := sum(rates(t, "reno", length, a))
	for name, want := range map[string][2]float64{"olia": {673. / 743, 38. / 743}, "lia": {654. / 743, 67. / 743}} {
		x := rates(t, name, length, a, b)
		t.Logf("%s: %.3f + %.3f of a TCP, published %.3f + %.3f", name, x[0]/tcp, x[1]/tcp, want[0], want[1])
		for i := range x {
			if math.Abs(x[i]/tcp/want[i]-1) > []float64{0.08, 0.25}[i] {
				t.Errorf("%s: %.3f of a TCP on path %d, want %.3f", name, x[i]/tcp, i, want[i])
			}
		}
	}
	if got := sum(rates(t, "lia", length, a, a)) / tcp; math.Abs(got-1) > 0.15 {
		t.Errorf("LIA over two equal paths takes %.3f of a TCP", got)
	}
}

// perBlock tells the rates of successive blocks of time.
func perBlock(t *testing.T, name string, block sim.Duration, blocks int, tell func([]float64), paths ...lossyPath) {
	run := newLossyRun(t, must(t, name), paths...)
	run.until(200 * sim.Second)
	for i := range blocks {
		run.until(200*sim.Second + sim.Duration(i+1)*block)
		tell(run.take(block))
	}
}
