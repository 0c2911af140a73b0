package cc

import "mpsim/sim"

// The epsilon family, of which COUPLED, LIA and Reno are members (Raiciu, Wischik,
// Handley, "Practical congestion control for multipath transport protocols", UCL
// 2009; htsim's COUPLED_EPSILON). Epsilon says how the traffic splits: 0 puts all
// of it on the least congested paths, 1 as 1/p (LIA), 2 as 1/sqrt(p) (Reno).
//
//	w_r += MSS_r*acked * A*(A*w_r)^(1-epsilon)/w_tot^(2-epsilon),  not faster than Reno
//	A    = w_tot * ( max_k(w_k^(epsilon/2)/rtt_k) / sum_k(w_k/rtt_k) )^(1/(1-epsilon/2))
//	loss   w_r/2
//
// A is chosen so that the connection is as fast as TCP on its best path. At
// epsilon = 1 it is LIA's alpha, at 2 the exponent has no limit and the increase is
// Reno's.
//
// The increase is applied by counting: a segment for every T_r bytes acknowledged,
//
//	T_r = w_r * (w_tot/(A*w_r))^(2-epsilon)
//
// rounded to a byte, at least w_r. With one subflow it is Reno to the bit.
// The mean over time of the published rule is approximate: A is computed from the
// windows of the moment, as in htsim.

var epsilonParams = withReno(Param{
	Name: "epsilon", Max: 2, Default: 0.5,
	Doc: "how traffic splits: 0 all to the least congested path, 1 as LIA does, 2 as uncoupled TCPs",
})

var epsilonSpec = Spec{
	Name:    "epsilon",
	Doc:     "the epsilon family between fully coupled and uncoupled (htsim's COUPLED_EPSILON)",
	Coupled: true,
	Params:  epsilonParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &epsilon{linked: newLinked(renoRules(p)), e: p.Get(epsilonParams, "epsilon")}
	},
}

type epsilon struct {
	linked
	e      float64
	powers []epsilonPower // by FlowID
}

// epsilonPower is the power of the last window that was asked for.
type epsilonPower struct {
	w     int64
	power float64
}

// Join starts the subflow.
func (e *epsilon) Join(now sim.Time, f FlowID, p Path) {
	e.linked.Join(now, f, p)
	for len(e.powers) < len(e.flows) {
		e.powers = append(e.powers, epsilonPower{})
	}
}

// OnAck grows the window of one subflow.
func (e *epsilon) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := e.take(f, a); n > 0 {
		r.Additive(e.threshold(r), n)
	}
}

// ratio returns A/w_tot, and 0 if no subflow counts. Windows are in bytes: the
// ratio has the dimension of their inverse for every epsilon.
func (e *epsilon) ratio(of *linkedFlow) float64 {
	best, rate := 0.0, 0.0
	for i := range e.flows {
		r := &e.flows[i]
		if !r.countsFor(of) {
			continue
		}
		w := float64(r.W)
		rate += float64(w * r.invRTT)
		k := &e.powers[i]
		if k.w != r.W {
			k.w, k.power = r.W, e.power(w)
		}
		best = max(best, float64(k.power*r.invRTT))
	}
	switch {
	case rate == 0:
		return 0
	case e.e == 0: // the exponent is 1
		return best / rate
	case e.e == 1: // it is 2
		return float64(best / rate * best / rate)
	}
	return sim.Pow(best/rate, 1/(1-e.e/2))
}

// power returns w^(epsilon/2).
func (e *epsilon) power(w float64) float64 {
	switch e.e {
	case 0:
		return 1
	case 1:
		return sim.Sqrt(w)
	}
	return sim.Pow(w, e.e/2)
}

// threshold returns T_r in bytes.
func (e *epsilon) threshold(r *linkedFlow) int64 {
	if e.e == 2 || r.mates <= 1 || !r.counts() {
		return r.W
	}
	w := float64(r.W)
	x := 1 / float64(w*e.ratio(r)) // w_tot/(A*w_r)
	switch e.e {
	case 0:
		x = float64(x * x)
	case 1:
	default:
		x = sim.Pow(x, 2-e.e)
	}
	return max(int64(min(float64(w*x)+0.5, float64(MaxWindow))), r.W)
}

// Observe adds A, which is NaN while no subflow counts, and where epsilon is 2.
func (e *epsilon) Observe(f FlowID) Metrics {
	m, r := e.each.Observe(f), e.at(f)
	if s := e.sums(r); s.n > 0 && e.e < 2 {
		m.Alpha = s.total * e.ratio(r)
	}
	return m
}

// Terms appends "alpha" (A of the page), "w_total", "threshold", and Reno's with
// 1/threshold as the increase.
func (e *epsilon) Terms(f FlowID, out []Term) []Term {
	r := e.at(f)
	if s := e.sums(r); s.n > 0 && e.e < 2 {
		out = append(out, Term{"alpha", s.total * e.ratio(r)}, Term{"w_total", s.total / float64(r.MSS)})
	}
	return r.termsEvery(e.threshold(r), out)
}
