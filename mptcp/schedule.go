package mptcp

import (
	"math/bits"
	"slices"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// push asks the scheduler until it grants nothing, and carries its grants out.
func (c *connection) push(now sim.Time) {
	switch {
	case c.over:
		return
	case c.ending && c.fallback.on:
		c.pushPlain(now)
		return
	}
	var rows []sched.Path
	for c.send.next != c.send.end || len(c.send.again) > 0 || len(c.send.skipped) > 0 || c.send.una != c.send.next && c.asks&sched.FactInFlight != 0 {
		if rows == nil {
			if rows = c.currentRows(now); len(rows) == 0 {
				return
			}
		}
		c.stats.picks++
		progress, held := false, false
		if !c.needNotAsk() {
			progress, held, rows = c.ask(now, rows)
		}
		if !progress && c.rcvBufOpt != 0 && c.optimiseRcvBuf(now, len(c.rows.rows)) {
			rows = nil
			continue
		}
		if !progress {
			c.observeWait(now, len(c.rows.rows), held)
			c.armProbe(now)
			break
		}
	}
	if c.rcvBufOpt != 0 && c.sock.wantWrite && c.send.next == c.send.end {
		c.optimiseRcvBuf(now, 1)
	}
	c.armRetrans(now)
	if c.judges {
		c.armPerformance(now)
		c.touch()
	}
}

// needNotAsk reports whether the scheduler would grant nothing, and nobody wants to hear
// why.
func (c *connection) needNotAsk() bool {
	e, q := c.e, &c.send
	return c.windowed && c.rows.full(q.unsent()) && len(q.again)+len(q.skipped) == 0 &&
		e.witness == nil && (e.trace == nil || !e.trace.Wants(trace.Wait))
}

// ask asks the scheduler once and carries its grants out. Progress says that there were
// any, held that all data waits for a whole segment. It returns the rows if they hold
// still.
func (c *connection) ask(now sim.Time, rows []sched.Path) (progress, held bool, after []sched.Path) {
	e, w := c.e, c.scratch
	candidates, tail := len(rows), 0
	q := c.queue()
	if c.p.NagleOnData {
		c.touched = true // the ceiling of what is corked may be set
		tail = c.tail(rows)
		q.End -= uint64(c.holdTail(now, tail))
	}
	q.Open, q.Sifted = c.rows.open, c.rows.sifts && int64(q.End-q.Next) >= int64(c.rows.longest)
	w.grants = w.grants[:0]
	held = q.Next == q.End && len(q.Reinject) == 0 && len(q.Skipped) == 0 && c.asks&sched.FactInFlight == 0
	if !held {
		w.grants = c.sched.Pick(now, q, rows, w.grants)
	}
	if e.witness != nil {
		c.witnessDecision(now, q, rows, held)
	}
	for i := range w.grants {
		g := &w.grants[i]
		if c.p.NagleOnData && g.Kind == sched.New {
			c.noteShort(g.DSN+uint64(g.Len), tail)
		}
		progress = c.carry(now, g, candidates) || progress
		c.granted(g.Flow)
		if g.Penalise != sched.NoFlow {
			rows = nil // a window has changed
		}
	}
	return progress, held, rows
}

// observeWait shows a decision to wait; it follows from the grants, so it is not
// part of the run hash.
func (c *connection) observeWait(now sim.Time, candidates int, held bool) {
	e := c.e
	if e.trace == nil || !e.trace.Wants(trace.Wait) {
		return
	}
	e.work.record = trace.Record{
		At: now, Kind: trace.Wait, Conn: c.sock.number, Flow: int32(sched.NoFlow),
		A: int64(c.send.next), B: c.send.unsent(), C: int64(candidates), Why: trace.Reason(c.whyWait(held)),
	}
	e.trace.Observe(&e.work.record)
}

// queue returns what the scheduler sees of the connection's data.
func (c *connection) queue() *sched.Queue {
	q := &c.scratch.queue
	q.Next, q.Una, q.End = c.send.next, c.send.una, c.send.end
	q.PeerEdge = c.peer.edge
	q.SendBuffer, q.PeerFlow = c.send.limit, c.peerFlow
	q.Reinject, q.InFlight, q.Skipped = c.send.again, c.send.inFlight(), c.send.skipped
	q.Buffers = c.send.buffers.ends[c.send.buffers.head:]
	return q
}

// pacing estimates the sending rate of a subflow: the controller's, or what Linux
// computes for sk_pacing_rate:
//
//	ratio * window / srtt    ratio = 2 in early slow start, 1.2 later
func (c *connection) pacing(f *subflow, window int64) sim.Rate {
	if r := c.cc.PacingRate(f.id); r > 0 {
		return r
	}
	srtt := int64(f.flow.tcp.SRTT())
	if srtt == 0 {
		return 0
	}
	ratio := uint64(12)
	if window < c.cc.Ssthresh(f.id)/2 {
		ratio = 20
	}
	return windowRate(ratio, window, srtt)
}

// windowRate returns ratio tenths of a window in bytes per round-trip time in ns, at
// most maxRate.
func windowRate(ratio uint64, window, srtt int64) sim.Rate {
	const maxRate = 1 << 60 // bits/s
	hi, lo := bits.Mul64(ratio*uint64(window), 8e8)
	if hi >= uint64(srtt) {
		return maxRate
	}
	rate, _ := bits.Div64(hi, lo, uint64(srtt))
	return sim.Rate(min(rate, maxRate))
}

// carry moves a granted range into the send queue of a subflow and reports
// whether that changed anything. A grant that breaks the rules of package sched
// is a defect of the scheduler.
func (c *connection) carry(now sim.Time, g *sched.Grant, candidates int) bool {
	if uint(g.Flow) >= uint(len(c.subs)) || !c.subs[g.Flow].usable() || g.Len <= 0 {
		sim.Bugf("connection %d: grant of %d bytes to subflow %d", c.sock.number, g.Len, g.Flow)
	}
	f := c.subs[g.Flow]
	if g.Penalise != sched.NoFlow {
		c.penalise(now, g.Penalise)
		c.stats.penalties++
	}
	end := g.DSN + uint64(g.Len)
	if g.Kind == sched.New {
		if end > c.send.end || end > c.peer.edge || !c.send.grantAt(f.lane, g.DSN, g.Len) {
			sim.Bugf("connection %d: grant of new data [%d, %d), queue [%d, %d), edge %d",
				c.sock.number, g.DSN, end, c.send.next, c.send.end, c.peer.edge)
		}
	} else {
		if g.DSN < c.send.una || end > c.send.next {
			sim.Bugf("connection %d: grant of old data [%d, %d), queue [%d, %d)",
				c.sock.number, g.DSN, end, c.send.una, c.send.next)
		}
		if c.p.Retrans != RetransUpstream && f.tx.holds(g.DSN, g.Len, f.flow.tcp.SndUna()) > 0 {
			// The subflow is still carrying a part: it goes off the list, since
			// TCP will see to it, and nothing is sent twice on one subflow.
			c.send.forget(g.DSN, end)
			return true
		}
		if c.p.Retrans != RetransUpstream {
			c.e.count(now, c.sock, mptcpRetrans)
		}
		c.copyOf(now, f, g.DSN, g.Len, g.Kind)
	}
	c.recordGrant(now, g, candidates)
	c.load(now, f, g.DSN, g.Len)
	return true
}

// load appends n bytes of data from dsn on to the stream of a subflow, in
// mappings of the profile's size.
func (c *connection) load(now sim.Time, f *subflow, dsn uint64, n int) {
	t := &f.flow.tcp
	limit := c.p.mappingLimit(t.MSS())
	c.stats.granted += int64(n)
	if c.judges {
		f.effort.loaded(now)
	}
	if c.p.DSN == DSN4Wrap {
		c.chooseDSNWidth(now, dsn+uint64(n))
	}
	pos := t.SndEnd()
	f.line.grantAt(pos, dsn)
	for left := n; left > 0; {
		k, longest := min(left, limit), uint32(limit)
		if c.urges {
			k = c.upToUrgent(dsn, k)
			if dsn == c.urgent.tx {
				longest = 0 // its mapping has ended
			}
		}
		if s := int(c.segment); s != 0 {
			done := (n - left) % s
			k = min(k, s-done)
			if done == 0 {
				longest = 0 // another segment
			}
		}
		f.tx.grant(pos, dsn, uint32(k), t.SndNxt(), longest)
		pos, dsn, left = pos+uint64(k), dsn+uint64(k), left-k
	}
	t.Write(now, int64(n))
	c.e.ready.push(f.flow)
}

// carrierOf returns the first subflow that carried a byte in flight.
func (c *connection) carrierOf(dsn uint64) cc.FlowID {
	i := c.send.find(dsn)
	if i >= len(c.send.flight) {
		return sched.NoFlow
	}
	set := c.send.flight[i].Carried
	f, ok := nextCarrier(&set)
	if !ok {
		return sched.NoFlow
	}
	return c.lanes[f].id
}

// recordGrant folds a decision into the trace; it happens for nearly every
// segment, so the record itself is built only if somebody wants it.
func (c *connection) recordGrant(now sim.Time, g *sched.Grant, candidates int) {
	e := c.e
	if e.trace == nil {
		return
	}
	e.trace.Fold(uint64(now), uint64(trace.Grant.Key())^uint64(uint32(g.Flow))<<16|uint64(c.sock.number)<<32)
	e.trace.Fold(g.DSN, uint64(g.Len)<<8|uint64(g.Kind))
	if !e.trace.Wants(trace.Grant) {
		return
	}
	e.work.record = trace.Record{
		At: now, Kind: trace.Grant, Why: trace.Reason(g.Why), Conn: c.sock.number, Flow: int32(g.Flow),
		A: int64(g.DSN), B: int64(g.Len), C: int64(g.Kind), D: int64(candidates), E: int64(g.Penalise),
	}
	e.trace.Observe(&e.work.record)
}

// subflowsChanged acts on what subflows have noted: they became usable, timed
// out, recovered, were closed by the peer, or ended.
func (c *connection) subflowsChanged(now sim.Time) {
	c.touch()
	if c.fastClosed && !c.over {
		c.abort(now, trace.ResetReceived)
		return
	}
	lost, ended := false, false
	for _, f := range c.subs {
		if !f.announced && f.opened() {
			f.announced = true
			c.subflowUp(now, f)
			lost = true // it may take over what others could not deliver
		}
		if f.join.thirdDue {
			f.join.thirdDue = false
			f.ackNow(now)
		}
		if f.fourth == fourthDue {
			f.fourth = fourthOrdered
			f.ackNow(now)
		}
		if f.timedOut {
			f.timedOut = false
			c.sched.OnTimeout(now, f.id)
			c.noteTimeout(now, f)
			lost = c.reinjectAfterTimeout(f) || lost
			c.timeoutsExceeded(now, f)
		}
		if f.raw.on && f.fail.at == sim.Never && !f.dead && !c.fallback.on {
			c.tryRevert(now, f, trace.InfiniteMap)
		}
		if f.closing && !f.dead && f.endsUnmapped() {
			f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		}
		if f.closing && !f.dead {
			// The peer's FIN without DATA_FIN closes the subflow only (RFC 8684
			// section 3.3.3).
			f.closeWrite(now)
			if f.retired && !f.left {
				f.left = true
				f.flow.tcp.Orphan(now)
				ended = ended || f.tx.len() > 0
				c.subflowLeaves(now, f)
				lost = true
			}
		}
		if f.dead && !f.buried {
			f.buried = true
			ended = ended || f.tx.len() > 0
			c.subflowDown(now, f)
			lost = true
		}
	}
	if c.fallback.waits {
		c.bareDecided(now)
	}
	switch {
	case c.fallback.on:
	case c.p.Retrans == RetransUpstream && ended:
		c.send.requeueAll()
	case lost:
		c.requeueLost()
	}
	switch {
	case c.over:
	case c.joinable():
		c.tellEstablished()
	case !c.client && c.subs[0].phase == phaseKeyed:
		c.pm.keyed()
	}
	c.checkCarriers(now)
	c.work = true
}

// subflowUp announces a subflow that can carry data.
func (c *connection) subflowUp(now sim.Time, f *subflow) {
	if f.usableAt == sim.Never {
		f.usableAt = now
	}
	c.sched.OnPath(now, f.id, true)
	c.sumSendBuffers()
	if c.infinite && !c.fallback.on {
		c.resume(now, f)
		return
	}
	if f.id == 0 {
		if c.client && c.fallback.why == trace.MPCapableSYNTXDrop {
			c.blackholeFound(now)
		}
		c.noteWatched(now, WatchCreated, PathEvent{Kind: PathCreated})
		c.sock.connect(now)
		return
	}
	c.sock.tellOf(SubflowUp, f.id, trace.NoReason)
	c.pm.note(PathEvent{Kind: PathSubflowUp, Flow: f.id, Local: f.flow.tuple.Src.Addr(), Remote: f.flow.tuple.Dst})
}

// subflowDown takes a subflow that has ended out of everything.
func (c *connection) subflowDown(now sim.Time, f *subflow) {
	if !f.left {
		c.subflowLeaves(now, f)
	}
	c.alive = slices.DeleteFunc(c.alive, func(g *subflow) bool { return g == f })
	if c.peerFlow == f.id {
		c.peerFlow = sched.NoFlow // the number may be given again
	}
	if f.lane < 64 {
		c.closeCopies(f.lane)
		c.lanes[f.lane] = nil
	}
	f.tx.reset()
	f.rx.reset()
	f.discardHeld()
	c.sumSendBuffers()
}

// subflowLeaves tells everybody that a subflow is no part of the connection any
// more, and that it carries nothing.
func (c *connection) subflowLeaves(now sim.Time, f *subflow) {
	c.send.leave(f.lane)
	if f.announced {
		c.sched.OnPath(now, f.id, false)
	}
	if f.phase == phasePlain {
		return
	}
	if !c.over && (f.announced || f.joined && f.active) {
		c.sock.tellOf(SubflowDown, f.id, f.why)
		c.pm.note(PathEvent{
			Kind: PathSubflowDown, Flow: f.id, Why: f.why, ID: f.remoteID,
			HasCode: f.peerRstSeen, Code: f.peerRst.Reason, Transient: f.transient(),
			Local: f.flow.tuple.Src.Addr(), Remote: f.flow.tuple.Dst,
		})
	}
}

// checkCarriers sees to what depends on how many subflows there are.
func (c *connection) checkCarriers(now sim.Time) {
	if c.over {
		return
	}
	if c.failed != nil && c.rejoin == nil && c.answered() == 0 {
		c.replaceFailed()
	}
	if c.rejoin != nil && c.answered() == 0 {
		c.reopen(now)
	}
	if c.live() == 0 {
		switch {
		case c.fallback.on:
		case !c.full && !c.sock.connected:
			c.finish(now, c.subs[0].why) // the handshake has failed
		case c.closing.giveUp == sim.Never:
			c.closing.giveUp = now.Add(c.p.CloseTimeout)
		}
	} else if !c.sock.appClosed {
		c.closing.giveUp = sim.Never
	}
	c.setReprobe()
}

// setReprobe caps the retransmission timeout of every subflow beside which
// another one lives that has not timed out itself.
func (c *connection) setReprobe() {
	limit := c.p.Reprobe
	if limit == 0 && c.sock.opt.Reprobe {
		limit = reprobeInterval
	}
	for _, f := range c.subs {
		if f.dead || f.phase == phasePlain || f.flow.tcp.State() < tcp.StateEstablished {
			continue // a handshake counts its attempts
		}
		d := sim.Duration(0)
		for _, g := range c.subs {
			if g != f && g.usable() && !g.failed {
				d = limit
			}
		}
		if d != f.rtoCap {
			f.rtoCap = d
			f.flow.tcp.SetRTOCap(d)
			c.e.ready.push(f.flow)
		}
	}
}
