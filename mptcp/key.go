package mptcp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"

	"mpsim/net/wire"
)

// This file holds the cryptography of RFC 8684 sections 3.1 and 3.2 with the
// one algorithm that version 1 defines, SHA-256 (flag H of MP_CAPABLE).

// Key is the 64-bit key that a host chooses for a connection.
type Key uint64

// Derive returns what the peer knows the connection by: the token is the most
// significant 32 bits of SHA-256 of the key in network byte order, the initial
// data sequence number its least significant 64 bits.
func (k Key) Derive() (token uint32, idsn wire.DSN) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(k))
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:]), wire.DSN(binary.BigEndian.Uint64(sum[24:]))
}

// joinHMAC returns the HMAC by which a host proves to know both keys. It is the
// HMAC of the host that has own as its key and ownNonce as its nonce:
//
//	HMAC(Key = own || peer, Message = ownNonce || peerNonce)
func joinHMAC(own, peer Key, ownNonce, peerNonce uint32) [sha256.Size]byte {
	return hmacOf(sha256.New, own, peer, ownNonce, peerNonce)
}

// hmacOf is the HMAC of either version: they differ in the hash.
func hmacOf(h func() hash.Hash, own, peer Key, ownNonce, peerNonce uint32) (sum [sha256.Size]byte) {
	var key [16]byte
	binary.BigEndian.PutUint64(key[:], uint64(own))
	binary.BigEndian.PutUint64(key[8:], uint64(peer))
	var message [8]byte
	binary.BigEndian.PutUint32(message[:], ownNonce)
	binary.BigEndian.PutUint32(message[4:], peerNonce)
	m := hmac.New(h, key[:])
	m.Write(message[:])
	m.Sum(sum[:0])
	return sum
}

// addAddrHMAC returns the rightmost 64 bits of the HMAC by which the host with
// the key own proves that an announcement is its own (RFC 8684 section 3.4.1):
//
//	HMAC(Key = own || peer, Message = id || address || port)
//
// The port is part of the message as two octets even where it is 0 and not part
// of the option.
func addAddrHMAC(own, peer Key, id uint8, addr netip.AddrPort) uint64 {
	var key [16]byte
	binary.BigEndian.PutUint64(key[:], uint64(own))
	binary.BigEndian.PutUint64(key[8:], uint64(peer))
	message := append(make([]byte, 0, 19), id)
	message = append(message, addr.Addr().AsSlice()...)
	message = binary.BigEndian.AppendUint16(message, addr.Port())
	h := hmac.New(sha256.New, key[:])
	h.Write(message)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return binary.BigEndian.Uint64(sum[sha256.Size-8:])
}

// left64 is the truncation that the SYN/ACK of a join carries.
func left64(sum [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(sum[:]) }

// left160 is the truncation that the third packet of a join carries.
func left160(sum [sha256.Size]byte) (h [20]byte) {
	copy(h[:], sum[:])
	return h
}

// side is what one of the two hosts contributed to a connection.
type side struct {
	key   Key
	token uint32
	known bool
	// inferred: only the initial data sequence number is known, from a mapping
	// (SocketOptions.SYNCookieSSN).
	inferred bool
	idsn     wire.DSN
}

func newSide(k Key) side {
	s := side{key: k, known: true}
	s.token, s.idsn = k.Derive()
	return s
}

// numbered reports whether the host's data sequence numbers can be told: its key has
// arrived, or they follow from a mapping.
func (s *side) numbered() bool { return s.known || s.inferred }

// absolute turns a relative data sequence number into the one on the wire.
func (s *side) absolute(n uint64) wire.DSN { return s.idsn + wire.DSN(n) }

// relative turns a data sequence number of the wire into a relative one. A
// 4-octet number is promoted to the one nearest to near (RFC 8684 section
// 3.3.1), which takes wraps in either direction at the expected place and is
// not misled by reordering.
func (s *side) relative(d wire.DSN, eight bool, near uint64) uint64 {
	if !eight {
		d = wire.Promote(uint32(d), s.absolute(near))
	}
	return uint64(d - s.idsn)
}
