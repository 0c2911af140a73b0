package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestUrgent: the peer marks segments as urgent, in the middle of mappings. The
// payload is delivered inline, where it stands in the stream, no mapping is
// interrupted, and nothing falls back (RFC 8684 section 3.3.1).
//
// row:B5
func TestUrgent(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms)
	w.keep = false
	marked := 0
	for _, p := range w.paths {
		p[1].box = func(s *Segment) []*Segment {
			if s.Len > 0 && w.ev.Len()%3 == 0 {
				s.Flags |= wire.URG
				marked++
			}
			return []*Segment{s}
		}
	}
	w.start()
	const size = 1_000_000
	srv := &app{toWrite: size, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 17
	cli.close = true
	w.flush(w.client)
	w.runTo(sim.Time(20 * sim.Second))
	if cli.off != size || cli.bad != 0 || !cli.eof || marked < 100 {
		t.Errorf("%d bytes, %d bad, end %v; %d segments marked", cli.off, cli.bad, cli.eof, marked)
	}
	if cli.saw(Fallback) != 0 || counterOf(w.client.ep, "DSSNotMatching") != 0 {
		t.Error("a mapping was interrupted")
	}
}
