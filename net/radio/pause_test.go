package radio_test

import (
	"slices"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/radio"
	"mpsim/sim"
)

// paused sends 20 packets down at once, pauses the link from 5.5 ms to 30 ms, sends one
// more during the pause and one at 31 ms, and returns what has arrived.
func paused(t *testing.T, b *lab, h *host, size int, o simnet.Outage) (got []arrival) {
	t.Helper()
	b.at(0, func() {
		for range 20 {
			h.sendDown(size)
		}
	})
	b.at(sim.Time(5500*us), func() { h.down.Pause(o) })
	b.at(sim.Time(20*ms), func() { h.sendDown(size) })
	b.at(sim.Time(30*ms), func() { h.down.Resume() })
	b.at(sim.Time(31*ms), func() { h.sendDown(size) })
	b.run(sim.Time(2*sim.Second), h)
	if n := b.net.Allocated(); n != 0 {
		t.Errorf("%+v: %d packets left", o, n)
	}
	if s := h.down.Stats(); int(s.DownDrops)+len(h.atHost) != 22 {
		t.Errorf("%+v: %d of 22 packets arrived, %d counted as lost", o, len(h.atHost), s.DownDrops)
	}
	return h.atHost
}

// outages are the four kinds of a pause, and which packets arrive: of the 20 that wait
// those up to left have left the sender before, and those up to flying are under way.
func outages(left, flying int) map[simnet.Outage][]int {
	span := func(spans ...[2]int) (out []int) {
		for _, s := range spans {
			for i := s[0]; i <= s[1]; i++ {
				out = append(out, i)
			}
		}
		return out
	}
	return map[simnet.Outage][]int{
		{KeepQueue: true, KeepInFlight: true}: span([2]int{1, 22}),
		{KeepInFlight: true}:                  span([2]int{1, flying}, [2]int{21, 22}),
		{KeepQueue: true}:                     span([2]int{1, left}, [2]int{flying + 1, 22}),
		{}:                                    span([2]int{1, left}, [2]int{21, 22}),
	}
}

func seqs(got []arrival) (out []int) {
	for _, a := range got {
		out = append(out, int(a.seq))
	}
	return out
}

// A pause of a link of LTE: a subframe carries one packet, which takes 10 ms then. At 5.5
// ms five subframes are over and the sixth is under way, all of whose packets are in
// flight. What is kept goes on with the first subframe after the pause, one packet in a
// millisecond; what is lost is lost; what comes in the pause waits whatever happened to
// the others.
func TestPauseOfLTE(t *testing.T) {
	c := quiet()
	c.Promotion, c.DRXCycle = 0, 0
	for o, want := range outages(0, 6) {
		b := newLab(1)
		h, _ := device(b, c)
		got := paused(t, b, h, 1250, o)
		if !slices.Equal(seqs(got), want) {
			t.Errorf("%+v: packets %v arrived, want %v", o, seqs(got), want)
			continue
		}
		before := 0 // that arrive from what was in flight
		if o.KeepInFlight {
			before = 6
		}
		for i, a := range got {
			at := sim.Time(sim.Duration(11+i) * ms)
			if i >= before {
				at = sim.Time(sim.Duration(41+i-before) * ms)
			}
			if a.at != at {
				t.Errorf("%+v: packet %d at %v, want %v", o, a.seq, a.at, at)
			}
		}
	}
}

// The same on a shared medium of 802.11g, where a frame takes 254 us and arrives at its
// end: nothing is in flight between the frames, and none is sent in the pause.
func TestPauseOfMedium(t *testing.T) {
	for o, want := range outages(14, 14) {
		b := newLab(1)
		m := radio.NewMedium(b.sim, "wifi", radio.MediumConfig{Standard: standard(t, "802.11g"), Retries: 7})
		h := wifi(b, m, 1, nil)[0]
		got := paused(t, b, h, 1500, o)
		if !slices.Equal(seqs(got), want) {
			t.Errorf("%+v: packets %v arrived, want %v", o, seqs(got), want)
		}
		for _, a := range got {
			if a.at > sim.Time(5500*us) && a.at < sim.Time(30*ms+254*us) {
				t.Errorf("%+v: packet %d arrived in the pause, at %v", o, a.seq, a.at)
			}
		}
	}
}
