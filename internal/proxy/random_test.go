package proxy_test

import (
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
)

// Whatever comes, in whatever order, at few numbers and with all flags, the boxes go
// on: nothing panics, what leaves them renders and parses (verify mode), no packet is
// kept that could not be freed, and in the end they are quiet.
func TestRandomPackets(t *testing.T) {
	for _, words := range [][]string{
		{"proxy"}, {"proxy", "client_side=mptcp", "server_side=mptcp", "buffer=4096"},
		{"pep"}, {"pep", "mptcp=strip", "buffer=4096"}, {"pep", "direction=down"},
		{"syn-proxy"}, {"syn-proxy", "wscale=0"},
	} {
		for seed := range uint64(20) {
			r := newRig(t, words)
			rnd := sim.NewRand(seed, 0, "packets")
			for range 600 {
				r.Got = r.Got[:0]
				s := wire.Segment{
					Seq: wire.Seq(100 + 10*rnd.IntN(8)), Ack: wire.Seq(100 + 10*rnd.IntN(8)), Window: uint16(rnd.IntN(3) * 500),
					Flags: []wire.Flags{wire.SYN, wire.SYN | wire.ACK, wire.ACK, wire.ACK, wire.ACK, wire.ACK | wire.FIN, wire.RST, wire.RST | wire.ACK, 0, wire.SYN | wire.FIN}[rnd.IntN(10)],
				}
				client := rnd.IntN(2) == 0
				who := map[bool]string{true: "client", false: "server"}[client]
				if rnd.IntN(2) == 0 { // as an answer to what came last
					s.Seq, s.Ack = r.acks[who], r.seqs[who].Add(int(rnd.IntN(3)))
				}
				if s.Flags&(wire.SYN|wire.RST) == 0 {
					s.Len = uint16(rnd.IntN(4) * 10)
				}
				if rnd.IntN(2) == 0 {
					s.Opt, s.TSVal, s.TSEcr = wire.HasTS, uint32(rnd.IntN(1000)), r.tsVals[who]
				}
				o := new(wire.Options)
				if s.Flags.Has(wire.SYN) {
					o.Present = []wire.OptSet{0, wire.OptMSS, wire.OptMSS | wire.OptWScale | wire.OptSACKPermitted}[rnd.IntN(3)]
					o.MSS, o.WScale = uint16(rnd.IntN(2000)), uint8(rnd.IntN(15))
				} else if rnd.IntN(4) == 0 {
					o.Present, o.NSACK = wire.OptSACK, 1
					o.SACK[0] = wire.SACKBlock{Start: s.Ack.Add(10), End: s.Ack.Add(20)}
				}
				r.send(client, 80+uint16(rnd.IntN(2)), s, o)
				if rnd.IntN(20) == 0 {
					r.Wait(sim.Duration(rnd.IntN(3)) * sim.Second)
				}
			}
			r.send(true, 80, wire.Segment{Flags: wire.RST}, nil)
			r.send(true, 81, wire.Segment{Flags: wire.RST}, nil)
			r.Wait(20 * 60 * sim.Second)
			r.Got = r.Got[:0]
			r.Wait(20 * 60 * sim.Second)
			if len(r.Got) > 0 {
				t.Errorf("%v, seed %d: still busy after 20 minutes: %q", words, seed, r.Got)
			}
		}
	}
}
