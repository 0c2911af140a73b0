package simnet_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	simnet "mpsim/net"
	"mpsim/sim"
)

// Ten packets of 1500 octets offered at once at 10 Mb/s: the queue falls from
// 15000 to 0 octets in ten steps of 1.2 ms.
func TestStatsClosedForm(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: sim.Millisecond, Histogram: true})
		p.at(0, func() {
			for range 10 {
				p.send(1500)
			}
		})
		var half simnet.Stats
		p.at(6*ms, func() { half = p.ab.Stats() })
		p.at(24*ms, func() {
			s := p.ab.Stats()
			if want := 1500 * 55 * 1.2 / 24; s.MeanQueueBytes != want {
				t.Errorf("mean queue %v octets, want %v", s.MeanQueueBytes, want)
			}
			if s.Utilisation != 0.5 || s.SentBytes != 15000 {
				t.Errorf("stats %+v", s)
			}
			// The longest twentieth of the time had 15000 octets.
			if s.P99QueueBytes < 15000 || s.P99QueueBytes > 15000*9/8 {
				t.Errorf("p99 %v octets", s.P99QueueBytes)
			}
		})
		p.finish()
		if want := 1500 * (10 + 9 + 8 + 7 + 6) * 1.2 / 6; half.MeanQueueBytes != want {
			t.Errorf("mean queue at half time %v octets, want %v", half.MeanQueueBytes, want)
		}
		if half.SentBytes != 7500 || half.Utilisation != 1 {
			t.Errorf("stats at half time %+v", half)
		}
	})
}

// The 99th percentile of a queue that holds 3000 octets for 2 % of the time is
// 3000, and 0 if it does so for half a per cent; within 1/8.
func TestQuantile(t *testing.T) {
	for _, c := range []struct{ length, low, high float64 }{{60, 3000, 3000 * 9 / 8}, {480, 0, 0}} {
		p := newPair(t, simnet.LinkConfig{Rate: 10e6, Histogram: true})
		p.at(0, func() { p.send(1500); p.send(1500) })
		p.at(sim.Time(c.length)*ms, func() {
			if got := p.ab.Stats().P99QueueBytes; got < c.low || got > c.high {
				t.Errorf("over %v ms: %v octets, want %v to %v", c.length, got, c.low, c.high)
			}
		})
		p.finish()
	}
}

// Capacity does not count the time of an outage, and follows a schedule.
func TestUtilisation(t *testing.T) {
	for name, cfg := range map[string]simnet.LinkConfig{
		"constant": {Rate: 10e6, Overhead: 500},
		"schedule": {Overhead: 500, Schedule: &simnet.RateSchedule{Steps: []simnet.RateStep{{At: 0, Rate: 10e6}}}},
	} {
		p := newPair(t, cfg)
		p.at(0, func() { p.send(2000) }) // 2500 octets on the wire: 2 ms
		p.at(4*ms, func() { p.ab.Down(simnet.Outage{}) })
		p.at(10*ms, func() { p.ab.Up() })
		p.at(14*ms, func() {
			if got := p.ab.Stats().Utilisation; math.Abs(got-0.25) > 1e-12 {
				t.Errorf("%s: utilisation %v, want 2 of 8 ms", name, got)
			}
		})
		p.finish()
	}
}

// Asking for statistics changes nothing, not even the last digit.
func TestStatsAreReadOnly(t *testing.T) {
	for name, cfg := range map[string]simnet.LinkConfig{
		"constant": {Rate: 7777777, Histogram: true},
		"served":   {Rate: 7777777, Histogram: true, Mode: simnet.Served},
		"schedule": {Schedule: &simnet.RateSchedule{Steps: []simnet.RateStep{{At: 0, Rate: 999999}, {At: ms, Rate: 7654321}}}},
		"trace":    {Opportunities: &simnet.Opportunities{Milliseconds: []uint32{0, 1, 3}}},
	} {
		run := func(ask sim.Time) (st simnet.Stats) {
			p := newPair(t, cfg)
			for i := range sim.Time(50) {
				p.at(i*i*10*us, func() { p.send(333 + int(i)) })
			}
			p.at(20*ms, func() { p.ab.SetDelay(5) })
			for at := ask; at < 50*ms; at += ask {
				p.at(at, func() { p.ab.Stats(); p.ab.QueueBytes() })
			}
			p.at(50*ms, func() { st = p.ab.Stats() })
			p.finish()
			return st
		}
		if d := cmp.Diff(run(s), run(777*us)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A packet-hop allocates nothing, whatever the mode and the server.
func TestNoAllocation(t *testing.T) {
	for name, cfg := range map[string]simnet.LinkConfig{
		"fifo":     {Rate: 10e6, Delay: sim.Millisecond, Loss: 0.1},
		"served":   {Rate: 10e6, Delay: sim.Millisecond, Mode: simnet.Served},
		"schedule": {Schedule: &simnet.RateSchedule{Steps: []simnet.RateStep{{At: 0, Rate: 10e6}, {At: ms, Rate: 1e6}}, End: simnet.Loop, Length: 2 * sim.Millisecond}},
		"trace":    {Opportunities: &simnet.Opportunities{Milliseconds: []uint32{1, 3}}, Histogram: true},
	} {
		f := newPair(t, cfg)
		f.answer()
		f.a.SetReceiver(receiver(func(now sim.Time, id simnet.PacketID) {
			seg := f.net.Segment(id)
			seg.Route, seg.TTL = uint32(f.forth), 64
			f.a.Send(now, id)
		}))
		f.a.Interface("eth0").AddBox(passing{})
		for range 20 {
			f.send(1000)
		}
		f.ab.SetLoss(0)
		f.ba.SetLoss(0)
		f.arrived = make([]arrival, 0, 100000)
		f.sim.Run(100*ms, 1<<40)
		if n := testing.AllocsPerRun(100, func() { f.sim.Run(sim.Never-1, 200) }); n != 0 {
			t.Errorf("%s: %v allocations in 200 events", name, n)
		}
	}
}

// passing is a box that does nothing.
type passing struct{}

func (passing) Process(_ sim.Time, p *simnet.Packet, d simnet.Dir, out simnet.Emitter) {
	out.Emit(p, d)
}
func (passing) NextTimeout() sim.Time                  { return sim.Never }
func (passing) HandleTimeout(sim.Time, simnet.Emitter) {}

// Two lengths are of one class if and only if classOfLength says so.
func TestSameClass(t *testing.T) {
	for a := uint32(0); a < 3000; a++ {
		for b := uint32(0); b < 3000; b++ {
			if got, want := simnet.SameClass(a, b), simnet.ClassOfLength(a) == simnet.ClassOfLength(b); got != want {
				t.Fatalf("%d and %d are of one class: %v, want %v", a, b, got, want)
			}
		}
	}
}
