package sweep

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mpsim/results"
)

// A journal is a file of lines "CHECKSUM JSON", one for each finished run, to which
// one process appends. A line counts if its checksum does: what a kill or a full disk
// leaves of the last line is cut off when the journal is opened again.

// JournalFolder is where the journals of a sweep directory lie.
const JournalFolder = results.SweepFolder

const journalSuffix = ".journal"

// Result is what is kept of a run.
type Result struct {
	ID string `json:"id"`
	// Program is the code that has carried it out.
	Program string `json:"program"`
	Hash    string `json:"hash"`
	// Values are the metrics, as results.AppendNumber writes them or as texts;
	// Failed are the names of expectations that do not hold.
	Values []string `json:"values"`
	Failed []string `json:"failed,omitempty"`
	// Error is why the run came to no result; such a run is tried again.
	Error string `json:"-"`
}

// header is the first line of a journal.
type header struct {
	Sweep string `json:"sweep"`
}

// journal is a journal that is open for writing.
type journal struct {
	f      *os.File
	size   int64 // of the whole lines
	synced time.Time
}

// openJournal opens or creates a journal for one writer, and reads what is in it. If not
// even its first line can be written, nothing that it has created is left.
func openJournal(dir, name, sweep string) (*journal, []Result, error) {
	folder := filepath.Join(dir, JournalFolder)
	path := filepath.Join(folder, name+journalSuffix)
	var created []string
	for _, p := range []string{folder, dir} {
		if _, err := os.Lstat(p); errors.Is(err, fs.ErrNotExist) {
			created = append(created, p)
		}
	}
	j, list, err := startJournal(folder, path, sweep)
	if err != nil {
		for _, p := range created {
			_ = os.Remove(p) // not if something is in it
		}
	}
	return j, list, err
}

func startJournal(folder, path, sweep string) (*journal, []Result, error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{f: f}
	if err := lock(f); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: another process writes it: %w", path, err)
	}
	list, err := j.recover(path, sweep)
	if err != nil {
		if info, e := f.Stat(); e == nil && info.Size() == 0 { // and nobody else writes it
			_ = os.Remove(path)
		}
		f.Close()
		return nil, nil, err
	}
	return j, list, nil
}

// recover reads the journal and cuts off what is not whole.
func (j *journal) recover(path, sweep string) ([]Result, error) {
	b, err := io.ReadAll(j.f)
	if err != nil {
		return nil, err
	}
	list, size, err := parseJournal(path, b, sweep)
	if err != nil {
		return nil, err
	}
	if err := j.f.Truncate(size); err != nil {
		return nil, err
	}
	if _, err := j.f.Seek(size, io.SeekStart); err != nil {
		return nil, err
	}
	if j.size = size; size == 0 {
		return nil, j.line(header{sweep})
	}
	return list, nil
}

// parseJournal returns the results in a journal and the length of its whole lines.
func parseJournal(path string, b []byte, sweep string) (list []Result, size int64, err error) {
	for first := true; ; first = false {
		line, _, whole := bytes.Cut(b[size:], []byte("\n"))
		text, ok := checked(line)
		if !whole || !ok {
			if whole && bytes.IndexByte(b[size+int64(len(line))+1:], '\n') >= 0 {
				return nil, 0, fmt.Errorf("%s is damaged at byte %d: its checksum is wrong, and it is not the last line", path, size)
			}
			return list, size, nil
		}
		if first {
			var h header
			if err := json.Unmarshal(text, &h); err != nil || h.Sweep != sweep {
				return nil, 0, &OtherSweepError{filepath.Dir(filepath.Dir(path)), h.Sweep, sweep}
			}
		} else {
			var r Result
			if err := json.Unmarshal(text, &r); err != nil {
				return nil, 0, fmt.Errorf("%s: byte %d: %w", path, size, err)
			}
			list = append(list, r)
		}
		size += int64(len(line)) + 1
	}
}

// OtherSweepError says that a directory holds results of another sweep.
type OtherSweepError struct{ Dir, Holds, Want string }

// Error names both sweeps.
func (e *OtherSweepError) Error() string {
	return fmt.Sprintf("%s holds results of the sweep %q, not of %q; choose another --out", e.Dir, e.Holds, e.Want)
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// checked returns the text of a line if its checksum is right.
func checked(line []byte) ([]byte, bool) {
	sum, text, ok := bytes.Cut(line, []byte(" "))
	return text, ok && string(sum) == checksum(text)
}

// append writes a result. After an error the file is as before.
func (j *journal) append(r *Result) error { return j.line(r) }

func (j *journal) line(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	line := fmt.Appendf(nil, "%s %s\n", checksum(text), text)
	if _, err := j.f.Write(line); err != nil {
		return errors.Join(err, j.f.Truncate(j.size))
	}
	j.size += int64(len(line))
	if now := time.Now(); now.Sub(j.synced) > time.Second { // a kill loses nothing, a crash of the machine a second
		j.synced = now
		return j.f.Sync()
	}
	return nil
}

func (j *journal) close() error { return errors.Join(j.f.Sync(), j.f.Close()) }

// readJournals returns the results in all journals of the given directories. A result
// that two journals have must be the same in both.
func readJournals(dirs []string, sweep, program string) (map[string]Result, error) {
	out := make(map[string]Result)
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(dir, JournalFolder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), journalSuffix) {
				continue
			}
			path := filepath.Join(dir, JournalFolder, e.Name())
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			list, _, err := parseJournal(path, b, sweep)
			if err != nil {
				return nil, err
			}
			if err := collect(out, list, program, path); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// collect adds the results of a program to those known.
func collect(known map[string]Result, list []Result, program, path string) error {
	for _, r := range list {
		if r.Program != program {
			continue
		}
		if old, ok := known[r.ID]; ok && (old.Hash != r.Hash || !slices.Equal(old.Values, r.Values) || !slices.Equal(old.Failed, r.Failed)) {
			return fmt.Errorf("%s: run %s has two different results; the machines do not agree", path, r.ID)
		}
		known[r.ID] = r
	}
	return nil
}
