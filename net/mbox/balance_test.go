package mbox_test

import (
	"fmt"
	"net/netip"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/mbox"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// farm is a client, a load balancer and three servers that answer every packet.
type farm struct {
	s      *sim.Sim
	n      *simnet.Network
	client *simnet.Node
	edge   *simnet.Node
	got    []string // packets that reach somebody: who, source and destination
	reply  wire.Options
}

type farmHost struct {
	f    *farm
	name string
}

func (h farmHost) Receive(now sim.Time, id simnet.PacketID) {
	f := h.f
	s, r := f.n.Segment(id), simnet.RouteID(f.n.Segment(id).Route)
	t := f.n.Tuple(r)
	f.got = append(f.got, fmt.Sprintf("%s %v > %v", h.name, t.Src, t.Dst))
	syn := s.Flags.Has(wire.SYN)
	f.n.Free(id)
	if h.name == "client" {
		return
	}
	id = f.n.Alloc()
	s = f.n.Segment(id)
	s.Route, s.TTL, s.Flags = uint32(f.n.Reverse(r)), 64, wire.ACK
	if syn {
		s.Flags |= wire.SYN
		if f.reply.Present != 0 {
			f.n.AddOptions(id).CopyFrom(&f.reply)
		}
	}
	f.n.Nodes()[2+int(h.name[1]-'0')].Send(now, id)
}

func newFarm(t *testing.T, settings ...mbox.Setting) *farm {
	t.Helper()
	f := &farm{s: sim.New(1, 0)}
	f.n = simnet.New(f.s, new(trace.Run))
	f.client, f.edge = f.n.AddNode("client"), f.n.AddNode("edge")
	f.client.SetReceiver(farmHost{f, "client"})
	f.client.AddInterface("e").AddAddr(netip.MustParsePrefix("10.0.0.1/32"))
	outside := f.edge.AddInterface("client")
	f.n.Connect("client", f.client.Interface("e"), outside, simnet.LinkConfig{}, simnet.LinkConfig{})
	f.edge.AddInterface("lo").AddAddr(netip.MustParsePrefix("10.9.9.9/32"))
	for i := range 3 {
		name := fmt.Sprintf("s%d", i)
		nd := f.n.AddNode(name)
		nd.SetReceiver(farmHost{f, name})
		nd.AddInterface("e").AddAddr(netip.MustParsePrefix(fmt.Sprintf("10.1.0.%d/32", i)))
		f.n.Connect(name, nd.Interface("e"), f.edge.AddInterface(name), simnet.LinkConfig{}, simnet.LinkConfig{})
	}
	f.n.SetRouting(simnet.RoutingConfig{})
	settings = append(settings, mbox.Setting{Name: "vip", Texts: []string{"10.9.9.9"}, IsText: true},
		mbox.Setting{Name: "servers", Texts: []string{"10.1.0.0", "10.1.0.1", "10.1.0.2"}, IsText: true})
	b, err := mbox.New("balance", mbox.Everything(), settings, &mbox.Env{Net: f.n, Node: f.edge, Rand: f.s.Stream("box")})
	if err != nil {
		t.Fatal(err)
	}
	outside.AddBox(b)
	return f
}

// send sends a packet of the client and returns what reached whom.
func (f *farm) send(port int, dst string, flags wire.Flags, o *wire.Options) []string {
	id := f.n.Alloc()
	s := f.n.Segment(id)
	s.Route = uint32(f.n.Intern(wire.Tuple{
		Src: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(port)), Dst: netip.MustParseAddrPort(dst), Proto: wire.ProtoTCP,
	}))
	s.TTL, s.Flags = 64, flags
	if o != nil {
		f.n.AddOptions(id).CopyFrom(o)
	}
	f.got = nil
	f.client.Send(f.s.Now(), id)
	f.s.Run(f.s.Now()+sim.Time(sim.Second), 1<<20)
	return f.got
}

// Packets in, packets out: the server sees its own address, the client the virtual
// one; a flow stays with its server; flows spread evenly; what is not for the
// virtual address passes as it is, and so does the answer to it.
//
// row:M18
func TestBalance(t *testing.T) {
	f := newFarm(t)
	var share [3]int
	for port := 1000; port < 1900; port++ {
		got := f.send(port, "10.9.9.9:80", wire.SYN, nil)
		var server int
		var a, b string
		if n, err := fmt.Sscanf(got[0], "s%d %s > %s", &server, &a, &b); n != 3 || err != nil || len(got) != 2 {
			t.Fatalf("port %d: %v", port, got)
		}
		share[server]++
		if a != fmt.Sprintf("10.0.0.1:%d", port) || b != fmt.Sprintf("10.1.0.%d:80", server) {
			t.Errorf("the server sees %s", got[0])
		}
		if want := fmt.Sprintf("client 10.9.9.9:80 > 10.0.0.1:%d", port); got[1] != want {
			t.Errorf("the client sees %s, want %s", got[1], want)
		}
		if again := f.send(port, "10.9.9.9:80", wire.ACK, nil); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("the second packet goes %v, the first %v", again, got)
		}
	}
	for i, n := range share {
		if n < 300-71 || n > 300+71 { // five standard deviations of 14.1
			t.Errorf("server %d has %d of 900 flows", i, n)
		}
	}
	got := f.send(1000, "10.1.0.2:80", wire.SYN, nil)
	if fmt.Sprint(got) != "[s2 10.0.0.1:1000 > 10.1.0.2:80 client 10.1.0.2:80 > 10.0.0.1:1000]" {
		t.Errorf("past the balancer: %v", got)
	}
}

// A join to the virtual address reaches the server of its connection if the balancer
// is aware of MPTCP, else with one chance in three. The token of key 0x0123456789abcdef
// is the beginning of its SHA-256, 55c53f5d, in version 0 of its SHA-1, 0ca2eadb.
//
// row:M18
func TestBalanceJoins(t *testing.T) {
	for version, token := range []uint32{0x0ca2eadb, 0x55c53f5d} {
		for _, aware := range []bool{false, true} {
			var set []mbox.Setting
			if aware {
				set = append(set, mbox.Setting{Name: "aware", Number: 1})
			}
			f := newFarm(t, set...)
			f.reply = wire.Options{Present: wire.OptCapable, Capable: wire.Capable{Version: uint8(version), Keys: 1, SenderKey: 0x0123456789abcdef}}
			server := f.send(1000, "10.9.9.9:80", wire.SYN, nil)[0][:2]
			right := 0
			for port := 2000; port < 2100; port++ {
				o := &wire.Options{Present: wire.OptJoin, Join: wire.Join{Form: wire.JoinSYN, Token: token}}
				f.reply = wire.Options{}
				if f.send(port, "10.9.9.9:80", wire.SYN, o)[0][:2] == server {
					right++
				}
			}
			if aware && right != 100 || !aware && (right < 10 || right > 57) {
				t.Errorf("version %d, aware %v: %d of 100 joins reach the server", version, aware, right)
			}
		}
	}
}
