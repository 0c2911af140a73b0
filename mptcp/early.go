package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// What fast open changes on a connection whose handshake is under way.

// skip takes n bytes that the application has read and returns how many of them
// were not payload of a SYN, which the window does not count.
func (d *earlyData) skip(n int64) int64 {
	k := min(n, d.unread)
	d.unread -= k
	return n - k
}

// earlyOpen reports whether data may be sent before the third segment of the
// handshake has come.
func (f *subflow) earlyOpen() bool {
	return f.phase == phaseSYNACK && !f.joined && !f.dead && f.flow.tcp.EarlyOpen()
}

// acceptEarly takes the payload of a SYN that a valid cookie came with.
func (f *subflow) acceptEarly(syn *Segment) {
	c := f.conn
	c.changed = true
	if n := f.flow.tcp.SYNDataAccepted(); n > 0 {
		f.peerISN = syn.Seq + wire.Seq(n) // SSN 1 follows (RFC 8684 appendix B.2)
		c.receiveSYNData(syn, n)
	}
	c.peer.update(1, int64(syn.Window))
}

// fastConnected acts on the end of the handshake of a first subflow.
func (f *subflow) fastConnected(now sim.Time) {
	c := f.conn
	if !c.client {
		c.sock.unpendEarly()
		return
	}
	if c.sock.opt.FastOpen&(FastOpenClient|FastOpenClientNoCookie) == 0 {
		return
	}
	if n := f.flow.tcp.SYNDataAcked(); n > 0 {
		c.synDataAcked(n)
	}
	c.e.fastOpened(now, f.flow)
}

// fastConnected is the same for a plain connection; old is the state it was in.
func (s *socket) fastConnected(now sim.Time, f *flow, old tcp.State) {
	if old == tcp.StateSynReceived {
		s.unpendEarly()
		return
	}
	if s.opt.FastOpen&(FastOpenClient|FastOpenClientNoCookie) != 0 {
		s.e.fastOpened(now, f)
	}
}

// rememberCapable gives the client of a connection whose third segment had an
// MPTCP option a cookie that says so, with our FIN.
func (c *connection) rememberCapable() {
	if c.sock.opt.FastOpen&FastOpenCapableCookie != 0 {
		t := &c.subs[0].flow.tuple
		c.subs[0].flow.tcp.SetFINCookie(c.e.fastOpenCookie(t.Dst.Addr(), t.Src.Addr(), true))
	}
}

// readFINCookie stores a cookie that came with the peer's FIN.
func (c *connection) readFINCookie(now sim.Time, s *Segment) {
	if c.client && c.sock.opt.FastOpen&FastOpenClient != 0 && s.Opt.FastOpen.Len > 0 {
		c.e.fastOpenEntry(now, c.subs[0].flow.tuple.Dst.Addr()).cookie = s.Opt.FastOpen
	}
}

// fastFallback counts the MPTCP state that a fast open made in vain, and lets a
// client remember the destination.
func (c *connection) fastFallback(now sim.Time) {
	c.noteCapable(now, false)
	if !c.client && c.sock.opened {
		c.e.count(now, c.sock, fastOpenUseless)
	}
}

// noteCapable remembers whether MPTCP works with the peer of a connection.
func (c *connection) noteCapable(now sim.Time, works bool) {
	if !c.client || c.sock.opt.FastOpen&FastOpenCacheCapable == 0 {
		return
	}
	d := c.e.fastOpenEntry(now, c.subs[0].flow.tuple.Dst.Addr())
	if d.capable = capableNo; works {
		d.capable = capableYes
	}
}

// pendEarly counts a connection that a cookie opened against its listener's
// limit, until its handshake is complete or it ends.
func (s *socket) pendEarly(a *tcp.FastOpenAnswer) {
	if a.Accept {
		s.opened = true
		s.earlyOf = s.parent.listen
		s.earlyOf.early++
	}
}

func (s *socket) unpendEarly() {
	if s.earlyOf != nil {
		s.earlyOf.early--
		s.earlyOf = nil
	}
}
