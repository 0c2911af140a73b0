package plot

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// picture draws a figure and keeps it if the flag asks for it.
func picture(t *testing.T, name string, render func(string) ([]byte, error)) (image.Image, []byte) {
	t.Helper()
	files := map[string][]byte{}
	for _, format := range Formats {
		first, err := render(format)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := render(format)
		if !bytes.Equal(first, again) {
			t.Errorf("%s.%s: two drawings differ", name, format)
		}
		if *keep != "" {
			if err := os.WriteFile(filepath.Join(*keep, name+"."+format), first, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		files[format] = first
	}
	m, err := png.Decode(bytes.NewReader(files["png"]))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Dx() != 1050 { // 3.5 inches at 300 dpi
		t.Errorf("%s is %d pixels wide", name, m.Bounds().Dx())
	}
	return m, files["svg"]
}

// spots returns the centres of the marks of a colour: of its connected areas of at least 100 pixels.
func spots(m image.Image, c color.RGBA) (out []struct{ x, y float64 }) {
	b := m.Bounds()
	seen := make([]bool, b.Dx()*b.Dy())
	is := func(x, y int) bool {
		return image.Pt(x, y).In(b) && color.RGBAModel.Convert(m.At(x, y)) == c && !seen[y*b.Dx()+x]
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			if !is(x, y) {
				continue
			}
			n, sumX, sumY := 0, 0, 0
			stack := []image.Point{{X: x, Y: y}}
			seen[y*b.Dx()+x] = true
			for len(stack) > 0 {
				p := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				n, sumX, sumY = n+1, sumX+p.X, sumY+p.Y
				for _, d := range []image.Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}} {
					if q := p.Add(d); is(q.X, q.Y) {
						seen[q.Y*b.Dx()+q.X] = true
						stack = append(stack, q)
					}
				}
			}
			if n >= 100 {
				out = append(out, struct{ x, y float64 }{float64(sumX) / float64(n), float64(sumY) / float64(n)})
			}
		}
	}
	return out
}

// Points and a curve through them lie in one place, at equal distances for equal steps,
// and the figure says what they are.
func TestChart(t *testing.T) {
	x := []float64{0.5, 1, 1.5, 2}
	c := Chart{
		Title: "Made up", XLabel: "Ratio N1/N2", YLabel: "Normalised throughput",
		Panels: []ChartPanel{
			{Title: "first", Note: "of two", Points: []Points{
				{Name: "lia", X: x, Y: []float64{0.8, 0.6, 0.4, 0.2}, Low: []float64{0.75, 0.5, 0.35, 0.15}, High: []float64{0.85, 0.7, 0.45, 0.25}}}},
			{Title: "second", Curves: []Curve{
				{Name: "fixed point", X: []float64{0.5, 1, 1.2, 2}, Y: []float64{0.8, 0.7, math.NaN(), 1}, Dashed: true},
				{Name: "optimum", X: x, Y: []float64{1, 1, 1, 1}, Color: Neutral}},
				Points: []Points{{Name: "olia", X: x, Y: []float64{0.9, math.NaN(), 0.9, 0.9}, Color: 1}}},
		},
	}
	m, svg := picture(t, "chart", c.Render)
	for _, text := range []string{">Made up<", ">Ratio N1/N2<", ">Normalised throughput<", ">first<", ">of two<", ">second<", ">lia<", ">olia<", ">optimum<", ">fixed point<", ">1.0<"} {
		if !bytes.Contains(svg, []byte(text)) {
			t.Errorf("the figure lacks %q", text)
		}
	}
	lia, olia := spots(m, palette[0]), spots(m, palette[1])
	if len(lia) != 5 || len(olia) != 4 { // the legend shows one each
		t.Fatalf("%d and %d marks", len(lia), len(olia))
	}
	for i := 2; i < 5; i++ {
		dx, dy := lia[i].x-lia[i-1].x, lia[i].y-lia[i-1].y
		if first := lia[2].x - lia[1].x; math.Abs(dx-first) > 2 || math.Abs(dy-(lia[2].y-lia[1].y)) > 3 || dx < 100 || dy < 20 {
			t.Errorf("mark %d is %.0f pixels to the right and %.0f below the one before", i, dx, dy)
		}
	}
	if math.Abs(olia[1].y-olia[3].y) > 1 || math.Abs(olia[2].x-olia[1].x-(lia[3].x-lia[1].x)) > 2 {
		t.Errorf("marks of equal height at %v, those of the other panel at %v", olia, lia)
	}
}

func TestNothingToDraw(t *testing.T) {
	if _, err := (&Chart{Panels: []ChartPanel{{}}}).Render("svg"); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	if _, err := (&Triple{}).Render("svg"); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	if err := (&Triple{Rows: make([]TripleRow, 1)}).Save("x.gif"); err == nil {
		t.Error("a figure of an unknown format")
	}
}

// Each row has its marks at its height, each column a scale of its own that begins at
// 0; what was not measured is said.
func TestTriple(t *testing.T) {
	p := Triple{
		Axes: [3]Axis{
			{Name: "friendliness", Note: "1 is fair", Label: "Part of a half", Reference: 1},
			{Name: "responsiveness", Note: "less is quicker", Label: "Time (s)"},
			{Name: "oscillation", Note: "less is steadier", Label: "Deviation"},
		},
		Rows: []TripleRow{
			{Name: "olia", Mean: [3]float64{1, 12, 0.4}, Low: [3]float64{0.9, 8, 0.39}, High: [3]float64{1.1, 16, 0.41}},
			{Name: "lia", Mean: [3]float64{0.5, 3, 0.3}, Low: [3]float64{0.5, -1, 0.3}, High: [3]float64{0.5, 6, 0.3}},
			{Name: "none at all", Mean: [3]float64{0.75, math.NaN(), 0.2}, Low: [3]float64{0.7, math.NaN(), 0.2}, High: [3]float64{0.8, math.NaN(), 0.2}},
		},
	}
	m, svg := picture(t, "triple", p.Render)
	for _, text := range []string{">friendliness<", ">1 is fair<", ">Time (s)<", ">olia<", ">lia<", ">none<"} {
		if !bytes.Contains(svg, []byte(text)) {
			t.Errorf("the figure lacks %q", text)
		}
	}
	first, second, third := spots(m, palette[0]), spots(m, palette[1]), spots(m, palette[2])
	if len(first) != 3 || len(second) != 2 || len(third) != 3 {
		t.Fatalf("%d, %d and %d marks", len(first), len(second), len(third))
	}
	// 0.75 lies halfway between 0.5 and 1, and 0.3 between 0.2 and 0.4.
	if d := first[2].x - (first[0].x+first[1].x)/2; math.Abs(d) > 2 {
		t.Errorf("the friendliness of the third is %.0f pixels off", d)
	}
	if d := third[1].x - (third[0].x+third[2].x)/2; math.Abs(d) > 2 || third[0].x <= third[2].x {
		t.Errorf("the oscillation of the second is %.0f pixels off", d)
	}
	for i := range second {
		if math.Abs(first[i].y-second[i].y) > 3 || math.Abs(first[i].y-third[i].y) > 5 {
			t.Errorf("row %d is at %.0f, %.0f and %.0f", i, first[i].y, second[i].y, third[i].y)
		}
	}
}
