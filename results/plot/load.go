package plot

import (
	"math"
	"strconv"

	"mpsim/results"
)

// A figure of queueing delay against load: a mark for each second and link, with what left
// the link in that second as a part of what it can carry, and the time that the mean
// queue of that second takes to leave. Several runs share the panels of their links, so
// that queue disciplines can be compared.

// loadBin is the time over which a mark is a mean, in seconds.
const loadBin = 1.0

// delayAgainstLoad builds the figure.
func delayAgainstLoad(runs []*Run) (*figure, error) {
	f := newFigure(runs)
	f.xName, f.xMin, f.tMax = "Load (% of the link's rate)", 0, 102
	var raw []panel
	top := 0.0
	for k, r := range runs {
		name := r.Summary.Scenario
		if len(runs) > 1 {
			if twice(runs, name) {
				name += " seed " + strconv.FormatUint(r.Summary.Seed, 10)
			}
			f.legend = append(f.legend, key{name: name, color: paint(k), shape: shapeOf(k)})
		}
		for i := range r.Summary.Links {
			l := &r.Summary.Links[i]
			for _, m := range r.delays(l) {
				m.color, m.shape = paint(k), shapeOf(k)
				p := panelOf(&raw, l.Name+"."+l.Direction)
				p.marks = append(p.marks, m)
				top = math.Max(top, m.y)
				f.tMax = math.Max(f.tMax, m.x*1.02) // above 100 % where the rate of the link varies
			}
		}
	}
	var kept []panel
	for _, p := range raw {
		for _, m := range p.marks {
			if m.y >= negligible*top {
				kept = append(kept, p)
				break
			}
		}
	}
	if top == 0 || len(kept) == 0 {
		return nil, ErrNothing
	}
	u := timeUnit(top)
	f.yLabel = "Queueing delay (" + u.name + ")"
	for i := range kept {
		for j := range kept[i].marks {
			m := &kept[i].marks[j]
			m.y *= u.factor
			m.low, m.high = m.y, m.y
		}
	}
	f.finish(kept, u, top)
	return f, nil
}

// delays are the marks of one link, in seconds.
func (r *Run) delays(l *results.Link) []mark {
	rate, queue := r.get(l.Name+"."+l.Direction, "rate_bps"), r.get(l.Name+"."+l.Direction, "queue_bytes")
	if rate == nil || queue == nil || !(l.Utilisation > 0) || !(r.Summary.SimTime > 0) {
		return nil
	}
	capacity := float64(l.Bytes) * 8 / (float64(l.Utilisation) * float64(r.Summary.SimTime))
	var out []mark
	end, n, x, y := loadBin, 0, 0.0, 0.0
	for i := range min(len(rate.x), len(queue.x)) {
		n, x, y = n+1, x+rate.y[i], y+queue.y[i]
		if rate.x[i] >= end-1e-9 {
			out = append(out, mark{x: 100 * x / float64(n) / capacity, y: y / float64(n) * 8 / capacity})
			end, n, x, y = end+loadBin, 0, 0, 0
		}
	}
	return out
}

// panelOf returns the panel of a title, a new one if there is none.
func panelOf(panels *[]panel, title string) *panel {
	for i := range *panels {
		if (*panels)[i].title == title {
			return &(*panels)[i]
		}
	}
	*panels = append(*panels, panel{title: title})
	return &(*panels)[len(*panels)-1]
}

// twice reports whether several runs are of one scenario.
func twice(runs []*Run, name string) bool {
	n := 0
	for _, r := range runs {
		if r.Summary.Scenario == name {
			n++
		}
	}
	return n > 1
}
