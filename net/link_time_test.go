package simnet_test

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	simnet "mpsim/net"
	"mpsim/sim"
)

// The part of a nanosecond that serialisation leaves over is carried: packet i
// of a train leaves at floor(i*8*bytes/rate), for a million packets.
func TestTrainIsExact(t *testing.T) {
	for _, c := range []struct {
		size int
		rate sim.Rate
	}{{1514, 200e6}, {1500, 7e6}, {64, 100e9}, {1500, 3}, {40, 999999937}} {
		bothModes(t, func(t *testing.T, mode simnet.Mode) {
			const packets = 3000
			p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: c.rate})
			p.at(0, func() {
				for range packets {
					p.send(c.size)
				}
			})
			p.finish()
			for i, a := range p.arrived {
				n := new(big.Int).Mul(big.NewInt(int64(i+1)*int64(c.size)), big.NewInt(8e9))
				want := n.Quo(n, big.NewInt(int64(c.rate))).Int64()
				if int64(a.At) != want {
					t.Fatalf("%d octets at %v: packet %d at %d ns, want %d", c.size, c.rate, i, int64(a.At), want)
				}
			}
		})
	}
}

// An idle link forgets the remainder, a link that is at work at the arrival
// keeps it: at 3 Gb/s a packet of 40 octets takes 106 2/3 ns.
func TestRemainder(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 3e9})
		for _, at := range []sim.Time{0, 106, 213, 1000} {
			p.at(at, func() { p.send(40) })
		}
		p.finish()
		// The third begins at 213 1/3 and ends at 320 exactly.
		if d := cmp.Diff([]sim.Time{106, 213, 320, 1106}, p.times()); d != "" {
			t.Error(d)
		}
	})
}

func TestOverheadAndInfiniteRate(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 1e9, Overhead: 38})
		p.at(0, func() { p.send(1500); p.send(1500) })
		p.finish()
		if d := cmp.Diff([]sim.Time{12304, 24608}, p.times()); d != "" { // 1538 octets on the wire
			t.Error(d)
		}
		p = newPair(t, simnet.LinkConfig{Mode: mode, Delay: 7, Queue: simnet.Queue{Packets: 1}})
		p.at(5, func() { p.send(1500); p.send(1500) })
		p.finish()
		if d := cmp.Diff([]sim.Time{12, 12}, p.times()); d != "" {
			t.Error(d)
		}
		p = newPair(t, simnet.LinkConfig{Mode: mode})
		p.at(5, func() { p.send(1500) })
		p.finish()
		if d := cmp.Diff([]sim.Time{5}, p.times()); d != "" {
			t.Error(d)
		}
	})
}

// A change of the rate keeps what was sent: of 12000 bits at 10 Mb/s 4000 are
// sent at 0.4 ms, the other 8000 take 4 ms at 2 Mb/s; the next packet 6 ms.
func TestRateChange(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		for _, c := range []struct {
			name   string
			change func(p *pair)
			want   []sim.Time
		}{
			{"slower", func(p *pair) { p.ab.SetRate(2e6) }, []sim.Time{4400 * us, 10400 * us}},
			{"faster", func(p *pair) { p.ab.SetRate(80e6) }, []sim.Time{500 * us, 650 * us}},
			{"same", func(p *pair) { p.ab.SetRate(10e6) }, []sim.Time{1200 * us, 2400 * us}},
			{"infinite", func(p *pair) { p.ab.SetRate(0) }, []sim.Time{400 * us, 400 * us}},
			{"stopped for a second", func(p *pair) {
				p.ab.SetRate(simnet.NoService)
				p.at(p.sim.Now()+s, func() { p.ab.SetRate(10e6) })
			}, []sim.Time{1001200 * us, 1002400 * us}},
		} {
			p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: 3 * sim.Millisecond})
			p.at(0, func() { p.send(1500); p.send(1500) })
			p.at(400*us, func() { c.change(p) })
			p.finish()
			for i := range c.want {
				c.want[i] += 3 * ms
			}
			if d := cmp.Diff(c.want, p.times()); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
		}
	})
}

// A departure at t precedes a change at t.
func TestChangeAtDeparture(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: sim.Millisecond})
		p.at(0, func() { p.send(1500); p.send(1500) })
		p.at(1200*us, func() { p.ab.SetDelay(5 * sim.Millisecond) })
		p.finish()
		if d := cmp.Diff([]sim.Time{2200 * us, 7400 * us}, p.times()); d != "" {
			t.Error(d)
		}
	})
}

// A shorter delay does not let packets overtake those under way.
func TestDelayChangeKeepsOrder(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		p := newPair(t, simnet.LinkConfig{Mode: mode, Rate: 10e6, Delay: 10 * sim.Millisecond})
		p.at(0, func() {
			for range 4 {
				p.send(1500)
			}
		})
		p.at(2*ms, func() { p.ab.SetDelay(sim.Millisecond) }) // 1 has left, 2 is in service
		p.at(20*ms, func() { p.send(1500) })
		p.finish()
		want := []arrival{{11200 * us, 1}, {11200 * us, 2}, {11200 * us, 3}, {11200 * us, 4}, {22200 * us, 5}}
		if d := cmp.Diff(want, p.arrived); d != "" {
			t.Error(d)
		}
	})
}

// A schedule is the same as setting the rate at each of its steps, to the
// nanosecond, whatever the traffic.
func TestScheduleIsSetRate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) simnet.RateStep {
			return simnet.RateStep{
				At:   sim.Time(rapid.Int64Range(1e4, 1e6).Draw(rt, "gap")),
				Rate: sim.Rate(rapid.SampledFrom([]int64{0, 1e3, 999983, 10e6, 1e9, 3e9}).Draw(rt, "rate")),
			}
		}), 1, 6).Draw(rt, "steps")
		schedule := &simnet.RateSchedule{Steps: steps, End: rapid.SampledFrom(
			[]simnet.EndRule{simnet.Hold, simnet.Loop, simnet.Stop}).Draw(rt, "end")}
		at := sim.Time(0)
		for i := range steps {
			at, steps[i].At = at+steps[i].At, at
		}
		schedule.Length = sim.Duration(at)
		sends := rapid.SliceOfN(rapid.Int64Range(0, 3e6), 1, 20).Draw(rt, "sends")
		mode := simnet.Mode(rapid.IntRange(0, 1).Draw(rt, "mode"))
		const end = 20 * ms

		run := func(byEvents bool) *pair {
			cfg := simnet.LinkConfig{Mode: mode, Queue: simnet.Queue{Packets: 5}}
			if byEvents {
				cfg.Rate = rateOf(steps[0].Rate)
			} else {
				cfg.Schedule = schedule
			}
			p := newPair(t, cfg)
			if byEvents {
				for base := sim.Time(0); base < end; base += sim.Time(schedule.Length) {
					for _, st := range steps {
						p.at(base+st.At, func() { p.ab.SetRate(rateOf(st.Rate)) })
					}
					if schedule.End == simnet.Stop {
						p.at(sim.Time(schedule.Length), func() { p.ab.SetRate(simnet.NoService) })
					}
					if schedule.End != simnet.Loop {
						break
					}
				}
			}
			for _, at := range sends {
				p.at(sim.Time(at), func() { p.send(int(at%1400) + 40) })
			}
			p.sim.Run(end, 1<<40)
			return p
		}
		byEvents, bySchedule := run(true), run(false)
		if d := cmp.Diff(byEvents.arrived, bySchedule.arrived); d != "" {
			rt.Fatalf("events, schedule: %s", d)
		}
		if byEvents.run.Hash() != bySchedule.run.Hash() {
			rt.Fatal("hashes differ")
		}
	})
}

// rateOf translates the rate 0 of a schedule.
func rateOf(r sim.Rate) sim.Rate {
	if r == 0 {
		return simnet.NoService
	}
	return r
}

// With a continuous backlog the last packet leaves when the integral of the
// rate reaches the bits of all packets, wherever the steps fall.
func TestScheduleConservesWork(t *testing.T) {
	bothModes(t, func(t *testing.T, mode simnet.Mode) {
		schedule := &simnet.RateSchedule{Steps: []simnet.RateStep{
			{At: 0, Rate: 7e6}, {At: 1234567, Rate: 0}, {At: 2345678, Rate: 13e6}, {At: 5555555, Rate: 1e6},
		}, End: simnet.Loop, Length: 7777777}
		p := newPair(t, simnet.LinkConfig{Mode: mode, Schedule: schedule})
		p.at(0, func() {
			for i := range 500 {
				p.send(600 + i)
			}
		})
		p.finish()
		// By hand: bits of a cycle, whole cycles, then the rest.
		bitsPerCycle := new(big.Rat).SetFrac64(7e6*1234567+13e6*(5555555-2345678)+1e6*(7777777-5555555), 1e9)
		bits := big.NewRat(8*(600*500+499*500/2), 1)
		cycles := new(big.Int).Quo(new(big.Rat).Quo(bits, bitsPerCycle).Num(), new(big.Rat).Quo(bits, bitsPerCycle).Denom())
		rest := new(big.Rat).Sub(bits, new(big.Rat).Mul(bitsPerCycle, new(big.Rat).SetInt(cycles)))
		at := sim.Time(cycles.Int64()) * 7777777
		for _, st := range []struct {
			rate, from, to int64
		}{{7e6, 0, 1234567}, {13e6, 2345678, 5555555}, {1e6, 5555555, 7777777}} {
			piece := big.NewRat(st.rate*(st.to-st.from), 1e9)
			if rest.Cmp(piece) > 0 {
				rest.Sub(rest, piece)
				continue
			}
			ns := new(big.Rat).Mul(rest, big.NewRat(1e9, st.rate))
			at += sim.Time(st.from) + sim.Time(new(big.Int).Quo(ns.Num(), ns.Denom()).Int64())
			break
		}
		if got := p.arrived[len(p.arrived)-1].At; got != at {
			t.Errorf("last packet at %d, want %d", int64(got), int64(at))
		}
	})
}
