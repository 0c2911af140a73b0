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
// and that of words 0 .. n-1 is K*n(n-1)/2 + C*n. A range that begins or ends
// within a word takes the octets of that word under a mask. A range that begins
// at an odd offset has its octets swapped (RFC 1071 section 2, byte order).
//
// Shifts. Words at a distance of d differ by d*K mod (2^64-1), which is zero only
// if d is a multiple of 2^64-1 (K is coprime to it): a shift by a multiple of
// eight octets is visible in every single word. A shift by r = 1..7 octets more
// makes two neighbouring words agree only if rotating K by r octets gives K up
// to carries; K has no such period, so of two neighbouring words at least one
// differs, and any 23 octets reveal any shift.
const (
	contentK = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
	contentC = 0xD1B54A32D192ED03
	contentW = 8 // octets of a word
	ones16   = 0xffff
)

// contentWord returns v(j).
func contentWord(j uint64) uint64 {
	hi, lo := bits.Mul64(j, contentK)
	return addOnes(addOnes(hi, lo), contentC)
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
// zero. It costs the same for every n. The two zeros of the one's complement,
// 0 and 0xffff, are one value here: 0xffff, or 0 if n is 0.
func ContentSum(off uint64, n int) uint16 {
	if n <= 0 {
		return 0
	}
	// Below ones16 each; a difference of prefixes, kept positive.
	d := (contentPrefix(off+uint64(n)) + ones16 - contentPrefix(off)) % ones16
	if off&1 != 0 {
		d = d<<8&ones16 | d>>8
	}
	if d == 0 {
		d = ones16
	}
	return uint16(d)
}

// contentPrefix returns the sum of the octets [0, x) modulo 2^16-1.
func contentPrefix(x uint64) uint64 {
	j, r := x/contentW, x%contentW
	a, b := j, j-1 // a*b = j(j-1)/2: the even one of the two is halved
	if j&1 == 0 {
		a /= 2
	} else {
		b /= 2
	}
	sum := (a%ones16)*(b%ones16)%ones16*(contentK%ones16) + (j%ones16)*(contentC%ones16)
	if r != 0 {
		part := contentWord(j) &^ (1<<(64-8*r) - 1)
		sum += part % ones16
	}
	return sum % ones16
}
