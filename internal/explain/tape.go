package explain

import (
	"sync/atomic"

	"mpsim/internal/app"
	"mpsim/mptcp"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A tape gives out what happens in a run while it happens, so that two runs can be
// compared side by side without keeping either.

// item is a trace record or a decision.
type item struct {
	record   trace.Record
	decision *Decision // nil: it is the record
}

func (i *item) at() sim.Time {
	if i.decision != nil {
		return i.decision.At
	}
	return i.record.At
}

// batchSize is how many items are passed on at once.
const batchSize = 1024

// tape is the observer of one run.
type tape struct {
	flow  string
	world *scenarios.World
	conn  *scenarios.Connection // nil: no such flow over MPTCP
	out   chan []item
	batch []item
	// enough is set when nobody wants more.
	enough *atomic.Bool
}

// compared are the kinds of records that are compared: all but the waiting, which
// is no part of the hash.
const compared = trace.AllKinds &^ (1 << trace.Wait)

func (t *tape) attach(w *scenarios.World) error {
	t.world = w
	if c, err := choose(w, t.flow); err == nil && c.Protocol == "mptcp" {
		t.conn = c
		c.Sender().Host.Endpoint().SetWitness(t)
	} else if t.flow != "" && err != nil {
		return err
	}
	w.Trace().Subscribe(compared, t)
	return nil
}

func (t *tape) put(i item) {
	if t.enough.Load() {
		return
	}
	t.batch = append(t.batch, i)
	if len(t.batch) == batchSize {
		t.flush()
	}
}

func (t *tape) flush() {
	if len(t.batch) > 0 {
		t.out <- t.batch
		t.batch = make([]item, 0, batchSize)
	}
}

// Emit implements trace.Sink.
func (t *tape) Emit(r *trace.Record) { t.put(item{record: *r}) }

// Decided implements mptcp.Witness.
func (t *tape) Decided(now sim.Time, d *mptcp.Decision) {
	if d.Socket != t.conn.Flow || t.enough.Load() {
		return
	}
	s := snapshot(now, d)
	t.put(item{decision: &s})
}

// Managed implements mptcp.Witness.
func (*tape) Managed(sim.Time, *mptcp.Management) {}

// Carried implements mptcp.Witness.
func (*tape) Carried(sim.Time, *mptcp.Carriage) {}

// sender is the end whose decisions are on the tape.
func (t *tape) sender() *app.End { return t.conn.Sender() }

// sameEvent reports whether two runs recorded the same. The reason of a grant is
// the scheduler's and no part of the hash.
func sameEvent(a, b *trace.Record, ta, tb *tape) bool {
	x, y := *a, *b
	if ta.world.Trace().NodeName(x.Node) != tb.world.Trace().NodeName(y.Node) {
		return false
	}
	x.Node, y.Node = 0, 0
	if x.Kind == trace.Grant {
		x.Why, y.Why = 0, 0
	}
	return x == y
}

// given is data that a decision gave to a subflow, as far as it is not compared yet.
type given struct {
	by *Decision
	Grant
}

// common returns how many bytes two runs gave to the same subflow at the same time;
// 0: the decisions differ. Schedulers that cut the same data into more grants decide
// the same.
func common(a, b *given) int {
	if a.by.At != b.by.At || a.flow != b.flow || a.DSN != b.DSN || a.Kind != b.Kind || a.penalised != b.penalised {
		return 0
	}
	return min(a.Len, b.Len)
}

// take removes the first n bytes.
func (g *given) take(n int) {
	g.DSN += uint64(n)
	g.Len -= n
}

// sameState reports whether two schedulers saw the same, but for what they had
// granted at the same instant before.
func sameState(a, b *Decision) bool {
	if a.At != b.At || a.Queue.Una != b.Queue.Una || a.Queue.End != b.Queue.End || a.Queue.PeerEdge != b.Queue.PeerEdge ||
		len(a.Candidates) != len(b.Candidates) {
		return false
	}
	for i := range a.Candidates {
		x, y := &a.Candidates[i], &b.Candidates[i]
		if x.flow != y.flow || x.SRTT != y.SRTT || x.RTTVar != y.RTTVar || x.Window != y.Window || x.InFlight != y.InFlight ||
			x.Backup != y.Backup || x.Stale != y.Stale || x.Failed != y.Failed || x.InLoss != y.InLoss {
			return false
		}
	}
	return true
}
