package pm_test

import (
	"container/heap"
	"net/netip"
	"testing"

	"mpsim/cc"
	"mpsim/mptcp"
	"mpsim/mptcp/pm"
	"mpsim/net/wire"
	"mpsim/sched"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// The topology of the kernel's self-test mptcp_join.sh: a server (ns1) and a
// client (ns2) with four links, 10.0.i.1 and 10.0.i.2, one millisecond each way;
// every address of the server is reachable over every link. The connection goes
// from 10.0.1.2 to 10.0.1.1.

const (
	server = iota
	client
)

// far is the address of the end on link i.
func far(end, i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i), byte(end + 1)}) }

type packet struct {
	at  sim.Time
	n   int
	to  int
	seg *mptcp.Segment
}

type packets []packet

func (h packets) Len() int { return len(h) }
func (h packets) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].n < h[j].n
}
func (h packets) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *packets) Push(x any)   { *h = append(*h, x.(packet)) }
func (h *packets) Pop() any {
	old := *h
	p := old[len(old)-1]
	*h = old[:len(old)-1]
	return p
}

// fate is what a link does with a segment.
type fate int

const (
	pass fate = iota
	lose
	reject // as iptables -j REJECT does
)

// joinNet is the network with both ends.
type joinNet struct {
	t        *testing.T
	now      sim.Time
	n        int
	ep       [2]*mptcp.Endpoint
	conn     [2]mptcp.ConnID
	fly      packets
	filter   func(from int, s *mptcp.Segment) fate
	bytes    map[netip.Addr]int // payload received, by the client's address
	got      [2]int64
	bad      bool
	resets   [2]int // RSTs sent
	listenAt netip.Addr
	trace    *trace.Run
	pm       string // of both ends
	settings []cc.Setting
}

func newJoinNet(t *testing.T, prepare func(p [2]*mptcp.Profile)) *joinNet {
	w := &joinNet{t: t, bytes: map[netip.Addr]int{}, pm: "linux"}
	profiles := [2]*mptcp.Profile{mptcp.Linux(), mptcp.Linux()}
	if prepare != nil {
		prepare(profiles)
	}
	w.trace = new(trace.Run)
	for i, name := range []string{"ns1", "ns2"} {
		w.ep[i] = mptcp.New(mptcp.Config{
			Profile: profiles[i],
			Trace:   w.trace.AddNode(name),
			Stream:  func(p string) *sim.Rand { return sim.NewRand(7, 0, name+"/"+p) },
		})
		for l := 1; l <= 4; l++ {
			w.ep[i].HandleAddr(0, far(i, l), true, 0)
		}
	}
	return w
}

func (w *joinNet) options() *mptcp.SocketOptions {
	return &mptcp.SocketOptions{
		Protocol: mptcp.MPTCP,
		Controller: func(r *sim.Rand) cc.Controller {
			c, err := cc.New("reno", nil, r)
			if err != nil {
				w.t.Fatal(err)
			}
			return c
		},
		Scheduler: func(*sim.Rand) sched.Scheduler {
			s, err := sched.NewScheduler("minrtt", nil, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			return s
		},
		PathManager: func(r *sim.Rand) mptcp.PathManager {
			m, err := pm.New(w.pm, w.settings, r)
			if err != nil {
				w.t.Fatal(err)
			}
			return m
		},
	}
}

// connect opens the connection.
func (w *joinNet) connect() {
	w.t.Helper()
	if _, err := w.ep[server].Listen(w.now, netip.AddrPortFrom(w.listenAt, 10000), w.options()); err != nil {
		w.t.Fatal(err)
	}
	c, err := w.ep[client].Dial(w.now, netip.AddrPortFrom(far(client, 1), 0), netip.AddrPortFrom(far(server, 1), 10000), w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	w.conn[client] = c
	w.flush(client)
}

func (w *joinNet) flush(end int) {
	ep := w.ep[end]
	for again := true; again; {
		again = false
		s := new(mptcp.Segment)
		for ep.PollSegment(w.now, s) {
			again = true
			w.send(end, s)
			s = new(mptcp.Segment)
		}
		var e mptcp.Event
		for ep.PollEvent(&e) {
			again = true
			if e.Kind == mptcp.Acceptable {
				w.conn[end], _ = ep.Accept(e.Conn)
			}
		}
		for w.conn[end] != 0 {
			off, n := ep.Read(w.now, w.conn[end], 1<<40)
			if n == 0 {
				break
			}
			again = true
			w.bad = w.bad || off != uint64(w.got[end])
			w.got[end] += n
		}
	}
}

func (w *joinNet) send(end int, s *mptcp.Segment) {
	tu := new(wire.Tuple)
	*tu = *s.Tuple
	s.Tuple, s.Socket = tu, 0
	if !wire.Fits(&s.Segment, s.Opt) {
		w.t.Fatalf("%v: options do not fit", w.now)
	}
	if s.Flags.Has(wire.RST) {
		w.resets[end]++
	}
	if w.filter != nil {
		switch w.filter(end, s) {
		case lose:
			return
		case reject:
			r := new(mptcp.Segment)
			back := tu.Reverse()
			r.Tuple, r.TTL = &back, 64
			r.Flags, r.Ack = wire.RST|wire.ACK, s.Seq+1
			w.push(end, r)
			return
		}
	}
	local := tu.Src.Addr()
	if end == server {
		local = tu.Dst.Addr()
	}
	w.bytes[local] += int(s.Len)
	w.push(1-end, s)
}

func (w *joinNet) push(to int, s *mptcp.Segment) {
	w.n++
	heap.Push(&w.fly, packet{w.now.Add(sim.Millisecond), w.n, to, s})
}

// run lets time pass.
func (w *joinNet) run(d sim.Duration) {
	until := w.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 2_000_000 {
			w.t.Fatal("the network does not come to rest")
		}
		at := min(w.ep[0].NextTimeout(), w.ep[1].NextTimeout())
		if len(w.fly) > 0 {
			at = min(at, w.fly[0].at)
		}
		if at > until {
			w.now = until
			return
		}
		w.now = max(w.now, at)
		if len(w.fly) > 0 && w.fly[0].at <= w.now {
			p := heap.Pop(&w.fly).(packet)
			w.ep[p.to].HandleSegment(w.now, p.seg)
			w.flush(p.to)
			continue
		}
		for i := range w.ep {
			if w.ep[i].NextTimeout() <= w.now {
				w.ep[i].HandleTimeout(w.now)
				w.flush(i)
			}
		}
	}
}

// talk writes a little in both directions every 10 ms.
func (w *joinNet) talk(d sim.Duration) {
	for until := w.now.Add(d); w.now < until; w.run(10 * sim.Millisecond) {
		for i := range w.ep {
			if w.conn[i] != 0 {
				w.ep[i].Write(w.now, w.conn[i], 4000)
				w.flush(i)
			}
		}
	}
}

func (w *joinNet) counter(end int, name string) int {
	for _, c := range w.ep[end].Counters() {
		if c.Name == name {
			return int(c.Value)
		}
	}
	w.t.Fatalf("no counter %q", name)
	return 0
}

func (w *joinNet) add(end int, a mptcp.AddrConfig) uint8 {
	w.t.Helper()
	id, err := w.ep[end].AddAddr(w.now, a)
	if err != nil {
		w.t.Fatal(err)
	}
	w.flush(end)
	return id
}
