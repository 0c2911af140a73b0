package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// swallow drops the SYNs with MP_CAPABLE.
func swallow(_ int, _ sim.Time, s *Segment) bool {
	return s.Flags.Has(wire.SYN) && s.Opt.Has(wire.OptCapable)
}

// dialled opens a connection and returns how long it took.
func (w *world) dialled(t *testing.T) (took sim.Duration, cli *app) {
	t.Helper()
	w.server.accept = func() *app { return &app{} }
	start := w.now
	cli = w.connect()
	w.until(20*sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
	return w.now.Sub(start), cli
}

// TestSwallowedSYN: when SYNs with MP_CAPABLE get lost, as many as the profile
// says carry the option and then a plain one is sent (RFC 8684 sections 3.1 and
// 3.9.3). The added delay is that of the SYN's retransmission timer: with linear
// timeouts of one second (Linux) one second for each.
//
// row:A31 rfc8684:3.9.3-1 rfc8684:6-2
func TestSwallowedSYN(t *testing.T) {
	for _, syns := range []int{1, 2, 3} {
		w := newWorld(t, 10*ms)
		p := Linux()
		p.CapableSYNs = syns
		w.profile = p
		w.start()
		w.paths[0][0].drop = swallow
		took, cli := w.dialled(t)
		if want := sim.Duration(syns)*sim.Second + 20*ms; took != want {
			t.Errorf("%d SYNs: connected after %v, want %v", syns, took, want)
		}
		w.counter(w.client, "MPCapableSYNTX", uint64(syns))
		w.counter(w.client, "MPCapableSYNTXDrop", 1)
		if i := w.client.ep.Info(cli.conn); i.Fallback.String() != "MPCapableSYNTXDrop" {
			t.Errorf("fallback %v", i.Fallback)
		}
	}
}

// TestBothSYNsArrive: a SYN with MP_CAPABLE that was only late is overtaken by the
// plain one. The listener answers the first of them; the third packet, which
// comes without the option, decides, and both ends are plain TCP.
//
// row:A31
func TestBothSYNsArrive(t *testing.T) {
	w := newWorld(t, 10*ms)
	p := Linux()
	p.CapableSYNs = 1
	w.profile = p
	w.start()
	w.paths[0][0].extra = func(n int) sim.Duration {
		if n == 0 {
			return 1005 * ms // arrives 5 ms behind the plain SYN
		}
		return 0
	}
	srv := &app{toWrite: 50_000, close: true}
	w.server.accept = func() *app { return srv }
	cli := w.connect()
	cli.toWrite, cli.close = 50_000, true
	w.flush(w.client)
	w.until(30*sim.Second, "transfer", func() bool { return cli.eof && srv.eof })
	if cli.off != 50_000 || srv.off != 50_000 || cli.bad+srv.bad != 0 {
		t.Errorf("%d and %d bytes", cli.off, srv.off)
	}
	if a, b := w.client.ep.MultipathEnabled(cli.conn), w.server.ep.MultipathEnabled(srv.conn); a || b {
		t.Errorf("MPTCP: client %v, server %v", a, b)
	}
}

// TestBlackholeMemory: after SYNs with MP_CAPABLE were lost the next connection
// skips them, until the entry expires after an hour; a second failure doubles the
// time (Linux mptcp_active_disable). A success clears it.
//
// row:A32
func TestBlackholeMemory(t *testing.T) {
	for _, profile := range []*Profile{Linux(), RFC()} {
		w := newWorld(t, 10*ms)
		w.profile = profile
		w.start()
		w.paths[0][0].drop = swallow
		fails := func(want uint64) {
			t.Helper()
			took, cli := w.dialled(t)
			if took < 100*ms || w.client.ep.MultipathEnabled(cli.conn) {
				t.Errorf("%s: took %v", profile.Name, took)
			}
			w.counter(w.client, "Blackhole", want)
		}
		skips := func(want uint64) {
			t.Helper()
			if took, _ := w.dialled(t); took != 20*ms {
				t.Errorf("%s: took %v though the black hole is known", profile.Name, took)
			}
			w.counter(w.client, "MPCapableSYNTXDisabled", want)
		}
		fails(1)
		skips(1)
		w.runTo(w.now.Add(3599 * sim.Second))
		skips(2)
		w.runTo(w.now.Add(sim.Second))
		fails(2)
		w.runTo(w.now.Add(7199 * sim.Second))
		skips(3)
		w.runTo(w.now.Add(sim.Second))
		w.paths[0][0].drop = nil
		if _, cli := w.dialled(t); true {
			cli.toWrite = 100
			w.flush(w.client)
			w.runTo(w.now.Add(sim.Second))
			if !w.client.ep.MultipathEnabled(cli.conn) {
				t.Errorf("%s: no MPTCP after the entry has expired", profile.Name)
			}
		}
		w.paths[0][0].drop = swallow
		fails(3)
		w.runTo(w.now.Add(3600 * sim.Second)) // the success has reset the doubling
		fails(4)
	}
}

// TestBlackholeLongest: the time doubles up to 64 times the first (Linux
// check_timeout: 6 shifts at most).
//
// row:A32
func TestBlackholeLongest(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.profile = Linux()
	w.start()
	w.paths[0][0].drop = swallow
	for i, hours := range []sim.Duration{1, 2, 4, 8, 16, 32, 64, 64, 64} {
		if took, _ := w.dialled(t); took < 100*ms {
			t.Errorf("failure %d: took %v: MPTCP is not tried", i+1, took)
		}
		until := w.now.Add(hours * 3600 * sim.Second)
		w.runTo(until.Add(-sim.Second))
		if took, _ := w.dialled(t); took != 20*ms {
			t.Errorf("failure %d: MPTCP is tried a second before %d hours are over", i+1, hours)
		}
		w.runTo(until)
		w.counter(w.client, "Blackhole", uint64(i+1))
	}
}

// TestBlackholeScopes: Linux remembers one black hole for the host, the text's
// profile for a destination, and for the source address when three destinations
// have failed from it (RFC 8684 section 3.9.3).
//
// row:A32
func TestBlackholeScopes(t *testing.T) {
	second, third, other := netip.MustParseAddr("10.0.9.2"), netip.MustParseAddr("10.0.9.3"), netip.MustParseAddr("10.0.9.4")
	for _, v := range []struct {
		profile     *Profile
		sameDest    bool
		anotherDest bool
		afterThree  bool
		fromAnother bool
	}{
		{profile: Linux(), sameDest: true, anotherDest: true, afterThree: true, fromAnother: true},
		{profile: RFC(), sameDest: true, anotherDest: false, afterThree: true, fromAnother: false},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = v.profile
		w.start()
		e := w.client.ep
		fail := func(a netip.Addr) {
			w.server.ep.HandleAddr(w.now, a, true, 0)
			o := w.opt
			c, err := e.Dial(w.now, netip.AddrPortFrom(clientAddr(0), 0), netip.AddrPortFrom(a, 80), &o)
			if err != nil {
				t.Fatal(err)
			}
			if c := e.socks.get(c).conn; c != nil { // or MPTCP was not even tried
				c.blackholeFound(w.now)
			}
		}
		fail(serverAddr)
		if got := e.disabled(w.now, clientAddr(0), serverAddr); got != v.sameDest {
			t.Errorf("%s: the same destination: %v", v.profile.Name, got)
		}
		if got := e.disabled(w.now, clientAddr(0), other); got != v.anotherDest {
			t.Errorf("%s: another destination: %v", v.profile.Name, got)
		}
		fail(second)
		fail(third)
		if got := e.disabled(w.now, clientAddr(0), other); got != v.afterThree {
			t.Errorf("%s: another destination after three: %v", v.profile.Name, got)
		}
		if got := e.disabled(w.now, clientAddr(1), other); got != v.fromAnother {
			t.Errorf("%s: from another interface: %v", v.profile.Name, got)
		}
	}
}

// TestJoinsAreBlocked: after as many failed joins as the profile says, the host's
// joins are dropped unanswered, those of others are not; it is forgotten after a
// while without a failure (RFC 8684 section 3.9.3).
//
// row:E8
func TestJoinsAreBlocked(t *testing.T) {
	p := RFC()
	p.JoinFailures, p.JoinBlockTime = 3, 10*sim.Second
	r := rawEstablished(t, p, 100)
	token, _ := r.peer.Derive()
	try := func(from netip.AddrPort, port uint16, token uint32) int {
		j := *r
		j.tuple.Src = netip.AddrPortFrom(from.Addr(), port)
		return len(j.send(wire.SYN, 0, 0, joinSYN(token)))
	}
	for i := range 3 {
		if n := try(rawAddr2, uint16(5000+i), token+1); n != 1 {
			t.Errorf("failed join %d: %d answers, want a reset", i, n)
		}
	}
	if n := try(rawAddr2, 6000, token); n != 0 {
		t.Errorf("a blocked host gets %d answers", n)
	}
	if n := counterOf(r.ep, "JoinBlocked"); n != 1 {
		t.Errorf("JoinBlocked is %d", n)
	}
	if n := try(rawAddr, 6001, token); n != 1 {
		t.Errorf("another host gets %d answers", n)
	}
	r.now = r.now.Add(10 * sim.Second)
	if n := try(rawAddr2, 6002, token+1); n != 1 {
		t.Errorf("after the time a failed join gets %d answers, want a reset", n)
	}
	if n := try(rawAddr2, 6003, token); n != 1 { // one failure is not three
		t.Errorf("after the time and one failure %d answers", n)
	}
}
