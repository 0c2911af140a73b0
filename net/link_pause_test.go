package simnet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

// A pause from 2.5 to 10 ms on a link of a packet in 1.2 ms: what is queued and in service
// waits and goes on with what is left of it, what comes meanwhile queues behind it as far
// as there is room, and what was under way arrives. Down drops all the same what comes.
func TestPause(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		for _, c := range []struct {
			name string
			o    simnet.Outage
			want []arrival
		}{
			// Two have left, the third has 0.1 ms of its service, the sixth finds no room.
			{"keep all", simnet.Outage{KeepQueue: true, KeepInFlight: true}, []arrival{{6200 * us, 1}, {7400 * us, 2}, {16100 * us, 3}, {17300 * us, 4}, {18500 * us, 5}, {19700 * us, 6}}},
			{"lose the queue", simnet.Outage{KeepInFlight: true}, []arrival{{6200 * us, 1}, {7400 * us, 2}, {16200 * us, 6}, {17400 * us, 7}}},
			{"lose what is under way", simnet.Outage{KeepQueue: true}, []arrival{{16100 * us, 3}, {17300 * us, 4}, {18500 * us, 5}, {19700 * us, 6}}},
			{"lose all", simnet.Outage{}, []arrival{{16200 * us, 6}, {17400 * us, 7}}},
		} {
			p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: 5 * sim.Millisecond, Queue: simnet.Queue{Packets: 4}})
			for i := range 5 {
				p.at(sim.Time(i)*100*us, func() {
					if i < 3 {
						p.send(1500)
					}
				})
			}
			p.at(2000*us, func() { p.send(1500); p.send(1500) })
			p.at(2500*us, func() { p.ab.Pause(c.o) })
			p.at(4000*us, func() { p.send(1500); p.send(1500) })
			p.at(10000*us, func() { p.ab.Resume() })
			p.finish()
			if d := cmp.Diff(c.want, p.arrived); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
			if got, want := p.ab.Stats().DownDrops+p.ab.Stats().QueueDrops, uint64(7-len(c.want)); got != want {
				t.Errorf("%s: %d drops counted, want %d", c.name, got, want)
			}
		}
	})
}
