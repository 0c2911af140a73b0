package radio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRead feeds arbitrary bytes to every reader. Nothing panics, what is read
// passes Check, an error names the file, and what is read can be written and
// read again without change.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			f.Add(text, "")
		}
	}
	for _, spec := range Formats() {
		f.Add([]byte("1,2\n2,3\n"), string(spec.Format))
	}
	f.Add([]byte("0\n4294967295\n"), "mahimahi")
	f.Add([]byte("1,1e+13\n"), "csv-mbits")
	f.Fuzz(func(t *testing.T, text []byte, format string) {
		trace, err := Read(bytes.NewReader(text), "f", Format(format))
		if err != nil {
			var e *Error
			if !strings.HasPrefix(err.Error(), "f:") || errors.As(err, &e) && (e.Line < 1 || e.Col < 1) {
				t.Fatalf("error %q", err)
			}
			return
		}
		if err := trace.Check(); err != nil {
			t.Fatal(err)
		}
		if trace.Length > 1e14 || trace.Bytes() > 1e9 {
			return // a day; the rest would take too long
		}
		trace.Stats()
		again(t, trace, Mahimahi)
		again(t, trace, CSVBytes)
	})
}

// again writes a trace, reads it, and wants the second writing to be the same.
func again(t *testing.T, trace *Trace, f Format) {
	var first, second bytes.Buffer
	if trace.Write(&first, f) != nil {
		return // too little or too much for the format
	}
	read, err := Read(bytes.NewReader(first.Bytes()), "f", f)
	if err != nil {
		if f == CSVBytes && strings.Contains(err.Error(), errNoService.Error()) {
			return // less than a byte a second
		}
		t.Fatalf("%v after writing %s", err, f)
	}
	if err := read.Write(&second, f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("%s changed when written again", f)
	}
}
