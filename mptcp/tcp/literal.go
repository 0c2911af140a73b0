package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// Literals says which parts of a stream that is sent are literal, and where
// their bytes lie. What it does not name is virtual. Subflows of one MPTCP
// connection share one.
type Literals struct {
	arena *Arena
	// runs are sorted and do not overlap; consumed from the front.
	runs []literalRun
	head int
}

// literalRun is [pos, end) of the stream, the bytes of which lie in the arena
// from at on.
type literalRun struct{ pos, end, at uint64 }

// NewLiterals returns a stream without literal parts.
func NewLiterals(a *Arena) *Literals { return &Literals{arena: a} }

// Add makes the stream literal from pos on, behind everything added before, and
// reports whether the arena had room for b.
func (l *Literals) Add(pos uint64, b []byte) bool {
	at, ok := l.arena.Append(b)
	if !ok {
		return false
	}
	end := pos + uint64(len(b))
	if n := len(l.runs); n > l.head {
		if r := &l.runs[n-1]; r.end == pos && r.at+(r.end-r.pos) == at {
			r.end = end
			return true
		}
	}
	if len(l.runs) == cap(l.runs) && l.head > len(l.runs)/2 {
		n := copy(l.runs, l.runs[l.head:])
		l.runs, l.head = l.runs[:n], 0
	}
	l.runs = append(l.runs, literalRun{pos, end, at})
	return true
}

// Release gives back what lies below pos: it will not be sent again.
func (l *Literals) Release(pos uint64) {
	for l.head < len(l.runs) {
		r := &l.runs[l.head]
		if r.pos >= pos {
			return
		}
		n := min(r.end, pos) - r.pos
		l.arena.Release(r.at, int64(n))
		r.pos += n
		r.at += n
		if r.pos < r.end {
			return
		}
		l.head++
	}
	l.runs, l.head = l.runs[:0], 0
}

// find returns the index of the first run that ends behind pos.
func (l *Literals) find(pos uint64) int {
	lo, hi := l.head, len(l.runs)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.runs[mid].end > pos {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Attach gives an outgoing segment, whose Off and Len are set, its payload
// pieces if part of it is literal. Off stays the offset in the stream.
func (l *Literals) Attach(s *Segment) {
	pos, end := s.Off, s.Off+uint64(s.Len)
	i := l.find(pos)
	if i == len(l.runs) || l.runs[i].pos >= end {
		return
	}
	o := s.Options()
	o.Present |= wire.OptPieces
	o.Pieces = o.Pieces[:0]
	for pos < end {
		if i == len(l.runs) || l.runs[i].pos >= end {
			o.Pieces = append(o.Pieces, wire.Piece{Off: pos, Len: uint32(end - pos)})
			return
		}
		r := l.runs[i]
		if pos < r.pos {
			o.Pieces = append(o.Pieces, wire.Piece{Off: pos, Len: uint32(r.pos - pos)})
			pos = r.pos
		}
		for pos < end && pos < r.end {
			b := l.arena.view(r.at+(pos-r.pos), int(min(end, r.end)-pos))
			o.Pieces = append(o.Pieces, wire.Piece{Off: pos, Len: uint32(len(b)), Data: b})
			pos += uint64(len(b))
		}
		i++
	}
}

// Sum returns the one's-complement sum of the n bytes of the stream from pos on.
// l may be nil: the stream is virtual.
func (l *Literals) Sum(pos uint64, n int) (sum uint16) {
	if l == nil {
		return wire.ContentSum(pos, n)
	}
	from, end := pos, pos+uint64(n)
	for i := l.find(pos); pos < end; i++ {
		next := end // of the virtual part
		if i < len(l.runs) {
			next = min(end, max(pos, l.runs[i].pos))
		}
		sum = wire.JoinSums(sum, int(pos-from), wire.ContentSum(pos, int(next-pos)))
		pos = next
		if pos < end {
			r := l.runs[i]
			k := min(end, r.end) - pos
			sum = wire.JoinSums(sum, int(pos-from), l.arena.Sum(r.at+(pos-r.pos), int(k)))
			pos += k
		}
	}
	return sum
}

// WriteBytes is Write of literal bytes, for connections without an extension.
func (c *Conn) WriteBytes(now sim.Time, b []byte) int {
	n := min(int64(len(b)), c.SendRoom())
	if n <= 0 || !c.mayWrite() {
		return 0
	}
	if c.lit == nil {
		c.SetLiterals(NewLiterals(c.ooo.arena))
	}
	if !c.lit.Add(uint64(c.snd.end), b[:n]) {
		return 0
	}
	return int(c.Write(now, n))
}

// SetLiterals says which parts of the stream are literal. With an extension the
// positions are the offsets that SegmentAt gives, and its owner releases them.
func (c *Conn) SetLiterals(l *Literals) {
	c.lit = l
	c.literal = l != nil
}

// setPayload gives a segment n bytes of payload whose offset is off.
func (c *Conn) setPayload(out *Segment, off uint64, n int) {
	out.Len, out.Off = uint16(n), off
	if c.literal && n > 0 {
		c.lit.Attach(out)
	}
}

// takePiece returns where k bytes of a received piece, from its byte skip on, can
// be found: virtual content where it is, literal bytes in the arena, which has
// room.
func (c *Conn) takePiece(p *wire.Piece, skip, k int64) (off uint64) {
	if p.Data == nil {
		return p.Off + uint64(skip)
	}
	off, _ = c.ooo.arena.Append(p.Data[skip : skip+k])
	return off
}

// discardReceived gives the literal bytes back that nobody will read.
func (c *Conn) discardReceived() {
	for _, s := range c.ooo.spans[c.ooo.sHead:] {
		c.ooo.arena.Release(s.off, s.end-s.pos)
	}
	c.ooo.spans, c.ooo.sHead = nil, 0
	c.noteGaps()
}

// Discard gives all literal bytes of the connection back. It may be called when
// the connection is over and nobody will read from it or ask it to send again.
func (c *Conn) Discard() {
	c.discardReceived()
	for _, s := range c.queue.spans[c.queue.head:] {
		c.ooo.arena.Release(s.off, s.end-s.pos)
	}
	c.queue = spanQueue{}
	if c.ext == nil && c.lit != nil {
		c.lit.Release(^uint64(0))
	}
}
