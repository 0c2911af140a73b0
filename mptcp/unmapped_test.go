package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// bareMapping is a box that takes the DSS option away from the segments of the n-th
// mapping that starts on a direction, n from 0, when they are sent first.
type bareMapping struct {
	n    int
	dsn  wire.DSN
	bare int // segments
	next wire.Seq
	late bool // a later segment, amid its own mapping, carries the one that was taken
	kept *Segment
}

func (b *bareMapping) forward(s *Segment) []*Segment {
	if s.Len == 0 || !s.Segment.Opt.Has(wire.HasMap) || b.next != 0 && !s.Seq.After(b.next) {
		return []*Segment{s}
	}
	b.next = s.Seq
	first := s.DSN != b.dsn
	if first {
		b.dsn = s.DSN
		b.n--
	}
	switch {
	case b.n == -1:
		b.bare++
		if b.kept == nil {
			b.kept = copyOf(s)
		}
		s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN
		if s.Opt != nil {
			s.Opt.Present &^= mptcpOptions
		}
	case b.late && b.kept != nil && !first:
		s.DSN, s.SSN, s.MapLen, s.Opt.DSSChecksum = b.kept.DSN, b.kept.SSN, b.kept.MapLen, b.kept.Opt.DSSChecksum
		b.late = false
	}
	return []*Segment{s}
}

// TestUnmappedPieceHoldsNoOther: a mapping in mid-stream loses its option and comes
// again on the data level. Its bytes are kept for up to a receive window (RFC 8684
// section 3.3.1: without being covered after that long, the subflow is broken), but
// what lies behind them has mappings of its own, and with checksums, too, it is
// verified and read as it arrives: no subflow is reset, and no more than the one
// mapping is ever held. A mapping that comes late for the piece, while another one
// is incomplete at the end of the stream, releases it.
func TestUnmappedPieceHoldsNoOther(t *testing.T) {
	const size = 6 << 20
	for _, v := range []struct {
		sums ChecksumPolicy
		late bool
	}{{ChecksumOnDemand, false}, {ChecksumRequired, false}, {ChecksumRequired, true}} {
		sums := v.sums
		w := checksumWorld(t, sums, sums, 10*ms, 10*ms)
		w.profile = RFC()
		w.opt.ReceiveBuffer = 256 << 10
		for _, p := range w.paths {
			p[1].rate, p[1].limit = 10*sim.MegabitPerSecond, 100
		}
		w.start()
		srv := &app{toWrite: size, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		b := &bareMapping{n: 40, late: v.late}
		w.paths[1][1].box = b.forward
		var held int64
		w.until(60*sim.Second, "download", func() bool {
			for _, f := range w.client.ep.socks.get(cli.conn).conn.subs {
				held = max(held, f.held.bytes)
			}
			return cli.eof
		})
		if cli.off != size || cli.bad != 0 || b.bare == 0 || held == 0 || held > 65428 {
			t.Errorf("%+v: %d bytes, %d bad, %d bare segments, %d bytes held at most", v, cli.off, cli.bad, b.bare, held)
		}
		w.counter(w.client, "NoDSSInWindow", uint64(b.bare))
		w.counter(w.client, "MPRstTx", 0)
		w.counter(w.client, "DataCsumErr", 0)
		for _, f := range w.client.ep.socks.get(cli.conn).conn.subs {
			if late := f.held.bytes == 0; f.id == 1 && late != v.late || f.check.bytes != 0 {
				t.Errorf("%+v: %d bytes held at the end, %d not verified", v, f.held.bytes, f.check.bytes)
			}
		}
		t.Logf("%+v: %d segments of %d bytes held, end at %v", v, b.bare, held, w.now)
	}
}

// TestNoFallbackAmidJoin: the first data of the server loses its options while the
// fourth packet of a join is missing. The server may have used the new subflow since
// the third packet (RFC 8684 section 3.2), so the first one does not carry the whole
// stream any more: going on as TCP, as with one subflow only (section 3.7), would
// lose what the other one carried.
func TestNoFallbackAmidJoin(t *testing.T) {
	const size = 300_000
	for _, name := range []string{"rfc", "linux"} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = ProfileByName(name)
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 10
		w.flush(w.client)
		amid := func() bool { return w.now >= sim.Time(75*ms) && w.now < sim.Time(100*ms) }
		w.paths[1][1].drop = func(_ int, now sim.Time, s *Segment) bool {
			return !s.Flags.Has(wire.SYN) && now < sim.Time(100*ms)
		}
		w.paths[0][1].box = func(s *Segment) []*Segment {
			if amid() && s.Len > 0 {
				s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8
				if s.Opt != nil {
					s.Opt.Present &^= mptcpOptions
				}
			}
			return []*Segment{s}
		}
		w.runTo(sim.Time(75 * ms))
		subs := w.client.ep.socks.get(cli.conn).conn.subs
		if len(subs) != 2 || subs[1].phase != phasePre {
			t.Fatalf("%s: no join in its handshake", name)
		}
		srv.toWrite, srv.close = size, true
		w.flush(w.server)
		w.runTo(sim.Time(20 * sim.Second))
		if cli.saw(Fallback) != 0 || cli.bad != 0 || !cli.eof || cli.off != size {
			t.Errorf("%s: %d bytes, %d bad, end of stream %v, %v", name, cli.off, cli.bad, cli.eof, cli.events)
		}
	}
}

// joinedAway is a box that takes the DSS option away where one that joins segments
// would: every run of segments that follow each other within 2 ms keeps the options of
// its first one, or of its last one, as far as that is known when it is sent.
type joinedAway struct {
	w    *world
	last bool
	next wire.Seq
	at   sim.Time
	lost int
}

func (b *joinedAway) forward(s *Segment) []*Segment {
	if s.Len == 0 || !s.Segment.Opt.Has(wire.HasMap) {
		return []*Segment{s}
	}
	follows := s.Seq == b.next && b.w.now.Sub(b.at) < 2*ms
	b.next, b.at = s.Seq.Add(int(s.Len)), b.w.now
	if b.last && s.Flags.Has(wire.PSH) || !b.last && !follows {
		return []*Segment{s}
	}
	b.lost++
	return stripAll(s)
}

// TestUnmappedOnLastSubflow: a box joins the segments of the only subflow, so that most
// mappings are lost. What has none is kept, for at most a receive window, and comes
// again on the data level (RFC 8684 section 3.3.1: data without a mapping is held,
// section 3.3.6: what is not acknowledged on the data level is sent again); what is
// lost for good, as the same segments always follow each other, comes one segment at a
// time. TCP would carry it all; so does MPTCP, whichever stack, with checksums or not.
func TestUnmappedOnLastSubflow(t *testing.T) {
	const size, window = 330_000, 40_000
	all := int64(0)
	for _, name := range []string{"linux", "rfc", "linux-oot"} {
		for _, sums := range []ChecksumPolicy{ChecksumOnDemand, ChecksumRequired} {
			for _, last := range []bool{false, true} {
				w := checksumWorld(t, sums, sums, 10*ms)
				w.profile = ProfileByName(name)
				w.opt.ReceiveBuffer = window
				p := w.paths[0][1]
				p.rate, p.limit = 10*sim.MegabitPerSecond, 100
				w.start()
				srv := &app{toWrite: 30_000}
				w.server.accept = func() *app { return srv }
				cli := w.connect()
				cli.toWrite = 10
				w.flush(w.client)
				w.runTo(sim.Time(sim.Second)) // past the first window, where options that vanish end MPTCP
				b := &joinedAway{w: w, last: last}
				p.box = b.forward
				srv.toWrite, srv.close = size-30_000, true
				w.flush(w.server)
				f := w.client.ep.socks.get(cli.conn).conn.subs[0]
				held := int64(0)
				w.until(2000*sim.Second, "download", func() bool {
					held = max(held, f.held.bytes)
					return cli.eof
				})
				if cli.off != size || cli.bad != 0 || b.lost == 0 || held > window {
					t.Errorf("%s, checksums %v, last %v: %d bytes, %d bad, %d mappings lost, %d bytes held", name, sums, last, cli.off, cli.bad, b.lost, held)
				}
				w.counter(w.client, "MPRstTx", 0)
				all = max(all, held)
				t.Logf("%s, checksums %v, last %v: %d mappings lost, at most %d bytes held, end at %v", name, sums, last, b.lost, held, w.now)
			}
		}
	}
	if all < window*9/10 {
		t.Errorf("no more than %d bytes of a window of %d were ever held", all, window)
	}
}

// The peer ends the only subflow behind data without a mapping, and not the data: it takes
// its stream for plain TCP's, and a FIN in answer would tell it that all of it has arrived.
// The subflow is reset (RFC 8684 section 3.7: "middlebox interference"). A DATA_FIN, or
// mappings for all data, and the FIN is answered by one.
func TestFINBehindUnmappedData(t *testing.T) {
	const first, piece = 100, 1000
	for _, profile := range []*Profile{Linux(), RFC()} {
		for _, c := range []struct {
			name             string
			unmapped, ending bool
			reset            bool
		}{
			{"without a mapping", true, false, true},
			{"with mappings", false, false, false},
			{"without a mapping, the data has ended", true, true, false},
		} {
			r := rawEstablished(t, profile, first)
			at := uint32(first + 1)
			for ; at <= initialWindow+first; at += piece { // data without options ends MPTCP up to here
				r.send(wire.ACK, wire.Seq(at), piece, r.dss(at, uint64(at), piece, 1))
			}
			if c.unmapped {
				r.send(wire.ACK, wire.Seq(at), piece, nil)
				at += piece
			}
			if c.ending {
				r.send(wire.ACK, wire.Seq(at), 0, func(s *Segment) {
					r.dss(0, uint64(at), 1, 1)(s)
					s.Segment.Opt |= wire.DataFIN
				})
			}
			resets := 0
			for _, s := range r.send(wire.ACK|wire.FIN, wire.Seq(at), 0, r.dss(0, 0, 0, 1)) {
				if s.Flags.Has(wire.RST) {
					resets++
					if s.Opt == nil || !s.Opt.Has(wire.OptRst) || s.Opt.Rst.Reason != rstMiddlebox {
						t.Errorf("%s, %s: RST without reason %d", profile.Name, c.name, rstMiddlebox)
					}
				}
			}
			if (resets == 1) != c.reset {
				t.Errorf("%s, %s: %d resets", profile.Name, c.name, resets)
			}
		}
	}
}
