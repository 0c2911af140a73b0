package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// orderNames are the names of orders in traces.
var orderNames = [...]string{
	"open", "close", "backup", "after", "announce", "remove", "close_from", "reset", "wake_moved", "wake_buffered",
}

// String returns the name of the kind.
func (k PathOrderKind) String() string {
	if int(k) < len(orderNames) {
		return orderNames[k]
	}
	return "unknown"
}

// obey carries out one order.
func (c *connection) obey(now sim.Time, o *PathOrder) {
	if c.over {
		return
	}
	switch o.Kind {
	case OrderOpen:
		if why := c.refusesOpen(o); why != trace.NoReason {
			c.traceRefused(now, o, why)
			return
		}
		c.obeyOpen(now, o)
	case OrderAnnounce:
		if o.ID == 0 {
			o.ID = c.addressID(o.Remote)
		}
		c.tracePM(now, o, sched.NoFlow)
		c.announce(now, announcement{id: o.ID, addr: o.Remote})
	case OrderRemove:
		c.tracePM(now, o, sched.NoFlow)
		c.withdraw(now, o.ID)
	case OrderCloseFrom:
		c.tracePM(now, o, sched.NoFlow)
		c.retireLocal(now, o.ID)
	case OrderAfter:
		c.traceLook(now, o, int64(o.After))
		t := pathTimer{now.Add(o.After), o.Tag}
		c.pm.timers = append(c.pm.timers, t)
		c.pm.at = min(c.pm.at, t.at)
	case OrderWakeMoved:
		c.traceLook(now, o, o.Bytes)
		c.pm.moved, c.pm.marked = max(o.Bytes, 1), true
	case OrderWakeBuffered:
		c.traceLook(now, o, o.Bytes)
		c.pm.buffered, c.pm.marked = max(o.Bytes, 1), true
	default:
		c.obeySubflow(now, o)
	}
}

// obeySubflow carries out an order about a subflow that exists.
func (c *connection) obeySubflow(now sim.Time, o *PathOrder) {
	if uint(o.Flow) >= uint(len(c.subs)) || c.subs[o.Flow].dead {
		c.traceRefused(now, o, trace.NoSocket)
		return
	}
	f := c.subs[o.Flow]
	c.tracePM(now, o, f.id)
	switch o.Kind {
	case OrderClose:
		f.why = trace.PathManagerRequest
		f.closeWrite(now)
		c.changed = true
	case OrderReset:
		f.reset(now, rstNone, trace.PathManagerRequest)
		c.changed = true
	default:
		f.setBackup(now, o.Backup)
	}
}

// refusesOpen says why no subflow can be opened; NoReason: one can.
func (c *connection) refusesOpen(o *PathOrder) trace.Reason {
	switch {
	case !c.mayOpen() || !c.p.family(o.Local):
		return trace.Refused
	case c.mayJoin(true):
		return trace.NoReason
	case !c.joinable():
		return trace.NotEstablished
	}
	return trace.SubflowLimit
}

// obeyOpen opens a subflow, or says why that cannot be.
func (c *connection) obeyOpen(now sim.Time, o *PathOrder) {
	if !o.Local.IsValid() {
		o.Local = c.e.sourceNear(o.Remote.Addr())
	}
	c.tracePM(now, o, cc.FlowID(c.nextNumber()))
	why := trace.Unreachable
	switch l := c.e.localAddr(o.Local); {
	case c.joinDenied && o.Remote == c.subs[0].flow.tuple.Dst:
		why = trace.Refused
	case o.Local.IsValid() && (l == nil || l.up) && o.Local.Is4() == o.Remote.Addr().Is4() &&
		c.openSubflow(now, netip.AddrPortFrom(o.Local, o.Port), o.Remote, o.ID, o.Backup) != nil:
		return
	}
	c.pm.note(PathEvent{
		Kind: PathSubflowDown, Flow: sched.NoFlow, Why: why,
		Local: o.Local, Remote: o.Remote, ID: o.ID,
	})
}

// tracePM records an action: its number, the local and the remote address id.
func (c *connection) tracePM(now sim.Time, o *PathOrder, f cc.FlowID) {
	local, remote := o.ID, uint8(0)
	if o.Kind == OrderOpen {
		local, remote = 0, o.ID
		if o.Local.IsValid() {
			local = c.addressID(netip.AddrPortFrom(o.Local, 0))
		}
	}
	c.e.emit(now, c.sock, f, trace.PathManager, trace.NoReason, int64(o.Kind), int64(local), int64(remote), 0, 0)
}

// traceRefused shows an order that is not carried out, with the reason.
func (c *connection) traceRefused(now sim.Time, o *PathOrder, why trace.Reason) {
	local := o.ID
	if o.Kind == OrderOpen {
		local = c.knownID(o.Local)
	}
	c.observePM(now, o, why, int64(local), 0)
}

// traceLook shows an order that changes nothing but when the path manager is asked
// next, with its delay in nanoseconds or its bytes.
func (c *connection) traceLook(now sim.Time, o *PathOrder, value int64) {
	c.observePM(now, o, trace.NoReason, 0, value)
}

func (c *connection) observePM(now sim.Time, o *PathOrder, why trace.Reason, local, value int64) {
	e := c.e
	if e.trace == nil || !e.trace.Wants(trace.PathManager) {
		return
	}
	f := sched.NoFlow
	if o.Kind == OrderClose || o.Kind == OrderReset || o.Kind == OrderBackup {
		f = o.Flow
	}
	e.work.record = trace.Record{
		At: now, Kind: trace.PathManager, Why: why, Conn: c.sock.number, Flow: int32(f),
		A: int64(o.Kind), B: local, C: int64(o.ID), D: value,
	}
	e.trace.Observe(&e.work.record)
}
