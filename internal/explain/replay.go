package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"mpsim/internal/execute"
	"mpsim/internal/version"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// Options say how a run is carried out again.
type Options struct {
	DataDir string // of recorded traces; empty: the default
	Plugins *scenarios.Plugins
	// Set and Seed change a scenario file; a run directory has its own.
	Set  []string
	Seed *uint64
	// Force answers although the hash is not the run's.
	Force bool
}

// Run is a run that can be carried out again: of a run directory or a scenario.
type Run struct {
	Path     string
	Manifest *results.Manifest // nil: Path is a scenario, which promises no hash
	job      execute.Job
	force    bool
}

// Open reads what a run needs. Path is a run directory, a scenario file or a
// scenario of the library. Problems of a scenario are of type scenarios.Problems.
func Open(path string, o Options) (*Run, error) {
	r := &Run{Path: path, force: o.Force}
	file := path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if len(o.Set) > 0 || o.Seed != nil {
			return nil, fmt.Errorf("%s is a run: its scenario and its seed are given", path)
		}
		if r.Manifest, err = results.ReadManifest(path); err != nil {
			return nil, err
		}
		if err := r.Manifest.Verify(path); err != nil {
			return nil, err
		}
		file = filepath.Join(path, results.ResolvedName)
	}
	sc, err := scenarios.Load(file, scenarios.Options{Set: o.Set, Seed: o.Seed, DataDir: o.DataDir, Plugins: o.Plugins})
	if err != nil {
		return nil, err
	}
	r.job = execute.Job{Scenario: sc, Seed: sc.Seed, DataDir: o.DataDir, Plugins: o.Plugins}
	if r.Manifest != nil {
		if err := r.asItWas(path); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// asItWas makes the run end where the recorded one did.
func (r *Run) asItWas(dir string) error {
	m := r.Manifest
	r.job.Seed, r.job.Replication = m.Seed, m.Replication
	b, err := os.ReadFile(filepath.Join(dir, results.SummaryName))
	if err != nil {
		return err
	}
	var s results.Summary
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, results.SummaryName), err)
	}
	if m.Status != results.Complete {
		r.job.Limits.Events = max(s.Events, 1)
		return nil
	}
	end := sim.Duration(math.Round(float64(s.SimTime) * 1e9))
	if end != r.job.Scenario.Duration.Duration() {
		r.job.Until = end
	}
	return nil
}

// DriftError says that a run cannot be repeated: this program does something else.
type DriftError struct {
	Path         string
	Was, Is      string // hashes
	Version, Own string // of mpsim: that wrote the run, this one
}

// Error implements error.
func (e *DriftError) Error() string {
	which := "the same version, " + e.Own + ", but built from other sources or with other plug-ins, or its recorded traces have changed"
	if e.Version != e.Own {
		which = "written by version " + e.Version + "; this is " + e.Own
	}
	return fmt.Sprintf("%s: this program does not repeat the run (%s): its hash is %s, not %s. --force answers for what this program does", e.Path, which, e.Is, e.Was)
}

// execute carries the run out with observers, and compares the hash.
func (r *Run) execute(ctx context.Context, attach func(*scenarios.World) error) (*execute.Outcome, error) {
	job := r.job
	job.Attach = attach
	o, err := execute.Run(ctx, job)
	if err != nil {
		return nil, err
	}
	if o.Stopped == execute.Interrupted {
		return nil, ErrInterrupted
	}
	if m := r.Manifest; m != nil && m.Hash != o.Summary.Hash && !r.force {
		return nil, &DriftError{r.Path, m.Hash, o.Summary.Hash, m.Version, version.Version}
	}
	return o, nil
}

// ErrInterrupted says that the user did not wait for the answer.
var ErrInterrupted = errors.New("interrupted")

// IsRun reports whether a path is a run directory.
func IsRun(path string) bool {
	_, err := os.Stat(filepath.Join(path, results.ManifestName))
	return err == nil
}

// Origin says what an answer is about.
type Origin struct {
	Run         string `json:"run"`
	Scenario    string `json:"scenario"`
	Seed        uint64 `json:"seed"`
	Replication uint64 `json:"replication"`
	Hash        string `json:"hash"`
	// Repeated: the hash is that of the manifest. It is false for a scenario, which
	// has none, and for an answer that was forced.
	Repeated bool `json:"repeated"`
	// Recorded: the run was not carried out again.
	Recorded bool `json:"recorded,omitempty"`
}

func (r *Run) origin(o *execute.Outcome) Origin {
	s := &o.Summary
	return Origin{Run: r.Path, Scenario: s.Scenario, Seed: s.Seed, Replication: s.Replication, Hash: s.Hash, Repeated: r.Manifest != nil && r.Manifest.Hash == s.Hash}
}

// choose returns the connection of a flow: the named one or, without a name, the
// first over MPTCP, or the first at all.
func choose(w *scenarios.World, name string) (*scenarios.Connection, error) {
	all := w.Connections()
	var first *scenarios.Connection
	names := ""
	for i := range all {
		c := &all[i]
		names += " " + c.Flow
		switch {
		case name == c.Flow, name == "" && c.Protocol == "mptcp":
			return c, nil
		case first == nil:
			first = c
		}
	}
	switch {
	case first == nil:
		return nil, errors.New("the scenario has no flow over MPTCP or TCP")
	case name != "":
		return nil, fmt.Errorf("no flow %q over MPTCP or TCP; there are%s", name, names)
	}
	return first, nil
}
