package packetdrill

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/bits"
	"net/netip"
)

// The cryptography of RFC 8684 sections 3.1, 3.2 and 3.4.1, and of RFC 6824 for
// version 0. It is written here once more, so that it checks that of the
// endpoint.

// connection is what the script knows of an MPTCP connection. Keys are the
// numbers whose big-endian form is on the wire.
type connection struct {
	version           uint8
	local, peer       uint64 // of the system under test, of the script
	hasLocal, hasPeer bool
	checksum          bool   // the A bit was set by a side
	acked             uint64 // highest DATA_ACK that the script has injected
}

// wireKey turns a key as scripts write it into the number on the wire: the
// original tool stores it in the order of a little-endian host.
func wireKey(n uint64) uint64 { return bits.ReverseBytes64(n) }

// digest is the hash of a key in network byte order.
func digest(version uint8, key uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], key)
	if version == 0 {
		s := sha1.Sum(b[:])
		return s[:]
	}
	s := sha256.Sum256(b[:])
	return s[:]
}

// token returns the token of a key: the most significant 32 bits of the hash.
func token(version uint8, key uint64) uint32 {
	return binary.BigEndian.Uint32(digest(version, key))
}

// idsn returns the initial data sequence number: the least significant 64 bits.
func idsn(version uint8, key uint64) uint64 {
	d := digest(version, key)
	return binary.BigEndian.Uint64(d[len(d)-8:])
}

// mac returns the HMAC of a message under two keys, first the sender's.
func mac(version uint8, first, second uint64, message []byte) []byte {
	var key [16]byte
	binary.BigEndian.PutUint64(key[:], first)
	binary.BigEndian.PutUint64(key[8:], second)
	var h hash.Hash
	if version == 0 {
		h = hmac.New(sha1.New, key[:])
	} else {
		h = hmac.New(sha256.New, key[:])
	}
	h.Write(message)
	return h.Sum(nil)
}

// joinMAC is the HMAC of MP_JOIN: over the sender's nonce and the other one.
func joinMAC(version uint8, first, second uint64, own, other uint32) []byte {
	var m [8]byte
	binary.BigEndian.PutUint32(m[:], own)
	binary.BigEndian.PutUint32(m[4:], other)
	return mac(version, first, second, m[:])
}

// addrMAC is the HMAC of ADD_ADDR: over id, address and port; its rightmost 64
// bits are sent.
func addrMAC(version uint8, first, second uint64, id uint8, a netip.Addr, port uint16) uint64 {
	m := append([]byte{id}, a.AsSlice()...)
	m = binary.BigEndian.AppendUint16(m, port)
	d := mac(version, first, second, m)
	return binary.BigEndian.Uint64(d[len(d)-8:])
}

// onesSum is the one's-complement sum of 16-bit words.
func onesSum(b []byte) uint32 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
		s = s&0xffff + s>>16
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
		s = s&0xffff + s>>16
	}
	return s
}

// dssChecksum is the checksum of a mapping over its data (RFC 8684 section
// 3.3.1).
func dssChecksum(dsn uint64, ssn uint32, dll uint16, data []byte) uint16 {
	var h [16]byte
	binary.BigEndian.PutUint64(h[:], dsn)
	binary.BigEndian.PutUint32(h[8:], ssn)
	binary.BigEndian.PutUint16(h[12:], dll)
	s := onesSum(h[:]) + onesSum(data)
	s = s&0xffff + s>>16
	return ^uint16(s)
}
