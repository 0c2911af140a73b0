package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func commit(t *testing.T, dir, content string) error {
	t.Helper()
	d, err := Create(dir)
	if err != nil {
		return err
	}
	w, err := d.File("b.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a.txt", []byte("a")); err != nil {
		t.Fatal(err)
	}
	return d.Commit(&Manifest{Scenario: "s", Status: Complete})
}

func ls(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestDirectoryAppearsAtOnce(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "out")
	final := filepath.Join(parent, "run-1")
	d, err := Create(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a.txt", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(final); err == nil {
		t.Error("the directory is there before Commit")
	}
	if err := d.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := ls(t, parent); got != "" {
		t.Errorf("Abort leaves %q", got)
	}
	if err := commit(t, final, "hello"); err != nil {
		t.Fatal(err)
	}
	if got := ls(t, final); got != "a.txt b.txt manifest.json" {
		t.Errorf("the directory holds %q", got)
	}
	if got := ls(t, parent); got != "run-1" {
		t.Errorf("beside it lies %q", got)
	}
	m, err := ReadManifest(final)
	if err != nil {
		t.Fatal(err)
	}
	// sha256sum of "hello"
	if f := m.Files[1]; f.Name != "b.txt" || f.Bytes != 5 || f.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" {
		t.Errorf("%+v", f)
	}
	if err := m.Verify(final); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(final, "b.txt"), []byte("HELLO"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(final); err == nil || !strings.Contains(err.Error(), "b.txt") {
		t.Errorf("a changed file: %v", err)
	}
}

func TestDirectoryIsReplacedAsAWhole(t *testing.T) {
	parent := t.TempDir()
	final := filepath.Join(parent, "run")
	for _, content := range []string{"one", "two"} {
		if err := commit(t, final, content); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(filepath.Join(final, "b.txt")); string(b) != content {
			t.Errorf("b.txt holds %q, want %q", b, content)
		}
	}
	if got := ls(t, parent); got != "run" {
		t.Errorf("beside it lies %q", got)
	}
	// An abandoned writer leaves the old result alone.
	d, err := Create(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write("b.txt", []byte("three")); err != nil {
		t.Fatal(err)
	}
	if err := d.Abort(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(final, "b.txt")); string(b) != "two" {
		t.Errorf("after Abort b.txt holds %q", b)
	}
}

func TestForeignDirectoryIsNotTouched(t *testing.T) {
	parent := t.TempDir()
	final := filepath.Join(parent, "thesis")
	if err := os.Mkdir(final, 0o777); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(final, "thesis.tex")
	if err := os.WriteFile(precious, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := commit(t, final, "one"); err == nil || !strings.Contains(err.Error(), "not a run directory") {
		t.Errorf("a directory that holds other files: %v", err)
	}
	if err := commit(t, precious, "one"); err == nil {
		t.Error("a file is replaced by a run directory")
	}
	if got := ls(t, final); got != "thesis.tex" {
		t.Errorf("it now holds %q", got)
	}
	// One that became foreign while the run lasted.
	final = filepath.Join(parent, "later")
	d, err := Create(final)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(final, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(&Manifest{}); err == nil {
		t.Error("a directory that appeared meanwhile is replaced")
	}
	if got := ls(t, parent); got != "later thesis" {
		t.Errorf("left behind: %q", got)
	}
}

func TestManifestErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadManifest(dir); err == nil || !strings.Contains(err.Error(), "not a run directory") {
		t.Errorf("no manifest: %v", err)
	}
	for _, text := range []string{"{", `{"schema":99}`} {
		if err := os.WriteFile(filepath.Join(dir, ManifestName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(dir); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
