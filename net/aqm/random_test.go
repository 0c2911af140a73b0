package aqm_test

import (
	"math"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/aqm"
	"mpsim/sim"
)

// E1 of the algorithm facts: htsim's random queue. With a limit of 30000 octets and a
// band of 6000 packets are dropped with probability 1100/24000 if they make the queue
// longer than 24000, never below, always above 30000.
func TestRandomQueueBand(t *testing.T) {
	testRandomQueueBand(t, 1100.0/24000, num("band", 6000))
	testRandomQueueBand(t, 0.1, num("band", 6000), num("p", 0.1))
}

func testRandomQueueBand(t *testing.T, p float64, settings ...aqm.Setting) {
	q := simnet.Queue{Bytes: 30000}
	b := newBench(simnet.LinkConfig{Rate: 12e6, Queue: q, Discipline: discipline(t, "random", q, settings...)})
	// 16 packets fill 24000 octets; 4 more are in the band; the rest is too much.
	const rounds = 5000
	for i := range rounds {
		b.burst(sim.Time(i)*100*ms, 30, 1500)
	}
	b.finish(t)
	st := b.link.Stats()
	// Of the packets offered while the queue holds 24000 to 28500 octets each is lost
	// with p; offering goes on until 4 are through: 4 p/(1-p) losses a round, as long
	// as the other ten packets last.
	want := rounds * 4 * p / (1 - p)
	if sigma := math.Sqrt(want); math.Abs(float64(st.EarlyDrops)-want) > 4*sigma {
		t.Errorf("%d early drops, want %.0f +- %.0f", st.EarlyDrops, want, 4*sigma)
	}
	if st.Accepted != rounds*20 || st.QueueDrops != rounds*10-st.EarlyDrops {
		t.Errorf("%d accepted, %d dropped by the limit", st.Accepted, st.QueueDrops)
	}
}

// A band that is not smaller than the queue, or a limit in packets, is an error.
func TestRandomQueueNeedsRoom(t *testing.T) {
	for _, q := range []simnet.Queue{{Packets: 10}, {Bytes: 4500}, {}} {
		if _, err := aqm.New("random", nil, aqm.Place{Limit: q}); err == nil {
			t.Errorf("no error with the limit %+v", q)
		}
	}
}
