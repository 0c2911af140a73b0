package mptcp

import (
	"slices"

	"mpsim/mptcp/tcp"
)

// reassembly puts received data into the order of data sequence numbers (RFC
// 8684 sections 3.3.1 and 3.3.4). Of bytes that arrive more than once the first
// copy is kept.
type reassembly struct {
	next uint64 // DATA_ACK: everything below has been received
	// waiting are the ranges above next, sorted, without overlap; ranges that
	// continue each other are one entry. Consumed from the front like runs.
	waiting []piece
	head    int
	queued  int64      // bytes in waiting
	arena   *tcp.Arena // of literal bytes: what is dropped is released
	ready   spanQueue

	duplicate int64 // bytes that had been received before
	refused   int64 // bytes dropped because of the bounds
}

// piece is a received range above a gap.
type piece struct {
	dsn uint64
	n   int64
	off uint64
}

func (p *piece) end() uint64 { return p.dsn + uint64(p.n) }

// maxPieces bounds the ranges that wait behind gaps. A range that would need one
// entry more is dropped: the subflow has acknowledged it, but the connection has
// not, so that the sender's connection-level timer sends it again.
const maxPieces = 1 << 16

// insert takes n bytes from dsn on, of which those at or beyond edge (the right
// edge of the announced window) are dropped, and returns by how much next has
// advanced.
func (r *reassembly) insert(dsn uint64, n int64, off uint64, edge uint64) (advance int64) {
	if end := dsn + uint64(n); end > edge {
		over := min(int64(end-edge), n)
		r.refused += over
		n -= over
		r.arena.Release(off+uint64(n), over)
	}
	if dsn < r.next {
		old := min(int64(r.next-dsn), n)
		r.duplicate += old
		r.arena.Release(off, old)
		dsn, off, n = dsn+uint64(old), off+uint64(old), n-old
	}
	if n <= 0 {
		return 0
	}
	if dsn > r.next {
		r.store(piece{dsn, n, off})
		return 0
	}
	old := r.next
	if r.head == len(r.waiting) {
		r.deliver(off, n)
	} else {
		r.fill(n, off)
	}
	return int64(r.next - old)
}

func (r *reassembly) deliver(off uint64, n int64) {
	r.ready.push(off, n)
	r.next += uint64(n)
}

// fill delivers n bytes at next, and what follows them among the waiting.
func (r *reassembly) fill(n int64, off uint64) {
	end := r.next + uint64(n)
	for r.next < end || (r.head < len(r.waiting) && r.waiting[r.head].dsn <= r.next) {
		if r.head == len(r.waiting) || r.waiting[r.head].dsn > r.next {
			k := end - r.next
			if r.head < len(r.waiting) {
				k = min(k, r.waiting[r.head].dsn-r.next)
			}
			r.deliver(off, int64(k))
			off += k
			continue
		}
		p := r.waiting[r.head]
		r.drop()
		r.queued -= p.n
		if r.next < end {
			again := min(end, p.end()) - r.next
			r.duplicate += int64(again)
			r.arena.Release(off, int64(again))
			off += again
		}
		r.deliver(p.off, p.n)
	}
}

func (r *reassembly) drop() {
	r.head++
	if r.head == len(r.waiting) {
		r.waiting, r.head = r.waiting[:0], 0
	}
}

// store keeps a range above next.
func (r *reassembly) store(p piece) {
	for p.n > 0 {
		i := r.find(p.dsn)
		free := p
		if i < len(r.waiting) {
			if w := &r.waiting[i]; w.dsn <= p.dsn {
				// The head of p is there already.
				free.n = min(int64(w.end()-p.dsn), p.n)
				r.duplicate += free.n
				r.arena.Release(p.off, free.n)
				p = p.behind(free.n)
				continue
			}
			free.n = min(free.n, int64(r.waiting[i].dsn-p.dsn))
		}
		r.put(i, free)
		p = p.behind(free.n)
	}
}

// behind returns what follows the first n bytes of p.
func (p piece) behind(n int64) piece {
	return piece{p.dsn + uint64(n), p.n - n, p.off + uint64(n)}
}

// put stores a range that overlaps none, before entry i.
func (r *reassembly) put(i int, p piece) {
	if i > r.head {
		if b := &r.waiting[i-1]; b.end() == p.dsn && b.off+uint64(b.n) == p.off {
			b.n += p.n
			r.queued += p.n
			r.bridge(i)
			return
		}
	}
	if i < len(r.waiting) {
		if a := &r.waiting[i]; p.end() == a.dsn && p.off+uint64(p.n) == a.off {
			a.dsn, a.off, a.n = p.dsn, p.off, a.n+p.n
			r.queued += p.n
			return
		}
	}
	if len(r.waiting)-r.head >= maxPieces {
		r.refused += p.n
		r.arena.Release(p.off, p.n)
		return
	}
	r.queued += p.n
	if i == r.head && r.head > 0 {
		r.head--
		r.waiting[r.head] = p
		return
	}
	if len(r.waiting) == cap(r.waiting) && r.head > len(r.waiting)/2 {
		i -= r.head
		n := copy(r.waiting, r.waiting[r.head:])
		r.waiting, r.head = r.waiting[:n], 0
	}
	r.waiting = slices.Insert(r.waiting, i, p)
}

// cut forgets what waits at or behind end.
func (r *reassembly) cut(end uint64) {
	for k := len(r.waiting); k > r.head && r.waiting[k-1].end() > end; k-- {
		p := &r.waiting[k-1]
		keep := int64(max(p.dsn, end) - p.dsn)
		r.queued -= p.n - keep
		r.refused += p.n - keep
		r.arena.Release(p.off+uint64(keep), p.n-keep)
		if p.n = keep; keep > 0 {
			return
		}
		r.waiting = r.waiting[:k-1]
	}
	if r.head == len(r.waiting) {
		r.waiting, r.head = r.waiting[:0], 0
	}
}

// discard forgets what waits behind gaps.
func (r *reassembly) discard() {
	for _, p := range r.waiting[r.head:] {
		r.arena.Release(p.off, p.n)
	}
	r.waiting, r.head, r.queued = r.waiting[:0], 0, 0
}

// bridge joins entry i to the one before it if that has grown to touch it.
func (r *reassembly) bridge(i int) {
	if i == len(r.waiting) {
		return
	}
	a, b := &r.waiting[i], &r.waiting[i-1]
	if b.end() == a.dsn && b.off+uint64(b.n) == a.off {
		b.n += a.n
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
}

// find returns the index of the first waiting range that ends behind dsn. Data
// mostly arrives behind everything else, so that end is looked at first.
func (r *reassembly) find(dsn uint64) int {
	lo, hi := r.head, len(r.waiting)
	if hi > lo && r.waiting[hi-1].end() <= dsn {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.waiting[mid].end() > dsn {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
