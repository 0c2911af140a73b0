package bench

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"mpsim/sim"
)

// The programs for ns-3: the dumbbell of bench/bottleneck-1.toml and -100.toml with
// ns-3's TCP (NewReno, SACK, timestamps, delayed acknowledgements, minimum RTO 200 ms),
// without queue disciplines, tracing or logging. They print the processor time of the
// event loop alone.
//
//go:embed testdata/ns3
var ns3Sources embed.FS

// ns3Libraries is what the programs are linked with (Debian: libns3-dev; its
// pkg-config files carry a stray flag).
var ns3Libraries = []string{"-lns3-core", "-lns3-network", "-lns3-internet", "-lns3-point-to-point", "-lns3-applications", "-lns3-traffic-control", "-lns3-stats", "-lns3-bridge"}

// ErrNoNS3 says what is missing for a comparison with ns-3.
var ErrNoNS3 = errors.New("a comparison with ns-3 needs g++ and ns-3: apt-get install g++ ns3 libns3-dev")

// NS3 is the comparison of one benchmark with ns-3.
type NS3 struct {
	// Ratio is ns-3's processor time divided by ours: its event loop against our
	// loading, building and event loop.
	*Ratio
	// Utilisation of the bottleneck by payload in both.
	UtilisationNS3 float64 `json:"utilisation_ns3"`
	Utilisation    float64 `json:"utilisation"`
	EventsNS3      uint64  `json:"events_ns3"`
}

// CompareNS3 runs the dumbbell with n flows for so much simulated time in ns-3 and
// here in turns. The programs are compiled at the first use and kept in the user's
// cache directory.
func CompareNS3(ctx context.Context, n int, length sim.Duration, pairs int, o Options) (*NS3, error) {
	program, err := buildNS3(ctx)
	if err != nil {
		return nil, err
	}
	b, err := Find(fmt.Sprintf("bottleneck-%d", n))
	if err != nil {
		return nil, err
	}
	b.set = append(b.set, fmt.Sprintf("duration=%v", length))
	var theirs, ours []float64
	out := new(NS3)
	for range pairs {
		x, err := runNS3(ctx, program, n, length)
		if err != nil {
			return nil, err
		}
		r, err := b.once(ctx, o)
		if err != nil {
			return nil, err
		}
		theirs, ours = append(theirs, x.cpu), append(ours, r.setup+r.cpu)
		out.UtilisationNS3, out.EventsNS3 = x.utilisation, x.events
		out.Utilisation = b.guard.utilisation(&r.work, r.seconds)
	}
	out.Ratio = newRatio("ns3-"+b.Name, "s of processor time", theirs, ours)
	return out, nil
}

// buildNS3 compiles the program of the dumbbell, once for each version of it.
func buildNS3(ctx context.Context) (string, error) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return "", ErrNoNS3
	}
	h := sha256.New()
	files := map[string][]byte{}
	for _, name := range []string{"common.h", "dumbbell.cc"} {
		text, err := ns3Sources.ReadFile("testdata/ns3/" + name)
		if err != nil {
			return "", err
		}
		files[name] = text
		h.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "mpsim", fmt.Sprintf("ns3-%x", h.Sum(nil)[:6]))
	program := filepath.Join(dir, "dumbbell")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	args := append([]string{"-std=c++17", "-O2", filepath.Join(dir, "dumbbell.cc"), "-o", program + ".new"}, ns3Libraries...)
	if text, err := exec.CommandContext(ctx, compiler, args...).CombinedOutput(); err != nil {
		if strings.Contains(string(text), "ns3/core-module.h") || strings.Contains(string(text), "-lns3-core") {
			return "", ErrNoNS3
		}
		return "", fmt.Errorf("g++: %w\n%s", err, text)
	}
	return program, os.Rename(program+".new", program)
}

// ns3Run is what the program prints of a run.
type ns3Run struct {
	cpu, utilisation float64
	events           uint64
}

func runNS3(ctx context.Context, program string, n int, length sim.Duration) (*ns3Run, error) {
	buffer := 4 << 20
	if n > 1 {
		buffer = 256 << 10
	}
	c := exec.CommandContext(ctx, program, fmt.Sprintf("--n=%d", n), fmt.Sprintf("--sim=%g", length.Seconds()), "--q=200", fmt.Sprintf("--buf=%d", buffer))
	out, err := c.Output()
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	if err != nil {
		return nil, childError(program, err)
	}
	return parseNS3(string(out))
}

// parseNS3 reads the line "wall=... cpu=... events=... util=...".
func parseNS3(line string) (*ns3Run, error) {
	r := new(ns3Run)
	found := 0
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "cpu":
			r.cpu, err = strconv.ParseFloat(value, 64)
		case "util":
			r.utilisation, err = strconv.ParseFloat(value, 64)
		case "events":
			r.events, err = strconv.ParseUint(value, 10, 64)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ns-3's program printed %q: %w", word, err)
		}
		found++
	}
	if found != 3 || r.cpu <= 0 {
		return nil, fmt.Errorf("ns-3's program printed %q", line)
	}
	return r, nil
}
