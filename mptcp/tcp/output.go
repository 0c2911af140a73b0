package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What leaves, and in which order: resets and handshake, what a timer forces,
// retransmissions, new data, and last an acknowledgement if none of these
// carried it (Linux tcp_write_xmit, tcp_xmit_retransmit_queue, tcp_send_ack).

// Poll fills in the next segment to send now and reports whether there is one.
// It sets everything but Tuple and Socket.
func (c *Conn) Poll(now sim.Time, out *Segment) bool {
	const special = outReset | outSYN | outPriorACK | outFirstACK | outHead | outTail | outProbe
	if c.out&special != 0 && c.pollSpecial(now, out) {
		return true
	}
	if c.snd.end == 0 && !c.closing.queued && !c.mtuWatch {
		return c.pollACK(now, out) // nothing was ever written
	}
	if sending.has(c.state) || c.EarlyOpen() {
		if c.rexmit == rexmitNone && c.pollNew(now, out) || c.rexmit != rexmitNone && c.pollAgain(now, out) {
			return true
		}
	}
	return c.pollACK(now, out)
}

// pollAgain sends what is lost, or new data, as the state of recovery wants it.
func (c *Conn) pollAgain(now sim.Time, out *Segment) bool {
	if c.rexmit == rexmitNew {
		if c.pollNew(now, out) {
			return true
		}
		c.decideFRTO()
	}
	again := c.rexmit == rexmitLost && c.flight.unsentLost > 0
	if again && c.pollLost(now, out) || !again && c.pollNew(now, out) {
		return true
	}
	return c.rexmit == rexmitLost && c.caState == cc.Recovery && !c.p.RACK && c.pollRescue(now, out)
}

// pollACK sends an acknowledgement if one is due.
func (c *Conn) pollACK(now sim.Time, out *Segment) bool {
	if c.out&(outACK|outPureACK) == 0 {
		return false
	}
	c.sendACK(now, out, c.snd.nxt)
	return true
}

// pollSpecial sends what does not depend on windows.
func (c *Conn) pollSpecial(now sim.Time, out *Segment) bool {
	switch {
	case c.out&outReset != 0:
		c.sendReset(now, out)
	case c.out&outSYN != 0:
		c.out &^= outSYN | outACK | outPureACK
		c.begin(out)
		c.writeSYN(now, out)
		c.rcv.wup = c.rcv.nxt
		c.count.segmentsSent++
	case c.out&outPriorACK != 0:
		c.sendPriorACK(now, out)
	case c.out&outFirstACK != 0:
		c.sendACK(now, out, c.snd.nxt)
	case c.out&outHead != 0:
		c.out &^= outHead
		if c.flight.empty() || !sending.has(c.state) {
			return false
		}
		c.resend(now, out, c.flight.head)
		c.noteResent(now, c.flight.head)
	case c.out&outTail != 0:
		c.out &^= outTail
		return c.sendTailProbe(now, out)
	default:
		c.out &^= outProbe
		return c.sendWindowProbe(now, out)
	}
	return true
}

// begin empties out but for Tuple and Socket.
func (c *Conn) begin(out *Segment) {
	out.Segment = wire.Segment{TTL: 64}
	out.Opt = nil
}

// sendACK fills in a segment without payload.
func (c *Conn) sendACK(now sim.Time, out *Segment, pos int64) {
	c.out &^= outACK | outPureACK | outFirstACK
	c.begin(out)
	out.Seq = c.sndSeq(pos)
	c.finish(now, out)
}

// finish completes a segment in a synchronised state: acknowledgement,
// timestamps, window, the extension's options, SACK.
func (c *Conn) finish(now sim.Time, out *Segment) {
	out.Flags |= wire.ACK
	out.Ack = c.rcvSeq(c.rcv.nxt)
	out.Window = c.announce(now)
	if c.ecn.echo {
		out.Flags |= wire.ECE
	}
	if c.options&useTS != 0 {
		out.Segment.Opt |= wire.HasTS
		out.TSVal = c.tsClock(now)
		out.TSEcr = c.tsRecent
	}
	if c.ext != nil {
		c.ext.WriteOptions(now, out, wire.MaxOptionsLen-out.OptionsLen(out.Opt))
	} else if c.urgent {
		c.writeUrgent(out)
	}
	if c.options&useSACK != 0 && c.gaps {
		used := out.OptionsLen(out.Opt)
		room := wire.MaxOptionsLen - used
		if out.Len > 0 {
			room = min(room, c.outgo.peerMSS-used-int(out.Len))
		}
		c.writeSACK(now, out, room)
	}
	if c.answers {
		c.ack.sent(c)
	}
	c.ackTimer = sim.Never
	c.out &^= outACK
	c.count.segmentsSent++
}

// blocked says why new data does not leave.
type blocked uint8

const (
	blockedNot      blocked = iota
	blockedNothing          // there is none
	blockedByPeer           // the peer's window
	blockedByWindow         // the congestion window
	blockedByNagle
)

// nextNew returns how much new data may leave in one segment, and whether the FIN
// goes with it.
func (c *Conn) nextNew() (n int, fin bool, why blocked) {
	s := &c.snd
	left := s.end - s.nxt
	if left <= 0 && !(c.closing.queued && left == 0) {
		return 0, false, blockedNothing
	}
	mss := int64(s.mss)
	if c.ext != nil || c.gaps {
		mss = int64(c.newMSS())
	}
	room := s.una + s.wnd - s.nxt
	if left > mss { // a full segment, and not the last
		if mss > room {
			return 0, false, blockedByPeer
		}
		if c.reducing || !c.keepsCwnd {
			if !c.mayLeave(mss) {
				return 0, false, blockedByWindow
			}
		} else if c.pipe()+mss > c.outgo.cwnd && !c.flight.empty() {
			return 0, false, blockedByWindow
		}
		return int(mss), false, blockedNot
	}
	size := left
	fin = c.closing.queued
	if fin && size == room && size > 0 {
		fin = false // the FIN follows when the window opens
	}
	if need := size + b2i(fin); need > room {
		return 0, false, blockedByPeer
	}
	if !c.mayLeave(size) {
		return 0, false, blockedByWindow
	}
	if size < mss && !fin && c.nagleHolds() {
		return 0, false, blockedByNagle
	}
	return int(size), fin, blockedNot
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// newMSS is the payload of a full segment now; on a plain connection selective
// acknowledgements take their bytes from it.
func (c *Conn) newMSS() int {
	if c.ext != nil {
		c.snd.mss = c.segmentRoom(0)
		return c.snd.mss
	}
	if !c.gaps {
		return c.snd.mss
	}
	room := wire.MaxOptionsLen
	if c.options&useTS != 0 {
		room -= 12
	}
	return min(c.snd.mss, c.segmentRoom(c.pendingSACK(room)))
}

// mayLeave reports whether the congestion window lets n more bytes leave. While
// it is being reduced PRR decides, otherwise the controller. A connection with
// nothing in flight may always send one segment.
func (c *Conn) mayLeave(n int64) bool {
	pipe := c.pipe()
	switch {
	case c.reducing:
		return pipe < c.prr.cwnd || c.flight.empty()
	case c.slots:
		n = int64(c.snd.mss)
	}
	return pipe+n <= c.window() || c.flight.empty()
}

// pollNew sends a segment of new data if there is one and windows and Nagle let
// it leave.
func (c *Conn) pollNew(now sim.Time, out *Segment) bool {
	if c.mtuWatch {
		if did := c.pollMTU(now, out); did != probeNone {
			return did == probeSent
		}
	}
	n, fin, why := c.nextNew()
	if c.heldUp && why != blockedByPeer {
		c.heldUp = false
		c.chrono.release(now)
	}
	switch why {
	case blockedNot:
		if c.paced && c.paceHolds(now) {
			return false
		}
		c.sendNew(now, out, n, fin)
		return true
	case blockedByWindow:
		c.noteUsage(now, true)
	case blockedByNagle:
		c.awaitCeiling(now)
	case blockedByPeer:
		if c.flight.empty() && c.rtx.kind == timerOff {
			c.arm(now, timerProbe, c.probeInterval())
		}
		if c.mayLeave(min(c.Unsent(), int64(c.snd.mss))) {
			c.chrono.hold(now)
			c.heldUp = true
		} else {
			c.chrono.release(now)
		}
	case blockedNothing:
		if c.rate.appLimited == 0 && c.caState == cc.Open && c.mayLeave(int64(c.snd.mss)) {
			c.rate.appLimited = c.rate.delivered + c.pipe()
		}
	}
	return false
}

// sendNew sends n bytes of new data, and the FIN if fin.
func (c *Conn) sendNew(now sim.Time, out *Segment, n int, fin bool) {
	s := &c.snd
	wasEmpty := c.flight.empty()
	if wasEmpty {
		c.restartAfterIdle(now)
	}
	off := uint64(s.nxt)
	if c.ext != nil && n > 0 {
		m, o := c.ext.SegmentAt(now, uint64(s.nxt), n)
		off = o
		if m < n {
			n, fin = max(m, 1), false
		}
	}
	c.begin(out)
	out.Seq = c.sndSeq(s.nxt)
	c.setPayload(out, off, n)
	r := c.flight.push()
	r.pos, r.at = s.nxt, now
	r.len, r.flags, r.times = uint16(n), 0, 1
	c.flight.stamp(r)
	c.rateSent(now, r, wasEmpty)
	if n > 0 && n < s.mss {
		c.outgo.small = s.nxt + int64(n)
	}
	if fin {
		out.Flags |= wire.FIN
		r.flags |= sentFIN
		r.len++
	}
	s.nxt += int64(r.len)
	c.burst++
	if n > 0 {
		c.payloadLeaves(now, out, n)
		c.markData(out)
	}
	if s.nxt >= s.end || c.burst > 1 && c.endOfBurst() {
		if n > 0 {
			out.Flags |= wire.PSH
			r.flags |= sentPush
		}
	}
	if !c.scheduleTLP(now, false) && (wasEmpty || c.rtx.kind == timerTLP || c.rtx.kind == timerOff) {
		c.rearmRTO(now)
	}
	c.noteUsage(now, c.pipe()+int64(s.mss) > c.window())
	if c.reducing {
		c.prr.out += c.slot(r)
	}
	c.finish(now, out)
	if fin {
		c.writeFINCookie(out)
	}
}

// payloadLeaves does the accounting of n bytes of payload, new or not.
func (c *Conn) payloadLeaves(now sim.Time, out *Segment, n int) {
	c.outgo.lastSent = now
	c.count.bytesSent += int64(n)
	if c.hearsSent {
		c.cc.OnSent(now, c.flow, int64(n))
	}
	c.ack.dataSent(c, now)
	if c.paced {
		c.paceSent(now, n)
	}
}

// endOfBurst reports whether no further segment leaves now: Linux sets PSH on the
// last of several that go out together.
func (c *Conn) endOfBurst() bool {
	_, _, why := c.nextNew()
	return why != blockedNot
}

// restartAfterIdle tells the controller about silence, and about an application
// that did not use its window (Linux tcp_slow_start_after_idle_check,
// tcp_cwnd_application_limited).
func (c *Conn) restartAfterIdle(now sim.Time) {
	if !c.p.SlowStartAfterIdle || c.count.bytesSent == 0 {
		return
	}
	if idle := now.Sub(c.outgo.lastSent); idle > c.rto {
		c.cc.OnIdleRestart(now, c.flow, idle, c.rto)
		c.usage.fullAt = now
		c.windowChanged(now, trace.IdleRestart)
	}
}

// pollLost sends the first segment again that is presumed lost and waits.
func (c *Conn) pollLost(now sim.Time, out *Segment) bool {
	fl := &c.flight
	if fl.unsentLost == 0 {
		return false
	}
	for i := fl.rtxHint; i != fl.tail; i++ {
		r := fl.at(i)
		if r.flags&(sentLost|sentSacked|sentResent) != sentLost {
			fl.rtxHint = i + 1
			continue
		}
		fl.rtxHint = i
		return c.pollRecord(now, out, i, r)
	}
	return false
}

// pollRecord sends a record again if the windows let it leave.
func (c *Conn) pollRecord(now sim.Time, out *Segment, i uint32, r *sent) bool {
	if r.end() > c.snd.una+c.snd.wnd && r.pos != c.snd.una {
		return false
	}
	pipe := c.pipe()
	if c.reducing {
		if pipe >= c.prr.cwnd {
			return false
		}
	} else if pipe+int64(r.len) > c.window() && pipe > 0 {
		return false
	}
	if c.paced && c.paceHolds(now) {
		return false
	}
	c.resend(now, out, i)
	c.noteResent(now, i)
	if i == c.flight.head && c.rtx.kind != timerReorder {
		c.arm(now, timerRTO, c.rto)
	}
	return true
}

// pollRescue sends what RFC 6675 NextSeg allows when nothing is lost and nothing
// is new: (3) what lies below the highest selective acknowledgement, (4) once per
// recovery the last segment.
func (c *Conn) pollRescue(now sim.Time, out *Segment) bool {
	fl := &c.flight
	if fl.empty() || fl.unsentLost > 0 || c.options&useSACK == 0 {
		return false
	}
	fack := c.fack()
	for i := fl.head; i != fl.tail; i++ {
		r := fl.at(i)
		if r.pos >= fack {
			break
		}
		if r.flags&(sentSacked|sentResent) == 0 {
			return c.pollRecord(now, out, i, r)
		}
	}
	last := fl.at(fl.tail - 1)
	if c.recovery.rescued || last.flags&(sentSacked|sentResent) != 0 {
		return false
	}
	c.recovery.rescued = c.pollRecord(now, out, fl.tail-1, last)
	return c.recovery.rescued
}

// resend fills in record i again: at most what fits into a segment now.
func (c *Conn) resend(now sim.Time, out *Segment, i uint32) {
	fl := &c.flight
	r := c.fitRecord(i)
	n := r.payload()
	off := uint64(r.pos)
	if c.ext != nil && n > 0 {
		m, o := c.ext.SegmentAt(now, uint64(r.pos), n)
		off = o
		if m < n && fl.split(i, r.pos+int64(max(m, 1))) {
			r = fl.at(i)
			n = r.payload()
		}
	}
	c.begin(out)
	out.Seq = c.sndSeq(r.pos)
	c.setPayload(out, off, n)
	if r.flags&sentFIN != 0 {
		out.Flags |= wire.FIN
	}
	if r.flags&sentPush != 0 {
		out.Flags |= wire.PSH
	}
	r.at = now
	fl.stamp(r)
	c.rateSent(now, r, false)
	fl.setFlags(r, r.flags|sentEver)
	fl.resentEnd, fl.again = max(fl.resentEnd, r.end()), true
	if r.times < 255 {
		r.times++
	}
	c.mtu.size = 0 // a probe in flight proves nothing any more
	c.stats.RetransmittedSegments++
	c.stats.RetransmittedBytes += int64(n)
	c.emit(now, trace.Retransmit, trace.NoReason, r.pos, int64(n), int64(r.times), 0, 0)
	if n > 0 {
		c.payloadLeaves(now, out, n)
		if c.ecn.exact && c.options&useECN != 0 {
			out.TOS |= wire.ECT0
		}
	}
	c.finish(now, out)
	if out.Flags.Has(wire.FIN) {
		c.writeFINCookie(out)
	}
}

// fitRecord makes record i as long as a segment can be now: it is split if the
// segment size shrank, and short ones behind it that are lost, too, are joined
// (Linux tcp_retrans_try_collapse).
func (c *Conn) fitRecord(i uint32) *sent {
	fl := &c.flight
	r := fl.at(i)
	mss := c.newMSS()
	if r.payload() > mss {
		fl.split(i, r.pos+int64(mss))
		return fl.at(i)
	}
	for r.flags&(sentFIN|sentLost|sentResent) == sentLost && i+1 != fl.tail {
		next := fl.at(i + 1)
		const same = sentSacked | sentLost | sentResent
		if next.flags&same != sentLost || r.payload()+next.payload() > mss {
			break
		}
		if c.ext != nil && !c.ext.OneSegment(uint64(r.pos), uint64(next.pos)+uint64(next.payload())) {
			break
		}
		fl.join(i)
	}
	return r
}

// noteResent accounts for a retransmission that loss recovery made.
func (c *Conn) noteResent(now sim.Time, i uint32) {
	fl := &c.flight
	rc := &c.recovery
	r := fl.at(i)
	fl.setFlags(r, r.flags|sentResent)
	if c.p.RACK && c.options&useSACK != 0 {
		fl.resentQ.push(r.pos, r.order)
	}
	if rc.resentAt < 0 {
		rc.resentAt = now
	}
	rc.undoRetrans = max(rc.undoRetrans, 0) + 1
	if c.reducing {
		c.prr.out += c.slot(r)
	}
}

// decideFRTO is called when no more new data leaves in F-RTO: if some did, its
// acknowledgement decides; else recovery is conventional.
func (c *Conn) decideFRTO() {
	if c.snd.nxt > c.recovery.highSeq {
		c.rexmit = rexmitNone
		return
	}
	c.recovery.frto = false
	c.rexmit = rexmitLost
}

// sendTailProbe sends a new segment if the peer's window allows, else the last
// one again.
func (c *Conn) sendTailProbe(now sim.Time, out *Segment) bool {
	fl := &c.flight
	if fl.empty() || !sending.has(c.state) {
		return false
	}
	c.stats.TailProbes++
	timer := c.rtx
	left := c.snd.end - c.snd.nxt
	if n := min(left, int64(c.newMSS())); n > 0 && c.snd.nxt+n <= c.snd.una+c.snd.wnd {
		fin := c.closing.queued && n == left && c.snd.nxt+n < c.snd.una+c.snd.wnd
		c.tlpResent = false
		c.sendNew(now, out, int(n), fin)
	} else {
		c.tlpResent = true
		if r := fl.at(fl.tail - 1); r.payload() > c.newMSS() {
			fl.split(fl.tail-1, r.end()-int64(c.newMSS()))
		}
		c.resend(now, out, fl.tail-1)
	}
	c.rtx = timer // the retransmission timer that probeTimeout started
	c.tlpHigh = c.snd.nxt
	return true
}

// sendWindowProbe asks the peer for its window: with the byte before SND.UNA,
// which it will acknowledge, or if the window is open by less than a segment,
// with what fits into it (Linux tcp_write_wakeup).
func (c *Conn) sendWindowProbe(now sim.Time, out *Segment) bool {
	if c.state < StateEstablished || c.state == StateTimeWait {
		return false
	}
	left := c.snd.end - c.snd.nxt
	room := c.snd.una + c.snd.wnd - c.snd.nxt
	if n := min(left, room, int64(c.newMSS())); n > 0 && c.flight.empty() && sending.has(c.state) {
		c.sendNew(now, out, int(n), false)
		return true
	}
	ack := c.out & outPureACK
	c.sendACK(now, out, c.snd.una-1)
	c.out |= ack
	return true
}

// Write appends up to n bytes to our stream and returns how many: as many as the
// send buffer has room for, all of them with an extension, which bounds them
// itself.
func (c *Conn) Write(now sim.Time, n int64) int64 {
	if n <= 0 || !c.mayWrite() {
		return 0
	}
	if c.ext == nil {
		n = min(n, c.SendRoom())
	}
	if n > 0 {
		c.chrono.start(now)
	}
	c.snd.end += n
	c.burst = 0
	return n
}

// mayWrite reports whether our stream can still grow.
func (c *Conn) mayWrite() bool {
	return !c.closing.queued && c.state != StateClosed && !finSent.has(c.state)
}
