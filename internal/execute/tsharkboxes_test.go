package execute

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/tshark"
	"mpsim/results"
	"mpsim/scenarios"
	"mpsim/sim"
)

// boxCapture is a scenario of the library and where packets are captured.
type boxCapture struct {
	name, capture string
	seconds       int
	unmapped      bool // payload without mappings is expected
}

// Captures behind proxies, gateways and radio links, and of links with faults, dissect
// without a malformed packet, a wrong checksum or any other expert item of severity error.
// Where a box takes options out or MPTCP is given up in mid-stream, Wireshark misses
// mappings of payload that has none. The long test has more of them.
func TestTsharkBehindBoxes(t *testing.T) {
	dissect(t, []boxCapture{
		{"mbox/m10-pep", "server.*", 3, true},
		{"mbox/m11-proxy", "server.*", 4, true},
		{"mbox/syn-proxy", "server.*", 3, false},
		{"mbox/m9-ftp", "server.*", 20, true},
		{"net/fragments", "access.*", 1, false},
		{"net/burst-loss", "*", 1, false},
		{"radio/handover", "walker.*", 4, false},
		{"radio/wifi-contention", "near.*", 1, false},
	})
}

func dissect(t *testing.T, list []boxCapture) {
	t.Helper()
	for _, c := range list {
		t.Run(strings.ReplaceAll(c.name+" "+c.capture, "/", " "), func(t *testing.T) {
			sc, err := scenarios.Load("../../scenarios/"+c.name+".toml", scenarios.Options{Set: []string{`output.capture=["` + c.capture + `"]`}})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "run")
			if _, err := Run(context.Background(), Job{Scenario: sc, Seed: 1, Out: dir, Capture: true, Until: sim.Duration(c.seconds) * sim.Second}); err != nil {
				t.Fatal(err)
			}
			r, err := tshark.Check(filepath.Join(dir, results.CaptureName))
			if errors.Is(err, tshark.ErrMissing) && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Packets < 50 {
				t.Errorf("%d packets", r.Packets)
			}
			for _, f := range r.Faults {
				if !c.unmapped || !strings.Contains(f, "without a mapping") {
					t.Error(f)
				}
			}
		})
	}
}
