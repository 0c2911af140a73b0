package app

import (
	"net/netip"

	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Socket says how a flow's connection is made.
type Socket struct {
	Local  netip.AddrPort // of the client; port 0: ephemeral
	Remote netip.AddrPort // of the server
	// Bound: the server listens at Remote only, otherwise at this port of all its
	// addresses.
	Bound  bool
	Client *mptcp.SocketOptions
	Server *mptcp.SocketOptions
	Start  sim.Time // when the client dials
	Stop   sim.Time // when the sender stops; Never: does not
	// Others are hosts on which the server's application listens, too: which of them
	// gets the connection is what the network decides. They listen at the port of
	// all their addresses.
	Others []*host.Host
	// Cookie: the client knows a fast open cookie of the server when it dials.
	Cookie bool
}

// listenAt is where the server listens.
func (s *Socket) listenAt() netip.AddrPort {
	if s.Bound {
		return s.Remote
	}
	return netip.AddrPortFrom(netip.Addr{}, s.Remote.Port())
}

// End is one end of a flow's connection.
type End struct {
	Host   *host.Host
	Conn   mptcp.ConnID
	Open   bool   // Conn is valid: dialled or accepted
	Number uint32 // of the connection in trace records
	final  *finalState
}

// finalState is what a connection showed when it was over: its ConnID may mean
// another one later.
type finalState struct {
	info     mptcp.ConnInfo
	subflows []mptcp.SubflowInfo
}

// open notes that the end has a connection.
func (e *End) open(c mptcp.ConnID) {
	e.Conn, e.Open = c, true
	e.Number = e.Host.Endpoint().Info(c).Number
}

// seal keeps what the connection shows at its Closed event.
func (e *End) seal() {
	ep := e.Host.Endpoint()
	e.final = &finalState{ep.Info(e.Conn), ep.Subflows(e.Conn, nil)}
}

// Info returns the state of the connection, the last one if it is over.
func (e *End) Info() mptcp.ConnInfo {
	switch {
	case e.final != nil:
		return e.final.info
	case !e.Open:
		return mptcp.ConnInfo{}
	}
	return e.Host.Endpoint().Info(e.Conn)
}

// Subflows appends the subflows of the connection to buf, as they are or as
// they were at its end.
func (e *End) Subflows(buf []mptcp.SubflowInfo) []mptcp.SubflowInfo {
	switch {
	case e.final != nil:
		return append(buf, e.final.subflows...)
	case !e.Open:
		return buf
	}
	return e.Host.Endpoint().Subflows(e.Conn, buf)
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

// listen waits for the connection at the server, or at one of several.
func (e *ends) listen(accept host.Acceptor) error {
	at := e.socket.listenAt()
	if _, err := e.Server.Host.Listen(0, at, e.socket.Server, accept); err != nil {
		return err
	}
	for _, h := range e.socket.Others {
		var a host.Acceptor = func(now sim.Time, c mptcp.ConnID) host.App {
			e.Server.Host = h
			return accept(now, c)
		}
		if _, err := h.Listen(0, netip.AddrPortFrom(netip.Addr{}, at.Port()), e.socket.Server, a); err != nil {
			return err
		}
	}
	return nil
}

// dial opens the connection for the application of the client.
func (e *ends) dial(now sim.Time, a host.App) {
	e.dialData(now, a, 0)
}

// fastOpen reports whether the client dials with data.
func (e *ends) fastOpen() bool { return e.socket.Client.FastOpen != 0 }

// dialData is dial with the first n bytes of the client's stream, if the socket
// uses fast open; it returns how many were written.
func (e *ends) dialData(now sim.Time, a host.App, n int64) (written int64) {
	var c mptcp.ConnID
	var err error
	s := &e.socket
	if e.fastOpen() {
		if s.Cookie {
			e.knowCookie(now)
		}
		c, written, err = e.Client.Host.DialData(now, s.Local, s.Remote, s.Client, n, a)
	} else {
		c, err = e.Client.Host.Dial(now, s.Local, s.Remote, s.Client, a)
	}
	if err != nil {
		e.Err = err
		return 0
	}
	e.Client.open(c)
	return written
}

// knowCookie gives the client the cookie that an earlier connection would have
// brought.
func (e *ends) knowCookie(now sim.Time) {
	s := &e.socket
	c := e.Server.Host.Endpoint().FastOpenCookie(s.Local.Addr(), s.Remote.Addr())
	e.Client.Host.Endpoint().SetFastOpenEntry(now, s.Remote.Addr(), c, 1460)
}

// note records what an event of the connection at one end says of the flow.
func (e *ends) note(now sim.Time, ev *mptcp.Event, at *End) {
	client := at == &e.Client
	switch ev.Kind {
	case mptcp.Connected:
		if client && e.Connected == sim.Never {
			e.Connected = now
		}
	case mptcp.Closed:
		if client && e.Closed == sim.Never {
			e.Closed, e.Why = now, ev.Why
		}
		if at.final == nil {
			at.seal()
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
		if off >= wire.LiteralOffset {
			r.literal = ep.Bytes(off, n, r.literal[:0])
			r.DeliverBytes(now, r.literal)
			continue
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
