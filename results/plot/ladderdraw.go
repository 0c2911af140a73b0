package plot

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// How the diagram of packets is drawn, and written as data and for LaTeX.

const (
	ladderHead = 19 // room for the names of columns
	ladderFoot = 14 // for the note
	arrowHead  = 3.6
)

var halo = color.NRGBA{0xff, 0xff, 0xff, 0xd8}

// diamond and cross are marks of a diagram.
type (
	diamond struct{}
	cross   struct{}
)

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, p vg.Point) {
	r := s.Radius * 1.15
	c.FillPolygon(s.Color, []vg.Point{{X: p.X - r, Y: p.Y}, {X: p.X, Y: p.Y + r}, {X: p.X + r, Y: p.Y}, {X: p.X, Y: p.Y - r}})
}

// DrawGlyph implements draw.GlyphDrawer.
func (cross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, p vg.Point) {
	r := s.Radius
	c.StrokeLine2(lineStyle(1.1, s.Color), p.X-r, p.Y-r, p.X+r, p.Y+r)
	c.StrokeLine2(lineStyle(1.1, s.Color), p.X-r, p.Y+r, p.X+r, p.Y-r)
}

func reason(why string) string { return strings.ReplaceAll(why, "_", " ") }

// head is what stands above the columns.
func (l *ladder) head() (f *figure, h *layout, height vg.Length) {
	f = &figure{title: l.title, legend: l.legend, full: l.full, left: marginRight}
	h = f.layout()
	return f, h, marginTop + titleHeight*vg.Length(len(h.titleLines)) + legendHeight*vg.Length(len(h.legendRows))
}

func (l *ladder) render(format string) ([]byte, error) {
	f, h, head := l.head()
	return paper(format, f.width(), head+ladderHead+vg.Length(l.height)+ladderFoot, func(c draw.Canvas) {
		c.FillPolygon(white, rectangle(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
		h.drawHead(c)
		l.draw(c, c.Max.Y-head-ladderHead)
	})
}

// draw paints the columns and arrows below a height.
func (l *ladder) draw(c draw.Canvas, top vg.Length) {
	x := func(k int) vg.Length { return c.Min.X + vg.Length(l.columns[k].x) }
	y := func(v float64) vg.Length { return top - vg.Length(v) }
	l.drawColumns(c, top, x, y)
	lastTime, lastText := vg.Length(math.Inf(1)), ""
	clock := textStyle(ladderSize, false, grey, draw.XRight, draw.YCenter)
	for i := range l.arrows {
		a := &l.arrows[i]
		ink := l.legend[a.group].color
		l.drawArrow(c, a, ink, x, y)
		if a.changed != "" {
			diamond{}.DrawGlyph(&c, draw.GlyphStyle{Color: black, Radius: 1.9}, vg.Point{X: x(a.from), Y: y(a.y0)})
		}
		if at := y(a.y0); a.first && lastTime-at >= ladderSize && lastText != clockText(a) {
			c.FillText(clock, vg.Point{X: c.Min.X + 27, Y: at}, clockText(a))
			lastTime, lastText = at, clockText(a)
		}
	}
	text := textStyle(ladderSize, false, black, draw.XLeft, draw.YBottom)
	small := textStyle(ladderSize, false, grey, draw.XLeft, draw.YCenter)
	for i := range l.arrows {
		a := &l.arrows[i]
		if s := a.text(); s != "" {
			at := vg.Point{X: c.Min.X + vg.Length(a.labelFrom), Y: y(a.y0) + 0.8}
			c.FillPolygon(halo, rectangle(at.X-0.5, at.Y, at.X+text.Width(s)+0.5, at.Y+ladderSize-0.5))
			style := text
			if a.label == "" {
				style.Color = grey
			}
			c.FillText(style, at, s)
		}
		if a.lost != "" {
			at := vg.Point{X: c.Min.X + vg.Length(l.crossAt(a)), Y: y(a.y1)}
			cross{}.DrawGlyph(&c, draw.GlyphStyle{Color: black, Radius: 2.2}, at)
			c.FillPolygon(halo, rectangle(at.X+3.5, at.Y-ladderSize/2, at.X+4.5+small.Width(reason(a.lost)), at.Y+ladderSize/2))
			c.FillText(small, vg.Point{X: at.X + 4, Y: at.Y}, reason(a.lost))
		}
	}
	c.FillText(textStyle(ladderSize, false, grey, draw.XLeft, draw.YBottom), vg.Point{X: c.Min.X + marginRight, Y: c.Min.Y + 3}, l.note)
}

func clockText(a *arrow) string { return strconv.FormatFloat(float64(a.dep)/1e6, 'f', 2, 64) }

// drawColumns paints the vertical lines, dotted where time is cut short, and their names.
func (l *ladder) drawColumns(c draw.Canvas, top vg.Length, x func(int) vg.Length, y func(float64) vg.Length) {
	gap := vg.Length(60)
	if len(l.columns) > 1 {
		gap = vg.Length(l.columns[1].x - l.columns[0].x)
	}
	name, kind := textStyle(sizeText, true, black, draw.XCenter, draw.YBottom), textStyle(ladderSize, false, grey, draw.XCenter, draw.YBottom)
	for k := range l.columns {
		col := &l.columns[k]
		c.FillText(name, vg.Point{X: x(k), Y: top + 8.5}, shorten(col.name, name, gap-2))
		c.FillText(kind, vg.Point{X: x(k), Y: top + 2}, shorten(col.is, kind, gap-2))
		from := 0.0
		for _, p := range l.pauses {
			c.StrokeLine2(lineStyle(0.8, lineGrey), x(k), y(from), x(k), y(p[0]))
			c.StrokeLine2(draw.LineStyle{Width: 0.8, Color: lineGrey, Dashes: []vg.Length{0.8, 2}}, x(k), y(p[0]), x(k), y(p[1]))
			from = p[1]
		}
		c.StrokeLine2(lineStyle(0.8, lineGrey), x(k), y(from), x(k), y(l.height))
	}
}

var lineGrey = color.RGBA{0xa8, 0xa8, 0xa8, 0xff}

// drawArrow paints the way of a packet, and where it has waited in a box before.
func (l *ladder) drawArrow(c draw.Canvas, a *arrow, ink color.Color, x func(int) vg.Length, y func(float64) vg.Length) {
	from := vg.Point{X: x(a.from), Y: y(a.y0)}
	to := vg.Point{X: c.Min.X + vg.Length(l.crossAt(a)), Y: y(a.y1)}
	style := lineStyle(0.9, ink)
	if a.open {
		style.Dashes = []vg.Length{2, 1.5}
	}
	c.StrokeLine2(style, from.X, from.Y, to.X, to.Y)
	if a.midway {
		return
	}
	c.FillPolygon(ink, tip(from, to))
}

// tip returns the head of an arrow.
func tip(from, to vg.Point) []vg.Point {
	dx, dy := float64(to.X-from.X), float64(to.Y-from.Y)
	n := math.Hypot(dx, dy)
	if n == 0 {
		return []vg.Point{to, to, to}
	}
	dx, dy = dx/n, dy/n
	back := vg.Point{X: to.X - vg.Length(dx*arrowHead), Y: to.Y - vg.Length(dy*arrowHead)}
	side := vg.Point{X: vg.Length(-dy * arrowHead * 0.36), Y: vg.Length(dx * arrowHead * 0.36)}
	return []vg.Point{to, {X: back.X + side.X, Y: back.Y + side.Y}, {X: back.X - side.X, Y: back.Y - side.Y}}
}

// data returns the arrows: two points each, of the column (from 0 on, from the left) and the
// time in ms, in the series of its subflow, with the number of the packet as panel and that of
// the arrow as part; then its label, change and loss as texts.
func (l *ladder) data() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(strings.Split(DataHeader, ",")) // a buffer takes everything
	row := func(panel, kind, series string, part int, x, y float64) {
		_ = w.Write([]string{panel, kind, series, strconv.Itoa(part), strconv.FormatFloat(x, 'g', -1, 64), strconv.FormatFloat(y, 'g', -1, 64), "", "", "", ""})
	}
	for i := range l.columns {
		row("", "column", l.columns[i].name, i, float64(i), 0)
	}
	for i := range l.arrows {
		a := &l.arrows[i]
		panel, name := "packet "+strconv.FormatUint(a.packet, 10), l.legend[a.group].name
		end := a.end()
		row(panel, "arrow", name, i, float64(a.from), float64(a.dep)/1e6)
		row(panel, "arrow", name, i, end, float64(a.arr)/1e6)
		if a.label != "" {
			row(panel, "text", a.label, i, float64(a.from), float64(a.dep)/1e6)
		}
		if a.changed != "" {
			row(panel, "changed", strings.TrimSpace(a.changed), i, float64(a.from), float64(a.dep)/1e6)
		}
		if a.lost != "" {
			row(panel, "lost", a.lost, i, end, float64(a.arr)/1e6)
		}
	}
	w.Flush()
	return b.Bytes()
}

// tex returns the diagram as a tikzpicture, whose unit along x is the width of the column or
// text, and along y a point.
func (l *ladder) tex() []byte {
	var b bytes.Buffer
	width, unit := float64(figureWidth), `\columnwidth`
	if l.full {
		width, unit = fullWidth, `\textwidth`
	}
	x := func(v float64) string { return strconv.FormatFloat(v/width, 'f', 4, 64) }
	fmt.Fprintf(&b, "%% needs \\usepackage{tikz}\n\\begin{tikzpicture}[x=%s, y=1.2pt, font=\\fontsize{6}{7}\\selectfont, >=latex, inner sep=1pt,\n  label/.style={fill=white, fill opacity=0.85, text opacity=1, inner sep=0.5pt, outer xsep=6pt, outer ysep=0.5pt}]\n", unit)
	for i := range l.columns {
		c := &l.columns[i]
		fmt.Fprintf(&b, "\\draw[gray] (%s,0) -- (%s,%.1f);\n\\node[anchor=south, align=center] at (%s,0) {\\textbf{%s}\\\\%s};\n", x(c.x), x(c.x), -l.height, x(c.x), escape(c.name), escape(c.is))
	}
	clock := ""
	for i := range l.arrows {
		a := &l.arrows[i]
		head, from, to := "->", l.columns[a.from].x, l.crossAt(a)
		if a.midway {
			head = "-"
		}
		fmt.Fprintf(&b, "\\draw[%s, color=%s] (%s,%.1f) -- (%s,%.1f);\n", head, tint(l.legend[a.group].color), x(from), -a.y0, x(to), -a.y1)
		if s := a.text(); s != "" {
			anchor := "south west"
			if a.to < a.from {
				anchor = "south east"
			}
			fmt.Fprintf(&b, "\\node[label, anchor=%s] at (%s,%.1f) {%s};\n", anchor, x(from), -a.y0, escape(s))
		}
		if a.changed != "" {
			fmt.Fprintf(&b, "\\fill (%s,%.1f) circle (1.2pt);\n", x(from), -a.y0)
		}
		if a.lost != "" {
			fmt.Fprintf(&b, "\\node at (%s,%.1f) {$\\times$};\n\\node[anchor=west, gray] at (%s,%.1f) {~~%s};\n", x(to), -a.y1, x(to), -a.y1, escape(reason(a.lost)))
		}
		if a.first && clock != clockText(a) {
			clock = clockText(a)
			fmt.Fprintf(&b, "\\node[anchor=east, gray] at (%s,%.1f) {%s};\n", x(ladderLeft-8), -a.y0, clock)
		}
	}
	b.WriteString("\\end{tikzpicture}\n")
	return b.Bytes()
}
