//go:build long

package lab_test

import (
	"math"
	"testing"

	"mpsim/mptcp"
	"mpsim/sim"
)

// Rows 1, 2, 4 and 5 of the published table within the bands A7 to A9: the column of
// the Monte Carlo, less what whole windows and the recovery round cost (the ratio of
// the two oracles).
func TestPublishedEquilibria(t *testing.T) {
	for _, row := range published {
		for name, column := range row.rates {
			ideal, _ := monteCarlo(rules[name], row.paths, 20_000, false, bernoulli(row.paths, 3))
			ratio, got, want, _ := equilibrium(t, name, row.paths, 3000)
			cost := total(want) / total(ideal)
			if r := total(got) / (total(column) * cost); math.Abs(r-1) > 0.08 {
				t.Errorf("%s %v: total %.1f, published %.1f less %.1f %%: ratio %.3f (of the Monte Carlo %.3f)",
					name, row.paths, total(got), total(column), 100*(1-cost), r, ratio)
			}
			for i := range got {
				r := got[i] / want[i]
				if len(column) == 2 {
					r = got[i] / (column[i] * want[i] / ideal[i])
				}
				switch share := r / (total(got) / total(want)); {
				case name == "lia" && math.Abs(r-1) > 0.10,
					name == "balia" && math.Abs(share-1) > 0.15,
					name == "olia" && want[i] < total(want)/2 && r > 1.5:
					t.Errorf("%s %v: path %d %.1f, ratio %.3f", name, row.paths, i, got[i], r)
				}
			}
		}
	}
}

// The grid: two and three paths, Bernoulli loss 2e-4 to 1e-2, different round-trip
// times, and windows of at least 6 packets in the Monte Carlo on every path. Where
// a path of one algorithm has less, the total may differ by 10 %.
func TestEquilibriaGrid(t *testing.T) {
	within, outside := map[string]int{}, 0
	for _, paths := range grid() {
		for _, name := range []string{"reno", "ewtcp", "lia", "olia", "balia"} {
			losses := 1500.0
			if paths[0].p < 1e-3 {
				losses = 1000
			}
			ratio, _, _, windows := equilibrium(t, name, paths, losses)
			band := 0.06
			for _, w := range windows {
				if w < 6 {
					band = 0.10
				}
			}
			if band == 0.06 {
				within[name]++
			}
			if math.Abs(ratio-1) > band {
				outside++
				t.Errorf("%s %v: %.3f of the Monte Carlo, windows %.1f", name, paths, ratio, windows)
			}
		}
	}
	t.Logf("points with windows of at least 6 packets: %v", within)
	for name, n := range within {
		if n < 30 {
			t.Errorf("%s: only %d points with windows of at least 6 packets", name, n)
		}
	}
}

// grid returns 37 points. The second path of each pair is about as good as the first
// (p*rtt^2 is similar), so that OLIA keeps more than a probing window on it.
func grid() [][]lossyPath {
	var out [][]lossyPath
	for _, v := range []struct {
		p     float64
		rtt   int64 // ms
		ratio []float64
	}{
		{2e-4, 40, []float64{1.5}},
		{5e-4, 30, []float64{0.8, 1.6}},
		{1e-3, 20, []float64{0.7, 1, 1.4, 2}},
		{1.5e-3, 80, []float64{0.8, 1.25, 2}},
		{2e-3, 50, []float64{0.6, 1, 1.5, 2}},
		{2.5e-3, 100, []float64{0.75, 1.3, 1.8}},
		{3e-3, 30, []float64{0.7, 1.2, 1.6}},
		{4e-3, 60, []float64{0.8, 1.2}},
		{7e-3, 40, []float64{0.9, 1.2}},
		{1e-2, 30, []float64{0.5}},
	} {
		for _, k := range v.ratio {
			first := lossyPath{v.p, sim.Duration(v.rtt) * ms}
			second := lossyPath{v.p * k, sim.Duration(float64(first.rtt) / math.Sqrt(k) * 1.03)}
			out = append(out, []lossyPath{first, second})
		}
	}
	for _, v := range []struct {
		p   float64
		rtt int64
	}{{8e-4, 50}, {1e-3, 20}, {1e-3, 100}, {1.2e-3, 40}, {1.5e-3, 60}, {1.5e-3, 25}, {1.8e-3, 80}, {2e-3, 30}, {2e-3, 120}, {2.2e-3, 45}, {2.4e-3, 70}, {1.3e-3, 35}} {
		rtt := sim.Duration(v.rtt) * ms
		out = append(out, []lossyPath{
			{v.p, rtt},
			{v.p * 1.3, sim.Duration(float64(rtt) / math.Sqrt(1.3))},
			{v.p * 0.8, sim.Duration(float64(rtt) / math.Sqrt(0.8) * 1.02)},
		})
	}
	return out
}

// The other rows of the table, where p is 0.02 or more, or a window below 6 packets: the
// totals within 10 % of the column, less the same cost. The rules know no timeouts, which
// small windows do not avoid, so the least timeout is 10 ms.
func TestPublishedTotals(t *testing.T) {
	for _, row := range []struct {
		paths []lossyPath
		rates map[string]float64
	}{
		{[]lossyPath{{.002, 40 * ms}, {.02, 40 * ms}}, map[string]float64{"lia": 721, "olia": 711, "balia": 724, "ewtcp": 484}},
		{[]lossyPath{{.04, 10 * ms}, {.01, 100 * ms}}, map[string]float64{"lia": 616, "olia": 649, "balia": 643, "ewtcp": 382}},
		{[]lossyPath{{.001, 20 * ms}, {.001, 150 * ms}}, map[string]float64{"lia": 2024, "olia": 2081, "balia": 2065, "ewtcp": 1180}},
	} {
		for _, name := range []string{"lia", "olia", "balia", "ewtcp"} {
			column := row.rates[name]
			ideal, _ := monteCarlo(rules[name], row.paths, 20_000, false, bernoulli(row.paths, 3))
			ratio, got, want, _ := equilibrium(t, name, row.paths, 2000, func(p *mptcp.Profile) { p.TCP.SetRTOMin(10 * ms) })
			cost := total(want) / total(ideal)
			if r := total(got) / (column * cost); math.Abs(r-1) > 0.10 {
				t.Errorf("%s %v: total %.1f, published %.1f less %.1f %%: ratio %.3f (of the Monte Carlo %.3f)",
					name, row.paths, total(got), column, 100*(1-cost), r, ratio)
			}
		}
	}
}
