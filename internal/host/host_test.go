package host_test

import (
	"net/netip"
	"slices"
	"testing"

	"mpsim/cc"
	"mpsim/internal/host"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// pair is two hosts and two paths between them.
type pair struct {
	s              *sim.Sim
	net            *simnet.Network
	trace          *trace.Run
	client, server *host.Host
	size           int64 // of the download; 0: without end
	literal        bool
}

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{s: sim.New(1, 0), trace: new(trace.Run)}
	p.net = simnet.New(p.s, p.trace)
	c, s := p.net.AddNode("client"), p.net.AddNode("server")
	link := simnet.LinkConfig{Rate: 10 * sim.MegabitPerSecond, Delay: 10 * sim.Millisecond, Queue: simnet.Queue{Packets: 50}}
	for i, name := range []string{"a", "b"} {
		ci, si := c.AddInterface(name), s.AddInterface(name)
		p.net.Connect(name, ci, si, link, link)
		ci.AddAddr(netip.PrefixFrom(addr(byte(i), 1), 24))
		si.AddAddr(netip.PrefixFrom(addr(byte(i), 2), 24))
		// Either interface of the client reaches the server's first address.
		all := netip.MustParsePrefix("0.0.0.0/0")
		table := simnet.MainTable + 1 + simnet.TableID(i)
		c.AddRoute(table, all, ci, 0)
		c.AddRule(netip.PrefixFrom(addr(byte(i), 1), 32), table)
	}
	p.client = host.New(p.net, c, host.Config{Profile: mptcp.Linux()})
	p.server = host.New(p.net, s, host.Config{Profile: mptcp.Linux()})
	return p
}

func addr(net, node byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, net, node}) }

func options(t testing.TB, proto mptcp.Protocol) *mptcp.SocketOptions {
	t.Helper()
	return &mptcp.SocketOptions{
		Protocol: proto, SendBuffer: 4 << 20, ReceiveBuffer: 6 << 20,
		Controller: func(r *sim.Rand) cc.Controller {
			c, err := cc.New("reno", nil, r)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Scheduler: func(r *sim.Rand) sched.Scheduler {
			s, err := sched.NewScheduler("minrtt", nil, r)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		PathManager: func(r *sim.Rand) mptcp.PathManager {
			m, err := pm.New("fullmesh", nil, r)
			if err != nil {
				t.Fatal(err)
			}
			return m
		},
	}
}

// stream writes as fast as it may, or reads and checks everything.
type stream struct {
	h      *host.Host
	conn   mptcp.ConnID
	writes bool
	left   int64 // still to be written; 0: without end
	wrote  uint64
	// literal: the bytes are written as literal ones.
	literal bool
	got     uint64
	wrong   bool
	alarms  []uint32
	at      []sim.Time
}

func (a *stream) OnEvent(now sim.Time, ev *mptcp.Event) {
	ep := a.h.Endpoint()
	if a.left > 0 && !a.literal {
		a.left -= ep.Write(now, a.conn, a.left)
		a.writes = a.left > 0
		return
	}
	if a.left > 0 {
		b := make([]byte, a.left)
		wire.FillContent(b, a.wrote)
		n := ep.WriteBytes(now, a.conn, b)
		a.left, a.wrote = a.left-int64(n), a.wrote+uint64(n)
		a.writes = a.left > 0
		return
	}
	if a.writes {
		for ep.Write(now, a.conn, 1<<20) > 0 {
		}
		return
	}
	for {
		off, n := ep.Read(now, a.conn, 1<<30)
		if n == 0 {
			return
		}
		if off >= wire.LiteralOffset {
			b := ep.Bytes(off, n, nil)
			a.wrong = a.wrong || wire.ContentEqual(b, a.got) < len(b)
		} else {
			a.wrong = a.wrong || off != a.got
		}
		a.got += uint64(n)
	}
}

func (a *stream) OnAlarm(now sim.Time, arg uint32) {
	a.alarms = append(a.alarms, arg)
	a.at = append(a.at, now)
}

// download starts a transfer from the server to the client without end.
func (p *pair) download(t testing.TB, proto mptcp.Protocol) *stream {
	t.Helper()
	at := netip.AddrPortFrom(addr(0, 2), 80)
	if _, err := p.server.Listen(0, at, options(t, proto), func(now sim.Time, c mptcp.ConnID) host.App {
		w := &stream{h: p.server, conn: c, writes: true}
		w.left, w.literal = p.size, p.literal
		w.OnEvent(now, nil)
		return w
	}); err != nil {
		t.Fatal(err)
	}
	r := &stream{h: p.client}
	var err error
	if r.conn, err = p.client.Dial(0, netip.AddrPortFrom(addr(0, 1), 0), at, options(t, proto), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func (p *pair) run(until sim.Duration) { p.s.Run(sim.Time(until), 1e9) }

// In steady state nothing on a packet's way allocates: not the links, not the
// endpoints, not the applications.
func TestPacketsDoNotAllocate(t *testing.T) {
	for _, proto := range []mptcp.Protocol{mptcp.MPTCP, mptcp.TCP} {
		p := newPair(t)
		r := p.download(t, proto)
		p.run(20 * sim.Second)
		end := 20 * sim.Second
		before, hops := r.got, p.net.PacketHops()
		allocs := testing.AllocsPerRun(5, func() {
			end += sim.Second
			p.run(end)
		})
		if hops = p.net.PacketHops() - hops; allocs != 0 || r.wrong || r.got == before {
			t.Errorf("%v: %v allocations a second of %d packet-hops; %d bytes, wrong %v", proto, allocs, hops/6, r.got-before, r.wrong)
		}
	}
}

// Every packet that was allocated is freed, whatever became of it.
func TestPacketsAreNotLeaked(t *testing.T) {
	p := newPair(t)
	r := p.download(t, mptcp.MPTCP)
	p.run(5 * sim.Second)
	p.client.Endpoint().Abort(p.s.Now(), r.conn)
	p.client.Pump(p.s.Now())
	p.run(60 * sim.Second)
	if n := p.net.Allocated(); n != 0 {
		t.Errorf("%d packets are still allocated after the connection ended", n)
	}
}

func TestAlarms(t *testing.T) {
	p := newPair(t)
	a := &stream{h: p.client}
	p.client.SetAlarm(a, 30, 3)
	first := p.client.SetAlarm(a, 10, 1)
	stopped := p.client.SetAlarm(a, 20, 2)
	p.client.StopAlarm(stopped)
	p.client.StopAlarm(stopped) // once more does nothing
	p.client.SetAlarm(a, 40, 4) // takes the place of the stopped one
	p.run(100)
	p.client.StopAlarm(first) // it has gone off
	if want := []uint32{1, 3, 4}; !slices.Equal(a.alarms, want) || !slices.Equal(a.at, []sim.Time{10, 30, 40}) {
		t.Errorf("alarms %v at %v, want %v at 10, 30, 40", a.alarms, a.at, want)
	}
}

// datagrams notes what arrives.
type datagrams struct {
	from []netip.AddrPort
	off  []uint64
	n    []int
	tos  uint8
}

func (d *datagrams) OnDatagram(_ sim.Time, from netip.AddrPort, off uint64, n int, tos uint8) {
	d.from, d.off, d.n, d.tos = append(d.from, from), append(d.off, off), append(d.n, n), tos
}

func TestDatagrams(t *testing.T) {
	p := newPair(t)
	var got datagrams
	to := netip.AddrPortFrom(addr(0, 2), 9)
	if _, err := p.server.OpenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), 9), &got); err != nil {
		t.Fatal(err)
	}
	from := netip.AddrPortFrom(addr(0, 1), 1000)
	u, err := p.client.OpenUDP(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.OpenUDP(from, nil); err == nil {
		t.Error("one port was opened twice")
	}
	p.client.SendUDP(0, u, to, 0, 100, 0)
	p.client.SendUDP(0, u, to, 100, 50, 0x88)
	p.client.SendUDP(0, u, netip.AddrPortFrom(addr(0, 2), 10), 0, 7, 0) // nobody listens
	p.run(sim.Second)
	if !slices.Equal(got.off, []uint64{0, 100}) || !slices.Equal(got.n, []int{100, 50}) || got.from[0] != from || got.tos != 0x88 {
		t.Errorf("received %+v", got)
	}
	if n := p.net.Allocated(); n != 0 {
		t.Errorf("%d packets are still allocated", n)
	}
}

// BenchmarkTwoPathBulk is a second of a download over two paths a turn; ns/hop is
// the cost of everything for one packet on one link.
func BenchmarkTwoPathBulk(b *testing.B) {
	p := newPair(b)
	p.download(b, mptcp.MPTCP)
	end := 5 * sim.Second
	p.run(end)
	b.ReportAllocs()
	hops := p.net.PacketHops()
	b.ResetTimer()
	for range b.N {
		end += sim.Second
		p.run(end)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(p.net.PacketHops()-hops), "ns/hop")
}

// The run hash, links and hosts included, is the same with literal bytes as with
// virtual ones, and another one if a byte of the content differs. In verify mode
// the literal bytes are on every wire.
func TestLiteralHash(t *testing.T) {
	const size = 1 << 20
	transfer := func(proto mptcp.Protocol, literal bool, change func(*simnet.Packet)) trace.Hash {
		p := newPair(t)
		p.net.SetVerify(true)
		if change != nil {
			for _, ifc := range p.client.Node().Interfaces() {
				ifc.AddBox(changer(change))
			}
		}
		p.size, p.literal = size, literal
		r := p.download(t, proto)
		p.run(20 * sim.Second)
		if r.got != size || r.wrong != (change != nil) {
			t.Fatalf("%v, literal %v: %d of %d bytes, wrong %v", proto, literal, r.got, size, r.wrong)
		}
		return p.trace.Hash()
	}
	one := func(p *simnet.Packet) {
		if s := p.Segment(); s.Len > 0 {
			b := make([]byte, s.Len)
			wire.FillContent(b, s.Off)
			b[0] ^= 1
			wire.SetPieces(s, p.AddOptions(), []wire.Piece{{Off: s.Off, Len: uint32(s.Len), Data: b}})
		}
	}
	for _, proto := range []mptcp.Protocol{mptcp.TCP, mptcp.MPTCP} {
		virtual, literal := transfer(proto, false, nil), transfer(proto, true, nil)
		if virtual != literal {
			t.Errorf("%v: %v with virtual bytes, %v with literal ones", proto, virtual, literal)
		}
		if changed := transfer(proto, false, one); changed == virtual {
			t.Errorf("%v: changed bytes do not change the hash", proto)
		}
	}
}

// changer is a box that changes packets that come in.
type changer func(*simnet.Packet)

func (c changer) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if d == simnet.In {
		c(p)
	}
	out.Emit(p, d)
}

func (changer) NextTimeout() sim.Time                  { return sim.Never }
func (changer) HandleTimeout(sim.Time, simnet.Emitter) {}
