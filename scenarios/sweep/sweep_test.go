package sweep

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"mpsim/scenarios"
)

const base = `
schema = 1
name = "small"
duration = "500ms"
paths = ["one 5ms 20pkt 8Mbps", "two 15ms 20pkt 8Mbps"]
[[flow]]
name = "dl"
client = "client"
server = "server"
[expect]
base = "goodput(dl) >= 1Gbps"
`

const grid = `
schema = 1
name = "grid"
scenario = "base.toml"
replications = 3
[set]
link.one.jitter = "1ms"
[factors]
link.one.rate = ["8Mbps", "4Mbps", "2Mbps"]
defaults.scheduler = ["minrtt", { name = "roundrobin", segments = 2 }]
[metrics]
goodput = "goodput(dl)"
fallback = "fallback(dl)"
[expect]
intact = "corrupt_bytes(dl) == 0"
fast = "goodput(dl) >= 8Mbps"
`

// write makes a directory of the base and a sweep file, and returns the path of that.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"base.toml": base, "sweep.toml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "sweep.toml")
}

func plan(t *testing.T, file string) *Plan {
	t.Helper()
	s, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sweepTo(t *testing.T, p *Plan, o Options) *Outcome {
	t.Helper()
	o.Jobs = max(o.Jobs, 1)
	out, err := p.Execute(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tables returns the files of a sweep directory.
func tables(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, name := range []string{CSVName, ParquetName, "manifest.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(b)
	}
	return out
}

func equal(t *testing.T, what, a, b string) {
	t.Helper()
	x, y := tables(t, a), tables(t, b)
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// One row a run, in design order, the last factor running fastest; the verdicts are
// those of the sweep, not of the base.
func TestTable(t *testing.T) {
	p, dir := plan(t, write(t, grid)), t.TempDir()
	o := sweepTo(t, p, Options{Out: dir, Jobs: 3})
	records, err := csv.NewReader(strings.NewReader(tables(t, dir)[CSVName])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := "run,point,replication,seed,link.one.rate,defaults.scheduler,goodput,fallback,failed,error,hash"; strings.Join(records[0], ",") != want {
		t.Errorf("columns %v, want %s", records[0], want)
	}
	if len(records) != 19 || len(o.Rows) != 18 || !o.Tables {
		t.Fatalf("%d lines, %d rows", len(records), len(o.Rows))
	}
	rates := []string{"8000000", "4000000", "2000000"}
	schedulers := []string{"minrtt", `{ name = "roundrobin", segments = 2 }`}
	failed := 0
	for i, r := range records[1:] {
		n := i / 3
		if r[1] != strconv.Itoa(n+1) || r[2] != strconv.Itoa(i%3+1) || r[3] != r[2] || r[4] != rates[n/2] || r[5] != schedulers[n%2] || r[7] != "none" {
			t.Errorf("row %d: %v", i, r)
		}
		g, err := strconv.ParseFloat(r[6], 64)
		if err != nil || g < 1e6 || g > 16e6 {
			t.Errorf("goodput %s bit/s", r[6])
		}
		if r[8] == "fast" != (g < 8e6) {
			t.Errorf("goodput %s, failed %q", r[6], r[8])
		}
		if r[8] != "" {
			failed++
		}
	}
	if failed == 0 || failed == 18 || o.Failed != failed {
		t.Errorf("%d rows have failed, %d counted", failed, o.Failed)
	}
}

// The Parquet file says the same as the CSV, in the same order of columns, and is the
// same bytes each time.
func TestParquet(t *testing.T) {
	p, dir := plan(t, write(t, grid)), t.TempDir()
	o := sweepTo(t, p, Options{Out: dir})
	b := []byte(tables(t, dir)[ParquetName])
	again, err := p.table(o.Rows).parquet(p.Name)
	if err != nil || !bytes.Equal(b, again) {
		t.Errorf("two files of the same rows differ: %v", err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(tables(t, dir)[CSVName])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range f.Schema().Columns() {
		if c[0] != records[0][i] {
			t.Errorf("column %d is %s, want %s", i, c[0], records[0][i])
		}
	}
	if unit, _ := f.Lookup("unit:goodput"); unit != "bps" {
		t.Errorf("unit of goodput %q", unit)
	}
	r := parquet.NewReader(f)
	rows := make([]parquet.Row, 18)
	if n, err := r.ReadRows(rows); n != 18 {
		t.Fatalf("%d rows: %v", n, err)
	}
	for i, row := range rows {
		for k, v := range row {
			want := records[i+1][k]
			switch {
			case v.IsNull():
				if want != "" {
					t.Errorf("row %d: %s is null, want %s", i, records[0][k], want)
				}
			case v.Kind() == parquet.Double:
				if x, _ := strconv.ParseFloat(want, 64); x != v.Double() {
					t.Errorf("row %d: %s is %v, want %s", i, records[0][k], v, want)
				}
			case v.String() != want:
				t.Errorf("row %d: %s is %v, want %s", i, records[0][k], v, want)
			}
		}
	}
}

// The tables do not depend on the number of jobs, on shards, or on an interruption.
func TestSameTables(t *testing.T) {
	file := write(t, grid)
	p, one := plan(t, file), t.TempDir()
	sweepTo(t, p, Options{Out: one, Jobs: 1})

	four := t.TempDir()
	sweepTo(t, plan(t, file), Options{Out: four, Jobs: 4})
	equal(t, "four jobs", one, four)

	var dirs []string
	runs := 0
	for i := range 3 {
		dirs = append(dirs, t.TempDir())
		o := sweepTo(t, plan(t, file), Options{Out: dirs[i], Jobs: 2, Shard: i + 1, Shards: 3})
		if runs += o.Done; o.Tables {
			t.Error("a shard has written a table")
		}
	}
	if runs != 18 {
		t.Errorf("three shards carried out %d runs", runs)
	}
	if _, err := plan(t, file).Merge(t.TempDir(), dirs[:2]); err == nil || !strings.Contains(err.Error(), "6 runs have no result") {
		t.Errorf("merging two of three shards: %v", err)
	}
	merged := filepath.Join(t.TempDir(), "new")
	if _, err := plan(t, file).Merge(merged, dirs); err != nil {
		t.Fatal(err)
	}
	equal(t, "three shards", one, merged)
}

// An interrupted sweep goes on where it ended: no run is carried out twice.
func TestResume(t *testing.T) {
	file := write(t, grid)
	whole, dir := t.TempDir(), t.TempDir()
	sweepTo(t, plan(t, file), Options{Out: whole, Jobs: 2})
	for step := 5; step < 18; step += 5 {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := plan(t, file).Execute(ctx, Options{Out: dir, Jobs: 1, Resume: true, Progress: func(s Progress) {
			if s.Done == step {
				cancel()
			}
		}})
		if !errors.Is(err, ErrInterrupted) {
			t.Fatalf("at %d runs: %v", step, err)
		}
		if _, err := os.Stat(filepath.Join(dir, CSVName)); err == nil {
			t.Fatal("a table of an incomplete sweep")
		}
	}
	o := sweepTo(t, plan(t, file), Options{Out: dir, Resume: true})
	if o.Reused < 15 || o.Done != 18 {
		t.Errorf("%d of %d runs are from before", o.Reused, o.Done)
	}
	equal(t, "resumed", whole, dir)
	ids := make(map[string]bool)
	b, err := os.ReadFile(filepath.Join(dir, JournalFolder, "local"+journalSuffix))
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := parseJournal("", b, "grid")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if ids[r.ID] {
			t.Errorf("run %s was carried out twice", r.ID)
		}
		ids[r.ID] = true
	}
}

// Replications end when the interval of the mean is narrow enough: the number is the
// least one from the minimum on, and every one before it was too wide.
func TestSequential(t *testing.T) {
	text := strings.Replace(grid, "replications = 3", `replications = { until = "0.5%", metric = "goodput", min = 3, max = 40 }`, 1)
	text = strings.Replace(text, `jitter = "1ms"`, "loss = 0.002", 1)
	file := write(t, text)
	p, one, four := plan(t, file), t.TempDir(), t.TempDir()
	o := sweepTo(t, p, Options{Out: one, Jobs: 1})
	sweepTo(t, plan(t, file), Options{Out: four, Jobs: 4})
	equal(t, "four jobs", one, four)
	counts := make(map[int]int)
	for i := 0; i < len(o.Rows); {
		var values []float64
		x := o.Rows[i].Point
		for ; i < len(o.Rows) && o.Rows[i].Point == x; i++ {
			n := len(values)
			if n >= 3 && halfWidth(values) <= 0.005*mean(values) {
				t.Errorf("point %d went on after %d replications", x.Number, n)
			}
			values = append(values, o.Rows[i].number(0))
		}
		if len(values) < 40 && halfWidth(values) > 0.005*mean(values) {
			t.Errorf("point %d ended after %d replications at %.2f %%", x.Number, len(values), 100*halfWidth(values)/mean(values))
		}
		counts[len(values)]++
	}
	if len(counts) < 2 {
		t.Errorf("all points have the same number of replications: %v", counts)
	}
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// quantiles of Student's t for 95 % and 2 to 39 degrees of freedom, from a printed
// table; beyond the tenth an upper bound is not needed, so the nearest lower one is
// interpolated from 1.96 + 2.37/nu.
func halfWidth(v []float64) float64 {
	printed := []float64{2: 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
		2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423, 2.0395, 2.0369, 2.0345, 2.0322, 2.0301, 2.0281, 2.0262, 2.0244, 2.0227}
	m, sum, n := mean(v), 0.0, float64(len(v))
	for _, x := range v {
		sum += (x - m) * (x - m)
	}
	return printed[len(v)-1] * math.Sqrt(sum/(n-1)/n)
}

// With common random numbers a replication has one seed at all points; without, all
// runs have different ones, which depend on the settings and not on the place in the
// design.
func TestSeeds(t *testing.T) {
	common := plan(t, write(t, grid))
	for _, x := range common.Points {
		for n := 1; n <= 3; n++ {
			if got := common.Run(x, n).Seed; got != uint64(n) {
				t.Errorf("point %d replication %d: seed %d", x.Number, n, got)
			}
		}
	}
	own := strings.Replace(grid, "replications = 3", "replications = 3\ncommon_random_numbers = false", 1)
	a := plan(t, write(t, own))
	b := plan(t, write(t, strings.Replace(own, `["8Mbps", "4Mbps", "2Mbps"]`, `["6Mbps", "4Mbps", "2Mbps"]`, 1)))
	var seeds []uint64
	for _, x := range a.Points {
		for n := 1; n <= 3; n++ {
			seeds = append(seeds, a.Run(x, n).Seed)
		}
	}
	if slices.Sort(seeds); len(slices.Compact(seeds)) != 18 {
		t.Error("two runs have one seed")
	}
	if a.Run(a.Points[3], 1) == (Run{}) || a.Run(a.Points[3], 2).Seed != b.Run(b.Points[3], 2).Seed || a.Run(a.Points[0], 2).Seed == b.Run(b.Points[0], 2).Seed {
		t.Error("a seed does not depend on exactly the settings of its point")
	}
}
