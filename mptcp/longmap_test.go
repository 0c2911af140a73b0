package mptcp

import (
	"testing"

	"mpsim/cc"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
)

// TestLongMappings: one mapping covers many segments, of which a box cuts each in
// two, and takes the mapping off all but the first of them: the data behind it
// lies inside a known mapping and is as good (RFC 8684 section 3.3.1).
//
// row:B2
func TestLongMappings(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		for _, bare := range []bool{false, true} {
			w := newWorld(t, 10*ms, 20*ms)
			w.profile = Linux()
			w.profile.Versions = v
			mapped, bareSeen := 0, 0
			for i := range w.paths {
				seen := map[uint32]bool{}
				w.paths[i][1].box = func(s *Segment) []*Segment {
					if s.Len < 2 || !s.Segment.Opt.Has(wire.HasMap) {
						return []*Segment{s}
					}
					known := seen[s.SSN]
					seen[s.SSN] = true
					mapped++
					if bare && known {
						bareSeen++
						s.Segment.Opt &^= wire.HasMap | wire.DSN8
					}
					s.Options()
					return splitSegment(s, int(s.Len)/2)
				}
			}
			cli, _ := w.connectOnce(t, 1000, 600_000)
			if cli.saw(Fallback) != 0 || mapped < 400 || bare && bareSeen < mapped/3 {
				t.Errorf("%v, bare %v: %d segments, %d without their mapping, %d fallbacks", v, bare, mapped, bareSeen, cli.saw(Fallback))
			}
			w.counter(w.client, "DSSNotMatching", 0)
			w.counter(w.client, "NoDSSInWindow", 0)
		}
	}
}

// TestMappingIsImmutable: a mapping that was declared is not changed by a later one
// for the same bytes (RFC 8684 section 3.3.1): the bytes arrive where the first
// one puts them.
//
// row:B2
func TestMappingIsImmutable(t *testing.T) {
	w := newWorld(t, 10*ms)
	forged := 0
	w.paths[0][1].box = func(s *Segment) []*Segment {
		if s.Len == 0 || !s.Segment.Opt.Has(wire.HasMap) || w.paths[0][1].n%10 != 5 {
			return []*Segment{s}
		}
		// Behind the true head of the segment its rest claims other numbers.
		forged++
		s.Options()
		parts := splitSegment(s, int(s.Len)/2)
		parts[1].DSN += 77
		return parts
	}
	cli, _ := w.connectOnce(t, 1000, 300_000)
	if forged < 10 || cli.saw(Fallback) != 0 {
		t.Errorf("%d forged mappings, %d fallbacks", forged, cli.saw(Fallback))
	}
	if n := counterOf(w.client.ep, "DSSNotMatching"); n < uint64(forged) {
		t.Errorf("DSSNotMatching is %d for %d forged mappings", n, forged)
	}
}

// redundant sends all new data on every subflow.
type redundant struct{}

func (redundant) Pick(_ sim.Time, q *sched.Queue, paths []sched.Path, out []sched.Grant) []sched.Grant {
	n := min(q.End, q.PeerEdge) - min(q.Next, q.PeerEdge)
	for i := range paths {
		if p := &paths[i]; p.SendBufFree < 1400 || p.Room() < 1400 {
			return out
		}
	}
	n = min(n, 1400)
	if n == 0 {
		return out
	}
	kind := sched.New
	for i := range paths {
		out = append(out, sched.Grant{Flow: paths[i].Flow, DSN: q.Next, Len: int(n), Kind: kind, Penalise: sched.NoFlow})
		kind = sched.Redundant
	}
	return out
}

func (redundant) OnDataAck(sim.Time, uint64)       {}
func (redundant) OnTimeout(sim.Time, cc.FlowID)    {}
func (redundant) OnPath(sim.Time, cc.FlowID, bool) {}

// TestFirstCopyWins: a redundant scheduler sends everything on two subflows. A box
// falsifies what one of them carries: nothing of it reaches the application if that
// is the slower one, because of bytes that come twice the first copy is kept (RFC
// 8684 section 3.3.4).
//
// row:B2
func TestFirstCopyWins(t *testing.T) {
	for _, slow := range []bool{true, false} {
		w := newWorld(t, 10*ms, 30*ms)
		w.options = func(h string, o *SocketOptions) {
			if h == "server" {
				o.Scheduler = func(*sim.Rand) sched.Scheduler { return redundant{} }
			}
		}
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 100
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		falsified := 0
		w.paths[b2i(slow)][1].box = func(s *Segment) []*Segment {
			if s.Len > 0 {
				falsified++
				s.Options()
				wire.SetPieces(&s.Segment, s.Opt, []wire.Piece{{Len: uint32(s.Len), Data: make([]byte, s.Len)}})
			}
			return []*Segment{s}
		}
		srv.toWrite, srv.close = 300_000, true
		w.flush(w.server)
		w.until(30*sim.Second, "download", func() bool { return cli.eof })
		i := w.client.ep.Info(cli.conn)
		if cli.off != 300_000 || falsified < 200 || i.Duplicate < 290_000 || (cli.bad == 0) != slow {
			t.Errorf("slow %v: read %d, %d bad, %d duplicate, %d segments falsified", slow, cli.off, cli.bad, i.Duplicate, falsified)
		}
	}
}
