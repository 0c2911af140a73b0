package wire

import "net/netip"

// parseMPTCP parses one MPTCP option (at least three octets). Where version 0 of
// the protocol (RFC 6824) has another form, length and flags tell which it is:
// MP_PRIO of 4 octets has an address id, ADD_ADDR has IPVer in place of flags.
// MP_JOIN has one form in both versions; whose HMAC it carries, the endpoint
// knows from the connection.
func parseMPTCP(p []byte, s *Segment, o *Options) {
	switch p[2] >> 4 {
	case subDSS:
		parseDSS(p, s, o)
	case subCapable:
		parseCapable(p, o)
	case subJoin:
		parseJoin(p, o)
	case subAddAddr:
		parseAddAddr(p, o)
	case subRemoveAddr:
		if n := len(p) - lenRemoveAddrBase; n >= 1 {
			o.RemoveAddr.N = uint8(copy(o.RemoveAddr.IDs[:], p[lenRemoveAddrBase:]))
			o.Present |= OptRemoveAddr
		}
	case subPrio:
		switch len(p) {
		case lenPrio:
			o.Prio = Prio{Backup: p[2]&1 != 0}
			o.Present |= OptPrio
		case lenPrioID:
			o.Prio = Prio{Backup: p[2]&1 != 0, HasAddrID: true, AddrID: p[3]}
			o.Present |= OptPrio
		}
	case subFail:
		if len(p) == lenFail {
			o.Fail.DSN = DSN(be.Uint64(p[4:]))
			o.Present |= OptFail
		}
	case subFastClose:
		if len(p) == lenFastClose {
			o.FastClose.ReceiverKey = be.Uint64(p[4:])
			o.Present |= OptFastClose
		}
	case subRst:
		if len(p) == lenRst {
			o.Rst = Rst{Flags: p[2] & 0xf, Reason: p[3]}
			o.Present |= OptRst
		}
	}
}

// allDSS are the flags of the hot line that a DSS option sets.
const allDSS = HasDSS | HasDataAck | DataAck8 | HasMap | DSN8 | DataFIN

// parseDSS parses a DSS option whose length is that of its flags, with or
// without a checksum. HasDSS is always set.
func parseDSS(p []byte, s *Segment, o *Options) {
	if len(p) < 4 {
		return
	}
	f := OptFlags(p[3]&(dssFlagA|dssFlagA8|dssFlagM|dssFlagM8|dssFlagFIN))<<1 | HasDSS
	hasSum := f.Has(HasMap) && len(p) == dssLen(f, true)
	if !hasSum && len(p) != dssLen(f, false) {
		return
	}
	s.Opt = s.Opt&^allDSS | f
	readDSS(p[4:], f, s)
	o.Present &^= OptDSSChecksum
	if hasSum {
		o.DSSChecksum = be.Uint16(p[len(p)-2:])
		o.Present |= OptDSSChecksum
	}
}

// readDSS reads the numbers of a DSS option with the flags f from p.
func readDSS(p []byte, f OptFlags, s *Segment) {
	if f.Has(HasDataAck) {
		if f.Has(DataAck8) {
			s.DataAck = DSN(be.Uint64(p))
			p = p[8:]
		} else {
			s.DataAck = DSN(be.Uint32(p))
			p = p[4:]
		}
	}
	if !f.Has(HasMap) {
		return
	}
	if f.Has(DSN8) {
		s.DSN = DSN(be.Uint64(p))
		p = p[8:]
	} else {
		s.DSN = DSN(be.Uint32(p))
		p = p[4:]
	}
	s.SSN = be.Uint32(p)
	s.MapLen = be.Uint16(p[4:])
}

// parseCapable parses MP_CAPABLE of any version; the layout of the keys is the
// same in versions 0 and 1.
func parseCapable(p []byte, o *Options) {
	c := Capable{Version: p[2] & 0xf}
	switch len(p) {
	case 24:
		c.HasChecksum, c.Checksum = true, be.Uint16(p[22:])
		fallthrough
	case 22:
		c.HasData, c.DataLen = true, be.Uint16(p[20:])
		fallthrough
	case 20:
		c.Keys, c.ReceiverKey = 2, be.Uint64(p[12:])
		c.SenderKey = be.Uint64(p[4:])
	case 12:
		c.Keys, c.SenderKey = 1, be.Uint64(p[4:])
	case 4:
	default:
		return
	}
	c.Flags = CapableFlags(p[3])
	o.Capable = c
	o.Present |= OptCapable
}

func parseJoin(p []byte, o *Options) {
	j := Join{}
	switch len(p) {
	case 12:
		j = Join{Form: JoinSYN, Token: be.Uint32(p[4:]), Nonce: be.Uint32(p[8:])}
	case 16:
		j = Join{Form: JoinSYNACK, HMAC64: be.Uint64(p[4:]), Nonce: be.Uint32(p[12:])}
	case 24:
		j = Join{Form: JoinACK, HMAC: [20]byte(p[4:24])}
	default:
		return
	}
	if j.Form != JoinACK {
		j.Backup, j.AddrID = p[2]&1 != 0, p[3]
	}
	o.Join = j
	o.Present |= OptJoin
}

// parseAddAddr tells the forms by their length and the four bits beside the
// subtype, which is unambiguous: without the echo flag a length of version 1
// counts an HMAC, which no length of version 0 does.
func parseAddAddr(p []byte, o *Options) {
	if len(p) < lenAddAddrBase {
		return
	}
	a := AddAddr{Echo: p[2]&1 != 0, AddrID: p[3]}
	n := len(p) - lenAddAddrBase
	switch ver := p[2] & 0xf; {
	case ver == ipVer4 && (n == 4 || n == 4+lenPort), ver == ipVer6 && (n == 16 || n == 16+lenPort):
		a.V0 = true
	case !a.Echo:
		n -= lenTruncatedHMAC
	}
	q := p[lenAddAddrBase:]
	switch n {
	case 4, 4 + lenPort:
		a.Addr = netip.AddrFrom4([4]byte(q[:4]))
		q = q[4:]
		n -= 4
	case 16, 16 + lenPort:
		a.Addr = netip.AddrFrom16([16]byte(q[:16]))
		q = q[16:]
		n -= 16
	default:
		return
	}
	if n == lenPort {
		a.Port = be.Uint16(q)
		q = q[lenPort:]
	}
	if a.hasHMAC() {
		a.HMAC = be.Uint64(q)
	}
	o.AddAddr = a
	o.Present |= OptAddAddr
}
