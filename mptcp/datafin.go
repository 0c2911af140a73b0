package mptcp

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// A DATA_FIN that is not acknowledged is sent again on an ACK of every subflow, at
// intervals that double. A box that takes the options of segments without payload never
// lets such a one pass, although all data arrives. So from the second repetition on it goes
// with data, too (Profile.DataFINOnData): the last byte is sent again on a subflow that has
// nothing else to send, and its mapping ends with the DATA_FIN (RFC 8684 section 3.3.3: one
// that is attached to data). That the byte was acknowledged does not matter: the peer drops
// it (section 3.3.6). With it goes the DATA_ACK, which such a box has taken likewise. A side
// that has sent no data has nothing to send again.

// dataFINTimeout sends an unacknowledged DATA_FIN again on every subflow. No
// subflow gives it up, because it is no data of theirs, so the connection does,
// after as long without progress as TCP tries to deliver data.
func (c *connection) dataFINTimeout(now sim.Time) {
	cl := &c.closing
	cl.at = sim.Never
	if !cl.pending() || c.over {
		return
	}
	if now.Sub(max(cl.since, c.stats.lastAck)) >= c.p.TCP.DataTimeout() {
		c.abort(now, trace.TimedOut)
		return
	}
	cl.tries++
	if cl.tries > 1 || !c.p.DataFINTwice {
		cl.interval = min(2*cl.interval, c.p.TCP.MaxRTO)
	}
	cl.at = now.Add(cl.interval)
	c.e.count(now, c.sock, dataFinRetrans)
	if cl.tries > 1 && c.p.DataFINOnData {
		c.repeatLastByte(now)
	}
	c.ackAll(now)
}

// repeatLastByte puts the last byte of the data, which the peer has, into a subflow in which
// nothing waits. What waits in others carries the DATA_FIN when TCP sends it again.
func (c *connection) repeatLastByte(now sim.Time) {
	if c.send.una != c.send.end || c.send.end == 1 {
		return // data that is outstanding is sent again anyway, or there was none
	}
	if f := c.idleSubflow(); f != nil {
		c.load(now, f, c.send.end-1, 1)
	}
}

// idleSubflow returns the subflow in best health of those in which nothing waits for an
// acknowledgement; nil: there is none.
func (c *connection) idleSubflow() (best *subflow) {
	for _, f := range c.subs {
		if !f.usable() || f.tx.len() > 0 {
			continue
		}
		if best == nil || best.failed && !f.failed {
			best = f
		}
	}
	return best
}
