package plot

import (
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
)

const boldWeight = xfont.WeightBold

// sansFonts returns the two faces of the house style, which are embedded in the
// program.
func sansFonts() font.Collection {
	face := func(ttf []byte, w xfont.Weight) font.Face {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic("embedded font: " + err.Error()) // it is part of the program
		}
		return font.Face{Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: w}, Face: f}
	}
	return font.Collection{
		face(liberationsansregular.TTF, xfont.WeightNormal),
		face(liberationsansbold.TTF, boldWeight),
	}
}
