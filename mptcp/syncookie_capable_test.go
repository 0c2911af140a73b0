package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestKeyRepeatedUntilDataAck: a client without data repeats MP_CAPABLE on every
// segment until a DATA_ACK has come; a server that acknowledges the key at once,
// by a duplicate ACK, ends that (draft-paasch-mptcp-syncookies-02 section 3.1.1).
// With timestamps, which take 12 octets, MP_CAPABLE of 20 and a DATA_ACK of 8 fill
// the 40 exactly.
//
// row:J10
func TestKeyRepeatedUntilDataAck(t *testing.T) {
	// A server that sends early by fast open cannot acknowledge data before it
	// has the key, so that the client repeats it with its DATA_ACKs.
	w := fastWorld(t, nil)
	w.profile.TCP.Timestamps = true
	w.know()
	w.paths[0][0].drop = dropNth(1) // the third packet
	srv := &app{toWrite: 20000}
	w.server.accept = func() *app { return srv }
	cli := w.dialData(20)
	w.until(5*sim.Second, "answer", func() bool { return cli.off == 20000 })
	both := 0
	full := false
	for i := range w.log {
		r := &w.log[i]
		if !r.up {
			full = full || r.seg.Opt.Has(wire.HasDataAck)
			continue
		}
		if r.opt.Has(wire.OptCapable) && r.seg.Opt.Has(wire.HasDataAck) {
			if both++; r.seg.OptionsLen(&r.opt) != 40 || r.seg.Opt.Has(wire.DataAck8) {
				t.Errorf("%d octets: %s", r.seg.OptionsLen(&r.opt), w.line(r))
			}
		}
		if !r.seg.Flags.Has(wire.SYN) && !full && !r.opt.Has(wire.OptCapable) {
			t.Errorf("no MP_CAPABLE although no DATA_ACK has come: %s", w.line(r))
		}
	}
	if both == 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
		t.Errorf("%d segments with MP_CAPABLE and DATA_ACK\n%s", both, w.dump(30))
	}

	for _, ack := range []bool{false, true} {
		w := cookieWorld(t, Version1, nil)
		w.profile.AckKey = ack
		w.dialData(0)
		w.runTo(w.now.Add(sim.Second))
		got := 0
		for i := range w.log {
			r := &w.log[i]
			if !r.up && r.seg.Len == 0 && r.seg.Opt.Has(wire.HasDataAck) && !r.seg.Flags.Has(wire.SYN) {
				got++
			}
		}
		if got != int(b2u(ack)) || w.client.ep.socks.get(w.client.apps[0].conn).conn.full != ack {
			t.Errorf("AckKey %v: %d ACKs of the key", ack, got)
		}

		// The key comes once more: so does the ACK, a duplicate for TCP.
		p := RFC()
		p.AckKey = ack
		r := rawListener(t, p, rawOptions())
		r.open(capable(1, flagH, 0, 0, 0))
		key := capable(1, flagH, 2, r.key, r.peer)
		r.send(wire.ACK, 1, 0, key)
		out := r.send(wire.ACK, 1, 0, key)
		if len(out) != int(b2u(ack)) || ack && (out[0].Len != 0 || !out[0].Segment.Opt.Has(wire.HasDataAck)) {
			t.Errorf("AckKey %v: a repeated key gets %d answers", ack, len(out))
		}
	}
}

// TestNoDataFINWithMPCapable: the first data has no room for a DATA_FIN in its
// MP_CAPABLE, so that a DSS brings it behind (section 3.1.4 of the draft); nor has
// it one when it is sent again after the stream has ended.
//
// row:J11
func TestNoDataFINWithMPCapable(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := cookieWorld(t, Version1, nil)
		w.paths[0][0].drop = func(n int, _ sim.Time, _ *Segment) bool { return lost && (n == 2 || n == 3) }
		w.sendAll(100)
		capable, fin, copies := -1, -1, 0
		for i := range w.log {
			r := &w.log[i]
			if !r.up {
				continue
			}
			if r.opt.Has(wire.OptCapable) && r.opt.Capable.HasData {
				copies++
				if capable = i; r.seg.Opt.Has(wire.HasDSS) || r.opt.Capable.DataLen != 100 {
					t.Errorf("%s", w.line(r))
				}
			}
			if r.seg.Opt.Has(wire.DataFIN) && (fin < 0 || r.seg.Len > 0) {
				if fin = i; r.seg.Len != 0 || r.seg.SSN != 0 || r.seg.MapLen != 1 {
					t.Errorf("%s", w.line(r))
				}
			}
		}
		if capable < 0 || fin < 0 || !lost && fin <= capable || copies != 1+b2i(lost) {
			t.Errorf("lost %v: MP_CAPABLE with data %d times, last in segment %d, DATA_FIN %d\n%s", lost, copies, capable, fin, w.dump(20))
		}
	}
}

// sendAll sends n bytes and the end of the stream in one go, and waits for both.
func (w *world) sendAll(n int64) {
	w.t.Helper()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.dialData(n)
	cli.close = true
	w.flush(w.client)
	w.until(30*sim.Second, "end", func() bool { return srv.eof })
	if srv.off != uint64(n) || srv.bad != 0 || cli.saw(Fallback) != 0 {
		w.t.Errorf("server read %d of %d", srv.off, n)
	}
}

// TestServerSendsFirst: behind a lost third packet a stateless server cannot begin
// the conversation, whether MPTCP is used or not; it starts when the client's
// first data comes, in MPTCP. A stateful server repeats its SYN/ACK until it has
// the key, and the client's first data then needs no MP_CAPABLE (section 3.1.5 of
// the draft).
//
// row:J12
func TestServerSendsFirst(t *testing.T) {
	for _, mode := range []SYNCookieMode{SYNCookiesAlways, SYNCookiesOff} {
		w := cookieWorld(t, Version1, func(_ string, o *SocketOptions) { o.SYNCookies = mode })
		w.paths[0][0].drop = dropNth(1)
		srv := &app{toWrite: 5000}
		w.server.accept = func() *app { return srv }
		cli := w.dialData(0)
		w.runTo(w.now.Add(10 * sim.Second))
		stateless := mode == SYNCookiesAlways
		if (cli.off == 0) != stateless || w.server.state() == 0 != stateless {
			t.Errorf("%v: the client has read %d after 10 s, the server holds %d", mode, cli.off, w.server.state())
		}
		w.log = nil
		cli.toWrite = 3000
		w.flush(w.client)
		w.until(10*sim.Second, "both", func() bool { return srv.off == 3000 && cli.off == 5000 })
		if got := w.log[0].opt.Has(wire.OptCapable); got != stateless {
			t.Errorf("%v: first data %s", mode, w.line(&w.log[0]))
		}
		if cli.saw(Fallback)+srv.saw(Fallback)+int(cli.bad+srv.bad) != 0 {
			t.Errorf("%v: fallback or bad bytes", mode)
		}
	}
}

// firstData runs an upload to a stateless server whose third packet is lost and
// whose data segments pass a box, until the server has all or the client is
// reset.
func firstData(t *testing.T, n int64, change func(h string, o *SocketOptions), box func(k int, s *Segment) []*Segment) (w *world, cli, srv *app) {
	w = cookieWorld(t, Version1, change)
	w.profile.MaxMapping = 1
	k := -1
	w.paths[0][0].drop = dropNth(1)
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if s.Flags.Has(wire.SYN) || s.Len == 0 {
			return []*Segment{s}
		}
		k++
		return box(k, s)
	}
	srv = &app{}
	w.server.accept = func() *app { return srv }
	cli = w.dialData(n)
	w.until(200*sim.Second, "end", func() bool { return srv.off >= uint64(n) || cli.saw(Closed) > 0 })
	return w, cli, srv
}

// wantPlain checks that both ends go on as TCP with every byte in order.
func wantPlain(t *testing.T, w *world, cli, srv *app, n int64) {
	t.Helper()
	w.runTo(w.now.Add(sim.Second))
	if srv.off != uint64(n) || srv.bad != 0 || cli.saw(Fallback) != 1 || cli.saw(Closed) != 0 {
		t.Errorf("server read %d of %d, %d bad; %d fallbacks of the client\n%s", srv.off, n, srv.bad, cli.saw(Fallback), w.dump(30))
	}
	srv.toWrite = 2000
	w.flush(w.server)
	w.until(10*sim.Second, "answer", func() bool { return cli.off == 2000 })
}

// TestMiddleboxStripsFirstData: the server gets data without mapping and goes on
// as TCP (section 3.1.6 of the draft, first case).
//
// row:J13
func TestMiddleboxStripsFirstData(t *testing.T) {
	w, cli, srv := firstData(t, 4000, nil, func(_ int, s *Segment) []*Segment {
		if s.Opt != nil {
			s.Opt.Present &^= wire.OptCapable
		}
		return []*Segment{s}
	})
	wantPlain(t, w, cli, srv, 4000)
}

// coalesce joins the first two data segments; keep chooses whose options stay.
func coalesce(keep int) func(k int, s *Segment) []*Segment {
	var first Segment
	return func(k int, s *Segment) []*Segment {
		switch k {
		case 0:
			first = *s
			if s.Opt != nil {
				first.Buf = *s.Opt
				first.Opt = &first.Buf
			}
			return nil
		case 1:
			both := first
			if keep == 1 {
				both = *s
				both.Seq, both.Off = first.Seq, first.Off
			}
			both.Len = first.Len + s.Len
			if both.Opt != nil {
				if keep == 0 {
					both.Buf = *first.Opt
				}
				both.Opt = &both.Buf
			}
			return []*Segment{&both}
		}
		return []*Segment{s}
	}
}

// TestMiddleboxCoalescesFirstData: if the DSS of the second segment is lost, half
// of the payload has no mapping and the connection goes on as TCP; if MP_CAPABLE
// is lost, a server that infers the sequence number from the mapping gets a wrong
// one and answers by a reset, and one that does not goes on as TCP (second case,
// two variants).
//
// row:J13 row:M6
func TestMiddleboxCoalescesFirstData(t *testing.T) {
	w, cli, srv := firstData(t, 2500, nil, coalesce(0))
	wantPlain(t, w, cli, srv, 2500)

	w, cli, srv = firstData(t, 2500, nil, coalesce(1))
	wantPlain(t, w, cli, srv, 2500)
}

// TestMiddleboxSplitsFirstData: an offload engine copies MP_CAPABLE to both halves
// of the first segment, and the length in it tells that they are one mapping; if
// the first half is lost, the second one does not verify and is answered by a
// reset, as with TCP (third case).
//
// row:J13
func TestMiddleboxSplitsFirstData(t *testing.T) {
	split := func(lose bool) func(k int, s *Segment) []*Segment {
		return func(k int, s *Segment) []*Segment {
			if k > 0 {
				return []*Segment{s}
			}
			a, b := *s, *s
			a.Buf, b.Buf = *s.Opt, *s.Opt
			a.Opt, b.Opt = &a.Buf, &b.Buf
			a.Len = s.Len / 2
			b.Len = s.Len - a.Len
			b.Seq += wire.Seq(a.Len)
			b.Off += uint64(a.Len)
			if lose {
				return []*Segment{&b}
			}
			return []*Segment{&a, &b}
		}
	}
	w, cli, srv := firstData(t, 4000, nil, split(false))
	if srv.off != 4000 || srv.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
		t.Errorf("server read %d, fallback %d %d\n%s", srv.off, cli.saw(Fallback), srv.saw(Fallback), w.dump(20))
	}
	w, cli, srv = firstData(t, 1000, nil, split(true))
	if cli.saw(Closed) != 1 || srv.off != 0 {
		t.Errorf("server read %d", srv.off)
	}
	w.counter(w.server, "SyncookiesRecv", 0)
}

// TestMiddleboxChangesFirstData: the checksum in MP_CAPABLE shows it, and the
// connection goes on as TCP (fourth case).
//
// row:J13
func TestMiddleboxChangesFirstData(t *testing.T) {
	w, cli, srv := firstData(t, 1000, func(_ string, o *SocketOptions) { o.Checksum = ChecksumRequired },
		func(k int, s *Segment) []*Segment {
			if k == 0 {
				o := s.Options()
				o.Present |= wire.OptPieces
				data := make([]byte, s.Len)
				o.Pieces = append(o.Pieces[:0], wire.Piece{Off: s.Off, Len: uint32(s.Len), Data: data})
			}
			return []*Segment{s}
		})
	w.runTo(w.now.Add(sim.Second))
	w.counter(w.server, "DataCsumErr", 1)
	if srv.off != 1000 || srv.bad < 990 || cli.saw(Fallback) != 1 || srv.saw(Fallback) != 1 {
		t.Errorf("server read %d, %d changed; fallbacks %d and %d\n%s", srv.off, srv.bad, cli.saw(Fallback), srv.saw(Fallback), w.dump(20))
	}
}

// TestOptionBudgetOfFirstData: MP_CAPABLE of 20 octets beside a DSS with 4-octet
// numbers, the alternative that the draft rejects in section 4, takes 36 octets,
// and what is left has no room for timestamps; the MP_CAPABLE with length and
// checksum that was chosen has.
//
// row:J15
func TestOptionBudgetOfFirstData(t *testing.T) {
	var s wire.Segment
	var o wire.Options
	o.Present = wire.OptCapable | wire.OptDSSChecksum
	o.Capable = wire.Capable{Version: 1, Flags: wire.CapableHMACSHA256, Keys: 2}
	s.Opt = wire.HasDSS | wire.HasMap
	if n := s.OptionsLen(&o); n != 36 || wire.MaxOptionsLen-n != 4 {
		t.Errorf("both options take %d octets", n)
	}
	s.Opt |= wire.HasTS
	if wire.Fits(&s, &o) {
		t.Errorf("both options fit beside timestamps")
	}
	o.Present = wire.OptCapable
	o.Capable.HasData, o.Capable.HasChecksum = true, true
	s.Opt = wire.HasTS
	if n := s.OptionsLen(&o); n != 36 || !wire.Fits(&s, &o) {
		t.Errorf("MP_CAPABLE with data and timestamps take %d octets", n)
	}
}
