package radio

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Format names a file format of recorded links.
type Format string

// The formats.
const (
	// Auto stands for "look at the first line".
	Auto Format = ""
	// Mahimahi is one integer a line: the millisecond of one delivery
	// opportunity.
	Mahimahi Format = "mahimahi"
	// CSVBytes is `second,bytes_per_second`, one row a second.
	CSVBytes Format = "csv-bytes"
	// CSVMbits is `value,Mbits/sec` as iperf prints it, one row a second.
	CSVMbits Format = "csv-mbits"
	// MTU5G are the logs of Munster Technological University, with a header, a
	// date and a column RATE(MBit/s).
	MTU5G Format = "mtu-5g"
	// UCC5G are the G-NetTrack logs of University College Cork, with a header,
	// Timestamp, DL_bitrate and NetworkMode.
	UCC5G Format = "ucc-5g"
	// Generated is the format of a trace that no file holds.
	Generated Format = "generated"
)

// FormatSpec describes a format that can be read.
type FormatSpec struct {
	Format Format
	Doc    string
	// Written says that Write knows the format too.
	Written bool
	read    func(*text) (*Trace, error)
	// matches recognises the first line.
	matches func(first string) bool
}

// Formats returns the formats that can be read, in the order in which they are
// tried.
func Formats() []FormatSpec {
	return []FormatSpec{
		{Mahimahi, "one integer a line, the ms at which 1500 bytes may leave (mahimahi, mpshell)", true, readMahimahi, isMahimahi},
		{CSVBytes, "`second,bytes_per_second`, one row a second (WiFi and cellular walks, CNERT'23)", true, readCSVBytes, isCSVBytes},
		{CSVMbits, "`value,Mbits/sec`, one row a second (iperf; NYU-METS)", false, readCSVMbits, isCSVMbits},
		{MTU5G, "CSV with header: Time, ..., RATE(MBit/s) (MTU 3G/4G/5G logs, uplink)", false, readMTU, isMTU},
		{UCC5G, "CSV with header: Timestamp, ..., NetworkMode, ..., DL_bitrate in kbit/s (UCC 5G logs)", false, readUCC, isUCC},
	}
}

// ParseFormat looks a format up by name; the empty name and "auto" are Auto.
func ParseFormat(name string) (Format, error) {
	if name == "" || name == "auto" {
		return Auto, nil
	}
	var known []string
	for _, f := range Formats() {
		if string(f.Format) == name {
			return f.Format, nil
		}
		known = append(known, string(f.Format))
	}
	return Auto, fmt.Errorf("unknown trace format %q; known are auto, %s", name, strings.Join(known, ", "))
}

// Read reads a trace, plain or compressed with gzip (told by its first bytes).
// With Auto the first line decides the format. The name is used in messages and
// becomes the trace's Source. A fault in the text is an *Error with line and
// column; of a gzipped file they count in the uncompressed text.
func Read(r io.Reader, name string, f Format) (*Trace, error) {
	txt, err := newText(r, name)
	if err != nil {
		return nil, err
	}
	spec, err := txt.format(f)
	if err != nil {
		return nil, err
	}
	t, err := spec.read(txt)
	if err != nil {
		return nil, err
	}
	t.Source, t.Format = name, spec.Format
	if err := t.Check(); err != nil {
		return nil, txt.errorAt(txt.line, 1, "%v", err)
	}
	return t, nil
}

// format returns the row of the format that was asked for, or that of the first
// line.
func (t *text) format(f Format) (*FormatSpec, error) {
	first, err := t.peek()
	if err != nil {
		return nil, err
	}
	var known []string
	for _, spec := range Formats() {
		if f == spec.Format || f == Auto && spec.matches(first) {
			return &spec, nil
		}
		known = append(known, string(spec.Format))
	}
	list := strings.Join(known, ", ")
	if f != Auto {
		return nil, t.errorAt(1, 1, "format %q cannot be read; known are %s", string(f), list)
	}
	return nil, t.errorAt(1, 1, "%s is not the first line of a link trace; known formats are %s; name one if the file is damaged at its head",
		quote([]byte(first)), list)
}

// quote prints a piece of a file in a message, shortened.
func quote(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%q...", b[:most])
	}
	return fmt.Sprintf("%q", b)
}

// isDigits reports whether b is a non-empty run of decimal digits.
func isDigits(b []byte) bool {
	return len(b) > 0 && len(bytes.TrimLeft(b, "0123456789")) == 0
}
