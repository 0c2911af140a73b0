package lab_test

import (
	"math"
	"testing"

	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/scenarios/lab"
	"mpsim/sim"
)

// One subflow of MPTCP is one TCP: with the same controller it carries as many
// packets over the same path. See docs/models/subflow.md.

// fewBlocks leaves only the first blocks of SACK options.
type fewBlocks int

func (b fewBlocks) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if o := p.Options(); o.Has(wire.OptSACK) {
		o.NSACK = min(o.NSACK, uint8(b))
	}
	out.Emit(p, d)
}

func (fewBlocks) NextTimeout() sim.Time                  { return sim.Never }
func (fewBlocks) HandleTimeout(sim.Time, simnet.Emitter) {}

// oneFlow is a download by one flow of reno over a path that loses at random, as
// the packets' numbers say, and has no queue worth speaking of.
type oneFlow struct {
	protocol mptcp.Protocol
	blocks   fewBlocks // of SACK options that get through; 0: all
	noStamps bool      // no timestamps, which leaves 12 octets more
	perACK   bool      // an ACK for every packet: none is delayed or gathered
}

// run returns the packets delivered per second, and what TCP counted.
func (x oneFlow) run(path lossyPath, length sim.Duration) (rate float64, s mptcp.SubflowInfo) {
	profile := mptcp.Linux()
	if x.perACK {
		profile.TCP.AckEvery, profile.TCP.CompressSACK = 1, 0
	}
	profile.TCP.Timestamps = !x.noStamps
	l := lab.New(lab.Config{Seed: 1, CC: "reno", Profile: profile, Socket: func(o *mptcp.SocketOptions) {
		o.Protocol = x.protocol
		o.SendBuffer, o.ReceiveBuffer = 1<<27, 1<<27
	}}, lab.Path{Name: "a", Rate: 10_000 * sim.MegabitPerSecond, Delay: path.rtt / 2, Loss: path.p, QueuePackets: 100_000})
	if x.blocks > 0 {
		l.Path("a").Server.AddBox(x.blocks)
	}
	_, server := l.Connect()
	server.Send(1 << 50)
	l.Run(5 * sim.Second)
	before := server.Subflows()[0].Delivered
	l.Run(length)
	s = server.Subflows()[0]
	return float64(s.Delivered-before) / float64(s.MSS) / length.Seconds(), s
}

// Since losses go by the numbers of packets, equal behaviour means equal runs: with an
// ACK for every packet the rates agree within 0.3 % (the handshakes differ by some
// packets), and the Monte Carlo of the rule is met by both. (Delayed ACKs pair packets
// up in another way after the handshake: 1.5 % then.) What is left of a difference is option space: an
// ACK with DATA_ACK and timestamps has room for one SACK block. It matters where
// ACKs are gathered: more is sent again for nothing, on a TCP whose ACKs keep only
// their first block as much as on a subflow. Without timestamps three blocks fit,
// and the runs agree again.
func TestOneSubflowIsOneTCP(t *testing.T) {
	const same, alike = 0.003, 0.015
	for _, path := range []lossyPath{{.002, 50 * ms}, {.005, 20 * ms}} {
		length := sim.Duration(400 / (1.3 * math.Sqrt(path.p) / path.rtt.Seconds()) * 1e9) // 400 losses
		run := func(x oneFlow) (rate, spurious float64) {
			rate, s := x.run(path, length)
			spurious = float64(s.Stats.DSACKsReceived) / float64(s.Stats.FastRecoveries)
			t.Logf("%v %+v: %.1f packets/s, %d recoveries, %d timeouts, %d sent again, %.1f %% of the recoveries for nothing",
				path, x, rate, s.Stats.FastRecoveries, s.Stats.Timeouts, s.Stats.RetransmittedSegments, 100*spurious)
			return rate, spurious
		}
		near := func(what string, got, want, within float64) {
			t.Helper()
			if math.Abs(got/want-1) > within {
				t.Errorf("%v, %s: %.2f packets/s, not %.2f", path, what, got, want)
			}
		}
		tcp, _ := run(oneFlow{protocol: mptcp.TCP, perACK: true})
		sub, _ := run(oneFlow{protocol: mptcp.MPTCP, perACK: true})
		near("an ACK per packet", sub, tcp, same)
		want, _ := monteCarlo(rules["reno"], []lossyPath{path}, 20_000, true, bernoulli([]lossyPath{path}, 2))
		near("the Monte Carlo", sub, want[0], 0.06)

		tcp, none := run(oneFlow{protocol: mptcp.TCP})
		sub, spurious := run(oneFlow{protocol: mptcp.MPTCP, noStamps: true})
		near("gathered ACKs, no timestamps", sub, tcp, alike)
		if none > 0.01 || spurious > 0.01 {
			t.Errorf("%v: TCP sends %.3f again for nothing, a subflow %.3f", path, none, spurious)
		}
		one, fromOne := run(oneFlow{protocol: mptcp.TCP, blocks: 1})
		sub, spurious = run(oneFlow{protocol: mptcp.MPTCP})
		near("gathered ACKs, one block", sub, one, alike)
		if one < 0.95*tcp || fromOne < 0.1 || math.Abs(spurious-fromOne) > 0.1 {
			t.Errorf("%v: one block leaves TCP %.1f of %.1f packets/s, %.3f sent again for nothing; a subflow %.3f",
				path, one, tcp, fromOne, spurious)
		}
	}
}

// segmentLog notes which segments of the stream pass, by their number, and drops
// every 150th packet.
type segmentLog struct {
	everyNth
	mss   int
	first wire.Seq
	order []int
}

func (g *segmentLog) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if s := p.Segment(); s.Len > 0 {
		if len(g.order) == 0 {
			g.first, g.mss = s.Seq, int(s.Len)
		}
		g.order = append(g.order, int(s.Seq-g.first)/g.mss)
	}
	g.everyNth.Process(now, p, d, out)
}

// A window with a loss: the same segments leave in the same order, new ones during
// the recovery included, as PRR lets them out.
func TestSegmentsOfOneSubflow(t *testing.T) {
	var order [2][]int
	for i, protocol := range []mptcp.Protocol{mptcp.TCP, mptcp.MPTCP} {
		profile := mptcp.Linux()
		profile.TCP.AckEvery, profile.TCP.CompressSACK = 1, 0
		l := lab.New(lab.Config{CC: "reno", Profile: profile, Socket: func(o *mptcp.SocketOptions) { o.Protocol = protocol }},
			lab.Path{Name: "a", Rate: 10_000 * sim.MegabitPerSecond, Delay: 10 * ms, QueuePackets: 1000})
		g := &segmentLog{everyNth: everyNth{n: 150}}
		l.Path("a").Server.AddBox(g)
		_, server := l.Connect()
		server.Send(1 << 40)
		l.RunUntil(func() bool { return len(g.order) >= 3000 })
		order[i] = g.order[:3000]
	}
	for i, n := range order[0] {
		if order[1][i] != n {
			t.Fatalf("packet %d is segment %d of TCP, %d of a subflow", i, n, order[1][i])
		}
	}
}
