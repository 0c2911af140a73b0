package mptcp

import (
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// atOncePM opens one subflow between given addresses when its side is ready.
type atOncePM struct {
	local  netip.Addr
	remote func(act *PathActions) netip.AddrPort
	n      int
}

func (m atOncePM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	if ev.Kind != PathEstablished {
		return
	}
	for range max(m.n, 1) {
		act.Open(m.local, m.remote(act), false)
	}
}

func initialRemote(act *PathActions) netip.AddrPort { return act.Remote[0].Addr }

// crossedJoins is a transfer both ways in which both hosts open a subflow between the
// same addresses at once. A box may edit the options of its handshake.
func crossedJoins(t *testing.T, policy PortPolicy, edit func(up bool, j *wire.Join)) (w *world, cli, srv *app) {
	w = newWorld(t, 10*ms, 10*ms)
	w.profile = RFC()
	w.options = func(h string, o *SocketOptions) {
		o.JoinPort = policy
		pm := atOncePM{local: clientAddr(1), remote: initialRemote}
		if h == "server" {
			pm = atOncePM{local: serverAddr, remote: func(act *PathActions) netip.AddrPort {
				return netip.AddrPortFrom(clientAddr(1), act.Remote[0].Addr.Port())
			}}
		}
		o.PathManager = func(*sim.Rand) PathManager { return pm }
	}
	for dir, d := range w.paths[1] {
		d.box = func(s *Segment) []*Segment {
			if edit != nil && s.Opt.Has(wire.OptJoin) {
				edit(dir == 0, &s.Opt.Join)
			}
			return []*Segment{s}
		}
	}
	w.start()
	srv = &app{toWrite: 300_000}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	// The server is established 10 ms before the client.
	w.paths[1][1].extra = func(int) sim.Duration { return 10 * ms }
	cli.toWrite = 300_000
	w.flush(w.client)
	w.runTo(sim.Time(10 * sim.Second))
	return w, cli, srv
}

// TestSimultaneousJoinsChecked: a SYN that crosses ours must have our token, and the
// SYN/ACK of its host the right HMAC, in either direction; otherwise the subflow is
// reset with reason 1 and the connection goes on on the first (RFC 8684 section
// 3.2: the checks of a join hold for crossing ones, too).
//
// row:A15
func TestSimultaneousJoinsChecked(t *testing.T) {
	for _, form := range []wire.JoinForm{wire.JoinSYN, wire.JoinSYNACK, wire.JoinACK} {
		for _, up := range []bool{true, false} {
			if form == wire.JoinACK && !up {
				continue // the client sends the only third packet
			}
			w, cli, srv := crossedJoins(t, PortSame, func(dir bool, j *wire.Join) {
				if dir == up && j.Form == form {
					j.Token ^= 1
					j.HMAC64 ^= 1
					j.HMAC[0] ^= 1
				}
			})
			if cli.saw(SubflowUp)+srv.saw(SubflowUp) != 0 || cli.off != 300_000 || srv.off != 300_000 || cli.bad+srv.bad != 0 {
				t.Errorf("form %d, up %v: %v, %v\n%s", form, up, cli.events, srv.events, w.pathOne())
			}
			resets := 0
			for i := range w.log {
				if r := &w.log[i]; r.seg.Flags.Has(wire.RST) && r.up != up && r.options().Has(wire.OptRst) && r.opt.Rst.Reason == 1 && r.path == 1 {
					resets++
				}
			}
			if resets == 0 {
				t.Errorf("form %d, up %v: no reset with reason 1\n%s", form, up, w.pathOne())
			}
		}
	}
}

// TestSimultaneousJoins: both hosts open a subflow between the same addresses at
// once. With the ports of the initial subflow TCP's simultaneous open makes one
// of them (RFC 8684 section 3.9.2); with ephemeral ports there are two.
//
// row:A15 rfc8684:3.9.2-1
func TestSimultaneousJoins(t *testing.T) {
	for _, policy := range []PortPolicy{PortSame, PortEphemeral} {
		w, cli, srv := crossedJoins(t, policy, nil)
		want := 2
		if policy == PortEphemeral {
			want = 3
		}
		if a, b := w.client.ep.Info(cli.conn).Subflows, w.server.ep.Info(srv.conn).Subflows; a != want || b != want {
			t.Errorf("%v: %d and %d subflows, want %d", policy, a, b, want)
		}
		crossed, resets := 0, 0
		for i := range w.log {
			r := &w.log[i]
			if r.path == 1 && r.seg.Flags == wire.SYN {
				crossed++
			}
			if r.seg.Flags.Has(wire.RST) {
				resets++
			}
		}
		if crossed != 2 || resets != 0 {
			t.Errorf("%v: %d SYNs on the second path, %d resets", policy, crossed, resets)
		}
		if cli.off != 300_000 || srv.off != 300_000 || cli.bad+srv.bad != 0 {
			t.Errorf("%v: %d and %d bytes", policy, cli.off, srv.off)
		}
		for _, s := range w.client.ep.Subflows(cli.conn, nil)[1:] {
			if s.Established == sim.Never {
				t.Errorf("%v: %+v\n%s", policy, s, w.pathOne())
			}
		}
	}
}

// TestPortPolicies: subflows use the ports of the initial one, or an ephemeral
// local one (Implementation 3 of the survey, Linux), and an announced port where
// there is one (RFC 8684 section 3.9.1).
//
// row:A16 rfc8684:3.9.1-1 rfc8684:3.9.1-2 rfc8684:3.9.1-3
func TestPortPolicies(t *testing.T) {
	for _, v := range []struct {
		policy PortPolicy
		remote netip.AddrPort
		same   bool
	}{
		{PortSame, netip.AddrPortFrom(serverAddr, 80), true},
		{PortEphemeral, netip.AddrPortFrom(serverAddr, 80), false},
		{PortSame, netip.AddrPortFrom(serverAddr, 4711), true},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile = RFC()
		w.options = func(h string, o *SocketOptions) {
			o.JoinPort = v.policy
			o.PathManager = nil
			if h == "client" {
				o.PathManager = func(*sim.Rand) PathManager {
					return atOncePM{local: clientAddr(1), remote: func(*PathActions) netip.AddrPort { return v.remote }}
				}
			}
		}
		w.start()
		w.server.accept = func() *app { return &app{} }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.runTo(sim.Time(sim.Second))
		subs := w.client.ep.Subflows(cli.conn, nil)
		if len(subs) != 2 || !subs[1].Usable {
			t.Fatalf("%+v: no second subflow\n%s", v, w.dump(20))
		}
		first, second := subs[0].Tuple, subs[1].Tuple
		if second.Dst != v.remote || (second.Src.Port() == first.Src.Port()) != v.same {
			t.Errorf("%+v: %v after %v", v, second, first)
		}
	}
	// A port that is taken gives way to an ephemeral one.
	w, cli, _ := twoPaths(t, RFC(), 1000)
	c := w.client.ep.socks.get(cli.conn).conn
	if c.openSubflow(w.now, netip.AddrPortFrom(clientAddr(1), 0), c.subs[0].flow.tuple.Dst, 0, false) == nil {
		t.Fatal("no port")
	}
	if a, b := c.subs[1].flow.tuple.Src.Port(), c.subs[2].flow.tuple.Src.Port(); a != c.subs[0].flow.tuple.Src.Port() || a == b {
		t.Errorf("ports %d and %d", a, b)
	}
}

// TestSubflowLimits: a client that wants 40 subflows gets what the smaller of both
// sides' limits allows; a server that refuses answers with the reason 0x03.
//
// row:E6
func TestSubflowLimits(t *testing.T) {
	for _, v := range []struct{ client, server, want int }{
		{32, 32, 32}, {32, 8, 8}, {6, 32, 6}, {8, 6, 6}, {1000, 1000, 40},
	} {
		for _, name := range []string{"linux", "rfc"} {
			w := newWorld(t, 10*ms)
			w.profile = ProfileByName(name)
			w.options = func(h string, o *SocketOptions) {
				o.SubflowLimit, o.PathManager = v.server, nil
				if h == "client" {
					o.SubflowLimit = v.client
					o.PathManager = func(*sim.Rand) PathManager {
						return atOncePM{local: clientAddr(0), remote: initialRemote, n: 40}
					}
				}
			}
			w.start()
			srv := &app{}
			w.server.accept = func() *app { return srv }
			cli := w.connect()
			cli.toWrite = 1000
			w.flush(w.client)
			w.runTo(sim.Time(2 * sim.Second))
			up := 0
			for _, s := range w.server.ep.Subflows(srv.conn, nil)[1:] {
				if s.Usable {
					up++
				}
			}
			if up != v.want {
				t.Errorf("%s, limits %d and %d: %d subflows, want %d", name, v.client, v.server, up, v.want)
			}
			asked := min(v.client, 40)
			refused := 0
			for i := range w.log {
				if r := &w.log[i]; !r.up && r.seg.Flags.Has(wire.RST) && r.hasOpt && r.opt.Has(wire.OptRst) && r.opt.Rst.Reason == 3 {
					refused++
				}
			}
			if refused != asked-v.want {
				t.Errorf("%s, limits %d and %d: %d refused with reason 3, want %d", name, v.client, v.server, refused, asked-v.want)
			}
		}
	}
}

// TestRstCodes: the code of MP_TCPRST and the flag T as the peer's path manager
// learns them (RFC 8684 section 3.6).
//
// row:A26
func TestRstCodes(t *testing.T) {
	for code := uint8(0); code <= 6; code++ {
		w, cli, srv := twoPaths(t, Linux(), 4<<20)
		hear := &hearPM{}
		w.client.ep.socks.get(cli.conn).conn.pm.pm = hear
		w.server.ep.socks.get(srv.conn).conn.subs[1].reset(w.now, code, 0)
		w.server.ep.socks.get(srv.conn).conn.settle(w.now)
		w.flush(w.server)
		w.runTo(w.now.Add(sim.Second))
		transient := code == 2 || code == 4 || code == 5 // lack of resources, outstanding data, performance
		found := false
		for _, ev := range hear.events {
			if ev.Kind == PathSubflowDown {
				found = true
				if !ev.HasCode || ev.Code != code || ev.Transient != transient {
					t.Errorf("code %d: %+v", code, ev)
				}
			}
		}
		if !found {
			t.Errorf("code %d: no event", code)
		}
	}
}

func (w *world) pathOne() (s string) {
	for i := range w.log {
		if w.log[i].path == 1 {
			s += w.line(&w.log[i]) + "\n"
		}
	}
	return s
}
