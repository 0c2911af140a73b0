package scenarios

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// watcher keeps the records of which expectations count: retransmission
// timeouts and loss recoveries. Both are rare.
type watcher struct {
	records []trace.Record
}

func (c *watcher) init(w *World) {
	if !w.run.NoExpect && w.sc.needsRecords {
		w.trace.Subscribe(trace.Set(trace.RTO, trace.Recovery), c)
	}
}

// Emit implements trace.Sink.
func (c *watcher) Emit(r *trace.Record) { c.records = append(c.records, *r) }

// stateWatcher keeps the last state of every subflow: what a connection showed
// when it was over is not where its subflows ended, because they close after it.
type stateWatcher struct {
	last map[subflowKey]tcp.State
}

// subflowKey names a subflow as trace records do.
type subflowKey struct {
	node, conn uint32
	flow       int32
}

func (c *stateWatcher) init(w *World) {
	if !w.run.NoExpect {
		c.last = make(map[subflowKey]tcp.State)
		w.trace.Subscribe(trace.Set(trace.SubflowState), c)
	}
}

// Emit implements trace.Sink.
func (c *stateWatcher) Emit(r *trace.Record) {
	c.last[subflowKey{r.Node, r.Conn, r.Flow}] = tcp.State(r.B)
}

// of returns the state of a subflow that a node has or had.
func (c *stateWatcher) of(w *World, node string, conn uint32, flow int32) (tcp.State, bool) {
	if w.parted != nil {
		c = &w.parted.of(node).states
	}
	s, ok := c.last[subflowKey{w.traceIDs[node], conn, flow}]
	return s, ok
}

// of returns the records of one kind that the sender of a flow has left.
func (c *watcher) of(w *World, f *flowRun, k trace.Kind) []trace.Record {
	node, conn, ok := f.sender()
	if !ok {
		return nil
	}
	if w.parted != nil {
		c = &w.parted.of(node).watch
	}
	var out []trace.Record
	for _, r := range c.records {
		if r.Kind == k && r.Conn == conn && w.trace.NodeName(r.Node) == node {
			out = append(out, r)
		}
	}
	return out
}

// ladder is the share of retransmission timeouts in a row, of one subflow, that
// come exactly twice the timeout before after their predecessor; 0 without two
// in a row.
func ladder(records []trace.Record) float64 {
	exact, all := 0, 0
	for i := range records {
		b := &records[i]
		for k := i - 1; k >= 0; k-- {
			a := &records[k]
			if a.Flow != b.Flow {
				continue
			}
			if b.C == a.C+1 {
				all++
				if b.B == 2*a.B && int64(b.At.Sub(a.At)) == b.B {
					exact++
				}
			}
			break
		}
	}
	if all == 0 {
		return 0
	}
	return float64(exact) / float64(all)
}

// firstStall returns the end of the first pause longer than floor that ends
// after t, minus t: 0 if data went on arriving, sim.Never if it did not end.
func (f *flowRun) firstStall(t sim.Time, floor sim.Duration, end sim.Time) sim.Time {
	for _, g := range f.record.GapsAt(end) {
		if g.End > t && g.Length() > floor {
			if g.End == end && f.record.Last < end {
				return sim.Never
			}
			return max(g.End-t, 0)
		}
	}
	return 0
}
