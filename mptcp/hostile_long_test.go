//go:build long

package mptcp

// hostileSegments is how many segments the attack sends.
const hostileSegments = 10_000_000
