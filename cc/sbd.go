package cc

import "mpsim/sim"

// The wrapper sbd couples only subflows that share a bottleneck (MPTCP-SBD; Ferlin, Alay,
// Dreibholz, Hayes, Welzl, "Revisiting congestion control for multipath TCP with shared
// bottleneck detection", INFOCOM 2016), as far as RFC 8382 can tell that from their one-way
// delays (sbd_estimate.go) and group them (sbd_group.go). The sums of the inner coupled
// controller are those of a group; a subflow alone in its group is what the inner one is
// over one path, for most of them Reno.
//
// Estimates need 2M intervals, 21 s, before they are trusted (RFC 8382 section 3.3.2);
// until then, and whenever a subflow has joined, all are coupled as without the wrapper.
//
// One-way delays come from TCP timestamps. RFC 8382 section 5.1 asks for a resolution of a
// hundredth of their range, which the milliseconds of most hosts are not where queues are
// shorter than some 100 ms. Microseconds (scenario key usec_ts) serve, if both ends have
// them. Without timestamps nothing is detected and all stay coupled.

// sbdSpecs are the controllers whose coupling can be confined to groups. The integers of
// the out-of-tree kernel cannot.
func sbdSpecs() []Spec {
	return []Spec{
		liaSpec, oliaSpec, baliaSpec, ewtcpSpec, coupledSpec, semicoupledSpec, epsilonSpec, wvegasSpec,
		xmpSpec, westwoodSpec, mpcubicSpec,
	}
}

var sbdParams = []Param{
	innerParamOf(sbdSpecs()),
	{Name: "interval_ms", Min: 10, Max: 10_000, Default: 350, Doc: "T, interval over which delays are summarised, ms"},
	{Name: "n", Whole: true, Min: 2, Max: 500, Default: 50, Doc: "N, intervals of freq_est and pkt_loss"},
	{Name: "m", Whole: true, Min: 1, Max: 500, Default: 30, Doc: "M, intervals of the mean, skew_est and var_est; not more than n"},
	{Name: "c_s", Min: -1, Max: 1, Default: 0.1, Doc: "a bottleneck has skew_est below"},
	{Name: "c_h", Min: -1, Max: 1, Default: 0.3, Doc: "a bottleneck keeps being one with skew_est below"},
	{Name: "p_l", Max: 1, Default: 0.05, Doc: "a bottleneck has pkt_loss above"},
	{Name: "p_v", Max: 10, Default: 0.7, Doc: "a crossing of the mean is significant beyond this part of var_est"},
	{Name: "p_f", Max: 1, Default: 0.1, Doc: "difference of freq_est that separates"},
	{Name: "p_mad", Max: 1, Default: 0.1, Doc: "difference of var_est that separates, part of the larger"},
	{Name: "p_s", Max: 2, Default: 0.15, Doc: "difference of skew_est that separates"},
	{Name: "p_d", Max: 1, Default: 0.1, Doc: "difference of pkt_loss that separates, part of the larger, if that is above p_l"},
	{Name: "stable", Max: 1, Default: 0.5, Doc: "part of the last 64 verdicts that must have two subflows in one group for them to be coupled"},
}

var sbdSpec = Spec{
	Name:    "sbd",
	Doc:     "wrapper: couples only subflows that share a bottleneck (RFC 8382, INFOCOM'16)",
	Coupled: true,
	Params:  sbdParams,
	New: func(p Params, rnd *sim.Rand) Controller {
		get := func(name string) float64 { return p.Get(sbdParams, name) }
		inner, ok := newInnerOf(sbdSpecs(), p, sbdParams, rnd).(Grouped)
		if !ok {
			sim.Bugf("a controller without groups in the table of sbd")
		}
		n := int(get("n"))
		return &sbd{
			wrapped: wrapped{inner}, inner: inner,
			interval: sim.Duration(get("interval_ms") * 1e6),
			rules: sbdRules{
				n: n, m: min(int(get("m")), n), cs: get("c_s"), ch: get("c_h"), pl: get("p_l"), pv: get("p_v"),
				pf: get("p_f"), pmad: get("p_mad"), ps: get("p_s"), pd: get("p_d"),
			},
			groups: sbdGroups{stable: get("stable")},
		}
	},
}

type sbd struct {
	wrapped
	inner    Grouped
	interval sim.Duration
	rules    sbdRules
	paths    []*sbdPath // by FlowID; nil: has left
	groups   sbdGroups
	began    sim.Time // of the interval
}

// Join starts the subflow without estimates, coupled with all.
func (s *sbd) Join(now sim.Time, f FlowID, p Path) {
	s.inner.Join(now, f, p)
	if len(s.paths) == 0 {
		s.began = now
	}
	for len(s.paths) <= int(f) {
		s.paths = append(s.paths, nil)
	}
	s.groups.grow(len(s.paths))
	s.groups.forget(int(f))
	s.paths[f] = newSBDPath(&s.rules, p.MSS)
	s.regroup()
}

// Leave takes the subflow out of its group.
func (s *sbd) Leave(now sim.Time, f FlowID) {
	s.inner.Leave(now, f)
	s.paths[f] = nil
	s.groups.forget(int(f))
	s.regroup()
}

// OnAck takes a sample and, at the end of an interval, groups the subflows anew.
func (s *sbd) OnAck(now sim.Time, f FlowID, a *Ack) {
	if uint(f) >= uint(len(s.paths)) {
		unknownFlow(f, len(s.paths))
	}
	if gone := now.Sub(s.began); gone >= s.interval {
		s.began = s.began.Add(gone / s.interval * s.interval)
		s.judge()
	}
	if p := s.paths[f]; p != nil {
		p.sample(a)
	}
	s.inner.OnAck(now, f, a)
}

func (s *sbd) judge() {
	for _, p := range s.paths {
		if p != nil {
			p.close()
		}
	}
	s.groups.judge(s.paths)
	s.apply()
}

func (s *sbd) regroup() {
	s.groups.couple(s.paths)
	s.apply()
}

func (s *sbd) apply() {
	for f, p := range s.paths {
		if p != nil {
			s.inner.SetGroup(FlowID(f), s.groups.coupled[f])
		}
	}
}

// Terms appends "group", the number of the group with which this one is coupled; "verdict", its group by the last estimates (-1: no bottleneck, or not ready);
// "skew" (skew_est), "mad_s" (var_est), "freq" (freq_est), "pkt_loss" and "owd_s",
// the mean delay above that of the first sample; and the inner controller's.
func (s *sbd) Terms(f FlowID, out []Term) []Term {
	if p := s.paths[f]; p != nil {
		out = append(out, Term{"group", float64(s.groups.coupled[f])}, Term{"verdict", float64(s.groups.group[f])},
			Term{"skew", p.skew}, Term{"mad_s", p.variance / 1e9}, Term{"freq", p.freq()}, Term{"pkt_loss", p.loss},
			Term{"owd_s", float64(p.mean) / 1e9})
	}
	return s.wrapped.Terms(f, out)
}
