package wire

import "testing"

// TestNoAllocations: rendering and parsing into reused buffers and records
// allocates nothing.
func TestNoAllocations(t *testing.T) {
	tu, s := dataPacket()
	cold := Options{
		Present: OptSACK | OptPieces, NSACK: 1,
		Pieces: []Piece{{Off: 1, Len: 700}, {Len: 20, Data: make([]byte, 20)}, {Off: 721, Len: 700}},
	}
	s2 := s
	s2.Opt &^= HasMap | DSN8
	buf := make([]byte, 0, 2048)
	icmp := make([]byte, 0, 2048)
	var tu2 Tuple
	var s3 Segment
	var o Options
	echo := hosts("10.0.0.1", "10.0.0.2", ProtoICMP)
	m := NewEcho(ProtoICMP, false, 1, 1, make([]byte, 56))
	icmp = AppendPacket(icmp, &echo, &Segment{}, &Options{Present: OptICMP, ICMP: AppendICMP(nil, &m)}, -1)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"render", func() { buf = AppendPacket(buf[:0], &tu, &s, nil, -1) }},
		{"render cold", func() {
			s2.Len = 1420
			buf = AppendPacket(buf[:0], &tu, &s2, &cold, -1)
		}},
		{"parse", func() {
			if ParsePacket(buf, &tu2, &s3, &o) != nil {
				t.Error("does not parse")
			}
		}},
		{"parse ICMP", func() {
			if ParsePacket(icmp, &tu2, &s3, &o) != nil {
				t.Error("does not parse")
			}
		}},
	} {
		if n := testing.AllocsPerRun(100, c.f); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
