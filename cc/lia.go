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
// Linux kernel, with its quirks, is not this algorithm.

var liaSpec = Spec{
	Name:    "lia",
	Doc:     "linked increases (RFC 6356): as fast as TCP on the best path, fair at a shared bottleneck",
	Coupled: true,
	Params:  ruleParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &lia{each: each[liaFlow, *liaFlow]{prototype: liaFlow{reno: reno{Flow: NewFlow(rulesOf(p))}}}}
	},
}

type lia struct {
	each[liaFlow, *liaFlow]
}

// liaFlow is a Reno flow whose additive increase the connection decides.
type liaFlow struct {
	reno
	invRTT float64 // 1/SRTT in 1/ns; 0: no sample yet, in no sum
	joined bool    // and has not left
}

// Join adds the subflow to the sums, if its handshake gave a round-trip time.
func (l *lia) Join(now sim.Time, f FlowID, p Path) {
	l.each.Join(now, f, p)
	r := l.at(f)
	r.joined = true
	if p.RTT > 0 {
		r.invRTT = 1 / float64(p.RTT)
	}
}

// Window, Ssthresh and PacingRate are those of each, called for each segment and
// here without its generic form.
func (l *lia) Window(f FlowID) int64        { return l.at(f).Window() }
func (l *lia) Ssthresh(f FlowID) int64      { return l.at(f).Ssthresh() }
func (l *lia) PacingRate(f FlowID) sim.Rate { return l.at(f).PacingRate() }

// OnSent does nothing: Reno does not count what is sent.
func (l *lia) OnSent(sim.Time, FlowID, int64) {}

// Leave takes the subflow out of the sums at once.
func (l *lia) Leave(_ sim.Time, f FlowID) { l.at(f).joined = false }

// OnAck grows the window of one subflow.
func (l *lia) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r := l.at(f)
	if a.SRTT > 0 {
		r.invRTT = 1 / float64(a.SRTT)
	}
	n := r.Growth(a)
	if n == 0 {
		return
	}
	if r.SlowStart() {
		if n = r.Increase(n); n == 0 {
			return
		}
	}
	r.Additive(max(l.threshold(), r.W), n)
}

// threshold returns w_tot/alpha in bytes, rounded down; 0 if no subflow counts.
// For one subflow it is its window or, by rounding, one less: OnAck takes the
// larger of the two, so that T is exactly the window, as in Reno.
func (l *lia) threshold() int64 {
	_, sum, best := l.sums()
	if best == 0 {
		return 0
	}
	return int64(sum * sum / best)
}

// sums returns sum(w), sum(w/rtt) and max(w/rtt^2) over the subflows that have
// joined and have a round-trip time, in bytes and nanoseconds.
func (l *lia) sums() (total, rate, best float64) {
	for i := range l.flows {
		r := &l.flows[i]
		if !r.joined || r.invRTT == 0 {
			continue
		}
		w := float64(r.W)
		x := float64(w * r.invRTT)
		total += w
		rate += x
		best = max(best, float64(x*r.invRTT))
	}
	return total, rate, best
}

// Observe adds alpha, which is NaN while no subflow counts.
func (l *lia) Observe(f FlowID) Metrics {
	m := l.each.Observe(f)
	if total, rate, best := l.sums(); best > 0 {
		m.Alpha = total * best / (rate * rate)
	}
	return m
}
