package scenarios

import (
	"embed"
	"io/fs"
	"path"
	"path/filepath"
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

// libraryPath returns the path within the library that a name means: the path
// itself, with or without "scenarios/" before it and ".toml" behind it; "" if
// there is none.
func libraryPath(name string) string {
	name = strings.TrimPrefix(filepath.ToSlash(name), "scenarios/")
	for _, p := range []string{name, name + ".toml"} {
		if info, err := fs.Stat(libraryFiles, p); err == nil && !info.IsDir() {
			return p
		}
	}
	return ""
}
