package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Table is the table of a sweep: one row a run (docs/SWEEPS.md).
type Table struct {
	Columns []TableColumn
	Rows    int
}

// TableColumn is a column of a table. Role is "id", "factor", "metric" or "verdict", Unit
// of numbers "bps", "s", "B", "pkt", "bdp" or "", Type "integer", "number" or "text". An
// empty cell is no value.
type TableColumn struct {
	Name  string `json:"name"`
	Role  string `json:"role"`
	Type  string `json:"type"`
	Unit  string `json:"unit"`
	Cells []string
}

// TableName is the file of a sweep directory that holds the table.
const TableName = "table.csv"

// ReadTable reads the table of a sweep directory; path is the directory or its table.csv,
// beside which lies the manifest.json that tells what its columns are.
func ReadTable(path string) (*Table, error) {
	if filepath.Base(path) == TableName {
		path = filepath.Dir(path)
	}
	text, err := os.ReadFile(filepath.Join(path, TableName))
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(filepath.Join(path, ManifestName))
	if err != nil {
		return nil, err
	}
	var m struct {
		Columns []TableColumn `json:"columns"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, ManifestName), err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, TableName), err)
	}
	if len(rows) == 0 || !slices.EqualFunc(rows[0], m.Columns, func(name string, c TableColumn) bool { return name == c.Name }) {
		return nil, fmt.Errorf("%s: the columns of %s are not those of the sweep that %s describes", path, TableName, ManifestName)
	}
	t := &Table{Columns: m.Columns, Rows: len(rows) - 1}
	for i := range t.Columns {
		for _, r := range rows[1:] {
			t.Columns[i].Cells = append(t.Columns[i].Cells, r[i])
		}
	}
	return t, nil
}

// Names returns the names of the columns of a role.
func (t *Table) Names(role string) (out []string) {
	for _, c := range t.Columns {
		if c.Role == role {
			out = append(out, c.Name)
		}
	}
	return out
}

func (t *Table) column(name string) *TableColumn {
	i := slices.IndexFunc(t.Columns, func(c TableColumn) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

// Join returns the rows of two tables as one with a further factor, of the name by and
// with the values nameA and nameB, and the columns that both have. Their factors must be
// the same.
func Join(a, b *Table, by, nameA, nameB string) (*Table, error) {
	if x, y := a.Names("factor"), b.Names("factor"); !slices.Equal(x, y) {
		return nil, fmt.Errorf("the sweeps have different factors: %s has %s, %s has %s", nameA, listed(x), nameB, listed(y))
	}
	factor := TableColumn{Name: by, Role: "factor", Type: "text", Cells: slices.Concat(slices.Repeat([]string{nameA}, a.Rows), slices.Repeat([]string{nameB}, b.Rows))}
	t := &Table{Columns: []TableColumn{factor}, Rows: a.Rows + b.Rows}
	for _, c := range a.Columns {
		d := b.column(c.Name)
		if d == nil {
			continue
		}
		if c.Unit != d.Unit || c.Role != d.Role {
			return nil, fmt.Errorf("column %q: %s has %s %q, %s has %s %q", c.Name, nameA, c.Role, c.Unit, nameB, d.Role, d.Unit)
		}
		c.Cells = slices.Concat(c.Cells, d.Cells)
		t.Columns = append(t.Columns, c)
	}
	return t, nil
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// number returns a cell as a number, and whether it has a value.
func (c *TableColumn) number(row int) (float64, bool) {
	x, err := strconv.ParseFloat(c.Cells[row], 64)
	return x, err == nil
}
