package tcp

import (
	"mpsim/net/wire"
	"mpsim/sim"
)

// Literal payload. Streams are virtual: queues carry offsets, and the content is
// a function of the offset. Where content matters (messages of an application,
// bytes that a box has changed, a bridge to real stacks), the bytes lie in an
// arena of the endpoint and are named by offsets from wire.LiteralOffset on, so
// that all queues work alike.

const (
	// arenaChunk is the unit in which an arena takes and gives back memory.
	arenaChunk = 1 << 16
	// maxArena bounds the chunks that an arena holds: 256 MiB. Beyond it Append
	// takes nothing: a segment that arrives is dropped as if it were lost
	// (trace.ArenaFull), a write is short.
	maxArena = 1 << 12
)

// Arena keeps the literal bytes of an endpoint. It is a log: what is appended
// gets the next offsets, none of which is used twice. A chunk goes when every
// byte of it has been released. Bytes do not change once they are written, and
// chunks are left to the garbage collector, so that packets in flight may go on
// pointing into them. The zero Arena is ready for use.
type Arena struct {
	chunks []*chunk // nil: given back
	base   uint64   // number of the first of them
	end    uint64   // next offset, from wire.LiteralOffset
	held   int      // chunks in memory
}

type chunk struct {
	live int32 // bytes that are not released
	mem  [arenaChunk]byte
}

// HasRoom reports whether Append would take n bytes.
func (a *Arena) HasRoom(n int) bool { return a.held+n/arenaChunk+2 <= maxArena }

// Append copies b into the arena and returns the offset of its first byte. ok is
// false, and nothing is copied, if there is no room.
func (a *Arena) Append(b []byte) (off uint64, ok bool) {
	if !a.HasRoom(len(b)) {
		return 0, false
	}
	off = wire.LiteralOffset + a.end
	for len(b) > 0 {
		i := int(a.end % arenaChunk)
		if i == 0 {
			a.chunks = append(a.chunks, new(chunk))
			a.held++
			a.shrink(len(a.chunks) - 2)
		}
		c := a.chunks[len(a.chunks)-1]
		k := copy(c.mem[i:], b)
		c.live += int32(k)
		a.end += uint64(k)
		b = b[k:]
	}
	return off, true
}

// Release says that nobody will ask for the n bytes from off on again. Offsets
// of virtual content are ignored.
func (a *Arena) Release(off uint64, n int64) {
	if off >= wire.LiteralOffset && n > 0 {
		a.release(off-wire.LiteralOffset, uint64(n))
	}
}

func (a *Arena) release(at, n uint64) {
	for n > 0 {
		c := a.chunk(at)
		k := min(n, arenaChunk-at%arenaChunk)
		c.live -= int32(k)
		if c.live < 0 {
			sim.Bugf("literal bytes at %d released twice", at)
		}
		a.shrink(int(at/arenaChunk - a.base))
		at, n = at+k, n-k
	}
}

// shrink gives chunk i back if nothing in it is live. The one that is being
// filled stays.
func (a *Arena) shrink(i int) {
	if i < 0 || i == len(a.chunks)-1 || a.chunks[i].live > 0 {
		return
	}
	a.chunks[i] = nil
	a.held--
	for a.chunks[0] == nil {
		a.chunks = a.chunks[1:]
		a.base++
	}
}

// chunk returns the chunk of a position of the log.
func (a *Arena) chunk(at uint64) *chunk {
	i := at/arenaChunk - a.base
	if i >= uint64(len(a.chunks)) || a.chunks[i] == nil || at >= a.end {
		sim.Bugf("literal bytes at %d are not in the arena", at)
	}
	return a.chunks[i]
}

// view returns the bytes from off on, at most n of them: less at the end of a
// chunk.
func (a *Arena) view(off uint64, n int) []byte {
	at := off - wire.LiteralOffset
	i := int(at % arenaChunk)
	return a.chunk(at).mem[i:min(i+n, arenaChunk):min(i+n, arenaChunk)]
}

// AppendTo appends the n bytes from off on to dst, literal or virtual.
func (a *Arena) AppendTo(dst []byte, off uint64, n int64) []byte {
	if off < wire.LiteralOffset {
		start := len(dst)
		dst = append(dst, make([]byte, n)...)
		wire.FillContent(dst[start:], off)
		return dst
	}
	for n > 0 {
		b := a.view(off, int(n))
		dst = append(dst, b...)
		off, n = off+uint64(len(b)), n-int64(len(b))
	}
	return dst
}

// Sum returns the one's-complement sum of the n bytes from off on, literal or
// virtual, as wire.SumBytes gives it.
func (a *Arena) Sum(off uint64, n int) (sum uint16) {
	if off < wire.LiteralOffset {
		return wire.ContentSum(off, n)
	}
	for done := 0; done < n; {
		b := a.view(off+uint64(done), n-done)
		sum = wire.JoinSums(sum, done, wire.SumBytes(b))
		done += len(b)
	}
	return sum
}

// Live returns how many bytes have been appended and not released.
func (a *Arena) Live() (n int64) {
	for _, c := range a.chunks {
		if c != nil {
			n += int64(c.live)
		}
	}
	return n
}
