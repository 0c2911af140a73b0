package mptcp

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// RFC 8684 section 3.1, connection initiation: one test for each requirement or
// for a few that belong together.

// TestSection3_1HighestVersionOffered: a host with both versions offers the
// higher one, and answers with one that is not above the offer.
//
// rfc8684:3.1-1 rfc8684:3.1-2
func TestSection3_1HighestVersionOffered(t *testing.T) {
	o := rawOptions()
	o.Versions = Version0 | Version1
	_, syn := rawDialler(t, Linux(), o)
	if !syn.Opt.Has(wire.OptCapable) || syn.Opt.Capable.Version != 1 {
		t.Errorf("the SYN offers %+v", syn.Opt)
	}
	for _, offered := range []uint8{0, 1, 2, 15} {
		keys := uint8(0)
		if offered == 0 {
			keys = 1 // version 0 has the key in the SYN
		}
		r := rawListener(t, Linux(), o)
		answer := r.open(capable(offered, flagH, keys, r.key, 0))
		if !answer.Opt.Has(wire.OptCapable) {
			t.Errorf("version %d is not answered", offered)
			continue
		}
		if v := answer.Opt.Capable.Version; v > offered || v != min(offered, 1) {
			t.Errorf("version %d is answered by version %d", offered, v)
		}
	}
}

// TestSection3_1KeysAreUniqueAndHard: the keys of many connections of a host
// differ, as do their tokens; each bit of a key is set in half of them; and the
// keys of another seed are others.
//
// rfc8684:3.1-3
func TestSection3_1KeysAreUniqueAndHard(t *testing.T) {
	const n = 4000
	keys, tokens := map[Key]bool{}, map[uint32]bool{}
	var set [64]int
	ones := 0
	for seed := range uint64(2) {
		e := New(Config{Stream: func(p string) *sim.Rand { return sim.NewRand(seed, 0, p) }})
		for range n {
			s := e.chooseKey(&connection{})
			if keys[s.key] || tokens[s.token] {
				t.Fatalf("key %#x comes twice", s.key)
			}
			keys[s.key], tokens[s.token] = true, seed == 0
			ones += bits.OnesCount64(uint64(s.key))
			for b := range set {
				set[b] += int(s.key >> b & 1)
			}
		}
		clear(tokens) // tokens are unique within a host
	}
	// 8000 fair coins: a standard deviation of 45.
	for b, k := range set {
		if k < n-5*45 || k > n+5*45 {
			t.Errorf("bit %d is set in %d of %d keys", b, k, 2*n)
		}
	}
}

// TestSection3_1TokenCollision: a key whose token is taken is not sent.
//
// rfc8684:3.1-4
func TestSection3_1TokenCollision(t *testing.T) {
	r := rawListener(t, Linux(), rawOptions())
	taken, _ := Key(sim.NewRand(1, 0, "keys").Uint64()).Derive()
	r.ep.tokens[taken] = &connection{}
	r.open(capable(1, flagH, 0, 0, 0))
	if token, _ := r.peer.Derive(); token == taken || r.peer == 0 {
		t.Errorf("the SYN/ACK has key %#x with token %#x", r.peer, token)
	}
}

// TestSection3_1ThirdACKCarriesKeys: without data to send the third ACK carries
// both keys, without data length.
//
// rfc8684:3.1-6
func TestSection3_1ThirdACKCarriesKeys(t *testing.T) {
	r, _ := rawDialler(t, Linux(), rawOptions())
	out := r.send(wire.SYN|wire.ACK, 0, 0, capable(1, flagH, 1, r.key, 0))
	if len(out) != 1 || !out[0].Opt.Has(wire.OptCapable) {
		t.Fatalf("%d segments answer the SYN/ACK", len(out))
	}
	m := out[0].Opt.Capable
	token, _ := Key(m.SenderKey).Derive()
	if m.Keys != 2 || m.HasData || Key(m.ReceiverKey) != r.key || token != r.info().Token || out[0].Len != 0 {
		t.Errorf("third ACK %+v", m)
	}
}

// TestSection3_1CompromisedHandshakeEndsMPTCP: options that are missing or wrong
// in the handshake make the host stop using MPTCP; none of its later segments
// carries an MPTCP option.
//
// rfc8684:3.1-7 rfc8684:3.1-23 rfc8684:3.1-25 rfc8684:3.1-26 rfc8684:3.7-1
func TestSection3_1CompromisedHandshakeEndsMPTCP(t *testing.T) {
	for name, answer := range map[string]func(s *Segment){
		"SYN/ACK without MP_CAPABLE": nil,
		"SYN/ACK without key":        capable(1, flagH, 0, 0, 0),
		"SYN/ACK of version 2":       capable(2, flagH, 1, rawKey, 0),
		"SYN/ACK without algorithm":  capable(1, 0, 1, rawKey, 0),
		"SYN/ACK with two":           capable(1, flagH|flagH<<1, 1, rawKey, 0),
	} {
		r, _ := rawDialler(t, Linux(), rawOptions())
		out := r.send(wire.SYN|wire.ACK, 0, 0, answer)
		r.ep.Write(r.now, r.conn, 3000)
		out = append(out, r.poll()...)
		out = append(out, r.pass(sim.Second)...)
		if r.info().Fallback == 0 || len(out) < 3 {
			t.Errorf("%s: fallback %v, %d segments", name, r.info().Fallback, len(out))
		}
		for _, s := range out {
			if speaksMPTCP(s) {
				t.Errorf("%s: still %v %+v", name, s.Segment, s.Opt)
			}
		}
	}
	// The passive side, when third packet and first data lack the option.
	r := rawListener(t, Linux(), rawOptions())
	r.open(capable(1, flagH, 0, 0, 0))
	r.send(wire.ACK, 1, 0, nil)
	out := r.send(wire.ACK|wire.PSH, 1, 500, nil)
	r.ep.Write(r.now, r.conn, 3000)
	out = append(out, r.poll()...)
	if r.info().Fallback == 0 || r.info().Received != 500 || len(out) < 3 {
		t.Errorf("third ACK without MP_CAPABLE: %+v", r.info())
	}
	for _, s := range out {
		if speaksMPTCP(s) {
			t.Errorf("still %v %+v", s.Segment, s.Opt)
		}
	}
}

// TestSection3_1NoSubflowBeforeDSS: no join leaves before a DSS was received, and
// one that arrives earlier is refused.
//
// rfc8684:3.1-8
func TestSection3_1NoSubflowBeforeDSS(t *testing.T) {
	w := newWorld(t, 10*ms, 10*ms)
	a := w.connect()
	w.runTo(sim.Time(5 * sim.Second))
	w.counter(w.client, "MPJoinSynTx", 0)
	a.toWrite = 1
	w.flush(w.client)
	w.runTo(w.now.Add(sim.Second))
	w.counter(w.client, "MPJoinSynTx", 1)

	r := rawListener(t, RFC(), rawOptions())
	r.open(capable(1, flagH, 0, 0, 0))
	token, _ := r.peer.Derive()
	r.tuple.Src = rawAddr2
	out := r.send(wire.SYN, 100, 0, joinSYN(token))
	if len(out) != 1 || !out[0].Flags.Has(wire.RST) {
		t.Errorf("a join to a connection without DSS is answered by %d segments", len(out))
	}
}

// TestSection3_1FlagB: bit B is not set by the host, and a SYN that has it set is
// answered as if it had no MP_CAPABLE.
//
// rfc8684:3.1-10 rfc8684:3.1-11
func TestSection3_1FlagB(t *testing.T) {
	_, syn := rawDialler(t, Linux(), rawOptions())
	if syn.Opt.Capable.Flags&wire.CapableExtension != 0 {
		t.Error("the SYN has bit B")
	}
	r := rawListener(t, Linux(), rawOptions())
	if answer := r.open(capable(1, flagH|wire.CapableExtension, 0, 0, 0)); speaksMPTCP(answer) {
		t.Errorf("answered by %+v", answer.Opt.Capable)
	}
	if r.open2(); r.peer != 0 {
		t.Error("a key was sent")
	}
}

// open2 repeats what a peer does that ignores MPTCP: it completes the handshake.
func (r *rawPeer) open2() { r.send(wire.ACK, 1, 0, nil) }

// TestSection3_1CryptoBits: the host sets H and none of D to G; a SYN without any
// is a TCP SYN; of several algorithms it selects H alone. Linux refuses to choose.
//
// rfc8684:3.1-13 rfc8684:3.1-14 rfc8684:3.1-15 row:A10
func TestSection3_1CryptoBits(t *testing.T) {
	const crypto = 0x1f
	_, syn := rawDialler(t, Linux(), rawOptions())
	if f := syn.Opt.Capable.Flags & crypto; f != flagH {
		t.Errorf("the SYN has crypto bits %#x", f)
	}
	for i := range 2 * (crypto + 1) {
		bits, p := wire.CapableFlags(i/2), RFC()
		if i%2 == 1 {
			p = Linux()
		}
		r := rawListener(t, p, rawOptions())
		answer := r.open(capable(1, bits, 0, 0, 0))
		got, want := answer.Opt.Has(wire.OptCapable), bits&flagH != 0 && (i%2 == 0 || bits == flagH)
		if got != want {
			t.Errorf("%s, crypto bits %#x: MP_CAPABLE in the answer is %v", p.Name, bits, got)
		}
		if got && answer.Opt.Capable.Flags&crypto != flagH {
			t.Errorf("%s, crypto bits %#x are answered by %#x", p.Name, bits, answer.Opt.Capable.Flags)
		}
	}
}

// TestSection3_1TokenAndIDSN: token and IDSN are the leftmost 32 and the rightmost
// 64 bits of SHA-256 of the key in network byte order; a join by that token is
// accepted and data from that IDSN on is received. The vectors are those that a
// Linux 6.18 kernel showed and that were recomputed by hand.
//
// rfc8684:3.1-16 rfc8684:3.1-17 rfc8684:3.1-18 rfc8684:3.1-19 rfc8684:3.1-27
func TestSection3_1TokenAndIDSN(t *testing.T) {
	for _, v := range []struct {
		key   Key
		token uint32
		idsn  wire.DSN
	}{
		{0x0200000000000000, 0xd86e8112, 0xb810457db34209a4},
		{0x2a0666b166b8d2f3, 0x3c7215fa, 0x9b2e2ff6ad814f69},
	} {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(v.key))
		sum := sha256.Sum256(b[:])
		if binary.BigEndian.Uint32(sum[:4]) != v.token || wire.DSN(binary.BigEndian.Uint64(sum[24:])) != v.idsn {
			t.Fatalf("the vector of %#x is wrong", v.key)
		}
		if token, idsn := v.key.Derive(); token != v.token || idsn != v.idsn {
			t.Errorf("key %#x: token %#x, IDSN %#x", v.key, token, idsn)
		}
	}
	r := rawEstablished(t, Linux(), 100)
	r.send(wire.ACK|wire.PSH, 101, 50, r.dss(101, 101, 50, 1))
	if got := r.info().Received; got != 150 {
		t.Errorf("%d bytes after a mapping from IDSN+101 on", got)
	}
	token, _ := r.peer.Derive()
	r.tuple.Src = rawAddr2
	out := r.send(wire.SYN, 100, 0, joinSYN(token))
	if len(out) != 1 || !out[0].Opt.Has(wire.OptJoin) {
		t.Errorf("a join by the token gets %d answers", len(out))
	}
}

// TestSection3_1PlainSYN: a SYN without MP_CAPABLE is answered without.
//
// rfc8684:3.1-24
func TestSection3_1PlainSYN(t *testing.T) {
	r := rawListener(t, Linux(), rawOptions())
	if answer := r.open(nil); speaksMPTCP(answer) {
		t.Errorf("answered by %+v", answer.Opt)
	}
}

// TestSection3_1FlagA: the flag that requires checksums is set when the
// administrator wants them, holds for both hosts if either sets it, and makes a
// host that refuses them answer as if there were no MP_CAPABLE.
//
// rfc8684:3.1-9 rfc8684:3.1-20 rfc8684:3.1-22 row:A7
func TestSection3_1FlagA(t *testing.T) {
	const flagA = wire.CapableChecksum
	for _, c := range []struct {
		ours     ChecksumPolicy
		theirs   wire.CapableFlags
		answered bool
		sums     bool
	}{
		{ChecksumOnDemand, 0, true, false},
		{ChecksumOnDemand, flagA, true, true},
		{ChecksumRequired, 0, true, true},
		{ChecksumRequired, flagA, true, true},
		{ChecksumRefused, 0, true, false},
		{ChecksumRefused, flagA, false, false},
	} {
		o := rawOptions()
		o.Checksum = c.ours
		_, syn := rawDialler(t, Linux(), o)
		if set := syn.Opt.Capable.Flags&flagA != 0; set != (c.ours == ChecksumRequired) {
			t.Errorf("policy %v: flag A of the SYN is %v", c.ours, set)
		}
		r := rawListener(t, Linux(), o)
		answer := r.open(capable(1, flagH|c.theirs, 0, 0, 0))
		if got := answer.Opt.Has(wire.OptCapable); got != c.answered {
			t.Errorf("policy %v, flag A %v: answered by MP_CAPABLE %v", c.ours, c.theirs != 0, got)
		}
		if !c.answered {
			continue
		}
		r.send(wire.ACK, 1, 0, capable(1, flagH|c.theirs, 2, r.key, r.peer))
		r.ep.Write(r.now, r.conn, 500)
		out := r.poll()
		if len(out) == 0 || out[0].Opt.Has(wire.OptDSSChecksum) != c.sums {
			t.Errorf("policy %v, flag A %v: %d segments, checksums expected: %v", c.ours, c.theirs != 0, len(out), c.sums)
		}
	}
}

// TestSection3_1FlagAInThirdPacket: the flag in the client's MP_CAPABLE of the third
// packet holds although its SYN did not have it (Linux mptcp_sk_clone_init reads it
// from there).
//
// row:A7 rfc8684:3.1-20
func TestSection3_1FlagAInThirdPacket(t *testing.T) {
	for _, flag := range []wire.CapableFlags{0, wire.CapableChecksum} {
		r := rawListener(t, Linux(), rawOptions())
		r.open(capable(1, flagH, 0, 0, 0))
		r.send(wire.ACK, 1, 0, capable(1, flagH|flag, 2, r.key, r.peer))
		r.ep.Write(r.now, r.conn, 500)
		out := r.poll()
		if len(out) == 0 || out[0].Opt.Has(wire.OptDSSChecksum) != (flag != 0) {
			t.Errorf("flags %#x: %d segments with checksums, or without", flag, len(out))
		}
	}
}

// TestSection3_1StatelessCollision: a stateless server can make one key for a SYN
// only. If its token is taken, the SYN/ACK has no MP_CAPABLE.
//
// rfc8684:3.1-5 row:A4
func TestSection3_1StatelessCollision(t *testing.T) {
	o := rawOptions()
	o.SYNCookies = SYNCookiesAlways
	r := rawListener(t, Linux(), o)
	r.open(capable(1, flagH, 0, 0, 0))
	token, _ := r.peer.Derive()
	if r.peer == 0 {
		t.Fatal("no key behind the cookie")
	}
	again := rawListener(t, Linux(), o)
	again.ep.tokens[token] = &connection{}
	if answer := again.open(capable(1, flagH, 0, 0, 0)); speaksMPTCP(answer) {
		t.Errorf("answered by %+v", answer.Opt.Capable)
	}
	if again.ep.Info(again.conn).Fallback != 0 {
		t.Error("there is state")
	}
}
