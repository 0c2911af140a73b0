package plot

import (
	"math"
	"testing"

	"mpsim/results"
)

// A link of 8 Mb/s carries 2, then 8 Mb/s; the queue is empty, then 250 kB, which take a
// quarter of a second. A link without a queue has no panel, and two runs share one.
// row:M27
func TestDelayAgainstLoad(t *testing.T) {
	run := func(name string, queue float64) *Run {
		r := &Run{series: map[seriesKey]*series{}}
		r.Summary = results.Summary{Scenario: name, SimTime: 2, Links: []results.Link{
			{Name: "l", Direction: "down", Bytes: 1_250_000, Utilisation: 0.625},
			{Name: "l", Direction: "up", Bytes: 1000, Utilisation: 0.001},
		}}
		rate, q, none := new(series), new(series), new(series)
		for i := 1; i <= 20; i++ {
			at := float64(i) / 10
			v, b := 2e6, 0.0
			if i > 10 {
				v, b = 8e6, queue
			}
			rate.x, rate.y = append(rate.x, at), append(rate.y, v)
			q.x, q.y = append(q.x, at), append(q.y, b)
			none.x, none.y = append(none.x, at), append(none.y, 0)
		}
		for _, e := range []string{"l.down", "l.up"} {
			r.series[seriesKey{e, "rate_bps"}] = rate
		}
		r.series[seriesKey{"l.down", "queue_bytes"}] = q
		r.series[seriesKey{"l.up", "queue_bytes"}] = none
		return r
	}
	f, err := delayAgainstLoad([]*Run{run("deep", 250_000), run("short", 5_000)})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.panels) != 1 || f.panels[0].title != "l.down" || len(f.legend) != 2 {
		t.Fatalf("%d panels, %d names", len(f.panels), len(f.legend))
	}
	want := [][2]float64{{25, 0}, {100, 250}, {25, 0}, {100, 5}} // percent, ms
	for i, m := range f.panels[0].marks {
		if math.Abs(m.x-want[i][0]) > 1e-9 || math.Abs(m.y-want[i][1]) > 1e-9 {
			t.Errorf("mark %d at (%v, %v), want %v", i, m.x, m.y, want[i])
		}
	}
	if _, err := delayAgainstLoad([]*Run{run("empty", 0)}); err != ErrNothing {
		t.Errorf("a figure of nothing: %v", err)
	}
	// Where the rate of a link varies, it carries more than its mean at times: the axis holds that.
	vary := run("vary", 250_000)
	vary.Summary.Links[0].Bytes = 625_000 // of 4 Mb/s
	if f, err = delayAgainstLoad([]*Run{vary}); err != nil || f.panels[0].marks[1].x != 200 || f.tMax <= 200 {
		t.Errorf("a load of 200 %%: %v, axis up to %v", err, f.tMax)
	}
}
