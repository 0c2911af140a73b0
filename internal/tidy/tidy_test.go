package tidy

import (
	"os"
	"strings"
	"testing"
)

// load reads the repository with the coverage table.
func load(t *testing.T) *Tree {
	t.Helper()
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	tree.Rows = coverageRows(t)
	return tree
}

func coverageRows(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// TestTree fails while the repository breaks a rule.
func TestTree(t *testing.T) {
	for _, v := range Check(load(t)) {
		t.Error(v)
	}
}
