package simnet_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// counter counts packets by direction and drops every third outgoing one.
type counter struct{ out, in int }

func (c *counter) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	if d == simnet.In {
		c.in++
		out.Emit(p, d)
		return
	}
	if c.out++; c.out%3 == 0 {
		out.Drop(p, trace.BoxDrop)
		return
	}
	out.Emit(p, d)
}

func (c *counter) NextTimeout() sim.Time                        { return sim.Never }
func (c *counter) HandleTimeout(_ sim.Time, out simnet.Emitter) {}

// echoHost answers every packet.
func (p *pair) answer() {
	p.b.SetReceiver(receiver(func(now sim.Time, id simnet.PacketID) {
		seg := p.net.Segment(id)
		p.arrived = append(p.arrived, arrival{now, seg.Seq})
		seg.Route = uint32(p.net.Reverse(simnet.RouteID(seg.Route)))
		seg.TTL = 64
		p.b.Send(now, id)
	}))
}

func TestBoxCountsAndDrops(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Delay: sim.Millisecond})
	p.answer()
	c := new(counter)
	p.a.Interface("eth0").AddBox(c)
	drops := p.drops()
	p.at(0, func() {
		for range 6 {
			p.send(100)
		}
	})
	p.finish()
	if c.out != 6 || c.in != 4 {
		t.Errorf("%d out, %d in; want 6 and 4", c.out, c.in)
	}
	want := []arrival{{ms, 1}, {ms, 2}, {ms, 4}, {ms, 5}, {2 * ms, 1}, {2 * ms, 2}, {2 * ms, 4}, {2 * ms, 5}}
	if d := cmp.Diff(want, p.arrived); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a box_drop", "a box_drop"}, *drops); d != "" {
		t.Error(d)
	}
}

// translator rewrites addresses as a NAT does: the route of the packet changes,
// and the answer finds its way back.
type translator struct{ inside, outside wire.Tuple }

func (x *translator) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	switch {
	case d == simnet.Out && *p.Tuple() == x.inside:
		p.SetTuple(x.outside)
	case d == simnet.In && *p.Tuple() == x.outside.Reverse():
		p.SetTuple(x.inside.Reverse())
	}
	out.Emit(p, d)
}

func (x *translator) NextTimeout() sim.Time                      { return sim.Never }
func (x *translator) HandleTimeout(_ sim.Time, _ simnet.Emitter) {}

func TestBoxTranslates(t *testing.T) {
	p := newPhone(t)
	p.phone.AddRoute(simnet.MainTable, prefix("0.0.0.0/0"), p.wifi, 0)
	p.router.Interface("server").AddBox(&translator{
		inside: tcp("10.0.1.2:1", "10.0.9.1:80"), outside: tcp("10.0.9.2:555", "10.0.9.1:80"),
	})
	var seen []string
	p.server.SetReceiver(receiver(func(now sim.Time, id simnet.PacketID) {
		seg := p.net.Segment(id)
		seen = append(seen, p.net.Tuple(simnet.RouteID(seg.Route)).Src.String())
		seg.Route = uint32(p.net.Reverse(simnet.RouteID(seg.Route)))
		p.server.Send(now, id)
	}))
	p.sendBoth(0, 1)
	p.sendBoth(10*ms, 3)
	p.finish()
	if d := cmp.Diff([]string{"10.0.9.2:555", "10.0.2.2:1", "10.0.9.2:555", "10.0.2.2:1"}, seen); d != "" {
		t.Error(d)
	}
	want := []arrival{{1 * ms, 1}, {1 * ms, 2}, {11 * ms, 3}, {11 * ms, 4}}
	if d := cmp.Diff(want, p.arrived); d != "" { // back at the phone
		t.Error(d)
	}
}

// holder keeps outgoing packets for a while and then sends each twice; on the
// way in it answers for the host.
type holder struct {
	held []simnet.Packet
	due  sim.Time
	log  []string
}

func (h *holder) Process(now sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	h.log = append(h.log, fmt.Sprintf("%v %v", d, now))
	if d == simnet.In {
		out.Emit(p, simnet.In)
		answer := out.New(p.Tuple().Reverse())
		s := answer.Segment()
		s.Seq, s.TTL = 1000+p.Segment().Seq, 64
		answer.AddOptions().Present = wire.OptMSS
		out.Emit(&answer, simnet.Out)
		return
	}
	h.held = append(h.held, *p)
	h.due = now + 5*ms
}

func (h *holder) NextTimeout() sim.Time {
	if len(h.held) == 0 {
		return sim.Never
	}
	return h.due
}

func (h *holder) HandleTimeout(now sim.Time, out simnet.Emitter) {
	for i := range h.held {
		c := out.Clone(&h.held[i])
		out.Emit(&h.held[i], simnet.Out)
		out.Emit(&c, simnet.Out)
	}
	h.held = h.held[:0]
}

func TestBoxHoldsClonesAndMakes(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Delay: sim.Millisecond})
	h, c := new(holder), new(counter)
	p.a.Interface("eth0").AddBox(h)
	p.a.Interface("eth0").AddBox(c) // on the wire side
	back := p.net.Reverse(p.forth)
	p.at(0, func() { p.send(100) })
	p.at(2*ms, func() { p.send(100) })                    // moves the deadline
	p.at(20*ms, func() { p.lab.send(p.b, back, 5, 100) }) // and one from the other side
	p.finish()
	// 1 1 2 2 leave at 7 ms, of which the counter drops the third; the packet
	// of b arrives at 21, and what the box answers passes the counter as its
	// fifth and reaches b at 22.
	want := []arrival{{8 * ms, 1}, {8 * ms, 1}, {8 * ms, 2}, {21 * ms, 5}, {22 * ms, 1005}}
	if d := cmp.Diff(want, p.arrived); d != "" {
		t.Error(d)
	}
	if c.out != 5 || c.in != 1 {
		t.Errorf("%d out, %d in", c.out, c.in)
	}
}
