package app

import (
	"net/netip"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Socket says how a flow's connection is made.
type Socket struct {
	Local  netip.AddrPort // of the client; port 0: ephemeral
	Remote netip.AddrPort // of the server, which listens there
	Client *mptcp.SocketOptions
	Server *mptcp.SocketOptions
	Start  sim.Time // when the client dials
	Stop   sim.Time // when the sender stops; Never: does not
}

// End is one end of a flow's connection.
type End struct {
	Host *host.Host
	Conn mptcp.ConnID
	Open bool // Conn is valid: dialled or accepted
}

// Ends is what the ends of a connection tell of themselves.
type Ends struct {
	Client, Server End
	Connected      sim.Time     // when the client's handshake was complete; Never: not yet
	Closed         sim.Time     // when the client's connection was over; Never: not yet
	Why            trace.Reason // why it was over
	Err            error        // dialling failed
}

// ends is the part of a flow that all applications over connections share.
type ends struct {
	Ends
	socket Socket
}

func (e *ends) init(client, server *host.Host, s Socket) {
	e.socket = s
	e.Client.Host, e.Server.Host = client, server
	e.Connected, e.Closed = sim.Never, sim.Never
}

// dial opens the connection for the application of the client.
func (e *ends) dial(now sim.Time, a host.App) {
	c, err := e.Client.Host.Dial(now, e.socket.Local, e.socket.Remote, e.socket.Client, a)
	if err != nil {
		e.Err = err
		return
	}
	e.Client.Conn, e.Client.Open = c, true
}

// note records what an event of the client's connection says of the flow.
func (e *ends) note(now sim.Time, ev *mptcp.Event) {
	switch ev.Kind {
	case mptcp.Connected:
		if e.Connected == sim.Never {
			e.Connected = now
		}
	case mptcp.Closed:
		if e.Closed == sim.Never {
			e.Closed, e.Why = now, ev.Why
		}
	}
}

// drain reads everything that has arrived in order into a record.
func drain(now sim.Time, at *End, r *Record) {
	ep := at.Host.Endpoint()
	for {
		off, n := ep.Read(now, at.Conn, 1<<30)
		if n == 0 {
			return
		}
		r.Deliver(now, off, n)
	}
}

// Alarms of applications.
const (
	alarmStart = iota
	alarmStop
	alarmNext
)
