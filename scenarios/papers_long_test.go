//go:build long

package scenarios

import (
	"math"
	"testing"
)

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
