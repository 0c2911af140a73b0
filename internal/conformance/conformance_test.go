package conformance

import (
	"flag"
	"os"
	"testing"
	"testing/fstest"
)

var update = flag.Bool("update", false, "write docs/CONFORMANCE.md")

const page = "../../docs/CONFORMANCE.md"

func load(t *testing.T) ([]Statement, []Row, []Evidence) {
	t.Helper()
	statements, err := Statements()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := Collect(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	return statements, rows, evidence
}

// TestNothingIsOpen fails while a requirement or a due row has no test.
func TestNothingIsOpen(t *testing.T) {
	for _, o := range Open(load(t)) {
		t.Error(o)
	}
}

func TestPageIsCurrent(t *testing.T) {
	want := Page(load(t))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/CONFORMANCE.md is not what the tags say; go test ./internal/conformance -update writes it")
	}
}

// TestCollect checks on a small tree what counts as a claim.
func TestCollect(t *testing.T) {
	tree := fstest.MapFS{
		"a/x_test.go": {Data: []byte("package a\n\n// row:A1 rfc8684:3.1-7\nfunc TestX(t *testing.T) {\n\t// row:B2\n}\n")},
		"a/x.go":      {Data: []byte("package a // row:A9\n")},
		"s/3.1-x.pkt": {Data: []byte("// rfc8684:3.1-2 row:A6\n0 socket(..., row:C1) = 3\n")},
		"scenarios/f/y.toml": {
			Data: []byte("rows = [\"C1\", \"M3\"]\n"),
		},
	}
	got, err := Collect(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []Evidence{
		{"A1", "a/x_test.go", "TestX"}, {"3.1-7", "a/x_test.go", "TestX"}, {"B2", "a/x_test.go", "TestX"},
		{"3.1-2", "s/3.1-x.pkt", ""}, {"A6", "s/3.1-x.pkt", ""},
		{"C1", "scenarios/f/y.toml", ""}, {"M3", "scenarios/f/y.toml", ""},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("collected %v\nexpected  %v", got, want)
		}
	}
	tree["b/y_test.go"] = &fstest.MapFile{Data: []byte("package b\n\n// row:A1\nfunc helper() {}\n")}
	if _, err := Collect(tree); err == nil {
		t.Error("a tag outside of a test is accepted")
	}
}

// TestNamed checks which names are those of a section.
func TestNamed(t *testing.T) {
	for _, c := range []struct {
		e    Evidence
		want bool
	}{
		{Evidence{Path: "m/x_test.go", Test: "TestSection3_3KeyIsHidden"}, true},
		{Evidence{Path: "m/x_test.go", Test: "TestSection3_3_1MappingHolds"}, false},
		{Evidence{Path: "m/x_test.go", Test: "TestMapping"}, false},
		{Evidence{Path: "s/3.3-checksum.pkt"}, true},
		{Evidence{Path: "s/3.3.1-wrap.pkt"}, false},
	} {
		if got := named("3.3", []Evidence{c.e}); got != c.want {
			t.Errorf("%v: named %v, expected %v", c.e, got, c.want)
		}
	}
}
