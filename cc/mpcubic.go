package cc

import "mpsim/sim"

// MPCubic, CUBIC for several paths, after the aims of Le, Haw, Hong and Lee, "A
// multipath Cubic TCP congestion control with multipath fast recovery over high
// bandwidth-delay product networks", IEICE Trans. Commun. 2012: one CUBIC's share at
// a common bottleneck, as fast as CUBIC on the best path, less on congested ones.
//
// It is approximate: the rule is derived here, as RFC 6356 derives LIA from Reno,
// and is not the text of the paper, whose multipath fast recovery is not modelled.
// CUBIC's mean window is proportional to C^(1/4); a subflow gets the constant
//
//	C_r = C*s_r^2,   s_r = min(alpha*w_r/w_tot, 1),   alpha as in LIA
//
// In equilibrium w_r^4 = s_r^2*W_r^4, where W_r is the window of a CUBIC with the
// losses of path r. So w_r is proportional to W_r^2, as in LIA, and with LIA's alpha
// sum(w_r/rtt_r) = max(W_r/rtt_r). On n equal paths C_r = C/n^4 and w_r = W_r/n.
// The window that Reno would have (RFC 9438 section 4.3) grows by s_r of what it
// would, which is LIA's increase.
//
// C_r changes with the windows. Instead of C the clock of the cubic changes: it runs
// at s_r^(2/3) of real time from acknowledgement to acknowledgement, and K and W(t)
// are those of cubic_ref.go. With one subflow it is CUBIC's ref mode to the bit.

var mpcubicParams = withRules(
	Param{
		Name: "hystart", Whole: true, Max: 2, Default: hystartLinux,
		Doc: "how slow start ends before a loss: 0 not at all, 1 HyStart as in Linux, 2 HyStart++ (RFC 9406)",
	},
	Param{
		Name: "fast_convergence", Whole: true, Max: 1, Default: 1,
		Doc: "1: release room when a loss comes below the last maximum (RFC 9438 section 4.7)",
	},
	Param{
		Name: "friendly", Whole: true, Max: 1, Default: 1,
		Doc: "1: never slower than LIA would be",
	},
)

var mpcubicSpec = Spec{
	Name:    "mpcubic",
	Doc:     "CUBIC coupled like LIA, after MPCubic (IEICE 2012); approximate",
	Coupled: true,
	Base:    "cubic",
	Params:  mpcubicParams,
	New: func(p Params, _ *sim.Rand) Controller {
		get := func(name string) int { return int(p.Get(mpcubicParams, name)) }
		return &mpcubic{each: each[cubicRef, *cubicRef]{prototype: cubicRef{cubicBase: cubicBase{
			Flow:            NewFlow(rulesOf(p)),
			exit:            slowStartExit{kind: get("hystart")},
			fastConvergence: get("fast_convergence") == 1,
			friendly:        get("friendly") == 1,
		}}}}
	},
}

type mpcubic struct {
	each[cubicRef, *cubicRef]
	paths []mpcubicPath // by FlowID
}

type mpcubicPath struct {
	invRTT float64 // 1/SRTT in 1/ns; 0: no sample yet, in no sum
	joined bool    // and has not left
	group  int32
}

// Join adds the subflow to the sums, if its handshake gave a round-trip time.
func (m *mpcubic) Join(now sim.Time, f FlowID, p Path) {
	m.each.Join(now, f, p)
	for len(m.paths) < len(m.flows) {
		m.paths = append(m.paths, mpcubicPath{})
	}
	m.paths[f] = mpcubicPath{joined: true}
	if p.RTT > 0 {
		m.paths[f].invRTT = 1 / float64(p.RTT)
	}
}

// Leave takes the subflow out of the sums at once.
func (m *mpcubic) Leave(_ sim.Time, f FlowID) {
	m.at(f)
	m.paths[f].joined = false
}

// SetGroup confines the coupling ([Grouped]).
func (m *mpcubic) SetGroup(f FlowID, group int32) {
	m.at(f)
	m.paths[f].group = group
}

// OnAck grows the window of one subflow.
func (m *mpcubic) OnAck(now sim.Time, f FlowID, a *Ack) {
	r, p := m.at(f), &m.paths[f]
	if a.SRTT > 0 {
		p.invRTT = 1 / float64(a.SRTT)
	}
	share := m.share(f)
	pace := 1.0
	if share < 1 {
		pace = sim.Cbrt(share * share)
	}
	r.growAs(now, a, share, pace)
}

// share returns s_r; 1 for a subflow that does not count or is alone.
func (m *mpcubic) share(f FlowID) float64 {
	n, rate, best := 0, 0.0, 0.0
	for i := range m.paths {
		p := &m.paths[i]
		if !p.joined || p.invRTT == 0 || p.group != m.paths[f].group {
			continue
		}
		x := float64(float64(m.flows[i].W) * p.invRTT)
		n++
		rate += x
		best = max(best, float64(x*p.invRTT))
	}
	if p := &m.paths[f]; n <= 1 || !p.joined || p.invRTT == 0 {
		return 1
	}
	return min(float64(m.flows[f].W)*best/float64(rate*rate), 1)
}

// Terms appends "share" (s_r of the page) and CUBIC's.
func (m *mpcubic) Terms(f FlowID, out []Term) []Term {
	return m.each.Terms(f, append(out, Term{"share", m.share(f)}))
}
