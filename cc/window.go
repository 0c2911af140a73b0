package cc

import (
	"math"

	"mpsim/sim"
)

// This file holds the window of one subflow and its growth. The other rules
// that nearly all algorithms share are in loss.go (reductions, timeouts, undo)
// and idle.go (restart after silence).
//
// Modelled after Linux 6.18 (net/ipv4/tcp_cong.c), counted in bytes instead of
// segments (RFC 3465, without its limit L, which Linux does not have either):
// windows grow in steps of one MSS in congestion avoidance and by what was
// acknowledged in slow start, and they shrink to whole segments.

// Flow is the congestion window of one subflow with the rules of RFC 5681 as
// Linux applies them. Algorithms embed it, so that they state only where they
// differ: every method of [Single] but OnAck is here.
type Flow struct {
	W      int64        // congestion window in bytes, at least one MSS
	Thresh int64        // slow start threshold in bytes; MaxWindow at the start
	Cnt    int64        // bytes acknowledged towards the next additive step
	MSS    int64        // payload bytes of a full segment
	flight int64        // in flight before the last acknowledgement
	used   int64        // most bytes in flight since the window was last the limit
	nxt    uint64       // SND.NXT at the last acknowledgement
	SRTT   sim.Duration // smoothed round-trip time; 0: none yet

	// Acknowledgements do not touch the rest.
	IW      int64 // initial window in bytes
	undo    undoState
	episode episode
	rules   Rules
	plus    *hystartPP // rules.HystartPP; nil: slow start ends by loss
}

// Rules are the choices that are common to all algorithms.
type Rules struct {
	// FlightSize makes a reduction start from the bytes in flight (RFC 5681
	// eq. 4) instead of the window (Linux).
	FlightSize bool
	// Paced makes PacingRate follow Linux's formula instead of being 0.
	Paced bool
	// HystartPP makes slow start end before a loss, by HyStart++ (RFC 9406).
	HystartPP bool
}

// NewFlow returns a flow that has not started yet, the prototype for [Each].
func NewFlow(r Rules) Flow { return Flow{rules: r} }

// Start gives the flow its initial window (RFC 6928, RFC 5681 section 3.1).
func (f *Flow) Start(_ sim.Time, p Path) {
	if p.MSS <= 0 {
		sim.Bugf("a subflow joins with an MSS of %d bytes", p.MSS)
	}
	*f = Flow{
		W: max(p.InitWindow, p.MSS), Thresh: MaxWindow,
		MSS: p.MSS, IW: max(p.InitWindow, p.MSS), SRTT: p.RTT,
		rules: f.rules,
	}
	if f.rules.HystartPP {
		f.plus = new(hystartPP)
		f.plus.start()
	}
}

// OnSent does nothing: few algorithms look at what is sent.
func (f *Flow) OnSent(sim.Time, int64) {}

// Window returns the congestion window in bytes.
func (f *Flow) Window() int64 { return f.W }

// Ssthresh returns the slow start threshold in bytes.
func (f *Flow) Ssthresh() int64 { return f.Thresh }

// SlowStart reports whether the window is below the threshold. RFC 5681 leaves
// equality open; Linux counts it as congestion avoidance.
func (f *Flow) SlowStart() bool { return f.W < f.Thresh }

// Observe returns the window and threshold, and NaN for alpha.
func (f *Flow) Observe() Metrics {
	return Metrics{Window: f.W, Ssthresh: f.Thresh, Alpha: math.NaN(), SlowStart: f.SlowStart()}
}

// Segments returns the window in whole segments.
func (f *Flow) Segments() int64 { return f.W / f.MSS }

// Growth remembers what the shared rules need of an acknowledgement, and
// returns for how many bytes the window may grow: none while it is being
// reduced, none when it was not the limit (RFC 9293 section 3.8.6 by way of
// RFC 7661; Linux tcp_is_cwnd_limited), none without cumulative progress
// (Linux tcp_may_raise_cwnd). The bytes are those that arrived, so that the
// cumulative acknowledgement that follows a repair does not count again what
// was acknowledged selectively long ago.
func (f *Flow) Growth(a *Ack) int64 {
	f.flight, f.nxt = a.InFlight, a.Nxt
	if a.SRTT > 0 {
		f.SRTT = a.SRTT
	}
	if f.plus != nil && f.SlowStart() && f.plus.ends(a, f) {
		f.Thresh = f.W
	}
	if !a.CwndLimited {
		f.used = max(f.used, a.InFlight)
		return 0
	}
	f.used = 0
	if a.Acked <= 0 || a.State == CWR || a.State == Recovery {
		return 0
	}
	return max(a.Delivered, 0)
}

// Increase grows the window by what was acknowledged, up to the threshold, and
// returns the surplus, which belongs to congestion avoidance (Linux
// tcp_slow_start):
//
//	W' = min(W + acked, ssthresh),   surplus = acked - (W' - W)
func (f *Flow) Increase(acked int64) (surplus int64) {
	if f.plus != nil {
		acked = f.plus.slowed(acked, f)
	}
	w := min(f.W+acked, f.Thresh, MaxWindow)
	surplus = acked - (w - f.W)
	f.W = w
	return surplus
}

// Additive grows the window by one MSS for every t bytes acknowledged (Linux
// tcp_cong_avoid_ai, RFC 3465 section 2.1). Credit that was collected under a
// larger t is worth one segment at most.
//
//	if Cnt >= t:  Cnt = 0, W += MSS
//	Cnt += acked; W += MSS*floor(Cnt/t); Cnt = Cnt mod t
func (f *Flow) Additive(t, acked int64) {
	if t <= 0 {
		sim.Bugf("additive increase by one segment every %d bytes", t)
	}
	if f.Cnt >= t {
		f.Cnt = 0
		f.W += f.MSS
	}
	f.Cnt += acked
	if f.Cnt >= t {
		n := f.Cnt / t
		f.Cnt -= n * t
		f.W += n * f.MSS
	}
	f.W = min(f.W, MaxWindow)
}

// PacingRate returns 0, or if the flow is paced what Linux would pace it at
// (tcp_update_pacing_rate): 200 % of the window per round-trip time in the
// first half of slow start and 120 % later, so that pacing never is the limit.
func (f *Flow) PacingRate() sim.Rate {
	if !f.rules.Paced {
		return 0
	}
	return f.linuxPacing()
}

func (f *Flow) linuxPacing() sim.Rate {
	if f.SRTT <= 0 {
		return 0
	}
	ratio := 1.2
	if f.W < f.Thresh/2 {
		ratio = 2
	}
	perSecond := 8e9 / float64(f.SRTT)
	return sim.Rate(min(ratio*float64(max(f.W, f.flight))*perSecond, maxPacing))
}

// maxPacing is more than any link has, in bits/s: a larger rate would not fit.
const maxPacing = 1 << 60
