package app_test

import (
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/internal/app"
	"mpsim/internal/host"
	"mpsim/mptcp"
	simnet "mpsim/net"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// lab is two hosts and a link of 10 Mb/s and 10 ms each way.
type lab struct {
	s              *sim.Sim
	client, server *host.Host
	clientAddr     netip.Addr
	serverAddr     netip.Addr
}

func newLab(loss float64) *lab {
	l := &lab{s: sim.New(1, 0)}
	n := simnet.New(l.s, new(trace.Run))
	a, b := n.AddNode("client"), n.AddNode("server")
	l.client, l.server = host.New(n, a, host.Config{}), host.New(n, b, host.Config{})
	ia, ib := a.AddInterface("eth0"), b.AddInterface("eth0")
	cfg := simnet.LinkConfig{Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond, Queue: simnet.Queue{Packets: 50}, Loss: loss}
	n.Connect("l", ib, ia, cfg, cfg)
	l.clientAddr, l.serverAddr = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	ia.AddAddr(netip.PrefixFrom(l.clientAddr, 24))
	ib.AddAddr(netip.PrefixFrom(l.serverAddr, 24))
	return l
}

// useIPv6 gives both hosts another address, which sockets use then.
func (l *lab) useIPv6() {
	l.clientAddr, l.serverAddr = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	l.client.Node().Interfaces()[0].AddAddr(netip.PrefixFrom(l.clientAddr, 64))
	l.server.Node().Interfaces()[0].AddAddr(netip.PrefixFrom(l.serverAddr, 64))
}

func (l *lab) socket(stop sim.Time) app.Socket {
	o := &mptcp.SocketOptions{Controller: func(rnd *sim.Rand) cc.Controller {
		c, err := cc.New("reno", nil, rnd)
		if err != nil {
			sim.Bugf("%v", err)
		}
		return c
	}, SendBuffer: 1 << 17}
	return app.Socket{
		Local: netip.AddrPortFrom(l.clientAddr, 0), Remote: netip.AddrPortFrom(l.serverAddr, 80),
		Client: o, Server: o, Start: 1e9, Stop: stop,
	}
}

func TestBulk(t *testing.T) {
	for _, upload := range []bool{false, true} {
		l := newLab(0.01)
		r := app.NewRecord(20 * sim.Second)
		b, err := app.NewBulk(l.client, l.server, l.socket(sim.Never), 3_000_000, upload, r)
		if err != nil {
			t.Fatal(err)
		}
		l.s.Run(20e9, 1<<40)
		if r.Bytes != 3_000_000 || r.Corrupt != 0 || r.Begin != 1e9 {
			t.Errorf("upload %v: %d bytes, %d corrupt, begun at %v", upload, r.Bytes, r.Corrupt, r.Begin)
		}
		// 3 MB need 2.4 s at least; the handshake takes 20.096 ms.
		if r.Done < 3.4e9 || r.Done > 20e9 || b.Connected != 1e9+20.096e6 || b.Closed == sim.Never || b.Why != trace.Graceful {
			t.Errorf("upload %v: done at %v, connected at %v, closed at %v (%v)", upload, r.Done, b.Connected, b.Closed, b.Why)
		}
		// The connection is gone from the endpoint, but not from the report.
		if i := b.Client.Info(); i.Name != "" || len(b.Client.Subflows(nil)) != 1 || i.Number == 0 {
			t.Errorf("upload %v: at its end the client showed %+v", upload, i)
		}
		var sum float64
		for i := range 2000 {
			at := sim.Time(i) * 10e6
			sum += r.BytesIn(at, at+10e6)
		}
		if sum != 3_000_000 {
			t.Errorf("bins hold %v bytes", sum)
		}
	}
}

func TestBulkStops(t *testing.T) {
	for _, upload := range []bool{false, true} {
		l := newLab(0)
		r := app.NewRecord(20 * sim.Second)
		b, err := app.NewBulk(l.client, l.server, l.socket(3e9), app.Unlimited, upload, r)
		if err != nil {
			t.Fatal(err)
		}
		l.s.Run(20e9, 1<<40)
		// What was in the send buffer of 128 KiB and in flight still arrives.
		if r.Done < 3e9 || r.Done > 3.3e9 || r.Corrupt != 0 || b.Why != trace.Graceful {
			t.Errorf("upload %v: done at %v with %d bytes, ended %v", upload, r.Done, r.Bytes, b.Why)
		}
	}
}

func TestRequests(t *testing.T) {
	l := newLab(0)
	r := app.NewRecord(20 * sim.Second)
	q, err := app.NewRequest(l.client, l.server, l.socket(sim.Never), app.Pattern{
		Request: 300, Response: 5000, Count: 5, Interval: 500 * sim.Millisecond, Think: 10 * sim.Millisecond,
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	l.s.Run(20e9, 1<<40)
	if len(q.Latencies) != 5 || r.Bytes != 25_000 || r.Corrupt != 0 || q.ServerRecord().Bytes != 1500 || q.ServerRecord().Corrupt != 0 {
		t.Fatalf("%d answers, %d bytes down, %d up", len(q.Latencies), r.Bytes, q.ServerRecord().Bytes)
	}
	// Of the third on: the request of 300 + 52 bytes, a response of three full
	// segments and one of 656 + 52 bytes, and two times 10 ms. The server's ACK of
	// the request may go before the response: 52 bytes.
	const bits = (352 + 3*1500 + 708) * 8
	lo, hi := 20*sim.Millisecond+bits*100, 20*sim.Millisecond+(bits+52*8)*100
	for i, d := range q.Latencies[2:] {
		if d < lo || d > hi {
			t.Errorf("latency of request %d is %v, want %v to %v", i+2, d, lo, hi)
		}
	}
	// Requests begin every 500 ms: the last response ends 2 s after the first
	// request, plus its latency.
	want := q.Connected.Add(4 * 500 * sim.Millisecond).Add(q.Latencies[4])
	if r.Done != want {
		t.Errorf("done at %v, want %v", r.Done, want)
	}
}

func TestRequestsStop(t *testing.T) {
	l := newLab(0)
	r := app.NewRecord(20 * sim.Second)
	q, err := app.NewRequest(l.client, l.server, l.socket(2.2e9), app.Pattern{
		Request: 300, Response: 5000, Count: 1000, Interval: 500 * sim.Millisecond,
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	l.s.Run(20e9, 1<<40)
	if len(q.Latencies) != 3 || q.Closed == sim.Never || r.Done != 2.2e9 {
		t.Errorf("%d answers, done at %v, closed at %v", len(q.Latencies), r.Done, q.Closed)
	}
}

func TestConstantRateDatagrams(t *testing.T) {
	l := newLab(0)
	r := app.NewRecord(20 * sim.Second)
	d, err := app.NewDatagrams(l.client, l.server, app.DatagramConfig{
		From: netip.AddrPortFrom(l.clientAddr, 7), To: netip.AddrPortFrom(l.serverAddr, 7),
		Rate: 3 * sim.MegabitPerSecond, Packet: 1000, Size: app.Unlimited, Start: 1e9, Stop: 11e9,
	}, nil, nil, r)
	if err != nil {
		t.Fatal(err)
	}
	l.s.Run(20e9, 1<<40)
	// 3 Mb/s are 375 packets a second, 8/3 ms apart, exactly 3750 in 10 s.
	if d.Sent != 3750 || d.Received != 3750 || r.Corrupt != 0 || d.Lost() != 0 || d.Reverse != 0 {
		t.Errorf("%d sent, %d received, %d corrupt", d.Sent, d.Received, r.Corrupt)
	}
	// Each is alone on the link: 1028 bytes and 10 ms.
	if want := 10*sim.Millisecond + 1028*800; d.Delays.Min != want || d.Delays.Max != want {
		t.Errorf("delays %v to %v, want %v", d.Delays.Min, d.Delays.Max, want)
	}
}

func TestLossOfDatagrams(t *testing.T) {
	l := newLab(0.1)
	r := app.NewRecord(200 * sim.Second)
	d, err := app.NewDatagrams(l.client, l.server, app.DatagramConfig{
		From: netip.AddrPortFrom(l.clientAddr, 7), To: netip.AddrPortFrom(l.serverAddr, 7),
		Rate: 800 * sim.KilobitPerSecond, Packet: 1000, Size: 10_000_000, Stop: sim.Never,
	}, nil, nil, r)
	if err != nil {
		t.Fatal(err)
	}
	l.s.Run(200e9, 1<<40)
	// Binomial with p = 0.1 and n = 10000: standard deviation 30.
	if d.Sent != 10_000 || d.Lost() < 880 || d.Lost() > 1120 || r.Bytes != 1000*d.Received {
		t.Errorf("%d sent, %d lost, %d bytes", d.Sent, d.Lost(), r.Bytes)
	}
}

// Bursts of mean 50 ms with pauses from 25 to 75 ms: half of the time, with the
// standard error of 2000 bursts.
func TestBursts(t *testing.T) {
	l := newLab(0)
	r := app.NewRecord(200 * sim.Second)
	d, err := app.NewDatagrams(l.client, l.server, app.DatagramConfig{
		From: netip.AddrPortFrom(l.clientAddr, 7), To: netip.AddrPortFrom(l.serverAddr, 7),
		Rate: 4 * sim.MegabitPerSecond, Packet: 500, Size: app.Unlimited, Stop: sim.Never, Bursts: true,
		On: app.Shape{Kind: app.Exponential, A: 50 * sim.Millisecond}, Off: app.Shape{Kind: app.Uniform, A: 25 * sim.Millisecond, B: 75 * sim.Millisecond},
	}, l.s.Stream("on"), l.s.Stream("off"), r)
	if err != nil {
		t.Fatal(err)
	}
	l.s.Run(200e9, 1<<40)
	// A burst of length T sends ceil(T / 1 ms) packets: half a packet more than T.
	share := float64(d.Sent) / 200_000 / 1.01
	if share < 0.46 || share > 0.54 {
		t.Errorf("on for %.3f of the time, want 0.5", share)
	}
}

func TestShapes(t *testing.T) {
	rnd := sim.NewRand(1, 0, "shape")
	var sum, low, high sim.Duration
	low = sim.Second
	for range 10_000 {
		v := app.Shape{Kind: app.Uniform, A: 10, B: 20}.Draw(rnd)
		low, high, sum = min(low, v), max(high, v), sum+v
	}
	if low != 10 || high != 20 || sum < 148_000 || sum > 152_000 {
		t.Errorf("uniform from %d to %d, sum %d", low, high, sum)
	}
	if v := (app.Shape{A: 7}).Draw(nil); v != 7 {
		t.Errorf("constant %v", v)
	}
}

// A transfer in its steady state allocates nothing, nor do datagrams.
func TestNoAllocation(t *testing.T) {
	l := newLab(0)
	r := app.NewRecord(100 * sim.Second)
	if _, err := app.NewBulk(l.client, l.server, l.socket(sim.Never), app.Unlimited, false, r); err != nil {
		t.Fatal(err)
	}
	if _, err := app.NewDatagrams(l.client, l.server, app.DatagramConfig{
		From: netip.AddrPortFrom(l.clientAddr, 7), To: netip.AddrPortFrom(l.serverAddr, 7),
		Rate: sim.MegabitPerSecond, Packet: 1000, Size: app.Unlimited, Stop: sim.Never,
	}, nil, nil, app.NewRecord(100*sim.Second)); err != nil {
		t.Fatal(err)
	}
	now := sim.Time(20e9)
	l.s.Run(now, 1<<40)
	if n := testing.AllocsPerRun(20, func() {
		now += 1e9
		l.s.Run(now, 1<<40)
	}); n > 1 {
		t.Errorf("%v allocations a second", n)
	}
}
