package cc

import "mpsim/sim"

// CUBIC has two modes. `linux` (cubic_kernel.go) is the default, because the
// kernel measurements that we compare with were made with it; `ref`
// (cubic_ref.go) is RFC 9438 in real numbers. Both follow
//
//	W_cubic(t) = C*(t - K)^3 + W_max,   K = cbrt((W_max - cwnd_epoch)/C)
//	loss: ssthresh = beta*W;  W_max = W, or W*(1+beta)/2 if W < W_max
//	C = 0.4 segments/s^3, beta = 0.7
//
// and never grow slower than Reno would with beta. Slow start ends by loss or
// by one of the heuristics of hystart.go and hystartpp.go.

// The values of the parameters of cubic.
const (
	cubicRefMode   = 0
	cubicLinuxMode = 1

	hystartNone  = 0
	hystartLinux = 1
	hystartRFC   = 2
)

var cubicParams = withRules(
	Param{
		Name: "mode", Whole: true, Max: 1, Default: cubicLinuxMode,
		Doc: "0: RFC 9438 in real numbers; 1: Linux 6.18 with its integers and its clock of 250 Hz",
	},
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
		Doc: "1: never slower than Reno would be (RFC 9438 section 4.3)",
	},
)

var cubicSpec = Spec{
	Name:   "cubic",
	Doc:    "CUBIC (RFC 9438; Linux's default): growth by a cubic of the time since the last loss; subflows are not coupled",
	Params: cubicParams,
	New: func(p Params, _ *sim.Rand) Controller {
		get := func(name string) int { return int(p.Get(cubicParams, name)) }
		base := cubicBase{
			Flow:            NewFlow(rulesOf(p)),
			exit:            slowStartExit{kind: get("hystart")},
			fastConvergence: get("fast_convergence") == 1,
			friendly:        get("friendly") == 1,
		}
		if get("mode") == cubicRefMode {
			return Each(cubicRef{cubicBase: base})
		}
		return Each(cubicLinux{cubicBase: base})
	},
}

// cubicBase is what both modes share.
type cubicBase struct {
	Flow
	exit            slowStartExit
	fastConvergence bool
	friendly        bool

	quiet bool // nothing was outstanding after the last acknowledgement
}

// grow takes the acknowledgement through slow start and returns the bytes left
// for congestion avoidance. Sample says whether its delay counts.
func (c *cubicBase) grow(now sim.Time, a *Ack, sample bool) int64 {
	c.quiet = a.Una == a.Nxt
	n := c.Growth(a)
	if sample && c.SlowStart() && c.exit.ends(now, a, &c.Flow) {
		c.Thresh = c.W
	}
	if n > 0 && c.SlowStart() {
		n = c.Increase(c.exit.slowed(n, &c.Flow))
	}
	return n
}

// slowStartExit is the heuristic that ends slow start before a loss.
type slowStartExit struct {
	kind  int
	linux hystart
	rfc   hystartPP
}

func (e *slowStartExit) start(now sim.Time) {
	e.linux = hystart{}
	e.linux.newRound(now, 0)
	e.rfc = hystartPP{}
	e.rfc.start()
}

// ends reports whether slow start ends with this acknowledgement.
func (e *slowStartExit) ends(now sim.Time, a *Ack, f *Flow) bool {
	switch e.kind {
	case hystartLinux:
		return e.linux.ends(now, a, f)
	case hystartRFC:
		return e.rfc.ends(a, f)
	}
	return false
}

// slowed returns by how much slow start grows for n bytes acknowledged.
func (e *slowStartExit) slowed(n int64, f *Flow) int64 {
	if e.kind == hystartRFC {
		return e.rfc.slowed(n, f)
	}
	return n
}
