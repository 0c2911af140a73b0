package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Urgent data (RFC 8684 section 3.3.1; RFC 9293 section 3.8.5). It is always in
// line, as RFC 6093 wants it: the urgent pointer says only where it ends, and
// points to the octet behind it.
//
// A TCP subflow must not use the pointer to interrupt a mapping. So a mapping ends
// where urgent data ends, and the pointer of its segments is its own end: none
// leads into a mapping or beyond one. What a peer marks is mapped to the data
// sequence space, where its mapping stands already or when it comes, and reported
// to the application, which reads everything in order.
//
// There is one mark at a time in each direction, the last, as in TCP. Profiles can
// ignore the mark (Linux: mptcp_sendmsg drops MSG_OOB, and what subflows receive is
// moved in line without a word).

// urgentData is the state of a connection: the ends of the urgent data written and
// announced last, as relative data sequence numbers; 0: none.
type urgentData struct {
	tx, rx uint64
}

// WriteUrgent is Write of urgent data. If the send buffer cuts it short, what it
// took is urgent up to its last byte, and the rest is to be written likewise.
func (e *Endpoint) WriteUrgent(now sim.Time, c ConnID, n int64) int64 {
	s := e.open(c)
	if s == nil || s.closed || n <= 0 {
		return 0
	}
	if s.conn != nil {
		s.conn.markUrgent(n)
	} else {
		s.flow.tcp.MarkUrgent(n)
	}
	return e.Write(now, c, n)
}

// UrgentAhead returns how many bytes the application has to read up to the end of
// the urgent data that the peer announced last, and whether there are any (the
// inverse of SIOCATMARK). An Urgent event comes when that end moves.
func (e *Endpoint) UrgentAhead(c ConnID) (n int64, ok bool) {
	s := e.open(c)
	switch {
	case s == nil:
		return 0, false
	case s.conn != nil:
		n = s.conn.urgentAhead()
	default:
		n = s.flow.tcp.UrgentAhead()
	}
	return max(n, 0), n > 0
}

// markUrgent has the next n bytes written end as urgent data, as far as the buffer
// takes them.
func (c *connection) markUrgent(n int64) {
	if n = min(n, c.send.room(c.released())); n > 0 && !c.p.IgnoreUrgent && !c.closing.finQueued {
		c.urgent.tx, c.urges = c.send.end+uint64(n), true
	}
}

// upToUrgent bounds n bytes of data from dsn on by the end of urgent data.
func (c *connection) upToUrgent(dsn uint64, n int) int {
	if u := c.urgent.tx; dsn < u && u < dsn+uint64(n) {
		return int(u - dsn)
	}
	return n
}

// writeUrgent puts the urgent pointer into a segment with payload whose mapping ends
// with urgent data, or after a fallback into any before its end.
func (f *subflow) writeUrgent(s *Segment) {
	c := f.conn
	end := uint64(0)
	switch {
	case f.phase == phasePlain:
		end = c.urgent.tx - c.fallback.tx
	case f.sending.dsn+uint64(f.sending.len) == c.urgent.tx:
		end = f.sending.end()
	default:
		return
	}
	tcp.SetUrgent(s, int64(end-f.sendPos))
}

// readUrgent notes the urgent pointer of an incoming segment.
func (f *subflow) readUrgent(s *Segment) {
	c := f.conn
	if c.p.IgnoreUrgent || !s.Opt.Has(wire.OptUrgent) || s.Flags.Has(wire.RST) || s.Flags.Has(wire.SYN) {
		return
	}
	near := f.flow.tcp.RcvNxt()
	pos := near + uint64(int64(s.Seq.Diff(f.peerISN+1+wire.Seq(near)))) + uint64(s.Opt.Urgent)
	if int64(pos) <= 0 || pos <= f.delivered() {
		return
	}
	if f.byPosition() {
		c.announceUrgent(pos + f.inputLine())
		return
	}
	f.urgentPos = pos
	f.mapUrgent()
}

// mapUrgent reports the end of urgent data once its last byte is mapped.
func (f *subflow) mapUrgent() {
	i := f.rx.find(f.urgentPos - 1)
	if i == f.rx.len() || f.rx.at(i).pos >= f.urgentPos {
		return
	}
	m := f.rx.at(i)
	f.conn.announceUrgent(m.dsn + (f.urgentPos - m.pos))
	f.urgentPos = 0
}

// announceUrgent tells the application that the end of urgent data has moved.
func (c *connection) announceUrgent(end uint64) {
	if end <= c.urgent.rx {
		return
	}
	c.urgent.rx = end
	if c.urgentAhead() > 0 && !c.sock.appClosed {
		c.sock.tell(Urgent, trace.NoReason)
	}
}

func (c *connection) urgentAhead() int64 {
	return int64(c.urgent.rx) - (int64(c.recv.next) - c.recv.ready.bytes)
}
