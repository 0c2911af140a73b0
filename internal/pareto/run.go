package pareto

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// Outcome is what replications of a setting gave with a controller.
type Outcome struct {
	Controller string
	Setting    Setting
	Rates      []Rates // by replication
}

// level is the confidence level of intervals.
const level = 0.95

// Interval returns the mean of a number over the replications and Student's interval
// of it at 95 %.
func (o *Outcome) Interval(of func(Rates) float64) (mean, low, high float64) {
	values := make([]float64, len(o.Rates))
	for i, r := range o.Rates {
		values[i] = of(r)
	}
	return results.Interval(values, level)
}

// Total returns the Mb/s of all users together.
func (s *Setting) Total(r Rates) float64 {
	return float64(float64(s.N1)*r.Multi) + float64(float64(s.N2)*r.Other)
}

// Experiment says what is simulated.
type Experiment struct {
	// Controllers are names of the table; they have the slow start of the papers.
	Controllers []string
	Settings    []Setting
	// Seeds is the number of replications, at least 2 for an interval: seeds 1, 2, ...
	Seeds int
	// Seconds is the length of a run in virtual time. The first 30 do not count.
	Seconds int
}

// Run simulates every setting with every controller and seed, as many at a time as
// there are processors. The outcomes are in the order of controllers, then settings,
// and do not depend on the number of processors. The error is that of a scenario, of a
// broken invariant, or of the context.
func (e *Experiment) Run(ctx context.Context) ([]Outcome, error) {
	var out []Outcome
	for _, c := range e.Controllers {
		for _, s := range e.Settings {
			out = append(out, Outcome{c, s, make([]Rates, e.Seeds)})
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		for k := range e.Seeds {
			g.Go(func() (err error) {
				out[i].Rates[k], err = out[i].Setting.run(ctx, out[i].Controller, e.Seconds, uint64(k+1))
				return err
			})
		}
	}
	return out, g.Wait()
}

var errStopped = errors.New("interrupted")

// run carries out one replication.
func (s *Setting) run(ctx context.Context, controller string, seconds int, seed uint64) (Rates, error) {
	sc, err := scenarios.Parse("scenario-"+string(s.Scenario), s.Text(fmt.Sprintf("{ name = %q, hystartpp = 0 }", controller), seconds), scenarios.Options{})
	if err != nil {
		return Rates{}, err
	}
	begun, last := map[string]float64{}, map[string]float64{}
	w, err := scenarios.Build(sc, scenarios.Run{Seed: seed, NoExpect: true, Sample: func(at sim.Time, entity, metric string, value float64) {
		if metric == "bytes" {
			last[entity] = value
			if at.Seconds() <= from+0.5 {
				begun[entity] = value
			}
		}
	}})
	if err != nil {
		return Rates{}, err
	}
	stop, err := w.Run(sc.Duration.Time(), 0, func(sim.Time, uint64) bool { return ctx.Err() == nil })
	switch {
	case err != nil:
		return Rates{}, err
	case stop == sim.Halted:
		return Rates{}, errStopped
	}
	var out Rates
	for i, f := range w.Flows() {
		if f.CorruptBytes != 0 || f.Fallback != "" {
			return Rates{}, fmt.Errorf("%s: %d bytes corrupt, fallback %q", f.Name, f.CorruptBytes, f.Fallback)
		}
		rate := (last[f.Name] - begun[f.Name]) * 8 / float64(seconds-from) / 1e6 / payload(f.Protocol)
		if i < s.N1 {
			out.Multi += rate / float64(s.N1)
		} else {
			out.Other += rate / float64(s.N2)
		}
	}
	return out, nil
}

// payload returns the share of payload in full packets of 1500 bytes: IP and TCP
// header with timestamps, and 28 bytes of DSS and padding for MPTCP.
func payload(protocol string) float64 {
	if protocol == "tcp" {
		return 1448.0 / packetBytes
	}
	return 1420.0 / packetBytes
}
