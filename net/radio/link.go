package radio

import (
	"fmt"

	"mpsim/sim"

	simnet "mpsim/net"
)

// Drive makes one direction of a link follow the trace: at its opportunities by
// the rules of mahimahi, or at its rates. With simnet.Loop the trace repeats
// with its Length as period, with simnet.Stop the link is dead after it, and
// simnet.Hold keeps the last rate, which opportunities do not have.
//
// A link of mahimahi takes its last opportunity for the end of the period; if
// the trace ends in a gap, that opportunity is moved to the end of the gap.
func (t *Trace) Drive(c *simnet.LinkConfig, end simnet.EndRule) error {
	if err := t.Check(); err != nil {
		return fmt.Errorf("%s: %w", t.Source, err)
	}
	c.Rate, c.Schedule, c.Opportunities = 0, nil, nil
	switch {
	case t.Kind == Opportunities && end == simnet.Hold:
		return fmt.Errorf("%s: a trace of opportunities can loop or stop at its end, but has no last rate to hold", t.Source)
	case t.Kind == Opportunities:
		c.Opportunities = &simnet.Opportunities{Milliseconds: t.period(), Once: end == simnet.Stop}
	case len(t.Steps) == 1 && end != simnet.Stop:
		c.Rate = t.Steps[0].Rate
	default:
		c.Schedule = &simnet.RateSchedule{Steps: make([]simnet.RateStep, len(t.Steps)), End: end, Length: t.Length}
		for i, s := range t.Steps {
			c.Schedule.Steps[i] = simnet.RateStep{At: sim.Time(s.At), Rate: s.Rate}
		}
	}
	return nil
}

// period returns the opportunities with the last one at the end of the trace,
// as files and links of mahimahi want it.
func (t *Trace) period() []uint32 {
	end, last := uint32(t.Length/sim.Millisecond), len(t.Opportunities)-1
	if t.Opportunities[last] == end {
		return t.Opportunities
	}
	out := append([]uint32(nil), t.Opportunities...)
	out[last] = end
	return out
}

// Links returns the configuration of the two directions of a link of this
// profile: delays, queues, and rates from Generate, which repeat after length.
func (p *Profile) Links(s Streams, name string, length sim.Duration) (down, up simnet.LinkConfig) {
	rates, upRates := p.Generate(s, name, length)
	down = simnet.LinkConfig{Delay: p.Delay, Queue: simnet.Queue{Bytes: p.QueueDown}, Loss: p.Loss}
	up = simnet.LinkConfig{Delay: p.Delay, Queue: simnet.Queue{Bytes: p.QueueUp}, Loss: p.Loss}
	for _, d := range []struct {
		t *Trace
		c *simnet.LinkConfig
	}{{rates, &down}, {upRates, &up}} {
		if err := d.t.Drive(d.c, simnet.Loop); err != nil {
			sim.Bugf("profile %s, link %s: %v", p.Name, name, err)
		}
	}
	return down, up
}
