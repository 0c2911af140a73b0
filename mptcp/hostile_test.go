package mptcp

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// An attacker off the path knows the 4-tuple of a subflow and nothing else: it
// sends segments whose numbers, flags, options and lengths are random. With a
// window of 64 KiB one in about 65,000 meets the receive window, and of these as
// few carry an acknowledgement that RFC 5961 section 5.2 accepts.

// hostileWorld is an established connection over one or two paths with windows
// of 64 KiB, idle, on which data has passed both ways.
func hostileWorld(t tester, paths int) (w *world, cli, srv *app) {
	return hostileWorldWith(t, ChecksumOnDemand, paths)
}

func hostileWorldWith(t tester, sums ChecksumPolicy, paths int) (w *world, cli, srv *app) {
	w = newWorld(t, []sim.Duration{10 * ms, 15 * ms}[:paths]...)
	w.keep = false
	w.maxSteps = 1 << 40
	w.opt.ReceiveBuffer, w.opt.SendBuffer = 65_535, 65_535
	w.opt.Checksum = sums
	w.start()
	srv = &app{}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	srv.toWrite, cli.toWrite = 5000, 5000
	w.flush(w.client)
	w.until(10*sim.Second, "data", func() bool { return cli.off == 5000 && srv.off == 5000 })
	w.runTo(w.now.Add(sim.Second))
	return w, cli, srv
}

// hostileSegment fills in a random segment for a flow.
func hostileSegment(r *sim.Rand, s *Segment) {
	a, b, c := r.Uint64(), r.Uint64(), r.Uint64()
	s.Segment = wire.Segment{
		Seq: wire.Seq(a), Ack: wire.Seq(a >> 32), Window: uint16(b),
		Flags: wire.Flags(b >> 16 & 0x1ff), Off: c & (1<<40 - 1),
	}
	if b>>32&1 != 0 {
		s.Len = uint16(b >> 33 % 1460)
	}
	if b>>44&3 != 0 {
		s.Segment.Opt |= wire.HasTS
		s.TSVal, s.TSEcr = uint32(c), uint32(c>>32)
	}
	s.Opt = nil
	switch d := r.Uint64(); d & 7 {
	case 0, 1, 2:
		s.Segment.Opt |= wire.OptFlags(d>>8) & (wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8 | wire.DataFIN)
		s.Segment.Opt |= wire.HasDSS
		s.DataAck, s.DSN, s.SSN, s.MapLen = wire.DSN(r.Uint64()), wire.DSN(r.Uint64()), uint32(d>>16), uint16(d>>48)
	case 3:
		o := s.Options()
		o.Present = wire.OptRst
		o.Rst.Reason = uint8(d >> 8)
	case 4:
		o := s.Options()
		o.Present = wire.OptFastClose
		o.FastClose.ReceiverKey = r.Uint64()
	case 5:
		o := s.Options()
		o.Present = wire.OptFail | wire.OptPrio
		o.Fail.DSN, o.Prio.Backup = wire.DSN(r.Uint64()), d>>8&1 != 0
	case 6:
		o := s.Options()
		o.Present = wire.OptRemoveAddr
		o.RemoveAddr.N, o.RemoveAddr.IDs[0] = 1, uint8(d>>8)
	}
}

// windows is what an attack must not change.
type windows struct {
	una, next, end, edge   uint64 // of the data we send, and the peer's edge
	received               uint64
	sndUna, sndNxt, rcvNxt uint64
	sndWnd, cwnd, ssthresh int64
	subflows               int
}

func windowsOf(h *host, id ConnID) (out []windows) {
	c := h.ep.open(id).conn
	for _, f := range c.subs {
		t := &f.flow.tcp
		i := SubflowInfo{}
		for _, s := range h.ep.Subflows(id, nil) {
			if s.ID == f.id {
				i = s
			}
		}
		out = append(out, windows{
			c.send.una, c.send.next, c.send.end, c.peer.edge, c.recv.next,
			t.SndUna(), t.SndNxt(), t.RcvNxt(), t.SendWindow(), i.Window, i.Ssthresh, c.live(),
		})
	}
	return out
}

// acceptable is RFC 9293 table 6 and RFC 5961 section 5.2 by a hand of its own: the
// segment meets the receive window, and its acknowledgement is not older than the
// largest window nor newer than what was sent. A RST needs the exact number, and
// a SYN is never accepted (RFC 5961 sections 3.2 and 4.2).
func acceptable(s *Segment, rcvNxt, rcvWnd, sndUna, sndNxt, maxWnd uint32) bool {
	if s.Flags.Has(wire.SYN) {
		return false
	}
	if s.Flags.Has(wire.RST) {
		return uint32(s.Seq) == rcvNxt
	}
	n := uint32(s.Len)
	if s.Flags.Has(wire.FIN) {
		n++
	}
	first, last := uint32(s.Seq)-rcvNxt, uint32(s.Seq)+max(n, 1)-1-rcvNxt
	if first > rcvWnd && last > rcvWnd {
		return false
	}
	return s.Flags.Has(wire.ACK) && uint32(s.Ack)-(sndUna-maxWnd) <= sndNxt-sndUna+maxWnd
}

// attack sends n random segments to both ends and fails if one that is not
// acceptable had an effect. It returns how many were acceptable.
func attack(t *testing.T, w *world, cli, srv *app, n int) (passed int) {
	t.Helper()
	r := sim.NewRand(7, 0, "attack")
	var s Segment
	ends := []struct {
		h *host
		a *app
	}{{w.client, cli}, {w.server, srv}}
	const round = 50_000
	for done := 0; done < n; done += round {
		before := [][]windows{windowsOf(w.client, cli.conn), windowsOf(w.server, srv.conn)}
		ok := 0
		for i := range round {
			e := ends[i&1]
			c := e.h.ep.open(e.a.conn).conn
			k := i >> 1 % len(c.subs)
			f := c.subs[k]
			peer := ends[1-i&1]
			next := uint32(peer.h.ep.open(peer.a.conn).conn.subs[k].peerISN) + 1 + uint32(f.flow.tcp.SndNxt())
			hostileSegment(r, &s)
			tu := f.flow.tuple.Reverse()
			s.Tuple, s.Socket = &tu, f.flow.id
			if acceptable(&s, f.wireRcvNxt(), 65_535, next, next, 65_535) {
				ok++
				t.Logf("acceptable: %v", s.Segment)
				continue // the other test gives such segments
			}
			w.now = w.now.Add(sim.Microsecond)
			e.h.ep.HandleSegment(w.now, &s)
			w.discard(e.h)
		}
		passed += ok
		for i, e := range ends {
			after := windowsOf(e.h, e.a.conn)
			if len(after) != len(before[i]) {
				t.Fatalf("%s: %d subflows, had %d", e.h.name, len(after), len(before[i]))
			}
			for k := range after {
				if after[k] != before[i][k] {
					t.Fatalf("%s, subflow %d: the attack turned\n%+v into\n%+v", e.h.name, k, before[i][k], after[k])
				}
			}
		}
		// The connection still works.
		up, down := srv.off+3000, cli.off+3000
		cli.toWrite, srv.toWrite = 3000, 3000
		w.flush(w.client)
		w.flush(w.server)
		w.until(10*sim.Second, "data after the attack", func() bool { return srv.off == up && cli.off == down })
		w.runTo(w.now.Add(sim.Second))
	}
	if cli.bad+srv.bad != 0 {
		t.Errorf("%d bytes corrupt", cli.bad+srv.bad)
	}
	return passed
}

// discard lets a host send nowhere: what it answers is challenge ACKs.
func (w *world) discard(h *host) {
	var s Segment
	for h.ep.PollSegment(w.now, &s) {
		if s.Len > 0 || s.Flags.Has(wire.RST) {
			w.t.Fatalf("%s answers the attack by %v", h.name, s.Segment)
		}
	}
}

// wireRcvNxt is RCV.NXT as on the wire.
func (f *subflow) wireRcvNxt() uint32 { return uint32(f.peerISN) + 1 + uint32(f.flow.tcp.RcvNxt()) }

// TestSection3HostileSegments: random segments with the right 4-tuple change
// neither the stream nor the windows.
//
// rfc8684:3-3 rfc8684:3.4.1-1 rfc8684:3.4.2-4 row:A30
func TestSection3HostileSegments(t *testing.T) {
	for paths := 1; paths <= 2; paths++ {
		w, cli, srv := hostileWorld(t, paths)
		if n := attack(t, w, cli, srv, hostileSegments/2); n > 0 {
			t.Logf("%d of the segments were acceptable", n)
		}
	}
}

// guessed makes a hostile segment pass the checks of RFC 5961: its number lies in
// the receive window, its acknowledgement among those of the last window, its
// timestamp is current, and it is neither SYN nor RST.
func guessed(r *sim.Rand, s *Segment, f *subflow, next, ts uint32) {
	s.Flags = s.Flags&^(wire.SYN|wire.RST|wire.URG) | wire.ACK
	s.Seq = wire.Seq(f.wireRcvNxt() + uint32(r.Uint64()%60_000))
	s.Ack = wire.Seq(next - uint32(r.Uint64()%1000))
	s.Segment.Opt |= wire.HasTS
	s.TSVal, s.TSEcr = ts, 0
}

// TestSection3HostileChecksums: of segments that pass the checks of RFC 5961 by
// luck, those with payload and no valid checksum do not get into the stream: the
// subflow that they arrive on is given up with MP_FAIL, which is counted, and the
// data comes again on the other.
func TestSection3HostileChecksums(t *testing.T) {
	accepted, failed, cutOff := 0, uint64(0), 0
	for seed := range uint64(200) {
		w, cli, srv := hostileWorldWith(t, ChecksumRequired, 2)
		r := sim.NewRand(seed, 0, "attack")
		ts := uint32(0) // the latest on the first path
		w.arrive = func(to *host, s *Segment) {
			if to == w.client && s.Tuple.Dst.Addr() == clientAddr(0) {
				ts = s.TSVal
			}
		}
		srv.toWrite = 200_000
		w.flush(w.server)
		for range 10 {
			w.runTo(w.now.Add(3 * ms))
			c := w.client.ep.open(cli.conn).conn
			f := c.subs[0]
			if f.dead {
				break
			}
			var s Segment
			hostileSegment(r, &s)
			guessed(r, &s, f, uint32(w.server.ep.open(srv.conn).conn.subs[0].peerISN)+1+uint32(f.flow.tcp.SndNxt()), ts)
			tu := f.flow.tuple.Reverse()
			s.Tuple, s.Socket = &tu, f.flow.id
			if acceptable(&s, f.wireRcvNxt(), 65_535, uint32(s.Ack), uint32(s.Ack), 65_535) {
				accepted++
			}
			w.client.ep.HandleSegment(w.now, &s)
			w.flush(w.client)
		}
		for cli.off < 205_000 && w.step(w.now.Add(120*sim.Second)) {
		}
		switch whole := cli.off == 205_000; {
		case cli.bad != 0 || cli.off > 205_000:
			t.Errorf("seed %d: %d bytes, %d of them the attacker's", seed, cli.off, cli.bad)
		case !whole && counterOf(w.client.ep, "RmAddr") > 0:
			cutOff++ // REMOVE_ADDR has no HMAC: it can take the paths away, not change the stream
		case !whole:
			t.Errorf("seed %d: %d bytes only", seed, cli.off)
		}
		failed += counterOf(w.client.ep, "DataCsumErr")
	}
	t.Logf("%d acceptable segments, %d checksums failed, %d connections lost their paths", accepted, failed, cutOff)
	if accepted < 1000 || failed == 0 || cutOff > 10 {
		t.Errorf("%d segments were acceptable, %d checksums failed, %d connections lost their paths", accepted, failed, cutOff)
	}
}
