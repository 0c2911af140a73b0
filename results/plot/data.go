package plot

import (
	"bytes"
	"encoding/csv"
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// What a figure shows can be had as numbers: as a tidy table, for other plotting tools.

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
