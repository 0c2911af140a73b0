//go:build long

package sweep

import (
	"runtime"
	"testing"
)

// All expectations of the sweeps of the library hold, and replications differ.
func TestLibraryHolds(t *testing.T) {
	for name, p := range library(t) {
		o := sweepTo(t, p, Options{Out: t.TempDir(), Jobs: runtime.GOMAXPROCS(0)})
		for _, r := range o.Rows {
			if len(r.Failed) > 0 || r.Error != "" {
				t.Errorf("%s: %s: %v %s", name, p.Command(r.Run), r.Failed, r.Error)
			}
		}
		if o.Same {
			t.Errorf("%s: replications are all the same", name)
		}
		t.Logf("%s: %d runs in %v", name, len(o.Rows), o.Wall)
	}
}
