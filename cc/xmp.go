package cc

import "mpsim/sim"

// XMP (Cao, Xu, Fu, Dong, "Explicit multipath congestion control for data center
// networks", CoNEXT 2013): APPROXIMATE, after secondary descriptions of the paper.
// BOS ("buffer occupancy suppression") reduces by a fixed part on a mark, TraSh
// ("traffic shifting") couples the increase. Once per round, in segments,
//
//	delta_r = w_r/(T_min * sum_k w_k/rtt_k),  T_min = min_k rtt_k
//	adder_r += delta_r;  w_r += floor(adder_r), the rest is kept
//	mark, once per window:  w_r -= max(w_r/beta, 1), at least 2;  slow start ends
//	loss, timeout:          Reno's
//
// One subflow has delta = 1, which is Reno's slope. Switches mark above a queue of K
// packets; links stay filled if K >= BDP/(beta-1).
//
// Departures: the paper's receiver counts up to three marks per acknowledgement in
// two header bits; here it echoes them as DCTCP's does, which tells the same to a
// sender that asks only whether there was one. A round in which the window was
// reduced does not grow it.

var xmpParams = withRules(
	Param{Name: "beta", Min: 1, Max: 100, Default: 4, Doc: "a mark takes the window's part 1/beta"},
)

var xmpSpec = Spec{
	Name:    "xmp",
	Doc:     "XMP (CoNEXT'13), approximate: ECN marks take a quarter, increases follow the rates of the subflows",
	Coupled: true,
	Params:  xmpParams,
	New: func(p Params, _ *sim.Rand) Controller {
		return &xmp{linked: newLinked(rulesOf(p)), beta: p.Get(xmpParams, "beta")}
	},
}

type xmp struct {
	linked
	beta  float64
	paths []xmpPath // by FlowID
}

type xmpPath struct {
	end   uint64  // SND.NXT when the round began
	adder float64 // segments
}

// Join starts the subflow without credit.
func (x *xmp) Join(now sim.Time, f FlowID, p Path) {
	x.linked.Join(now, f, p)
	for len(x.paths) < len(x.flows) {
		x.paths = append(x.paths, xmpPath{})
	}
	x.paths[f] = xmpPath{}
}

// OnAck grows the window at the end of a round.
func (x *xmp) OnAck(_ sim.Time, f FlowID, a *Ack) {
	r, n := x.take(f, a)
	p := &x.paths[f]
	if a.Una <= p.end {
		return
	}
	p.end = a.Nxt
	if n == 0 || r.SlowStart() {
		return
	}
	p.adder += x.delta(r)
	if steps := int64(p.adder); steps > 0 {
		p.adder -= float64(steps)
		r.W = min(r.W+steps*r.MSS, MaxWindow)
	}
}

// delta returns the growth of a round in segments; a subflow without a round-trip
// time grows like Reno.
func (x *xmp) delta(r *linkedFlow) float64 {
	fastest, s := 0.0, x.sums(r)
	for i := range x.flows {
		if o := &x.flows[i]; o.countsFor(r) {
			fastest = max(fastest, o.invRTT)
		}
	}
	if s.rate == 0 || !r.counts() {
		return 1
	}
	return float64(r.W) * fastest / s.rate
}

// Reduce takes the part 1/beta on a mark.
func (x *xmp) Reduce(now sim.Time, f FlowID, why Reason) {
	if why != ECNEcho {
		x.linked.Reduce(now, f, why)
		return
	}
	r := x.at(f)
	w := r.base(r.flight)
	r.LowerMarked(max(w-max(int64(float64(w)/x.beta), r.MSS), 2*r.MSS))
	x.paths[f].adder = 0
}

// Traits asks for ECN with an exact echo.
func (x *xmp) Traits() Traits {
	t := x.linked.Traits()
	t.ExactECN = true
	return t
}

// Observe adds delta_r.
func (x *xmp) Observe(f FlowID) Metrics {
	m := x.each.Observe(f)
	m.Alpha = x.delta(x.at(f))
	return m
}

// Terms appends "delta" and "adder", both in segments.
func (x *xmp) Terms(f FlowID, out []Term) []Term {
	return append(out, Term{"delta", x.delta(x.at(f))}, Term{"adder", x.paths[f].adder})
}
