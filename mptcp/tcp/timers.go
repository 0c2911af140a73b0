package tcp

import "mpsim/sim"

// The timers of a connection, and their granularity. As in Linux there are four
// slots: one for what concerns sent data (retransmission, tail loss probe,
// RACK's reordering timer and window probe exclude each other), one for delayed
// acknowledgements, one for the slow rest (keepalive, FIN-WAIT-2, TIME-WAIT), and
// one for data that pacing holds back.

// timerKind says what the timer of a slot is for.
type timerKind uint8

const (
	timerOff timerKind = iota
	timerRTO
	timerTLP
	timerReorder
	timerProbe
	timerKeepalive
	timerFinWait2
	timerTimeWait
)

// slot is one deadline and what it is for.
type slot struct {
	at   sim.Time
	from sim.Time // when it was armed
	kind timerKind
}

func (t *slot) stop() { t.at, t.kind = sim.Never, timerOff }

// slowSlot is the deadline of the slow rest.
type slowSlot struct {
	at   sim.Time
	kind timerKind
}

func (t *slowSlot) stop() { t.at, t.kind = sim.Never, timerOff }

// NextTimeout returns when HandleTimeout wants to be called, or sim.Never. It
// may lie before now.
func (c *Conn) NextTimeout() sim.Time {
	return min(c.rtx.at, c.ackTimer, c.slow.at, c.paceTimer)
}

// HandleTimeout acts on every deadline that has been reached.
func (c *Conn) HandleTimeout(now sim.Time) {
	c.burst = 0
	if c.paceTimer <= now {
		c.paceTimer = sim.Never
	}
	if c.ackTimer <= now {
		c.ackTimer = sim.Never
		c.delayedAckTimeout(now)
	}
	if c.rtx.at <= now {
		kind := c.rtx.kind
		c.rtx.stop()
		switch kind {
		case timerRTO:
			c.retransmissionTimeout(now)
		case timerTLP:
			c.probeTimeout(now)
		case timerReorder:
			c.reorderTimeout(now)
		case timerProbe:
			c.windowProbeTimeout(now)
		}
	}
	if c.slow.at <= now {
		kind := c.slow.kind
		c.slow.stop()
		switch kind {
		case timerKeepalive:
			c.keepaliveTimeout(now)
		case timerFinWait2:
			// The peer never closed its side and nobody reads it any more (Linux
			// moves such orphans to TIME-WAIT and forgets them).
			c.setState(now, StateTimeWait)
			c.event(now, Closed, c.reason)
			c.forget(now)
		case timerTimeWait:
			c.forget(now)
		}
	}
}

// RtxDue returns when the timer that watches sent data expires, be it for a
// retransmission, a probe or reordering; sim.Never: it does not run.
func (c *Conn) RtxDue() sim.Time { return c.rtx.at }

// arm sets the slot of sent data.
func (c *Conn) arm(now sim.Time, kind timerKind, d sim.Duration) {
	if kind == timerRTO && c.rtoCap > 0 {
		d = min(d, c.rtoCap)
	}
	at := now.Add(d)
	if c.p.Granularity == LinuxHZ250 {
		at = wheelExpiry(now, d)
	}
	c.rtx.at, c.rtx.from, c.rtx.kind = at, now, kind
}

// armSlow sets the slot of the slow timers, which are far coarser than any
// granularity.
func (c *Conn) armSlow(now sim.Time, kind timerKind, d sim.Duration) {
	c.slow = slowSlot{at: now.Add(d), kind: kind}
}

// expiry is when a timer set now for d expires.
func (c *Conn) expiry(now sim.Time, d sim.Duration) sim.Time {
	if c.p.Granularity == LinuxHZ250 {
		return wheelExpiry(now, d)
	}
	return now.Add(d)
}

// roundTimeout makes a timeout a whole number of ticks, as Linux keeps it.
func (c *Conn) roundTimeout(d sim.Duration) sim.Duration {
	if c.p.Granularity == LinuxHZ250 {
		return sim.Duration(ticks(d)) * jiffy
	}
	return d
}

// jiffy is the tick of a kernel with HZ=250.
const jiffy = 4 * sim.Millisecond

// ticks rounds up to whole ticks (usecs_to_jiffies).
func ticks(d sim.Duration) int64 { return int64((d + jiffy - 1) / jiffy) }

// The timer wheel of Linux (kernel/time/timer.c, calc_wheel_index): 64 buckets a
// level, each level 8 times as coarse as the one below; a level serves from 63
// of its ticks on. The expiry is rounded up to the next bucket, so that no timer
// fires early.
const (
	wheelBits  = 3
	wheelLevel = 63
	wheelDepth = 9
)

// wheelExpiry is when such a wheel fires a timer of d set at now, if the ticks
// are at multiples of 4 ms.
func wheelExpiry(now sim.Time, d sim.Duration) sim.Time {
	clk := int64(now / sim.Time(jiffy))
	delta := ticks(d)
	shift := 0
	for level := 1; level < wheelDepth && delta >= wheelLevel<<shift; level++ {
		shift += wheelBits
	}
	expires := ((clk+delta)>>shift + 1) << shift
	return sim.Time(expires) * sim.Time(jiffy)
}

// rearmRTO starts the retransmission timer, or stops it if nothing is in flight
// (RFC 6298 section 5). If it replaces another timer of the slot, the time since
// the oldest segment was sent counts (Linux tcp_rearm_rto).
func (c *Conn) rearmRTO(now sim.Time) {
	if c.flight.empty() {
		c.rtx.stop()
		return
	}
	d := c.rto
	if c.rtx.kind == timerTLP || c.rtx.kind == timerReorder {
		d = max(c.rtoRemaining(now), 1)
	}
	c.arm(now, timerRTO, d)
}

// rtoRemaining is how far away the timeout of the oldest segment is.
func (c *Conn) rtoRemaining(now sim.Time) sim.Duration {
	return c.flight.at(c.flight.head).at.Add(c.rto).Sub(now)
}

// setTimer arms the slot after an acknowledgement of new data: tail loss probe
// if allowed, else retransmission (Linux tcp_set_xmit_timer).
func (c *Conn) setTimer(now sim.Time) {
	if !c.scheduleTLP(now, true) {
		c.rearmRTO(now)
	}
}

// SetRTOCap bounds the interval of the retransmission timer by d, whatever the
// backoff, until called with 0; a pending timer is moved. MPTCP uses it to probe
// silent subflows while another one is alive.
func (c *Conn) SetRTOCap(d sim.Duration) {
	c.rtoCap = d
	if d > 0 && c.rtx.kind == timerRTO {
		c.rtx.at = min(c.rtx.at, c.rtx.from.Add(d))
	}
}

// SetUserTimeout gives the connection up when data stays unacknowledged for d
// (RFC 5482, local only; Linux TCP_USER_TIMEOUT); 0: as long as the profile says.
func (c *Conn) SetUserTimeout(d sim.Duration) { c.userTimeout = d }
