// Package host is the one place where an endpoint meets a simulated node. A
// [Host] takes the packets that the network delivers to its node, gives them to
// the node's [mptcp.Endpoint] as segments, puts the segments that the endpoint
// emits onto the network, keeps the endpoint's one deadline as a lazily moved
// timer, and passes events to applications.
//
// An application is a state machine: it is called with events and timers, and
// issues commands to the endpoint from there. There are no goroutines and no
// blocking calls.
package host

import (
	"net/netip"

	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Host is one simulated computer.
type Host struct {
	// The first cache line (56 bytes behind the allocator's header) is what packets of
	// known flows need, with the deadline that the timer begins with.
	net     *simnet.Network
	shared  *Shared
	log     *trace.Node
	ep      *mptcp.Endpoint
	s       *sim.Sim
	origin  sim.NodeID
	pumping bool
	clearDF bool      // see SetDF
	watched bool      // by watcher
	timer   sim.Timer // the endpoint's deadline

	node    *simnet.Node
	event   mptcp.Event // being delivered
	watcher Watcher
	handler sim.HandlerID
	apps    []App            // by connection; nil: not an application's
	routes  []simnet.RouteID // by the endpoint's socket number
	facts   func(local, remote netip.Addr) mptcp.PathFacts
	scratch []byte
	ident   uint16 // of the last packet without DF

	accepts []Acceptor // by listening connection
	addrs   []knownAddr
	alarms  alarms
	udp     []udpSocket
}

// Shared is working space of the hosts of one network: it is used during one call of
// one host only, so that with many hosts it stays in the cache.
type Shared struct {
	in, out mptcp.Segment
	scratch mptcp.Scratch
}

// Watcher is called whenever a host has come to rest: its endpoint has sent what
// it can, and its applications have seen every event. It must only look.
type Watcher interface {
	Settled(now sim.Time)
}

// SetWatcher makes the host call w from now on; nil: nobody.
func (h *Host) SetWatcher(w Watcher) { h.watcher, h.watched = w, w != nil }

// Config says how a host's endpoint behaves.
type Config struct {
	Profile *mptcp.Profile
	// PathFacts says what is known of the path between two addresses; nil:
	// nothing.
	PathFacts func(local, remote netip.Addr) mptcp.PathFacts
	// Shared is for all hosts of the network; nil: the host has one of its own.
	Shared *Shared
}

// App is an application on a host. It is called for the events of its
// connections and for the alarms that it set.
type App interface {
	OnEvent(now sim.Time, ev *mptcp.Event)
	OnAlarm(now sim.Time, arg uint32)
}

// Acceptor makes the application of a connection that a listener accepted.
type Acceptor func(now sim.Time, c mptcp.ConnID) App

// New puts an endpoint on a node and becomes the node's receiver.
func New(n *simnet.Network, node *simnet.Node, cfg Config) *Host {
	s := n.Sim()
	h := &Host{s: s, net: n, node: node, origin: node.Origin(), log: node.Trace(), facts: cfg.PathFacts}
	h.handler = s.Register(h)
	h.timer.Init(node.Origin(), h.handler, 0)
	if h.shared = cfg.Shared; h.shared == nil {
		h.shared = new(Shared)
	}
	h.ep = mptcp.New(mptcp.Config{
		Scratch: &h.shared.scratch,
		Profile: cfg.Profile,
		Stream: func(purpose string) *sim.Rand {
			return s.Stream("host/" + node.Name() + "/" + purpose)
		},
		Trace: h.log,
		Paths: h,
	})
	node.SetReceiver(h)
	node.SetAddrWatcher(h)
	for _, ifc := range node.Interfaces() {
		for _, p := range ifc.Addrs() {
			h.ep.HandleAddr(s.Now(), p.Addr(), ifc.Up(), 0)
		}
	}
	return h
}

// Endpoint returns the host's protocol stack.
func (h *Host) Endpoint() *mptcp.Endpoint { return h.ep }

// Node returns the node that the host runs on.
func (h *Host) Node() *simnet.Node { return h.node }

// Sim returns the simulation that the host belongs to.
func (h *Host) Sim() *sim.Sim { return h.s }

// Dial opens a connection and gives its events to a.
func (h *Host) Dial(now sim.Time, local, remote netip.AddrPort, o *mptcp.SocketOptions, a App) (mptcp.ConnID, error) {
	c, err := h.ep.Dial(now, local, remote, o)
	if err != nil {
		return 0, err
	}
	h.setApp(c, a)
	h.Pump(now)
	return c, nil
}

// DialData opens a connection with the first n bytes of its stream, which leave
// with the SYN if fast open allows it, gives its events to a, and returns how many
// bytes the send buffer took.
func (h *Host) DialData(now sim.Time, local, remote netip.AddrPort, o *mptcp.SocketOptions, n int64, a App) (mptcp.ConnID, int64, error) {
	c, written, err := h.ep.DialData(now, local, remote, o, n)
	if err != nil {
		return 0, 0, err
	}
	h.setApp(c, a)
	h.Pump(now)
	return c, written, nil
}

// Listen waits for connections; accept makes the application of each.
func (h *Host) Listen(now sim.Time, local netip.AddrPort, o *mptcp.SocketOptions, accept Acceptor) (mptcp.ConnID, error) {
	c, err := h.ep.Listen(now, local, o)
	if err != nil {
		return 0, err
	}
	for int(c) >= len(h.accepts) {
		h.accepts = append(h.accepts, nil)
	}
	h.accepts[c] = accept
	return c, nil
}

// Receive implements simnet.Receiver.
func (h *Host) Receive(now sim.Time, id simnet.PacketID) {
	n := h.net
	in := &h.shared.in
	s := n.Segment(id)
	in.Segment, in.Opt = *s, nil
	if s.Cold != 0 {
		if in.Opt = n.Options(id); in.Opt.Has(wire.OptBadSum) {
			h.node.Drop(now, id, trace.BadChecksum)
			return
		}
	}
	h.record(now, trace.PacketReceived, &in.Segment, in.Opt, 0, n.Size(id))
	if r := simnet.RouteID(in.Route); n.IsTCP(r) {
		h.receiveTCP(now, r, in)
	} else {
		h.receiveOther(now, n.Tuple(r), in)
	}
	n.Free(id)
	h.Pump(now)
}

// receiveTCP gives a segment to the endpoint. Flows are known to it by the route on which
// it answers, which is the one that PollSegment gives back.
func (h *Host) receiveTCP(now sim.Time, r simnet.RouteID, in *mptcp.Segment) {
	in.Tuple = h.net.Tuple(r)
	socket, back := h.net.Socket(r, h.origin)
	in.Socket, in.Route = socket, uint32(back)
	h.ep.HandleSegment(now, in)
	if in.Socket != socket {
		h.net.SetSocket(r, h.origin, in.Socket)
	}
}

// receiveOther is what happens to packets that are not of TCP.
func (h *Host) receiveOther(now sim.Time, t *wire.Tuple, in *mptcp.Segment) {
	switch t.Proto {
	case wire.ProtoUDP:
		h.receiveUDP(now, t, in)
	case wire.ProtoICMP, wire.ProtoICMPv6:
		h.receiveICMP(now, t.Proto, in.Opt)
	}
}

// OnEvent implements sim.Handler: argument 0 is the endpoint's deadline, others
// are alarms.
func (h *Host) OnEvent(now sim.Time, arg uint64) {
	if arg == 0 {
		if h.timer.Expired(h.s) {
			h.ep.HandleTimeout(now)
			h.Pump(now)
		}
		return
	}
	h.expireAlarm(now, AlarmID(arg))
}

// AddrChanged implements simnet.AddrWatcher: the endpoint learns of addresses
// that the node gains or loses.
func (h *Host) AddrChanged(now sim.Time, _ *simnet.Interface, a netip.Addr, up bool) {
	h.ep.HandleAddr(now, a, up, h.addrFlags(a))
	h.Pump(now)
}

// addrFlags returns how path managers may use an address now.
func (h *Host) addrFlags(a netip.Addr) mptcp.AddrFlags {
	var f mptcp.AddrFlags
	for _, known := range h.addrs {
		if known.addr == a {
			f = known.flags
			if known.low {
				f |= mptcp.AddrBackup
			}
		}
	}
	return f
}

// SetLowSignal says that the signal at an interface has become low, or no longer is: its
// addresses are backup as long, which peers learn by MP_PRIO.
func (h *Host) SetLowSignal(now sim.Time, ifc *simnet.Interface, low bool) {
	for _, p := range ifc.Addrs() {
		a := p.Addr()
		for i := range h.addrs {
			if h.addrs[i].addr == a {
				h.addrs[i].low = low
			}
		}
		if ifc.Up() {
			h.ep.HandleAddr(now, a, true, h.addrFlags(a))
		}
	}
	h.Pump(now)
}

// KnowAddr says how the endpoint's path managers may use an address (backup,
// signal, ...) whenever the node has it.
func (h *Host) KnowAddr(a netip.Addr, f mptcp.AddrFlags) {
	h.addrs = append(h.addrs, knownAddr{addr: a, flags: f})
}

// knownAddr is an address that the node has, had or will have.
type knownAddr struct {
	addr  netip.Addr
	flags mptcp.AddrFlags
	low   bool // see SetLowSignal
}

// Pump carries out what the endpoint wants after commands: it sends segments
// and delivers events until both are exhausted, and sets the timer. Commands
// that applications issue from within events need no further call.
func (h *Host) Pump(now sim.Time) {
	if h.pumping {
		return
	}
	h.pumping = true
	for {
		for out := &h.shared.out; h.ep.PollSegment(now, out); {
			h.send(now, out)
		}
		if !h.ep.PollEvent(&h.event) {
			break
		}
		h.dispatch(now, &h.event)
	}
	h.pumping = false
	h.timer.Set(h.s, h.ep.NextTimeout())
	if h.watched {
		h.watcher.Settled(now)
	}
}

// dispatch gives an event to its application. The event is the host's own, so
// that passing it through an interface allocates nothing.
func (h *Host) dispatch(now sim.Time, ev *mptcp.Event) {
	if ev.Kind == mptcp.Acceptable {
		for {
			c, ok := h.ep.Accept(ev.Conn)
			if !ok {
				return
			}
			h.setApp(c, h.accepts[ev.Conn](now, c))
		}
	}
	if a := h.app(ev.Conn); a != nil {
		a.OnEvent(now, ev)
	}
}

func (h *Host) app(c mptcp.ConnID) App {
	if int(c) < len(h.apps) {
		return h.apps[c]
	}
	return nil
}

func (h *Host) setApp(c mptcp.ConnID, a App) {
	for int(c) >= len(h.apps) {
		h.apps = append(h.apps, nil)
	}
	h.apps[c] = a
}
