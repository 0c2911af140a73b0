package plot

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mpsim/results"
	"mpsim/sim"
)

var keep = flag.String("figures", "", "directory in which the figures of the tests are kept, to be looked at")

// story writes a run directory with made-up numbers: three phones, an outage.
func story(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "story-1")
	d, err := results.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.File(results.SeriesName)
	if err != nil {
		t.Fatal(err)
	}
	s := results.NewSeries(w)
	seq := [3]float64{}
	for i := 1; i <= 300; i++ {
		at := sim.Time(i) * 1e8
		x := at.Seconds()
		wifi, lte := 18e6+6e6*math.Sin(x*2)+2e6*math.Sin(x*31), 9e6+3e6*math.Cos(x/2)+1e6*math.Sin(x*17)
		if x > 8 && x <= 18.4 {
			wifi = 0
		}
		for f, rates := range [][]float64{{wifi, lte}, {wifi}, {lte}} {
			name := []string{"mptcp", "tcp-wifi", "tcp-lte"}[f]
			total := 0.0
			for i, r := range rates {
				e := name + "/" + strconv.Itoa(i)
				s.Point(at, e, "goodput_bps", r)
				s.Point(at, e, "cwnd_bytes", 30e3+r/400)
				s.Point(at, e, "srtt_s", 0.02+1e-9*r)
				total += r
			}
			seq[f] += total / 80
			s.Point(at, name, "goodput_bps", total)
			s.Point(at, name, "data_seq_bytes", seq[f])
		}
		for _, l := range []string{"wifi-mptcp", "lte-mptcp", "wifi-tcp", "lte-tcp"} {
			s.Point(at, l+".down", "queue_bytes", 75e3*math.Abs(math.Sin(x*3+float64(len(l)))))
			s.Point(at, l+".down", "rate_bps", wifi+lte)
			s.Point(at, l+".up", "queue_bytes", 100*math.Abs(math.Sin(x)))
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	sub := func(id int, ifc string) results.Subflow { return results.Subflow{ID: id, Interface: "phone." + ifc} }
	sum := results.Summary{
		Scenario: "story", Seed: 1, SimTime: 30, Complete: true,
		Title: "Three phones download for 30 s while WiFi is a black hole from 8 s to 18 s",
		Flows: []results.Flow{
			{Name: "mptcp", Protocol: "mptcp", Controller: "lia", Scheduler: "minrtt", Goodput: 21.3e6,
				Subflows: []results.Subflow{sub(0, "wifi"), sub(1, "lte")}},
			{Name: "tcp-wifi", Protocol: "tcp", Controller: "cubic", Goodput: 12.1e6, Subflows: []results.Subflow{sub(0, "wifi")}},
			{Name: "tcp-lte", Protocol: "tcp", Controller: "cubic", Goodput: 9.1e6, Subflows: []results.Subflow{sub(0, "lte")}},
		},
		Links: []results.Link{
			{Name: "wifi-mptcp", Direction: "up"}, {Name: "wifi-mptcp", Direction: "down", MeanQueueBytes: 3, Bytes: 100e6, Utilisation: 0.8},
			{Name: "lte-mptcp", Direction: "down", MeanQueueBytes: 4}, {Name: "lte-mptcp", Direction: "up"},
			{Name: "wifi-tcp", Direction: "down", MeanQueueBytes: 2}, {Name: "lte-tcp", Direction: "down", MeanQueueBytes: 1},
		},
		Outages: []results.Outage{{Link: "wifi-mptcp", Start: 8, End: 18}, {Link: "wifi-tcp", Start: 8, End: 18}},
	}
	b, err := sum.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(results.SummaryName, b); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(&results.Manifest{Scenario: "story", Status: results.Complete}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, dir string) *Run {
	t.Helper()
	r, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each figure in each format is made twice, with the same bytes.
func TestFiguresAreReproducible(t *testing.T) {
	dir := story(t)
	magic := map[string]string{"png": "\x89PNG", "svg": "<?xml", "pdf": "%PDF"}
	for _, k := range Kinds {
		if k.Params != nil {
			continue // of tables and event logs
		}
		for _, format := range Formats {
			var got [2][]byte
			for i := range got {
				b, err := Render(k.Name, []*Run{load(t, dir)}, format)
				if err != nil {
					t.Fatalf("%s.%s: %v", k.Name, format, err)
				}
				got[i] = b
			}
			if !bytes.Equal(got[0], got[1]) {
				t.Errorf("%s.%s: two drawings differ", k.Name, format)
			}
			if !bytes.HasPrefix(got[0], []byte(magic[format])) {
				t.Errorf("%s.%s begins with %q", k.Name, format, got[0][:8])
			}
			if *keep != "" {
				if err := os.WriteFile(filepath.Join(*keep, k.Name+"."+format), got[0], 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A PDF that is made at another time must not tell it.
func TestPDFHasNoDateOfItsOwn(t *testing.T) {
	b, err := Render("goodput", []*Run{load(t, story(t))}, "pdf")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"/CreationDate", "/ModDate"} {
		if want := []byte(key + " (D:20000101000000)"); !bytes.Contains(b, want) {
			t.Errorf("the PDF lacks %s", want)
		}
	}
}

func TestPNGHasPaperWidth(t *testing.T) {
	b, err := Render("goodput", []*Run{load(t, story(t))}, "png")
	if err != nil {
		t.Fatal(err)
	}
	c, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if c.Width != 1050 { // 3.5 inches at 300 dpi
		t.Errorf("width %d", c.Width)
	}
}

// An SVG keeps its texts, so it can be asked what a reader sees.
func TestFigureSaysWhatItShows(t *testing.T) {
	b, err := Render("goodput", []*Run{load(t, story(t))}, "svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Goodput (Mb/s)", "Time (s), mean of 500 ms", "wifi outage", ">wifi<", ">lte<", ">total<",
		">mptcp<", "MPTCP, lia, minrtt: 21.3 Mb/s", ">tcp-lte<", ">30<"} {
		if !bytes.Contains(b, []byte(text)) {
			t.Errorf("the figure lacks %q", text)
		}
	}
}

// A figure has the title that is asked for, or none.
func TestTitle(t *testing.T) {
	s := open(t, story(t))
	for title, want := range map[string]string{"": "Three phones download for 30 s while WiFi is a black hole from 8 s to 18 s", "Goodput of mine": "Goodput of mine", "-": ""} {
		f, err := figureOf("goodput", s, &Options{Title: title})
		if err != nil || f.title != want || (len(f.layout().titleLines) == 0) != (want == "") {
			t.Errorf("%q: %q, %v", title, f.title, err)
		}
	}
}

// Where Liberation is not installed, a family of the same widths stands in.
func TestSVGNamesFamiliesOfEqualWidths(t *testing.T) {
	b, err := Render("goodput", []*Run{load(t, story(t))}, "svg")
	if err != nil {
		t.Fatal(err)
	}
	if n, m := bytes.Count(b, []byte("font-family:")), bytes.Count(b, []byte("'Liberation Sans',Arimo,Arial,Helvetica")); n == 0 || n != m {
		t.Errorf("%d of %d texts name a stand-in", m, n)
	}
}

func TestCP1252(t *testing.T) {
	if got := cp1252("5 µs – é…→"); got != "5 \xb5s \x96 \xe9\x85?" {
		t.Errorf("%q", got)
	}
}

func TestErrors(t *testing.T) {
	dir := story(t)
	run := []*Run{load(t, dir)}
	if _, err := Render("goodputt", run, "png"); err == nil || !strings.Contains(err.Error(), "have goodput, cwnd") {
		t.Errorf("unknown kind: %v", err)
	}
	if err := Save("goodput", run, filepath.Join(dir, "x.jpeg")); err == nil || !strings.Contains(err.Error(), ".png") {
		t.Errorf("unknown format: %v", err)
	}
	if _, err := Render("cwnd", []*Run{{}}, "png"); err == nil {
		t.Error("a run without series makes a figure")
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("an empty directory is a run")
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		n      int
		want   string
	}{
		{0, 30, 7, "0 5 10 15 20 25 30"}, {0, 1, 4, "0.0 0.5 1.0"}, {0, 2.5, 6, "0.0 0.5 1.0 1.5 2.0 2.5"},
		{0, 0.35, 4, "0.0 0.1 0.2 0.3"}, {0, 120, 7, "0 20 40 60 80 100 120"}, {3, 3, 4, ""}, {0, 9.8, 4, "0 5"},
		{0, 600, 7, "0 100 200 300 400 500 600"},
	} {
		var got []string
		for _, k := range ticks(c.lo, c.hi, c.n) {
			got = append(got, k.label)
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("ticks(%v, %v, %d) = %s, want %s", c.lo, c.hi, c.n, g, c.want)
		}
	}
	for top := 1e-3; top < 1e12; top *= 1.37 {
		if c := ceiling(top, 4); c < top || c > 1.7*top {
			t.Errorf("ceiling(%v) = %v", top, c)
		}
		if n := len(ticks(0, ceiling(top, 4), 4)); n < 2 || n > 6 {
			t.Errorf("%d ticks up to %v", n, ceiling(top, 4))
		}
	}
}

// Means over intervals keep the integral of whole intervals.
func TestBinned(t *testing.T) {
	s := new(series)
	for i := 1; i <= 2*maxBins; i++ {
		s.x = append(s.x, float64(i)/10)
		s.y = append(s.y, float64(i%2))
	}
	b, width := s.binned()
	if len(b.x) != maxBins || math.Abs(width-0.2) > 1e-9 {
		t.Fatalf("%d points of %v s", len(b.x), width)
	}
	for i := range b.x {
		if b.y[i] != 0.5 || math.Abs(b.x[i]-(0.1+0.2*float64(i))) > 1e-9 {
			t.Fatalf("point %d is (%v, %v)", i, b.x[i], b.y[i])
		}
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		got  unit
		want string
	}{
		{rateUnit(2e9), "Gb/s"}, {rateUnit(2e7), "Mb/s"}, {rateUnit(3), "kb/s"}, {byteUnit(75e3), "kB"}, {byteUnit(0), "B"},
		{timeUnit(0.02), "ms"}, {timeUnit(1.5), "s"}, {timeUnit(1e-5), "µs"},
	} {
		if c.got.name != c.want {
			t.Errorf("%v, want %s", c.got, c.want)
		}
	}
}

func TestOutageLabels(t *testing.T) {
	o := func(link string) results.Outage { return results.Outage{Link: link, Start: 5, End: 15} }
	for _, c := range []struct {
		sum  results.Summary
		want string
	}{
		{results.Summary{Outages: []results.Outage{o("wifi-a"), o("wifi-b")}}, "wifi outage"},
		{results.Summary{Outages: []results.Outage{o("wifi"), o("lte")}}, "outage"},
		{results.Summary{Outages: []results.Outage{o("wifi")}, Actions: []results.Action{{At: 5, Label: "tunnel"}}}, "tunnel"},
	} {
		if got := outages(&c.sum); len(got) != 1 || got[0].label != c.want {
			t.Errorf("%+v, want %q", got, c.want)
		}
	}
}

// Each run has its own outages; one panel for several shows those that all have.
func TestOutagesOfSeveralRuns(t *testing.T) {
	dir := story(t)
	a, b := load(t, dir), load(t, dir)
	b.Summary.Outages = []results.Outage{{Link: "lte", Start: 1, End: 2}}
	k, err := lookup("goodput")
	if err != nil {
		t.Fatal(err)
	}
	f, err := k.build(&Source{Runs: []*Run{a, b}}, new(Options))
	if err != nil {
		t.Fatal(err)
	}
	if p, q := f.panels[0].shades[0], f.panels[3].shades[0]; p.from != 8 || q.from != 1 {
		t.Errorf("outages from %v and %v, want 8 and 1", p.from, q.from)
	}
	if rows := f.layout().shadeRows; rows[0] == 0 || rows[1] != 0 || rows[3] == 0 {
		t.Errorf("rows for names %v", rows)
	}
	if f, err = dataSequence([]*Run{a, b}); err != nil || len(f.panels[0].shades) != 0 {
		t.Errorf("%v, %+v", err, f.panels[0].shades)
	}
	if f, err = dataSequence([]*Run{a, a}); err != nil || len(f.panels[0].shades) != 1 {
		t.Errorf("%v, %+v", err, f.panels[0].shades)
	}
}

func TestLongTitlesAreBroken(t *testing.T) {
	f := figure{title: strings.Repeat("word ", 40), panels: []panel{{}}, tMax: 1}
	l := f.layout()
	if len(l.titleLines) != 2 || !strings.HasSuffix(l.titleLines[1], "…") {
		t.Errorf("%q", l.titleLines)
	}
	for i := range 20 {
		f.legend = append(f.legend, key{name: fmt.Sprintf("interface %d", i)})
	}
	if l := f.layout(); len(l.legendRows) < 4 {
		t.Errorf("%d rows of legend", len(l.legendRows))
	}
}
