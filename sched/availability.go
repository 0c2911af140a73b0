package sched

// This file says when a subflow can take data, for all schedulers. It follows
// the out-of-tree Linux MPTCP stack (net/mptcp/mptcp_sched.c,
// mptcp_is_def_unavailable and mptcp_is_temp_unavailable), in bytes.

// Readiness says whether a subflow can take data.
type Readiness uint8

// The degrees of readiness. The difference between Busy and Failed is what keeps
// a backup idle: one waits for a busy subflow, and gives up on a failed one.
const (
	Ready  Readiness = iota // takes data now
	Busy                    // will take data when acknowledgements arrive
	Failed                  // may never take data again
)

// Ready reports whether the subflow can take a range of want bytes, or its first
// segments. A subflow in loss recovery after a timeout is busy, one that a
// timeout left without any sign of life is failed.
func (p *Path) Ready(want int64) Readiness {
	switch {
	case p.PotentiallyFailed || p.Stale:
		return Failed
	case p.InLoss || !p.takes(want):
		return Busy
	}
	return Ready
}

// Fits returns how many bytes of a range of want bytes the subflow takes now:
// what congestion window and send queue leave, in whole segments unless all of
// it fits.
func (p *Path) Fits(want int64) int64 {
	return wholeSegments(min(p.Room(), p.SendBufFree), want, p.MSS)
}

// takes reports whether Fits is more than 0, without the division.
func (p *Path) takes(want int64) bool {
	room := min(p.Room(), p.SendBufFree)
	if room >= want {
		return want > 0
	}
	return room >= p.MSS
}

// wholeSegments returns how many of want bytes go into room without cutting a
// segment short.
func wholeSegments(room, want, mss int64) int64 {
	switch {
	case room >= want:
		return max(want, 0)
	case room < mss:
		return 0
	}
	return room - room%mss
}

// CarriedBy reports whether the subflow has carried the range. One without a
// lane counts as unused.
func (r *Range) CarriedBy(p *Path) bool {
	return p.Lane < 64 && r.Carried>>p.Lane&1 != 0
}
