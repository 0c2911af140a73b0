package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/sim"
)

// Buffers of a connection that tune themselves (net/mptcp/protocol.c of Linux
// 6.18: mptcp_rcv_space_adjust, mptcp_space, mptcp_set_rwin, __mptcp_sync_sndbuf;
// what they share with TCP is in package tcp):
//
//   - The receive buffer grows with what the application reads in the longest
//     round trip of the subflows. Data that waits behind gaps takes room, so that
//     the window does not advance by as much.
//   - Each subflow announces at most what its own slope allows; the edge of all is
//     the largest one that any announced.
//   - The send buffer is the sum of those of the subflows, each of which grows with
//     its congestion window, and the minimum.

// tuneBuffers starts what tunes itself.
func (c *connection) tuneBuffers(now sim.Time) {
	o := &c.sock.opt
	if o.ReceiveMemory.Auto() {
		c.tuned = true
		c.tune.Init(now, o.ReceiveMemory, 1460)
		c.wnd.size = c.tune.Window()
	}
	if o.SendMemory.Auto() {
		c.send.limit = o.SendMemory.Min + min(o.SendMemory.Initial, o.SendMemory.Max)
	}
}

// openWindow lets the subflow's window follow n bytes that have arrived: its limit is
// the connection's buffer, of which only these lie in the subflow's own.
func (f *subflow) openWindow(n int) {
	t := &f.flow.tcp
	if f.slope.Open(int64(n), t.AdvertisedMSS(), f.conn.tune.WindowAt(t.ReceiveRatio())-int64(n)) {
		t.QuickAck()
	}
}

// offer is the window that the subflow announces.
func (f *subflow) offer(scale uint8) int64 {
	c := f.conn
	mss := f.flow.tcp.AdvertisedMSS()
	if f.phase == phaseSYN || f.phase == phaseSYNACK {
		if f.flow.tcp.UsesTimestamps() {
			mss -= 12
		}
		f.slope.Start(c.wnd.size, mss)
		n := min(f.slope.Size(), 0xffff)
		if !f.joined {
			c.wnd.edge = max(c.wnd.edge, c.recv.next+uint64(n))
		}
		return n
	}
	next := c.recv.next
	free := int64(c.wnd.read) + c.wnd.size - int64(next) - c.recv.queued
	edge := next + uint64(tcp.Offer(free, f.slope.Size(), c.wnd.size, mss, scale))
	c.wnd.edge = max(c.wnd.edge, edge)
	c.wnd.told = min(int64(c.wnd.edge-next)&^(1<<scale-1), 0xffff<<scale)
	return c.wnd.told
}

// tunedRead acts on n bytes that the application has read: the buffer may grow,
// and subflows may have to acknowledge (mptcp_cleanup_rbuf).
func (c *connection) tunedRead(now sim.Time, n int64) {
	if c.tune.Read(now, n) {
		c.adjustReceive(now)
	}
	if c.over || c.eof() {
		return
	}
	room := int64(c.wnd.read) + c.wnd.size - int64(c.recv.next) - c.recv.queued
	window := room > 0 && room >= 2*c.wnd.told
	for _, f := range c.alive {
		if f.established() {
			f.flow.tcp.AckRead(c.recv.ready.bytes == 0, window, room)
			if f.flow.tcp.AckDue() {
				c.e.ready.push(f.flow)
			}
		}
	}
}

// adjustReceive lets the receive buffer grow once a round trip.
func (c *connection) adjustReceive(now sim.Time) {
	rtt, ratio := sim.Duration(0), int64(255)
	for _, f := range c.subs {
		if !f.dead {
			rtt = max(rtt, f.flow.tcp.ReceiveRTT())
			ratio = min(ratio, f.flow.tcp.ReceiveRatio())
		}
	}
	c.tune.SetRatio(ratio)
	ahead := int64(0)
	if w := c.recv.waiting; c.recv.head < len(w) {
		ahead = int64(w[len(w)-1].end() - c.recv.next)
	}
	c.tune.Adjust(now, 0, ahead, rtt)
	c.wnd.size = c.tune.Window()
}

// sumSendBuffers makes the send buffer that of the subflows together.
func (c *connection) sumSendBuffers() {
	m := &c.sock.opt.SendMemory
	if !m.Auto() {
		return
	}
	n := m.Min
	for _, f := range c.subs {
		if f.announced && !f.dead {
			n += f.flow.tcp.SendBuffer()
		}
	}
	c.send.limit = n
}

// growSend lets the send buffer grow if the application waits for room while the
// flow has sent all that it had.
func (f *flow) growSend() {
	switch {
	case !f.tcp.ExpandSendBuffer(false):
	case f.sub == nil:
		f.sock.writable(f.tcp.SendRoom(), f.tcp.SendBuffer())
	default:
		c := f.sub.conn
		c.markRow(f.sub.rowAt)
		c.sumSendBuffers()
		f.sock.writable(c.send.room(c.released()), c.send.limit)
	}
}
