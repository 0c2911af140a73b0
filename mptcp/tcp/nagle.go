package tcp

// nagleHolds reports whether a segment shorter than MSS has to wait (RFC 9293
// section 3.7.4): by Minshall's variant, which Linux uses, while another short
// segment is unacknowledged; by RFC 896 while anything is. Where the window counts
// segments, those of an extension that are shorter than ours do not wait.
func (c *Conn) nagleHolds() bool {
	if c.noDelay || c.slots {
		return false
	}
	switch c.p.Nagle {
	case NagleMinshall:
		return c.snd.small > c.snd.una && c.snd.small <= c.snd.nxt
	case NagleAny:
		return !c.flight.empty()
	}
	return false
}
