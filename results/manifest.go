package results

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// ManifestName is the file that makes a directory a run directory. It is
// written last.
const ManifestName = "manifest.json"

// Manifest says what a run directory holds and what it is a result of.
type Manifest struct {
	Schema      int    `json:"schema"`
	Scenario    string `json:"scenario"`
	Seed        uint64 `json:"seed"`
	Replication uint64 `json:"replication"`
	// Hash is the run hash.
	Hash string `json:"hash"`
	// Version is the version of mpsim that wrote the directory.
	Version string `json:"version"`
	// Status is "complete", or "partial" if a limit or the user stopped the
	// run before its end; Reason says which.
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Files are all other files, sorted by name.
	Files []File `json:"files"`
}

// File is a file of a run directory.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// The values of Manifest.Status.
const (
	Complete = "complete"
	Partial  = "partial"
)

// list fills m.Files from what lies in dir. Files that are known are not read.
func (m *Manifest) list(dir string, known map[string]File) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	m.Files = []File{}
	for _, e := range entries {
		if e.Name() == ManifestName {
			continue
		}
		f, ok := known[e.Name()]
		if !ok {
			if f, err = describe(dir, e.Name()); err != nil {
				return err
			}
		}
		m.Files = append(m.Files, f)
	}
	slices.SortFunc(m.Files, func(a, b File) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return nil
}

func describe(dir, name string) (File, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return File{}, err
	}
	return File{Name: name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

func (m *Manifest) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// ReadManifest reads the manifest of a run directory.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s is not a run directory: %w", dir, err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if m.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s: schema %d; this version reads %d", path, m.Schema, SchemaVersion)
	}
	return m, nil
}

// Verify compares the files of a run directory with its manifest and returns
// the first difference.
func (m *Manifest) Verify(dir string) error {
	now := Manifest{}
	if err := now.list(dir, nil); err != nil {
		return err
	}
	for _, f := range m.Files {
		i := slices.IndexFunc(now.Files, func(g File) bool { return g.Name == f.Name })
		if i < 0 {
			return fmt.Errorf("%s is missing", filepath.Join(dir, f.Name))
		}
		if now.Files[i] != f {
			return fmt.Errorf("%s is not the file that the run wrote", filepath.Join(dir, f.Name))
		}
	}
	return nil
}
