package mptcp

import (
	"net/netip"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// ADD_ADDR (RFC 8684 section 3.4.1). An announcement leaves on a pure ACK of its
// own without a DSS (appendix A: it would not fit beside one), is confirmed by an
// echo without HMAC, and is repeated until the echo comes. One is under way at a
// time. In version 0 (RFC 6824 section 3.4.1) there is neither HMAC nor echo nor
// repetition. The retransmission timer is that of Linux 6.18 (mptcp_pm_add_timer): the
// largest RTO of the subflows, then doubled.
//
// Not modelled: announcements refreshed periodically.

// Bounds of what a connection keeps of addresses; what exceeds them is dropped
// and counted.
const (
	maxHeard  = 64 // addresses of the peer
	maxEchoes = 8  // confirmations waiting to leave
)

// addressing is what a connection has told its peer of addresses, and heard of
// them.
type addressing struct {
	at      sim.Time // the announcement under way is repeated
	retryAt sim.Time // the limit of signals in a row is looked at again
	checkAt sim.Time // earliest check of a path that the peer has withdrawn
	carrier *subflow // that an ACK has been ordered of
	own     []announcement
	echoes  []echo
	heard   []heardAddr
	removed []uint8 // ids to be withdrawn
	// due says that something waits for an ACK to carry it.
	due bool
}

// announcement is one address of ours.
type announcement struct {
	id    uint8
	addr  netip.AddrPort // port 0: that of the connection
	state announceState
	tries int
}

// announceState is how far an announcement has come.
type announceState uint8

const (
	announceWaiting announceState = iota // for its turn
	announceDue                          // for an ACK
	announceSent
	announceEchoed
	announceLost
)

// echo is a confirmation that waits for an ACK.
type echo struct {
	id   uint8
	addr netip.AddrPort
	via  *subflow // on which the announcement came
}

// heardAddr is an address of the peer.
type heardAddr struct {
	id        uint8
	addr      netip.AddrPort // as announced
	to        netip.AddrPort // with the port to connect to
	withdrawn bool           // by REMOVE_ADDR; the place is free
}

func (a *addressing) init() { a.at, a.retryAt, a.checkAt = sim.Never, sim.Never, sim.Never }

func (a *addressing) stop() {
	*a = addressing{}
	a.init()
}

// deadline returns when timeout wants to be called.
func (a *addressing) deadline() sim.Time { return min(a.at, a.retryAt, a.checkAt) }

// addressTimeout acts on the deadlines that have been reached.
func (c *connection) addressTimeout(now sim.Time) {
	if c.addr.at <= now {
		c.announceExpired(now)
	}
	if c.addr.retryAt <= now {
		c.addr.retryAt = sim.Never // settle tries again
	}
	if c.addr.checkAt <= now {
		c.checkWithdrawn(now)
	}
}

// announce queues an announcement. One of the same id and address, whatever
// became of it, is refreshed.
func (c *connection) announce(now sim.Time, a announcement) {
	if !c.p.can(SendAddAddr) {
		return
	}
	for i := range c.addr.own {
		if o := &c.addr.own[i]; o.id == a.id && o.addr == a.addr {
			*o = a
			c.nextAnnouncement(now)
			return
		}
	}
	if len(c.addr.own) >= 255 {
		c.e.count(now, c.sock, addAddrTxDrop)
		return
	}
	c.addr.own = append(c.addr.own, a)
	c.nextAnnouncement(now)
}

// nextAnnouncement lets the first announcement that waits go, if none is under
// way.
func (c *connection) nextAnnouncement(now sim.Time) {
	var next *announcement
	for i := range c.addr.own {
		switch o := &c.addr.own[i]; o.state {
		case announceDue, announceSent:
			return
		case announceWaiting:
			if next == nil {
				next = o
			}
		}
	}
	if next == nil {
		c.addr.at = sim.Never
		return
	}
	next.state = announceDue
	c.addr.due = true
	c.addr.at = now.Add(c.announceTimeout())
	c.e.timers.set(c.timer, c.addr.at)
}

// announceTimeout is how long an announcement waits for its echo.
func (c *connection) announceTimeout() sim.Duration {
	if c.p.AddAddrFixedTimeout {
		return c.p.AddAddrTimeout
	}
	var rto sim.Duration
	for _, f := range c.subs {
		if f.established() {
			rto = max(rto, f.flow.tcp.RTO())
		}
	}
	if rto == 0 {
		return c.p.AddAddrTimeout
	}
	return min(rto, c.p.AddAddrTimeout)
}

// underway returns the announcement that waits for its echo, or nil.
func (a *addressing) underway() *announcement {
	for i := range a.own {
		if o := &a.own[i]; o.state == announceDue || o.state == announceSent {
			return o
		}
	}
	return nil
}

// announceExpired repeats the announcement under way, or gives it up.
func (c *connection) announceExpired(now sim.Time) {
	c.addr.at = sim.Never
	o := c.addr.underway()
	if o == nil || c.over {
		return
	}
	if o.tries >= c.p.AddAddrRetries {
		c.announceLost(now, o, trace.TimedOut)
		return
	}
	o.tries++
	o.state = announceDue
	c.addr.due = true
	if o.tries == c.p.AddAddrRetries && c.p.AddAddrLastUnwatched {
		return // the next one goes as soon as this one has left
	}
	c.addr.at = now.Add(min(c.announceTimeout()<<o.tries, c.p.AddAddrTimeout<<o.tries))
}

// announceLost gives an announcement up and lets the next one go.
func (c *connection) announceLost(now sim.Time, o *announcement, why trace.Reason) {
	o.state = announceLost
	c.e.emit(now, c.sock, -1, trace.AddressSignal, why, int64(trace.AnnouncementGivenUp), int64(o.id), 0, 0, 0)
	c.pm.note(PathEvent{Kind: PathAddrLost, ID: o.id, Remote: o.addr})
	c.nextAnnouncement(now)
}

// sendSignals orders the ACKs that are due.
func (c *connection) sendSignals(now sim.Time) {
	if f := c.owing; f != nil {
		c.owing = nil
		if !f.dead {
			f.ackNow(now)
		}
	}
	if c.addr.due {
		c.sendAddressSignals(now)
	}
}

// sendAddressSignals orders an ACK for what is due. At most one is ordered at a
// time, so that each option has one of its own.
func (c *connection) sendAddressSignals(now sim.Time) {
	a := &c.addr
	if f := a.carrier; f != nil {
		if f.signalReady() && f.due&dueAddress != 0 {
			return
		}
		f.due &^= dueAddress
		a.carrier = nil
	}
	var via *subflow
	switch {
	case len(a.echoes) > 0:
		via = a.echoes[0].via
	case a.underwayDue() == nil:
		a.due = false
		return
	}
	f := c.signalCarrier(now, via)
	if f == nil {
		return // until a subflow can
	}
	a.carrier = f
	f.due |= dueAddress
	// The ACK will be without DATA_ACK: what TCP wanted to acknowledge needs
	// another one.
	f.ackOwed = f.flow.tcp.AckDue()
	f.ackNow(now)
}

// underwayDue returns the announcement that an ACK is to carry, or nil.
func (a *addressing) underwayDue() *announcement {
	if o := a.underway(); o != nil && o.state == announceDue {
		return o
	}
	return nil
}

// signalReady reports whether ACKs of the subflow can carry signals alone.
func (f *subflow) signalReady() bool {
	return !f.dead && (f.phase == phaseFull && f.fourth == fourthSent || f.phase == phaseKeyed && !f.active)
}

// signalCarrier chooses the subflow whose ACK carries a signal: the wanted one,
// else the first that has not failed, else the first (Linux
// mptcp_pm_addr_send_ack). Subflows that have sent as many such ACKs in a row as
// the profile allows wait (RFC 8684 section 4).
func (c *connection) signalCarrier(now sim.Time, want *subflow) *subflow {
	if want != nil && want.signalReady() && want.maySignal(now) {
		return want
	}
	var second *subflow
	limited := false
	for _, f := range c.subs {
		switch {
		case !f.signalReady():
		case !f.maySignal(now):
			limited = true
		case !f.failed:
			return f
		case second == nil:
			second = f
		}
	}
	if second == nil && limited {
		c.e.count(now, c.sock, signalLimited)
	}
	return second
}

// maySignal reports whether one more ACK that carries nothing but a signal may
// leave: a row of them ends when the acknowledgement number or our stream moves
// on, or after a retransmission timeout.
func (f *subflow) maySignal(now sim.Time) bool {
	limit := f.conn.p.SignalsInRow
	t := &f.flow.tcp
	if limit == 0 || f.row.n < limit || f.row.rcvd != t.RcvNxt() || f.row.sent != t.SndNxt() {
		return true
	}
	until := f.row.at.Add(t.RTO())
	if until <= now {
		return true
	}
	f.conn.addr.retryAt = min(f.conn.addr.retryAt, until)
	return false
}

// signalRow counts ACKs in a row that carry nothing but a signal.
type signalRow struct {
	n          int
	rcvd, sent uint64
	at         sim.Time
}

func (r *signalRow) note(now sim.Time, rcvd, sent uint64, rto sim.Duration) {
	if r.rcvd != rcvd || r.sent != sent || now.Sub(r.at) >= rto {
		r.n = 0
	}
	r.n++
	r.rcvd, r.sent, r.at = rcvd, sent, now
}

// writeAddressSignal puts what is due into an ACK without payload, in place of
// all other options of MPTCP, and reports whether it did.
func (f *subflow) writeAddressSignal(now sim.Time, s *Segment, room int) bool {
	c := f.conn
	a := &c.addr
	f.due &^= dueAddress
	a.carrier = nil
	c.e.settlesAfter(c) // the next one follows
	var o wire.AddAddr
	own := a.underwayDue()
	switch {
	case len(a.echoes) > 0:
		e := a.echoes[0]
		a.echoes = a.echoes[:copy(a.echoes, a.echoes[1:])]
		o = wire.AddAddr{Echo: true, AddrID: e.id, Addr: e.addr.Addr(), Port: e.addr.Port()}
	case own != nil && c.version == 0:
		o = wire.AddAddr{V0: true, AddrID: own.id, Addr: own.addr.Addr(), Port: own.addr.Port()}
		own.state = announceSent
		a.at = sim.Never // nobody confirms it
	case own != nil:
		o = wire.AddAddr{AddrID: own.id, Addr: own.addr.Addr(), Port: own.addr.Port()}
		o.HMAC = addAddrHMAC(c.local.key, c.remote.key, own.id, own.addr)
		own.state = announceSent
	default:
		return false
	}
	need := (o.Length() + 3) &^ 3
	if need > room && s.Segment.Opt.Has(wire.HasTS) && c.p.AddAddrDropsTS {
		c.e.emit(now, c.sock, f.id, trace.OptionLeftOut, trace.NoOptionSpace, int64(wire.HasTS), int64(need), int64(room), 0, 0)
		s.Segment.Opt &^= wire.HasTS
		s.TSVal, s.TSEcr = 0, 0
		room += timestampsLen
	}
	if need > room {
		c.e.emit(now, c.sock, f.id, trace.OptionLeftOut, trace.NoOptionSpace, int64(wire.OptAddAddr), int64(need), int64(room), 0, 0)
		if o.Echo {
			c.e.count(now, c.sock, echoAddTxDrop)
		} else {
			c.e.count(now, c.sock, addAddrTxDrop)
			c.announceLost(now, own, trace.NoOptionSpace)
		}
		return false
	}
	if f.ackOwed || c.dataAck() != c.sentAck {
		f.ackOwed = false
		c.owing, c.chores = f, true
	}
	opt := s.Options()
	opt.Present |= wire.OptAddAddr
	opt.AddAddr = o
	f.row.note(now, f.flow.tcp.RcvNxt(), f.flow.tcp.SndNxt(), f.flow.tcp.RTO())
	n, what := addAddrTx, trace.AnnouncementSent
	if o.Echo {
		n, what = echoAddTx, trace.EchoSent
	}
	c.e.count(now, c.sock, n)
	c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.NoReason, int64(what), int64(o.AddrID), int64(o.Port), 0, 0)
	if own != nil && !o.Echo && c.addr.at == sim.Never {
		c.announceUnwatched(now, own)
	}
	return true
}

// announceUnwatched lets the next announcement go because nothing waits for the
// echo of this one: version 0 has none, and Linux does not wait for that of the
// last repetition.
func (c *connection) announceUnwatched(now sim.Time, o *announcement) {
	if c.version == 0 {
		o.state = announceEchoed
		c.pm.note(PathEvent{Kind: PathAddrEchoed, ID: o.id, Remote: o.addr})
		c.nextAnnouncement(now)
		return
	}
	c.announceLost(now, o, trace.TimedOut)
}

// timestampsLen is what the timestamps option takes, padded.
const timestampsLen = 12

// readAddAddr processes an ADD_ADDR or its echo.
func (f *subflow) readAddAddr(now sim.Time, o *wire.AddAddr) {
	c := f.conn
	addr := netip.AddrPortFrom(o.Addr, o.Port)
	if o.V0 != (c.version == 0) {
		return // of another version
	}
	if o.Echo {
		c.readEcho(now, o.AddrID, addr)
		return
	}
	if !o.V0 && o.HMAC != addAddrHMAC(c.remote.key, c.local.key, o.AddrID, addr) {
		c.dropAddAddr(now, f, o.AddrID, trace.BadHMAC)
		return
	}
	if f.phase == phaseKeyed && c.p.AddAddrEstablishes {
		f.becomeFull(now) // only who knows our key can have made the HMAC
	}
	to := addr
	if o.Port == 0 {
		to = netip.AddrPortFrom(o.Addr, f.flow.tuple.Dst.Port())
	}
	again, why := c.hear(o.AddrID, addr, to)
	if why != trace.NoReason {
		c.dropAddAddr(now, f, o.AddrID, why)
		return
	}
	c.e.count(now, c.sock, addAddr)
	if o.Port != 0 {
		c.e.count(now, c.sock, portAdd)
	}
	c.e.emit(now, c.sock, f.id, trace.AddressSignal, trace.NoReason, int64(trace.AnnouncementReceived), int64(o.AddrID), int64(o.Port), 0, 0)
	if !o.V0 {
		c.confirm(now, echo{o.AddrID, addr, f})
	}
	c.pm.note(PathEvent{Kind: PathAddrAdded, ID: o.AddrID, Remote: to, Again: again, Flow: f.id})
}

func (c *connection) dropAddAddr(now sim.Time, f *subflow, id uint8, why trace.Reason) {
	c.e.count(now, c.sock, addAddrDrop)
	c.e.emit(now, c.sock, f.id, trace.AddressSignal, why, int64(trace.AnnouncementReceived), int64(id), 0, 0, 0)
}

// confirm queues an echo.
func (c *connection) confirm(now sim.Time, e echo) {
	if len(c.addr.echoes) >= maxEchoes {
		c.e.count(now, c.sock, echoAddTxDrop)
		return
	}
	c.addr.echoes = append(c.addr.echoes, e)
	c.addr.due = true
}

// hear stores an address of the peer, to be connected to at to; again: it was
// known. An id that has another address already is refused (RFC 8684 section
// 3.4.1) unless the profile takes the new one. In a full table it takes the place
// of any address that was withdrawn.
func (c *connection) hear(id uint8, addr, to netip.AddrPort) (again bool, why trace.Reason) {
	place, free := -1, -1
	for i := range c.addr.heard {
		switch h := &c.addr.heard[i]; {
		case h.withdrawn && h.id == id:
			place = i
		case h.withdrawn:
			free = i
		case h.id != id:
		case h.addr == addr:
			return true, trace.NoReason
		case h.addr.Addr() == addr.Addr(): // another port is another path
		case c.p.AddrIDFixed:
			return false, trace.AddressIDInUse
		default:
			place = i
		}
	}
	h := heardAddr{id: id, addr: addr, to: to}
	switch {
	case place >= 0:
		c.addr.heard[place] = h
	case len(c.addr.heard) < maxHeard:
		c.addr.heard = append(c.addr.heard, h)
	case free >= 0:
		c.addr.heard[free] = h
	default:
		return false, trace.TableFull
	}
	return false, trace.NoReason
}

// readEcho notes that the peer has our announcement.
func (c *connection) readEcho(now sim.Time, id uint8, addr netip.AddrPort) {
	c.e.count(now, c.sock, echoAdd)
	if addr.Port() != 0 {
		c.e.count(now, c.sock, portAdd)
	}
	for i := range c.addr.own {
		o := &c.addr.own[i]
		if o.id != id || o.addr != addr || o.state == announceWaiting {
			continue
		}
		first := o.state != announceEchoed
		o.state = announceEchoed
		if first {
			c.e.emit(now, c.sock, -1, trace.AddressSignal, trace.NoReason, int64(trace.EchoReceived), int64(id), int64(addr.Port()), 0, 0)
			c.pm.note(PathEvent{Kind: PathAddrEchoed, ID: id, Remote: addr})
			c.nextAnnouncement(now)
		}
		return
	}
}
