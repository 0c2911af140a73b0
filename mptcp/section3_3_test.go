package mptcp

import (
	"slices"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// RFC 8684 section 3.3, data sequence mappings, acknowledgements and windows.

// TestSection3_3_1MappingHolds: over losses on both paths, timeouts and
// reinjections, a byte of a subflow is never declared to be another byte of the
// data than the first time, while data may appear on both subflows.
//
// rfc8684:3.3.1-1 rfc8684:3.3.6-1
func TestSection3_3_1MappingHolds(t *testing.T) {
	const size = 1 << 20
	w, cli, srv := joinWorld(t, size)
	for i, p := range w.paths {
		p[1].drop = func(n int, now sim.Time, _ *Segment) bool {
			out := i == 0 && now > sim.Time(300*ms) && now < sim.Time(2*sim.Second)
			return out || n%(37+20*i) == 5
		}
	}
	w.finish(t, cli, srv, size)
	w.runTo(w.now.Add(60 * sim.Second))
	type place struct {
		path int
		ssn  uint32
	}
	declared := map[place]wire.DSN{} // of the byte before the subflow's first
	carried := map[wire.DSN]int{}    // paths that declared a mapping from there
	again := 0
	isn := map[int]wire.Seq{}
	arrived := map[place]bool{}
	for i := range w.log {
		r := &w.log[i]
		if r.up {
			continue
		}
		if r.seg.Flags.Has(wire.SYN) {
			isn[r.path] = r.seg.Seq
		}
		for k := range uint32(r.seg.Len) {
			arrived[place{r.path, uint32(r.seg.Seq-isn[r.path]) + k}] = true
		}
		if !r.seg.Opt.Has(wire.HasMap) || r.seg.SSN == 0 {
			continue
		}
		for k := uint32(0); k < uint32(r.seg.MapLen); k += 100 {
			at, dsn := place{r.path, r.seg.SSN + k}, r.seg.DSN+wire.DSN(k)
			if d, ok := declared[at]; ok && d != dsn {
				t.Fatalf("byte %d of path %d was %d and is %d", at.ssn, at.path, d, dsn)
			}
			declared[at] = dsn
		}
		if carried[r.seg.DSN] |= 1 << r.path; carried[r.seg.DSN] == 3 {
			again++
		}
	}
	if again == 0 {
		t.Error("nothing was reinjected")
	}
	// Section 3.3.6: the original subflow carries its bytes to the end, though
	// others have carried the data.
	for _, f := range w.server.ep.Subflows(srv.conn, nil) {
		if f.Delivered != f.Granted {
			t.Errorf("subflow %d: %d of %d bytes delivered", f.ID, f.Delivered, f.Granted)
		}
	}
}

// TestSection3_3_1FirstCopyHolds: of data that comes on two subflows the first
// copy is delivered, the later one acknowledged and ignored.
//
// rfc8684:3.3.1-2
func TestSection3_3_1FirstCopyHolds(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	j := r.join(t)
	r.ep.Read(r.now, r.conn, 100)
	at := func(off uint64, f func(s *Segment)) func(s *Segment) {
		return func(s *Segment) { s.Off = off; f(s) }
	}
	j.send(wire.ACK, 1, 20, at(7000, j.dss(1, 121, 20, 1)))
	out := r.send(wire.ACK, 101, 60, at(100, r.dss(101, 101, 60, 1)))
	if n := r.info().Received; n != 160 {
		t.Fatalf("%d bytes", n)
	}
	if len(out) != 1 || out[0].Ack != 161 {
		t.Errorf("%d answers to the later copy", len(out))
	}
	var got []uint64
	for {
		off, n := r.ep.Read(r.now, r.conn, 1000)
		if n == 0 {
			break
		}
		got = append(got, off, uint64(n))
	}
	want := []uint64{100, 20, 7000, 20, 140, 20}
	if len(got) != len(want) {
		t.Fatalf("read %v, expected %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("read %v, expected %v", got, want)
		}
	}
}

// TestSection3_3_1UnmappedData: data without a mapping is acknowledged on the
// subflow but not on the connection, delivered when its mapping comes, and ends
// the subflow when a receive window of it has come without.
//
// rfc8684:3.3.1-5 rfc8684:3.3.1-6 row:B4
func TestSection3_3_1UnmappedData(t *testing.T) {
	o := rawOptions()
	o.ReceiveBuffer = 20_000
	p := RFC()
	r := rawListener(t, p, o)
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
	r.send(wire.ACK, 1, 100, r.dss(1, 1, 100, 1))
	j := r.join(t)
	out := j.send(wire.ACK, 1, 50, j.dss(0, 0, 0, 1))
	out = append(out, j.pass(sim.Second)...)
	out = slices.DeleteFunc(out, func(s *Segment) bool { return s.Tuple.Dst != rawAddr2 }) // late ACKs of the first subflow
	if len(out) != 1 || out[0].Ack != 51 || r.info().Received != 100 {
		t.Fatalf("%d answers, received %d", len(out), r.info().Received)
	}
	if ack := out[0].DataAck; ack != r.dsn(101) {
		t.Errorf("DATA_ACK %d, expected %d", ack, r.dsn(101))
	}
	if n := counterOf(r.ep, "NoDSSInWindow"); n != 1 {
		t.Errorf("NoDSSInWindow is %d", n)
	}
	j.send(wire.ACK, 51, 50, j.dss(1, 101, 100, 1))
	if n := r.info().Received; n != 200 {
		t.Fatalf("received %d when the mapping has come", n)
	}
	r.ep.Read(r.now, r.conn, 1000)
	seq := wire.Seq(101)
	for range 20_000/1000 + 1 {
		out = j.send(wire.ACK, seq, 1000, j.dss(0, 0, 0, 1))
		seq += 1000
		out = slices.DeleteFunc(out, func(s *Segment) bool { return !s.Flags.Has(wire.RST) })
		if len(out) > 0 {
			break
		}
	}
	wantReset(t, "a window without mapping", out, rstMiddlebox)
	if n := seq - 101; n < 20_000 || n > 21_000 {
		t.Errorf("reset after %d bytes", n)
	}
	if n := r.info().Received; n != 200 {
		t.Errorf("unmapped data was delivered: %d", n)
	}
}

// wrapKey is a key whose IDSN is so near to 2^32 that the lower half of the data
// sequence numbers wraps within some thousand bytes.
func wrapKey(t *testing.T) Key {
	t.Helper()
	for k := Key(1); k < 1<<24; k++ {
		if _, idsn := k.Derive(); uint32(idsn) > 1<<32-1500 {
			return k
		}
	}
	t.Fatal("no key")
	return 0
}

// TestSection3_3_1SequenceNumbers: numbers of 4 and of 8 octets are understood in
// any order and across the wrap of the lower half; a number of the old half that
// comes late is not taken for one of the next; and 8 octets are acknowledged by
// 8.
//
// rfc8684:3.3.1-7 rfc8684:3.3.1-8 rfc8684:3.3.1-10 rfc8684:3.3.1-11 rfc8684:3.3.1-12 row:B1
func TestSection3_3_1SequenceNumbers(t *testing.T) {
	for mask := range 16 {
		r := rawListener(t, Linux(), rawOptions())
		r.key = wrapKey(t)
		r.open(capable(1, flagH, 0, 0, 0))
		r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
		// Four mappings of 1000 bytes in the order 1, 3, 2, 4: the wrap lies in the
		// first or second one.
		for i, k := range []uint64{0, 2, 1, 3} {
			eight := mask>>i&1 != 0
			from := 1 + 1000*k
			out := r.send(wire.ACK, wire.Seq(from), 1000, func(s *Segment) {
				r.dss(uint32(from), from, 1000, 1)(s)
				if !eight {
					s.Segment.Opt &^= wire.DSN8
					s.DSN = wire.DSN(uint32(s.DSN))
				}
			})
			got := r.info().Received
			if want := []uint64{1000, 1000, 3000, 4000}[i]; got != want {
				t.Fatalf("mask %04b, mapping %d: received %d, expected %d", mask, i, got, want)
			}
			if len(out) == 0 {
				continue
			}
			if a := out[len(out)-1]; eight && (!a.Segment.Opt.Has(wire.DataAck8) || a.DataAck != r.dsn(got+1)) {
				t.Errorf("mask %04b, mapping %d: DATA_ACK %d (8 octets: %v), expected %d",
					mask, i, a.DataAck, a.Segment.Opt.Has(wire.DataAck8), r.dsn(got+1))
			}
		}
	}
}

// TestSection3_3_1SendsFullNumbers: the number of a mapping has 8 octets, so that
// it cannot wrap at any rate.
//
// rfc8684:3.3.1-9
func TestSection3_3_1SendsFullNumbers(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	r.ep.Write(r.now, r.conn, 5000)
	n := 0
	for _, s := range append(r.poll(), r.pass(sim.Second)...) {
		if s.Segment.Opt.Has(wire.HasMap) {
			n++
			if !s.Segment.Opt.Has(wire.DSN8) {
				t.Errorf("a mapping with 4 octets: %v", s.Segment)
			}
		}
	}
	if n == 0 {
		t.Error("no mapping was sent")
	}
}

// TestSection3_3_2WindowNeedsDataAck: the window of a segment without DATA_ACK is
// not one of the connection, whether it is smaller or larger.
//
// rfc8684:3.3.2-1
func TestSection3_3_2WindowNeedsDataAck(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	r.send(wire.ACK, 101, 0, func(s *Segment) { r.dss(0, 0, 0, 1)(s); s.Window = 30_000 })
	before := r.info().PeerWindow
	for _, window := range []uint16{0, 65_535} {
		r.send(wire.ACK, 101, 0, func(s *Segment) { s.Window = window })
		if now := r.info().PeerWindow; now != before {
			t.Errorf("window %d without DATA_ACK: from %d to %d", window, before, now)
		}
	}
	r.send(wire.ACK, 101, 0, func(s *Segment) { r.dss(0, 0, 0, 1)(s); s.Window = 65_535 })
	if now := r.info().PeerWindow; now <= before {
		t.Errorf("window 65535 with DATA_ACK: from %d to %d", before, now)
	}
}

// TestSection3_3_2ReleaseNeedsBoth: room in the send buffer comes back when data
// is acknowledged by a DATA_ACK and by the subflow that carried it; one alone is
// not enough.
//
// rfc8684:3.3.2-2 rfc8684:3.3.6-2 rfc8684:4-1
func TestSection3_3_2ReleaseNeedsBoth(t *testing.T) {
	room := func(subflow, data bool) int64 {
		p := RFC()
		o := rawOptions()
		o.SendBuffer, o.ReceiveBuffer, o.NoDelay = 2000, 2000, true
		r := rawListener(t, p, o)
		r.open(capable(1, flagH, 0, 0, 0))
		r.send(wire.ACK, 1, 0, capable(1, flagH, 2, r.key, r.peer))
		r.send(wire.ACK, 1, 100, r.dss(1, 1, 100, 1))
		if n := r.ep.Write(r.now, r.conn, 5000); n != 2000 {
			t.Fatalf("a buffer of 2000 took %d", n)
		}
		r.poll()
		if subflow {
			r.ack += 2000
		}
		ack := uint64(1)
		if data {
			ack = 2001
		}
		r.send(wire.ACK, 101, 0, r.dss(0, 0, 0, ack))
		return r.ep.Write(r.now, r.conn, 5000)
	}
	for _, c := range []struct {
		subflow, data bool
		want          int64
	}{{false, false, 0}, {true, false, 0}, {false, true, 0}, {true, true, 2000}} {
		if got := room(c.subflow, c.data); got != c.want {
			t.Errorf("acknowledged by the subflow %v, by DATA_ACK %v: room %d, expected %d", c.subflow, c.data, got, c.want)
		}
	}
}

// TestSection3_3_2DataAckMayBeOmitted: a peer whose segments carry a DATA_ACK only
// when it advances is understood: the transfer completes without fallback.
//
// rfc8684:3.3.2-3
func TestSection3_3_2DataAckMayBeOmitted(t *testing.T) {
	const size = 500_000
	w, cli, srv := joinWorld(t, size)
	var last [2]wire.DSN
	omitted := 0
	for i, p := range w.paths {
		p[0].box = func(s *Segment) []*Segment {
			if s.Segment.Opt.Has(wire.HasDataAck) && !s.Flags.Has(wire.SYN) {
				if s.DataAck == last[i] {
					s.Segment.Opt &^= wire.HasDataAck | wire.DataAck8
					if !s.Segment.Opt.Has(wire.HasMap) {
						s.Segment.Opt &^= wire.HasDSS
					}
					omitted++
				} else {
					last[i] = s.DataAck
				}
			}
			return []*Segment{s}
		}
	}
	w.finish(t, cli, srv, size)
	if omitted < 10 || srv.saw(Fallback)+cli.saw(Fallback) != 0 || len(w.client.ep.Subflows(cli.conn, nil)) != 2 {
		t.Errorf("%d omitted, events %v", omitted, srv.events)
	}
}

// TestSection3_3_3DataFINAlone: a DATA_FIN without data has subflow number 0,
// length 1 and the number behind the last byte.
//
// rfc8684:3.3.3-1
func TestSection3_3_3DataFINAlone(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	r.ep.Write(r.now, r.conn, 500)
	r.poll()
	r.ack += 500
	r.send(wire.ACK, 101, 0, r.dss(0, 0, 0, 501))
	r.ep.Shutdown(r.now, r.conn)
	out := r.poll()
	if len(out) != 1 || !out[0].Segment.Opt.Has(wire.DataFIN|wire.HasMap) {
		t.Fatalf("%d segments", len(out))
	}
	if s := out[0]; s.SSN != 0 || s.MapLen != 1 || s.DSN != r.dataAck(501) || s.Len != 0 || s.Flags.Has(wire.FIN) {
		t.Errorf("DATA_FIN %v, expected number %d", s.Segment, r.dataAck(501))
	}
}

// TestSection3_3_3SubflowsCloseLast: while data or the DATA_FIN lacks its
// DATA_ACK no subflow is closed; then all are, by FINs, one that has failed
// included.
//
// rfc8684:3.3.3-2 rfc8684:3.3.3-3 rfc8684:3.3.3-4
func TestSection3_3_3SubflowsCloseLast(t *testing.T) {
	const size = 2 << 20
	w, cli, _ := joinWorld(t, size)
	w.until(10*sim.Second, "both subflows", func() bool {
		subs := w.client.ep.Subflows(cli.conn, nil)
		return len(subs) == 2 && subs[1].Usable
	})
	cli.close = true
	// The second path loses what the server sends for a while: it has failed when
	// the closing begins.
	w.paths[1][1].drop = func(_ int, now sim.Time, _ *Segment) bool { return now < sim.Time(20*sim.Second) }
	w.flush(w.client)
	w.settleDown(300 * sim.Second)
	if cli.off != size || cli.bad != 0 {
		t.Fatalf("read %d, %d corrupt", cli.off, cli.bad)
	}
	acked := [2]bool{} // the DATA_FIN of the client, of the server
	var fin [2]wire.DSN
	var fins [2][2]bool
	for i := range w.log {
		r := &w.log[i]
		side := 1
		if r.up {
			side = 0
		}
		if r.seg.Opt.Has(wire.DataFIN) {
			fin[side] = r.seg.DSN + wire.DSN(r.seg.MapLen)
		}
		if r.seg.Opt.Has(wire.HasDataAck) && fin[1-side] != 0 && uint32(r.seg.DataAck) == uint32(fin[1-side]) {
			acked[1-side] = true
		}
		if r.seg.Flags.Has(wire.FIN) {
			if fins[side][r.path] = true; !acked[side] {
				t.Errorf("FIN before the DATA_ACK of the DATA_FIN: %s", w.line(r))
			}
		}
		if r.seg.Flags.Has(wire.RST) {
			t.Errorf("reset: %s", w.line(r))
		}
	}
	if fins != [2][2]bool{{true, true}, {true, true}} {
		t.Errorf("FINs by client and server on both paths: %v\n%s", fins, w.dump(40))
	}
}

// TestSection3_3_4RightEdge: with an application that reads in fits, DATA_ACK plus
// window never moves back by a unit of the window field, on any subflow.
//
// rfc8684:3.3.4-1
func TestSection3_3_4RightEdge(t *testing.T) {
	const size = 400_000
	w, cli, srv := joinWorld(t, size)
	w.options = func(h string, o *SocketOptions) { o.ReceiveBuffer = 30_000 }
	for i := range 40 {
		w.at(sim.Time(i)*sim.Time(100*ms), func() { cli.idle = i%2 == 0 })
	}
	w.finish(t, cli, srv, size)
	var edge wire.DSN
	n := 0
	for i := range w.log {
		r := &w.log[i]
		if !r.up || !r.seg.Opt.Has(wire.HasDataAck|wire.DataAck8) || r.seg.Flags.Has(wire.SYN) {
			continue
		}
		const unit = 1 // 30,000 bytes need no scale
		now := r.seg.DataAck + wire.DSN(r.seg.Window)
		if n++; n > 1 && now.Diff(edge) <= -unit {
			t.Fatalf("the edge moves back by %d: %s", edge.Diff(now), w.line(r))
		}
		edge = now
	}
	if n < 50 {
		t.Errorf("%d windows seen", n)
	}
}

// TestSection3_3_5LargestWindow: of the windows that the subflows show the largest
// edge holds for the connection, while each subflow keeps the last one of its
// own.
//
// rfc8684:3.3.5-1 rfc8684:3.3.5-2 rfc8684:6-1 row:B13
func TestSection3_3_5LargestWindow(t *testing.T) {
	r := rawEstablished(t, Linux(), 100)
	j := r.join(t)
	ack := func(p *rawPeer, seq wire.Seq, window uint16) {
		p.send(wire.ACK, seq, 0, func(s *Segment) { p.dss(0, 0, 0, 1)(s); s.Window = window })
	}
	start := r.info().PeerWindow
	if start != 60_000 {
		t.Fatalf("window %d", start)
	}
	j.send(wire.ACK, 1, 10, j.dss(1, 101, 10, 1))
	ack(j, 11, 5000) // a box on this path shrinks it
	if n := r.info().PeerWindow; n != 60_000 {
		t.Errorf("a small window on one subflow made it %d", n)
	}
	ack(r, 101, 65_000)
	if n := r.info().PeerWindow; n != 65_000 {
		t.Errorf("the larger window on the other made it %d", n)
	}
	c := r.ep.open(r.conn).conn
	if a, b := c.subs[0].flow.tcp.SendWindow(), c.subs[1].flow.tcp.SendWindow(); a != 65_000 || b != 5000 {
		t.Errorf("windows of the subflows: %d and %d", a, b)
	}
}

// TestSection3_3_5SendBuffer: a send buffer whose size nobody chose is at least as
// big as the receive buffer.
//
// rfc8684:3.3.5-3
func TestSection3_3_5SendBuffer(t *testing.T) {
	for _, receive := range []int64{0, 1 << 20, 20 << 20} {
		o := rawOptions()
		o.ReceiveBuffer = receive
		r, _ := rawDialler(t, RFC(), o)
		n := r.ep.Write(r.now, r.conn, 1<<30)
		if full := r.ep.open(r.conn).opt; n < full.ReceiveBuffer || n != full.SendBuffer {
			t.Errorf("send buffer %d, took %d, receive buffer %d", full.SendBuffer, n, full.ReceiveBuffer)
		}
	}
}

// TestSection3_3_6OriginalSubflowGoesOn: data that was sent again elsewhere is
// still retransmitted on its first subflow, as the same bytes, until that
// subflow acknowledges it; and it stays in the send buffer that long.
//
// rfc8684:3.3.6-1 rfc8684:3.3.6-2 row:B14
func TestSection3_3_6OriginalSubflowGoesOn(t *testing.T) {
	p := RFC()
	p.OutstandingPercent = 0 // no reset with code 0x04 (section 3.6)
	w, _, srv := outageWorld(t, p, false)
	w.keep = true
	w.runTo(sim.Time(12 * sim.Second))
	c := w.server.ep.open(srv.conn).conn
	low, ok := c.subs[0].tx.lowest()
	if !ok || low >= c.send.una {
		t.Fatalf("the silent subflow carries nothing that was DATA_ACKed: %d, %d", low, c.send.una)
	}
	if c.released() != low {
		t.Errorf("released up to %d, the silent subflow still has %d", c.released(), low)
	}
	ssn, again := map[uint32]wire.DSN{}, 0
	for i := range w.log {
		r := &w.log[i]
		if r.up || r.path != 0 || r.seg.Len == 0 {
			continue
		}
		at := uint32(r.seg.Seq)
		if d, seen := ssn[at]; seen && r.at > sim.Time(6*sim.Second) {
			if again++; r.seg.Opt.Has(wire.HasMap) && d != r.seg.DSN-wire.DSN(at) {
				t.Errorf("other data at the same place: %s", w.line(r))
			}
		}
		ssn[at] = r.seg.DSN - wire.DSN(at)
	}
	if again == 0 {
		t.Error("nothing was retransmitted on the silent subflow")
	}
}

// TestSection3_3_8Backup: data goes to a subflow with B=1 only when none with B=0
// is usable, whether B came with the join or by MP_PRIO.
//
// rfc8684:3.3.8-1 rfc8684:3.3.8-2
func TestSection3_3_8Backup(t *testing.T) {
	const size = 2 << 20
	for _, prio := range []bool{false, true} {
		w, cli, srv := joinWorld(t, size)
		mark := func() {
			w.client.ep.HandleAddr(w.now, clientAddr(1), true, AddrBackup)
			w.flush(w.client)
		}
		if !prio {
			mark()
		}
		w.runTo(sim.Time(400 * ms))
		if prio {
			mark()
		}
		carried := func() (n [2]uint64) {
			for i, f := range w.server.ep.Subflows(srv.conn, nil) {
				n[i] = f.Granted
			}
			return n
		}
		w.runTo(sim.Time(500 * ms))
		from := carried()
		w.runTo(sim.Time(900 * ms))
		n := carried()
		if n[0] == from[0] || n[1] != from[1] || (n[1] > 0) != prio {
			t.Errorf("MP_PRIO %v, both subflows up: %v, then %v", prio, from, n)
		}
		if subs := w.server.ep.Subflows(srv.conn, nil); len(subs) != 2 || !subs[1].Backup || !subs[1].Usable {
			t.Fatalf("MP_PRIO %v: %+v", prio, subs)
		}
		w.client.ep.HandleAddr(w.now, clientAddr(0), false, 0)
		w.flush(w.client)
		w.finish(t, cli, srv, size)
		if after := carried(); after[1] == n[1] {
			t.Errorf("MP_PRIO %v: the backup carried nothing when it was alone: %v", prio, after)
		}
	}
}
