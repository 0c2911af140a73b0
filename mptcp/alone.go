package mptcp

import (
	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Data that subflows have delivered in vain goes again on its own: one mapping, with
// nothing behind it. A box that joins segments and keeps the options of one of them loses
// the same mappings each time that the same segments follow each other, but not the
// mapping of a segment on its own; and each segment of a long mapping says the same
// (RFC 8684 section 3.3.1). The first range is one segment. If it arrives, the next one
// follows at once on the same subflow, twice as long, up to the longest mapping; if it
// does not, everything is tried again before the next subflow has its turn: on some paths
// no full segment keeps its mapping. It is not left to the scheduler, which cannot know
// that what a subflow delivers is of no use.
//
// No document has this; RFC 8684 section 3.3.6 leaves the policy of sending again to
// the implementation.

// aloneRange is the range that went again on its own last.
type aloneRange struct {
	end uint64    // data sequence number behind it
	n   int32     // bytes; 0: the last expiry was of another kind
	on  cc.FlowID // that carried it
}

// arrived reports whether the peer has acknowledged all of it.
func (a *aloneRange) arrived(una uint64) bool { return a.n > 0 && una >= a.end }

// repeatAlone sends bytes again from the first outstanding one on, as far as subflows
// have delivered them. It reports false if no subflow can carry them.
func (c *connection) repeatAlone(now sim.Time, again bool) bool {
	a := &c.retrans.alone
	f := c.aloneCarrier(again)
	if f == nil {
		return false
	}
	most := f.flow.tcp.MSS()
	if again {
		most = min(2*int(a.n), max(c.p.mappingLimit(most), most))
	}
	a.on, a.end = f.id, c.send.una
	flight := c.send.inFlight()
	for i := range flight {
		r := &flight[i]
		if r.DSN != a.end || a.end-c.send.una >= uint64(most) || c.inHand(r) {
			break
		}
		a.end = min(r.DSN+uint64(r.Len), c.send.una+uint64(most))
	}
	n := int(a.end - c.send.una)
	a.n = int32(n)
	c.e.count(now, c.sock, mptcpRetrans)
	c.stats.retransmits++
	c.copyOf(now, f, c.send.una, n, sched.Reinject)
	c.load(now, f, c.send.una, n)
	return true
}

// giveWayToFailed resets the only subflow that is left, where even a range on its own was
// delivered in vain, if an earlier subflow has ended by MP_FAIL: TCP passes there, and a
// subflow in infinite mapping can take the place of both (RFC 8684 section 3.7: data that
// lacks its options on a further subflow is no more than a path failure). It reports
// whether it did.
func (c *connection) giveWayToFailed(now sim.Time) bool {
	if c.failed == nil || !c.p.RejoinAfterFail || int(c.retrans.alone.on) >= len(c.subs) {
		return false
	}
	f := c.subs[c.retrans.alone.on]
	if f.dead || !c.onlyOne(f) {
		return false
	}
	f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
	c.changed = true
	return true
}

// aloneCarrier returns the subflow for the next range on its own: the same again, or the
// next one in turn, a backup only if there is no other; nil: none is usable.
func (c *connection) aloneCarrier(again bool) *subflow {
	a := &c.retrans.alone
	var next, first, backup *subflow
	for _, f := range c.alive {
		switch {
		case !f.usable() || f.failed:
		case f.isBackup():
			backup = f
		case again && f.id == a.on:
			return f
		default:
			if first == nil {
				first = f
			}
			if next == nil && f.id > a.on {
				next = f
			}
		}
	}
	switch {
	case next != nil && a.end > 0:
		return next
	case first != nil:
		return first
	}
	return backup
}
