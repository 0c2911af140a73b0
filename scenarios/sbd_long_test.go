//go:build long

package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mpsim/cc"
	"mpsim/sim"
)

// Shared bottleneck detection against the truth, over 20 seeds of two scenarios.

// groups is the controller sbd, of which it notes every 350 ms what it thinks of the
// first two subflows.
type groups struct {
	cc.Controller
	begun, next sim.Time
	verdicts    *verdicts
}

// verdicts counts intervals from the first verdict on.
type verdicts struct{ all, together, coupled int }

func (v *verdicts) part(n int) float64 { return float64(n) / float64(max(v.all, 1)) }

func (g *groups) Join(now sim.Time, f cc.FlowID, p cc.Path) {
	if f == 0 {
		g.begun, g.next = now, now
	}
	g.Controller.Join(now, f, p)
}

func (g *groups) OnAck(now sim.Time, f cc.FlowID, a *cc.Ack) {
	g.Controller.OnAck(now, f, a)
	if now < g.next || f != 1 {
		return
	}
	g.next = g.next.Add(350 * sim.Millisecond)
	if now.Sub(g.begun) < 25*sim.Second {
		return
	}
	v, x, y := g.verdicts, g.terms(0), g.terms(1)
	if x == nil || y == nil {
		return // one has left
	}
	v.all++
	if x["verdict"] >= 0 && x["verdict"] == y["verdict"] {
		v.together++
	}
	if x["group"] == y["group"] {
		v.coupled++
	}
}

// terms returns those of a subflow; nil if it has left.
func (g *groups) terms(f cc.FlowID) map[string]float64 {
	m := map[string]float64{}
	for _, t := range g.Controller.(cc.Explainer).Terms(f, nil) {
		m[t.Name] = t.Value
	}
	if _, ok := m["verdict"]; !ok {
		return nil
	}
	return m
}

// stretch is a time in which a flow is compared with all TCPs together.
type stretch struct {
	flow     string
	from, to sim.Duration
}

// sbdRuns runs a scenario with 20 seeds and returns the mean ratios of goodputs, and
// the verdicts.
func sbdRuns(t *testing.T, name string, set []string, of ...stretch) (ratios []float64, v verdicts) {
	const seeds = 20
	p := Builtin()
	at := slices.IndexFunc(p.CC, func(s cc.Spec) bool { return s.Name == "sbd" })
	inner := p.CC[at].New
	p.CC[at].New = func(x cc.Params, rnd *sim.Rand) cc.Controller {
		return &groups{Controller: inner(x, rnd), verdicts: &v}
	}
	ratios = make([]float64, len(of))
	for seed := range uint64(seeds) {
		sc, err := LoadLibrary(name, Options{Set: set, Plugins: p})
		if err != nil {
			t.Fatal(err)
		}
		w := endOf(t, sc, Run{Seed: seed + 1, Plugins: p}, nil)
		for i, s := range of {
			from, to, tcp := sim.Time(s.from), sim.Time(s.to), 0.0
			for _, f := range w.flows {
				if strings.HasPrefix(f.decl.Name, "tcp") {
					tcp += f.goodput(from, to)
				}
			}
			ratios[i] += w.byFlow[s.flow].goodput(from, to) / tcp / seeds
		}
	}
	return ratios, v
}

func within(t *testing.T, what string, x, lo, hi float64) {
	t.Helper()
	t.Logf("%s: %.3f", what, x)
	if x < lo || x > hi {
		t.Errorf("%s: %.3f, want %v to %v", what, x, lo, hi)
	}
}

// One bottleneck: for most of the time the subflows are coupled, and the connection takes
// about what one TCP takes, as with LIA; uncoupled ones take nearly what two take.
//
// row:F9
func TestSharedBottleneckIsDetected(t *testing.T) {
	const name = "cc/sbd-shared.toml"
	all := stretch{"mptcp", 30 * sim.Second, 300 * sim.Second}
	for _, usec := range []string{"true", "false"} {
		ratio, v := sbdRuns(t, name, []string{"defaults.usec_ts=" + usec}, all)
		within(t, "sbd over TCP, usec_ts "+usec, ratio[0], 0.75, 1.3)
		within(t, "time coupled", v.part(v.coupled), 0.85, 1)
		within(t, "verdicts for one group", v.part(v.together), 0.7, 1)
	}
	lia, _ := sbdRuns(t, name, []string{"defaults.cc=lia"}, all)
	within(t, "lia over TCP", lia[0], 0.7, 1.1)
	reno, _ := sbdRuns(t, name, []string{"defaults.cc=reno"}, all)
	within(t, "reno over TCP", reno[0], 1.6, 2.2)
}

// Two bottlenecks: the subflows are hardly ever coupled, and the connection takes nine
// tenths of what the TCPs of both take, where LIA takes less than half. It is the
// published direction: as LIA where the bottleneck is shared, and more where it is not.
// Two of the same kind, told apart by their history alone, are taken for one more often.
//
// row:F9
func TestDisjointBottlenecksAreDetected(t *testing.T) {
	const name = "cc/sbd-disjoint.toml"
	sbd, lia := stretch{"sbd", 30 * sim.Second, 195 * sim.Second}, stretch{"lia", 230 * sim.Second, 400 * sim.Second}
	ratio, v := sbdRuns(t, name, nil, sbd, lia)
	within(t, "sbd over both TCPs", ratio[0], 0.85, 1.1)
	within(t, "lia over both TCPs", ratio[1], 0.3, 0.55)
	within(t, "time coupled", v.part(v.coupled), 0, 0.1)
	within(t, "verdicts for one group", v.part(v.together), 0, 0.25)

	alike := []string{"link.b.delay=20ms"}
	for i := range 4 {
		burst := fmt.Sprintf("flow.burst-b-%d.onoff.", i)
		alike = append(alike, burst+"on=exponential 1s", burst+"off=exponential 1s")
	}
	ratio, v = sbdRuns(t, name, alike, sbd)
	within(t, "sbd over both TCPs, links alike", ratio[0], 0.8, 1.1)
	within(t, "time coupled", v.part(v.coupled), 0, 0.2)
	within(t, "verdicts for one group", v.part(v.together), 0, 0.35)
}
