package sweep

import (
	"io/fs"
	"testing"

	"mpsim/scenarios"
)

// library returns the plans of the sweeps of the library, by path.
func library(t *testing.T) map[string]*Plan {
	t.Helper()
	files, err := fs.Glob(scenarios.SweepFiles(), "sweeps/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no sweeps", err)
	}
	out := make(map[string]*Plan)
	for _, f := range files {
		s, err := Load(f)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if f != "sweeps/"+s.Name+".toml" || s.Title == "" {
			t.Errorf("%s: name %q, title %q", f, s.Name, s.Title)
		}
		if len(s.measures) == s.metrics {
			t.Errorf("%s has no expectations", f)
		}
		if out[f], err = s.Plan(scenarios.Options{}); err != nil {
			t.Errorf("%v", err)
		}
	}
	return out
}

// Every sweep of the library makes its design and loads every point of it.
func TestLibraryLoads(t *testing.T) { library(t) }
