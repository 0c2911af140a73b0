package mptcp

import (
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Underperforming subflows (RFC 8684 sections 3.3.6 and 3.6, code 0x05 of
// MP_TCPRST): the sender of data resets a subflow that performs too poorly beside
// the others. The RFC names multiple retransmissions as the trigger, warns of
// asymmetric paths, and leaves the heuristic open; this one is ours. It is off
// unless SocketOptions.ResetUnderperforming is set.
//
// While data is outstanding, time is cut into windows of
//
//	W = max(5 s, 10 SRTT), SRTT the largest of the subflows
//
// and of each subflow that was usable throughout a window these are taken:
//
//	D  bytes of its stream that the peer acknowledged (SND.UNA moved)
//	S  bytes sent, retransmissions included
//	R  bytes retransmitted, less one segment for each DSACK: what was not lost
//	I  time in which it carried nothing
//
// A window is poor if
//
//	10 I <= W           it had been granted enough to show what it can do
//	10 R >= S, R > 0    one byte of ten or more was sent again
//	10 D <= max D'      and it brought a tenth or less of what the best other did
//
// where the others are those that are usable, not backups, and have not timed out.
// After two poor windows in a row the subflow is reset.
//
// The round-trip time enters only in the length of the window: a path with slow,
// long or lossy acknowledgements keeps its goodput, since acknowledgements are
// cumulative, and retransmits little that was lost. A path that is slow but
// sound has no retransmissions, one that the scheduler does not use carries
// nothing. A backup, and the last subflow beside which no other carries data, are
// never reset. A path that is entirely silent is poor, too.
//
// Not modelled: the receiver of data never judges, since it does not know what was
// sent. Whether the subflow is opened again is for the path manager: the reset has
// flag T.

// The parameters of the rule.
const (
	poorWindow = 5 * sim.Second
	poorRTTs   = 10
	poorInRow  = 2
	poorTenth  = 10
)

// performance is what a connection knows of its subflows' performance.
type performance struct {
	start sim.Time // of the window
	at    sim.Time // its end; sim.Never: nothing is judged
}

func (p *performance) stop() { p.at = sim.Never }

// effort is what a subflow has done since the window began.
type effort struct {
	watched   bool // since the window began
	poor      uint8
	una       uint64
	sent      int64
	again     int64 // retransmitted
	needless  int64 // DSACKs
	idle      sim.Duration
	idleSince sim.Time // 0: it carries something
}

// emptied notes that the subflow carries nothing any more.
func (e *effort) emptied(now sim.Time) {
	if e.idleSince == 0 {
		e.idleSince = now
	}
}

// loaded notes that the subflow carries something.
func (e *effort) loaded(now sim.Time) {
	if e.idleSince != 0 {
		e.idle += now.Sub(e.idleSince)
		e.idleSince = 0
	}
}

// armPerformance begins a window if data is outstanding and none runs.
func (c *connection) armPerformance(now sim.Time) {
	if c.perf.at != sim.Never || c.send.una == c.send.next {
		return
	}
	for _, f := range c.alive {
		f.effort.poor = 0
	}
	c.beginWindow(now)
}

func (c *connection) beginWindow(now sim.Time) {
	c.perf.start = now
	c.perf.at = now.Add(c.poorWindow())
	for _, f := range c.alive {
		t, st := &f.flow.tcp, f.flow.tcp.Stats()
		f.effort = effort{
			watched: f.usable(), poor: f.effort.poor,
			una: t.SndUna(), sent: st.BytesSent, again: st.RetransmittedBytes, needless: st.DSACKsReceived,
		}
		if f.tx.len() == 0 {
			f.effort.idleSince = now
		}
	}
}

// poorWindow is the length of a window by the present round-trip times.
func (c *connection) poorWindow() sim.Duration {
	w := poorWindow
	for _, f := range c.alive {
		if f.usable() {
			w = max(w, poorRTTs*f.flow.tcp.SRTT())
		}
	}
	return w
}

// performanceTimeout judges the window that has ended, and begins the next one.
func (c *connection) performanceTimeout(now sim.Time) {
	c.perf.at = sim.Never
	if c.over || c.fallback.on {
		return
	}
	if end := c.perf.start.Add(c.poorWindow()); end > now {
		c.perf.at = end // round-trip times have grown
		return
	}
	for _, f := range c.alive {
		if !f.watchedThroughout() {
			f.effort.poor = 0
			continue
		}
		if !c.poor(now, f) {
			f.effort.poor = 0
			continue
		}
		if f.effort.poor++; f.effort.poor >= poorInRow {
			f.reset(now, rstPerformance, trace.Underperforming)
		}
	}
	if c.send.una != c.send.next {
		c.beginWindow(now)
	}
}

func (f *subflow) watchedThroughout() bool {
	return f.effort.watched && f.usable() && !f.isBackup()
}

// poor reports whether the window that ends now was poor for a subflow.
func (c *connection) poor(now sim.Time, f *subflow) bool {
	e, st := &f.effort, f.flow.tcp.Stats()
	idle := e.idle
	if e.idleSince != 0 {
		idle += now.Sub(e.idleSince)
	}
	again := st.RetransmittedBytes - e.again - (st.DSACKsReceived-e.needless)*int64(f.flow.tcp.MSS())
	if poorTenth*idle > now.Sub(c.perf.start) || again <= 0 || poorTenth*again < st.BytesSent-e.sent {
		return false
	}
	best := uint64(0)
	for _, g := range c.alive {
		if g != f && !g.failed && g.watchedThroughout() {
			best = max(best, g.flow.tcp.SndUna()-g.effort.una)
		}
	}
	return best > 0 && poorTenth*(f.flow.tcp.SndUna()-e.una) <= best
}
