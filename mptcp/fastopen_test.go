package mptcp

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// fastKey is the key of the kernel's own packetdrill scripts
// (tools/testing/selftests/net/packetdrill/defaults.sh).
var fastKey = FastOpenKey{0xa1a1a1a1, 0xb2b2b2b2, 0xc3c3c3c3, 0xd4d4d4d4}

// TestSipHashVectors holds the vectors of the reference implementation: key 00 to
// 0f, messages 00, 01, ... of the given length (siphash/vectors.h).
func TestSipHashVectors(t *testing.T) {
	k := sipKey{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	m := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
	for n, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	} {
		if got := sipHash(k, m[:n]); got != want {
			t.Errorf("%d octets: %016x, want %016x", n, got, want)
		}
	}
}

// TestFastOpenCookieOfLinux compares cookies with those that a kernel gives: the
// first two are macros of the kernel's packetdrill runner (ksft_runner.sh,
// TFO_COOKIE for IPv4 and IPv6), the third was measured on Linux 6.18.
func TestFastOpenCookieOfLinux(t *testing.T) {
	for _, v := range []struct{ client, server, cookie string }{
		{"192.0.2.1", "192.168.0.1", "3021b9d889017eeb"},
		{"fd3d:fa7b:d17d::1", "fd3d:0a0b:17d6::1", "c1d1e9742a47a9bc"},
		{"127.0.0.9", "127.0.0.1", "a1bc3749e533d0e9"},
	} {
		e := New(Config{Stream: func(p string) *sim.Rand { return sim.NewRand(1, 0, p) }})
		e.SetFastOpenKey(fastKey)
		c := e.FastOpenCookie(netip.MustParseAddr(v.client), netip.MustParseAddr(v.server))
		if got := hex.EncodeToString(c.Cookie[:c.Len]); got != v.cookie {
			t.Errorf("%s to %s: %s, want %s", v.client, v.server, got, v.cookie)
		}
	}
}

// fastWorld is a network of one path, 10 ms each way, whose ends use fast open.
func fastWorld(t *testing.T, change func(h string, o *SocketOptions)) *world {
	w := newWorld(t, 10*ms)
	w.profile.TCP.Timestamps = false
	w.options = func(h string, o *SocketOptions) {
		o.FastOpen = FastOpenClient | FastOpenServer
		if change != nil {
			change(h, o)
		}
	}
	w.start()
	w.server.ep.SetFastOpenKey(fastKey)
	return w
}

// listen opens the server's socket if it is not open.
func (w *world) listen() {
	w.t.Helper()
	if len(w.server.ep.socks.listeners) > 0 {
		return
	}
	o := w.opt
	o.PathManager = nil
	w.options("server", &o)
	if _, err := w.server.ep.Listen(w.now, netip.AddrPortFrom(netip.Addr{}, 80), &o); err != nil {
		w.t.Fatal(err)
	}
}

// dialData opens a connection with n bytes.
func (w *world) dialData(n int64) *app {
	w.t.Helper()
	w.listen()
	o := w.opt
	w.options("client", &o)
	a := &app{}
	c, done, err := w.client.ep.DialData(w.now, netip.AddrPortFrom(clientAddr(0), 0), netip.AddrPortFrom(serverAddr, 80), &o, n)
	if err != nil {
		w.t.Fatal(err)
	}
	a.conn, a.toWrite = c, n-done
	w.client.apps = append(w.client.apps, a)
	w.flush(w.client)
	return a
}

// know gives the client a valid cookie.
func (w *world) know() {
	w.client.ep.SetFastOpenEntry(w.now, serverAddr, w.server.ep.FastOpenCookie(clientAddr(0), serverAddr), 1460)
}

// request runs a request of n bytes and an answer of m, which the server sends
// when it has the request, and closes both sides.
func (w *world) request(n, m int64) (cli, srv *app) {
	w.t.Helper()
	srv = &app{}
	w.server.accept = func() *app { return srv }
	cli = w.dialData(n)
	w.until(60*sim.Second, "request", func() bool { return srv.off >= uint64(n) })
	srv.toWrite, srv.close = m, true
	w.flush(w.server)
	w.until(60*sim.Second, "answer", func() bool { return cli.off >= uint64(m) })
	cli.close = true
	w.flush(w.client)
	w.until(60*sim.Second, "end", func() bool { return cli.eof && srv.eof })
	if cli.off != uint64(m) || srv.off != uint64(n) || cli.bad+srv.bad != 0 {
		w.t.Fatalf("client read %d of %d, server %d of %d, bad %d and %d\n%s", cli.off, m, srv.off, n, cli.bad, srv.bad, w.dump(40))
	}
	return cli, srv
}

// figure prints the first segments as the figures of RFC 8684 appendix B do:
// flags, Seq(Length), ack, options; sequence numbers are relative.
func (w *world) figure(n int) string {
	var b strings.Builder
	var isn [2]wire.Seq
	var idsn [2]wire.DSN
	for i := range w.log[:min(n, len(w.log))] {
		r := &w.log[i]
		me, peer := 0, 1
		if !r.up {
			me, peer = 1, 0
		}
		o := r.options()
		flags := "."
		if r.seg.Flags.Has(wire.SYN) {
			isn[me] = r.seg.Seq
			if flags = "S"; r.seg.Flags.Has(wire.ACK) {
				flags = "S."
			}
		}
		b.WriteString(flags + " " + itoa(uint64(r.seg.Seq-isn[me])) + "(" + itoa(uint64(r.seg.Len)) + ")")
		if r.seg.Flags.Has(wire.ACK) {
			b.WriteString(" ack " + itoa(uint64(r.seg.Ack-isn[peer])))
		}
		switch {
		case o.Has(wire.OptCapable) && o.Capable.HasData:
			b.WriteString(" <MP_CAPABLE dlen=" + itoa(uint64(o.Capable.DataLen)) + ">")
		case o.Has(wire.OptCapable):
			b.WriteString(" <MP_CAPABLE>")
		}
		if o.Has(wire.OptCapable) && o.Capable.Keys > 0 {
			k := Key(o.Capable.SenderKey)
			if _, idsn[me] = k.Derive(); o.Capable.Version == 0 {
				_, idsn[me] = k.DeriveV0()
			}
		}
		switch {
		case o.Has(wire.OptFastOpen) && o.FastOpen.Len == 0:
			b.WriteString(" <TFO cookie request>")
		case o.Has(wire.OptFastOpen):
			b.WriteString(" <TFO cookie>")
		}
		if h := &r.seg; h.Opt.Has(wire.HasDSS) {
			b.WriteString(" <DSS")
			if h.Opt.Has(wire.HasDataAck) {
				b.WriteString(" ack=" + itoa(uint64(uint32(h.DataAck-idsn[peer]))))
			}
			if h.Opt.Has(wire.HasMap) {
				b.WriteString(" seq=" + itoa(uint64(h.DSN-idsn[me])) + " ssn=" + itoa(uint64(h.SSN)) + " dlen=" + itoa(uint64(h.MapLen)))
			}
			b.WriteString(">")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func itoa(n uint64) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// wantFigure compares the first segments with a figure.
func (w *world) wantFigure(name, want string) {
	w.t.Helper()
	want = strings.TrimLeft(want, "\n")
	if got := w.figure(strings.Count(want, "\n")); got != want {
		w.t.Errorf("%s:\n%swant\n%s", name, got, want)
	}
}

// TestFastOpenFigures are the four figures of RFC 8684 appendix B.3 with the
// handshake of version 1. Two things differ from the figures, which were drawn
// for version 0 and its key in the SYN (draft-barre-mptcp-tfo-04): the client's
// first data carries MP_CAPABLE with its length in place of the DSS (section
// 3.1), and the listener's early data has no DATA_ACK because its peer's key is
// not known (draft-paasch-mptcp-syncookies-02 section 3.1.2). The subflow
// sequence number of the data behind the SYN's, which MP_CAPABLE implies, is 1.
// The ACK of the early data is in no figure: it repeats the key beside its
// DATA_ACK.
//
// row:J2 row:J3
func TestFastOpenFigures(t *testing.T) {
	w := fastWorld(t, nil)
	cli := w.dialData(0)
	w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
	w.wantFigure("figure 18", `
S 0(0) <MP_CAPABLE> <TFO cookie request>
S. 0(0) ack 1 <MP_CAPABLE> <TFO cookie>
. 1(0) ack 1 <MP_CAPABLE>
`)
	w.counter(w.server, "TCPFastOpenCookieReqd", 1)
	d := w.client.ep.fast.cache[serverAddr]
	if want := w.server.ep.FastOpenCookie(clientAddr(0), serverAddr); d == nil || d.cookie != want || d.mss != 1460 {
		t.Errorf("cached %+v, want cookie %v", d, want)
	}

	w = fastWorld(t, nil)
	w.know()
	srv := &app{toWrite: 100}
	w.server.accept = func() *app { return srv }
	cli = w.dialData(20)
	w.until(sim.Second, "answer", func() bool { return cli.off == 100 })
	cli.toWrite = 20
	w.flush(w.client)
	w.until(sim.Second, "more", func() bool { return srv.off == 40 })
	w.wantFigure("figure 19", `
S 0(20) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 21 <MP_CAPABLE>
. 1(100) ack 21 <DSS seq=1 ssn=1 dlen=100>
. 21(0) ack 1 <MP_CAPABLE>
. 21(0) ack 101 <MP_CAPABLE> <DSS ack=101>
. 21(20) ack 101 <MP_CAPABLE dlen=20>
`)
	if srv.bad+cli.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
		t.Errorf("bad bytes or fallback")
	}
	w.counter(w.client, "TCPFastOpenActive", 1)
	w.counter(w.server, "TCPFastOpenPassive", 1)

	// The listener does not support fast open.
	w = fastWorld(t, func(h string, o *SocketOptions) {
		if h == "server" {
			o.FastOpen = 0
		}
	})
	w.know()
	cli, srv = w.request(20, 10)
	w.wantFigure("figure 20", `
S 0(20) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 1 <MP_CAPABLE>
. 1(0) ack 1 <MP_CAPABLE>
. 1(20) ack 1 <MP_CAPABLE dlen=20>
. 1(0) ack 21 <DSS ack=21>
`)
	w.counter(w.client, "TCPFastOpenActiveFail", 1)
	if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
		t.Errorf("figure 20: fallback")
	}

	// The listener takes a part.
	w = fastWorld(t, func(h string, o *SocketOptions) {
		if h == "server" {
			o.ReceiveBuffer = 500
		}
	})
	w.know()
	cli, srv = w.request(1000, 10)
	w.wantFigure("figure 21", `
S 0(1000) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 501 <MP_CAPABLE>
. 501(0) ack 1 <MP_CAPABLE>
`)
	if r := &w.log[3]; r.seg.Seq != w.log[0].seg.Seq+501 || r.seg.Len == 0 || !r.opt.Has(wire.OptCapable) || !r.opt.Capable.HasData {
		t.Errorf("figure 21: %s", w.line(r))
	}
	w.counter(w.client, "TCPFastOpenActiveFail", 1)
	if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
		t.Errorf("figure 21: fallback")
	}
}

// TestFastOpenSavesARound compares the time at which an answer is complete: 1
// round trip with a cookie against 2 without, with MPTCP and with TCP.
func TestFastOpenSavesARound(t *testing.T) {
	for _, p := range []Protocol{MPTCP, TCP} {
		took := func(cookie bool) sim.Duration {
			w := fastWorld(t, func(_ string, o *SocketOptions) { o.Protocol = p })
			if cookie {
				w.know()
			}
			cli, _ := w.request(200, 1000)
			return cli.firstAt.Sub(0)
		}
		if with, without := took(true), took(false); with != 20*ms || without != 40*ms {
			t.Errorf("%v: %v with a cookie, %v without; want 20 and 40 ms", p, with, without)
		}
	}
}

// TestFastOpenLosses loses each of the first packets of either direction, alone
// and in pairs, in requests with and without a cookie: every byte arrives once.
// A SYN that is sent again carries neither option nor payload (RFC 7413 section
// 4.2.1).
func TestFastOpenLosses(t *testing.T) {
	for _, p := range []Protocol{MPTCP, TCP} {
		for i := -1; i < 6; i++ {
			for j := -1; j < 6; j++ {
				w := fastWorld(t, func(_ string, o *SocketOptions) { o.Protocol = p })
				w.know()
				w.paths[0][0].drop, w.paths[0][1].drop = dropNth(i), dropNth(j)
				cli, srv := w.request(3000, 5000)
				if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
					t.Errorf("lost up %d, down %d: fallback\n%s", i, j, w.dump(30))
				}
				syns := 0
				for k := range w.log {
					r := &w.log[k]
					if !r.up || !r.seg.Flags.Has(wire.SYN) {
						continue
					}
					if syns++; syns > 1 && (r.seg.Len > 0 || r.opt.Has(wire.OptFastOpen)) {
						t.Errorf("lost up %d, down %d: %s", i, j, w.line(r))
					}
				}
				w.settleDown(200 * sim.Second)
			}
		}
	}
}

// TestFastOpenInvalidCookie: the payload behind a cookie that is not ours waits
// for the handshake, and the SYN/ACK brings a valid cookie (RFC 7413 section
// 4.2.2; so does Linux 6.18, measured).
func TestFastOpenInvalidCookie(t *testing.T) {
	w := fastWorld(t, nil)
	w.client.ep.SetFastOpenEntry(0, serverAddr, wire.FastOpen{Len: 8, Cookie: [16]byte{1, 2, 3}}, 1460)
	w.request(200, 100)
	w.wantFigure("invalid cookie", `
S 0(200) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 1 <MP_CAPABLE> <TFO cookie>
. 1(0) ack 1 <MP_CAPABLE>
. 1(200) ack 1 <MP_CAPABLE dlen=200>
`)
	w.counter(w.server, "TCPFastOpenPassiveFail", 1)
	w.runTo(w.now.Add(sim.Second))
	w.log = nil
	w.request(200, 100)
	w.wantFigure("next connection", `
S 0(200) <MP_CAPABLE> <TFO cookie>
S. 0(0) ack 201 <MP_CAPABLE>
`)
}

// TestFastOpenBacklog: when as many connections as the limit allows wait for
// their third segment, a further SYN's payload is not accepted (RFC 7413 section
// 5.1).
func TestFastOpenBacklog(t *testing.T) {
	w := fastWorld(t, func(_ string, o *SocketOptions) { o.FastOpenBacklog = 1 })
	w.know()
	w.server.accept = func() *app { return &app{} }
	w.paths[0][0].drop = func(n int, now sim.Time, s *Segment) bool {
		return !s.Flags.Has(wire.SYN) && now < sim.Time(sim.Second)
	}
	w.dialData(100)
	w.dialData(100)
	w.runTo(w.now.Add(100 * ms))
	w.counter(w.server, "TCPFastOpenPassive", 1)
	w.counter(w.server, "TCPFastOpenListenOverflow", 1)
	w.runTo(w.now.Add(10 * sim.Second))
	for _, a := range w.server.apps {
		if a.off != 100 || a.bad != 0 {
			t.Errorf("server read %d", a.off)
		}
	}
	if n := w.server.ep.socks.listenerFor(netip.AddrPortFrom(serverAddr, 80)).early; n != 0 {
		t.Errorf("%d pending at the end", n)
	}
}

// TestFastOpenWithoutCookie: Linux tcp_fastopen 0x4 and 0x200.
func TestFastOpenWithoutCookie(t *testing.T) {
	w := fastWorld(t, func(_ string, o *SocketOptions) { o.FastOpen = FastOpenClientNoCookie | FastOpenServerNoCookie })
	w.request(200, 100)
	w.wantFigure("no cookie", `
S 0(200) <MP_CAPABLE>
S. 0(0) ack 201 <MP_CAPABLE>
`)
}

// TestFastOpenOptionRoom is the option budget of the SYN/ACK with timestamps: MSS
// 4, SACK permitted and timestamps 12, window scale 4, MP_CAPABLE 12 leave 8
// octets, thus a cookie of 6 (appendix B.1 counts 19 octets without padding and
// comes to 7, which RFC 7413's even lengths make 6), or timestamps or one of the
// two options give way. Each decision is in the trace. That Linux 6.18 sends a
// cookie without timestamps was measured on a listening MPTCP socket.
//
// row:J1
func TestFastOpenOptionRoom(t *testing.T) {
	for _, v := range []struct {
		room       FastOpenRoom
		cookie     uint8
		ts, capabl bool
		why        trace.Reason
	}{
		{RoomNoTimestamps, 8, false, true, trace.TimestampsDropped},
		{RoomShortCookie, 6, true, true, trace.CookieShortened},
		{RoomNoCookie, 0, true, true, trace.CookieDropped},
		{RoomNoCapable, 8, true, false, trace.CapableDropped},
	} {
		w := fastWorld(t, nil)
		w.profile.TCP.Timestamps = true
		w.profile.FastOpenRoom = v.room
		var sink reasonSink
		w.run.Subscribe(trace.AllKinds, &sink)
		cli, _ := w.request(0, 1000)
		r := &w.log[1]
		if r.opt.FastOpen.Len != v.cookie || r.opt.Has(wire.OptFastOpen) != (v.cookie > 0) ||
			r.seg.Opt.Has(wire.HasTS) != v.ts || r.opt.Has(wire.OptCapable) != v.capabl {
			t.Errorf("%v: %s", v.room, w.line(r))
		}
		if n := r.seg.OptionsLen(&r.opt); n > 40 {
			t.Errorf("%v: %d octets", v.room, n)
		}
		if sink.n[v.why] != 1 {
			t.Errorf("%v: reason %v traced %d times", v.room, v.why, sink.n[v.why])
		}
		if (cli.saw(Fallback) > 0) == v.capabl {
			t.Errorf("%v: %d fallbacks", v.room, cli.saw(Fallback))
		}
		// The SYN of the next connection: 4, 12, 4 and MP_CAPABLE 4 leave 16.
		w.log = nil
		w.request(100, 100)
		if r := &w.log[0]; r.opt.FastOpen.Len != v.cookie || (r.seg.Len == 100) != (v.cookie > 0) {
			t.Errorf("%v: second SYN %s", v.room, w.line(r))
		}
		if want := uint64(b2u(v.cookie > 0)); counterOf(w.server.ep, "TCPFastOpenPassive") != want {
			t.Errorf("%v: the second cookie is not accepted", v.room)
		}
	}
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// TestFastOpenNotOnJoin: the SYN of a join carries neither cookie nor payload, and
// payload that comes with one is not taken (draft-barre-mptcp-tfo-04 section 6,
// RFC 8684 section 3.2: no data in PRE_ESTABLISHED).
//
// row:J6
func TestFastOpenNotOnJoin(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms)
	w.options = func(_ string, o *SocketOptions) { o.FastOpen = FastOpenClient | FastOpenServer }
	w.start()
	w.server.ep.SetFastOpenKey(fastKey)
	w.know()
	joins := 0
	w.paths[1][0].box = func(s *Segment) []*Segment {
		if s.Flags.Has(wire.SYN) {
			if s.Len > 0 || s.Opt.Has(wire.OptFastOpen) {
				t.Errorf("a join with fast open")
			}
			joins++
			// A peer that does what it must not.
			s.Len, s.Off = 50, 0
			s.Opt.Present |= wire.OptFastOpen
			s.Opt.Present &^= wire.OptWScale | wire.OptSACKPermitted
			s.Opt.FastOpen = w.server.ep.FastOpenCookie(clientAddr(1), serverAddr)
		}
		return []*Segment{s}
	}
	cli, srv := w.request(20000, 30000)
	if joins == 0 || srv.saw(SubflowUp) != 1 || cli.saw(Fallback) != 0 {
		t.Errorf("%d joins, %d up", joins, srv.saw(SubflowUp))
	}
	for i := range w.log {
		if r := &w.log[i]; r.path == 1 && !r.up && r.seg.Flags.Has(wire.SYN) {
			for j := range w.log[:i] {
				if q := &w.log[j]; q.path == 1 && q.up && r.seg.Ack != q.seg.Seq+1 {
					t.Errorf("the SYN/ACK of the join acknowledges payload")
				}
			}
		}
	}
	w.counter(w.server, "TCPFastOpenPassive", 1)
}

// reasonSink counts the reasons of records.
type reasonSink struct{ n map[trace.Reason]int }

func (s *reasonSink) Emit(r *trace.Record) {
	if s.n == nil {
		s.n = map[trace.Reason]int{}
	}
	if r.Kind == trace.FastOpen || r.Kind == trace.SYNCookie {
		s.n[r.Why]++
	}
}

// TestFastOpenLateSYNACK: the SYN/ACK that acknowledges the data of a SYN comes when a
// plain SYN has left already and the connection has fallen back. Every byte is
// delivered once (RFC 7413 section 4.2.1: the data of the SYN counts as sent if it
// is acknowledged, and is sent again otherwise).
func TestFastOpenLateSYNACK(t *testing.T) {
	for _, d := range []sim.Duration{1600 * ms, 2100 * ms, 2600 * ms, 3100 * ms} {
		for _, p := range []*Profile{Linux(), RFC()} {
			w := newWorld(t, d)
			w.profile = p
			w.profile.TCP.Timestamps = false
			w.options = func(_ string, o *SocketOptions) { o.FastOpen = FastOpenClient | FastOpenServer }
			w.start()
			w.server.ep.SetFastOpenKey(fastKey)
			w.know()
			srv := &app{}
			w.server.accept = func() *app { return srv }
			cli := w.dialData(2500)
			w.runTo(sim.Time(100 * sim.Second))
			if srv.off != 2500 || srv.bad != 0 {
				t.Errorf("%s, %v one way: read %d, %d bad; %v %v\n%s", p.Name, d, srv.off, srv.bad, cli.events, srv.events, w.dump(8))
			}
		}
	}
}
