package cc

import "mpsim/sim"

// LIA, the linked increases of RFC 6356. Slow start, loss, timeout and idling
// are Reno's on each subflow; congestion avoidance is coupled so that the
// connection is as fast as TCP on its best path and no faster anywhere:
//
//	alpha = w_tot * max_i(w_i/rtt_i^2) / (sum_i w_i/rtt_i)^2
//	w_i  += min(alpha*acked*MSS_i/w_tot, acked*MSS_i/w_i)  for every ACK
//
// The increase is applied as in section 4.1, by counting acknowledged bytes up
// to a threshold, which is a form in which one subflow is Reno to the bit:
//
//	w_i += MSS_i whenever T_i bytes are acknowledged, T_i = max(w_tot/alpha, w_i)
//
// With alpha put in, w_tot/alpha = (sum_i w_i/rtt_i)^2 / max_i(w_i/rtt_i^2);
// it is computed afresh for every ACK that may grow the window.
//
// Departures: none from the formula. T_i is rounded down to a byte. Section 3
// asks for ssthresh in place of a window inflated by fast recovery; here the
// window is at ssthresh throughout recovery. As the RFC warns, slow starts of
// several subflows are not coupled. The integer version of the out-of-tree
// Linux kernel, with its quirks, is mode linux-oot (lia_kernel.go).

var liaParams = withReno(modeParam)

var liaSpec = Spec{
	Name:    "lia",
	Doc:     "linked increases (RFC 6356): as fast as TCP on the best path, fair at a shared bottleneck",
	Coupled: true,
	Params:  liaParams,
	New: func(p Params, _ *sim.Rand) Controller {
		if p.Get(liaParams, "mode") == ootMode {
			return &liaKernel{ootFlows: newOOT(renoRules(p))}
		}
		return &keptLIA{lia: lia{newLinked(renoRules(p))}}
	},
}

type lia struct{ linked }

// OnAck grows the window of one subflow.
func (l *lia) OnAck(_ sim.Time, f FlowID, a *Ack) {
	if r, n := l.take(f, a); n > 0 {
		s := l.sums(r)
		r.Additive(max(s.liaThreshold(), r.W), n)
	}
}

// liaThreshold returns w_tot/alpha in bytes, rounded down; 0 if no subflow
// counts. For one subflow it is its window or, by rounding, one less: OnAck takes
// the larger of the two, so that T is exactly the window, as in Reno.
func (s *sums) liaThreshold() int64 {
	if s.best == 0 {
		return 0
	}
	return int64(s.rate * s.rate / s.best)
}

// liaAlpha returns alpha; 0 if no subflow counts.
func (s *sums) liaAlpha() float64 {
	if s.best == 0 {
		return 0
	}
	return s.total * s.best / (s.rate * s.rate)
}

// Observe adds alpha, which is NaN while no subflow counts.
func (l *lia) Observe(f FlowID) Metrics {
	m := l.each.Observe(f)
	if s := l.sums(l.at(f)); s.n > 0 {
		m.Alpha = s.liaAlpha()
	}
	return m
}

// Terms appends "alpha", "w_total", "threshold" (the segments acknowledged per
// segment of growth, T of the page), and Reno's with 1/threshold as the increase.
func (l *lia) Terms(f FlowID, out []Term) []Term {
	r := l.at(f)
	s := l.sums(r)
	if s.n > 0 {
		out = append(out, Term{"alpha", s.liaAlpha()}, Term{"w_total", s.total / float64(r.MSS)})
	}
	return r.termsEvery(max(s.liaThreshold(), r.W), out)
}
