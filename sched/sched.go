// Package sched holds the packet schedulers of MPTCP.
//
// A [Scheduler] is asked whenever a connection may have something to send: it
// sees the connection-level queue and one row per usable subflow, and appends
// grants. A grant moves a range of the connection's data into the send queue of
// a subflow; no grant means wait. Whether a grant may exceed what the subflow's
// congestion window lets out now is the scheduler's choice: minRTT never
// exceeds it, upstream Linux does.
//
// Schedulers are pure: they know neither the network nor the protocol.
package sched

import (
	"mpsim/cc"
	"mpsim/sim"
)

// Path is the row of one usable subflow. Rows come in the order of FlowID;
// closed and not yet established subflows are absent. Byte counts are payload, of the send
// queue with what buffers take beside it where they tune themselves or [FactMemory] is asked.
//
// A row is two cache lines, of which most schedulers look at the first only.
type Path struct {
	Flow              cc.FlowID
	Weight            int32        // of the path in the scenario; 0: none given
	Lane              uint8        // bit of the subflow in Range.Carried; 64: none
	Backup            bool         // by either side's request
	Stale             bool         // Linux: no progress for several connection-level timeouts
	PotentiallyFailed bool         // out-of-tree Linux: since an RTO until the next ACK
	InLoss            bool         // loss recovery by timeout is in progress
	SRTT              sim.Duration // 0: no sample yet
	Window            int64        // congestion window; while it is being reduced, what PRR allows
	InFlight          int64        // sent and neither acknowledged nor deemed lost
	Unsent            int64        // granted, not sent yet
	SendBufFree       int64        // room in the subflow's send queue
	MSS               int64

	Queued      int64 // granted and not acknowledged: the subflow's send queue
	RTTVar      sim.Duration
	LastRecv    sim.Time // when a segment last arrived on the subflow
	Cost        float64  // of the path in the scenario, in any unit; 0: none given
	Pacing      sim.Rate // estimate of the sending rate; [FactPacing], 0: none
	Ssthresh    int64    // slow start threshold; [FactSsthresh]
	DeviceQueue int64    // bytes queued at the local interface; [FactDevice], 0 where it is not visible
	DeviceRate  sim.Rate // of the local interface; [FactDevice], 0: not known
}

// Room returns how many bytes the congestion window lets out beyond what is in
// flight or granted already.
func (p *Path) Room() int64 { return p.Window - p.InFlight - p.Unsent }

// Queue is the connection's data as the scheduler sees it, in data sequence
// numbers.
type Queue struct {
	Next     uint64 // first byte that was never granted
	Una      uint64 // oldest byte without DATA_ACK
	End      uint64 // end of the application's data
	PeerEdge uint64 // right edge of the peer's receive window
	// Skipped are ranges below Next that were never granted, in order: a scheduler
	// has granted data behind them first. Only schedulers that do so meet any.
	Skipped []Range
	// Reinject are ranges that were granted and should be sent again on another
	// subflow, in order.
	Reinject []Range
	// InFlight are the unacknowledged ranges with the subflows that carried
	// them, in order.
	InFlight []Carried
	// Open is the set of rows, by their index, that are open ([Path.IsOpen]), if Sifted:
	// there are no more than MaxOpen rows, and the data that was never granted fills a
	// segment on any of them, so that the rows that are Ready for it are those that are
	// open. Else each row has to be looked at.
	Open   uint64
	Sifted bool
	// SendBuffer is the size of the connection's send buffer in bytes.
	SendBuffer int64
	// PeerFlow is the subflow that brought the peer's newest data, NoFlow: none;
	// [FactPeerFlow].
	PeerFlow cc.FlowID
	// Buffers are the ends of the buffers that hold the data from Una on, in
	// order, where the endpoint keeps buffers (Linux data fragments); else empty.
	Buffers []uint64
}

// buffer returns the index of the buffer that holds the byte at dsn.
func (q *Queue) buffer(dsn uint64) int {
	lo, hi := 0, len(q.Buffers)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if q.Buffers[mid] > dsn {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Range is a range of data sequence numbers.
type Range struct {
	DSN uint64
	Len int
	// Carried is the set of subflows, by their Path.Lane below 64, that have
	// carried the range.
	Carried uint64
}

// Carried is an unacknowledged range and the subflows that carried it.
type Carried = Range

// Kind says what a grant sends.
type Kind uint8

// The kinds of grants.
const (
	// New is data that was never sent: from Queue.Next on, within Queue.Skipped, or
	// behind Next, and then what lies in between becomes Skipped.
	New           Kind = iota
	Reinject           // from Queue.Reinject
	Opportunistic      // NSDI'12: the head of the window, sent again early
	Redundant          // a copy of data in flight elsewhere
)

// Grant gives a range of the connection's data to a subflow.
type Grant struct {
	Flow cc.FlowID
	DSN  uint64
	Len  int
	Kind Kind
	// Penalise names a subflow whose window is to be reduced because it holds up
	// the connection; NoFlow: none.
	Penalise cc.FlowID
	Why      Why // the reason, for decision logs
}

// NoFlow is the FlowID that names none.
const NoFlow cc.FlowID = -1

// Scheduler decides which subflow carries what. The slices that it gets are
// valid during the call only, and not to be written to.
type Scheduler interface {
	// Pick appends grants to out and returns it; without grants the connection
	// waits for the next ACK, DATA_ACK, write or timeout. It is called again
	// after its grants were carried out, until it grants nothing.
	Pick(now sim.Time, q *Queue, paths []Path, out []Grant) []Grant
	// OnDataAck reports that the peer has everything below una.
	OnDataAck(now sim.Time, una uint64)
	// OnTimeout reports a retransmission timeout of a subflow.
	OnTimeout(now sim.Time, f cc.FlowID)
	// OnPath reports that a subflow became usable (up) or ceased to be.
	OnPath(now sim.Time, f cc.FlowID, up bool)
}

// Facts is a set of fields of [Path] and [Queue] that are filled in, and of rules that
// hold, only for schedulers that ask for them.
type Facts uint8

// The facts to ask for.
const (
	FactSsthresh Facts = 1 << iota // Path.Ssthresh
	FactDevice                     // Path.DeviceQueue and Path.DeviceRate
	FactPeerFlow                   // Queue.PeerFlow
	// FactInFlight: the scheduler sends copies of what is in flight, so it is asked
	// as long as anything is, even if all data was granted.
	FactInFlight
	FactPacing // Path.Pacing
	// FactSlots: congestion windows count segments, as Linux's do, because grants are
	// segments of their own however short they are; Path.InFlight counts an MSS for each.
	FactSlots
	// FactEveryCarrier: penalisation beside the scheduler is to halve the windows of all
	// slower subflows that carry the oldest data, not of the first.
	FactEveryCarrier
	// FactMemory: Path.Queued and Path.SendBufFree count what packet buffers take beside
	// the payload, of send buffers of a fixed size, too.
	FactMemory
)

// Asker is implemented by schedulers that need more than what everybody gets.
type Asker interface {
	// Asks returns the facts that the scheduler needs, always the same.
	Asks() Facts
}

// Spec is one row of the table of schedulers.
type Spec struct {
	Name, Doc string
	Params    []cc.Param
	// New makes the scheduler of one connection.
	New func(p cc.Params, rnd *sim.Rand) Scheduler
}
