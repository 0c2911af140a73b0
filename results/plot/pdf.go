package plot

import (
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pdfCanvas mends two habits of vgpdf: it registers a bold face under the plain
// style and then does not find it, and it hands UTF-8 to a font that is encoded
// in code page 1252.
type pdfCanvas struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, s string) {
	if f.Font.Weight == boldWeight {
		f.Font.Variant += "Bold"
		f.Font.Weight = xfont.WeightNormal
	}
	c.Canvas.FillString(f, at, cp1252(s))
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
