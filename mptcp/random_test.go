package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"

	"pgregory.net/rapid"
)

// TestRandomNetworks transfers data both ways over one to three paths that lose,
// reorder, duplicate, split and go silent at random, and checks every byte, that
// both ends close in order and that nothing is left behind. Each path is bad only
// for a while, so the time is bounded. No segment may have more than 40 octets of
// options (verify).
//
// row:A28
func TestRandomNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newRandomWorld(t)
		down := rapid.Int64Range(0, 400_000).Draw(t, "down")
		up := rapid.Int64Range(0, 200_000).Draw(t, "up")
		literal := rapid.Bool().Draw(t, "literal")
		w.start()
		var srv *app
		w.server.accept = func() *app {
			srv = &app{toWrite: down, close: true, literal: literal}
			return srv
		}
		a := w.connect()
		a.toWrite, a.close, a.literal = up, true, literal
		w.flush(w.client)
		w.until(3000*sim.Second, "both streams", func() bool {
			return a.eof && srv != nil && srv.eof || a.saw(Closed) > 0
		})
		if srv == nil {
			return // the handshake itself did not get through
		}
		if a.off != uint64(down) || a.bad != 0 || srv.off != uint64(up) || srv.bad != 0 {
			t.Fatalf("client read %d of %d (%d bad), server %d of %d (%d bad)\n%s",
				a.off, down, a.bad, srv.off, up, srv.bad, w.dump(60))
		}
		id := a.conn
		w.client.ep.Close(w.now, id)
		w.flush(w.client)
		if srv.conn != 0 {
			w.server.ep.Close(w.now, srv.conn)
			w.flush(w.server)
		}
		w.settleDown(3000 * sim.Second)
		checkEmpty(t, w.client)
		checkEmpty(t, w.server)
	})
}

// checkEmpty fails if an endpoint without sockets (but listeners) holds anything.
func checkEmpty(t *rapid.T, h *host) {
	e := h.ep
	e.reap()
	socks := 0
	for _, s := range e.socks.slots {
		if s != nil && s.listen == nil {
			socks++
		}
	}
	if n := e.arena.Live(); n != 0 {
		t.Fatalf("%s: %d literal bytes are left in the arena", h.name, n)
	}
	if len(e.tokens) != 0 || socks != 0 || len(e.timers.free) != len(e.timers.pos) || e.ready.head != nil {
		t.Fatalf("%s: %d tokens, %d sockets, %d of %d timers free", h.name,
			len(e.tokens), socks, len(e.timers.free), len(e.timers.pos))
	}
}

func newRandomWorld(t *rapid.T) *world {
	var delays []sim.Duration
	for range rapid.IntRange(1, 3).Draw(t, "paths") {
		delays = append(delays, sim.Duration(rapid.IntRange(1, 80).Draw(t, "delay"))*ms)
	}
	w := newWorld(t, delays...)
	w.seed = rapid.Uint64Range(1, 1000).Draw(t, "seed")
	w.profile = Profiles()[rapid.IntRange(0, 2).Draw(t, "profile")]
	w.profile.Reinject = ReinjectPolicy(rapid.IntRange(0, 3).Draw(t, "reinject"))
	w.profile.ReinjectAfter = 2
	w.opt.Reprobe = rapid.Bool().Draw(t, "reprobe")
	w.opt.NoDelay = rapid.Bool().Draw(t, "nodelay")
	w.opt.SendBuffer = rapid.SampledFrom([]int64{3000, 20_000, 200_000, 1 << 20}).Draw(t, "sndbuf")
	w.opt.ReceiveBuffer = rapid.SampledFrom([]int64{3000, 20_000, 200_000, 1 << 20}).Draw(t, "rcvbuf")
	for _, p := range w.paths {
		for _, d := range p {
			d.rate = sim.Rate(rapid.IntRange(0, 3).Draw(t, "rate")) * 5 * sim.MegabitPerSecond
			d.limit = 20
			spoil(t, d)
		}
	}
	return w
}

// spoil makes one direction bad for its first packets.
func spoil(t *rapid.T, d *direction) {
	rnd := sim.NewRand(rapid.Uint64Range(0, 1<<20).Draw(t, "luck"), 0, "test")
	loss := rapid.SampledFrom([]float64{0, 0, 0.02, 0.1}).Draw(t, "loss")
	late := rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "reorder")
	twice := rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "duplicate")
	split := rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "split")
	from := sim.Time(rapid.IntRange(200, 3000).Draw(t, "silent")) * sim.Time(ms)
	until := from.Add(sim.Duration(rapid.SampledFrom([]int{0, 0, 1, 15}).Draw(t, "for")) * sim.Second)
	const bad = 200 // packets
	row := 0        // losses in a row: a handshake that never gets through is no test
	d.drop = func(n int, now sim.Time, _ *Segment) bool {
		row++
		if n < bad && rnd.Float64() < loss && row <= 2 || now >= from && now < until {
			return true
		}
		row = 0
		return false
	}
	d.extra = func(n int) sim.Duration {
		if n < bad && rnd.Float64() < late {
			return sim.Duration(rnd.IntN(40)) * ms
		}
		return 0
	}
	d.box = func(s *Segment) []*Segment {
		out := []*Segment{s}
		if s.Len > 1 && rnd.Float64() < split {
			out = splitSegment(s, 1+int(rnd.IntN(uint64(s.Len-1))))
		}
		if rnd.Float64() < twice && d.n < bad {
			out = append(out, clone(out[0]))
		}
		return out
	}
}

func clone(s *Segment) *Segment {
	c := *s
	c.Buf = wire.Options{}
	if s.Opt != nil {
		c.Buf.CopyFrom(s.Opt)
		c.Opt = &c.Buf
	}
	return &c
}

// splitSegment cuts the payload in two behind n bytes and, like segmentation
// offload, copies all options to both parts.
func splitSegment(s *Segment, n int) []*Segment {
	b := clone(s)
	head := wire.AppendPieces(nil, &s.Segment, s.Opt, 0, n)
	tail := wire.AppendPieces(nil, &s.Segment, s.Opt, n, int(s.Len))
	wire.SetPieces(&s.Segment, s.Opt, head)
	wire.SetPieces(&b.Segment, b.Opt, tail)
	b.Seq = s.Seq.Add(n)
	s.Flags &^= wire.FIN | wire.PSH
	return []*Segment{s, b}
}
