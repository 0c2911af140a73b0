package simnet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

// The vectors are those of mahimahi in the algorithm facts, E7: sizes there are
// IP octets, to which the link adds 4.
func TestMahimahiVectors(t *testing.T) {
	type offer struct {
		at   sim.Time
		size int
	}
	three := []offer{{1 * ms, 1000}, {1 * ms, 1000}, {1 * ms, 1000}}
	for _, c := range []struct {
		name    string
		trace   []uint32
		once    bool
		offers  []offer
		arrive  []sim.Time
		dropped uint64
	}{
		{"partial packets carry over", []uint32{5, 10}, false, three,
			[]sim.Time{5 * ms, 10 * ms, 15 * ms}, 0},
		{"line 0 doubles the last one of the round before", []uint32{0, 5, 10}, false, three,
			[]sim.Time{5 * ms, 10 * ms, 10 * ms}, 0},
		{"an arrival at an opportunity misses it", []uint32{5}, false,
			[]offer{{5 * ms, 1500}}, []sim.Time{10 * ms}, 0},
		{"one a millisecond is 12 Mb/s", []uint32{1}, false,
			[]offer{{0, 1500}, {0, 1500}, {0, 1500}}, []sim.Time{1 * ms, 2 * ms, 3 * ms}, 0},
		{"the rest of an opportunity is lost when the queue is empty", []uint32{5, 10}, false,
			[]offer{{1 * ms, 100}, {6 * ms, 1500}}, []sim.Time{5 * ms, 10 * ms}, 0},
		{"several packets leave at one opportunity", []uint32{5, 10}, false,
			[]offer{{0, 96}, {0, 96}, {0, 1296}, {0, 96}},
			[]sim.Time{5 * ms, 5 * ms, 5 * ms, 10 * ms}, 0},
		{"equal lines are several opportunities", []uint32{5, 5, 7}, false,
			[]offer{{0, 1500}, {0, 1500}, {0, 1500}, {0, 1500}},
			[]sim.Time{5 * ms, 5 * ms, 7 * ms, 12 * ms}, 0},
		{"an idle link in a later round", []uint32{3, 10}, false,
			[]offer{{1003 * ms, 1500}, {1000*ms + 1, 100}}, []sim.Time{1003 * ms, 1010 * ms}, 0},
		{"wrap around at an idle link with line 0", []uint32{0, 10}, false,
			[]offer{{10*ms - 1, 1500}, {10*ms - 1, 1500}, {10*ms - 1, 1500}},
			[]sim.Time{10 * ms, 10 * ms, 20 * ms}, 0},
		{"once", []uint32{5, 10}, true,
			[]offer{{0, 1500}, {6 * ms, 1500}, {6 * ms, 1500}}, []sim.Time{5 * ms, 10 * ms}, 0},
		{"too big for an opportunity", []uint32{5}, false,
			[]offer{{0, 1501}, {0, 1500}}, []sim.Time{5 * ms}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothModes(t, func(t *testing.T, mode simnet.Mode) {
				p := newPair(t, simnet.LinkConfig{
					Mode: mode, Opportunities: &simnet.Opportunities{Milliseconds: c.trace, Once: c.once},
				})
				for _, o := range c.offers {
					p.at(o.at, func() { p.send(o.size) })
				}
				p.sim.Run(2*s, 1<<40)
				if d := cmp.Diff(c.arrive, p.times()); d != "" {
					t.Error(d)
				}
				if st := p.ab.Stats(); st.MTUDrops != c.dropped {
					t.Errorf("%d packets were too big, want %d", st.MTUDrops, c.dropped)
				}
			})
		})
	}
}

// The packet of which the first octets have been sent is out of the queue: with
// room for two packets of 1000 octets and the first half sent at 5 ms, two more
// fit. In octets likewise.
func TestMahimahiQueueLimit(t *testing.T) {
	for _, q := range []simnet.Queue{{Packets: 2}, {Bytes: 2000}} {
		bothModes(t, func(t *testing.T, mode simnet.Mode) {
			p := newPair(t, simnet.LinkConfig{
				Mode: mode, Queue: q,
				Opportunities: &simnet.Opportunities{Milliseconds: []uint32{5, 10, 15, 20}},
			})
			p.at(1*ms, func() { p.send(1000); p.send(1000); p.send(1000) }) // the third is dropped
			p.at(5*ms, func() { p.send(1000); p.send(1000); p.send(1000) }) // 2 in part, 4 and 5 queued, 6 dropped
			p.finish()
			// 1504 octets at 5 ms: 1004 of packet 1 and 500 of 2. At 10 ms: 504 of 2
			// and 1000 of 4. At 15 ms: 4 of 4 and 1004 of 5.
			want := []arrival{{5 * ms, 1}, {10 * ms, 2}, {15 * ms, 4}, {15 * ms, 5}}
			if d := cmp.Diff(want, p.arrived); d != "" {
				t.Error(d)
			}
			if d := p.ab.Stats().QueueDrops; d != 2 {
				t.Errorf("%d drops, want 2", d)
			}
		})
	}
}

// An idle trace costs no events, and a busy one no more than one for each
// packet.
func TestMahimahiEvents(t *testing.T) {
	p := newPair(t, simnet.LinkConfig{Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1, 2, 3}}})
	p.at(0, func() { p.send(100) })
	p.at(30*s, func() { p.send(100) })
	p.finish()
	if got := p.sim.Events(); got != 4 {
		t.Errorf("%d events, want 2 sends and 2 arrivals", got)
	}
}

// A full-rate trace of 30 s gives exactly the packets that it has opportunities
// for, and the propagation delay is added.
func TestMahimahiThroughput(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{
			Mode: mode, Delay: 20 * sim.Millisecond,
			Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1, 1, 4, 9}},
		})
		p.at(0, func() {
			for range 1000 {
				p.send(1500)
			}
		})
		p.sim.Run(900*ms, 1<<40)
		if got := p.ab.Stats(); got.SentBytes != 400*1500 || got.Utilisation != 1 {
			t.Errorf("after 100 rounds: %d octets sent, utilisation %v", got.SentBytes, got.Utilisation)
		}
		p.finish()
		for i, a := range p.arrived {
			round, line := sim.Time(i/4), i%4
			want := (round*9+[]sim.Time{1, 1, 4, 9}[line])*ms + 20*ms
			if a.At != want {
				t.Fatalf("packet %d at %v, want %v", i, a.At, want)
			}
		}
	})
}
