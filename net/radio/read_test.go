package radio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mpsim/sim"
)

func readFile(t *testing.T, path string, f Format) *Trace {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	trace, err := Read(file, filepath.Base(path), f)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// TestReadFormats reads one hand-made file of each format, both with the format
// given and with the format detected. The wanted traces were worked out by hand
// from the definition of each format.
func TestReadFormats(t *testing.T) {
	s := sim.Second
	tests := []struct {
		file string
		want Trace
	}{
		{"mahimahi.trace", Trace{Format: Mahimahi, Kind: Opportunities, Length: 1500 * ms,
			Opportunities: []uint32{0, 0, 3, 10, 10, 400, 1500}}},
		{"mahimahi.trace.gz", Trace{Format: Mahimahi, Kind: Opportunities, Length: 1500 * ms,
			Opportunities: []uint32{0, 0, 3, 10, 10, 400, 1500}}},
		{"walk.csv", Trace{Format: CSVBytes, Length: 5 * s,
			Steps: []Step{{0, 10 * mbps}, {1 * s, 0}, {2 * s, 0}, {3 * s, 20 * mbps}, {4 * s, 1000}}}},
		{"iperf.csv", Trace{Format: CSVMbits, Length: 5 * s,
			Steps: []Step{{0, 1_500_000}, {1 * s, 0}, {2 * s, 791_000}, {3 * s, 1_250_000_000}, {4 * s, 12}}}},
		// 2024 has a 29th of February, so the rows lie 3, 4 and 2 s apart. The
		// rate of a row holds for the time before it.
		{"mtu.csv", Trace{Format: MTU5G, Length: 9 * s,
			Steps: []Step{{0, 19_500_000}, {3 * s, 0}, {7 * s, 2_250_000}}}},
		// The second row lies in the first second; there is no row at 2 and 3 s;
		// a year ends.
		{"ucc.csv", Trace{Format: UCC5G, Length: 6 * s,
			Steps: []Step{{0, 200_000}, {1 * s, 5 * mbps}, {4 * s, 0}, {5 * s, 70 * mbps}},
			Modes: []Mode{{0, 1 * s, "5G"}, {1 * s, 4 * s, "LTE"}, {5 * s, 1 * s, "5G"}}}},
	}
	for _, tt := range tests {
		tt.want.Source = tt.file
		for _, f := range []Format{Auto, tt.want.Format} {
			got := readFile(t, filepath.Join("testdata", tt.file), f)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("%s as %q (-want +got):\n%s", tt.file, f, diff)
			}
		}
	}
}

// TestReadOverride shows that a format can be forced where the first line is
// damaged or says otherwise.
func TestReadOverride(t *testing.T) {
	const csv = "1,Mbits/sec\n2,Mbits/sec\n"
	if _, err := Read(strings.NewReader(csv), "x", Auto); err != nil {
		t.Fatal(err)
	}
	_, err := Read(strings.NewReader(csv), "x", CSVBytes)
	if err == nil || !strings.HasPrefix(err.Error(), "x:1:3: ") {
		t.Errorf("forced to csv-bytes: %v", err)
	}
	for _, name := range []string{"", "auto"} {
		if f, err := ParseFormat(name); f != Auto || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", name, f, err)
		}
	}
	for _, spec := range Formats() {
		if f, err := ParseFormat(string(spec.Format)); f != spec.Format || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", spec.Format, f, err)
		}
	}
	if _, err := ParseFormat("pcap"); err == nil || !strings.Contains(err.Error(), "ucc-5g") {
		t.Errorf("ParseFormat(pcap): %v", err)
	}
}

const (
	mtuHead = "Time,Sent Bytes,RATE(MBit/s)\n"
	uccHead = "Timestamp,NetworkMode,DL_bitrate\n"
)

// TestReadErrors checks the place and the sense of each complaint.
func TestReadErrors(t *testing.T) {
	tests := []struct {
		format Format
		text   string
		want   string // prefix of the error
		part   string
	}{
		{Auto, "", "f:1:1: ", "empty"},
		{Auto, "hello\n", "f:1:1: ", "known formats"},
		{Auto, "\n1\n", "f:1:1: ", "not the first line"},
		{"pcap", "1\n", "f:1:1: ", "cannot be read"},

		// The rules of mahimahi (ALGORITHMS.md E7), one by one.
		{Mahimahi, "", "f:1:1: ", "empty"},
		{Mahimahi, "5\n4\n", "f:2:1: ", "4 follows 5"},
		{Mahimahi, "0\n0\n", "f:2:1: ", "period"},
		{Mahimahi, "1\n\n2\n", "f:2:1: ", "blank"},
		{Mahimahi, "1\n2\n\n", "f:3:1: ", "blank"},
		{Mahimahi, "-1\n", "f:1:1: ", "non-negative"},
		{Mahimahi, "1\n2x\n", "f:2:2: ", "integer"},
		{Mahimahi, "1.5\n", "f:1:2: ", "integer"},
		{Mahimahi, " 1\n", "f:1:1: ", "integer"},
		{Auto, "1\r\n2\r\n", "f:1:2: ", "carriage return"},
		{Mahimahi, "4294967296\n", "f:1:1: ", "49 days"},
		{Mahimahi, "99999999999999999999999\n", "f:1:1: ", "49 days"},

		{Auto, "1,5\n3,5\n", "f:2:1: ", "one row a second"},
		{Auto, "2,5\n1,5\n", "f:2:1: ", "not sorted"},
		{Auto, "1,5\n1,5\n", "f:2:1: ", "twice"},
		{Auto, "1,5\n2\n", "f:2:1: ", "second,bytes_per_second"},
		{Auto, "1,5\n2,6,7\n", "f:2:1: ", "3 values"},
		{Auto, "1,5\n2,-6\n", "f:2:3: ", "negative"},
		{Auto, "1,5\n2,x\n", "f:2:3: ", "not a number"},
		{Auto, "1,5\n2,\n", "f:2:3: ", "not a number"},
		{Auto, "1,5\n2,NaN\n", "f:2:3: ", "not a number"},
		{Auto, "1,5\n2,1e300\n", "f:2:3: ", "unit"},
		{Auto, "1,5\n2,1e400\n", "f:2:3: ", "unit"},
		{Auto, "1,5\n\n2,5\n", "f:2:1: ", "blank"},
		{Auto, "1,0\n2,0\n", "f:2:1: ", "never lets a byte pass"},
		{Auto, "second,bytes_per_second\n", "f:2:1: ", "no row"},
		{CSVBytes, "x,5\n", "f:1:1: ", "whole number"},
		{CSVBytes, "99999999999,5\n", "f:1:1: ", "larger"},

		{Auto, "1,Mbits/sec\n2,furlongs\n", "f:2:3: ", "unknown unit"},
		{Auto, "1,Mbits/sec\nx,Mbits/sec\n", "f:2:1: ", "not a number"},
		{Auto, "1,Mbits/sec\n1\n", "f:2:1: ", "value,Mbits/sec"},
		{Auto, "1e9,Gbits/sec\n", "f:1:1: ", "unit"},

		{Auto, mtuHead, "f:1:1: ", "two rows"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1,2\n", "f:2:1: ", "two rows"},
		{Auto, mtuHead + "Sat Aug 32 13:29:30 UTC 2022,1,2\n", "f:2:1: ", "date"},
		{Auto, mtuHead + "yesterday,1,2\n", "f:2:1: ", "date"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1,2\nSat Aug 20 13:29:29 UTC 2022,1,2\n", "f:3:1: ", "sorted"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1,2\nSat Aug 20 13:29:30 UTC 2022,1,2\n", "f:3:1: ", "same time"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1,2\nSat Aug 20 13:30:31 UTC 2022,1,2\n", "f:3:1: ", "61 s"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1\n", "f:2:1: ", "3 columns"},
		{Auto, mtuHead + "Sat Aug 20 13:29:30 UTC 2022,1,fast\n", "f:2:32: ", "not a number"},
		{MTU5G, "Time,Rate\n", "f:1:1: ", mtuRate},

		{Auto, uccHead, "f:2:1: ", "empty"},
		{Auto, uccHead + "2019.12.16_14.23,5G,1\n", "f:2:1: ", "2019.12.16_14.23.32"},
		{Auto, uccHead + "2019.13.16_14.23.32,5G,1\n", "f:2:1: ", "2019.12.16_14.23.32"},
		{Auto, uccHead + "2019.12.16_14.23.32,5G,-\n", "f:2:24: ", "not a number"},
		{Auto, uccHead + "2019.12.16_14.23.32,5G,1\n2019.12.16_14.23.31,5G,1\n", "f:3:1: ", "sorted"},

		{Auto, strings.Repeat("1", maxLine+2), "f:1:4096: ", "longer"},
		{Auto, "1,5\n2,5" + strings.Repeat("0", 1<<17), "f:2:4096: ", "longer"},
	}
	for _, tt := range tests {
		trace, err := Read(strings.NewReader(tt.text), "f", tt.format)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q as %q: trace %v, error %v; want an *Error", tt.text, tt.format, trace, err)
			continue
		}
		if !strings.HasPrefix(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q as %q:\n got %v\nwant %s...%s...", tt.text, tt.format, err, tt.want, tt.part)
		}
	}
}

// TestReadTolerates reads what is unusual but clear.
func TestReadTolerates(t *testing.T) {
	for _, text := range []string{
		"0\n5", "second,bytes_per_second\n0,5\n1,6\n", "7,5\r\n8,5.5\r\n\r\n\n", ".5,Mbits/sec", "1,1e+05\n",
	} {
		if _, err := Read(strings.NewReader(text), "f", Auto); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestReadDamagedGzip wants an error that names the file for every way of
// cutting or flipping a compressed trace, unless the text came through whole.
func TestReadDamagedGzip(t *testing.T) {
	whole, err := os.ReadFile("testdata/mahimahi.trace.gz")
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n < len(whole); n++ {
		if _, err := Read(bytes.NewReader(whole[:n]), "f.gz", Auto); err == nil || !strings.HasPrefix(err.Error(), "f.gz:") {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-6] ^= 1 // in the CRC
	if _, err := Read(bytes.NewReader(flipped), "f.gz", Auto); err == nil {
		t.Error("a wrong CRC was accepted")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// TestReadPassesReadErrorsOn distinguishes a failing device from a bad file.
func TestReadPassesReadErrorsOn(t *testing.T) {
	_, err := Read(failing{}, "f", Auto)
	var e *Error
	if err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), "f: disk on fire") {
		t.Errorf("got %v", err)
	}
}
