package execute

import (
	"io"

	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sched"
	"mpsim/sim/trace"
)

// namer turns the numbers in trace records into names.
type namer struct {
	fieldNames
	world *scenarios.World
	flows [][]flowName // by node and number of the connection
}

// flowName is what is known of the flow of a connection.
type flowName struct {
	name   string // "": none yet
	misses uint32 // how often nobody knew
}

// Numbers of connections that may belong to a flow later are asked about again: at
// each of the first times, then now and then, because asking goes over all flows and
// many numbers (sockets of further subflows) never do.
const (
	missesAtOnce = 16
	missesApart  = 256
	numbersNamed = 1 << 20 // greater numbers have no names: bounds the table
)

// NewNamer returns what names the numbers in trace records of a world, for event
// logs.
func NewNamer(w *scenarios.World) results.Namer { return newNamer(w) }

func newNamer(w *scenarios.World) *namer {
	return &namer{world: w, flows: make([][]flowName, w.Trace().Nodes()), fieldNames: fieldNames{tables(w)}}
}

// tables are the names of what a world numbers.
func tables(w *scenarios.World) (t results.Tables) {
	for i := range w.Trace().Nodes() {
		t.Nodes = append(t.Nodes, w.Trace().NodeName(uint32(i)))
	}
	for _, c := range w.Counters() {
		t.Counters = append(t.Counters, c.Name)
	}
	for _, lk := range w.Network().Links() {
		t.Links = append(t.Links, lk.Name())
	}
	return t
}

// NodeName implements results.Namer.
func (n *namer) NodeName(node uint32) string { return n.world.Trace().NodeName(node) }

// FlowName implements results.Namer.
func (n *namer) FlowName(node, conn uint32) string {
	if conn == 0 || conn >= numbersNamed {
		return ""
	}
	known := &n.flows[node]
	if int(conn) >= len(*known) {
		*known = append(*known, make([]flowName, int(conn)+1-len(*known))...)
	}
	f := &(*known)[conn]
	if f.name == "" {
		if f.misses < missesAtOnce || f.misses%missesApart == 0 {
			f.name = n.world.ConnName(n.NodeName(node), conn)
		}
		f.misses++
	}
	return f.name
}

// WriteEvents writes a file of trace records as JSON lines, as `--events` writes those of
// these kinds.
func WriteEvents(w io.Writer, f *results.RecordFile, kinds trace.KindSet) error {
	out := results.NewEvents(w, &recordedNamer{fieldNames{f.Tables()}, f})
	if err := f.Each(&onlyKinds{kinds, out}); err != nil {
		return err
	}
	return out.Flush()
}

// recordedNamer names the numbers of a file of trace records.
type recordedNamer struct {
	fieldNames
	file *results.RecordFile
}

// NodeName implements results.Namer.
func (n *recordedNamer) NodeName(node uint32) string { return n.Nodes[node] }

// FlowName implements results.Namer.
func (n *recordedNamer) FlowName(node, conn uint32) string { return n.file.FlowName(node, conn) }

// onlyKinds gives records of some kinds to a sink.
type onlyKinds struct {
	kinds trace.KindSet
	to    trace.Sink
}

// Emit implements trace.Sink.
func (o *onlyKinds) Emit(r *trace.Record) {
	if o.kinds&trace.Set(r.Kind) != 0 {
		o.to.Emit(r)
	}
}

// fieldNames names the values of fields.
type fieldNames struct{ results.Tables }

// FieldName implements results.Namer.
func (n *fieldNames) FieldName(r *trace.Record, field string, v int64) string {
	switch {
	case field == "link":
		return pick(n.Links, v)
	case field == "flags":
		return wire.Flags(v).String()
	case field == "counter":
		return pick(n.Counters, v)
	case field == "why" && (r.Kind == trace.Grant || r.Kind == trace.Wait):
		return sched.Why(v).String()
	case field == "why":
		return "" // a trace.Reason
	case r.Kind == trace.SubflowState:
		return tcp.State(v).String()
	case r.Kind == trace.SubflowPhase:
		return mptcp.PhaseName(v)
	case field == "grant":
		return pick(grants, v)
	case r.Kind == trace.PathManager && field == "action":
		return mptcp.PathOrderKind(v).String()
	case r.Kind == trace.PathEvent && field == "event":
		return mptcp.PathEventKind(v).String()
	}
	return ""
}

// grants names the kinds of grants.
var grants = []string{
	sched.New: "new", sched.Reinject: "reinject", sched.Opportunistic: "opportunistic", sched.Redundant: "redundant",
}

func pick(names []string, i int64) string {
	if i < 0 || i >= int64(len(names)) {
		return ""
	}
	return names[i]
}
