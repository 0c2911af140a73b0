package plot

import (
	"bytes"
	"fmt"
	"image/png"
	"path/filepath"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/google/renameio/v2/maybe"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Formats are the kinds of files that a figure can be written as.
var Formats = []string{"png", "svg", "pdf"}

// FormatOf returns the format that the extension of a file name asks for.
func FormatOf(file string) (string, error) {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
	for _, f := range Formats {
		if f == ext {
			return f, nil
		}
	}
	return "", fmt.Errorf("%s: the name of a figure ends in .%s", file, strings.Join(Formats, ", ."))
}

// An SVG names its font and does not hold it. The families that follow have the
// same widths, so the layout holds where Liberation is not installed.
const (
	svgFamily   = "font-family:Liberation Sans"
	svgFamilies = "font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif"
)

func init() {
	// The library puts the time of writing and the order of a map into PDF
	// files unless told otherwise.
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	fpdf.SetDefaultCreationDate(epoch)
	fpdf.SetDefaultModificationDate(epoch)
	fpdf.SetDefaultCatalogSort(true)
}

// Render draws a figure of runs with the default options.
func Render(kind string, runs []*Run, format string) ([]byte, error) {
	return Draw(kind, &Source{Runs: runs}, new(Options), format)
}

// Save draws a figure of runs with the default options into a file.
func Save(kind string, runs []*Run, file string) error {
	return Write(kind, &Source{Runs: runs}, new(Options), file)
}

func (l *layout) render(format string) ([]byte, error) {
	return paper(format, l.width(), l.total, l.draw)
}

// save writes what render gives into a file, whose extension names the format. The
// file is replaced in one step.
func save(file string, render func(format string) ([]byte, error)) error {
	format, err := FormatOf(file)
	if err != nil {
		return err
	}
	b, err := render(format)
	if err != nil {
		return err
	}
	return maybe.WriteFile(file, b, 0o644)
}

// paper draws a figure of the given width and height.
func paper(format string, w, h vg.Length, paint func(draw.Canvas)) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))
		paint(draw.New(c))
		// Every run draws figures: compressing them well would take longer than
		// drawing them.
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		err = e.Encode(&b, c.Image())
	case "svg":
		c := vgsvg.New(w, h)
		paint(draw.New(c))
		if _, err = c.WriteTo(&b); err == nil {
			return bytes.ReplaceAll(b.Bytes(), []byte(svgFamily), []byte(svgFamilies)), nil
		}
	case "pdf":
		c := vgpdf.New(w, h)
		paint(draw.New(pdfCanvas{c}))
		_, err = c.WriteTo(&b)
	default:
		return nil, fmt.Errorf("unknown format %q; have %s", format, strings.Join(Formats, ", "))
	}
	return b.Bytes(), err
}
