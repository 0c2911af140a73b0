package plot

import (
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pdfCanvas mends two habits of vgpdf: all faces of a document share the file of
// the last one, so bold text is drawn as outlines instead; and it hands UTF-8 to
// a font that is encoded in code page 1252.
type pdfCanvas struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, s string) {
	if f.Font.Weight == boldWeight {
		c.Fill(outline(&f, at, s))
		return
	}
	c.Canvas.FillString(f, at, cp1252(s))
}

// outline returns the shapes of a text. Characters stand where a text of the
// same face would put them.
func outline(f *font.Face, at vg.Point, s string) vg.Path {
	var path vg.Path
	var buf sfnt.Buffer
	units := fixed.Int26_6(f.Face.UnitsPerEm()) // so that coordinates are in font units
	scale := f.Font.Size / vg.Length(units)
	for i, r := range s {
		glyph, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		segments, err := f.Face.LoadGlyph(&buf, glyph, units, nil)
		if err != nil {
			continue
		}
		origin := vg.Point{X: at.X + f.Width(s[:i]), Y: at.Y}
		point := func(p fixed.Point26_6) vg.Point {
			return vg.Point{X: origin.X + vg.Length(p.X)*scale, Y: origin.Y - vg.Length(p.Y)*scale}
		}
		var pen vg.Point
		for k, seg := range segments {
			a := seg.Args
			switch seg.Op {
			case sfnt.SegmentOpMoveTo:
				if k > 0 {
					path.Close()
				}
				pen = point(a[0])
				path.Move(pen)
			case sfnt.SegmentOpLineTo:
				pen = point(a[0])
				path.Line(pen)
			case sfnt.SegmentOpQuadTo:
				q, end := point(a[0]), point(a[1])
				path.CubeTo(between(pen, q), between(end, q), end)
				pen = end
			case sfnt.SegmentOpCubeTo:
				pen = point(a[2])
				path.CubeTo(point(a[0]), point(a[1]), pen)
			}
		}
		if len(segments) > 0 {
			path.Close()
		}
	}
	return path
}

// between returns the control point of the cubic curve that is the quadratic one
// with control point q, at the end p: two thirds of the way.
func between(p, q vg.Point) vg.Point {
	return vg.Point{X: p.X + (q.X-p.X)*2/3, Y: p.Y + (q.Y-p.Y)*2/3}
}

// cp1252 encodes a text; what the code page lacks becomes a question mark.
func cp1252(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r < 0x80 || r >= 0xa0 && r <= 0xff:
			b = append(b, byte(r))
		case r == '…':
			b = append(b, 0x85)
		case r == '–':
			b = append(b, 0x96)
		case r == '—':
			b = append(b, 0x97)
		case r == '’':
			b = append(b, 0x92)
		default:
			b = append(b, '?')
		}
	}
	return string(b)
}
