package explain

import (
	"context"
	"fmt"

	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Query says which decisions of a flow are asked about: those about one byte of
// its stream, or those at a time.
type Query struct {
	Flow string // "": the first over MPTCP
	// DSN is the relative data sequence number of a byte, from 1; 0: ask by time.
	DSN uint64
	// At selects the last decisions made at or before it, or with For above 0 all
	// from At to At+For.
	At  sim.Time
	For sim.Duration
}

// maxEntries bounds the lists of an answer; what is beyond it is counted.
const maxEntries = 2000

// Answer is what there is to say about a Query.
type Answer struct {
	Schema int `json:"schema"`
	Origin
	Flow       string     `json:"flow"`
	Sender     string     `json:"sender"` // node
	Scheduler  string     `json:"scheduler"`
	Controller string     `json:"cc"`
	DSN        *uint64    `json:"dsn,omitempty"`
	At         *sim.Time  `json:"at_ns,omitempty"`
	Subflows   []Subflow  `json:"subflows"`
	Decisions  []Decision `json:"decisions"`
	// Fate is what became of the byte that was asked about.
	Fate []Event `json:"fate,omitempty"`
	// Events are those of path managers and of loss recovery in the time that was
	// asked about, or between the first and the last of Fate.
	Events []Event `json:"events,omitempty"`
	// LeftOut is how many entries the lists had no room for.
	LeftOut int `json:"left_out"`
}

// Event is something that happened, in the order of time.
type Event struct {
	At      sim.Time `json:"time_ns"`
	Node    string   `json:"node"`
	What    string   `json:"what"`
	Subflow *int     `json:"subflow,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	// Actions are the orders of a path manager.
	Actions []string `json:"actions,omitempty"`

	end  *app.End
	flow int32
}

// Explain answers a query about a run.
func Explain(ctx context.Context, r *Run, q Query) (*Answer, error) {
	l := &log{query: q}
	o, err := r.execute(ctx, l.attach)
	if err != nil {
		return nil, err
	}
	if l.conn.Protocol != "mptcp" {
		return nil, fmt.Errorf("flow %q is plain TCP: no scheduler decides for it", l.conn.Flow)
	}
	a := &Answer{
		Schema: 1, Origin: r.origin(o), Flow: l.conn.Flow, Scheduler: l.conn.Scheduler, Controller: l.conn.CC,
		Sender: l.conn.Sender().Host.Node().Name(), Decisions: l.decisions, Fate: l.fate, LeftOut: l.leftOut,
	}
	if q.DSN != 0 {
		a.DSN = &q.DSN
	} else {
		a.At = &q.At
	}
	names := newNaming(l.world, l.conn)
	a.Subflows = names.list
	for i := range a.Decisions {
		a.Decisions[i].name(l.idsOf(names, l.conn.Sender()), names.over)
	}
	a.Events = l.eventsBetween(l.span(a))
	for _, list := range [][]Event{a.Fate, a.Events} {
		for i := range list {
			e := &list[i]
			e.Node = e.end.Host.Node().Name()
			if e.flow >= 0 {
				id := names.of(e.end, l.conn, flowID(e.flow))
				e.Subflow = &id
			}
		}
	}
	return a, nil
}

// log is what an execution gathers for a query.
type log struct {
	query Query
	world *scenarios.World
	conn  *scenarios.Connection

	decisions []Decision
	fate      []Event
	events    []Event
	leftOut   int
	reached   [4]bool // by the byte: written, in order, read, acknowledged
}

// attach places the observers.
func (l *log) attach(w *scenarios.World) error {
	c, err := choose(w, l.query.Flow)
	if err != nil {
		return err
	}
	l.world, l.conn = w, c
	for _, end := range []*app.End{&c.Ends.Client, &c.Ends.Server} {
		x := &atEnd{l, end}
		end.Host.Endpoint().SetWitness(x)
		if l.query.DSN != 0 {
			end.Host.SetWatcher(x)
		}
	}
	w.Trace().Subscribe(trace.Set(trace.RTO, trace.TailLossProbe, trace.Recovery, trace.Window, trace.Undo, trace.Reinject, trace.Fallback, trace.PathManager), l)
	return nil
}

// span is the time of which the events are wanted.
func (l *log) span(a *Answer) (from, to sim.Time) {
	switch {
	case l.query.DSN == 0:
		return l.query.At, l.query.At.Add(l.query.For)
	case len(a.Fate) > 0:
		return a.Fate[0].At, a.Fate[len(a.Fate)-1].At
	}
	return 1, 0
}

func (l *log) eventsBetween(from, to sim.Time) []Event {
	var out []Event
	for _, e := range l.events {
		if from <= e.At && e.At <= to {
			out = append(out, e)
		}
	}
	return out
}

// wantsEvent reports whether an event at a time may be part of the answer. Of a
// byte it is not known yet how long its story is.
func (l *log) wantsEvent(now sim.Time) bool {
	if l.query.DSN != 0 {
		return len(l.fate) > 0 && !(l.reached[reachedRead] && l.reached[reachedAck])
	}
	return l.query.At <= now && now <= l.query.At.Add(l.query.For)
}

func (l *log) add(list *[]Event, e Event) {
	if len(*list) >= maxEntries {
		l.leftOut++
		return
	}
	*list = append(*list, e)
}

// keep notes a decision. Waiting for the same reason again is the same entry.
func (l *log) keep(d Decision) {
	if n := len(l.decisions); n > 0 && d.Waits() {
		if last := &l.decisions[n-1]; last.Waits() && last.why == d.why && l.query.For+sim.Duration(l.query.DSN) > 0 {
			last.Times++
			last.Until = d.At
			return
		}
	}
	if len(l.decisions) >= maxEntries {
		l.leftOut++
		return
	}
	l.decisions = append(l.decisions, d)
}

// atEnd observes one end of the connection.
type atEnd struct {
	*log
	end *app.End
}

// Decided implements mptcp.Witness.
func (x *atEnd) Decided(now sim.Time, d *mptcp.Decision) {
	l := x.log
	if d.Socket != l.conn.Flow || x.end != l.conn.Sender() {
		return
	}
	q := &l.query
	switch {
	case q.DSN != 0:
		s := Decision{}
		waits := len(d.Grants) == 0
		if waits && d.Queue.Next <= q.DSN && q.DSN < d.Queue.End {
			s = snapshot(now, d)
		} else if !waits {
			if s = snapshot(now, d); !s.covers(q.DSN) {
				return
			}
		} else {
			return
		}
		l.keep(s)
	case q.For > 0:
		if q.At <= now && now <= q.At.Add(q.For) {
			l.keep(snapshot(now, d))
		}
	case now <= q.At:
		if n := len(l.decisions); n > 0 && l.decisions[n-1].At != now {
			l.decisions = l.decisions[:0]
		}
		l.keep(snapshot(now, d))
	}
}

// Managed implements mptcp.Witness.
func (x *atEnd) Managed(now sim.Time, m *mptcp.Management) {
	if m.Socket == x.conn.Flow && x.wantsEvent(now) {
		e := managed(now, m)
		e.end = x.end
		x.add(&x.events, e)
	}
}

// Carried implements mptcp.Witness.
func (x *atEnd) Carried(now sim.Time, c *mptcp.Carriage) {
	l := x.log
	if l.query.DSN < c.DSN || l.query.DSN >= c.DSN+uint64(c.Len) || c.Socket != l.conn.Flow {
		return
	}
	e := Event{At: now, end: x.end, flow: int32(c.Flow), Detail: fmt.Sprintf("[%d, %d)", c.DSN, c.DSN+uint64(c.Len))}
	switch sender := x.end == l.conn.Sender(); {
	case c.Arrival && !sender:
		e.What = "arrived"
		switch behind := c.Behind + int64(l.query.DSN-c.DSN); {
		case behind < 0:
			e.Detail = "the connection had it already"
		case c.Behind > 0:
			e.Detail += fmt.Sprintf(", behind a gap: %d bytes before it are missing", c.Behind)
		}
	case !c.Arrival && sender && c.Again:
		e.What = "retransmitted"
	case !c.Arrival && sender:
		x.Settled(now) // it has been written by then
		e.What = "sent"
	default:
		return // the other direction has numbers of its own
	}
	l.add(&l.fate, e)
}

// What a byte reaches, in any order.
const (
	reachedWritten = iota
	reachedOrder
	reachedRead
	reachedAck
)

// Settled implements host.Watcher: it notes how far the byte has come.
func (x *atEnd) Settled(now sim.Time) {
	l := x.log
	off := l.query.DSN - 1
	note := func(what int, name string, so bool) {
		if so && !l.reached[what] {
			l.reached[what] = true
			l.add(&l.fate, Event{At: now, What: name, end: x.end, flow: -1})
		}
	}
	if !x.end.Open {
		return
	}
	switch i := x.end.Info(); x.end {
	case l.conn.Sender():
		note(reachedWritten, "written by the application", i.Written > off)
		note(reachedAck, "acknowledged at the data level", i.Acked > off)
	case l.conn.Receiver():
		note(reachedOrder, "in order at the receiver", i.Received > off)
		note(reachedRead, "read by the application", i.Read > off)
	}
}

// Emit implements trace.Sink.
func (l *log) Emit(r *trace.Record) {
	end := l.conn.Sender()
	if !ours(r, end) {
		if end = l.conn.Receiver(); !ours(r, end) || r.Kind != trace.Fallback && r.Kind != trace.PathManager {
			return
		}
	}
	if r.Kind == trace.PathManager && r.Why == trace.NoReason {
		return // the witness has seen it
	}
	if r.Kind == trace.Reinject {
		if dsn := l.query.DSN; dsn != 0 && uint64(r.A) <= dsn && dsn < uint64(r.A)+uint64(r.B) {
			l.add(&l.fate, Event{At: r.At, What: "given to another subflow again", end: end, flow: r.Flow})
		}
		return
	}
	if l.wantsEvent(r.At) {
		e := recovered(r)
		e.end = end
		l.add(&l.events, e)
	}
}
