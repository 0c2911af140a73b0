package simnet_test

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/sim"
)

// moments returns mean, variance and the correlation of neighbours.
func moments(x []float64) (mean, variance, neighbours float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	for i, v := range x {
		variance += (v - mean) * (v - mean) / n
		if i > 0 {
			neighbours += (v - mean) * (x[i-1] - mean) / n
		}
	}
	return mean, variance, neighbours / variance
}

// x(i) = (1-c) u(i) + c x(i-1) has the mean 1/2, the variance (1-c)^2/(1-c^2)/12 =
// (1-c)/(1+c)/12 and the correlation c of neighbours. The bounds are four standard errors.
func TestCorrelatedDraws(t *testing.T) {
	const n = 100000
	for _, c := range []float64{0, 0.25, 0.5, 0.9} {
		draws := simnet.NewCorrelated(sim.NewRand(1, 0, "x"), c, 1<<63)
		plain := sim.NewRand(1, 0, "x")
		x := make([]float64, n)
		for i := range x {
			x[i] = draws.At(uint64(i))
			if c == 0 && x[i] != plain.FloatAt(uint64(i)) {
				t.Fatal("without correlation the draws are others")
			}
		}
		mean, variance, neighbours := moments(x)
		want := (1 - c) / (1 + c) / 12
		inflation := math.Sqrt((1 + c) / (1 - c)) // of errors, since draws are not independent
		if math.Abs(mean-0.5) > 4*math.Sqrt(want/n)*inflation || math.Abs(variance/want-1) > 4*1.5/math.Sqrt(n)*inflation ||
			math.Abs(neighbours-c) > 4/math.Sqrt(n) {
			t.Errorf("correlation %v: mean %v, variance %v (want %v), neighbours %v", c, mean, variance, want, neighbours)
		}
	}
}

// netem is get_crandom of Linux 6.x, net/sched/sch_netem.c, word by word, with the
// comparison of loss_event: the packet is lost if the probability is at least the draw.
type netem struct{ last, rho uint32 }

func (s *netem) crandom(value uint32) uint32 {
	if s.rho == 0 {
		return value
	}
	rho := uint64(s.rho) + 1
	answer := (uint64(value)*((1<<32)-rho) + uint64(s.last)*rho) >> 32
	s.last = uint32(answer)
	return uint32(answer)
}

// A link with loss 10 % and correlation 25 % loses what netem loses with the same random
// numbers, but for draws on the border.
func TestCorrelatedLossIsNetems(t *testing.T) {
	const n, p, c = 20000, 0.1, 0.25
	b := newPair(t, simnet.LinkConfig{Loss: p, LossCorrelation: c})
	b.at(0, func() {
		for range n {
			b.send(100)
		}
	})
	b.finish()
	arrived := make([]bool, n)
	for _, a := range b.arrived {
		arrived[a.Seq-1] = true
	}
	rnd := b.sim.Stream("link/l/down/loss")
	ref := netem{last: uint32(rnd.At(1<<63) >> 32), rho: uint32(c*(1<<32)) - 1}
	limit := float64(p)
	limit *= math.MaxUint32
	lost, differ, pairs := 0, 0, 0
	for i := range n {
		gone := uint32(limit) >= ref.crandom(uint32(rnd.At(uint64(i))>>32))
		if gone {
			lost++
		}
		if gone == arrived[i] {
			differ++
		}
		if i > 0 && !arrived[i] && !arrived[i-1] {
			pairs++
		}
	}
	if differ > 1 {
		t.Errorf("%d of %d packets meet another fate than with netem", differ, n)
	}
	// Losses come together: more often than p after a loss. And there are fewer than p.
	if share := float64(lost) / n; share >= p || float64(pairs)/float64(lost) < 1.5*share {
		t.Errorf("%v lost, %v after a loss", share, float64(pairs)/float64(lost))
	}
}
