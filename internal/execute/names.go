package execute

import (
	"mpsim/mptcp"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/scenarios"
	"mpsim/sim/trace"
)

// namer turns the numbers in trace records into names.
type namer struct {
	world    *scenarios.World
	links    []string
	counters []string
}

func newNamer(w *scenarios.World) *namer {
	n := &namer{world: w, counters: mptcp.CounterNames()}
	for _, lk := range w.Network().Links() {
		n.links = append(n.links, lk.Name())
	}
	return n
}

// NodeName implements results.Namer.
func (n *namer) NodeName(node uint32) string { return n.world.Trace().NodeName(node) }

// FlowName implements results.Namer.
func (n *namer) FlowName(node, conn uint32) string {
	return n.world.ConnName(n.NodeName(node), conn)
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
	case r.Kind == trace.SubflowState:
		return tcp.State(v).String()
	}
	return ""
}

func pick(names []string, i int64) string {
	if i < 0 || i >= int64(len(names)) {
		return ""
	}
	return names[i]
}
