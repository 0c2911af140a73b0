package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// scatter draws two metrics against each other. A mark is the mean of a design (of the
// replications of one point of a sweep) with its intervals; a row of another table is a
// mark of its own.
func scatter(t *Table, o *Options) (*figure, error) {
	y, err := t.metric("y", o.Y)
	if err != nil {
		return nil, err
	}
	if o.X == "" {
		return nil, fmt.Errorf("a scatter figure has two metrics: --x COLUMN --y COLUMN")
	}
	x, err := t.metric("x", o.X)
	if err != nil {
		return nil, err
	}
	by, levels, err := t.groups(o)
	if err != nil {
		return nil, err
	}
	point := &column{}
	if i := t.index("point"); i >= 0 {
		point = &t.columns[i]
	} else {
		for i := range t.rows {
			point.text = append(point.text, fmt.Sprint(i))
		}
	}
	f := &figure{title: t.Title}
	p := panel{}
	designs := point.levels()
	var reach [2][]float64
	replicated := false
	for k, name := range levels {
		for _, d := range designs {
			match := func(i int) bool { return point.is(i, d) && by.is(i, name) }
			a, b := t.values(x, match), t.values(y, match)
			if len(a.values) == 0 || len(b.values) == 0 {
				continue
			}
			replicated = replicated || len(a.values) > 1
			m, across := mean(b.values, 1), mean(a.values, 1)
			m.x, m.xLow, m.xHigh = across.y, across.low, across.high
			m.color, m.shape = palette[k], shapeOf(k)
			p.marks = append(p.marks, m)
			reach[0], reach[1] = append(reach[0], m.xLow, m.xHigh), append(reach[1], m.low, m.high)
		}
		if by != nil {
			f.enter(key{name: by.show(name), color: palette[k], shape: shapeOf(k)})
		}
	}
	if len(p.marks) == 0 {
		return nil, ErrNothing
	}
	if replicated {
		p.note = "a mark a design: means, 95 % intervals"
	}
	bounds, err := t.bounds(o, x, y)
	if err != nil {
		return nil, err
	}
	for _, b := range bounds {
		reach[b.axis] = append(reach[b.axis], b.at...)
	}
	ux, uy := x.units(slices.Max(reach[0])), y.units(slices.Max(reach[1]))
	f.xName, f.yLabel = x.label(ux), y.label(uy)
	f.xMin, f.tMax = span(slices.Min(reach[0])*ux.factor, slices.Max(reach[0])*ux.factor)
	p.yMin, p.yMax = span(slices.Min(reach[1])*uy.factor, slices.Max(reach[1])*uy.factor)
	for i := range p.marks {
		m := &p.marks[i]
		m.x, m.xLow, m.xHigh = m.x*ux.factor, m.xLow*ux.factor, m.xHigh*ux.factor
		m.y, m.low, m.high = m.y*uy.factor, m.low*uy.factor, m.high*uy.factor
	}
	if o.Log {
		if err := f.logarithmic(slices.Min(reach[0])*ux.factor, slices.Max(reach[0])*ux.factor); err != nil {
			return nil, err
		}
	}
	for i, b := range bounds {
		f.drawBound(&p, &b, len(levels)+i, ux, uy)
	}
	f.panels = []panel{p}
	return f, nil
}

// bound is a column whose values are lines across the data: what theory says of one axis.
type bound struct {
	name string
	axis int       // 0: along the axis x, so that the lines are vertical; 1: y
	at   []float64 // different values
}

// bounds returns the lines of --bound. A column belongs to the axis whose unit it has, to x if
// both have it.
func (t *Table) bounds(o *Options, x, y *column) ([]bound, error) {
	var out []bound
	for _, name := range o.Bounds {
		c, err := t.metric("bound", name)
		if err != nil {
			return nil, err
		}
		b := bound{name: strings.ReplaceAll(c.name, "_", " ")}
		switch c.unit {
		case x.unit:
		case y.unit:
			b.axis = 1
		default:
			return nil, fmt.Errorf("--bound: column %q has the unit %q, the axes have %q and %q", name, c.unit, x.unit, y.unit)
		}
		for _, v := range c.number {
			if !math.IsNaN(v) && !math.IsInf(v, 0) && !slices.Contains(b.at, v) {
				b.at = append(b.at, v)
			}
		}
		if len(b.at) > maxGroups {
			return nil, fmt.Errorf("--bound: column %q has %d values; a figure has at most %d lines of one", name, len(b.at), maxGroups)
		}
		slices.Sort(b.at)
		out = append(out, b)
	}
	return out, nil
}

// drawBound adds the lines of a bound and its entry in the legend.
func (f *figure) drawBound(p *panel, b *bound, color int, ux, uy unit) {
	c := paint(color)
	for _, v := range b.at {
		ln := line{x: []float64{v * ux.factor, v * ux.factor}, y: []float64{p.yMin, p.yMax}, color: c, width: normal, dash: dashes}
		if b.axis == 1 {
			ln.x, ln.y = []float64{f.xMin, f.tMax}, []float64{v * uy.factor, v * uy.factor}
		}
		p.lines = append(p.lines, ln)
	}
	f.enter(key{name: b.name, color: c, width: normal, dash: dashes})
}
