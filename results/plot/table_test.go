package plot

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/draw"

	"mpsim/results"
)

// sweepDir writes a sweep directory: two rates, three schedulers, five replications, the
// sixth of which never finishes.
func sweepDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("run,point,replication,seed,link.wifi.rate,defaults.scheduler,goodput,done,failed,error,hash\n")
	point := 0
	for _, rate := range []int{16e6, 4e6} {
		for k, s := range []string{"minrtt", "blest", "roundrobin"} {
			for rep := range 5 {
				done := fmt.Sprint(10 + rep)
				if k == 2 && rep == 4 {
					done = "inf"
				}
				fmt.Fprintf(&b, "%d-%d,%d,%d,%d,%d,%s,%d,%s,,,ab\n", point, rep, point, rep, rep+1, rate, s, rate+(k+rep)*1e6, done)
			}
			point++
		}
	}
	b.WriteString("x,4,5,6,4000000,blest,,,,cannot run,\n")
	for name, text := range map[string]string{results.TableName: b.String(), "manifest.json": `{"schema":1,"kind":"sweep","title":"made-up sweep","columns":[
		{"name":"run","role":"id"},{"name":"point","role":"id"},{"name":"replication","role":"id"},{"name":"seed","role":"id"},
		{"name":"link.wifi.rate","role":"factor","type":"number","unit":"bps"},{"name":"defaults.scheduler","role":"factor","type":"text"},
		{"name":"goodput","role":"metric","type":"number","unit":"bps"},{"name":"done","role":"metric","type":"number","unit":"s"},
		{"name":"failed","role":"verdict"},{"name":"error","role":"verdict"},{"name":"hash","role":"verdict"}]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, paths ...string) *Source {
	t.Helper()
	s, err := Open(paths)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each figure of a table, in each format, says what it shows.
func TestFiguresOfSweeps(t *testing.T) {
	s := open(t, sweepDir(t))
	for _, c := range []struct {
		kind  string
		o     Options
		texts string
	}{
		{"cdf", Options{Metric: "done", By: "defaults.scheduler", Where: []string{"link.wifi.rate=16Mb/s"}}, "Made-up sweep|Done (s)|Fraction of runs|minrtt (5)|roundrobin (5)|shaded: 95 % confidence (DKW); never in 1"},
		{"rank", Options{By: "defaults.scheduler"}, "Made-up sweep|Goodput (Mb/s)|Rank|minrtt (10)|blest (10)|in ascending order, n = 30; 1 without value"},
		{"bars", Options{By: "defaults.scheduler"}, "Goodput (Mb/s)|link.wifi.rate|4 Mb/s|16 Mb/s|blest|mean, 95 % interval, n = 5; 1 without value"},
		{"box", Options{By: "defaults.scheduler"}, "Goodput (Mb/s)|4 Mb/s|16 Mb/s|roundrobin|median, quartiles, whiskers up to 1.5 IQR; 1 without value"},
		{"heatmap", Options{}, "Goodput (Mb/s)|defaults.scheduler|4 Mb/s|minrtt|6.00|20.0|15"},
		{"scatter", Options{X: "done", By: "defaults.scheduler"}, "Goodput (Mb/s)|Done (s)|blest|a mark a design: means, 95 % intervals"},
	} {
		_, svg := picture(t, c.kind, func(format string) ([]byte, error) { return Draw(c.kind, s, &c.o, format) })
		for text := range strings.SplitSeq(c.texts, "|") {
			if !bytes.Contains(svg, []byte(">"+text+"<")) {
				t.Errorf("%s lacks %q", c.kind, text)
			}
		}
	}
}

// Twenty values: the function rises by 1/20 at each, and epsilon is sqrt(ln 40/40) =
// 0.303681. Two more that never happened leave it below 1.
func TestDistribution(t *testing.T) {
	rows := [][]string{{"inf"}, {"inf"}}
	for i := range 20 {
		rows = append(rows, []string{fmt.Sprint(20 - i)})
	}
	for _, c := range []struct {
		rows    [][]string
		epsilon float64
		end     float64
	}{{rows[2:], 0.3036807, 1}, {rows, 0.2895491, 20.0 / 22}} {
		f, err := distribution(newTable([]string{"done_s"}, c.rows), &Options{Metric: "done_s"})
		if err != nil {
			t.Fatal(err)
		}
		ln, b := f.panels[0].lines[0], f.panels[0].areas[0]
		if len(ln.x) != 42 || ln.x[0] != 0 || ln.y[41] != c.end || ln.x[1] != 1 || ln.x[39] != 20 {
			t.Errorf("%v\n%v", ln.x, ln.y)
		}
		if i := 20; math.Abs(b.y[i]-ln.y[i]-c.epsilon) > 1e-6 || b.y[41] != 1 || b.y[42+41] != 0 {
			t.Errorf("the band is %v above the function, want %v; it ends at %v and begins at %v", b.y[i]-ln.y[i], c.epsilon, b.y[41], b.y[83])
		}
	}
}

// The quartiles of 1, 2, ..., 9, 100 are 3.25, 5.5 and 7.75 (R: quantile(x, type = 7)), so
// 100 lies beyond the fence at 14.5, and the upper whisker ends at 9.
func TestBox(t *testing.T) {
	var p panel
	p.box([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 100}, 2, 0.3, palette[0])
	if b := p.areas[0]; b.y[0] != 3.25 || b.y[2] != 7.75 || b.x[0] != 1.7 || b.x[1] != 2.3 {
		t.Errorf("box %+v", b)
	}
	if m := p.lines[len(p.lines)-1]; m.y[0] != 5.5 || m.y[1] != 5.5 {
		t.Errorf("median %v", m.y)
	}
	if p.lines[0].y[0] != 1 || p.lines[1].y[1] != 9 || len(p.marks) != 1 || p.marks[0].y != 100 || p.marks[0].shape != (draw.RingGlyph{}) {
		t.Errorf("whiskers %v and %v, outliers %v", p.lines[0].y, p.lines[1].y, p.marks)
	}
}

// Student's interval of 20, 21, 22, 23, 24: 22 +- 2.776445 * sqrt(2.5/5) = 1.963243.
func TestBars(t *testing.T) {
	f, err := bars(open(t, sweepDir(t)).Table, &Options{By: "defaults.scheduler", Metric: "goodput"})
	if err != nil {
		t.Fatal(err)
	}
	p := f.panels[0]
	if len(p.areas) != 6 || len(p.marks) != 6 {
		t.Fatalf("%d bars, %d intervals", len(p.areas), len(p.marks))
	}
	// The first of the second rate is minrtt at 16 Mb/s.
	if m := p.marks[1]; m.y != 18 || math.Abs(m.high-m.y-1.963243) > 1e-5 || math.Abs(m.y-m.low-1.963243) > 1e-5 || p.areas[1].y[2] != 18 || p.areas[1].y[0] != 0 {
		t.Errorf("mean %v from %v to %v", m.y, m.low, m.high)
	}
	if p.marks[0].y != 6 || p.marks[0].x >= p.marks[2].x || p.marks[2].x >= p.marks[4].x || p.marks[4].x >= p.marks[1].x {
		t.Errorf("marks %+v", p.marks)
	}
}

// Names of rows are read downwards; a cell without a value is grey.
func TestHeatMap(t *testing.T) {
	rows := [][]string{{"a", "1", "5"}, {"a", "2", "7"}, {"b", "1", "9"}, {"a", "1", "6"}}
	f, err := heatMap(newTable([]string{"name", "size", "v"}, rows), &Options{Metric: "v", X: "size", Y: "name"})
	if err != nil {
		t.Fatal(err)
	}
	p := f.panels[0]
	if len(p.areas) != 4 || len(p.texts) != 3 || p.yTicks[1].label != "a" || p.areas[1].fill != color.Color(gridGrey) {
		t.Fatalf("%d cells, %d texts, row %q", len(p.areas), len(p.texts), p.yTicks[1].label)
	}
	if p.texts[0].text != "9.00" || p.texts[1].text != "5.50" || p.areas[0].fill != color.Color(viridis(1)) || p.areas[2].fill != color.Color(viridis(0)) {
		t.Errorf("%+v", p.texts)
	}
}

// Rows of several designs are no replications: they have neither interval nor band.
func TestPooledDesigns(t *testing.T) {
	table := open(t, sweepDir(t)).Table
	b, err := bars(table, &Options{X: "defaults.scheduler", Metric: "goodput"})
	if err != nil {
		t.Fatal(err)
	}
	if m := b.panels[0].marks[0]; m.y != 12 || m.low < m.high || b.panels[0].note != "mean over several designs: no interval; 1 without value" {
		t.Errorf("%+v, %q", m, b.panels[0].note)
	}
	d, err := distribution(table, &Options{Metric: "goodput"})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.panels[0]; len(p.areas) != 0 || len(p.lines) != 1 || !strings.HasPrefix(p.note, "rows of several designs: no band, n = 30") {
		t.Errorf("%d bands, %q", len(p.areas), p.note)
	}
	one, err := table.where([]string{"defaults.scheduler=blest", "link.wifi.rate=16000000"})
	if err != nil || one.rows != 5 || one.columns[0].text[0] != "1-0" {
		t.Errorf("%+v, %v", one, err)
	}
}

// The colours that matplotlib 3.6.3 gives: to_hex(colormaps["viridis"](part)).
func TestViridis(t *testing.T) {
	for part, want := range map[float64]color.RGBA{
		-1:    {0x44, 0x01, 0x54, 0xff},
		0:     {0x44, 0x01, 0x54, 0xff},
		0.1:   {0x48, 0x24, 0x75, 0xff},
		0.25:  {0x3b, 0x52, 0x8b, 0xff},
		0.333: {0x31, 0x68, 0x8e, 0xff},
		0.5:   {0x21, 0x91, 0x8c, 0xff},
		0.625: {0x28, 0xae, 0x80, 0xff},
		0.75:  {0x5e, 0xc9, 0x62, 0xff},
		0.9:   {0xbd, 0xdf, 0x26, 0xff},
		0.999: {0xfd, 0xe7, 0x25, 0xff},
		1:     {0xfd, 0xe7, 0x25, 0xff},
		2:     {0xfd, 0xe7, 0x25, 0xff},
	} {
		if got := viridis(part); got != want {
			t.Errorf("viridis(%v) = %v", part, got)
		}
	}
}

// Run directories are a table with a row a flow.
func TestTableOfRuns(t *testing.T) {
	s := open(t, story(t))
	f, err := figureOf("bars", s, &Options{X: "flow"})
	if err != nil {
		t.Fatal(err)
	}
	p := f.panels[0]
	if len(p.areas) != 3 || p.marks[0].y != 21.3 || f.xTicks[1].label != "tcp-wifi" || p.note != "one value each" {
		t.Errorf("%+v, %+v", p.marks, f.xTicks)
	}
	if _, err := figureOf("scatter", s, &Options{X: "seed", By: "cc"}); err != nil {
		t.Error(err)
	}
}

// A figure of full width is 516 points wide, 7.16 inches, and has room for labels that a
// column has not.
func TestFullWidth(t *testing.T) {
	s := open(t, sweepDir(t))
	for _, kind := range []string{"heatmap", "bars", "cdf"} {
		b, err := Draw(kind, s, &Options{Full: true, Metric: "goodput"}, "png")
		if err != nil {
			t.Fatal(err)
		}
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != 2150 {
			t.Errorf("%s is %d pixels wide, %v", kind, c.Width, err)
		}
	}
	var rows [][]string
	for i := range 8 {
		rows = append(rows, []string{fmt.Sprintf("category %d", i), "1"})
	}
	f, err := bars(newTable([]string{"name", "v"}, rows), &Options{Metric: "v", X: "name"})
	if err != nil {
		t.Fatal(err)
	}
	if f.full = true; f.layout().slanted {
		t.Error("labels of a full width are slanted")
	}
	if f.full = false; !f.layout().slanted {
		t.Error("labels of a column are level")
	}
}

// Labels that have no room beside each other stand slanted, and are not cut below.
func TestSlantedLabels(t *testing.T) {
	var rows [][]string
	for i := range 12 {
		rows = append(rows, []string{fmt.Sprintf("a long category %d", i), fmt.Sprint(i)})
	}
	f, err := bars(newTable([]string{"name", "v"}, rows), &Options{Metric: "v", X: "name"})
	if err != nil {
		t.Fatal(err)
	}
	if l := f.layout(); !l.slanted || l.below < marginBottom+25 {
		t.Errorf("slanted %v, %v below", l.slanted, l.below)
	}
	picture(t, "slanted", func(format string) ([]byte, error) { return f.layout().render(format) })
}

func TestErrorsOfTables(t *testing.T) {
	dir := sweepDir(t)
	s := open(t, dir)
	for _, c := range []struct {
		kind string
		o    Options
		want string
	}{
		{"cdf", Options{Metric: "done_"}, "--metric: no column \"done_\"; have run, point"},
		{"bars", Options{Metric: "defaults.scheduler"}, "does not hold numbers"},
		{"cdf", Options{By: "run"}, "a figure tells 6 apart"},
		{"cdf", Options{X: "done"}, "figure cdf has no parameter x"},
		{"cdf", Options{Where: []string{"seed"}}, "want COLUMN=VALUE"},
		{"cdf", Options{Where: []string{"defaults.scheduler=ecf"}}, "has minrtt, blest, roundrobin"},
		{"goodput", Options{}, "drawn from run directories"},
		{"scatter", Options{}, "--x COLUMN --y COLUMN"},
	} {
		if _, err := Draw(c.kind, s, &c.o, "svg"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v", c.kind, c.o, err)
		}
	}
	if _, err := Open([]string{dir, dir}); err == nil {
		t.Error("two tables make one figure")
	}
	empty := newTable([]string{"goodput_bps", "x"}, [][]string{{"", "1"}})
	for _, build := range []func(*Table, *Options) (*figure, error){distribution, bars, boxes} {
		if _, err := build(empty, &Options{Metric: "x", By: "goodput_bps"}); err != nil {
			t.Error(err)
		}
	}
	if _, err := bars(newTable([]string{"v"}, [][]string{{"inf"}}), &Options{Metric: "v"}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("a,b\n1\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open([]string{bad}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a ragged table: %v", err)
	}
}
