package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// TestVersion0JoinFailures: a join that fails is refused by a bare reset in version 0,
// which has no MP_TCPRST, and the connection survives.
//
// row:A12
func TestVersion0JoinFailures(t *testing.T) {
	for _, v := range []struct {
		name    string
		counter string
		host    func(w *world) *host
		form    wire.JoinForm
		edit    func(j *wire.Join)
	}{
		{"unknown token", "MPJoinNoTokenFound", func(w *world) *host { return w.server }, wire.JoinSYN,
			func(j *wire.Join) { j.Token ^= 1 }},
		{"bad HMAC in SYN/ACK", "MPJoinSynAckHMacFailure", func(w *world) *host { return w.client }, wire.JoinSYNACK,
			func(j *wire.Join) { j.HMAC64 ^= 1 }},
		{"bad HMAC in ACK", "MPJoinAckHMacFailure", func(w *world) *host { return w.server }, wire.JoinACK,
			func(j *wire.Join) { j.HMAC[19] ^= 1 }},
		{"no MP_JOIN in SYN", "MPJoinSynTx", func(w *world) *host { return w.client }, wire.JoinSYN, nil},
		{"no MP_JOIN in SYN/ACK", "MPJoinSynAckRx", nil, wire.JoinSYNACK, nil},
		{"no MP_JOIN in ACK", "MPJoinAckRx", nil, wire.JoinACK, nil},
	} {
		w := version0World(t, 10*ms, 20*ms)
		w.profile = LinuxOOT()
		box := func(s *Segment) []*Segment {
			switch {
			case !s.Opt.Has(wire.OptJoin) || s.Opt.Join.Form != v.form:
			case v.edit == nil:
				s.Opt.Present &^= wire.OptJoin
			default:
				v.edit(&s.Opt.Join)
			}
			return []*Segment{s}
		}
		w.paths[1][0].box, w.paths[1][1].box = box, box
		cli, log := w.connectOnce(t, 200_000, 200_000)
		if v.host != nil {
			w.counter(v.host(w), v.counter, 1)
		} else if n := counterOf(w.client.ep, v.counter) + counterOf(w.server.ep, v.counter); n != 0 {
			t.Errorf("%s: %s is %d", v.name, v.counter, n)
		}
		if cli.saw(SubflowUp) != 0 {
			t.Errorf("%s: the subflow came up", v.name)
		}
		resets := 0
		for i := range log {
			if r := &log[i]; r.path == 1 && r.seg.Flags.Has(wire.RST) {
				resets++
				if r.options().Has(wire.OptRst) {
					t.Errorf("%s: MP_TCPRST in version 0", v.name)
				}
			}
		}
		if resets == 0 || cli.saw(Fallback) != 0 {
			t.Errorf("%s: %d resets, %d fallbacks", v.name, resets, cli.saw(Fallback))
		}
	}
}

// TestJoinToCollidedToken: two connections of the server have the same token, and
// a join finds the wrong one. Its HMAC fails, and the connection goes on on its
// first subflow (RFC 8684 section 3.1).
//
// row:A4
func TestJoinToCollidedToken(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		w := newWorld(t, 10*ms, 20*ms)
		w.opt.Versions = v
		w.start()
		other := w.connect()
		w.until(sim.Second, "connected", func() bool { return other.saw(Connected) > 0 && len(w.server.apps) == 1 })
		wrong := w.server.ep.socks.get(w.server.apps[0].conn).conn
		w.arrive = func(to *host, s *Segment) {
			if to == w.server && s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == wire.JoinSYN {
				w.server.ep.tokens[s.Opt.Join.Token] = wrong
			}
		}
		cli, _ := w.connectOnce(t, 200_000, 200_000)
		w.counter(w.client, "MPJoinSynAckHMacFailure", 1)
		if cli.saw(Fallback) != 0 || cli.saw(SubflowUp) != 0 {
			t.Errorf("%v: %d fallbacks, %d subflows", v, cli.saw(Fallback), cli.saw(SubflowUp))
		}
	}
}

// TestVersion0AddAddr: an announcement in version 0 has IPVer, no HMAC, no echo
// and no repetition, with and without a port, and the peer joins the address (RFC
// 6824 section 3.4.1). Who lacks ADD_ADDR neither sends nor heeds it.
//
// row:C15
func TestVersion0AddAddr(t *testing.T) {
	second := netip.MustParseAddr("10.0.9.2")
	for _, v := range []struct {
		client, server *Profile
		port           uint16
		sent, joined   int
	}{
		{withoutSums(LinuxOOT()), withoutSums(LinuxOOT()), 0, 1, 1},
		{withoutSums(LinuxOOT()), withoutSums(LinuxOOT()), 10100, 1, 1},
		{withoutSums(LinuxOOT()), FreeBSD02(), 0, 1, 1},
		{withoutSums(LinuxOOT()), NetScaler(), 0, 0, 0},
		{IOS7(), withoutSums(LinuxOOT()), 0, 1, 0},
	} {
		w := newWorld(t, 10*ms)
		w.profile, w.served = v.client, v.server
		w.start()
		w.server.ep.HandleAddr(0, second, true, 0)
		w.options = func(h string, o *SocketOptions) {
			o.PathManager = func(*sim.Rand) PathManager { return announcingPM{netip.AddrPortFrom(second, v.port)} }
		}
		cli, log := w.connectOnce(t, 200_000, 200_000)
		options, joins := 0, 0
		for i := range log {
			r := &log[i]
			if r.options().Has(wire.OptAddAddr) {
				a := &r.opt.AddAddr
				options++
				if !a.V0 || a.Echo || a.HMAC != 0 || a.Addr != second || a.Port != v.port || r.up {
					t.Errorf("%s", w.line(r))
				}
			}
		}
		for _, s := range w.client.ep.Subflows(cli.conn, nil) {
			if s.Tuple.Dst.Addr() == second && s.Established != sim.Never {
				joins++
			}
		}
		if joins = max(joins, cli.saw(SubflowUp)); options != v.sent || joins != v.joined {
			t.Errorf("%s to %s: %d announcements, %d joins, want %d, %d\n%s", v.client.Name, v.server.Name, options, joins, v.sent, v.joined, w.dump(20))
		}
	}
}

// announcingPM announces an address from the dialled side and joins what it hears
// of.
type announcingPM struct{ addr netip.AddrPort }

func (p announcingPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	switch {
	case ev.Kind == PathEstablished && !act.Client:
		act.Announce(7, p.addr)
	case ev.Kind == PathAddrAdded && act.Client:
		act.OpenTo(act.Local[0].Addr, ev.Remote, ev.ID, false)
	}
}

// TestVersion0PrioOfAddress: the subflow whose priority changes has timed out, so
// that the MP_PRIO goes on another one with the id of the address, and the peer
// applies it to the subflow of that address only (RFC 6824 section 3.3.8). In
// version 1 an option with an id is invalid.
func TestVersion0PrioOfAddress(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		w := newWorld(t, 10*ms, 10*ms, 10*ms)
		w.opt.Versions = v
		w.profile = RFC()
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "joined", func() bool { return cli.saw(SubflowUp) == 2 && srv.conn != 0 })
		w.runTo(w.now.Add(100 * ms))
		dead := w.now
		for _, d := range w.paths[1] {
			d.drop = func(_ int, now sim.Time, _ *Segment) bool { return now >= dead }
		}
		cli.toWrite = 500_000
		w.flush(w.client)
		w.until(5*sim.Second, "timeout", func() bool { return w.client.ep.Subflows(cli.conn, nil)[1].Failed })
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, AddrBackup)
		w.flush(w.client)
		w.runTo(w.now.Add(100 * ms))
		subs := w.server.ep.Subflows(srv.conn, nil)
		for i, want := range []bool{false, v == Version0, false} {
			if subs[i].Backup != want {
				t.Errorf("%v: subflow %d is backup: %v", v, i, subs[i].Backup)
			}
		}
		for i := range w.log {
			r := &w.log[i]
			if r.options().Has(wire.OptPrio) && (r.opt.Prio.HasAddrID != (v == Version0) || r.opt.Prio.HasAddrID && r.path == 1) {
				t.Errorf("%v: %s", v, w.line(r))
			}
		}
	}
	c := &connection{version: 1, e: &Endpoint{}, sock: &socket{}}
	f := &subflow{conn: c, remoteID: 1}
	c.subs = []*subflow{f}
	if f.readPrio(0, &wire.Prio{Backup: true, HasAddrID: true, AddrID: 1}); f.peerBackup {
		t.Error("an MP_PRIO with an address id counts in version 1")
	}
}

// TestRemoveAddrAbilities: Implementation 3 tells the peer of an address that it
// has lost but does not heed such a signal, 2 does neither, the out-of-tree stack
// both (survey, Q3.4).
//
// row:C15
func TestRemoveAddrAbilities(t *testing.T) {
	for _, v := range []struct {
		client, server *Profile
		sent, closed   bool
	}{
		{LinuxOOT(), LinuxOOT(), true, true},
		{IOS7(), LinuxOOT(), true, true},
		{FreeBSD02(), FreeBSD02(), false, false},
		{IOS7(), FreeBSD02(), true, false},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile, w.served = v.client, v.server
		if v.server.Checksum == ChecksumRefused {
			w.opt.Checksum = ChecksumOnDemand
		}
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "joined", func() bool { return cli.saw(SubflowUp) == 1 && srv.conn != 0 })
		w.runTo(w.now.Add(200 * ms))
		w.client.ep.HandleAddr(w.now, clientAddr(1), false, 0)
		w.flush(w.client)
		w.runTo(w.now.Add(500 * ms))
		sent := false
		for i := range w.log {
			sent = sent || w.log[i].options().Has(wire.OptRemoveAddr)
		}
		subs := w.server.ep.Subflows(srv.conn, nil)
		closed := len(subs) < 2 || subs[1].Ended || !subs[1].Usable
		if sent != v.sent || closed != v.closed {
			t.Errorf("%s to %s: sent %v, closed %v", v.client.Name, v.server.Name, sent, closed)
		}
	}
}

// TestVersion0Abort: an aborted connection ends with MP_FASTCLOSE and without
// MP_TCPRST in version 0, and with both in version 1; Implementation 2 has neither
// and does not heed the first.
func TestVersion0Abort(t *testing.T) {
	for _, v := range []struct {
		profile    *Profile
		versions   Versions
		fast, code bool
	}{
		{Linux(), Version0, true, false},
		{Linux(), Version1, true, true},
		{FreeBSD02(), Version0, false, false},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = v.profile
		w.opt.Versions = v.versions
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "joined", func() bool { return cli.saw(SubflowUp) == 1 && srv.off == 1000 })
		w.runTo(w.now.Add(100 * ms))
		first := len(w.log)
		w.client.ep.Abort(w.now, cli.conn)
		w.flush(w.client)
		w.runTo(w.now.Add(2 * sim.Second))
		fast, code, resets := false, false, 0
		for i := first; i < len(w.log); i++ {
			o := w.log[i].options()
			fast, code = fast || o.Has(wire.OptFastClose), code || o.Has(wire.OptRst)
			resets += b2i(w.log[i].seg.Flags.Has(wire.RST))
		}
		if fast != v.fast || code != v.code || resets < 2 {
			t.Errorf("%s, %v: MP_FASTCLOSE %v, MP_TCPRST %v, %d resets", v.profile.Name, v.versions, fast, code, resets)
		}
	}
}

// TestAddAddrOfOtherVersion: an announcement in the form of the other version is
// not heeded, although it can be read.
func TestAddAddrOfOtherVersion(t *testing.T) {
	for _, v := range []Versions{Version0, Version1} {
		w := newWorld(t, 10*ms)
		w.opt.Versions = v
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(w.now.Add(200 * ms))
		c := w.client.ep.socks.get(cli.conn).conn
		for i, other := range []bool{true, false} {
			o := wire.AddAddr{V0: (v == Version0) != other, AddrID: uint8(5 + i), Addr: netip.MustParseAddr("10.0.9.7")}
			if !o.V0 {
				o.HMAC = addAddrHMAC(c.remote.key, c.local.key, o.AddrID, netip.AddrPortFrom(o.Addr, 0))
			}
			c.subs[0].readAddAddr(w.now, &o)
			if heard := len(c.addr.heard); heard != i {
				t.Errorf("%v, other version %v: %d addresses known", v, other, heard)
			}
		}
	}
}
