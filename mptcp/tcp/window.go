package tcp

import "mpsim/sim"

// Windows: the peer's, which bounds what we send, and ours, which we announce
// (RFC 9293 section 3.8.6, RFC 7323 section 2).

// windowMayChange reports whether a segment is recent enough to set the window
// (RFC 9293 section 3.10.7.4; Linux tcp_may_update_window).
func (c *Conn) windowMayChange(s *Segment, ack, seq int64) bool {
	if ack > c.snd.una || seq > c.snd.wl1 {
		return true
	}
	w := int64(s.Window) << (c.snd.scale & 31)
	return seq == c.snd.wl1 && (w > c.snd.wnd || w == 0 && c.snd.wnd != 0)
}

// setWindow takes over a window of w bytes that a segment at seq announces.
func (c *Conn) setWindow(w, seq int64) {
	c.snd.wl1 = seq
	c.snd.wnd = w
	if w > c.snd.maxWnd {
		c.snd.maxWnd = w
		c.updateMSS()
	}
}

// updateMSS computes the payload of a full segment: what the peer accepts, less
// the timestamps and what the extension adds, and at most half the largest
// window seen, so that a small window still takes two segments (Linux
// tcp_bound_to_half_wnd).
func (c *Conn) updateMSS() {
	c.snd.mss = c.segmentRoom(0)
}

// MSSChanged makes the connection ask its extension again for the payload of a
// full segment, which it does by itself whenever it sends.
func (c *Conn) MSSChanged() { c.updateMSS() }

// segmentRoom is the payload of a full segment that carries extra bytes of
// options beside timestamps and extension.
func (c *Conn) segmentRoom(extra int) int { return c.roomFor(c.outgo.peerMSS, extra) }

// roomFor is the same for a segment whose payload and options have size bytes.
func (c *Conn) roomFor(size, extra int) int {
	room := size - extra
	if c.options&useTS != 0 {
		room -= 12
	}
	if c.ext != nil {
		room = c.ext.MSS(room)
	}
	limit := c.snd.maxWnd
	if limit > 536 {
		limit /= 2
	}
	if limit > 0 && int64(room) > limit {
		room = int(max(limit, 8))
	}
	return max(room, 1)
}

// selectWindow returns the edge that our window should reach. It only moves
// right, and only by at least a full segment or half the buffer, so that the
// peer is not tempted to send small segments (RFC 9293 section 3.8.6.2.2).
func (c *Conn) selectWindow(now sim.Time) int64 {
	if c.ext != nil {
		// The window belongs to the extension: what another connection of it
		// received moves this one's edge to the left.
		return c.rcv.nxt + max(c.ext.ReceiveWindow(now), 0)
	}
	if c.tuned {
		full := c.tune.Window()
		free := full - (c.rcv.nxt - c.rcv.read) - c.ooo.bytes()
		return max(c.rcv.nxt+Offer(free, c.slope.Size(), full, c.mssOurs, c.rcv.scale), c.rcv.edge)
	}
	return c.fixedEdge()
}

// fixedEdge is selectWindow for a plain connection whose buffer has a fixed size.
func (c *Conn) fixedEdge() int64 {
	edge := c.rcv.read + c.rcv.buffer
	if edge-c.rcv.edge < c.rcv.step {
		return max(c.rcv.edge, c.rcv.nxt)
	}
	return edge
}

// windowField returns an edge as a window field, rounded up to the scale: what
// was announced before must not be taken back, and what exceeds the buffer by
// less than a unit is accepted.
func (c *Conn) windowField(edge int64) uint16 {
	shift := c.rcv.scale & 31
	w := (edge - c.rcv.nxt + 1<<shift - 1) >> shift
	return uint16(min(w, 1<<16-1))
}

// announce fills in the window field of an outgoing segment.
func (c *Conn) announce(now sim.Time) uint16 {
	r := &c.rcv
	var edge int64
	if c.ext == nil && !c.tuned {
		edge = c.fixedEdge()
	} else {
		edge = c.selectWindow(now)
	}
	field := c.windowField(edge)
	r.wup = r.nxt
	r.wnd = int64(field) << (r.scale & 31)
	top := r.nxt + r.wnd
	// A window that exceeds the field is announced in part.
	r.edge = max(r.edge, min(edge, top))
	r.top = max(r.top, top)
	return field
}

// Read takes up to max bytes of what arrived in order on a connection without
// extension: the next span whose true offsets are contiguous, from off on. ok is
// false if nothing is there. Reading may announce a larger window.
func (c *Conn) Read(now sim.Time, max int64) (off uint64, n int64, ok bool) {
	if c.queue.empty() || max <= 0 {
		return 0, 0, false
	}
	off, n = c.read(now, max)
	return off, n, true
}

// read is Read if there is something.
func (c *Conn) read(now sim.Time, max int64) (off uint64, n int64) {
	off, n = c.queue.pop(max)
	c.rcv.read += n
	if c.tuned && c.tune.Read(now, n) {
		ahead := int64(0)
		if !c.ooo.empty() {
			ahead = c.ooo.last() - c.rcv.nxt
		}
		c.tune.Adjust(now, c.rcv.nxt-c.rcv.read, ahead, c.ReceiveRTT())
	}
	c.ackOnRead(now)
	return off, n
}

// Readable returns the bytes that Read can take.
func (c *Conn) Readable() int64 {
	if c.ext != nil {
		return 0
	}
	n := c.rcv.nxt - c.rcv.read
	if c.PeerFIN() {
		n--
	}
	return max(n, 0)
}
