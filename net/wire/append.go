package wire

import (
	"slices"

	"mpsim/sim"
)

// IPv4 flags and the IPv6 fields that have no typed value.
const (
	// DefaultFrag is the flags and fragment offset of the default IP header:
	// don't fragment.
	DefaultFrag = 0x4000
	// FragMore is the flag "more fragments".
	FragMore = 0x2000
	// FragOffset masks the fragment offset, in units of 8 octets.
	FragOffset = 0x1fff
)

// AppendPacket appends the IP packet of t, s and o (which may be nil): IPv4 if
// both addresses are, otherwise IPv6. Lengths and checksums are computed, the
// latter over the whole payload at no cost per octet for spans, unless o says
// otherwise (OptBadSum, OptL4Sum, OptUDPLen). If snap is not negative, the packet is cut
// after snap octets, as a capture would; the fields are those of the whole one.
// The options must fit ([Fits]).
func AppendPacket(b []byte, t *Tuple, s *Segment, o *Options, snap int) []byte {
	ip, l4 := ipHeaderLen(t, o), transportLen(t, s, o)
	header := ip + l4
	total := header + int(s.Len)
	if total > 0xffff && (t.isIPv4() || total-IPv6HeaderLen > 0xffff) ||
		l4 > TCPHeaderLen+MaxOptionsLen && t.Proto == ProtoTCP {
		sim.Bugf("wire: packet of %d octets with a header of %d", total, header)
	}
	if snap < 0 || snap > total {
		snap = total
	}
	start := len(b)
	b = slices.Grow(b, max(header, snap))[:start+header]
	p := b[start:]
	if t.isIPv4() {
		putIPv4(p[:ip], t, s, o, total)
	} else {
		putIPv6(p[:ip], t, s, o, total)
	}
	if l4 > 0 {
		putTransport(p[ip:], t, s, o)
	}
	if snap > header {
		return appendPayload(b, s, o, snap-header)
	}
	return b[:start+snap]
}

// putIPv4 writes an IPv4 header (RFC 791 section 3.1) into p.
func putIPv4(p []byte, t *Tuple, s *Segment, o *Options, total int) {
	be.PutUint32(p, 4<<28|uint32(len(p)/4)<<24|uint32(s.TOS)<<16|uint32(total))
	idFrag := uint32(DefaultFrag)
	if o.Has(OptIP) {
		idFrag = uint32(o.IP.ID)<<16 | uint32(o.IP.Frag)
		copy(p[IPv4HeaderLen:], o.IP.Ext)
	}
	be.PutUint32(p[4:], idFrag)
	be.PutUint32(p[8:], uint32(s.TTL)<<24|uint32(t.Proto)<<16)
	src, dst := t.Src.Addr().As4(), t.Dst.Addr().As4()
	copy(p[12:16], src[:])
	copy(p[16:20], dst[:])
	sum := ^headerSum(p, 10)
	if o.Has(OptBadSum) {
		sum = o.IPSum
	}
	be.PutUint16(p[10:], sum)
}

// putIPv6 writes an IPv6 header (RFC 8200 section 3) and the extension headers
// into p.
func putIPv6(p []byte, t *Tuple, s *Segment, o *Options, total int) {
	next, label := t.Proto, uint32(0)
	if o.Has(OptIP) {
		label = o.IP.FlowLabel & 0xfffff
		if len(o.IP.Ext) > 0 {
			next = o.IP.Next
			copy(p[IPv6HeaderLen:], o.IP.Ext)
		}
	}
	be.PutUint32(p, 6<<28|uint32(s.TOS)<<20|label)
	be.PutUint32(p[4:], uint32(total-IPv6HeaderLen)<<16|uint32(next)<<8|uint32(s.TTL))
	src, dst := t.Src.Addr().As16(), t.Dst.Addr().As16()
	copy(p[8:24], src[:])
	copy(p[24:40], dst[:])
}

// putTransport writes the TCP or UDP header, or the ICMP message, into p.
func putTransport(p []byte, t *Tuple, s *Segment, o *Options) {
	n := len(p) + int(s.Len)
	sumAt := 0
	switch {
	case o.Has(OptICMP):
		copy(p, o.ICMP)
		sumAt = 2
	case t.Proto == ProtoTCP:
		putTCP(p, t, s, o)
		sumAt = 16
	default:
		length := uint16(n)
		if o.Has(OptUDPLen) {
			length = o.UDPLen
		}
		be.PutUint32(p, uint32(t.Src.Port())<<16|uint32(t.Dst.Port()))
		be.PutUint32(p[4:], uint32(length)<<16)
		sumAt = 6
	}
	var sum uint16
	if o != nil && o.Present&(OptBadSum|OptL4Sum) != 0 {
		sum = o.L4Sum
	} else {
		sum = transportChecksum(p, sumAt, t, s, o)
	}
	be.PutUint16(p[sumAt:], sum)
}

// transportChecksum returns what belongs into the checksum field at octet sumAt
// of the transport header (or ICMP message) p, whatever is there.
func transportChecksum(p []byte, sumAt int, t *Tuple, s *Segment, o *Options) uint16 {
	sum := headerSum(p, sumAt)
	if s.Len > 0 {
		sum = JoinSums(sum, len(p), PayloadSum(s, o))
	}
	if t.Proto != ProtoICMP { // ICMP for IPv4 has no pseudo-header
		sum = AddSums(sum, PseudoSum(t, len(p)+int(s.Len)))
	}
	if t.Proto == ProtoUDP && sum == 0xffff {
		return 0xffff // 0 would mean: no checksum (RFC 768)
	}
	return ^sum
}

// putTCP writes a TCP header (RFC 9293 section 3.1) without its checksum.
func putTCP(p []byte, t *Tuple, s *Segment, o *Options) {
	be.PutUint32(p, uint32(t.Src.Port())<<16|uint32(t.Dst.Port()))
	be.PutUint32(p[4:], uint32(s.Seq))
	be.PutUint32(p[8:], uint32(s.Ack))
	be.PutUint32(p[12:], uint32(len(p)/4)<<28|uint32(s.Flags&0xfff)<<16|uint32(s.Window))
	urgent := uint16(0)
	if o.Has(OptUrgent) {
		urgent = o.Urgent
	}
	be.PutUint32(p[16:], uint32(urgent))
	putOptions(p[TCPHeaderLen:], s, o)
}

// appendPayload appends the first n octets of the payload; b has the room.
func appendPayload(b []byte, s *Segment, o *Options, n int) []byte {
	if !o.Has(OptPieces) {
		start := len(b)
		b = b[:start+n]
		FillContent(b[start:], s.Off)
		return b
	}
	for i := range o.Pieces {
		p := &o.Pieces[i]
		k := min(n, int(p.Len))
		if p.Data != nil {
			b = append(b, p.Data[:k]...)
		} else {
			start := len(b)
			b = b[:start+k]
			FillContent(b[start:], p.Off)
		}
		if n -= k; n == 0 {
			return b
		}
	}
	if n > 0 {
		sim.Bugf("wire: pieces are %d octets shorter than the payload", n)
	}
	return b
}
