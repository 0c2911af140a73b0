package tcp

import (
	"mpsim/cc"
	"mpsim/sim"
)

// Proportional rate reduction (RFC 6937 and its successor RFC 9937, slow start
// reduction bound with SafeACK; Linux tcp_cwnd_reduction). While the window is
// being reduced, what may be sent follows what was delivered:
//
//	on each ACK, D bytes delivered:
//	  prr_delivered += D
//	  pipe > ssthresh:  sndcnt = ceil(prr_delivered*ssthresh/prior) - prr_out
//	  else:             sndcnt = min(ssthresh - pipe,
//	                                 max(prr_delivered - prr_out, D) + SMSS if SafeACK)
//	  at least one segment before anything was sent
//	  cwnd = pipe + sndcnt
//
// SafeACK: SND.UNA advanced and the ACK showed no new loss. Everything is
// counted in bytes; a segment may leave while pipe < cwnd, which is the ceiling
// of the formula in segments. ssthresh is rounded down to whole segments.
//
// Prior (RecoverFS) is the window at the beginning in Linux, the bytes in flight
// in RFC 9937.
type prr struct {
	prior     int64
	ssthresh  int64
	delivered int64
	out       int64
	cwnd      int64
}

// start begins an episode; the threshold follows from the controller.
func (p *prr) start(c *Conn, pipe int64) {
	prior := c.window()
	if c.p.PRRFromPipe {
		prior = pipe
	}
	c.reducing = true
	*p = prr{prior: max(prior, 1), cwnd: max(pipe, 1)}
}

// sndcnt returns how many bytes may leave after an ACK that delivered d bytes
// while pipe bytes are in flight.
func (p *prr) sndcnt(d, pipe, mss int64, safe bool) int64 {
	p.delivered += d
	ssthresh := p.ssthresh / mss * mss
	var n int64
	if pipe > ssthresh {
		n = (p.delivered*ssthresh+p.prior-1)/p.prior - p.out
	} else {
		n = max(p.delivered-p.out, d)
		if safe {
			n += mss
		}
		n = min(n, ssthresh-pipe)
	}
	if p.out == 0 {
		n = max(n, mss) // the fast retransmission always leaves
	}
	return max(n, 0)
}

// reduceProportionally follows an acknowledgement.
func (c *Conn) reduceProportionally(delivered int64, newlyLost, advanced bool) {
	p := &c.prr
	if !c.reducing || delivered <= 0 {
		return
	}
	pipe := c.pipe()
	p.cwnd = pipe + p.sndcnt(delivered, pipe, int64(c.snd.mss), advanced && !newlyLost)
}

// Cwnd returns the congestion window in bytes for an extension that decides how much
// it gives the connection to send (Linux snd_cwnd): the controller's, and while that
// is being reduced, what is in flight and what PRR adds, in whole segments, less what
// is lost and leaves first; at least one segment. The controller has its new window
// at once, but what is in flight exceeds it then, and PRR lets new data out all the
// same for every second segment that arrives or so.
func (c *Conn) Cwnd() int64 {
	if !c.reducing {
		return c.window()
	}
	pipe, mss := c.pipe(), int64(c.snd.mss)
	n := max(c.prr.cwnd-pipe+mss-1, 0) / mss
	return max(pipe+(n-int64(c.flight.unsentLost))*mss, mss)
}

// windowUsage remembers whether the window, or something else, limited the
// sender (Linux tcp_cwnd_validate).
type windowUsage struct {
	limited bool
	seq     int64    // SND.NXT when the flags were set
	most    int64    // most bytes in flight since
	fullAt  sim.Time // when the window was last the limit
}

// windowLimited reports whether the window was the limit in the last window of
// data; in slow start also if more than half of it was used.
func (c *Conn) windowLimited() bool {
	if c.usage.limited {
		return true
	}
	w := c.window()
	return w < c.cc.Ssthresh(c.flow) && w < 2*c.usage.most
}

// noteUsage is called after sending new data, and when the window forbids it.
func (c *Conn) noteUsage(now sim.Time, limited bool) {
	u := &c.usage
	outstanding := c.snd.nxt - c.snd.una
	if c.snd.una >= u.seq || limited || !u.limited && outstanding > u.most {
		u.limited = limited
		u.most = outstanding
		u.seq = c.snd.nxt
	}
	switch {
	case limited || c.windowLimited():
		u.fullAt = now
	case c.p.SlowStartAfterIdle && c.caState == cc.Open && now.Sub(u.fullAt) >= c.rto &&
		(c.ext != nil || c.SendRoom() > 0):
		// The application did not use the window for long (RFC 2861).
		c.cc.Reduce(now, c.flow, cc.UnusedWindow)
		c.refreshWindow()
		u.fullAt = now
	}
}
