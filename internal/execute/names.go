package execute

import (
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
	world    *scenarios.World
	links    []string
	counters []string
	flows    map[connection]string
}

// connection is a connection of an endpoint in trace records.
type connection struct{ node, number uint32 }

// NewNamer returns what names the numbers in trace records of a world, for event
// logs.
func NewNamer(w *scenarios.World) results.Namer { return newNamer(w) }

func newNamer(w *scenarios.World) *namer {
	n := &namer{world: w, flows: map[connection]string{}}
	for _, c := range w.Counters() {
		n.counters = append(n.counters, c.Name)
	}
	for _, lk := range w.Network().Links() {
		n.links = append(n.links, lk.Name())
	}
	return n
}

// NodeName implements results.Namer.
func (n *namer) NodeName(node uint32) string { return n.world.Trace().NodeName(node) }

// FlowName implements results.Namer.
func (n *namer) FlowName(node, conn uint32) string {
	c := connection{node, conn}
	name := n.flows[c]
	if name == "" { // not accepted yet, or of no flow
		name = n.world.ConnName(n.NodeName(node), conn)
		n.flows[c] = name
	}
	return name
}

// FieldName implements results.Namer.
func (n *namer) FieldName(r *trace.Record, field string, v int64) string {
	switch {
	case field == "link":
		return pick(n.links, v)
	case field == "flags":
		return wire.Flags(v).String()
	case field == "counter":
		return pick(n.counters, v)
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
