package sweep

import (
	"bytes"
	"encoding/csv"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"mpsim/results"
	"mpsim/scenarios"
)

// The files of a sweep directory.
const (
	CSVName     = "table.csv"
	ParquetName = "table.parquet"
)

// The columns that every table has, before the factors and behind the metrics.
var (
	columnsBefore = []string{"run", "point", "replication", "seed"}
	columnsBehind = []string{"failed", "error", "hash"}
)

// ownColumn reports whether every table has a column of that name.
func ownColumn(name string) bool {
	return slices.Contains(columnsBefore, name) || slices.Contains(columnsBehind, name)
}

// Column is a column of the table.
type Column struct {
	Name string `json:"name"`
	// Role is "id", "factor", "metric" or "verdict".
	Role string `json:"role"`
	// Type is "integer", "number" or "text"; Unit of numbers "bps", "s", "B", "pkt",
	// "bdp" or "".
	Type string `json:"type"`
	Unit string `json:"unit,omitempty"`
}

// table is the rows as columns of texts, from which both files are made. An empty text
// is no value.
type table struct {
	columns []Column
	cells   [][]string // by row
}

// table makes the table of rows.
func (p *Plan) table(rows []Row) *table {
	t := &table{columns: []Column{
		{"run", "id", "text", ""}, {"point", "id", "integer", ""}, {"replication", "id", "integer", ""}, {"seed", "id", "integer", ""},
	}}
	factors := p.factorColumns()
	t.columns = append(t.columns, factors...)
	for i := range p.metrics {
		c := Column{p.measures[i].Name, "metric", "number", p.units[i]}
		if c.Unit == "text" {
			c.Type, c.Unit = "text", ""
		}
		t.columns = append(t.columns, c)
	}
	for _, name := range columnsBehind {
		t.columns = append(t.columns, Column{name, "verdict", "text", ""})
	}
	for i := range rows {
		t.cells = append(t.cells, p.cells(&rows[i], factors))
	}
	return t
}

// factorColumns decides which factors are numbers: those all of whose values are, with
// one unit.
func (p *Plan) factorColumns() []Column {
	out := make([]Column, 0, len(p.Factors()))
	for i, name := range p.Factors() {
		c := Column{name, "factor", "number", ""}
		for k, x := range p.Points {
			q, ok := scenarios.ReadQuantity(x.levels[i].text)
			if k == 0 {
				c.Unit = q.Unit
			}
			if !ok || q.Unit != c.Unit {
				c.Type, c.Unit = "text", ""
				break
			}
		}
		out = append(out, c)
	}
	return out
}

func (p *Plan) cells(r *Row, factors []Column) []string {
	out := []string{r.Run.ID, strconv.Itoa(r.Point.Number), strconv.Itoa(r.Replication), strconv.FormatUint(r.Seed, 10)}
	for i, c := range factors {
		text := r.Point.levels[i].text
		if c.Type == "number" {
			q, _ := scenarios.ReadQuantity(text)
			text = number(q.Value)
		}
		out = append(out, text)
	}
	for i := range p.metrics {
		switch {
		case r.Error != "":
			out = append(out, "")
		case p.units[i] == "text":
			out = append(out, r.Values[i])
		default:
			out = append(out, number(r.number(i)))
		}
	}
	message, _, _ := strings.Cut(r.Error, "\n")
	return append(out, strings.Join(r.Failed, " "), message, r.Hash)
}

// number writes a number as the tables have it: NaN is no value, and "never" is inf.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	}
	return string(results.AppendNumber(nil, x))
}

// CSV returns the rows as a table of comma-separated values (RFC 4180, with line feeds)
// and a line of names.
func (p *Plan) CSV(rows []Row) []byte { return p.table(rows).csv() }

func (t *table) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	_ = w.Write(names) // a buffer takes everything
	_ = w.WriteAll(t.cells)
	return b.Bytes()
}

// write puts the tables and the manifest into the directory, each at once, the
// manifest last.
func (p *Plan) write(dir string, rows []Row) error {
	t := p.table(rows)
	parquet, err := t.parquet(p.Name)
	if err != nil {
		return err
	}
	manifest, err := p.manifest(t, map[string][]byte{CSVName: t.csv(), ParquetName: parquet})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{CSVName, t.csv()}, {ParquetName, parquet}, {results.ManifestName, manifest}} {
		if err := maybe.WriteFile(filepath.Join(dir, f.name), f.content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Columns returns the columns of the table.
func (p *Plan) Columns() []Column { return p.table(nil).columns }
