package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// PathManager decides which subflows a connection has. It gets events and orders
// actions; it never touches a subflow. There is one for each connection.
type PathManager interface {
	OnEvent(now sim.Time, ev PathEvent, act *PathActions)
}

// PathLocal is a local address that subflows can be opened from.
type PathLocal struct {
	Addr netip.Addr
	// ID is the address id; 0 for the address of the initial subflow, and for one
	// that has not got an id yet.
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
	// Joined: it is not the initial subflow. HalfOpen: the peer's third packet is
	// missing.
	Joined, HalfOpen  bool
	LocalID, RemoteID uint8
	// Failed: it timed out and was not heard of since.
	Failed bool
	// SRTT and RTO are the smoothed round-trip time and the retransmission timeout,
	// backed off; Rate is the congestion window over SRTT, in bytes per second (Linux
	// pacing_rate without its factor); Acked counts payload bytes.
	SRTT, RTO sim.Duration
	Rate      int64
	Acked     uint64
}

// PathActions is what a path manager may look at and order. It is valid during
// the call only; orders are carried out afterwards, in the order given.
type PathActions struct {
	// Client is true on the side that opened the connection.
	Client bool
	// Limit is how many subflows beside the initial one are allowed;
	// AddAddrAccepted is how many announced addresses may be used (PathLimits).
	Limit, AddAddrAccepted int
	// Established: subflows may be opened; before, orders to do so are ignored.
	Established bool
	// JoinDenied: the peer does not accept subflows to the address and port of the
	// initial one (flag C of MP_CAPABLE). Such orders fail.
	JoinDenied bool
	// Buffered is what the application has written and the peer not acknowledged at
	// the connection level, Moved what both directions have delivered so far, and
	// InitialWindow TCP's first window (RFC 6928), all in bytes.
	Buffered, Moved, InitialWindow int64
	// Endpoints is the host's configuration of addresses, in its order.
	Endpoints []AddrConfig
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

// The kinds of orders.
const (
	OrderOpen PathOrderKind = iota
	OrderClose
	OrderBackup
	OrderAfter
	OrderAnnounce
	OrderRemove
	OrderCloseFrom
	OrderReset
	OrderWakeMoved
	OrderWakeBuffered
)

// PathOrder is one action that a path manager has ordered.
type PathOrder struct {
	Kind   PathOrderKind
	Local  netip.Addr     // of OrderOpen; invalid: chosen by the route
	Port   uint16         // of OrderOpen: the local port; 0: chosen by the policy
	Remote netip.AddrPort // of OrderOpen; of OrderAnnounce what is announced
	ID     uint8          // of OrderOpen: the peer's id of Remote; else ours
	Backup bool           // of OrderOpen and OrderBackup
	Flow   cc.FlowID      // of OrderClose, OrderBackup and OrderReset
	After  sim.Duration   // of OrderAfter
	Tag    uint32         // of OrderAfter
	Bytes  int64          // of OrderWakeMoved and OrderWakeBuffered
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

// OpenTo orders a new subflow like Open, to an address that the peer has
// announced under an id. Without a valid local address the host chooses one.
func (a *PathActions) OpenTo(local netip.Addr, remote netip.AddrPort, id uint8, backup bool) {
	a.orders = append(a.orders, PathOrder{Kind: OrderOpen, Local: local, Remote: remote, ID: id, Backup: backup})
}

// Announce orders an address, and unless it is 0 a port, to be announced to the
// peer under an id (ADD_ADDR, RFC 8684 section 3.4.1); 0 stands for the id that
// the address has. Announcements leave one
// after the other, and are repeated as the profile says.
func (a *PathActions) Announce(id uint8, what netip.AddrPort) {
	a.orders = append(a.orders, PathOrder{Kind: OrderAnnounce, Remote: what, ID: id})
}

// Remove orders the peer to be told that an address id is not valid any more
// (REMOVE_ADDR, RFC 8684 section 3.4.2). Subflows are not closed by it.
func (a *PathActions) Remove(id uint8) {
	a.orders = append(a.orders, PathOrder{Kind: OrderRemove, ID: id})
}

// CloseFrom orders the end of the subflows from the local address of an id: an
// ACK, then a FIN behind what they carry.
func (a *PathActions) CloseFrom(id uint8) {
	a.orders = append(a.orders, PathOrder{Kind: OrderCloseFrom, ID: id})
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

// Reset orders the end of a subflow by a RST; what it carried is sent again
// elsewhere.
func (a *PathActions) Reset(f cc.FlowID) {
	a.orders = append(a.orders, PathOrder{Kind: OrderReset, Flow: f})
}

// OpenPort orders a new subflow like Open, from a given local port. If the port is
// taken the order fails.
func (a *PathActions) OpenPort(local netip.AddrPort, remote netip.AddrPort, backup bool) {
	a.orders = append(a.orders, PathOrder{
		Kind: OrderOpen, Local: local.Addr(), Port: local.Port(), Remote: remote, Backup: backup,
	})
}

// WakeMoved orders one PathMoved event for when Moved reaches so many bytes; it
// replaces an earlier order of this kind.
func (a *PathActions) WakeMoved(bytes int64) {
	a.orders = append(a.orders, PathOrder{Kind: OrderWakeMoved, Bytes: bytes})
}

// WakeBuffered orders one PathBuffered event for when Buffered reaches so many
// bytes; it replaces an earlier order of this kind.
func (a *PathActions) WakeBuffered(bytes int64) {
	a.orders = append(a.orders, PathOrder{Kind: OrderWakeBuffered, Bytes: bytes})
}

// pathManaging is the connection's side of its path manager.
type pathManaging struct {
	told   bool // PathEstablished has been queued
	open   bool // events are queued
	marked bool // moved or buffered is waited for
	watch  PathWatch
	queue  []PathEvent
	at     sim.Time // earliest of timers
	pm     PathManager
	timers []pathTimer
	// moved and buffered are the marks of WakeMoved and WakeBuffered; 0: none.
	moved, buffered int64
}

type pathTimer struct {
	at  sim.Time
	tag uint32
}

func (p *pathManaging) init(e *Endpoint, s *socket) {
	p.at = sim.Never
	if s.opt.PathManager != nil {
		p.pm = s.opt.PathManager(e.connStream(s, "pm"))
		if w, ok := p.pm.(PathWatcher); ok {
			p.watch = w.Watches()
		}
	}
}

func (p *pathManaging) stop() {
	p.at = sim.Never
	p.queue, p.timers, p.pm, p.marked = nil, nil, nil, false
}

func (p *pathManaging) pending() bool { return len(p.queue) > 0 }

// note queues an event, once the peer's keys are known.
func (p *pathManaging) note(ev PathEvent) {
	if p.pm != nil && p.open {
		p.queue = append(p.queue, ev)
	}
}

// tellEstablished queues PathEstablished, and what the peer has announced before.
func (c *connection) tellEstablished() {
	p := &c.pm
	if p.told {
		return
	}
	p.told, p.open = true, true
	p.note(PathEvent{Kind: PathEstablished})
	for i := range c.addr.heard {
		h := &c.addr.heard[i]
		p.note(PathEvent{Kind: PathAddrAdded, ID: h.id, Remote: h.to})
	}
}

// keyed queues PathKeyed.
func (p *pathManaging) keyed() {
	if !p.open {
		p.open = true
		p.note(PathEvent{Kind: PathKeyed})
	}
}

// timeout queues the events of the timers that have expired, and drops those.
func (p *pathManaging) timeout(now sim.Time) {
	rest := p.timers[:0]
	p.at = sim.Never
	for _, t := range p.timers {
		if t.at <= now {
			if p.pm != nil { // one that watches PathCreated may ask before the rest is open to it
				p.queue = append(p.queue, PathEvent{Kind: PathTimer, Tag: t.tag})
			}
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
	a := &c.e.work.actions
	for len(c.pm.queue) > 0 && c.pm.pm != nil {
		ev := c.pm.queue[0]
		c.pm.queue = c.pm.queue[1:]
		c.fillActions(a)
		c.observePath(now, &ev)
		c.pm.pm.OnEvent(now, ev, a)
		orders := a.TakeOrders()
		if w := c.e.witness; w != nil {
			w.Managed(now, &Management{c.sock.opt.Name, c.sock.number, &ev, orders})
		}
		for i := range orders {
			c.obey(now, &orders[i])
		}
	}
}

// fillActions shows the path manager the present state.
func (c *connection) fillActions(a *PathActions) {
	a.Client = c.client
	a.Limit = c.subflowLimit()
	a.AddAddrAccepted = c.e.PathLimits().AddAddrAccepted
	a.Established, a.JoinDenied = c.joinable(), c.joinDenied
	a.Buffered, a.Moved = c.buffered(), c.moved()
	a.InitialWindow = int64(c.p.TCP.InitialWindowSegments) * int64(c.subs[0].flow.tcp.MSS())
	a.Endpoints = append(a.Endpoints[:0], c.e.paths.list...)
	a.orders, a.Local, a.Remote, a.Subflows = a.orders[:0], a.Local[:0], a.Remote[:0], a.Subflows[:0]
	for i := range c.e.addrs {
		if l := &c.e.addrs[i]; l.up {
			a.Local = append(a.Local, PathLocal{l.addr, c.knownID(l.addr), l.flags})
		}
	}
	a.Remote = append(a.Remote, PathRemote{Addr: c.subs[0].flow.tuple.Dst})
	for i := range c.addr.heard {
		if h := &c.addr.heard[i]; h.id != 0 && !h.withdrawn {
			a.Remote = append(a.Remote, PathRemote{h.to, h.id})
		}
	}
	for _, f := range c.subs {
		if f.dead || f.closing {
			continue
		}
		t := &f.flow.tcp
		rate := int64(0)
		if srtt := int64(t.SRTT()); srtt > 0 {
			rate = c.cc.Window(f.id) * int64(sim.Second) / srtt
		}
		a.Subflows = append(a.Subflows, PathSubflow{
			Failed: f.failed, SRTT: t.SRTT(), RTO: t.RTO(), Rate: rate, Acked: t.SndUna(),
			Flow: f.id, Local: f.flow.tuple.Src.Addr(), Remote: f.flow.tuple.Dst,
			Active: f.active || f.id == 0 && c.client, Usable: f.usable(), Backup: f.isBackup(),
			Joined: f.joined, HalfOpen: f.phase == phaseSYNACK, LocalID: f.localID, RemoteID: f.remoteID,
		})
	}
}

// localAddrChanged tells the connection of an address that the host has gained or
// lost, or whose flags have changed. Subflows from a lost one are over: no packet
// of theirs can leave.
func (c *connection) localAddrChanged(now sim.Time, l, was *localAddr) {
	withdrawn := false
	for _, f := range c.subs {
		if f.dead || f.phase == phasePlain || f.flow.tuple.Src.Addr() != l.addr {
			continue
		}
		if !l.up {
			f.flow.mute = true
			f.reset(now, rstNone, trace.Unreachable)
			if c.p.RemoveOnLoss && !withdrawn {
				withdrawn = true
				c.withdraw(now, f.localID)
			}
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
