// Command controller is mpsim with a congestion controller of its own, "scalable":
// the same as ../scalable.star, in Go.
//
//	go run ./docs/examples/controller run docs/examples/two.toml --set defaults.cc=scalable
package main

import (
	"os"

	"mpsim/cc"
	"mpsim/cmd/mpsim/cli"
	"mpsim/sim"
)

func main() { cli.Main(os.Args, cli.With(spec)) }

var params = []cc.Param{
	{Name: "every", Doc: "segments acknowledged for a segment of growth", Default: 100, Min: 1, Max: 10000, Whole: true},
	{Name: "reduction", Doc: "part of the window that a loss takes", Default: 0.125, Min: 0.01, Max: 0.9},
}

var spec = cc.Spec{
	Name:   "scalable",
	Doc:    "Scalable TCP (Kelly, CCR 2003): a segment more for every hundred acknowledged, an eighth less at a loss",
	Params: params,
	New: func(p cc.Params, _ *sim.Rand) cc.Controller {
		return cc.Each(scalable{
			Flow:  cc.NewFlow(cc.Rules{}),
			every: int64(p.Get(params, "every")), reduction: p.Get(params, "reduction"),
		})
	},
}

// scalable is the window of one subflow. What it does not say is Reno's, by
// cc.Flow.
type scalable struct {
	cc.Flow
	every     int64
	reduction float64
}

// OnAck grows the window.
func (s *scalable) OnAck(_ sim.Time, a *cc.Ack) {
	n := s.Growth(a) // 0 in recovery, and while the window is not the limit
	if n > 0 && s.SlowStart() {
		n = s.Increase(n)
	}
	if n > 0 {
		s.Additive(s.every*s.MSS, n)
	}
}

// OnLoss takes a part of the window.
func (s *scalable) OnLoss(_ sim.Time, l cc.Loss) {
	s.Lower(max(int64(float64(s.Segments())*(1-s.reduction)), 2)*s.MSS, l)
}
