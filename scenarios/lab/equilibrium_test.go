package lab_test

import (
	"math"
	"testing"

	"mpsim/mptcp"
	"mpsim/scenarios/lab"
	"mpsim/sim"
)

const ms = sim.Millisecond

// published is section 18.3 of PAPERS.md, rows 1, 2, 4 and 5: packets per second of
// a Monte Carlo without a recovery round, path by path where it is given.
var published = []struct {
	paths []lossyPath
	rates map[string][]float64
}{
	{[]lossyPath{{.01, 100 * ms}, {.01, 100 * ms}}, map[string][]float64{
		"lia": {72.0, 71.7}, "olia": {131.9}, "balia": {138.2}, "ewtcp": {130.9},
	}},
	{[]lossyPath{{.001, 50 * ms}, {.002, 50 * ms}}, map[string][]float64{
		"lia": {542, 273}, "olia": {550, 207}, "balia": {585, 221}, "ewtcp": {711},
	}},
	{[]lossyPath{{.005, 20 * ms}, {.005, 80 * ms}}, map[string][]float64{
		"lia": {707, 179}, "olia": {906, 21}, "balia": {859, 62}, "ewtcp": {580},
	}},
	{[]lossyPath{{.01, 50 * ms}, {.005, 100 * ms}}, map[string][]float64{
		"lia": {128, 128}, "olia": {195, 56}, "balia": {187, 69}, "ewtcp": {224},
	}},
}

// simulate returns the packets per second that each subflow of a real connection
// delivers over paths of that model: a megapacket of buffer, an ACK for every packet,
// so many losses in all.
func simulate(t testing.TB, name string, paths []lossyPath, expected []float64, losses float64, change ...func(*mptcp.Profile)) []float64 {
	t.Helper()
	profile := mptcp.Linux()
	profile.TCP.AckEvery, profile.TCP.CompressSACK = 1, 0
	for _, f := range change {
		f(profile)
	}
	var lines []lab.Path
	perSecond := 0.0
	for i, p := range paths {
		lines = append(lines, lab.Path{
			Rate: 10_000 * sim.MegabitPerSecond, Delay: p.rtt / 2, Loss: p.p, QueuePackets: 100_000,
		})
		perSecond += p.p * expected[i]
	}
	l := lab.New(lab.Config{Seed: 1, CC: name, Profile: profile, Socket: func(o *mptcp.SocketOptions) {
		o.SendBuffer, o.ReceiveBuffer = 1<<27, 1<<27
	}}, lines...)
	client, server := l.Connect()
	server.Send(1 << 50)
	length := sim.Duration(losses / perSecond * 1e9)
	l.Run(length/20 + 5*sim.Second)
	before := server.Subflows()
	if len(before) != len(paths) {
		t.Fatalf("%s: %d subflows", name, len(before))
	}
	l.Run(length)
	rates := make([]float64, len(paths))
	for i, s := range server.Subflows() {
		rates[i] = float64(s.Delivered-before[i].Delivered) / float64(s.MSS) / length.Seconds()
	}
	if client.Corrupt() != 0 {
		t.Errorf("%s: %d bytes corrupt", name, client.Corrupt())
	}
	return rates
}

func total(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// The oracle itself: with real windows and no recovery round it gives the published
// table.
func TestOracle(t *testing.T) {
	for _, row := range published {
		for name, want := range row.rates {
			got, _ := monteCarlo(rules[name], row.paths, 6000, false, bernoulli(row.paths, 1))
			t.Logf("%-6s %v: %.0f of %.0f", name, row.paths, got, want)
			if math.Abs(total(got)/total(want)-1) > 0.04 {
				t.Errorf("%s %v: %.1f, published %.1f", name, row.paths, total(got), total(want))
			}
		}
	}
}

// equilibrium compares a simulated connection with a Monte Carlo of its rule, and
// returns the ratio of the totals and both path by path.
func equilibrium(t testing.TB, name string, paths []lossyPath, losses float64, change ...func(*mptcp.Profile)) (ratio float64, got, want, windows []float64) {
	t.Helper()
	want, windows = monteCarlo(rules[name], paths, 10*losses, true, bernoulli(paths, 2))
	got = simulate(t, name, paths, want, losses, change...)
	ratio = total(got) / total(want)
	t.Logf("%-6s %v: %.1f of %.1f packets/s, windows %.1f: ratio %.3f", name, paths, got, want, windows, ratio)
	return ratio, got, want, windows
}

// Two points of the grid (the whole is behind the tag long): the totals of real
// connections lie within 6 % of the Monte Carlo of the published rule.
func TestEquilibria(t *testing.T) {
	for _, paths := range [][]lossyPath{
		{{.006, 50 * ms}, {.005, 60 * ms}},
		{{.003, 30 * ms}, {.004, 25 * ms}, {.0035, 30 * ms}},
	} {
		for _, name := range []string{"reno", "ewtcp", "lia", "olia", "balia"} {
			if ratio, _, _, _ := equilibrium(t, name, paths, 800); math.Abs(ratio-1) > 0.06 {
				t.Errorf("%s %v: %.3f of the Monte Carlo", name, paths, ratio)
			}
		}
	}
}
