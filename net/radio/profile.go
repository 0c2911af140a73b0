package radio

import (
	"fmt"

	"mpsim/sim"
)

// The rate of a profile, in one direction, is the product of two independent
// stationary processes at steps of 100 ms, scaled to a given mean:
//
//	R(k) = mean/E[M] * L(k) * M(k)
//
// L is log-normal with mean 1, the exponential of a Gaussian AR(1) process
// (ALGORITHMS.md E11: "AR(1) log-rate"; E12: log-normal shadowing with an
// exponential correlation, after Gudmundson, "Correlation model for shadow
// fading in mobile radio systems", Electronics Letters 27(23), 1991):
//
//	X(0) ~ N(0,1)      X(k+1) = rho X(k) + sqrt(1-rho^2) N(0,1)
//	L(k) = exp(sigma X(k) - sigma^2/2)
//	sigma^2 = ln(1 + variation^2)     rho = exp(-100 ms / coherence)
//
// M is a Markov chain of two states (Gilbert, "Capacity of a burst-noise
// channel", BSTJ 39, 1960), 1 while the link is good and Fade.Factor while it
// is in a fade; each step it leaves its state with the probability that gives
// the mean sojourn times. Both directions share M, because a fade is a place,
// and have an L of their own.
//
// Consequences, on which the tests rest: E[R] = mean, and with the stationary
// share q of fades, m2 = 1-q+q f^2, m1 = 1-q+q f, lambda = 1 - a - b,
//
//	E[R(0) R(k)] / mean^2 = exp(sigma^2 rho^k) (m1^2 + q(1-q)(1-f)^2 lambda^k) / m1^2
//
// which for k = 0 is exp(sigma^2) m2/m1^2 = 1 + CV^2.
//
// Cross traffic with a daily cycle (Busy) then takes its share of R; the mean is that
// of the link without it.
//
// Not modelled: trends (walking away is the key radio of a link, signal.go), and an
// upper bound of the rate, which the log-normal does not have.

// Resolution is the step of generated rates.
const Resolution = 100 * sim.Millisecond

// Process is the rate of one direction.
type Process struct {
	// Mean is the mean rate in the long run, fades included.
	Mean sim.Rate
	// Variation is the coefficient of variation of the rate outside fades: 0
	// gives a constant rate.
	Variation float64
	// Coherence is the time over which the correlation of the logarithm of the
	// rate falls to 1/e.
	Coherence sim.Duration
}

// Fade is the process of bad times that both directions share.
type Fade struct {
	// Factor is the share of the rate that remains in a fade; 0 is silence.
	Factor float64
	// Good and Bad are the mean times between fades and in one. Good = 0 means
	// that there are none.
	Good, Bad sim.Duration
}

// Profile is a kind of access link between a host and the first router behind
// its bottleneck.
type Profile struct {
	Name, Doc string
	// Source says where the numbers come from and which were assumed.
	Source string
	// Delay is the one-way delay without queueing, in each direction. The way
	// from the access network to a server comes on top.
	Delay sim.Duration
	// QueueDown and QueueUp are the sizes of the drop-tail queues in bytes.
	QueueDown, QueueUp int
	// Loss is the probability of losing a packet before the queue, in each direction.
	Loss     float64
	Down, Up Process
	Fade     Fade
	Busy     Busy
}

// Busy is cross traffic with a daily cycle: it takes a share of both rates that rises
// and falls linearly, from nothing twelve hours away from the peak to Depth at it.
type Busy struct {
	// Depth is the share that is taken at the peak, below 1; 0: no cycle.
	Depth float64
	// Peak and Start are hours of the day: of the peak, and at which the run begins.
	Peak, Start float64
	// Day is the length of a day; 0: 24 h. Shorter days bring several into a run.
	Day sim.Duration
}

// left returns the share of the rate that cross traffic leaves at a time.
func (b *Busy) left(at sim.Duration) float64 {
	if b.Depth == 0 {
		return 1
	}
	day := b.Day
	if day == 0 {
		day = 24 * 3600 * sim.Second
	}
	hour := b.Start + float64(24*float64(at%day)/float64(day))
	away := hour - b.Peak
	for away < 0 {
		away += 24
	}
	for away >= 24 {
		away -= 24
	}
	away = min(away, 24-away)
	return 1 - float64(b.Depth*(1-away/12))
}

// Streams gives out named random streams; *sim.Sim does.
type Streams interface {
	Stream(name string) *sim.Rand
}

// Generate makes the two directions of a link for the given length, rounded up
// to a multiple of 100 ms. Its random numbers come from the streams name+"/down",
// name+"/up" and name+"/fade": whoever asks with the same seed, replication,
// name and parameters gets the same rates, and a longer trace begins with a
// shorter one. A profile that a user has changed must pass Check first.
func (p *Profile) Generate(s Streams, name string, length sim.Duration) (down, up *Trace) {
	if err := p.Check(); err != nil {
		sim.Bugf("generating a profile that fails its check: %v", err)
	}
	if length <= 0 || length > MaxLength-Resolution {
		sim.Bugf("generating %v of profile %s", length, p.Name)
	}
	steps := int((length + Resolution - 1) / Resolution)
	faded := p.Fade.states(s.Stream(name+"/fade"), steps)
	return p.direction("down", p.Down, s.Stream(name+"/down"), faded, steps),
		p.direction("up", p.Up, s.Stream(name+"/up"), faded, steps)
}

// states returns for each step whether the link is in a fade.
func (f Fade) states(r *sim.Rand, steps int) []bool {
	if f.Good == 0 {
		return nil
	}
	leaveGood := float64(Resolution) / float64(f.Good)
	leaveBad := float64(Resolution) / float64(f.Bad)
	out := make([]bool, steps)
	bad := r.Float64() < f.share()
	for k := range out {
		out[k] = bad
		if leave := leaveGood; bad {
			bad = r.Float64() >= leaveBad
		} else {
			bad = r.Float64() < leave
		}
	}
	return out
}

// share returns the stationary probability of a fade.
func (f Fade) share() float64 {
	if f.Good == 0 {
		return 0
	}
	return float64(f.Bad) / (float64(f.Good) + float64(f.Bad))
}

// direction makes one direction's trace. A constant rate is one step.
func (p *Profile) direction(dir string, c Process, r *sim.Rand, faded []bool, steps int) *Trace {
	t := &Trace{
		Source: "profile " + p.Name + " " + dir, Format: Generated, Kind: Rates,
		Length: sim.Duration(steps) * Resolution,
	}
	if c.Variation == 0 && faded == nil && p.Busy.Depth == 0 {
		t.Steps = []Step{{0, c.Mean}}
		return t
	}
	q := p.Fade.share()
	base := float64(c.Mean) / (1 - q + float64(q*p.Fade.Factor))
	variance := sim.Log(1 + float64(c.Variation*c.Variation))
	half, sigma := float64(variance/2), sim.Sqrt(variance)
	var rho, fresh float64
	if c.Variation > 0 {
		rho = sim.Exp(-float64(Resolution) / float64(c.Coherence))
		fresh = sim.Sqrt(1 - float64(rho*rho))
	}
	t.Steps = make([]Step, steps)
	x := r.Normal()
	for k := range t.Steps {
		rate := float64(base * sim.Exp(float64(sigma*x)-half))
		if faded != nil && faded[k] {
			rate = float64(rate * p.Fade.Factor)
		}
		rate = float64(rate * p.Busy.left(sim.Duration(k)*Resolution))
		t.Steps[k] = Step{sim.Duration(k) * Resolution, sim.Rate(min(rate+0.5, float64(MaxRate)))}
		x = float64(rho*x) + float64(fresh*r.Normal())
	}
	return t
}

// Check returns what is wrong with the parameters of the profile, or nil.
func (p *Profile) Check() error {
	for _, q := range parameters {
		if v := q.get(p); !(v >= q.Min && v <= q.Max) {
			return fmt.Errorf("profile %s: %s = %g is not between %g and %g", p.Name, q.Name, v, q.Min, q.Max)
		}
	}
	for _, c := range []Process{p.Down, p.Up} {
		if c.Variation > 0 && c.Coherence < Resolution {
			return fmt.Errorf("profile %s: a coherence time of %v is below the step of %v", p.Name, c.Coherence, Resolution)
		}
	}
	if f := p.Fade; f.Good != 0 && (f.Good < Resolution || f.Bad < Resolution) {
		return fmt.Errorf("profile %s: mean times of %v good and %v bad must be %v or more", p.Name, f.Good, f.Bad, Resolution)
	}
	return nil
}
