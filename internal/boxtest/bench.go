package boxtest

import (
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Bench is a network under test in verify mode, so that whatever leaves a box must render
// and parse exactly. Time passes when a test says so. Rig is one with a router; tests of
// other networks embed it in a rig of their own.
type Bench struct {
	T     testing.TB
	Sim   *sim.Sim
	Net   *simnet.Network
	Got   []string // what happened, in order
	clock sim.HandlerID
}

// Start makes the network, whose records of the given kinds go to the sink.
func (b *Bench) Start(t testing.TB, sink trace.Sink, kinds ...trace.Kind) {
	run := new(trace.Run)
	b.T, b.Sim = t, sim.New(1, 0)
	run.Subscribe(trace.Set(kinds...), sink)
	b.Net = simnet.New(b.Sim, run)
	b.Net.SetVerify(true)
	b.clock = b.Sim.Register(b)
}

// OnEvent does nothing: its events make time pass.
func (b *Bench) OnEvent(sim.Time, uint64) {}

// Inject sends a packet from a node, now, with TTL 64, and returns what happened because
// of it. o may be nil.
func (b *Bench) Inject(nd *simnet.Node, t wire.Tuple, s wire.Segment, o *wire.Options) []string {
	id := b.Net.Alloc()
	seg := b.Net.Segment(id)
	*seg = s
	seg.Cold, seg.TTL = 0, 64
	seg.Route = uint32(b.Net.Intern(t))
	if o != nil && o.Present != 0 {
		b.Net.AddOptions(id).CopyFrom(o)
	}
	before := len(b.Got)
	nd.Send(b.Sim.Now(), id)
	b.Wait(0)
	return b.Got[before:]
}

// Wait lets time pass and returns what happened meanwhile.
func (b *Bench) Wait(d sim.Duration) []string {
	before := len(b.Got)
	until := b.Sim.Now().Add(d)
	if d > 0 {
		b.Sim.Schedule(until, b.Sim.NextKey(sim.Scenario), b.clock, 0) // so that it gets that late
	}
	b.Sim.Run(until, 1e6)
	return b.Got[before:]
}
