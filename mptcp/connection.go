package mptcp

import (
	"net/netip"

	"mpsim/cc"
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// connection is an MPTCP connection. Its parts know nothing of each other: keys,
// send queue, reassembly, the two windows, closing. This file ties them
// together; subflow.go and what it names does the same for one subflow.
type connection struct {
	// The fields lie in the order of who needs them, as in tcp.Conn: first what only
	// the sender of data does, then what everybody does, then what only the receiver
	// does, and last what segments rarely touch. So each segment touches a few lines
	// side by side (TestLinesOfSegments).
	probe probeTimer
	subAt sim.Time // earliest deadline of a subflow

	// The sender's lines.
	retrans retransTimer // its deadlines last
	sched   sched.Scheduler
	stats   connStats // what every acknowledgement counts first

	subs       []*subflow // all that there were, by id
	sock       *socket
	p          *Profile
	scratch    *Scratch
	lit        *tcp.Literals // literal parts of our stream; nil: none yet
	segment    uint16        // size of connection-level segments; 0: data is not kept in them
	askClosed  bool          // of RetransUpstream: the scheduler is asked although the window is closed
	copiesOpen bool          // stats.open is not empty
	peerFlow   cc.FlowID     // brought the peer's newest data, if the scheduler asks

	rows rowCache
	send sendQueue // its positions last

	// Everybody's lines.
	busy    bool // settle is running
	changed bool // a subflow came, went or failed since the last settle
	work    bool // the scheduler should be asked
	touched bool // see touch
	chores  bool // an ACK is owed, a signal due, or an event or mark of the path manager
	input   bool // new data can be read
	over    bool // nothing more can be sent or received
	// ending: one of the two directions has ended or is about to, or the connection has
	// fallen back. While it is false nothing of closing and fallback has to be looked at.
	ending bool
	// dataAcks: acked has risen since it was acted on.
	dataAcks bool
	// rearm: the deadline of retrans has been set earlier.
	rearm bool
	// rowsFresh: the rows hold but for those that are marked.
	rowsFresh bool
	// checksum says that DSS checksums are used, in both directions.
	checksum bool
	// ack8 and dsn8 say that DATA_ACKs and data sequence numbers are sent in 8
	// octets, not 4.
	ack8, dsn8 bool
	tuned      bool        // the receive buffer tunes itself
	asked      bool        // the scheduler was asked since the connection last settled
	heard      bool        // a DATA_ACK has come since the connection-level timer last expired
	judges     bool        // SocketOptions.ResetUnderperforming
	restarts   bool        // SocketOptions.ResetDelivered: see restart.go
	windowed   bool        // needNotAsk may spare the scheduler a question
	fastOpened bool        // early.sent is not 0
	asks       sched.Facts // of the scheduler
	rcvBufOpt  RcvBufOpt
	aggressive bool  // Profile.Reinject is ReinjectAggressive
	version    uint8 // of the protocol: 0 or 1
	urges      bool  // urgent.tx is set
	client     bool  // we opened the connection
	e          *Endpoint
	acked      uint64 // highest DATA_ACK seen
	peer       peerWindow

	local, remote side        // the data sequence numbers last
	sentAck       uint64      // DATA_ACK sent last
	wnd           localWindow // what every segment needs last

	// The receiver's lines.
	recv reassembly // its position first

	// full says that the peer has shown, by a DSS option, that it has our key:
	// only then may subflows be added (RFC 8684 section 3.1).
	full      bool
	timer     uint32
	armed     sim.Time // when the entry in timers is due; Never: there is none
	owing     *subflow // it is to send another ACK
	cc        cc.Controller
	perf      performance
	fallback  fallback
	urgent    urgentData
	closing   closing
	tune      tcp.ReceiveTuning
	early     earlyData
	addr      addressing   // its flag last
	pm        pathManaging // its flags first
	alive     []*subflow   // those of subs that are not buried, in the same order
	fastClose fastClose
	nagle     heldTail
	width     sendWidth
	freed     int // subflows that TCP has forgotten
	// joinDenied: the peer takes no subflows to the address and port of the initial
	// one (flag C of MP_CAPABLE).
	joinDenied bool
	// joinedOnce: a subflow was established of which nothing else is known any more.
	joinedOnce bool
	// fastClosed: the peer has ended the connection by MP_FASTCLOSE.
	fastClosed bool
	// rejoin is the subflow, ended by MP_FAIL, in place of which another one is to be
	// opened; infinite: our data on the next subflow is in infinite mapping.
	rejoin   *subflow
	infinite bool
	// failed is the latest subflow that MP_FAIL ended while others lived; failedByPeer:
	// the peer said so.
	failed       *subflow
	failedByPeer bool
	why          trace.Reason

	lanes [64]*subflow // of those that are not buried: the sets of carriers
}

// connStats counts what a connection did. Bytes are payload.
type connStats struct {
	granted int64 // to subflows, copies included
	picks   int64 // questions to the scheduler
	lastAck sim.Time

	open        []openCopy // copies: acknowledged, but not told which of the two was
	reinjected  int64      // sent again on another subflow
	useful      int64      // of them: the copy was acknowledged before the original
	useless     int64      // of them: the original was
	penalties   int64      // windows halved because a subflow held up the connection
	retransmits int64      // expiries of the connection-level timer
}

func (e *Endpoint) newConnection(now sim.Time, s *socket, version uint8) *connection {
	c := &connection{
		e: e, sock: s, p: e.profile, version: version, scratch: e.work,
		cc:    s.opt.Controller(e.connStream(s, "cc")),
		sched: s.opt.Scheduler(e.connStream(s, "sched")),
		send:  newSendQueue(s.opt.SendBuffer, e.profile.BufferPage),
		recv:  reassembly{next: 1, arena: &e.arena},
		wnd:   localWindow{size: s.opt.ReceiveBuffer, read: 1, edge: 1},
		acked: 1, sentAck: 1, subAt: sim.Never,
		nagle: heldTail{ceiling: sim.Never},
	}
	c.aggressive = c.p.Reinject == ReinjectAggressive
	c.peer.edge = 1
	c.initWidths(now)
	c.checksum = s.opt.Checksum == ChecksumRequired
	c.stats.lastAck = now
	c.retrans.stop()
	c.probe.stop()
	c.perf.stop()
	c.judges, c.restarts = s.opt.ResetUnderperforming, s.opt.ResetDelivered
	c.initFacts()
	c.closing.init()
	c.fastClose.at = sim.Never
	c.pm.init(e, s)
	c.addr.init()
	c.local = e.chooseKey(c)
	c.tuneBuffers(now)
	if c.rcvBufOpt = s.opt.RcvBufOpt; c.rcvBufOpt == 0 {
		c.rcvBufOpt = e.profile.RcvBufOpt
	}
	c.rcvBufOpt &^= RcvBufOptOff
	c.rows.init(c)
	c.timer, c.armed = e.timers.add(c), sim.Never
	return c
}

// chooseKey draws a key whose token no other connection of the endpoint has (RFC
// 8684 section 3.1).
func (e *Endpoint) chooseKey(c *connection) side {
	for {
		s := c.newSide(Key(e.rnd.keys.Uint64()))
		if r := e.restoring; r != nil {
			s = c.newSide(r.key)
		}
		if e.tokens[s.token] == nil {
			e.tokens[s.token] = c
			return s
		}
		e.counts[mpFallbackTokenInit]++
	}
}

// forgetToken makes joins to the connection impossible.
func (c *connection) forgetToken() {
	if c.e.tokens[c.local.token] == c {
		delete(c.e.tokens, c.local.token)
	}
}

// connect opens the connection actively.
func (c *connection) connect(now sim.Time, local, remote netip.AddrPort) {
	c.client = true
	f := c.newSubflow(now, local, remote, false)
	f.active = true
	f.phase = phaseSYN
	f.flow.tcp.Connect(now)
	c.e.settle(now, f.flow)
}

// accept opens the connection passively with a SYN that carries MP_CAPABLE, in
// version 0 with the peer's key.
func (c *connection) accept(now sim.Time, syn *Segment, a *tcp.FastOpenAnswer) {
	if c.version == 0 {
		c.remote = c.newSide(Key(syn.Opt.Capable.SenderKey))
	}
	c.takeChecksumFlag(&syn.Opt.Capable)
	f := c.newSubflow(now, syn.Tuple.Dst, syn.Tuple.Src, false)
	f.phase = phaseSYNACK
	c.joinDenied = c.version == 1 && syn.Opt.Capable.Flags&wire.CapableDenyJoin != 0
	f.flow.tcp.AcceptFast(now, syn, a)
	if a.Accept {
		f.acceptEarly(syn)
	}
	c.e.settle(now, f.flow)
}

// live returns how many subflows exist, those in their handshake included.
func (c *connection) live() (n int) {
	for _, f := range c.subs {
		if !f.dead && !f.left {
			n++
		}
	}
	return n
}

// answered counts the live subflows but for those whose SYN has no answer.
func (c *connection) answered() (n int) {
	for _, f := range c.subs {
		if !f.dead && !f.left && f.flow.tcp.State() != tcp.StateSynSent {
			n++
		}
	}
	return n
}

// settle brings the connection up to date after anything has happened to it.
func (c *connection) settle(now sim.Time) {
	c.touch()
	c.settleSegment(now)
}

// settleSegment is settle after a segment was taken in: it acts on what subflows
// have noted, runs the path manager, asks the scheduler, and tells the application.
// Subflows only note what happens to them, because they are called from within TCP.
func (c *connection) settleSegment(now sim.Time) {
	if c.busy {
		return
	}
	c.busy = true
	c.asked = false
	worked := false
	for round := 0; ; round++ {
		if round > 1000 {
			sim.Bugf("connection %d does not settle", c.sock.number)
		}
		if c.dataAcks {
			if c.dataAcks = false; c.acked > c.send.una {
				c.dataAcked(now)
			}
		}
		if c.changed {
			c.changed = false
			c.subflowsChanged(now)
			continue
		}
		if c.ending {
			c.checkClosing(now)
		}
		if (c.touched || c.chores) && c.doChores(now) {
			continue
		}
		if c.work {
			c.work, worked = false, true
			c.push(now)
		}
		if !c.changed {
			break
		}
	}
	c.busy = false
	if c.touched || worked || c.input || c.ending {
		c.tellApp(now)
	} // else there is nothing to read nor more room to write than before
	if c.over {
		c.leaveEndpoint()
	}
	if c.touched || c.rearm {
		c.arm()
	}
}

// arm sets the timer if a deadline is earlier than what is set.
func (c *connection) arm() {
	at := c.retrans.at
	if c.touched {
		at = c.deadline()
	} // else no other deadline has been set
	c.touched, c.rearm = false, false
	if at < c.armed && c.timer != noTimer {
		c.e.timers.set(c.timer, at)
	}
}

// setArmed implements timed.
func (c *connection) setArmed(at sim.Time) { c.armed = at }

// doChores runs the path manager and orders the ACKs that carry signals. It reports
// whether the path manager ran, which may have changed anything.
func (c *connection) doChores(now sim.Time) bool {
	if c.pm.marked {
		c.checkMarks()
	}
	if c.pm.pending() {
		c.chores = true
		c.touch()
		c.runPathManager(now)
		return true
	}
	if c.addr.due || c.owing != nil {
		c.touch()
		c.sendSignals(now)
	}
	c.chores = c.pm.marked || c.addr.due || c.owing != nil
	return false
}

// dataAcked acts on a new DATA_ACK.
func (c *connection) dataAcked(now sim.Time) {
	una := min(c.acked, c.send.next)
	if c.send.copies > 0 || c.copiesOpen {
		c.judgeCopies(una)
	}
	if una > c.send.una {
		c.send.ack(una)
		c.sched.OnDataAck(now, una)
		c.stats.lastAck = now
		if c.p.Retrans == RetransUpstream {
			c.restartByAck(now)
		} else {
			c.retransProgress(now)
		}
		c.probe.stop()
	}
	c.closing.acked(c.acked, c.send.end)
	c.acked = c.send.una
	if c.p.ReleaseNeedsSubflow && c.p.OutstandingPercent > 0 {
		c.resetOutstanding(now)
	}
	if c.restarts {
		c.resetDelivered(now)
	}
	c.releaseLiterals()
	c.work = true
}

// released returns the first byte that still occupies the send buffer (RFC 8684
// section 3.3.2).
func (c *connection) released() uint64 {
	una := c.send.una
	if !c.p.ReleaseNeedsSubflow {
		return una
	}
	return c.releasedBySubflows(una)
}

// releasedBySubflows is released where subflows have a say.
func (c *connection) releasedBySubflows(una uint64) uint64 {
	for _, f := range c.alive {
		if f.dead {
			continue
		}
		if low, ok := f.tx.lowest(); ok {
			una = min(una, low)
		}
	}
	return una
}

// write appends to the stream.
func (c *connection) write(now sim.Time, n int64) int64 {
	if c.closing.finQueued || c.over {
		return 0
	}
	n = c.send.write(n, c.released())
	if n > 0 {
		c.work, c.askClosed = true, true
		c.settle(now)
	}
	return n
}

// read takes received data, and announces the window if that opened it much.
func (c *connection) read(now sim.Time, max int64) (off uint64, n int64) {
	off, n = c.recv.ready.pop(max)
	if n == 0 {
		return 0, 0
	}
	behind := n
	if c.early.unread > 0 {
		behind = c.early.skip(n)
	}
	c.wnd.read += uint64(behind)
	if c.tuned {
		c.tunedRead(now, n)
		return off, n
	}
	if !c.over && !c.eof() && c.wnd.worthAnnouncing(c.recv.next) {
		c.ackAll(now)
	}
	return off, n
}

// eof reports whether the peer's stream has ended at recv.next.
func (c *connection) eof() bool { return c.ending && (c.closing.peerDone || c.fallback.eof) }

// hasInput reports whether there is something to read, the end included.
func (c *connection) hasInput() bool { return c.recv.ready.bytes > 0 || c.eof() }

// ackAll makes every established subflow send an ACK.
func (c *connection) ackAll(now sim.Time) {
	for _, f := range c.alive {
		if f.established() && !f.left {
			f.ackNow(now)
		}
	}
}

// tellApp queues the events that level changes call for.
func (c *connection) tellApp(now sim.Time) {
	if c.sock.appClosed && !c.over && c.recv.ready.bytes > 0 {
		// Nobody will read it (RFC 1122 section 4.2.2.13).
		c.abort(now, trace.ResetSent)
		return
	}
	if c.input {
		c.input = false
		c.sock.readable()
	}
	if c.eof() && !c.sock.eofTold {
		c.sock.eofTold = true
		c.sock.readable()
	}
	if c.sock.wantWrite {
		c.sock.writable(c.send.room(c.released()), c.send.limit)
	}
}

// deadline implements timed.
func (c *connection) deadline() sim.Time {
	return min(c.retrans.at, c.probe.at, c.nagle.ceiling, c.perf.at, c.closing.work, c.closing.at, c.closing.giveUp, c.closing.linger, c.fastClose.at, c.pm.at, c.addr.deadline(), c.subAt)
}

// moveTimer gives a deadline of a subflow another value.
func (c *connection) moveTimer(t *sim.Time, at sim.Time) {
	c.touched = true
	old := *t
	*t = at
	switch {
	case at <= c.subAt:
		c.subAt = at
	case old == c.subAt:
		c.subAt = sim.Never
		for _, f := range c.alive {
			c.subAt = min(c.subAt, f.join.again, f.fail.at)
		}
	}
}

// expire implements timed.
func (c *connection) expire(now sim.Time) {
	c.touch()
	if c.subAt <= now {
		c.expireSubflows(now)
	}
	if c.retrans.at <= now {
		c.retransTimeout(now)
	}
	if c.probe.at <= now {
		c.probeTimeout(now)
	}
	if c.nagle.ceiling <= now {
		c.corkTimeout()
	}
	if c.perf.at <= now {
		c.performanceTimeout(now)
	}
	if c.closing.work <= now {
		c.closing.workTimeout()
	}
	if c.closing.at <= now {
		c.dataFINTimeout(now)
	}
	if c.closing.linger <= now {
		c.finAll(now)
	}
	if c.fastClose.at <= now {
		c.fastCloseTimeout(now)
	}
	if c.pm.at <= now {
		c.pm.timeout(now)
	}
	if c.addr.deadline() <= now {
		c.addressTimeout(now)
	}
	if c.closing.giveUp <= now {
		c.closeTimeout(now)
	}
	c.settle(now)
}

// expireSubflows is expire for the deadlines of subflows.
func (c *connection) expireSubflows(now sim.Time) {
	for _, f := range c.subs {
		if f.join.again <= now {
			f.joinTimeout(now)
		}
		if f.fail.at <= now {
			f.failTimeout(now)
		}
	}
}

// finish ends the connection for the application.
func (c *connection) finish(now sim.Time, why trace.Reason) {
	if c.over {
		return
	}
	c.over, c.ending = true, true
	c.why = why
	c.forgetToken()
	c.retrans.stop()
	c.probe.stop()
	c.nagle.ceiling = sim.Never
	c.perf.stop()
	c.closing.stop()
	if c.sock.opt.Protocol == MPTCP {
		c.observePath(now, &PathEvent{Kind: PathClosed, Why: why})
	}
	c.pm.stop()
	c.addr.stop()
	c.sock.end(now, why)
}

// flowReleased notes that TCP has forgotten a subflow.
func (c *connection) flowReleased(now sim.Time) {
	c.freed++
	c.settle(now)
}

// leaveEndpoint gives everything back when neither the connection nor one of its
// subflows exists any more.
func (c *connection) leaveEndpoint() {
	if c.timer == noTimer || c.freed < len(c.subs) {
		return
	}
	c.e.timers.remove(c.timer)
	c.timer = noTimer
	c.sock.gone()
}

// noTimer is the number of a timer that was removed.
const noTimer = ^uint32(0)

func (c *connection) setOption(now sim.Time, o Option, value int64) {
	for _, f := range c.subs {
		switch o {
		case OptionNoDelay, OptionCork:
			f.flow.setNagle()
		case OptionUserTimeout:
			f.flow.tcp.SetUserTimeout(sim.Duration(value))
		}
		c.e.ready.push(f.flow)
	}
	c.work = true
	c.changed = true
	c.settle(now)
}
