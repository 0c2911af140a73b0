package simnet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/sim"
)

// sendTCP sends a segment from a to b now, numbered as send does.
func (p *pair) sendTCP(flags wire.Flags, payload uint16) {
	p.sequence++
	id := p.net.Alloc()
	*p.net.Segment(id) = wire.Segment{Route: uint32(p.net.Intern(tcp("10.0.0.1:5", "10.0.0.2:6"))), Seq: p.sequence, TTL: 64, Flags: flags, Len: payload}
	p.a.Send(p.sim.Now(), id)
}

// At 8 Mb/s a segment of 1000 octets takes 1 ms. Two fill the queue and a third is
// dropped; an acknowledgement finds room all the same and arrives after its own delay,
// before both. What opens or ends a connection, or carries data, queues: SYN, FIN and
// RST of 40 octets take 40 us.
func TestAcknowledgementsBesideTheQueue(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		cfg := simnet.LinkConfig{Mode: mode, Rate: 8e6, Delay: 5 * sim.Millisecond, Queue: simnet.Queue{Packets: 2},
			Drop: simnet.DropPattern{Indices: []uint64{7}}, Acks: simnet.Beside{On: true, Delay: 2 * sim.Millisecond}}
		p := newPair(t, cfg)
		p.net.SetVerify(true)
		x := &tap{net: p.net}
		p.b.Interface("eth0").AddTap(x)
		p.at(0, func() {
			p.sendTCP(wire.ACK, 960)
			p.sendTCP(wire.ACK|wire.PSH, 960)
			p.sendTCP(wire.ACK, 960) // no room
			p.sendTCP(wire.ACK, 0)   // beside
		})
		p.at(20*ms, func() {
			p.sendTCP(wire.SYN, 0)
			p.sendTCP(wire.FIN|wire.ACK, 0)
			p.sendTCP(wire.RST|wire.ACK, 0) // no room
		})
		p.at(30*ms, func() {
			p.sendTCP(wire.ACK, 0)
			p.sendTCP(wire.SYN|wire.ACK, 0)
			p.sendTCP(wire.SYN|wire.ACK, 0) // dropped by its index, 7: acknowledgements beside the queue do not count
			p.sendTCP(wire.ACK|wire.ECE, 0) // ECE is what an acknowledgement may say
		})
		p.finish()
		want := []arrival{{2 * ms, 4}, {6 * ms, 1}, {7 * ms, 2}, {25*ms + 40*us, 5}, {25*ms + 80*us, 6}, {32 * ms, 8}, {32 * ms, 11}, {35*ms + 40*us, 9}}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
		if len(x.seen) != len(want) {
			t.Errorf("the tap saw %d of %d packets", len(x.seen), len(want))
		}
		if st := p.ab.Stats(); st.Offered != 8 || st.Accepted != 5 || st.QueueDrops != 2 || st.PatternDrops != 1 {
			t.Errorf("stats %+v", st)
		}
		if n := p.net.PacketHops(); n != 7+3 {
			t.Errorf("%d packet-hops, want those of the queue and of three acknowledgements", n)
		}
	})
}

// A link that is down has no way beside its queue.
func TestAcknowledgementsOfADeadLink(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Rate: 8e6, Acks: simnet.Beside{On: true}})
	p.at(0, func() { p.sendTCP(wire.ACK, 0) })
	p.at(ms, func() {
		p.ab.Down(simnet.Outage{Silent: true})
		p.sendTCP(wire.ACK, 0)
	})
	p.at(2*ms, func() { p.ab.Up(); p.sendTCP(wire.ACK, 0) })
	p.finish()
	if d := cmp.Diff([]arrival{{0, 1}, {2 * ms, 3}}, p.arrived); d != "" {
		t.Error(d)
	}
	if st := p.ab.Stats(); st.DownDrops != 1 {
		t.Errorf("stats %+v", st)
	}
}
