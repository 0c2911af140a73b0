package cc

import "mpsim/sim"

// This file holds what happens to a window that was not used: the network may
// have changed, so it is no longer a measurement (RFC 2861, RFC 5681 section
// 4.1). Linux decays it by halves instead of returning to the initial window at
// once; so do we.

// OnIdleRestart halves the window once for every full RTO of idleness beyond
// the first, but not below the restart window min(IW, W); the threshold
// remembers 3/4 of the old window (Linux tcp_cwnd_restart):
//
//	ssthresh = max(ssthresh, 3/4 W)
//	for idle -= RTO; idle > 0 and W > RW; idle -= RTO:  W = floor(W/2)
func (f *Flow) OnIdleRestart(_ sim.Time, idle, rto sim.Duration) {
	if rto <= 0 {
		sim.Bugf("idle restart with an RTO of %d ns", int64(rto))
	}
	restart := min(f.IW, f.W)
	f.Thresh = f.currentThresh()
	for idle -= rto; idle > 0 && f.W > restart; idle -= rto {
		f.W = f.Segments() / 2 * f.MSS
	}
	f.W = max(f.W, restart)
	f.used = 0
}

// decay moves the window halfway to what was used of it (RFC 2861 section 3;
// Linux tcp_cwnd_application_limited):
//
//	ssthresh = max(ssthresh, 3/4 W);  W = (W + max(used, IW)) / 2
func (f *Flow) decay() {
	used := max(f.used, f.IW)
	if used < f.W {
		f.Thresh = f.currentThresh()
		f.W = max((f.Segments()+used/f.MSS)/2, 1) * f.MSS
	}
	f.used = 0
}
