// Package cc holds the congestion controllers.
//
// One [Controller] governs all subflows of a connection, because coupling is
// the point of the multipath ones; a plain TCP connection has one subflow.
// The controller owns the windows: TCP asks for them and never writes them.
// Which bytes are sent, lost or sent again is TCP's business (RFC 6675,
// RFC 8985); how many may be in flight is the controller's. Proportional rate
// reduction stays in TCP and may send below Window.
//
// Controllers are pure: they see the values below, know neither the network nor
// the protocol, and take time as an argument. Windows are in bytes.
package cc

import "mpsim/sim"

// FlowID numbers the subflows of one connection, densely and in the order of
// their creation; 0 is the initial one. Controllers keep slices by FlowID.
type FlowID int32

// Controller is the congestion control of one connection. Now never decreases.
type Controller interface {
	// Join adds a subflow. It is called when the subflow is established, with
	// the round-trip time of its handshake if that was measured.
	Join(now sim.Time, f FlowID, p Path)
	// Leave removes a subflow; it leaves all sums at once.
	Leave(now sim.Time, f FlowID)
	// OnSent reports bytes that were sent (first transmissions and others).
	OnSent(now sim.Time, f FlowID, bytes int64)
	// OnAck reports one acknowledgement, in every state of loss recovery; while
	// a.State is CWR or Recovery the window does not grow.
	OnAck(now sim.Time, f FlowID, a *Ack)
	// OnLoss begins a loss episode, at most once per window of data: the
	// controller sets its slow start threshold and window (RFC 5681 eq. 4).
	OnLoss(now sim.Time, f FlowID, l Loss)
	// OnTimeout reports a retransmission timeout (RFC 5681 section 3.1).
	OnTimeout(now sim.Time, f FlowID, l Loss)
	// OnIdleRestart reports that the subflow sends again after having been idle
	// for longer than its RTO.
	OnIdleRestart(now sim.Time, f FlowID, idle, rto sim.Duration)
	// Reduce lowers the window for a reason other than loss: an ECN echo, a
	// penalty of the scheduler, a repaired tail loss.
	Reduce(now sim.Time, f FlowID, why Reason)
	// Undo takes back the last reduction because it was spurious.
	Undo(now sim.Time, f FlowID)
	// Window returns the congestion window in bytes.
	Window(f FlowID) int64
	// Ssthresh returns the slow start threshold in bytes; at the start it is
	// MaxWindow.
	Ssthresh(f FlowID) int64
	// PacingRate returns the rate at which the subflow should be paced; 0 means
	// it is not paced.
	PacingRate(f FlowID) sim.Rate
	// Observe returns what traces and plots show of the subflow.
	Observe(f FlowID) Metrics
}

// MaxWindow is the initial slow start threshold, larger than any window.
const MaxWindow int64 = 1 << 40

// Path is what a controller learns of a subflow when it joins.
type Path struct {
	MSS        int64        // payload bytes of a full segment
	InitWindow int64        // bytes (RFC 6928)
	RTT        sim.Duration // of the handshake; 0: not measured
	// Restarted says that the SYN was retransmitted (RFC 5681 section 3.1:
	// the initial window is then one segment, which InitWindow obeys).
	Restarted bool
	// Cost of the path, in any unit (sched.Path.Cost); 0: none given.
	Cost float64
}

// Ack is everything that one acknowledgement told the sender.
type Ack struct {
	Acked     int64        // bytes newly acknowledged cumulatively
	Delivered int64        // bytes newly acknowledged cumulatively or selectively
	Interval  sim.Duration // of the delivery rate sample; 0: no sample
	// RateDelivered is how many bytes were delivered in Interval.
	RateDelivered int64
	// TotalDelivered is all that was delivered on the subflow, and PriorDelivered what
	// it was when the segment was sent that the delivery rate sample is of; a round
	// trip is over when PriorDelivered reaches what TotalDelivered was at its begin.
	TotalDelivered, PriorDelivered int64
	Lost                           int64 // bytes newly presumed lost

	RTT    sim.Duration // sample of this acknowledgement; 0: none
	SRTT   sim.Duration // smoothed, after this sample; 0: none yet
	MinRTT sim.Duration // smallest of the connection so far; 0: none yet
	// OWD is the one-way delay of the newest segment acknowledged, from the timestamps of
	// both ends: in their ticks (1 ms or 1 us), modulo 2^32 of them, with an unknown
	// offset; what the receiver waited before it acknowledged is part of it; 0: none.
	OWD      sim.Duration
	InFlight int64  // bytes in flight before this acknowledgement
	Una, Nxt uint64 // stream positions of SND.UNA (after) and SND.NXT
	State    State
	// CwndLimited says that the window, not the application or the peer, limited
	// the sender since the last window of data. RFC 9293 and Linux let the window
	// grow only then; in slow start a window of up to twice what was in flight
	// counts as limited.
	CwndLimited bool
	AppLimited  bool
	CE          int64 // bytes that the peer reports as marked, of those delivered
}

// State is the state of loss recovery in which an Ack was processed; the names
// are Linux's.
type State uint8

// The states of loss recovery.
const (
	Open State = iota
	Disorder
	CWR
	Recovery
	LossState
)

// Loss describes the state in which a loss was found.
type Loss struct {
	InFlight int64 // bytes in flight when the loss was found (FlightSize)
	Bytes    int64 // bytes found lost
	Una, Nxt uint64
}

// Reason says why Reduce is called.
type Reason uint8

// The reasons for a reduction without loss.
const (
	ECNEcho    Reason = iota // RFC 3168: as for a loss, at most once per window
	TailRepair               // RFC 8985 section 7.4.2: a probe repaired a loss
	Penalty                  // NSDI'12: the subflow held up the connection
	// UnusedWindow: the application used less than the window for an RTO, without
	// being silent so long (RFC 2861; Linux tcp_cwnd_application_limited).
	UnusedWindow
)

// Metrics is what a controller shows of a subflow.
type Metrics struct {
	Window   int64 // bytes
	Ssthresh int64 // bytes; MaxWindow until the first reduction
	// Alpha is the controller's own aggressiveness term (LIA's alpha, OLIA's
	// alpha_r, BALIA's alpha_r); NaN where it has none.
	Alpha float64
	// SlowStart says that the window is below the threshold.
	SlowStart bool
}
