package live

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mpsim/internal/tshark"
)

// namedCase is a case of a table.
type namedCase struct {
	name string
	liveCase
}

// runAll runs cases beside each other and has tshark judge what they captured.
func runAll(t *testing.T, cases []namedCase) {
	var group captures
	t.Cleanup(func() { group.judge(t) }) // after the cases
	for i := range cases {
		t.Run(cases[i].name, func(t *testing.T) {
			t.Parallel()
			cases[i].run(t, &group)
		})
	}
}

// captures gathers the captures of cases: tshark takes longer to start than to
// read one. The cases have different keys and ports.
type captures struct {
	mu    sync.Mutex
	names []string
	files [][]byte
}

func (c *captures) add(name string, pcap []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
	c.files = append(c.files, pcap)
	if dir := os.Getenv("MPSIM_LIVE_OUT"); dir != "" {
		os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", ": ")+".pcapng"), pcap, 0o600)
	}
}

// judge checks all captures at once, as sections of one file, and each by itself
// if there is a fault.
func (c *captures) judge(t *testing.T) {
	var all []byte
	for _, f := range c.files {
		all = append(all, f...)
	}
	if len(all) == 0 {
		return // skipped
	}
	faults, ok := faultsOf(t, all)
	if !ok || len(faults) == 0 {
		return
	}
	t.Errorf("tshark: %s", strings.Join(faults, "; "))
	for i, name := range c.names {
		if faults, ok := faultsOf(t, c.files[i]); ok && len(faults) > 0 {
			t.Errorf("tshark: %s: %s", name, strings.Join(faults, "; "))
		}
	}
}

// faultsOf asks tshark; ok is false if it is not there and need not be.
func faultsOf(t *testing.T, pcap []byte) (faults []string, ok bool) {
	path := filepath.Join(t.TempDir(), "live.pcapng")
	must(t, os.WriteFile(path, pcap, 0o600))
	report, err := tshark.Check(path)
	if errors.Is(err, tshark.ErrMissing) && os.Getenv("MPSIM_REQUIRE_TSHARK") == "" {
		return nil, false
	}
	must(t, err)
	if report.Packets == 0 {
		t.Error("tshark read no packet")
	}
	return report.Faults, true
}
