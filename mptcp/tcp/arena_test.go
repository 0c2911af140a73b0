package tcp

import (
	"bytes"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// An arena gives back what was put in, across chunks, and holds no memory for
// what was released, in whatever order.
func TestArena(t *testing.T) {
	var a Arena
	rnd := sim.NewRand(1, 0, "arena")
	type entry struct {
		off uint64
		b   []byte
	}
	var live []entry
	total := 0
	for range 3000 {
		b := make([]byte, 1+rnd.IntN(5000))
		for i := range b {
			b[i] = byte(rnd.Uint64())
		}
		off, ok := a.Append(b)
		if !ok || off < wire.LiteralOffset {
			t.Fatalf("offset %#x, ok %v", off, ok)
		}
		live = append(live, entry{off, b})
		total += len(b)
		if len(live) > 20 {
			i := int(rnd.IntN(uint64(len(live))))
			e := live[i]
			n := len(e.b)
			from := int(rnd.IntN(uint64(n)))
			if got := a.AppendTo(nil, e.off+uint64(from), int64(n-from)); !bytes.Equal(got, e.b[from:]) {
				t.Fatal("other bytes come back")
			}
			if got, want := a.Sum(e.off, n), wire.SumBytes(e.b); got != want {
				t.Fatalf("sum %#x of %d bytes, want %#x", got, n, want)
			}
			a.Release(e.off+uint64(from), int64(n-from))
			a.Release(e.off, int64(from))
			total -= n
			live = append(live[:i], live[i+1:]...)
		}
		if a.Live() != int64(total) {
			t.Fatalf("%d bytes live, want %d", a.Live(), total)
		}
	}
	for _, e := range live {
		a.Release(e.off, int64(len(e.b)))
	}
	if a.Live() != 0 || a.held != 1 || len(a.chunks) != 1 {
		t.Errorf("%d bytes live, %d chunks held, table of %d; want the chunk being filled only", a.Live(), a.held, len(a.chunks))
	}
	if got := a.AppendTo(nil, 12345, 100); wire.ContentEqual(got, 12345) != 100 {
		t.Error("virtual content is wrong")
	}
}

// At its bound an arena takes nothing more until something is released.
func TestArenaBound(t *testing.T) {
	var a Arena
	b := make([]byte, arenaChunk)
	var first uint64
	n := 0
	for ; ; n++ {
		off, ok := a.Append(b)
		if !ok {
			break
		}
		if n == 0 {
			first = off
		}
	}
	if n > maxArena || n < maxArena-2 {
		t.Errorf("%d chunks taken, the bound is %d", n, maxArena)
	}
	a.Release(first, arenaChunk)
	if _, ok := a.Append(b); !ok {
		t.Error("no room after a release")
	}
}

// The sum of a stream of virtual and literal parts is that of its bytes.
func TestLiteralsSum(t *testing.T) {
	var a Arena
	l := NewLiterals(&a)
	want := make([]byte, 10_000)
	wire.FillContent(want, 0)
	for _, p := range []int{0, 701, 1500, 1603, 7000} {
		b := want[p : p+3+p%700]
		for i := range b {
			b[i] = byte(i * p)
		}
		if !l.Add(uint64(p), b) {
			t.Fatal("no room")
		}
	}
	for from := 0; from < 9000; from += 37 {
		for _, n := range []int{1, 2, 333, 1000} {
			if got := l.Sum(uint64(from), n); got != wire.SumBytes(want[from:from+n]) {
				t.Fatalf("sum of [%d, +%d) is %#x, want %#x", from, n, got, wire.SumBytes(want[from:from+n]))
			}
			var s Segment
			s.Off, s.Len = uint64(from), uint16(n)
			l.Attach(&s)
			tu := wire.Tuple{Proto: wire.ProtoUDP}
			p := wire.AppendPacket(nil, &tu, &s.Segment, s.Opt, -1)
			if !bytes.Equal(p[len(p)-n:], want[from:from+n]) {
				t.Fatalf("segment [%d, +%d) has other bytes", from, n)
			}
		}
	}
}
