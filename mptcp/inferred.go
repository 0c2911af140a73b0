package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// What SocketOptions.SYNCookieSSN changes (draft-paasch-mptcp-syncookies-02
// section 3.2): a listener that keeps no state got a later segment of the peer
// before the first one. It can work out both initial sequence numbers, keep the
// data, and answer by a duplicate ACK with the DATA_ACK of the first byte; only
// the peer's key has to wait for the first segment.

// inferIDSN takes the initial data sequence number from the mapping of the first
// segment that has come, and reports whether it could: in a mapping that begins
// with its segment, subflow sequence number n is data sequence number IDSN+n as
// long as there is one subflow and nothing was sent twice.
func (f *subflow) inferIDSN(now sim.Time, s *Segment) bool {
	c := f.conn
	h := &s.Segment
	if c.version == 0 || !h.Opt.Has(wire.HasMap|wire.DSN8) || h.SSN < 2 || s.Seq != f.peerISN+wire.Seq(h.SSN) {
		return false
	}
	c.remote = side{idsn: h.DSN - wire.DSN(h.SSN), inferred: true}
	f.setPhase(now, phaseKeyed)
	c.peer.update(1, f.window(s))
	return true
}

// learnKey takes the peer's key, if it is the one of the inferred number.
func (f *subflow) learnKey(s *Segment) {
	c := f.conn
	if !c.keysEchoed(s.Opt) {
		return
	}
	if k := c.newSide(Key(s.Opt.Capable.SenderKey)); k.idsn == c.remote.idsn {
		c.remote = k
	}
}

// repeatsKey reports whether a segment repeats MP_CAPABLE although a DATA_ACK has
// come: it is the first data, of which the listener may have seen only what
// follows it.
func (f *subflow) repeatsKey(s *Segment) bool {
	return f.phase == phaseFull && s.Len > 0 && f.sendPos == 0 &&
		f.conn.sock.opt.SYNCookieSSN && f.active && !f.joined
}
