package report

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/sim"
)

// sweepOf writes a sweep directory with the given table.
func sweepOf(t *testing.T, table string) string {
	t.Helper()
	dir := t.TempDir()
	manifest := `{"schema":1,"kind":"sweep","name":"small","title":"a small sweep","version":"0.1.0","seed":1,"common_random_numbers":true,"points":4,"runs":8,
"design":"abc","replications":{"min":2,"max":2},"metrics":{"goodput":"goodput(a)","gap":"max_gap(a)"},"columns":[{"name":"run","role":"id","type":"text"},
{"name":"point","role":"id","type":"integer"},{"name":"replication","role":"id","type":"integer"},{"name":"seed","role":"id","type":"integer"},
{"name":"rate","role":"factor","type":"number","unit":"bps"},{"name":"scheduler","role":"factor","type":"text"},
{"name":"goodput","role":"metric","type":"number","unit":"bps"},{"name":"gap","role":"metric","type":"number","unit":"s"},
{"name":"failed","role":"verdict","type":"text"},{"name":"error","role":"verdict","type":"text"},{"name":"hash","role":"verdict","type":"text"}],"files":[]}`
	for name, text := range map[string]string{"manifest.json": manifest, "table.csv": table} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const smallTable = `run,point,replication,seed,rate,scheduler,goodput,gap,failed,error,hash
a1,1,1,1,10000000,minrtt,1,1,,,h
a2,1,2,2,10000000,minrtt,2,1,,,h
a3,1,3,3,10000000,minrtt,3,1,,,h
b1,2,1,1,10000000,blest,3,inf,,,h
b2,2,2,2,10000000,blest,4,1,intact,,h
b3,2,3,3,10000000,blest,5,1,,,h
c1,3,1,1,2000000,minrtt,7,1,,,h
c2,3,2,2,2000000,minrtt,7,1,,,h
c3,3,3,3,2000000,minrtt,10,1,,,h
d1,4,1,1,2000000,blest,7,1,,,h
d2,4,2,2,2000000,blest,7,1,,,h
d3,4,3,3,2000000,blest,,,,it stopped,
`

// The mean at a level of a factor is that of the replications, each of which is the mean over
// the points of the level; its interval is Student's: for 2, 3, 4 the mean 3 plus or minus
// t(0.975; 2) = 4.30265 (tables of the distribution) times 1 over the square root of 3. A
// replication that not every point has is left out.
func TestEffectsAreMeansOverReplications(t *testing.T) {
	page, err := Render(&Source{Dir: sweepOf(t, smallTable)})
	if err != nil {
		t.Fatal(err)
	}
	r := take(t, page)
	var list []effect
	b, _ := json.Marshal(r.data["effects"])
	b = bytes.ReplaceAll(b, []byte(`null`), []byte(`-1`))
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 4 || list[0].Metric != "goodput" || list[0].Factor != "rate" || list[0].Kind != "levels" || list[0].FactorUnit != "bps" {
		t.Fatalf("%+v", list)
	}
	slow, fast := list[0].Means[0], list[0].Means[1]
	if half := 4.30265 / math.Sqrt(3); slow.Label != "2000000" || *slow.Value != 2e6 || slow.Samples != 2 || slow.Mean != 7 || slow.Missing != 1 ||
		fast.Mean != 3 || fast.Samples != 3 || fast.Points != 2 || math.Abs(float64(fast.Low)-(3-half)) > 1e-4 || math.Abs(float64(fast.High)-(3+half)) > 1e-4 {
		t.Errorf("%+v %+v", slow, fast)
	}
	if gap := list[3]; gap.Means[1].Label != "blest" || gap.Means[1].Never != 1 || gap.Means[1].Samples != 1 || gap.Means[1].Low != -1 {
		t.Errorf("%+v", gap)
	}
	words := r.words()
	for _, want := range []string{"1 of 12 runs came to no result", "intact in 1 runs", "never happened (inf) are left out", "Runs without a value are left out", "goodput(a)", "2000000"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	columns := r.data["columns"].([]any)
	if cells := columns[6].(map[string]any)["cells"].([]any); len(cells) != 12 || cells[8] != "10" {
		t.Errorf("cells %v", cells)
	}
}

// A factor with many values is shown by the points of the design.
func TestEffectsOfRanges(t *testing.T) {
	var b strings.Builder
	b.WriteString(strings.SplitAfter(smallTable, "\n")[0])
	for i := range 13 {
		for k := range 2 {
			b.WriteString(strings.NewReplacer("P", string(rune('a'+i)), "K", string(rune('1'+k)), "V", string(rune('1'+(i+k)%9))).Replace("rPK,P,K,K,1V00000,minrtt,V,1,,,h\n"))
		}
	}
	text := b.String()
	for i := range 13 { // 13 different rates
		text = strings.ReplaceAll(text, ","+string(rune('a'+i))+",1,1,", ","+string(rune('a'+i))+",1,1,"+string(rune('1'+i%9))+strings.Repeat("0", i/9))
		text = strings.ReplaceAll(text, ","+string(rune('a'+i))+",2,2,", ","+string(rune('a'+i))+",2,2,"+string(rune('1'+i%9))+strings.Repeat("0", i/9))
	}
	page, err := Render(&Source{Dir: sweepOf(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	e := take(t, page).data["effects"].([]any)[0].(map[string]any)
	if e["kind"] != "points" || len(e["means"].([]any)) != 13 {
		t.Errorf("%v of %d means", e["kind"], len(e["means"].([]any)))
	}
}

// What is no run and no sweep, or is cut, is refused with words that help, and the old file
// stays as it is, alone.
func TestBadInputLeavesTheOldFile(t *testing.T) {
	run, _ := runOf(t, "basic/two-paths.toml", execute.Job{Until: sim.Second})
	write := func(dir, name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	copied := func(change func(dir string)) string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(run)); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	unfinished := t.TempDir()
	if err := os.Mkdir(filepath.Join(unfinished, ".points"), 0o777); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	file := filepath.Join(out, "page.html")
	write(out, "page.html", "old")
	for _, c := range []struct {
		src  Source
		want string
	}{
		{Source{Dir: filepath.Join(out, "none")}, "no such file"},
		{Source{Dir: file}, "is not a directory"},
		{Source{Dir: t.TempDir()}, "neither a run directory (no summary.json) nor a sweep directory (no table.csv)"},
		{Source{Dir: unfinished}, "--resume"},
		{Source{Dir: run, From: 3, To: 2}, "no time lies between 3 s and 2 s"},
		{Source{Dir: run, From: math.NaN()}, "no time lies between"},
		{Source{Dir: sweepOf(t, smallTable), To: 1}, "its report has no events"},
		{Source{Dir: sweepOf(t, "run,point\n")}, "table.csv"},
		{Source{Dir: copied(func(d string) { _ = os.Remove(filepath.Join(d, "manifest.json")) })}, "manifest.json"},
		{Source{Dir: copied(func(d string) { write(d, "summary.json", "{") })}, "summary.json"},
		{Source{Dir: copied(func(d string) { write(d, "series.csv", "time_ns,entity,metric,value\n1,a,b,c\n") })}, "series.csv: line 2"},
		{Source{Dir: copied(func(d string) { write(d, "scenario.resolved.toml", "= 1") })}, "scenario.resolved.toml"},
		{Source{Dir: copied(func(d string) { write(d, "events.jsonl", "{}") })}, "events.jsonl: line 1"},
		{Source{Dir: copied(func(d string) { write(d, "capture.pcapng", "not one") })}, "capture.pcapng"},
	} {
		err := Write(&c.src, file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	for _, name := range []string{out, filepath.Join(file, "below.html"), filepath.Join(out, "none", "page.html")} {
		if err := Write(&Source{Dir: run}, name); err == nil {
			t.Errorf("written to %s", name)
		}
	}
	entries, err := os.ReadDir(out)
	if b, _ := os.ReadFile(file); err != nil || string(b) != "old" || len(entries) != 1 {
		t.Errorf("the file holds %q, beside it lie %v", b, entries)
	}
	if err := Write(&Source{Dir: run}, file); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(file)
	if info, _ := os.Stat(file); !bytes.HasPrefix(b, []byte("<!DOCTYPE html>")) || info.Mode().Perm() != fs.FileMode(0o644) {
		t.Errorf("%d bytes, mode %v", len(b), info.Mode())
	}
}
