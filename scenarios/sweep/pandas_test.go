package sweep

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// everything is a sweep whose table has all that a table can hold: integers, numbers with
// all their digits, never, negative numbers, texts with commas and quotes, empty cells.
const everything = `
schema = 1
name = "everything"
scenario = "base.toml"
seed = 9007199254740990
replications = 2
[set]
link.one.loss = 0.02
[factors]
link.one.rate = ["8Mbps", "1Mbps"]
defaults.scheduler = ["minrtt", { name = "roundrobin", segments = 2 }]
link.two.delay = ["15ms", "1s"]
[metrics]
goodput = "goodput(dl)"
never = "completed(dl)"
negative = "0 - goodput(dl) / 3"
gap = "max_gap(dl)"
fallback = "fallback(dl)"
[expect]
slow = "goodput(dl) < 8Mbps"
fast = "goodput(dl) >= 8Mbps"
`

// python returns a Python that can import pandas: the first on the PATH may be another
// one than Debian's.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import pandas").Run() == nil {
			return name
		}
	}
	if os.Getenv("MPSIM_REQUIRE_PANDAS") != "" {
		t.Fatal("no python3 with pandas")
	}
	t.Skip("no python3 with pandas")
	return ""
}

// column is a column as another program has read it.
type column struct {
	Name, Type string
	Values     []string // texts, or numbers as hexadecimal floats; empty: none
}

// readColumns carries out a program that prints columns as JSON.
func readColumns(t *testing.T, name string, args ...string) []column {
	t.Helper()
	c := exec.Command(name, args...)
	var said strings.Builder
	c.Stderr = &said
	text, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, said.String())
	}
	var out []column
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// sameColumns compares what another program has read with the table, value by value.
// Numbers may differ by so many units in the last place.
func sameColumns(t *testing.T, who string, got []column, want *table, types func(c *Column) string, ulps float64) {
	t.Helper()
	if len(got) != len(want.columns) {
		t.Fatalf("%s: %d columns, want %d", who, len(got), len(want.columns))
	}
	for i, g := range got {
		c := &want.columns[i]
		if g.Name != c.Name || g.Type != types(c) || len(g.Values) != len(want.cells) {
			t.Errorf("%s: column %d is %s of type %s with %d values, want %s of type %s with %d", who, i, g.Name, g.Type, len(g.Values), c.Name, types(c), len(want.cells))
			continue
		}
		for k, v := range g.Values {
			cell := want.cells[k][i]
			if c.Type == "text" || cell == "" || v == "" {
				if v != cell {
					t.Errorf("%s: row %d: %s is %q, want %q", who, k, c.Name, v, cell)
				}
				continue
			}
			x, err := strconv.ParseFloat(v, 64)
			y, err2 := strconv.ParseFloat(cell, 64) // "inf" is one, too
			if err != nil || err2 != nil || x != y && !(math.Abs(x-y) <= ulps*(math.Nextafter(math.Abs(y), math.Inf(1))-math.Abs(y))) {
				t.Errorf("%s: row %d: %s is %v, want %v", who, k, c.Name, x, y)
			}
		}
	}
}

// everythingTable carries out that sweep and checks that it holds what it is for.
func everythingTable(t *testing.T) (dir string, want *table) {
	t.Helper()
	p := plan(t, write(t, everything))
	dir = t.TempDir()
	o := sweepTo(t, p, Options{Out: dir, Jobs: 2})
	text := tables(t, dir)[CSVName]
	for _, part := range []string{",inf,", ",-", `"{ name = ""roundrobin"", segments = 2 }"`, ",slow,", ",fast,", "9007199254740991"} {
		if !strings.Contains(text, part) {
			t.Errorf("the table has no %s", part)
		}
	}
	return dir, p.table(o.Rows)
}

// pandas reads table.csv: every value and type is ours. By itself it takes numbers
// without a fraction as integers, a column without values as numbers, and the last digit
// of a number as its fast parser has it; with the types of the manifest all is exact.
func TestPandasReadsTheTable(t *testing.T) {
	program := python(t)
	dir, want := everythingTable(t)
	plain := func(c *Column) string {
		text, whole, empty := false, true, true
		for i := range want.columns {
			if &want.columns[i] != c {
				continue
			}
			for _, row := range want.cells {
				_, err := strconv.ParseFloat(row[i], 64)
				text = text || err != nil && row[i] != ""
				whole = whole && err == nil && !strings.ContainsAny(row[i], ".einf")
				empty = empty && row[i] == ""
			}
		}
		switch {
		case empty:
			return "float64"
		case text:
			return "object"
		case whole:
			return "int64"
		}
		return "float64"
	}
	sameColumns(t, "pandas by itself", readColumns(t, program, "testdata/read_csv.py", dir, "plain"), want, plain, 2)
	typed := func(c *Column) string {
		return map[string]string{"integer": "Int64", "number": "float64", "text": "string"}[c.Type]
	}
	sameColumns(t, "pandas with types", readColumns(t, program, "testdata/read_csv.py", dir, "typed"), want, typed, 0)
}
