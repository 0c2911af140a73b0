package plot

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// area is a filled polygon in the units of the axes: a bar, a band, a cell, a box.
type area struct {
	x, y []float64
	fill color.Color // nil: none
	edge color.Color // nil: none
	hair bool        // the edge is as thin as can be
}

// block returns the rectangle between two corners.
func block(x0, y0, x1, y1 float64, fill color.Color) area {
	return area{x: []float64{x0, x1, x1, x0}, y: []float64{y0, y0, y1, y1}, fill: fill}
}

func (r *area) draw(a draw.Canvas, x, y func(float64) vg.Length) {
	pts := make([]vg.Point, 0, len(r.x)+1)
	for i := range r.x {
		pts = append(pts, vg.Point{X: x(r.x[i]), Y: y(r.y[i])})
	}
	pts = a.ClipPolygonXY(pts)
	if len(pts) < 3 {
		return
	}
	if r.fill != nil {
		a.FillPolygon(r.fill, pts)
	}
	if r.edge != nil {
		width := vg.Length(0.7)
		if r.hair {
			width = 0.3
		}
		a.StrokeLines(lineStyle(width, r.edge), append(pts, pts[0]))
	}
}

// caption is a text in the data.
type caption struct {
	x, y  float64
	text  string
	color color.Color
	align draw.XAlignment
}

func (t *caption) draw(a draw.Canvas, x, y func(float64) vg.Length) {
	a.FillText(textStyle(sizeText-0.5, false, t.color, t.align, draw.YCenter), vg.Point{X: x(t.x), Y: y(t.y)}, t.text)
}

// faded mixes a colour with white, so that what lies over it can be seen in every format.
func faded(c color.RGBA) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, 0x40} }

// faint is fainter still, for areas that lie over each other.
func faint(c color.RGBA) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, 0x18} }

// slantAngle is the angle of labels of categories that have no room beside each other.
const slantAngle = math.Pi / 5

// slant decides whether the labels of categories stand level, and makes room for them.
func (l *layout) slant() {
	if len(l.xTicks) == 0 {
		return
	}
	s := textStyle(sizeText, false, black, 0, 0)
	widest := vg.Length(0)
	for _, t := range l.xTicks {
		widest = max(widest, s.Width(t.label))
	}
	slot := (l.width() - l.left - l.right()) / vg.Length(len(l.xTicks))
	if l.slanted = widest > slot-3; l.slanted {
		// The first ends at the edge of the figure at the latest.
		room := min((l.left+slot/2-4)/vg.Length(math.Cos(slantAngle)), longestLabel)
		widest = min(widest, room)
		for i := range l.xTicks {
			l.xTicks[i].label = shorten(l.xTicks[i].label, s, room)
		}
		l.below += vg.Length(math.Sin(slantAngle)) * widest
	}
}

// longestLabel is the width at which the label of a category is cut.
const longestLabel vg.Length = 90

// right returns the room to the right of the data.
func (f *figure) right() vg.Length {
	if f.scale != nil {
		return marginRight + 33
	}
	return marginRight
}

// scale is the colour scale of a heat map.
type scale struct {
	low, high float64
	label     string
}

func (s *scale) at(v float64) color.RGBA {
	if s.high <= s.low {
		return viridis(0.5)
	}
	return viridis((v - s.low) / (s.high - s.low))
}

// draw paints the scale to the right of the data area a.
func (s *scale) draw(a draw.Canvas) {
	const steps = 64
	x0, x1 := a.Max.X+6, a.Max.X+13
	h := (a.Max.Y - a.Min.Y) / steps
	for i := range steps {
		y := a.Min.Y + h*vg.Length(i)
		a.FillPolygon(viridis((float64(i)+0.5)/steps), rectangle(x0, y, x1, min(y+h+0.2, a.Max.Y)))
	}
	frame := rectangle(x0, a.Min.Y, x1, a.Max.Y)
	a.StrokeLines(lineStyle(0.5, black), append(frame, frame[0]))
	text := textStyle(sizeText, false, black, draw.XLeft, draw.YCenter)
	marks := ticks(s.low, s.high, 5)
	if len(marks) == 0 {
		marks = []tick{{s.low, fmt.Sprintf("%.3g", s.low)}}
	}
	for _, t := range marks {
		y := (a.Min.Y + a.Max.Y) / 2
		if s.high > s.low {
			y = a.Min.Y + vg.Length((t.at-s.low)/(s.high-s.low))*(a.Max.Y-a.Min.Y)
		}
		a.StrokeLine2(lineStyle(0.5, black), x1, y, x1+2, y)
		a.FillText(text, vg.Point{X: x1 + 3, Y: y}, t.label)
	}
}
