package cc

import "mpsim/sim"

// wVegas, weighted Vegas (Cao, Xu, Fu, "Delay-based congestion control for multipath
// TCP", ICNP 2012; draft-xu-mptcp-congestion-control). Every subflow is a Vegas that
// keeps alpha_r segments in the queues of its path; the alphas sum up to
// total_alpha and follow the rates. Once per round, in segments, with base the
// smallest and rtt the mean of the round's samples,
//
//	diff_r  = w_r*(rtt - base)/rtt                       the backlog
//	slow start, diff_r > gamma:   w_r = min(w_r, w_r*base/rtt + 1), and it ends
//	diff_r >= alpha_r:            x_r = w_r/rtt, weight_r = x_r/sum_k x_k,
//	                              alpha_r = max(total_alpha*weight_r, initial_alpha)
//	diff_r > alpha_r:             w_r -= 1
//	diff_r < alpha_r:             w_r += 1
//	q = rtt - base, q_min the smallest one since the last time with diff_r >= alpha_r:
//	q >= 2*q_min:                 w_r = w_r*base/(2*rtt), q_min is forgotten
//
// The last line drains the queue, so that other flows can see their base. A round
// with at most two samples is Reno's. Outside the state Open it is Reno
// altogether; back in Open, weight is 1 and alpha_r initial_alpha. A window that was
// drained below its threshold returns in slow start, which gamma ends.
//
// Traps decided here. A single path has weight 1: it is Vegas with alpha = beta =
// total_alpha = 10, not 2 and 4. The base never grows but after idling, when it is
// forgotten: a path that became longer looks congested for ever, and a flow that
// joins a full queue takes it for the base. Q_min is that of rounds in which the
// backlog had reached its aim; the kernel takes any round, so that a window on its way
// up from a queue of one segment is drained at two, and never reaches alpha. The
// kernel lowers a window that the application does not use and raises it, too; the
// ref mode raises it only where it is the limit.
//
// The integers of the out-of-tree kernel are in wvegas_kernel.go.

var wvegasParams = withRules(modeParam,
	Param{Name: "initial_alpha", Min: 1, Max: 1000, Default: 2, Doc: "smallest backlog that a subflow aims at, segments"},
	Param{Name: "total_alpha", Min: 1, Max: 10000, Default: 10, Doc: "backlog of all subflows together, segments"},
	Param{Name: "gamma", Min: 0, Max: 1000, Default: 1, Doc: "backlog that ends slow start, segments"},
)

var wvegasSpec = Spec{
	Name:    "wvegas",
	Doc:     "weighted Vegas (ICNP'12): by delay, ten segments of backlog shared by the subflows",
	Coupled: true,
	Params:  wvegasParams,
	New: func(p Params, _ *sim.Rand) Controller {
		get := func(name string) float64 { return p.Get(wvegasParams, name) }
		b := backlog{initial: get("initial_alpha"), total: get("total_alpha"), gamma: get("gamma")}
		if get("mode") == ootMode {
			return &wvegasKernel{ootFlows: newOOT(rulesOf(p)), backlog: b}
		}
		return &wvegas{linked: newLinked(rulesOf(p)), backlog: b}
	},
}

// backlog holds the parameters, in segments.
type backlog struct{ initial, total, gamma float64 }

type wvegas struct {
	linked
	backlog
	paths []wvegasPath // by FlowID
}

// wvegasPath is what Vegas measures on a subflow.
type wvegasPath struct {
	vegasRound
	rate   float64 // x_r in segments per ns; 0: unknown
	weight float64
	alpha  float64 // segments
}

// vegasRound are the samples of a round. Delays are in ns here and in us in the
// kernel's mode.
type vegasRound struct {
	base, sum int64 // smallest ever, 0: none; sum of this round
	count     int64
	smallest  int64  // positive queueing delay since the last draining; 0: none
	begin     uint64 // SND.NXT when the round began
	paused    bool   // not in Open
	state     State
}

// sample takes one delay.
func (v *vegasRound) sample(delay int64) {
	if v.base == 0 || delay < v.base {
		v.base = delay
	}
	v.sum += delay
	v.count++
}

// enter follows the state of recovery and reports whether it became Open.
func (v *vegasRound) enter(s State) bool {
	if s == v.state {
		return false
	}
	v.state, v.paused = s, s != Open
	return s == Open
}

// restart begins a round without samples.
func (v *vegasRound) restart(nxt uint64) {
	v.begin, v.sum, v.count, v.smallest, v.paused = nxt, 0, 0, 0, false
}

// drains reports whether a queueing delay calls for a draining, and first takes it as
// the smallest if it counts. A queue of length 0 is never drained.
func (v *vegasRound) drains(q int64, counts bool) bool {
	if counts && q > 0 && (v.smallest == 0 || v.smallest > q) {
		v.smallest = q
	}
	if v.smallest == 0 || q < 2*v.smallest {
		return false
	}
	v.smallest = 0
	return true
}

// Join starts the subflow without a base.
func (v *wvegas) Join(now sim.Time, f FlowID, p Path) {
	v.linked.Join(now, f, p)
	for len(v.paths) < len(v.flows) {
		v.paths = append(v.paths, wvegasPath{})
	}
	v.paths[f] = wvegasPath{weight: 1, alpha: v.initial}
}

// OnAck takes a sample and, at the end of a round, adjusts the window.
func (v *wvegas) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, x := v.at(f), &v.paths[f]
	if a.SRTT > 0 {
		r.invRTT = 1 / float64(a.SRTT)
	}
	if x.enter(a.State) {
		v.enable(f, a.Nxt)
	}
	if a.RTT > 0 {
		x.sample(int64(a.RTT))
	}
	n := r.Growth(a)
	switch {
	case x.paused:
		r.growReno(n)
	case a.Una > x.begin && a.Acked > 0:
		x.begin = a.Nxt
		if x.count <= 2 {
			r.growReno(n)
		} else {
			v.adjust(f, n)
		}
		x.sum, x.count = 0, 0
	case r.SlowStart():
		r.Increase(n)
	}
}

// growReno grows the window as Reno does.
func (r *reno) growReno(n int64) {
	if n > 0 && r.SlowStart() {
		n = r.Increase(n)
	}
	if n > 0 {
		r.Additive(r.W, n)
	}
}

// enable forgets what the round and the rates were.
func (v *wvegas) enable(f FlowID, nxt uint64) {
	x := &v.paths[f]
	x.restart(nxt)
	x.rate, x.weight, x.alpha = 0, 1, v.initial
}

// adjust is the end of a round; the window may grow if n bytes say so.
func (v *wvegas) adjust(f FlowID, n int64) {
	r, x := v.at(f), &v.paths[f]
	rtt := float64(x.sum) / float64(x.count)
	empty := float64(x.base) / rtt // part of the window that is not in a queue
	diff := float64(r.Segments()) * (rtt - float64(x.base)) / rtt
	switch {
	case r.SlowStart() && diff > v.gamma:
		r.W = min(r.W, int64(float64(r.W)*empty)+r.MSS)
		r.Thresh = min(r.Thresh, r.W)
	case r.SlowStart():
		r.Increase(n)
	default:
		v.avoid(f, diff, rtt, n)
		if x.drains(int64(rtt)-x.base, diff >= x.alpha) {
			r.W = int64(float64(r.W) * empty / 2)
		}
	}
	r.W = max(r.W, 2*r.MSS)
	r.Thresh = r.currentThresh()
}

// avoid moves the window towards a backlog of alpha.
func (v *wvegas) avoid(f FlowID, diff, rtt float64, n int64) {
	r, x := v.at(f), &v.paths[f]
	if diff >= x.alpha {
		x.rate = float64(r.Segments()) / rtt
		x.weight = v.weight(f)
		x.alpha = max(x.weight*v.total, v.initial)
	}
	switch {
	case diff > x.alpha:
		r.W -= r.MSS
		r.Thresh = min(r.Thresh, r.W)
	case diff < x.alpha && n > 0:
		r.W = min(r.W+r.MSS, MaxWindow)
	}
}

// weight returns the part of the rates that is the subflow's, over those that have
// samples in their present round.
func (v *wvegas) weight(f FlowID) float64 {
	total := 0.0
	group := v.flows[f].group
	for i := range v.paths {
		if x := &v.paths[i]; v.flows[i].joined && v.flows[i].group == group && x.count > 0 {
			total += x.rate
		}
	}
	if x := &v.paths[f]; total == 0 || x.rate == 0 || !v.flows[f].joined {
		return x.weight
	}
	return v.paths[f].rate / total
}

// OnTimeout collapses the window; the rate is unknown.
func (v *wvegas) OnTimeout(now sim.Time, f FlowID, l Loss) {
	v.each.OnTimeout(now, f, l)
	v.paths[f].rate = 0
}

// OnIdleRestart forgets the base as well.
func (v *wvegas) OnIdleRestart(now sim.Time, f FlowID, idle, rto sim.Duration) {
	v.each.OnIdleRestart(now, f, idle, rto)
	v.enable(f, v.paths[f].begin)
	v.paths[f].base = 0
}

// Observe adds alpha_r in segments.
func (v *wvegas) Observe(f FlowID) Metrics {
	m := v.each.Observe(f)
	m.Alpha = v.paths[f].alpha
	return m
}

// Terms appends "alpha", "weight", "base_s", "q_min_s" (0: none since the last
// draining) and "paused" (1: it is Reno).
func (v *wvegas) Terms(f FlowID, out []Term) []Term {
	v.at(f)
	x := &v.paths[f]
	return x.terms(1e9, append(out, Term{"alpha", x.alpha}, Term{"weight", x.weight}))
}

// terms appends the delays, of which there are as many to a second.
func (v *vegasRound) terms(perSecond float64, out []Term) []Term {
	paused := 0.0
	if v.paused {
		paused = 1
	}
	return append(out, Term{"base_s", float64(v.base) / perSecond},
		Term{"q_min_s", float64(v.smallest) / perSecond}, Term{"paused", paused})
}
