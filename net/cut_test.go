package simnet_test

import (
	"bytes"
	"slices"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// cutPair is the two hosts of a pair in two parts of one run: a sends in the first, b
// receives in the second.
type cutPair struct {
	send, receive *pair
	window        uint64
}

func newCutPair(t fataler, cfg simnet.LinkConfig) *cutPair {
	h := &cutPair{send: newPair(t, cfg), receive: newPair(t, cfg)}
	owner := func(id sim.NodeID) int { return int(id - h.send.a.Origin()) }
	h.send.net.Cut(0, 2, owner)
	h.receive.net.Cut(1, 2, owner)
	return h
}

// step is one window of both.
func (h *cutPair) step(before sim.Time) {
	h.window++
	for _, p := range []*pair{h.send, h.receive} {
		p.net.BeginWindow(h.window)
		p.sim.Run(before-1, 1<<40)
	}
	h.receive.net.Take(h.send.net, h.window)
	h.send.net.Take(h.receive.net, h.window)
}

// load sends packets of several sizes at several paces, so that the queue fills, drops
// and empties.
func load(p *pair) {
	for i := range 400 {
		pace := 80 * us
		if i/50%2 == 1 {
			pace = 250 * us
		}
		p.at(sim.Time(i)*pace/2, func() { p.send(100 + 37*i%1400) })
	}
}

// A packet that crosses a cut arrives when, and in the order in which, it would have
// arrived: with loss and drops at a full queue the same is counted and folded.
func TestCutLink(t *testing.T) {
	cfg := simnet.LinkConfig{
		Rate: 40 * sim.MegabitPerSecond, Delay: 300 * sim.Microsecond, Loss: 0.05, Queue: simnet.Queue{Packets: 12},
		Overhead: 38, Histogram: true,
	}
	whole := newPair(t, cfg)
	load(whole)
	whole.finish()
	h := newCutPair(t, cfg)
	load(h.send)
	ahead := sim.Time(h.send.ab.Lookahead())
	if want := 300*us + 20*8*1000/40; ahead != want {
		t.Fatalf("lookahead %v, want %v", ahead, want)
	}
	var end sim.Time
	for end < whole.sim.Now()+ahead {
		end += ahead
		h.step(end)
	}
	if len(whole.arrived) < 100 || !slices.Equal(h.receive.arrived, whole.arrived) {
		t.Errorf("%d arrivals, want %d", len(h.receive.arrived), len(whole.arrived))
	}
	whole.sim.Advance(end)
	h.send.sim.Advance(end)
	got, want := h.send.ab.Stats(), whole.ab.Stats()
	if got != want || want.QueueDrops == 0 || want.LossDrops == 0 {
		t.Errorf("statistics %+v\nwant %+v", got, want)
	}
	for i, p := range []*pair{h.send, h.receive} {
		if n := p.net.Allocated(); n != 0 {
			t.Errorf("%d packets are left in part %d", n, i)
		}
	}
	runs := []*trace.Run{h.send.run, h.receive.run}
	if merged := trace.Merged(runs, func(id uint32) int { return int(id) }); merged != whole.run.Hash() || merged == h.receive.run.Hash() {
		t.Errorf("hash %v, want %v", merged, whole.run.Hash())
	}
}

// Options and literal payload cross a cut, and the receiver's copy is its own.
func TestCutLinkCarriesOptions(t *testing.T) {
	h := newCutPair(t, simnet.LinkConfig{Delay: sim.Millisecond})
	data := []byte("sixteen literals")
	var got []byte
	var blocks [2]wire.SACKBlock
	h.receive.b.SetReceiver(receiverFunc(func(id simnet.PacketID) {
		o := h.receive.net.Options(id)
		got, blocks = bytes.Clone(o.Pieces[0].Data), [2]wire.SACKBlock(o.SACK[:2])
		if t0 := h.receive.net.Tuple(simnet.RouteID(h.receive.net.Segment(id).Route)); t0.Src.Port() != 7 {
			t.Errorf("tuple %v", t0)
		}
		h.receive.net.Free(id)
	}))
	h.receive.net.Intern(udp("10.9.9.9:1", "10.0.0.2:2")) // numbers differ between the parts
	n := h.send.net
	h.send.at(0, func() {
		id := n.Alloc()
		s := n.Segment(id)
		s.Route, s.TTL, s.Flags = uint32(n.Intern(tcp("10.0.0.1:7", "10.0.0.2:80"))), 64, wire.ACK
		o := n.AddOptions(id)
		o.Present |= wire.OptSACK
		o.NSACK = 2
		o.SACK[0], o.SACK[1] = wire.SACKBlock{Start: 1, End: 2}, wire.SACKBlock{Start: 5, End: 9}
		wire.SetPieces(s, o, []wire.Piece{{Len: uint32(len(data)), Data: data}})
		s.Len = uint16(len(data))
		h.send.a.Send(0, id)
	})
	h.step(ms)
	copy(data, "overwritten once")
	h.step(2 * ms)
	if string(got) != "sixteen literals" || blocks[1] != (wire.SACKBlock{Start: 5, End: 9}) {
		t.Errorf("received %q and blocks %v", got, blocks)
	}
	h.step(3 * ms)
	if h.send.ab.Stats(); n.Allocated() != 0 || h.receive.net.Allocated() != 0 {
		t.Errorf("%d and %d packets are left", n.Allocated(), h.receive.net.Allocated())
	}
}

type receiverFunc func(simnet.PacketID)

func (f receiverFunc) Receive(_ sim.Time, id simnet.PacketID) { f(id) }

// What a link that cannot be cut has is a lookahead of 0.
func TestLookahead(t *testing.T) {
	for _, c := range []struct {
		what string
		cfg  simnet.LinkConfig
		want sim.Duration
	}{
		{"no rate", simnet.LinkConfig{Delay: 5}, 5},
		{"1 Gb/s", simnet.LinkConfig{Delay: 5, Rate: 1000 * sim.MegabitPerSecond}, 165},
		{"acknowledgements beside the queue", simnet.LinkConfig{Delay: 5, Acks: simnet.Beside{On: true, Delay: 3}}, 3},
		{"those that are there at once", simnet.LinkConfig{Delay: 5, Acks: simnet.Beside{On: true}}, 0},
		{"no delay", simnet.LinkConfig{Rate: 1000 * sim.MegabitPerSecond}, 0},
		{"served", simnet.LinkConfig{Delay: 5, Mode: simnet.Served}, 0},
		{"stopped", simnet.LinkConfig{Delay: 5, Rate: simnet.NoService}, 0},
		{"a schedule", simnet.LinkConfig{Delay: 5, Schedule: &simnet.RateSchedule{Length: sim.Second, Steps: []simnet.RateStep{{Rate: 1000}}}}, 0},
	} {
		if got := newPair(t, c.cfg).ab.Lookahead(); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// In steady state nothing that crosses a cut allocates.
func TestCutLinkDoesNotAllocate(t *testing.T) {
	h := newCutPair(t, simnet.LinkConfig{Rate: 100 * sim.MegabitPerSecond, Delay: 2 * sim.Millisecond})
	h.receive.b.SetReceiver(receiverFunc(h.receive.net.Free))
	end := sim.Time(0)
	burst := func() {
		h.send.sim.Advance(end)
		for range 10 {
			h.send.send(500)
		}
		end += ms
		h.step(end)
	}
	for range 20 {
		burst()
	}
	if a := testing.AllocsPerRun(50, burst); a != 0 {
		t.Errorf("%v allocations for ten packets", a)
	}
}
