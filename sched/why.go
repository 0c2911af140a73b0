package sched

// This file holds the reasons that schedulers give for their decisions. To add
// one, add a constant and its row; the number is not stable, the name is.

// Why is the reason of one decision, as decision logs show it: of a grant
// ([Grant].Why) or of granting nothing ([Explainer]). It takes no part in the run
// hash.
type Why uint8

// The reasons.
const (
	NoWhy Why = iota // the scheduler gives none

	// Why a subflow was granted something.
	LowestRTT
	OnlyBackups
	AllCarried
	ShortestQueue
	WindowCopy
	InTurn
	Drawn
	FirstByPriority
	Overflows
	Cheapest
	CheaperTooSlow
	SteadyDelay
	HoldsLeast
	PeerSendsHere
	ArrivesFirst
	NextOfItsOwn
	SlowInTime
	AheadInOrder
	Planned

	// Why nothing was granted.
	NoSubflow
	NoRoom
	PeerWindowClosed
	SendQueueFull
	TurnOfFull
	PrimaryFull
	CheaperInTime
	OnlyVariable
	ShareUsed
	AllCopied
	ShortSegment
	WouldBlock
	FasterCompletes
	NotPlanned

	numWhys
)

type whyInfo struct{ name, sentence string }

var whys = [numWhys]whyInfo{
	NoWhy: {"", ""},

	LowestRTT:     {"lowest_rtt", "It has the smallest smoothed round-trip time of the subflows that can take data now."},
	OnlyBackups:   {"only_backups", "Every subflow that is not a backup has failed or has carried the range."},
	AllCarried:    {"all_carried", "Every subflow has carried the range, so the choice starts over."},
	ShortestQueue: {"shortest_queue", "At its average pacing rate its queue is flushed first."},
	WindowCopy:    {"window_copy", "Slower subflows hold up the window with this range."},

	InTurn:          {"in_turn", "It is its turn."},
	Drawn:           {"drawn", "It was drawn from the subflows that can take data now."},
	FirstByPriority: {"first_by_priority", "It comes first by priority of the subflows that may carry the data."},
	Overflows:       {"overflows", "Every subflow of higher priority is full."},
	Cheapest:        {"cheapest", "No cheaper path has a subflow that lives."},
	CheaperTooSlow:  {"cheaper_too_slow", "The data would wait too long for the cheaper paths."},
	SteadyDelay:     {"steady_delay", "It has the smallest round-trip time of the ready subflows of stable delay."},
	HoldsLeast:      {"holds_least", "It holds the least data of the subflows that have room in their share of the send buffer."},
	PeerSendsHere:   {"peer_sends_here", "The peer currently sends on it."},
	ArrivesFirst:    {"arrives_first", "Through the queue of its device and along its path the data is expected to arrive first."},
	NextOfItsOwn:    {"next_of_its_own", "It is the next segment that this subflow has not carried."},
	SlowInTime:      {"slow_in_time", "It is slower, but waiting for the fastest subflow would gain nothing."},
	AheadInOrder:    {"ahead_in_order", "So far ahead, the data arrives over the slower subflow when it is its turn."},
	Planned:         {"planned", "The schedule of arrivals gives it these segments."},

	NoSubflow:        {"no_subflow", "No subflow is in a state to take data."},
	NoRoom:           {"no_room", "Every subflow that may take the data has its window or send queue full, or repairs losses."},
	PeerWindowClosed: {"peer_window", "The peer's receive window has no room for the next segment."},
	SendQueueFull:    {"send_queue_full", "The subflow of choice has no room in its send queue, and no other one is asked."},
	TurnOfFull:       {"turn_of_full", "The subflow whose turn it is has no room, and is waited for."},
	PrimaryFull:      {"primary_full", "The only subflow that is to be used has no room."},
	CheaperInTime:    {"cheaper_in_time", "The cheaper paths can carry the data soon enough."},
	OnlyVariable:     {"only_variable", "Only subflows whose delay varies too much have room."},
	ShareUsed:        {"share_used", "The subflows with room in their windows have used up their shares of the send buffer."},
	AllCopied:        {"all_copied", "Every subflow has carried all data, or is about to."},
	ShortSegment:     {"short_segment", "The rest of the data does not fill a segment: Nagle's rule or a cork of the connection holds it."},
	WouldBlock:       {"would_block", "A segment on the slower subflow would be expected to block the fastest one."},
	FasterCompletes:  {"faster_completes", "The data is expected to be complete earlier if it waits for the fastest subflow."},
	NotPlanned:       {"not_planned", "The subflows with room have no segments left in the schedule of arrivals."},
}

// String returns the name of the reason, as event logs print it; "" of NoWhy.
func (w Why) String() string {
	if w < numWhys {
		return whys[w].name
	}
	return "unknown"
}

// Sentence returns the reason in words; "" of NoWhy.
func (w Why) Sentence() string {
	if w < numWhys {
		return whys[w].sentence
	}
	return ""
}

// Whys returns the number of reasons; every smaller Why is valid.
func Whys() int { return int(numWhys) }

// Explainer is implemented by schedulers that say why they wait.
type Explainer interface {
	// WhyWait returns why the last Pick granted nothing. After a Pick that granted
	// something the answer means nothing.
	WhyWait() Why
}
