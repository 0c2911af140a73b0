package mptcp

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Where the send buffer is freed only by the acknowledgements of the subflows, too
// (Profile.ReleaseNeedsSubflow), a subflow that has fallen silent holds the buffer
// from its oldest byte on, although the peer has long received the data elsewhere,
// until nothing can be written any more. RFC 8684 section 3.6 has the way out: "too much outstanding data", code
// 0x04, resets a subflow on which it would be more costly to send that data again
// than to start anew. The text leaves open how much is too much; here it is a share
// of the send buffer.

// resetOutstanding resets the subflows that have timed out and hold too much of the
// send buffer with data that the peer has acknowledged, if another one can go on.
func (c *connection) resetOutstanding(now sim.Time) {
	limit := c.send.limit * int64(c.p.OutstandingPercent) / 100
	for _, f := range c.subs {
		if f.dead || !f.failed {
			continue
		}
		if low, ok := f.tx.lowest(); !ok || low >= c.send.una || int64(c.send.una-low) <= limit {
			continue
		}
		for _, g := range c.subs {
			if g != f && g.usable() && !g.failed {
				f.reset(now, rstOutstanding, trace.TooMuchOutstanding)
				break
			}
		}
	}
}
