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
