package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ReadOptions implements tcp.Extension.
func (f *subflow) ReadOptions(now sim.Time, s *Segment) tcp.Verdict {
	if f.phase == phaseFull && s.Flags&(wire.FIN|wire.URG|wire.RST) == 0 {
		return f.readFull(now, s)
	}
	f.conn.touch()
	if s.Opt.Has(wire.OptFastOpen) && s.Flags.Has(wire.FIN) {
		f.conn.readFINCookie(now, s)
	}
	if s.Flags.Has(wire.URG) {
		f.readUrgent(s)
	}
	switch {
	case f.phase == phasePlain:
		if f.infinite.open {
			f.confirmInfinite(s)
		}
		if (s.Segment.Opt.Has(wire.HasDSS) || s.Opt.Has(wire.OptFail)) && f.readPlain(now, s) {
			return tcp.Discard
		}
		return 0
	case s.Flags.Has(wire.RST):
		f.readReset(now, s)
		return 0
	case f.phase == phaseFull:
		return f.readFull(now, s)
	case s.Flags.Has(wire.SYN):
		f.peerISN = s.Seq
		return f.readSYN(now, s)
	case f.phase == phaseSYNACK && f.joined:
		return f.readJoinACK(now, s)
	case f.phase == phaseSYNACK:
		return f.readCapableACK(now, s)
	case f.phase == phasePre:
		return f.readJoinFourth(now, s)
	case f.phase == phaseKeyed:
		return f.readKeyed(now, s)
	}
	return 0
}

// readSYN processes the SYN of a flow that we accept (it was read before) and
// the SYN/ACK of one that we opened.
func (f *subflow) readSYN(now sim.Time, s *Segment) tcp.Verdict {
	switch {
	case f.join.crossed && s.Flags.Has(wire.ACK):
		return f.readCrossedSYNACK(now, s)
	case f.phase != phaseSYN:
		return 0
	case f.joined && !s.Flags.Has(wire.ACK):
		return f.readCrossedSYN(now, s)
	case f.joined:
		return f.readJoinSYNACK(now, s)
	}
	f.readCapableSYNACK(now, s)
	return 0
}

// readKeyed processes a segment on the first subflow while the peer has not
// confirmed our key: the first segment behind its SYN must carry MP_CAPABLE or a
// DSS, or else options do not pass (RFC 8684 section 3.7; Linux,
// check_fully_established).
func (f *subflow) readKeyed(now sim.Time, s *Segment) tcp.Verdict {
	switch {
	case s.Segment.Opt.Has(wire.HasDSS):
		arrived := s.Segment.Opt.Has(wire.HasDataAck) || f.active && s.Segment.Opt.Has(wire.HasMap) && f.conn.p.DataEstablishes
		if arrived && !f.conn.remote.inferred {
			f.becomeFull(now)
		}
		return f.readFull(now, s)
	case s.Opt.Has(wire.OptCapable):
		f.readCapableData(now, s)
		if f.conn.p.AckKey {
			f.flow.tcp.AckNow(now)
		}
		return tcp.IgnoreWindow
	case s.Opt.Has(wire.OptAddAddr) || s.Opt.Has(wire.OptFastClose):
		return f.readFull(now, s)
	case s.Flags.Has(wire.SYN):
		return 0
	case !f.firstPos(s) || s.Len == 0 && !f.conn.p.can(AckFallback):
		// What came first is missing, but data may be acknowledged all the same.
		if f.acknowledges(s) && f.ackedBare(now, s) {
			return tcp.Discard
		}
		return 0
	}
	if f.fallBackOr(now, f.delivered(), trace.MPCapableDataFallback, mpCapableDataFallback) {
		return tcp.Discard
	}
	return 0
}

// readFull processes a segment on an established subflow.
func (f *subflow) readFull(now sim.Time, s *Segment) tcp.Verdict {
	h := &s.Segment
	verdict := tcp.IgnoreWindow
	if h.Opt.Has(wire.HasDataAck) {
		verdict = 0
		f.confirmed = f.confirmed || f.acknowledges(s)
		f.readDataAck(s)
	} else if s.Ack.After(f.flow.tcp.SndUnaSeq()) {
		if f.acknowledges(s) && f.ackedBare(now, s) {
			return tcp.Discard
		}
		if f.raw.infinite {
			f.raw.bare = true
			f.conn.changed = true
		}
	}
	if h.Opt.Has(wire.HasMap) {
		if f.readMap(now, s) {
			return tcp.Discard
		}
		if h.Opt.Has(wire.DataFIN) {
			verdict |= tcp.NotDuplicate
		}
	}
	if s.Opt != nil && s.Opt.Present&signals != 0 {
		verdict |= f.readSignals(now, s)
	}
	return verdict
}

// signals are the options that a segment can carry beside a DSS or without one.
const signals = wire.OptCapable | wire.OptJoin | wire.OptAddAddr | wire.OptRemoveAddr |
	wire.OptPrio | wire.OptFail | wire.OptFastClose

// readSignals processes MPTCP options other than DSS. An acknowledgement that
// carries one is no sign of congestion (RFC 8684 section 4).
func (f *subflow) readSignals(now sim.Time, s *Segment) tcp.Verdict {
	c := f.conn
	c.touch()
	o := s.Opt
	if o.Has(wire.OptCapable) {
		f.readCapableData(now, s) // overtaken by later segments
	}
	if o.Has(wire.OptJoin) && o.Join.Form == wire.JoinACK && f.joined && !f.active {
		// The peer repeats its third packet because our fourth was lost (RFC 8684
		// section 3.2; Linux, check_fully_established).
		f.flow.tcp.AckNow(now)
	}
	if o.Has(wire.OptFastClose) {
		f.readFastClose(now, s)
	}
	if o.Has(wire.OptFail) {
		f.readFail(now, s)
	}
	if o.Has(wire.OptAddAddr) && c.p.can(ReceiveAddAddr) {
		f.readAddAddr(now, &o.AddAddr)
	}
	if o.Has(wire.OptRemoveAddr) && c.p.can(ReceiveRemoveAddr) {
		f.readRemoveAddr(now, &o.RemoveAddr)
	}
	if o.Has(wire.OptPrio) && c.p.can(Priority) {
		f.readPrio(now, &o.Prio)
	}
	return tcp.NotDuplicate
}

// readDataAck takes DATA_ACK and window over.
func (f *subflow) readDataAck(s *Segment) {
	c := f.conn
	h := &s.Segment
	ack := c.acked
	if eight := h.Opt.Has(wire.DataAck8); !sameDSN(h.DataAck, c.local.absolute(ack), eight) {
		ack = c.local.relative(h.DataAck, eight, c.send.una)
		limit := c.send.next
		if c.ending && c.closing.finSent {
			limit = c.send.end + 1
		}
		if ack == 0 || ack > limit {
			return // neither sent nor in the past
		}
		if ack > c.acked {
			c.acked, c.dataAcks = ack, true
		}
	} // else it says again what is known: the usual DATA_ACK of who receives only
	c.heard = true
	if c.peer.update(ack, f.window(s)) {
		c.work = true
	}
}

// sameDSN reports whether a data sequence number of the wire, 4 octets or 8 of it, is d.
// Of two numbers less than 2^31 apart 4 octets tell.
func sameDSN(wired, d wire.DSN, eight bool) bool {
	return uint32(wired) == uint32(d) && (!eight || wired == d)
}

// window returns the window of a segment that is not a SYN, in bytes.
func (f *subflow) window(s *Segment) int64 {
	scale, _ := f.flow.tcp.Scales()
	return int64(s.Window) << scale
}

// readMap takes a mapping over and reports whether the subflow was reset.
func (f *subflow) readMap(now sim.Time, s *Segment) (dead bool) {
	c := f.conn
	h := &s.Segment
	eight := h.Opt.Has(wire.DSN8)
	dsn := c.remote.relative(h.DSN, eight, c.recv.next)
	n := uint64(h.MapLen)
	if int64(dsn) < 1 {
		return false // before the first byte, or absurdly far ahead
	}
	if n == 0 || f.raw.on || h.Opt.Has(wire.DataFIN) || c.checksum {
		c.touch()
	}
	// The position nearest to where the stream is.
	near := f.flow.tcp.RcvNxt()
	pos := near + uint64(int64(int32(h.SSN-1-uint32(near))))
	switch {
	case n == 0 && c.fallback.on:
		return f.endMapped(now, pos, dsn)
	case n == 0:
		return f.readInfinite(now, pos, dsn)
	case f.raw.on:
		if h.Opt.Has(wire.DataFIN) && f.fail.dsn != 0 {
			f.sendFail(now) // the peer has not understood
		}
		if f.contradicts(s) {
			f.resetFailed(now)
			return true
		}
		return false
	}
	if h.Opt.Has(wire.DataFIN) {
		n--
		f.readDataFIN(now, s, dsn, n)
	}
	if n == 0 || s.Len == 0 {
		return false // as Linux: a mapping comes with payload
	}
	c.setAckWidth(eight)
	if int64(pos) < 0 {
		return false
	}
	sum, ok := c.checksumOf(s)
	if !ok {
		// RFC 8684 section 3.3: the subflow is considered broken.
		f.reset(now, rstMPTCP, trace.ChecksumMissing)
		return true
	}
	if int32(h.SSN-uint32(s.Seq-f.peerISN)) >= int32(s.Len) && f.detached(s, dsn) {
		c.e.count(now, c.sock, dssNotMatching)
		f.reset(now, rstMiddlebox, trace.MiddleboxInterference)
		return true
	}
	f.declare(now, mapping{pos: pos, dsn: dsn, len: uint32(n), sum: newMappingSum(sum, h.Opt.Has(wire.DataFIN))})
	f.mapped = true
	return false
}

// detached reports whether a segment whose mapping is that of later bytes, from dsn on, has
// new bytes that an earlier mapping covers whole and that are the very same data by it
// (Profile.RefuseDetached).
func (f *subflow) detached(s *Segment, dsn uint64) bool {
	if !f.conn.p.RefuseDetached {
		return false
	}
	next := f.flow.tcp.RcvNxt()
	pos := next + uint64(int64(int32(uint32(s.Seq-f.peerISN)-1-uint32(next))))
	if int64(pos) < int64(next) {
		return false // sent again
	}
	i := f.rx.find(pos)
	if i == f.rx.len() {
		return false
	}
	m := f.rx.at(i)
	return m.pos <= pos && pos+uint64(s.Len) <= m.end() && m.dsn+(pos-m.pos) == dsn
}

// declare notes a mapping of the peer.
func (f *subflow) declare(now sim.Time, m mapping) {
	c := f.conn
	if m.end() <= f.flow.tcp.RcvNxt() && f.held.bytes == 0 {
		return // all delivered: a retransmission
	}
	switch {
	case !c.checksum:
		if f.rx.add(m) {
			c.e.count(now, c.sock, dssNotMatching)
		}
	case !f.awaits(&m) || !f.rx.addWhole(m):
		c.e.count(now, c.sock, dssNotMatching)
		return
	}
	if f.urgentPos != 0 {
		f.mapUrgent()
	}
	if f.held.bytes > 0 && f.held.overlaps(m.pos, m.end()) {
		f.releaseHeld(now)
	}
}

// awaits reports whether all that has arrived of the data of a mapping waits for
// it: a mapping that is verified as a whole cannot come late for a part.
func (f *subflow) awaits(m *mapping) bool {
	next := f.flow.tcp.RcvNxt()
	if m.pos >= next || f.check.bytes > 0 && f.check.pieces[0].pos == m.pos {
		return true
	}
	pos, end := m.pos, min(m.end(), next)
	for i := range f.held.pieces {
		if h := &f.held.pieces[i]; h.pos <= pos && pos < h.pos+uint64(h.n) {
			pos = h.pos + uint64(h.n)
		}
	}
	return pos >= end
}

// delivered returns the position up to which the received stream has been handed
// to the connection without a gap.
func (f *subflow) delivered() uint64 {
	pos := f.flow.tcp.RcvNxt() - uint64(f.check.bytes)
	if f.held.bytes > 0 {
		pos = min(pos, f.held.pieces[0].pos)
	}
	return pos
}
