package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestFirstDataLost loses, duplicates and delays the first data, which carries
// MP_CAPABLE and its mapping, with and without the third packet, to stateful and
// to stateless servers. The copies that TCP sends repeat the option as long as no
// DATA_ACK has come; the mapping of a copy that arrives twice is ignored; the
// stream is delivered once, and nobody falls back.
//
// row:A3
func TestFirstDataLost(t *testing.T) {
	for _, mode := range []SYNCookieMode{SYNCookiesOff, SYNCookiesAlways} {
		for lost := range 16 { // of third packet, first data, its first two copies
			for _, twice := range []bool{false, true} {
				w := cookieWorld(t, Version1, func(_ string, o *SocketOptions) { o.SYNCookies = mode })
				copies, seen := 0, 0
				w.paths[0][0].drop = func(_ int, _ sim.Time, s *Segment) bool {
					switch {
					case s.Flags.Has(wire.SYN):
						return false
					case s.Len == 0:
						return seen == 0 && lost&1 != 0 && s.Opt.Has(wire.OptCapable)
					}
					seen++
					return seen <= 3 && lost>>seen&1 != 0
				}
				w.paths[0][0].box = func(s *Segment) []*Segment {
					if s.Len == 0 || !twice {
						return []*Segment{s}
					}
					d := *s
					if s.Opt != nil {
						d.Buf = *s.Opt
						d.Opt = &d.Buf
					}
					return []*Segment{s, &d}
				}
				cli, srv := w.request(1000, 2000)
				acked := false
				for i := range w.log {
					r := &w.log[i]
					if !r.up && r.seg.Opt.Has(wire.HasDataAck) {
						acked = true
					}
					if r.up && r.seg.Len > 0 && !acked {
						copies++
						if m := &r.opt.Capable; !r.opt.Has(wire.OptCapable) || !m.HasData || m.DataLen != 1000 || r.seg.Opt.Has(wire.HasMap) {
							t.Errorf("lost %04b: %s", lost, w.line(r))
						}
					}
				}
				if copies == 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
					t.Errorf("%v, lost %04b, twice %v: %d copies, fallback %d %d", mode, lost, twice, copies, cli.saw(Fallback), srv.saw(Fallback))
				}
				w.counter(w.server, "DSSNotMatching", 0)
				w.counter(w.server, "NoDSSInWindow", 0)
			}
		}
	}
}
