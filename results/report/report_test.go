package report

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// runOf carries out a scenario of the library and returns its directory and summary.
func runOf(t *testing.T, name string, job execute.Job) (string, *results.Summary) {
	t.Helper()
	sc, err := scenarios.LoadLibrary(name, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	job.Scenario, job.Seed, job.Out = sc, sc.Seed, filepath.Join(t.TempDir(), "run")
	o, err := execute.Run(context.Background(), job)
	if err != nil {
		t.Fatal(err)
	}
	return job.Out, &o.Summary
}

// rendered is a page taken apart.
type rendered struct {
	text    string
	data    map[string]any
	columns [][]float64
}

var (
	dataScript  = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)
	blobScript  = regexp.MustCompile(`(?s)<script type="application/json" id="b(\d+)">"([^"]*)"</script>`)
	codeScript  = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	styleText   = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	policy      = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`)
	attribute   = regexp.MustCompile(`<[a-zA-Z][^<>]*\s(?:src|href|style|on[a-z]+)="([^"]*)"`)
	jsonOrCode  = regexp.MustCompile(`(?s)<script.*?</script>|<style.*?</style>|<!--.*?-->`)
	visibleTags = regexp.MustCompile(`<[^>]*>`)
)

// take reads a page as docs/REPORT.md describes it.
func take(t *testing.T, page []byte) *rendered {
	t.Helper()
	r := &rendered{text: string(page)}
	m := dataScript.FindStringSubmatch(r.text)
	if m == nil {
		t.Fatal("the page has no data")
	}
	d := json.NewDecoder(strings.NewReader(m[1]))
	d.UseNumber()
	if err := d.Decode(&r.data); err != nil {
		t.Fatal(err)
	}
	about := r.data["blobs"].([]any)
	found := blobScript.FindAllStringSubmatch(r.text, -1)
	if len(found) != len(about) {
		t.Fatalf("%d blobs, %d are described", len(found), len(about))
	}
	for i, m := range found {
		if m[1] != fmt.Sprint(i) {
			t.Fatalf("blob %d is called %s", i, m[1])
		}
		r.columns = append(r.columns, unpack(t, m[2], about[i].(map[string]any)))
	}
	return r
}

// unpack decodes a column.
func unpack(t *testing.T, text string, about map[string]any) []float64 {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	n := int(integer(about["n"]))
	scale := 1.0
	if s, ok := about["scale"]; ok {
		scale, _ = s.(json.Number).Float64()
	}
	out, last := make([]float64, n), int64(0)
	for i := range n {
		v := int32(binary.LittleEndian.Uint32(raw[4*i:]))
		switch about["form"] {
		case "plain":
			out[i] = float64(v) * scale
			if v == math.MinInt32 {
				out[i] = math.NaN()
			}
		case "delta":
			last += int64(v)
			out[i] = float64(last)
		case "wide":
			out[i] = float64(int64(uint64(uint32(v)) | uint64(binary.LittleEndian.Uint32(raw[4*(n+i):]))<<32))
		}
	}
	return out
}

func integer(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// table returns an object of the data, and a function that gives its columns by name.
func (r *rendered) table(name string) (map[string]any, func(string) []float64) {
	o, _ := r.data[name].(map[string]any)
	return o, func(column string) []float64 { return r.columns[integer(o[column])] }
}

// words returns what a reader without scripts sees.
func (r *rendered) words() string {
	return strings.Join(strings.Fields(visibleTags.ReplaceAllString(jsonOrCode.ReplaceAllString(r.text, ""), " ")), " ")
}

// A page loads nothing: its policy names the hashes of the scripts and styles that stand in
// it, and no attribute leads elsewhere or holds code. The same directory gives the same bytes.
func TestPageIsSelfContained(t *testing.T) {
	dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{Until: 2 * sim.Second, Events: trace.AllKinds, Capture: true})
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	again, err := Render(&Source{Dir: moved})
	if err != nil || !bytes.Equal(page, again) {
		t.Errorf("two reports of one run, which was moved, differ; %v", err)
	}
	text := string(page)
	m := policy.FindStringSubmatch(text)
	if m == nil {
		t.Fatal("no policy")
	}
	rules := map[string][]string{}
	for rule := range strings.SplitSeq(m[1], ";") {
		f := strings.Fields(rule)
		rules[f[0]] = f[1:]
	}
	if fmt.Sprint(rules["default-src"]) != "['none']" || strings.Contains(m[1], "unsafe") {
		t.Errorf("policy %s", m[1])
	}
	for name, parts := range map[string][][]string{"script-src": codeScript.FindAllStringSubmatch(text, -1), "style-src": styleText.FindAllStringSubmatch(text, -1)} {
		if len(parts) == 0 || len(parts) != len(rules[name]) {
			t.Errorf("%d parts, %s has %d sources", len(parts), name, len(rules[name]))
		}
		for i, part := range parts {
			sum := sha256.Sum256([]byte(part[1]))
			if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; i < len(rules[name]) && rules[name][i] != want {
				t.Errorf("%s has %s, its part %d is %s", name, rules[name][i], i, want)
			}
		}
	}
	for _, m := range attribute.FindAllStringSubmatch(jsonOrCode.ReplaceAllString(text, ""), -1) {
		if !strings.HasPrefix(m[1], "#") {
			t.Errorf("an attribute leads out of the page: %s", m[0])
		}
	}
	if !strings.Contains(text, "Copyright (c) 2022 Leon Sorokin") || !strings.Contains(text, "Permission is hereby granted, free of charge") {
		t.Error("the licence of uPlot is missing")
	}
}

// The scripts of others are the files of uPlot 1.6.32 as npm has them.
func TestVendoredFilesAreUPlot(t *testing.T) {
	for name, want := range map[string]string{
		"uplot/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uplot/uPlot.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	} {
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(part(name)))); sum != want {
			t.Errorf("%s is %s", name, sum)
		}
	}
}

// Every point of series.csv that a page draws is in it, to nine digits of the largest of its
// column.
func TestSeriesAreThoseOfTheRun(t *testing.T) {
	dir, s := runOf(t, "basic/two-paths.toml", execute.Job{})
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := take(t, page)
	want := map[string]map[int64]float64{}
	f, err := os.Open(filepath.Join(dir, results.SeriesName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_ = results.ReadSeries(f, func(p results.Point) error {
		key := p.Entity + " " + p.Metric
		if want[key] == nil {
			want[key] = map[int64]float64{}
		}
		want[key][int64(p.At)] = p.Value
		return nil
	})
	names := map[string]string{"wifi": "", "one": "mptcp/0", "two": "mptcp/1", "total": "mptcp", "connection": "mptcp"}
	checked := 0
	for _, p := range r.data["figures"].(map[string]any)["panels"].([]any) {
		p := p.(map[string]any)
		at := r.columns[integer(p["time"])]
		for _, line := range p["series"].([]any) {
			line := line.(map[string]any)
			entity, metric := names[line["name"].(string)], p["metric"].(string)
			if entity == "" {
				entity = p["entity"].(string) + "." + line["name"].(string)
			}
			if metric == "seq" {
				metric = map[bool]string{true: "data_seq_bytes", false: "seq_bytes"}[entity == "mptcp"]
			}
			key := entity + " " + metric
			points, top := 0, 0.0
			for _, v := range want[key] {
				top = math.Max(top, math.Abs(v))
			}
			for i, v := range r.columns[integer(line["value"])] {
				w, ok := want[key][int64(at[i])]
				if ok != !math.IsNaN(v) || ok && math.Abs(v-w) > top*5e-9 {
					t.Fatalf("%s at %g: %g, want %g %v", key, at[i], v, w, ok)
				}
				if ok {
					points++
				}
			}
			if points == 0 || points != len(want[key]) {
				t.Errorf("%s: %d points, want %d", key, points, len(want[key]))
			}
			checked++
		}
	}
	if checked < 16 {
		t.Errorf("%d lines", checked)
	}
	words := r.words()
	for _, want := range []string{s.Hash, "all 5 expectations hold", "The baseline hash of the scenario holds", "All files of the run directory are those that the run wrote", "MPCapableSYNTX", "scenario.resolved.toml"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// What a run did not record is said, with the flag that records it.
func TestPageSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name        string
		job         execute.Job
		says, never []string
	}{
		{"nothing", execute.Job{}, []string{"The run has no event log. mpsim run two-paths --events", "neither records of packets nor a capture", "--pcap"}, []string{"lowest_rtt"}},
		{"decisions", execute.Job{Events: results.Decisions}, []string{"has no packets. mpsim run two-paths --packets", "lowest_rtt"}, []string{"The run has no event log"}},
		{"capture", execute.Job{Capture: true}, []string{"These are the packets of the capture", "The run has no event log"}, []string{"neither records"}},
		{"all", execute.Job{Events: trace.AllKinds}, []string{"MPTCP options are shown where the run was made with --packets, or with --pcap"}, []string{"The run has no event log", "has no packets"}},
		{"places", execute.Job{Packets: true}, []string{"The run has no event log"}, []string{"MPTCP options are shown where", "neither records", "These are the packets of the capture"}},
		{"everything", execute.Job{Events: trace.AllKinds, Capture: true}, nil, []string{"MPTCP options are shown where", "has no packets", "The run has no"}},
	} {
		c.job.Until = sim.Second
		dir, _ := runOf(t, "basic/two-paths.toml", c.job)
		page, err := Render(&Source{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		words := take(t, page).words()
		for _, want := range c.says {
			if !strings.Contains(words, want) {
				t.Errorf("%s: the page does not say %q", c.name, want)
			}
		}
		for _, bad := range c.never {
			if strings.Contains(words, bad) {
				t.Errorf("%s: the page says %q", c.name, bad)
			}
		}
		if !strings.Contains(words, "no expectations") {
			t.Errorf("%s: a shortened run has a verdict", c.name)
		}
	}
}

// A failed expectation, a changed file and text that looks like markup are shown as they are.
func TestPageOfAFailedRun(t *testing.T) {
	dir, _ := runOf(t, "basic/two-paths.toml", execute.Job{})
	file := filepath.Join(dir, results.SummaryName)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	evil := `</script><img src=x onerror=alert(1)>`
	s["title"] = evil
	s["flows"].([]any)[0].(map[string]any)["name"] = evil
	s["expect"].([]any)[0].(map[string]any)["pass"] = false
	b, _ = json.Marshal(s)
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
	page, err := Render(&Source{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "<img") {
		t.Error("a title becomes markup")
	}
	words := take(t, page).words()
	for _, want := range []string{"1 of 5 expectations failed, but the files are not those of the run", "summary.json is not the file that the run wrote", "✗ fails", "&lt;img"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
