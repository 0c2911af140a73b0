package explain

import (
	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
)

// What keeps a sender from sending more. The question is put whenever one of the
// two hosts has come to rest; until the next time the answer holds, because nothing
// changes in between. So the times of all answers add up to the time of the flow.
//
// Of several things that hold the sender up at once the first of this list counts:
//
//   - Nothing is left to send: it is loss recovery if a subflow repairs losses, else
//     the end of the stream, the send buffer if the application wants to write more
//     than it holds, or the application.
//   - A subflow could take data, but the peer's window is full: the receive window,
//     or head-of-line blocking if the receiver holds data behind a gap.
//   - A subflow could take data, but was granted none: the scheduler, or Nagle's rule,
//     which is the application's doing.
//   - No subflow could: the congestion window, if a subflow that repairs no losses is
//     held by it; else the rate at which the controller has segments spaced; else loss
//     recovery.
//
// Backup subflows count only where there is no other that has not failed: that they
// are idle is what they are for. Until a loss is noticed, what is lost fills the
// congestion window, and it is that which holds the sender up.

// Limit is what keeps a flow, or a subflow, from sending more.
type Limit uint8

// The limits.
const (
	Handshake Limit = iota
	Application
	SendBuffer
	CongestionWindow
	Pacing
	ReceiveWindow
	HeadOfLine
	SchedulerWait
	LossRecovery
	NoSubflow
	Closing
	Other
	numLimits

	// Of a subflow beside those above:
	Absent = Other     // it does not exist yet, or no longer
	Idle   = NoSubflow // nothing waits to be sent
)

var limitNames = [numLimits]string{
	"handshake", "application", "send_buffer", "cwnd", "pacing", "receive_window", "head_of_line", "scheduler", "recovery", "no_subflow", "closing", "other",
}

// String returns the name of the limit of a flow, as in JSON.
func (l Limit) String() string { return limitNames[l] }

// limitOf returns what holds up the sender; behindGap is what the receiver holds
// behind a gap, wait the scheduler's last reason for waiting.
func limitOf(s *mptcp.SendState, behindGap int64, wait sched.Why) Limit {
	switch {
	case !s.Connected:
		return Handshake
	case s.Over:
		return Closing
	case s.Ungranted+s.Unsent == 0:
		return allSent(s)
	}
	window := ReceiveWindow
	if behindGap > 0 {
		window = HeadOfLine
	}
	backups := onBackups(s)
	usable, free, full, paced, repairs, shut, short := false, false, false, false, false, false, false
	for i := range s.Subflows {
		x := &s.Subflows[i]
		if !x.Usable || x.Ended || x.Backup != backups {
			continue
		}
		usable = true
		switch {
		case x.CA >= cc.Recovery || x.Failed:
			repairs = true
		case x.Held == tcp.HeldByPacing:
			paced = true
		case x.Held == tcp.HeldByWindow || !s.Plain && min(x.Room, x.SendBufFree) < min(x.MSS, max(s.Ungranted, 1)):
			full = true
		case x.Held == tcp.HeldByPeer:
			shut = true
		case x.Held == tcp.HeldByNagle:
			short = true
		default:
			free = true
		}
		if !free {
			continue
		}
		switch {
		case s.Ungranted > 0 && s.PeerRoom < min(x.MSS, s.Ungranted):
			return window
		case s.Ungranted > 0 && wait == sched.ShortSegment:
			return Application
		case s.Ungranted > 0:
			return SchedulerWait
		}
	}
	switch {
	case !usable:
		return NoSubflow
	case shut && !full && !paced:
		return window
	case full:
		return CongestionWindow
	case paced:
		return Pacing
	case repairs:
		return LossRecovery
	case short:
		return Application
	}
	return Other
}

// allSent is limitOf where nothing waits to be sent.
func allSent(s *mptcp.SendState) Limit {
	for i := range s.Subflows {
		if x := &s.Subflows[i]; !x.Ended && x.CA >= cc.Recovery && x.Outstanding > 0 {
			return LossRecovery
		}
	}
	switch {
	case s.Shut:
		return Closing
	case s.WantsWrite:
		return SendBuffer
	}
	return Application
}

// onBackups reports whether the backup subflows are the ones to use.
func onBackups(s *mptcp.SendState) bool {
	backup := false
	for i := range s.Subflows {
		x := &s.Subflows[i]
		if !x.Usable || x.Ended {
			continue
		}
		if !x.Backup && !x.Failed {
			return false
		}
		backup = backup || x.Backup
	}
	return backup
}

// limitOfSubflow returns what holds up one subflow. SchedulerWait says that it
// could take data that waits, and was granted none.
func limitOfSubflow(s *mptcp.SendState, x *mptcp.SubflowSendState) Limit {
	waits := s.Ungranted + x.Unsent
	switch {
	case x.Ended:
		return Absent
	case !x.Usable:
		return Handshake
	case x.CA >= cc.Recovery:
		return LossRecovery
	case waits == 0:
		return Idle
	case x.Held == tcp.HeldByPacing:
		return Pacing
	case x.Held == tcp.HeldByWindow || !s.Plain && min(x.Room, x.SendBufFree) < min(x.MSS, max(s.Ungranted, 1)):
		return CongestionWindow
	case x.Held == tcp.HeldByPeer, s.Ungranted > 0 && s.PeerRoom < min(x.MSS, s.Ungranted):
		return ReceiveWindow
	case x.Held == tcp.HeldByNagle:
		return Idle
	}
	return SchedulerWait
}
