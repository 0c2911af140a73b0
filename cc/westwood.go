package cc

import "mpsim/sim"

// Westwood-coordinated: TCP Westwood+ on every subflow with a coupled increase,
// after the aims of Le, Hong and Huh, "Coordinated TCP Westwood congestion control
// for multiple paths over wireless networks", ICOIN 2012: losses of a radio do not
// halve a window, and at a common bottleneck the connection is one TCP Westwood.
//
// It is approximate: the increase is LIA's and not the text of the paper. That is the
// right one for any decrease: if a loss takes the part b_r of a window, w_r is in
// equilibrium where alpha/w_tot = p_r*b_r*w_r, a single TCP where 1/W_r = p_r*b_r*W_r;
// so w_r is proportional to W_r^2 and sum(w_r/rtt_r) = max(W_r/rtt_r) gives
// RFC 6356's alpha.
//
// Estimate and decrease are Westwood+ (Grieco and Mascolo, CCR 2004) as in Linux
// net/ipv4/tcp_westwood.c: a sample of bandwidth for every round-trip time of at
// least 50 ms, two filters of 7/8 in a row, and on a loss, mark or timeout
//
//	ssthresh = max(BWE*RTTmin, 2 MSS), not more than the window
//
// A timeout starts RTTmin anew. Before the first sample a loss halves the window.
//
// Departures: Linux counts segments by a clock of jiffies, here they are bytes and
// nanoseconds; Linux may raise a window to BWE*RTTmin at the end of recovery.

const westwoodShortest = 50 * sim.Millisecond // TCP_WESTWOOD_RTT_MIN

var westwoodSpec = Spec{
	Name:    "westwood-coordinated",
	Doc:     "Westwood+ on every subflow, increases linked like LIA's (ICOIN 2012); approximate",
	Coupled: true,
	Params:  renoParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &westwood{lia: lia{newLinked(renoRules(p))}}
	},
}

type westwood struct {
	lia
	paths []westwoodPath // by FlowID
}

// westwoodPath is the estimate of one subflow.
type westwoodPath struct {
	acked  int64 // bytes in the present sample
	since  sim.Time
	first  float64      // once filtered, bytes/s
	rate   float64      // BWE, bytes/s; 0: none yet
	minRTT sim.Duration // 0: none yet
}

// Join starts the subflow without an estimate.
func (w *westwood) Join(now sim.Time, f FlowID, p Path) {
	w.lia.Join(now, f, p)
	for len(w.paths) < len(w.flows) {
		w.paths = append(w.paths, westwoodPath{})
	}
	w.paths[f] = westwoodPath{since: now, minRTT: p.RTT}
}

// OnAck measures, and grows the window as LIA does.
func (w *westwood) OnAck(now sim.Time, f FlowID, a *Ack) {
	w.at(f)
	w.paths[f].measure(now, a)
	w.lia.OnAck(now, f, a)
}

// measure takes the acknowledgement into the sample, which ends after a
// round-trip time.
func (x *westwoodPath) measure(now sim.Time, a *Ack) {
	x.acked += max(a.Delivered, 0)
	if a.RTT > 0 && (x.minRTT == 0 || a.RTT < x.minRTT) {
		x.minRTT = a.RTT
	}
	took := now.Sub(x.since)
	if a.SRTT <= 0 || took <= max(a.SRTT, westwoodShortest) {
		return
	}
	sample := float64(x.acked) * 1e9 / float64(took)
	if x.rate == 0 {
		x.first, x.rate = sample, sample
	} else {
		x.first = (float64(7*x.first) + sample) / 8
		x.rate = (float64(7*x.rate) + x.first) / 8
	}
	x.acked, x.since = 0, now
}

// afterLoss returns the threshold after a loss.
func (w *westwood) afterLoss(f FlowID, flight int64) int64 {
	r, x := w.at(f), &w.paths[f]
	if x.rate == 0 || x.minRTT == 0 {
		return r.Half(flight)
	}
	bdp := int64(x.rate * float64(x.minRTT) / 1e9)
	return max(min(bdp, r.base(flight)), 2*r.MSS)
}

// OnLoss lowers the window to the estimate.
func (w *westwood) OnLoss(_ sim.Time, f FlowID, l Loss) {
	w.at(f).Lower(w.afterLoss(f, l.InFlight), l)
}

// OnTimeout collapses the window.
func (w *westwood) OnTimeout(_ sim.Time, f FlowID, l Loss) {
	w.at(f).TimeoutTo(w.afterLoss(f, l.InFlight), l)
	w.paths[f].minRTT = 0
}

// Reduce treats a mark like a loss.
func (w *westwood) Reduce(_ sim.Time, f FlowID, why Reason) {
	r := w.at(f)
	r.ReduceTo(w.afterLoss(f, r.flight), why)
}

// Terms appends "bwe_per_s" and "bdp", the threshold after a loss, where they
// exist, and LIA's.
func (w *westwood) Terms(f FlowID, out []Term) []Term {
	r, x := w.at(f), &w.paths[f]
	if x.rate > 0 {
		out = append(out, Term{"bwe_per_s", x.rate / float64(r.MSS)},
			Term{"bdp", x.rate * float64(x.minRTT) / 1e9 / float64(r.MSS)})
	}
	return w.lia.Terms(f, out)
}
