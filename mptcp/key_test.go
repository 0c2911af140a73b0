package mptcp

import (
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"mpsim/net/wire"
)

// captures returns the captures between real kernels that package wire keeps.
func captures(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("../net/wire/testdata/pcaps/*.pcap")
	if err != nil || len(names) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	return names
}

// captured is one parsed packet of a capture.
type captured struct {
	tuple wire.Tuple
	seg   wire.Segment
	opt   wire.Options
}

// readCapture parses a little-endian pcap file of LINKTYPE_RAW.
func readCapture(t *testing.T, name string) (all []captured) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for b = b[24:]; len(b) > 0; {
		n := int(le.Uint32(b[8:]))
		var c captured
		if err := wire.ParseCut(b[16:16+n], &c.tuple, &c.seg, &c.opt); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, c)
		b = b[16+n:]
	}
	return all
}

// TestKeyVectors holds SHA-256 digests computed by coreutils' sha256sum of the
// eight octets of the key in network byte order.
//
// row:A4
func TestKeyVectors(t *testing.T) {
	for _, v := range []struct {
		key   Key
		token uint32
		idsn  wire.DSN
	}{
		{0, 0xaf5570f5, 0xe5b2328de0e83dfc},
		{0x0123456789abcdef, 0x55c53f5d, 0x570762cd38be9818},
		{0xffffffffffffffff, 0x12a3ae44, 0x57fb595bbbacf0ca},
	} {
		token, idsn := v.key.Derive()
		if token != v.token || idsn != v.idsn {
			t.Errorf("key %#x: token %#x, IDSN %#x; want %#x, %#x",
				uint64(v.key), token, uint64(idsn), v.token, uint64(v.idsn))
		}
	}
}

// TestJoinHMACVector holds an HMAC computed by openssl dgst -sha256 -mac HMAC
// with key 1 followed by key 255 over the nonces 5 and 6.
func TestJoinHMACVector(t *testing.T) {
	sum := joinHMAC(1, 255, 5, 6)
	if got, want := left64(sum), uint64(0x7db0b4f8b7f5e658); got != want {
		t.Errorf("left 64 bits %#x, want %#x", got, want)
	}
	if got, want := hex.EncodeToString(sum[:]),
		"7db0b4f8b7f5e658932f3d363d9f7d28a7cae58939e7ab7b1c5d4bbe5ac86e05"; got != want {
		t.Errorf("HMAC %s, want %s", got, want)
	}
	if h := left160(sum); hex.EncodeToString(h[:]) != "7db0b4f8b7f5e658932f3d363d9f7d28a7cae589" {
		t.Errorf("left 160 bits %x", h)
	}
}

// TestRealKeys verifies tokens, HMACs and initial data sequence numbers of every
// capture between real kernels by the keys that the capture shows.
func TestRealKeys(t *testing.T) {
	tokens, hmacs, firsts := 0, 0, 0
	for _, name := range captures(t) {
		var client, server side
		var nonces [2]uint32
		seen := map[wire.Tuple]bool{}
		for i, c := range readCapture(t, name) {
			o := &c.opt
			if m := &o.Capable; o.Has(wire.OptCapable) && m.Keys == 2 && !client.known {
				client, server = newSide(Key(m.SenderKey)), newSide(Key(m.ReceiverKey))
			}
			if j := &o.Join; o.Has(wire.OptJoin) {
				switch j.Form {
				case wire.JoinSYN:
					nonces[0] = j.Nonce
					if j.Token != server.token {
						t.Errorf("%s packet %d: token %#x, want %#x", name, i, j.Token, server.token)
					}
					tokens++
				case wire.JoinSYNACK:
					nonces[1] = j.Nonce
					if want := left64(joinHMAC(server.key, client.key, nonces[1], nonces[0])); j.HMAC64 != want {
						t.Errorf("%s packet %d: HMAC %#x, want %#x", name, i, j.HMAC64, want)
					}
					hmacs++
				case wire.JoinACK:
					if want := left160(joinHMAC(client.key, server.key, nonces[0], nonces[1])); j.HMAC != want {
						t.Errorf("%s packet %d: HMAC %x, want %x", name, i, j.HMAC, want)
					}
					hmacs++
				}
			}
			// The first data of the server, on any subflow, has number 1.
			if c.seg.Opt.Has(wire.HasMap|wire.DSN8) && c.seg.SSN == 1 && client.known &&
				!seen[wire.Tuple{}] && c.tuple.Src.Port() == 5001 {
				seen[wire.Tuple{}] = true
				if got := server.relative(c.seg.DSN, true, 1); got != 1 {
					t.Errorf("%s packet %d: first data has number %d", name, i, got)
				}
				firsts++
			}
		}
	}
	if tokens < 5 || hmacs < 10 || firsts < 5 {
		t.Errorf("checked only %d tokens, %d HMACs, %d first numbers", tokens, hmacs, firsts)
	}
}

// TestRelative promotes 4-octet numbers around wraps of the lower half (RFC 8684
// section 3.3.1): forwards, and back again for packets out of order.
//
// row:B1
func TestRelative(t *testing.T) {
	s := side{idsn: 0x00000007_fffffff0}
	for _, v := range []struct {
		low  uint32
		near uint64
		want uint64
	}{
		{0xfffffff1, 1, 1},
		{0x00000010, 1, 0x20},                    // behind the wrap
		{0xfffffff8, 0x20, 8},                    // late, from before it
		{0x00000010, 0x20, 0x20},                 // here
		{0xfffffff0, 1 << 32, 1 << 32},           // one round later
		{0x00000000, 1 << 32, 1<<32 + 0x10},      // and its wrap
		{0xffffffff, 1<<32 + 0x20, 1<<32 + 0x0f}, // late again
	} {
		if got := s.relative(wire.DSN(v.low), false, v.near); got != v.want {
			t.Errorf("low %#x near %#x: %#x, want %#x", v.low, v.near, got, v.want)
		}
	}
	top := side{idsn: 0xffffffff_fffffffe}
	if got := top.relative(top.absolute(5), true, 1); got != 5 || top.absolute(5) != 3 {
		t.Errorf("wrap of 64 bits: %d", got)
	}
}
