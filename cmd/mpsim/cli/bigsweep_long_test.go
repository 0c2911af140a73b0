//go:build long && linux

package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// onCluster carries out the sweep with Slurm; nil unless built with the tag slurm.
var onCluster func(t *testing.T, sweep func(args ...string) *exec.Cmd) (dir string)

// A sweep of 200 points with five replications each over two paths, that of CoNEXT'13,
// keeps two cores busy, survives ten kills at random moments without carrying out a run
// twice, and ends with the tables of an undisturbed one; with the tag slurm a cluster
// makes the same.
//
// A core counts as busy while a thread of the sweep runs or waits for a core that somebody
// else has (the kernel's schedstat), so that the load of the machine does not matter.
func TestBigSweep(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "mpsim")
	if out, err := exec.Command("go", "build", "-o", program, "mpsim/cmd/mpsim").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var said bytes.Buffer
	sweep := func(args ...string) *exec.Cmd {
		c := exec.Command(program, append([]string{"sweep", "sweeps/space-filling.toml", "--progress", "none"}, args...)...)
		c.Dir, c.Stdout, c.Stderr = dir, &said, &said
		c.Env = append(os.Environ(), "GOMAXPROCS=2")
		return c
	}
	begun := time.Now()
	c := sweep("--out", "whole", "--jobs", "2")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	busy := watchThreads(c.Process.Pid)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	wall, share := time.Since(begun), busy()
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	t.Logf("%.0f s, %.0f s of CPU: %.1f %% of two cores; with the time that threads waited for a core %.1f %%", wall.Seconds(), cpu.Seconds(), 50*cpu.Seconds()/wall.Seconds(), 100*share)
	if share < 0.9 {
		t.Errorf("two cores are busy %.1f %% of the time, want 90", 100*share)
	}
	if !strings.Contains(said.String(), "200 points, 1000 runs (0 of them from before), 0 failed") {
		t.Error(said.String())
	}
	want := sweepTables(t, filepath.Join(dir, "whole"))

	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for kill := 1; kill <= 10; kill++ {
		c := sweep("--out", "killed", "--jobs", "2", "--resume")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Float64() * float64(wall) / 6))
		_ = c.Process.Kill()
		if err := c.Wait(); err == nil {
			t.Logf("seed %d: over before kill %d", seed, kill)
		}
	}
	if out, err := sweepOutput(sweep("--out", "killed", "--jobs", "2", "--resume")); err != nil {
		t.Fatalf("%v: %s", err, out)
	} else {
		t.Logf("seed %d: %s", seed, strings.TrimSpace(out))
	}
	sameTables(t, fmt.Sprintf("killed ten times, seed %d", seed), want, sweepTables(t, filepath.Join(dir, "killed")))
	runs := make(map[string]int)
	journal, err := os.ReadFile(filepath.Join(dir, "killed", ".points", "local.journal"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(journal)) {
		if _, id, ok := strings.Cut(line, `"id":"`); ok {
			runs[id[:16]]++
		}
	}
	for id, n := range runs {
		if n != 1 {
			t.Errorf("seed %d: run %s was finished %d times", seed, id, n)
		}
	}
	if len(runs) != 1000 {
		t.Errorf("seed %d: %d runs are in the journal", seed, len(runs))
	}
	if onCluster != nil {
		sameTables(t, "Slurm", want, sweepTables(t, onCluster(t, sweep)))
	}
}

func sweepOutput(c *exec.Cmd) (string, error) {
	c.Stdout, c.Stderr = nil, nil
	out, err := c.CombinedOutput()
	return string(out), err
}

// sweepTables returns the files of a sweep directory.
func sweepTables(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, name := range []string{"table.csv", "table.parquet", "manifest.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(b)
	}
	return out
}

func sameTables(t *testing.T, what string, a, b map[string]string) {
	t.Helper()
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// watchThreads watches the threads of a process until it ends, and then returns how much
// of two cores they have used or waited for.
func watchThreads(pid int) func() float64 {
	result := make(chan float64)
	begun := time.Now()
	go func() {
		threads := make(map[string]float64) // seconds
		var last time.Duration
		for {
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
			alive := false
			for _, f := range files {
				b, err := os.ReadFile(f) // "time on a core, time waiting for one, slices", in ns
				n := strings.Fields(string(b))
				if err != nil || len(n) < 2 {
					continue
				}
				on, _ := strconv.ParseFloat(n[0], 64)
				waited, _ := strconv.ParseFloat(n[1], 64)
				if on > 0 {
					alive = true
					threads[f] = max(threads[f], (on+waited)/1e9)
				}
			}
			if !alive {
				break
			}
			last = time.Since(begun)
			time.Sleep(20 * time.Millisecond)
		}
		sum := 0.0
		for _, s := range threads {
			sum += s
		}
		result <- sum / (2 * last.Seconds())
	}()
	return func() float64 { return <-result }
}
