package cc

import "mpsim/sim"

// BALIA as the out-of-tree Linux stack computes it (net/mptcp/mptcp_balia.c,
// v0.9x), with divisions that truncate and windows in segments:
//
//	x_j   = mss_r*w_j*8000000/srtt_j            bytes/s, the MSS of r for all
//	alpha = max x / x_r                         1, 2, 3, ...
//	ai    = (sum x)^2*10 / (x_r + max x) * w_r / (4*x_r + max x)     w_r if 0
//	md    = (w_r/2) * min(1024*alpha, 1536) / 1024
//	w_r  += 1 with every acknowledgement after ai (after w_r, if one subflow is
//	        established) that did not grow it
//	ssthresh = max(w_r - md, 1), or Reno's if one subflow is established
//
// While max x > 2^25 all x are shifted right by 5 bits. So a loss takes a half of
// the window or three quarters of it, never anything between.
//
// Ai and md are those of the subflow's last computation: in slow start, when its
// window has grown, at the end of a recovery, on a timeout, and with the first
// acknowledgement in congestion avoidance after it has changed its state.
//
// Departures: those of oot.go.

const (
	baliaRateLimit = 1 << 25
	baliaRateShift = 5
)

type baliaKernel struct {
	ootFlows
	paths []baliaTerms // by FlowID
}

// baliaTerms are the last terms of a subflow, in segments.
type baliaTerms struct {
	ai, md uint64
	alpha  uint64 // 0: not computed yet
	forced bool   // the state changed since
}

// Join starts the subflow without terms.
func (b *baliaKernel) Join(now sim.Time, f FlowID, p Path) {
	b.ootFlows.Join(now, f, p)
	for len(b.paths) < len(b.flows) {
		b.paths = append(b.paths, baliaTerms{})
	}
	b.paths[f] = baliaTerms{}
}

// OnAck counts an acknowledgement.
func (b *baliaKernel) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, what, before := b.take(f, a)
	x := &b.paths[f]
	if before != a.State {
		x.forced = true
		if before == CWR || before == Recovery {
			b.recalculate(f)
		}
	}
	switch what {
	case tookSlowStart:
		b.recalculate(f)
	case tookAvoidance:
		if x.forced {
			x.forced = false
			b.recalculate(f)
		}
		if r.count(b.threshold(f)) {
			b.recalculate(f)
		}
	}
}

// threshold returns the acknowledgements before the one that grows the window.
func (b *baliaKernel) threshold(f FlowID) int64 {
	if b.established <= 1 {
		return b.flows[f].Segments()
	}
	return int64(b.paths[f].ai)
}

// recalculate is mptcp_balia_recalc_ai.
func (b *baliaKernel) recalculate(f FlowID) {
	r, x := &b.flows[f], &b.paths[f]
	w := r.cwnd()
	x.ai, x.md, x.alpha = w, w/2, 1
	if !r.canSend() {
		return
	}
	mss := uint64(r.MSS)
	most, sum := b.rates(mss, 0)
	rate := r.rate(mss)
	if rate == 0 {
		return
	}
	x.alpha = most / rate
	shift := uint(0)
	for ; most > baliaRateLimit; shift += baliaRateShift {
		most >>= baliaRateShift
	}
	if shift > 0 {
		_, sum = b.rates(mss, shift)
		rate >>= shift
	}
	x.ai = sum * sum * 10 / (rate + most) * w / (rate<<2 + most)
	if x.ai == 0 {
		x.ai = w
	}
	x.md = w / 2 * min(x.alpha<<10, 3<<10>>1) >> 10
}

// rate returns the rate of a subflow in bytes/s.
func (r *ootFlow) rate(mss uint64) uint64 { return mss * r.cwnd() * (1e6 << 3) / r.srtt }

// rates returns the largest rate and the sum, each shifted.
func (b *baliaKernel) rates(mss uint64, shift uint) (most, sum uint64) {
	for i := range b.flows {
		if r := &b.flows[i]; r.canSend() {
			x := r.rate(mss) >> shift
			most, sum = max(most, x), sum+x
		}
	}
	return most, sum
}

// afterLoss returns the threshold after a loss.
func (b *baliaKernel) afterLoss(f FlowID, flight int64) int64 {
	r := &b.flows[f]
	if b.established <= 1 {
		return r.Half(flight)
	}
	return max(r.base(flight)/r.MSS-int64(b.paths[f].md), 1) * r.MSS
}

// OnLoss lowers the window by md.
func (b *baliaKernel) OnLoss(_ sim.Time, f FlowID, l Loss) {
	b.at(f).Lower(b.afterLoss(f, l.InFlight), l)
	b.paths[f].forced = true
}

// OnTimeout collapses the window, and computes the terms with the one before it.
func (b *baliaKernel) OnTimeout(_ sim.Time, f FlowID, l Loss) {
	r := b.at(f)
	thresh := b.afterLoss(f, l.InFlight)
	if r.FirstTimeout(l) {
		b.recalculate(f)
	}
	r.TimeoutTo(thresh, l)
	b.paths[f].forced = true
}

// Reduce treats a mark like a loss.
func (b *baliaKernel) Reduce(_ sim.Time, f FlowID, why Reason) {
	r := b.at(f)
	r.ReduceTo(b.afterLoss(f, r.flight), why)
}

// Observe adds the kernel's whole alpha_r; NaN before it is computed.
func (b *baliaKernel) Observe(f FlowID) Metrics {
	m := b.each.Observe(f)
	if x := &b.paths[f]; x.alpha > 0 {
		m.Alpha = float64(x.alpha)
	}
	return m
}

// Terms appends "alpha", "md" in segments, "threshold" in acknowledgements,
// "increase" and "credit".
func (b *baliaKernel) Terms(f FlowID, out []Term) []Term {
	r, x := b.at(f), &b.paths[f]
	if x.alpha > 0 {
		out = append(out, Term{"alpha", float64(x.alpha)}, Term{"md", float64(x.md)})
	}
	return r.termsEvery(b.threshold(f), out)
}
