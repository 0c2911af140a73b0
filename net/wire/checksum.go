package wire

import "math/bits"

// Checksums of RFC 1071. A sum is the one's-complement sum of 16-bit words in
// network byte order, folded to 16 bits but not inverted; a checksum is a sum
// inverted. Sums add up with [AddSums]; a sum that stands behind an odd number
// of octets is swapped first ([JoinSums]).

// SumBytes returns the one's-complement sum of b; a last odd octet is the upper
// half of a word. It adds words of eight octets as they lie in memory and swaps
// the result, which RFC 1071 section 2 allows.
func SumBytes(b []byte) uint16 {
	var s, c uint64
	for len(b) >= 64 {
		s, c = bits.Add64(s, le.Uint64(b[0:]), 0)
		s, c = bits.Add64(s, le.Uint64(b[8:]), c)
		s, c = bits.Add64(s, le.Uint64(b[16:]), c)
		s, c = bits.Add64(s, le.Uint64(b[24:]), c)
		s, c = bits.Add64(s, le.Uint64(b[32:]), c)
		s, c = bits.Add64(s, le.Uint64(b[40:]), c)
		s, c = bits.Add64(s, le.Uint64(b[48:]), c)
		s, c = bits.Add64(s, le.Uint64(b[56:64]), c)
		s, c = bits.Add64(s, 0, c)
		s += c
		b = b[64:]
	}
	for len(b) >= 8 {
		s = addOnes(s, le.Uint64(b))
		b = b[8:]
	}
	if len(b) > 0 {
		var w [8]byte
		copy(w[:], b)
		s = addOnes(s, le.Uint64(w[:]))
	}
	return bits.ReverseBytes16(fold(s))
}

// headerSum returns the one's-complement sum of a header p, in which the 16-bit
// checksum field at octet at, which is even, counts as zero. It reads four octets
// at a time, because headers have just been written so: wider loads would wait
// for the stores.
func headerSum(p []byte, at int) uint16 {
	field := uint64(le.Uint16(p[at:])) << (8 * (at & 2))
	var a, b uint64
	for len(p) >= 8 {
		a += uint64(le.Uint32(p))
		b += uint64(le.Uint32(p[4:]))
		p = p[8:]
	}
	if len(p) >= 4 {
		a += uint64(le.Uint32(p))
		p = p[4:]
	}
	for i, c := range p {
		b += uint64(c) << (8 * i)
	}
	return bits.ReverseBytes16(fold(a + b - field))
}

// fold reduces a sum of 64 bits to 16.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}

// AddSums returns the one's-complement sum of two sums.
func AddSums(a, b uint16) uint16 {
	s := uint32(a) + uint32(b)
	return uint16(s + s>>16)
}

// JoinSums returns the sum of two byte strings one behind the other, of which
// the first has n octets and sum a, and the second sum b.
func JoinSums(a uint16, n int, b uint16) uint16 {
	if n&1 != 0 {
		b = bits.ReverseBytes16(b)
	}
	return AddSums(a, b)
}

// UpdateChecksum returns the checksum after a 16-bit word that it covers has
// changed from old to new (RFC 1624 equation 3: HC' = ~(~HC + ~m + m')).
func UpdateChecksum(sum, old, new uint16) uint16 {
	s := uint32(^sum) + uint32(^old) + uint32(new)
	s = s>>16 + s&0xffff
	return ^uint16(s + s>>16)
}

// UpdateChecksum32 is [UpdateChecksum] for a 32-bit field at an even position.
func UpdateChecksum32(sum uint16, old, new uint32) uint16 {
	sum = UpdateChecksum(sum, uint16(old>>16), uint16(new>>16))
	return UpdateChecksum(sum, uint16(old), uint16(new))
}

// PseudoSum returns the sum of the pseudo-header of t: RFC 9293 section 3.1 for
// IPv4, RFC 8200 section 8.1 for IPv6. n is the length of the upper-layer packet
// in octets, header included.
func PseudoSum(t *Tuple, n int) uint16 {
	var s uint64
	if t.isIPv4() {
		src, dst := t.Src.Addr().As4(), t.Dst.Addr().As4()
		s = uint64(be.Uint32(src[:])) + uint64(be.Uint32(dst[:]))
	} else {
		src, dst := t.Src.Addr().As16(), t.Dst.Addr().As16()
		s = addOnes(addOnes(be.Uint64(src[:8]), be.Uint64(src[8:])),
			addOnes(be.Uint64(dst[:8]), be.Uint64(dst[8:])))
	}
	return fold(addOnes(s, uint64(t.Proto)+uint64(n)))
}

// DSSChecksum returns the checksum of a DSS mapping (RFC 8684 section 3.3.1):
// over the data that it covers, whose one's-complement sum is data, and a
// pseudo-header of the 64-bit DSN, the relative subflow sequence number, the
// data-level length and zeros where the checksum stands. Of a mapping that
// covers only a DATA_FIN data is 0; the length counts the DATA_FIN.
func DSSChecksum(dsn DSN, ssn uint32, length, data uint16) uint16 {
	return ^fold(addOnes(uint64(dsn), uint64(ssn)+uint64(length)+uint64(data)))
}

// PayloadSum returns the one's-complement sum of the payload of a packet; o may
// be nil. Spans cost O(1).
func PayloadSum(s *Segment, o *Options) uint16 {
	if !o.Has(OptPieces) {
		return ContentSum(s.Off, int(s.Len))
	}
	var sum uint16
	n := 0
	for i := range o.Pieces {
		p := &o.Pieces[i]
		sum = JoinSums(sum, n, p.Sum())
		n += int(p.Len)
	}
	return sum
}

// Sum returns the one's-complement sum of the piece.
func (p *Piece) Sum() uint16 {
	if p.Data != nil {
		return SumBytes(p.Data)
	}
	return ContentSum(p.Off, int(p.Len))
}
