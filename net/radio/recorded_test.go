package radio

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mpsim/sim"
)

// recordedData returns the directory of recorded traces, which the repository
// does not contain: MPSIM_DATA, by default ../shared/data beside the repository.
// Without it the test is skipped, or fails where MPSIM_REQUIRE_DATA=1.
func recordedData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MPSIM_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("MPSIM_REQUIRE_DATA") == "1" {
			t.Fatalf("recorded traces are required: %v", err)
		}
		t.Skipf("without recorded traces (set MPSIM_DATA): %v", err)
	}
	t.Logf("with the recorded traces in %s", dir)
	return dir
}

func checkRecorded(t *testing.T, dir, file string, f Format, seconds, mbit, tolerance, gap float64) *Trace {
	t.Helper()
	trace := readFile(t, filepath.Join(dir, file), Auto)
	s := trace.Stats()
	if trace.Format != f {
		t.Errorf("%s was taken for %s, not %s", file, trace.Format, f)
	}
	if got := s.Length.Seconds(); math.Abs(got-seconds) > 1e-9 {
		t.Errorf("%s lasts %v s, want %v", file, got, seconds)
	}
	if got := float64(s.Mean) / 1e6; math.Abs(got-mbit) > tolerance {
		t.Errorf("%s: mean %v Mb/s, want %v +- %v", file, got, mbit, tolerance)
	}
	if got := s.Longest.Length.Seconds(); math.Abs(got-gap) > 1e-9 {
		t.Errorf("%s: longest gap %v s, want %v", file, got, gap)
	}
	t.Logf("%-45s %9.3f s %7.3f Mb/s, longest gap %6.3f s", file, s.Length.Seconds(), float64(s.Mean)/1e6, s.Longest.Length.Seconds())
	return trace
}

// TestRecordedMahimahi compares with the table of the fact sheet on inputs
// (durations there in whole seconds; here the last lines of the files).
func TestRecordedMahimahi(t *testing.T) {
	dir := recordedData(t)
	for _, tt := range []struct {
		file          string
		seconds, mbit float64
		tolerance     float64
		gap           float64
	}{
		{"Verizon-LTE-short.down.gz", 140, 5.03, .005, 1.447},
		{"Verizon-LTE-short.up.gz", 140, 5.95, .005, 1.718},
		{"ATT-LTE-driving-2016.down.gz", 120.002, 4.56, .005, 1.123},
		{"ATT-LTE-driving-2016.up.gz", 120.002, 1.91, .005, 4.061},
		{"TMobile-LTE-short.down.gz", 139.986, 16.7, .05, 0.917},
		{"TMobile-LTE-short.up.gz", 140, 13.3, .05, 0.724},
		{"Verizon-EVDO-driving.down.gz", 1062.016, 0.52, .005, 11.567},
	} {
		checkRecorded(t, filepath.Join(dir, "mahimahi"), tt.file, Mahimahi, tt.seconds, tt.mbit, tt.tolerance, tt.gap)
	}
}

// TestRecordedWalks reads every pair of walks and compares with the plain sum
// over encoding/csv, and with what the fact sheet says of the paths.
func TestRecordedWalks(t *testing.T) {
	dir := filepath.Join(recordedData(t), "wifi-cell-pairs")
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) != 60 {
		t.Fatalf("%d files, want 30 pairs; %v", len(files), err)
	}
	reachesZero := 0
	for _, path := range files {
		trace := checkPlainSum(t, path, CSVBytes, func(row []string) float64 { return 8 * parseNumber(t, row[1]) })
		name, s := filepath.Base(path), trace.Stats()
		if strings.HasPrefix(name, "7_") || strings.HasPrefix(name, "8_") {
			if strings.Contains(name, "wifi") && s.MinSecond == 0 {
				reachesZero++
			}
		}
		if mean := s.Mean; strings.HasPrefix(name, "13_") && strings.Contains(name, "cellular") && (mean < 9*mbps || mean > 18*mbps) {
			t.Errorf("%s: mean %v, weak cellular expected", name, mean)
		}
	}
	if reachesZero != 10 {
		t.Errorf("WiFi reaches 0 on %d of the 10 walks of paths 7 and 8", reachesZero)
	}
}

// TestRecordedTrains reads the NYU-METS traces. One of them mixes bits, Kbits
// and Mbits per second.
func TestRecordedTrains(t *testing.T) {
	dir := filepath.Join(recordedData(t), "nyu-mets")
	units := map[string]float64{"bits/sec": 1, "Kbits/sec": 1e3, "Mbits/sec": 1e6}
	for file, rows := range map[string]int{"7Train1.csv": 4910, "Long_Island_Rail_Road.csv": 1447, "QTrain.csv": 2404, "bus57.csv": 2403} {
		trace := checkPlainSum(t, filepath.Join(dir, file), CSVMbits, func(row []string) float64 {
			return parseNumber(t, row[0]) * units[row[1]]
		})
		if got := trace.Length; got != sim.Duration(rows)*sim.Second {
			t.Errorf("%s lasts %v, want %d s", file, got, rows)
		}
	}
}

// checkPlainSum compares length and mean of a file of one row a second with the
// rows that encoding/csv finds.
func checkPlainSum(t *testing.T, path string, f Format, rate func([]string) float64) *Trace {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sum, zeros, gap := 0.0, 0, 0
	for _, row := range rows {
		x := rate(row)
		sum += x
		zeros++
		if x > 0 {
			zeros = 0
		}
		gap = max(gap, zeros)
	}
	return checkRecorded(t, filepath.Dir(path), filepath.Base(path), f,
		float64(len(rows)), sum/float64(len(rows))/1e6, 2e-6, float64(gap))
}

func parseNumber(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestRecordedThreeNetworks reads the three uplinks of one drive. They share
// their timestamps; 709 rows lie about 3 s apart. The mean is checked against
// the modem's own byte counter (last minus first Sent Bytes, times 8, over the
// duration), which the reader does not look at.
func TestRecordedThreeNetworks(t *testing.T) {
	dir := filepath.Join(recordedData(t), "mtu-3g4g5g")
	for _, tt := range []struct {
		file      string
		mbit, gap float64
	}{
		{"Data5G.csv.gz", 29.7086, 0},
		{"DataLTE.csv.gz", 28.6148, 0},
		{"DataUMTS.csv.gz", 13.2503, 21},
	} {
		trace := checkRecorded(t, dir, tt.file, MTU5G, 2132, tt.mbit, 0.002*tt.mbit, tt.gap)
		if len(trace.Steps) != 708 {
			t.Errorf("%s: %d intervals between 709 rows", tt.file, len(trace.Steps))
		}
	}
}

// TestRecorded5G reads the UCC drives. Duration and mean by the clock, gaps and
// changes of mode were computed with another program by the reader's definition;
// the fact sheet counts rows instead of seconds: 2887 rows of mean 57 and maximum
// 457 Mb/s for the second file.
func TestRecorded5G(t *testing.T) {
	dir := filepath.Join(recordedData(t), "ucc-5g")
	for _, tt := range []struct {
		file          string
		seconds, mbit float64
		peak, gap     float64
		modes         int
		first         string
	}{
		{"B_2019.12.14_10.16.30.reduced.csv.gz", 1163, 10.145529, 96.925, 6, 14, "5G"},
		{"B_2019.12.16_14.23.32.reduced.csv.gz", 2950, 61.345983, 456.818, 16, 32, "5G"},
		{"B_2020.01.16_12.10.03.reduced.csv.gz", 387, 130.164727, 371.824, 5, 1, "5G"},
		{"B_2020.02.14_09.38.22.reduced.csv.gz", 1719, 34.829756, 484.565, 6, 14, "LTE"},
	} {
		trace := checkRecorded(t, dir, tt.file, UCC5G, tt.seconds, tt.mbit, 1e-4, tt.gap)
		peak, end := sim.Rate(0), sim.Duration(0)
		for _, s := range trace.Steps {
			peak = max(peak, s.Rate)
		}
		if got := float64(peak) / 1e6; math.Abs(got-tt.peak) > 1e-6 {
			t.Errorf("%s: peak %v Mb/s, want %v", tt.file, got, tt.peak)
		}
		for _, m := range trace.Modes {
			if m.At != end || m.Length <= 0 {
				t.Errorf("%s: mode %v follows the end of another at %v", tt.file, m, end)
			}
			end = m.At + m.Length
		}
		if len(trace.Modes) == 0 || trace.Modes[0].Name != tt.first || end != trace.Length {
			t.Errorf("%s: modes %v", tt.file, trace.Modes)
		}
		// A mode that begins and ends within one second has no length and is
		// left out, so there may be fewer than changes from row to row.
		if n := len(trace.Modes); n > tt.modes || n < tt.modes-2 {
			t.Errorf("%s: %d modes, %d in the rows", tt.file, n, tt.modes)
		}
	}
}
