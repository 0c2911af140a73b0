package mptcp

// buffers are the pieces in which a kernel holds the data of a connection (Linux
// mptcp_data_frag): a write is copied into pages, and what lies in one page and
// was written before any of it was sent is one buffer. Bursts of the scheduler
// end with a buffer, and the connection-level timer sends one again at a time.
type buffers struct {
	size int32 // of a page; 0: none are kept
	room int32 // left in the page
	ends []uint64
	head int // buffers below it were released
}

// bufferHeader is what a buffer takes of its page (sizeof(struct
// mptcp_data_frag)).
const bufferHeader = 40

// write puts [from, to) into buffers. Waiting says that data before it was not
// sent yet, so that its last buffer may grow.
func (b *buffers) write(from, to uint64, waiting bool) {
	if b.size == 0 {
		return
	}
	if b.head == len(b.ends) {
		b.ends, b.head, b.room = b.ends[:0], 0, 0 // every page is free again
	}
	if waiting && b.room > 0 && b.head < len(b.ends) {
		k := min(uint64(b.room), to-from)
		b.ends[len(b.ends)-1] += k
		b.room -= int32(k)
		from += k
	}
	for from < to {
		if b.room -= bufferHeader; b.room <= 0 {
			b.room = b.size - bufferHeader
		}
		k := min(uint64(b.room), to-from)
		b.room -= int32(k)
		from += k
		if len(b.ends) == cap(b.ends) && b.head > len(b.ends)/2 {
			n := copy(b.ends, b.ends[b.head:])
			b.ends, b.head = b.ends[:n], 0
		}
		b.ends = append(b.ends, from)
	}
}

// release forgets the buffers below una.
func (b *buffers) release(una uint64) {
	for b.head < len(b.ends) && b.ends[b.head] <= una {
		b.head++
	}
}

// first returns the end of the buffer that holds the oldest byte, or limit if
// none is kept.
func (b *buffers) first(limit uint64) uint64 {
	if b.head < len(b.ends) {
		return min(b.ends[b.head], limit)
	}
	return limit
}
