package plot

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"mpsim/results"
)

// Values of --bound are dashed lines along the axis whose unit the column has, in the units of
// the axes; a logarithmic axis puts equal ratios at equal distances.
func TestScatterBounds(t *testing.T) {
	rows := [][]string{{"1", "30000", "3e6", "125000", "9e6"}, {"2", "125000", "8e6", "125000", "9e6"}, {"3", "250000", "9e6", "125000", "9.5e6"}}
	table := newTable([]string{"point", "buffer_bytes", "goodput_bps", "bdp_bytes", "path_bps"}, rows)
	o := &Options{X: "buffer_bytes", Y: "goodput_bps", Bounds: []string{"bdp_bytes", "path_bps"}, Log: true}
	f, err := scatter(table, o)
	if err != nil {
		t.Fatal(err)
	}
	var got [][4]float64
	for _, ln := range f.panels[0].lines {
		got = append(got, [4]float64{ln.x[0], ln.y[0], ln.x[1], ln.y[1]})
		if ln.dash == nil {
			t.Error("a bound is solid")
		}
	}
	p := &f.panels[0]
	want := [][4]float64{{125, p.yMin, 125, p.yMax}, {f.xMin, 9, f.tMax, 9}, {f.xMin, 9.5, f.tMax, 9.5}} // kB and Mb/s
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v, want %v", got, want)
	}
	if len(f.legend) != 2 || f.legend[0].name != "bdp bytes" || f.legend[1].name != "path bps" {
		t.Errorf("legend %+v", f.legend)
	}
	if !strings.Contains(string(f.data()), ",line,bdp bytes,0,125,") || !strings.Contains(string(f.tex()), "xmode=log") {
		t.Error("the bound or the scale is not in the data")
	}
	var labels []string
	for _, k := range logTicks(f.xMin, f.tMax) {
		labels = append(labels, k.label)
	}
	if text := strings.Join(labels, " "); text != "50 100 200" {
		t.Errorf("ticks %s", text)
	}
	m, _ := picture(t, "bounds", func(format string) ([]byte, error) { return f.layout().render(format) })
	marks := spots(m, palette[0])
	if len(marks) != 3 {
		t.Fatalf("%d marks", len(marks))
	}
	first, second := marks[1].x-marks[2].x, marks[0].x-marks[1].x // from the lowest to the highest
	if r := first / second; math.Abs(r-math.Log(125./30)/math.Log(2)) > 0.02 {
		t.Errorf("distances of the ratio %v", r)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{X: "point", Y: "goodput_bps", Bounds: []string{"bdp_bytes"}}, `has the unit "B", the axes have "" and "bps"`},
		{Options{X: "buffer_bytes", Y: "goodput_bps", Bounds: []string{"none"}}, `--bound: no column "none"`},
	} {
		if _, err := scatter(table, &c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := scatter(newTable([]string{"a", "b"}, [][]string{{"0", "1"}, {"2", "3"}}), &Options{X: "a", Y: "b", Log: true}); err == nil {
		t.Error("a logarithmic axis of 0")
	}
}

// The distribution of the samples of a series: of each entity its own, without a band, in the
// window asked for.
func TestSamples(t *testing.T) {
	r := &Run{series: map[seriesKey]*series{}, Summary: results.Summary{Scenario: "s", Title: "made up"}}
	r.series[seriesKey{"a", "srtt_s"}] = &series{x: []float64{1, 2, 3, 4}, y: []float64{0.03, 0.01, 0.02, 0.9}}
	r.series[seriesKey{"b", "srtt_s"}] = &series{x: []float64{1, 2}, y: []float64{0.05, 0.05}}
	s := &Source{Runs: []*Run{r}}
	f, err := figureOf("cdf", s, &Options{Samples: "srtt_s", To: 3})
	if err != nil {
		t.Fatal(err)
	}
	p := f.panels[0]
	if len(p.areas) != 0 || len(p.lines) != 2 || f.yLabel != "Fraction of samples" || f.legend[0].name != "a (3)" || f.legend[1].name != "b (2)" {
		t.Fatalf("%d bands, %d lines, %q, %+v", len(p.areas), len(p.lines), f.yLabel, f.legend)
	}
	if ln := p.lines[0]; ln.x[1] != 10 || ln.y[2] != 1./3 || ln.x[5] != 30 || ln.y[6] != 1 { // ms
		t.Errorf("%v %v", ln.x, ln.y)
	}
	b, err := figureOf("box", s, &Options{Samples: "srtt_s", X: "entity", Where: []string{"entity=a", "entity=b", "time_s=2"}})
	if err != nil || len(b.panels[0].areas) != 2 || b.panels[0].areas[0].y[0] != 10 || b.panels[0].areas[1].y[0] != 50 {
		t.Errorf("%v, %+v", err, b)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Samples: "rtt"}, `no samples of "rtt"; the series have srtt_s`},
		{Options{From: 1}, "--samples METRIC"},
	} {
		if _, err := figureOf("cdf", s, &c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := figureOf("cdf", open(t, sweepDir(t)), &Options{Samples: "goodput"}); err == nil {
		t.Error("a table has samples")
	}
	if svg, err := Draw("cdf", s, &Options{Samples: "srtt_s"}, "svg"); err != nil || !bytes.Contains(svg, []byte("samples of a run depend on each other")) {
		t.Error(err)
	}
}
