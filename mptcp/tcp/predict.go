package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// Header prediction (Van Jacobson, "4BSD header prediction", 1990; Linux
// tcp_rcv_established): in a bulk transfer nearly all segments are the next payload in
// order, or acknowledge the next bytes in order, and say nothing else. Those take the
// short way here, which does what the long one (input.go, ack.go, receive.go) would do
// with them and leaves out what cannot be the case. predicted says which these are;
// everything else takes the long way. TestPrediction runs both on the same traffic and
// compares all state.

// predicted processes a segment of an established connection that says nothing but what
// is expected, whose flags are ACK and perhaps PSH and which has no cold record. It
// reports whether it has done so; else nothing has changed.
func (c *Conn) predicted(now sim.Time, s *Segment) bool {
	una := c.snd.una
	flying := c.snd.nxt - una
	acked := int64(s.Ack.Diff(c.sndSeq(una)))
	switch {
	case s.Seq != c.rcvSeq(c.rcv.nxt), uint64(acked) > uint64(flying), c.retrying, c.tlpHigh != 0:
		return false
	case acked == 0:
		if flying != 0 || s.Len == 0 {
			return false // it may be a duplicate
		}
	case !c.undisturbed(una):
		return false
	}
	fresh := false
	if c.options&useTS != 0 {
		if !s.Segment.Opt.Has(wire.HasTS) || int32(s.TSVal-c.tsRecent) < 0 {
			return false
		}
		fresh = c.rcv.nxt <= c.rcv.wup
	}
	seq, pipe := c.rcv.nxt, c.pipe()
	var verdict Verdict
	if c.ext != nil {
		if verdict = c.ext.ReadOptions(now, s); verdict&Discard != 0 || c.state == StateClosed {
			return true
		}
	}
	if fresh {
		c.tsRecent = s.TSVal
		c.tsRecentAt = now
	}
	if verdict&IgnoreWindow == 0 && (acked > 0 || c.windowMayChange(s, una, seq)) {
		if w := int64(s.Window) << (c.snd.scale & 31); w <= c.snd.maxWnd {
			c.snd.wl1, c.snd.wnd = seq, w
		} else {
			c.setWindow(w, seq)
		}
	}
	if acked > 0 {
		c.nextAcked(now, s, acked, pipe)
	} else if c.waiting() > 0 || c.rtx.kind == timerProbe {
		c.ackOfProbe(now)
	}
	if s.Len > 0 && c.state != StateClosed {
		c.nextArrived(now, s, seq, seq+int64(s.Len))
	}
	if c.state != StateClosed {
		if c.answers {
			c.decideAck(now)
		}
		if c.keepalive && c.slow.kind == timerKeepalive {
			c.keepaliveRestart(now)
		}
	}
	return true
}

// undisturbed reports that nothing is known to be lost or out of order: what is
// acknowledged was sent once, and in order. A path whose MTU is sought needs the long way
// as well.
func (c *Conn) undisturbed(una int64) bool {
	fl := &c.flight
	if c.caState != cc.Open || fl.nSacked|fl.nLost|fl.nResent != 0 || c.options&useSACK == 0 || c.mtuWatch {
		return false
	}
	return !fl.again || fl.forget(una)
}

// nextAcked is what processAck and ackOfFlight do with the acknowledgement of the next
// bytes, if the connection is undisturbed; pipe was in flight before.
func (c *Conn) nextAcked(now sim.Time, s *Segment, acked, pipe int64) {
	fl := &c.flight
	una, head := c.snd.una, fl.head
	c.snd.una = una + acked
	if c.literal && c.ext == nil {
		c.lit.Release(uint64(c.snd.una))
	}

	// The records that it removes; the last one counts for rate and RACK.
	r := fl.at(head)
	firstAt, left := r.at, acked
	for {
		n := int64(r.len)
		if n > left {
			r.pos += left
			r.len -= uint16(left)
			break
		}
		left -= n
		fl.head++
		if left == 0 {
			break
		}
		r = fl.at(fl.head)
	}
	fl.catchUp()
	c.rate.delivered += acked
	c.rate.firstAt, c.rate.deliveredAt = r.at, now
	c.rackDelivered(now, r)

	// The round trip.
	rtt, newest := now.Sub(firstAt), now.Sub(r.at)
	if rtt == 0 && c.options&useTS != 0 && s.TSEcr != 0 {
		rtt = c.tsRTT(now, s.TSEcr)
		newest = rtt
	}
	if rtt > 0 {
		c.takeRTT(rtt, newest)
		c.rto = c.roundTimeout(c.rto)
	} else {
		newest = 0
	}
	if fl.empty() {
		c.allAcked(now)
	}
	if c.p.RACK {
		c.updateReorderWindow(r.delivered)
	}
	c.setTimer(now)
	c.tellNext(now, s, r, newest, acked, int64(fl.head-head), pipe)
	c.streamAcked(now, una)
}

// tellNext is tellController for an acknowledgement that took out n records, of which r
// was the last, and gave the measurement rtt.
func (c *Conn) tellNext(now sim.Time, s *Segment, r *sent, rtt sim.Duration, acked, n, pipe int64) {
	if c.rate.appLimited > 0 && c.rate.delivered > c.rate.appLimited {
		c.rate.appLimited = 0
	}
	a := &c.scratch.ack
	delivered := acked
	if c.slots {
		delivered = n * int64(c.snd.mss)
	}
	a.Acked, a.Delivered = delivered, delivered
	a.Interval = max(sim.Duration(r.elapsed)<<elapsedShift, now.Sub(r.deliveredAt))
	a.RateDelivered = int64(uint32(c.rate.delivered) - r.delivered)
	a.TotalDelivered = c.rate.delivered
	a.PriorDelivered = c.rate.delivered - a.RateDelivered
	if a.Interval < c.rtt.min {
		a.Interval, a.RateDelivered = 0, 0
	}
	a.Lost, a.CE, a.OWD = 0, 0, 0
	a.RTT, a.SRTT, a.MinRTT = rtt, c.rtt.srtt(), c.rtt.min
	a.InFlight = pipe
	a.Una, a.Nxt = uint64(c.snd.una), uint64(c.snd.nxt)
	a.State = cc.Open
	a.CwndLimited = c.windowLimited()
	a.AppLimited = r.flags&sentAppLimited != 0
	if c.options&useTS != 0 && rtt > 0 {
		a.OWD = c.oneWayDelay(now, s, rtt)
	}
	c.cc.OnAck(now, c.flow, a)
	c.refreshWindow()
}

// nextArrived is what receiveData does with the next payload, if nothing is missing
// before it and nothing else is to be looked at.
func (c *Conn) nextArrived(now sim.Time, s *Segment, seq, end int64) {
	if c.state != StateEstablished || c.options&useECN != 0 || c.closing.deaf || end > c.rcv.top || c.rcv.fin >= 0 {
		c.receiveData(now, s, seq, end, false)
		return
	}
	c.answers = true
	c.inOrder(now, s, seq, end)
}
