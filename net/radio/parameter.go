package radio

import (
	"fmt"
	"strings"

	"mpsim/sim"
)

// Param is one parameter of a profile as `mpsim list profile` prints it, in
// seconds, bits per second, bytes or a plain number.
type Param struct {
	Name, Doc string
	Default   float64
	Min, Max  float64 // inclusive
}

// Params returns the parameters of the profile with its values as defaults.
func (p *Profile) Params() []Param {
	out := make([]Param, len(parameters))
	for i, q := range parameters {
		out[i] = q.Param
		out[i].Default = q.get(p)
	}
	return out
}

// Set changes one parameter of a copy of a profile, in the units of Param. It
// does not check how parameters go together; Check does.
func (p *Profile) Set(name string, value float64) error {
	var known []string
	for _, q := range parameters {
		if q.Name != name {
			known = append(known, q.Name)
			continue
		}
		if !(value >= q.Min && value <= q.Max) {
			return fmt.Errorf("%s = %g is not between %g and %g", name, value, q.Min, q.Max)
		}
		q.set(p, value)
		return nil
	}
	return fmt.Errorf("a link profile has no parameter %q; it has %s", name, strings.Join(known, ", "))
}

// parameter ties a Param to the field that holds it.
type parameter struct {
	Param
	get func(*Profile) float64
	set func(*Profile, float64)
}

// parameters lists what a profile consists of, with the ranges that Check
// enforces.
var parameters = []parameter{
	durationParam("delay", "one-way delay without queueing, s", 10,
		func(p *Profile) *sim.Duration { return &p.Delay }),
	bytesParam("queue_down", "downlink drop-tail queue, bytes",
		func(p *Profile) *int { return &p.QueueDown }),
	bytesParam("queue_up", "uplink drop-tail queue, bytes",
		func(p *Profile) *int { return &p.QueueUp }),
	rateParam("down_mean", "mean downlink rate, b/s",
		func(p *Profile) *sim.Rate { return &p.Down.Mean }),
	numberParam("down_variation", "coefficient of variation of the downlink rate outside fades", 3,
		func(p *Profile) *float64 { return &p.Down.Variation }),
	durationParam("down_coherence", "coherence time of the downlink rate, s", 1e4,
		func(p *Profile) *sim.Duration { return &p.Down.Coherence }),
	rateParam("up_mean", "mean uplink rate, b/s",
		func(p *Profile) *sim.Rate { return &p.Up.Mean }),
	numberParam("up_variation", "coefficient of variation of the uplink rate outside fades", 3,
		func(p *Profile) *float64 { return &p.Up.Variation }),
	durationParam("up_coherence", "coherence time of the uplink rate, s", 1e4,
		func(p *Profile) *sim.Duration { return &p.Up.Coherence }),
	numberParam("fade_factor", "share of the rate that remains in a fade", 1,
		func(p *Profile) *float64 { return &p.Fade.Factor }),
	durationParam("fade_good", "mean time between fades, s; 0: none", 1e5,
		func(p *Profile) *sim.Duration { return &p.Fade.Good }),
	numberParam("loss", "probability of losing a packet before the queue, in each direction", 0.5,
		func(p *Profile) *float64 { return &p.Loss }),
	numberParam("busy_depth", "share of the rates that cross traffic takes at its daily peak; 0: no daily cycle", 0.95,
		func(p *Profile) *float64 { return &p.Busy.Depth }),
	numberParam("busy_peak", "hour of the day at which cross traffic is highest", 24,
		func(p *Profile) *float64 { return &p.Busy.Peak }),
	numberParam("busy_start", "hour of the day at which the run begins", 24,
		func(p *Profile) *float64 { return &p.Busy.Start }),
	durationParam("busy_day", "length of a day, s; 0: 86400", 86400,
		func(p *Profile) *sim.Duration { return &p.Busy.Day }),
	durationParam("fade_bad", "mean length of a fade, s", 1e4,
		func(p *Profile) *sim.Duration { return &p.Fade.Bad }),
}

func durationParam(name, doc string, most float64, f func(*Profile) *sim.Duration) parameter {
	return parameter{Param{Name: name, Doc: doc, Max: most},
		func(p *Profile) float64 { return f(p).Seconds() },
		func(p *Profile, v float64) { *f(p) = sim.Duration(float64(v*1e9) + 0.5) }}
}

func bytesParam(name, doc string, f func(*Profile) *int) parameter {
	return parameter{Param{Name: name, Doc: doc, Min: 1500, Max: 1 << 30},
		func(p *Profile) float64 { return float64(*f(p)) },
		func(p *Profile, v float64) { *f(p) = int(v) }}
}

func rateParam(name, doc string, f func(*Profile) *sim.Rate) parameter {
	return parameter{Param{Name: name, Doc: doc, Min: 1000, Max: 1e12},
		func(p *Profile) float64 { return float64(*f(p)) },
		func(p *Profile, v float64) { *f(p) = sim.Rate(float64(v) + 0.5) }}
}

func numberParam(name, doc string, most float64, f func(*Profile) *float64) parameter {
	return parameter{Param{Name: name, Doc: doc, Max: most},
		func(p *Profile) float64 { return *f(p) },
		func(p *Profile, v float64) { *f(p) = v }}
}
