package results

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The names of the files in a run directory.
const (
	SummaryName  = "summary.json"
	SeriesName   = "series.csv"
	EventsName   = "events.jsonl"
	CaptureName  = "capture.pcapng"
	ResolvedName = "scenario.resolved.toml"
)

// SweepFolder is the folder that makes a directory a sweep directory, which no run
// replaces.
const SweepFolder = ".points"

// Directory is a run directory that is being written. Everything goes into a
// hidden sibling; Commit gives it its final name in one step. Until then, and
// after any error, what lies under the final name is untouched.
type Directory struct {
	final, temp string
	open        []*hashedFile
	sums        map[string]File // of files that File created and CloseFiles closed
	done        bool
}

// hashedFile is a file whose SHA-256 is known when it is written: a trace or a capture
// may be large, and is not read again.
type hashedFile struct {
	*os.File
	name  string
	sum   hash.Hash
	bytes int64
}

// Write implements io.Writer.
func (f *hashedFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.sum.Write(b[:n])
	f.bytes += int64(n)
	return n, err
}

// Create begins a run directory of the given final name. If something lies
// there that is not a run directory, it is an error: mpsim replaces its own
// results only.
func Create(final string) (*Directory, error) {
	final = filepath.Clean(final)
	if err := replaceable(final); err != nil {
		return nil, err
	}
	parent, name := filepath.Split(final)
	if parent == "" {
		parent = "."
	}
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	for i := 0; ; i++ {
		temp := filepath.Join(parent, fmt.Sprintf(".%s.writing-%d-%d", name, os.Getpid(), i))
		err := os.Mkdir(temp, 0o777)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Directory{final: final, temp: temp}, nil
	}
}

// replaceable returns an error if a run directory may not be put at path.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s exists and is not a directory", path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(path, ManifestName)); err != nil {
		return fmt.Errorf("%s exists and is not a run directory (it holds no %s); choose another --out", path, ManifestName)
	}
	if _, err := os.Lstat(filepath.Join(path, SweepFolder)); err == nil {
		return fmt.Errorf("%s is a sweep directory; choose another --out", path)
	}
	return nil
}

// Path returns the final name.
func (d *Directory) Path() string { return d.final }

// TempPath returns where a file lies until Commit, for writers that want a
// path.
func (d *Directory) TempPath(name string) string { return filepath.Join(d.temp, name) }

// File creates a file, which Commit closes. It is written from its begin to its end.
func (d *Directory) File(name string) (io.Writer, error) {
	f, err := os.Create(d.TempPath(name))
	if err != nil {
		return nil, err
	}
	h := &hashedFile{File: f, name: name, sum: sha256.New()}
	d.open = append(d.open, h)
	return h, nil
}

// Write creates a file with the given content.
func (d *Directory) Write(name string, content []byte) error {
	return os.WriteFile(d.TempPath(name), content, 0o666)
}

// CloseFiles closes what File has created, so that others may read it.
func (d *Directory) CloseFiles() error {
	var errs []error
	for _, f := range d.open {
		errs = append(errs, f.Close())
		if d.sums == nil {
			d.sums = map[string]File{}
		}
		d.sums[f.name] = File{Name: f.name, Bytes: f.bytes, SHA256: hex.EncodeToString(f.sum.Sum(nil))}
	}
	d.open = nil
	return errors.Join(errs...)
}

// Commit writes the manifest, whose Files it fills, and puts the directory in
// its place. A run directory that lies there is replaced as a whole.
func (d *Directory) Commit(m *Manifest) error {
	if d.done {
		return errors.New("run directory committed or aborted before")
	}
	err := d.commit(m)
	if err != nil {
		return errors.Join(err, d.Abort())
	}
	d.done = true
	return nil
}

func (d *Directory) commit(m *Manifest) error {
	if err := d.CloseFiles(); err != nil {
		return err
	}
	m.Schema = SchemaVersion
	if err := m.list(d.temp, d.sums); err != nil {
		return err
	}
	b, err := m.encode()
	if err != nil {
		return err
	}
	if err := d.Write(ManifestName, b); err != nil {
		return err
	}
	return replace(d.temp, d.final)
}

// replace moves the directory temp to final. What lies at final steps aside
// first and comes back if the move fails.
func replace(temp, final string) error {
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(temp, final)
	}
	if err := replaceable(final); err != nil {
		return err
	}
	old := strings.Replace(temp, ".writing-", ".replaced-", 1)
	if err := os.Rename(final, old); err != nil {
		return err
	}
	if err := os.Rename(temp, final); err != nil {
		return errors.Join(err, os.Rename(old, final))
	}
	return os.RemoveAll(old)
}

// Abort removes what was written. After Commit it does nothing, so it may be
// deferred.
func (d *Directory) Abort() error {
	if d.done {
		return nil
	}
	d.done = true
	return errors.Join(d.CloseFiles(), os.RemoveAll(d.temp))
}
