//go:build long

package mptcp

// mostPackets bounds the packets of an exchange that mishaps are tried on; those
// behind come through.
const mostPackets = 40
