package cc

import "mpsim/sim"

// EWTCP, equally weighted TCP (Honda et al., "Multipath congestion control for
// shared bottleneck", PFLDNeT 2009, as Wischik et al., NSDI 2011, write it): every
// subflow is a TCP of a fixed weight, whatever the others do.
//
//	w_r += a*MSS_r*acked/w_r for every ACK,  w_r/2 on a loss
//
// In equilibrium w = sqrt(2a/p). A connection of n subflows takes the share of one
// TCP at a bottleneck if a = 1/n^2, which is the default and what htsim does; the
// 1/sqrt(n) that NSDI'11 prints belongs to another form of the rule. With one
// subflow and that default it is Reno to the bit. Nothing moves between paths.
//
// The increase is applied by counting: a segment for every w_r/a bytes.

var ewtcpParams = withReno(Param{
	Name: "a", Max: 1,
	Doc: "weight of the increase of every subflow, of Reno's; 0: 1/n^2 of n subflows, which makes a connection one TCP at a bottleneck",
})

var ewtcpSpec = Spec{
	Name:    "ewtcp",
	Doc:     "equally weighted TCPs (NSDI'11): the increase of each subflow is a fixed part of Reno's",
	Coupled: true,
	Params:  ewtcpParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &ewtcp{linked: newLinked(renoRules(p)), a: p.Get(ewtcpParams, "a")}
	},
}

type ewtcp struct {
	linked
	a float64 // 0: 1/n^2
}

// OnAck grows the window of one subflow.
func (e *ewtcp) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := e.take(f, a); n > 0 {
		r.Additive(e.threshold(r), n)
	}
}

// threshold returns w/a in bytes.
func (e *ewtcp) threshold(r *linkedFlow) int64 {
	if e.a == 0 {
		n := int64(max(r.mates, 1))
		return r.W * n * n
	}
	return int64(min(float64(r.W)/e.a, float64(MaxWindow)))
}

// Terms appends "a", "threshold", and Reno's with 1/threshold as the increase.
func (e *ewtcp) Terms(f FlowID, out []Term) []Term {
	r := e.at(f)
	t := e.threshold(r)
	return r.termsEvery(t, append(out, Term{"a", float64(r.W) / float64(t)}))
}
