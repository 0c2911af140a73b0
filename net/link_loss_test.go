package simnet_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

func TestDropPattern(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Drop: simnet.DropPattern{
			Indices: []uint64{0, 3, 100}, Mask: 1<<5 | 1<<63,
		}})
		p.at(0, func() {
			for range 130 {
				p.send(100)
			}
		})
		p.finish()
		lost := map[int]bool{0: true, 3: true, 100: true, 5: true, 69: true, 63: true, 127: true}
		want := []arrival{}
		for i := range 130 {
			if !lost[i] {
				want = append(want, arrival{0, seqNumber(i + 1)})
			}
		}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
		if st := p.ab.Stats(); st.PatternDrops != 7 || st.PacketHops != 123 {
			t.Errorf("stats %+v", st)
		}
	})
}

// The share of lost packets is p within four standard deviations.
func TestBernoulliLoss(t *testing.T) {
	for _, prob := range []float64{0.001, 0.02, 0.5, 1} {
		p := newPair(t, simnet.LinkConfig{Loss: prob})
		const n = 100000
		p.at(0, func() {
			for range n {
				p.send(100)
			}
		})
		p.finish()
		got := float64(p.ab.Stats().LossDrops)
		if sd := math.Sqrt(n * prob * (1 - prob)); math.Abs(got-n*prob) > 4*sd {
			t.Errorf("p = %v: %v of %d lost", prob, got, n)
		}
	}
}

// Two variants under comparison meet the same luck: the index of a packet on the
// link decides, not its time, its size, the rate, the queue or other links.
func TestLossByIndex(t *testing.T) {
	survivors := func(cfg simnet.LinkConfig, gap sim.Time, size int) []seqNumber {
		p := newPair(t, cfg)
		for i := range 500 {
			p.at(sim.Time(i)*gap, func() { p.send(size) })
		}
		p.finish()
		var out []seqNumber
		for _, a := range p.arrived {
			out = append(out, a.Seq)
		}
		return out
	}
	want := survivors(simnet.LinkConfig{Loss: 0.3}, 0, 100)
	for name, got := range map[string][]seqNumber{
		"slow":   survivors(simnet.LinkConfig{Loss: 0.3, Rate: 1e6, Delay: sim.Second}, 10*ms, 1500),
		"served": survivors(simnet.LinkConfig{Loss: 0.3, Rate: 1e9, Mode: simnet.Served}, ms, 1000),
	} {
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Loss comes before the queue: a lost packet takes no room.
func TestLossBeforeQueue(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{
		Rate: 10e6, Queue: simnet.Queue{Packets: 2}, Drop: simnet.DropPattern{Indices: []uint64{0, 1}},
	})
	p.at(0, func() {
		for range 5 {
			p.send(1500)
		}
	})
	p.finish()
	if d := cmp.Diff([]arrival{{1200 * us, 3}, {2400 * us, 4}}, p.arrived); d != "" {
		t.Error(d)
	}
}

func TestQueueLimits(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		for _, c := range []struct {
			queue simnet.Queue
			want  int
		}{
			{simnet.Queue{}, 10},
			{simnet.Queue{Packets: 3}, 3},
			{simnet.Queue{Packets: 3, ExcludeService: true}, 4},
			{simnet.Queue{Bytes: 4500}, 3},
			{simnet.Queue{Bytes: 4499}, 2},
			{simnet.Queue{Bytes: 4500, ExcludeService: true}, 4},
			{simnet.Queue{Bytes: 4500, Packets: 2}, 2},
			{simnet.Queue{Bytes: 1, ExcludeService: true}, 1},
		} {
			p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Queue: c.queue})
			p.at(0, func() {
				for range 10 {
					p.send(1500)
				}
			})
			p.finish()
			if len(p.arrived) != c.want {
				t.Errorf("%+v: %d of 10 packets accepted, want %d", c.queue, len(p.arrived), c.want)
			}
		}
	})
}

// A departure at t makes room for an arrival at t.
func TestDepartureBeforeArrival(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Queue: simnet.Queue{Packets: 1}})
		p.at(0, func() { p.send(1500) })
		p.at(1200*us-1, func() { p.send(1500) })
		p.at(1200*us, func() { p.send(1500) })
		p.finish()
		if d := cmp.Diff([]arrival{{1200 * us, 1}, {2400 * us, 3}}, p.arrived); d != "" {
			t.Error(d)
		}
	})
}

func TestMTU(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{MTU: 1280})
	p.at(0, func() { p.send(1281); p.send(1280) })
	p.finish()
	if d := cmp.Diff([]arrival{{0, 2}}, p.arrived); d != "" {
		t.Error(d)
	}
	if st := p.ab.Stats(); st.MTUDrops != 1 {
		t.Errorf("stats %+v", st)
	}
}
