//go:build long

package report

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// pageFile writes the report of a source.
func pageFile(t *testing.T, src *Source) string {
	t.Helper()
	file := filepath.Join(t.ArtifactDir(), "page.html")
	if err := Write(src, file); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// colorsOf counts the pixels of each colour.
func colorsOf(img image.Image) map[color.RGBA]int {
	out := map[color.RGBA]int{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			out[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(bl >> 8), 255}]++
		}
	}
	return out
}

// holds reports whether a picture has at least n pixels of a colour, "#rrggbb".
func holds(t *testing.T, what string, colors map[color.RGBA]int, n int, names ...string) {
	t.Helper()
	for _, name := range names {
		v, err := strconv.ParseUint(name[1:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := colors[color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}]; got < n {
			t.Errorf("%s: %d pixels of %s, want %d", what, got, name, n)
		}
	}
	if len(colors) < 30 {
		t.Errorf("%s: %d colours", what, len(colors))
	}
}

// seen scrolls through the page, so that everything is drawn.
func (b *browser) seen() {
	b.value(`(async () => { for (const e of document.querySelectorAll("section, .panel")) { e.scrollIntoView(); await new Promise((r) => setTimeout(r, 60)); } scrollTo(0, 0); })()`)
	b.until(`!document.getElementById("packet-figure") || document.querySelectorAll("#packet-figure .packet").length > 0`)
}

func (b *browser) number(expression string) float64 {
	b.t.Helper()
	f, ok := b.value(expression).(float64)
	if !ok {
		b.t.Fatalf("%s is no number", expression)
	}
	return f
}

// over moves the mouse to a place in an element and returns the horizontal position.
func (b *browser) over(selector string, across, down float64) (x, y float64) {
	x, y = b.point(selector, across, down)
	b.mouse("mouseMoved", x, y, 0)
	return x, y
}

// drag presses at one place of an element and releases at another one.
func (b *browser) drag(selector string, from, to float64) {
	x0, y := b.point(selector, from, 0.5)
	x1, _ := b.point(selector, to, 0.5)
	b.mouse("mouseMoved", x0, y, 0)
	b.mouse("mousePressed", x0, y, 1)
	for i := 1; i <= 5; i++ {
		b.mouse("mouseMoved", x0+(x1-x0)*float64(i)/5, y, 1)
	}
	b.mouse("mouseReleased", x1, y, 0)
}

const cwndPanel = `#panels [data-panel="cwnd_bytes mptcp"]`

// In Chromium a page of a run loads without a word on the console; pointing at a figure shows
// the values of series.csv at that time in all figures; dragging zooms all of them, and
// packets and events follow; a phone, a dark screen and paper are served.
func TestBrowserRun(t *testing.T) {
	b := startBrowser(t)
	dir, s := runOf(t, "handover/wifi-lte.toml", execute.Job{Events: trace.AllKinds, Capture: true})
	file := pageFile(t, &Source{Dir: dir})
	b.open(file, 1200, 900, "light")
	b.until(`document.querySelectorAll("#panels .uplot").length > 0`)
	b.seen()
	end := float64(s.SimTime)

	// Hover.
	b.over(cwndPanel+" .u-over", 0.5, 0.5)
	b.until(`document.querySelector('` + cwndPanel + ` .u-legend .u-value').textContent !== "–"`)
	label := func(panel string, i int) string {
		return b.value(fmt.Sprintf(`[...document.querySelectorAll('%s .u-legend .u-value')][%d].textContent`, panel, i)).(string)
	}
	at, err := strconv.ParseFloat(strings.TrimSuffix(label(cwndPanel, 0), " s"), 64)
	if err != nil || math.Abs(at-end/2) > 0.1 {
		t.Errorf("half way is %g s; %v", at, err)
	}
	want := valueAt(t, dir, "mptcp/0", "cwnd_bytes", at)
	if got := label(cwndPanel, 1); !strings.HasSuffix(got, " kB") || relative(got, " kB", want/1e3) > 1e-3 {
		t.Errorf("the window of wifi at %g s is %s, want %g bytes", at, got, want)
	}
	if other := label(`#panels [data-panel="srtt_s mptcp"]`, 0); math.Abs(relative(other, " s", at)) > 1e-6 {
		t.Errorf("the cursor of the other figure is at %s, want %g s", other, at)
	}

	// Zoom.
	b.drag(cwndPanel+" .u-over", 0.25, 0.5)
	b.until(`win.from > 0`)
	from, to := b.number(`win.from`), b.number(`win.to`)
	if math.Abs(from-end/4) > 0.1 || math.Abs(to-end/2) > 0.1 {
		t.Errorf("dragged from a quarter to a half: %g to %g s", from, to)
	}
	for i := range int(b.number(`plots.length`)) {
		if a, z := b.number(fmt.Sprintf(`plots[%d].u.scales.x.min`, i)), b.number(fmt.Sprintf(`plots[%d].u.scales.x.max`, i)); a != from || z != to {
			t.Errorf("figure %d shows %g to %g s", i, a, z)
		}
	}
	first := b.number(`Number(document.querySelector("#packet-figure .packet").dataset.hop)`)
	if begin := b.number(fmt.Sprintf(`packetView.begin[%g]`, first)) / 1e9; begin < from || begin > from+0.5 {
		t.Errorf("the first packet in view leaves at %g s", begin)
	}
	b.screenshot("zoomed", false)
	x, y := b.point(cwndPanel+" .u-over", 0.5, 0.5)
	for range 2 {
		b.mouse("mousePressed", x, y, 1)
		b.mouse("mouseReleased", x, y, 0)
	}
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mousePressed", "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 2})
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseReleased", "x": x, "y": y, "button": "left", "clickCount": 2})
	b.until(`win.from === 0 && win.to === D.end`)
	b.packetsAndEvents(dir)

	// Subflows.
	b.over("#lanes canvas:last-of-type", 0.5, 0.05)
	b.until(`document.getElementById("tip").textContent.includes("mptcp wifi: established")`)
	b.over("h1", 0.5, 0.5)
	b.looks(file)
	b.quiet()

	// What this test would not see it could not fail for: errors and forbidden scripts.
	b.value(`(() => { console.error("a mistake"); const s = document.createElement("script"); s.textContent = "window.forbidden = 1"; document.body.append(s); })()`)
	b.until(`true`)
	time.Sleep(300 * time.Millisecond)
	if b.value(`window.forbidden`) != nil {
		t.Error("the page runs scripts that are not its own")
	}
	b.mu.Lock()
	if text := strings.Join(b.wrong, "\n"); !strings.Contains(text, "a mistake") || !strings.Contains(text, "Content Security Policy") {
		t.Errorf("the console was not heard: %s", text)
	}
	b.mu.Unlock()
}

// packetsAndEvents compares filtered views with the log.
func (b *browser) packetsAndEvents(dir string) {
	t := b.t
	t.Helper()
	lost, timeouts := 0.0, 0
	f, err := os.Open(filepath.Join(dir, results.EventsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for in.Scan() {
		line := in.Text()
		if strings.Contains(line, `"kind":"rto"`) {
			timeouts++
		}
		if strings.Contains(line, `"kind":"packet_dropped"`) && lost == 0 {
			_, text, _ := strings.Cut(line, `"time_ns":`)
			text, _, _ = strings.Cut(text, ",")
			lost, _ = strconv.ParseFloat(text, 64)
		}
	}
	choose := func(id, value string) {
		b.value(fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %s; e.dispatchEvent(new Event("change")); })()`, id, value))
	}
	choose("packet-stream", `"all"`)
	choose("packet-only", `"dropped"`)
	hop := b.number(`Number(document.querySelector("#packet-figure .packet").dataset.hop)`)
	if at := b.number(fmt.Sprintf(`packetView.begin[%g] + packetView.duration[%g]`, hop, hop)); at != lost {
		t.Errorf("the first lost packet is lost at %g ns, want %g", at, lost)
	}
	b.over("#packet-figure .packet", 0.5, 0.5)
	b.until(`document.getElementById("tip").textContent.includes("lost: queue full")`)
	b.screenshot("lost", false)
	choose("packet-only", `"signals"`)
	text := b.value(`document.getElementById("packet-figure").textContent`).(string)
	for _, want := range []string{"SYN seq 0, MP_CAPABLE", "SYN,ACK seq 0 ack 1, MP_CAPABLE", "SYN seq 0, MP_JOIN", "SYN,ACK seq 0 ack 1, MP_JOIN", "ACK ack 1, MP_JOIN", "phone-mptcp", "internet", "server"} {
		if !strings.Contains(text, want) {
			t.Errorf("the packets with signals do not show %q", want)
		}
	}
	b.screenshot("signals", false)
	choose("event-kind", `[...document.getElementById("event-kind").options].find((o) => o.textContent === "rto").value`)
	if n := b.number(`document.querySelectorAll("#event-table tbody tr").length`); n != float64(timeouts) || n == 0 {
		t.Errorf("%g timeouts in the table, the log has %d", n, timeouts)
	}
}

// looks opens the page in its guises.
func (b *browser) looks(file string) {
	t := b.t
	b.open(file, 1200, 900, "light")
	b.seen()
	holds(t, "light", colorsOf(b.screenshot("light", true)), 200, "#ffffff", "#0072b2", "#d55e00", "#009e73", "#16181d")
	b.open(file, 1200, 900, "dark")
	b.seen()
	dark := colorsOf(b.screenshot("dark", true))
	holds(t, "dark", dark, 200, "#14161b", "#4aa8e0", "#f58a3c", "#2ec79c")
	if n := dark[color.RGBA{255, 255, 255, 255}]; n > 20000 {
		t.Errorf("dark: %d white pixels", n)
	}
	b.open(file, 390, 844, "light")
	b.seen()
	holds(t, "phone", colorsOf(b.screenshot("phone", true)), 100, "#ffffff", "#0072b2", "#d55e00")
	if w := b.number(`document.documentElement.scrollWidth`); w > 390 {
		t.Errorf("on a phone the page is %g pixels wide", w)
	}
	b.open(file, 1200, 900, "dark")
	b.seen()
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "light"}}})
	if b.value(`getComputedStyle(document.querySelector("nav")).display`) != "none" {
		t.Error("on paper there are buttons")
	}
	pdf, err := base64.StdEncoding.DecodeString(b.call("Page.printToPDF", map[string]any{"printBackground": false})["data"].(string))
	if err != nil || !strings.HasPrefix(string(pdf), "%PDF") || len(pdf) < 50000 {
		t.Errorf("a printed page of %d bytes; %v", len(pdf), err)
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), "print.pdf"), pdf, 0o644); err != nil {
		t.Fatal(err)
	}
}

// valueAt returns a value of series.csv at the time nearest to one.
func valueAt(t *testing.T, dir, entity, metric string, at float64) float64 {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, results.SeriesName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	best, value := math.Inf(1), math.NaN()
	_ = results.ReadSeries(f, func(p results.Point) error {
		if d := math.Abs(p.At.Seconds() - at); p.Entity == entity && p.Metric == metric && d < best {
			best, value = d, p.Value
		}
		return nil
	})
	return value
}

// relative returns how far a text with a unit is from a number, as a part of it.
func relative(text, unit string, want float64) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64)
	if err != nil {
		return math.Inf(1)
	}
	if want == 0 {
		return math.Abs(v)
	}
	return math.Abs(v/want - 1)
}

// In Chromium a page of a sweep shows means that answer to the mouse and zoom, and a table
// that is sorted and filtered.
func TestBrowserSweep(t *testing.T) {
	b := startBrowser(t)
	file := pageFile(t, &Source{Dir: sweepOf(t, smallTable)})
	b.open(file, 1200, 900, "light")
	b.until(`document.querySelectorAll("#effect-figures svg").length === 2`)
	x, y := b.over(`[data-effect="goodput rate"] .mean:nth-of-type(2) circle`, 0.5, 0.5)
	b.until(`document.getElementById("tip").textContent.includes("rate = 10 Mb/s")`)
	tip := b.value(`document.getElementById("tip").textContent`).(string)
	for _, want := range []string{"goodput: 3 b/s", "95 % interval 0.5159 b/s to 5.484 b/s", "3 replications of 2 points"} {
		if !strings.Contains(tip, want) {
			t.Errorf("the tooltip at %g, %g says %q, want %q", x, y, tip, want)
		}
	}
	b.value(`document.querySelectorAll("#sweep-table th button")[4].click()`)
	column := func() string {
		return b.value(`[...document.querySelectorAll("#sweep-table tbody tr")].map((r) => r.cells[4].textContent).join(" ")`).(string)
	}
	if got, want := column(), "1 b/s 2 b/s 3 b/s 3 b/s 4 b/s 5 b/s 7 b/s 7 b/s 7 b/s 7 b/s 10 b/s "; got != want {
		t.Errorf("sorted: %q, want %q", got, want)
	}
	b.value(`document.querySelectorAll("#sweep-table th button")[4].click()`)
	if got := column(); !strings.HasPrefix(got, "10 b/s 7 b/s") || !strings.HasSuffix(got, " 1 b/s ") {
		t.Errorf("sorted downwards: %q", got)
	}
	for filter, want := range map[string]int{"minrtt": 6, "minrtt goodput>2": 4, "10Mb/s": 6, "rate=10000000": 6, "nothing": 0} {
		b.value(fmt.Sprintf(`(() => { const e = document.querySelector("#table-tools input"); e.value = %q; e.dispatchEvent(new Event("input")); })()`, filter))
		if n := b.number(`Number(document.getElementById("table-place").dataset.rows)`); n != float64(want) {
			t.Errorf("%g rows with %q, want %d", n, filter, want)
		}
	}
	before := b.value(`document.querySelector('[data-effect="goodput scheduler"] circle').getAttribute("cx")`)
	b.drag(`[data-effect="goodput scheduler"] svg`, 0.2, 0.5)
	b.until(fmt.Sprintf(`document.querySelector('[data-effect="goodput scheduler"] circle').getAttribute("cx") !== %q`, before))
	holds(t, "sweep", colorsOf(b.screenshot("sweep", true)), 50, "#ffffff", "#0072b2")
	b.open(file, 390, 844, "dark")
	b.until(`document.querySelectorAll("#effect-figures svg").length === 2`)
	holds(t, "phone", colorsOf(b.screenshot("sweep-phone", true)), 50, "#14161b", "#4aa8e0")
	if w := b.number(`document.documentElement.scrollWidth`); w > 390 {
		t.Errorf("on a phone the page is %g pixels wide", w)
	}
	b.quiet()
}

// A run of 60 s with more than a million records, sampled each millisecond, opens without
// stalling: no task keeps the page from answering for long, and a zoom is drawn at once.
func TestBrowserMillion(t *testing.T) {
	b := startBrowser(t)
	sc, err := scenarios.LoadLibrary("basic/two-paths.toml", scenarios.Options{Set: []string{"duration=60s", "link.one.rate=20Mbps", "link.two.rate=20Mbps", "defaults.sample=1ms"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := execute.Run(t.Context(), execute.Job{Scenario: sc, Seed: sc.Seed, Out: dir, Events: trace.AllKinds}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	file := pageFile(t, &Source{Dir: dir})
	built := time.Since(begin)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `window.long = []; new PerformanceObserver((l) => l.getEntries().forEach((e) => long.push(e.duration))).observe({type: "longtask", buffered: true});`})
	begin = time.Now()
	b.open(file, 1200, 900, "light")
	b.until(`document.querySelectorAll("#panels .uplot").length > 1`)
	opened := time.Since(begin)
	b.seen()
	b.until(`document.getElementById("grants").dataset.drawn > 0 && document.getElementById("event-table").dataset.rows > 0`)
	records := b.number(`D.events.n + D.packets.n + D.packets.packets * 2`)
	points := b.number(`D.figures.panels.reduce((n, p) => n + p.n * p.series.length, 0)`)
	zoom := b.number(`(async () => { let worst = 0; for (const [a, z] of [[10, 50], [20, 40], [29, 31], [29.9, 30.1], [0, 60], [0, 30]]) { const t = performance.now(); setWindow(a, z); await new Promise((r) => requestAnimationFrame(() => setTimeout(r))); worst = Math.max(worst, performance.now() - t); await new Promise((r) => setTimeout(r, 500)); } return worst; })()`)
	longest := b.number(`Math.max(0, ...long)`)
	// Means over longer intervals keep the bytes: those of the first half of the run.
	half := b.number(`(() => { const d = plots.find((p) => p.metric.id === "goodput_bps"); const y = d.u.data[1].filter((v, i) => v != null && d.u.data[0][i] < 30); return y.reduce((s, v) => s + v, 0) / y.length * d.unit[0]; })()`)
	if want := valueAt(t, dir, "mptcp", "bytes", 30) * 8 / 30; math.Abs(half/want-1) > 0.005 {
		t.Errorf("the figure has %g b/s on average, the series %g", half, want)
	}
	if n := b.number(`plots.find((p) => p.metric.id === "goodput_bps").u.data[0].length`); n > 302 {
		t.Errorf("%g points of a rate", n)
	}
	t.Logf("%.0f records, %.0f points: page of %.1f MB made in %v, opened in %v, longest task %.0f ms, slowest zoom %.0f ms", records, points, float64(info.Size())/1e6, built.Round(time.Millisecond), opened.Round(time.Millisecond), longest, zoom)
	if records < 1e6 || points < 1e6 {
		t.Errorf("%.0f records and %.0f points are no million", records, points)
	}
	// A busy machine is slower; what stalls takes many seconds.
	if longest > 3000 || zoom > 3000 || opened > 30*time.Second || info.Size() > 100e6 {
		t.Error("the page stalls")
	}
	holds(t, "million", colorsOf(b.screenshot("million", true)), 200, "#ffffff", "#0072b2", "#d55e00")
	b.quiet()
}

// Pages of runs of every kind and with every choice of records load without a word on the
// console and show what they have.
func TestBrowserKinds(t *testing.T) {
	b := startBrowser(t)
	for _, c := range []struct {
		scenario string
		job      execute.Job
		shows    map[string]float64 // elements by selector, at least
	}{
		{"basic/datagrams.toml", execute.Job{Events: trace.AllKinds, Capture: true}, map[string]float64{"#panels .uplot": 1, "#packet-figure .packet": 40}},
		{"basic/two-paths.toml", execute.Job{}, map[string]float64{"#panels .uplot": 4, "#lanes canvas": 2, "#packets .note": 1, "#events .note": 1, "#decisions .note": 1}},
		{"basic/two-paths.toml", execute.Job{Events: results.Decisions}, map[string]float64{"#grants canvas": 2, "#packets .note": 1, "#event-table tbody tr": 20}},
		{"basic/two-paths.toml", execute.Job{Capture: true}, map[string]float64{"#packet-figure .packet": 40, "#events .note": 1}},
		{"mbox/c3-join-stripped.toml", execute.Job{Events: trace.AllKinds, Capture: true}, map[string]float64{"#packet-figure .packet": 40}},
		{"nat/join.toml", execute.Job{Events: trace.AllKinds}, map[string]float64{"#packet-figure .packet": 20}},
		{"nat/join.toml", execute.Job{Packets: true}, map[string]float64{"#packet-figure .packet": 20}},
		{"mbox/c3-join-stripped.toml", execute.Job{Packets: true}, map[string]float64{"#packet-figure .packet": 20}},
		{"datacenter/fattree-permutation.toml", execute.Job{Events: results.Decisions, Limits: execute.Limits{Events: 800_000}}, map[string]float64{"#panels .uplot": 3, "#grants canvas": 2}},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			b.t = t
			if c.job.Limits.Events == 0 {
				c.job.Until = 2 * sim.Second
			}
			dir, _ := runOf(t, c.scenario, c.job)
			b.open(pageFile(t, &Source{Dir: dir}), 1000, 800, "dark")
			b.seen()
			for selector, n := range c.shows {
				b.until(fmt.Sprintf(`document.querySelectorAll(%q).length >= %g`, selector, n))
			}
			b.screenshot("kind", true)
			if c.scenario == "mbox/c3-join-stripped.toml" {
				b.value(`(() => { const e = document.getElementById("packet-only"); e.value = "boxes"; e.dispatchEvent(new Event("change")); })()`)
				want := "strip: options stripped"
				if c.job.Packets {
					want = "changes options"
				}
				if text := b.value(`document.getElementById("packet-figure").textContent`).(string); !strings.Contains(text, want) {
					t.Errorf("the box is not shown: %.300s", text)
				}
				b.screenshot("boxes", true)
			}
			b.quiet()
		})
	}
}
