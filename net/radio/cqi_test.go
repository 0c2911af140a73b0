package radio_test

import (
	"math"
	"testing"

	"mpsim/net/radio"
	"mpsim/sim"
)

// TestCQI: 3GPP TS 36.213 table 7.2.3-1: QPSK at 78/1024 for CQI 1, 16-QAM at 378/1024 for 7, 64-QAM
// at 466/1024 for 10 and 948/1024 for 15; rates are in proportion to bits per symbol.
func TestCQI(t *testing.T) {
	bits := func(perSymbol, code float64) float64 { return perSymbol * code / 1024 }
	for _, c := range []struct {
		dB   float64
		cqi  int
		bits float64
	}{{-7, 0, 0}, {-6.7, 1, bits(2, 78)}, {6, 7, bits(4, 378)}, {12, 10, bits(6, 466)}, {30, 15, bits(6, 948)}} {
		if got := radio.CQI(c.dB); got != c.cqi {
			t.Errorf("%v dB: CQI %d, want %d", c.dB, got, c.cqi)
		}
		want := 50e6 * c.bits / bits(6, 948)
		if got := float64(radio.AtCQI(50*sim.MegabitPerSecond, c.cqi)); math.Abs(got-want) > 5e-4*want {
			t.Errorf("CQI %d: %v b/s, want %v", c.cqi, got, want)
		}
	}
}
