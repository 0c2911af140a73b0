package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"mpsim/results"
	"mpsim/scenarios"
)

// What a run reads from the data directory is part of what determines it: a recording
// of the same name with other content makes other runs. Files are hashed when the
// design is made; what changes them while a sweep is under way is not noticed.

// dataSums are the hashes of the files of the data directory, each read once.
type dataSums struct {
	mu   sync.Mutex
	sums map[string]results.File // by name
}

// of returns the SHA-256 of a file. An error is of type scenarios.Problems.
func (d *dataSums) of(f scenarios.DataFile) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.sums[f.Name]; ok {
		return s.SHA256, nil
	}
	h := sha256.New()
	in, err := os.Open(f.Path)
	var n int64
	if err == nil {
		defer in.Close()
		n, err = io.Copy(h, in)
	}
	if err != nil {
		message := "data file " + f.Path + ": " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			message = "data file " + f.Path + " does not exist; point --data or MPSIM_DATA to the directory that holds " + f.Name
		}
		return "", scenarios.Problems{{Pos: f.Pos, Message: message}}
	}
	if d.sums == nil {
		d.sums = make(map[string]results.File)
	}
	s := results.File{Name: f.Name, Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}
	d.sums[f.Name] = s
	return s.SHA256, nil
}

// list returns all files in the order of their names.
func (d *dataSums) list() []results.File {
	var out []results.File
	for _, name := range slices.Sorted(maps.Keys(d.sums)) {
		out = append(out, d.sums[name])
	}
	return out
}
