package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The MP_CAPABLE handshake of version 1 (RFC 8684 section 3.1):
//
//	A -> B  SYN      MP_CAPABLE(4)
//	B -> A  SYN/ACK  MP_CAPABLE(12)   B's key
//	A -> B  ACK      MP_CAPABLE(20)   both keys, on everything without payload
//	A -> B  data     MP_CAPABLE(22)   both keys and the length of the mapping, on
//	                                  the first byte until a DSS has arrived
//
// A's key is delivered reliably, because A repeats it until it has received a
// DSS: with its first data, which TCP retransmits, or in answer to the SYN/ACK
// that B retransmits until the third packet arrives. In version 0 (RFC 6824
// section 3.1) both SYNs have 12 octets with the sender's key, and only the third
// packet, of 20, repeats the keys. The flag A asks for checksums (checksum.go), and C
// forbids subflows to the address and port of its sender (Profile.DenyJoinID0).

// validCapable reports whether the option is one that we understand: version,
// flags and number of keys. Flag B must be clear, else the option is to be ignored;
// H must be set among the bits D to H that name cryptographic algorithms.
func validCapable(o *wire.Options, version, keys uint8) bool {
	if !o.Has(wire.OptCapable) {
		return false
	}
	m := &o.Capable
	const known = wire.CapableExtension | wire.CapableHMACSHA256
	return m.Version == version && m.Keys == keys && !(m.HasData && version == 0) &&
		m.Flags&known == wire.CapableHMACSHA256
}

// choosesCrypto reports whether an MP_CAPABLE selects exactly the one algorithm
// that was offered, as the answer to a proposal must (RFC 8684 section 3.1).
func choosesCrypto(m *wire.Capable) bool {
	const all = wire.CapableHMACSHA256<<5 - 1 // bits D to H
	return m.Flags&all == wire.CapableHMACSHA256
}

// readCapableSYN returns the version of the MPTCP connection that a SYN opens, or
// noVersion.
func (e *Endpoint) readCapableSYN(now sim.Time, s *socket, syn *Segment) uint8 {
	if !e.profile.can(PassiveOpen) || !e.profile.family(syn.Tuple.Src.Addr()) {
		return noVersion
	}
	v := versionOfSYN(syn.Opt, s.opt.Versions)
	if v != noVersion && (s.opt.refusesFlags(&syn.Opt.Capable) ||
		e.profile.OneAlgorithm && !choosesCrypto(&syn.Opt.Capable)) {
		v = noVersion
	}
	if v != noVersion && e.restoring == nil {
		e.count(now, s, mpCapableSYNRX)
	}
	return v
}

// writeCapableSYN writes the option of SYN and SYN/ACK. After several SYNs
// without answer the next ones go without it: a box on the path may drop them.
func (f *subflow) writeCapableSYN(now sim.Time, s *Segment) {
	c := f.conn
	if f.phase == phaseSYN {
		if f.synSent >= c.p.CapableSYNs {
			c.fallBack(now, f, trace.MPCapableSYNTXDrop, mpCapableSYNTXDrop)
			return
		}
		f.synSent++
		c.e.count(now, c.sock, mpCapableSYNTX)
	}
	o := s.Options()
	o.Present |= wire.OptCapable
	o.Capable = wire.Capable{Version: c.version, Flags: wire.CapableHMACSHA256}
	if c.sock.opt.Checksum == ChecksumRequired {
		o.Capable.Flags |= wire.CapableChecksum
	}
	if c.p.DenyJoinID0 && c.version == 1 {
		o.Capable.Flags |= wire.CapableDenyJoin
	}
	if f.phase == phaseSYNACK || c.version == 0 {
		o.Capable.Keys = 1
		o.Capable.SenderKey = uint64(c.local.key)
	}
}

// readCapableSYNACK takes the peer's key from a SYN/ACK. A SYN that crossed ours
// makes plain TCP: the handshake has no form for two openers (Linux
// subflow_simultaneous_connect).
func (f *subflow) readCapableSYNACK(now sim.Time, s *Segment) {
	c := f.conn
	if !s.Flags.Has(wire.ACK) {
		c.fallBack(now, f, trace.SimultConnectFallback, simultConnectFallback)
		return
	}
	if !validCapable(s.Opt, c.version, 1) ||
		!choosesCrypto(&s.Opt.Capable) || c.sock.opt.refusesFlags(&s.Opt.Capable) {
		c.refusedVersion(now)
		c.fallBack(now, f, trace.MPCapableFallbackSYNACK, mpCapableFallbackSYNACK)
		return
	}
	c.e.count(now, c.sock, mpCapableSYNACKRX)
	c.remote = c.newSide(Key(s.Opt.Capable.SenderKey))
	c.takeChecksumFlag(&s.Opt.Capable)
	c.joinDenied = c.version == 1 && s.Opt.Capable.Flags&wire.CapableDenyJoin != 0
	c.peer.update(1, int64(s.Window))
	f.setPhase(now, phaseKeyed)
}

// writeCapableACK writes both keys into a segment that begins at the first byte,
// as long as no DSS has arrived, and reports whether it did. A DATA_FIN must get
// out too, so the two take turns if no data was ever sent.
func (f *subflow) writeCapableACK(s *Segment) bool {
	c := f.conn
	first := f.flow.tcp.SndNxt() == 0
	if s.Len > 0 {
		first = f.sendPos == 0 && c.version > 0
	}
	if !first {
		return false
	}
	if s.Len == 0 {
		if c.closing.pending() && f.turn {
			f.turn = false
			return false
		}
		f.turn = true
	}
	if c.p.FastOpenDSS && c.version == 0 && f.flow.tcp.SYNDataAcked() > 0 {
		return false // the listener has its state already
	}
	o := s.Options()
	o.Present |= wire.OptCapable
	o.Capable = wire.Capable{
		Version: c.version, Flags: wire.CapableHMACSHA256,
		Keys: 2, SenderKey: uint64(c.local.key), ReceiverKey: uint64(c.remote.key),
	}
	if c.checksum {
		o.Capable.Flags |= wire.CapableChecksum
	}
	if s.Len > 0 {
		n := f.sending.len
		o.Capable.HasData = true
		o.Capable.DataLen = uint16(n)
		if c.checksum {
			o.Capable.HasChecksum = true
			o.Capable.Checksum = wire.DSSChecksum(c.local.absolute(1), 1, uint16(n), f.dataSum(1, n))
		}
	} else if c.recv.next > 1 && wire.MaxOptionsLen-s.OptionsLen(o) >= 8 {
		// The peer sends early by fast open and cannot acknowledge data yet: the
		// key is repeated beside our DATA_ACK, which timestamps leave 8 octets
		// (draft-paasch-mptcp-syncookies-02 sections 3.1.1 and 3.1.2).
		s.Segment.Opt |= wire.HasDSS | wire.HasDataAck
		s.DataAck = wire.DSN(uint32(c.remote.absolute(c.dataAck())))
	}
	return true
}

// readCapableACK processes the third packet at the side that was opened
// passively, and says what TCP shall do with it.
func (f *subflow) readCapableACK(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	o := s.Opt
	switch {
	case c.keysEchoed(o):
		if !f.flow.tcp.BehindCookie() {
			c.e.count(now, c.sock, mpCapableACKRX) // Linux 6.18 does not count it there
		}
		if c.version > 0 {
			c.remote = newSide(Key(o.Capable.SenderKey))
		}
		c.takeChecksumFlag(&o.Capable)
		f.setPhase(now, phaseKeyed)
		c.peer.update(1, f.window(s))
		f.readCapableData(now, s)
		if s.Segment.Opt.Has(wire.HasDataAck) {
			f.readDataAck(s) // of data that fast open let us send early
		}
		c.rememberCapable()
		return 0
	case s.Segment.Opt.Has(wire.HasDSS) && c.version == 0:
		// The third packet was lost or overtaken, and is not needed: the SYN had
		// the key.
		f.setPhase(now, phaseKeyed)
		c.peer.update(1, f.window(s))
		return f.readKeyed(now, s)
	case c.sock.opt.SYNCookieSSN && f.inferIDSN(now, s):
		return f.readKeyed(now, s)
	case s.Segment.Opt.Has(wire.HasDSS):
		// The third packet was lost or overtaken; the peer will repeat its key.
		// (Linux falls back here.)
		return tcp.Discard
	}
	c.fallBack(now, f, trace.MPCapableFallbackACK, mpCapableFallbackACK)
	return 0
}

// keysEchoed reports whether an MP_CAPABLE with both keys belongs to the
// connection. In version 0 the first of them is known already.
func (c *connection) keysEchoed(o *wire.Options) bool {
	return validCapable(o, c.version, 2) && !c.sock.opt.refusesFlags(&o.Capable) && Key(o.Capable.ReceiverKey) == c.local.key &&
		(c.version > 0 || Key(o.Capable.SenderKey) == c.remote.key)
}

// readCapableData takes the mapping out of an MP_CAPABLE with data: it begins at
// the first byte of both sequence spaces. The peer has seen our key confirmed
// only when we answer with a DSS, but we know by it that the path passes options
// with data.
func (f *subflow) readCapableData(now sim.Time, s *Segment) {
	c := f.conn
	m := &s.Opt.Capable
	if c.remote.inferred {
		f.learnKey(s)
	}
	if c.client || f.joined || !validCapable(s.Opt, c.version, 2) || !m.HasData || m.DataLen == 0 ||
		c.p.VerifyDataKey && Key(m.SenderKey) != c.remote.key {
		return
	}
	c.setAckWidth(true)
	if m.HasChecksum || !c.checksum {
		f.declare(now, mapping{pos: 0, dsn: 1, len: uint32(m.DataLen), sum: newMappingSum(m.Checksum, false)})
	}
	f.becomeFull(now)
}

// becomeFull notes that the subflow, and with the first one the connection, is
// fully established.
func (f *subflow) becomeFull(now sim.Time) {
	c := f.conn
	if f.phase == phaseFull {
		return
	}
	f.setPhase(now, phaseFull)
	if f.usableAt == sim.Never {
		f.usableAt = now
	}
	c.changed = true
	if !c.full && (!f.joined || c.p.JoinWithoutData) {
		c.full = true
		c.blackholeGone()
		c.noteCapable(now, true)
		c.e.emit(now, c.sock, f.id, trace.Established, trace.NoReason,
			int64(c.local.token), int64(c.local.idsn), int64(c.remote.idsn), 0, 0)
	}
}
