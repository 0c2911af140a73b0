package tcp

import (
	"math"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What an acknowledgement says, and the order in which the parts of the sender
// learn it (Linux tcp_ack): window, selective blocks, cumulative progress, round
// trip time, loss recovery, congestion control.

// ackFlags are Linux's FLAG_*.
type ackFlags uint16

const (
	ackAdvanced     ackFlags = 1 << iota // SND.UNA moved
	ackAcked                             // records were removed from the flight
	ackSacked                            // new bytes were acknowledged selectively
	ackHasData                           // the segment carries payload or FIN
	ackWindow                            // it may update the window
	ackECE                               // it echoes congestion
	ackDSACK                             // it reports a duplicate
	ackDSACKTLP                          // ... that is the tail loss probe
	ackRetransAcked                      // a retransmitted segment was acknowledged
	ackOrigAcked                         // a segment sent once, before high_seq, was (s)acked
	ackLostRetrans                       // a retransmission was found lost
	ackReneging                          // the first segment had been sacked
	ackSetTimer                          // the timer of sent data is to be armed again
	ackNotDup                            // the extension says it is no duplicate
)

// ackFacts is what one acknowledgement told.
type ackFacts struct {
	flags    ackFlags
	dupAcks  int32
	una      int64 // SND.UNA before
	fack     int64 // highest selectively acknowledged end before
	pipe     int64 // bytes in flight before
	deliv    int64 // rate.delivered before
	lost     int64 // recovery.lost before
	reorder  int64 // lowest position that shows reordering
	sendTime sendTimes
	tsEcr    uint32
	hasTS    bool
	head     uint32       // first record in flight before
	nSacked  int32        // records sacked before
	rtt      sim.Duration // newest measurement; 0: none
	sample   rateSample
}

// sendTimes are when the segments were sent that an ACK newly acknowledged, for
// measurements of the round trip: only segments that were sent once count.
type sendTimes struct {
	firstAcked, lastAcked   sim.Time
	firstSacked, lastSacked sim.Time
}

const noTime = sim.Time(math.MinInt64)

// begin takes note of the state before the acknowledgement. The fields are set
// one by one, here and in other records of this size that are filled for each
// segment: a composite literal would be built elsewhere first and then copied,
// and the copy has to wait until its parts have left the store buffer.
func (f *ackFacts) begin(c *Conn) {
	f.una, f.reorder = c.snd.una, maxPos
	t := &f.sendTime
	t.firstAcked, t.lastAcked = noTime, noTime
	t.firstSacked, t.lastSacked = noTime, noTime
	if f.una == c.snd.nxt {
		f.fack = f.una
		return // nothing is in flight, and what was before does not matter
	}
	f.head, f.nSacked = c.flight.head, c.flight.nSacked
	f.fack = c.fack()
	f.pipe = c.pipe()
	f.deliv = c.rate.delivered
	f.lost = c.recovery.lost
}

// processAck processes the acknowledgement of a segment whose sequence space is
// [seq, end). The extension has seen it already if seen. It reports whether the
// segment's payload is to be processed.
func (c *Conn) processAck(now sim.Time, s *Segment, seq, end int64, seen bool) bool {
	ack := c.sndPos(s.Ack)
	if ack > c.snd.nxt || ack < c.snd.una-c.snd.maxWnd {
		// RFC 5961 section 5.2: neither sent nor in the window of old ones.
		c.stats.BadAcks++
		c.challenge(now)
		return false
	}
	var f ackFacts
	f.begin(c)
	var verdict Verdict
	if c.ext != nil && !seen {
		if verdict = c.ext.ReadOptions(now, s); verdict&Discard != 0 || c.state == StateClosed {
			return false
		}
	}
	if s.Segment.Opt.Has(wire.HasTS) && c.options&useTS != 0 {
		f.hasTS, f.tsEcr = true, s.TSEcr
	}
	if ack < c.snd.una {
		c.oldAck(now, s, &f)
		return true
	}
	// RFC 7323 section 4.3: TS.Recent follows segments that start at or before the
	// last acknowledgement sent. As in Linux (tcp_ack) the acknowledgement is
	// checked first: a forged segment must not poison TS.Recent by its sequence
	// number alone.
	if f.hasTS && seq <= c.rcv.wup && (int32(s.TSVal-c.tsRecent) >= 0 || now.Sub(c.tsRecentAt) >= c.p.pawsIdle()) {
		c.tsRecent = s.TSVal
		c.tsRecentAt = now
	}
	if seq != end {
		f.flags |= ackHasData
	}
	if verdict&NotDuplicate != 0 {
		f.flags |= ackNotDup
	}
	if verdict&IgnoreWindow == 0 && c.windowMayChange(s, ack, seq) {
		f.flags |= ackWindow
		c.setWindow(int64(s.Window)<<(c.snd.scale&31), seq)
	}
	if ack > c.snd.una {
		f.flags |= ackAdvanced
		c.snd.una = ack
		if c.literal && c.ext == nil {
			c.lit.Release(uint64(ack))
		}
		c.retries.timeouts = 0
		if c.mtuWatch && c.mtu.size != 0 && ack >= c.mtu.to {
			c.probeArrived(now)
		}
	}
	if s.Opt.Has(wire.OptSACK) && c.options&useSACK != 0 {
		c.tagSacks(now, s.Opt, &f)
	}
	if s.Flags.Has(wire.ECE) && c.options&useECN != 0 {
		f.flags |= ackECE
	}
	if c.retrying {
		c.retrying = c.retries.timeouts != 0
		c.retries.probes, c.retries.soft = 0, trace.NoReason
	}
	if f.una == c.snd.nxt {
		c.ackOfNothing(now, &f)
	} else {
		c.ackOfFlight(now, s, &f)
	}
	if f.flags&ackAdvanced != 0 {
		c.streamAcked(now, f.una)
	} else {
		c.duplicateAcked(now, &f)
	}
	return c.state != StateClosed
}

// duplicateAcked tells the extension if an acknowledgement that did not advance made
// room for more.
func (c *Conn) duplicateAcked(now sim.Time, f *ackFacts) {
	if c.ext != nil && f.una != c.snd.nxt && c.pipe() < f.pipe {
		c.ext.OnEvent(now, InFlightFell, trace.NoReason)
	}
}

// streamAcked tells the extension, and the state machine if our FIN is
// acknowledged.
func (c *Conn) streamAcked(now sim.Time, before int64) {
	if c.ext != nil && min(c.snd.una, c.snd.end) > before {
		c.ext.OnEvent(now, AckAdvanced, trace.NoReason)
	}
	if c.closing.queued && c.snd.una > c.snd.end {
		c.finAcked(now)
	}
}

// ackOfNothing: nothing is outstanding; the ACK may open the window or answer a
// window probe.
func (c *Conn) ackOfNothing(now sim.Time, f *ackFacts) {
	if f.flags&ackDSACK != 0 {
		c.loseOrRecover(now, f)
	}
	c.ackOfProbe(now)
	if c.tlpActive() {
		c.ackOfTLP(now, f)
	}
}

// ackOfFlight processes an acknowledgement while something is outstanding.
func (c *Conn) ackOfFlight(now sim.Time, s *Segment, f *ackFacts) {
	c.removeAcked(now, f)
	if c.p.RACK && f.sample.taken {
		c.updateReorderWindow(f.sample.priorDelivered)
	}
	if c.tlpActive() {
		c.ackOfTLP(now, f)
	}
	const alert = ackSacked | ackECE | ackDSACK
	const notDup = ackHasData | ackWindow | ackAcked | ackNotDup
	if c.caState != cc.Open || f.flags&alert != 0 || f.flags&notDup == 0 {
		if f.flags&(ackAdvanced|notDup|ackDSACK) == 0 {
			f.dupAcks = 1
			c.stats.DuplicateAcks++
		}
		c.loseOrRecover(now, f)
	}
	if f.flags&ackSetTimer != 0 {
		c.setTimer(now)
	}
	c.rateOf(now, f)
	c.tellController(now, s, f)
}

// oldAck is an ACK below SND.UNA, overtaken by others: its blocks may still tell
// something.
func (c *Conn) oldAck(now sim.Time, s *Segment, f *ackFacts) {
	if !s.Opt.Has(wire.OptSACK) || c.options&useSACK == 0 || c.flight.empty() {
		return
	}
	c.tagSacks(now, s.Opt, f)
	c.loseOrRecover(now, f)
	c.rateOf(now, f)
	c.tellController(now, s, f)
	c.duplicateAcked(now, f)
}

// removeAcked takes what is acknowledged cumulatively out of the flight and
// measures the round trip (Linux tcp_clean_rtx_queue).
func (c *Conn) removeAcked(now sim.Time, f *ackFacts) {
	fl := &c.flight
	una := c.snd.una
	var bytes, sacked int64
	var records int32
	for fl.head != fl.tail {
		r := fl.at(fl.head)
		n := int64(r.len)
		whole := r.pos+n <= una
		if !whole {
			n = una - r.pos
			if n <= 0 {
				if r.flags&sentSacked != 0 {
					f.flags |= ackReneging
				}
				break
			}
		}
		bytes += n
		records++
		c.acknowledge(now, r, f)
		if r.flags&sentSacked != 0 {
			sacked += n
		}
		f.flags |= ackAcked
		if !whole {
			fl.trim(r, n)
			break
		}
		fl.pop(r)
	}
	c.rate.delivered += bytes - sacked
	rtt := c.measure(now, f)
	if f.flags&ackAcked != 0 {
		f.flags |= ackSetTimer
		if fl.empty() {
			c.allAcked(now)
		}
		if c.options&useSACK == 0 {
			c.removeDupAcks(bytes, records, f)
		} else if f.reorder < f.fack {
			c.noteReordering(f.reorder) // an original filled a hole
		}
	} else if rtt > 0 && !fl.empty() && f.sendTime.firstSacked != noTime &&
		now.Sub(f.sendTime.firstSacked) > now.Sub(fl.at(fl.head).at) {
		// The measurement is of data sent before the head was: the head's timeout
		// starts again. Otherwise it would be postponed for ever.
		f.flags |= ackSetTimer
	}
}

// acknowledge notes what the cumulative acknowledgement of one record says.
func (c *Conn) acknowledge(now sim.Time, r *sent, f *ackFacts) {
	const again = sentResent | sentEver
	switch {
	case r.flags&again != 0:
		f.flags |= ackRetransAcked
	case r.flags&sentSacked == 0:
		if f.sendTime.firstAcked == noTime {
			f.sendTime.firstAcked = r.at
		}
		f.sendTime.lastAcked = r.at
		f.reorder = min(f.reorder, r.pos)
		if r.end() <= c.recovery.highSeq {
			f.flags |= ackOrigAcked
		}
	}
	if r.flags&sentSacked == 0 {
		c.rateDelivered(now, r, f)
		if c.options&useSACK != 0 && !c.spuriousRetransmission(r, f) {
			c.rackAdvance(now, r)
		}
	}
}

// spuriousRetransmission reports whether the echoed timestamp shows that the
// original of a retransmitted segment is what arrived.
func (c *Conn) spuriousRetransmission(r *sent, f *ackFacts) bool {
	return r.flags&(sentResent|sentEver) != 0 && f.hasTS && f.tsEcr != 0 &&
		int32(f.tsEcr-c.tsClock(r.at)) < 0
}

// measure takes a round-trip time: from segments sent once if there is one (Karn),
// else from the echoed timestamp if SND.UNA advanced (RFC 7323 section 4.1).
func (c *Conn) measure(now sim.Time, f *ackFacts) sim.Duration {
	var rtt, newest sim.Duration
	t := &f.sendTime
	if t.firstAcked != noTime && f.flags&ackRetransAcked == 0 {
		rtt = now.Sub(t.firstAcked)
		newest = now.Sub(t.lastAcked)
	}
	if t.firstSacked != noTime {
		if rtt == 0 {
			rtt = now.Sub(t.firstSacked)
		}
		newest = now.Sub(t.lastSacked)
	}
	if rtt == 0 && f.hasTS && f.tsEcr != 0 && f.flags&ackAcked != 0 {
		rtt = c.tsRTT(now, f.tsEcr)
		newest = rtt
	}
	if rtt <= 0 {
		return 0
	}
	f.rtt = newest
	c.takeRTT(rtt, newest)
	c.rto = c.roundTimeout(c.rto)
	return rtt
}

// oneWayDelay is how long the newest acknowledged segment was under way, up to an unknown
// constant. The echo would do, but it is that of the first of the segments that a delayed
// acknowledgement answers (RFC 7323 section 4.3), and so contains the wait.
func (c *Conn) oneWayDelay(now sim.Time, s *Segment, rtt sim.Duration) sim.Duration {
	return sim.Duration(int32(s.TSVal-c.tsClock(now.Add(-rtt)))) * c.p.tick()
}

// tellController reports the acknowledgement to the controller and lets PRR
// follow it.
func (c *Conn) tellController(now sim.Time, s *Segment, f *ackFacts) {
	a := &c.scratch.ack
	delivered := c.rate.delivered - f.deliv
	a.Acked = c.snd.una - f.una
	if c.slots {
		acked, mss := int64(c.flight.head-f.head), int64(c.snd.mss)
		a.Acked, delivered = acked*mss, (acked+int64(c.flight.nSacked-f.nSacked))*mss
	}
	a.Delivered = delivered
	a.Interval, a.RateDelivered = f.sample.interval, f.sample.delivered
	a.TotalDelivered = c.rate.delivered
	a.PriorDelivered = c.rate.delivered - int64(uint32(c.rate.delivered)-f.sample.priorDelivered)
	a.Lost = c.recovery.lost - f.lost
	a.RTT, a.SRTT, a.MinRTT = f.rtt, c.rtt.srtt(), c.rtt.min
	a.InFlight = f.pipe
	a.Una, a.Nxt = uint64(c.snd.una), uint64(c.snd.nxt)
	a.State = c.caState
	a.CwndLimited = c.windowLimited()
	a.AppLimited = f.sample.appLimited
	a.CE = 0
	if f.flags&ackECE != 0 {
		a.CE = delivered
	}
	a.OWD = 0
	if f.hasTS && f.rtt > 0 {
		a.OWD = c.oneWayDelay(now, s, f.rtt)
	}
	c.cc.OnAck(now, c.flow, a)
	c.refreshWindow()
	if c.caState == cc.CWR || c.caState == cc.Recovery {
		c.reduceProportionally(delivered, c.recovery.lost > f.lost, f.flags&ackAdvanced != 0)
	}
}
