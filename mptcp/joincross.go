package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Both hosts may open a subflow between the same addresses and ports at once (RFC
// 8684 section 3.9.2): TCP's simultaneous open then makes one connection of the
// two SYNs. The RFC leaves the options to the implementation. Here each side
// answers the other's SYN by a SYN/ACK with its HMAC, as it would answer one that
// it had not crossed, and from there on the opener of the connection is the one
// that joins: it sends the third packet, and the other the fourth.

// readCrossedSYN processes a SYN with MP_JOIN that crossed ours.
func (f *subflow) readCrossedSYN(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	if !s.Opt.Has(wire.OptJoin) || s.Opt.Join.Form != wire.JoinSYN || s.Opt.Join.Token != c.local.token {
		f.refuse(now, s, rstMPTCP, trace.MiddleboxInterference)
		return tcp.Discard
	}
	j := &s.Opt.Join
	c.e.count(now, c.sock, mpJoinSynRx)
	f.join.peerNonce = j.Nonce
	f.join.crossed = true
	f.remoteID = j.AddrID
	f.peerBackup = j.Backup && c.p.can(Priority)
	f.active = c.client
	f.setPhase(now, phaseSYNACK)
	return 0
}

// readCrossedSYNACK processes the SYN/ACK of a subflow that both have opened.
func (f *subflow) readCrossedSYNACK(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	o := s.Opt
	if !o.Has(wire.OptJoin) || o.Join.Form != wire.JoinSYNACK {
		f.refuse(now, s, rstMPTCP, trace.MiddleboxInterference)
		return tcp.Discard
	}
	c.e.count(now, c.sock, mpJoinSynAckRx)
	if c.p.can(HMACCheck) && o.Join.HMAC64 != left64(c.joinHMAC(c.remote.key, c.local.key, f.join.peerNonce, f.join.nonce)) {
		c.e.count(now, c.sock, mpJoinSynAckHMacFailure)
		f.refuse(now, s, rstMPTCP, trace.BadHMAC)
		return tcp.Discard
	}
	if f.active {
		f.setPhase(now, phasePre)
		f.join.thirdDue = true
		c.changed = true
	}
	return tcp.NotDuplicate // the third and fourth packets acknowledge it
}
