package bench

import (
	"context"
	"strings"
	"testing"

	"mpsim/internal/floor"
	"mpsim/scenarios"
	"mpsim/sim"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 100}, 3.5}} {
		if got := median(c.x); float64(got) != c.want {
			t.Errorf("median of %v is %v, want %v", c.x, got, c.want)
		}
	}
}

// Every benchmark loads, with its overrides; its name is known and its bare loop is that
// of its fat-tree.
func TestBenchmarksLoad(t *testing.T) {
	for _, b := range All() {
		if strings.Contains(b.Name, "k16") || strings.Contains(b.Name, "k32") {
			continue // seconds each
		}
		sc, err := scenarios.LoadLibrary(b.path, scenarios.Options{Set: b.set})
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		if c := b.floor; c.K != 0 && c.K*c.K*c.K/4 != len(sc.Flows) {
			t.Errorf("%s: %d flows, and a bare loop of %d pods", b.Name, len(sc.Flows), c.K)
		}
		if got, err := Find(b.Name); err != nil || got.path != b.path {
			t.Errorf("%s is not found: %v", b.Name, err)
		}
	}
	if _, err := Find("nothing"); err == nil || !strings.Contains(err.Error(), "have two-path, ") {
		t.Errorf("error for an unknown name: %v", err)
	}
}

// A short benchmark gives every figure, the same work each time, and is believed. The
// bottleneck of 100 Mb/s carries 1448 of 1500 bytes of payload at most.
func TestMeasurement(t *testing.T) {
	b := *must(Find("bottleneck-1"))
	b.set, b.floor = []string{"duration=2s"}, floor.Config{Seconds: 0.05}
	b.guard.low = 0.80 // slow start and the first loss are in it
	m, err := b.Run(context.Background(), Options{Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Implausible) > 0 {
		t.Errorf("not believed: %v", m.Implausible)
	}
	if m.CPU <= 0 || m.Wall <= 0 || m.PerHop <= 0 || m.Ratio <= 0 || m.RatioMin > m.Ratio || m.Ratio > m.RatioMax || m.PeakRSS < 1<<20 || m.Hash == "" ||
		m.FloorK != 4 || m.FloorSub != 4 {
		t.Errorf("%+v", m)
	}
	if want := 0.9 * 2 * 100e6 / 12000 * 3 * 1.5; float64(m.PacketHops) < want {
		t.Errorf("%d packet-hops, want at least %.0f", m.PacketHops, want)
	}
}

// What cannot be is found: too few or too many packet-hops for what was delivered, a
// utilisation outside its band, too few bytes, corrupt ones.
func TestImplausible(t *testing.T) {
	g := guard{capacity: 1e6, low: 0.9, high: 0.95, bytes: 1000, payload: 1000, acks: 1}
	good := func() (*Measurement, *work) {
		return &Measurement{Utilisation: 0.92, PacketHops: 1030}, &work{hops: 1000, sentHops: 1200, flows: 1000}
	}
	if wrong := g.check(good()); wrong != nil {
		t.Errorf("%v is said of what is right", wrong)
	}
	for name, spoil := range map[string]func(*Measurement, *work){
		"the utilisation": func(m *Measurement, _ *work) { m.Utilisation = 0.96 },
		"940 packet-hops": func(m *Measurement, _ *work) { m.PacketHops = 940 },
		"1060 packet-":    func(m *Measurement, _ *work) { m.PacketHops = 1060 },
		"999 bytes":       func(_ *Measurement, w *work) { w.flows = 999 },
		"7 corrupt":       func(_ *Measurement, w *work) { w.corrupt = 7 },
	} {
		m, w := good()
		spoil(m, w)
		if wrong := g.check(m, w); len(wrong) != 1 || !strings.Contains(wrong[0], name) {
			t.Errorf("%s: %q", name, wrong)
		}
	}
	g.lossy = true
	m, w := good()
	if m.PacketHops = 1250; g.check(m, w) != nil {
		t.Error("with losses, what was sent bounds the packet-hops")
	}
	if m.PacketHops = 1270; g.check(m, w) == nil {
		t.Error("more packet-hops than what was sent asks for")
	}
}

// The expected hops come from the paths: over the dumbbell each data packet crosses three
// links, and half as many acknowledgements three back.
func TestWorkOfADumbbell(t *testing.T) {
	b := must(Find("bottleneck-1"))
	w, err := b.build(Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Run(sim.Time(sim.Second), 0, nil); err != nil {
		t.Fatal(err)
	}
	x := measureWork(w, &b.guard)
	if want := float64(x.delivered) / 1448 * 4.5; x.delivered == 0 || x.hops != want {
		t.Errorf("%.0f hops for %d bytes, want %.0f", x.hops, x.delivered, want)
	}
}

// A sweep gives the same table on one core and on two, which another seed changes.
func TestSweepTables(t *testing.T) {
	b := *must(Find("sweep-64"))
	b.runs, b.set = 3, []string{"duration=200ms"}
	m, err := b.Run(context.Background(), Options{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if m.Sweep.Runs != 3 || m.Sweep.Speedup <= 0 || m.PacketHops == 0 {
		t.Errorf("%+v, %+v", m, m.Sweep)
	}
	rows, _, err := b.seeds(context.Background(), Options{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if table(rows) != m.Hash {
		t.Error("the table of the same seeds differs")
	}
	if table(rows[:2]) == m.Hash || rows[0].row == rows[1].row {
		t.Error("the table does not show its rows")
	}
}

func must(b *Benchmark, err error) *Benchmark {
	if err != nil {
		panic(err)
	}
	return b
}
