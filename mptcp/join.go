package mptcp

import (
	"net/netip"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The MP_JOIN handshake (RFC 8684 section 3.2):
//
//	A -> B  SYN      MP_JOIN(12)  B's token, A's nonce, address id, backup bit
//	B -> A  SYN/ACK  MP_JOIN(16)  B's HMAC, B's nonce
//	A -> B  ACK      MP_JOIN(24)  A's HMAC
//	B -> A  ACK      DSS          the fourth packet: from now on A may send data
//
// A repeats the third packet by a timer until the fourth arrives, because an ACK
// is not retransmitted otherwise.

// joinState is what the handshake of a join needs.
type joinState struct {
	nonce, peerNonce uint32
	again            sim.Time // the third packet is sent again
	interval         sim.Duration
	crossed          bool // both sides have sent a SYN
	thirdDue         bool // and the third packet is to be ordered
}

// openSubflow starts a join from a local address; port 0 leaves the port to the
// policy. It returns nil if the port, or every one, is taken.
func (c *connection) openSubflow(now sim.Time, local, remote netip.AddrPort, remoteID uint8, backup bool) *subflow {
	e := c.e
	from, err := c.bindJoin(local, remote)
	if err != nil {
		e.count(now, c.sock, mpJoinSynTxConnectErr)
		return nil
	}
	f := c.newSubflow(now, from, remote, true)
	f.active = true
	f.localID, f.remoteID = c.addressID(from), remoteID
	f.backup = backup
	f.join.nonce = uint32(e.rnd.nonces.Uint64())
	f.phase = phaseSYN
	f.flow.tcp.Connect(now)
	e.ready.push(f.flow)
	return f
}

// bindJoin chooses the local port of a subflow (RFC 8684 section 3.9.1).
func (c *connection) bindJoin(local, remote netip.AddrPort) (netip.AddrPort, error) {
	if local.Port() == 0 && c.sock.opt.JoinPort == PortSame {
		same := netip.AddrPortFrom(local.Addr(), c.subs[0].flow.tuple.Src.Port())
		if c.e.free(same, remote) {
			return same, nil
		}
	}
	return c.e.bind(local, remote)
}

// addressID returns the id of a local address within the connection: 0 for that
// of the initial subflow, otherwise the host's id of the address (RFC 8684
// section 3.2).
func (c *connection) addressID(a netip.AddrPort) uint8 {
	if c.subs[0].flow.tuple.Src.Addr() == a.Addr() {
		return 0
	}
	return c.e.paths.idOf(a)
}

// knownID is addressID, but 0 for an address that has no id yet.
func (c *connection) knownID(a netip.Addr) uint8 {
	if p := c.e.paths.lookup(netip.AddrPortFrom(a, 0)); p != nil && c.subs[0].flow.tuple.Src.Addr() != a {
		return p.ID
	}
	return 0
}

// passiveJoin handles a SYN with MP_JOIN.
func (e *Endpoint) passiveJoin(now sim.Time, syn *Segment) {
	c := e.admitJoin(now, syn)
	if c == nil {
		return
	}
	if l := e.socks.listenerFor(syn.Tuple.Dst); l != nil && l.sock.opt.SYNCookies != SYNCookiesOff {
		if cookie, _ := l.cookiesDue(now, e); cookie {
			e.sendCookie(now, l, syn, c)
			return
		}
	}
	e.acceptJoin(now, c, syn)
}

// admitJoin returns the connection that a SYN with MP_JOIN may join, or answers
// the SYN by a reset.
func (e *Endpoint) admitJoin(now sim.Time, syn *Segment) *connection {
	j := &syn.Opt.Join
	c := e.tokens[j.Token]
	var s *socket
	if c != nil {
		s = c.sock
	}
	if e.joinBlocked(now, syn.Tuple.Src.Addr()) {
		e.count(now, s, joinBlocked)
		return nil
	}
	e.count(now, s, mpJoinSynRx)
	if j.Backup {
		e.count(now, s, mpJoinSynBackupRx)
	}
	if c == nil || c.over || !c.remote.known {
		e.count(now, nil, mpJoinNoTokenFound)
		e.joinFailed(now, syn.Tuple.Src.Addr())
		e.resetFor(now, syn, e.rstReason(rstMPTCP))
		return nil
	}
	if !c.p.can(PassiveJoin) || !c.p.family(syn.Tuple.Src.Addr()) ||
		!c.p.RefuseAtACK && !c.mayJoin(true) {
		e.count(now, c.sock, mpJoinRejected)
		e.resetFor(now, syn, c.rstReason(rstProhibited))
		return nil
	}
	if !c.portOpen(now, syn) {
		return nil
	}
	if c.halfOpenJoins() >= c.p.JoinBacklog {
		e.count(now, c.sock, tcpReqQFullDrop)
		e.emit(now, c.sock, -1, trace.JoinDropped, trace.BacklogFull, int64(j.AddrID), int64(c.p.JoinBacklog), 0, 0, 0)
		return nil // the peer will try again
	}
	return c
}

// halfOpenJoins returns how many joins the peer has begun and not completed.
func (c *connection) halfOpenJoins() (n int) {
	for _, f := range c.alive {
		if f.phase == phaseSYNACK && f.joined && !f.dead {
			n++
		}
	}
	return n
}

// acceptJoin answers a SYN with MP_JOIN.
func (e *Endpoint) acceptJoin(now sim.Time, c *connection, syn *Segment) {
	j, r := &syn.Opt.Join, e.restoring
	f := c.newPassiveSubflow(now, syn.Tuple.Dst, syn.Tuple.Src)
	f.phase = phaseSYNACK
	f.backup = c.p.can(Priority) && e.isBackup(syn.Tuple.Dst)
	f.localID, f.remoteID = c.addressID(syn.Tuple.Dst), j.AddrID
	f.peerBackup = j.Backup && c.p.can(Priority)
	f.join.nonce, f.join.peerNonce = uint32(e.rnd.nonces.Uint64()), j.Nonce
	if r != nil {
		f.join.nonce = r.nonce
	}
	f.flow.tcp.Accept(now, syn)
	syn.Socket = f.flow.id
	e.settle(now, f.flow)
}

// portOpen reports whether a join may go to the port that it goes to: the one of
// the connection, or one that was announced (Linux subflow_check_req). Where joins
// need no listener the token alone decides. A join that may not is reset.
func (c *connection) portOpen(now sim.Time, syn *Segment) bool {
	if !c.p.JoinNeedsListener || syn.Tuple.Dst.Port() == c.subs[0].flow.tuple.Src.Port() {
		return true
	}
	for i := range c.addr.own {
		if c.addr.own[i].addr == syn.Tuple.Dst {
			c.e.count(now, c.sock, mpJoinPortSynRx)
			return true
		}
	}
	c.e.count(now, c.sock, mismatchPortSynRx)
	c.e.resetFor(now, syn, c.rstReason(rstProhibited))
	return false
}

// otherPort reports whether the subflow was joined at another port of the side
// that was joined than the initial one's.
func (f *subflow) otherPort() bool {
	first, t := &f.conn.subs[0].flow.tuple, &f.flow.tuple
	if f.active {
		return t.Dst.Port() != first.Dst.Port()
	}
	return t.Src.Port() != first.Src.Port()
}

// isBackup reports whether the host has configured an address as a backup.
func (e *Endpoint) isBackup(a netip.AddrPort) bool {
	if p := e.paths.lookup(a); p != nil && p.Flags&AddrBackup != 0 {
		return true
	}
	l := e.localAddr(a.Addr())
	return l != nil && l.flags&AddrBackup != 0
}

// joinable reports whether the peer is known to have our key, so that a join can
// be understood.
func (c *connection) joinable() bool {
	return c.full || c.p.JoinWithoutData && c.sock.connected && c.remote.known && c.subs[0].dead && !c.fallback.on
}

// mayJoin reports whether policy allows one more subflow. Linux refuses from
// shutdown on; but here an application may write and shut down in one instant
// what a real one takes seconds for, so our DATA_FIN having been sent counts.
// Subflows that the peer is opening count if halfOpen.
func (c *connection) mayJoin(halfOpen bool) bool {
	keyed := c.p.JoinFromThirdACK && !c.client && c.subs[0].phase == phaseKeyed && c.remote.known && !c.remote.inferred
	if !c.joinable() && !keyed || c.over || c.reverting() || c.closing.finSent && !c.p.JoinAfterDataFIN {
		return false
	}
	n, left := 0, 0
	for _, f := range c.alive {
		switch {
		case f.left:
			left++
		case f.joined && !f.dead && (halfOpen || f.phase != phaseSYNACK):
			n++
		}
	}
	// Those that have left make room, but there may not be any number of them.
	return n < c.subflowLimit() && left <= c.subflowLimit()
}

// writeJoinSYN writes the option of SYN and SYN/ACK.
func (f *subflow) writeJoinSYN(now sim.Time, s *Segment) {
	c := f.conn
	o := s.Options()
	o.Present |= wire.OptJoin
	o.Join = wire.Join{Backup: f.backup && c.p.can(Priority), AddrID: f.localID, Nonce: f.join.nonce}
	if f.phase == phaseSYN {
		f.synSent++
		if f.synSent == 1 {
			c.e.count(now, c.sock, mpJoinSynTx)
		}
		o.Join.Form = wire.JoinSYN
		o.Join.Token = c.remote.token
		return
	}
	o.Join.Form = wire.JoinSYNACK
	o.Join.HMAC64 = left64(c.joinHMAC(c.local.key, c.remote.key, f.join.nonce, f.join.peerNonce))
}

// readJoinSYNACK verifies that who answered knows the keys.
func (f *subflow) readJoinSYNACK(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	o := s.Opt
	if !s.Flags.Has(wire.ACK) || !o.Has(wire.OptJoin) || o.Join.Form != wire.JoinSYNACK {
		if c.p.KeepStrippedJoin && s.Flags.Has(wire.ACK) {
			f.stranded = true
			return 0
		}
		f.refuse(now, s, rstMPTCP, trace.MiddleboxInterference)
		return tcp.Discard
	}
	c.e.count(now, c.sock, mpJoinSynAckRx)
	if f.otherPort() {
		c.e.count(now, c.sock, mpJoinPortSynAckRx)
	}
	j := &o.Join
	if j.Backup {
		c.e.count(now, c.sock, mpJoinSynAckBackupRx)
	}
	f.join.peerNonce = j.Nonce
	if c.p.can(HMACCheck) && j.HMAC64 != left64(c.joinHMAC(c.remote.key, c.local.key, j.Nonce, f.join.nonce)) {
		c.e.count(now, c.sock, mpJoinSynAckHMacFailure)
		f.refuse(now, s, rstMPTCP, trace.BadHMAC)
		return tcp.Discard
	}
	f.peerBackup = j.Backup && c.p.can(Priority)
	if f.remoteID == 0 {
		f.remoteID = j.AddrID
	}
	f.setPhase(now, phasePre)
	return 0
}

// writeJoinACK writes the third packet, and sets the timer that repeats it.
func (f *subflow) writeJoinACK(now sim.Time, s *Segment) {
	c := f.conn
	o := s.Options()
	o.Present |= wire.OptJoin
	o.Join = wire.Join{
		Form: wire.JoinACK,
		HMAC: left160(c.joinHMAC(c.local.key, c.remote.key, f.join.nonce, f.join.peerNonce)),
	}
	t := &f.flow.tcp
	switch {
	case c.p.JoinAck == JoinAckTwoSRTT:
		f.join.interval = max(2*t.SRTT(), sim.Millisecond)
	case f.join.interval == 0:
		f.join.interval = t.RTO()
	}
	c.moveTimer(&f.join.again, now.Add(f.join.interval))
	c.e.timers.set(c.timer, f.join.again)
}

// joinTimeout sends the third packet again.
func (f *subflow) joinTimeout(now sim.Time) {
	f.conn.moveTimer(&f.join.again, sim.Never)
	if f.dead || f.phase != phasePre {
		return
	}
	if now.Sub(f.started) >= f.conn.p.joinPatience() {
		f.reset(now, rstMPTCP, trace.TimedOut)
		return
	}
	if f.conn.p.JoinAck == JoinAckRTO {
		f.join.interval = min(2*f.join.interval, f.conn.p.TCP.MaxRTO)
	}
	f.ackNow(now)
}

// joinPatience is how long a join may wait for its fourth packet. The peer gives
// up its side after as many SYN/ACKs, so nothing can come later.
func (p *Profile) joinPatience() sim.Duration {
	return p.TCP.InitialRTO<<(p.TCP.SynAckRetries+1) - p.TCP.InitialRTO
}

// readJoinACK verifies the third packet at the side that was joined.
func (f *subflow) readJoinACK(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	if !f.firstPos(s) {
		return tcp.Discard // overtook the third packet, or is forged
	}
	o := s.Opt
	if !o.Has(wire.OptJoin) || o.Join.Form != wire.JoinACK {
		f.refuse(now, s, rstMPTCP, trace.MiddleboxInterference)
		return tcp.Discard
	}
	want := c.joinHMAC(c.remote.key, c.local.key, f.join.peerNonce, f.join.nonce)
	if c.p.can(HMACCheck) && o.Join.HMAC != left160(want) {
		c.e.count(now, c.sock, mpJoinAckHMacFailure)
		c.e.joinFailed(now, f.flow.tuple.Dst.Addr())
		f.refuse(now, s, rstMPTCP, trace.BadHMAC)
		return tcp.Discard
	}
	if !c.mayJoin(false) {
		c.e.count(now, c.sock, mpJoinRejected)
		f.refuse(now, s, rstProhibited, trace.Refused)
		return tcp.Discard
	}
	c.e.count(now, c.sock, mpJoinAckRx)
	if f.otherPort() {
		c.e.count(now, c.sock, mpJoinPortAckRx)
	}
	f.becomeFull(now)
	f.fourth = fourthDue
	return 0
}

// readJoinFourth processes the first segments behind our third packet: the peer
// has accepted the subflow if it answers with a DSS. Anything but a repetition of
// the handshake that comes without one shows that options do not pass. On a subflow that
// replaces a failed one a mapping does, from which a box may have taken the DATA_ACK.
func (f *subflow) readJoinFourth(now sim.Time, s *Segment) tcp.Verdict {
	if s.Segment.Opt.Has(wire.HasDSS|wire.HasDataAck) || f.again && s.Segment.Opt.Has(wire.HasDSS|wire.HasMap) {
		f.conn.moveTimer(&f.join.again, sim.Never)
		f.becomeFull(now)
		return f.readFull(now, s)
	}
	if s.Opt != nil && s.Opt.Present&signals != 0 || s.Flags.Has(wire.SYN) {
		return tcp.IgnoreWindow
	}
	if f.again {
		// The peer's data is in infinite mapping, and the segment that says so is
		// missing: it comes again.
		return tcp.Discard
	}
	f.reset(now, rstMPTCP, trace.MiddleboxInterference)
	return tcp.Discard
}
