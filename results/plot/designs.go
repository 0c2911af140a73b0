package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figures of designs: the mean of a metric over two factors as a map of colours, and two
// metrics against each other with a mark a design.

// heatMap colours the mean of a metric over the categories of two factors, and writes it
// into each cell that has room.
func heatMap(t *Table, o *Options) (*figure, error) {
	metric, err := t.metric("metric", o.Metric)
	if err != nil {
		return nil, err
	}
	x, err := t.factor("x", o.X, 0)
	if err != nil {
		return nil, err
	}
	y, err := t.factor("y", o.Y, 1)
	if err != nil {
		return nil, err
	}
	if x == nil || y == nil {
		return nil, fmt.Errorf("a heat map has two axes of categories: --x COLUMN --y COLUMN")
	}
	columns, rows := x.levels(), y.levels()
	if !y.numeric {
		slices.Reverse(rows) // names are read downwards, numbers grow upwards
	}
	means := make([]float64, 0, len(columns)*len(rows))
	low, high := math.Inf(1), math.Inf(-1)
	for _, b := range rows {
		for _, a := range columns {
			g := t.values(metric, func(i int) bool { return x.is(i, a) && y.is(i, b) })
			m := math.NaN()
			if len(g.values) > 0 {
				m = mean(g.values, 1).y
				low, high = math.Min(low, m), math.Max(high, m)
			}
			means = append(means, m)
		}
	}
	if !(low <= high) {
		return nil, ErrNothing
	}
	u := metric.units(math.Max(math.Abs(low), math.Abs(high)))
	f := &figure{title: t.Title, full: o.Full, xName: x.title(), yLabel: y.title(), xMin: -0.5, tMax: float64(len(columns)) - 0.5,
		scale: &scale{low: low * u.factor, high: high * u.factor}, xTicks: []tick{}}
	for i, a := range columns {
		f.xTicks = append(f.xTicks, tick{float64(i), x.show(a)})
	}
	p := panel{title: metric.label(u), note: "mean; grey: no value", yMin: -0.5, yMax: float64(len(rows)) - 0.5, yTicks: []tick{}}
	f.left = labelRoom(rows, y)
	slot := (f.width() - f.left - f.right()) / vg.Length(len(columns))
	for k, b := range rows {
		p.yTicks = append(p.yTicks, tick{float64(k), y.show(b)})
		for i := range columns {
			p.cell(f.scale, means[k*len(columns)+i]*u.factor, float64(i), float64(k), slot)
		}
	}
	f.height = min(max(vg.Length(len(rows))*16, 48), 180)
	f.panels = []panel{p}
	return f, nil
}

// cell adds a cell of a heat map.
func (p *panel) cell(s *scale, v, x, y float64, slot vg.Length) {
	if math.IsNaN(v) {
		p.areas = append(p.areas, block(x-0.5, y-0.5, x+0.5, y+0.5, gridGrey))
		return
	}
	fill := s.at(v)
	p.areas = append(p.areas, block(x-0.5, y-0.5, x+0.5, y+0.5, fill))
	text := strings.TrimSuffix(fmt.Sprintf("%#.3g", v), ".")
	if textStyle(sizeText-0.5, false, black, 0, 0).Width(text) < slot-2 {
		p.texts = append(p.texts, caption{x, y, text, inkOn(fill), draw.XCenter})
	}
}

// labelRoom is what the labels of an axis of categories need to the left of the data.
func labelRoom(levels []string, c *column) vg.Length {
	s := textStyle(sizeText, false, black, 0, 0)
	room := vg.Length(0)
	for _, v := range levels {
		room = max(room, min(s.Width(c.show(v)), longestLabel))
	}
	return room + 20
}

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
	ux, uy := x.units(slices.Max(reach[0])), y.units(slices.Max(reach[1]))
	f.xName, f.yLabel = x.label(ux), y.label(uy)
	f.xMin, f.tMax = span(slices.Min(reach[0])*ux.factor, slices.Max(reach[0])*ux.factor)
	p.yMin, p.yMax = span(slices.Min(reach[1])*uy.factor, slices.Max(reach[1])*uy.factor)
	for i := range p.marks {
		m := &p.marks[i]
		m.x, m.xLow, m.xHigh = m.x*ux.factor, m.xLow*ux.factor, m.xHigh*ux.factor
		m.y, m.low, m.high = m.y*uy.factor, m.low*uy.factor, m.high*uy.factor
	}
	f.panels = []panel{p}
	return f, nil
}
