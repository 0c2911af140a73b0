package scenarios

import (
	"mpsim/internal/app"
	"mpsim/sim"
)

// Connection is the connection of a flow, for those who look into its ends while
// the world runs.
type Connection struct {
	Flow      string
	Protocol  string // "mptcp" or "tcp"
	CC        string
	Scheduler string // "" of TCP
	Start     sim.Time
	Ends      *app.Ends
	// Download: the data goes from the server to the client.
	Download bool
	Record   *app.Record // of what the receiver of the data got
}

// Sender returns the end that sends the data.
func (c *Connection) Sender() *app.End {
	if c.Download {
		return &c.Ends.Server
	}
	return &c.Ends.Client
}

// Receiver returns the end that gets the data.
func (c *Connection) Receiver() *app.End {
	if c.Download {
		return &c.Ends.Client
	}
	return &c.Ends.Server
}

// Connections returns the connections of all flows but datagrams, in the order of
// the file.
func (w *World) Connections() []Connection {
	var out []Connection
	for _, f := range w.flows {
		if f.ends == nil {
			continue
		}
		c := Connection{
			Flow: f.decl.Name, Protocol: f.decl.Protocol, CC: f.decl.CC.Name, Start: f.decl.Start.Time(),
			Ends: f.ends, Download: f.download, Record: f.record,
		}
		if c.Protocol == "mptcp" {
			c.Scheduler = f.decl.Scheduler.Name
		}
		out = append(out, c)
	}
	return out
}
