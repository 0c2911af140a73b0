package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"

	"mpsim/results"
)

// Source is what a report is made of.
type Source struct {
	// Dir is a run directory or a sweep directory.
	Dir string
	// Log gives the event log of the run in place of that of its directory; nil: there is
	// none. LogName is what the page calls it.
	Log     io.Reader
	LogName string
	// From and To bound the events and packets that the page holds, in seconds; To 0: to the
	// end. Series and subflows are those of the whole run.
	From, To float64
}

// Write makes the report of a source and writes it into a file, which is replaced in one step:
// after an error it is what it was before.
func Write(src *Source, file string) error {
	page, err := Render(src)
	if err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory; name the file to write", file)
	}
	return maybe.WriteFile(file, page, 0o644)
}

// Render returns the page. It is an error if the directory is neither of a run nor of a
// sweep, and if one of its files cannot be read.
func Render(src *Source) ([]byte, error) {
	if !(src.From >= 0) || src.To != 0 && !(src.To > src.From) {
		return nil, fmt.Errorf("no time lies between %g s and %g s", src.From, src.To)
	}
	sweep, err := isSweep(src.Dir)
	if err != nil {
		return nil, err
	}
	var p *page
	if sweep {
		if src.Log != nil || src.From != 0 || src.To != 0 {
			return nil, fmt.Errorf("%s is a sweep: its report has no events and no packets", src.Dir)
		}
		p, err = sweepPage(src.Dir)
	} else {
		p, err = runPage(src)
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := p.write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// isSweep tells a sweep directory from a run directory.
func isSweep(dir string) (bool, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, fmt.Errorf("%s is not a directory: give a run directory (mpsim run --out) or a sweep directory (mpsim sweep --out)", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, results.SummaryName)); err == nil {
		return false, nil
	}
	if _, err := os.Stat(filepath.Join(dir, results.TableName)); err == nil {
		return true, nil
	}
	if _, err := os.Stat(filepath.Join(dir, results.SweepFolder)); err == nil {
		return false, fmt.Errorf("%s: the sweep has no %s yet; go on with mpsim sweep --resume", dir, results.TableName)
	}
	return false, fmt.Errorf("%s is neither a run directory (no %s) nor a sweep directory (no %s)", dir, results.SummaryName, results.TableName)
}

// inFile says in which file a mistake is.
func inFile(file string, err error) error {
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}
