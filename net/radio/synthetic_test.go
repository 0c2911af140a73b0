package radio

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/sim"
)

var update = flag.Bool("update", false, "write the synthetic traces below scenarios/testdata/data")

// syntheticDir holds invented traces under the file names of recorded ones, on
// which scenarios that ask for recorded data run where there is none.
const syntheticDir = "../../scenarios/testdata/data"

// syntheticLength is that of every file there.
const syntheticLength = 40 * sim.Second

// syntheticSeed was chosen so that the first walk keeps its WiFi for all the 40 s
// and the first drive has no silence of a second before 20 s: scenarios fail and
// restore a link in that time, and look at the effect.
const syntheticSeed = 8

const syntheticReadme = `# Synthetic link traces

Nothing here was measured. The files have the names and the formats of recorded
traces (see ` + "`mpsim trace info`" + `), are 40 s long, and were made by the link profiles
of net/radio:

    go test ./net/radio -run Synthetic -update

They let scenarios on recorded traces run where the recordings are absent. What
tells them from recordings: byte counts are multiples of 1000, dates lie in the
year 2000, and opportunities are evenly spaced within each 100 ms.
`

// synthetic makes the files: name (".gz" means compressed) and text.
func synthetic(t *testing.T) map[string]string {
	t.Helper()
	// A fresh simulation for each: names alone decide.
	generate := func(profile, name string) (down, up *Trace) {
		p, err := Find(profile)
		if err != nil {
			t.Fatal(err)
		}
		return p.Generate(sim.New(syntheticSeed, 0), "synthetic/"+name, syntheticLength)
	}
	write := func(trace *Trace, f Format) string {
		var b strings.Builder
		if err := trace.Write(&b, f); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	files := map[string]string{"README.md": syntheticReadme}
	for _, walk := range []string{"7_1", "8_1"} {
		wifi, _ := generate("wifi-walking", walk+"/wifi")
		cellular, _ := generate("lte-good", walk+"/cellular")
		files["wifi-cell-pairs/"+walk+"_wifi.csv"] = write(rounded(t, wifi), CSVBytes)
		files["wifi-cell-pairs/"+walk+"_cellular.csv"] = write(rounded(t, cellular), CSVBytes)
	}
	for drive, profile := range map[string]string{
		"ATT-LTE-driving-2016": "lte-driving", "Verizon-LTE-short": "lte-walking",
	} {
		down, up := generate(profile, drive)
		files["mahimahi/"+drive+".down.gz"] = write(down, Mahimahi)
		files["mahimahi/"+drive+".up.gz"] = write(up, Mahimahi)
	}
	for name, profile := range map[string]string{"Data5G": "lte-walking", "DataLTE": "lte-good", "DataUMTS": "3g"} {
		_, up := generate(profile, name)
		files["mtu-3g4g5g/"+name+".csv.gz"] = mtuText(rounded(t, up))
	}
	down, _ := generate("lte-good", "ucc")
	files["ucc-5g/B_2020.01.16_12.10.03.reduced.csv.gz"] = uccText(rounded(t, down))
	train, _ := generate("lte-driving", "train")
	var b strings.Builder
	for _, s := range rounded(t, train).Steps {
		fmt.Fprintf(&b, "%.3f,Mbits/sec\r\n", float64(s.Rate)/1e6)
	}
	files["nyu-mets/7Train1.csv"] = b.String()
	return files
}

// rounded returns the trace by the second, in multiples of 1000 bytes.
func rounded(t *testing.T, trace *Trace) *Trace {
	t.Helper()
	p, err := trace.PerSecond()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range p.Steps {
		p.Steps[i].Rate = s.Rate / 8000 * 8000
	}
	return p
}

// mtuText writes one row at the beginning and one at the end of each second.
func mtuText(trace *Trace) string {
	var b strings.Builder
	b.WriteString("Time,rsrp(dBm),Sent Bytes,RATE(MBit/s)\n")
	sent := sim.Rate(0)
	for i := range len(trace.Steps) + 1 {
		rate := sim.Rate(0)
		if i > 0 {
			rate = trace.Steps[i-1].Rate
		}
		sent += rate / 8
		fmt.Fprintf(&b, "Sat Jan 1 00:00:%02d UTC 2000,-100,%d,%.6f\n", i, sent, float64(rate)/1e6)
	}
	return b.String()
}

// uccText writes a row a second, on LTE but for ten seconds.
func uccText(trace *Trace) string {
	var b strings.Builder
	b.WriteString("Timestamp,Speed,NetworkMode,RSRP,SNR,DL_bitrate,UL_bitrate,State\n")
	for i, s := range trace.Steps {
		mode := "LTE"
		if i >= 10 && i < 20 {
			mode = "5G"
		}
		fmt.Fprintf(&b, "2000.01.01_00.00.%02d,0,%s,-100,0.0,%d,0,D\n", i, mode, s.Rate/sim.KilobitPerSecond)
	}
	return b.String()
}

// TestSyntheticFiles compares the files with what the generators make, or writes
// them with -update.
func TestSyntheticFiles(t *testing.T) {
	files := synthetic(t)
	for name, text := range files {
		path := filepath.Join(syntheticDir, name)
		if *update {
			writeSynthetic(t, path, text)
		}
		if got := readSynthetic(t, path); got != text {
			t.Errorf("%s differs from what the generators make; run with -update and say why in the commit", path)
		}
		if name == "README.md" {
			continue
		}
		trace := readFile(t, path, Auto)
		if trace.Length != syntheticLength {
			t.Errorf("%s lasts %v", path, trace.Length)
		}
		s := trace.Stats()
		t.Logf("%-45s %8s, mean %v, longest gap %v at %v", name, trace.Format, s.Mean, s.Longest.Length, s.Longest.At)
	}
	err := filepath.WalkDir(syntheticDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(syntheticDir, path)
		if dir, _, _ := strings.Cut(filepath.ToSlash(name), "/"); dir == "traffic" || dir == "maps" {
			return err // flows and topologies, not links
		}
		if _, ok := files[filepath.ToSlash(name)]; err == nil && !ok {
			t.Errorf("%s is not made by the generators", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func writeSynthetic(t *testing.T, path, text string) {
	t.Helper()
	var b bytes.Buffer
	if strings.HasSuffix(path, ".gz") {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		b.WriteString(text)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readSynthetic returns the text of a file, so that another version of the
// compressor makes no difference.
func readSynthetic(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return string(b)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
