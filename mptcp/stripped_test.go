package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Options that vanish (RFC 8684 section 3.7), case by case.

// afterHandshake removes MPTCP options from everything behind the first pure ACK of
// the handshake.
func afterHandshake() func(*Segment) []*Segment {
	acks := 0
	return func(s *Segment) []*Segment {
		if s.Flags.Has(wire.SYN) {
			return []*Segment{s}
		}
		if acks++; acks == 1 && s.Len == 0 {
			return []*Segment{s}
		}
		return stripAll(s)
	}
}

// withoutSYN removes MPTCP options from everything but SYNs.
func withoutSYN() func(*Segment) []*Segment {
	return strip(func(s *Segment) bool { return !s.Flags.Has(wire.SYN) })
}

// TestSection3_7FirstDataStripped: the handshake passes, but the first data or its
// acknowledgement loses its options, in either direction or both, and either side
// speaks first. Both sides go on as TCP without loss, whichever stack they are, and
// a stack that announces it sends exactly one infinite mapping.
//
// row:C2 rfc8684:3.7-4
func TestSection3_7FirstDataStripped(t *testing.T) {
	const size = 200_000
	type boxes = func() func(*Segment) []*Segment
	for _, v := range []struct {
		name     string
		up, down boxes
	}{
		{"client's data", afterHandshake, nil}, {"server's answers", nil, withoutSYN}, {"both", afterHandshake, withoutSYN},
	} {
		for first := range 3 { // client, server, both at once
			for pair := range 4 {
				w := newWorld(t, 10*ms)
				w.profile, w.served = Linux(), Linux()
				if pair&1 != 0 {
					w.profile = RFC()
				}
				if pair&2 != 0 {
					w.served = RFC()
				}
				if v.up != nil {
					w.paths[0][0].box = v.up()
				}
				if v.down != nil {
					w.paths[0][1].box = v.down()
				}
				w.start()
				srv := &app{}
				if first != 0 {
					srv.toWrite = size
				}
				w.server.accept = func() *app { return srv }
				cli := w.connect()
				w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) == 1 && srv.conn != 0 })
				if first != 1 {
					cli.toWrite = size
					w.flush(w.client)
				}
				w.runTo(sim.Time(2 * sim.Second))
				cli.toWrite, srv.toWrite = cli.toWrite+1000, srv.toWrite+1000
				cli.close, srv.close = true, true
				w.flush(w.client)
				w.flush(w.server)
				w.runTo(sim.Time(10 * sim.Second))
				up, down := uint64(1000), uint64(1000)
				if first != 1 {
					up += size
				}
				if first != 0 {
					down += size
				}
				if cli.off != down || srv.off != up || cli.bad+srv.bad != 0 || cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 {
					t.Errorf("%s, first %d, pair %d: client read %d of %d, server %d of %d (%d bad), events %v, %v\n%s",
						v.name, first, pair, cli.off, down, srv.off, up, cli.bad+srv.bad, cli.events, srv.events, w.dump(12))
				}
				w.judgeAnnouncements(t, v.name, first, pair)
			}
		}
	}
}

// judgeAnnouncements checks that infinite mappings come from the sides that announce them,
// and from no other; all of a side are the same one (RFC 8684 section 3.3.1: mappings may
// be repeated), and they end when the peer has acknowledged data behind the first without
// a DATA_ACK.
func (w *world) judgeAnnouncements(t *testing.T, name string, first, pair int) {
	t.Helper()
	maps := w.infiniteMaps()
	for i := range w.log {
		r := &w.log[i]
		if r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0 && (r.seg.Len == 0 || pair>>b2i(!r.up)&1 == 0) {
			t.Errorf("%s, first %d, pair %d: %s", name, first, pair, w.line(r))
		}
	}
	if len(maps[0]) > 1 || len(maps[1]) > 1 || pair == 3 && len(maps[0])+len(maps[1]) == 0 {
		t.Errorf("%s, first %d, pair %d: infinite mappings %v", name, first, pair, maps)
	}
	if name == "server's answers" && first == 0 && pair&1 != 0 && len(maps[0]) != 1 {
		t.Errorf("pair %d: the client's data is acknowledged without DATA_ACK, but it sends no infinite mapping", pair)
	}
	for side := range maps {
		if n := w.repeats(side == 0); n > 30 {
			t.Errorf("%s, first %d, pair %d: %d segments with an infinite mapping", name, first, pair, n)
		}
	}
}

// infiniteMaps returns the infinite mappings that each side has sent.
func (w *world) infiniteMaps() (maps [2]map[[2]uint64]bool) {
	maps = [2]map[[2]uint64]bool{{}, {}}
	for i := range w.log {
		if r := &w.log[i]; r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0 {
			maps[b2i(!r.up)][[2]uint64{uint64(r.seg.DSN), uint64(r.seg.SSN)}] = true
		}
	}
	return maps
}

// repeats counts the segments of a side with an infinite mapping.
func (w *world) repeats(up bool) (n int) {
	for i := range w.log {
		if r := &w.log[i]; r.up == up && r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen == 0 {
			n++
		}
	}
	return n
}

// TestSection3_7JoinedSubflowStripped: options vanish on a joined subflow right after its
// handshake, in one direction or in both. Data without mapping, or acknowledged
// without a DATA_ACK, resets that subflow with reason 6, and the stream goes on
// over the other one.
//
// row:C3 rfc8684:3.7-3 rfc8684:3.7-6
func TestSection3_7JoinedSubflowStripped(t *testing.T) {
	const size = 2 << 20
	for _, profile := range []string{"linux", "rfc"} {
		for dir := 1; dir < 4; dir++ {
			w := newWorld(t, 10*ms, 20*ms)
			w.profile = ProfileByName(profile)
			w.options = func(_ string, o *SocketOptions) { o.ReceiveBuffer = 100_000 }
			w.start()
			for _, p := range w.paths {
				p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 50
			}
			srv := &app{toWrite: size, close: true}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite = 10
			w.flush(w.client)
			if dir&1 != 0 {
				w.paths[1][0].box = afterJoin(0)
			}
			if dir&2 != 0 {
				w.paths[1][1].box = afterJoin(1) // the fourth packet passes
			}
			w.finish(t, cli, srv, size)
			reasons := 0
			for i := range w.log {
				r := &w.log[i]
				if r.path == 1 && r.seg.Flags.Has(wire.RST) && r.options().Has(wire.OptRst) && r.opt.Rst.Reason == 6 {
					reasons++
				}
				if r.path == 0 && r.seg.Flags.Has(wire.RST) {
					t.Errorf("%s %d: %s", profile, dir, w.line(r))
				}
			}
			if reasons == 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
				t.Errorf("%s %d: no reset with reason 6, events %v\n%s", profile, dir, cli.events, w.dump(10))
			}
		}
	}
}

// afterJoin removes MPTCP options from everything behind the handshake of a join
// and the first packets that follow it in a direction.
func afterJoin(pass int) func(*Segment) []*Segment {
	n := 0
	return strip(func(s *Segment) bool {
		if s.Opt.Has(wire.OptJoin) || s.Flags.Has(wire.SYN|wire.RST) {
			return false
		}
		n++
		return n > pass
	})
}

// TestFirstOptionsLost: the third packet loses its options, and a box joins the first two
// data segments and keeps the options of the second. The server has reverted to TCP with the
// third packet, without the client's key, so that mappings mean nothing to it; its
// acknowledgements without DATA_ACK tell the client (RFC 8684 section 3.7).
func TestFirstOptionsLost(t *testing.T) {
	const size = 100_000
	for _, profile := range []string{"linux", "rfc"} {
		w := newWorld(t, 10*ms)
		w.profile = ProfileByName(profile)
		var first *Segment
		joined := false
		w.paths[0][0].box = func(s *Segment) []*Segment {
			switch {
			case s.Flags.Has(wire.SYN) || joined:
			case s.Len == 0:
				return stripAll(s)
			case first == nil:
				first = copyOf(s)
				return nil
			default:
				joined = true
				s = copyOf(s)
				s.Seq, s.Off, s.Len = first.Seq, first.Off, first.Len+s.Len
			}
			return []*Segment{s}
		}
		w.start()
		srv := &app{close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = size, true
		w.flush(w.client)
		w.runTo(sim.Time(20 * sim.Second))
		if srv.off != size || srv.bad != 0 || !srv.eof || cli.saw(Fallback)+srv.saw(Fallback) != 2 {
			t.Errorf("%s: %d bytes, %d bad, events %v, %v\n%s", profile, srv.off, srv.bad, cli.events, srv.events, w.dump(12))
		}
	}
}

// TestBackupStripped is the corner case of survey implementation 3 (questions 4.3
// and 10.7): one path is active, its data is to go on over a backup that never
// carried any, but a box removes the options of the acknowledgements there. By the
// RFC the backup is reset and the session is stuck until the first path comes back;
// a stack that keeps the subflow which moves data falls back on it, says so by an
// infinite mapping, and goes on.
//
// row:C11
func TestBackupStripped(t *testing.T) {
	const size = 2 << 20
	for _, moving := range []bool{false, true} {
		p := RFC()
		p.FallBackOnMoving = moving
		w := newWorld(t, 10*ms, 20*ms)
		w.profile = p
		w.start()
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, AddrBackup)
		for _, x := range w.paths {
			x[1].rate, x[1].limit = 10*sim.MegabitPerSecond, 50
		}
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		w.paths[1][0].box = afterJoin(0)
		w.runTo(sim.Time(sim.Second))
		before := cli.off
		dead := func(int, sim.Time, *Segment) bool { return true }
		w.paths[0][0].drop, w.paths[0][1].drop = dead, dead
		w.runTo(sim.Time(20 * sim.Second))
		switch {
		case before == 0 || before == size:
			t.Fatalf("read %d before", before)
		case moving && (cli.off != size || cli.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 2):
			t.Errorf("read %d (%d bad), events %v, %v\n%s", cli.off, cli.bad, cli.events, srv.events, w.dump(20))
		case !moving && (cli.off > before+200_000 || cli.bad != 0 || cli.eof):
			t.Errorf("not stuck: read %d, then %d", before, cli.off)
		}
	}
}

// TestSplitAtMappings: a box cuts every segment in two at every place near the
// boundary of a mapping and copies the options to both parts (HotMiddlebox 2013
// figure 4): both ends stay in step, with checksums and without.
//
// row:C13
func TestSplitAtMappings(t *testing.T) {
	const size = 100_000
	for _, policy := range []ChecksumPolicy{ChecksumOnDemand, ChecksumRequired} {
		for _, at := range []int{1, 2, 7, 100, 700, 1419, 1420, -1, -2} {
			w := checksumWorld(t, policy, policy, 10*ms, 20*ms)
			for _, p := range w.paths {
				p[1].rate = 20 * sim.MegabitPerSecond
				p[1].box = splitter(at)
			}
			w.start()
			srv := &app{}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			for i := range 40 { // writes of odd sizes make many mappings
				w.at(sim.Time(sim.Duration(50+10*i)*ms), func() {
					srv.toWrite += size / 40
					if i == 39 {
						srv.close = true
					}
				})
			}
			w.finish(t, cli, srv, size)
			if cli.saw(Fallback)+srv.saw(Fallback)+cli.saw(SubflowDown) != 0 {
				t.Errorf("policy %d, cut at %d: events %v", policy, at, cli.events)
			}
			w.counter(w.client, "DSSNotMatching", 0)
			w.counter(w.client, "DataCsumErr", 0)
		}
	}
}

// splitter cuts segments behind at bytes, or before the last -at.
func splitter(at int) func(*Segment) []*Segment {
	return func(s *Segment) []*Segment {
		n := at
		if at < 0 {
			n = int(s.Len) + at
		}
		if n <= 0 || n >= int(s.Len) {
			return []*Segment{s}
		}
		head, tail := copyOf(s), copyOf(s)
		head.Len = uint16(n)
		head.Flags &^= wire.FIN | wire.PSH
		tail.Seq, tail.Off, tail.Len = s.Seq.Add(n), s.Off+uint64(n), s.Len-uint16(n)
		return []*Segment{head, tail}
	}
}

// TestSection3_7LaterAcksStripped: the first answers pass, behind them the options of
// the server's acknowledgements vanish, before more than an initial window is
// confirmed. The client falls back, says so once by an infinite mapping, and nothing
// is lost.
//
// row:C2
func TestSection3_7LaterAcksStripped(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.profile = RFC()
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite = 100
	w.flush(w.client)
	w.until(sim.Second, "DATA_ACK", func() bool { return srv.off == 100 })
	w.runTo(w.now.Add(sim.Second))
	w.paths[0][1].box = withoutSYN()
	cli.toWrite, cli.close = 50_000, true
	srv.close = true
	w.flush(w.client)
	w.flush(w.server)
	w.runTo(w.now.Add(10 * sim.Second))
	if srv.off != 50_100 || srv.bad != 0 || !srv.eof {
		t.Errorf("%d bytes, %d bad", srv.off, srv.bad)
	}
	if maps := w.infiniteMaps(); len(maps[0]) != 1 || cli.saw(Fallback) != 1 {
		t.Errorf("infinite mappings %v, %d fallbacks\n%s", maps, cli.saw(Fallback), w.dump(20))
	}
	w.counter(w.client, "DssFallback", 1)
}
