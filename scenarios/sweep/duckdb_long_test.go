//go:build long

package sweep

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// duckdbVersion is that of the npm package @duckdb/node-api.
const duckdbVersion = "1.5.6-r.1"

// duckdb returns a directory with a node_modules that holds DuckDB: MPSIM_DUCKDB, or, where
// DuckDB has to be there, one in the user's cache into which npm installs it.
func duckdb(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("MPSIM_DUCKDB"); dir != "" {
		return dir
	}
	if os.Getenv("MPSIM_REQUIRE_DUCKDB") == "" {
		t.Skip("no DuckDB: MPSIM_DUCKDB names a directory with the npm package, or MPSIM_REQUIRE_DUCKDB=1 installs it")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "mpsim-duckdb-"+duckdbVersion)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@duckdb", "node-api")); err != nil {
		if out, err := exec.Command("npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "@duckdb/node-api@"+duckdbVersion).CombinedOutput(); err != nil {
			t.Fatalf("npm: %v: %s", err, out)
		}
	}
	return dir
}

// DuckDB reads table.parquet: every value and type is ours, it is the table that DuckDB
// reads from the CSV, and the one that pandas reads from it.
func TestDuckDBReadsTheTable(t *testing.T) {
	modules := duckdb(t)
	dir, want := everythingTable(t)
	got := readColumns(t, "node", "testdata/read_parquet.mjs", dir, modules)
	last := len(got) - 1
	if only := got[last]; only.Name != "csv" || only.Values[0] != "0" || only.Values[1] != "0" {
		t.Errorf("rows only in the Parquet file, and only in the CSV: %v", only.Values)
	}
	got = got[:last]
	types := func(c *Column) string {
		return map[string]string{"integer": "BIGINT", "number": "DOUBLE", "text": "VARCHAR"}[c.Type]
	}
	sameColumns(t, "DuckDB", got, want, types, 0)
	for i, c := range readColumns(t, python(t), "testdata/read_csv.py", dir, "typed") {
		for k, v := range c.Values {
			if x, err := strconv.ParseFloat(v, 64); err == nil && want.columns[i].Type != "text" {
				if y, err := strconv.ParseFloat(got[i].Values[k], 64); err != nil || x != y {
					t.Errorf("row %d: %s is %v for pandas, %s for DuckDB", k, c.Name, x, got[i].Values[k])
				}
			} else if v != got[i].Values[k] {
				t.Errorf("row %d: %s is %q for pandas, %q for DuckDB", k, c.Name, v, got[i].Values[k])
			}
		}
	}
}
