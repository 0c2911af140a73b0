package results

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sleepManifest = `{"columns":[{"name":"run","role":"id","type":"text"},{"name":"replication","role":"id","type":"integer"},{"name":"seed","role":"id","type":"integer"},
{"name":"drug","role":"factor","type":"text"},{"name":"dose","role":"factor","type":"number"},{"name":"extra","role":"metric","type":"number","unit":"s"},{"name":"how","role":"metric","type":"text"}]}`

// sleepTable is Student's sleep data as a sweep of one drug each; with seeds that begin
// at a number.
func sleepTable(t *testing.T, rows ...string) string {
	t.Helper()
	dir := t.TempDir()
	text := "run,replication,seed,drug,dose,extra,how\n" + strings.Join(rows, "\n") + "\n"
	for name, content := range map[string]string{TableName: text, ManifestName: sleepManifest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	sleepOne = []string{"a,1,1,one,1,0.7,x", "b,2,2,one,1,-1.6,x", "c,3,3,one,1,-0.2,x", "d,4,4,one,1,-1.2,x", "e,5,5,one,1,-0.1,x",
		"f,6,6,one,1,3.4,x", "g,7,7,one,1,3.7,x", "h,8,8,one,1,0.8,x", "i,9,9,one,1,0,x", "j,10,10,one,1,2,x"}
	sleepTwo = []string{"k,1,1,two,1,1.9,x", "l,2,2,two,1,0.8,x", "m,3,3,two,1,1.1,x", "n,4,4,two,1,0.1,x", "o,5,5,two,1,-0.1,x",
		"p,6,6,two,1,4.4,x", "q,7,7,two,1,5.5,x", "r,8,8,two,1,1.6,x", "s,9,9,two,1,4.6,x", "u,10,10,two,1,3.4,x"}
)

// Intervals as R has them (see TestTwoSettings): paired under common random numbers,
// Welch's otherwise.
func TestContrasts(t *testing.T) {
	table, err := ReadTable(sleepTable(t, append(append([]string{}, sleepOne...), sleepTwo...)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		pairing   Pairing
		paired    bool
		low, high float64
	}{
		{PairBySeed, true, 0.7001142, 2.4598858}, {PairAlways, true, 0.7001142, 2.4598858}, {PairNever, false, -0.2054832, 3.3654832},
	} {
		list, err := table.Contrasts("drug", "extra", v.pairing, 0.95)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		c := list[0]
		if c.Paired != v.paired || c.Differ != v.paired || c.CountA != 10 || c.CountB != 10 || c.A != "one" || c.B != "two" || c.Setting != "dose=1" || c.Unit != "s" || c.Identical {
			t.Errorf("%+v", c)
		}
		near(t, "mean of the first", float64(c.MeanA), 0.75, 1e-12)
		near(t, "mean of the second", float64(c.MeanB), 2.33, 1e-12)
		near(t, "difference", float64(c.Difference), 1.58, 1e-12)
		near(t, "low", float64(c.Low), v.low, 5e-8)
		near(t, "high", float64(c.High), v.high, 5e-8)
	}
}

// Another seed anywhere: no pairs. A run without a value: its pair does not count.
func TestContrastsPairBySeed(t *testing.T) {
	other := append(append([]string{}, sleepOne...), sleepTwo...)
	other[12] = strings.Replace(other[12], "m,3,3,", "m,3,99,", 1)
	table, err := ReadTable(sleepTable(t, other...))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := table.Contrasts("drug", "extra", PairBySeed, 0.95); err != nil || list[0].Paired {
		t.Errorf("%+v, %v", list, err)
	}
	other[12] = "m,3,3,two,1,,x"
	if table, err = ReadTable(sleepTable(t, other...)); err != nil {
		t.Fatal(err)
	}
	list, err := table.Contrasts("drug", "extra", PairBySeed, 0.95)
	if err != nil || !list[0].Paired || list[0].CountA != 9 || list[0].CountB != 9 {
		t.Errorf("%+v, %v", list, err)
	}
	list, err = table.Contrasts("drug", "extra", PairNever, 0.95)
	if err != nil || list[0].CountA != 10 || list[0].CountB != 9 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Two tables: the factor is the table. One replication has no interval, and equal ones
// are said to be.
func TestContrastsOfTwoTables(t *testing.T) {
	read := func(rows ...string) *Table {
		x, err := ReadTable(sleepTable(t, rows...))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	a := read("a,1,1,one,1,5,x", "b,2,2,one,1,5,x", "c,1,1,one,2,7,x")
	b := read("a,1,1,one,1,6,x", "b,2,2,one,1,6,x", "c,1,1,one,2,9,x", "d,1,1,one,3,9,x")
	joined, err := Join(a, b, "sweep", "old", "new")
	if err != nil {
		t.Fatal(err)
	}
	list, err := joined.Contrasts("sweep", "extra", PairBySeed, 0.95)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if c := list[0]; c.A != "old" || c.B != "new" || c.Setting != "drug=one dose=1" || !c.Identical || !c.Differ || c.Low != 1 || c.High != 1 {
		t.Errorf("%+v", c)
	}
	if c := list[1]; c.Setting != "drug=one dose=2" || c.Differ || !math.IsNaN(float64(c.Low)) || c.MeanB != 9 || c.Identical {
		t.Errorf("%+v", c)
	}
	c := read("a,1,1,one,1,5,x")
	c.Columns[4].Name = "amount"
	if _, err := Join(a, c, "sweep", "old", "new"); err == nil || !strings.Contains(err.Error(), "old has drug, dose, new has drug, amount") {
		t.Errorf("other factors: %v", err)
	}
}

func TestErrorsOfContrasts(t *testing.T) {
	table, err := ReadTable(sleepTable(t, sleepOne...))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range [][3]string{
		{"drugs", "extra", `no factor "drugs"; the table has drug, dose`},
		{"drug", "extras", `no metric "extras"; the table has extra, how`},
		{"drug", "how", `metric "how" is a text`},
		{"drug", "extra", `factor "drug" has one value only`},
	} {
		if _, err := table.Contrasts(v[0], v[1], PairBySeed, 0.95); err == nil || err.Error() != v[2] {
			t.Errorf("%v: %v", v, err)
		}
	}
	dir := sleepTable(t, "short,1")
	if _, err := ReadTable(dir); err == nil {
		t.Error("rows of different length are a table")
	}
	if err := os.WriteFile(filepath.Join(dir, TableName), []byte("other,columns\n1,2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadTable(filepath.Join(dir, TableName)); err == nil || !strings.Contains(err.Error(), "are not those of the sweep") {
		t.Errorf("another table: %v", err)
	}
}

// A table that no manifest describes has columns of numbers and of texts, and no roles; one
// with another name may have some of the columns of the sweep beside it.
func TestReadTableWithoutManifest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.csv")
	if err := os.WriteFile(file, []byte("drug,extra,note\n1,0.7,\n2,inf,x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	table, err := ReadTable(file)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, c := range table.Columns {
		types = append(types, c.Role+c.Type)
	}
	if got := strings.Join(types, " "); got != "number number text" || table.Rows != 2 {
		t.Errorf("%d rows, columns %s", table.Rows, got)
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), []byte(sleepManifest), 0o644); err != nil {
		t.Fatal(err)
	}
	if table, err = ReadTable(file); err != nil || table.Columns[0].Role != "factor" || table.Columns[2].Role != "" {
		t.Errorf("%+v, %v", table, err)
	}
}
