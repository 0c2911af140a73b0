package mptcp

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mpsim/mptcp/tcp"
	"mpsim/net/wire"
	"mpsim/sim"
)

// pairMode is what the tables of two profiles promise of a connection: the
// version, or noVersion for plain TCP, and how many subflows beside the initial
// one come about if the client tries so many.
func pairMode(client, server *Profile, tries int) (version uint8, joins int) {
	version = noVersion
	for v := uint8(0); v <= 1; v++ {
		highest := client.Versions == 1<<v || client.Versions == Version0|Version1 && v == 1
		if highest && server.Versions>>v&1 == 1 && server.Lacks&PassiveOpen == 0 {
			version = v
		}
	}
	// Flag A counts if either sets it, and who refuses it gives plain TCP.
	one, other := client.Checksum, server.Checksum
	if one == ChecksumRequired && other == ChecksumRefused || one == ChecksumRefused && other == ChecksumRequired {
		version = noVersion
	}
	if version == noVersion || client.JoinBy == JoinNobody || server.Lacks&PassiveJoin != 0 {
		return version, 0
	}
	return version, min(tries, client.SubflowLimit, server.SubflowLimit)
}

// TestProfilePairs runs each profile as a client against each as a server, with
// ten paths and losses on two of them: everything arrives in both directions, and
// the version and the number of subflows are those of the two tables.
//
// row:C15
func TestProfilePairs(t *testing.T) {
	for _, c := range Profiles() {
		for _, s := range Profiles() {
			t.Run(c.Name+" to "+s.Name, func(t *testing.T) {
				pairTransfer(t, c, s)
			})
		}
	}
}

func pairTransfer(t *testing.T, client, server *Profile) {
	const paths, up, down = 10, 600_000, 900_000
	var delays []sim.Duration
	for i := range paths {
		delays = append(delays, sim.Duration(10+i)*ms)
	}
	w := newWorld(t, delays...)
	w.profile, w.served = client, server
	for i, p := range w.paths {
		p[0].rate, p[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
		if i%5 == 1 {
			p[0].drop = func(n int, _ sim.Time, _ *Segment) bool { return n%40 == 39 }
			p[1].drop = p[0].drop
		}
	}
	cli, log := w.connectOnce(t, up, down)
	version, joins := pairMode(client, server, paths-1)
	_, got := spoken(log)
	if !slices.ContainsFunc(log, func(r record) bool { return r.up && r.seg.Opt.Has(wire.HasDSS) }) {
		got = noVersion
	}
	if got != version {
		t.Errorf("version %d, want %d", got, version)
	}
	checkSums(t, w, log, version, client.Checksum == ChecksumRequired || server.Checksum == ChecksumRequired)
	carried := map[int]bool{}
	for i := range log {
		r := &log[i]
		if r.seg.Opt.Has(wire.HasDSS|wire.HasDataAck) && !r.up && r.path > 0 {
			carried[r.path] = true
		}
		if version == 0 && (r.options().Has(wire.OptRst) || r.options().Has(wire.OptAddAddr) && !r.opt.AddAddr.V0) {
			t.Errorf("an option of version 1: %s", w.line(r))
		}
	}
	if len(carried) != joins {
		t.Errorf("%d subflows beside the initial one, want %d", len(carried), joins)
	}
	if f := cli.saw(Fallback); f != b2i(version == noVersion) {
		t.Errorf("%d fallbacks", f)
	}
}

// checkSums: mappings carry a checksum exactly where a profile requires it.
func checkSums(t *testing.T, w *world, log []record, version uint8, want bool) {
	t.Helper()
	for i := range log {
		r := &log[i]
		if version != noVersion && r.seg.Opt.Has(wire.HasMap) && r.seg.MapLen > 0 && r.options().Has(wire.OptDSSChecksum) != want {
			t.Errorf("checksum wanted: %v: %s", want, w.line(r))
			return
		}
	}
}

// TestProfileSources: where a profile of an implementation differs from that of
// the RFC in what the survey asks about, it says from where.
func TestProfileSources(t *testing.T) {
	for _, p := range []*Profile{Linux086(), FreeBSD02(), IOS7(), NetScaler()} {
		said := map[string]bool{}
		for _, s := range p.Sources {
			if said[s.Field] || !strings.HasPrefix(s.From, "Q") {
				t.Errorf("%s: source %q of %s", p.Name, s.From, s.Field)
			}
			said[s.Field] = true
			field, _, _ := strings.Cut(s.Field, " ")
			if !reflect.ValueOf(*p).FieldByName(field).IsValid() {
				t.Errorf("%s: no field %s", p.Name, s.Field)
			}
		}
		lacks := 0
		for f := range said {
			lacks += b2i(strings.HasPrefix(f, "Lacks "))
		}
		n := 0
		for i := range abilityNames {
			n += b2i(p.Lacks>>i&1 != 0)
		}
		if lacks != n {
			t.Errorf("%s lacks %v, with %d sources", p.Name, p.Lacks, lacks)
		}
		for _, f := range []string{"Versions", "JoinBy", "Checksum", "SubflowLimit", "DSN", "DataAck", "ReceiveBuffer"} {
			if !said[f] {
				t.Errorf("%s: no source of %s", p.Name, f)
			}
		}
	}
}

// TestSurveyAnswers holds the answers of the survey that a test can count, written
// down from its table and its sections 7 to 10.
//
// row:C15
func TestSurveyAnswers(t *testing.T) {
	for _, v := range []struct {
		name     string
		subflows int // in all
		dsn      DSNWidth
		dataAck  DataAckWidth
		hmac     bool
		either   bool
		sums     bool // whether checksums are supported: Q3.3e
	}{
		{"linux086", 32, DSN4, DataAck4, true, false, true},
		{"freebsd02", 8, DSN4Wrap, DataAckMirror, false, true, false},
		{"netscaler", 6, DSN4Wrap, DataAckMirror, true, false, true},
		{"ios7", 255, DSN4Wrap, DataAckMirror, true, false, true},
	} {
		p := ProfileByName(v.name)
		same := v.name == "linux086" || v.name == "freebsd02" // Q5.4
		if (p.JoinPort == PortSame) != same || p.KeepStrippedJoin != (v.name == "freebsd02") || p.JoinWithoutData != (v.name == "ios7") {
			t.Errorf("%s: ports %v, %v, %v", v.name, p.JoinPort, p.KeepStrippedJoin, p.JoinWithoutData)
		}
		if p.SubflowLimit+1 != v.subflows || p.DSN != v.dsn || p.can(HMACCheck) != v.hmac || (p.JoinBy == JoinEither) != v.either ||
			p.DataAck != v.dataAck || (p.Checksum != ChecksumRefused) != v.sums {
			t.Errorf("%+v", p)
		}
	}
}

// withoutSums returns a profile with mptcp_checksum switched off, as it must be
// towards an implementation that has none.
func withoutSums(p *Profile) *Profile {
	p.Checksum = ChecksumOnDemand
	return p
}

// TestHMACCheckIsAbsent: a host that does not verify HMACs lets a join with a
// wrong one through, in either role; one that does resets it.
//
// row:C15
func TestHMACCheckIsAbsent(t *testing.T) {
	for _, form := range []wire.JoinForm{wire.JoinSYNACK, wire.JoinACK} {
		for _, p := range []*Profile{FreeBSD02(), LinuxOOT()} {
			w := newWorld(t, 10*ms, 10*ms)
			w.profile, w.served = p, p
			box := func(s *Segment) []*Segment {
				if s.Opt.Has(wire.OptJoin) && s.Opt.Join.Form == form {
					s.Opt.Join.HMAC64 ^= 1
					s.Opt.Join.HMAC[0] ^= 1
				}
				return []*Segment{s}
			}
			w.paths[1][0].box, w.paths[1][1].box = box, box
			cli, _ := w.connectOnce(t, 200_000, 200_000)
			if up := cli.saw(SubflowUp) == 1 && cli.saw(SubflowDown) == 0; up == p.can(HMACCheck) {
				t.Errorf("%s, form %d: %v", p.Name, form, cli.events)
			}
		}
	}
}

// serverPM opens a subflow from every local address, on the side that was dialled.
type serverPM struct{}

func (serverPM) OnEvent(_ sim.Time, ev PathEvent, act *PathActions) {
	if act.Client || ev.Kind != PathEstablished {
		return
	}
	for _, l := range act.Local[1:] {
		act.Open(l.Addr, act.Remote[0].Addr, false)
	}
}

// TestWhoMayJoin: the dialled host opens a subflow only where both profiles let
// it: Implementation 2 may, 1, 3 and 4 do not, and 1 accepts one from a peer while
// 3 does not.
//
// row:C15
func TestWhoMayJoin(t *testing.T) {
	for _, v := range []struct {
		client, server *Profile
		joins          int
		refused        uint64
	}{
		{FreeBSD02(), FreeBSD02(), 1, 0},
		{withoutSums(Linux086()), FreeBSD02(), 1, 0},
		{Linux086(), Linux086(), 0, 0},
		{FreeBSD02(), NetScaler(), 0, 0},
		{IOS7(), FreeBSD02(), 0, 1},
		{RFC(), RFC(), 1, 0},
		{Linux(), Linux(), 0, 0}, // nothing listens at the client's port
	} {
		w := newWorld(t, 10*ms)
		w.profile, w.served = v.client, v.server
		w.start()
		w.server.ep.HandleAddr(0, netip.MustParseAddr("10.0.9.2"), true, 0)
		w.options = func(h string, o *SocketOptions) {
			o.PathManager = nil
			if h == "server" {
				o.PathManager = func(*sim.Rand) PathManager { return serverPM{} }
			}
		}
		cli, _ := w.connectOnce(t, 200_000, 200_000)
		if got := cli.saw(SubflowUp); got != v.joins {
			t.Errorf("%s, dialled %s: %d subflows, want %d\n%s", v.client.Name, v.server.Name, got, v.joins, w.dump(20))
		}
		w.counter(w.client, "MPJoinRejected", v.refused)
	}
}

// TestPriorityIsAbsent: a host without MP_PRIO neither sends the option nor the B
// bit, and does not heed the peer's.
//
// row:C15
func TestPriorityIsAbsent(t *testing.T) {
	for _, v := range []struct {
		client, server *Profile
		tx, rx         uint64
		backup         bool // as the server sees the subflow
	}{
		{FreeBSD02(), withoutSums(LinuxOOT()), 0, 0, false},
		{withoutSums(LinuxOOT()), FreeBSD02(), 1, 0, false},
		{LinuxOOT(), LinuxOOT(), 1, 1, true},
	} {
		w := newWorld(t, 10*ms, 10*ms)
		w.profile, w.served = v.client, v.server
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1000
		w.flush(w.client)
		w.until(sim.Second, "joined", func() bool { return cli.saw(SubflowUp) == 1 && srv.conn != 0 })
		w.runTo(w.now.Add(100 * ms))
		w.client.ep.HandleAddr(w.now, clientAddr(1), true, AddrBackup)
		w.flush(w.client)
		w.runTo(w.now.Add(100 * ms))
		w.counter(w.client, "MPPrioTx", v.tx)
		w.counter(w.server, "MPPrioRx", v.rx)
		if s := w.server.ep.Subflows(srv.conn, nil); len(s) != 2 || s[1].Backup != v.backup {
			t.Errorf("%s to %s: %+v", v.client.Name, v.server.Name, s)
		}
	}
}

// TestDataFallbackIsAbsent: options vanish behind the handshake. Who can falls
// back; Implementation 2 cannot, and the connection ends.
//
// row:C15
func TestDataFallbackIsAbsent(t *testing.T) {
	for _, p := range []*Profile{FreeBSD02(), LinuxOOT()} {
		w := newWorld(t, 10*ms)
		w.profile, w.served = withoutSums(LinuxOOT()), p
		w.start()
		srv := &app{}
		w.server.accept = func() *app { return srv }
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if s.Len > 0 {
				s.Segment.Opt &^= wire.HasDSS | wire.HasDataAck | wire.DataAck8 | wire.HasMap | wire.DSN8
			}
			return []*Segment{s}
		}
		cli := w.connect()
		w.until(sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
		cli.toWrite = 5000
		w.flush(w.client)
		w.runTo(w.now.Add(5 * sim.Second))
		if fell := srv.saw(Fallback) == 1 && srv.off == 5000; fell != p.can(DataFallback) {
			t.Errorf("%s: %d fallbacks, %d bytes read", p.Name, srv.saw(Fallback), srv.off)
		}
	}
}

// TestReinjectionIsAbsent: without data-level retransmission what a subflow carried is
// not sent again, neither when it is silent, nor when it is reset, nor when a box has
// acknowledged and lost it.
//
// row:C15
func TestReinjectionIsAbsent(t *testing.T) {
	for _, lacks := range []bool{true, false} {
		p := FreeBSD02()
		if !lacks {
			p.Lacks &^= Reinjection
		}
		w, cli, srv := outageWorld(t, p, false)
		w.runTo(sim.Time(14 * sim.Second))
		if i := w.server.ep.Info(srv.conn); i.Reinjected > 0 == lacks || cli.bad != 0 {
			t.Errorf("lacks %v: reinjected %d, %d bad", lacks, i.Reinjected, cli.bad)
		}
		w.server.ep.socks.get(srv.conn).conn.subs[0].reset(w.now, rstNone, 0)
		w.flush(w.server)
		w.runTo(sim.Time(16 * sim.Second))
		if i := w.server.ep.Info(srv.conn); i.Reinjected > 0 == lacks {
			t.Errorf("lacks %v: reinjected %d after a reset", lacks, i.Reinjected)
		}
		w, cli, srv = lostBehindBox(t, p, 1)
		w.runTo(w.now.Add(5 * sim.Second))
		if i := w.server.ep.Info(srv.conn); i.Reinjected > 0 == lacks || (cli.off == 2000) == lacks {
			t.Errorf("lacks %v: reinjected %d, read %d behind a box", lacks, i.Reinjected, cli.off)
		}
	}
}

// TestSubflowTimeouts is the policy of Implementation 4 (Q5.3): the silent subflow
// times out; after 3 timeouts in a row its data goes to the other one, after 7 it
// is reset, and not before, although it would go on without that rule.
//
// row:B15 row:B17
func TestSubflowTimeouts(t *testing.T) {
	for _, limit := range []int{7, 0} {
		p := NetScaler()
		p.SubflowTimeouts = limit
		p.TCP.MinRTO = 200 * ms
		w := newWorld(t, 10*ms, 30*ms)
		w.profile, w.served = LinuxOOT(), p
		down := sim.Time(5 * sim.Second)
		for _, d := range w.paths[0] {
			d.drop = func(_ int, now sim.Time, _ *Segment) bool { return now >= down }
		}
		for _, q := range w.paths {
			q[0].rate, q[1].rate = 10*sim.MegabitPerSecond, 10*sim.MegabitPerSecond
			q[0].limit, q[1].limit = 50, 50
		}
		w.start()
		srv := &app{toWrite: 1 << 40}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 17
		w.flush(w.client)
		w.runTo(sim.Time(4900 * ms))
		subs := func() []SubflowInfo { return w.server.ep.Subflows(srv.conn, nil) }
		before := w.server.ep.Info(srv.conn).Reinjected
		for w.server.ep.Info(srv.conn).Reinjected == before && w.step(sim.Time(300*sim.Second)) {
		}
		if b := subs()[0].Backoff; b != 3 || subs()[0].Ended {
			t.Errorf("reinjected after %d timeouts, ended %v", b, subs()[0].Ended)
		}
		last := 0
		for !subs()[0].Ended && w.now < sim.Time(100*sim.Second) && w.step(sim.Time(100*sim.Second)) {
			if b := subs()[0].Backoff; b > 0 {
				last = b
			}
		}
		switch ended := subs()[0].Ended; {
		case limit == 0 && (ended || last < 7):
			t.Errorf("without the rule: ended %v, %d timeouts", ended, last)
		case limit == 7 && (!ended || last < 6 || last > 7):
			t.Errorf("ended %v after %d timeouts", ended, last)
		}
		at := cli.off
		w.runTo(w.now.Add(3 * sim.Second))
		if cli.off-at < 3_000_000 || cli.bad != 0 {
			t.Errorf("%d bytes in 3 s on the other subflow, %d bad", cli.off-at, cli.bad)
		}
		resets := 0
		for i := range w.log {
			if r := &w.log[i]; r.path == 0 && !r.up && r.seg.Flags.Has(wire.RST) {
				resets++
			}
		}
		if resets != b2i(limit > 0) {
			t.Errorf("%d resets", resets)
		}
	}
}

// TestReceiveBufferRules: the window that the receiver lets the sender fill while
// its application does not read, under the rules of the survey's Q5.1: 65535
// octets times the window scale for Implementation 2, what the socket asks for
// with 3, whether there is one subflow or two, and what each service asks for
// with 4.
//
// row:B21
func TestReceiveBufferRules(t *testing.T) {
	for _, v := range []struct {
		profile *Profile
		socket  int64
		paths   int
		want    int64
	}{
		// Scale 3 (RFC 7323: the least with which the size can be announced).
		{FreeBSD02(), 300_000, 1, 65535 << 3},
		{FreeBSD02(), 60_000, 1, 65535},
		{IOS7(), 300_000, 1, 300_000},
		{IOS7(), 300_000, 2, 300_000},
		{NetScaler(), 300_000, 1, 300_000},
		{NetScaler(), 100_000, 1, 100_000},
	} {
		delays := []sim.Duration{10 * ms, 20 * ms}[:v.paths]
		w := newWorld(t, delays...)
		w.profile, w.served = v.profile, withoutSums(LinuxOOT())
		w.opt.SendBuffer = 8 << 20
		w.opt.ReceiveBuffer = v.socket
		w.start()
		srv := &app{toWrite: 4 << 20}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.idle, cli.toWrite = true, 1
		w.flush(w.client)
		w.runTo(sim.Time(5 * sim.Second))
		got := int64(w.client.ep.Info(cli.conn).Received)
		// The window field counts in units of at most 8, and a sender does not fill
		// less than a segment.
		if got > v.want+7 || got < v.want-1500 {
			t.Errorf("%s, socket %d, %d paths: %d bytes buffered, want %d", v.profile.Name, v.socket, v.paths, got, v.want)
		}
	}
}

// TestTuningIsAbsent: a receive buffer that tunes itself does so with Implementation
// 1, and keeps the size of the socket with 3 and 4, which have automatic tuning
// switched off; plain TCP of the same host is tuned (survey, Q5.1).
//
// row:B21
func TestTuningIsAbsent(t *testing.T) {
	for _, v := range []struct {
		profile  *Profile
		protocol Protocol
		fixed    bool
	}{
		{withoutSums(Linux086()), MPTCP, false}, {IOS7(), MPTCP, true}, {NetScaler(), MPTCP, true}, {IOS7(), TCP, false},
	} {
		w := newWorld(t, 30*ms)
		w.profile, w.served = v.profile, withoutSums(LinuxOOT())
		w.opt.Protocol = v.protocol
		w.opt.SendBuffer, w.opt.ReceiveBuffer = 16<<20, 100_000
		w.options = func(h string, o *SocketOptions) {
			if h == "client" {
				o.ReceiveMemory = tcp.LinuxReceiveMemory
			}
		}
		w.paths[0][1].rate, w.paths[0][1].limit = 100*sim.MegabitPerSecond, 2000
		w.start()
		srv := &app{toWrite: 1 << 40}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite = 1
		w.flush(w.client)
		w.runTo(sim.Time(4 * sim.Second))
		// A window of 100 000 in a round trip of 60 ms is 13.3 Mb/s.
		rate := float64(cli.off) * 8 / 4e6
		if fixed := rate <= 13.4; fixed != v.fixed {
			t.Errorf("%s, %v: %.1f Mb/s", v.profile.Name, v.protocol, rate)
		}
	}
}

// TestIPv6IsAbsent: Implementation 2 speaks plain TCP over IPv6.
//
// row:C15
func TestIPv6IsAbsent(t *testing.T) {
	for _, p := range []*Profile{FreeBSD02(), LinuxOOT()} {
		e := New(Config{Profile: p, Stream: func(s string) *sim.Rand { return sim.NewRand(1, 0, s) }})
		e.HandleAddr(0, netip.MustParseAddr("2001:db8::1"), true, 0)
		o := SocketOptions{Protocol: MPTCP, Controller: newController("reno"), Scheduler: newScheduler}
		if _, err := e.Dial(0, netip.AddrPort{}, netip.MustParseAddrPort("[2001:db8::2]:80"), &o); err != nil {
			t.Fatal(err)
		}
		var s Segment
		if !e.PollSegment(0, &s) || s.Opt.Has(wire.OptCapable) != p.can(IPv6) {
			t.Errorf("%s: %v", p.Name, fmt.Sprint(s.Opt))
		}
	}
}
