package scenarios

import (
	"mpsim/internal/app"
	"mpsim/sim"
)

// Metrics of the times in which an application receives nothing.

var pFloor = MetricParam{Name: "floor", kind: argTime}

func gapMetrics() []Metric {
	return []Metric{
		{Name: "max_gap", Doc: "longest time without delivery (0 if none is longer than 50 ms), among gaps that touch `from` to `to`",
			Params: params(pFlow, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				longest := sim.Duration(0)
				for _, g := range v.flow(a, 0).record.GapsAt(v.now) {
					if g.End > a.time(1, 0) && g.Start < a.time(2, sim.Never) {
						longest = max(longest, g.Length())
					}
				}
				return num(longest.Seconds())
			}},
		{Name: "gaps", Doc: "how many times without delivery were longer than `floor` (at least 50 ms), among those that touch `from` to `to`",
			Params: params(pFlow, pFloor, pFrom, pTo),
			eval:   func(v *view, a *arguments) quantity { n, _ := v.stalls(a); return num(float64(n)) }},
		{Name: "stalled", Doc: "how long all of these gaps last together, of each what lies between `from` and `to`",
			Params: params(pFlow, pFloor, pFrom, pTo), result: dimTime,
			eval: func(v *view, a *arguments) quantity { _, sum := v.stalls(a); return num(sum.Seconds()) }},
		{Name: "resume", Doc: "end of the first pause longer than 100 ms that ends after `at`, minus `at`; 0 if data went on arriving",
			Params: params(pFlow, pAt), result: dimTime,
			eval: func(v *view, a *arguments) quantity {
				return seconds(v.flow(a, 0).firstStall(a.time(1, 0), 100*sim.Millisecond, v.now))
			}},
	}
}

// stalls counts the gaps of a flow that are longer than argument 1 and adds up what of
// them lies between arguments 2 and 3.
func (v *view) stalls(a *arguments) (n int, sum sim.Duration) {
	from, to := a.time(2, 0), a.time(3, v.now)
	floor := max(sim.Duration(a.time(1, 0)), app.GapFloor)
	for _, g := range v.flow(a, 0).record.GapsAt(v.now) {
		if g.Length() > floor && g.End > from && g.Start < to {
			n++
			sum += min(g.End, to).Sub(max(g.Start, from))
		}
	}
	return n, sum
}
