package mptcp

import (
	"math/bits"

	"mpsim/cc"
	"mpsim/sched"
	"mpsim/sim"
)

// What the scheduler sees of the subflows: one row for each that may be granted data.
// An acknowledgement changes one row, and with several subflows nearly all of the
// state behind the others lies in no cache close by, so that rows are kept: a row is
// filled again if its subflow got something to do since, because everything that
// happens to a subflow puts it on the list of those that may have something to send.
// After anything but data and acknowledgements (touch) all rows are.

// rowCache are the rows of a connection, in the order of their subflows.
type rowCache struct {
	kept bool // rows may be kept: they change with their own subflow only
	// sifts: open tells which rows are open (sched.Queue.Open).
	sifts   bool
	longest int32 // segment of all rows
	rows    []sched.Path
	due     []sim.Time // RtxDue of each; 0: the timer does not run, or does not count
	dirty   uint64     // rows that are to be filled again
	open    uint64
}

// noRow is the row of a subflow that has none.
const noRow = ^uint8(0)

// maxKeptRows bounds the rows that are kept, because dirty is a set of so many.
const maxKeptRows = 64

// init finds out whether rows can be kept.
func (k *rowCache) init(c *connection) {
	t := cc.TraitsOf(c.cc)
	k.kept = t.OwnWindows && c.asks&sched.FactDevice == 0 && (c.asks&sched.FactPacing == 0 || !t.Paced) &&
		c.sock.opt.MSSPolicy == SegmentFree
}

// markRow notes that the row of a subflow does not hold any more. One without a row may
// be due one. Nothing is noted of rows that are filled again anyway.
func (c *connection) markRow(row uint8) {
	if !c.rowsFresh {
		return
	}
	if row >= maxKeptRows {
		c.rowsFresh = false
		return
	}
	c.rows.dirty |= 1 << row
}

// touch notes that something has happened beside data and acknowledgements on
// established subflows: what is kept of rows and deadlines must be looked up again.
func (c *connection) touch() {
	c.touched = true
	c.rowsFresh = false
}

// penalise lowers the window of a subflow that holds up the connection.
func (c *connection) penalise(now sim.Time, f cc.FlowID) {
	c.cc.Reduce(now, f, cc.Penalty)
	if s := c.subs[f]; s.flow != nil {
		s.flow.tcp.WindowReduced()
	}
	c.rowsFresh = false
}

// currentRows returns what the scheduler sees of the subflows that may be granted data.
func (c *connection) currentRows(now sim.Time) []sched.Path {
	k := &c.rows
	if !c.rowsFresh || !c.refreshRows(now) {
		c.fillRows(now)
	}
	if c.p.Retrans == RetransUpstream && (c.askClosed || c.peer.edge > c.send.next) {
		c.setRetransInterval(now)
		c.asked, c.askClosed = true, false
	}
	return k.rows
}

// refreshRows fills the rows in again that do not hold, and reports whether their
// subflows are still those that may be granted data. A subflow that may send
// something yet changes as it does, and a stale one may recover at any time.
func (c *connection) refreshRows(now sim.Time) bool {
	k := &c.rows
	for set := k.dirty; set != 0; set &= set - 1 {
		i := bits.TrailingZeros64(set)
		f := c.subs[k.rows[i].Flow]
		if !f.usable() {
			return false
		}
		c.fillRow(now, i, f)
		if !f.flow.queued && !f.stale {
			k.dirty &^= 1 << i
		}
	}
	return true
}

// rowSettled fills the row of a subflow that has sent what it can, as long as its lines
// are at hand. It changes nothing: the next refreshRows would do it.
func (c *connection) rowSettled(now sim.Time, f *subflow) {
	k := &c.rows
	if f.rowAt < maxKeptRows && k.dirty>>f.rowAt&1 != 0 && !f.stale && f.usable() {
		k.dirty &^= 1 << f.rowAt
		c.fillRow(now, int(f.rowAt), f)
	}
}

// fillRows fills all rows.
func (c *connection) fillRows(now sim.Time) {
	k := &c.rows
	if c.sock.opt.MSSPolicy != SegmentFree {
		c.segment = uint16(c.chooseSegment())
	}
	k.reserve(len(c.alive))
	n, dirty := 0, uint64(0)
	k.open, k.longest = 0, 0
	for _, f := range c.alive {
		f.rowAt = noRow
		if !f.usable() {
			continue
		}
		r := &k.rows[n]
		r.Flow, r.Lane = f.id, uint8(f.lane)
		r.Cost, r.Weight = f.facts.Cost, int32(min(f.facts.Weight, 1<<31-1))
		c.fillRow(now, n, f)
		f.rowAt = uint8(min(n, maxKeptRows))
		if f.flow.queued || f.stale {
			dirty |= 1 << n
		}
		n++
	}
	k.rows, k.due = k.rows[:n], k.due[:n]
	k.sifts = n <= sched.MaxOpen
	if c.segment != 0 {
		c.inSegments(k.rows)
		k.sifts = false // what is open counts in segments of the connection
	}
	c.rowsFresh, k.dirty = k.kept && n <= maxKeptRows, dirty
}

// fillRow fills in what changes of a row, field by field.
func (c *connection) fillRow(now sim.Time, i int, f *subflow) {
	k := &c.rows
	r, t := &k.rows[i], &f.flow.tcp
	r.SRTT, r.RTTVar = t.SRTT(), t.RTTVar()
	r.Window, r.InFlight = t.Cwnd(), t.InFlight()
	c.fillBuffer(r, f)
	r.MSS, r.LastRecv = int64(t.MSS()), t.LastReceived()
	r.Backup, r.PotentiallyFailed = f.isBackup(), f.failed
	// Without SACK loss recovery lasts until something sent after the timeout
	// is acknowledged: a subflow with nothing to recover takes new data
	// (out-of-tree Linux, mptcp_is_temp_unavailable).
	r.InLoss = t.CAState() == cc.LossState && r.Queued > 0
	r.Stale = f.stale && !c.active(now, f)
	if c.asks != 0 {
		c.fillFacts(now, r, f)
	}
	k.due[i] = f.retransDue()
	k.longest = max(k.longest, int32(r.MSS))
	k.sift(i, r)
}

// sift notes whether row i is open.
func (k *rowCache) sift(i int, r *sched.Path) {
	if i < sched.MaxOpen {
		if k.open &^= 1 << i; r.IsOpen() {
			k.open |= 1 << i
		}
	}
}

// full reports whether no row is open for data that was never granted, of which there
// are n bytes.
func (k *rowCache) full(n int64) bool { return k.sifts && k.open == 0 && n >= int64(k.longest) }

// fillBuffer fills in what a grant to the subflow changes of its row.
func (c *connection) fillBuffer(r *sched.Path, f *subflow) {
	t := &f.flow.tcp
	r.Unsent = t.Unsent()
	r.Queued = t.SendMemory()
	if c.asks&sched.FactMemory != 0 {
		r.Queued = t.SocketMemory()
	}
	r.SendBufFree = c.send.limit - r.Queued
	if f.flow.tunes {
		r.SendBufFree = t.SendBuffer() - r.Queued
	}
}

// granted brings the row of a subflow up to date after a grant to it.
func (c *connection) granted(id cc.FlowID) {
	k, f := &c.rows, c.subs[id]
	if i := int(f.rowAt); i < maxKeptRows {
		c.fillBuffer(&k.rows[i], f)
		k.sift(i, &k.rows[i])
		return
	}
	for i := maxKeptRows; i < len(k.rows); i++ {
		if r := &k.rows[i]; r.Flow == id {
			c.fillBuffer(r, f)
			return
		}
	}
}

// reserve makes room for n rows.
func (k *rowCache) reserve(n int) {
	if n > cap(k.rows) {
		k.rows, k.due = make([]sched.Path, n), make([]sim.Time, n)
	}
	k.rows, k.due = k.rows[:n], k.due[:n]
}

// latestRetrans returns when the last of the timers that watch sent data expires, at
// least now.
func (c *connection) latestRetrans(now sim.Time) sim.Time {
	k := &c.rows
	due := now
	if !c.rowsFresh {
		for _, f := range c.alive {
			if f.usable() {
				due = max(due, f.retransDue())
			}
		}
		return due
	}
	for i, d := range k.due {
		if k.dirty>>i&1 != 0 {
			d = 0
			if f := c.subs[k.rows[i].Flow]; f.usable() {
				d = f.retransDue()
			}
		}
		due = max(due, d)
	}
	return due
}

// retransDue returns when the timer that watches the subflow's sent data expires; 0
// if none runs, or if the subflow has made no progress since the last expiry of the
// connection's timer.
func (f *subflow) retransDue() sim.Time {
	if f.staleCount > 0 {
		return 0
	}
	if d := f.flow.tcp.RtxDue(); d != sim.Never {
		return d
	}
	return 0
}
