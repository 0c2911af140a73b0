package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// MP_PRIO (RFC 8684 section 3.3.8): a host asks its peer to use a subflow only if
// there is no other, or no longer so. In version 1 the option is about the subflow
// that carries it. In version 0 (RFC 6824 section 3.3.8) it may carry the id of an
// address of the sender instead, and is about every subflow of that address; it is
// sent so if the subflow itself has timed out and another one has not.

// setBackup changes whether the subflow is a backup and tells the peer.
func (f *subflow) setBackup(now sim.Time, backup bool) {
	if f.backup == backup {
		return
	}
	f.backup = backup
	f.conn.work = true
	if !f.conn.p.can(Priority) {
		return
	}
	g := f.prioCarrier()
	g.prioDue, g.prioOf = true, f
	g.ackNow(now)
}

// prioCarrier returns the subflow that is to carry the option.
func (f *subflow) prioCarrier() *subflow {
	if f.conn.version > 0 || !f.failed {
		return f
	}
	for _, g := range f.conn.subs {
		if g.established() && !g.failed && !g.prioDue {
			return g
		}
	}
	return f
}

// writePrio adds the option that is due to a segment.
func (f *subflow) writePrio(now sim.Time, s *Segment) {
	f.prioDue = false
	o := s.Options()
	o.Present |= wire.OptPrio
	o.Prio = wire.Prio{Backup: f.prioOf.backup}
	if f.prioOf != f {
		o.Prio.HasAddrID, o.Prio.AddrID = true, f.prioOf.localID
	}
	f.conn.e.count(now, f.conn.sock, mpPrioTx)
}

// readPrio takes the peer's wish over. An address id in version 1 makes the option
// invalid.
func (f *subflow) readPrio(now sim.Time, m *wire.Prio) {
	c := f.conn
	if m.HasAddrID && c.version > 0 {
		return
	}
	c.e.count(now, c.sock, mpPrioRx)
	for _, g := range c.subs {
		if m.HasAddrID && g.remoteID == m.AddrID || !m.HasAddrID && g == f {
			g.peerBackup = m.Backup
			c.noteWatched(now, WatchPriority, PathEvent{
				Kind: PathPriority, Flow: g.id, Backup: m.Backup, ID: g.remoteID,
				Local: g.flow.tuple.Src.Addr(), Remote: g.flow.tuple.Dst,
			})
		}
	}
	c.work = true
}
