package packetdrill

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"mpsim/net/wire"
)

// inject builds the packet of a line and gives it to the system under test.
func (r *runner) inject(k *Packet) {
	f := r.inboundFlow(k)
	s := wire.Segment{
		Seq: wire.Seq(k.Seq), Window: k.Win, Flags: k.Flags, Len: uint16(k.Len), TTL: 255,
	}
	var o wire.Options
	if k.HasAck {
		s.Ack = wire.Seq(k.Ack + f.shift)
	}
	if k.HasUrg {
		o.Present |= wire.OptUrgent
		o.Urgent = k.Urg
	}
	r.setIP(k, &s, &o)
	r.followKeys(k, f)
	var raw []byte
	for _, opt := range k.Options {
		raw = r.encodeOption(raw, opt, k, f)
	}
	if len(raw)%4 != 0 {
		r.errorAt(k.Pos, "the options take %d octets, not a multiple of 4: add nop", len(raw))
	}
	if len(raw) > len(o.RawOptions) {
		r.errorAt(k.Pos, "the options take %d octets, more than 40", len(raw))
	}
	if len(raw) > 0 {
		o.Present |= wire.OptRaw
		o.RawLen = uint8(copy(o.RawOptions[:], raw))
	}
	if k.Len > 0 {
		o.Present |= wire.OptPieces
		o.Pieces = []wire.Piece{{Len: uint32(k.Len), Data: make([]byte, k.Len)}}
	}
	t := f.tuple.Reverse()
	if err := r.sys.Inject(wire.AppendPacket(nil, &t, &s, &o, -1)); err != nil {
		r.errorAt(k.Pos, "%v", err)
	}
	f.rstSeen = f.rstSeen || k.Flags.Has(wire.RST) && k.Seq == f.lastAck
	f.finIn = f.finIn || k.Flags.Has(wire.FIN)
}

func (r *runner) setIP(k *Packet, s *wire.Segment, o *wire.Options) {
	if k.IP.HasTOS {
		s.TOS = k.IP.TOS
	}
	if k.IP.HasECN {
		e := k.IP.ECN
		if e == ectAny {
			e = wire.ECT0
		}
		s.TOS = s.TOS&^3 | e
	}
	if k.IP.HasTTL {
		s.TTL = k.IP.TTL
	}
	if k.IP.HasLabel {
		o.Present |= wire.OptIP
		o.IP = wire.IPFields{FlowLabel: k.IP.Label, Frag: wire.DefaultFrag}
	}
}

// followKeys notes the keys that an injected packet tells the system under test,
// and finds the connection that it joins.
func (r *runner) followKeys(k *Packet, f *flow) {
	for _, o := range k.Options {
		switch o.Kind {
		case KindCapable:
			r.followCapable(o, k, f)
		case KindJoinSYN:
			if f.conn == nil {
				f.conn = r.connOfToken(r.joinToken(o, f), true)
			}
			f.remoteNonce = r.nonce(o)
		case KindJoinSYNACK:
			f.remoteNonce = r.nonce(o)
		}
	}
}

func (r *runner) followCapable(o *Option, k *Packet, f *flow) {
	for _, s := range o.Keys {
		if s.Assign {
			r.setKey(s.Name, wireKey(s.Value))
		}
	}
	if k.Flags.Has(wire.SYN) && f.conn == nil {
		f.conn = r.newConnection(o.Version)
	}
	c := f.conn
	if c == nil {
		return
	}
	if k.Flags.Has(wire.SYN) {
		c.version = o.Version
	}
	c.checksum = c.checksum || o.Flags&0x80 != 0
	// Which of two keys is the script's own does not depend on their order: some
	// scripts of Linux swap them in MP_CAPABLE with data.
	for _, s := range o.Keys {
		v := r.key(s.Name, o.Pos)
		if !c.hasPeer && !(c.hasLocal && v == c.local) {
			c.peer, c.hasPeer = v, true
		}
	}
}

func (r *runner) newConnection(version uint8) *connection {
	c := &connection{version: version}
	r.conns = append(r.conns, c)
	return c
}

// connOfToken returns the connection with the given token: the system's token
// (local) or the script's.
func (r *runner) connOfToken(t uint32, local bool) *connection {
	for i := len(r.conns) - 1; i >= 0; i-- {
		c := r.conns[i]
		if local && c.hasLocal && token(c.version, c.local) == t ||
			!local && c.hasPeer && token(c.version, c.peer) == t {
			return c
		}
	}
	if len(r.conns) > 0 {
		return r.conns[len(r.conns)-1] // a wrong token on purpose
	}
	return nil
}

// joinToken is the token that an injected MP_JOIN SYN carries.
func (r *runner) joinToken(o *Option, f *flow) uint32 {
	switch o.Token.Form {
	case Number:
		if o.Token.N > 0xffffffff {
			r.errorAt(o.Pos, "a token has 32 bits")
		}
		return uint32(o.Token.N)
	case Token:
		k := r.key(o.Token.Keys[0], o.Pos)
		return token(r.versionOf(k), k)
	case None, Auto:
		if n := len(r.conns); f.conn == nil && n > 0 {
			return token(r.conns[n-1].version, r.conns[n-1].local)
		} else if f.conn != nil {
			return token(f.conn.version, f.conn.local)
		}
	}
	r.errorAt(o.Pos, "the token is a number, auto or sha256_32(key)")
	return 0
}

// versionOf returns the version of the connection that a key belongs to.
func (r *runner) versionOf(key uint64) uint8 {
	for _, c := range r.conns {
		if c.hasLocal && c.local == key || c.hasPeer && c.peer == key {
			return c.version
		}
	}
	return 1
}

// defaultNonce is the random number of injected joins that name none.
const defaultNonce = 42

func (r *runner) nonce(o *Option) uint32 {
	if o.Rand.Form == Number {
		return uint32(o.Rand.N)
	}
	return defaultNonce
}

// encodeOption appends the bytes of an option of an injected packet.
func (r *runner) encodeOption(b []byte, o *Option, k *Packet, f *flow) []byte {
	switch o.Kind {
	case KindNop:
		return append(b, 1)
	case KindEOL:
		return append(b, 0)
	case KindMSS:
		return append(b, 2, 4, byte(o.Number>>8), byte(o.Number))
	case KindWScale:
		return append(b, 3, 3, byte(o.Number))
	case KindSACKPermitted:
		return append(b, 4, 2)
	case KindSACK:
		b = append(b, 5, byte(2+8*len(o.Blocks)))
		for _, s := range o.Blocks {
			b = be.AppendUint32(b, s[0]+f.shift)
			b = be.AppendUint32(b, s[1]+f.shift)
		}
		return b
	case KindTimestamps:
		b = be.AppendUint32(append(b, 8, 10), o.Val)
		return be.AppendUint32(b, r.echo(o, f))
	case KindFastOpen:
		return append(append(b, optionFastOpen, byte(2+len(o.Bytes))), o.Bytes...)
	case KindFastOpenExp:
		b = append(b, optionExp, byte(4+len(o.Bytes)), expFastOpen>>8, expFastOpen&0xff)
		return append(b, o.Bytes...)
	case KindRaw:
		return append(b, o.Bytes...)
	}
	start := len(b)
	b = r.encodeMPTCP(append(b, optionMPTCP, 0), o, k, f)
	b[start+1] = byte(len(b) - start)
	return b
}

// echo is the timestamp that an injected packet echoes: the script names one
// that it has written for the system before.
func (r *runner) echo(o *Option, f *flow) uint32 {
	if o.Ecr == 0 {
		return 0
	}
	if v, ok := f.aliases[o.Ecr]; ok {
		return v
	}
	r.errorAt(o.Pos, "no packet of the system had TS val %d", o.Ecr)
	return 0
}

// encodeMPTCP appends what follows kind and length.
func (r *runner) encodeMPTCP(b []byte, o *Option, k *Packet, f *flow) []byte {
	backup := byte(r.number(o.Backup, 0, 1, "backup", o.Pos))
	id := func() byte { return byte(r.number(o.ID, 0, 255, "address id", o.Pos)) }
	switch o.Kind {
	case KindCapable:
		return r.encodeCapable(b, o, k, f)
	case KindDSS:
		return r.encodeDSS(b, o, k, f)
	case KindJoinSYN:
		b = append(b, subJoin<<4|backup, id())
		b = be.AppendUint32(b, r.joinToken(o, f))
		return be.AppendUint32(b, r.nonce(o))
	case KindJoinSYNACK:
		b = append(b, subJoin<<4|backup, id())
		b = append(b, r.sendMAC(o, f, 8)...)
		return be.AppendUint32(b, r.nonce(o))
	case KindJoinACK:
		return append(append(b, subJoin<<4, 0), r.sendMAC(o, f, 20)...)
	case KindAddAddr:
		return r.encodeAddAddr(b, o, f)
	case KindRemoveAddr:
		return append(append(b, subRemoveAddr<<4), o.IDs...)
	case KindPrio:
		b = append(b, subPrio<<4|backup)
		if o.ID.written() {
			b = append(b, id())
		}
		return b
	case KindFail:
		return be.AppendUint64(append(b, subFail<<4, 0), r.absolute(o.DSN, f, false, o.Pos))
	case KindFastClose:
		return be.AppendUint64(append(b, subFastClose<<4, 0), r.closeKey(o, f))
	case KindReset:
		return append(b, subReset<<4|o.Flags, byte(o.Number))
	}
	r.errorAt(o.Pos, "%s cannot be injected", o.Kind)
	return b
}

// number returns a plain number in the given range; what is not written or auto
// is the lowest.
func (r *runner) number(v Value, min, max uint64, what string, at Pos) uint64 {
	switch {
	case v.Form == None || v.Form == Auto:
		return min
	case v.Form != Number || v.N < min || v.N > max:
		r.errorAt(at, "%s is a number from %d to %d", what, min, max)
	}
	return v.N
}

func (r *runner) encodeCapable(b []byte, o *Option, k *Packet, f *flow) []byte {
	b = append(b, subCapable<<4|o.Version, o.Flags)
	for _, s := range o.Keys {
		b = be.AppendUint64(b, r.key(s.Name, o.Pos))
	}
	if o.HasLen {
		b = be.AppendUint16(b, o.DataLen)
		if o.Checksum.written() {
			dsn := uint64(0)
			if f.conn != nil {
				dsn = idsn(f.conn.version, f.conn.peer) + 1
			}
			b = be.AppendUint16(b, r.checksum(o, dsn, 1, o.DataLen))
		}
	}
	return b
}

func (r *runner) encodeDSS(b []byte, o *Option, k *Packet, f *flow) []byte {
	var flags byte
	at := len(b) + 1
	b = append(b, subDSS<<4, 0)
	if o.DataAck.written() {
		flags |= flagA
		n := r.absolute(o.DataAck, f, false, o.Pos)
		if f.conn != nil && int64(n-f.conn.acked) > 0 || f.conn != nil && f.conn.acked == 0 {
			f.conn.acked = n
		}
		if o.DataAck8 {
			flags |= flagAck8
			b = be.AppendUint64(b, n)
		} else {
			b = be.AppendUint32(b, uint32(n))
		}
	}
	if o.DSN.written() {
		flags |= flagM
		dsn := r.absolute(o.DSN, f, true, o.Pos)
		if o.DSN8 {
			flags |= flagDSN8
			b = be.AppendUint64(b, dsn)
		} else {
			b = be.AppendUint32(b, uint32(dsn))
		}
		ssn := uint32(r.number(o.SSN, 0, 1<<32-1, "ssn", o.Pos))
		dll := uint16(r.number(o.DLL, 0, 1<<16-1, "dll", o.Pos))
		b = be.AppendUint32(b, ssn)
		b = be.AppendUint16(b, dll)
		if !o.NoChecksum && !(o.Checksum.Form == Number && o.Checksum.N == 0) {
			b = be.AppendUint16(b, r.checksum(o, dsn, ssn, dll))
		}
	}
	if o.Fin {
		flags |= flagF
	}
	b[at] = flags
	return b
}

// checksum is the checksum of an injected mapping, whose data is zero bytes. A
// number is written as the original tool stores it, in the order of a
// little-endian host.
func (r *runner) checksum(o *Option, dsn uint64, ssn uint32, dll uint16) uint16 {
	if o.Checksum.Form == Number {
		n := uint16(o.Checksum.N)
		return n<<8 | n>>8
	}
	return dssChecksum(dsn, ssn, dll, nil)
}

// absolute turns a data sequence number of a script into one of the wire. Own
// says that it counts the data of the script's side, otherwise that of the
// system under test.
func (r *runner) absolute(v Value, f *flow, own bool, at Pos) uint64 {
	switch v.Form {
	case IDSN:
		k := r.key(v.Keys[0], at)
		return idsn(r.versionOf(k), k) + v.N
	case Number:
	default:
		r.errorAt(at, "a data sequence number is a number or trunc_r64_hmac(key)+n")
	}
	c := f.conn
	switch {
	case c == nil:
		return v.N
	case own:
		return idsn(c.version, c.peer) + v.N
	}
	return idsn(c.version, c.local) + v.N
}

// sendMAC is the HMAC of an injected join, cut to n octets.
func (r *runner) sendMAC(o *Option, f *flow, n int) []byte {
	c := f.conn
	switch v := o.HMAC; v.Form {
	case None, Auto:
		if c == nil {
			r.errorAt(o.Pos, "there is no connection whose keys the HMAC needs")
		}
		return joinMAC(c.version, c.peer, c.local, f.remoteNonce, f.nonce)[:n]
	case JoinHMAC:
		first, second := r.key(v.Keys[0], o.Pos), r.key(v.Keys[1], o.Pos)
		return joinMAC(r.versionOf(first), first, second, f.remoteNonce, f.nonce)[:n]
	case Number:
		out := make([]byte, n)
		binary.LittleEndian.PutUint64(out, v.N)
		return out
	}
	r.errorAt(o.Pos, "sender_hmac is auto, a number or full_160_hmac(key key)")
	return nil
}

// closeKey is the key in an injected MP_FASTCLOSE: by default the one of the
// system under test.
func (r *runner) closeKey(o *Option, f *flow) uint64 {
	switch o.Token.Form {
	case None, Auto:
		if f.conn != nil {
			return f.conn.local
		}
		r.errorAt(o.Pos, "there is no connection whose key is needed")
	case Number:
		return wireKey(o.Token.N)
	case KeyName:
		return r.key(o.Token.Keys[0], o.Pos)
	default:
		r.errorAt(o.Pos, "ckey is a number or the name of a key")
	}
	return 0
}

func (r *runner) encodeAddAddr(b []byte, o *Option, f *flow) []byte {
	version := uint8(1)
	if f.conn != nil {
		version = f.conn.version
	}
	port := uint16(r.number(o.Port, 0, 65535, "port", o.Pos))
	a := r.bind(o.Addr, func() binding { return binding{r.newPeer(), port} }).addr
	id := byte(0)
	if o.ID.written() && o.ID.Form != Auto {
		id = byte(r.number(o.ID, 0, 255, "address id", o.Pos))
	} else {
		r.peerID++
		id = r.peerID
	}
	low := byte(0)
	switch {
	case version == 0:
		low = 4
		if a.Is6() {
			low = 6
		}
	case o.Echo:
		low = 1
	}
	b = append(b, subAddAddr<<4|low, id)
	b = append(b, a.AsSlice()...)
	if o.Port.written() {
		b = be.AppendUint16(b, port)
	}
	if version == 0 || o.Echo {
		return b
	}
	return be.AppendUint64(b, r.sendAddrMAC(o, f, id, a, port))
}

func (r *runner) sendAddrMAC(o *Option, f *flow, id byte, a netip.Addr, port uint16) uint64 {
	switch o.HMAC.Form {
	case None, Auto:
		if f.conn == nil {
			r.errorAt(o.Pos, "there is no connection whose keys the HMAC needs")
		}
		return addrMAC(1, f.conn.peer, f.conn.local, id, a, port)
	case Number:
		return o.HMAC.N
	}
	r.errorAt(o.Pos, "hmac is auto or a number")
	return 0
}

// key returns the value of a key on the wire.
func (r *runner) key(name string, at Pos) uint64 {
	v, ok := r.keys[name]
	if !ok {
		r.errorAt(at, "the key %s has no value yet", name)
	}
	return v
}

func (r *runner) setKey(name string, v uint64) {
	if _, ok := r.keys[name]; !ok {
		r.keyNames = append(r.keyNames, name)
	}
	r.keys[name] = v
}

// errorAt stops the script with an [Error].
func (r *runner) errorAt(at Pos, format string, args ...any) {
	panic(bail{&Error{at, fmt.Sprintf(format, args...)}})
}
