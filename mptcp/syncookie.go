package mptcp

import (
	"encoding/binary"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// SYN cookies (RFC 4987 section 3.6) as Linux makes them (net/ipv4/syncookies.c,
// net/mptcp/syncookies.c), and MPTCP behind them (RFC 8684 section 3.1,
// draft-paasch-mptcp-syncookies-02). A listener that answers by cookies keeps
// nothing of a SYN:
//
//   - its initial sequence number is a keyed hash of addresses, ports, the peer's
//     number and the minute, plus the index of one of four segment sizes;
//   - the low six bits of its timestamp tell window scale and SACK; without
//     timestamps both are off;
//   - its MPTCP key is a keyed hash of the same and of the number itself, so that
//     the key which the third packet or the first data echoes can be verified
//     (section 3.1.1 of the draft; Profile.VerifyCookieKey).
//
// The connection is built when an acknowledgement of the cookie arrives. If that
// has no MP_CAPABLE, the listener cannot know of MPTCP any more and goes on as
// TCP; if it is not the first segment behind the SYN, the cookie does not verify
// and the answer is a reset, unless SYNCookieSSN finds out the peer's number.
// Not modelled: ECN behind a cookie, and the change of the secrets.

// SYNCookieMode says when a listener answers by SYN cookies (Linux
// net.ipv4.tcp_syncookies).
type SYNCookieMode uint8

// The modes.
const (
	// SYNCookiesOff drops SYNs when the backlog is full.
	SYNCookiesOff SYNCookieMode = iota
	// SYNCookiesOverflow answers by cookies while the backlog is full.
	SYNCookiesOverflow
	// SYNCookiesAlways is a stateless listener.
	SYNCookiesAlways
)

var synCookieNames = [...]string{"off", "overflow", "always"}

// String returns the name that scenarios use.
func (m SYNCookieMode) String() string {
	if int(m) < len(synCookieNames) {
		return synCookieNames[m]
	}
	return "unknown"
}

// ParseSYNCookieMode returns the mode of the given name: off, overflow, always.
func ParseSYNCookieMode(name string) (SYNCookieMode, bool) {
	for m, n := range synCookieNames {
		if n == name {
			return SYNCookieMode(m), true
		}
	}
	return 0, false
}

const (
	// cookieMinute is the unit of the clock in a cookie, and cookieAge how many of
	// them one is valid (Linux TCP_SYNCOOKIE_PERIOD and MAX_SYNCOOKIE_AGE).
	cookieMinute = sim.Time(60 * sim.Second)
	cookieAge    = 2
	// cookieBits of a cookie hold hash and segment size.
	cookieBits = 24
	cookieMask = 1<<cookieBits - 1
	// The options in a timestamp (Linux TS_OPT_*).
	cookieTSBits  = 6
	cookieTSMask  = 1<<cookieTSBits - 1
	cookieNoScale = 0xf
	cookieSACK    = 1 << 4
)

// cookieMSS are the segment sizes that a cookie can tell, for IPv4 and IPv6
// (Linux msstab).
var cookieMSS = [2][4]uint16{{536, 1300, 1440, 1460}, {1220, 1420, 1440, 8940}}

// synCookies are the secrets of a host.
type synCookies struct {
	drawn                     bool
	base, minute, clock, keys sipKey
	joins                     *joinTable
}

func (e *Endpoint) cookieSecrets() *synCookies {
	k := &e.cookies
	if !k.drawn {
		r := e.stream("syncookies")
		for _, s := range []*sipKey{&k.base, &k.minute, &k.clock, &k.keys} {
			*s = sipKey{r.Uint64(), r.Uint64()}
		}
		k.drawn = true
	}
	return k
}

// cookieTuple appends what names a flow, from the listener's view.
func cookieTuple(b []byte, local, remote *wire.Tuple) []byte {
	b = appendAddr(b, remote.Src.Addr())
	b = appendAddr(b, local.Src.Addr())
	b = binary.BigEndian.AppendUint16(b, remote.Src.Port())
	return binary.BigEndian.AppendUint16(b, local.Src.Port())
}

// cookieHash is SipHash of a flow and a number.
func cookieHash(k sipKey, peer *wire.Tuple, n uint64) uint64 {
	var buf [44]byte
	local := peer.Reverse()
	return sipHash(k, binary.BigEndian.AppendUint64(cookieTuple(buf[:0], &local, peer), n))
}

// makeCookie returns the initial sequence number that answers a SYN (Linux
// secure_tcp_syn_cookie):
//
//	H1(flow) + ISN + minute<<24 + (H2(flow, minute) + index) mod 2^24
func (k *synCookies) makeCookie(now sim.Time, peer *wire.Tuple, isn wire.Seq, index int) wire.Seq {
	minute := uint32(now / cookieMinute)
	c := uint32(cookieHash(k.base, peer, 0)) + uint32(isn) + minute<<cookieBits
	return wire.Seq(c + (uint32(cookieHash(k.minute, peer, uint64(minute)))+uint32(index))&cookieMask)
}

// checkCookie returns the index in a cookie, or false if it is not ours or too
// old (Linux check_tcp_syn_cookie).
func (k *synCookies) checkCookie(now sim.Time, peer *wire.Tuple, isn, cookie wire.Seq) (index int, ok bool) {
	minute := uint32(now / cookieMinute)
	c := uint32(cookie) - uint32(cookieHash(k.base, peer, 0)) - uint32(isn)
	age := (minute - c>>cookieBits) & (^uint32(0) >> cookieBits)
	if age >= cookieAge {
		return 0, false
	}
	index = int((c - uint32(cookieHash(k.minute, peer, uint64(minute-age)))) & cookieMask)
	return index, index < len(cookieMSS[0])
}

// key returns the listener's MPTCP key behind a cookie: Hash(4-tuple, peer's
// number, our number, secret), never zero.
func (k *synCookies) key(peer *wire.Tuple, isn, cookie wire.Seq) Key {
	return Key(max(cookieHash(k.keys, peer, uint64(isn)<<32|uint64(cookie)), 1))
}

// tsOffset returns where the timestamp clock of a flow starts (Linux
// secure_tcp_ts_off).
func (k *synCookies) tsOffset(peer *wire.Tuple) uint32 {
	return uint32(cookieHash(k.clock, peer, 0))
}

func mssTable(peer *wire.Tuple) *[4]uint16 {
	if peer.Src.Addr().Unmap().Is4() {
		return &cookieMSS[0]
	}
	return &cookieMSS[1]
}

// cookiesDue reports whether a listener answers a SYN by a cookie, and whether it
// drops it because it must not.
func (l *listener) cookiesDue(now sim.Time, e *Endpoint) (cookie, drop bool) {
	mode := l.sock.opt.SYNCookies
	full := l.pending >= l.sock.opt.Backlog
	if mode == SYNCookiesAlways || full && mode == SYNCookiesOverflow {
		l.cookieAt, l.cookiesSent = now, true
		return true, false
	}
	if full {
		e.count(now, l.sock, listenOverflows)
		e.emit(now, l.sock, 0, trace.SYNCookie, trace.BacklogFull, 2, 0, 0, 0, 0)
	}
	return false, full
}

// sendCookie answers a SYN and keeps nothing of it. A SYN with MP_JOIN to c
// leaves an entry in the join table.
func (e *Endpoint) sendCookie(now sim.Time, l *listener, syn *Segment, c *connection) {
	s := l.sock
	k := e.cookieSecrets()
	p := &e.profile.TCP
	mss := uint16(536)
	if syn.Opt.Has(wire.OptMSS) {
		mss = syn.Opt.MSS
	}
	table := mssTable(syn.Tuple)
	index := len(table) - 1
	for index > 0 && table[index] > mss {
		index--
	}
	var r rawReset
	r.tuple = syn.Tuple.Reverse()
	r.seg.Segment = wire.Segment{TTL: 64, Flags: wire.SYN | wire.ACK, Ack: syn.Seq + 1}
	r.seg.Seq = k.makeCookie(now, syn.Tuple, syn.Seq, index)
	r.seg.Window = uint16(min(s.opt.ReceiveBuffer, 1<<16-1))
	o := &r.opt
	r.hasOpt = true
	o.Present = wire.OptMSS
	o.MSS = uint16(e.mss(&s.opt, syn.Tuple.Dst.Addr(), syn.Tuple.Src.Addr()))
	if syn.Segment.Opt.Has(wire.HasTS) && p.Timestamps {
		bits := uint32(cookieNoScale)
		if syn.Opt.Has(wire.OptWScale) && p.WindowScaling {
			bits = uint32(min(syn.Opt.WScale, 14))
			o.Present |= wire.OptWScale
			o.WScale = tcp.Scale(s.opt.ReceiveBuffer)
		}
		if syn.Opt.Has(wire.OptSACKPermitted) && p.SACK {
			bits |= cookieSACK
			o.Present |= wire.OptSACKPermitted
		}
		r.seg.Segment.Opt |= wire.HasTS
		clock := p.TimestampClock(now)
		ts := clock&^cookieTSMask | bits
		if ts > clock {
			ts -= cookieTSMask + 1
		}
		r.seg.TSVal, r.seg.TSEcr = ts+k.tsOffset(syn.Tuple), syn.TSVal
	}
	switch {
	case c != nil:
		e.cookieJoin(c, syn, &r)
	case s.opt.Protocol == MPTCP:
		e.cookieCapable(now, s, syn, &r)
	}
	e.count(now, s, syncookiesSent)
	e.emit(now, s, 0, trace.SYNCookie, trace.NoReason, 0, int64(index), 0, 0, 0)
	e.resets = append(e.resets, r)
	e.odd |= oddReset
}

// cookieCapable adds MP_CAPABLE with the verifiable key, unless its token is in
// use (section 3.1.1 of the draft).
func (e *Endpoint) cookieCapable(now sim.Time, s *socket, syn *Segment, r *rawReset) {
	v := e.readCapableSYN(now, s, syn)
	if v == noVersion {
		return
	}
	key := e.cookies.key(syn.Tuple, syn.Seq, r.seg.Seq)
	c := connection{version: v}
	if e.tokens[c.newSide(key).token] != nil {
		e.count(now, s, mpFallbackTokenInit)
		return
	}
	r.opt.Present |= wire.OptCapable
	r.opt.Capable = wire.Capable{Version: v, Flags: wire.CapableHMACSHA256, Keys: 1, SenderKey: uint64(key)}
	if s.opt.Checksum == ChecksumRequired {
		r.opt.Capable.Flags |= wire.CapableChecksum
	}
}

// restored is what a cookie gave back of a handshake that was not stored.
type restored struct {
	iss      wire.Seq
	tsOffset uint32
	key      Key
	nonce    uint32 // of a join
}

// cookieACK handles an acknowledgement that belongs to no flow: if it is that of
// a cookie, the connection is built and gets the segment. It reports whether it
// was.
func (e *Endpoint) cookieACK(now sim.Time, s *Segment) bool {
	l := e.socks.listenerFor(s.Tuple.Dst)
	if l == nil || !l.cookiesSent || now.Sub(l.cookieAt) > sim.Duration(cookieAge*cookieMinute) {
		return false
	}
	k := e.cookieSecrets()
	cookie, isn := s.Ack-1, s.Seq-1
	index, ok := k.checkCookie(now, s.Tuple, isn, cookie)
	inferred := false
	if h := &s.Segment; !ok && l.sock.opt.SYNCookieSSN && h.Opt.Has(wire.HasMap|wire.DSN8) && h.SSN > 0 {
		// The first segment is missing: the mapping tells how far this one is
		// behind it (draft-paasch-mptcp-syncookies-02 section 3.2).
		isn = s.Seq - wire.Seq(h.SSN)
		index, ok = k.checkCookie(now, s.Tuple, isn, cookie)
		inferred = ok
	}
	if !ok {
		e.count(now, l.sock, syncookiesFailed)
		e.emit(now, l.sock, 0, trace.SYNCookie, trace.CookieInvalid, 2, 0, 0, 0, 0)
		return false
	}
	if len(l.queue) >= l.sock.opt.Backlog {
		e.count(now, l.sock, listenOverflows)
		return true // dropped: the peer sends more (Linux, tcp_v4_syn_recv_sock)
	}
	e.count(now, l.sock, syncookiesRecv)
	e.emit(now, l.sock, 0, trace.SYNCookie, trace.NoReason, 1, int64(index), 0, 0, 0)
	r := restored{iss: cookie, tsOffset: k.tsOffset(s.Tuple), key: k.key(s.Tuple, isn, cookie)}
	var syn Segment
	e.rebuildSYN(s, isn, index, &r, &syn)
	if s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == wire.JoinACK {
		c := e.joinOfCookie(s, &r, &syn)
		if c == nil {
			e.count(now, l.sock, mpJoinNoTokenFound)
			return true // dropped (Linux, mptcp_subflow_init_cookie_req)
		}
		e.restoring = &r
		e.acceptJoin(now, c, &syn)
		e.resume(now, &syn, s)
		return true
	}
	version := e.cookieVersion(l, s, &r, &syn)
	probe := connection{version: 1}
	if version == noVersion && inferred && e.tokens[probe.newSide(r.key).token] == nil && l.sock.opt.Protocol == MPTCP && l.sock.opt.Versions.Has(1) {
		o := syn.Options()
		o.Present |= wire.OptCapable
		o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256}
		if s.Opt.Has(wire.OptDSSChecksum) {
			o.Capable.Flags |= wire.CapableChecksum
		}
	}
	if version == noVersion && s.Segment.Opt.Has(wire.HasDSS) && !inferred && l.sock.opt.Protocol == MPTCP {
		// MPTCP was agreed on, but the peer's key is lost with its third packet;
		// Linux does not count it.
		e.emit(now, l.sock, 0, trace.SYNCookie, trace.MPCapableFallbackACK, 1, int64(index), 0, 0, 0)
	}
	e.restoring = &r
	e.passiveOpen(now, l, &syn)
	e.resume(now, &syn, s)
	return true
}

// resume gives the segment that acknowledged a cookie to the flow that was built
// for it.
func (e *Endpoint) resume(now sim.Time, syn, s *Segment) {
	f := e.flows.get(syn.Socket)
	f.tcp.SYNACKSent(now)
	s.Socket = f.id
	f.tcp.Handle(now, s)
	e.settle(now, f)
}

// joinTable keeps what a cookie cannot carry of an MP_JOIN: a fixed number of
// slots by the hash of the flow, each overwritten by the next SYN that falls into
// it (Linux join_entries, COOKIE_JOIN_SLOTS 1024). The HMAC of the third packet
// shows whether an entry was the right one.
type joinTable [1024]joinEntry

type joinEntry struct {
	join  wire.Join // of the SYN
	nonce uint32    // ours
	valid bool
}

func (e *Endpoint) joinSlot(peer *wire.Tuple) *joinEntry {
	k := &e.cookies
	if k.joins == nil {
		k.joins = new(joinTable)
	}
	return &k.joins[cookieHash(k.clock, peer, 1)%uint64(len(k.joins))]
}

// cookieJoin answers an MP_JOIN and stores it.
func (e *Endpoint) cookieJoin(c *connection, syn *Segment, r *rawReset) {
	t := e.joinSlot(syn.Tuple)
	*t = joinEntry{join: syn.Opt.Join, nonce: uint32(e.rnd.nonces.Uint64()), valid: true}
	r.opt.Present |= wire.OptJoin
	r.opt.Join = wire.Join{
		Form: wire.JoinSYNACK, AddrID: c.addressID(syn.Tuple.Dst), Nonce: t.nonce,
		HMAC64: left64(c.joinHMAC(c.local.key, c.remote.key, t.nonce, t.join.Nonce)),
	}
}

// joinOfCookie takes the MP_JOIN out of the table that the third packet s belongs
// to, and returns the connection to join, or nil.
func (e *Endpoint) joinOfCookie(s *Segment, r *restored, syn *Segment) *connection {
	t := e.joinSlot(s.Tuple)
	if !t.valid {
		return nil
	}
	t.valid = false
	r.nonce = t.nonce
	o := syn.Options()
	o.Present |= wire.OptJoin
	o.Join = t.join
	return e.tokens[t.join.Token]
}

// cookieVersion reads the peer's half of the MPTCP handshake from the segment
// that acknowledges a cookie: the options of the SYN that it stands for, and
// their version, or noVersion. The key may have come into use since it was sent.
func (e *Endpoint) cookieVersion(l *listener, s *Segment, r *restored, syn *Segment) uint8 {
	opt := &l.sock.opt
	for v := range uint8(2) {
		if opt.Protocol != MPTCP || !opt.Versions.Has(v) || !validCapable(s.Opt, v, 2) ||
			opt.refusesFlags(&s.Opt.Capable) {
			continue
		}
		if key := Key(s.Opt.Capable.ReceiverKey); key != r.key {
			if e.profile.VerifyCookieKey {
				continue
			}
			r.key = key
		}
		c := connection{version: v}
		if e.tokens[c.newSide(r.key).token] != nil {
			e.counts[mpFallbackTokenInit]++
			continue
		}
		o := syn.Options()
		o.Present |= wire.OptCapable
		o.Capable = wire.Capable{Version: v, Flags: s.Opt.Capable.Flags}
		if v == 0 {
			o.Capable.Keys, o.Capable.SenderKey = 1, s.Opt.Capable.SenderKey
		}
		return v
	}
	return noVersion
}

// rebuildSYN makes the SYN again that a cookie answered.
func (e *Endpoint) rebuildSYN(s *Segment, isn wire.Seq, index int, r *restored, syn *Segment) {
	syn.Segment = wire.Segment{TTL: 64, Flags: wire.SYN, Seq: isn, Window: s.Window}
	syn.Tuple = s.Tuple
	o := syn.Options()
	o.Present = wire.OptMSS
	o.MSS = mssTable(s.Tuple)[index]
	if !s.Segment.Opt.Has(wire.HasTS) || s.TSEcr == 0 {
		return
	}
	syn.Segment.Opt |= wire.HasTS
	syn.TSVal = s.TSVal
	bits := s.TSEcr - r.tsOffset
	if bits&cookieSACK != 0 {
		o.Present |= wire.OptSACKPermitted
	}
	if scale := bits & cookieNoScale; scale != cookieNoScale {
		o.Present |= wire.OptWScale
		o.WScale = uint8(scale)
	}
}
