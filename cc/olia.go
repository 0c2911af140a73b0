package cc

import "mpsim/sim"

// OLIA, the opportunistic linked increases of Khalili et al., "MPTCP is not
// Pareto-optimal", CoNEXT 2012, and draft-khalili-mptcp-congestion-control-05.
// Slow start, timeout and idling are Reno's; in congestion avoidance
//
//	w_r += MSS_r*acked * ((w_r/rtt_r^2)/(sum_p w_p/rtt_p)^2 + alpha_r/w_r)
//
//	l1_r  bytes acknowledged between the last two losses
//	l2_r  bytes acknowledged since the last one,  l_r = max(l1_r, l2_r)
//	M     subflows with the largest window
//	B     subflows with the largest l_r/rtt_r^2
//	C     B without M, the best paths whose window is not the largest
//	alpha_r = +1/(n |C|)  for r in C
//	          -1/(n |M|)  for r in M, if C is not empty
//	           0          otherwise
//
// n is the number of subflows. The sum of all alpha is 0: they move window from
// the largest to the best paths. A loss halves the window; the smallest threshold
// is one segment where there are several subflows (draft section 3).
//
// The increase may be negative. It is summed up in segments, and the window moves
// by one when the sum reaches 1 or -1, never below one segment; when it falls the
// threshold falls with it, or the subflow would be in slow start. One subflow is
// Reno to the bit.
//
// Traps decided here. The best paths are those of the paper and the kernel,
// l/rtt^2; draft 05 writes l^2/rtt (parameter best). An ECN echo, and a tail loss
// that a probe repaired, are losses; a spurious one is taken back. Before any byte
// is acknowledged all l are 0, and every path is in B.

var oliaParams = withReno(modeParam, Param{
	Name: "best", Whole: true, Max: 1,
	Doc: "what the best path maximises: 0 l/rtt^2 (CoNEXT'12, Linux), 1 l^2/rtt (draft-khalili-05); mode 0 only",
})

var oliaSpec = Spec{
	Name:    "olia",
	Doc:     "opportunistic linked increases (CoNEXT'12): LIA's fairness, and window moves to the best paths",
	Coupled: true,
	Params:  oliaParams,
	New: func(p Params, _ *sim.Rand) Controller {
		if p.Get(oliaParams, "mode") == ootMode {
			return &oliaKernel{ootFlows: newOOT(renoRules(p))}
		}
		return &olia{linked: newLinked(renoRules(p)), draft: p.Get(oliaParams, "best") == 1}
	},
}

type olia struct {
	linked
	paths []oliaPath // by FlowID
	draft bool       // B maximises l^2/rtt
}

// oliaPath is what OLIA remembers of a subflow.
type oliaPath struct {
	between int64   // l1, bytes
	since   int64   // l2, bytes
	credit  float64 // segments that the window is due, between -1 and 1

	before      [2]int64 // l1 and l2 at the last loss
	sinceBefore bool     // they can be restored
}

// Join starts the subflow without history.
func (o *olia) Join(now sim.Time, f FlowID, p Path) {
	o.linked.Join(now, f, p)
	for len(o.paths) < len(o.flows) {
		o.paths = append(o.paths, oliaPath{})
	}
	o.paths[f] = oliaPath{}
}

// OnAck grows or shrinks the window of one subflow.
func (o *olia) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, n := o.take(f, a)
	x := &o.paths[f]
	x.since += max(a.Delivered, 0)
	if n == 0 {
		return
	}
	s := o.sums(r)
	if s.n <= 1 || !r.counts() {
		r.Additive(r.W, n)
		return
	}
	x.credit += float64(o.perByte(f, &s) * float64(n))
	switch {
	case x.credit >= 1:
		steps := int64(x.credit)
		x.credit -= float64(steps)
		r.W = min(r.W+steps*r.MSS, MaxWindow)
	case x.credit <= -1:
		x.credit++
		r.W = max(r.W-r.MSS, r.MSS)
		r.Thresh = min(r.Thresh, r.W)
	}
}

// perByte returns the increase in segments per byte acknowledged.
func (o *olia) perByte(f FlowID, s *sums) float64 {
	r := &o.flows[f]
	w := float64(r.W)
	first := float64(w*r.invRTT) * r.invRTT / float64(s.rate*s.rate)
	return first + o.alpha(f, s.n)/w
}

// alpha returns alpha_f of n subflows; f counts. C is B without M: of B the size is
// counted, and how many have the largest window in it.
func (o *olia) alpha(f FlowID, n int) float64 {
	best, widest, widestOfBest := -1.0, int64(0), int64(0)
	var m, b, both int // sizes of M and B, and of those in B with widestOfBest
	of := &o.flows[f]
	for i := range o.flows {
		r := &o.flows[i]
		if !r.countsFor(of) {
			continue
		}
		if r.W > widest {
			widest, m = r.W, 0
		}
		if r.W == widest {
			m++
		}
		q := o.quality(i)
		if q < best {
			continue
		}
		if q > best {
			best, b, both, widestOfBest = q, 0, 0, 0
		}
		if b++; r.W > widestOfBest {
			widestOfBest, both = r.W, 0
		}
		if r.W == widestOfBest {
			both++
		}
	}
	c := b
	if widestOfBest == widest {
		c -= both
	}
	switch {
	case c == 0:
		return 0
	case of.W == widest:
		return -1 / float64(n*m)
	case o.quality(int(f)) == best:
		return 1 / float64(n*c)
	}
	return 0
}

// quality returns what the best paths maximise.
func (o *olia) quality(i int) float64 {
	x, inv := &o.paths[i], o.flows[i].invRTT
	l := float64(max(x.between, x.since))
	if o.draft {
		return float64(l * l * inv)
	}
	return float64(l * inv * inv)
}

// lost shifts the distances between losses.
func (o *olia) lost(f FlowID, undoable bool) {
	x := &o.paths[f]
	x.before, x.sinceBefore = [2]int64{x.between, x.since}, undoable
	x.between, x.since = x.since, 0
	x.credit = 0
}

// afterLoss returns the threshold after a loss.
func (o *olia) afterLoss(r *linkedFlow, flight int64) int64 {
	return o.lowestThreshold(r, r.base(flight)/2/r.MSS*r.MSS, flight)
}

// OnLoss halves the window.
func (o *olia) OnLoss(_ sim.Time, f FlowID, l Loss) {
	r := o.at(f)
	o.lost(f, true)
	r.Lower(o.afterLoss(r, l.InFlight), l)
}

// OnTimeout collapses the window; it is a loss unless the last one is still being
// repaired.
func (o *olia) OnTimeout(_ sim.Time, f FlowID, l Loss) {
	r := o.at(f)
	if r.FirstTimeout(l) {
		o.lost(f, true)
	}
	r.TimeoutTo(o.afterLoss(r, l.InFlight), l)
	o.paths[f].credit = 0
}

// Reduce treats a mark like a loss.
func (o *olia) Reduce(_ sim.Time, f FlowID, why Reason) {
	r := o.at(f)
	if why == ECNEcho || why == TailRepair {
		o.lost(f, false)
	}
	r.ReduceTo(o.afterLoss(r, r.flight), why)
}

// Undo restores the window and the distances.
func (o *olia) Undo(now sim.Time, f FlowID) {
	o.each.Undo(now, f)
	if x := &o.paths[f]; x.sinceBefore {
		x.between, x.since = x.before[0], x.before[1]+x.since
		x.sinceBefore = false
	}
}

// Observe adds alpha_r, which is NaN while the subflow does not count.
func (o *olia) Observe(f FlowID) Metrics {
	m := o.each.Observe(f)
	if s := o.sums(o.at(f)); o.flows[f].counts() {
		m.Alpha = o.alpha(f, s.n)
	}
	return m
}

// Terms appends "alpha", "l1" and "l2" in segments, "increase" in segments per
// segment acknowledged, and "credit".
func (o *olia) Terms(f FlowID, out []Term) []Term {
	r := o.at(f)
	s := o.sums(r)
	x := &o.paths[f]
	out = append(out, Term{"l1", r.inSegments(x.between)}, Term{"l2", r.inSegments(x.since)})
	if s.n <= 1 || !r.counts() {
		return r.termsEvery(r.W, out)
	}
	increase := o.perByte(f, &s) * float64(r.MSS)
	if r.SlowStart() {
		increase = 1
	}
	return append(out, Term{"alpha", o.alpha(f, s.n)}, Term{"increase", increase}, Term{"credit", x.credit})
}
