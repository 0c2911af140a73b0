package tcp

import "mpsim/sim"

// Pacing: a controller that gives a rate has its segments spaced by it (Linux's
// internal pacing, net/ipv4/tcp_output.c tcp_pacing_check and
// tcp_update_skb_after_send):
//
//	after n bytes of payload left at t, due at d <= t:
//	  the next may leave at t + gap - min(gap/2, t - d),  gap = 8n/rate
//
// so that half of a delay is made good. Retransmissions wait as well; what a timer
// forces (the first segment after a timeout, probes) does not, but counts. The first
// ten segments of payload leave together. There is one timer for a connection that
// has something to send, and none for one that has not.
//
// Departure: Linux sends bursts of a millisecond of data (TSO), here every segment is
// spaced by itself.

// unpacedSegments is how many segments leave before pacing begins (Linux
// tcp_update_skb_after_send, after fq's initial quantum).
const unpacedSegments = 10

// paceHolds reports whether data must wait; the connection is polled when it may leave.
func (c *Conn) paceHolds(now sim.Time) bool {
	if now >= c.paceDue {
		return false
	}
	c.paceTimer = c.paceDue
	return true
}

// paceSent spaces what follows n bytes of payload.
func (c *Conn) paceSent(now sim.Time, n int) {
	rate := c.cc.PacingRate(c.flow)
	if rate <= 0 || c.count.bytesSent < unpacedSegments*int64(c.snd.mss) {
		return
	}
	gap := sim.Duration(int64(n) * 8e9 / int64(rate))
	gap -= min(gap/2, now.Sub(min(c.paceDue, now)))
	c.paceDue = max(c.paceDue, now).Add(gap)
}
