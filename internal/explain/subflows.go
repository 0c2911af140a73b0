package explain

import (
	"mpsim/cc"
	"mpsim/internal/app"
	"mpsim/scenarios"
	"mpsim/sim/trace"
)

// Subflow names a subflow of a flow as summaries do: by the client's number.
type Subflow struct {
	ID     int    `json:"subflow"`
	Over   string `json:"over"` // interface of the client, else its address
	Local  string `json:"local"`
	Remote string `json:"remote"`
}

// naming turns the numbers that an end gives to subflows into the client's.
type naming struct {
	list           []Subflow
	client, server map[cc.FlowID]int
}

// newNaming reads the names when the run is over.
func newNaming(w *scenarios.World, c *scenarios.Connection) *naming {
	n := &naming{client: map[cc.FlowID]int{}, server: map[cc.FlowID]int{}}
	var report []scenarios.SubflowReport
	for _, f := range w.Flows() {
		if f.Name == c.Flow {
			report = f.Subflows
		}
	}
	for _, s := range report {
		x := Subflow{ID: s.ID, Over: s.Interface, Local: s.Local.String(), Remote: s.Remote.String()}
		if x.Over == "" {
			x.Over = x.Local
		}
		n.list = append(n.list, x)
	}
	for _, s := range c.Ends.Client.Subflows(nil) {
		n.client[s.ID] = int(s.ID)
	}
	for _, s := range c.Ends.Server.Subflows(nil) {
		n.server[s.ID] = int(s.ID) // its translation is unknown: no better name
		t := w.Original(s.Tuple.Reverse())
		for _, x := range report {
			if x.Local == t.Src && x.Remote == t.Dst {
				n.server[s.ID] = x.ID
			}
		}
	}
	return n
}

// of returns the client's number of a subflow that an end calls f; -1: none.
func (n *naming) of(end *app.End, c *scenarios.Connection, f cc.FlowID) int {
	ids := n.client
	if end == &c.Ends.Server {
		ids = n.server
	}
	if id, ok := ids[f]; ok {
		return id
	}
	return int(f)
}

// over returns the interface of a subflow by the client's number.
func (n *naming) over(id int) string {
	for i := range n.list {
		if n.list[i].ID == id {
			return n.list[i].Over
		}
	}
	return ""
}

// nodeOf returns the number in trace records of the node of an end.
func nodeOf(end *app.End) uint32 { return end.Host.Node().Trace().ID() }

// ours reports whether a record is about the connection at an end.
func ours(r *trace.Record, end *app.End) bool {
	return end.Open && r.Conn == end.Number && r.Node == nodeOf(end)
}
