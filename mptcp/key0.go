package mptcp

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"

	"mpsim/net/wire"
)

// This file holds the cryptography of version 0 (RFC 6824 sections 3.1 and 3.2),
// which has SHA-1 where version 1 has SHA-256.

// DeriveV0 is Derive of version 0: the token is the most significant 32 bits of
// SHA-1 of the key in network byte order, the initial data sequence number its
// least significant 64 bits.
func (k Key) DeriveV0() (token uint32, idsn wire.DSN) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(k))
	sum := sha1.Sum(b[:])
	return binary.BigEndian.Uint32(sum[:]), wire.DSN(binary.BigEndian.Uint64(sum[12:]))
}

// joinHMACv0 is joinHMAC of version 0; its 160 bits are the left ones.
func joinHMACv0(own, peer Key, ownNonce, peerNonce uint32) [sha256.Size]byte {
	return hmacOf(sha1.New, own, peer, ownNonce, peerNonce)
}

// newSide is newSide of the version of the connection.
func (c *connection) newSide(k Key) side {
	if c.version > 0 {
		return newSide(k)
	}
	s := side{key: k, known: true}
	s.token, s.idsn = k.DeriveV0()
	return s
}

// joinHMAC is joinHMAC of the version of the connection.
func (c *connection) joinHMAC(own, peer Key, ownNonce, peerNonce uint32) [sha256.Size]byte {
	if c.version > 0 {
		return joinHMAC(own, peer, ownNonce, peerNonce)
	}
	return joinHMACv0(own, peer, ownNonce, peerNonce)
}
