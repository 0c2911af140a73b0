package wire

import "math/bits"

// Stream content.
//
// Every application stream has the same content, a fixed function of the offset:
// the stream is a row of 8-octet words in network byte order, and word j is
//
//	v(j) = (j*K + C) mod (2^64 - 1), with the representative 1 .. 2^64-1
//
// Sum in O(1). 2^64-1 is a multiple of 2^16-1, and 2^16 = 1 (mod 2^16-1), so the
// one's-complement sum of the four 16-bit words of v(j) is j*K + C (mod 2^16-1),
// and that of the m words from j on is K*(m*j + m(m-1)/2) + C*m. It is computed
// modulo 2^64-1 and folded at the end. The octets by which a range begins or ends
// within a word are subtracted and added. The sum of a range that begins at an
// odd offset is swapped (RFC 1071 section 2, byte order).
//
// Shifts. Words at a distance of d differ by d*K mod (2^64-1), which is zero only
// if d is a multiple of 2^64-1 (K is coprime to it): a shift by a multiple of
// eight octets is visible in every single word. A shift by r = 1..7 octets more
// makes two neighbouring words agree only if rotating K by r octets gives K up
// to carries; K has no such period, so of two neighbouring words at least one
// differs, and any 23 octets reveal any shift.
const (
	contentK = 0x9E3779B97F4A7C19 // 2^64 divided by the golden ratio, or rather the next odd number coprime to 2^64-1
	contentC = 0xD1B54A32D192ED03
	contentW = 8 // octets of a word

	// LiteralOffset is the least offset that names literal bytes, which an
	// endpoint keeps, instead of virtual content.
	LiteralOffset = 1 << 62

	// Multiples of K modulo 2^64-1.
	content2K = 2 * contentK % (1<<64 - 1)
	content3K = 3 * contentK % (1<<64 - 1)
	content4K = 4 * contentK % (1<<64 - 1)
)

// contentWord returns v(j).
func contentWord(j uint64) uint64 {
	return addOnes(mulOnes(j, contentK), contentC)
}

// mulOnes is the product modulo 2^64-1; zero only if a or b is.
func mulOnes(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return addOnes(hi, lo)
}

// addOnes is the one's-complement sum: a + b mod (2^64-1), never zero unless
// both are.
func addOnes(a, b uint64) uint64 {
	s, carry := bits.Add64(a, b, 0)
	return s + carry
}

// ContentAt returns the octet of the stream at offset off.
func ContentAt(off uint64) byte {
	return byte(contentWord(off/contentW) >> (56 - 8*(off%contentW)))
}

// FillContent writes the octets of the stream from offset off on into dst.
func FillContent(dst []byte, off uint64) {
	v := contentWord(off / contentW)
	if r := off % contentW; r != 0 {
		var w [contentW]byte
		be.PutUint64(w[:], v)
		dst = dst[copy(dst, w[r:]):]
		v = addOnes(v, contentK)
	}
	for len(dst) >= 4*contentW { // four words at once: each waits only for the one four before
		v1 := addOnes(v, contentK)
		v2 := addOnes(v, content2K)
		v3 := addOnes(v, content3K)
		be.PutUint64(dst[0:], v)
		be.PutUint64(dst[8:], v1)
		be.PutUint64(dst[16:], v2)
		be.PutUint64(dst[24:32], v3)
		dst = dst[4*contentW:]
		v = addOnes(v, content4K)
	}
	for len(dst) >= contentW {
		be.PutUint64(dst, v)
		dst = dst[contentW:]
		v = addOnes(v, contentK)
	}
	if len(dst) > 0 {
		var w [contentW]byte
		be.PutUint64(w[:], v)
		copy(dst, w[:])
	}
}

// ContentEqual reports how many leading octets of b are those of the stream
// from offset off on; len(b) if all are.
func ContentEqual(b []byte, off uint64) int {
	n := 0
	for n < len(b) && (off+uint64(n))%contentW != 0 {
		if b[n] != ContentAt(off+uint64(n)) {
			return n
		}
		n++
	}
	v := contentWord((off + uint64(n)) / contentW)
	for len(b)-n >= contentW && be.Uint64(b[n:]) == v {
		n += contentW
		v = addOnes(v, contentK)
	}
	for n < len(b) && b[n] == ContentAt(off+uint64(n)) {
		n++
	}
	return n
}

// ContentSum returns the one's-complement sum of the n octets of the stream from
// offset off on, as [SumBytes] gives it for these octets: the first octet counts
// as the upper half of a 16-bit word, and a last odd octet is followed by a
// zero. It costs the same for every n below 2^34. Zero is given as 0xffff, the
// other zero of the one's complement, and as 0 only if n is 0.
func ContentSum(off uint64, n int) uint16 {
	if n <= 0 {
		return 0
	}
	end := off + uint64(n)
	j := off / contentW
	m := end/contentW - j
	// Words j .. j+m-1, without the octets before off, with those before end.
	sum := addOnes(
		mulOnes(contentK, addOnes(mulOnes(m, j), m*(m-1)/2)),
		mulOnes(contentC, m),
	)
	sum = addOnes(sum, ^contentHead(off))
	sum = addOnes(sum, contentHead(end))
	d := fold(sum)
	if off&1 != 0 {
		d = bits.ReverseBytes16(d)
	}
	if d == 0 {
		d = 0xffff
	}
	return d
}

// contentHead returns the word of offset x with the octets from x on zeroed.
func contentHead(x uint64) uint64 {
	return contentWord(x/contentW) &^ (^uint64(0) >> (8 * (x % contentW)))
}
