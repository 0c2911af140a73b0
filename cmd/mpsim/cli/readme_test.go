package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scenario that the README asks the reader to save runs, and its
// expectations hold.
func TestReadmeScenario(t *testing.T) {
	b, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "```toml\n")
	text, _, end := strings.Cut(rest, "```\n")
	if !ok || !end {
		t.Fatal("the README holds no scenario")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "first.toml")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, "first-1")
	for _, args := range [][]string{
		{"lint", file},
		{"run", file, "--out", run},
		{"plot", run, "--kind", "cwnd", "-o", filepath.Join(dir, "cwnd.pdf")},
		{"run", file, "--out", run, "--seed", "2", "--set", "defaults.cc=reno"},
		{"test", file},
	} {
		var out bytes.Buffer
		if code := Run(context.Background(), append([]string{"mpsim"}, args...), &out, &out); code != exitOK {
			t.Errorf("mpsim %s: exit code %d\n%s", strings.Join(args, " "), code, out.String())
		}
	}
}
