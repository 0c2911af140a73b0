package cccheck

import (
	"fmt"
	"math"
)

// check is one number and what it shall be.
type check struct {
	group, name, doc, unit string
	atLeast, atMost        *float64
	// runs are the experiments that the check needs; measure gets their outcomes in
	// that order, each by replication, and returns one value a replication.
	runs    func(s *subject) []experiment
	measure func(got [][]outcome) (values []float64, note string)
}

func bound(v float64) *float64 { return &v }

// The paths of the experiments. One packet in 1/loss is lost, so that the windows of
// a TCP are about 1.3/sqrt(loss) packets (PAPERS 18.1): 29 and 15, 19.
var (
	good    = lossy{.002, 50}
	poor    = lossy{.008, 50}
	quick   = lossy{.005, 20}
	slow    = lossy{.005, 80}
	plain   = lossy{.005, 40}
	distant = lossy{.005, 80} // plain with twice the round-trip time
	clean   = lossy{.00125, 40}
)

// checks is the table of checks, in the order of reports.
var checks = []check{
	{
		group: "improve", name: "unlike loss", atLeast: bound(0.9),
		doc: "two paths of 50 ms that lose 0.2 % and 0.8 %: total over one TCP on the better path",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 250, good, poor), overLossy(s.base, 250, good)}
		},
		measure: ratioOfTotals,
	},
	{
		group: "improve", name: "unlike delay", atLeast: bound(0.9),
		doc: "two paths of 20 and 80 ms that lose 0.5 %: total over one TCP on the shorter path",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 100, quick, slow), overLossy(s.base, 100, quick)}
		},
		measure: ratioOfTotals,
	},
	{
		group: "harm", name: "shared bottleneck", atMost: bound(1.2),
		doc: "two subflows and one TCP through 10 Mb/s, 40 ms, one bandwidth-delay product of buffer: MPTCP over TCP",
		runs: func(s *subject) []experiment {
			return []experiment{bottleneck(s.self, s.base)}
		},
		measure: func(got [][]outcome) ([]float64, string) {
			return each(got, func(o []*outcome) float64 { return o[0].rates[0] / o[0].rates[1] }), ""
		},
	},
	{
		group: "harm", name: "equal loss", atMost: bound(1.2),
		doc: "two subflows over paths of 40 ms that lose 0.5 %: total over one TCP with the same loss and delay",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 200, plain, plain), overLossy(s.base, 200, plain)}
		},
		measure: ratioOfTotals,
	},
	{
		group: "balance", name: "off the congested path", atLeast: bound(math.Sqrt2),
		doc: "loss of 0.2 % and 0.8 %: rate of the good path over that of the poor one, over the same of uncoupled subflows",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 250, good, poor), overLossy(s.base, 250, good, poor)}
		},
		measure: func(got [][]outcome) ([]float64, string) {
			return each(got, func(o []*outcome) float64 { return split(o[0]) / split(o[1]) }), ""
		},
	},
	{
		group: "single", name: "one path", atLeast: bound(0.95), atMost: bound(1.05),
		doc: "one subflow through 10 Mb/s, 40 ms, 0.05 % loss: goodput over that of the base",
		runs: func(s *subject) []experiment {
			return []experiment{onePath(s.self), onePath(s.base)}
		},
		measure: sameOrNot,
	},
	{
		group: "scale", name: "round-trip time", atLeast: bound(0.9), atMost: bound(1.1),
		doc: "two equal paths: share of a TCP at 80 ms over that at 40 ms",
		runs: func(s *subject) []experiment {
			return []experiment{
				overLossy(s.self, 400, distant, distant), overLossy(s.base, 400, distant),
				overLossy(s.self, 200, plain, plain), overLossy(s.base, 200, plain),
			}
		},
		measure: ratioOfShares,
	},
	{
		group: "scale", name: "window", atLeast: bound(0.9), atMost: bound(1.1),
		doc: "two equal paths: share of a TCP at 0.125 % loss, where windows are twice as large, over that at 0.5 %",
		runs: func(s *subject) []experiment {
			return []experiment{
				overLossy(s.self, 400, clean, clean), overLossy(s.base, 400, clean),
				overLossy(s.self, 200, plain, plain), overLossy(s.base, 200, plain),
			}
		},
		measure: ratioOfShares,
	},
	{
		group: "scale", name: "order of paths", atLeast: bound(0.9), atMost: bound(1.1),
		doc: "loss of 0.2 % and 0.8 %: total over that with the paths in the other order",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 250, good, poor), overLossy(s.self, 250, poor, good)}
		},
		measure: ratioOfTotals,
	},
	{
		group: "axes", name: "friendliness",
		doc: "what the TCP at the shared bottleneck keeps of its half",
		runs: func(s *subject) []experiment {
			return []experiment{bottleneck(s.self, s.base)}
		},
		measure: func(got [][]outcome) ([]float64, string) {
			return each(got, func(o []*outcome) float64 { return 2 * o[0].rates[1] / (o[0].rates[0] + o[0].rates[1]) }), ""
		},
	},
	{
		group: "axes", name: "responsiveness", unit: "s",
		doc: "time that a path needs for 80 % of its new rate when its loss falls from 10 % to the 0.5 % of the other (1-s means)",
		runs: func(s *subject) []experiment {
			return []experiment{recovering(s.self)}
		},
		measure: func(got [][]outcome) ([]float64, string) {
			return each(got, func(o []*outcome) float64 { return responseTime(o[0].series[1]) }), ""
		},
	},
	{
		group: "axes", name: "oscillation",
		doc: "standard deviation of the windows together over their mean, two equal paths of 40 ms that lose 0.5 %",
		runs: func(s *subject) []experiment {
			return []experiment{overLossy(s.self, 200, plain, plain)}
		},
		measure: func(got [][]outcome) ([]float64, string) {
			return each(got, func(o []*outcome) float64 { return o[0].variation }), ""
		},
	},
}

// each returns one value a replication.
func each(got [][]outcome, f func(o []*outcome) float64) []float64 {
	out := make([]float64, len(got[0]))
	o := make([]*outcome, len(got))
	for k := range out {
		for i := range got {
			o[i] = &got[i][k]
		}
		out[k] = f(o)
	}
	return out
}

// ratioOfTotals is the first flow of one experiment over that of another.
func ratioOfTotals(got [][]outcome) ([]float64, string) {
	return each(got, func(o []*outcome) float64 { return o[0].rates[0] / o[1].rates[0] }), ""
}

// ratioOfShares is (0/1)/(2/3).
func ratioOfShares(got [][]outcome) ([]float64, string) {
	return each(got, func(o []*outcome) float64 {
		return o[0].rates[0] / o[1].rates[0] / (o[2].rates[0] / o[3].rates[0])
	}), ""
}

// split is the rate of the first path over that of the second. A path that
// carries nothing counts as one packet of 1500 bytes a second, so that the ratio is
// finite.
func split(o *outcome) float64 { return o.paths[0] / math.Max(o.paths[1], 12000) }

// sameOrNot compares two controllers over one path, run by run.
func sameOrNot(got [][]outcome) ([]float64, string) {
	values, _ := ratioOfTotals(got)
	same := 0
	for k := range values {
		if got[0][k].hash == got[1][k].hash {
			same++
		}
	}
	if same == len(values) {
		return values, "identical runs"
	}
	return values, fmt.Sprintf("%d of %d runs identical", same, len(values))
}

// responseTime is how long after changeAt a path delivers, for a second, 80 % of what
// it delivers on average in the last two thirds of what follows.
func responseTime(series []float64) float64 {
	const second, begin = 10, 10 * int(changeAt) // samples
	if len(series) <= begin+3*second {
		return math.NaN()
	}
	tail := series[begin+(len(series)-begin)/3:]
	goal := 0.8 * mean(tail)
	for i := begin + second; i <= len(series); i++ {
		if mean(series[i-second:i]) >= goal {
			return float64(i-begin) * sample
		}
	}
	return math.NaN()
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
