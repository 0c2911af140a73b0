package scenarios

import (
	"strings"

	"mpsim/internal/app"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// link.flap: links that fail and work again, over and over. At the time of the action
// they fail for down_time, then work for up_time, and so on, count times or until a
// time, at which they work. Both times may be random; they are drawn, down before up,
// from a stream that bears the time of the action and the names of the links, which all
// fail together. Each change is in the trace as the action is.

// flap is an action link.flap at work.
type flap struct {
	rnd    *sim.Rand
	failed int // so often
	down   bool
}

// flap makes the links of an action fail or work, and schedules the next change.
func (t *timeline) flap(now sim.Time, number int, a *Action) {
	f := t.flaps[number]
	if f == nil {
		f = &flap{rnd: t.w.sim.Stream("flap/" + a.Time.String() + "/" + strings.Join(a.Links, " ") + "/" + a.Direction)}
		t.flaps[number] = f
	}
	end := sim.Never
	if a.Until != nil {
		end = a.Until.Time()
	}
	if !f.down && now >= end {
		return
	}
	f.down = !f.down
	shaped, what := shape(a.UpTime), "link.up"
	if f.down {
		f.failed++
		shaped, what = shape(a.DownTime), "link.down"
	}
	t.node.Emit(&trace.Record{At: now, Kind: trace.Action, Flow: -1, A: int64(number)})
	t.each(a, func(l *linkRun) {
		if f.down {
			t.fail(now, a, l)
		} else {
			t.work(now, l)
		}
	})
	t.converge(now, what, 0, 0)
	if !f.down && a.Count > 0 && f.failed >= a.Count {
		return
	}
	t.w.sim.Schedule(next(now, shaped, f, end), t.w.sim.NextKey(sim.Scenario), t.handler, uint32(number*actPhases+actFlap))
}

// next is when the state of links that flap changes.
func next(now sim.Time, s app.Shape, f *flap, end sim.Time) sim.Time {
	at := now.Add(max(s.Draw(f.rnd), 1))
	if f.down && at > end {
		at = max(end, now)
	}
	return at
}

// checkFlap checks the keys of link.flap.
func (c *checker) checkFlap(a *Action) {
	if a.Until != nil && *a.Until <= a.Time {
		c.add(a.valuePos("until"), "link.flap at %v ends at %v, before it begins", a.Time, *a.Until)
	}
	for _, d := range []struct {
		key  string
		time *Distribution
	}{{"down_time", &a.DownTime}, {"up_time", &a.UpTime}} {
		if d.time.A == 0 && d.time.B == 0 && a.has(d.key) {
			c.add(a.valuePos(d.key), "%s of link.flap is 0", d.key)
		}
	}
}
