package cc

import "mpsim/sim"

// wVegas as the out-of-tree Linux stack computes it (net/mptcp/mptcp_wvegas.c,
// v0.9x): the rules of wvegas.go in whole segments and microseconds, each sample
// one microsecond more, rates and weights scaled by 2^16 and truncated,
//
//	diff  = w*(rtt - base)/rtt,  target = w*base/rtt
//	rate  = (w << 16)/rtt,       weight = (rate << 16)/sum(rates)
//	alpha = max((weight*total_alpha) >> 16, 2)
//	drain : w = w*((base << 16)/(2*rtt)) >> 16
//
// Every positive queueing delay counts for the draining, also that of a window on its
// way up: it is drained when the queue has doubled, and the backlog seldom reaches
// alpha. It has no gate for a window that is not the limit but in Reno's steps, so an
// application that sends little sees its window grow in slow start and move by one
// a round. A slow start step drops what exceeds the threshold.
//
// Departures: those of oot.go; a queue of length 0 is not drained (the kernel's
// comparison of two zeros would halve the window of a path that has none). The
// parameters are rounded down to whole segments.

const wvegasScale = 16

type wvegasKernel struct {
	ootFlows
	backlog
	paths []wvegasScaled // by FlowID
}

type wvegasScaled struct {
	vegasRound        // in us
	rate       uint64 // segments per us, scaled; 0: unknown
	weight     uint64 // scaled
	alpha      int64  // segments
}

// Join starts the subflow without a base.
func (v *wvegasKernel) Join(now sim.Time, f FlowID, p Path) {
	v.ootFlows.Join(now, f, p)
	for len(v.paths) < len(v.flows) {
		v.paths = append(v.paths, wvegasScaled{})
	}
	v.paths[f] = wvegasScaled{weight: 1 << wvegasScale, alpha: int64(v.initial)}
}

// OnAck takes a sample and, at the end of a round, adjusts the window.
func (v *wvegasKernel) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, x := v.at(f), &v.paths[f]
	if x.enter(a.State) {
		v.enable(f, a.Nxt)
	}
	if a.RTT > 0 {
		x.sample(int64(a.RTT/sim.Microsecond) + 1)
	}
	limited := r.Growth(a)
	if a.Acked <= 0 || a.State == CWR || a.State == Recovery {
		return
	}
	switch {
	case x.paused:
		r.growReno(limited)
	case a.Una > x.begin:
		x.begin = a.Nxt
		if x.count <= 2 {
			r.growReno(limited)
		} else {
			v.adjust(f, max(a.Delivered, 0))
		}
		x.sum, x.count = 0, 0
	case r.SlowStart():
		r.Increase(max(a.Delivered, 0))
	}
}

// enable is mptcp_wvegas_enable.
func (v *wvegasKernel) enable(f FlowID, nxt uint64) {
	x := &v.paths[f]
	x.restart(nxt)
	x.rate, x.weight, x.alpha = 0, 1<<wvegasScale, int64(v.initial)
}

// adjust is the end of a round, in which acked bytes came last.
func (v *wvegasKernel) adjust(f FlowID, acked int64) {
	r, x := v.at(f), &v.paths[f]
	rtt := x.sum / x.count
	w := r.Segments()
	diff := w * (rtt - x.base) / rtt
	switch {
	case r.SlowStart() && diff > int64(v.gamma):
		r.W = min(w, w*x.base/rtt+1) * r.MSS
		r.Thresh = min(r.Thresh, r.W)
	case r.SlowStart():
		r.Increase(acked)
	default:
		v.avoid(f, diff, rtt)
		if x.drains(rtt-x.base, true) {
			r.W = r.Segments() * (x.base << wvegasScale / (2 * rtt)) >> wvegasScale * r.MSS
		}
	}
	r.W = max(r.W, 2*r.MSS)
	r.Thresh = r.currentThresh()
}

// avoid moves the window towards a backlog of alpha.
func (v *wvegasKernel) avoid(f FlowID, diff, rtt int64) {
	r, x := v.at(f), &v.paths[f]
	if diff >= x.alpha {
		x.rate = r.cwnd() << wvegasScale / uint64(rtt)
		x.weight = v.weight(f)
		x.alpha = max(int64(x.weight*uint64(v.total)>>wvegasScale), int64(v.initial))
	}
	switch {
	case diff > x.alpha:
		r.grow(-1)
		r.Thresh = min(r.Thresh, r.W)
	case diff < x.alpha:
		r.grow(1)
	}
}

// weight is mptcp_wvegas_weight.
func (v *wvegasKernel) weight(f FlowID) uint64 {
	total := uint64(0)
	for i := range v.paths {
		if x := &v.paths[i]; v.flows[i].joined && x.count > 0 {
			total += x.rate
		}
	}
	if x := &v.paths[f]; total == 0 || x.rate == 0 {
		return x.weight
	}
	return v.paths[f].rate << wvegasScale / total
}

// OnTimeout collapses the window; the rate is unknown.
func (v *wvegasKernel) OnTimeout(now sim.Time, f FlowID, l Loss) {
	v.each.OnTimeout(now, f, l)
	v.paths[f].rate = 0
}

// OnIdleRestart forgets the base as well.
func (v *wvegasKernel) OnIdleRestart(now sim.Time, f FlowID, idle, rto sim.Duration) {
	v.each.OnIdleRestart(now, f, idle, rto)
	v.enable(f, v.paths[f].begin)
	v.paths[f].base = 0
}

// Observe adds alpha_r in segments.
func (v *wvegasKernel) Observe(f FlowID) Metrics {
	m := v.each.Observe(f)
	m.Alpha = float64(v.paths[f].alpha)
	return m
}

// Terms appends "alpha", "weight", "base_s", "q_min_s" (0: none since the last
// draining) and "paused" (1: it is Reno).
func (v *wvegasKernel) Terms(f FlowID, out []Term) []Term {
	v.at(f)
	x := &v.paths[f]
	weight := float64(x.weight) / (1 << wvegasScale)
	return x.terms(1e6, append(out, Term{"alpha", float64(x.alpha)}, Term{"weight", weight}))
}
