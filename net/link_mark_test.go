package simnet_test

import (
	"fmt"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// ecnSink records the ECN field of what arrives.
type ecnSink struct {
	b     *lab
	marks []uint8
}

func (s *ecnSink) Receive(_ sim.Time, id simnet.PacketID) {
	s.marks = append(s.marks, s.b.net.Segment(id).TOS&wire.ECNMask)
	s.b.net.Free(id)
}

// Of ten packets that arrive at once, those are marked that find more than three in the
// queue (RFC 8257 section 3.1: strictly above K), the one in service counting as it does
// for the limit, and only if they are capable; what is not capable passes unmarked, what
// is marked stays so, and a full queue still drops. The rest of the TOS octet stays.
func TestMarkAboveThreshold(t *testing.T) {
	for _, x := range []struct {
		what string
		cfg  simnet.LinkConfig
		ecn  uint8
		want string
		n    uint64
	}{
		{"packets", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}}, wire.ECT0, "2222333333", 6},
		{"ECT(1)", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}}, wire.ECT1, "1111333333", 6},
		{"bytes", simnet.LinkConfig{Mark: simnet.Mark{Bytes: 5000}}, wire.ECT0, "2222223333", 4},
		{"not capable", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}}, wire.NotECT, "0000000000", 0},
		{"marked before", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}}, wire.CE, "3333333333", 0},
		{"full", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}, Queue: simnet.Queue{Packets: 6}}, wire.ECT0, "222233", 2},
		{"service apart", simnet.LinkConfig{Mark: simnet.Mark{Packets: 3}, Queue: simnet.Queue{ExcludeService: true}}, wire.ECT0, "2222233333", 5},
		{"no threshold", simnet.LinkConfig{}, wire.ECT0, "2222222222", 0},
	} {
		bothModes(t, func(t *testing.T, mode simnet.Mode) {
			x.cfg.Mode, x.cfg.Rate = mode, 10e6
			p := newPair(t, x.cfg)
			in := &ecnSink{b: p.lab}
			p.b.SetReceiver(in)
			p.at(0, func() {
				for range 10 {
					id := p.net.Alloc()
					s := p.net.Segment(id)
					s.Route, s.TTL, s.TOS, s.Len = uint32(p.forth), 64, x.ecn|0x48, 1000-28
					p.a.Send(0, id)
				}
			})
			p.finish()
			got := ""
			for _, m := range in.marks {
				got += fmt.Sprint(m)
			}
			if got != x.want || p.ab.Stats().Marked != x.n {
				t.Errorf("%s: %s with %d counted, want %s and %d", x.what, got, p.ab.Stats().Marked, x.want, x.n)
			}
		})
	}
}
