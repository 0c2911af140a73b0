package tcp

import "mpsim/net/wire"

// Urgent data of a plain connection (RFC 9293 section 3.8.5). It stays in line (RFC
// 6093; a Linux socket with SO_OOBINLINE), and the urgent pointer points to the octet
// behind it. As long as that lies more than 65535 octets ahead nothing is announced.
// An extension marks and reads urgent data itself.

// urgentMarks are the ends of the urgent data written and announced last, as
// positions.
type urgentMarks struct{ tx, rx int64 }

// MarkUrgent has the next n bytes that are written end as urgent data, as far as the
// send buffer takes them.
func (c *Conn) MarkUrgent(n int64) {
	if n = min(n, c.SendRoom()); n > 0 && c.mayWrite() {
		c.urgent = true
		c.marks.tx = c.snd.end + n
	}
}

// UrgentAhead returns how many bytes are to be read up to the end of the urgent data
// that the peer announced last; 0 or less: none.
func (c *Conn) UrgentAhead() int64 { return c.marks.rx - c.rcv.read }

// Urged reports whether urgent data was ever announced.
func (c *Conn) Urged() bool { return c.urged }

// UrgentEnd returns the position behind that urgent data; 0: none was announced.
func (c *Conn) UrgentEnd() uint64 { return uint64(c.marks.rx) }

// writeUrgent puts the urgent pointer into an outgoing segment.
func (c *Conn) writeUrgent(out *Segment) {
	SetUrgent(out, c.marks.tx-c.sndPos(out.Seq))
	c.urgent = c.snd.una < c.marks.tx
}

// SetUrgent marks the first n bytes from a segment's sequence number on as urgent, if
// the pointer can say that.
func SetUrgent(out *Segment, n int64) {
	if n <= 0 || n > 1<<16-1 {
		return
	}
	out.Flags |= wire.URG
	o := out.Options()
	o.Present |= wire.OptUrgent
	o.Urgent = uint16(n)
}

// receiveUrgent takes the urgent pointer of a segment at position seq over.
func (c *Conn) receiveUrgent(s *Segment, seq int64) {
	if s.Opt.Has(wire.OptUrgent) && receiving.has(c.state) {
		c.marks.rx = max(c.marks.rx, seq+int64(s.Opt.Urgent))
		c.urged = true
	}
}
