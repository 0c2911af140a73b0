package mptcp

import (
	"fmt"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// setIDSN gives the stream from one host to the other an initial data sequence
// number that no key is known for. Nothing must have been sent yet.
func setIDSN(from, to *host, idsn wire.DSN) {
	for _, a := range from.apps {
		if s := from.ep.socks.get(a.conn); s != nil && s.conn != nil {
			s.conn.local.idsn = idsn
		}
	}
	for _, a := range to.apps {
		if s := to.ep.socks.get(a.conn); s != nil && s.conn != nil {
			s.conn.remote.idsn = idsn
		}
	}
}

// TestWidthPairs runs transfers both ways over two subflows with losses and
// reordering across a wrap of the lower and of the upper half of the data
// sequence number, for each pair of widths: 4 octets only (Implementation 1 of
// the survey), 4 with 8 around a wrap (Implementation 3), and 8. All bytes
// arrive; a DATA_ACK has 8 octets where the mapping that it answers has, if the
// host can; 4 octets only never sends 8; and around a wrap the full number is
// sent (RFC 8684 sections 3.3.1 and 3.3.2).
//
// row:B1
func TestWidthPairs(t *testing.T) {
	kinds := []struct {
		name string
		dsn  DSNWidth
		ack  DataAckWidth
	}{
		{"4 only", DSN4, DataAck4},
		{"4 or 8", DSN4Wrap, DataAckMirror},
		{"8", DSN8, DataAckMirror},
	}
	for _, idsn := range []wire.DSN{0x00000007_fffe0000, 0xffffffff_fffe0000, 0x00000007_10000000} {
		for _, c := range kinds {
			for _, s := range kinds {
				for v := Version0; v <= Version1; v++ {
					name := fmt.Sprintf("%v, client %s, server %s, IDSN %#x", v, c.name, s.name, uint64(idsn))
					w := newWorld(t, 10*ms, 15*ms)
					w.opt.Versions = v
					if v == Version0 { // the number in a checksum is always the full one
						w.opt.Checksum = ChecksumRequired
					}
					w.profile, w.served = Linux(), Linux()
					w.profile.DSN, w.profile.DataAck = c.dsn, c.ack
					w.served.DSN, w.served.DataAck = s.dsn, s.ack
					w.widthTransfer(t, name, idsn)
					checkWidths(t, name, w, true, c.dsn, s.ack, idsn)
					checkWidths(t, name, w, false, s.dsn, c.ack, idsn)
				}
			}
		}
	}
}

// widthTransfer moves 400 kB each way, with every seventh data segment late by
// more than a round trip and every thirtieth lost.
func (w *world) widthTransfer(t *testing.T, name string, idsn wire.DSN) {
	const size = 400_000
	for _, p := range w.paths {
		for _, d := range p {
			d.rate = 10 * sim.MegabitPerSecond
			d.extra = func(n int) sim.Duration {
				if n%7 == 3 && n > 8 {
					return 40 * ms
				}
				return 0
			}
			d.drop = func(n int, _ sim.Time, _ *Segment) bool { return n%30 == 29 }
		}
	}
	w.start()
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 && srv.conn != 0 })
	w.runTo(w.now.Add(100 * ms))
	setIDSN(w.client, w.server, idsn)
	setIDSN(w.server, w.client, idsn)
	cli.toWrite, cli.close, srv.toWrite, srv.close = size, true, size, true
	w.flush(w.client)
	w.flush(w.server)
	w.until(60*sim.Second, name, func() bool { return cli.eof && srv.eof })
	if cli.off != size || srv.off != size || cli.bad+srv.bad != 0 || cli.saw(Fallback) != 0 {
		t.Errorf("%s: client read %d, server %d, %d bad, %d fallbacks", name, cli.off, srv.off, cli.bad+srv.bad, cli.saw(Fallback))
	}
}

// checkWidths looks at the mappings of one direction and at the DATA_ACKs that
// answer them.
func checkWidths(t *testing.T, name string, w *world, up bool, dsn DSNWidth, ack DataAckWidth, idsn wire.DSN) {
	t.Helper()
	maps4, maps8, acks4, acks8 := 0, 0, 0, 0
	for i := range w.log {
		r := &w.log[i]
		if h := &r.seg; r.up == up && h.Opt.Has(wire.HasMap) {
			if h.Opt.Has(wire.DSN8) {
				maps8++
			} else {
				maps4++
			}
		}
		if h := &r.seg; r.up != up && h.Opt.Has(wire.HasDataAck) {
			if h.Opt.Has(wire.DataAck8) {
				acks8++
			} else {
				acks4++
			}
		}
	}
	wraps := idsn>>32 != (idsn+400_001)>>32
	if dsn == DSN4 && maps8 > 0 || dsn == DSN8 && maps4 > 0 ||
		dsn == DSN4Wrap && (maps4 == 0 || maps8 > 0 != wraps) {
		t.Errorf("%s, up %v: %d mappings of 4, %d of 8", name, up, maps4, maps8)
	}
	if ack == DataAck4 && acks8 > 0 || ack == DataAckMirror && (maps8 > 0 && acks8 == 0 || maps4 > 0 && acks4 == 0) {
		t.Errorf("%s, up %v: %d mappings of 8, DATA_ACKs: %d of 4, %d of 8", name, up, maps8, acks4, acks8)
	}
}

// TestAnswerToWidth: a mapping with a number of 8 octets is acknowledged in 8, and
// the next one of 4 may be acknowledged in 4 (RFC 8684 section 3.3.2).
//
// row:B1
func TestAnswerToWidth(t *testing.T) {
	for _, ack := range []DataAckWidth{DataAckMirror, DataAck4, DataAck8} {
		w := newWorld(t, 10*ms)
		w.profile = Linux()
		w.profile.DSN, w.profile.DataAck = DSN4, ack
		w.served = Linux()
		w.served.DSN = DSN4
		w.opt.Versions = Version0
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 && srv.conn != 0 })
		c := w.server.ep.socks.get(srv.conn).conn
		for i, eight := range []bool{false, true, false} {
			c.dsn8 = eight
			srv.toWrite = 100
			w.flush(w.server)
			w.runTo(w.now.Add(300 * ms))
			last := &w.log[len(w.log)-1]
			want := ack == DataAck8 || ack == DataAckMirror && eight
			if !last.up || last.seg.Opt.Has(wire.DataAck8) != want {
				t.Errorf("policy %d, segment %d: %s", ack, i, w.line(last))
			}
		}
	}
}

// TestFastConnectionSendsFullNumbers: at 2^32 octets in less than a segment's
// lifetime of 120 s, 286 Mb/s, the full number must be sent (RFC 8684 section
// 3.3.1).
//
// row:B1
func TestFastConnectionSendsFullNumbers(t *testing.T) {
	for _, v := range []struct {
		rate sim.Rate
		fast bool
	}{{280 * sim.MegabitPerSecond, false}, {293 * sim.MegabitPerSecond, true}} {
		var s sendWidth
		s.mark = 1
		now := sim.Time(0)
		for n := uint64(1); n < 1<<29; n += 1 << 16 {
			s.measure(now, n)
			now = now.Add(sim.Duration(float64(8<<16) * 1e9 / float64(v.rate)))
		}
		if s.fast != v.fast {
			t.Errorf("%v: %v", v.rate, s.fast)
		}
	}
	w := newWorld(t, ms)
	w.keep = false
	w.profile = Linux()
	w.profile.DSN = DSN4Wrap
	w.opt.SendBuffer, w.opt.ReceiveBuffer = 16<<20, 16<<20
	w.start()
	srv := &app{toWrite: 1 << 40}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	w.paths[0][1].rate = 1000 * sim.MegabitPerSecond
	w.paths[0][1].limit = 1000
	eight := 0
	w.arrive = func(to *host, s *Segment) {
		if to == w.client && s.Len > 0 && s.Segment.Opt.Has(wire.DSN8) {
			eight++
		}
	}
	w.until(10*sim.Second, "data", func() bool { return cli.off > rateSample+1<<20 })
	if eight == 0 {
		t.Error("only 4 octets at 1 Gb/s")
	}
}
