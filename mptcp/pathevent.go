package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PathEvent is something that a path manager learns.
type PathEvent struct {
	Kind   PathEventKind
	Flow   cc.FlowID      // of the events of subflows
	Why    trace.Reason   // of PathSubflowDown
	Local  netip.Addr     // of the subflow or of the address event
	Remote netip.AddrPort // of the subflow
	Tag    uint32         // of PathTimer: what After was given
	// ID is the address id of PathAddr events; Remote is the address, with the port
	// to connect to.
	ID uint8
	// Again says of PathAddrAdded that the peer had announced the same address and
	// port before.
	Again bool
	// Backup, of PathPriority, is what the peer asks for.
	Backup bool
	// Closed, of PathAddrRemoved, is how many subflows that we had opened to the
	// address were closed.
	Closed int
	// HasCode, of PathSubflowDown, says that the peer has reset the subflow with a
	// reason (MP_TCPRST), Code which, and Transient that trying again later makes
	// sense (flag T).
	HasCode, Transient bool
	Code               uint8
	// RTO, of PathRTO, is the timeout until the next retransmission, backed off.
	RTO sim.Duration
	// Bytes, of PathMoved and PathBuffered, is how many there are.
	Bytes int64
	// Endpoint, of the PathEndpoint events, is the address that the host's
	// configuration has gained, lost (the zero value: that of the initial subflow)
	// or changed, and Changed the flags that changed.
	Endpoint AddrConfig
	Changed  AddrFlags
}

// PathEventKind says what a path manager learns.
type PathEventKind uint8

// The kinds of path events. Those that Linux reports to user space have its names
// in traces, as `ip mptcp monitor` prints them (iproute2 ip/ipmptcp.c, kernel
// include/uapi/linux/mptcp_pm.h).
const (
	// PathEstablished: the connection is fully established; subflows may be added.
	PathEstablished PathEventKind = iota
	// PathSubflowUp: a subflow can carry data.
	PathSubflowUp
	// PathSubflowDown: a subflow has ended, or could not be opened.
	PathSubflowDown
	// PathLocalUp and PathLocalDown: the host has gained or lost an address.
	PathLocalUp
	PathLocalDown
	// PathTimer: the time that After asked for has come.
	PathTimer
	// PathKeyed, on the side that was opened passively: the peer has both keys, so
	// that addresses can be announced to it, but subflows not opened yet.
	PathKeyed
	// PathAddrAdded: the peer has announced an address.
	PathAddrAdded
	// PathAddrRemoved: the peer has withdrawn an address id.
	PathAddrRemoved
	// PathAddrEchoed: the peer has confirmed an announcement of ours.
	PathAddrEchoed
	// PathAddrLost: an announcement of ours was repeated in vain.
	PathAddrLost
	// PathEndpointAdded, PathEndpointRemoved and PathEndpointChanged: the host's
	// configuration of addresses has changed.
	PathEndpointAdded
	PathEndpointRemoved
	PathEndpointChanged
	// PathMoved and PathBuffered: a mark of WakeMoved or WakeBuffered is reached.
	PathMoved
	PathBuffered
	// PathRTO, for those who watch it: the retransmission timer of a subflow has
	// expired.
	PathRTO
	// PathPriority, for those who watch it: the peer has sent MP_PRIO.
	PathPriority
	// PathCreated, for those who watch it: the handshake of the connection is
	// complete, but the peer has not shown that it has our key.
	PathCreated
	// PathClosed is in traces only: the connection is over.
	PathClosed
)

var pathEventNames = [...]string{
	"ESTABLISHED", "SF_ESTABLISHED", "SF_CLOSED", "local_up", "local_down", "timer", "keyed",
	"ANNOUNCED", "REMOVED", "addr_echoed", "addr_lost",
	"endpoint_added", "endpoint_removed", "endpoint_changed",
	"moved", "buffered", "rto", "SF_PRIO", "CREATED", "CLOSED",
}

// String returns the name of the kind: that of `ip mptcp monitor` if it has one.
func (k PathEventKind) String() string {
	if int(k) < len(pathEventNames) {
		return pathEventNames[k]
	}
	return "unknown"
}

// PathEventKinds returns the number of kinds; every smaller PathEventKind is
// valid.
func PathEventKinds() int { return len(pathEventNames) }

// PathWatch is a set of events that only those path managers get that ask.
type PathWatch uint8

// The events to ask for.
const (
	WatchCreated PathWatch = 1 << iota
	WatchPriority
	WatchRTO
)

// PathWatcher is a path manager that asks for events beside the usual ones.
type PathWatcher interface {
	Watches() PathWatch
}

// noteWatched queues an event that path managers must ask for, and traces it in
// any case.
func (c *connection) noteWatched(now sim.Time, w PathWatch, ev PathEvent) {
	p := &c.pm
	switch {
	case p.pm != nil && p.watch&w != 0 && (p.open || w == WatchCreated):
		p.queue = append(p.queue, ev)
	case c.sock.opt.Protocol == MPTCP && w != WatchRTO: // timeouts have a record of their own
		c.observePath(now, &ev)
	}
}

// observePath shows an event to those who look at the trace. It does not enter the
// run hash: its causes and the orders that follow do.
func (c *connection) observePath(now sim.Time, ev *PathEvent) {
	e := c.e
	if e.trace == nil || !e.trace.Wants(trace.PathEvent) {
		return
	}
	local, value := uint8(0), ev.Bytes
	if ev.Local.IsValid() {
		local = c.knownID(ev.Local)
	}
	flow := ev.Flow
	switch ev.Kind {
	case PathSubflowUp, PathSubflowDown, PathPriority, PathRTO:
	default:
		flow = -1
	}
	switch ev.Kind {
	case PathTimer:
		value = int64(ev.Tag)
	case PathRTO:
		value = int64(ev.RTO)
	case PathPriority:
		if ev.Backup {
			value = 1
		}
	case PathEndpointAdded, PathEndpointRemoved, PathEndpointChanged:
		local = ev.Endpoint.ID
	}
	e.work.record = trace.Record{
		At: now, Kind: trace.PathEvent, Why: ev.Why, Conn: c.sock.number, Flow: int32(flow),
		A: int64(ev.Kind), B: int64(local), C: int64(ev.ID), D: value,
	}
	e.trace.Observe(&e.work.record)
}

// buffered is what was written and is not acknowledged at the connection level;
// moved is what both directions have delivered.
func (c *connection) buffered() int64 { return int64(c.send.end - c.send.una) }
func (c *connection) moved() int64    { return int64(c.send.una + c.recv.next - 2) }

// checkMarks queues the events of the marks that are reached.
func (c *connection) checkMarks() {
	p := &c.pm
	if n := c.moved(); p.moved > 0 && n >= p.moved {
		p.moved = 0
		p.note(PathEvent{Kind: PathMoved, Bytes: n})
	}
	if n := c.buffered(); p.buffered > 0 && n >= p.buffered {
		p.buffered = 0
		p.note(PathEvent{Kind: PathBuffered, Bytes: n})
	}
	p.marked = p.moved > 0 || p.buffered > 0
}

// noteTimeout queues the event of a retransmission timeout.
func (c *connection) noteTimeout(now sim.Time, f *subflow) {
	if c.pm.watch&WatchRTO != 0 {
		c.noteWatched(now, WatchRTO, PathEvent{
			Kind: PathRTO, Flow: f.id, RTO: f.flow.tcp.RTO(), ID: f.remoteID,
			Local: f.flow.tuple.Src.Addr(), Remote: f.flow.tuple.Dst,
		})
	}
}
