package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
)

// RACK (RFC 8985 section 6; Linux tcp_recovery.c): a segment is lost if one sent
// after it was delivered and it has not been for longer than the round-trip time
// of that one plus a reordering window.
//
//	lost if  sent before RACK.segment  and  now >= sent + RACK.rtt + reo_wnd
//	reo_wnd = 0 while no reordering was ever seen, in recovery or after three
//	          selectively acknowledged segments; else
//	          min(steps * min_rtt/4, SRTT)
//
// Departures from the RFC: which of two segments was sent first is told by the
// number of their transmissions, where the RFC and Linux have only the time with
// the sequence number as tie-break; the reordering timer gets 2 ms on top, as in
// Linux.

// rack is the state of RFC 8985 section 5.2.
type rack struct {
	valid    bool         // a segment was delivered
	order    uint32       // transmission of the newest delivered one
	rtt      sim.Duration // its round-trip time
	advanced bool         // something was delivered since the last look
	// The reordering window: steps of min_rtt/4, 1 at first, one more for each
	// round trip with a DSACK, back to 1 after rackPersist recoveries without.
	dsackSeen   bool
	steps       uint8
	persist     uint8
	lastDeliver int64 // rate.delivered when steps last changed
}

const (
	rackPersist = 16
	// rackSlack is added to the reordering timer and to probes (Linux
	// TCP_TIMEOUT_MIN_US).
	rackSlack = 2 * sim.Millisecond
)

func (k *rack) init() { k.steps = 1 }

// sentBefore reports whether r was sent before transmission number order.
func (r *sent) sentBefore(order uint32) bool { return int32(r.order-order) < 0 }

// rackAdvance learns that a record was delivered.
func (c *Conn) rackAdvance(now sim.Time, r *sent) {
	rtt := now.Sub(r.at)
	if rtt < c.rtt.min && r.flags&(sentResent|sentEver) != 0 {
		return // it is the original that arrived, not the retransmission
	}
	c.rackDelivered(now, r)
}

// rackDelivered learns that a record was delivered by its last transmission.
func (c *Conn) rackDelivered(now sim.Time, r *sent) {
	k := &c.rack
	k.advanced = true
	k.rtt = now.Sub(r.at)
	if !k.valid || !r.sentBefore(k.order) {
		k.valid, k.order = true, r.order
	}
}

// reorderWindow returns reo_wnd.
func (c *Conn) reorderWindow() sim.Duration {
	if !c.recovery.reorderSeen {
		if c.caState >= cc.Recovery || c.flight.nSacked >= c.recovery.reordering {
			return 0
		}
	}
	return min(c.rtt.min/4*sim.Duration(c.rack.steps), c.rtt.srtt())
}

// updateReorderWindow adapts the steps after an acknowledgement of a segment before
// which prior bytes (low half) had been delivered.
func (c *Conn) updateReorderWindow(prior uint32) {
	k := &c.rack
	if int32(prior-uint32(k.lastDeliver)) < 0 {
		k.dsackSeen = false // at most once in a round trip
	}
	switch {
	case k.dsackSeen:
		if k.steps < 255 {
			k.steps++
		}
		k.dsackSeen = false
		k.lastDeliver = c.rate.delivered
		k.persist = rackPersist
	case k.persist == 0:
		k.steps = 1
	}
}

// rackMarkLost looks for losses after an acknowledgement. It reports whether the
// reordering timer is running.
func (c *Conn) rackMarkLost(now sim.Time) bool {
	if !c.rack.advanced {
		return false
	}
	c.rack.advanced = false
	wait := c.rackDetect(now)
	if wait == 0 {
		return false
	}
	c.arm(now, timerReorder, min(wait+rackSlack, c.p.MaxRTO))
	return true
}

// rackDetect marks losses and returns how long to wait until the last segment
// that may still be merely reordered is overdue; 0: there is none.
func (c *Conn) rackDetect(now sim.Time) sim.Duration {
	wnd := c.reorderWindow()
	return max(c.rackDetectFirst(now, wnd), c.rackDetectResent(now, wnd))
}

// rackDetectFirst looks at segments by their first transmission, which are in
// sequence order.
func (c *Conn) rackDetectFirst(now sim.Time, wnd sim.Duration) (wait sim.Duration) {
	fl, k := &c.flight, &c.rack
	for i := fl.rackHint; i != fl.tail; i++ {
		r := fl.at(i)
		if r.flags&(sentSacked|sentLost|sentResent) == 0 {
			if !r.sentBefore(k.order) {
				break
			}
			if left := k.rtt + wnd - now.Sub(r.at); left > 0 {
				wait = max(wait, left)
				continue
			}
			c.markLost(i, r)
		}
		if wait == 0 {
			fl.rackHint = i + 1
		}
	}
	return wait
}

// rackDetectResent looks at retransmissions, which resentQ has in the order of
// their time.
func (c *Conn) rackDetectResent(now sim.Time, wnd sim.Duration) (wait sim.Duration) {
	fl, k := &c.flight, &c.rack
	q := &fl.resentQ
	for j := q.head; j != q.tail; j++ {
		e := q.get(j)
		i := fl.find(max(e.pos, c.snd.una))
		if i != fl.tail && e.pos < fl.at(i).end() {
			r := fl.at(i)
			if r.order == e.order && r.flags&(sentSacked|sentResent) == sentResent {
				if !r.sentBefore(k.order) {
					break
				}
				if left := k.rtt + wnd - now.Sub(r.at); left > 0 {
					wait = max(wait, left)
					continue
				}
				c.markLost(i, r)
			}
		}
		if wait == 0 {
			q.head = j + 1
		}
	}
	return wait
}

// reorderTimeout is the expiry of the reordering timer (Linux
// tcp_rack_reo_timeout).
func (c *Conn) reorderTimeout(now sim.Time) {
	pipe, lost := c.pipe(), c.recovery.lost
	wait := c.rackDetect(now)
	if pipe != c.pipe() {
		if c.caState != cc.Recovery {
			c.enterRecovery(now, false, pipe, c.recovery.lost-lost)
			c.reduceProportionally(int64(c.snd.mss), true, false)
		}
		c.rexmit = rexmitLost
	}
	if wait > 0 {
		c.arm(now, timerReorder, wait+rackSlack)
		return
	}
	c.rtx.kind = timerReorder // the time since the head was sent counts
	c.rearmRTO(now)
}
