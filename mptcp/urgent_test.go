package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestSection3_3_1UrgentSent: urgent data in the midst of other data, on two
// subflows, with losses: every segment with an urgent pointer has a mapping that
// ends exactly there, where urgent data ends. No mapping is interrupted, so none
// changes, and everything arrives in order. Linux marks nothing.
//
// rfc8684:3.3.1-3 row:B5
func TestSection3_3_1UrgentSent(t *testing.T) {
	for _, p := range []*Profile{RFC(), Linux()} {
		w := newWorld(t, 10*ms, 30*ms)
		w.profile = p
		for i, d := range w.paths {
			d[0].drop = func(n int, _ sim.Time, s *Segment) bool { return s.Len > 0 && n%(11+i) == 7 }
		}
		cli := w.connect()
		w.runTo(sim.Time(300 * ms))
		srv := w.server.apps[0]
		ends := map[uint64]bool{}
		var sent int64
		write := func(n int64, urgent bool) {
			if urgent {
				n = w.client.ep.WriteUrgent(w.now, cli.conn, n)
				ends[uint64(sent+n)] = true
			} else {
				n = w.client.ep.Write(w.now, cli.conn, n)
			}
			sent += n
		}
		for k := range sim.Time(12) {
			w.at(w.now+k*sim.Time(300*ms), func() {
				write(20_000, false) // and what is urgent joins the end of it
				write(1, true)
				write(700, false)
			})
			w.at(w.now+k*sim.Time(300*ms)+sim.Time(150*ms), func() { write(3000, true) })
		}
		w.runTo(w.now.Add(30 * sim.Second))
		if int64(srv.off) != sent || srv.bad != 0 {
			t.Errorf("%s: %d of %d bytes, %d wrong", p.Name, srv.off, sent, srv.bad)
		}
		seen := map[uint64]bool{}
		isn := map[int]wire.Seq{}
		_, idsn := w.client.ep.socks.get(cli.conn).conn.local.key.Derive()
		for i := range w.log {
			r := &w.log[i]
			if !r.up {
				continue
			}
			if r.seg.Flags.Has(wire.SYN) {
				isn[r.path] = r.seg.Seq
			}
			if !r.seg.Flags.Has(wire.URG) {
				continue
			}
			h := &r.seg
			pointer := uint32(h.Seq-isn[r.path]) + uint32(r.opt.Urgent)
			dsn, n := uint64(h.DSN-idsn), uint32(h.MapLen)
			if h.Opt.Has(wire.HasMap) && !h.Opt.Has(wire.DSN8) {
				dsn = uint64(uint32(h.DSN) - uint32(idsn))
			}
			switch {
			case !h.Opt.Has(wire.HasMap):
				t.Fatalf("%s: %s", p.Name, w.line(r))
			case pointer != h.SSN+n:
				t.Errorf("%s: pointer to %d, the mapping ends at %d: %s", p.Name, pointer, h.SSN+n, w.line(r))
			case !ends[dsn+uint64(n)-1]:
				t.Errorf("%s: pointer to data %d, where nothing urgent ends", p.Name, dsn+uint64(n)-1)
			}
			seen[dsn+uint64(n)-1] = true
		}
		switch {
		case p.Name == "linux" && len(seen)+srv.saw(Urgent) > 0:
			t.Errorf("%s: %d marks sent, %d reported", p.Name, len(seen), srv.saw(Urgent))
		case p.Name == "rfc" && len(seen) < len(ends)*3/4: // a later mark replaces one that waits
			t.Errorf("%s: %d of %d marks were sent", p.Name, len(seen), len(ends))
		case p.Name == "rfc" && srv.saw(Urgent) < len(seen)*3/4:
			t.Errorf("%s: %d of %d marks were reported", p.Name, srv.saw(Urgent), len(seen))
		}
	}
}

// urgent gives an endpoint a segment with an urgent pointer, and returns how many
// Urgent events that brings.
func (r *rawPeer) urgent(seq wire.Seq, n int, pointer uint16, edit func(s *Segment)) (events int) {
	s := &Segment{}
	s.Segment = wire.Segment{Flags: wire.ACK, Seq: seq, Ack: r.ack, Window: 60_000, Len: uint16(n), Off: uint64(seq - 1)}
	s.Tuple = &r.tuple
	if pointer > 0 {
		s.Flags |= wire.URG
		o := s.Options()
		o.Present |= wire.OptUrgent
		o.Urgent = pointer
	}
	edit(s)
	r.ep.HandleSegment(r.now, s)
	var e Event
	for r.ep.PollEvent(&e) {
		if e.Kind == Urgent {
			events++
		}
	}
	r.poll()
	return events
}

// TestSection3_3_1UrgentReceived: received urgent data is mapped to the data sequence
// space and delivered in line: its end is reported when it is mapped, whether the
// pointer leads into a mapping, to its end, or to data that no mapping covers yet.
// An old pointer means nothing. Linux delivers in line and reports nothing.
//
// rfc8684:3.3.1-4 row:B5
func TestSection3_3_1UrgentReceived(t *testing.T) {
	for _, p := range []*Profile{RFC(), Linux()} {
		r := rawEstablished(t, p, 100)
		told := func(what string, got, want int, ahead int64) {
			t.Helper()
			if p.Name == "linux" {
				want, ahead = 0, 0
			}
			n, ok := r.ep.UrgentAhead(r.conn)
			if got != want || n != ahead || ok != (ahead > 0) {
				t.Errorf("%s, %s: %d events, %d bytes ahead; expected %d, %d", p.Name, what, got, n, want, ahead)
			}
		}
		// Data 201-260 on subflow bytes 101-160, urgent up to data 210: behind a gap.
		told("into a mapping", r.urgent(101, 60, 10, r.dss(101, 201, 60, 1)), 1, 210)
		// Data 101-200, urgent up to 150, which lies before what was announced.
		told("before an announced end", r.urgent(161, 100, 50, r.dss(161, 101, 100, 1)), 0, 210)
		// Urgent beyond what is mapped: up to subflow byte 300, the mapping of which is data 300.
		told("before the mapping", r.urgent(261, 20, 40, r.dss(261, 261, 20, 1)), 0, 210)
		told("with the mapping", r.urgent(281, 50, 0, r.dss(281, 281, 50, 1)), 1, 300)
		var got int64
		for {
			off, n := r.ep.Read(r.now, r.conn, 1000)
			if n == 0 {
				break
			}
			got += n
			_ = off
		}
		if got != 330 || r.info().Fallback != 0 {
			t.Errorf("%s: %d bytes in line, fallback %v", p.Name, got, r.info().Fallback)
		}
		told("all read", 0, 0, 0)
		told("sent again", r.urgent(281, 50, 20, r.dss(281, 281, 50, 1)), 0, 0)
	}
}

// Urgent data of TCP, and of a connection that has fallen back to it: in line, with
// its end reported.
func TestUrgentDataOfTCP(t *testing.T) {
	for _, fallen := range []bool{false, true} {
		w := newWorld(t, 10*ms)
		w.profile = RFC()
		w.options = func(h string, o *SocketOptions) {
			if h == "server" || !fallen {
				o.Protocol = TCP
			}
		}
		idle := &app{idle: true}
		cli := w.connect()
		w.server.accept = func() *app { return idle }
		w.runTo(sim.Time(100 * ms))
		if (cli.saw(Fallback) > 0) != fallen {
			t.Fatal("not as expected")
		}
		w.client.ep.Write(w.now, cli.conn, 2000)
		w.client.ep.WriteUrgent(w.now, cli.conn, 5)
		w.client.ep.Write(w.now, cli.conn, 2000)
		w.flush(w.client)
		w.runTo(w.now.Add(sim.Second))
		if n, ok := w.server.ep.UrgentAhead(idle.conn); idle.saw(Urgent) != 1 || n != 2005 || !ok {
			t.Errorf("fallen %v: %d events, %d bytes ahead", fallen, idle.saw(Urgent), n)
		}
		idle.idle = false
		w.flush(w.server)
		if _, ok := w.server.ep.UrgentAhead(idle.conn); ok || idle.off != 4005 || idle.bad != 0 {
			t.Errorf("fallen %v: %d bytes", fallen, idle.off)
		}
	}
}

// TestUrgent: the peer sets URG, without a pointer, in the middle of mappings. The
// payload is delivered inline, where it stands in the stream, no mapping is
// interrupted, and nothing falls back (RFC 8684 section 3.3.1).
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
