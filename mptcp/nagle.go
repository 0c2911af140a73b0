package mptcp

import (
	"mpsim/mptcp/tcp"
	"mpsim/sched"
	"mpsim/sim"
)

// Nagle's rule and cork at the connection level (Profile.NagleOnData): what of the
// written data does not fill a segment is not granted to any subflow while the rule
// of RFC 9293 section 3.7.4, with DATA_ACKs as acknowledgements, or a cork holds it
// (out-of-tree Linux: mptcp_write_xmit applies tcp_nagle_test to the send queue of
// the connection and pushes what it hands to a subflow). So a short segment that one
// path carries keeps a second one off the other paths, too.
//
// Other profiles leave it to the TCP of each subflow, as upstream Linux does
// (__subflow_push_pending, tcp_push with the subflow's nonagle).
//
// Departures: data fills a segment if it fills the shortest of the usable subflows,
// since the subflow is not known before the scheduler is asked; where the connection
// keeps data in segments (MSSPolicy) it is these that count.

// heldTail is the state of the rule.
type heldTail struct {
	small   uint64   // end of the last short grant
	free    uint64   // end of the stream when the cork's ceiling was reached
	ceiling sim.Time // what is corked leaves
}

// nagleOnData reports whether the rule is applied before data is granted.
func (s *SocketOptions) nagleOnData(p *Profile) bool { return p.NagleOnData && s.Protocol == MPTCP }

// tail returns how many bytes at the end of the stream do not fill a segment.
func (c *connection) tail(rows []sched.Path) int {
	size := int64(c.segment)
	if size == 0 {
		size = rows[0].MSS
		for i := range rows {
			size = min(size, rows[i].MSS)
		}
	}
	return int(c.send.unsent() % size)
}

// holdTail returns how many of n bytes at the end of the stream, which do not fill a
// segment, wait: all or none. Neither the end of
// the stream nor urgent data does.
func (c *connection) holdTail(now sim.Time, n int) int {
	if n == 0 || c.closing.finQueued || c.urgent.tx != 0 {
		return 0
	}
	s := &c.send
	if c.sock.cork && s.end > c.nagle.free {
		if s.una == s.next && n == int(s.unsent()) && c.nagle.ceiling == sim.Never {
			c.nagle.ceiling = now.Add(max(c.longestRTO(), c.p.TCP.MinRTO))
		}
		return n
	}
	if c.sock.cork || c.sock.opt.NoDelay {
		return 0
	}
	hold := false
	switch c.p.TCP.Nagle {
	case tcp.NagleMinshall:
		hold = c.nagle.small > s.una && c.nagle.small <= s.next
	case tcp.NagleAny:
		hold = s.una != s.next || s.unsent() > int64(n)
	}
	if hold {
		return n
	}
	return 0
}

// noteShort remembers a grant of new data up to end that leaves a segment short.
func (c *connection) noteShort(end uint64, tail int) {
	if tail != 0 && end == c.send.end {
		c.nagle.small = end
	}
}

// longestRTO is the largest retransmission timeout of the usable subflows.
func (c *connection) longestRTO() (d sim.Duration) {
	for _, f := range c.alive {
		if f.usable() {
			d = max(d, f.flow.tcp.RTO())
		}
	}
	return d
}

// corkTimeout lets what is corked leave, unless more is outstanding by now.
func (c *connection) corkTimeout() {
	c.nagle.ceiling = sim.Never
	if c.send.una == c.send.next {
		c.nagle.free = c.send.end
	}
	c.work = true
}

// setNagle tells the TCP of a subflow what is its to decide: all of it after a
// fallback, and before in profiles that leave it to subflows.
func (f *flow) setNagle() {
	o := &f.sock.opt
	on := f.sub == nil || f.sub.phase == phasePlain || !o.nagleOnData(f.e.profile)
	f.tcp.SetNoDelay(o.NoDelay || !on)
	f.tcp.SetCork(f.sock.cork && on)
}
