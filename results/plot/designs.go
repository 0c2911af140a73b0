package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A figure of designs: the mean of a metric over two factors as a map of colours.

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
