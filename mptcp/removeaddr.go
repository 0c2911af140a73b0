package mptcp

import (
	"slices"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// REMOVE_ADDR (RFC 8684 section 3.4.2). It is sent once, with a DSS: it is not
// reliable. What the receiver does with subflows of the address is the profile's
// choice: the text has it probe them first and keep those that answer, Linux
// closes them by FIN.

// withdraw tells the peer that an address id is not valid any more.
func (c *connection) withdraw(now sim.Time, id uint8) {
	kept := c.addr.own[:0]
	for _, o := range c.addr.own {
		if o.id != id {
			kept = append(kept, o)
		}
	}
	if len(kept) < len(c.addr.own) {
		c.addr.own = kept
		c.nextAnnouncement(now)
	}
	for _, r := range c.addr.removed {
		if r == id {
			return
		}
	}
	if !c.p.can(SendRemoveAddr) {
		return
	}
	c.addr.removed = append(c.addr.removed, id) // at most 256
	c.orderRemoval(now, id)
}

// orderRemoval makes an ACK leave that carries the ids: on a subflow that does
// not use the address, if there is one (Linux mptcp_pm_addr_send_ack_avoid_list).
func (c *connection) orderRemoval(now sim.Time, id uint8) {
	var second *subflow
	for _, f := range c.subs {
		if !f.signalReady() || f.flow.mute {
			continue
		}
		if f.localID != id && !f.failed && !f.closing {
			c.orderRemovalOn(now, f)
			return
		}
		if second == nil || second.localID == id && f.localID != id {
			second = f
		}
	}
	if second == nil {
		c.addr.removed = c.addr.removed[:0]
		c.e.count(now, c.sock, rmAddrTxDrop)
		return
	}
	c.orderRemovalOn(now, second)
}

func (c *connection) orderRemovalOn(now sim.Time, f *subflow) {
	f.due |= dueRemoval
	f.ackNow(now)
}

// writeRemoval puts ids into an ACK: as many as there is room for.
func (f *subflow) writeRemoval(now sim.Time, s *Segment, room int) {
	c := f.conn
	const base = 3 // octets of the option without ids
	f.due &^= dueRemoval
	n := min(len(c.addr.removed), room-base)
	if n <= 0 {
		return
	}
	o := s.Options()
	o.Present |= wire.OptRemoveAddr
	o.RemoveAddr.N = uint8(copy(o.RemoveAddr.IDs[:], c.addr.removed[:n]))
	for _, id := range c.addr.removed[:n] {
		c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.NoReason, int64(trace.RemovalSent), int64(id), 0, 0, 0)
	}
	c.addr.removed = c.addr.removed[:copy(c.addr.removed, c.addr.removed[n:])]
	c.e.count(now, c.sock, rmAddrTx)
	if len(c.addr.removed) > 0 {
		c.e.emit(now, c.sock, f.id, trace.OptionLeftOut, trace.NoOptionSpace, int64(wire.OptRemoveAddr),
			int64(len(c.addr.removed)), int64(room), 0, 0)
		f.due |= dueRemoval
		c.owing, c.chores = f, true // another ACK takes the rest
		c.e.settlesAfter(c)
	}
}

// readRemoveAddr processes a REMOVE_ADDR. Ids that name nothing are ignored (RFC 8684
// section 3.4.2), but counted (Linux mptcp_pm_rm_addr_or_subflow). An id whose subflow
// has ended, or whose FIN has come over a faster path, is known all the same.
func (f *subflow) readRemoveAddr(now sim.Time, o *wire.RemoveAddr) {
	c := f.conn
	for _, id := range o.IDs[:min(int(o.N), len(o.IDs))] {
		known := false
		for i := range c.addr.heard {
			if h := &c.addr.heard[i]; h.id == id && !h.withdrawn {
				h.withdrawn, known = true, true
			}
		}
		closed := 0
		for _, g := range c.subs {
			if g.remoteID != id || g.phase == phasePlain {
				continue
			}
			known = true
			if g.dead || g.closing {
				continue
			}
			if c.p.RemoveAddr == RemoveProbes {
				g.startCheck(now)
				continue
			}
			if g.active && g.joined {
				closed++
			}
			g.retire(now, trace.AddressRemoved)
		}
		c.e.count(now, c.sock, rmAddr)
		if !known {
			c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.UnknownAddressID, int64(trace.RemovalReceived), int64(id), 0, 0, 0)
			continue
		}
		c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.NoReason, int64(trace.RemovalReceived), int64(id), int64(closed), 0, 0)
		c.pm.note(PathEvent{Kind: PathAddrRemoved, ID: id, Closed: closed})
	}
}

// retire closes a subflow by an ACK and then a FIN behind what it carries (Linux
// mptcp_subflow_shutdown and mptcp_close_ssk). With the order to close, the
// subflow leaves the connection: the peer may be gone from that address, or may
// have closed its window for good, as a socket of Linux in FIN-WAIT-2 does. So what
// it carries can be sent again on others at once, and the application and the
// path manager do not wait for the peer. TCP goes on for a bounded time; what the
// peer acknowledges or sends on it meanwhile is still taken.
func (f *subflow) retire(now sim.Time, why trace.Reason) {
	if f.dead || f.closing || f.due&dueFIN != 0 {
		return
	}
	if !f.established() {
		f.reset(now, rstNone, why)
		return
	}
	f.why = why
	f.retired = true
	f.due |= dueFIN
	f.ackNow(now)
	f.conn.work = true
}

// retireNow orders the FIN behind the ACK that is being sent.
func (f *subflow) retireNow() {
	f.due &^= dueFIN
	f.closing = true
	f.conn.changed = true
	f.conn.e.settlesAfter(f.conn)
}

// retireLocal closes the subflows from the local address of an id, whether or not a
// REMOVE_ADDR goes with it.
func (c *connection) retireLocal(now sim.Time, id uint8) {
	for _, f := range c.subs {
		if f.dead || f.closing || f.phase == phasePlain || f.localID != id {
			continue
		}
		c.e.count(now, c.sock, rmSubflow)
		if c.p.RemoveResets && slices.Contains(c.addr.removed, id) && f.due&dueRemoval == 0 && !c.onlyCarrier(f) {
			f.reset(now, rstNone, trace.AddressRemoved)
			c.changed = true
			continue
		}
		f.retire(now, trace.PathManagerRequest)
	}
}

// maxChecks is how many keepalives a withdrawn path may leave unanswered.
const maxChecks = 3

// withdrawnCheck is the probing of a subflow whose address the peer has
// withdrawn.
type withdrawnCheck struct {
	on    bool
	at    sim.Time // of the next look
	since sim.Time // what arrives later is an answer
	tries int
}

// startCheck sends a keepalive on a subflow that may be gone (RFC 8684 section
// 3.4.2, RFC 1122 section 4.2.3.6).
func (f *subflow) startCheck(now sim.Time) {
	if f.keepalive.on {
		return
	}
	if !f.established() {
		f.reset(now, rstNone, trace.AddressRemoved)
		return
	}
	f.keepalive = withdrawnCheck{on: true, since: now}
	f.sendCheck(now)
}

func (f *subflow) sendCheck(now sim.Time) {
	c := f.conn
	f.keepalive.tries++
	f.keepalive.at = now.Add(f.flow.tcp.RTO())
	c.addr.checkAt = min(c.addr.checkAt, f.keepalive.at)
	c.e.timers.set(c.timer, c.addr.checkAt)
	f.flow.tcp.Probe()
	c.e.ready.push(f.flow)
}

// checkWithdrawn looks at the subflows that are probed: one that has answered is
// kept, one that stays silent is reset.
func (c *connection) checkWithdrawn(now sim.Time) {
	c.addr.checkAt = sim.Never
	for _, f := range c.subs {
		k := &f.keepalive
		switch {
		case !k.on:
		case f.dead:
			k.on = false
		case f.flow.tcp.LastReceived() > k.since:
			k.on = false
			c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.NoReason, int64(trace.PathAnswers), int64(f.remoteID), 0, 0, 0)
		case k.at > now:
			c.addr.checkAt = min(c.addr.checkAt, k.at)
		case k.tries >= maxChecks:
			k.on = false
			f.reset(now, rstNone, trace.AddressRemoved)
		default:
			f.sendCheck(now)
		}
	}
}
