package plot

import (
	"fmt"
	"math"
)

// ranks draws the values of each group in ascending order over their rank, as throughput
// over the "rank of flow" is drawn in C. Raiciu et al., "Improving Datacenter Performance
// and Robustness with Multipath TCP", SIGCOMM 2011: a level line is a fair share, a steep
// beginning are flows that collide. What has no finite value is said, not ranked.
func ranks(t *Table, o *Options) (*figure, error) {
	metric, err := t.metric("metric", o.Metric)
	if err != nil {
		return nil, err
	}
	by, levels, err := t.groups(o)
	if err != nil {
		return nil, err
	}
	all := t.values(metric, func(int) bool { return true })
	if len(all.values) == 0 {
		return nil, ErrNothing
	}
	u := metric.units(math.Max(math.Abs(all.values[0]), math.Abs(all.values[len(all.values)-1])))
	f := &figure{title: t.Title, yLabel: metric.label(u), xName: "Rank", xMin: 0}
	var p panel
	p.yMin, p.yMax = span(all.values[0]*u.factor, all.values[len(all.values)-1]*u.factor)
	most := 0
	for k, name := range levels {
		g := t.values(metric, func(i int) bool { return by.is(i, name) })
		if len(g.values) == 0 {
			continue
		}
		ln := line{color: palette[k], width: normal}
		for i, v := range g.values {
			ln.x, ln.y = append(ln.x, float64(i+1)), append(ln.y, v*u.factor)
		}
		most = max(most, len(g.values))
		p.lines = append(p.lines, ln)
		if by != nil {
			f.enter(key{name: fmt.Sprintf("%s (%d)", by.show(name), len(g.values)), color: palette[k], width: normal})
		}
	}
	f.tMax = float64(most) + 0.5
	p.note = fmt.Sprintf("in ascending order, n = %d", len(all.values)) + all.remark()
	f.panels = []panel{p}
	return f, nil
}
