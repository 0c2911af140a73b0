package plot

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// figure is a column of panels over one axis, which is time unless xName says
// otherwise.
type figure struct {
	title      string
	yLabel     string
	xName      string  // label of the axis; empty: time
	xNote      string  // remark behind the label of the time axis
	xMin, tMax float64 // ends of the axis; of time 0 and seconds
	xTicks     []tick  // of an axis of categories; nil: nice numbers
	xLog       bool    // the axis is logarithmic
	panels     []panel
	legend     []key
	left       vg.Length // room for the labels of the axis of values; 0: marginLeft
	height     vg.Length // of a data area; 0: by their number
	full       bool      // as wide as a page of two columns, not as one
	scale      *scale    // colour scale beside the data; nil: none
}

// panel is one data area. All begin at 0 unless yMin says otherwise.
type panel struct {
	title      string // set bold above the data
	note       string // after the title, plain
	yMin, yMax float64
	yTicks     []tick // of an axis of categories; nil: nice numbers
	areas      []area
	lines      []line
	marks      []mark
	texts      []caption
	// shades are the outages of the run, named above the data unless the panel
	// before has the same.
	shades []interval
}

// line is a curve through points of (s, value in the unit of the axis). A NaN
// interrupts it.
type line struct {
	x, y  []float64
	color color.Color
	width vg.Length
	dash  []vg.Length // nil: solid
	// stroke is a vertical line, which can be seen however short it is.
	stroke bool
}

// key is an entry of the legend: a sample of a line, or a mark.
type key struct {
	name  string
	color color.Color
	width vg.Length
	dash  []vg.Length
	shape draw.GlyphDrawer // nil: a line
	// filled is an area, bare a mark without an interval.
	filled, bare bool
}

// interval is a shaded span of time with its label.
type interval struct {
	from, to float64
	label    string
}

// layout is a figure with its lines of text broken.
type layout struct {
	*figure
	titleLines []string
	legendRows [][]key
	titleRow   vg.Length   // room above each panel for its title
	shadeRows  []vg.Length // room above each panel for the names of outages
	slanted    bool        // labels of categories are too wide to stand beside each other
	below      vg.Length   // room below the last panel
	total      vg.Length   // height of the figure
}

func (f *figure) layout() *layout {
	l := &layout{figure: f, below: marginBottom}
	if f.left == 0 {
		f.left = marginLeft
	}
	l.slant()
	room := f.width() - f.left - marginRight
	if f.title != "" {
		l.titleLines = wrap(f.title, textStyle(sizeTitle, true, black, 0, 0), f.width()-2*marginRight)
	}
	var row []key
	width := vg.Length(0)
	for _, k := range f.legend {
		w := keyWidth(k)
		if len(row) > 0 && width+w > room {
			l.legendRows = append(l.legendRows, row)
			row, width = nil, 0
		}
		row = append(row, k)
		width += w
	}
	if len(row) > 0 {
		l.legendRows = append(l.legendRows, row)
	}
	l.shadeRows = make([]vg.Length, len(f.panels))
	for i := range f.panels {
		if s := f.panels[i].shades; len(s) > 0 && (i == 0 || !slices.Equal(s, f.panels[i-1].shades)) {
			l.shadeRows[i] = shadeHeight
			l.total += shadeHeight
		}
		if f.panels[i].title != "" || f.panels[i].note != "" {
			l.titleRow = panelTitle
		}
	}
	n := vg.Length(len(f.panels))
	l.total += marginTop + titleHeight*vg.Length(len(l.titleLines)) + legendHeight*vg.Length(len(l.legendRows)) +
		n*(l.titleRow+l.panelHeight()) + (n-1)*panelGap + l.below
	return l
}

// width is that of the figure.
func (f *figure) width() vg.Length {
	if f.full {
		return fullWidth
	}
	return figureWidth
}

func (f *figure) panelHeight() vg.Length {
	if f.height > 0 {
		return f.height
	}
	return panelHeight(len(f.panels))
}

// leastStroke is the length of the shortest stroke.
const leastStroke vg.Length = 0.8

const (
	keyLine = 14 // length of the sample line
	keyGap  = 3
	keySep  = 10
)

func keyWidth(k key) vg.Length {
	s := textStyle(sizeText, false, black, 0, 0)
	return keyLine + keyGap + s.Width(k.name) + keySep
}

// wrap breaks a text into at most two lines of the given width; what does not
// fit ends in an ellipsis.
func wrap(s string, style draw.TextStyle, width vg.Length) []string {
	if style.Width(s) <= width {
		return []string{s}
	}
	first := len(s)
	for i := range len(s) {
		if s[i] == ' ' && style.Width(s[:i]) <= width {
			first = i
		}
	}
	if first == len(s) {
		return []string{shorten(s, style, width)}
	}
	return []string{s[:first], shorten(s[first+1:], style, width)}
}

func shorten(s string, style draw.TextStyle, width vg.Length) string {
	if style.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && style.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// drawHead paints title and legend, and returns how far they reach.
func (l *layout) drawHead(c draw.Canvas) vg.Length {
	y := c.Max.Y - marginTop
	title := textStyle(sizeTitle, true, black, draw.XLeft, draw.YTop)
	for _, t := range l.titleLines {
		c.FillText(title, vg.Point{X: c.Min.X + marginRight, Y: y}, t)
		y -= titleHeight
	}
	for _, row := range l.legendRows {
		x := c.Min.X + l.left
		for _, k := range row {
			mid := y - legendHeight/2
			k.draw(c, x, mid)
			s := textStyle(sizeText, false, black, draw.XLeft, draw.YCenter)
			c.FillText(s, vg.Point{X: x + keyLine + keyGap, Y: mid}, k.name)
			x += keyWidth(k)
		}
		y -= legendHeight
	}
	return y
}

// draw paints the figure from top to bottom.
func (l *layout) draw(c draw.Canvas) {
	c.FillPolygon(white, rectangle(c.Min.X, c.Min.Y, c.Max.X, c.Max.Y))
	y := l.drawHead(c)
	top := y - l.titleRow - l.shadeRows[0]
	h := l.panelHeight()
	for i := range l.panels {
		y -= l.titleRow + l.shadeRows[i] + h
		area := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: c.Min.X + l.left, Y: y}, Max: vg.Point{X: c.Max.X - l.right(), Y: y + h}}}
		l.drawPanel(area, i)
		if i < len(l.panels)-1 {
			y -= panelGap
		}
	}
	label := textStyle(sizeText, false, black, draw.XCenter, draw.YBottom)
	c.FillText(label, vg.Point{X: (c.Min.X + l.left + c.Max.X - l.right()) / 2, Y: c.Min.Y + 3}, l.xLabel())
	label.Rotation = math.Pi / 2
	label.YAlign = draw.YTop
	c.FillText(label, vg.Point{X: c.Min.X + 2, Y: (top + y) / 2}, l.yLabel)
}

// drawPanel paints the data area, its frame and the labels around it.
func (l *layout) drawPanel(a draw.Canvas, i int) {
	p := &l.panels[i]
	x := func(t float64) vg.Length { return a.X((t - l.xMin) / (l.tMax - l.xMin)) }
	if l.xLog {
		x = func(t float64) vg.Length { return a.X(math.Log(t/l.xMin) / math.Log(l.tMax/l.xMin)) }
	}
	y := func(v float64) vg.Length { return a.Y((v - p.yMin) / (p.yMax - p.yMin)) }
	for _, s := range p.shades {
		from, to := math.Max(s.from, l.xMin), math.Min(s.to, l.tMax)
		if from < to {
			a.FillPolygon(shade, rectangle(x(from), a.Min.Y, x(to), a.Max.Y))
		}
	}
	l.drawTicks(a, i, x, y)
	for k := range p.areas {
		p.areas[k].draw(a, x, y)
	}
	for _, ln := range p.lines {
		for _, part := range runs(ln, x, y) {
			if short := leastStroke - (part[1].Y - part[0].Y); ln.stroke && short > 0 {
				part[0].Y, part[1].Y = part[0].Y-short/2, part[1].Y+short/2
			}
			a.StrokeLines(draw.LineStyle{Width: ln.width, Color: ln.color, Dashes: ln.dash}, a.ClipLinesXY(part)...)
		}
	}
	for i := range p.marks {
		p.marks[i].draw(a, x, y)
	}
	for i := range p.texts {
		p.texts[i].draw(a, x, y)
	}
	if l.scale != nil {
		l.scale.draw(a)
	}
	above := a.Max.Y + 1.5
	if l.shadeRows[i] > 0 {
		l.drawShadeLabels(a, p.shades, x, above)
		above += l.shadeRows[i]
	}
	frame := rectangle(a.Min.X, a.Min.Y, a.Max.X, a.Max.Y)
	a.StrokeLines(lineStyle(0.5, black), append(frame, frame[0]))
	title := textStyle(sizeText, true, black, draw.XLeft, draw.YBottom)
	name := shorten(p.title, title, a.Max.X-a.Min.X)
	a.FillText(title, vg.Point{X: a.Min.X, Y: above}, name)
	note := textStyle(sizeText, false, grey, draw.XLeft, draw.YBottom)
	left := a.Min.X
	if p.title != "" {
		left += title.Width(name) + 4
	}
	a.FillText(note, vg.Point{X: left, Y: above}, shorten(p.note, note, a.Max.X-left))
}

// drawTicks paints the grid and the ticks of a panel, and names them.
func (l *layout) drawTicks(a draw.Canvas, i int, x, y func(float64) vg.Length) {
	p := &l.panels[i]
	label := textStyle(sizeText, false, black, draw.XRight, draw.YCenter)
	if p.yTicks != nil {
		for _, t := range p.yTicks {
			a.FillText(label, vg.Point{X: a.Min.X - 3.5, Y: y(t.at)}, shorten(t.label, label, l.left-8))
		}
	} else {
		for _, t := range ticks(p.yMin, p.yMax, yTicks(len(l.panels))) {
			if t.at > p.yMin && t.at < p.yMax-float64((p.yMax-p.yMin)*0.001) {
				a.StrokeLine2(lineStyle(0.4, gridGrey), a.Min.X, y(t.at), a.Max.X, y(t.at))
			}
			a.StrokeLine2(lineStyle(0.5, black), a.Min.X-2, y(t.at), a.Min.X, y(t.at))
			a.FillText(label, vg.Point{X: a.Min.X - 3.5, Y: y(t.at)}, t.label)
		}
	}
	label = textStyle(sizeText, false, black, draw.XCenter, draw.YTop)
	if l.slanted {
		label.XAlign, label.Rotation = draw.XRight, slantAngle
	}
	marks := l.xTicks
	switch {
	case l.xLog:
		marks = logTicks(l.xMin, l.tMax)
	case marks == nil:
		marks = ticks(l.xMin, l.tMax, 7)
	}
	for _, t := range marks {
		a.StrokeLine2(lineStyle(0.5, black), x(t.at), a.Min.Y-2, x(t.at), a.Min.Y)
		if i == len(l.panels)-1 {
			a.FillText(label, vg.Point{X: x(t.at), Y: a.Min.Y - 3}, t.label)
		}
	}
}

// drawShadeLabels writes the names of outages above a panel, over their spans.
func (l *layout) drawShadeLabels(a draw.Canvas, shades []interval, x func(float64) vg.Length, y vg.Length) {
	s := textStyle(sizeText-0.5, false, grey, draw.XCenter, draw.YBottom)
	for _, sh := range shades {
		if sh.to <= l.xMin || sh.from >= l.tMax {
			continue
		}
		mid := (x(math.Max(sh.from, l.xMin)) + x(math.Min(sh.to, l.tMax))) / 2
		half := s.Width(sh.label) / 2
		mid = min(max(mid, a.Min.X+half), a.Max.X-half)
		a.FillText(s, vg.Point{X: mid, Y: y}, sh.label)
	}
}

func (l *layout) xLabel() string {
	switch {
	case l.xName != "":
		return l.xName
	case l.xNote == "":
		return "Time (s)"
	}
	return "Time (s), " + l.xNote
}

func yTicks(panels int) int {
	if panels == 1 {
		return 6
	}
	return 4
}

// runs splits a line at its gaps and maps it to the canvas.
func runs(l line, x, y func(float64) vg.Length) [][]vg.Point {
	var out [][]vg.Point
	var part []vg.Point
	for i := range l.x {
		if math.IsNaN(l.y[i]) {
			if len(part) > 1 {
				out = append(out, part)
			}
			part = nil
			continue
		}
		part = append(part, vg.Point{X: x(l.x[i]), Y: y(l.y[i])})
	}
	if len(part) > 1 {
		out = append(out, part)
	}
	return out
}

func rectangle(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
