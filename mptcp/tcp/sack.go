package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The blocks that we report (RFC 2018 section 4, RFC 2883): first a duplicate if
// there is one to report, then the range of the segment that arrived last, then
// the ranges most recently reported.

// sackState is what the next SACK option reports.
type sackState struct {
	dup    block    // start < end: to be reported once
	recent [4]int64 // a position in each range, newest first
	n      int32
	cut    bool // the last pure ACK had no room for some of them
}

// duplicate notes that [start, end) arrived again.
func (k *sackState) duplicate(c *Conn, start, end int64) {
	if c.options&useSACK != 0 && start < end {
		k.dup = block{start, end}
		c.gaps = true
	}
}

// noteGaps keeps in the first line of the connection whether there is anything to report.
func (c *Conn) noteGaps() {
	c.gaps = !c.ooo.empty() || c.sacks.dup.start != c.sacks.dup.end
}

// note puts the range that contains pos first.
func (k *sackState) note(q *reassembly, pos int64) {
	i := q.island(pos)
	if i < 0 {
		return
	}
	is := q.islands[i]
	old, n := k.recent, k.n
	k.recent[0] = pos
	k.n = 1
	for j := int32(0); j < n && int(k.n) < len(k.recent); j++ {
		if p := old[j]; p < is.start || p >= is.end {
			k.recent[k.n] = p
			k.n++
		}
	}
}

// pendingSACK returns the bytes of the SACK option that is to be sent, if room
// bytes are there.
func (c *Conn) pendingSACK(room int) int {
	if c.options&useSACK == 0 || !c.gaps {
		return 0
	}
	n := min(c.blockCount(), (room-4)/8)
	if n <= 0 {
		return 0
	}
	return 4 + 8*n
}

// blockCount is how many blocks there are to report, at most 4.
func (c *Conn) blockCount() int {
	n := 0
	if c.sacks.dup.start < c.sacks.dup.end {
		n++
	}
	for j := range c.sacks.n {
		if c.ooo.island(c.sacks.recent[j]) >= 0 {
			n++
		}
	}
	return min(n, 4)
}

// writeSACK adds the option to a segment, as many blocks as fit into room.
func (c *Conn) writeSACK(now sim.Time, out *Segment, room int) {
	n := (room - 4) / 8
	k := &c.sacks
	if n <= 0 || !c.gaps {
		if out.Len == 0 {
			c.noteCut(now, c.blockCount(), 0, room)
		}
		return
	}
	o := out.Options()
	m := 0
	if k.dup.start < k.dup.end {
		o.SACK[0] = wire.SACKBlock{Start: c.rcvSeq(k.dup.start), End: c.rcvSeq(k.dup.end)}
		m = 1
		k.dup = block{}
		c.noteGaps()
		c.stats.DSACKsSent++
	}
	keep, dup := int32(0), m
	for j := range k.n {
		i := c.ooo.island(k.recent[j])
		if i < 0 {
			continue
		}
		k.recent[keep] = k.recent[j]
		keep++
		if m < n && m < len(o.SACK) {
			is := c.ooo.islands[i]
			if is.end == c.rcv.fin {
				is.end++ // the FIN arrived with it
			}
			o.SACK[m] = wire.SACKBlock{Start: c.rcvSeq(is.start), End: c.rcvSeq(is.end)}
			m++
		}
	}
	k.n = keep
	if out.Len == 0 {
		c.noteCut(now, min(int(keep)+dup, len(o.SACK)), m, room)
	}
	if m > 0 {
		o.NSACK = uint8(m)
		o.Present |= wire.OptSACK
	}
}

// noteCut traces that a pure ACK had room for m blocks of n: once, until they fit
// again. Beside payload the segment size and not the options decides.
func (c *Conn) noteCut(now sim.Time, n, m, room int) {
	cut := m < n
	if cut && !c.sacks.cut {
		c.emit(now, trace.OptionLeftOut, trace.NoOptionSpace, int64(wire.OptSACK), int64(4+8*n), int64(room), 0, 0)
	}
	c.sacks.cut = cut
}
