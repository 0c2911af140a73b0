package mptcp

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// TestVersion0KeyVectors holds SHA-1 digests computed by coreutils' sha1sum of
// the eight octets of the key in network byte order.
func TestVersion0KeyVectors(t *testing.T) {
	for _, v := range []struct {
		key   Key
		token uint32
		idsn  wire.DSN
	}{
		{0, 0x05fe4057, 0xac558654f107c7e9},
		{0x0123456789abcdef, 0x0ca2eadb, 0xe3df8ee121f10547},
		{0xffffffffffffffff, 0xbe673e8a, 0x866701c11ef8e089},
	} {
		token, idsn := v.key.DeriveV0()
		if token != v.token || idsn != v.idsn {
			t.Errorf("key %#x: token %#x, IDSN %#x; want %#x, %#x",
				uint64(v.key), token, uint64(idsn), v.token, uint64(v.idsn))
		}
	}
}

// TestVersion0HMACVector holds an HMAC computed by openssl dgst -sha1 -mac HMAC
// with key 1 followed by key 255 over the nonces 5 and 6.
func TestVersion0HMACVector(t *testing.T) {
	sum := joinHMACv0(1, 255, 5, 6)
	if got, want := left64(sum), uint64(0x1db5cfe2fa810d6f); got != want {
		t.Errorf("left 64 bits %#x, want %#x", got, want)
	}
	if h := left160(sum); hex.EncodeToString(h[:]) != "1db5cfe2fa810d6fed738200b5b78d6a9c0ee013" {
		t.Errorf("160 bits %x", h)
	}
}

// connectOnce opens a connection, moves data both ways and closes it. It returns
// the application of the client and the records of the connection.
func (w *world) connectOnce(t *testing.T, up, down int64) (cli *app, log []record) {
	t.Helper()
	if w.client == nil {
		w.start()
	}
	first := len(w.log)
	srv := &app{toWrite: down, close: true}
	w.server.accept = func() *app { return srv }
	cli = w.connect()
	w.until(20*sim.Second, "connected", func() bool { return cli.saw(Connected) > 0 })
	cli.toWrite, cli.close = up, true
	w.flush(w.client)
	w.until(60*sim.Second, "transfer", func() bool { return cli.eof && srv.eof })
	if cli.off != uint64(down) || srv.off != uint64(up) || cli.bad+srv.bad != 0 {
		t.Errorf("client read %d of %d, server %d of %d", cli.off, down, srv.off, up)
	}
	return cli, w.log[first:]
}

// spoken returns the version in the MP_CAPABLE of the first SYN and of the first
// SYN/ACK; noVersion where there is none.
func spoken(log []record) (offered, answered uint8) {
	offered, answered = noVersion, noVersion
	syns, answers := 0, 0
	for i := range log {
		r := &log[i]
		if !r.seg.Flags.Has(wire.SYN) || r.opt.Has(wire.OptJoin) && r.hasOpt {
			continue
		}
		has := r.options().Has(wire.OptCapable)
		switch {
		case r.up && syns == 0:
			syns++
			if has {
				offered = r.opt.Capable.Version
			}
		case !r.up && answers == 0:
			answers++
			if has {
				answered = r.opt.Capable.Version
			}
		}
	}
	return offered, answered
}

// TestVersionMatrix: every set of versions against every other, three
// connections in a row. The highest version is offered; who accepts it answers
// with it, and who does not makes the connection plain TCP; an initiator of both
// versions then tries version 0, and if that fails too offers MPTCP no more (RFC
// 8684 section 3.1).
//
// row:A6
func TestVersionMatrix(t *testing.T) {
	sets := []Versions{Version0, Version1, Version0 | Version1, NoVersions}
	for _, client := range sets {
		for _, server := range sets {
			t.Run(client.String()+" to "+server.String(), func(t *testing.T) {
				matrixCell(t, client, server)
			})
		}
	}
}

func matrixCell(t *testing.T, client, server Versions) {
	w := newWorld(t, 10*ms, 20*ms)
	w.options = func(h string, o *SocketOptions) {
		o.Versions = server
		if h == "client" {
			o.Versions = client
		}
	}
	tries := [3]uint8{noVersion, noVersion, noVersion}
	switch client {
	case Version0:
		tries = [3]uint8{0, 0, 0}
	case Version1:
		tries = [3]uint8{1, 1, 1}
	case Version0 | Version1:
		tries = [3]uint8{1, 1, 1}
		if !server.Has(1) {
			tries = [3]uint8{1, 0, 0}
		}
		if server == NoVersions {
			tries = [3]uint8{1, 0, noVersion}
		}
	}
	cached := w.recordKinds(trace.VersionCached)
	for i, try := range tries {
		cli, log := w.connectOnce(t, 200_000, 300_000)
		offered, answered := spoken(log)
		want := uint8(noVersion)
		if try != noVersion && server.Has(try) {
			want = try
		}
		if offered != try || answered != want {
			t.Fatalf("connection %d: offered %d, answered %d; want %d, %d", i, offered, answered, try, want)
		}
		if answered != noVersion && answered > offered {
			t.Errorf("connection %d: version %d answered to %d", i, answered, offered)
		}
		joins := 0
		for k := range log {
			if r := &log[k]; r.options().Has(wire.OptJoin) && r.seg.Flags&(wire.SYN|wire.ACK) == wire.SYN|wire.ACK {
				joins++
			}
		}
		if wantJoins := b2i(want != noVersion); joins != wantJoins {
			t.Errorf("connection %d: %d joins, want %d", i, joins, wantJoins)
		}
		if n := cli.saw(Fallback); n != b2i(try != noVersion && want == noVersion) {
			t.Errorf("connection %d: %d fallbacks", i, n)
		}
	}
	events := 0
	if client == Version0|Version1 {
		events = b2i(!server.Has(1)) + b2i(server == NoVersions)
	}
	if len(*cached) != events {
		t.Errorf("%d cache events, want %d: %+v", len(*cached), events, *cached)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// recordKinds collects the trace records of one kind from now on.
func (w *world) recordKinds(k trace.Kind) *recordList {
	all := new(recordList)
	w.run.Subscribe(trace.Set(k), all)
	return all
}

// recordList keeps trace records.
type recordList []trace.Record

func (l *recordList) Emit(r *trace.Record) { *l = append(*l, *r) }

// TestVersionMemoryExpires: the peer is asked for version 1 again when the entry
// has expired.
//
// row:A6
func TestVersionMemoryExpires(t *testing.T) {
	w := newWorld(t, 10*ms)
	w.options = func(h string, o *SocketOptions) {
		o.Versions = Version0 | Version1
		if h == "server" {
			o.Versions = Version0
		}
	}
	for i, want := range []uint8{1, 0, 0} {
		_, log := w.connectOnce(t, 1000, 1000)
		if offered, _ := spoken(log); offered != want {
			t.Fatalf("connection %d offers %d, want %d", i, offered, want)
		}
	}
	w.runTo(w.now.Add(w.profile.VersionMemory))
	if _, log := w.connectOnce(t, 1000, 1000); log[0].opt.Capable.Version != 1 {
		t.Error("the entry did not expire")
	}
}

// TestVersionCacheBound: the cache keeps its bound and forgets the peer that was
// noted first.
func TestVersionCacheBound(t *testing.T) {
	var v versionCache
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }
	for i := range maxVersionEntries + 1 {
		v.note(addr(i), 0, sim.Never)
	}
	v.note(addr(maxVersionEntries), noVersion, sim.Never)
	if len(v.peers) != maxVersionEntries || len(v.order) != maxVersionEntries {
		t.Errorf("%d entries, %d in order", len(v.peers), len(v.order))
	}
	for i, want := range map[int]uint8{0: 1, 1: 0, maxVersionEntries: noVersion} {
		if got := v.best(0, addr(i)); got != want {
			t.Errorf("peer %d: %d, want %d", i, got, want)
		}
	}
}

// TestLaterVersion: a SYN that offers a later version in the form of version 1
// is answered with version 1, one that has version 0 without a key not at all,
// and an answer above the version that was offered is no answer (RFC 8684 section
// 3.1).
//
// row:A6
func TestLaterVersion(t *testing.T) {
	for _, v := range []struct {
		name     string
		syn, ack func(c *wire.Capable)
		answered uint8
		fallback bool
	}{
		{"version 2 in the SYN", func(c *wire.Capable) { c.Version = 2 }, nil, 1, false},
		{"version 0 without a key", func(c *wire.Capable) { c.Version = 0 }, nil, noVersion, true},
		{"version 2 in the SYN/ACK", nil, func(c *wire.Capable) { c.Version = 2 }, 1, true},
		{"version 0 in the SYN/ACK", nil, func(c *wire.Capable) { c.Version = 0 }, 1, true},
	} {
		w := newWorld(t, 10*ms)
		w.options = func(h string, o *SocketOptions) {
			if h == "server" {
				o.Versions = Version0 | Version1
			}
		}
		edit := func(f func(*wire.Capable)) func(s *Segment) []*Segment {
			return func(s *Segment) []*Segment {
				if f != nil && s.Flags.Has(wire.SYN) && s.Opt.Has(wire.OptCapable) {
					f(&s.Opt.Capable)
				}
				return []*Segment{s}
			}
		}
		w.paths[0][0].box, w.paths[0][1].box = edit(v.syn), edit(v.ack)
		cli, log := w.connectOnce(t, 10_000, 10_000)
		if _, answered := spoken(log); answered != v.answered || (cli.saw(Fallback) == 1) != v.fallback {
			t.Errorf("%s: answered %d, %d fallbacks", v.name, answered, cli.saw(Fallback))
		}
	}
}

// version0World returns a network whose hosts speak version 0.
func version0World(t *testing.T, delays ...sim.Duration) *world {
	w := newWorld(t, delays...)
	w.opt.Versions = Version0
	return w
}

// TestVersion0Handshake: the options of the first packets in version 0, the
// tokens and HMACs of a join, and no option that only version 1 has (RFC 6824
// sections 3.1 and 3.2).
func TestVersion0Handshake(t *testing.T) {
	w := version0World(t, 10*ms, 20*ms)
	_, log := w.connectOnce(t, 50_000, 50_000)
	var lengths []int
	var keys [2]Key
	var nonces [2]uint32
	for i := range log {
		r := &log[i]
		o := r.options()
		if o.Has(wire.OptCapable) {
			lengths = append(lengths, o.Capable.Length())
			if o.Capable.Keys == 1 {
				keys[b2i(!r.up)] = Key(o.Capable.SenderKey)
			} else if Key(o.Capable.SenderKey) != keys[0] || Key(o.Capable.ReceiverKey) != keys[1] || r.seg.Len > 0 {
				t.Errorf("third packet %+v", o.Capable)
			}
		}
		if o.Has(wire.OptRst) {
			t.Error("an MP_TCPRST in version 0")
		}
		if !o.Has(wire.OptJoin) {
			continue
		}
		var got, want any
		switch j := &o.Join; j.Form {
		case wire.JoinSYN:
			nonces[0] = j.Nonce
			token, _ := keys[1].DeriveV0()
			got, want = j.Token, token
		case wire.JoinSYNACK:
			nonces[1] = j.Nonce
			got, want = j.HMAC64, left64(joinHMACv0(keys[1], keys[0], nonces[1], nonces[0]))
		default:
			got, want = j.HMAC, left160(joinHMACv0(keys[0], keys[1], nonces[0], nonces[1]))
		}
		if got != want {
			t.Errorf("%s: %v, want %v", w.line(r), got, want)
		}
	}
	if len(lengths) != 3 || lengths[0] != 12 || lengths[1] != 12 || lengths[2] != 20 {
		t.Errorf("MP_CAPABLE of lengths %v, want 12, 12, 20", lengths)
	}
	for i := range log {
		if r := &log[i]; r.up && r.seg.Len > 0 && r.path == 0 {
			_, idsn := keys[0].DeriveV0()
			if !r.seg.Opt.Has(wire.HasMap) || r.seg.SSN != 1 || uint32(r.seg.DSN) != uint32(idsn)+1 {
				t.Errorf("first data %s, IDSN %d", w.line(r), idsn)
			}
			break
		}
	}
}

// TestVersion0Losses loses each of the first packets of either direction, alone
// and in pairs. The connection stays MPTCP without the third packet, because the
// key was in the SYN.
func TestVersion0Losses(t *testing.T) {
	for _, x := range exchanges {
		for i := -1; i < 6; i++ {
			for j := -1; j < 6; j++ {
				w := version0World(t, 10*ms)
				cli, srv := x.over(t, w, []int{i}, []int{j})
				if f := cli.saw(Fallback) + srv.saw(Fallback); f != 0 {
					t.Errorf("%s, lost up %d, down %d: fallback\n%s", x.name, i, j, w.dump(30))
				}
				if srv.conn != 0 && w.server.ep.Info(srv.conn).Fallback != trace.NoReason {
					t.Errorf("%s, lost up %d, down %d: plain", x.name, i, j)
				}
			}
		}
	}
}

// TestVersion0Crossing: both sides send first data at the same time in version 0,
// and the client's first data comes late, twice, in two segments with the same
// mapping, or only when it is sent again. The same stream is delivered, a mapping
// that comes again is ignored, and nobody falls back.
//
// row:A3
func TestVersion0Crossing(t *testing.T) {
	for _, mode := range []string{"late", "twice", "split", "lost"} {
		w := version0World(t, 20*ms)
		n := 0
		w.paths[0][0].box = func(s *Segment) []*Segment {
			if s.Len == 0 || s.SSN != 1 {
				return []*Segment{s}
			}
			n++
			s.Options()
			switch {
			case mode == "twice":
				return []*Segment{s, clone(s)}
			case mode == "split":
				return splitSegment(s, 100)
			case mode == "lost" && n == 1:
				return nil
			}
			return []*Segment{s}
		}
		w.paths[0][0].extra = func(i int) sim.Duration {
			if mode == "late" && i == 2 {
				return 15 * ms
			}
			return 0
		}
		w.start()
		srv := &app{toWrite: 20_000, close: true}
		w.server.accept = func() *app { return srv }
		cli := w.connect()
		cli.toWrite, cli.close = 20_000, true
		w.flush(w.client)
		w.until(30*sim.Second, mode, func() bool { return cli.eof && srv.eof })
		if n == 0 || cli.off != 20_000 || srv.off != 20_000 || cli.bad+srv.bad != 0 || cli.saw(Fallback)+srv.saw(Fallback) != 0 {
			t.Errorf("%s: %d boxed, client read %d, server %d\n%s", mode, n, cli.off, srv.off, w.dump(20))
		}
		w.counter(w.server, "DSSNotMatching", 0)
	}
}

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
