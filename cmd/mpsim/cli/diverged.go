package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mpsim/internal/execute"
	"mpsim/internal/explain"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim/trace"
)

// A case that fails is explained by what another mpsim did: a program that is run again
// with the same file and seed, or a directory of runs that were kept.

// diverged returns where a run first differs from the other one, as lines of a report.
func (p *program) diverged(v *verdictOf, sc *scenarios.Scenario, f *testFlags) []string {
	lines, err := p.compareWith(v, sc, f)
	if err != nil {
		return []string{"not compared: " + strings.ReplaceAll(err.Error(), "\n", "; ")}
	}
	return lines
}

func (p *program) compareWith(v *verdictOf, sc *scenarios.Scenario, f *testFlags) ([]string, error) {
	tmp, err := os.MkdirTemp("", "mpsim-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	other, with := filepath.Join(f.kept, fmt.Sprintf("%s-%d", sc.Name, sc.Seed)), f.kept
	if f.against != "" {
		other, with = filepath.Join(tmp, "other"), f.against
		if err := p.runOther(v.file, sc.Seed, other, f); err != nil {
			return nil, err
		}
	}
	own := filepath.Join(tmp, "own")
	job := execute.Job{Scenario: sc, Seed: sc.Seed, DataDir: f.data, Plugins: p.plugins, Out: own, Events: trace.AllKinds}
	if _, err := execute.Run(p.ctx, job); err != nil {
		return nil, err
	}
	d, err := explain.Recorded(other, own)
	if err != nil {
		return nil, err
	}
	return divergedLines(d, with), nil
}

// patience is how long the other program may take to end once it was told to.
const patience = 5 * time.Second

// runOther runs the scenario with another mpsim. It may find that expectations fail.
func (p *program) runOther(file string, seed uint64, out string, f *testFlags) error {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	args := []string{"run", file, "--seed", strconv.FormatUint(seed, 10), "--events=all", "--out", out, "--json"}
	if f.data != "" {
		args = append(args, "--data", f.data)
	}
	c := exec.CommandContext(ctx, f.against, args...)
	c.WaitDelay = patience
	var errs bytes.Buffer
	c.Stderr = &errs
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitFailed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s run %s: %w %s", f.against, file, err, bytes.TrimSpace(errs.Bytes()))
	}
	return nil
}

// mostChanges bounds the results that are listed; mpsim diff --recorded shows all.
const mostChanges = 8

// divergedLines tells a difference from another run in a few lines.
func divergedLines(d *explain.Difference, with string) []string {
	if d.Equal {
		return []string{"the run of " + with + " is the same: the file has changed, or it failed before"}
	}
	var out []string
	for _, s := range d.Setup {
		a, b := parts(s.A, s.B)
		out = append(out, fmt.Sprintf("setting %s: was %q, is %q", s.Name, a, b))
	}
	if e := d.Event; e != nil {
		out = append(out, fmt.Sprintf("first event that differs from the run of %s, after %d equal ones, at %s s:", with, e.Number, at(e.At)))
		line := func(mark string, list []string) {
			if len(list) == 0 {
				list = []string{"ends here"}
			}
			out = append(out, mark+" "+list[0])
		}
		if n := len(e.Before); n > 0 {
			out = append(out, "  "+string(e.Before[n-1]))
		}
		line("-", texts(e.A))
		line("+", texts(e.B))
	} else {
		out = append(out, "no recorded event differs from the run of "+with+"; the hash covers more of each packet (its options and timestamps)")
	}
	for i, c := range d.Metrics {
		if i == mostChanges {
			out = append(out, fmt.Sprintf("and %d more results", len(d.Metrics)-i))
			break
		}
		out = append(out, changeText(c))
	}
	return out
}

func texts[T ~[]byte](list []T) []string {
	var out []string
	for _, l := range list {
		out = append(out, string(l))
	}
	return out
}

// changeText tells one result of two runs.
func changeText(c results.Change) string {
	text := func(n *results.Number) string {
		if n == nil {
			return "-"
		}
		return short(float64(*n))
	}
	out := fmt.Sprintf("%s %s: %s -> %s", c.Entity, c.Metric, text(c.A), text(c.B))
	if c.A != nil && c.B != nil && *c.A != 0 {
		out += fmt.Sprintf(" (%+.2f %%)", 100*float64((*c.B-*c.A) / *c.A))
	}
	return out
}
