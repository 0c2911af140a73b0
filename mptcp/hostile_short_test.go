//go:build !long

package mptcp

// hostileSegments is how many segments the attack sends; the long suite sends
// ten million.
const hostileSegments = 400_000
