package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mpsim/scenarios"
)

const (
	childFile = "MPSIM_TEST_SWEEP"
	childOut  = "MPSIM_TEST_SWEEP_OUT"
)

// The test binary is its own victim: with the variables set it carries out a sweep.
func TestMain(m *testing.M) {
	file := os.Getenv(childFile)
	if file == "" {
		os.Exit(m.Run())
	}
	s, err := Load(file)
	if err == nil {
		var p *Plan
		if p, err = s.Plan(scenarios.Options{}); err == nil {
			_, err = p.Execute(context.Background(), Options{Out: os.Getenv(childOut), Jobs: 2, Resume: true})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// killed carries out a sweep whose process is killed so many times at random moments,
// and compares its tables with those of an undisturbed one. Between two kills nothing
// is lost, and at the end no run has been carried out twice.
func killed(t *testing.T, text string, kills int) {
	file := write(t, text)
	whole, dir := t.TempDir(), t.TempDir()
	begun := time.Now()
	child(t, file, whole, 0)
	undisturbed := time.Since(begun)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(dir, JournalFolder, "local"+journalSuffix)
	lines := 0
	for done := 0; done < kills; {
		if child(t, file, dir, time.Duration(r.Float64()*float64(undisturbed)/float64(kills)*2)) {
			t.Logf("over after %d kills of %d", done, kills)
			break
		}
		done++
		b, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		list, _, err := parseJournal(path, b, "grid")
		if err != nil || len(list) < lines {
			t.Fatalf("seed %d: after kill %d the journal holds %d runs, before it %d: %v", seed, done, len(list), lines, err)
		}
		lines = len(list)
	}
	if lines == 0 {
		t.Logf("no run was finished before a kill")
	}
	child(t, file, dir, 0)
	equal(t, fmt.Sprintf("killed, seed %d", seed), whole, dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := parseJournal(path, b, "grid")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, x := range list {
		if seen[x.ID] {
			t.Errorf("seed %d: run %s was carried out twice", seed, x.ID)
		}
		seen[x.ID] = true
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if n := e.Name(); n != JournalFolder && !strings.HasPrefix(n, "table.") && n != "manifest.json" {
			t.Errorf("the sweep directory holds %s", n)
		}
	}
	t.Logf("%d runs were finished before the last kill, of %d", lines, len(list))
}

// child carries out the sweep in another process, which is killed after a time; 0:
// never. It reports whether the process came to its end.
func child(t *testing.T, file, out string, after time.Duration) bool {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childFile+"="+file, childOut+"="+out)
	var text strings.Builder
	c.Stderr = &text
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
		defer timer.Stop()
	}
	err := c.Wait()
	if err != nil && (after == 0 || text.Len() > 0) {
		t.Fatalf("%v: %s", err, text.String())
	}
	return err == nil
}

// A sweep survives kill -9 at any moment.
func TestKilled(t *testing.T) {
	killed(t, strings.Replace(grid, `[set]`, "[set]\nduration = \"10s\"", 1), 4)
}
