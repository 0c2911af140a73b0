package plot

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The table has what the figure shows, in the units of its axes.
func TestData(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bars.csv")
	if err := WriteData("bars", open(t, sweepDir(t)), &Options{By: "defaults.scheduler"}, file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || strings.Join(rows[0], ",") != DataHeader || len(rows) != 1+6*4+6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if r := rows[3]; r[1] != "area" || r[2] != "minrtt" || r[5] != "6" {
		t.Errorf("a corner of the first bar: %v", r)
	}
	if r := rows[25]; r[1] != "mark" || r[5] != "6" || !strings.HasPrefix(r[7], "7.963") {
		t.Errorf("the first interval: %v", r)
	}
	f, err := figureOf("goodput", open(t, story(t)), new(Options))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\nmptcp,line,total,0,", "\nmptcp,line,wifi,1,", "\ntcp-lte,line,lte,0,"} {
		if !bytes.Contains(f.data(), []byte(want)) {
			t.Errorf("the table lacks %q", want)
		}
	}
}

// Every kind is set in LaTeX: an axis a panel, braces that match, names without characters
// that mean something.
func TestTeX(t *testing.T) {
	run, table := open(t, logged(t)), open(t, sweepDir(t))
	for _, k := range Kinds {
		if k.build == nil {
			continue // TestLadder
		}
		s, o := run, new(Options)
		switch k.Name {
		case "cdf", "bars", "box", "heatmap":
			s = table
		case "scatter":
			s, o = table, &Options{X: "done"}
		}
		b, err := Draw(k.Name, s, o, "tex")
		if err != nil {
			t.Fatal(err)
		}
		f, err := figureOf(k.Name, s, o)
		if err != nil {
			t.Fatal(err)
		}
		n := bytes.Count(b, []byte("\\begin{axis}"))
		if n != len(f.panels) || n != bytes.Count(b, []byte("\\end{axis}")) {
			t.Errorf("%s: %d axes of %d panels", k.Name, n, len(f.panels))
		}
		depth := 0
		for i, c := range b {
			if i > 0 && b[i-1] == '\\' {
				continue
			}
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth < 0 {
				t.Fatalf("%s: a brace closes nothing", k.Name)
			}
		}
		if depth != 0 {
			t.Errorf("%s: %d braces stay open", k.Name, depth)
		}
	}
	b, err := Draw("cdf", table, &Options{Full: true}, "tex")
	if err != nil || !bytes.Contains(b, []byte(`width=\textwidth`)) {
		t.Errorf("full width: %v", err)
	}
	if got := escape(`50 % of a_b {µ}`); got != `50 \% of a\_b \{\textmu{}\}` {
		t.Error(got)
	}
}
