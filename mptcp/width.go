package mptcp

import (
	"mpsim/sim"
)

// Data sequence numbers are 64 bits wide, but a sender may put their lower half
// alone into an option (RFC 8684 section 3.3.1): 4 octets, chosen anew for each
// packet. This file holds the choices; what comes in is read in either width.

// DSNWidth says in how many octets a host sends data sequence numbers.
type DSNWidth uint8

// The widths of data sequence numbers.
const (
	// DSN8 sends 8 octets always (Linux 6.18).
	DSN8 DSNWidth = iota
	// DSN4 sends 4 octets always, even where 2^32 octets could be sent within a
	// segment's lifetime.
	DSN4
	// DSN4Wrap sends 4 octets, but 8 while the lower half wraps between the first
	// unacknowledged octet and the last one granted, and while the connection is
	// so fast that it could wrap within a segment's lifetime (RFC 8684 section
	// 3.3.1, MUST).
	DSN4Wrap
)

// DataAckWidth says in how many octets a host sends DATA_ACKs.
type DataAckWidth uint8

// The widths of DATA_ACKs.
const (
	// DataAckMirror follows the latest mapping of the peer (RFC 8684 section
	// 3.3.2: data with a 64-bit number MUST be acknowledged with one).
	DataAckMirror DataAckWidth = iota
	// DataAck4 sends 4 octets always.
	DataAck4
	// DataAck8 sends 8 octets always.
	DataAck8
)

// segmentLifetime is MSL (RFC 9293 section 3.4.2).
const segmentLifetime = 120 * sim.Second

// rateSample is after how many octets of data the rate of DSN4Wrap is measured
// anew: 64 times within the space of 2^32.
const rateSample = 1 << 26

// sendWidth is the state of DSN4Wrap.
type sendWidth struct {
	mark uint64   // data granted at the latest measurement
	at   sim.Time // of it
	fast bool     // the lower half could wrap within a segment's lifetime
}

// measure takes the rate anew when enough was granted; next is the end of it.
func (w *sendWidth) measure(now sim.Time, next uint64) {
	n := next - w.mark
	if n < rateSample {
		return
	}
	// The time that 2^32 octets take at the rate of these n.
	wrap := now.Sub(w.at) * (1 << 32 / rateSample) / sim.Duration(n/rateSample)
	w.fast = wrap < segmentLifetime
	w.mark, w.at = next, now
}

// initWidths sets the widths before the first packet.
func (c *connection) initWidths(now sim.Time) {
	c.dsn8 = c.p.DSN == DSN8
	c.ack8 = c.p.DataAck == DataAck8
	c.width = sendWidth{mark: 1, at: now}
}

// chooseDSNWidth chooses the width for what is sent from now on, where the
// profile makes it depend on the data; end is behind what is being granted.
func (c *connection) chooseDSNWidth(now sim.Time, end uint64) {
	c.width.measure(now, c.send.next)
	eight := c.width.fast || c.local.absolute(c.send.una)>>32 != c.local.absolute(max(end, c.send.next))>>32
	if c.dsn8 != eight {
		c.dsn8 = eight
		c.roomChanged()
	}
}

// setAckWidth follows the width of the peer's data sequence numbers if the
// profile says so.
func (c *connection) setAckWidth(eight bool) {
	if c.ack8 == eight || c.p.DataAck != DataAckMirror {
		return
	}
	c.ack8 = eight
	c.roomChanged()
}

// roomChanged tells the subflows that the room for payload has changed.
func (c *connection) roomChanged() {
	c.touch()
	for _, f := range c.subs {
		if !f.dead {
			f.flow.tcp.MSSChanged()
		}
	}
}

// dssRoom returns the octets, padding included, of the DSS option of a data
// segment: 4, DATA_ACK and data sequence number of 4 or 8 each, subflow sequence
// number 4, length 2, and checksum or padding 2. The first data of version 1 has
// an MP_CAPABLE of 24 octets instead, for which there is always room.
func (c *connection) dssRoom() int {
	n := 20
	if c.ack8 {
		n += 4
	}
	if c.dsn8 {
		n += 4
	}
	if c.version > 0 {
		n = max(n, 24)
	}
	return n
}
