package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// fallback is the state of a connection that goes on as plain TCP on its first
// subflow (RFC 8684 section 3.7): byte p of the subflow is data number p+1 in
// both directions, as if an infinite mapping had held from the beginning, and
// TCP's own acknowledgements, windows and FINs hold.
type fallback struct {
	on  bool
	why trace.Reason
	eof bool // the peer's FIN has arrived
}

// canFallBack reports whether the first subflow carries exactly the stream of the
// connection, so that it can go on without mappings: it is the only one there
// ever was, and nothing was sent on it twice or is missing in between. The next
// byte to be delivered is at position pos.
func (c *connection) canFallBack(f *subflow, pos uint64) bool {
	return c.p.can(DataFallback) && f.id == 0 && len(c.subs) == 1 &&
		f.flow.tcp.SndEnd() == c.send.next-1 &&
		pos == c.recv.next-1 && len(c.recv.waiting) == 0
}

// fallBack turns the connection into plain TCP.
func (c *connection) fallBack(now sim.Time, f *subflow, why trace.Reason, n counter) {
	c.fallback.on = true
	c.fallback.why = why
	c.full = false
	c.forgetToken()
	c.fastFallback(now)
	c.e.count(now, c.sock, n)
	c.e.emit(now, c.sock, f.id, trace.Fallback, why, 0, 0, 0, 0, 0)
	c.sock.tell(Fallback, why)
	f.setPhase(now, phasePlain)
	f.tx.reset()
	f.rx.reset()
	f.releaseHeld(now)
	c.send.flight, c.send.copied, c.send.head, c.send.copies = nil, nil, 0, 0
	c.send.again = nil
	c.retrans.stop()
	c.probe.stop()
	c.closing.at = sim.Never
	c.closing.finSent = false
	c.pm.stop()
	c.work = true
}

// pushPlain hands everything written to TCP.
func (c *connection) pushPlain(now sim.Time) {
	f := c.subs[0]
	if n := c.send.unsent(); n > 0 && !f.dead {
		c.send.next = c.send.end
		f.flow.tcp.Write(now, n)
		c.e.ready.push(f.flow)
	}
}

// plainAcked frees what TCP has acknowledged.
func (c *connection) plainAcked(now sim.Time) {
	c.stats.lastAck = now
	c.send.una = max(c.send.una, c.subs[0].flow.tcp.SndUna()+1)
	c.acked = c.send.una
	c.releaseLiterals()
}

// checkPlainClosing is checkClosing after fallback: FINs instead of DATA_FINs.
func (c *connection) checkPlainClosing(now sim.Time) {
	f := c.subs[0]
	if c.closing.finQueued && !c.closing.finSent && f.flow.tcp.State() >= tcp.StateEstablished {
		c.pushPlain(now)
		c.closing.finSent = true
		f.closeWrite(now)
	}
	if f.dead {
		c.finish(now, f.why)
	}
}

// fallBackOr falls back if that is still possible, and resets the subflow
// otherwise, because a middlebox has interfered. It reports whether the subflow
// is dead.
func (f *subflow) fallBackOr(now sim.Time, pos uint64, why trace.Reason, n counter) (dead bool) {
	c := f.conn
	if c.canFallBack(f, pos) {
		c.fallBack(now, f, why, n)
		return false
	}
	f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
	return true
}
