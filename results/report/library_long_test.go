//go:build long

package report

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"mpsim/internal/execute"
	"mpsim/scenarios"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// Every scenario of the library has a report of its first seconds, with and without a
// capture: no packet is counted twice or forgotten on any link, and nearly all hops of
// networks without boxes that change packets have an end.
func TestReportsOfLibrary(t *testing.T) {
	list, err := scenarios.List()
	if err != nil {
		t.Fatal(err)
	}
	reports := 0
	for _, e := range list {
		t.Run(e.Path, func(t *testing.T) {
			sc, err := scenarios.LoadLibrary(e.Path, scenarios.Options{})
			if err != nil && recorded(e.Path) {
				t.Skip(err) // its recorded traces are not here
			} else if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(e.Path, "bench/") {
				t.Skip("as another one, and large")
			}
			dir := filepath.Join(t.TempDir(), "run")
			o, err := execute.Run(context.Background(), execute.Job{Scenario: sc, Seed: sc.Seed, Out: dir, Events: trace.AllKinds, Capture: true, Until: sim.Second, Limits: execute.Limits{Events: 300_000}})
			if err != nil && recorded(e.Path) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			page, err := Render(&Source{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			reports++
			r := take(t, page)
			about, col := r.table("packets")
			if about == nil {
				return // nothing was sent in the first second
			}
			p := &packetsOf{r, about, col, about["texts"].([]any)}
			type count struct{ taken, lost, open uint64 }
			links := map[string]count{}
			end := p.col("end")
			for i := range end {
				c := links[p.text("link", i)]
				switch end[i] {
				case dropped:
					c.lost++
				case vanishes:
					c.open++
					c.taken++
				default:
					c.taken++
				}
				links[p.text("link", i)] = c
			}
			var open, all uint64
			for _, l := range o.Summary.Links {
				c := links[l.Name+"/"+l.Direction]
				open, all = open+c.open, all+c.taken
				if c.taken+c.lost != l.Packets+l.Drops && c.taken != l.Packets {
					t.Errorf("link %s %s: %d hops and %d losses, the link counts %d and %d", l.Name, l.Direction, c.taken, c.lost, l.Packets, l.Drops)
				}
			}
			nameless := 0
			for _, s := range p.col("stream") {
				if s < 0 {
					nameless++
				}
			}
			t.Logf("%d hops, %d without an end, %d packets, %d of no stream, %d streams, %.1f MB", all, open, integer(p.about["packets"]), nameless, len(p.about["streams"].([]any)), float64(len(page))/1e6)
		})
	}
	t.Logf("%d reports", reports)
}

// recorded reports whether a scenario of the library follows recorded traces, which are no
// part of this repository.
func recorded(path string) bool {
	return path == "handover/wifi-lte-traces.toml" || path == "handover/wifi-lte-drive.toml"
}
