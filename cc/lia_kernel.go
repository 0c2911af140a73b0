package cc

import "mpsim/sim"

// LIA as the out-of-tree Linux stack computes it (net/mptcp/mptcp_coupled.c,
// v0.9x), in segments:
//
//	best   = the subflow with the largest (w << 32) / srtt^2, the last if equal
//	alpha' = max((w_best << 32) / (sum_j (w_j << 10)*srtt_best/srtt_j)^2, 1)
//	T      = max(4096/alpha', w)     w alone if one subflow is established
//	w     += 1 with every acknowledgement after T that did not grow it
//
// All divisions truncate. With srtt in 1/8 us the term that chooses the best is 0
// above 26 ms for a window of 10 and above 82 ms for one of 100; then the last of
// the list is taken, and T can be several times what RFC 6356 says.
//
// Alpha' is computed in slow start, when a window has grown, on a timeout, and
// with the first acknowledgement in congestion avoidance after any subflow has
// changed its state of recovery. It is not when a subflow joins or leaves.
//
// Departures: those of oot.go. A connection that fell back to TCP has one
// subflow here, where the kernel runs plain Reno.

type liaKernel struct {
	ootFlows
	alpha  uint64 // scaled by 2^12 and divided by the sum of the windows; 0: not yet
	forced bool   // a state changed since
}

// OnAck counts an acknowledgement.
func (l *liaKernel) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, what, before := l.take(f, a)
	if before != a.State {
		l.forced = true
	}
	switch what {
	case tookSlowStart:
		l.recalculate()
	case tookAvoidance:
		if l.forced {
			l.forced = false
			l.recalculate()
		}
		if r.count(l.threshold(r)) {
			l.recalculate()
		}
	}
}

// OnLoss changes the state.
func (l *liaKernel) OnLoss(now sim.Time, f FlowID, x Loss) {
	l.each.OnLoss(now, f, x)
	l.forced = true
}

// OnTimeout computes alpha', still with the window before it (CA_EVENT_LOSS).
func (l *liaKernel) OnTimeout(now sim.Time, f FlowID, x Loss) {
	if l.at(f).FirstTimeout(x) {
		l.recalculate()
	}
	l.each.OnTimeout(now, f, x)
	l.forced = true
}

// threshold returns T in acknowledgements.
func (l *liaKernel) threshold(r *ootFlow) int64 {
	if l.established <= 1 {
		return r.Segments()
	}
	return max(int64(1<<12/max(l.alpha, 1)), r.Segments())
}

// recalculate is mptcp_ccc_recalc_alpha.
func (l *liaKernel) recalculate() {
	var best *ootFlow
	most := uint64(0)
	for i := len(l.flows) - 1; i >= 0; i-- {
		r := &l.flows[i]
		if !r.canSend() {
			continue
		}
		if x := r.cwnd() << 32 / (r.srtt * r.srtt); x >= most {
			most, best = x, r
		}
	}
	if best == nil {
		l.alpha = 1
		return
	}
	sum := uint64(0)
	for i := range l.flows {
		if r := &l.flows[i]; r.canSend() {
			sum += r.cwnd() << 10 * best.srtt / r.srtt
		}
	}
	l.alpha = max(best.cwnd()<<32/max(sum*sum, 1), 1)
}

// Observe adds alpha, in the measure of RFC 6356: alpha' times the windows over
// 2^12.
func (l *liaKernel) Observe(f FlowID) Metrics {
	m := l.each.Observe(f)
	if l.alpha > 0 {
		m.Alpha = l.rfcAlpha()
	}
	return m
}

func (l *liaKernel) rfcAlpha() float64 {
	total := uint64(0)
	for i := range l.flows {
		if r := &l.flows[i]; r.canSend() {
			total += r.cwnd()
		}
	}
	return float64(l.alpha*total) / (1 << 12)
}

// Terms appends "alpha" in the measure of RFC 6356, "alpha_scaled" as the kernel
// has it, "threshold" in acknowledgements, "increase" and "credit".
func (l *liaKernel) Terms(f FlowID, out []Term) []Term {
	if l.alpha > 0 {
		out = append(out, Term{"alpha", l.rfcAlpha()}, Term{"alpha_scaled", float64(l.alpha)})
	}
	r := l.at(f)
	return r.termsEvery(l.threshold(r), out)
}
