package mptcp

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// cookieWorld is a network of one path, 10 ms each way, whose server answers by
// SYN cookies.
func cookieWorld(t *testing.T, version Versions, change func(h string, o *SocketOptions)) *world {
	w := newWorld(t, 10*ms)
	w.profile.VerifyCookieKey = true
	w.options = func(h string, o *SocketOptions) {
		o.Versions = version
		if h == "server" {
			o.SYNCookies = SYNCookiesAlways
		}
		if change != nil {
			change(h, o)
		}
	}
	w.start()
	return w
}

// state counts what an endpoint holds: flows, tokens, and sockets beside
// listeners.
func (h *host) state() int {
	n := len(h.ep.flows.names.byTuple) + len(h.ep.tokens)
	for _, s := range h.ep.socks.slots {
		if s != nil && s.listen == nil {
			n++
		}
	}
	return n
}

// TestSYNCookieKeepsNothing: until the third packet, or the first data if that is
// lost, a stateless server holds nothing; then it has the connection, in MPTCP,
// with the key that its SYN/ACK had. A SYN that comes again is answered alike.
//
// row:A5
func TestSYNCookieKeepsNothing(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		for _, lost := range []int{-1, 1} {
			if v == Version0 && lost == 1 {
				continue // TestSYNCookieCurve
			}
			w := cookieWorld(t, v, nil)
			w.paths[0][0].drop = dropNth(lost)
			seen := 0
			w.arrive = func(to *host, s *Segment) {
				if to == w.server && seen == 0 {
					if n := w.server.state(); n != 0 {
						t.Fatalf("%v: state for %d things before the handshake is complete", v, n)
					}
					if s.Flags.Has(wire.ACK) {
						seen++
					}
				}
			}
			cli, srv := w.request(20000, 30000)
			if cli.saw(Fallback)+srv.saw(Fallback) != 0 {
				t.Errorf("%v, lost %d: fallback\n%s", v, lost, w.dump(30))
			}
			w.counter(w.server, "SyncookiesSent", 1)
			w.counter(w.server, "SyncookiesRecv", 1)
			w.counter(w.server, "MPCapableSYNRX", 1)
			w.counter(w.server, "MPCapableACKRX", 0) // as on Linux 6.18, measured
		}
	}
	keys := map[uint64]bool{}
	for _, seed := range []uint64{1, 1, 2} {
		w := cookieWorld(t, Version1, nil)
		w.seed = seed // of the secrets, which are drawn when they are needed
		w.dialData(0)
		w.runTo(w.now.Add(15 * ms))
		keys[w.log[1].opt.Capable.SenderKey] = true
	}
	if len(keys) != 2 {
		t.Errorf("%d keys of the seeds 1, 1 and 2", len(keys))
	}
	// Hash(4-tuple, sequence numbers, secret): each of them counts (RFC 8684 section 3.1).
	o := rawOptions()
	o.SYNCookies = SYNCookiesAlways
	of := map[Key]bool{}
	for _, v := range []struct {
		src netip.AddrPort
		isn wire.Seq
	}{{rawAddr, 0}, {rawAddr, 0}, {rawAddr2, 0}, {netAddrPort(rawAddr, 40001), 0}, {rawAddr, 1}} {
		r := rawListener(t, RFC(), o)
		r.tuple.Src = v.src
		out := r.send(wire.SYN, v.isn, 0, capable(1, flagH, 0, 0, 0))
		of[Key(out[0].Opt.Capable.SenderKey)] = true
	}
	if len(of) != 4 {
		t.Errorf("%d keys of four SYNs, one of them twice", len(of))
	}
}

// TestSYNCookieThirdPacket: a third packet whose key is not that of the SYN/ACK makes
// a plain connection under the text's profile, and MPTCP with the right one; the
// checksums that only the client asks for, by the flag A of its options, are used.
//
// row:A5 row:A7 rfc8684:3.1-20
func TestSYNCookieThirdPacket(t *testing.T) {
	for _, wrong := range []Key{0, 1} {
		o := rawOptions()
		o.SYNCookies = SYNCookiesAlways
		r := rawListener(t, RFC(), o)
		r.open(capable(1, flagH|wire.CapableChecksum, 0, 0, 0))
		if r.peer == 0 {
			t.Fatal("the SYN/ACK has no key")
		}
		r.send(wire.ACK, 1, 0, capable(1, flagH|wire.CapableChecksum, 2, r.key, r.peer^wrong))
		s := r.ep.open(r.conn)
		if s == nil {
			t.Fatal("not connected")
		}
		if mptcp := s.conn != nil && !s.conn.fallback.on; mptcp != (wrong == 0) || mptcp && !s.conn.checksum {
			t.Errorf("key wrong by %d: MPTCP %v, checksums %v", wrong, mptcp, mptcp && s.conn.checksum)
		}
	}
}

// TestSYNCookieForged: an acknowledgement without the cookie is answered by a
// reset, one that is too old as well, and a key that is not ours costs MPTCP but
// not the connection.
func TestSYNCookieForged(t *testing.T) {
	w := cookieWorld(t, Version1, nil)
	w.paths[0][0].box = func(s *Segment) []*Segment {
		if !s.Flags.Has(wire.SYN) {
			s.Ack++
		}
		return []*Segment{s}
	}
	w.dialData(0)
	w.runTo(w.now.Add(100 * ms))
	w.counter(w.server, "SyncookiesFailed", 2) // and the challenge ACK to the reset
	w.counter(w.server, "SyncookiesRecv", 0)
	if r := &w.log[3]; r.up || !r.seg.Flags.Has(wire.RST) || r.seg.Seq != w.log[1].seg.Seq+2 || w.server.state() != 0 {
		t.Errorf("a forged acknowledgement is answered by %s", w.line(r))
	}

	w = cookieWorld(t, Version1, nil)
	w.paths[0][0].extra = func(n int) sim.Duration {
		if n == 1 {
			return 3 * 60 * sim.Second
		}
		return 0
	}
	w.paths[0][0].drop = func(n int, _ sim.Time, _ *Segment) bool { return n > 1 }
	w.dialData(0)
	w.runTo(w.now.Add(4 * 60 * sim.Second))
	if w.server.state() != 0 {
		t.Errorf("a cookie of three minutes ago was accepted")
	}

	forge := func(s *Segment) []*Segment {
		if s.Opt.Has(wire.OptCapable) && s.Opt.Capable.Keys == 2 {
			s.Opt.Capable.ReceiverKey = 0x6162636465666768
		}
		return []*Segment{s}
	}
	w = cookieWorld(t, Version1, nil)
	w.paths[0][0].box = forge
	cli, _ := w.request(5000, 5000)
	if cli.saw(Fallback) != 1 {
		t.Errorf("forged key: %d fallbacks at the client", cli.saw(Fallback))
	}
	// Linux 6.18 goes on in MPTCP with whatever key comes back.
	w = cookieWorld(t, Version1, nil)
	w.profile.VerifyCookieKey = false
	w.paths[0][0].box = forge
	w.dialData(0)
	w.runTo(w.now.Add(100 * ms))
	token, _ := Key(0x6162636465666768).Derive()
	if w.server.ep.tokens[token] == nil {
		t.Errorf("a forged key is not believed")
	}
	// A second flow with the same forged key: its token is in use.
	w.dialData(0)
	w.runTo(w.now.Add(100 * ms))
	if len(w.server.ep.tokens) != 1 || len(w.server.ep.flows.names.byTuple) != 2 {
		t.Errorf("%d tokens, %d flows", len(w.server.ep.tokens), len(w.server.ep.flows.names.byTuple))
	}
}

// TestSYNCookieOptions: what a cookie carries of the options of the SYN (RFC 4987
// section 3.6, Linux): one of four segment sizes; and with timestamps window
// scale and SACK, without them none of these. Timestamps may tick in microseconds.
func TestSYNCookieOptions(t *testing.T) {
	for _, clock := range []string{"ms", "us", "none"} {
		ts := clock != "none"
		for mss, want := range map[int]int{600: 536, 1300: 1300, 1459: 1440, 1460: 1460} {
			w := cookieWorld(t, Version1, func(h string, o *SocketOptions) {
				if h == "client" {
					o.MSS = mss
				}
			})
			w.profile.TCP.Timestamps, w.profile.TCP.MicrosecondTS = ts, clock == "us"
			w.request(3000, 3000)
			for _, f := range w.server.ep.flows.slots {
				if f == nil {
					continue
				}
				send, recv := f.tcp.Scales()
				if f.tcp.PeerMSS() != want || f.tcp.UsesTimestamps() != ts || f.tcp.UsesSACK() != ts || (send > 0) != ts || (recv > 0) != ts {
					t.Errorf("MSS %d, timestamps %s: MSS %d, SACK %v, scales %d %d", mss, clock, f.tcp.PeerMSS(), f.tcp.UsesSACK(), send, recv)
				}
			}
		}
	}
}

// TestSYNCookieClock: the timestamp of a cookie is that of the clock, rounded down to a
// multiple of 64 ticks with the options in it, whether it ticks in milliseconds or
// microseconds.
func TestSYNCookieClock(t *testing.T) {
	for _, tick := range []sim.Duration{sim.Millisecond, sim.Microsecond} {
		w := cookieWorld(t, Version1, nil)
		w.profile.TCP.MicrosecondTS = tick == sim.Microsecond
		var at []sim.Time
		var val []uint32
		w.arrive = func(to *host, s *Segment) {
			if to == w.client && s.Segment.Opt.Has(wire.HasTS) {
				at, val = append(at, w.now), append(val, s.TSVal)
			}
		}
		w.request(3000, 3000)
		passed := uint32(at[1].Sub(at[0]) / tick)
		if early := val[1] - val[0] - passed; early > 128 {
			t.Errorf("ticks of %v: %d between the cookie and the next segment, %d passed", tick, val[1]-val[0], passed)
		}
	}
}

// TestSYNFlood: while forged SYNs hold the whole backlog, a client gets through
// with SYN cookies, and not without.
func TestSYNFlood(t *testing.T) {
	for _, mode := range []SYNCookieMode{SYNCookiesOff, SYNCookiesOverflow} {
		w := cookieWorld(t, Version1, func(h string, o *SocketOptions) { o.SYNCookies, o.Backlog = mode, 16 })
		w.listen()
		var s Segment
		for i := range 1000 {
			s = Segment{}
			s.Flags, s.Seq, s.Window = wire.SYN, wire.Seq(i), 1000
			s.Tuple = &wire.Tuple{Proto: wire.ProtoTCP, Dst: netip.AddrPortFrom(serverAddr, 80),
				Src: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), uint16(i))}
			w.server.ep.HandleSegment(w.now, &s)
		}
		if n := len(w.server.ep.flows.names.byTuple); n != 16 {
			t.Errorf("%v: %d flows", mode, n)
		}
		var out Segment
		for w.server.ep.PollSegment(w.now, &out) {
		}
		srv := &app{}
		w.server.accept = func() *app { return srv }
		w.dialData(1000)
		w.runTo(w.now.Add(500 * ms))
		if got := srv.off == 1000; got != (mode == SYNCookiesOverflow) {
			t.Errorf("%v: the server read %d", mode, srv.off)
		}
		w.counter(w.server, "ListenOverflows", map[SYNCookieMode]uint64{SYNCookiesOff: 985, SYNCookiesOverflow: 0}[mode])
	}
}

// TestSYNCookieJoin: a join whose SYN is answered by a cookie is kept in the join
// table only, and its HMAC is verified with the third packet (Linux,
// net/mptcp/syncookies.c).
func TestSYNCookieJoin(t *testing.T) {
	w := newWorld(t, 10*ms, 12*ms)
	w.options = func(_ string, o *SocketOptions) { o.SYNCookies = SYNCookiesAlways }
	w.start()
	flows := -1
	w.arrive = func(to *host, s *Segment) {
		if to == w.server && s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == wire.JoinACK && flows < 0 {
			flows = len(w.server.ep.flows.names.byTuple)
		}
	}
	cli, srv := w.request(200000, 200000)
	if flows != 1 {
		t.Errorf("%d flows when the third packet of the join came", flows)
	}
	if cli.saw(SubflowUp) != 1 || srv.saw(SubflowUp) != 1 {
		t.Errorf("subflows: %d, %d", cli.saw(SubflowUp), srv.saw(SubflowUp))
	}
	w.counter(w.server, "MPJoinSynRx", 1)
	w.counter(w.server, "MPJoinAckRx", 1)
	w.counter(w.server, "SyncookiesRecv", 2)
}

// outcome is what became of a connection.
type outcome int

const (
	staysMPTCP outcome = iota
	fallsBack
	isReset
)

// outcomeOf runs an upload of four segments behind the third packet with losses: bit
// i of lost loses packet i of them.
func outcomeOf(t *testing.T, lost int, version Versions, stateful, ssn bool) outcome {
	w := cookieWorld(t, version, func(h string, o *SocketOptions) {
		o.SYNCookieSSN = ssn
		if stateful {
			o.SYNCookies = SYNCookiesOff
		}
	})
	w.profile.TCP.TLP = false // a probe would be a further segment
	w.profile.MaxMapping = 1  // a mapping for each segment
	w.paths[0][0].drop = func(n int, _ sim.Time, _ *Segment) bool {
		return n >= 1 && n <= 5 && lost>>(n-1)&1 != 0
	}
	srv := &app{}
	w.server.accept = func() *app { return srv }
	cli := w.dialData(4 * 1400)
	w.until(200*sim.Second, "end", func() bool { return srv.off == 4*1400 || cli.saw(Closed) > 0 })
	w.runTo(w.now.Add(sim.Second))
	for _, s := range w.server.ep.socks.slots {
		if s != nil && s.conn != nil && !s.conn.fallback.on && !s.conn.remote.known {
			t.Errorf("%05b: the server never learnt the key", lost)
		}
	}
	switch {
	case srv.bad != 0:
		t.Fatalf("%05b: corrupt bytes", lost)
	case cli.saw(Closed) > 0:
		return isReset
	case srv.off != 4*1400:
		t.Fatalf("%05b: server read %d\n%s", lost, srv.off, w.dump(30))
	case cli.saw(Fallback) > 0 || w.server.state() > 0 && len(w.server.ep.tokens) == 0:
		return fallsBack
	}
	return staysMPTCP
}

// TestSYNCookieCurve gives the probability of fallback and of a reset behind a
// stateless server over the loss rate p of independent losses, from all 32 ways
// to lose the third packet and the four data segments behind it, each run to its
// end. The closed forms (draft-paasch-mptcp-syncookies-02 sections 2 and 3): in
// version 0 the loss of the third packet costs MPTCP if the first data arrives,
// p(1-p), or is retransmitted before the server has seen anything, p^5; and the
// connection if the first data is lost, too, and a later one arrives,
// p^2(1-p^3). In version 1 the first data brings the key, so that only the reset
// remains; with the sequence number inferred from the mapping nothing remains. A
// stateful server loses nothing in any case.
//
// row:J8 row:J9 row:J14
func TestSYNCookieCurve(t *testing.T) {
	for _, v := range []struct {
		name     string
		version  Versions
		stateful bool
		ssn      bool
		fallback func(p float64) float64
		reset    func(p float64) float64
	}{
		{"v0", Version0, false, false,
			func(p float64) float64 { return p*(1-p) + p*p*p*p*p },
			func(p float64) float64 { return p * p * (1 - p*p*p) }},
		{"v1", Version1, false, false,
			func(p float64) float64 { return 0 },
			func(p float64) float64 { return p * p * (1 - p*p*p) }},
		{"v1, inferred", Version1, false, true,
			func(p float64) float64 { return 0 }, func(p float64) float64 { return 0 }},
		{"v1, stateful", Version1, true, false,
			func(p float64) float64 { return 0 }, func(p float64) float64 { return 0 }},
	} {
		var fates [32]outcome
		for lost := range fates {
			fates[lost] = outcomeOf(t, lost, v.version, v.stateful, v.ssn)
		}
		for p := 0.01; p < 0.5; p *= 1.7 {
			var sum [3]float64
			for lost, f := range fates {
				q := 1.0
				for i := range 5 {
					if lost>>i&1 != 0 {
						q *= p
					} else {
						q *= 1 - p
					}
				}
				sum[f] += q
			}
			if f, r := v.fallback(p), v.reset(p); math.Abs(sum[fallsBack]-f) > 1e-12 || math.Abs(sum[isReset]-r) > 1e-12 {
				t.Errorf("%s, loss %.3f: fallback %.6f, reset %.6f; want %.6f, %.6f: %s",
					v.name, p, sum[fallsBack], sum[isReset], f, r, fmt.Sprint(fates))
				break
			}
		}
	}
}
