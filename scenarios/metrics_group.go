package scenarios

import (
	"math"
	"slices"

	"mpsim/results"
)

// Metrics of several flows together: those of one [[traffic]] or with one group.

var pGroup = MetricParam{Name: "group", kind: argGroup}

// members are the flows of the group that argument 0 names.
func (v *view) members(a *arguments) (out []*flowRun) {
	for _, f := range v.w.flows {
		if f.decl.Group == a.names[0] {
			out = append(out, f)
		}
	}
	return out
}

// groupGoodput is the goodput of each flow of a group; from and to are arguments k
// and k+1.
func (v *view) groupGoodput(a *arguments, k int) (out []float64) {
	for _, f := range v.members(a) {
		out = append(out, f.goodput(a.time(k, f.decl.Start.Time()), a.time(k+1, v.now)))
	}
	return out
}

// groupTimes is the completion time of each flow of a group, infinite if it is not
// complete.
func (v *view) groupTimes(a *arguments) (out []float64) {
	for _, f := range v.members(a) {
		out = append(out, since(f, f.record.Done).v)
	}
	return out
}

var pRTT = MetricParam{Name: "rtt", kind: argTime}

// slowdowns are the completion times of the flows of a group over those of an idle
// network; its rate and round-trip time are arguments k and k+1.
func (v *view) slowdowns(a *arguments, k int) (out []float64) {
	for _, f := range v.members(a) {
		ideal := float64(f.decl.size())/a.values[k] + a.values[k+1]
		out = append(out, since(f, f.record.Done).v/ideal)
	}
	return out
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func groupMetrics() []Metric {
	pLinks := MetricParam{Name: "'links'", kind: argPattern}
	return []Metric{
		{Name: "goodput_mean", Doc: "mean of goodput over the flows of a group, from `from` (default: the start of each) to `to` (default: its completion or the end of the run)",
			Params: params(pGroup, pFrom, pTo), result: dimRate,
			eval: func(v *view, a *arguments) quantity { return num(mean(v.groupGoodput(a, 1))) }},
		{Name: "goodput_quantile", Doc: "goodput that the part `quantile` (0 to 1) of the flows of a group does not exceed",
			Params: params(pGroup, pShare, pFrom, pTo), result: dimRate,
			eval: func(v *view, a *arguments) quantity { return num(results.Quantile(v.groupGoodput(a, 2), a.values[1])) }},
		{Name: "goodput_jain", Doc: "Jain's index of fairness of the goodput of the flows of a group",
			Params: params(pGroup, pFrom, pTo),
			eval:   func(v *view, a *arguments) quantity { return num(results.Jain(v.groupGoodput(a, 1))) }},
		{Name: "fct_mean", Doc: "mean flow completion time of a group; never if a flow is not complete",
			Params: params(pGroup), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return num(mean(v.groupTimes(a))) }},
		{Name: "fct_quantile", Doc: "completion time that the part `quantile` of the flows of a group does not exceed; flows that are not complete count as never",
			Params: params(pGroup, pShare), result: dimTime,
			eval: func(v *view, a *arguments) quantity { return num(results.Quantile(v.groupTimes(a), a.values[1])) }},
		{Name: "slowdown_mean", Doc: "mean, over the flows of a group, of completion time over ideal completion time, which is size / `rate` + `rtt`; never if a flow is not complete",
			Params: params(pGroup, pRate, pRTT),
			eval:   func(v *view, a *arguments) quantity { return num(mean(v.slowdowns(a, 1))) }},
		{Name: "slowdown_quantile", Doc: "slowdown (see slowdown_mean) that the part `quantile` of the flows of a group does not exceed; flows that are not complete count as never",
			Params: params(pGroup, pShare, pRate, pRTT),
			eval:   func(v *view, a *arguments) quantity { return num(results.Quantile(v.slowdowns(a, 2), a.values[1])) }},
		{Name: "flows", Doc: "flows of a group", Params: params(pGroup),
			eval: func(v *view, a *arguments) quantity { return num(float64(len(v.members(a)))) }},
		{Name: "finished", Doc: "part of the flows of a group that are complete", Params: params(pGroup),
			eval: func(v *view, a *arguments) quantity {
				done := 0
				times := v.groupTimes(a)
				for _, t := range times {
					if !math.IsInf(t, 0) {
						done++
					}
				}
				return num(float64(done) / float64(len(times)))
			}},
		{Name: "group_corrupt_bytes", Doc: "corrupt_bytes of all flows of a group together", Params: params(pGroup), result: dimSize,
			eval: func(v *view, a *arguments) quantity {
				n := int64(0)
				for _, f := range v.members(a) {
					n += f.record.Corrupt
					if f.reverse != nil {
						n += f.reverse.Corrupt
					}
				}
				return num(float64(n))
			}},
		{Name: "utilisation_mean", Doc: "mean of utilisation over link directions, a text with * and ? such as 'c*.up'", Params: params(pLinks),
			eval: func(v *view, a *arguments) quantity { return num(mean(v.utilisations(a))) }},
		{Name: "links_used", Doc: "how many of these link directions carried at least one part in `share` of what the busiest did",
			Params: params(pLinks, MetricParam{Name: "share", kind: argNumber}),
			eval: func(v *view, a *arguments) quantity {
				u := v.utilisations(a)
				n, most := 0, slices.Max(u)
				for _, x := range u {
					if x > 0 && x*a.values[1] >= most {
						n++
					}
				}
				return num(float64(n))
			}},
		{Name: "drops_sum", Doc: "packets that these link directions dropped", Params: params(pLinks),
			eval: func(v *view, a *arguments) quantity {
				n := uint64(0)
				for _, l := range v.w.links {
					if glob(a.names[0], l.name) {
						s := l.link.Stats()
						n += s.Drops()
					}
				}
				return num(float64(n))
			}},
	}
}

// utilisations are those of the link directions that a pattern means.
func (v *view) utilisations(a *arguments) (out []float64) {
	for _, l := range v.w.links {
		if glob(a.names[0], l.name) {
			out = append(out, l.link.Stats().Utilisation)
		}
	}
	return out
}

// groupNames are the groups of all flows.
func (c *checker) groupNames() (out []string) {
	for _, f := range c.sc.Flows {
		if f.Group != "" && !slices.Contains(out, f.Group) {
			out = append(out, f.Group)
		}
	}
	return out
}
