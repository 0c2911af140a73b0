package cc

import "mpsim/sim"

// BALIA, the balanced linked adaptation of Peng, Walid, Hwang and Low, "Multipath
// TCP: analysis, design, and implementation", IEEE/ACM ToN 2016, and
// draft-walid-mptcp-congestion-control-04. Slow start and idling are Reno's; with
// x_r = w_r/rtt_r and alpha_r = max_k x_k / x_r
//
//	ACK   w_r += MSS_r*acked * x_r/(rtt_r*(sum_k x_k)^2) * (1+alpha_r)/2 * (4+alpha_r)/5
//	loss  w_r -= w_r/2 * min(alpha_r, 1.5)
//
// so that a loss leaves between a half and a quarter of the window. The threshold is
// what is left, at least one segment where there are several subflows (draft
// section 3); a timeout sets the same one. One subflow is Reno to the bit.
//
// The increase is applied by counting: the window grows by one segment for every
// T_r bytes acknowledged. With x in x_r/(rtt_r*...)*MSS put in,
//
//	T_r = 10*(sum_k x_k)^2 * w_r / ((x_r + max x)*(4*x_r + max x))
//
// which is never less than w_r: BALIA needs no cap to be no faster than TCP.
//
// Departure: T_r is rounded down to a byte.

var baliaParams = withReno(modeParam)

var baliaSpec = Spec{
	Name:    "balia",
	Doc:     "balanced linked adaptation (ToN'16): between LIA and OLIA in friendliness and responsiveness",
	Coupled: true,
	Params:  baliaParams,
	New: func(p Params, _ *sim.Rand) Controller {
		if p.Get(baliaParams, "mode") == ootMode {
			return &baliaKernel{ootFlows: newOOT(renoRules(p))}
		}
		return &balia{newLinked(renoRules(p))}
	},
}

type balia struct{ linked }

// OnAck grows the window of one subflow.
func (b *balia) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := b.take(f, a); n > 0 {
		s := b.sums(r)
		r.Additive(s.baliaThreshold(r), n)
	}
}

// baliaThreshold returns T_r in bytes, at least the window; a subflow that does
// not count grows like Reno.
func (s *sums) baliaThreshold(r *linkedFlow) int64 {
	if s.n <= 1 || !r.counts() {
		return r.W
	}
	w := float64(r.W)
	x := float64(w * r.invRTT)
	below := float64((x + s.fast) * (float64(4*x) + s.fast))
	return max(int64(10*s.rate*s.rate*w/below), r.W)
}

// alpha returns alpha_r, 1 for a subflow that does not count.
func (b *balia) alpha(r *linkedFlow) float64 {
	if !r.counts() {
		return 1
	}
	s := b.sums(r)
	return s.fast / float64(float64(r.W)*r.invRTT)
}

// afterLoss returns the threshold after a loss.
func (b *balia) afterLoss(r *linkedFlow, flight int64) int64 {
	from := r.base(flight)
	cut := int64(float64(from) / 2 * min(b.alpha(r), 1.5))
	return b.lowestThreshold(r, from-cut, flight)
}

// OnLoss lowers the window.
func (b *balia) OnLoss(_ sim.Time, f FlowID, l Loss) {
	r := b.at(f)
	r.Lower(b.afterLoss(r, l.InFlight), l)
}

// OnTimeout collapses the window.
func (b *balia) OnTimeout(_ sim.Time, f FlowID, l Loss) {
	r := b.at(f)
	r.TimeoutTo(b.afterLoss(r, l.InFlight), l)
}

// Reduce treats a mark like a loss.
func (b *balia) Reduce(_ sim.Time, f FlowID, why Reason) {
	r := b.at(f)
	r.ReduceTo(b.afterLoss(r, r.flight), why)
}

// Observe adds alpha_r, which is NaN while the subflow does not count.
func (b *balia) Observe(f FlowID) Metrics {
	m := b.each.Observe(f)
	if r := b.at(f); r.counts() {
		m.Alpha = b.alpha(r)
	}
	return m
}

// Terms appends "alpha", "x_per_s", "x_max_per_s" and "x_sum_per_s" in segments
// per second, "threshold", and Reno's with 1/threshold as the increase.
func (b *balia) Terms(f FlowID, out []Term) []Term {
	r := b.at(f)
	s := b.sums(r)
	if r.counts() {
		per := 1e9 / float64(r.MSS)
		out = append(out, Term{"alpha", b.alpha(r)}, Term{"x_per_s", float64(r.W) * r.invRTT * per},
			Term{"x_max_per_s", s.fast * per}, Term{"x_sum_per_s", s.rate * per})
	}
	return r.termsEvery(s.baliaThreshold(r), out)
}
