package wire

import "net/netip"

// ParsePacket parses the IP packet in b into t, s and o. Octets behind the
// length that the IP header gives (link padding) are ignored.
//
// All fields of t are set; those of s but Route, Cold, Off and Hop, which are
// the carrier's; of o Present and the fields that it names. The payload is one
// literal piece, which aliases b, as IP.Ext does. A fragment, and a packet of
// another protocol than TCP, UDP and ICMP, has OptOpaque, no ports, and
// everything behind the IP header as payload; the first fragment of a TCP or
// UDP packet is parsed as that packet if it has all of the header, and its checksum,
// which is over the whole packet, is kept in L4Sum (IPv4: OptL4Sum). TCP options that rendering the typed
// values would not give byte for byte are kept in RawOptions too (OptRaw), and
// checksums that are not the computed ones in IPSum and L4Sum (OptBadSum).
//
// The error is a [*ParseError]; t, s and o then hold nothing of use.
func ParsePacket(b []byte, t *Tuple, s *Segment, o *Options) error {
	return parse(b, false, t, s, o)
}

// ParseCut is [ParsePacket] for captured packets of which only the first octets
// may be there, at least the headers. A packet that was cut has OptCut: its
// checksums are kept as they are, unverified, and the last piece, a span at
// offset 0, stands for the octets that are not there.
func ParseCut(b []byte, t *Tuple, s *Segment, o *Options) error {
	return parse(b, true, t, s, o)
}

func parse(b []byte, cut bool, t *Tuple, s *Segment, o *Options) error {
	if len(b) == 0 {
		return errAt(0, ErrTruncated)
	}
	*s = Segment{Route: s.Route, Cold: s.Cold, Off: s.Off, Hop: s.Hop}
	o.Present = 0
	o.Pieces = o.Pieces[:0]
	o.ICMP = o.ICMP[:0]
	var total, ip int
	var frag uint16
	var err error
	switch b[0] >> 4 {
	case 4:
		total, ip, frag, err = parseIPv4(b, t, s, o)
	case 6:
		total, ip, frag, err = parseIPv6(b, t, s, o)
	default:
		err = errAt(0, ErrVersion)
	}
	if err != nil {
		return err
	}
	missing := 0
	if total > len(b) {
		if !cut {
			return errAt(len(b), ErrTruncated)
		}
		missing = total - len(b)
		o.Present |= OptCut | OptBadSum
	} else {
		b = b[:total]
	}
	l4, err := parseTransport(b, ip, frag, missing, t, s, o)
	if err != nil {
		return err
	}
	literal := b[ip+l4:]
	s.Len = uint16(len(literal) + missing)
	if len(literal) > 0 {
		o.Pieces = append(o.Pieces, Piece{Len: uint32(len(literal)), Data: literal})
	}
	if missing > 0 {
		o.Pieces = append(o.Pieces, Piece{Len: uint32(missing)})
	}
	if s.Len > 0 {
		o.Present |= OptPieces
	}
	keepSums(b, ip, l4, t, s, o)
	return nil
}

// AsSpan undoes what bytes do to a virtual payload: if all of the payload of s
// and o is what the stream has from s.Off on, it becomes the span of the hot
// line again, and AsSpan returns true. After [ParsePacket] of bytes whose carrier
// knows Off, an o with nothing else present is then not needed any more.
func AsSpan(s *Segment, o *Options) bool {
	if !o.Has(OptPieces) {
		return true
	}
	if o.Has(OptCut) {
		return false
	}
	off := s.Off
	for i := range o.Pieces {
		p := &o.Pieces[i]
		if p.Data == nil && p.Off != off || ContentEqual(p.Data, off) != len(p.Data) {
			return false
		}
		off += uint64(p.Len)
	}
	o.Present &^= OptPieces
	o.Pieces = o.Pieces[:0]
	return true
}

// parseIPv4 returns the total length, the header length and the flags and
// fragment offset.
func parseIPv4(b []byte, t *Tuple, s *Segment, o *Options) (total, ip int, frag uint16, err error) {
	if len(b) < IPv4HeaderLen {
		return 0, 0, 0, errAt(len(b), ErrTruncated)
	}
	ip = int(b[0]&0xf) * 4
	if ip < IPv4HeaderLen {
		return 0, 0, 0, errAt(0, ErrHeaderLen)
	}
	total = int(be.Uint16(b[2:]))
	if total < ip {
		return 0, 0, 0, errAt(2, ErrTotalLen)
	}
	if len(b) < ip {
		return 0, 0, 0, errAt(len(b), ErrTruncated)
	}
	s.TOS, s.TTL = b[1], b[8]
	id := be.Uint16(b[4:])
	frag = be.Uint16(b[6:])
	if id != 0 || frag != DefaultFrag || ip > IPv4HeaderLen {
		o.Present |= OptIP
		o.IP = IPFields{ID: id, Frag: frag, Ext: b[IPv4HeaderLen:ip:ip]}
	}
	*t = Tuple{
		Src:   netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), 0),
		Dst:   netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), 0),
		Proto: b[9],
	}
	return total, ip, frag, nil
}

// IPv6 extension headers (RFC 8200 section 4, RFC 4302 section 2).
const (
	extHopByHop = 0
	extRouting  = 43
	extFragment = 44
	extAuth     = 51
	extDest     = 60
)

// parseIPv6 returns the total length, the length of the header and its
// extensions, and flags and fragment offset in the places of IPv4.
func parseIPv6(b []byte, t *Tuple, s *Segment, o *Options) (total, ip int, frag uint16, err error) {
	if len(b) < IPv6HeaderLen {
		return 0, 0, 0, errAt(len(b), ErrTruncated)
	}
	word := be.Uint32(b)
	s.TOS, s.TTL = uint8(word>>20), b[7]
	total = IPv6HeaderLen + int(be.Uint16(b[4:]))
	next := b[6]
	ip, end := IPv6HeaderLen, min(total, len(b))
extensions:
	for frag&FragOffset == 0 {
		n := 8
		switch next {
		case extHopByHop, extRouting, extDest, extFragment, extAuth:
		default:
			break extensions
		}
		if end-ip < n {
			return 0, 0, 0, errAt(end, ErrTruncated)
		}
		switch next {
		case extFragment:
			f := be.Uint16(b[ip+2:])
			frag = f>>3 | f&1<<13
		case extAuth:
			n = (int(b[ip+1]) + 2) * 4
		default:
			n += int(b[ip+1]) * 8
		}
		if end-ip < n {
			return 0, 0, 0, errAt(end, ErrTruncated)
		}
		next = b[ip]
		ip += n
	}
	label := word & 0xfffff
	if label != 0 || ip > IPv6HeaderLen {
		o.Present |= OptIP
		o.IP = IPFields{FlowLabel: label}
		if ip > IPv6HeaderLen {
			o.IP.Ext, o.IP.Next = b[IPv6HeaderLen:ip:ip], b[6]
		}
	}
	*t = Tuple{
		Src:   netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])), 0),
		Dst:   netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[24:40])), 0),
		Proto: next,
	}
	return total, ip, frag, nil
}

// parseTransport parses what is behind an IP header of ip octets and returns how
// much of it is header; missing octets of the packet are not in b.
func parseTransport(b []byte, ip int, frag uint16, missing int, t *Tuple, s *Segment, o *Options) (int, error) {
	p := b[ip:]
	whole := frag&(FragMore|FragOffset) == 0
	switch {
	case frag&FragOffset != 0, !whole && missing == 0 && !headerWhole(t.Proto, p):
	case t.Proto == ProtoTCP:
		return parseTCP(p, ip, missing, t, s, o)
	case t.Proto == ProtoUDP:
		if len(p) < UDPHeaderLen {
			return 0, errAt(len(b), ErrTruncated)
		}
		setPorts(t, p)
		if n := be.Uint16(p[4:]); int(n) != len(p)+missing {
			o.Present |= OptUDPLen
			o.UDPLen = n
		}
		return UDPHeaderLen, nil
	case t.Proto == ProtoICMP && t.isIPv4() && whole, t.Proto == ProtoICMPv6 && !t.isIPv4() && whole:
		if len(p) < 4 {
			return 0, errAt(len(b), ErrTruncated)
		}
		o.Present |= OptICMP
		o.ICMP = append(o.ICMP, p...)
		o.ICMP[2], o.ICMP[3] = 0, 0
		return len(p), nil
	}
	o.Present |= OptOpaque
	return 0, nil
}

// headerWhole reports whether p has all of the header of TCP or UDP.
func headerWhole(proto uint8, p []byte) bool {
	if proto == ProtoTCP {
		return len(p) >= TCPHeaderLen && len(p) >= int(p[12]>>4)*4
	}
	return len(p) >= UDPHeaderLen
}

func setPorts(t *Tuple, p []byte) {
	t.Src = netip.AddrPortFrom(t.Src.Addr(), be.Uint16(p))
	t.Dst = netip.AddrPortFrom(t.Dst.Addr(), be.Uint16(p[2:]))
}

// parseTCP parses the TCP header in p, which is ip octets into the packet.
func parseTCP(p []byte, ip, missing int, t *Tuple, s *Segment, o *Options) (int, error) {
	if len(p) < TCPHeaderLen {
		return 0, errAt(ip+len(p), ErrTruncated)
	}
	n := int(p[12]>>4) * 4
	if n < TCPHeaderLen || n > len(p)+missing {
		return 0, errAt(ip+12, ErrHeaderLen)
	}
	if n > len(p) {
		return 0, errAt(ip+len(p), ErrTruncated)
	}
	setPorts(t, p)
	s.Seq, s.Ack = Seq(be.Uint32(p[4:])), Seq(be.Uint32(p[8:]))
	s.Flags = Flags(be.Uint16(p[12:]) & 0xfff)
	s.Window = be.Uint16(p[14:])
	if u := be.Uint16(p[18:]); u != 0 {
		o.Present |= OptUrgent
		o.Urgent = u
	}
	if n > TCPHeaderLen {
		ParseOptions(p[TCPHeaderLen:n], s, o)
	}
	return n, nil
}

// keepSums compares the checksums of the packet b with those that its fields
// give and keeps them if they differ or cannot be compared.
func keepSums(b []byte, ip, l4 int, t *Tuple, s *Segment, o *Options) {
	var ipSum, l4Sum uint16
	bad := o.Present&OptCut != 0
	if t.isIPv4() {
		ipSum = be.Uint16(b[10:])
		bad = bad || ipSum != ^headerSum(b[:ip], 10)
	}
	if o.Present&OptOpaque == 0 {
		at := 16
		switch {
		case o.Present&OptICMP != 0:
			at = 2
		case t.Proto == ProtoUDP:
			at = 6
		}
		l4Sum = be.Uint16(b[ip+at:])
		if o.IsFragment() && t.isIPv4() && !bad {
			o.Present |= OptL4Sum
			o.L4Sum = l4Sum
			return
		}
		bad = bad || l4Sum != transportChecksum(b[ip:ip+l4], at, t, s, o)
	}
	if bad {
		o.Present |= OptBadSum
		o.IPSum, o.L4Sum = ipSum, l4Sum
	}
}
