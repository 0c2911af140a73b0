package mptcp

import (
	"encoding/binary"
	"net/netip"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TCP Fast Open at the level of the host (RFC 7413), alone and with MPTCP (RFC
// 8684 appendix B, draft-barre-mptcp-tfo-04): cookies, the client's cache of
// them, the limit of connections that are pending at a server. What happens on
// one connection is in package tcp.
//
// With MPTCP the payload of the SYN lies outside the data sequence space: the
// first byte behind the handshake has data sequence number IDSN+1 and subflow
// sequence number 1 (appendix B.2). An MP_JOIN never carries payload and its
// payload is never accepted (section 6 of the draft).
//
// The cookie is Linux's: SipHash of the client's and the server's address under
// a key of 128 bits, 8 octets (net/ipv4/tcp_fastopen.c).

// FastOpenFlags say how a socket uses TCP Fast Open. The values are those of
// Linux's sysctl net.ipv4.tcp_fastopen.
type FastOpenFlags uint16

// The flags of fast open.
const (
	// FastOpenClient asks for cookies, and sends payload in the SYN with them.
	FastOpenClient FastOpenFlags = 0x1
	// FastOpenServer gives cookies, and accepts payload with them.
	FastOpenServer FastOpenFlags = 0x2
	// FastOpenClientNoCookie sends payload without a cookie.
	FastOpenClientNoCookie FastOpenFlags = 0x4
	// FastOpenServerNoCookie accepts payload without a cookie.
	FastOpenServerNoCookie FastOpenFlags = 0x200
	// FastOpenCapableCookie makes the server's cookie say whether MPTCP worked
	// with the client before: if not, payload is accepted as plain TCP and no
	// MPTCP state is made for it. A better cookie comes with the FIN
	// (draft-barre-mptcp-tfo-04 section 5; experimental, not in Linux).
	FastOpenCapableCookie FastOpenFlags = 0x1000
	// FastOpenCacheCapable makes the client remember whether MPTCP worked with a
	// destination: if not, its next SYNs with payload do not offer it (the same
	// section).
	FastOpenCacheCapable FastOpenFlags = 0x2000
)

// FastOpenRoom says what a SYN/ACK does where a cookie does not fit beside
// MP_CAPABLE, window scale, SACK and timestamps (RFC 8684 appendix B.1,
// draft-barre-mptcp-tfo-04 section 2).
type FastOpenRoom uint8

// The ways to make room.
const (
	// RoomNoTimestamps leaves timestamps out of every SYN/ACK with a cookie
	// (Linux 6.18, measured: even where they would fit).
	RoomNoTimestamps FastOpenRoom = iota
	// RoomShortCookie cuts the cookie to the octets that are left (RFC 8684: "a
	// shorter cookie"), as an even number of them and at least 4 (RFC 7413
	// section 4.1.1).
	RoomShortCookie
	// RoomNoCookie gives no cookie: MPTCP only.
	RoomNoCookie
	// RoomNoCapable leaves MP_CAPABLE out: fast open only.
	RoomNoCapable
)

var roomNames = [...]string{
	RoomNoTimestamps: "no_timestamps", RoomShortCookie: "short_cookie",
	RoomNoCookie: "no_cookie", RoomNoCapable: "no_capable",
}

// String returns the name that tables use.
func (r FastOpenRoom) String() string {
	if int(r) < len(roomNames) {
		return roomNames[r]
	}
	return "unknown"
}

// FastOpenKey is the key of a server's cookies: four words, as Linux writes them
// in net.ipv4.tcp_fastopen_key.
type FastOpenKey [4]uint32

func (k FastOpenKey) sip() sipKey {
	return sipKey{uint64(k[1])<<32 | uint64(k[0]), uint64(k[3])<<32 | uint64(k[2])}
}

// fastOpenState is what fast open needs of a host.
type fastOpenState struct {
	key   sipKey
	keyed bool
	cache map[netip.Addr]*fastOpenEntry
	order []netip.Addr // of the cache, the oldest first
}

// fastOpenEntry is what a client remembers of a destination (RFC 7413 section
// 4.1.3).
type fastOpenEntry struct {
	cookie  wire.FastOpen
	mss     int
	capable capability
}

// capability is what a client knows of MPTCP with a destination.
type capability uint8

const (
	capableUnknown capability = iota
	capableYes
	capableNo
)

// maxFastOpenEntries bounds the cache; the oldest entry gives way.
const maxFastOpenEntries = 1024

// SetFastOpenKey replaces the random key of the cookies that the endpoint gives.
func (e *Endpoint) SetFastOpenKey(k FastOpenKey) {
	e.fast.key, e.fast.keyed = k.sip(), true
}

// FastOpenCookie returns the cookie that the endpoint, as the server with address
// local, gives to a client.
func (e *Endpoint) FastOpenCookie(client, local netip.Addr) wire.FastOpen {
	return e.fastOpenCookie(client, local, false)
}

// SetFastOpenEntry stores a cookie for a destination, as if it had come from
// there with a maximum segment size.
func (e *Endpoint) SetFastOpenEntry(now sim.Time, remote netip.Addr, cookie wire.FastOpen, mss int) {
	d := e.fastOpenEntry(now, remote)
	d.cookie, d.mss = cookie, mss
}

// DialData is Dial with the first n bytes of the stream (Linux sendto with
// MSG_FASTOPEN): if the options ask for fast open and a cookie is known, they
// leave with the SYN as far as they fit. It returns how many bytes the send
// buffer took; after a short count a Writable event follows.
func (e *Endpoint) DialData(now sim.Time, local, remote netip.AddrPort, o *SocketOptions, n int64) (c ConnID, written int64, err error) {
	if o.FastOpen&(FastOpenClient|FastOpenClientNoCookie) == 0 {
		if c, err = e.Dial(now, local, remote, o); err == nil {
			written = e.Write(now, c, n)
		}
		return c, written, err
	}
	e.reap()
	opt, err := o.complete(e.profile)
	if err != nil {
		return 0, 0, err
	}
	if local, err = e.bind(local, remote); err != nil {
		return 0, 0, err
	}
	s := e.newSocket(now, opt)
	r := tcp.FastOpenRequest{Data: max(n, 0), NoCookie: opt.FastOpen&FastOpenClientNoCookie != 0}
	d := e.fast.cache[remote.Addr()]
	if d != nil {
		r.MSS = d.mss
		if d.cookie.Len > 0 {
			r.Cookie, r.NoCookie = d.cookie, false
		}
	}
	if opt.FastOpen&FastOpenClient == 0 {
		r.Cookie = wire.FastOpen{}
	}
	if d != nil && d.capable == capableNo && opt.FastOpen&FastOpenCacheCapable != 0 && r.Cookie.Len > 0 {
		s.opt.Protocol = TCP
	}
	v := uint8(noVersion)
	if s.opt.Protocol == MPTCP {
		v = e.offer(now, opt.Versions, remote.Addr())
		s.notOffered = v == noVersion
	}
	if v != noVersion {
		s.conn = e.newConnection(now, s, v)
		written = s.conn.connectFast(now, local, remote, &r)
	} else {
		f := e.newFlow(s, local, remote, nil)
		s.flow = f
		written = f.tcp.ConnectFast(now, &r)
		e.settle(now, f)
	}
	if written < n {
		s.wantWrite = true
	}
	return s.id, written, nil
}

// connectFast is connect with data for the SYN. The data is written to the
// connection, too: what the SYN/ACK acknowledges of it leaves the queue again.
func (c *connection) connectFast(now sim.Time, local, remote netip.AddrPort, r *tcp.FastOpenRequest) (written int64) {
	written = c.send.write(r.Data, c.send.una)
	r.Data = written
	c.client = true
	f := c.newSubflow(now, local, remote, false)
	f.active = true
	f.phase = phaseSYN
	f.flow.tcp.ConnectFast(now, r)
	c.e.settle(now, f.flow)
	return written
}

// synDataAcked takes n bytes that the SYN/ACK acknowledged out of the send queue.
// They lie before the data sequence space, in which nothing was sent yet.
func (c *connection) synDataAcked(n int64) {
	if c.send.next != 1 || int64(c.send.end-1) < n {
		sim.Bugf("connection %d: %d bytes of the SYN acknowledged, [%d, %d) in the queue",
			c.sock.number, n, c.send.next, c.send.end)
	}
	c.send.end -= uint64(n)
	c.early.sent, c.fastOpened = n, n > 0
	c.work = true
}

// earlyData counts the payload of SYNs, which has no data sequence numbers.
type earlyData struct {
	sent   int64 // acknowledged by the peer's SYN/ACK
	got    int64 // accepted with the peer's SYN
	unread int64 // of it, not read by the application yet
}

// receiveSYNData hands the payload that was accepted with a SYN to the
// application.
func (c *connection) receiveSYNData(syn *Segment, n int64) {
	c.early.got, c.early.unread = n, n
	c.input = true
	left := n
	if syn.Opt.Has(wire.OptPieces) {
		for i := range syn.Opt.Pieces {
			p := &syn.Opt.Pieces[i]
			k := min(int64(p.Len), left)
			off := p.Off
			if p.Data != nil {
				off, _ = c.recv.arena.Append(p.Data[:k])
			}
			c.recv.ready.push(off, k)
			left -= k
		}
		return
	}
	c.recv.ready.push(syn.Off, n)
}

// fastOpenEntry returns the entry of a destination, a new one if there is none.
func (e *Endpoint) fastOpenEntry(now sim.Time, a netip.Addr) *fastOpenEntry {
	st := &e.fast
	if d := st.cache[a]; d != nil {
		return d
	}
	if st.cache == nil {
		st.cache = make(map[netip.Addr]*fastOpenEntry)
	}
	if len(st.order) >= maxFastOpenEntries {
		delete(st.cache, st.order[0])
		st.order = append(st.order[:0], st.order[1:]...)
		e.emit(now, nil, 0, trace.FastOpen, trace.CookieCacheFull, 0, 0, 0, 0, 0)
	}
	d := &fastOpenEntry{}
	st.cache[a] = d
	st.order = append(st.order, a)
	return d
}

// fastOpened learns from the handshake of a connection that DialData opened.
func (e *Endpoint) fastOpened(now sim.Time, f *flow) {
	t := &f.tcp
	d := e.fastOpenEntry(now, f.tuple.Dst.Addr())
	d.mss = t.PeerMSS()
	if cookie, ok := t.FastOpenCookie(); ok {
		d.cookie = cookie
	}
	sent, acked := t.SYNDataSent(), t.SYNDataAcked()
	if sent == 0 {
		return
	}
	if acked == sent {
		e.count(now, f.sock, tcpFastOpenActive)
		return
	}
	e.count(now, f.sock, tcpFastOpenActiveFail)
	e.emit(now, f.sock, 0, trace.FastOpen, trace.SYNDataUnacked, 0, sent, acked, 0, 0)
}

// fastOpenCookie is GetCookie of RFC 7413 section 4.1.2: 8 octets of SipHash over
// the two addresses; for a client with which MPTCP worked, a 1 follows them.
func (e *Endpoint) fastOpenCookie(client, server netip.Addr, capable bool) (c wire.FastOpen) {
	if !e.fast.keyed {
		r := e.stream("fastopen")
		e.fast.key, e.fast.keyed = sipKey{r.Uint64(), r.Uint64()}, true
	}
	var buf [33]byte
	m := appendAddr(appendAddr(buf[:0], client), server)
	if capable {
		m = append(m, 1)
	}
	binary.LittleEndian.PutUint64(c.Cookie[:], sipHash(e.fast.key, m))
	c.Len = 8
	return c
}

// fastOpenCheck is what a listener makes of a SYN (Linux tcp_try_fastopen).
type fastOpenCheck struct {
	answer tcp.FastOpenAnswer
	use    bool // there is something to answer
	plain  bool // the cookie says that MPTCP did not work: accept as TCP
}

// checkFastOpen decides on option and payload of a SYN that a listener got.
func (e *Endpoint) checkFastOpen(now sim.Time, l *listener, syn *Segment) (k fastOpenCheck) {
	s := l.sock
	flags := s.opt.FastOpen
	has := syn.Opt.Has(wire.OptFastOpen)
	if flags&(FastOpenServer|FastOpenServerNoCookie) == 0 || !has && syn.Len == 0 {
		return k
	}
	asks := has && syn.Opt.FastOpen.Len == 0
	if asks {
		e.count(now, s, tcpFastOpenCookieReqd)
	}
	if l.early >= s.opt.FastOpenBacklog {
		e.count(now, s, tcpFastOpenListenOverflow)
		e.emit(now, s, 0, trace.FastOpen, trace.FastOpenOverflow, 0, int64(syn.Len), 0, 0, 0)
		return k
	}
	client, server := syn.Tuple.Src.Addr(), syn.Tuple.Dst.Addr()
	good := e.fastOpenCookie(client, server, false)
	switch {
	case flags&FastOpenServerNoCookie != 0:
		k.answer.Accept = true
	case !has:
		return k
	case !asks && sameCookie(&syn.Opt.FastOpen, &good):
		k.answer.Accept = true
		k.plain = flags&FastOpenCapableCookie != 0
	case !asks && flags&FastOpenCapableCookie != 0 && e.capableCookie(syn):
		k.answer.Accept = true
	default:
		if !asks {
			e.count(now, s, tcpFastOpenPassiveFail)
			e.emit(now, s, 0, trace.FastOpen, trace.CookieInvalid,
				int64(syn.Opt.FastOpen.Len), int64(syn.Len), 0, 0, 0)
		}
		k.answer.Grant, k.answer.Cookie = true, good
	}
	k.use = true
	if k.answer.Accept {
		e.count(now, s, tcpFastOpenPassive)
	}
	return k
}

// capableCookie reports whether a SYN carries the cookie of a client with which
// MPTCP worked.
func (e *Endpoint) capableCookie(syn *Segment) bool {
	c := e.fastOpenCookie(syn.Tuple.Src.Addr(), syn.Tuple.Dst.Addr(), true)
	return sameCookie(&syn.Opt.FastOpen, &c)
}

// sameCookie reports whether a client's cookie is the one that we would give; one
// that was cut short for a SYN/ACK comes back as it was.
func sameCookie(got, ours *wire.FastOpen) bool {
	n := got.Len
	return n >= 4 && n <= ours.Len && n&1 == 0 && string(got.Cookie[:n]) == string(ours.Cookie[:n])
}

// fitCookie makes room in a SYN/ACK for the cookie beside the other options that
// answer the SYN, and reports whether MP_CAPABLE stays. The octets are those of
// the RFC's count, each option padded to a word as Linux does.
func (e *Endpoint) fitCookie(now sim.Time, s *socket, syn *Segment, a *tcp.FastOpenAnswer, capable bool) bool {
	p := e.profile
	if !a.Grant {
		return capable
	}
	ts := syn.Segment.Opt.Has(wire.HasTS) && p.TCP.Timestamps
	drop := func(why trace.Reason) {
		e.emit(now, s, 0, trace.FastOpen, why, int64(a.Cookie.Len), 0, 0, 0, 0)
	}
	if ts && p.FastOpenRoom == RoomNoTimestamps {
		a.NoTimestamps = true
		drop(trace.TimestampsDropped)
		return capable
	}
	used := 4
	if syn.Opt.Has(wire.OptWScale) && p.TCP.WindowScaling {
		used += 4
	}
	switch {
	case ts:
		used += 12
	case syn.Opt.Has(wire.OptSACKPermitted) && p.TCP.SACK:
		used += 4
	}
	if capable {
		used += 12
	}
	room := wire.MaxOptionsLen - used - 2 // kind and length of the option
	if int(a.Cookie.Len) <= room {
		return capable
	}
	switch p.FastOpenRoom {
	case RoomShortCookie:
		a.Cookie.Len = uint8(room &^ 1)
		drop(trace.CookieShortened)
		if a.Cookie.Len < 4 {
			a.Grant = false
		}
	case RoomNoCookie:
		a.Grant = false
		drop(trace.CookieDropped)
	case RoomNoCapable:
		drop(trace.CapableDropped)
		return false
	}
	return capable
}
