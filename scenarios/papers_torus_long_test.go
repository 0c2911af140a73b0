//go:build long

package scenarios

import (
	"math"
	"testing"
)

// jain is the fairness index (sum x)^2/(n sum x^2).
func jain(x []mbps) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += v
		squares += v * v
	}
	return sum * sum / (float64(len(x)) * squares)
}

// Jain's index of the torus with one link of a half and of a tenth of the capacity, over
// 3000 s (A13): the fluid solutions within 0.015, and LIA is fairer than EWTCP.
//
// row:F2
func TestTorus(t *testing.T) {
	for _, v := range []struct {
		set        []string
		ewtcp, lia float64
	}{
		{[]string{"link.L2.down.rate=6Mbps", "link.L2.down.queue=50pkt"}, 0.9818, 0.9966},
		{nil, 0.9326, 0.9874},
	} {
		ewtcp := jain(experiment(t, "nsdi11-torus", "ewtcp", 1, 50, 3050, v.set...))
		lia := jain(experiment(t, "nsdi11-torus", "lia", 1, 50, 3050, v.set...))
		t.Logf("EWTCP %.4f, fluid %.4f; LIA %.4f, fluid %.4f", ewtcp, v.ewtcp, lia, v.lia)
		if math.Abs(ewtcp-v.ewtcp) > 0.015 || math.Abs(lia-v.lia) > 0.015 || lia <= ewtcp {
			t.Errorf("EWTCP %.4f, fluid %.4f; LIA %.4f, fluid %.4f", ewtcp, v.ewtcp, lia, v.lia)
		}
	}
}
