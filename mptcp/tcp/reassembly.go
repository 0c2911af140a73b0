package tcp

// What arrived out of order, and what arrived in order and was not read: ranges
// of positions with the true offset of their first byte. Contiguous ranges whose
// offsets are contiguous, too, are one.

// span is a range of the peer's stream, [pos, end), whose first byte has the
// true offset off.
type span struct {
	pos, end int64
	off      uint64
}

// joins reports whether t continues s in position and offset.
func (s *span) joins(t *span) bool {
	return s.end == t.pos && s.off+uint64(s.end-s.pos) == t.off
}

// maxSpans bounds what is kept out of order; further segments are dropped as if
// they were lost, unless they continue a range.
const maxSpans = 1 << 14

// reassembly holds what arrived out of order: the spans, and the islands that
// they form regardless of offsets, which is what SACK reports. Both are sorted
// and start at their heads.
type reassembly struct {
	islands []block
	iHead   int
	spans   []span
	sHead   int
	arena   *Arena // of literal bytes: what is dropped is released
}

func (q *reassembly) empty() bool { return q.iHead == len(q.islands) }

// last returns the end of the highest island.
func (q *reassembly) last() int64 { return q.islands[len(q.islands)-1].end }

// bytes returns how much is held.
func (q *reassembly) bytes() (n int64) {
	for _, b := range q.islands[q.iHead:] {
		n += b.end - b.start
	}
	return n
}

// island returns the index of the island that contains pos, or -1.
func (q *reassembly) island(pos int64) int {
	i := q.search(pos + 1)
	if i == len(q.islands) || q.islands[i].start > pos {
		return -1
	}
	return i
}

// search returns the index of the first island that ends at or behind pos.
func (q *reassembly) search(pos int64) int {
	lo, hi := q.iHead, len(q.islands)
	if lo != hi && q.islands[hi-1].end < pos {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if q.islands[mid].end < pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// insert adds [pos, end). It returns the first part that was there already (dup
// is empty if there was none) and whether there was room.
func (q *reassembly) insert(pos, end int64, off uint64) (dup block, ok bool) {
	i := q.search(pos)
	j := i
	for j < len(q.islands) && q.islands[j].start <= end {
		j++
	}
	if len(q.spans)-q.sHead+j-i+1 > maxSpans {
		return dup, false
	}
	merged := block{pos, end}
	at := pos
	for _, is := range q.islands[i:j] {
		if at < is.start {
			q.addSpan(at, is.start, off+uint64(at-pos))
		}
		if lo, hi := max(at, is.start), min(end, is.end); lo < hi {
			q.arena.Release(off+uint64(lo-pos), hi-lo)
			if dup.end == 0 {
				dup = block{lo, hi}
			}
		}
		at = max(at, is.end)
		merged.start = min(merged.start, is.start)
		merged.end = max(merged.end, is.end)
	}
	if at < end {
		q.addSpan(at, end, off+uint64(at-pos))
	}
	if i == j {
		q.islands = append(q.islands, block{})
		copy(q.islands[i+1:], q.islands[i:])
		q.islands[i] = merged
		return dup, true
	}
	q.islands[i] = merged
	if j > i+1 {
		q.islands = append(q.islands[:i+1], q.islands[j:]...)
	}
	return dup, true
}

// addSpan adds a span that overlaps no other.
func (q *reassembly) addSpan(pos, end int64, off uint64) {
	s := span{pos, end, off}
	lo, hi := q.sHead, len(q.spans)
	if lo == hi || q.spans[hi-1].pos < pos {
		lo = hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if q.spans[mid].pos < pos {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	before := lo > q.sHead && q.spans[lo-1].joins(&s)
	after := lo < len(q.spans) && s.joins(&q.spans[lo])
	switch {
	case before && after:
		q.spans[lo-1].end = q.spans[lo].end
		q.spans = append(q.spans[:lo], q.spans[lo+1:]...)
	case before:
		q.spans[lo-1].end = end
	case after:
		q.spans[lo].pos, q.spans[lo].off = pos, off
	default:
		q.spans = append(q.spans, span{})
		copy(q.spans[lo+1:], q.spans[lo:])
		q.spans[lo] = s
	}
}

// pop takes the first span if it starts at or below nxt, less what lies below
// nxt.
func (q *reassembly) pop(nxt int64) (s span, ok bool) {
	for q.sHead < len(q.spans) && q.spans[q.sHead].pos <= nxt {
		s = q.spans[q.sHead]
		q.sHead++
		q.arena.Release(s.off, min(s.end, nxt)-s.pos)
		if s.end > nxt {
			s.off += uint64(nxt - s.pos)
			s.pos = nxt
			ok = true
			break
		}
	}
	if q.sHead == len(q.spans) {
		q.spans, q.sHead = q.spans[:0], 0
	} else if q.sHead >= 64 && q.sHead*2 >= len(q.spans) {
		n := copy(q.spans, q.spans[q.sHead:])
		q.spans, q.sHead = q.spans[:n], 0
	}
	return s, ok
}

// trim drops islands that lie below nxt.
func (q *reassembly) trim(nxt int64) {
	for q.iHead < len(q.islands) && q.islands[q.iHead].end <= nxt {
		q.iHead++
	}
	if q.iHead == len(q.islands) {
		q.islands, q.iHead = q.islands[:0], 0
	} else if q.islands[q.iHead].start < nxt {
		q.islands[q.iHead].start = nxt
	}
	if q.iHead >= 64 && q.iHead*2 >= len(q.islands) {
		n := copy(q.islands, q.islands[q.iHead:])
		q.islands, q.iHead = q.islands[:n], 0
	}
}

// spanQueue is what arrived in order and was not read.
type spanQueue struct {
	spans []span
	head  int
}

// push appends a span, which continues the queue.
func (q *spanQueue) push(s span) {
	if n := len(q.spans); n > q.head && q.spans[n-1].joins(&s) {
		q.spans[n-1].end = s.end
		return
	}
	q.spans = append(q.spans, s)
}

func (q *spanQueue) empty() bool { return q.head == len(q.spans) }

// pop takes up to n bytes of the first span; there is one.
func (q *spanQueue) pop(n int64) (off uint64, got int64) {
	s := &q.spans[q.head]
	got = min(n, s.end-s.pos)
	off = s.off
	s.pos += got
	s.off += uint64(got)
	if s.pos == s.end {
		q.head++
		if q.head == len(q.spans) {
			q.spans, q.head = q.spans[:0], 0
		} else if q.head >= 64 && q.head*2 >= len(q.spans) {
			n := copy(q.spans, q.spans[q.head:])
			q.spans, q.head = q.spans[:n], 0
		}
	}
	return off, got
}
