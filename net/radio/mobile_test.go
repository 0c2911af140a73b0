package radio_test

import (
	"math"
	"testing"

	"mpsim/net/radio"
	"mpsim/sim"
)

// events records what happens to a link.
type events struct {
	list []event
}

type event struct {
	at   sim.Time
	what string
	cell int
}

func (e *events) Detach(now sim.Time, over bool) {
	what := "lost"
	if over {
		what = "over"
	}
	e.list = append(e.list, event{now, what, 0})
}
func (e *events) Attached(now sim.Time, cell int) {
	e.list = append(e.list, event{now, "attached", cell})
}
func (e *events) Warned(now sim.Time, low bool) {
	what := "well"
	if low {
		what = "low"
	}
	e.list = append(e.list, event{now, what, 0})
}

// walk is a host that goes from 1 m to 101 m at 1 m/s, past the given cells: 20 dBm, 40 dB at
// 1 m, exponent 3, hence -20 - 30 log10(d) dBm.
func walk(rule radio.Handover, cells ...float64) radio.MobileConfig {
	return radio.MobileConfig{
		Way: []radio.Waypoint{{At: 0, Place: 1}, {At: sim.Time(100 * sim.Second), Place: 101}}, Cells: cells,
		Power: 20, Reference: 40, Exponent: 3, Correlation: 20,
		Handover: rule, Leave: -75, Join: -70, Roam: -65, Hysteresis: 8, Search: 200 * ms, Attach: 500 * ms,
		Offset: 3, TimeToTrigger: 256 * ms, Interruption: 45 * ms,
	}
}

func runWalk(seed uint64, cfg radio.MobileConfig) (*events, *radio.Mobile, *sim.Sim) {
	s := sim.New(seed, 0)
	m, e := radio.NewMobile(s, "x", cfg), new(events)
	m.Start(e)
	s.Run(sim.Time(100*sim.Second), 1<<30)
	return e, m, s
}

// TestPathLoss: PL(d) = PL(1 m) + 10 n log10 d, and free space at 2.4 GHz (n = 2, 40.05 dB at
// 1 m): 100 m are 80.05 dB.
func TestPathLoss(t *testing.T) {
	for _, c := range []struct{ n, ref, metres, want float64 }{
		{2, 40.05, 100, 80.05}, {2, 40.05, 10, 60.05}, {3, 46.7, 50, 97.669}, {4, 40, 1000, 160}, {3, 40, 0.2, 40},
	} {
		cfg := radio.MobileConfig{Exponent: c.n, Reference: c.ref}
		if got := cfg.Loss(c.metres); math.Abs(got-c.want) > 1e-3 {
			t.Errorf("n %v at %v m: %v dB, want %v", c.n, c.metres, got, c.want)
		}
	}
}

// TestShadowing: over many hosts the shadow after 20 m has mean 0, deviation 6 dB and
// correlation 1/e with the one at the start.
func TestShadowing(t *testing.T) {
	const n = 2000
	var sum, square, product float64
	for seed := range uint64(n) {
		cfg := walk(radio.Stay, 0)
		cfg.Shadowing = 6
		s := sim.New(seed, 0)
		m := radio.NewMobile(s, "x", cfg)
		mean := func(at sim.Time) float64 { return cfg.Power - cfg.Loss(m.Place(at)) }
		before := m.At(0) - mean(0)
		m.Start(new(events))
		end := sim.Time(20 * sim.Second)
		s.Run(end+1, 1<<30)
		x := m.At(end) - mean(end)
		sum += x
		square += x * x
		product += x * before
	}
	if mean := sum / n; math.Abs(mean) > 4.5*6/math.Sqrt(n) {
		t.Errorf("mean %v dB", mean)
	}
	if v := square / n / 36; math.Abs(v-1) > 4.5*math.Sqrt(2.0/n) {
		t.Errorf("variance %v of 36", v)
	}
	if r := product / n / 36; math.Abs(r-math.Exp(-1)) > 4.5*math.Sqrt((1+math.Exp(-2))/n) {
		t.Errorf("correlation %v, want 1/e", r)
	}
}

// TestAssociationIsLost: -20 - 30 log10 d is -75 at d = 10^(55/30) = 68.13 m, and -70 again
// where the second access point at 200 m is 10^(50/30) = 46.4 m away: never on this way.
func TestAssociationIsLost(t *testing.T) {
	cfg := walk(radio.Scan, 0, 200)
	e, m, _ := runWalk(1, cfg)
	at := sim.Time((math.Pow(10, 55.0/30) - 1) * 1e9)
	if len(e.list) != 1 || e.list[0].what != "lost" || e.list[0].at < at || e.list[0].at > at.Add(32*ms) {
		t.Errorf("%v, want one loss at %v", e.list, at)
	}
	if s := m.Stats(); s.Lost != 1 || s.Handovers != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRoaming: with access points at 0 and 100 m the other is 8 dB stronger from d on where
// 30 log10(d/(100-d)) = 8, d = 100 r/(1+r) with r = 10^(8/30): 64.88 m; the own one is then at
// -74.4 dBm, below Roam and above Leave. A scan of 200 ms and 500 ms later the host is there.
func TestRoaming(t *testing.T) {
	e, m, _ := runWalk(1, walk(radio.Scan, 0, 100))
	r := math.Pow(10, 8.0/30)
	at := sim.Time((100*r/(1+r) - 1) * 1e9)
	if len(e.list) != 2 || e.list[0].what != "over" || e.list[0].at < at || e.list[0].at > at.Add(32*ms) ||
		e.list[1] != (event{e.list[0].at.Add(700 * ms), "attached", 1}) {
		t.Errorf("%v, want a scan at %v and the second access point 700 ms later", e.list, at)
	}
	if s := m.Stats(); s.Handovers != 1 || s.Detached != 700*ms || m.Serving() != 1 {
		t.Errorf("%+v", s)
	}
}

// TestA3: 3 dB are reached at r = 10^(3/30): 55.73 m; 256 ms later the base station
// changes, which interrupts for 45 ms.
func TestA3(t *testing.T) {
	e, m, _ := runWalk(1, walk(radio.A3, 0, 100))
	r := math.Pow(10, 3.0/30)
	at := sim.Time((100*r/(1+r)-1)*1e9) + sim.Time(256*ms)
	if len(e.list) != 2 || e.list[0].what != "over" || e.list[0].at < at || e.list[0].at > at.Add(32*ms) ||
		e.list[1] != (event{e.list[0].at.Add(45 * ms), "attached", 1}) {
		t.Errorf("%v, want a handover at %v", e.list, at)
	}
	if s := m.Stats(); s.Handovers != 1 || s.Detached != 45*ms {
		t.Errorf("%+v", s)
	}
}

// TestWarning: -70 dBm are passed at 46.4 m, long before -75 at 68.1 m; coming back the
// warning ends 3 dB above, at -67 dBm or 10^(47/30) = 36.9 m.
func TestWarning(t *testing.T) {
	cfg := walk(radio.Scan, 0)
	cfg.Warn = -70
	cfg.Way = []radio.Waypoint{{At: 0, Place: 1}, {At: sim.Time(50 * sim.Second), Place: 51}, {At: sim.Time(100 * sim.Second), Place: 1}}
	e, _, _ := runWalk(1, cfg)
	low := sim.Time((math.Pow(10, 50.0/30) - 1) * 1e9)
	well := sim.Time(100e9 - (math.Pow(10, 47.0/30)-1)*1e9)
	if len(e.list) != 2 || e.list[0].what != "low" || e.list[0].at < low || e.list[0].at > low.Add(32*ms) ||
		e.list[1].what != "well" || e.list[1].at < well || e.list[1].at > well.Add(32*ms) {
		t.Errorf("%v, want low at %v and well at %v", e.list, low, well)
	}
}
