package wire

// MPTCP option subtypes (RFC 8684 section 8.1).
const (
	subCapable    = 0x0
	subJoin       = 0x1
	subDSS        = 0x2
	subAddAddr    = 0x3
	subRemoveAddr = 0x4
	subPrio       = 0x5
	subFail       = 0x6
	subFastClose  = 0x7
	subRst        = 0x8
)

// Lengths of the MPTCP options that have only one, and the parts of others.
const (
	lenPrio      = 3
	lenPrioID    = 4 // version 0, with an address id
	lenFail      = 12
	lenFastClose = 12
	lenRst       = 4

	lenRemoveAddrBase = 3
	lenAddAddrBase    = 4
	lenPort           = 2
	lenTruncatedHMAC  = 8
)

// Flags of the DSS option (RFC 8684 section 3.3).
const (
	dssFlagA   = 1 << 0 // Data ACK present
	dssFlagA8  = 1 << 1 // "a": Data ACK is 8 octets
	dssFlagM   = 1 << 2 // mapping present
	dssFlagM8  = 1 << 3 // "m": DSN is 8 octets
	dssFlagFIN = 1 << 4 // DATA_FIN
)

// Length returns the length of the option in octets: 4, 12, 20, 22 or 24.
func (c *Capable) Length() int {
	switch {
	case c.Keys == 0:
		return 4
	case c.Keys == 1:
		return 12
	case !c.HasData:
		return 20
	case !c.HasChecksum:
		return 22
	}
	return 24
}

// Length returns the length of the option in octets: 12, 16 or 24.
func (j *Join) Length() int {
	switch j.Form {
	case JoinSYN:
		return 12
	case JoinSYNACK:
		return 16
	}
	return 24
}

// IPVer field of the version 0 form (RFC 6824 section 3.4.1).
const (
	ipVer4 = 4
	ipVer6 = 6
)

// Length returns the length of the option in octets: address of 4 or 16, port
// of 2 if there is one, HMAC of 8 unless it is an echo or of version 0.
func (a *AddAddr) Length() int {
	n := lenAddAddrBase + 16
	if a.Addr.Is4() {
		n = lenAddAddrBase + 4
	}
	if a.Port != 0 {
		n += lenPort
	}
	if a.hasHMAC() {
		n += lenTruncatedHMAC
	}
	return n
}

func (a *AddAddr) hasHMAC() bool { return !a.V0 && !a.Echo }

// nibble is what stands beside the subtype: the flags, or IPVer in version 0.
func (a *AddAddr) nibble() uint32 {
	switch {
	case !a.V0:
		return bit(a.Echo)
	case a.Addr.Is4():
		return ipVer4
	}
	return ipVer6
}

// Length returns the length of the option in octets: 3 or 4.
func (m *Prio) Length() int {
	if m.HasAddrID {
		return lenPrioID
	}
	return lenPrio
}

// Length returns the length of the option in octets: 3 and one for each id.
func (r *RemoveAddr) Length() int {
	return lenRemoveAddrBase + min(int(r.N), len(r.IDs))
}

// putDSS writes the DSS option of the hot line, if there is one, and its padding.
func putDSS(p []byte, s *Segment, hasSum bool, sum uint16) []byte {
	n := dssLen(s.Opt, hasSum)
	if n == 0 {
		return p
	}
	// HasDataAck, DataAck8, HasMap, DSN8 and DataFIN lie in the order of the
	// flags A, a, M, m and F, one bit up.
	be.PutUint32(p, kindMPTCP<<24|uint32(n)<<16|subDSS<<12|uint32(s.Opt>>1)&0x1f)
	q := p[4:]
	if s.Opt.Has(HasDataAck) {
		if s.Opt.Has(DataAck8) {
			be.PutUint64(q, uint64(s.DataAck))
			q = q[8:]
		} else {
			be.PutUint32(q, uint32(s.DataAck))
			q = q[4:]
		}
	}
	if s.Opt.Has(HasMap) {
		if s.Opt.Has(DSN8) {
			be.PutUint64(q, uint64(s.DSN))
			q = q[8:]
		} else {
			be.PutUint32(q, uint32(s.DSN))
			q = q[4:]
		}
		be.PutUint32(q, s.SSN)
		tail := uint32(s.MapLen)<<16 | nop<<8 | nop
		if hasSum {
			tail = uint32(s.MapLen)<<16 | uint32(sum)
		}
		be.PutUint32(q[4:], tail)
		q = q[8:]
	}
	return q
}

// putMPTCP writes the MPTCP options of the cold record in canonical order.
func putMPTCP(p []byte, o *Options) {
	set := o.Present
	if set&OptCapable != 0 {
		p = putCapable(p, &o.Capable)
	}
	if set&OptJoin != 0 {
		p = putJoin(p, &o.Join)
	}
	if set&OptAddAddr != 0 {
		p = putAddAddr(p, &o.AddAddr)
	}
	if set&OptFastClose != 0 {
		be.PutUint32(p, kindMPTCP<<24|lenFastClose<<16|subFastClose<<12)
		be.PutUint64(p[4:], o.FastClose.ReceiverKey)
		p = p[lenFastClose:]
	}
	if set&OptFail != 0 {
		be.PutUint32(p, kindMPTCP<<24|lenFail<<16|subFail<<12)
		be.PutUint64(p[4:], uint64(o.Fail.DSN))
		p = p[lenFail:]
	}
	if set&OptPrio != 0 {
		last := nop
		if o.Prio.HasAddrID {
			last = uint32(o.Prio.AddrID)
		}
		be.PutUint32(p, kindMPTCP<<24|uint32(o.Prio.Length())<<16|subPrio<<12|bit(o.Prio.Backup)<<8|last)
		p = p[4:]
	}
	if set&OptRemoveAddr != 0 {
		r := &o.RemoveAddr
		n := r.Length()
		p[0], p[1], p[2] = kindMPTCP, uint8(n), subRemoveAddr<<4
		copy(p[lenRemoveAddrBase:n], r.IDs[:])
		p = putPadding(p, n)
	}
	if set&OptRst != 0 {
		be.PutUint32(p, kindMPTCP<<24|lenRst<<16|subRst<<12|uint32(o.Rst.Flags&0xf)<<8|uint32(o.Rst.Reason))
	}
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// putCapable writes MP_CAPABLE and its padding (RFC 8684 figure 4).
func putCapable(p []byte, c *Capable) []byte {
	n := c.Length()
	be.PutUint32(p, kindMPTCP<<24|uint32(n)<<16|subCapable<<12|uint32(c.Version&0xf)<<8|uint32(c.Flags))
	if n >= 12 {
		be.PutUint64(p[4:], c.SenderKey)
	}
	if n >= 20 {
		be.PutUint64(p[12:], c.ReceiverKey)
	}
	if n >= 22 {
		be.PutUint16(p[20:], c.DataLen)
	}
	if n >= 24 {
		be.PutUint16(p[22:], c.Checksum)
	}
	return putPadding(p, n)
}

// putJoin writes MP_JOIN (RFC 8684 figures 5 to 7).
func putJoin(p []byte, j *Join) []byte {
	n := j.Length()
	head := kindMPTCP<<24 | uint32(n)<<16 | subJoin<<12
	if j.Form == JoinSYN || j.Form == JoinSYNACK {
		head |= bit(j.Backup)<<8 | uint32(j.AddrID)
	}
	be.PutUint32(p, head)
	switch j.Form {
	case JoinSYN:
		be.PutUint32(p[4:], j.Token)
		be.PutUint32(p[8:], j.Nonce)
	case JoinSYNACK:
		be.PutUint64(p[4:], j.HMAC64)
		be.PutUint32(p[12:], j.Nonce)
	default:
		copy(p[4:24], j.HMAC[:])
	}
	return p[n:]
}

// putAddAddr writes ADD_ADDR and its padding (RFC 8684 figure 12; RFC 6824 figure
// 12).
func putAddAddr(p []byte, a *AddAddr) []byte {
	n := a.Length()
	be.PutUint32(p, kindMPTCP<<24|uint32(n)<<16|subAddAddr<<12|a.nibble()<<8|uint32(a.AddrID))
	q := p[lenAddAddrBase:]
	if a.Addr.Is4() {
		ip := a.Addr.As4()
		q = q[copy(q, ip[:]):]
	} else {
		ip := a.Addr.As16()
		q = q[copy(q, ip[:]):]
	}
	if a.Port != 0 {
		be.PutUint16(q, a.Port)
		q = q[lenPort:]
	}
	if a.hasHMAC() {
		be.PutUint64(q, a.HMAC)
	}
	return putPadding(p, n)
}
