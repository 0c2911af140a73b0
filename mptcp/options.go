package mptcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// WriteOptions implements tcp.Extension. It is the one place where the options of
// a segment are arbitrated: TCP's own come first (timestamps: 12 of 40 octets),
// then one of
//
//	RST      MP_FASTCLOSE, MP_TCPRST
//	SYN      MP_CAPABLE or MP_JOIN
//	others   MP_CAPABLE or MP_JOIN while the handshake lasts, else DSS and what
//	         signals fit behind it
//
// and TCP's selective acknowledgements take what is left.
func (f *subflow) WriteOptions(now sim.Time, s *Segment, room int) {
	if f.conn.urges && s.Len > 0 && !s.Flags.Has(wire.SYN) {
		f.writeUrgent(s)
	}
	switch {
	case f.phase == phasePlain:
		f.writePlain(now, s)
		return
	case f.phase == phaseFull && s.Flags&(wire.RST|wire.SYN) == 0 && !f.hasSignals(s):
		f.writeDSS(s)
	case s.Flags.Has(wire.RST):
		f.writeReset(now, s, room)
	case s.Flags.Has(wire.SYN) && f.joined:
		f.writeJoinSYN(now, s)
	case s.Flags.Has(wire.SYN):
		f.writeCapableSYN(now, s)
	case f.phase == phasePre:
		f.writeJoinACK(now, s)
	case f.fast:
		f.writeFastClose(now, s)
	case f.phase == phaseKeyed && f.active && f.writeCapableACK(s):
	case f.repeatsKey(s) && f.writeCapableACK(s):
	case f.phase == phaseKeyed || f.phase == phaseFull || f.earlyOpen():
		if f.fourth == fourthOrdered {
			f.fourth = fourthSent
			f.conn.work = true
			f.conn.e.settlesAfter(f.conn)
		}
		if f.due&dueAddress != 0 && s.Len == 0 && !s.Flags.Has(wire.FIN) && f.writeAddressSignal(now, s, room) {
			break
		}
		room -= f.writeDSS(s)
		f.writeSignals(now, s, room)
	}
	if n := s.OptionsLen(s.Opt); n > wire.MaxOptionsLen {
		sim.Bugf("%d octets of options on a segment of connection %d, subflow %d",
			n, f.conn.sock.number, f.id)
	}
}

// hasSignals reports whether a segment of an established subflow may have to carry
// more than a DSS.
func (f *subflow) hasSignals(s *Segment) bool {
	return f.fast || f.fourth == fourthOrdered || f.due != 0 || f.failDue || f.prioDue || s.Len > 0 && f.sendPos == 0
}

// writeDSS puts DATA_ACK, mapping and DATA_FIN into the segment (RFC 8684 section
// 3.3) and returns the octets that they take, padding included.
func (f *subflow) writeDSS(s *Segment) int {
	c := f.conn
	if f.raw.infinite && s.Len == 0 && !c.finPending() {
		return 0
	}
	ack := c.dataAck()
	if f.failDue && s.Len == 0 {
		ack = min(ack, f.fail.dsn) // what failed is not acknowledged with it
	}
	n := f.writeDataAck(s, ack)
	h := &s.Segment
	opt := h.Opt | wire.HasMap
	switch fin := c.finPending(); {
	case s.Len > 0:
		m := &f.sending
		h.DSN = c.local.absolute(m.dsn)
		h.SSN = uint32(m.pos + 1)
		h.MapLen = uint16(m.len)
		if fin && m.dsn+uint64(m.len) == c.send.end {
			opt |= wire.DataFIN
			h.MapLen++
		}
	case fin && !f.failDue:
		// A DATA_FIN without data has SSN 0 and length 1.
		opt |= wire.DataFIN
		h.DSN = c.local.absolute(c.send.end)
		h.SSN, h.MapLen = 0, 1
	default:
		return n
	}
	if c.checksum {
		f.writeChecksum(s)
	}
	if c.dsn8 {
		h.Opt = opt | wire.DSN8
		return n + 16
	}
	h.Opt = opt
	h.DSN = wire.DSN(uint32(h.DSN))
	return n + 12
}

// writeDataAck puts a DATA_ACK into the segment and returns the octets that the
// DSS option has with it.
func (f *subflow) writeDataAck(s *Segment, dataAck uint64) int {
	c := f.conn
	h := &s.Segment
	if !c.remote.known && !c.remote.inferred || f.raw.infinite {
		h.Opt |= wire.HasDSS
		// Data sent by fast open before the peer's key has come
		// (draft-paasch-mptcp-syncookies-02 section 3.1.2), or after an infinite
		// mapping, when DATA_ACKs end (RFC 8684 section 3.7).
		return 4
	}
	c.sentAck = dataAck
	if c.ack8 {
		h.Opt |= wire.HasDSS | wire.HasDataAck | wire.DataAck8
		h.DataAck = c.remote.absolute(dataAck)
		return 12
	}
	h.Opt |= wire.HasDSS | wire.HasDataAck
	h.DataAck = wire.DSN(uint32(c.remote.absolute(dataAck)))
	return 8
}

// writeSignals adds what else is due to a segment without payload.
func (f *subflow) writeSignals(now sim.Time, s *Segment, room int) {
	if f.failDue && s.Len == 0 && room >= 12 {
		f.writeFail(now, s)
		room -= 12
	}
	if f.prioDue && s.Len == 0 && room >= 4 {
		f.writePrio(now, s)
		room -= 4
	}
	if f.due&(dueRemoval|dueFIN) == 0 || s.Len > 0 {
		return
	}
	if f.due&dueRemoval != 0 {
		f.writeRemoval(now, s, room)
	}
	if f.due&dueFIN != 0 {
		f.retireNow()
	}
}
