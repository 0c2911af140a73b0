package tcp

import "mpsim/sim"

// nagleHolds reports whether a segment shorter than MSS has to wait (RFC 9293
// section 3.7.4): by Minshall's variant, which Linux uses, while another short
// segment is unacknowledged; by RFC 896 while anything is. Where the window counts
// segments, those of an extension that are shorter than ours do not wait.
func (c *Conn) nagleHolds() bool {
	if c.cork {
		return true
	}
	if c.noDelay || c.slots {
		return false
	}
	switch c.p.Nagle {
	case NagleMinshall:
		return c.outgo.small > c.snd.una && c.outgo.small <= c.snd.nxt
	case NagleAny:
		return !c.flight.empty()
	}
	return false
}

// SetCork holds segments shorter than MSS back until it is switched off, the end of
// the stream goes with them, or the ceiling is reached: when nothing has been in
// flight for an RTO, at least Profile.BaseRTO (200 ms in Linux: the probe timer,
// tcp_check_probe_timer; TCP_CORK in tcp(7)). It is stronger than SetNoDelay.
func (c *Conn) SetCork(on bool) { c.cork = on }

// awaitCeiling starts the time after which what is corked leaves.
func (c *Conn) awaitCeiling(now sim.Time) {
	if c.cork && c.flight.empty() && c.rtx.kind == timerOff {
		c.arm(now, timerProbe, c.probeInterval())
	}
}
