package tcp

import (
	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sim"
)

// The scoreboard: what selective acknowledgements say of the flight (RFC 2018,
// RFC 2883, RFC 6675; Linux tcp_sacktag_write_queue). Blocks are remembered from
// one ACK to the next, so that only what is new is walked over.

// block is a range of our stream, [start, end).
type block struct{ start, end int64 }

// scoreboard is what is known beside the flags of the records.
type scoreboard struct {
	highest int64 // end of the highest selectively acknowledged record; 0: none
	// dupAcks counts duplicate ACKs of a connection without SACK: each says that
	// one segment arrived (Linux tcp_add_reno_sack).
	dupAcks int32
	nCache  int32
	cache   [4]block
	// duplicates counts segments that the peer reported as received twice.
	duplicates int64
}

// fack returns the highest selectively acknowledged position, or SND.UNA.
func (c *Conn) fack() int64 {
	if c.flight.nSacked == 0 {
		return c.snd.una
	}
	return max(c.recovery.board.highest, c.snd.una)
}

// tagSacks enters the blocks of a SACK option into the scoreboard.
func (c *Conn) tagSacks(now sim.Time, o *wire.Options, f *ackFacts) {
	n := min(int(o.NSACK), len(o.SACK))
	b := &c.recovery.board
	var blocks [4]block
	k := 0
	for i := range n {
		blk := block{c.sndPos(o.SACK[i].Start), c.sndPos(o.SACK[i].End)}
		duplicate := i == 0 && c.isDSACK(blk, o, n, f)
		if duplicate {
			c.stats.DSACKsReceived++
			// At SND.UNA a block contradicts the acknowledgement (Linux
			// tcp_is_sackblock_valid): what is sent again there is the timer's.
			if blk.start > c.snd.una && blk.end <= c.snd.nxt {
				c.walk(now, blk, f, true)
			}
			continue
		}
		// Not reversed, not beyond what was sent, above SND.UNA.
		if blk.start >= blk.end || blk.end > c.snd.nxt || blk.start <= c.snd.una {
			continue
		}
		// In sequence order, so that the last one tagged is the highest.
		j := k
		for ; j > 0 && blocks[j-1].start > blk.start; j-- {
			blocks[j] = blocks[j-1]
		}
		blocks[j] = blk
		k++
	}
	for i := range k {
		c.walkNew(now, blocks[i], f)
	}
	b.cache, b.nCache = blocks, int32(k)
	if c.caState != cc.LossState || c.recovery.undoMarker >= 0 {
		c.noteReordering(f.reorder)
	}
	// What the cumulative part of the same ACK finds is judged on its own.
	f.reorder = maxPos
}

const maxPos = int64(1)<<62 - 1

// isDSACK reports whether the first block says that a segment arrived twice
// (RFC 2883: it lies below the acknowledgement or inside the second block), and
// does the accounting (Linux tcp_check_dsack, tcp_dsack_seen).
func (c *Conn) isDSACK(blk block, o *wire.Options, n int, f *ackFacts) bool {
	below := blk.start < c.snd.una
	if !below {
		if n < 2 {
			return false
		}
		second := block{c.sndPos(o.SACK[1].Start), c.sndPos(o.SACK[1].End)}
		if blk.end > second.end || blk.start < second.start {
			return false
		}
	}
	size := blk.end - blk.start
	if size <= 0 || size > max(c.snd.maxWnd, int64(c.snd.mss)) || blk.end > c.snd.nxt {
		return false
	}
	segments := int64(1)
	mss := int64(c.snd.mss)
	if size > mss {
		segments = (size + mss - 1) / mss
	} else if c.tlpActive() && c.tlpHigh == blk.end {
		f.flags |= ackDSACKTLP
	}
	b := &c.recovery.board
	b.duplicates += segments
	if b.duplicates > c.stats.RetransmittedSegments {
		return true // we did not send that twice
	}
	f.flags |= ackDSACK
	if c.recovery.reorderSeen && f.flags&ackDSACKTLP == 0 {
		c.rack.dsackSeen = true
	}
	rc := &c.recovery
	if rc.undoMarker >= 0 && rc.undoRetrans > 0 && blk.end <= f.una && blk.end > rc.undoMarker {
		rc.undoRetrans = max(0, rc.undoRetrans-int32(segments))
	}
	return true
}

// walkNew walks over the parts of a block that the previous ACK did not report.
func (c *Conn) walkNew(now sim.Time, blk block, f *ackFacts) {
	b := &c.recovery.board
	for i := range b.nCache {
		old := b.cache[i]
		if old.end <= blk.start || old.start >= blk.end {
			continue
		}
		if blk.start < old.start {
			c.walkNew(now, block{blk.start, old.start}, f)
		}
		if blk.end > old.end {
			c.walkNew(now, block{old.end, blk.end}, f)
		}
		return
	}
	c.walk(now, blk, f, false)
}

// walk tags the records of a block, splitting those that it covers in part.
func (c *Conn) walk(now sim.Time, blk block, f *ackFacts, duplicate bool) {
	fl := &c.flight
	start := max(blk.start, c.snd.una)
	for i := fl.find(start); i != fl.tail; i++ {
		r := fl.at(i)
		if r.pos >= blk.end {
			return
		}
		if r.end() <= c.snd.una {
			continue // about to be removed
		}
		if r.flags&sentSacked != 0 {
			if duplicate {
				c.tagDuplicate(now, r, f)
			}
			continue
		}
		if r.pos < start {
			if !fl.split(i, start) {
				continue
			}
			continue // the next record is the covered part
		}
		if r.end() > blk.end {
			if !fl.split(i, blk.end) {
				return
			}
			r = fl.at(i)
		}
		if duplicate {
			c.tagDuplicate(now, r, f)
		} else {
			c.tag(now, r, f)
		}
	}
}

// tag marks a record as received.
func (c *Conn) tag(now sim.Time, r *sent, f *ackFacts) {
	c.rackAdvance(now, r)
	flags := r.flags
	switch {
	case flags&sentResent != 0:
		// If it is not presumed lost, a retransmission is still in flight.
		if flags&sentLost != 0 {
			flags &^= sentLost | sentResent
		}
	default:
		if flags&sentEver == 0 {
			if r.pos < f.fack && r.pos < f.reorder {
				f.reorder = r.pos // a segment sent once fills a hole
			}
			if r.end() <= c.recovery.highSeq {
				f.flags |= ackOrigAcked
			}
			if f.sendTime.firstSacked == noTime {
				f.sendTime.firstSacked = r.at
			}
			f.sendTime.lastSacked = r.at
		}
		flags &^= sentLost
	}
	c.flight.setFlags(r, flags|sentSacked)
	c.recovery.board.highest = max(c.recovery.board.highest, r.end())
	c.rateDelivered(now, r, f)
	c.rate.delivered += int64(r.len)
	f.flags |= ackSacked
}

// tagDuplicate notes that a record was received twice: it was received, and its
// retransmission has left the network (Linux tcp_sacktag_one).
func (c *Conn) tagDuplicate(now sim.Time, r *sent, f *ackFacts) {
	rc := &c.recovery
	if f.flags&ackDSACK != 0 && r.flags&(sentResent|sentEver) != 0 {
		if rc.undoMarker >= 0 && rc.undoRetrans > 0 && r.end() > rc.undoMarker {
			rc.undoRetrans--
		}
		if r.flags&sentSacked != 0 && r.pos < f.reorder {
			f.reorder = r.pos
		}
	}
	if r.flags&sentSacked == 0 {
		c.tag(now, r, f)
	}
	c.flight.setFlags(r, r.flags&^sentResent)
}

// noteReordering learns from a segment that arrived late how much the network
// reorders (Linux tcp_check_sack_reordering).
func (c *Conn) noteReordering(low int64) {
	high := c.fack()
	if low >= high {
		return
	}
	rc := &c.recovery
	mss := int64(c.snd.mss)
	if n := (high - low + mss - 1) / mss; high-low > int64(rc.reordering)*mss {
		rc.reordering = int32(min(n, int64(c.p.MaxReordering)))
	}
	rc.reorderSeen = true
	c.stats.Reorderings++
}

// addDupAck counts a duplicate ACK of a connection without SACK: one segment has
// left the network.
func (c *Conn) addDupAck(f *ackFacts) {
	if f.dupAcks == 0 {
		return
	}
	b := &c.recovery.board
	before := c.flight.sacked
	b.dupAcks += f.dupAcks
	if limit := int32(c.flight.len()) - max(c.flight.nLost, 1); b.dupAcks > limit {
		// More duplicates than segments: they were reordered or duplicated.
		b.dupAcks = max(limit, 0)
		c.recovery.reordering = min(int32(c.flight.len())+f.dupAcks, int32(c.p.MaxReordering))
		c.recovery.reorderSeen = true
	}
	c.setDupAckBytes()
	c.rate.delivered += max(c.flight.sacked-before, 0)
}

// removeDupAcks takes a cumulative acknowledgement of a connection without SACK
// into account: it fills one hole, and the rest had been counted already (Linux
// tcp_remove_reno_sacks).
func (c *Conn) removeDupAcks(bytes int64, records int32, f *ackFacts) {
	b := &c.recovery.board
	if f.flags&ackRetransAcked != 0 {
		f.flags &^= ackOrigAcked // nothing shows that originals arrived
	}
	if b.dupAcks == 0 {
		return
	}
	c.rate.delivered -= min(c.flight.sacked, max(bytes-int64(c.snd.mss), 0))
	b.dupAcks = max(b.dupAcks-(records-1), 0)
	c.setDupAckBytes()
}

// resetDupAcks forgets duplicate ACKs.
func (c *Conn) resetDupAcks() {
	if c.recovery.board.dupAcks != 0 {
		c.recovery.board.dupAcks = 0
		c.setDupAckBytes()
	}
}

// setDupAckBytes expresses duplicate ACKs as acknowledged bytes.
func (c *Conn) setDupAckBytes() {
	fl := &c.flight
	n := c.recovery.board.dupAcks
	fl.nSacked = n
	fl.sacked = min(int64(n)*int64(c.snd.mss), max(c.snd.nxt-c.snd.una-fl.lost, 0))
}

// lostBelow is IsLost of RFC 6675, section 4, for every segment at once: it returns
// the position below which unacknowledged segments are lost, because three
// separate ranges or more than two full segments above them have arrived.
func (c *Conn) lostBelow() int64 {
	fl := &c.flight
	const dupThresh = 3
	var bytes int64
	ranges := 0
	inRange := false
	for i := fl.tail; i != fl.head; i-- {
		r := fl.at(i - 1)
		if r.flags&sentSacked == 0 {
			inRange = false
			continue
		}
		if !inRange {
			inRange = true
			ranges++
		}
		bytes += int64(r.len)
		if ranges >= dupThresh || bytes > (dupThresh-1)*int64(c.snd.mss) {
			return r.pos
		}
	}
	return c.snd.una
}

// markLostRFC6675 marks what RFC 6675 considers lost; retransmissions are not
// judged.
func (c *Conn) markLostRFC6675() {
	fl := &c.flight
	if fl.nSacked == 0 {
		return
	}
	edge := c.lostBelow()
	for i := fl.rackHint; i != fl.tail; i++ {
		r := fl.at(i)
		if r.pos >= edge {
			break
		}
		if r.flags&(sentSacked|sentLost|sentResent) == 0 {
			c.markLost(i, r)
		}
		fl.rackHint = i + 1
	}
}
