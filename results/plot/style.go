// Package plot draws the figures of a run from its directory: goodput,
// congestion window, round-trip time, data sequence and queue over time, with
// the outages of links shaded. Chart and Triple are figures of many runs: points
// with their intervals beside computed curves, and rows of three measures.
//
// The house style is made for one column of a paper: 89 mm wide, Liberation
// Sans at 7 and 8 points, the colours of Okabe and Ito (distinguishable with
// every kind of colour blindness and, by their order, in grey), a legend
// outside the data, units on every axis. The same run gives the same bytes in
// every format.
package plot

import (
	"image/color"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The palette of Okabe and Ito, "Color Universal Design", 2008, in the order in
// which it is used; yellow is left out, since it cannot be seen as a line.
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermillion
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
}

var (
	black    = color.RGBA{0x11, 0x11, 0x11, 0xff} // totals, text
	grey     = color.RGBA{0x66, 0x66, 0x66, 0xff} // annotations
	gridGrey = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	shade    = color.RGBA{0xf0, 0xec, 0xe2, 0xff} // outages
	white    = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// Lengths of the layout, in points (1/72 inch).
const (
	figureWidth  = 252 // 3.5 inches, 89 mm: one column
	fullWidth    = 516 // 7.16 inches, 182 mm: two columns and what is between them, as IEEE has them
	marginLeft   = 33
	marginRight  = 9
	marginTop    = 3
	marginBottom = 24
	titleHeight  = 11
	legendHeight = 11
	panelTitle   = 11
	panelGap     = 5
	shadeHeight  = 9

	sizeText  = 7
	sizeTitle = 8

	dpi = 300 // of PNG
)

// panelHeight returns the height of the data area for a number of panels.
func panelHeight(n int) vg.Length {
	switch n {
	case 1:
		return 116
	case 2:
		return 78
	case 3:
		return 62
	}
	return 50
}

var fonts = font.NewCache(sansFonts())

// textStyle returns the style of a text.
func textStyle(size vg.Length, bold bool, c color.Color, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = boldWeight
	}
	return draw.TextStyle{
		Color: c, Font: f,
		XAlign: x, YAlign: y,
		Handler: text.Plain{Fonts: fonts},
	}
}

func lineStyle(width vg.Length, c color.Color) draw.LineStyle {
	return draw.LineStyle{Width: width, Color: c}
}
