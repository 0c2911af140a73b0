package cc

import "mpsim/sim"

// HyStart++ (RFC 9406): when the delay of a round has risen, slow start goes on
// more slowly for up to five rounds (conservative slow start), and is resumed at
// full speed if the delay falls again, so that one burst of jitter does not end
// it. It serves the first slow start of a connection only; a loss ends that.
//
//	RttThresh = max(4 ms, min(lastRoundMinRTT/8, 16 ms))
//	enter CSS if 8 samples and currentRoundMinRTT >= lastRoundMinRTT + RttThresh
//	in CSS:   W += acked/4; resume if 8 samples and currentRoundMinRTT < baseline;
//	          after 5 rounds ssthresh = W
//	acked     counts as 8 segments at most in one ACK unless the flow is paced (L)

const (
	hystartPPMinThresh = 4 * sim.Millisecond
	hystartPPMaxThresh = 16 * sim.Millisecond
	hystartPPDivisor   = 8
	hystartPPSamples   = 8
	hystartPPGrowth    = 4
	hystartPPRounds    = 5
	hystartPPLimit     = 8 // segments, L of a flow without pacing
)

type hystartPP struct {
	begun       bool
	windowEnd   uint64
	lastMin     sim.Duration // of the previous round; infinite: none
	roundMin    sim.Duration // of this round
	samples     int
	baseline    sim.Duration // delay at which conservative slow start began
	css         bool
	cssRounds   int
	remainder   int64 // bytes acknowledged that did not count yet, below the divisor
	unavailable bool  // the first slow start is over
}

const noDelay = sim.Duration(sim.Never)

func (h *hystartPP) start() {
	h.lastMin, h.roundMin, h.baseline = noDelay, noDelay, noDelay
}

// ends takes an acknowledgement in slow start and reports whether it ends.
func (h *hystartPP) ends(a *Ack, f *Flow) bool {
	if f.Thresh < MaxWindow {
		h.css, h.unavailable = false, true
	}
	if h.unavailable {
		return false
	}
	if !h.begun {
		h.begun = true
		h.windowEnd = a.Nxt
	}
	if a.RTT > 0 {
		h.roundMin = min(h.roundMin, a.RTT)
		h.samples++
		h.judge()
	}
	if a.Una < h.windowEnd {
		return false
	}
	h.windowEnd = a.Nxt
	h.lastMin, h.roundMin, h.samples = h.roundMin, noDelay, 0
	if h.css {
		h.cssRounds++
	}
	return h.css && h.cssRounds >= hystartPPRounds
}

// judge moves between slow start and conservative slow start.
func (h *hystartPP) judge() {
	if h.samples < hystartPPSamples {
		return
	}
	if h.css {
		if h.roundMin < h.baseline {
			h.css, h.baseline = false, noDelay
		}
		return
	}
	if h.lastMin == noDelay {
		return
	}
	thresh := max(hystartPPMinThresh, min(h.lastMin/hystartPPDivisor, hystartPPMaxThresh))
	if h.roundMin >= h.lastMin+thresh {
		h.css, h.cssRounds, h.baseline = true, 0, h.roundMin
	}
}

// slowed limits the growth by one ACK, and divides it in conservative slow start,
// carrying the remainder. In later slow starts it does nothing.
func (h *hystartPP) slowed(n int64, f *Flow) int64 {
	if !f.rules.Paced && !h.unavailable {
		n = min(n, hystartPPLimit*f.MSS)
	}
	if !h.css {
		return n
	}
	n += h.remainder
	h.remainder = n % hystartPPGrowth
	return n / hystartPPGrowth
}
