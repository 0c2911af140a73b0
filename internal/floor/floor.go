// Package floor is the bare event loop: closed-loop packets over a fat-tree,
// data up to 6 hops out, an ACK as many hops back, a fixed window per flow and
// drop-tail queues, without any protocol. It is the calibrator of mpsim: speeds
// are quoted as multiples of its time per packet-hop, measured in the same run
// on the same machine.
//
// What is modelled: serialisation, propagation, queue limits, and an event
// order that is total. What is not: headers, transport logic, anything that is
// not needed to move a packet. A packet that is dropped re-enters at its
// sender 1 ms later.
package floor

import (
	"fmt"
	"math/rand"
	"strings"
)

// Mode says how the loop spends events on a packet-hop.
type Mode uint8

// The modes.
const (
	Heap2Ev Mode = iota // a service end and an arrival per hop, both in a heap
	Heap1Ev             // departure computed at acceptance: one event per hop
	Lanes               // two events per hop in sorted lanes of constant delay
)

var modeNames = []string{"heap2ev", "heap1ev", "lanes"}

// String returns the name of the mode.
func (m Mode) String() string { return modeNames[m] }

// ParseMode returns the mode of a name.
func ParseMode(name string) (Mode, error) {
	for i, n := range modeNames {
		if n == name {
			return Mode(i), nil
		}
	}
	return 0, fmt.Errorf("unknown mode %q; have %s", name, strings.Join(modeNames, ", "))
}

// Config describes one run. The zero value of a field means its default.
type Config struct {
	K       int     // pods of the fat-tree, even; 4
	Sub     int     // flows per pair of hosts; 4
	Window  int     // packets in flight per flow; 20
	Seconds float64 // simulated time; 1
	Mbps    float64 // rate of every link in 1e6 bit/s; 100
	Queue   int     // packets per queue, at most 127; 100
	Mode    Mode
}

// Result is what happened; it is the same on every machine.
type Result struct {
	Events, Hops, Drops, Delivered uint64
	Hosts                          int
}

// Loop is a run that is ready to be executed.
type Loop struct{ s state }

// New builds the topology and puts every packet at its sender.
func New(c Config) *Loop {
	c = c.Resolved()
	l := new(Loop)
	s := &l.s
	s.end, s.mode, s.qlim = int64(c.Seconds*1e9), c.Mode, c.Queue
	s.ser = [2]int64{int64(1500 * 8e3 / c.Mbps), int64(60 * 8e3 / c.Mbps)}
	for i := range s.lanes {
		s.lanes[i].b = make([]event, laneCap)
	}
	t := topology{half: c.K / 2, ids: map[[3]int]uint32{}}
	r := rand.New(rand.NewSource(1))
	s.hosts = c.K * c.K * c.K / 4
	perm := r.Perm(s.hosts)
	for a := range s.hosts {
		b := perm[a]
		if a == b {
			b = (a + 1) % s.hosts
		}
		for range c.Sub {
			i, j := r.Intn(t.half), r.Intn(t.half)
			s.flows = append(s.flows, flow{fwd: t.path(a, b, i, j), rev: t.path(b, a, i, j)})
		}
	}
	s.links = make([]link, len(t.ids))
	for i := range s.links {
		s.links[i] = link{q: make([]uint32, ring), flight: make([]uint32, ring)}
	}
	for f := range s.flows {
		for range c.Window {
			s.packets = append(s.packets, packet{flow: uint32(f)})
		}
	}
	for i := range s.packets {
		s.at(noLane, int64(r.Intn(1e6)), evRetry, uint32(i))
	}
	return l
}

// Run executes the loop to its end. It allocates nothing but the growth of the
// heap.
func (l *Loop) Run() Result {
	s := &l.s
	s.run()
	return Result{Events: s.events, Hops: s.hops, Drops: s.drops, Delivered: s.data, Hosts: s.hosts}
}

// Resolved returns the configuration with defaults in place of zeros.
func (c Config) Resolved() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.K, 4)
	def(&c.Sub, 4)
	def(&c.Window, 20)
	def(&c.Queue, 100)
	if c.Seconds == 0 {
		c.Seconds = 1
	}
	if c.Mbps == 0 {
		c.Mbps = 100
	}
	return c
}

// topology numbers the links of a fat-tree as paths ask for them.
type topology struct {
	half int
	ids  map[[3]int]uint32
}

// Tiers of links, as the first part of their name.
const (
	hostEdge = iota
	edgeAgg
	aggCore
	coreAgg
	aggEdge
	edgeHost
)

func (t *topology) link(tier, a, b int) uint32 {
	key := [3]int{tier, a, b}
	if v, ok := t.ids[key]; ok {
		return v
	}
	v := uint32(len(t.ids))
	t.ids[key] = v
	return v
}

// path returns the links from host a to host b by aggregation switch i and core
// switch j.
func (t *topology) path(a, b, i, j int) []uint32 {
	h := t.half
	ea, eb := a/h, b/h
	pa, pb := ea/h, eb/h
	p := []uint32{t.link(hostEdge, a, ea)}
	switch {
	case ea == eb:
	case pa == pb:
		g := pa*h + i
		p = append(p, t.link(edgeAgg, ea, g), t.link(aggEdge, g, eb))
	default:
		ga, gb, c := pa*h+i, pb*h+i, i*h+j
		p = append(p, t.link(edgeAgg, ea, ga), t.link(aggCore, ga, c),
			t.link(coreAgg, c, gb), t.link(aggEdge, gb, eb))
	}
	return append(p, t.link(edgeHost, eb, b))
}
