package aqm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	simnet "mpsim/net"
	"mpsim/sim"
)

// Three flows with 6, 3 and 1 packets of one size take turns: ABC ABA BAA A. A flow that
// comes later joins at the end of the round.
func TestDRRTakesTurns(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "drr", q)})
	b.at(0, func() {
		for flow, n := range []int{6, 3, 1} {
			for range n {
				b.send(flow, 1500, 0)
			}
		}
	})
	b.at(3500*us, func() { b.send(2, 1500, 0) }) // A is in service, B and A wait
	b.finish(t)
	order := ""
	for _, a := range b.arrived {
		order += string(rune('A' + b.net.Tuple(a.Flow).Src.Port() - 1000))
	}
	// The first packet goes at once; A is at the end of the list when B and C come.
	if want := "AABCABCABAA"; order != want {
		t.Errorf("flows in the order %s, want %s", order, want)
	}
}

// Bulk flows share by octets, to within a quantum and a packet (Shreedhar and Varghese,
// lemma 2), and a full queue drops what comes.
func TestDRRFairness(t *testing.T) {
	q := simnet.Queue{Packets: 60}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "drr", q)})
	sizes := []int{1500, 300, 700}
	b.at(0, func() {
		for i := range 60 {
			b.send(i%3, sizes[i%3], 0)
		}
		b.send(0, 1500, 0)
		b.send(1, 1500, 0)
	})
	b.sim.Run(12*sim.Time(sim.Millisecond), 1<<40) // while all have packets
	if st := b.link.Stats(); st.QueueDrops != 2 {
		t.Errorf("%d drops, want 2", st.QueueDrops)
	}
	var octets [3]int
	for _, a := range b.arrived {
		f := b.net.Tuple(a.Flow).Src.Port() - 1000
		octets[f] += sizes[f]
	}
	for f := range octets {
		if d := octets[f] - octets[0]; d > 3000 || d < -3000 {
			t.Errorf("octets by flow: %v", octets)
		}
	}
}

// A timeless discipline on a link without events for the ends of services and on a
// served one give the same run: hash, arrivals, statistics, and what a sampler sees.
func TestTurnsAreServed(t *testing.T) {
	for _, name := range []string{"drr", "prio", "droptail", "drophead"} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				e := drawTraffic(rt)
				if rapid.Bool().Draw(rt, "no changes") {
					e.changes = nil
				}
				turns := e.cfg
				turns.Discipline = discipline(rt, name, turns.Queue)
				served := turns
				served.Mode = simnet.Served
				var want, got []int64
				a, _ := e.on(served, func(b *bench) { want = append(want, b.link.QueueBytes(), b.link.QueuePackets()) })
				b, _ := e.on(turns, func(b *bench) { got = append(got, b.link.QueueBytes(), b.link.QueuePackets()) })
				c, _ := e.on(turns, nil)
				if d := cmp.Diff(a, b) + cmp.Diff(a, c) + cmp.Diff(want, got); d != "" {
					rt.Fatalf("%s\nchanges %v", d, e.changes)
				}
			})
		})
	}
}

// One event for each packet, however many wait: 200 packets of three flows at once, and
// the event of the test that sends them.
func TestTurnsTakeNoEvents(t *testing.T) {
	q := simnet.Queue{Packets: 1000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Delay: sim.Millisecond, Queue: q, Discipline: discipline(t, "drr", q)})
	b.at(0, func() {
		for i := range 200 {
			b.send(i%3, 1500, 0)
		}
	})
	b.finish(t)
	if got := b.sim.Events(); got != 201 {
		t.Errorf("%d events for 200 packets, want 201", got)
	}
}
