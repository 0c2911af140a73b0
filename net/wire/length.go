package wire

// Fixed header lengths in octets.
const (
	IPv4HeaderLen = 20
	IPv6HeaderLen = 40
	TCPHeaderLen  = 20
	UDPHeaderLen  = 8
	ICMPHeaderLen = 8 // type, code, checksum and the four octets that depend on the type

	// MaxOptionsLen is the room for TCP options (RFC 9293 section 3.1).
	MaxOptionsLen = 40
)

// optTCP are the members of OptSet that add TCP option bytes. OptDSSChecksum
// is among them: it lengthens the DSS option of the hot line by two octets.
const optTCP = OptMSS | OptWScale | OptSACKPermitted | OptSACK | OptFastOpen |
	OptCapable | OptJoin | OptDSSChecksum | OptAddAddr | OptRemoveAddr |
	OptPrio | OptFail | OptFastClose | OptRst | OptRaw

// hotLen is the length, padding included, of the options that the hot line
// alone describes, by its OptFlags.
var hotLen = func() (t [256]uint8) {
	for i := range t {
		f := OptFlags(i)
		if f.Has(HasTS) {
			t[i] = 12
		}
		t[i] += uint8(pad4(dssLen(f, false)))
	}
	return t
}()

// pad4 rounds n up to a multiple of four octets.
func pad4(n int) int { return (n + 3) &^ 3 }

// dssLen is the length of the DSS option that f describes, 0 if there is none
// (RFC 8684 section 3.3: 4 octets, Data ACK of 4 or 8, and the mapping: DSN of
// 4 or 8, subflow sequence number of 4, data-level length of 2, checksum of 2).
func dssLen(f OptFlags, checksum bool) int {
	if f&(HasDSS|HasDataAck|HasMap) == 0 {
		return 0
	}
	n := 4
	if f.Has(HasDataAck) {
		n += 4
		if f.Has(DataAck8) {
			n += 4
		}
	}
	if f.Has(HasMap) {
		n += 4 + 4 + 2
		if f.Has(DSN8) {
			n += 4
		}
		if checksum {
			n += 2
		}
	}
	return n
}

// OptionsLen returns the octets of TCP options, padding included: a multiple of
// four, at most [MaxOptionsLen] if the options fit. o may be nil.
func (s *Segment) OptionsLen(o *Options) int {
	if o == nil || o.Present&optTCP == 0 {
		return int(hotLen[s.Opt])
	}
	return s.coldOptionsLen(o)
}

func (s *Segment) coldOptionsLen(o *Options) int {
	set := o.Present
	if set&OptRaw != 0 {
		return pad4(int(o.RawLen))
	}
	n := pad4(dssLen(s.Opt, set&OptDSSChecksum != 0))
	if s.Opt.Has(HasTS) {
		n += 12
	} else if set&OptSACKPermitted != 0 {
		n += 4
	}
	if set&OptMSS != 0 {
		n += 4
	}
	if set&OptWScale != 0 {
		n += 4
	}
	if set&OptSACK != 0 {
		n += 4 + 8*o.sackBlocks()
	}
	if set&OptFastOpen != 0 {
		n += pad4(2 + o.FastOpen.cookieLen())
	}
	if set&optMPTCP != 0 {
		n += o.mptcpLen()
	}
	return n
}

// optMPTCP are the MPTCP options of a cold record.
const optMPTCP = OptCapable | OptJoin | OptAddAddr | OptRemoveAddr | OptPrio |
	OptFail | OptFastClose | OptRst

// mptcpLen is the padded length of the MPTCP options of the cold record.
func (o *Options) mptcpLen() (n int) {
	set := o.Present
	if set&OptCapable != 0 {
		n += pad4(o.Capable.Length())
	}
	if set&OptJoin != 0 {
		n += o.Join.Length()
	}
	if set&OptAddAddr != 0 {
		n += pad4(o.AddAddr.Length())
	}
	if set&OptFastClose != 0 {
		n += lenFastClose
	}
	if set&OptFail != 0 {
		n += lenFail
	}
	if set&OptPrio != 0 {
		n += lenPrioID // 3 octets are padded to as many
	}
	if set&OptRemoveAddr != 0 {
		n += pad4(o.RemoveAddr.Length())
	}
	if set&OptRst != 0 {
		n += lenRst
	}
	return n
}

// Fits reports whether the options of s and o fit into a TCP header. Whoever
// builds a segment asks; the other functions rely on it.
func Fits(s *Segment, o *Options) bool { return s.OptionsLen(o) <= MaxOptionsLen }

// sackBlocks is the number of blocks of the SACK option: at most 4 fit.
func (o *Options) sackBlocks() int { return min(int(o.NSACK), len(o.SACK)) }

// cookieLen is the length of the cookie: at most 16 octets (RFC 7413).
func (f *FastOpen) cookieLen() int { return min(int(f.Len), len(f.Cookie)) }

// HeaderLen returns the octets of the IP header and, for TCP and UDP, of the
// transport header. For ICMP that is the whole message of o. o may be nil.
func HeaderLen(t *Tuple, s *Segment, o *Options) int {
	return ipHeaderLen(t, o) + transportLen(t, s, o)
}

// WireLen returns the length of the packet in octets as IP counts it: headers
// and payload. o may be nil.
func WireLen(t *Tuple, s *Segment, o *Options) int {
	return HeaderLen(t, s, o) + int(s.Len)
}

// isIPv4 reports whether the packet has an IPv4 header: both addresses are
// IPv4 ones (an IPv4-mapped IPv6 address is not).
func (t *Tuple) isIPv4() bool { return t.Src.Addr().Is4() && t.Dst.Addr().Is4() }

func ipHeaderLen(t *Tuple, o *Options) int {
	n := IPv6HeaderLen
	if t.isIPv4() {
		n = IPv4HeaderLen
	}
	if o != nil && o.Present&OptIP != 0 {
		n += len(o.IP.Ext)
	}
	return n
}

// transportLen is the length of what is between the IP header and the payload.
func transportLen(t *Tuple, s *Segment, o *Options) int {
	if o != nil && o.Present&(OptOpaque|OptICMP) != 0 {
		if o.Present&OptOpaque != 0 {
			return 0
		}
		return len(o.ICMP)
	}
	switch t.Proto {
	case ProtoTCP:
		return TCPHeaderLen + s.OptionsLen(o)
	case ProtoUDP:
		return UDPHeaderLen
	}
	return 0
}
