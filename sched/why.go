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

	// Why nothing was granted.
	NoSubflow
	NoRoom
	PeerWindowClosed
	SendQueueFull

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

	NoSubflow:        {"no_subflow", "No subflow is in a state to take data."},
	NoRoom:           {"no_room", "Every subflow that may take the data has its window or send queue full, or repairs losses."},
	PeerWindowClosed: {"peer_window", "The peer's receive window has no room for the next segment."},
	SendQueueFull:    {"send_queue_full", "The subflow of choice has no room in its send queue, and no other one is asked."},
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
