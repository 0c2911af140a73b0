package mptcp

import (
	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// This file shows to whoever asks what connections decide and what becomes of
// their data, for decision logs. It is none of the trace: nothing of it enters the
// run hash, and nothing is gathered unless there is a witness.

// Witness is shown decisions while they are made. What it is given is valid during
// the call only. It must change nothing, of the endpoint or of what it is shown.
type Witness interface {
	// Decided is called for each answer of a scheduler, before it is carried out.
	Decided(now sim.Time, d *Decision)
	// Managed is called for each event of a path manager, before its orders are
	// carried out.
	Managed(now sim.Time, m *Management)
	// Carried is called for data that a subflow sends, first or again, and for data
	// that arrives over one.
	Carried(now sim.Time, c *Carriage)
}

// Decision is one question to a scheduler and its answer.
type Decision struct {
	Socket string // SocketOptions.Name of the connection
	Conn   uint32 // its number in trace records
	Queue  *sched.Queue
	// Paths are the subflows that could be granted data; nil for a copy that
	// opportunistic retransmission makes because the scheduler waits: they are those
	// of the waiting.
	Paths  []sched.Path
	Grants []sched.Grant // none: wait
	// Why is the reason of waiting, NoWhy if the scheduler gives none.
	Why sched.Why
	// Controller is what governs the windows of the subflows, the FlowIDs of Paths.
	Controller cc.Controller
}

// Management is one event of a path manager and what it ordered.
type Management struct {
	Socket string
	Conn   uint32
	Event  *PathEvent
	Orders []PathOrder
}

// Carriage is data that a subflow sends or has received.
type Carriage struct {
	Socket string
	Conn   uint32
	Flow   cc.FlowID
	DSN    uint64 // relative: the first byte of the stream is 1
	Len    int
	// Arrival: it has arrived in order within the subflow; else it leaves.
	Arrival bool
	// Again: the subflow has sent it before.
	Again bool
	// Behind is how many bytes of the connection's stream are missing before data
	// that arrives; negative: that many had been received already.
	Behind int64
}

// SetWitness makes the endpoint show its decisions to w; nil: to nobody.
func (e *Endpoint) SetWitness(w Witness) { e.witness = w }

// witnessDecision shows the answer of the scheduler that is in e.work.grants.
func (c *connection) witnessDecision(now sim.Time, q *sched.Queue, rows []sched.Path, held bool) {
	d := Decision{
		Socket: c.sock.opt.Name, Conn: c.sock.number, Queue: q, Paths: rows, Grants: c.e.work.grants, Controller: c.cc,
	}
	if len(d.Grants) == 0 {
		d.Why = c.whyWait(held)
	}
	c.e.witness.Decided(now, &d)
}

// whyWait is the reason for which the scheduler has granted nothing; held: it was
// not asked.
func (c *connection) whyWait(held bool) sched.Why {
	if held {
		return sched.ShortSegment
	}
	if x, ok := c.sched.(sched.Explainer); ok {
		return x.WhyWait()
	}
	return sched.NoWhy
}

// witnessCarriage shows data that leaves on the subflow or arrives over it.
func (f *subflow) witnessCarriage(now sim.Time, x Carriage) {
	c := f.conn
	x.Socket, x.Conn, x.Flow = c.sock.opt.Name, c.sock.number, f.id
	if x.Arrival {
		x.Behind = int64(x.DSN - c.recv.next)
	}
	c.e.witness.Carried(now, &x)
}

// CarrierOf returns the first of the subflows that carry byte off of the stream
// and have not ended, sched.NoFlow if there is none: it was not sent, or the peer
// has acknowledged it.
func (e *Endpoint) CarrierOf(id ConnID, off uint64) cc.FlowID {
	s := e.socks.get(id)
	if s == nil || s.conn == nil || off < uint64(s.conn.early.sent) {
		return sched.NoFlow
	}
	dsn := off + 1 - uint64(s.conn.early.sent)
	if dsn < s.conn.send.una || dsn >= s.conn.send.next {
		return sched.NoFlow
	}
	return s.conn.carrierOf(dsn)
}
