package tcp

import (
	"math"
	"testing"

	"mpsim/sim"
)

// The window laws of ../shared/facts/PAPERS.md, list A, rows A5 and A6: one Reno
// flow over a path without queue, an ACK for every packet. The loss is the path's,
// counted in data packets.

// lossyPath returns a running connection whose data segments drop decides about.
func lossyPath(t *testing.T, rtt sim.Duration) *pair {
	p := newPair(t, func(c *Config) {
		c.Profile.AckEvery = 1
		c.Profile.CompressSACK = 0
		c.SendBuffer, c.ReceiveBuffer = 1<<26, 1<<26
	})
	p.delay = rtt / 2
	return p
}

// meanWindow runs until the given number of data packets have left and returns
// the mean window over time, in segments, after the first losses.
func meanWindow(p *pair, packets int, skip int) float64 {
	c := p.c[0]
	var area float64
	var total sim.Duration
	last := p.now
	for p.n < packets {
		w := float64(c.cc.Window(0)) / 1448
		p.step()
		if p.n > skip {
			area += float64(w * float64(p.now.Sub(last)))
			total += p.now.Sub(last)
		}
		last = p.now
	}
	return area / float64(total)
}

// sawtooth is the mean window with one loss every n packets and one round without
// growth after each: n/(W/2+1), 3/8 W^2 + W/2 = n.
func sawtooth(p float64) float64 {
	n := 1 / p
	w := (-0.5 + math.Sqrt(0.25+1.5*n)) / 0.75
	return n / (w/2 + 1)
}

// TestPeriodicLoss: A5. The pass band is 3 % at 1e-4 and 1e-3, 8 % at 1e-2.
func TestPeriodicLoss(t *testing.T) {
	for _, v := range []struct {
		p, band float64
		cycles  int
	}{{1e-4, 0.03, 60}, {1e-3, 0.03, 400}, {1e-2, 0.08, 2000}} {
		p := lossyPath(t, 100*ms)
		p.every = int(math.Round(1 / v.p))
		got := meanWindow(p, v.cycles*p.every, 10*p.every)
		want := sawtooth(v.p)
		t.Logf("p %g: mean window %.2f, law %.2f (%+.1f %%), %.3f/sqrt(p)", v.p, got, want, 100*(got/want-1), got*math.Sqrt(v.p))
		if math.Abs(got/want-1) > v.band {
			t.Errorf("p %g: mean window %.2f, law %.2f", v.p, got, want)
		}
		if st := p.c[0].Stats(); st.Timeouts > 0 {
			t.Errorf("p %g: %d timeouts", v.p, st.Timeouts)
		}
	}
}

// renoMonteCarlo is Reno in rounds under Bernoulli loss, with one round without
// growth after each reduction and at most one reduction for each window: the
// oracle of A6, which shares no code with the connection. It returns the mean of
// the window over rounds.
func renoMonteCarlo(p float64, rounds int, r *sim.Rand) float64 {
	w, area := 10.0, 0.0
	for i := 0; i < rounds; {
		// Some packet of the window is lost.
		lost := r.Float64() < 1-math.Pow(1-p, math.Floor(w))
		area += w
		i++
		if !lost {
			w++
			continue
		}
		w = math.Max(math.Floor(w/2), 2)
		area += w // the round of recovery
		i++
	}
	return area / float64(rounds)
}

// TestBernoulliLoss: A6, within 6 %.
func TestBernoulliLoss(t *testing.T) {
	for _, v := range []struct {
		p       float64
		packets int
	}{{1e-4, 2_500_000}, {1e-3, 600_000}, {1e-2, 300_000}} {
		p := lossyPath(t, 100*ms)
		r := sim.NewRand(3, 0, "loss")
		p.lose = func() bool { return r.Float64() < v.p }
		got := meanWindow(p, v.packets, v.packets/50)
		want := renoMonteCarlo(v.p, 2_000_000, sim.NewRand(5, 0, "rounds"))
		t.Logf("p %g: mean window %.2f, Monte Carlo %.2f (%+.1f %%); %.3f/sqrt(p); %d timeouts", v.p, got, want,
			100*(got/want-1), got*math.Sqrt(v.p), p.c[0].Stats().Timeouts)
		if math.Abs(got/want-1) > 0.06 {
			t.Errorf("p %g: mean window %.2f, Monte Carlo %.2f", v.p, got, want)
		}
	}
}
