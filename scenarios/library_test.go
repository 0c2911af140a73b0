package scenarios

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// dataDirs returns where traces are: the short synthetic files of testdata, and
// the recorded ones if the machine has them.
func dataDirs(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("MPSIM_DATA")
	if dir == "" {
		dir = filepath.FromSlash("../../shared/data")
	}
	if _, err := os.Stat(filepath.Join(dir, "wifi-cell-pairs")); err == nil {
		t.Logf("synthetic traces of testdata, and recorded ones of %s", dir)
		return []string{synthetic, dir}
	}
	if os.Getenv("MPSIM_REQUIRE_DATA") == "1" {
		t.Fatalf("MPSIM_REQUIRE_DATA=1, but there are no recorded traces in %s", dir)
	}
	t.Log("synthetic traces of testdata only; no recorded ones here")
	return []string{synthetic}
}

const synthetic = "testdata/data"

func libraryScenarios(t *testing.T) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(Library(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(p) == ".toml" {
			out = append(out, p)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatal("no library", err)
	}
	return out
}

// Every folder with scenarios is part of the library.
func TestLibraryIsWhole(t *testing.T) {
	files, err := filepath.Glob("*/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, p := range files {
		if len(FindLibrary(filepath.ToSlash(p))) != 1 && path.Dir(p) != "testdata" && path.Dir(p) != "sweeps" {
			t.Errorf("%s is not in the library: its folder is missing in library.go", p)
		}
	}
}

// Every library scenario loads, builds, says what it shows, has expectations,
// and survives being resolved.
func TestLibraryLints(t *testing.T) {
	for _, p := range libraryScenarios(t) {
		sc, err := LoadLibrary(p, Options{})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if _, err := Build(sc, Run{Seed: sc.Seed, DataDir: synthetic}); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		if sc.Name != strings.TrimSuffix(path.Base(p), ".toml") {
			t.Errorf("%s is named %q", p, sc.Name)
		}
		if sc.Title == "" || len(sc.Expect) == 0 || (len(sc.Rows) == 0 && sc.Paper == "" && path.Dir(p) == "handover") {
			t.Errorf("%s lacks a title, expectations, rows or paper", p)
		}
		again, err := Parse("resolved.toml", resolvedText(t, sc), Options{})
		if err != nil {
			t.Errorf("%s resolved: %v", p, err)
			continue
		}
		if a, b := resolvedText(t, sc), resolvedText(t, again); a != b {
			t.Errorf("%s resolves differently the second time", p)
		}
	}
}

// runLibrary runs a library scenario and checks its expectations and its baseline
// hash, which every one has but those that follow traces: their runs depend on
// which recordings there are.
func runLibrary(t *testing.T, p, data string) *World {
	t.Helper()
	sc, err := LoadLibrary(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Build(sc, Run{Seed: sc.Seed, DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	for _, e := range w.Expect() {
		if !e.Pass {
			t.Errorf("%v: %s: %s: measured %s", e.Pos, e.Name, e.Expr, e.Value)
		} else {
			t.Logf("ok %s: %s: measured %s", e.Name, e.Expr, e.Value)
		}
	}
	if want := sc.Baseline.Hash; want != w.Hash().String() && !(want == "" && followsTraces(sc)) {
		t.Errorf("hash %s, the baseline is %q; mpsim test --update writes it, and the CHANGELOG says why it changed", w.Hash(), want)
	}
	return w
}

// The library shows what it says.
//
// row:B14 row:F2 row:H6 row:H26
func TestLibrary(t *testing.T) {
	dirs := dataDirs(t)
	for _, p := range libraryScenarios(t) {
		sc, err := LoadLibrary(p, Options{})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, dir := range dirs {
			if !followsTraces(sc) && dir != synthetic {
				continue
			}
			t.Run(path.Join(strings.TrimSuffix(p, ".toml"), path.Base(path.Dir(dir))), func(t *testing.T) { runLibrary(t, p, dir) })
		}
	}
}

func followsTraces(sc *Scenario) bool {
	for _, l := range sc.Links {
		if l.Up.Trace != nil || l.Down.Trace != nil {
			return true
		}
	}
	return false
}
