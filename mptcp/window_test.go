package mptcp

import (
	"testing"

	"pgregory.net/rapid"
)

// TestAnnouncedEdge: the right edge never moves back by a unit of the window
// field or more, never lies a unit or more beyond the buffer, and the field fits.
//
// row:B11
func TestAnnouncedEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := uint8(rapid.IntRange(0, 14).Draw(t, "scale"))
		w := localWindow{size: int64(rapid.IntRange(1, 1<<22).Draw(t, "size")), read: 1, edge: 1}
		next := uint64(1)
		last := next
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			if room := int(w.edge - next); room > 0 {
				next += uint64(rapid.IntRange(0, room).Draw(t, "received"))
			}
			w.read += uint64(rapid.IntRange(0, int(next-w.read)).Draw(t, "read"))
			n := w.announce(next, scale)
			edge := next + uint64(n)
			unit := int64(1) << scale
			if n < 0 || n%unit != 0 || n>>scale > 0xffff {
				t.Fatalf("window %d with scale %d", n, scale)
			}
			if int64(edge) <= int64(last)-unit {
				t.Fatalf("edge moved from %d to %d", last, edge)
			}
			if w.edge < max(edge, last) {
				t.Fatalf("edge %d forgotten: %d", last, w.edge)
			}
			if int64(edge-w.read) > w.size+unit-1 {
				t.Fatalf("edge %d is beyond read %d + size %d", edge, w.read, w.size)
			}
			last = w.edge
		}
	})
}

// TestPeerEdge: the largest edge holds, whatever the order (RFC 8684 section
// 3.3.5).
func TestPeerEdge(t *testing.T) {
	var w peerWindow
	w.update(1, 1000)
	w.update(501, 1000) // newer
	w.update(301, 1000) // late, from another subflow
	w.update(801, 400)  // the peer's window closes, its edge stays
	if w.edge != 1501 {
		t.Errorf("edge %d, want 1501", w.edge)
	}
}
