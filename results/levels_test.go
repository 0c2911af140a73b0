package results

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sweepTable writes the table of a sweep with the factors a and b (numbers), metric m in
// seconds and metric n.
func sweepTable(t *testing.T, rows ...string) *Table {
	t.Helper()
	dir := t.TempDir()
	manifest := `{"title":"made up","columns":[{"name":"point","role":"id"},{"name":"replication","role":"id"},{"name":"a","role":"factor","type":"number","unit":"bps"},
{"name":"b","role":"factor","type":"text"},{"name":"m","role":"metric","type":"number","unit":"s"},{"name":"n","role":"metric","type":"number"},
{"name":"how","role":"metric","type":"text"},{"name":"failed","role":"verdict"},{"name":"error","role":"verdict"}]}`
	text := "point,replication,a,b,m,n,how,failed,error\n" + strings.Join(rows, "\n") + "\n"
	for name, content := range map[string]string{TableName: text, ManifestName: manifest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	table, err := ReadTable(dir)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// A sweep of few points is summarised by point. Student's sleep data (the second drug): the
// mean is 2.33 and its interval 0.8976775 to 3.7623225 (R: t.test(sleep$extra[11:20])).
func TestLevelMeansOfPoints(t *testing.T) {
	var rows []string
	for i, x := range []string{"1.9", "0.8", "1.1", "0.1", "-0.1", "4.4", "5.5", "1.6", "4.6", "3.4"} {
		rows = append(rows, fmt.Sprintf("1,%d,1000000,x,%s,7,,,", i+1, x), fmt.Sprintf("2,%d,1000000,y,inf,%d,,bound,", i+1, i))
	}
	rows = append(rows, "3,1,2000000,x,4,1,,,", "4,1,2000000,y,,,,,no route")
	s, err := sweepTable(t, rows...).LevelMeans(nil, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	if s.Title != "made up" || s.Points != 4 || s.Runs != 22 || s.Failed != 10 || s.Errors != 1 || len(s.Means) != 8 {
		t.Fatalf("%+v", s)
	}
	m := s.Means[0]
	if m.Level != "a=1000000 b=x" || m.Metric != "m" || m.Unit != "s" || m.Points != 1 || m.Replications != 10 || m.Never+m.Missing != 0 || m.Identical {
		t.Errorf("%+v", m)
	}
	near(t, "mean", float64(m.Mean), 2.33, 1e-12)
	near(t, "low", float64(m.Low), 0.8976775, 5e-8)
	near(t, "high", float64(m.High), 3.7623225, 5e-8)
	if m := s.Means[1]; m.Never != 10 || m.Replications != 0 || !math.IsNaN(float64(m.Mean)) {
		t.Errorf("what never happened has a mean: %+v", m)
	}
	if m := s.Means[2]; m.Replications != 1 || m.Mean != 4 || !math.IsNaN(float64(m.Low)) {
		t.Errorf("one replication: %+v", m)
	}
	if m := s.Means[3]; m.Missing != 1 || m.Points != 1 {
		t.Errorf("no result: %+v", m)
	}
	if m := s.Means[4]; !m.Identical || m.Mean != 7 || m.Low != 7 || m.High != 7 {
		t.Errorf("identical replications: %+v", m)
	}
	text := strings.Join(s.Warnings(), "\n")
	for _, want := range []string{"one replication have no interval", "without a value are left out of the means of m, n", "never happened (inf) are left out of the means of m:"} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "identical") {
		t.Error("some replications differ")
	}
	if s, err = sweepTable(t, "1,1,1,x,2,3,,,", "1,2,1,x,2,3,,,").LevelMeans(nil, 0.95); err != nil || strings.Join(s.Warnings(), "") != IdenticalWarning {
		t.Errorf("%q, %v", s.Warnings(), err)
	}
}

// A sweep of many points is summarised by the values of each factor: the samples are the
// replications, each the mean over the points that have the value. Here the points of b = x
// are 10, 20, ... and all runs of replication r lie r above: r = 0, 1, 2 have the mean 1 and
// the half width 4.302653/sqrt(3) (t of 2 degrees of freedom at 97.5 %), however far the points lie apart. The
// fourth replication, which one point has, is left out.
func TestLevelMeansOfFactors(t *testing.T) {
	var rows []string
	for i := range 9 {
		for k, b := range []string{"x", "y"} {
			for r := range 3 {
				rows = append(rows, fmt.Sprintf("%d,%d,%d,%s,%d,1,,,", 2*i+k+1, r+1, 9-i, b, 10*(i+1)+100*k+r))
			}
		}
	}
	rows = append(rows, "1,4,9,x,1000000,1,,,")
	s, err := sweepTable(t, rows...).LevelMeans([]string{"m"}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range s.Means {
		got = append(got, fmt.Sprintf("%s=%s:%d,%d,%g", m.Factor, m.Level, m.Points, m.Replications, float64(m.Mean)))
		near(t, "half width", float64(m.High-m.Mean), 4.3026527/math.Sqrt(3), 1e-6)
	}
	// The values of a, 1 to 9, belong to the points 90 to 10.
	want := "=:18,3,101 a=1..3:6,3,131 a=4..6:6,3,101 a=7..9:6,3,71 b=x:9,3,51 b=y:9,3,151"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("%s, want\n%s", text, want)
	}
}

func TestLevelMeansErrors(t *testing.T) {
	table := sweepTable(t, "1,1,1,x,2,3,,,")
	for name, want := range map[string]string{"o": `no metric "o"; the table has m, n, how`, "a": `no metric "a"`, "how": `metric "how" is a text`} {
		if _, err := table.LevelMeans([]string{name}, 0.95); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&Table{}).LevelMeans(nil, 0.95); err == nil || !strings.Contains(err.Error(), "not that of a sweep") {
		t.Error(err)
	}
}
