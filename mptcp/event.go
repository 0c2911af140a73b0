package mptcp

import (
	"mpsim/cc"
	"mpsim/sim/trace"
)

// Event tells the application that something happened to a socket.
type Event struct {
	Kind EventKind
	Conn ConnID
	Flow cc.FlowID    // of SubflowUp and SubflowDown
	Why  trace.Reason // of SubflowDown, Fallback and Closed
}

// EventKind is what happened.
type EventKind uint8

// The kinds of events.
const (
	// Connected: the handshake is complete; the connection can be written.
	Connected EventKind = iota
	// Acceptable: a listener has a connection to accept.
	Acceptable
	// Readable: data or the end of the stream arrived.
	Readable
	// Writable: after a Write that was cut short a third of the send buffer is
	// free again.
	Writable
	// SubflowUp: a subflow beside the initial one can carry data.
	SubflowUp
	// SubflowDown: a subflow is gone.
	SubflowDown
	// Fallback: the connection goes on as plain TCP.
	Fallback
	// Closed: the connection is over. Why is Graceful if both directions were
	// closed in order.
	Closed
	// Urgent: the peer has announced urgent data; see UrgentAhead.
	Urgent
)

var eventNames = [...]string{
	"connected", "acceptable", "readable", "writable", "subflow_up", "subflow_down", "fallback", "closed", "urgent",
}

// String returns the name of the kind as traces print it.
func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown"
}

// eventQueue is a ring of events not yet polled.
type eventQueue struct {
	ring        []Event // power of two
	head, count uint32
}

func (q *eventQueue) push(e Event) {
	if int(q.count) == len(q.ring) {
		ring := make([]Event, max(16, 2*len(q.ring)))
		for i := range q.count {
			ring[i] = q.ring[(q.head+i)&uint32(len(q.ring)-1)]
		}
		q.ring, q.head = ring, 0
	}
	q.ring[(q.head+q.count)&uint32(len(q.ring)-1)] = e
	q.count++
}

func (q *eventQueue) pop(e *Event) bool {
	if q.count == 0 {
		return false
	}
	*e = q.ring[q.head&uint32(len(q.ring)-1)]
	q.head++
	q.count--
	return true
}
