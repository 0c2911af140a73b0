package wire

import (
	"net/netip"
	"testing"
)

// dataPacket is a segment as most are: IPv4, TCP, timestamps, DSS(26).
func dataPacket() (Tuple, Segment) {
	return Tuple{
			Src:   netip.MustParseAddrPort("10.0.9.1:80"),
			Dst:   netip.MustParseAddrPort("10.0.0.1:40000"),
			Proto: ProtoTCP,
		}, Segment{
			Seq: 0x01020304, Ack: 0x05060708, TSVal: 1111, TSEcr: 2222,
			DSN: 0x1112131415161718, DataAck: 0x2122232425262728, SSN: 0x31323334,
			MapLen: 1420, Len: 1420, Off: 4711, Window: 502, Flags: ACK | PSH,
			Opt: HasTS | HasDSS | HasDataAck | DataAck8 | HasMap | DSN8, TTL: 64,
		}
}

func BenchmarkHeaderRender(b *testing.B) {
	t, s := dataPacket()
	buf := make([]byte, 0, 2048)
	n := HeaderLen(&t, &s, nil)
	for b.Loop() {
		buf = AppendPacket(buf[:0], &t, &s, nil, n)
	}
}

func BenchmarkPacketRender(b *testing.B) {
	t, s := dataPacket()
	buf := make([]byte, 0, 2048)
	for b.Loop() {
		buf = AppendPacket(buf[:0], &t, &s, nil, -1)
	}
}

func BenchmarkHeaderParse(b *testing.B) {
	t, s := dataPacket()
	s.Len = 0
	buf := AppendPacket(nil, &t, &s, nil, -1)
	var o Options
	for b.Loop() {
		if err := ParsePacket(buf, &t, &s, &o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPacketParse(b *testing.B) {
	t, s := dataPacket()
	buf := AppendPacket(nil, &t, &s, nil, -1)
	var o Options
	for b.Loop() {
		if err := ParsePacket(buf, &t, &s, &o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChecksum1460(b *testing.B) {
	buf := make([]byte, 1460)
	FillContent(buf, 1)
	b.SetBytes(1460)
	var x uint16
	for b.Loop() {
		x += SumBytes(buf)
	}
	sink = int(x)
}

func BenchmarkContentSum(b *testing.B) {
	var x uint16
	off := uint64(3)
	for b.Loop() {
		x += ContentSum(off, 1420)
		off += 1420
	}
	sink = int(x)
}

func BenchmarkFillContent1460(b *testing.B) {
	buf := make([]byte, 1460)
	b.SetBytes(1460)
	for b.Loop() {
		FillContent(buf, 1)
	}
}

func BenchmarkOptionsLen(b *testing.B) {
	_, s := dataPacket()
	n := 0
	for b.Loop() {
		n += s.OptionsLen(nil)
		s.Opt ^= HasTS
	}
	sink = n
}

func BenchmarkWireLen(b *testing.B) {
	t, s := dataPacket()
	n := 0
	for b.Loop() {
		n += WireLen(&t, &s, nil)
	}
	sink = n
}

func BenchmarkUpdateChecksum32(b *testing.B) {
	x := uint16(0)
	for b.Loop() {
		x = UpdateChecksum32(x, 0x0a000001, 0xcb007101)
	}
	sink = int(x)
}

// sink keeps results alive.
var sink int
