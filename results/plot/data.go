package plot

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// What a figure shows can be had as numbers: as a tidy table, for other plotting tools, and
// as an environment of LaTeX's pgfplots, to be set in the fonts of a paper.

// DataHeader is the first line of the table of a figure.
const DataHeader = "panel,kind,series,part,x,y,low,high,x_low,x_high"

// WriteData writes what a figure shows as CSV into a file, in the units of its axes: a row a
// point of a line ("line"), a mark with its intervals ("mark"), a corner of an area
// ("area"), or a text in the data ("text"). Points of one line, or area, have one part.
func WriteData(kind string, s *Source, o *Options, file string) error {
	f, err := drawingOf(kind, s, o)
	if err != nil {
		return err
	}
	return maybe.WriteFile(file, f.data(), 0o644)
}

func (f *figure) data() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	_ = w.Write(strings.Split(DataHeader, ",")) // a buffer takes everything
	for i := range f.panels {
		p := &f.panels[i]
		name := p.title
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		row := func(kind, series string, part int, v ...float64) {
			out := []string{name, kind, series, strconv.Itoa(part), "", "", "", "", "", ""}
			for k, x := range v {
				out[4+k] = number(x)
			}
			_ = w.Write(out)
		}
		for k, a := range p.areas {
			for c := range a.x {
				row("area", f.named(a.fill, nil, nil), k, a.x[c], a.y[c])
			}
		}
		for k, ln := range p.lines {
			for c := range ln.x {
				row("line", f.named(ln.color, ln.dash, nil), k, ln.x[c], ln.y[c])
			}
		}
		for k, m := range p.marks {
			v := []float64{m.x, m.y, m.low, m.high}
			if m.xLow < m.xHigh {
				v = append(v, m.xLow, m.xHigh)
			}
			row("mark", f.named(m.color, nil, m.shape), k, v...)
		}
		for k, t := range p.texts {
			row("text", t.text, k, t.x, t.y)
		}
	}
	w.Flush()
	return b.Bytes()
}

// named returns the entry of the legend that has the colour, dashes and shape.
func (f *figure) named(c color.Color, dash []vg.Length, shape draw.GlyphDrawer) string {
	for _, k := range f.legend {
		if opaque(k.color) == opaque(c) && (len(k.dash) > 0) == (len(dash) > 0) && (shape == nil || k.shape == shape) {
			return k.name
		}
	}
	return ""
}

// opaque returns a colour as it is where it is not faded.
func opaque(c color.Color) [3]uint8 {
	switch c := c.(type) {
	case color.NRGBA:
		return [3]uint8{c.R, c.G, c.B}
	case color.RGBA:
		return [3]uint8{c.R, c.G, c.B}
	}
	return [3]uint8{}
}

// tex returns the figure as a tikzpicture of pgfplots (compat 1.16 or later), an axis a
// panel, below each other. It is as wide as a column, or with Full as the text; texts are of the document.
func (f *figure) tex() []byte {
	l := f.layout()
	var b bytes.Buffer
	b.WriteString("% needs \\usepackage{pgfplots} and \\pgfplotsset{compat=1.16}\n\\begin{tikzpicture}\n")
	for i := range f.panels {
		l.texAxis(&b, i)
	}
	b.WriteString("\\end{tikzpicture}\n")
	return b.Bytes()
}

func (l *layout) texAxis(b *bytes.Buffer, i int) {
	p := &l.panels[i]
	width := `\columnwidth`
	if l.full {
		width = `\textwidth`
	}
	fmt.Fprintf(b, "\\begin{axis}[name=p%d, width=%s, height=%.3gpt, scale only axis=false, xmin=%g, xmax=%g, ymin=%g, ymax=%g, ylabel={%s}",
		i, width, float64(l.panelHeight())+45, l.xMin, l.tMax, p.yMin, p.yMax, escape(l.yLabel))
	if i > 0 {
		fmt.Fprintf(b, ", at={(p%d.below south west)}, anchor=above north west", i-1)
	}
	if i == len(l.panels)-1 {
		fmt.Fprintf(b, ", xlabel={%s}", escape(l.xLabel()))
	}
	if l.xLog {
		b.WriteString(", xmode=log, log ticks with fixed point")
	}
	if p.title != "" {
		fmt.Fprintf(b, ", title={%s}", escape(p.title))
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
			fmt.Fprintf(b, ", %stick={%s}, %sticklabels={%s}", axis.name, strings.Join(at, ","), axis.name, strings.Join(labels, ","))
		}
	}
	b.WriteString(", legend style={at={(0.5,1.15)}, anchor=south, legend columns=-1, draw=none}]\n")
	for _, s := range p.shades {
		from, to := math.Max(s.from, l.xMin), math.Min(s.to, l.tMax)
		if from < to {
			a := block(from, p.yMin, to, p.yMax, shade)
			a.tex(b)
		}
	}
	for k := range p.areas {
		p.areas[k].tex(b)
	}
	for _, ln := range p.lines {
		dash := ""
		if ln.dash != nil {
			dash = ", dashed"
		}
		fmt.Fprintf(b, "\\addplot[forget plot, color=%s, line width=%.3gpt%s, unbounded coords=jump] coordinates {", tint(ln.color), float64(ln.width), dash)
		for c := range ln.x {
			texPoint(b, ln.x[c], ln.y[c])
		}
		b.WriteString("};\n")
	}
	for _, m := range p.marks {
		fmt.Fprintf(b, "\\addplot[forget plot, color=%s, mark=*, mark size=1pt] coordinates {(%g,%g)};\n", tint(m.color), m.x, m.y)
		if m.low < m.high {
			fmt.Fprintf(b, "\\addplot[forget plot, color=%s] coordinates {(%g,%g)(%g,%g)};\n", tint(m.color), m.x, m.low, m.x, m.high)
		}
		if m.xLow < m.xHigh {
			fmt.Fprintf(b, "\\addplot[forget plot, color=%s] coordinates {(%g,%g)(%g,%g)};\n", tint(m.color), m.xLow, m.y, m.xHigh, m.y)
		}
	}
	for _, t := range p.texts {
		fmt.Fprintf(b, "\\node[color=%s] at (axis cs:%g,%g) {%s};\n", tint(t.color), t.x, t.y, escape(t.text))
	}
	if i == 0 {
		for _, k := range l.legend {
			fmt.Fprintf(b, "\\addlegendimage{color=%s, line width=1pt}\n\\addlegendentry{%s}\n", tint(k.color), escape(k.name))
		}
	}
	b.WriteString("\\end{axis}\n")
}

func texPoint(b *bytes.Buffer, x, y float64) {
	if math.IsNaN(y) {
		fmt.Fprintf(b, "(%g,nan)", x)
		return
	}
	fmt.Fprintf(b, "(%g,%g)", x, y)
}

func (r *area) tex(b *bytes.Buffer) {
	fill, edge := "fill=none", "draw=none"
	if r.fill != nil {
		_, _, _, alpha := r.fill.RGBA()
		fill = fmt.Sprintf("fill=%s, fill opacity=%.2g", tint(r.fill), float64(alpha)/0xffff)
	}
	if r.edge != nil {
		edge = "draw=" + tint(r.edge)
	}
	fmt.Fprintf(b, "\\addplot[forget plot, %s, %s] coordinates {", edge, fill)
	for i := range r.x {
		texPoint(b, r.x[i], r.y[i])
	}
	b.WriteString("} -- cycle;\n")
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
