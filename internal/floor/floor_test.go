package floor

import "testing"

// The counts are those of the original program for the same options; the loop
// is worth nothing as a calibrator if it does other work.
func TestCountsOfTheOriginal(t *testing.T) {
	for _, c := range []struct {
		c                   Config
		events, hops, drops uint64
	}{
		{Config{Mode: Heap2Ev}, 2334596, 1158527, 16282},
		{Config{Mode: Heap1Ev}, 1114459, 1113170, 9},
		{Config{Mode: Lanes}, 2334596, 1158527, 16282},
		{Config{Mode: Heap1Ev, Seconds: 0.2}, 220489, 219200, 9},
		{Config{Mode: Lanes, Sub: 2, Seconds: 0.2}, 347152, 173163, 185},
		{Config{Mode: Heap2Ev, K: 8, Sub: 1, Seconds: 0.1}, 1072607, 535020, 0},
	} {
		r := New(c.c).Run()
		if r.Events != c.events || r.Hops != c.hops || r.Drops != c.drops {
			t.Errorf("%+v: events %d, hops %d, drops %d; the original has %d, %d, %d",
				c.c, r.Events, r.Hops, r.Drops, c.events, c.hops, c.drops)
		}
	}
}

func TestModeNames(t *testing.T) {
	for _, m := range []Mode{Heap2Ev, Heap1Ev, Lanes} {
		if got, err := ParseMode(m.String()); err != nil || got != m {
			t.Errorf("ParseMode(%q) = %v, %v", m.String(), got, err)
		}
	}
	if _, err := ParseMode("heap3ev"); err == nil {
		t.Error("heap3ev is accepted")
	}
}

func BenchmarkLoop(b *testing.B) {
	for _, m := range []Mode{Heap2Ev, Heap1Ev, Lanes} {
		b.Run(m.String(), func(b *testing.B) {
			hops := uint64(0)
			for b.Loop() {
				b.StopTimer()
				l := New(Config{Mode: m, Seconds: 0.2})
				b.StartTimer()
				hops += l.Run().Hops
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(hops), "ns/hop")
		})
	}
}
