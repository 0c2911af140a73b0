package mptcp

import (
	"bytes"
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// harshWorld is two paths (one for TCP) that lose, reorder, duplicate and split
// by the luck of a seed, for the first packets.
func harshWorld(t *testing.T, seed uint64, proto Protocol, fallback bool) *world {
	w := newWorld(t, 10*ms, 25*ms)
	w.seed = seed
	w.opt.Protocol = proto
	w.opt.SendBuffer, w.opt.ReceiveBuffer = 100_000, 60_000
	for i, p := range w.paths {
		for j, d := range p {
			d.rate, d.limit = 8*sim.MegabitPerSecond, 20
			rnd := sim.NewRand(seed, uint64(2*i+j), "luck")
			d.drop = func(n int, _ sim.Time, _ *Segment) bool { return n > 3 && n < 200 && rnd.Float64() < 0.05 }
			d.extra = func(n int) sim.Duration {
				if n > 3 && n < 200 && rnd.Float64() < 0.1 {
					return sim.Duration(rnd.IntN(30)) * ms
				}
				return 0
			}
			d.box = func(s *Segment) []*Segment {
				if fallback && s.Opt.Has(wire.OptCapable) && !s.Flags.Has(wire.SYN) {
					s.Opt.Present &^= wire.OptCapable
				}
				out := []*Segment{s}
				if s.Len > 1 && rnd.Float64() < 0.2 {
					out = splitSegment(s, 1+int(rnd.IntN(uint64(s.Len-1))))
				}
				if d.n < 200 && rnd.Float64() < 0.05 {
					out = append(out, clone(out[0]))
				}
				return out
			}
		}
	}
	return w
}

// literalExchange moves data both ways and returns the run hash and what was on the
// wire.
func literalExchange(t *testing.T, w *world, literal bool) (trace.Hash, []string) {
	const down, up = 300_000, 50_000
	w.start()
	var srv *app
	w.server.accept = func() *app {
		srv = &app{toWrite: down, close: true, literal: literal}
		return srv
	}
	a := w.connect()
	a.toWrite, a.close, a.literal = up, true, literal
	w.flush(w.client)
	w.until(300*sim.Second, "both streams", func() bool { return a.eof && srv != nil && srv.eof })
	if a.off != down || a.bad != 0 || srv.off != up || srv.bad != 0 {
		t.Fatalf("client read %d (%d bad), server %d (%d bad)", a.off, a.bad, srv.off, srv.bad)
	}
	w.client.ep.Close(w.now, a.conn)
	w.server.ep.Close(w.now, srv.conn)
	w.flush(w.client)
	w.flush(w.server)
	w.settleDown(300 * sim.Second)
	for _, h := range []*host{w.client, w.server} {
		h.ep.reap()
		if n := h.ep.arena.Live(); n != 0 {
			t.Errorf("%s: %d literal bytes are left in the arena", h.name, n)
		}
	}
	var log []string
	for i := range w.log {
		r := &w.log[i]
		log = append(log, fmt.Sprintf("%s off %d", w.line(r), r.seg.Off))
	}
	return w.run.Hash(), log
}

// Whole transfers with literal bytes are those with virtual ones, segment by
// segment: over TCP, over MPTCP, and after a fallback, with loss, reordering,
// duplicates and split segments.
func TestLiteralTransfersEqualVirtual(t *testing.T) {
	for _, c := range []struct {
		name     string
		proto    Protocol
		fallback bool
	}{{"tcp", TCP, false}, {"mptcp", MPTCP, false}, {"fallback", MPTCP, true}} {
		t.Run(c.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 8; seed++ {
				virtual, want := literalExchange(t, harshWorld(t, seed, c.proto, c.fallback), false)
				literal, got := literalExchange(t, harshWorld(t, seed, c.proto, c.fallback), true)
				for i := range min(len(want), len(got)) {
					if want[i] != got[i] {
						t.Fatalf("seed %d, segment %d\nvirtual %s\nliteral %s", seed, i, want[i], got[i])
					}
				}
				if virtual != literal || len(want) != len(got) {
					t.Errorf("seed %d: hash %v with virtual bytes, %v with literal ones; %d and %d segments",
						seed, virtual, literal, len(want), len(got))
				}
			}
		})
	}
}

// Messages of any content arrive as they were written, virtual and literal parts
// in one stream.
func TestMessages(t *testing.T) {
	for _, proto := range []Protocol{TCP, MPTCP} {
		w := harshWorld(t, 3, proto, false)
		w.start()
		var srv *app
		w.server.accept = func() *app {
			srv = &app{idle: true}
			return srv
		}
		a := w.connect()
		w.until(10*sim.Second, "connected", func() bool { return a.saw(Connected) > 0 && srv != nil })
		var want, got, buf []byte
		rnd := sim.NewRand(1, 0, "messages")
		for i := range 200 {
			n := 1 + int(rnd.IntN(3000))
			if i%3 == 2 {
				at := len(want)
				n = int(w.client.ep.Write(w.now, a.conn, int64(n)))
				want = append(want, make([]byte, n)...)
				wire.FillContent(want[at:], uint64(at))
			} else {
				b := bytes.Repeat([]byte(fmt.Sprintf("message %d. ", i)), n/8)
				n = w.client.ep.WriteBytes(w.now, a.conn, b)
				want = append(want, b[:n]...)
			}
			w.flush(w.client)
			w.runTo(w.now.Add(5 * ms))
			for {
				off, n := w.server.ep.Read(w.now, srv.conn, 1000)
				if n == 0 {
					break
				}
				buf = w.server.ep.Bytes(off, n, buf[:0])
				got = append(got, buf...)
			}
			w.flush(w.server)
		}
		for end := w.now.Add(60 * sim.Second); w.now < end; w.runTo(w.now.Add(10 * ms)) {
			for off, n := w.server.ep.Read(w.now, srv.conn, 1<<30); n > 0; off, n = w.server.ep.Read(w.now, srv.conn, 1<<30) {
				got = w.server.ep.Bytes(off, n, got)
			}
			w.flush(w.server)
		}
		if len(want) < 100_000 || !bytes.Equal(want, got) {
			t.Errorf("%v: wrote %d bytes, read %d, equal %v", proto, len(want), len(got), bytes.Equal(want, got))
		}
	}
}
