package live

import (
	"net/netip"

	"mpsim/mptcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// App is the application on the endpoint of a bridge. Like the endpoint it is a
// state machine: all it knows is what these methods tell it, so that a replay
// repeats it.
type App interface {
	// Start is called once, before anything else, at time 0.
	Start(now sim.Time, e *mptcp.Endpoint)
	// OnEvent is called for every event of the endpoint.
	OnEvent(now sim.Time, e *mptcp.Endpoint, ev *mptcp.Event)
	// OnCommand is called for what the outside asks for ([Bridge.Command]).
	OnCommand(now sim.Time, e *mptcp.Endpoint, name string)
}

// Interface is a device as the endpoint sees it.
type Interface struct {
	// Name is that of the TUN device; at most 15 octets.
	Name string
	// Kernel are the addresses of the kernel on the device with their prefixes.
	Kernel []netip.Prefix
	// Endpoint are the addresses of the endpoint behind the device. The first
	// interface with the source address of a packet carries it.
	Endpoint []netip.Addr
}

// Machine is the pure part of a bridge: an endpoint, its application and the
// addresses of its interfaces. The same inputs give the same outputs.
type Machine struct {
	ep     *mptcp.Endpoint
	app    App
	ifaces []Interface
	emit   func(now sim.Time, iface int, packet []byte)

	tuple   wire.Tuple
	opt     wire.Options
	in, out mptcp.Segment
	event   mptcp.Event
	buf     []byte
	ignored int // packets that are no TCP segments for an endpoint
}

// NewMachine returns a machine whose endpoint has the addresses of the
// interfaces and has not started. Emit gets every packet that the endpoint
// sends; the bytes are valid during the call.
func NewMachine(cfg mptcp.Config, ifaces []Interface, app App, emit func(now sim.Time, iface int, packet []byte)) *Machine {
	m := &Machine{ep: mptcp.New(cfg), app: app, ifaces: ifaces, emit: emit}
	for i := range ifaces {
		for _, a := range ifaces[i].Endpoint {
			m.ep.HandleAddr(0, a, true, 0)
		}
	}
	return m
}

// Endpoint returns the endpoint, for looking only.
func (m *Machine) Endpoint() *mptcp.Endpoint { return m.ep }

// Ignored returns how many packets were not for an endpoint: other protocols
// than TCP, fragments, wrong checksums, and what is no IP packet.
func (m *Machine) Ignored() int { return m.ignored }

// NextTimeout returns when Handle wants a Timeout input, or sim.Never.
func (m *Machine) NextTimeout() sim.Time { return m.ep.NextTimeout() }

// Handle acts on an input and emits all that follows from it.
func (m *Machine) Handle(in *Input) {
	switch in.Kind {
	case Started:
		m.app.Start(in.At, m.ep)
	case Arrival:
		m.arrive(in.At, in.Packet)
	case Timeout:
		m.ep.HandleTimeout(in.At)
	case Command:
		m.app.OnCommand(in.At, m.ep, in.Command)
	}
	m.pump(in.At)
}

// arrive gives a packet to the endpoint. As in a kernel, one with a wrong
// checksum never reaches TCP (RFC 9293 section 3.1).
func (m *Machine) arrive(now sim.Time, packet []byte) {
	err := wire.ParsePacket(packet, &m.tuple, &m.in.Segment, &m.opt)
	if err != nil || m.tuple.Proto != wire.ProtoTCP || m.opt.Has(wire.OptOpaque) || m.opt.Has(wire.OptBadSum) {
		m.ignored++
		return
	}
	m.in.Tuple, m.in.Opt, m.in.Socket = &m.tuple, &m.opt, 0
	m.ep.HandleSegment(now, &m.in)
}

// pump emits segments and delivers events until both are exhausted.
func (m *Machine) pump(now sim.Time) {
	for {
		for m.ep.PollSegment(now, &m.out) {
			m.send(now)
		}
		if !m.ep.PollEvent(&m.event) {
			return
		}
		m.app.OnEvent(now, m.ep, &m.event)
	}
}

func (m *Machine) send(now sim.Time) {
	s := &m.out
	if s.TTL == 0 {
		s.TTL = 64
	}
	m.buf = wire.AppendPacket(m.buf[:0], s.Tuple, &s.Segment, s.Opt, -1)
	m.emit(now, m.interfaceOf(s.Tuple.Src.Addr()), m.buf)
}

// interfaceOf returns the number of the interface with an address of ours; 0 if
// there is none, because the endpoint answers packets for others too.
func (m *Machine) interfaceOf(a netip.Addr) int {
	for i := range m.ifaces {
		for _, b := range m.ifaces[i].Endpoint {
			if a == b {
				return i
			}
		}
	}
	return 0
}
