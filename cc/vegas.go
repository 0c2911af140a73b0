package cc

import (
	"math"

	"mpsim/sim"
)

// Vegas as Linux 6.18 computes it (net/ipv4/tcp_vegas.c; Brakmo and Peterson, JSAC
// 1995): once per round, in whole segments and microseconds, with base the smallest
// delay ever and rtt the smallest of the round (each one more than was measured),
//
//	diff = W*(rtt - base)/base        segments that the path does not hold
//	slow start, diff > gamma:         W = min(W, W*base/rtt + 1), ssthresh = min(ssthresh, W-1)
//	diff > beta:                      W -= 1, ssthresh = min(ssthresh, W-1)
//	diff < alpha:                     W += 1
//	then                              ssthresh = max(ssthresh, 3/4 W)
//
// A round with at most two samples is Reno's, and so is everything outside the
// state Open and every loss; back in Open a new round begins. Idling, and sending
// when nothing is outstanding, forget the base (CA_EVENT_CWND_RESTART and
// CA_EVENT_TX_START).
//
// Traps decided here. Diff is relative to base as in Linux; the paper's backlog
// W*(rtt - base)/rtt is a little smaller. The base never grows while data flows: a path
// that became longer looks congested for ever, and a flow that joins a full queue
// takes it for the base. Slow start doubles every round, as in Linux; the paper lets
// it grow in every second one. Departures: the kernel raises a window in congestion
// avoidance that is not the limit, too; its smallest threshold is one segment, here
// two (RFC 5681).

var vegasParams = withRules(
	Param{Name: "alpha", Whole: true, Min: 0, Max: 1000, Default: 2, Doc: "backlog below which the window grows, segments"},
	Param{Name: "beta", Whole: true, Min: 0, Max: 1000, Default: 4, Doc: "backlog above which it shrinks, segments"},
	Param{Name: "gamma", Whole: true, Min: 0, Max: 1000, Default: 1, Doc: "backlog that ends slow start, segments"},
)

var vegasSpec = Spec{
	Name:   "vegas",
	Doc:    "Vegas (JSAC 1995, Linux): by delay, keeps two to four segments in the queue; subflows are not coupled",
	Params: vegasParams,
	New: func(p Params, _ *sim.Rand) Controller {
		get := func(name string) int64 { return int64(p.Get(vegasParams, name)) }
		return Each(vegas{
			reno:  reno{Flow: NewFlow(rulesOf(p))},
			alpha: get("alpha"), beta: get("beta"), gamma: get("gamma"),
		})
	},
}

type vegas struct {
	reno
	alpha, beta, gamma int64 // segments

	base   int64 // us, smallest delay; 0: none
	least  int64 // us, smallest of the round
	count  int64 // samples of the round
	begin  uint64
	state  State
	paused bool // not in Open: Reno
	quiet  bool // nothing was outstanding after the last acknowledgement
}

// Start begins without a base.
func (v *vegas) Start(now sim.Time, p Path) {
	v.Flow.Start(now, p)
	v.forget()
}

// forget is vegas_init.
func (v *vegas) forget() {
	v.base, v.paused = 0, false
	v.enable(v.nxt)
}

// enable begins a round (vegas_enable).
func (v *vegas) enable(nxt uint64) {
	v.begin, v.count, v.least = nxt, 0, math.MaxInt64
}

// OnSent forgets the base when the flow was silent.
func (v *vegas) OnSent(sim.Time, int64) {
	if v.quiet {
		v.quiet = false
		v.forget()
	}
}

// OnIdleRestart forgets it, too.
func (v *vegas) OnIdleRestart(now sim.Time, idle, rto sim.Duration) {
	v.Flow.OnIdleRestart(now, idle, rto)
	v.forget()
}

// OnAck takes a sample and, at the end of a round, adjusts the window.
func (v *vegas) OnAck(_ sim.Time, a *Ack) {
	if a.State != v.state {
		v.state, v.paused = a.State, a.State != Open
		if !v.paused {
			v.enable(a.Nxt)
		}
	}
	v.quiet = a.Una == a.Nxt
	if a.RTT > 0 {
		d := int64(a.RTT/sim.Microsecond) + 1
		if v.base == 0 || d < v.base {
			v.base = d
		}
		v.least = min(v.least, d)
		v.count++
	}
	n := v.Growth(a)
	switch {
	case v.paused:
		v.growReno(n)
	case a.Una > v.begin && a.Acked > 0:
		v.begin = a.Nxt
		if v.count <= 2 {
			v.growReno(n)
		} else {
			v.adjust(n)
		}
		v.count, v.least = 0, math.MaxInt64
	case v.SlowStart():
		v.Increase(n)
	}
}

// adjust is the end of a round; the window may grow if n bytes say so.
func (v *vegas) adjust(n int64) {
	w, rtt := v.Segments(), v.least
	diff := w * (rtt - v.base) / v.base
	switch {
	case v.SlowStart() && diff > v.gamma:
		v.W = min(v.W, (w*v.base/rtt+1)*v.MSS)
		v.Thresh = min(v.Thresh, v.W-v.MSS)
	case v.SlowStart():
		v.Increase(n)
	case diff > v.beta:
		v.W -= v.MSS
		v.Thresh = min(v.Thresh, v.W-v.MSS)
	case diff < v.alpha && n > 0:
		v.W = min(v.W+v.MSS, MaxWindow)
	}
	v.W = max(v.W, 2*v.MSS)
	v.Thresh = max(v.currentThresh(), 2*v.MSS)
}

// Observe adds the backlog of the round so far, in segments.
func (v *vegas) Observe() Metrics {
	m := v.Flow.Observe()
	if v.count > 0 {
		m.Alpha = v.backlog()
	}
	return m
}

func (v *vegas) backlog() float64 {
	return float64(v.Segments()) * float64(v.least-v.base) / float64(v.base)
}

// Terms appends Reno's, "base_s", and while the round has samples "rtt_s", its
// smallest, and "diff", the backlog in segments.
func (v *vegas) Terms(out []Term) []Term {
	out = append(v.Flow.Terms(out), Term{"base_s", float64(v.base) / 1e6})
	if v.count > 0 {
		out = append(out, Term{"rtt_s", float64(v.least) / 1e6}, Term{"diff", v.backlog()})
	}
	return out
}
