package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"

	"mpsim/results"
)

// Ratio is the comparison of two things that were measured in turns.
type Ratio struct {
	Name string `json:"name"`
	// Median of the ratios of the pairs; below 1 the first is faster.
	Median results.Number `json:"ratio"`
	// Low and High enclose the true median with the given confidence, whatever the
	// distribution of the ratios (order statistics).
	Low        results.Number `json:"low"`
	High       results.Number `json:"high"`
	Confidence results.Number `json:"confidence"`
	Pairs      int            `json:"pairs"`
	// First and Second are the medians, in the unit of the comparison.
	First  results.Number `json:"first"`
	Second results.Number `json:"second"`
	Unit   string         `json:"unit"`
	// Note says what must be known to read it, for example that the runs differ.
	Note string `json:"note,omitempty"`
}

// newRatio compares pairs of measurements.
func newRatio(name, unit string, first, second []float64) *Ratio {
	q := quotients(first, second)
	r := &Ratio{Name: name, Unit: unit, Pairs: len(q), Median: median(q), First: median(first), Second: median(second)}
	slices.Sort(q)
	k, confidence := orderStatistics(len(q))
	r.Low, r.High, r.Confidence = results.Number(q[k]), results.Number(q[len(q)-1-k]), results.Number(confidence)
	return r
}

func quotients(a, b []float64) []float64 {
	q := make([]float64, len(a))
	for i := range q {
		q[i] = a[i] / b[i]
	}
	return q
}

// orderStatistics returns how many of n values may be left out at each end such that
// those that remain enclose the median of the distribution with a confidence of at
// least 0.95, and the confidence; with few values it is less.
func orderStatistics(n int) (k int, confidence float64) {
	tail := math.Pow(0.5, float64(n)) // that at most k of n values are on one side
	term := tail
	confidence = 1 - 2*tail
	for 2*(k+1) < n {
		term = term * float64(n-k) / float64(k+1)
		if tail += term; 1-2*tail < 0.95 {
			break
		}
		k++
		confidence = 1 - 2*tail
	}
	return k, confidence
}

// CompareBinaries runs a benchmark with this program and with a base in turns (this,
// base, base, this, ...) and compares processor time per packet-hop.
func CompareBinaries(ctx context.Context, base, name string, pairs int) (*Ratio, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var a, b []float64
	var hashes [2]string
	for i := range pairs {
		var got [2]float64
		for turn := range 2 {
			which := (turn + i) % 2
			m, err := runBinary(ctx, []string{self, base}[which], name)
			if err != nil {
				return nil, err
			}
			got[which], hashes[which] = float64(m.PerHop), m.Hash
		}
		a, b = append(a, got[0]), append(b, got[1])
	}
	r := newRatio(name, "ns per packet-hop", a, b)
	if hashes[0] != hashes[1] {
		r.Note = "the runs differ: other behaviour, or another definition of the benchmark"
	}
	return r, nil
}

// runBinary measures one repetition with a program.
func runBinary(ctx context.Context, program, name string) (*Measurement, error) {
	c := exec.CommandContext(ctx, program, "bench", name, "--json", "--count", "1")
	out, err := c.Output()
	if ctx.Err() != nil {
		return nil, ErrInterrupted
	}
	m := new(Measurement)
	if json.Unmarshal(out, m) == nil && m.PerHop > 0 {
		return m, nil // judged implausible perhaps, but measured
	}
	return nil, childError(program+" bench "+name, err)
}

// childError tells what a child process said on its way out.
func childError(command string, err error) error {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) && len(e.Stderr) > 0 {
		return fmt.Errorf("%s: %s", command, e.Stderr)
	}
	return fmt.Errorf("%s: %w", command, err)
}
