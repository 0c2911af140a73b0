package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PathManager decides which subflows a connection has. It gets events and orders
// actions; it never touches a subflow. There is one for each connection.
type PathManager interface {
	OnEvent(now sim.Time, ev PathEvent, act *PathActions)
}

// PathEvent is something that a path manager learns.
type PathEvent struct {
	Kind   PathEventKind
	Flow   cc.FlowID      // of PathSubflowUp and PathSubflowDown
	Why    trace.Reason   // of PathSubflowDown
	Local  netip.Addr     // of the subflow or of the address event
	Remote netip.AddrPort // of the subflow
	Tag    uint32         // of PathTimer: what After was given
}

// PathEventKind says what a path manager learns.
type PathEventKind uint8

// The kinds of path events. Addresses that the peer announces or removes will
// come as further kinds.
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
)

var pathEventNames = [...]string{
	"established", "subflow_up", "subflow_down", "local_up", "local_down", "timer",
}

// String returns the name of the kind.
func (k PathEventKind) String() string {
	if int(k) < len(pathEventNames) {
		return pathEventNames[k]
	}
	return "unknown"
}

// PathLocal is a local address that subflows can be opened from.
type PathLocal struct {
	Addr  netip.Addr
	ID    uint8
	Flags AddrFlags
}

// PathRemote is an address of the peer.
type PathRemote struct {
	Addr netip.AddrPort
	ID   uint8
}

// PathSubflow is a subflow that exists, its handshake included.
type PathSubflow struct {
	Flow   cc.FlowID
	Local  netip.Addr
	Remote netip.AddrPort
	Active bool // we opened it
	Usable bool
	Backup bool
}

// PathActions is what a path manager may look at and order. It is valid during
// the call only; orders are carried out afterwards, in the order given.
type PathActions struct {
	// Client is true on the side that opened the connection.
	Client bool
	// Limit is how many subflows beside the initial one are allowed.
	Limit int
	// Local are the addresses that are up, in the order in which the host got
	// them; Remote are those known of the peer, the initial one first; Subflows
	// are in the order of FlowID.
	Local    []PathLocal
	Remote   []PathRemote
	Subflows []PathSubflow

	orders []PathOrder
}

// PathOrderKind says what a path manager orders.
type PathOrderKind uint8

// The kinds of orders; trace records show them as numbers.
const (
	OrderOpen PathOrderKind = iota
	OrderClose
	OrderBackup
	OrderAfter
)

// PathOrder is one action that a path manager has ordered.
type PathOrder struct {
	Kind   PathOrderKind
	Local  netip.Addr     // of OrderOpen
	Remote netip.AddrPort // of OrderOpen
	Backup bool           // of OrderOpen and OrderBackup
	Flow   cc.FlowID      // of OrderClose and OrderBackup
	After  sim.Duration   // of OrderAfter
	Tag    uint32         // of OrderAfter
}

// TakeOrders returns the orders of the call and forgets them. The connection
// does so, and tests of path managers.
func (a *PathActions) TakeOrders() []PathOrder {
	o := a.orders
	a.orders = a.orders[:0]
	return o
}

// Open orders a new subflow from a local address to one of the peer's. A local
// port is chosen. Orders beyond Limit are ignored.
func (a *PathActions) Open(local netip.Addr, remote netip.AddrPort, backup bool) {
	a.orders = append(a.orders, PathOrder{Kind: OrderOpen, Local: local, Remote: remote, Backup: backup})
}

// Close orders the end of a subflow: a FIN behind what it carries.
func (a *PathActions) Close(f cc.FlowID) {
	a.orders = append(a.orders, PathOrder{Kind: OrderClose, Flow: f})
}

// SetBackup asks the peer to use a subflow only if there is no other, or no
// longer so, and does the same here.
func (a *PathActions) SetBackup(f cc.FlowID, backup bool) {
	a.orders = append(a.orders, PathOrder{Kind: OrderBackup, Flow: f, Backup: backup})
}

// After orders a PathTimer event with the given tag.
func (a *PathActions) After(d sim.Duration, tag uint32) {
	a.orders = append(a.orders, PathOrder{Kind: OrderAfter, After: d, Tag: tag})
}

// pathManaging is the connection's side of its path manager.
type pathManaging struct {
	pm     PathManager
	queue  []PathEvent
	timers []pathTimer
	at     sim.Time // earliest of timers
	told   bool     // PathEstablished has been queued
}

type pathTimer struct {
	at  sim.Time
	tag uint32
}

func (p *pathManaging) init(e *Endpoint, s *socket) {
	p.at = sim.Never
	if s.opt.PathManager != nil {
		p.pm = s.opt.PathManager(e.connStream(s, "pm"))
	}
}

func (p *pathManaging) stop() {
	p.at = sim.Never
	p.queue, p.timers, p.pm = nil, nil, nil
}

func (p *pathManaging) pending() bool { return len(p.queue) > 0 }

// note queues an event, once the connection is fully established.
func (p *pathManaging) note(ev PathEvent) {
	if p.pm != nil && p.told {
		p.queue = append(p.queue, ev)
	}
}

// establish queues the first event.
func (p *pathManaging) establish() {
	if !p.told {
		p.told = true
		p.note(PathEvent{Kind: PathEstablished})
	}
}

// timeout queues the events of the timers that have expired, and drops those.
func (p *pathManaging) timeout(now sim.Time) {
	rest := p.timers[:0]
	p.at = sim.Never
	for _, t := range p.timers {
		if t.at <= now {
			p.note(PathEvent{Kind: PathTimer, Tag: t.tag})
			continue
		}
		rest = append(rest, t)
		p.at = min(p.at, t.at)
	}
	p.timers = rest
}

// runPathManager gives the queued events to the path manager and carries its
// orders out.
func (c *connection) runPathManager(now sim.Time) {
	a := &c.e.actions
	for len(c.pm.queue) > 0 && c.pm.pm != nil {
		ev := c.pm.queue[0]
		c.pm.queue = c.pm.queue[1:]
		c.fillActions(a)
		c.pm.pm.OnEvent(now, ev, a)
		orders := a.TakeOrders()
		for i := range orders {
			c.obey(now, &orders[i])
		}
	}
}

// fillActions shows the path manager the present state.
func (c *connection) fillActions(a *PathActions) {
	a.Client = c.client
	a.Limit = c.sock.opt.SubflowLimit
	a.orders, a.Local, a.Remote, a.Subflows = a.orders[:0], a.Local[:0], a.Remote[:0], a.Subflows[:0]
	for i := range c.e.addrs {
		if l := &c.e.addrs[i]; l.up {
			a.Local = append(a.Local, PathLocal{l.addr, c.addressID(l.addr), l.flags})
		}
	}
	a.Remote = append(a.Remote, PathRemote{Addr: c.subs[0].flow.tuple.Dst})
	for _, f := range c.subs {
		if f.dead || f.closing {
			continue
		}
		a.Subflows = append(a.Subflows, PathSubflow{
			Flow: f.id, Local: f.flow.tuple.Src.Addr(), Remote: f.flow.tuple.Dst,
			Active: f.active || f.id == 0 && c.client, Usable: f.usable(), Backup: f.isBackup(),
		})
	}
}

// obey carries out one order.
func (c *connection) obey(now sim.Time, o *PathOrder) {
	if c.over {
		return
	}
	switch o.Kind {
	case OrderOpen:
		if !c.mayOpen() || !c.p.family(o.Local) || !c.mayJoin(true) {
			return
		}
		c.tracePM(now, o, cc.FlowID(len(c.subs)))
		if !c.openSubflow(now, o.Local, o.Remote, 0, o.Backup) {
			c.pm.note(PathEvent{Kind: PathSubflowDown, Flow: sched.NoFlow, Why: trace.Unreachable, Local: o.Local, Remote: o.Remote})
		}
	case OrderAfter:
		t := pathTimer{now.Add(o.After), o.Tag}
		c.pm.timers = append(c.pm.timers, t)
		c.pm.at = min(c.pm.at, t.at)
	default:
		if uint(o.Flow) >= uint(len(c.subs)) || c.subs[o.Flow].dead {
			return
		}
		f := c.subs[o.Flow]
		c.tracePM(now, o, f.id)
		if o.Kind == OrderClose {
			f.why = trace.PathManagerRequest
			f.closeWrite(now)
			c.changed = true
			return
		}
		f.setBackup(now, o.Backup)
	}
}

// setBackup changes whether the subflow is a backup and tells the peer (RFC 8684
// section 3.3.8).
func (f *subflow) setBackup(now sim.Time, backup bool) {
	if f.backup == backup {
		return
	}
	f.backup = backup
	f.prioDue = f.conn.p.can(Priority)
	f.ackNow(now)
	f.conn.work = true
}

// tracePM records an action: its number, the local and the remote address id.
func (c *connection) tracePM(now sim.Time, o *PathOrder, f cc.FlowID) {
	local := uint8(0)
	if o.Kind == OrderOpen {
		local = c.addressID(o.Local)
	}
	c.e.emit(now, c.sock, f, trace.PathManager, trace.NoReason, int64(o.Kind), int64(local), 0, 0, 0)
}

// localAddrChanged tells the connection of an address that the host has gained or
// lost, or whose flags have changed. Subflows from a lost one are over: no packet
// of theirs can leave.
func (c *connection) localAddrChanged(now sim.Time, l, was *localAddr) {
	for _, f := range c.subs {
		if f.dead || f.phase == phasePlain || f.flow.tuple.Src.Addr() != l.addr {
			continue
		}
		if !l.up {
			f.flow.mute = true
			f.reset(now, rstNone, trace.Unreachable)
		} else if was.up && (l.flags^was.flags)&AddrBackup != 0 {
			f.setBackup(now, l.flags&AddrBackup != 0)
		}
	}
	switch {
	case l.up && !was.up:
		c.pm.note(PathEvent{Kind: PathLocalUp, Local: l.addr})
	case !l.up:
		c.pm.note(PathEvent{Kind: PathLocalDown, Local: l.addr})
	}
	c.settle(now)
}
