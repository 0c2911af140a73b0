package wire

import "net/netip"

// appendOptionsFormat prints a list of TCP options from its octets, so that raw
// and malformed ones show as they are.
func appendOptionsFormat(b, p []byte) []byte {
	for first := true; len(p) > 0; first = false {
		if !first {
			b = append(b, ',')
		}
		switch {
		case p[0] == kindEOL:
			return append(b, "eol"...)
		case p[0] == kindNOP:
			b = append(b, "nop"...)
			p = p[1:]
			continue
		case len(p) < 2 || p[1] < 2 || int(p[1]) > len(p):
			b = append(b, "unknown-"...)
			b = appendUint(b, uint64(p[0]))
			return append(b, "[bad opt]"...)
		}
		b = appendOptionFormat(b, p[:p[1]])
		p = p[p[1]:]
	}
	return b
}

// appendOptionFormat prints one option. The values are read by the parser of
// the options, so that what it does not accept is printed as unknown.
func appendOptionFormat(b, p []byte) []byte {
	var s Segment
	var o Options
	parseOption(p, &s, &o)
	set := o.Present
	switch {
	case s.Opt.Has(HasTS):
		b = append(b, "TS val "...)
		b = appendUint(b, uint64(s.TSVal))
		b = append(b, " ecr "...)
		return appendUint(b, uint64(s.TSEcr))
	case set&OptMSS != 0:
		return appendUint(append(b, "mss "...), uint64(o.MSS))
	case set&OptWScale != 0:
		return appendUint(append(b, "wscale "...), uint64(o.WScale))
	case set&OptSACKPermitted != 0:
		return append(b, "sackOK"...)
	case set&OptSACK != 0:
		b = appendUint(append(b, "sack "...), uint64(o.NSACK))
		b = append(b, ' ')
		for _, k := range o.SACK[:o.NSACK] {
			b = appendUint(append(b, '{'), uint64(k.Start))
			b = appendUint(append(b, ':'), uint64(k.End))
			b = append(b, '}')
		}
		return b
	case set&OptFastOpen != 0:
		if o.FastOpen.Len == 0 {
			return append(b, "tfo  cookiereq"...)
		}
		return appendOctets(append(b, "tfo  cookie "...), o.FastOpen.Cookie[:o.FastOpen.Len])
	case p[0] == kindMPTCP:
		b = appendUint(append(b, "mptcp "...), uint64(len(p)))
		return appendMPTCPFormat(append(b, ' '), p, &s, &o)
	}
	b = appendUint(append(b, "unknown-"...), uint64(p[0]))
	if len(p) > 2 {
		b = appendOctets(append(b, " 0x"...), p[2:])
	}
	return b
}

// mptcpNames are tcpdump's names of the subtypes.
var mptcpNames = [...]string{
	subCapable: "capable", subJoin: "join", subDSS: "dss", subAddAddr: "add-addr", subRemoveAddr: "rem-addr",
	subPrio: "prio", subFail: "fail", subFastClose: "fast-close", subRst: "rst",
}

// appendMPTCPFormat prints the MPTCP option p, which has been parsed into s and o.
func appendMPTCPFormat(b, p []byte, s *Segment, o *Options) []byte {
	if len(p) < 3 || int(p[2]>>4) >= len(mptcpNames) {
		return append(b, "unknown"...)
	}
	b = append(b, mptcpNames[p[2]>>4]...)
	set := o.Present
	switch {
	case s.Opt&HasDSS != 0:
		return appendDSSFormat(b, s, o)
	case set&OptCapable != 0:
		return appendCapableFormat(b, &o.Capable)
	case set&OptJoin != 0:
		return appendJoinFormat(b, &o.Join)
	case set&OptAddAddr != 0:
		return appendAddAddrFormat(b, &o.AddAddr)
	case set&OptRemoveAddr != 0:
		b = append(b, " id"...)
		for _, id := range o.RemoveAddr.IDs[:o.RemoveAddr.N] {
			b = appendUint(append(b, ' '), uint64(id))
		}
		return b
	case set&OptPrio != 0:
		if o.Prio.Backup {
			b = append(b, " backup"...)
		}
		if o.Prio.HasAddrID {
			b = appendUint(append(b, " id "...), uint64(o.Prio.AddrID))
		}
		return b
	case set&OptFail != 0:
		return appendUint(append(b, " seq "...), uint64(o.Fail.DSN))
	case set&OptFastClose != 0:
		return appendHex(append(b, " key "...), o.FastClose.ReceiverKey)
	case set&OptRst != 0:
		b = appendBits(append(b, " flags ["...), o.Rst.Flags, "UVWT")
		return appendUint(append(b, "] reason "...), uint64(o.Rst.Reason))
	}
	return append(b, "[bad opt]"...)
}

// appendBits prints the letters of the set bits, the last letter being bit 0.
func appendBits(b []byte, f uint8, letters string) []byte {
	if f == 0 {
		return append(b, "none"...)
	}
	for i := range len(letters) {
		if f>>(len(letters)-1-i)&1 != 0 {
			b = append(b, letters[i])
		}
	}
	return b
}

func appendCapableFormat(b []byte, c *Capable) []byte {
	b = appendUint(append(b, " v"...), uint64(c.Version))
	b = appendBits(append(b, " flags ["...), uint8(c.Flags), "ABCDEFGH")
	b = append(b, ']')
	if c.Flags&CapableChecksum != 0 {
		b = append(b, " csum"...)
	}
	if c.Keys == 0 {
		return b
	}
	b = appendHex(append(b, " {"...), c.SenderKey)
	if c.Keys > 1 {
		b = appendHex(append(b, ','), c.ReceiverKey)
	}
	b = append(b, '}')
	if c.HasData {
		b = appendUint(append(b, " len "...), uint64(c.DataLen))
	}
	if c.HasChecksum {
		b = appendHex(append(b, " csum "...), uint64(c.Checksum))
	}
	return b
}

func appendJoinFormat(b []byte, j *Join) []byte {
	if j.Form == JoinACK {
		return appendOctets(append(b, " hmac 0x"...), j.HMAC[:])
	}
	if j.Backup {
		b = append(b, " backup"...)
	}
	b = appendUint(append(b, " id "...), uint64(j.AddrID))
	if j.Form == JoinSYN {
		b = appendHex(append(b, " token "...), uint64(j.Token))
	} else {
		b = appendHex(append(b, " hmac "...), j.HMAC64)
	}
	return appendHex(append(b, " nonce "...), uint64(j.Nonce))
}

func appendDSSFormat(b []byte, s *Segment, o *Options) []byte {
	if s.Opt.Has(DataFIN) {
		b = append(b, " fin"...)
	}
	if s.Opt.Has(HasDataAck) {
		b = appendUint(append(b, " ack "...), uint64(s.DataAck))
	}
	if s.Opt.Has(HasMap) {
		b = appendUint(append(b, " seq "...), uint64(s.DSN))
		b = appendUint(append(b, " subseq "...), uint64(s.SSN))
		b = appendUint(append(b, " len "...), uint64(s.MapLen))
		if o.Has(OptDSSChecksum) {
			b = appendHex(append(b, " csum "...), uint64(o.DSSChecksum))
		}
	}
	return b
}

func appendAddAddrFormat(b []byte, a *AddAddr) []byte {
	if a.V0 {
		b = append(b, " v0"...)
	} else {
		b = append(b, " v1"...)
	}
	if a.Echo {
		b = append(b, "-echo"...)
	}
	b = appendUint(append(b, " id "...), uint64(a.AddrID))
	b = append(b, ' ')
	b = appendEnd(b, netip.AddrPortFrom(a.Addr, a.Port), false)
	if a.Port != 0 {
		b = appendUint(append(b, ':'), uint64(a.Port))
	}
	if a.hasHMAC() {
		b = appendHex(append(b, " hmac "...), a.HMAC)
	}
	return b
}
