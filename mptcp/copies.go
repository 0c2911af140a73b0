package mptcp

import (
	"mpsim/cc"
	"mpsim/sched"
)

// Whether a copy of data on another subflow was worth sending is told by whichever of
// the two subflows acknowledges it first: the original's, and the copy was useless; the
// copy's, and it was useful. A DATA_ACK alone says that one of them has arrived. It may
// come before either acknowledgement, which a receiver may delay while a segment of
// another subflow carries the DATA_ACK; such a copy waits for the next one that tells.
//
// Not modelled: what the receiver knows beyond that. Where both subflows acknowledge
// between two DATA_ACKs, the original counts as the first.

// maxOpenCopies bounds the copies that wait; beyond it the oldest counts as useful.
const maxOpenCopies = 256

// openCopy is data that DATA_ACKs have covered while neither of its subflows had
// acknowledged it.
type openCopy struct {
	dsn   uint64
	n     int
	first uint64 // lanes that carried it before the last one did
	last  cc.FlowID
}

// judgeCopies counts, before una moves, which of the copies below it were worth
// sending.
func (c *connection) judgeCopies(una uint64) {
	c.settleCopies()
	if c.send.copies == 0 {
		return
	}
	for i, r := range c.send.inFlight() {
		if r.DSN >= una {
			break
		}
		last := c.send.copyOn(c.send.head + i)
		if last == sched.NoFlow {
			continue
		}
		x := openCopy{r.DSN, int(min(uint64(r.Len), una-r.DSN)), r.Carried &^ bit(last), last}
		if c.judge(&x) {
			continue
		}
		if len(c.stats.open) == maxOpenCopies {
			c.stats.useful += int64(c.stats.open[0].n)
			c.stats.open = append(c.stats.open[:0], c.stats.open[1:]...)
		}
		c.keepOpen(append(c.stats.open, x))
	}
}

// keepOpen sets what waits.
func (c *connection) keepOpen(copies []openCopy) {
	c.stats.open, c.copiesOpen = copies, len(copies) > 0
}

// settleCopies judges those that wait.
func (c *connection) settleCopies() {
	kept := c.stats.open[:0]
	for i := range c.stats.open {
		if x := c.stats.open[i]; !c.judge(&x) {
			kept = append(kept, x)
		}
	}
	c.keepOpen(kept)
}

// closeCopies judges those that wait for a subflow that ends: without its copy the
// original arrives, and without the original the copy.
func (c *connection) closeCopies(lane cc.FlowID) {
	c.settleCopies()
	kept := c.stats.open[:0]
	for _, x := range c.stats.open {
		if x.last == lane {
			c.stats.useless += int64(x.n)
		} else {
			x.first &^= bit(lane)
			kept = append(kept, x)
		}
	}
	c.keepOpen(kept)
}

// judge counts a copy and reports whether that was possible yet. What is left of a copy
// of which a part could be judged stays in x.
func (c *connection) judge(x *openCopy) bool {
	if x.first == 0 { // the earlier carrier is gone
		c.stats.useful += int64(x.n)
		return true
	}
	missing := 0
	set := x.first
	for f, ok := nextCarrier(&set); ok; f, ok = nextCarrier(&set) {
		missing = max(missing, c.unacknowledged(f, x))
	}
	c.stats.useless += int64(x.n - missing)
	if missing == 0 {
		return true
	}
	x.dsn, x.n = x.dsn+uint64(x.n-missing), missing // a subflow acknowledges from the beginning on
	if c.unacknowledged(x.last, x) < x.n {
		c.stats.useful += int64(x.n)
		return true
	}
	return false
}

// unacknowledged returns how much of a copy a subflow has not acknowledged; nothing of
// one that is gone.
func (c *connection) unacknowledged(lane cc.FlowID, x *openCopy) int {
	g := c.lanes[lane]
	if g == nil {
		return 0
	}
	return g.tx.holds(x.dsn, x.n, g.flow.tcp.SndUna())
}
