package plot

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A figure for LaTeX: a tikzpicture of pgfplots (compat 1.16 or later), an axis a panel, below
// each other, with the layout of the other formats. It is as wide as a column, or with Full as
// the text; texts are of the document. Strokes, marks and areas of one look are one plot each,
// because pgfplots takes tens of milliseconds for a plot, however few points it has.

// tex returns the figure.
func (f *figure) tex() []byte {
	l := f.layout()
	var b bytes.Buffer
	b.WriteString("% needs \\usepackage{pgfplots} and \\pgfplotsset{compat=1.16}\n\\begin{tikzpicture}\n")
	for i := range f.panels {
		l.texAxis(&b, i)
	}
	fmt.Fprintf(&b, "\\path (p0.north west) -- node[midway, sloped=false, rotate=90, yshift=%.3gpt, font=\\footnotesize] {%s} (p%d.south west);\n",
		float64(l.left+l.wider())-8, escape(l.yLabel), len(f.panels)-1)
	b.WriteString("\\end{tikzpicture}\n")
	return b.Bytes()
}

func (l *layout) texAxis(b *bytes.Buffer, i int) {
	p := &l.panels[i]
	l.texHead(b, i)
	for _, s := range p.shades {
		from, to := math.Max(s.from, l.xMin), math.Min(s.to, l.tMax)
		if from < to {
			texAreas(b, []area{block(from, p.yMin, to, p.yMax, shade)})
		}
	}
	for k := 0; k < len(p.areas); {
		n := k + 1
		for n < len(p.areas) && p.areas[n].fill == p.areas[k].fill && p.areas[n].edge == p.areas[k].edge {
			n++
		}
		texAreas(b, p.areas[k:n])
		k = n
	}
	for k := 0; k < len(p.lines); {
		n := k + 1
		for n < len(p.lines) && sameStroke(&p.lines[n], &p.lines[k]) {
			n++
		}
		texLines(b, p.lines[k:n])
		k = n
	}
	texMarks(b, p.marks)
	for _, t := range p.texts {
		fmt.Fprintf(b, "\\node[color=%s, font=\\tiny, inner sep=0pt] at (axis cs:%g,%g) {%s};\n", tint(t.color), t.x, t.y, escape(t.text))
	}
	if i == 0 {
		for _, k := range l.legend {
			fmt.Fprintf(b, "\\addlegendimage{%s}\n\\addlegendentry{%s}\n", k.tex(), escape(k.name))
		}
	}
	b.WriteString("\\end{axis}\n")
}

// texHead writes the options of an axis.
func (l *layout) texHead(b *bytes.Buffer, i int) {
	p := &l.panels[i]
	width := `\columnwidth`
	if l.full {
		width = `\textwidth`
	}
	fmt.Fprintf(b, "\\begin{axis}[name=p%d, scale only axis, width=%s-%.4gpt, height=%.4gpt, xmin=%g, xmax=%g, ymin=%g, ymax=%g",
		i, width, float64(l.left+l.wider()+l.right())+4, float64(l.panelHeight()), l.xMin, l.tMax, p.yMin, p.yMax)
	b.WriteString(", tick label style={font=\\scriptsize}, label style={font=\\footnotesize}, title style={font=\\scriptsize, yshift=-5pt}, tick align=outside, tick pos=left")
	if i > 0 {
		fmt.Fprintf(b, ", at={(p%d.south west)}, anchor=north west, yshift=-%.4gpt", i-1, float64(l.titleRow+panelGap)+4)
	}
	last := i == len(l.panels)-1
	if last {
		fmt.Fprintf(b, ", xlabel={%s}", escape(l.xLabel()))
	} else {
		b.WriteString(", xticklabels={}")
	}
	if l.xLog {
		b.WriteString(", xmode=log, log ticks with fixed point")
	}
	if p.title != "" {
		fmt.Fprintf(b, ", title={\\textbf{%s}}", escape(p.title))
	}
	for _, axis := range []struct {
		name  string
		ticks []tick
	}{{"x", l.xTicks}, {"y", p.yTicks}} {
		if axis.ticks != nil {
			var at, labels []string
			for _, t := range axis.ticks {
				at, labels = append(at, fmt.Sprint(t.at)), append(labels, "{"+escape(t.label)+"}")
			}
			fmt.Fprintf(b, ", %stick={%s}", axis.name, strings.Join(at, ","))
			if axis.name == "y" || last {
				fmt.Fprintf(b, ", %sticklabels={%s}", axis.name, strings.Join(labels, ","))
			}
		}
	}
	if l.slanted {
		fmt.Fprintf(b, ", x tick label style={rotate=%d, anchor=north east, inner sep=1pt}", int(math.Round(slantAngle*180/math.Pi)))
	}
	if s := l.scale; s != nil {
		texScale(b, s)
	}
	most := 1
	for _, row := range l.legendRows {
		most = max(most, len(row))
	}
	fmt.Fprintf(b, ", legend style={at={(0.5,1)}, yshift=%.4gpt, anchor=south, legend columns=%d, draw=none, fill=none, font=\\scriptsize, /tikz/every even column/.append style={column sep=4pt}}]\n",
		float64(l.titleRow)+1, most)
}

// texScale writes the options of the colour scale of a heat map.
func texScale(b *bytes.Buffer, s *scale) {
	b.WriteString(", colorbar, colorbar style={width=7pt, font=\\scriptsize}, colormap={viridis}{")
	const steps = 16
	for k := range steps + 1 {
		c := viridis(float64(k) / steps)
		fmt.Fprintf(b, "rgb255=(%d,%d,%d) ", c.R, c.G, c.B)
	}
	fmt.Fprintf(b, "}, point meta min=%g, point meta max=%g", s.low, s.high)
}

// wider is how much more room names of rows need in the fonts of LaTeX.
func (l *layout) wider() vg.Length {
	for i := range l.panels {
		if l.panels[i].yTicks != nil {
			return 8
		}
	}
	return 0
}

func sameStroke(a, b *line) bool {
	return a.color == b.color && a.width == b.width && (a.dash == nil) == (b.dash == nil)
}

// texLines writes lines of one look as one plot that jumps from one to the next.
func texLines(b *bytes.Buffer, lines []line) {
	dash := ""
	if lines[0].dash != nil {
		dash = ", dashed"
	}
	fmt.Fprintf(b, "\\addplot[forget plot, color=%s, line width=%.3gpt%s, unbounded coords=jump] coordinates {", tint(lines[0].color), float64(lines[0].width), dash)
	for k := range lines {
		if k > 0 {
			texPoint(b, lines[k].x[0], math.NaN())
		}
		for c := range lines[k].x {
			texPoint(b, lines[k].x[c], lines[k].y[c])
		}
	}
	b.WriteString("};\n")
}

// texMarks writes marks with their intervals, those of one look as one plot.
func texMarks(b *bytes.Buffer, marks []mark) {
	done := make([]bool, len(marks))
	for k := range marks {
		if done[k] {
			continue
		}
		first := &marks[k]
		var points, intervals bytes.Buffer
		for i := k; i < len(marks); i++ {
			m := &marks[i]
			if done[i] || m.color != first.color || m.shape != first.shape {
				continue
			}
			done[i] = true
			texPoint(&points, m.x, m.y)
			if m.low < m.high {
				fmt.Fprintf(&intervals, "(%g,%g)(%g,%g)(%g,nan)", m.x, m.low, m.x, m.high, m.x)
			}
			if m.xLow < m.xHigh {
				fmt.Fprintf(&intervals, "(%g,%g)(%g,%g)(%g,nan)", m.xLow, m.y, m.xHigh, m.y, m.xHigh)
			}
		}
		if first.shape != nil {
			fmt.Fprintf(b, "\\addplot[forget plot, only marks, color=%s, mark=%s, mark size=1.3pt] coordinates {%s};\n", tint(first.color), texShape(first.shape), &points)
		}
		if intervals.Len() > 0 {
			fmt.Fprintf(b, "\\addplot[forget plot, color=%s, line width=0.7pt, unbounded coords=jump] coordinates {%s};\n", tint(first.color), &intervals)
		}
	}
}

// texShape returns the mark of pgfplots that looks like a glyph.
func texShape(g draw.GlyphDrawer) string {
	switch g.(type) {
	case draw.BoxGlyph:
		return "square*"
	case draw.PyramidGlyph:
		return "triangle*"
	case draw.RingGlyph:
		return "o"
	case draw.SquareGlyph:
		return "square"
	case draw.TriangleGlyph:
		return "triangle"
	}
	return "*"
}

// tex returns the sample of an entry of the legend.
func (k *key) tex() string {
	switch {
	case k.filled:
		return "area legend, draw=none, fill=" + tint(k.color)
	case k.shape != nil:
		return "only marks, mark=" + texShape(k.shape) + ", color=" + tint(k.color)
	}
	dash := ""
	if k.dash != nil {
		dash = ", dashed"
	}
	return fmt.Sprintf("no markers, color=%s, line width=%.3gpt%s", tint(k.color), float64(max(k.width, vg.Length(0.7))), dash)
}

func texPoint(b *bytes.Buffer, x, y float64) {
	if math.IsNaN(y) {
		fmt.Fprintf(b, "(%g,nan)", x)
		return
	}
	fmt.Fprintf(b, "(%g,%g)", x, y)
}

// texAreas writes areas of one look as one path.
func texAreas(b *bytes.Buffer, areas []area) {
	fill, edge := "fill=none", "draw=none"
	if c := areas[0].fill; c != nil {
		_, _, _, alpha := c.RGBA()
		fill = fmt.Sprintf("fill=%s, fill opacity=%.2g", tint(c), float64(alpha)/0xffff)
	}
	if areas[0].edge != nil {
		edge = "draw=" + tint(areas[0].edge)
	}
	fmt.Fprintf(b, "\\path[%s, %s]", edge, fill)
	for k := range areas {
		for i := range areas[k].x {
			if i > 0 {
				b.WriteString(" --")
			}
			fmt.Fprintf(b, " (axis cs:%g,%g)", areas[k].x[i], areas[k].y[i])
		}
		b.WriteString(" -- cycle")
	}
	b.WriteString(";\n")
}

// tint returns a colour as xcolor reads it in an option.
func tint(c color.Color) string {
	v := opaque(c)
	return fmt.Sprintf("{rgb,255:red,%d;green,%d;blue,%d}", v[0], v[1], v[2])
}

var texEscapes = strings.NewReplacer(`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "%", `\%`, "&", `\&`, "$", `\$`, "#", `\#`, "_", `\_`,
	"^", `\textasciicircum{}`, "~", `\textasciitilde{}`, "µ", `\textmu{}`, "…", `\ldots{}`)

// escape returns a text as LaTeX sets it.
func escape(s string) string { return texEscapes.Replace(s) }
