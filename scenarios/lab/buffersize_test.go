package lab_test

import (
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/scenarios/lab"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// steadyWindow keeps windows that just fill the paths, whatever is lost.
type steadyWindow struct {
	cc.Controller
	w []int64
}

func (s *steadyWindow) Window(f cc.FlowID) int64   { return s.w[f] }
func (s *steadyWindow) Ssthresh(f cc.FlowID) int64 { return s.w[f] }

// oneDrop drops the first data packet after a time, and so many copies of it.
type oneDrop struct {
	after sim.Time
	count int
	seq   uint32
	at    []sim.Time
}

func (b *oneDrop) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	s := p.Segment()
	if s.Len > 0 && now >= b.after && len(b.at) < b.count && (len(b.at) == 0 || uint32(s.Seq) == b.seq) {
		b.seq = uint32(s.Seq)
		b.at = append(b.at, now)
		out.Drop(p, trace.BoxDrop)
		return
	}
	out.Emit(p, d)
}

func (*oneDrop) NextTimeout() sim.Time                  { return sim.Never }
func (*oneDrop) HandleTimeout(sim.Time, simnet.Emitter) {}

// ALGORITHMS B12 on its own vector: 10 Mb/s at 20 ms and 2 Mb/s at 200 ms, full windows,
// and one packet of the slow path lost. Through its repair the connection goes on
// at full rate with 2*12e6/8*0.2 = 600 kB of receive buffer. With less it stands still from
// the moment the buffer is full, B/(12 Mb/s) after the loss, until the hole is filled: the
// loss shows after a round trip with the third segment behind it, of 5.7 ms each, and the
// repair takes half a round trip more, and the way of the DATA_ACK:
// 200 + 3*5.7 + 100 + 10 = 327 ms. That costs the fast path as much of its 10 Mb/s.
func TestReceiveBufferThroughRepair(t *testing.T) {
	const hole, total, fast = 327 * ms, 12_000_000 / 8, 10e6 / 8
	lost := func(buffer int64, drop bool) (bytes int64) {
		l := lab.New(lab.Config{Seed: 1, Socket: func(o *mptcp.SocketOptions) {
			o.SendBuffer, o.ReceiveBuffer = 4<<20, buffer
		}, NewCC: func(rnd *sim.Rand) cc.Controller {
			inner, err := cc.New("reno", nil, rnd)
			if err != nil {
				t.Fatal(err)
			}
			return &steadyWindow{inner, []int64{20 * 1420, 37 * 1420}}
		}},
			lab.Path{Name: "fast", Rate: 10 * sim.MegabitPerSecond, Delay: 10 * ms, QueuePackets: 100},
			lab.Path{Name: "slow", Rate: 2 * sim.MegabitPerSecond, Delay: 100 * ms, QueuePackets: 100})
		box := &oneDrop{after: sim.Never}
		if drop {
			box = &oneDrop{after: sim.Time(3 * sim.Second), count: 1}
		}
		l.Path("slow").Server.AddBox(box)
		client, server := l.Connect()
		server.Send(1 << 50)
		l.Run(3 * sim.Second)
		before := server.Subflows()[0].Delivered
		l.Run(2 * sim.Second)
		if drop && len(box.at) != 1 || client.Corrupt() != 0 {
			t.Fatalf("%d packets dropped", len(box.at))
		}
		return int64(server.Subflows()[0].Delivered) - int64(before)
	}
	full := lost(4<<20, false)
	t.Logf("fast path without loss: %.3f Mb/s", float64(full)*8/2e6)
	for _, v := range []struct {
		buffer int64
		stands sim.Duration
	}{
		{4 << 20, 0},
		{600_000, 0},
		{int64(hole) * total / 1e9, 0},
		{450_000, hole - 300*ms},
		{375_000, hole - 250*ms},
		{337_500, hole - 225*ms},
	} {
		got := sim.Duration(float64(full-lost(v.buffer, true)) / (fast * 1420 / 1500) * 1e9)
		t.Logf("%d bytes: the fast path stands still for %v, want %v", v.buffer, got, v.stands)
		if d := got - v.stands; d > 15*ms || d < -15*ms {
			t.Errorf("%d bytes: the fast path stands still for %v, want %v", v.buffer, got, v.stands)
		}
	}
}
