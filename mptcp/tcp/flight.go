package tcp

import "mpsim/sim"

// flight holds what was sent and not yet acknowledged cumulatively: one record
// for each segment, in sequence order and without gaps, in a ring that grows by
// doubling. It corresponds to Linux's retransmission queue. Records are named by
// absolute indices head <= i < tail (modulo 2^32), so that cursors survive the
// acknowledgement of what lies before them.
//
// The order in which segments were sent, which RACK needs, is not stored: first
// transmissions are in sequence order by nature, and retransmissions are also
// entered into the queue resent in the order in which they leave.
type flight struct {
	// Records, by their flags; unsentLost counts those that are lost and wait for
	// retransmission.
	nSacked, nLost, nResent, unsentLost int32
	head, tail                          uint32
	// orders counts transmissions. In virtual time many leave at the same instant,
	// so that the time alone does not tell which came first.
	orders uint32

	// rtxHint: no record before it waits for retransmission.
	rtxHint uint32
	// rackHint: no record before it is a candidate of RACK by its first
	// transmission (it is sacked, lost, or was sent again).
	rackHint uint32
	// again says that something before resentEnd may have been sent again and be in flight.
	again bool
	buf   []sent
	// Bytes of sequence space by the flags of the records; all are 0 while there are no such
	// records.
	sacked, lost, resent int64
	// resentEnd is the end of the highest record that was ever sent again.
	resentEnd int64
	// resentQ holds retransmissions in the order of their time.
	resentQ resentQueue
}

// sent is one segment in flight: 40 bytes.
type sent struct {
	pos int64    // stream position of the first byte (of the FIN, if it is alone)
	at  sim.Time // of the last transmission
	// The state of the delivery rate estimator when it was sent
	// (draft-cheng-iccrg-delivery-rate-estimation): time of the last delivery
	// then, time since the first segment of that flight was sent, bytes delivered
	// (low half).
	deliveredAt sim.Time
	elapsed     uint32 // since the first segment of that flight, in units of 64 ns
	delivered   uint32
	order       uint32 // number of the last transmission on this connection
	len         uint16 // sequence space: payload and FIN
	flags       sentFlags
	times       uint8 // transmissions, saturating
}

func (r *sent) end() int64 { return r.pos + int64(r.len) }

// payload returns the bytes without the FIN.
func (r *sent) payload() int {
	if r.flags&sentFIN != 0 {
		return int(r.len) - 1
	}
	return int(r.len)
}

// sentFlags is the scoreboard entry of a segment (the names in brackets are
// Linux's).
type sentFlags uint8

const (
	sentSacked     sentFlags = 1 << iota // acknowledged selectively (SACKED_ACKED)
	sentLost                             // presumed lost (LOST)
	sentResent                           // a retransmission is in flight (SACKED_RETRANS)
	sentEver                             // was ever sent again (EVER_RETRANS)
	sentFIN                              // carries our FIN
	sentAppLimited                       // the application limited the rate when it was sent
	sentPush                             // ends at a push boundary
)

func (f *flight) len() int { return int(f.tail - f.head) }

func (f *flight) empty() bool { return f.head == f.tail }

func (f *flight) at(i uint32) *sent { return &f.buf[i&uint32(len(f.buf)-1)] }

// push appends a record and returns it. Its fields are those of an earlier use
// and must all be set.
func (f *flight) push() *sent {
	if int(f.tail-f.head) == len(f.buf) {
		f.grow()
	}
	r := &f.buf[f.tail&uint32(len(f.buf)-1)]
	f.tail++
	return r
}

// stamp numbers the transmission of a record.
func (f *flight) stamp(r *sent) {
	f.orders++
	r.order = f.orders
}

func (f *flight) grow() {
	n := max(16, 2*len(f.buf))
	buf := make([]sent, n)
	for i := f.head; i != f.tail; i++ {
		buf[i&uint32(n-1)] = *f.at(i)
	}
	f.buf = buf
}

// find returns the index of the record that contains pos, or tail if pos lies
// beyond the last; pos before the first gives head.
func (f *flight) find(pos int64) uint32 {
	lo, hi := f.head, f.tail
	if lo == hi {
		return lo
	}
	// Segments are mostly of one length, so that the place follows from the position, and
	// a search would touch a line for each step.
	first := f.at(lo).pos
	past := f.at(hi - 1).end()
	if pos >= past || pos < first {
		if pos >= past {
			return hi
		}
		return lo
	}
	if i := lo + uint32(uint64(pos-first)*uint64(hi-lo)/uint64(past-first)); i != hi {
		switch r := f.at(i); {
		case r.pos > pos:
			hi = i
		case r.end() > pos:
			return i
		default:
			lo = i + 1
		}
	}
	for lo != hi {
		mid := lo + (hi-lo)/2
		if f.at(mid).end() <= pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// pop removes the first record, which is acknowledged.
func (f *flight) pop(r *sent) {
	f.uncount(r.flags, int64(r.len), 1)
	f.head++
	f.catchUp()
}

// catchUp moves the cursors to the head if it has passed them.
func (f *flight) catchUp() {
	if int32(f.rtxHint-f.head) < 0 {
		f.rtxHint = f.head
	}
	if int32(f.rackHint-f.head) < 0 {
		f.rackHint = f.head
	}
}

// forget notes that what was sent again is acknowledged, if everything below una is; it
// reports whether that is so.
func (f *flight) forget(una int64) bool {
	f.again = f.resentEnd > una
	return !f.again
}

// trim removes the first n bytes of the first record, which are acknowledged.
func (f *flight) trim(r *sent, n int64) {
	f.uncount(r.flags, n, 0)
	r.pos += n
	r.len -= uint16(n)
}

// uncount takes bytes and records with the given flags out of the sums.
func (f *flight) uncount(flags sentFlags, bytes int64, records int32) {
	if flags&(sentSacked|sentLost|sentResent) == 0 {
		return
	}
	if flags&sentSacked != 0 {
		f.sacked -= bytes
		f.nSacked -= records
	}
	if flags&sentLost != 0 {
		f.lost -= bytes
		f.nLost -= records
		if flags&sentResent == 0 {
			f.unsentLost -= records
		}
	}
	if flags&sentResent != 0 {
		f.resent -= bytes
		f.nResent -= records
	}
}

// setFlags changes the scoreboard flags of record i, keeping the sums.
func (f *flight) setFlags(r *sent, flags sentFlags) {
	f.uncount(r.flags, int64(r.len), 1)
	f.uncount(flags, -int64(r.len), -1)
	r.flags = flags
}

// maxRecords bounds the records that splitting may make, whatever blocks a peer
// reports; beyond it a segment that is acknowledged in part counts as not
// acknowledged.
const maxRecords = 1 << 16

// split cuts record i before pos, so that i ends there and i+1 begins. It
// reports whether it could.
func (f *flight) split(i uint32, pos int64) bool {
	if f.len() >= maxRecords {
		return false
	}
	f.push()
	for j := f.tail - 1; j != i+1; j-- {
		*f.at(j) = *f.at(j - 1)
	}
	r, s := f.at(i), f.at(i+1)
	*s = *r
	n := uint16(pos - r.pos)
	s.pos, s.len = pos, r.len-n
	r.len = n
	r.flags &^= sentFIN | sentPush
	f.uncount(r.flags, 0, -1)
	f.shiftHints(i, 1)
	return true
}

// join appends record i+1 to i; both must have the same scoreboard flags.
func (f *flight) join(i uint32) {
	r, s := f.at(i), f.at(i+1)
	f.uncount(r.flags, 0, 1)
	r.len += s.len
	r.flags |= s.flags & (sentFIN | sentPush | sentEver)
	for j := i + 1; j+1 != f.tail; j++ {
		*f.at(j) = *f.at(j + 1)
	}
	f.tail--
	f.shiftHints(i, -1)
}

// waits notes that record i waits for retransmission.
func (f *flight) waits(i uint32) {
	if int32(i-f.rtxHint) < 0 {
		f.rtxHint = i
	}
}

// shiftHints moves the cursors behind record i by d.
func (f *flight) shiftHints(i uint32, d int32) {
	if int32(f.rtxHint-i) > 0 {
		f.rtxHint += uint32(d)
	}
	if int32(f.rackHint-i) > 0 {
		f.rackHint += uint32(d)
	}
}

// rewind lets all cursors start at the head again, because flags were cleared.
func (f *flight) rewind() {
	f.rtxHint, f.rackHint = f.head, f.head
}

// resentQueue remembers retransmissions in the order in which they were made. An
// entry is stale, and dropped when it comes to the front, if its segment was
// acknowledged or sent again since.
type resentQueue struct {
	buf        []resentEntry
	head, tail uint32
}

type resentEntry struct {
	pos   int64
	order uint32
}

func (q *resentQueue) push(pos int64, order uint32) {
	if int(q.tail-q.head) == len(q.buf) {
		n := max(8, 2*len(q.buf))
		buf := make([]resentEntry, n)
		for i := q.head; i != q.tail; i++ {
			buf[i&uint32(n-1)] = q.buf[i&uint32(len(q.buf)-1)]
		}
		q.buf = buf
	}
	q.buf[q.tail&uint32(len(q.buf)-1)] = resentEntry{pos, order}
	q.tail++
}

func (q *resentQueue) get(i uint32) *resentEntry { return &q.buf[i&uint32(len(q.buf)-1)] }

func (q *resentQueue) clear() { q.head = q.tail }
