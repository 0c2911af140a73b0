package mptcp

import (
	"testing"

	"mpsim/sim"

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
			if edge < min(last, w.read+uint64(w.size)) && n>>scale != 0xffff {
				t.Fatalf("edge moved from %d to %d within the buffer", last, edge)
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

// TestBeyondAnnouncedEdge: a sender that ignores the window gets nothing in beyond
// the edge that was announced: it is refused, the data-level acknowledgement stays
// at or below the edge, and what is refused is read once the window opens and it
// comes again.
//
// row:B11
func TestBeyondAnnouncedEdge(t *testing.T) {
	const size, buffer = 200_000, 20_000
	w := newWorld(t, 10*ms, 20*ms)
	w.options = func(h string, o *SocketOptions) {
		if h == "client" {
			o.ReceiveBuffer = buffer
		}
	}
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite, cli.idle = 10, true
	w.flush(w.client)
	w.runTo(sim.Time(sim.Second))
	w.server.ep.socks.get(srv.conn).conn.peer.edge += 10 * buffer // the sender's mistake
	srv.toWrite, srv.close = size, true
	w.flush(w.server)
	w.runTo(w.now.Add(sim.Second))
	c := w.client.ep.socks.get(cli.conn).conn
	if c.recv.refused == 0 || c.recv.next > c.wnd.edge || c.wnd.edge > 1+buffer+1<<10 {
		t.Errorf("refused %d, received up to %d, announced %d", c.recv.refused, c.recv.next, c.wnd.edge)
	}
	cli.idle = false
	w.flush(w.client)
	w.finish(t, cli, srv, size)
}
