package radio_test

import (
	"math"
	"testing"

	"mpsim/net/radio"
	"mpsim/sim"
)

// TestEnergy: what MobiSys'12 gives for LTE: one second at 2 Mb/s down and 1 Mb/s up takes
// 1210.7 x 0.2601 mJ of promotion, 2 x 51.97 + 438.39 + 1288.04 mJ of transfer, and the tail of
// 11.576 s 1060 mW. A second transfer within the tail is not promoted again.
func TestEnergy(t *testing.T) {
	transfer := 2*51.97 + 438.39 + 1288.04
	promotion, tail := 1210.7*0.2601, 1060*11.576
	m := radio.Meter{Power: *radio.FindPower("lte")}
	second := func(n int, up, down int64) {
		for range n * 100 {
			m.Add(10*ms, up, down, true)
		}
	}
	check := func(what string, want float64) {
		t.Helper()
		if math.Abs(m.Joules-want/1000) > 1e-9 {
			t.Errorf("%s: %v J, want %v", what, m.Joules, want/1000)
		}
	}
	second(1, 1250, 2500)
	check("transfer", promotion+transfer)
	second(20, 0, 0)
	check("tail", promotion+transfer+tail)
	second(1, 1250, 2500)
	second(5, 0, 0)
	second(1, 1250, 2500)
	second(30, 0, 0)
	check("within the tail", 2*promotion+3*transfer+2*tail+5*1060)
	for _, p := range radio.Powers() {
		if p.TailTime < 200*sim.Millisecond || radio.FindPower(p.Name) == nil {
			t.Errorf("%+v", p)
		}
	}
}
