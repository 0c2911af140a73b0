package plot

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Chart shows measured points with their intervals beside computed curves, over a
// quantity other than time. It has the house style of the other figures: the width of
// a column, panels below each other, the legend outside the data, axes of values that
// begin at 0. Points differ in shape as well as in colour, curves in dashes.

// Chart is such a figure. All panels have the same axes.
type Chart struct {
	// Title is set bold above the figure; it may be empty.
	Title string
	// XLabel and YLabel name what the axes show, with its unit in parentheses, or
	// "normalised".
	XLabel, YLabel string
	Panels         []ChartPanel
}

// ChartPanel is one data area.
type ChartPanel struct {
	Title, Note string
	Curves      []Curve
	Points      []Points
}

// Curve is a computed line through points in the order of X. A Y that is NaN
// interrupts it.
type Curve struct {
	// Name is what the legend says; curves of one name in several panels are one
	// entry.
	Name string
	X, Y []float64
	// Color is an index of the palette, from 0 on, or Neutral.
	Color int
	// Dashed sets the curve apart from a solid one.
	Dashed bool
}

// Points are measured means. Low and High bound their intervals; both nil: there are
// none.
type Points struct {
	Name            string
	X, Y, Low, High []float64
	// Color is an index of the palette, and chooses the shape, too.
	Color int
}

// Neutral is the colour of references, which is that of the text.
const Neutral = -1

// Render draws the chart in one of Formats. It returns ErrNothing if no panel holds a
// point that can be drawn.
func (c *Chart) Render(format string) ([]byte, error) {
	f, err := c.figure()
	if err != nil {
		return nil, err
	}
	return f.layout().render(format)
}

// Save draws the chart into a file, whose extension names the format. The file is
// replaced in one step.
func (c *Chart) Save(file string) error { return save(file, c.Render) }

func (c *Chart) figure() (*figure, error) {
	f := &figure{title: c.Title, yLabel: c.YLabel, xName: c.XLabel, xMin: math.Inf(1), tMax: math.Inf(-1)}
	top := 0.0
	reach := func(x []float64, ys ...[]float64) {
		for _, v := range x {
			f.xMin, f.tMax = min(f.xMin, v), max(f.tMax, v)
		}
		for _, y := range ys {
			for _, v := range y {
				if v > top {
					top = v
				}
			}
		}
	}
	for i := range c.Panels {
		p := &c.Panels[i]
		out := panel{title: p.Title, note: p.Note}
		for k := range p.Curves {
			v := &p.Curves[k]
			ln := line{x: v.X, y: v.Y, color: paint(v.Color), width: normal}
			if v.Dashed {
				ln.dash = dashes
			}
			out.lines = append(out.lines, ln)
			f.enter(key{name: v.Name, color: ln.color, width: ln.width, dash: ln.dash})
			reach(v.X, v.Y)
		}
		for k := range p.Points {
			v := &p.Points[k]
			out.addMarks(v)
			f.enter(key{name: v.Name, color: paint(v.Color), shape: shapeOf(v.Color)})
			reach(v.X, v.Y, v.High)
		}
		f.panels = append(f.panels, out)
	}
	if !(f.tMax >= f.xMin) || top == 0 {
		return nil, ErrNothing
	}
	// Marks at the ends of the axis keep clear of the frame.
	room := (f.tMax - f.xMin) * 0.04
	if room == 0 {
		room = 0.5
	}
	f.xMin, f.tMax = f.xMin-room, f.tMax+room
	for i := range f.panels {
		f.panels[i].yMax = ceiling(top, yTicks(len(f.panels)))
	}
	return f, nil
}

// enter adds an entry to the legend unless it has one of that name.
func (f *figure) enter(k key) {
	if k.name != "" && !slices.ContainsFunc(f.legend, func(e key) bool { return e.name == k.name }) {
		f.legend = append(f.legend, k)
	}
}

func (p *panel) addMarks(v *Points) {
	for i := range v.X {
		m := mark{x: v.X[i], y: v.Y[i], low: v.Y[i], high: v.Y[i], color: paint(v.Color), shape: shapeOf(v.Color)}
		if i < len(v.Low) && i < len(v.High) {
			m.low, m.high = v.Low[i], v.High[i]
		}
		if !math.IsNaN(m.y) {
			p.marks = append(p.marks, m)
		}
	}
}

// mark is a point with its interval.
type mark struct {
	x, y, low, high float64
	// xLow and xHigh bound the interval along the other axis; both 0: there is none.
	xLow, xHigh float64
	radius      vg.Length // 0: markRadius
	color       color.Color
	shape       draw.GlyphDrawer
}

const (
	markRadius vg.Length = 2.2
	whisker    vg.Length = 1.6 // half the width of the ends of an interval
)

var dashes = []vg.Length{4, 2}

// shapes tell points apart without colour.
var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}

func shapeOf(index int) draw.GlyphDrawer { return shapes[max(index, 0)%len(shapes)] }

func paint(index int) color.Color {
	if index < 0 {
		return black
	}
	return palette[index%len(palette)]
}

// draw paints the interval and the mark; what of the interval lies outside the data
// area is left out.
func (m *mark) draw(a draw.Canvas, x, y func(float64) vg.Length) {
	at := x(m.x)
	if m.low < m.high {
		low, high := max(y(m.low), a.Min.Y), min(y(m.high), a.Max.Y)
		s := lineStyle(0.7, m.color)
		a.StrokeLine2(s, at, low, at, high)
		a.StrokeLine2(s, at-whisker, low, at+whisker, low)
		a.StrokeLine2(s, at-whisker, high, at+whisker, high)
	}
	if m.xLow < m.xHigh {
		low, high := max(x(m.xLow), a.Min.X), min(x(m.xHigh), a.Max.X)
		s := lineStyle(0.7, m.color)
		a.StrokeLine2(s, low, y(m.y), high, y(m.y))
		a.StrokeLine2(s, low, y(m.y)-whisker, low, y(m.y)+whisker)
		a.StrokeLine2(s, high, y(m.y)-whisker, high, y(m.y)+whisker)
	}
	if m.shape == nil {
		return
	}
	r := m.radius
	if r == 0 {
		r = markRadius
	}
	a.DrawGlyph(draw.GlyphStyle{Color: m.color, Radius: r, Shape: m.shape}, vg.Point{X: at, Y: y(m.y)})
}

func glyph(c draw.Canvas, shape draw.GlyphDrawer, col color.Color, x, y vg.Length) {
	c.DrawGlyph(draw.GlyphStyle{Color: col, Radius: markRadius, Shape: shape}, vg.Point{X: x, Y: y})
}

// draw paints the sample of an entry of the legend.
func (k *key) draw(c draw.Canvas, x, y vg.Length) {
	if k.filled {
		c.FillPolygon(k.color, rectangle(x+3, y-3, x+keyLine-3, y+3))
		return
	}
	if k.shape != nil {
		if !k.bare {
			c.StrokeLine2(lineStyle(0.7, k.color), x+keyLine/2, y-3.5, x+keyLine/2, y+3.5)
		}
		glyph(c, k.shape, k.color, x+keyLine/2, y)
		return
	}
	c.StrokeLine2(draw.LineStyle{Width: k.width, Color: k.color, Dashes: k.dash}, x, y, x+keyLine, y)
}
