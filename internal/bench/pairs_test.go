package bench

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The confidence that order statistics enclose the median is binomial; the values are
// those of tables of the sign test (Conover, Practical Nonparametric Statistics, 3.2).
func TestOrderStatistics(t *testing.T) {
	for _, c := range []struct {
		n, k       int
		confidence float64
	}{{1, 0, 0}, {2, 0, 0.5}, {5, 0, 0.9375}, {6, 0, 0.96875}, {9, 1, 0.9609}, {10, 1, 0.9785}, {12, 2, 0.9614}, {20, 5, 0.9586}} {
		if k, p := orderStatistics(c.n); k != c.k || math.Abs(p-c.confidence) > 5e-5 {
			t.Errorf("%d values: %d left out at each end, confidence %.4f; want %d, %.4f", c.n, k, p, c.k, c.confidence)
		}
	}
}

func TestRatio(t *testing.T) {
	r := newRatio("x", "s", []float64{2, 4, 6, 1, 8, 30}, []float64{1, 4, 2, 1, 2, 3})
	// Ratios 2 1 3 1 4 10.
	if r.Median != 2.5 || r.Low != 1 || r.High != 10 || r.Pairs != 6 || r.First != 5 || r.Second != 2 {
		t.Errorf("%+v", r)
	}
}

// A base is any program that prints a measurement; one that does not know the benchmark
// is an error that says so.
func TestBaseBinary(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	script := func(text string) string {
		file := filepath.Join(t.TempDir(), "base")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	m, err := runBinary(context.Background(), script(`test "$1 $2 $3 $4 $5" = "bench incast --json --count 1" && echo '{"ns_per_packet_hop":200,"hash":"h"}'`), "incast")
	if err != nil || m.PerHop != 200 || m.Hash != "h" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := runBinary(context.Background(), script(`echo 'unknown benchmark "incast"' >&2; exit 2`), "incast"); err == nil || !strings.Contains(err.Error(), "unknown benchmark") {
		t.Errorf("the error is %v", err)
	}
}

// The line is one that ns-3.37 has printed.
func TestParseNS3(t *testing.T) {
	r, err := parseNS3("wall=4.532 cpu=1.415 events=443986 ns/ev=3186.1 hops=0 ns/hop=0.0 hopBytes=0 drops=0 rxBytes=58164712 util=0.9306 rssKB=22108\n")
	if err != nil || *r != (ns3Run{1.415, 0.9306, 443986}) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{"", "cpu=1 events=2", "cpu=x events=1 util=1", "cpu=0 events=1 util=1"} {
		if _, err := parseNS3(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// Without a compiler, and without ns-3, the error says what to install.
func TestNoNS3(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("PATH", dir)
	if _, err := buildNS3(context.Background()); err != ErrNoNS3 {
		t.Errorf("without a compiler: %v", err)
	}
	text := "#!/bin/sh\necho 'common.h:3:10: fatal error: ns3/core-module.h: No such file or directory'\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "g++"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := buildNS3(context.Background()); err != ErrNoNS3 {
		t.Errorf("without headers: %v", err)
	}
}
