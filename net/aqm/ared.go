package aqm

import (
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Adaptive RED: S. Floyd, R. Gummadi, S. Shenker, "Adaptive RED: An Algorithm for
// Increasing the Robustness of RED's Active Queue Management", 2001, section 4. RED whose
// maxp follows the load: every interval, with the average against the middle fifth of the
// thresholds,
//
//	avg > min + 0.6 (max-min)  maxp += min(0.01, maxp/4)
//	avg < min + 0.4 (max-min)  maxp *= 0.9
//
// within [0.01, 0.5]. What is not given follows from the rate C of the link in typical
// packets a second when the run begins (section 5): min = max(5, target C/2) packets,
// max = 3 min, weight = 1 - exp(-1/C). A link that is infinitely fast or stopped then has
// 5 packets and 0.002.

var aredSpec = Spec{
	Name: "ared",
	Doc:  "adaptive RED: maxp follows the load, thresholds and weight follow the rate (Floyd, Gummadi, Shenker 2001)",
	Params: append(aredParams(),
		Param{Name: "target", Kind: Span, Default: 5e6, Min: 1, Max: 60e9, Doc: "queueing delay from which min follows unless it is given"},
		Param{Name: "interval", Kind: Span, Default: 500e6, Min: 1e6, Max: 60e9, Doc: "time between two changes of maxp"},
	),
	check: checkRED,
	new:   newARED,
}

// aredParams are those of RED, with the paper's advice: gentle.
func aredParams() []Param {
	out := append([]Param(nil), redParams...)
	for i := range out {
		switch out[i].Name {
		case "min", "max", "weight":
			out[i].Doc += "; unless given it follows from the rate of the link"
		case "maxp":
			out[i].Doc += " at the start"
		case "gentle":
			out[i].Default = 1
		}
	}
	return out
}

const (
	aredLeast, aredMost = 0.01, 0.5 // bounds of maxp
	aredStep            = 0.01      // largest step up
	aredDecrease        = 0.9
)

// ared is RED with a maxp that moves.
type ared struct {
	red
	interval sim.Duration
	next     sim.Time // when maxp changes
}

func newARED(v *Values, p *simnet.Port) simnet.Discipline {
	a := &ared{red: *newRED(v, p), interval: v.span("interval"), next: sim.Time(v.span("interval"))}
	perPacket := p.ServiceTime(0, a.meanPacket)
	c := 0.0
	if perPacket > 0 && perPacket != sim.Duration(sim.Never) {
		c = 1e9 / float64(perPacket)
	}
	switch {
	case v.wasGiven("min"):
	case v.wasGiven("max"):
		a.min = a.max / 3
	default:
		a.min = max(5, v.span("target").Seconds()*c/2)
	}
	if !v.wasGiven("max") {
		a.max = 3 * a.min
	}
	if !v.wasGiven("weight") && c > 0 {
		a.weight = 1 - sim.Exp(-1/c)
	}
	return a
}

// Enqueue implements simnet.Discipline.
func (a *ared) Enqueue(now sim.Time, id simnet.PacketID) trace.Reason {
	a.adapt(now)
	return a.red.Enqueue(now, id)
}

// adapt carries out the changes of maxp that are due.
func (a *ared) adapt(now sim.Time) {
	for a.next <= now {
		avg := a.avg
		if m := a.idle(a.next); m > 0 {
			avg = a.decayed(m)
		}
		if !a.step(avg) {
			// Below the target with the least maxp: an average that only decays
			// changes nothing until a packet comes.
			a.next = a.next.Add(a.interval * ((now.Sub(a.next) + a.interval) / a.interval))
			return
		}
		a.next = a.next.Add(a.interval)
	}
}

// step changes maxp once. It reports false if it is at its lower bound and stays there.
func (r *redState) step(avg float64) bool {
	width := r.max - r.min
	switch {
	case avg > r.min+float64(0.6*width):
		r.maxp = min(r.maxp+min(aredStep, r.maxp/4), aredMost)
	case avg < r.min+float64(0.4*width):
		if r.maxp <= aredLeast {
			return false
		}
		r.maxp = max(r.maxp*aredDecrease, aredLeast)
	}
	return true
}
