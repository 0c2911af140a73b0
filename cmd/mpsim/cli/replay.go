package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mpsim/internal/explain"
	"mpsim/sim"
)

// replayFlags are the flags of the commands that carry a run out again.
type replayFlags struct {
	data  string
	set   []string
	seed  uint64
	flow  string
	force bool
	json  bool

	given bool // --seed
}

// add declares the flags.
func (f *replayFlags) add(c *cobra.Command, flow bool) {
	fl := c.Flags()
	dataFlag(c, &f.data)
	fl.BoolVar(&f.force, "force", false, "answer for what this program does, even if its hash is not the run's")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	if flow {
		setFlag(c, &f.set)
		fl.Uint64Var(&f.seed, "seed", 1, "seed, of a scenario file (default: the scenario's)")
		fl.StringVar(&f.flow, "flow", "", "`name` of the flow (default: the first over MPTCP)")
	}
}

// open reads a run.
func (p *program) open(path string, f *replayFlags) (*explain.Run, error) {
	o := explain.Options{DataDir: f.data, Plugins: p.plugins, Set: f.set, Force: f.force}
	if f.given {
		o.Seed = &f.seed
	}
	r, err := explain.Open(path, o)
	if err != nil {
		return nil, usage(err)
	}
	return r, nil
}

// replayed gives an error of an answer its exit code.
func replayed(err error) error {
	if errors.Is(err, explain.ErrInterrupted) {
		return &exitError{code: exitInterrupted}
	}
	return classify(err)
}

// printJSON prints a value as one line.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printOrigin says what an answer is about.
func (p *program) printOrigin(o *explain.Origin) {
	how := "as the scenario stands"
	switch {
	case o.Recorded:
		how = "as recorded"
	case o.Repeated:
		how = "repeated, same hash"
	case explain.IsRun(o.Run):
		how = "as this program does it"
	}
	fmt.Fprintf(p.out, "%s: scenario %s, seed %d, %s\nhash %s\n", o.Run, o.Scenario, o.Seed, how, o.Hash)
}

// at prints a time in seconds, exactly.
func at(t sim.Time) string { return fmt.Sprintf("%.9f", t.Seconds()) }

// virtual is a flag for a point or a span of virtual time.
func virtual(c *cobra.Command, v *time.Duration, name, doc string) {
	c.Flags().DurationVar(v, name, 0, doc)
}
