package mptcp

import (
	"net/netip"
	"slices"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// phase is how far the MPTCP side of a subflow has come.
type phase uint8

const (
	// phaseSYN: we have sent a SYN with MP_CAPABLE or MP_JOIN.
	phaseSYN phase = iota
	// phaseSYNACK: we have answered such a SYN.
	phaseSYNACK
	// phaseKeyed, first subflow: both keys are known here, but the peer has not
	// shown by a DSS option that it has ours.
	phaseKeyed
	// phasePre, joined subflow: we have sent the third packet and wait for the
	// fourth; nothing but that packet may be sent (PRE_ESTABLISHED).
	phasePre
	// phaseFull: the subflow carries data.
	phaseFull
	// phasePlain: the connection has fallen back to TCP.
	phasePlain
)

// fourthPacket is where the fourth packet of a join stands at the side that was
// joined. It leaves as a pure ACK before any data, as Linux sends it.
type fourthPacket uint8

const (
	fourthSent    fourthPacket = iota // or there is none
	fourthDue                         // the third has arrived
	fourthOrdered                     // TCP is going to send it
)

// dueSet is what ACKs without payload are to carry or bring about.
type dueSet uint8

const (
	dueAddress dueSet = 1 << iota // ADD_ADDR or its echo, on an ACK of its own
	dueRemoval                    // REMOVE_ADDR
	dueFIN                        // the subflow ends behind the ACK
)

// subflow is one path of a connection: what rides on a flow. What every segment
// touches comes first.
type subflow struct {
	// The first line (56 bytes behind the allocator's header) is for every segment, the
	// second for payload that arrives, the third and the fourth for payload that leaves.
	conn   *connection
	flow   *flow
	id     cc.FlowID
	lane   cc.FlowID // bit in sets of carriers; used again when the subflow is buried
	phase  phase
	active bool // we opened it
	joined bool // by MP_JOIN
	dead   bool // TCP has ended, or is about to by our reset
	failed bool // timed out, and not heard of since
	// closing: the stream of the subflow ends; nothing new is granted.
	closing bool
	due     dueSet
	fourth  fourthPacket

	rowAt     uint8 // index in connection.rows; noRow: none
	fast      bool  // our reset or the next ACK carries MP_FASTCLOSE
	prioDue   bool  // an MP_PRIO is to be sent
	failDue   bool  // an MP_FAIL is to be sent
	confirmed bool  // our data was acknowledged with a DATA_ACK
	mapped    bool  // the peer has declared a mapping by a DSS
	// stale: no progress for too long, left out by the scheduler. The count is of
	// expiries of the connection-level timer without progress, since something
	// was heard at staleHeard.
	stale              bool
	staleCount         uint8
	backup, peerBackup bool // as we, and as the peer, asked for
	givenUp            bool // failed, and its data may be sent again elsewhere
	inRecovery         bool // TCP was in fast recovery when last looked at
	peerISN            wire.Seq
	raw                rawInput // its flags in the first line

	// urgentPos is the end of urgent data that no mapping covers yet; 0: none.
	urgentPos uint64
	rx        rxMaps
	held      heldData // its size first

	tx      txMaps
	sendPos uint64  // position of the segment that is being built
	sending mapping // of it
	line    straight

	check  verification // its size first
	slope  tcp.Slope    // of a receive buffer that tunes itself
	effort effort       // in the window in which performance is judged
	fail   failState
	join   joinState
	why    trace.Reason

	finSent           bool // the FIN is ordered
	buried            bool // its end has been acted on
	retired           bool // closed by a path manager, ours or the peer's
	left              bool // ... and no part of the connection any more, but for what TCP still has to do
	announced         bool // its becoming usable has been acted on
	again             bool // opened in place of one that MP_FAIL has ended
	stranded          bool // joined, but without MP_JOIN: it is never used
	timedOut          bool // a timeout has not been acted on
	ackOwed           bool // an ACK without DSS takes the place of one with
	localID, remoteID uint8
	rst               uint8 // code of the MP_TCPRST option of our reset
	turn              bool  // MP_CAPABLE was sent, a DATA_FIN may be next
	peerRstSeen       bool
	peerRst           wire.Rst // of the peer's reset
	synSent           int      // SYNs with MP_CAPABLE or MP_JOIN sent
	rtoCap            sim.Duration
	staleHeard        sim.Time
	penalised         sim.Time // when it last had others penalised
	prioOf            *subflow // that an MP_PRIO is about
	row               signalRow
	keepalive         withdrawnCheck
	infinite          infiniteMap
	summed            mapping // whose sum was computed last

	facts PathFacts // of its path

	started, usableAt, endedAt sim.Time
	reinjected                 int64 // bytes sent here that another subflow had carried
}

// maxSubflowRecords bounds the subflows that a connection remembers. Up to there
// numbers are given in order of creation and once; behind it a new subflow takes the
// number of the one that ended first, so that neither a connection nor its plug-ins
// grow with addresses that come and go for hours.
const maxSubflowRecords = 256

// newSubflow creates the next subflow of a connection, in CLOSED.
func (c *connection) newSubflow(now sim.Time, local, remote netip.AddrPort, joined bool) *subflow {
	if i := c.nextNumber(); i < len(c.subs) {
		return c.replaceSubflow(now, local, remote, i)
	}
	f := c.initSubflow(now, local, remote, cc.FlowID(len(c.subs)), joined)
	c.subs = append(c.subs, f)
	c.alive = append(c.alive, f)
	return f
}

// nextNumber returns the number of the next subflow.
func (c *connection) nextNumber() int {
	if len(c.subs) < maxSubflowRecords {
		return len(c.subs)
	}
	first := len(c.subs)
	for i, f := range c.subs {
		if i > 0 && f.buried && f.flow.gone && (first == len(c.subs) || f.endedAt < c.subs[first].endedAt) {
			first = i
		}
	}
	return first
}

// newPassiveSubflow creates the subflow of a join that the peer begins. It takes
// the number of one that has ended before anybody saw it, if there is one: a peer
// that begins joins without end must not push out what others have left.
func (c *connection) newPassiveSubflow(now sim.Time, local, remote netip.AddrPort) *subflow {
	if i := slices.IndexFunc(c.subs, (*subflow).unseen); i >= 0 {
		return c.replaceSubflow(now, local, remote, i)
	}
	return c.newSubflow(now, local, remote, true)
}

// replaceSubflow creates a joined subflow with the number of one that has ended.
func (c *connection) replaceSubflow(now sim.Time, local, remote netip.AddrPort, i int) *subflow {
	c.joinedOnce = c.joinedOnce || c.subs[i].mayHaveCarried()
	f := c.initSubflow(now, local, remote, cc.FlowID(i), true)
	c.subs[i] = f
	c.freed--
	at := slices.IndexFunc(c.alive, func(g *subflow) bool { return g.id > f.id })
	if at < 0 {
		at = len(c.alive)
	}
	c.alive = slices.Insert(c.alive, at, f)
	return f
}

// unseen reports whether a join of the peer has ended, and left nothing, before
// the application, the scheduler or the path manager heard of it.
func (f *subflow) unseen() bool {
	return f.buried && f.joined && !f.active && !f.announced && f.flow.gone
}

// initSubflow creates a subflow of the given number.
func (c *connection) initSubflow(now sim.Time, local, remote netip.AddrPort, id cc.FlowID, joined bool) *subflow {
	f := &subflow{conn: c, id: id, joined: joined, rowAt: noRow, started: now, usableAt: sim.Never, endedAt: sim.Never}
	f.join.again, f.fail.at = sim.Never, sim.Never
	f.flow = c.e.newFlow(c.sock, local, remote, f)
	f.flow.tcp.SetLiterals(c.lit)
	f.findPathFacts()
	f.flow.tcp.SetPathCost(f.facts.Cost)
	for f.lane < 64 && c.lanes[f.lane] != nil {
		f.lane++
	}
	if f.lane < 64 {
		c.lanes[f.lane] = f
	}
	return f
}

func (f *subflow) setPhase(now sim.Time, p phase) {
	if p == f.phase {
		return
	}
	f.conn.e.emit(now, f.conn.sock, f.id, trace.SubflowPhase, f.why, int64(f.phase), int64(p), 0, 0, 0)
	f.phase = p
}

// established reports whether the subflow carries signals in both directions.
func (f *subflow) established() bool {
	return !f.dead && (f.phase == phaseFull || f.phase == phaseKeyed)
}

// opened reports whether the handshakes of TCP and of MPTCP are complete.
func (f *subflow) opened() bool {
	if f.phase != phasePlain {
		return f.established() || f.earlyOpen()
	}
	return !f.dead && f.flow.tcp.State() >= tcp.StateEstablished
}

// usable reports whether the subflow may be granted data.
func (f *subflow) usable() bool {
	return f.established() && !f.closing && f.due&dueFIN == 0 && f.fourth == fourthSent && f.sendsMapped() || f.earlyOpen()
}

// sendsMapped reports whether TCP is in a state in which data with mappings can be
// sent: behind a FIN only if the FIN is the end of a stream that is taken by position,
// and not that of the subflow.
func (f *subflow) sendsMapped() bool {
	s := f.flow.tcp.State()
	return s == tcp.StateEstablished || s == tcp.StateCloseWait && f.raw.on
}

// isBackup reports whether either side wants the subflow to be used only if
// there is no other.
func (f *subflow) isBackup() bool { return f.backup || f.peerBackup }

// ackNow makes TCP send an ACK, which carries what is due.
func (f *subflow) ackNow(now sim.Time) {
	f.flow.tcp.AckNow(now)
	f.conn.e.ready.push(f.flow)
}

// closeWrite ends our direction of the subflow by a FIN behind what it carries.
func (f *subflow) closeWrite(now sim.Time) {
	f.closing = true
	if f.finSent {
		return
	}
	f.finSent = true
	f.flow.tcp.CloseWrite(now)
	f.conn.e.ready.push(f.flow)
}

// MSS implements tcp.Extension: a data segment carries a DSS option with DATA_ACK
// and mapping.
func (f *subflow) MSS(room int) int {
	if f.phase == phasePlain {
		return room
	}
	return room - f.conn.dssRoom()
}

// SegmentAt implements tcp.Extension: a segment ends where its mapping ends.
func (f *subflow) SegmentAt(now sim.Time, pos uint64, max int) (n int, off uint64) {
	if f.phase == phasePlain {
		f.sendPos = pos
		if f.announces(pos) {
			max = min(max, f.flow.tcp.MSS()-lenInfinite)
		}
		return max, pos + f.conn.fallback.tx - 1 + uint64(f.conn.early.sent)
	}
	m := f.tx.lookup(pos)
	if m == nil {
		sim.Bugf("subflow %d of connection %d: position %d is not mapped", f.id, f.conn.sock.number, pos)
	}
	f.sending, f.sendPos = *m, pos
	d := pos - m.pos
	off = m.dsn + d - 1
	if f.conn.fastOpened {
		off += uint64(f.conn.early.sent)
	}
	if f.conn.e.witness != nil {
		f.witnessCarriage(now, Carriage{
			DSN: m.dsn + d, Len: int(min(uint64(max), uint64(m.len)-d)), Again: pos < f.flow.tcp.SndNxt(),
		})
	}
	return int(min(uint64(max), uint64(m.len)-d)), off
}

// OneSegment implements tcp.Extension: a segment lies within a mapping.
func (f *subflow) OneSegment(pos, end uint64) bool {
	if f.phase == phasePlain {
		return true
	}
	m := f.tx.lookup(pos)
	return m != nil && end <= m.end()
}

// Deliver implements tcp.Extension: received bytes go where their mapping says.
func (f *subflow) Deliver(now sim.Time, pos uint64, n int, off uint64) {
	c := f.conn
	if f.flow.quiet {
		c.recv.arena.Release(off, int64(n)) // no data is accepted any more
		return
	}
	if c.tuned {
		f.openWindow(n)
	}
	for n > 0 {
		if f.byPosition() {
			f.deliverByPosition(now, pos, n, off)
			return
		}
		dsn, k, ok := f.rx.take(pos, n)
		stop := false
		if ok {
			f.raw.rx = dsn - pos
			if c.e.witness != nil {
				f.witnessCarriage(now, Carriage{DSN: dsn, Len: k, Arrival: true})
			}
			if c.asks&sched.FactPeerFlow != 0 && dsn >= c.recv.next {
				c.peerFlow = f.id
			}
		}
		switch {
		case !ok:
			stop = f.unmapped(now, pos, k, off)
		case c.checksum:
			stop = f.place(now, dsn, pos, k, off)
		default:
			c.receive(dsn, int64(k), off)
		}
		if stop {
			c.recv.arena.Release(off+uint64(k), int64(n-k))
			return
		}
		pos, n, off = pos+uint64(k), n-k, off+uint64(k)
	}
}

// receive takes in n bytes of data from dsn on.
func (c *connection) receive(dsn uint64, n int64, off uint64) {
	edge := c.wnd.edge
	if c.ending && c.closing.peerFIN != 0 {
		edge = min(edge, c.closing.peerFIN) // nothing lies behind the DATA_FIN
	}
	if c.recv.insert(dsn, n, off, edge) > 0 {
		c.input = true
	}
}

// receivePlain takes in data that came by position. TCP has checked its window,
// and what the subflow acknowledged must not be dropped.
func (c *connection) receivePlain(dsn uint64, n int64, off uint64) {
	if c.recv.insert(dsn, n, off, ^uint64(0)) > 0 {
		c.input = true
	}
}

// ReceiveWindow implements tcp.Extension: the window of the connection, from its
// DATA_ACK.
func (f *subflow) ReceiveWindow(sim.Time) int64 {
	c := f.conn
	_, scale := f.flow.tcp.Scales()
	if f.phase == phaseSYN || f.phase == phaseSYNACK {
		scale = 0 // the window of a SYN is not scaled
	}
	var n int64
	if c.tuned {
		n = f.offer(scale)
	} else {
		n = c.wnd.announce(c.recv.next, scale)
	}
	c.wnd.closed = c.wnd.closed || n == 0
	return n
}

// OnEvent implements tcp.Extension. It is called from within TCP, so it only
// notes what settle is to act on.
func (f *subflow) OnEvent(now sim.Time, e tcp.Event, why trace.Reason) {
	c := f.conn
	switch e {
	case tcp.Connected:
		c.changed = true
		if f.id == 0 && c.p.AckKey && !c.client {
			f.flow.tcp.AckNow(now)
		}
		if f.id == 0 && c.sock.opt.FastOpen != 0 {
			f.fastConnected(now)
		}
	case tcp.AckAdvanced:
		if f.phase == phasePlain {
			c.plainAcked(now)
		} else {
			f.tx.ack(f.flow.tcp.SndUna())
			if c.judges && f.tx.len() == 0 {
				f.effort.emptied(now)
			}
			c.releaseLiterals()
			c.changed = c.changed || f.raw.on // reverting may have become possible
		}
		if f.failed {
			f.failed, f.givenUp = false, false
			c.changed = true
		}
		c.work = true
	case tcp.InFlightFell:
		c.work = true
	case tcp.TimedOutOnce:
		if f.established() || f.phase == phasePlain {
			f.failed, f.timedOut = true, true
			c.changed = true
		}
	case tcp.PeerClosed:
		if f.phase == phasePlain && !f.endsUnmapped() {
			c.fallback.eof, c.ending = true, true
		} else if f.raw.on {
			c.fallback.eof, c.ending = true, true
			c.tryRevert(now, f, trace.InfiniteMap)
		} else if c.fallback.waits && !f.joined {
			c.fallback.eof, c.ending = true, true // a peer that has reverted ends its stream so
		} else {
			f.closing = true
		}
		c.changed = true
	case tcp.Closed:
		f.dead = true
		if f.why == trace.NoReason {
			f.why = why
		}
		f.endedAt = now
		c.moveTimer(&f.join.again, sim.Never)
		c.moveTimer(&f.fail.at, sim.Never)
		c.changed = true
	}
}

// firstPos reports whether the segment begins at the first byte of the peer's
// stream: only such a segment can be the one behind the handshake.
func (f *subflow) firstPos(s *Segment) bool { return s.Seq == f.peerISN+1 }
