package tcp

import "mpsim/sim"

// When to acknowledge (RFC 1122 section 4.2.3.2, RFC 5681 section 4.2; Linux
// tcp_event_data_recv, __tcp_ack_snd_check, tcp_send_delayed_ack). Segments in
// order are acknowledged at the second full one or after a delay that adapts to
// their spacing (ato), at once while quick ACKs are left, and late if an answer
// is likely soon (pingpong). What is out of order is acknowledged at once; with
// Profile.CompressSACK only the first three duplicates of a gap are, and the
// rest after min(SRTT/3, CompressSACK) or every 44.

// ackPolicy is the state of these decisions.
type ackPolicy struct {
	sched      bool // something is to be acknowledged
	now        bool // ... at once
	pushed     bool // a short segment arrived, or one with PSH (Linux ICSK_ACK_PUSHED)
	pushed2    bool // a short one behind that (Linux ICSK_ACK_PUSHED2)
	pingpong   uint8
	quickLeft  int32
	compressed int32 // duplicate ACKs held back
	dups       int32 // duplicate ACKs sent for dupNxt
	dupNxt     int64
	ato        sim.Duration // 0: no data yet
	mss        int          // estimate of the peer's segment size
	last       sim.Time     // arrival of the last data
}

// maxCompressed is Linux tcp_comp_sack_nr.
const maxCompressed = 44

// quick acknowledges the next segments at once (Linux tcp_enter_quickack_mode).
func (a *ackPolicy) quick(c *Conn, n int) {
	c.answers = true
	a.addQuick(c, n)
	a.pingpong = 0
	a.ato = c.p.DelAckMin
}

// addQuick grants up to n quick ACKs, but no more than half the window holds.
func (a *ackPolicy) addQuick(c *Conn, n int) {
	if n <= 0 {
		return
	}
	fit := (c.rcv.top - c.rcv.nxt) / int64(2*a.mss)
	a.quickLeft = max(a.quickLeft, int32(min(max(fit, 2), int64(n))))
}

// dataArrived learns from n bytes of payload in order; push: with PSH.
func (a *ackPolicy) dataArrived(c *Conn, now sim.Time, n int, push bool) {
	a.sched = true
	if n >= a.mss {
		a.mss = min(n, c.mssOurs)
		// With a buffer of fixed size the application's reading is not what times ACKs.
		a.pushed = a.pushed || push && c.tuned
	} else {
		if a.pushed {
			a.pushed2 = true
		}
		a.pushed = true
	}
	least := c.p.DelAckMin
	if a.ato == 0 {
		if c.tuned {
			a.addQuick(c, c.p.QuickAckSegments)
		} else {
			a.quickLeft = max(a.quickLeft, int32(c.p.QuickAckStart))
		}
		a.ato = least
	} else {
		gap := now.Sub(a.last)
		switch {
		case gap <= least/2:
			a.ato = a.ato/2 + least/2
		case gap < a.ato:
			a.ato = min(a.ato/2+gap, c.rto)
		case gap > c.rto:
			// The sender restarts after a pause and needs ACKs to grow.
			a.addQuick(c, c.p.QuickAckSegments)
		}
	}
	a.last = now
}

// dataSent notes that we sent payload: an answer soon after what arrived makes
// the exchange a pingpong.
func (a *ackPolicy) dataSent(c *Conn, now sim.Time) {
	if c.answers && c.p.PingPong && a.ato > 0 && now.Sub(a.last) < a.ato {
		a.pingpong = 1
	}
}

// sent notes that a segment with an acknowledgement left.
func (a *ackPolicy) sent(c *Conn) {
	if a.sched {
		if a.quickLeft > 0 {
			a.quickLeft--
			if a.quickLeft == 0 {
				a.ato = min(a.ato, c.p.DelAckMin)
			}
		}
		a.sched = false
	}
	a.now, a.pushed, a.pushed2 = false, false, false
	if a.compressed > 0 {
		c.stats.CompressedAcks += int64(a.compressed - 1)
		a.compressed = 0
	}
}

// QuickAck acknowledges the segment at once that opens the window of a receive
// buffer which tunes itself (Linux tcp_grow_window).
func (c *Conn) QuickAck() { c.ack.quickLeft |= 1 }

// decideAck chooses between an ACK now and later, after a segment was processed.
func (c *Conn) decideAck(now sim.Time) {
	a := &c.ack
	if !a.sched && !a.now {
		return
	}
	full := int64(a.mss) * int64(c.p.AckEvery-1)
	switch {
	case a.now,
		a.quickLeft > 0 && a.pingpong == 0,
		c.p.AckEvery <= 1,
		c.rcv.nxt-c.rcv.wup > full && c.windowHolds(now):
		c.out |= outACK
	case c.gaps && !c.ooo.empty():
		c.decideDuplicateAck(now)
	default:
		c.delayAck(now)
	}
}

// windowHolds reports whether the window that an ACK would announce is not
// smaller than the last one; if the application does not read, its reading sends
// the ACK.
func (c *Conn) windowHolds(now sim.Time) bool {
	if c.ext != nil || !c.p.AckOnRead {
		return true
	}
	return int64(c.windowField(c.selectWindow(now)))<<(c.rcv.scale&31) >= c.rcv.wnd
}

// decideDuplicateAck acknowledges a segment while there is a gap.
func (c *Conn) decideDuplicateAck(now sim.Time) {
	a := &c.ack
	if c.p.CompressSACK == 0 || c.options&useSACK == 0 || a.compressed >= maxCompressed {
		c.out |= outACK
		return
	}
	if a.dupNxt != c.rcv.nxt {
		a.dupNxt, a.dups = c.rcv.nxt, 0
	}
	if a.dups < 3 {
		a.dups++
		c.out |= outACK
		return
	}
	a.compressed++
	if a.compressed > 1 {
		return // the timer runs
	}
	d := c.p.CompressSACK
	if srtt := c.rtt.srtt(); srtt > 0 {
		d = min(d, srtt/3)
	}
	c.ackTimer = min(c.ackTimer, now.Add(d)) // a high resolution timer
}

// delayAck starts the delay timer, or sends the ACK if an earlier one is about to
// expire anyway.
func (c *Conn) delayAck(now sim.Time) {
	a := &c.ack
	d := max(a.ato, c.p.DelAckMin)
	if d > c.p.DelAckMin {
		limit := 500 * sim.Millisecond
		if a.pingpong != 0 || a.pushed {
			limit = c.p.DelAckMax
		}
		if srtt := c.rtt.srtt(); srtt > 0 {
			limit = min(limit, max(srtt, c.p.DelAckMin))
		}
		d = min(d, limit)
	}
	d = min(d, c.p.DelAckMax)
	if c.ackTimer != sim.Never {
		if c.ackTimer <= now.Add(d/4) {
			c.out |= outACK
			return
		}
		c.ackTimer = min(c.ackTimer, c.expiry(now, d))
		return
	}
	c.ackTimer = c.expiry(now, d)
}

// delayedAckTimeout is the expiry of the delay timer.
func (c *Conn) delayedAckTimeout(now sim.Time) {
	a := &c.ack
	if a.compressed > 0 {
		c.out |= outACK
		return
	}
	if !a.sched {
		return
	}
	if a.pingpong == 0 {
		a.ato = min(2*a.ato, c.rto) // arrivals are slower than thought
	} else {
		a.pingpong = 0 // no answer came
		a.ato = c.p.DelAckMin
	}
	c.stats.DelayedAcks++
	c.out |= outACK
}

// ackOnRead sends an ACK when the application has read and the ACK was waiting
// for that, or when the window has at least doubled (Linux tcp_cleanup_rbuf).
func (c *Conn) ackOnRead(now sim.Time) {
	if c.state == StateClosed || c.state == StateTimeWait {
		return
	}
	a := &c.ack
	if a.sched {
		full := int64(a.mss) * int64(c.p.AckEvery-1)
		read := c.queue.head == len(c.queue.spans)
		if c.rcv.nxt-c.rcv.wup > full || read && c.p.AckOnRead && (a.pushed2 || a.pushed && a.pingpong == 0) {
			c.out |= outACK
			return
		}
	}
	if receiving.has(c.state) {
		left := max(c.rcv.top-c.rcv.nxt, 0)
		full := c.rcv.buffer
		if c.tuned {
			full = c.tune.Window()
		}
		if 2*left <= full {
			if w := c.selectWindow(now) - c.rcv.nxt; w > 0 && w >= 2*left {
				c.out |= outACK
			}
		}
	}
}

// AckRead is ackOnRead for an extension whose application has read. Empty says that
// nothing is left to read, window that what it has room for may be worth telling:
// then an ACK leaves if the window that was last announced here has at least
// doubled to room (Linux mptcp_subflow_could_cleanup, tcp_cleanup_rbuf).
func (c *Conn) AckRead(empty, window bool, room int64) {
	a := &c.ack
	if a.sched && (c.rcv.nxt-c.rcv.wup > int64(a.mss) || empty && c.p.AckOnRead && (a.pushed2 || a.pushed && a.pingpong == 0)) {
		c.out |= outACK
		return
	}
	if window && receiving.has(c.state) {
		left := max(c.rcv.wup+c.rcv.wnd-c.rcv.nxt, 0)
		if 2*left <= c.tune.Window() && room >= 2*left {
			c.out |= outACK
		}
	}
}

// AckNow sends an ACK without payload at the next Poll: an extension has
// something to say.
func (c *Conn) AckNow(sim.Time) {
	if c.state >= StateEstablished && c.state != StateTimeWait {
		c.out |= outPureACK
	}
}

// AckFirst is AckNow before any data that may leave now: what the extension has to
// say must not wait behind it.
func (c *Conn) AckFirst(sim.Time) {
	if c.state >= StateEstablished && c.state != StateTimeWait {
		c.out |= outFirstACK
	}
}
