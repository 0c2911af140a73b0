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
	if f.phase == phasePlain {
		return
	}
	switch {
	case s.Flags.Has(wire.RST):
		f.writeReset(now, s, room)
	case s.Flags.Has(wire.SYN) && f.joined:
		f.writeJoinSYN(now, s)
	case s.Flags.Has(wire.SYN):
		f.writeCapableSYN(now, s)
	case f.phase == phasePre:
		f.writeJoinACK(now, s)
	case f.phase == phaseKeyed && f.active && f.writeCapableACK(s):
	case f.phase == phaseKeyed || f.phase == phaseFull || f.earlyOpen():
		if f.fourth == fourthOrdered {
			f.fourth = fourthSent
			f.conn.work = true
			f.conn.e.polled = f.conn
		}
		room -= f.writeDSS(s)
		f.writeSignals(now, s, room)
	}
	if n := s.OptionsLen(s.Opt); n > wire.MaxOptionsLen {
		sim.Bugf("%d octets of options on a segment of connection %d, subflow %d",
			n, f.conn.sock.number, f.id)
	}
}

// writeDSS puts DATA_ACK, mapping and DATA_FIN into the segment (RFC 8684 section
// 3.3) and returns the octets that they take, padding included.
func (f *subflow) writeDSS(s *Segment) int {
	c := f.conn
	h := &s.Segment
	h.Opt |= wire.HasDSS | wire.HasDataAck
	n := 8
	ack := c.remote.absolute(c.dataAck())
	switch {
	case !c.remote.known:
		// Data sent by fast open before the peer's key has come
		// (draft-paasch-mptcp-syncookies-02 section 3.1.2).
		h.Opt &^= wire.HasDataAck
		n -= 4
	case c.ack8:
		h.Opt |= wire.DataAck8
		h.DataAck = ack
		n += 4
	default:
		h.DataAck = wire.DSN(uint32(ack))
	}
	switch fin := c.send.end; {
	case s.Len > 0:
		m := &f.sending
		h.Opt |= wire.HasMap
		h.DSN = c.local.absolute(m.dsn)
		h.SSN = uint32(m.pos + 1)
		h.MapLen = uint16(m.len)
		if c.closing.pending() && m.dsn+uint64(m.len) == fin {
			h.Opt |= wire.DataFIN
			h.MapLen++
		}
	case c.closing.pending():
		// A DATA_FIN without data has SSN 0 and length 1.
		h.Opt |= wire.HasMap | wire.DataFIN
		h.DSN = c.local.absolute(fin)
		h.SSN, h.MapLen = 0, 1
	default:
		return n
	}
	if c.dsn8 {
		h.Opt |= wire.DSN8
		return n + 16
	}
	h.DSN = wire.DSN(uint32(h.DSN))
	return n + 12
}

// writeSignals adds what else is due to a segment without payload.
func (f *subflow) writeSignals(now sim.Time, s *Segment, room int) {
	if f.prioDue && s.Len == 0 && room >= 4 {
		f.prioDue = false
		o := s.Options()
		o.Present |= wire.OptPrio
		o.Prio.Backup = f.backup
		f.conn.e.count(now, f.conn.sock, mpPrioTx)
	}
}
