package wire

import (
	"bytes"
	"testing"
)

// addCaptures gives a fuzz target the packets of two captures as seeds.
func addCaptures(f *testing.F) {
	f.Helper()
	for _, name := range []string{"01-handshake-join-10KB-close", "09-checksum-enabled"} {
		for i, c := range readPcap(f, "testdata/pcaps/"+name+".pcap") {
			if i%3 == 0 {
				f.Add(c.data)
			}
		}
	}
}

// FuzzParsePacket: whatever parses, whole or cut, is rendered to the same octets.
func FuzzParsePacket(f *testing.F) {
	addCaptures(f)
	for _, p := range packetGoldens {
		f.Add(octets(f, p.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var tu Tuple
		var s Segment
		var o Options
		if err := ParsePacket(b, &tu, &s, &o); err == nil {
			n := WireLen(&tu, &s, &o)
			if n > len(b) {
				t.Fatalf("packet of %d octets from %d", n, len(b))
			}
			if got := AppendPacket(nil, &tu, &s, &o, -1); !bytes.Equal(got, b[:n]) {
				t.Fatalf("\n got %x\nwant %x", got, b[:n])
			}
			Format(&tu, &s, &o)
		}
		if err := ParseCut(b, &tu, &s, &o); err == nil {
			n := min(len(b), WireLen(&tu, &s, &o))
			if got := AppendPacket(nil, &tu, &s, &o, n); !bytes.Equal(got, b[:n]) {
				t.Fatalf("cut\n got %x\nwant %x", got, b[:n])
			}
		}
		if _, err := ParseQuote(b, &tu); err == nil && tu.Proto != ProtoTCP && tu.Proto != ProtoUDP {
			t.Fatalf("quote of protocol %d", tu.Proto)
		}
	})
}

// FuzzParseOptions: any list of options is rendered to the same octets.
func FuzzParseOptions(f *testing.F) {
	for _, goldens := range [][]optionGolden{tcpGoldens, handshakeGoldens, dssGoldens, signalGoldens, version0Goldens} {
		for _, g := range goldens {
			f.Add(octets(f, g.bytes))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:min(len(b), MaxOptionsLen)&^3]
		var s Segment
		var o Options
		ParseOptions(b, &s, &o)
		if got := AppendOptions(nil, &s, &o); !bytes.Equal(got, b) {
			t.Fatalf("\n got %x\nwant %x", got, b)
		}
		appendOptionsFormat(nil, b)
	})
}

// FuzzRoundTrip: options that were read, whatever their octets, keep their typed
// values when these alone are rendered and parsed.
func FuzzRoundTrip(f *testing.F) {
	for _, goldens := range [][]optionGolden{tcpGoldens, handshakeGoldens, dssGoldens, signalGoldens, version0Goldens} {
		for _, g := range goldens {
			f.Add(octets(f, g.bytes))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Segment
		var o Options
		ParseOptions(b, &s, &o)
		o.Present &^= OptRaw
		if !Fits(&s, &o) {
			return // padding that the octets did without
		}
		typed := AppendOptions(nil, &s, &o)
		var s2 Segment
		var o2 Options
		ParseOptions(typed, &s2, &o2)
		if o2.Has(OptRaw) || o2.Present != o.Present {
			t.Fatalf("%x: present %b, want %b", typed, o2.Present, o.Present)
		}
		if again := AppendOptions(nil, &s2, &o2); !bytes.Equal(again, typed) {
			t.Fatalf("\n got %x\nwant %x", again, typed)
		}
	})
}
