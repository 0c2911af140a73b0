package lab_test

import (
	"math"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/scenarios/lab"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// everyNth drops every n-th data packet.
type everyNth struct{ n, count int }

func (b *everyNth) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if p.Segment().Len > 0 {
		if b.count++; b.count%b.n == 0 {
			out.Drop(p, trace.BoxDrop)
			return
		}
	}
	out.Emit(p, d)
}

func (*everyNth) NextTimeout() sim.Time                  { return sim.Never }
func (*everyNth) HandleTimeout(sim.Time, simnet.Emitter) {}

// Under deterministic periodic loss LIA and EWTCP lie within 10 % of their fluid
// solutions, scaled by 1.2247/sqrt(2), the ratio for one TCP (PAPERS 18.1, 18.2):
//
//	LIA    max_r sqrt(2/p_r)/rtt_r
//	EWTCP  sum_r sqrt(2/p_r)/rtt_r / n
func TestPeriodicLoss(t *testing.T) {
	for _, v := range []struct {
		name  string
		every [2]int
		rtt   [2]sim.Duration
	}{
		{"lia", [2]int{1000, 500}, [2]sim.Duration{50 * ms, 50 * ms}},
		{"lia", [2]int{400, 1500}, [2]sim.Duration{30 * ms, 60 * ms}},
		{"ewtcp", [2]int{1000, 500}, [2]sim.Duration{50 * ms, 50 * ms}},
		{"ewtcp", [2]int{400, 1500}, [2]sim.Duration{30 * ms, 60 * ms}},
	} {
		profile := mptcp.Linux()
		profile.TCP.AckEvery, profile.TCP.CompressSACK = 1, 0
		var lines []lab.Path
		var fluid []float64
		for i := range v.every {
			lines = append(lines, lab.Path{Name: string(rune('a' + i)), Rate: 10_000 * sim.MegabitPerSecond, Delay: v.rtt[i] / 2, QueuePackets: 100_000})
			fluid = append(fluid, math.Sqrt(2*float64(v.every[i]))/v.rtt[i].Seconds())
		}
		want := math.Max(fluid[0], fluid[1])
		if v.name == "ewtcp" {
			want = (fluid[0] + fluid[1]) / 2
		}
		want *= 1.2247 / math.Sqrt2
		l := lab.New(lab.Config{Seed: 1, CC: v.name, Profile: profile, Socket: func(o *mptcp.SocketOptions) {
			o.SendBuffer, o.ReceiveBuffer = 1<<27, 1<<27
		}}, lines...)
		for i, n := range v.every {
			l.Path(lines[i].Name).Server.AddBox(&everyNth{n: n})
		}
		client, server := l.Connect()
		server.Send(1 << 50)
		l.Run(20 * sim.Second)
		before := client.Received()
		l.Run(200 * sim.Second)
		got := float64(client.Received()-before) / float64(server.Subflows()[0].MSS) / 200
		t.Logf("%s %v %v: %.1f packets/s, scaled fluid solution %.1f: ratio %.3f", v.name, v.every, v.rtt, got, want, got/want)
		if math.Abs(got/want-1) > 0.10 {
			t.Errorf("%s %v %v: %.1f packets/s, scaled fluid solution %.1f", v.name, v.every, v.rtt, got, want)
		}
	}
}

// A27: over two links the backlogs of wVegas sum up to total_alpha, 10 packets,
// within 8 to 12, and fill both; LIA fills the queues. The kernel's mode keeps the
// queues shorter still and leaves much of the links unused.
//
// row:F5
func TestWVegasBacklog(t *testing.T) {
	const mtu, links = 1500, 25e6 * 1420 / 1500
	run := func(name string, mode float64) (backlog, rate float64) {
		l := lab.New(lab.Config{Seed: 1, NewCC: func(rnd *sim.Rand) cc.Controller {
			c, err := cc.New(name, []cc.Setting{{Name: "mode", Value: mode}}, rnd)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}},
			lab.Path{Name: "a", Rate: 15 * sim.MegabitPerSecond, Delay: 20 * ms, QueuePackets: 200},
			lab.Path{Name: "b", Rate: 10 * sim.MegabitPerSecond, Delay: 30 * ms, QueuePackets: 200})
		client, server := l.Connect()
		server.Send(1 << 50)
		l.Run(20 * sim.Second)
		before := client.Received()
		const samples = 3000
		for range samples {
			l.Run(10 * ms)
			for _, p := range []string{"a", "b"} {
				waiting := max(l.Path(p).Down.QueueBytes()-mtu, 0) // but the one in service
				backlog += float64(waiting) / mtu / samples
			}
		}
		rate = float64(client.Received()-before) * 8 / (samples * 10e-3) / links
		t.Logf("%s mode %v: backlog %.2f packets, %.1f %% of the links", name, mode, backlog, 100*rate)
		return backlog, rate
	}
	if got, rate := run("wvegas", 0); got < 8 || got > 12 || rate < 0.98 {
		t.Errorf("a backlog of %.2f packets, want 10; %.3f of the links", got, rate)
	}
	if got, rate := run("wvegas", 1); got > 8 || rate > 0.9 {
		t.Errorf("linux-oot: a backlog of %.2f packets; %.3f of the links", got, rate)
	}
	if got, rate := run("lia", 0); got < 40 || rate < 0.98 {
		t.Errorf("LIA: a backlog of %.2f packets; %.3f of the links", got, rate)
	}
}
