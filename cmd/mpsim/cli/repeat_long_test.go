//go:build long

package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"mpsim/internal/execute"
	"mpsim/scenarios"
)

const libraryDir = "../../../scenarios"

// setting is an environment variable by which a part of a long test is asked for.
func setting(name, other string) string { return cmp.Or(os.Getenv(name), other) }

// The ten shortest scenarios of the library that are pinned, a thousand times each
// (MPSIM_REPEAT) in mixed order with one to eight jobs: each has one hash, its baseline.
func TestOneHashEach(t *testing.T) {
	times, err := strconv.Atoi(setting("MPSIM_REPEAT", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := scenarioFiles([]string{libraryDir})
	if err != nil {
		t.Fatal(err)
	}
	all := shortest(t, files, 10)
	rnd := rand.New(rand.NewPCG(1, 2))
	for jobs := 1; jobs <= 8; jobs++ {
		var order []*scenarios.Scenario
		for _, sc := range all {
			for range times*jobs/8 - times*(jobs-1)/8 {
				order = append(order, sc)
			}
		}
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		var g errgroup.Group
		g.SetLimit(jobs)
		for _, sc := range order {
			g.Go(func() error {
				o, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: sc.Seed})
				switch {
				case err != nil:
					return fmt.Errorf("%s: %w", sc.Name, err)
				case o.Summary.Hash != sc.Baseline.Hash || !o.Passed():
					return fmt.Errorf("%s with %d jobs: hash %s, want %s", sc.Name, jobs, o.Summary.Hash, sc.Baseline.Hash)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d jobs: %d runs", jobs, len(order))
	}
}

// shortest returns the pinned scenarios with the fewest events.
func shortest(t *testing.T, files []string, n int) []*scenarios.Scenario {
	t.Helper()
	type counted struct {
		sc     *scenarios.Scenario
		events uint64
	}
	var all []counted
	for _, f := range files {
		sc, err := scenarios.Load(f, scenarios.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if sc.Baseline.Hash == "" {
			continue
		}
		o, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: sc.Seed, Limits: execute.Limits{Events: 20_000}})
		if err != nil {
			t.Fatal(err)
		}
		if o.Stopped == execute.Finished {
			all = append(all, counted{sc, o.Summary.Events})
		}
	}
	slices.SortStableFunc(all, func(a, b counted) int { return cmp.Compare(a.events, b.events) })
	if len(all) < n {
		t.Fatalf("%d scenarios have at most 20,000 events", len(all))
	}
	var out []*scenarios.Scenario
	for _, c := range all[:n] {
		t.Logf("%s: %d events", c.sc.Name, c.events)
		out = append(out, c.sc)
	}
	return out
}

// Every expectation of the library holds for twenty further seeds (MPSIM_SEEDS=2..21,
// MPSIM_SEEDS_RUN names files by a regular expression).
func TestLibraryHoldsForFurtherSeeds(t *testing.T) {
	var out, errs bytes.Buffer
	code := Run(context.Background(), []string{"mpsim", "test", libraryDir, "--annotations=false",
		"--data", libraryDir + "/testdata/data", "--seeds", setting("MPSIM_SEEDS", "2..21"), "--run", os.Getenv("MPSIM_SEEDS_RUN")}, &out, &errs)
	lines := strings.Split(out.String(), "\n")
	file := ""
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "# Subtest: "); ok {
			file = name
		}
		if strings.HasPrefix(line, "    not ok ") {
			t.Errorf("%s: %s %s", file, strings.TrimSpace(line), strings.TrimSpace(lines[i+1]))
		}
	}
	if code != exitOK {
		t.Errorf("exit code %d %s", code, errs.String())
	}
	t.Log(lines[len(lines)-2])
}
