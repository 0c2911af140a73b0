//go:build long

package explain

import (
	"context"
	"errors"
	"testing"

	"mpsim/internal/execute"
	"mpsim/scenarios"
	"mpsim/sim"
)

// The time of the first flow of every scenario of the library is attributed without a
// rest, and the observers change no hash.
func TestLibraryIsAttributed(t *testing.T) {
	list, err := scenarios.List()
	if err != nil {
		t.Fatal(err)
	}
	attributed := 0
	for _, e := range list {
		r, err := Open(e.Path, Options{})
		if err != nil {
			var missing scenarios.Problems
			if errors.As(err, &missing) {
				continue // its recorded traces are not here
			}
			t.Fatal(err)
		}
		if len(r.job.Scenario.Flows) > 100 {
			continue
		}
		a, err := Why(context.Background(), r, "")
		if err != nil {
			t.Logf("%s: %v", e.Path, err)
			continue
		}
		attributed++
		all := sim.Duration(0)
		for _, x := range a.Limits {
			all += x.Time
			if x.Limit == Other.String() {
				t.Errorf("%s: %v without a reason", e.Path, x.Time)
			}
		}
		if total := a.End.Sub(a.Start); all != total {
			t.Errorf("%s: the limits sum to %v, the flow took %v", e.Path, all, total)
		}
		o, err := execute.Run(context.Background(), r.job)
		if err != nil {
			t.Fatal(err)
		}
		if a.Hash != o.Summary.Hash {
			t.Errorf("%s: hash %s, without observers %s", e.Path, a.Hash, o.Summary.Hash)
		}
	}
	if attributed < 50 {
		t.Errorf("only %d scenarios have a flow", attributed)
	}
}
