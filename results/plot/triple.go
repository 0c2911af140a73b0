package plot

import (
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Triple compares several things on three measures at once: one row for each of
// them, one column for each measure, means with their intervals. Peng, Walid, Hwang
// and Low ("Multipath TCP: analysis, design, and implementation", IEEE/ACM ToN 24(1),
// 2016; RFC 8041 section 3.2) compare congestion controllers so: friendliness,
// responsiveness and oscillation cannot all be had, and a row shows what was chosen.

// Triple is such a figure.
type Triple struct {
	// Title is set bold above the figure; it may be empty.
	Title string
	Axes  [3]Axis
	Rows  []TripleRow // from top to bottom
}

// Axis is one measure. It begins at 0.
type Axis struct {
	// Name is set bold above the column, Note in grey below it: what is better, or
	// what the reference is.
	Name, Note string
	// Label names the quantity with its unit below the column; empty: a ratio.
	Label string
	// Reference is drawn as a line across all rows; 0: none.
	Reference float64
}

// TripleRow is one thing that is compared.
type TripleRow struct {
	Name string
	// Mean, Low and High are by axis. A mean that is NaN was not measured, and is
	// said to be "none".
	Mean, Low, High [3]float64
}

const (
	tripleRow   vg.Length = 11
	tripleGap   vg.Length = 9
	tripleNames vg.Length = 90 // most that names take
)

// Render draws the figure in one of Formats. It returns ErrNothing if there is no row.
func (t *Triple) Render(format string) ([]byte, error) {
	if len(t.Rows) == 0 {
		return nil, ErrNothing
	}
	var title []string
	if t.Title != "" {
		title = wrap(t.Title, textStyle(sizeTitle, true, black, 0, 0), figureWidth-2*marginRight)
	}
	head := marginTop + titleHeight*vg.Length(len(title))
	height := head + 2*panelTitle + tripleRow*vg.Length(len(t.Rows)) + marginBottom
	return paper(format, figureWidth, height, func(c draw.Canvas) { t.draw(c, title, head) })
}

// Save draws the figure into a file, whose extension names the format. The file is
// replaced in one step.
func (t *Triple) Save(file string) error { return save(file, t.Render) }

func (t *Triple) draw(c draw.Canvas, title []string, head vg.Length) {
	c.FillPolygon(white, rectangle(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
	bold := textStyle(sizeTitle, true, black, draw.XLeft, draw.YTop)
	for i, s := range title {
		c.FillText(bold, vg.Point{X: c.Min.X + marginRight, Y: c.Max.Y - marginTop - titleHeight*vg.Length(i)}, s)
	}
	name := textStyle(sizeText, false, black, draw.XRight, draw.YCenter)
	left := vg.Length(0)
	for i := range t.Rows {
		left = max(left, min(name.Width(t.Rows[i].Name), tripleNames))
	}
	left += marginRight + 3
	width := (c.Max.X - c.Min.X - left - marginRight - 2*tripleGap) / 3
	top := c.Max.Y - head - 2*panelTitle
	bottom := c.Min.Y + marginBottom
	for i := range t.Rows {
		y := top - tripleRow*(vg.Length(i)+0.5)
		c.FillText(name, vg.Point{X: c.Min.X + left - 4, Y: y}, shorten(t.Rows[i].Name, name, tripleNames))
	}
	for k := range t.Axes {
		x := c.Min.X + left + vg.Length(k)*(width+tripleGap)
		t.column(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: bottom}, Max: vg.Point{X: x + width, Y: top}}}, k)
	}
}

// column paints one measure of all rows.
func (t *Triple) column(a draw.Canvas, k int) {
	axis := &t.Axes[k]
	most := t.most(k)
	at := func(v float64) vg.Length { return a.X(v / most) }
	label := textStyle(sizeText, false, black, draw.XCenter, draw.YTop)
	for _, m := range ticks(0, most, 3) {
		if m.at > 0 && m.at < most*0.999 {
			a.StrokeLine2(lineStyle(0.4, gridGrey), at(m.at), a.Min.Y, at(m.at), a.Max.Y)
		}
		a.StrokeLine2(lineStyle(0.5, black), at(m.at), a.Min.Y-2, at(m.at), a.Min.Y)
		a.FillText(label, vg.Point{X: at(m.at), Y: a.Min.Y - 3}, strings.TrimSuffix(m.label, ".0"))
	}
	if axis.Reference > 0 {
		a.StrokeLine2(draw.LineStyle{Width: 0.7, Color: grey, Dashes: dashes}, at(axis.Reference), a.Min.Y, at(axis.Reference), a.Max.Y)
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		y := a.Max.Y - tripleRow*(vg.Length(i)+0.5)
		if math.IsNaN(r.Mean[k]) {
			a.FillText(textStyle(sizeText, false, grey, draw.XLeft, draw.YCenter), vg.Point{X: a.Min.X + 2, Y: y}, "none")
			continue
		}
		if low, high := at(max(r.Low[k], 0)), at(r.High[k]); low < high {
			s := lineStyle(0.7, paint(k))
			a.StrokeLine2(s, low, y, high, y)
			a.StrokeLine2(s, low, y-whisker, low, y+whisker)
			a.StrokeLine2(s, high, y-whisker, high, y+whisker)
		}
		glyph(a, shapeOf(k), paint(k), at(r.Mean[k]), y)
	}
	frame := rectangle(a.Min.X, a.Min.Y, a.Max.X, a.Max.Y)
	a.StrokeLines(lineStyle(0.5, black), append(frame, frame[0]))
	title := textStyle(sizeText, true, black, draw.XLeft, draw.YBottom)
	a.FillText(title, vg.Point{X: a.Min.X, Y: a.Max.Y + panelTitle}, shorten(axis.Name, title, a.Max.X-a.Min.X+tripleGap))
	note := textStyle(sizeText, false, grey, draw.XLeft, draw.YBottom)
	a.FillText(note, vg.Point{X: a.Min.X, Y: a.Max.Y + 1.5}, shorten(axis.Note, note, a.Max.X-a.Min.X+tripleGap))
	below := textStyle(sizeText, false, black, draw.XCenter, draw.YBottom)
	a.FillText(below, vg.Point{X: (a.Min.X + a.Max.X) / 2, Y: a.Min.Y - marginBottom + 3}, axis.Label)
}

// most returns the end of the axis of a measure.
func (t *Triple) most(k int) float64 {
	top := t.Axes[k].Reference
	for i := range t.Rows {
		for _, v := range []float64{t.Rows[i].Mean[k], t.Rows[i].High[k]} {
			if v > top { // false for NaN
				top = v
			}
		}
	}
	return ceiling(top, 3)
}
