package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ec2Table carries out points of the sweep of EC2 and returns its table, and where it lies.
func ec2Table(t *testing.T, points string) (rows []map[string]string, file string) {
	t.Helper()
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := Run(context.Background(), []string{"mpsim", "sweep", "sweeps/ec2.toml", "--only", points, "--out", filepath.Join(dir, "ec2"), "--progress", "none"}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	file = filepath.Join(dir, "table.csv")
	if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return readCSV(t, out.String()), file
}

// readCSV returns the rows of a table by the names of its columns.
func readCSV(t *testing.T, text string) (rows []map[string]string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		row := make(map[string]string)
		for i, name := range records[0] {
			row[name] = r[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func float(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The template of the EC2 experiment: iperf between pairs of 40 instances with TCP and
// with MPTCP of 2 and 4 subflows, and the figure of the distribution of goodput. Each of
// its three functions rises by 1/n at each goodput of the table, and nowhere else.
//
// row:H3
func TestEC2Figure(t *testing.T) {
	rows, file := ec2Table(t, "1-9")
	want := make(map[string][]float64)
	for _, r := range rows {
		want[r["name"]] = append(want[r["name"]], float(t, r["goodput"]))
		if n := map[string]string{"TCP": "1", "MPTCP 2": "2", "MPTCP 4": "4"}[r["name"]]; r["subflows"] != n {
			t.Errorf("%s between %s and %s has %s subflows", r["name"], r["flow.iperf.client"], r["flow.iperf.server"], r["subflows"])
		}
	}
	data := filepath.Join(t.TempDir(), "figure.csv")
	if code, said := mpsimIn(t, "plot", file, "--kind", "cdf", "--metric", "goodput", "--by", "name", "-o", filepath.Join(t.TempDir(), "figure.svg"), "--data", data); code != 0 {
		t.Fatalf("exit code %d: %s", code, said)
	}
	b, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	rises := make(map[string][]float64)
	at := make(map[string]float64)
	for _, r := range readCSV(t, string(b)) {
		if r["kind"] != "line" {
			continue
		}
		name, _, _ := strings.Cut(r["series"], " (") // "TCP (3)": of so many runs
		y := float(t, r["y"])
		switch rise := y - at[name]; {
		case rise == 0:
		case rise > 1/3.0-1e-12 && rise < 1/3.0+1e-12:
			rises[name] = append(rises[name], float(t, r["x"]))
		default:
			t.Errorf("%s rises from %v to %v", name, at[name], y)
		}
		at[name] = y
	}
	if len(want) != 3 || len(rises) != 3 {
		t.Fatalf("the table has %v, the figure %v", want, rises)
	}
	for name, x := range want {
		slices.Sort(x)
		if !slices.EqualFunc(x, rises[name], func(a, b float64) bool { return a-b < 1e-3 && b-a < 1e-3 }) {
			t.Errorf("%s: the figure rises at %v, the table has %v", name, rises[name], x)
		}
	}
}
