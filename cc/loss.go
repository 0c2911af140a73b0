package cc

import "mpsim/sim"

// This file holds the reductions of the window. They follow Linux 6.18
// (net/ipv4/tcp_input.c: tcp_enter_recovery, tcp_enter_loss, tcp_enter_cwr,
// tcp_undo_cwnd_reduction), which halves the window where RFC 5681 halves the
// bytes in flight; Rules.FlightSize chooses the RFC. Proportional rate reduction
// is TCP's: here the window is at the threshold as soon as the loss is found.

// undoState is what a spurious reduction has to give back.
type undoState struct {
	w, thresh int64 // w = 0: nothing to undo
}

// episode is the window of data in which the last reduction fell, so that a
// timeout in the same window does not reduce the threshold again.
type episode struct {
	active   bool
	timedOut bool
	high     uint64 // SND.NXT when it began: it ends when that is acknowledged
	una      uint64 // SND.UNA at its last timeout
}

// Half returns the threshold after a loss (RFC 5681 eq. 4):
//
//	max(floor(W/2), 2 MSS) in whole segments, or
//	max(FlightSize/2, 2 MSS) with Rules.FlightSize
func (f *Flow) Half(flight int64) int64 {
	if f.rules.FlightSize {
		return max(flight/2, 2*f.MSS)
	}
	return max(f.Segments()/2, 2) * f.MSS
}

// OnLoss begins a loss episode as Reno does.
func (f *Flow) OnLoss(_ sim.Time, l Loss) { f.Lower(f.Half(l.InFlight), l) }

// Lower sets threshold and window to thresh, and remembers what [Flow.Undo]
// gives back.
func (f *Flow) Lower(thresh int64, l Loss) {
	f.save()
	f.episode = episode{active: true, high: l.Nxt}
	f.Thresh, f.W, f.Cnt = thresh, thresh, 0
}

// OnTimeout collapses the window, and halves the threshold as Reno does unless
// it was already lowered for this window of data.
func (f *Flow) OnTimeout(_ sim.Time, l Loss) { f.TimeoutTo(f.Half(l.InFlight), l) }

// TimeoutTo is OnTimeout with another threshold than Reno's.
func (f *Flow) TimeoutTo(thresh int64, l Loss) {
	if f.FirstTimeout(l) {
		f.CollapseTo(thresh, l)
	} else {
		f.Collapse(l)
	}
}

// FirstTimeout reports whether a timeout has to lower the threshold. It is held
// during a recovery that began before, and while the same segment times out
// again (RFC 5681 section 3.1); it is lowered again when data was acknowledged
// since the last timeout.
func (f *Flow) FirstTimeout(l Loss) bool {
	e := &f.episode
	return !e.active || l.Una >= e.high || e.timedOut && l.Una > e.una
}

// CollapseTo sets the threshold and collapses the window to one segment.
func (f *Flow) CollapseTo(thresh int64, l Loss) {
	f.save()
	f.Thresh = thresh
	f.Collapse(l)
}

// Collapse sets the window to one segment (the loss window of RFC 5681) and
// leaves the threshold and the saved state as they are.
func (f *Flow) Collapse(l Loss) {
	f.W, f.Cnt = f.MSS, 0
	f.episode = episode{active: true, timedOut: true, high: l.Nxt, una: l.Una}
}

// Reduce lowers the window without a loss.
func (f *Flow) Reduce(_ sim.Time, why Reason) { f.ReduceTo(f.Half(f.flight), why) }

// ReduceTo is Reduce with another threshold than Reno's where the reason is
// congestion.
func (f *Flow) ReduceTo(thresh int64, why Reason) {
	switch why {
	case Penalty:
		f.penalise()
	case UnusedWindow:
		f.decay()
	default:
		f.LowerMarked(thresh)
	}
}

// LowerMarked is Lower for a congestion signal without a loss to be taken back:
// an echo of ECN, or a tail loss that a probe repaired. Neither can be spurious.
func (f *Flow) LowerMarked(thresh int64) {
	f.Lower(thresh, Loss{InFlight: f.flight, Nxt: f.nxt})
	f.undo = undoState{}
}

// penalise halves the window of a subflow that holds up the connection, and the
// threshold only if the window had reached it, so that a subflow in slow start
// is not sent into congestion avoidance (NSDI'12 section 4.2; out-of-tree Linux
// mptcp_sched.c).
func (f *Flow) penalise() {
	if f.W >= f.Thresh {
		f.Thresh = max(f.Thresh/f.MSS/2, 2) * f.MSS
	}
	f.W = max(f.Segments()/2, 1) * f.MSS
}

// Undo takes back the last reduction (RFC 3522, RFC 5682, RFC 8985): window and
// threshold return to what they were, or stay if they are larger now. It does
// nothing after a reduction that cannot be spurious, and the second time.
func (f *Flow) Undo(sim.Time) {
	if f.undo.w == 0 {
		return
	}
	f.W = max(f.W, f.undo.w)
	f.Thresh = max(f.Thresh, f.undo.thresh)
	f.undo = undoState{}
	f.episode = episode{}
}

func (f *Flow) save() { f.undo = undoState{w: f.W, thresh: f.currentThresh()} }

// currentThresh is the threshold that remembers the present window, too: a flow
// whose window had grown to W may return to 3/4 of it in slow start (Linux
// tcp_current_ssthresh).
func (f *Flow) currentThresh() int64 {
	n := f.Segments()
	return max(f.Thresh, (n/2+n/4)*f.MSS)
}
