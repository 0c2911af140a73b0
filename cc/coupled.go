package cc

import "mpsim/sim"

// COUPLED and SEMICOUPLED of Wischik, Raiciu, Greenhalgh and Handley, "Design,
// implementation and evaluation of congestion control for multipath TCP", NSDI
// 2011, the two steps on the way to LIA. Slow start, timeout and idling are Reno's.
//
//	coupled      w_r += MSS_r*acked/w_tot for every ACK
//	             w_r  = max(w_r - w_tot/2, MSS_r) on a loss
//	semicoupled  w_r += a*MSS_r*acked/w_tot for every ACK,  w_r/2 on a loss
//
// COUPLED moves everything to the least congested path, and is trapped where
// congestion changes: a window of one segment hardly probes. SEMICOUPLED keeps
// some traffic everywhere. Neither looks at round-trip times. With one subflow
// (and a = 1) both are Reno to the bit.
//
// Increases are applied by counting: a segment for every w_tot (w_tot/a) bytes
// acknowledged. A subflow that does not count grows by the sum of the others and
// not faster than Reno.

var coupledSpec = Spec{
	Name:    "coupled",
	Doc:     "fully coupled increase and decrease (NSDI'11): all traffic on the least congested path",
	Coupled: true,
	Params:  renoParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &coupled{newLinked(renoRules(p))}
	},
}

type coupled struct{ linked }

// OnAck grows the window of one subflow.
func (c *coupled) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := c.take(f, a); n > 0 {
		r.Additive(c.windows(r), n)
	}
}

// afterLoss returns the threshold after a loss: half the sum of the windows less,
// the subflow's own being the bytes in flight if the rules say so.
func (c *coupled) afterLoss(r *linkedFlow, flight int64) int64 {
	from := r.base(flight)
	return c.lowestThreshold(r, from-(c.windows(r)-r.W+from)/2, flight)
}

// OnLoss lowers the window.
func (c *coupled) OnLoss(_ sim.Time, f FlowID, l Loss) {
	r := c.at(f)
	r.Lower(c.afterLoss(r, l.InFlight), l)
}

// OnTimeout collapses the window.
func (c *coupled) OnTimeout(_ sim.Time, f FlowID, l Loss) {
	r := c.at(f)
	r.TimeoutTo(c.afterLoss(r, l.InFlight), l)
}

// Reduce treats a mark like a loss.
func (c *coupled) Reduce(_ sim.Time, f FlowID, why Reason) {
	r := c.at(f)
	r.ReduceTo(c.afterLoss(r, r.flight), why)
}

// Terms appends "w_total", "threshold", and Reno's with 1/threshold as the
// increase.
func (c *coupled) Terms(f FlowID, out []Term) []Term {
	r := c.at(f)
	t := c.windows(r)
	return r.termsEvery(t, append(out, Term{"w_total", r.inSegments(t)}))
}

var semicoupledParams = withReno(Param{
	Name: "a", Min: 0.001, Max: 100, Default: 1,
	Doc: "aggressiveness: the connection as a whole gains a segments a round-trip time on equal paths",
})

var semicoupledSpec = Spec{
	Name:    "semicoupled",
	Doc:     "coupled increase and Reno's decrease (NSDI'11): more traffic where there is less congestion",
	Coupled: true,
	Params:  semicoupledParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &semicoupled{linked: newLinked(renoRules(p)), a: p.Get(semicoupledParams, "a")}
	},
}

type semicoupled struct {
	linked
	a float64
}

// OnAck grows the window of one subflow.
func (s *semicoupled) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := s.take(f, a); n > 0 {
		r.Additive(s.threshold(r), n)
	}
}

// threshold returns w_tot/a in bytes.
func (s *semicoupled) threshold(r *linkedFlow) int64 {
	return max(int64(float64(s.windows(r))/s.a), 1)
}

// Terms appends "w_total", "threshold", and Reno's with 1/threshold as the
// increase.
func (s *semicoupled) Terms(f FlowID, out []Term) []Term {
	r := s.at(f)
	return r.termsEvery(s.threshold(r), append(out, Term{"w_total", r.inSegments(s.windows(r))}))
}
