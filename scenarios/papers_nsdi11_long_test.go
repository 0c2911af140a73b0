//go:build long

package scenarios

import (
	"fmt"
	"math"
	"testing"
)

// Three links of 12 Mb/s, each connection with a path of one and a path of two links (A11):
// an even split gives 8 Mb/s, EWTCP 8.5, LIA 9.0; BALIA and OLIA pool more. The fluid
// solutions of section 2.2, the Monte Carlo of BALIA's and OLIA's rules at a ratio of 2
// between the losses (9.34 to 9.43, from 9.32), and the fluid ones of these (9.68, 12).
//
// row:F2
func TestTriangle(t *testing.T) {
	got := map[string]mbps{}
	for _, controller := range []string{"ewtcp", "lia", "balia", "olia"} {
		got[controller] = mean(average(t, "nsdi11-triangle", controller, 3, 50, 650))
		t.Logf("%s: %.2f Mb/s", controller, got[controller])
	}
	if math.Abs(got["ewtcp"]-8.485) > 0.4 || math.Abs(got["lia"]-9.0) > 0.4 {
		t.Errorf("EWTCP has %.2f, fluid 8.485; LIA %.2f, fluid 9", got["ewtcp"], got["lia"])
	}
	if got["balia"] < 9.4 || got["balia"] > 9.7 || got["olia"] < 9.3 || got["olia"] > 12 {
		t.Errorf("BALIA has %.2f, expected 9.4 to 9.7; OLIA %.2f, expected 9.3 to 12", got["balia"], got["olia"])
	}
	if got["ewtcp"] >= got["lia"] || got["lia"] >= math.Min(got["balia"], got["olia"]) {
		t.Errorf("not in order: %v", got)
	}
}

// Bursts of constant rate on one of two links of 100 Mb/s (A14): EWTCP keeps its windows
// apart and has 86 Mb/s between the bursts, LIA 80 to 83, and COUPLED, which hardly
// probes, 52 to 55, within 4; the other link is full. In percent of a link, IP packets.
//
// row:F2
func TestDynamicCBR(t *testing.T) {
	const seeds, seconds = 3, 100
	for controller, want := range map[string][2]float64{"ewtcp": {86, 86}, "lia": {80, 83}, "coupled": {52, 55}} {
		var path [2]float64
		for seed := range uint64(seeds) {
			sc, err := LoadLibrary("papers/nsdi11-dynamic-cbr.toml", Options{Set: []string{
				fmt.Sprintf("defaults.cc={ name = %q, hystartpp = 0 }", controller), fmt.Sprintf("duration=%ds", seconds)}})
			if err != nil {
				t.Fatal(err)
			}
			w, err := Build(sc, Run{Seed: seed + 1, NoExpect: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.RunToEnd(); err != nil {
				t.Fatal(err)
			}
			for i, s := range w.Flows()[0].Subflows {
				path[i] += float64(s.BytesDelivered) * 8 * 1000 / 924 / seconds / 100e6 * 100 / seeds
			}
		}
		t.Logf("%s: %.1f and %.1f", controller, path[0], path[1])
		if path[0] < want[0]-4 || path[0] > want[1]+4 || path[1] < 98 {
			t.Errorf("%s: %.1f and %.1f, expected %v within 4, and 98", controller, path[0], path[1], want)
		}
	}
}
