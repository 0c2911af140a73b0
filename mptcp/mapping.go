package mptcp

// mapping says which data a run of a subflow's stream is (RFC 8684 section
// 3.3.1): byte pos+i of the subflow is data sequence number dsn+i. On the wire
// the subflow sequence number counts from 1, the first byte behind the SYN.
type mapping struct {
	pos uint64
	dsn uint64
	len uint32
	sum mappingSum // of received mappings, if the connection uses checksums
}

// mappingSum is the checksum of a mapping, and whether the length that it covers
// counts a DATA_FIN. It is one word because a struct of more than four fields does
// not stay in registers.
type mappingSum uint32

const sumWithFIN mappingSum = 1 << 16

func newMappingSum(sum uint16, fin bool) mappingSum {
	if fin {
		return mappingSum(sum) | sumWithFIN
	}
	return mappingSum(sum)
}

func (s mappingSum) value() uint16 { return uint16(s) }

func (s mappingSum) fin() bool { return s&sumWithFIN != 0 }

func (m *mapping) end() uint64 { return m.pos + uint64(m.len) }

// runs is a queue of mappings in the order of their positions. It is a slice
// that is consumed from the front and moved down when half of it is consumed,
// so that it stays contiguous and allocates only while it grows.
type runs struct {
	all  []mapping
	head int
}

func (r *runs) len() int { return len(r.all) - r.head }

func (r *runs) at(i int) *mapping { return &r.all[r.head+i] }

func (r *runs) last() *mapping { return &r.all[len(r.all)-1] }

// push appends m. A queue of one entry goes back to the front, so that short queues stay
// in the same line.
func (r *runs) push(m mapping) {
	switch {
	case r.head > 0 && r.head+1 == len(r.all):
		r.all[0] = r.all[r.head]
		r.all, r.head = r.all[:1], 0
	case len(r.all) < cap(r.all):
	case r.head > len(r.all)/2:
		r.compact()
	case cap(r.all) == 0:
		r.all = make([]mapping, 0, leastRuns)
	}
	r.all = append(r.all, m)
}

// leastRuns entries fill three lines, so that the allocator begins with a line.
const leastRuns = 8

func (r *runs) compact() {
	n := copy(r.all, r.all[r.head:])
	r.all, r.head = r.all[:n], 0
}

func (r *runs) pop() {
	r.head++
	if r.head == len(r.all) {
		r.all, r.head = r.all[:0], 0
	}
}

func (r *runs) reset() { r.all, r.head = r.all[:0], 0 }

// insert puts m before entry i.
func (r *runs) insert(i int, m mapping) {
	if i == 0 && r.head > 0 {
		r.head--
		r.all[r.head] = m
		return
	}
	r.push(mapping{})
	copy(r.all[r.head+i+1:], r.all[r.head+i:])
	*r.at(i) = m
}

// find returns the index of the first mapping that ends behind pos.
func (r *runs) find(pos uint64) int {
	lo, hi := 0, r.len()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.at(mid).end() > pos {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// txMaps are the mappings of a subflow's sending side, from the first byte that
// the subflow has not acknowledged on. They cover the stream without gaps.
type txMaps struct {
	runs
	cursor int32 // entry that was looked up last
	// repeats counts the entries whose data sequence number is below that of an
	// earlier entry: data that was sent on another subflow before.
	repeats int32
}

// grant appends n bytes of data from dsn on at stream position pos. If they
// continue the last mapping and the subflow has sent nothing of it yet (unsent
// is the first position not sent), that mapping grows, up to max bytes: what
// was announced once must not change.
func (t *txMaps) grant(pos, dsn uint64, n uint32, unsent uint64, max uint32) {
	if t.len() > 0 {
		m := t.last()
		if m.pos >= unsent && m.dsn+uint64(m.len) == dsn && m.len+n <= max {
			m.len += n
			return
		}
		if dsn < m.dsn {
			t.repeats++
		}
	}
	t.push(mapping{pos: pos, dsn: dsn, len: n})
}

// lookup returns the mapping that holds pos. Successive segments of a burst lie
// in the same or in neighbouring mappings.
func (t *txMaps) lookup(pos uint64) *mapping {
	for i := int(t.cursor); i < int(t.cursor)+2 && i < t.len(); i++ {
		if m := t.at(i); m.pos <= pos && pos < m.end() {
			t.cursor = int32(i)
			return m
		}
	}
	i := t.find(pos)
	if i == t.len() || t.at(i).pos > pos {
		return nil
	}
	t.cursor = int32(i)
	return t.at(i)
}

// ack drops the mappings that end at or before una.
func (t *txMaps) ack(una uint64) {
	for t.len() > 0 && t.at(0).end() <= una {
		if t.repeats > 0 && t.len() > 1 && t.at(1).dsn < t.at(0).dsn {
			t.repeats--
		}
		t.pop()
		t.cursor = max(t.cursor-1, 0)
	}
}

// holds returns how many of the n bytes of data from dsn on the subflow has not
// acknowledged yet; una is its first unacknowledged position.
func (t *txMaps) holds(dsn uint64, n int, una uint64) (bytes int) {
	end := dsn + uint64(n)
	for i := range t.len() {
		m := *t.at(i)
		m = m.from(max(m.pos, una))
		if from, to := max(dsn, m.dsn), min(end, m.dsn+uint64(m.len)); from < to {
			bytes += int(to - from)
		}
	}
	return bytes
}

// lowest returns the lowest data sequence number that the subflow has not
// acknowledged, and whether there is one.
func (t *txMaps) lowest() (dsn uint64, ok bool) {
	if t.len() == 0 {
		return 0, false
	}
	dsn = t.at(0).dsn
	if t.repeats > 0 {
		for i := 1; i < t.len(); i++ {
			dsn = min(dsn, t.at(i).dsn)
		}
	}
	return dsn, true
}

// rxMaps are the mappings that a subflow's peer has declared for bytes not yet
// delivered, sorted and without overlap. The first declaration of a byte holds.
type rxMaps struct {
	runs
}

// maxRxMaps bounds the mappings that a subflow remembers. A peer that declares
// more has its further ones ignored, so that their bytes are unmapped.
const maxRxMaps = 1 << 15

// add declares m; bytes that are mapped already keep their mapping. It reports
// whether a part of m contradicts an earlier declaration.
func (r *rxMaps) add(m mapping) (conflict bool) {
	if r.len() == 0 || m.pos >= r.last().end() {
		if r.len() < maxRxMaps {
			r.push(m)
		}
		return false
	}
	for i := r.find(m.pos); m.len > 0; i++ {
		if i < r.len() && r.at(i).pos <= m.pos {
			// The head of m is mapped already.
			e := r.at(i)
			conflict = conflict || e.dsn-e.pos != m.dsn-m.pos
			m = m.from(e.end())
			continue
		}
		free := m
		if i < r.len() && r.at(i).pos < m.end() {
			free.len = uint32(r.at(i).pos - m.pos)
		}
		m = m.from(free.end())
		if r.len() >= maxRxMaps {
			return conflict
		}
		r.insert(i, free)
	}
	return conflict
}

// addWhole declares m, which cannot be verified in parts: it must not overlap
// another mapping unless it is the same again. It reports whether that holds.
func (r *rxMaps) addWhole(m mapping) bool {
	i := r.find(m.pos)
	if i == r.len() || r.at(i).pos >= m.end() {
		if r.len() < maxRxMaps {
			r.insert(i, m)
		}
		return true
	}
	e := r.at(i)
	return e.pos == m.pos && e.dsn == m.dsn && e.len == m.len
}

// from returns the part of m from pos on.
func (m mapping) from(pos uint64) mapping {
	if pos >= m.end() {
		return mapping{pos: m.end(), dsn: m.dsn + uint64(m.len)}
	}
	d := pos - m.pos
	return mapping{pos: pos, dsn: m.dsn + d, len: m.len - uint32(d)}
}

// take returns the data sequence number of the byte at pos and how many of the
// n bytes from there on follow it in the same mapping. If pos is not mapped, ok
// is false and k says for how many bytes that holds. Mappings below pos are
// forgotten.
func (r *rxMaps) take(pos uint64, n int) (dsn uint64, k int, ok bool) {
	for r.len() > 0 && r.at(0).end() <= pos {
		r.pop()
	}
	if r.len() == 0 {
		return 0, n, false
	}
	m := r.at(0)
	if m.pos > pos {
		return 0, int(min(uint64(n), m.pos-pos)), false
	}
	return m.dsn + (pos - m.pos), int(min(uint64(n), m.end()-pos)), true
}
