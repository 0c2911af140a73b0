package mptcp

import (
	"net/netip"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// listener is the part of a socket that waits for connections.
type listener struct {
	sock    *socket
	local   netip.AddrPort
	queue   []*socket // established, not accepted
	pending int       // with them, those still in the handshake
	early   int       // opened by a fast open cookie, third segment not seen
	// cookieAt is when the last SYN cookie was sent, if one was: later
	// acknowledgements can be those of cookies.
	cookieAt    sim.Time
	cookiesSent bool
	told        bool // an Acceptable event is not polled yet
	closed      bool
}

// Listen waits for connections to a local address; the zero address with a port
// means every address. The options are those of the accepted connections.
func (e *Endpoint) Listen(now sim.Time, local netip.AddrPort, o *SocketOptions) (ConnID, error) {
	e.reap()
	opt, err := o.complete(e.profile)
	if err != nil {
		return 0, err
	}
	if a := local.Addr(); a.IsValid() && a.IsUnspecified() {
		local = netip.AddrPortFrom(netip.Addr{}, local.Port())
	}
	if e.socks.listeners[local] != nil {
		return 0, ErrAddrInUse
	}
	s := e.newSocket(now, opt)
	s.listen = &listener{sock: s, local: local}
	s.forgotten = true
	e.socks.listeners[local] = s
	return s.id, nil
}

// Accept returns the next connection that a listener has established.
func (e *Endpoint) Accept(l ConnID) (ConnID, bool) {
	e.reap()
	s := e.socks.get(l)
	if s == nil || s.listen == nil || len(s.listen.queue) == 0 {
		return 0, false
	}
	c := s.listen.queue[0]
	s.listen.queue = s.listen.queue[1:]
	s.listen.pending--
	c.parent = nil
	// What happened while it waited is news to the application.
	if c.conn != nil {
		c.conn.tellAccepted()
	}
	if c.flow != nil {
		if c.flow.tcp.Readable() > 0 || c.eofTold {
			c.readable()
		}
	} else if c.conn.hasInput() {
		c.readable()
	}
	return c.id, true
}

// tellAccepted tells the application of a connection that it has just accepted
// what it would know otherwise.
func (c *connection) tellAccepted() {
	if c.fallback.on {
		c.sock.tell(Fallback, c.fallback.why)
	}
	for _, f := range c.subs[1:] {
		if f.announced && !f.dead {
			c.sock.tellOf(SubflowUp, f.id, trace.NoReason)
		}
	}
}

// arrive puts an established connection into the queue.
func (l *listener) arrive(now sim.Time, s *socket) {
	if l.closed {
		s.e.Abort(now, s.id)
		return
	}
	l.queue = append(l.queue, s)
	if !l.told {
		l.told = true
		l.sock.tell(Acceptable, trace.NoReason)
	}
}

// drop takes a connection out that ended before it was accepted.
func (l *listener) drop(s *socket) {
	l.pending--
	for i, q := range l.queue {
		if q == s {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			return
		}
	}
}

// close ends the listener and the connections that nobody accepted.
func (l *listener) close(now sim.Time) {
	e := l.sock.e
	l.closed = true
	delete(e.socks.listeners, l.local)
	for len(l.queue) > 0 {
		e.Abort(now, l.queue[0].id)
	}
}

// listenerFor returns the listener for a local address, or nil.
func (t *socketTable) listenerFor(a netip.AddrPort) *listener {
	if s := t.listeners[a]; s != nil {
		return s.listen
	}
	if s := t.listeners[netip.AddrPortFrom(netip.Addr{}, a.Port())]; s != nil {
		return s.listen
	}
	return nil
}

// unmatched handles a segment of no known flow: a SYN that joins a connection or
// opens one, or something to be reset.
func (e *Endpoint) unmatched(now sim.Time, s *Segment) {
	if l := e.localAddr(s.Tuple.Dst.Addr()); l != nil && !l.up {
		return // overtaken by the loss of the address
	}
	if s.Flags&(wire.SYN|wire.ACK|wire.RST) != wire.SYN {
		if s.Flags&(wire.SYN|wire.ACK|wire.RST) == wire.ACK && e.cookieACK(now, s) {
			return
		}
		e.resetFor(now, s, 0)
		return
	}
	l := e.socks.listenerFor(s.Tuple.Dst)
	// A join is recognised by its token, whatever port it goes to (RFC 8684
	// section 3.2); but Linux looks for a listener first.
	announced := l == nil && e.paths.opens(s.Tuple.Dst)
	if s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == wire.JoinSYN && (l != nil || announced || !e.profile.JoinNeedsListener) {
		e.passiveJoin(now, s)
		return
	}
	if announced && s.Opt.Has(wire.OptCapable) {
		e.count(now, nil, mpCapableEndpAttempt)
	}
	if l == nil {
		e.resetFor(now, s, 0)
		return
	}
	switch cookie, drop := l.cookiesDue(now, e); {
	case cookie:
		e.sendCookie(now, l, s, nil)
		return
	case drop:
		return // the peer will try again (Linux, tcp_conn_request)
	}
	e.passiveOpen(now, l, s)
}

// passiveOpen creates the connection that a SYN asks for.
func (e *Endpoint) passiveOpen(now sim.Time, l *listener, syn *Segment) {
	opt := l.sock.opt
	c := e.newSocket(now, opt)
	c.parent = l.sock
	l.pending++
	version := uint8(noVersion)
	var k fastOpenCheck
	if opt.FastOpen != 0 {
		k = e.checkFastOpen(now, l, syn)
	}
	if opt.Protocol == MPTCP && !k.plain {
		version = e.readCapableSYN(now, c, syn)
	}
	if k.use {
		if !e.fitCookie(now, c, syn, &k.answer, version != noVersion) {
			version = noVersion
		}
		c.pendEarly(&k.answer)
	}
	if version != noVersion {
		c.conn = e.newConnection(now, c, version)
		c.conn.accept(now, syn, &k.answer)
		syn.Socket = c.conn.subs[0].flow.id
		return
	}
	if opt.Protocol == MPTCP {
		c.notOffered = true
	}
	f := e.newFlow(c, syn.Tuple.Dst, syn.Tuple.Src, nil)
	c.flow = f
	f.tcp.AcceptFast(now, syn, &k.answer)
	syn.Socket = f.id
	e.settle(now, f)
}

// rawReset is a reset for a segment that no flow of the endpoint sent for, or
// the SYN/ACK of a listener that keeps no state.
type rawReset struct {
	seg    Segment
	tuple  wire.Tuple
	opt    wire.Options
	hasOpt bool
}

// resetFor answers a segment of no connection with a RST (RFC 9293 section
// 3.10.7.1). Reason is the code of the MP_TCPRST option plus one; 0: no option.
func (e *Endpoint) resetFor(now sim.Time, s *Segment, reason uint8) {
	if s.Flags.Has(wire.RST) {
		return
	}
	var r rawReset
	tcp.ResetFor(s, &r.seg)
	r.tuple = s.Tuple.Reverse()
	if reason > 0 {
		r.hasOpt = true
		r.opt.Present = wire.OptRst
		r.opt.Rst.Reason = reason - 1
		e.count(now, nil, mpRstTx)
	}
	e.resets = append(e.resets, r)
	e.odd |= oddReset
}

// pollReset takes the first reset for a segment of no flow.
func (e *Endpoint) pollReset(out *Segment) {
	r := e.resets[0]
	if e.resets = e.resets[1:]; len(e.resets) == 0 {
		e.odd &^= oddReset
	}
	r.fill(out)
}

func (r *rawReset) fill(out *Segment) {
	out.Segment = r.seg.Segment
	out.Opt = nil
	out.Socket = 0
	out.Tuple = &r.tuple
	if r.hasOpt {
		out.Buf = r.opt
		out.Opt = &out.Buf
	}
}
