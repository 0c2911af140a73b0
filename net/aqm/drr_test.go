package aqm_test

import (
	"testing"

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
