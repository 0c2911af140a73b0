package results

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Table is a table with a row an outcome: that of a sweep, a row a run (docs/SWEEPS.md), or
// any other.
type Table struct {
	// Title is what the manifest calls the sweep; it may be empty.
	Title   string
	Columns []TableColumn
	Rows    int
}

// TableColumn is a column of a table. Role is "id", "factor", "metric" or "verdict", Unit
// of numbers "bps", "s", "B", "pkt", "bdp" or "", Type "integer", "number" or "text". An
// empty cell is no value. Without a manifest that knows the column, Role and Unit are empty,
// and Type is "number" if all of its values are numbers.
type TableColumn struct {
	Name  string   `json:"name"`
	Role  string   `json:"role"`
	Type  string   `json:"type"`
	Unit  string   `json:"unit"`
	Cells []string `json:"-"`
}

// TableName is the file of a sweep directory that holds the table.
const TableName = "table.csv"

// ReadTable reads the table of a sweep directory, or a CSV file with a line of names. What
// its columns are tells the manifest.json beside it; the table of a sweep must have one, and
// exactly the columns that it names.
func ReadTable(path string) (*Table, error) {
	file := path
	if !strings.HasSuffix(path, ".csv") {
		file = filepath.Join(path, TableName)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s: a table has a line of names and at least one row", file)
	}
	t := tableOf(rows)
	if err := t.describe(file); err != nil {
		return nil, err
	}
	return t, nil
}

// tableOf makes a table of lines, the first of which is that of the names.
func tableOf(rows [][]string) *Table {
	t := &Table{Rows: len(rows) - 1}
	for i, name := range rows[0] {
		c := TableColumn{Name: name, Type: "text"}
		values, numbers := 0, 0
		for k, r := range rows[1:] {
			c.Cells = append(c.Cells, r[i])
			if r[i] == "" {
				continue
			}
			values++
			if _, ok := c.number(k); ok {
				numbers++
			}
		}
		if values > 0 && numbers == values {
			c.Type = "number"
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// describe takes the title, and roles, types and units of columns, from the manifest beside
// a table.
func (t *Table) describe(file string) error {
	beside := filepath.Join(filepath.Dir(file), ManifestName)
	text, err := os.ReadFile(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m struct {
		Title   string        `json:"title"`
		Columns []TableColumn `json:"columns"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("%s: %w", beside, err)
	}
	same := slices.EqualFunc(t.Columns, m.Columns, func(a, b TableColumn) bool { return a.Name == b.Name })
	if filepath.Base(file) == TableName && !same {
		return fmt.Errorf("%s: its columns are not those of the sweep that %s describes", file, ManifestName)
	}
	t.Title = m.Title
	for _, c := range m.Columns {
		if own := t.column(c.Name); own != nil {
			own.Role, own.Type, own.Unit = c.Role, c.Type, c.Unit
		}
	}
	return nil
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
