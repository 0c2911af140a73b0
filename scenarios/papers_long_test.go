//go:build long

package scenarios

import (
	"math"
	"testing"
)

// Scenarios A and C of Khalili et al. with as many users of each kind and equal
// capacities (A15, A16 of the list of reproductions): LIA leaves TCP users what its
// fluid model says, within 0.07, and OLIA leaves them at least 0.05 more. The fair share
// is 1.
//
// row:F3
func TestLIAIsNotParetoOptimal(t *testing.T) {
	for name, solution := range map[string]float64{"conext12-scenario-a": scenarioA(1, 1), "conext12-scenario-c": scenarioC(1, 1)} {
		two := map[string]float64{}
		for _, controller := range []string{"lia", "olia"} {
			x := average(t, name, controller, 3, 30, 150)
			two[controller] = meanOf(x[10:])
			t.Logf("%s %s: %.3f and %.3f of the fair share", name, controller, meanOf(x[:10]), two[controller])
		}
		if math.Abs(two["lia"]-solution) > 0.07 {
			t.Errorf("%s: LIA leaves %.3f, its fluid model %.3f", name, two["lia"], solution)
		}
		if two["olia"]-two["lia"] < 0.05 || two["olia"] > 1 {
			t.Errorf("%s: OLIA leaves %.3f, LIA %.3f", name, two["olia"], two["lia"])
		}
	}
}

// Four links of 5, 12, 10 and 3 Mb/s (A12): the fluid solutions within 0.5 Mb/s.
//
// row:F2
func TestFourLinks(t *testing.T) {
	for controller, want := range map[string][]mbps{"ewtcp": {11, 11, 8}, "lia": {10.64, 10.64, 8.72}} {
		got := average(t, "nsdi11-four-links", controller, 3, 50, 450)
		t.Logf("%s: %.2f, fluid %.2f", controller, got, want)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 0.5 {
				t.Errorf("%s: connection %d has %.2f Mb/s, fluid %.2f", controller, i, got[i], want[i])
			}
		}
	}
}
