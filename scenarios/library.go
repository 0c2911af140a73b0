package scenarios

import (
	"embed"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// libraryFiles are the scenarios of the library, by family.
//
//go:embed basic bench cc closed-form datacenter handover kernel mbox nat net papers paths pm radio sched
var libraryFiles embed.FS

//go:embed sweeps
var sweepFiles embed.FS

// SweepFiles returns the sweeps of the library, below "sweeps".
func SweepFiles() fs.FS { return sweepFiles }

// Library returns the files of the scenario library.
func Library() fs.FS { return libraryFiles }

// Entry is one scenario of the library.
type Entry struct {
	Path  string // such as "handover/constant.toml"
	Name  string
	Title string
	Rows  []string
}

// List returns the scenarios of the library in the order of their paths. An
// error is a fault of the library, which its test excludes.
func List() ([]Entry, error) {
	var out []Entry
	err := fs.WalkDir(libraryFiles, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".toml" {
			return err
		}
		sc, err := LoadLibrary(p, Options{})
		if err != nil {
			return err
		}
		out = append(out, Entry{p, sc.Name, sc.Title, sc.Rows})
		return nil
	})
	return out, err
}

// FindLibrary returns the paths within the library that a name means: the path
// itself, with or without "scenarios/" before it and ".toml" behind it, or the
// scenarios of that name in any family; nil if there is none.
func FindLibrary(name string) []string {
	name = strings.TrimPrefix(filepath.ToSlash(name), "scenarios/")
	for _, p := range []string{name, name + ".toml"} {
		if info, err := fs.Stat(libraryFiles, p); err == nil && !info.IsDir() {
			return []string{p}
		}
	}
	if strings.ContainsAny(name, "/*?[\\") {
		return nil
	}
	found, _ := fs.Glob(libraryFiles, "*/"+strings.TrimSuffix(name, ".toml")+".toml") // the pattern is a valid one
	return found
}

// LibraryNames returns the paths of all scenarios of the library in order,
// without reading them.
func LibraryNames() []string {
	names, _ := fs.Glob(libraryFiles, "*/*.toml") // the pattern is a valid one
	return names
}

// SweepNames returns the paths of all sweeps of the library in order, without reading them.
func SweepNames() []string {
	names, _ := fs.Glob(sweepFiles, "sweeps/*.toml") // the pattern is a valid one
	return names
}

// FindSweep returns the path of the sweep of the library that a name means: "sweeps/NAME",
// with or without "scenarios/" before it and ".toml" behind it; "" if there is none.
func FindSweep(name string) string {
	name = strings.TrimPrefix(filepath.ToSlash(name), "scenarios/")
	for _, p := range []string{name, name + ".toml"} {
		if slices.Contains(SweepNames(), p) {
			return p
		}
	}
	return ""
}

// Files returns the files that a scenario was read from, each once: its own
// first, then what it extends and includes, then its scripts.
func (sc *Scenario) Files() []string {
	var out []string
	for _, f := range sc.files {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, f := range sc.scripts {
		out = append(out, f.path)
	}
	return out
}
