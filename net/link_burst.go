package simnet

import (
	"fmt"

	"mpsim/sim"
)

// Loss in bursts, by a Markov chain with a good and a bad state (Gilbert, "Capacity of
// a burst-noise channel", BSTJ 39, 1960; Elliott, "Estimates of error rates for codes on
// burst-noise channels", BSTJ 42, 1963) or with four states, as Linux netem has them
// (net/sched/sch_netem.c, loss_gilb_ell and loss_4state; Salsano, Ludovici, Ordine,
// Giannuzzi, "Definition of a general and intuitive loss model for packet networks and
// its implementation in the Netem module in the Linux kernel", 2012).
//
// The chain takes a step for each packet that is offered, whatever else becomes of it.
// In netem's order the step is drawn first, but the packet is lost with the probability
// of the state before it. The two-state chain may also live in time: sojourns are then
// exponential, and an idle link does not keep its state. Draws are those of the packet's
// index, as with independent loss; sojourns have a stream of their own.

// BurstModel is the kind of chain.
type BurstModel uint8

// The kinds.
const (
	NoBurst       BurstModel = iota
	GilbertPacket            // Gilbert-Elliott, a step for each packet
	GilbertTime              // Gilbert-Elliott, exponential sojourns
	FourState                // netem's loss state
)

// Burst is a model of loss in bursts; the zero value loses nothing. Probabilities lie
// from 0 to 1.
type Burst struct {
	Model BurstModel
	// P and R are the probabilities of the steps from good to bad and back
	// (GilbertPacket).
	P, R float64
	// GoodTime and BadTime are the mean sojourns (GilbertTime).
	GoodTime, BadTime sim.Duration
	// Good and Bad are the probabilities of loss in the two states: 1-k and 1-h of the
	// literature (GilbertPacket, GilbertTime).
	Good, Bad float64
	// Pxy are the steps of FourState: 1 is received in a gap, 2 received in a burst, 3
	// lost in a burst, 4 lost alone.
	P13, P31, P32, P23, P14 float64
}

// Validate says what is wrong with the model, or nil.
func (b *Burst) Validate() error {
	for _, p := range []float64{b.P, b.R, b.Good, b.Bad, b.P13, b.P31, b.P32, b.P23, b.P14} {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("probability %v of loss in bursts", p)
		}
	}
	switch {
	case b.Model > FourState:
		return fmt.Errorf("model %d of loss in bursts", b.Model)
	case b.Model == GilbertTime && (b.GoodTime <= 0 || b.BadTime <= 0):
		return fmt.Errorf("sojourns of %v and %v", b.GoodTime, b.BadTime)
	case b.P13+b.P14 > 1 || b.P31+b.P32 > 1:
		return fmt.Errorf("the steps from one state add up to more than 1")
	case b.P13 > 0 && b.P31 == 0 || b.P32 > 0 && b.P23 == 0:
		return fmt.Errorf("a burst that is begun must have an end: p31 must not be 0 if p13 is not, nor p23 if p32 is not")
	}
	return nil
}

// Mean is the share of packets lost in the long run; of GilbertTime the share of the
// packets that come at times independent of the chain.
func (b *Burst) Mean() float64 {
	switch b.Model {
	case GilbertPacket:
		if b.P+b.R == 0 {
			return b.Good
		}
		return (float64(b.R*b.Good) + float64(b.P*b.Bad)) / (b.P + b.R)
	case GilbertTime:
		g, d := float64(b.GoodTime), float64(b.BadTime)
		return (float64(g*b.Good) + float64(d*b.Bad)) / (g + d)
	case FourState:
		if b.P13 == 0 {
			return b.P14 / (1 + b.P14)
		}
		// Balance between {1, 4} and {2, 3}, and between 2 and 3.
		three, two := b.P13/b.P31, 0.0
		if b.P32 > 0 {
			two = three * b.P32 / b.P23
		}
		return (three + b.P14) / (1 + b.P14 + two + three)
	}
	return 0
}

// burstState is a chain at work.
type burstState struct {
	Burst
	draw    *sim.Rand // by index: 2i the step, 2i+1 the loss
	sojourn *sim.Rand
	state   uint8    // of Gilbert: 0 good, 1 bad; of FourState: its number
	until   sim.Time // GilbertTime: end of the sojourn
}

func (lk *Link) setBurst(l *hotLink, b Burst) {
	lk.cfg.Burst = b
	l.flags &^= flagBurst
	if b.Model == NoBurst {
		lk.burst = nil
		return
	}
	l.flags |= flagBurst
	s := &burstState{Burst: b, draw: lk.net.sim.Stream("link/" + lk.name + "/burst")}
	switch b.Model {
	case GilbertTime:
		s.sojourn = lk.net.sim.Stream("link/" + lk.name + "/sojourn")
		s.until = lk.net.sim.Now().Add(sim.Duration(s.sojourn.Exp() * float64(b.GoodTime)))
	case FourState:
		s.state = 1
	}
	lk.burst = s
}

// loses takes the step of packet i and reports whether it is lost.
func (s *burstState) loses(now sim.Time, i uint64) bool {
	switch s.Model {
	case FourState:
		return s.fourState(s.draw.FloatAt(2 * i))
	case GilbertTime:
		for s.until <= now {
			s.state ^= 1
			mean := s.GoodTime
			if s.state == 1 {
				mean = s.BadTime
			}
			s.until = s.until.Add(1 + sim.Duration(s.sojourn.Exp()*float64(mean)))
		}
		return s.draw.FloatAt(2*i+1) < s.lossIn(s.state)
	}
	return s.gilbert(s.draw.FloatAt(2*i), s.draw.FloatAt(2*i+1))
}

func (s *burstState) lossIn(state uint8) float64 {
	if state == 1 {
		return s.Bad
	}
	return s.Good
}

// gilbert is netem's loss_gilb_ell.
func (s *burstState) gilbert(step, loss float64) bool {
	old := s.state
	if old == 0 && step < s.P || old == 1 && step < s.R {
		s.state ^= 1
	}
	return loss < s.lossIn(old)
}

// fourState is netem's loss_4state.
func (s *burstState) fourState(u float64) bool {
	switch s.state {
	case 1:
		switch {
		case u < s.P14:
			s.state = 4
			return true
		case u < s.P14+s.P13:
			s.state = 3
			return true
		}
	case 2:
		if u < s.P23 {
			s.state = 3
			return true
		}
	case 3:
		switch {
		case u < s.P32:
			s.state = 2
		case u < s.P32+s.P31:
			s.state = 1
		default:
			return true
		}
	default:
		s.state = 1
	}
	return false
}
