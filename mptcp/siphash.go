package mptcp

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// SipHash-2-4 (Aumasson and Bernstein 2012), the keyed hash by which Linux makes
// fast open cookies, SYN cookies and timestamp offsets: short messages, a key of
// 128 bits, a result of 64.

// sipKey is a key: the two halves in little-endian order of the octets.
type sipKey [2]uint64

// sipHash returns SipHash-2-4 of a message.
func sipHash(k sipKey, m []byte) uint64 {
	v := [4]uint64{
		k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d,
		k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573,
	}
	last := uint64(len(m)) << 56
	for ; len(m) >= 8; m = m[8:] {
		sipWord(&v, binary.LittleEndian.Uint64(m))
	}
	for i, b := range m {
		last |= uint64(b) << (8 * i)
	}
	sipWord(&v, last)
	v[2] ^= 0xff
	for range 4 {
		sipRound(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipWord(v *[4]uint64, w uint64) {
	v[3] ^= w
	sipRound(v)
	sipRound(v)
	v[0] ^= w
}

func sipRound(v *[4]uint64) {
	v[0] += v[1]
	v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
	v[0] = bits.RotateLeft64(v[0], 32)
	v[2] += v[3]
	v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
	v[0] += v[3]
	v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
	v[2] += v[1]
	v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
	v[2] = bits.RotateLeft64(v[2], 32)
}

// appendAddr appends the octets of an address as its packets carry them.
func appendAddr(b []byte, a netip.Addr) []byte {
	if a = a.Unmap(); a.Is4() {
		x := a.As4()
		return append(b, x[:]...)
	}
	x := a.As16()
	return append(b, x[:]...)
}
