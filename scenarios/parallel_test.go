package scenarios

import (
	"fmt"
	"reflect"
	"testing"

	"mpsim/sim"
)

// parted builds a scenario in parts, whether it pays or not; nil: it cannot be divided.
func parted(t testing.TB, sc *Scenario, run Run, parts int) *World {
	t.Helper()
	d, why, err := divide(sc, run, parts)
	if err != nil {
		t.Fatal(err)
	}
	if why != "" {
		t.Logf("not divided: %s", why)
		return nil
	}
	t.Logf("%d parts, lookahead %v, %d links cut, imbalance %.2f, %d events a window", parts, d.lookahead, d.cut, d.imbalance, d.perWindow)
	w, err := buildParts(sc, run, d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// shown is everything that a run shows.
type shown struct {
	Hash               string
	Now                sim.Time
	Events, PacketHops uint64
	Flows              []FlowReport
	Links              []LinkReport
	Counters           []Counter
	Expect             []ExpectReport
	Outages            []Outage
	Boxes              []uint64
	Series             []string
}

func show(t testing.TB, w *World, series *[]string) *shown {
	t.Helper()
	if err := w.RunToEnd(); err != nil {
		t.Fatal(err)
	}
	return &shown{
		Hash: w.Hash().String(), Now: w.Sim().Now(), Events: w.Events(), PacketHops: w.PacketHops(), Flows: w.Flows(), Links: w.Links(),
		Counters: w.Counters(), Expect: w.Expect(), Outages: w.Outages(), Boxes: w.BoxActions(), Series: *series,
	}
}

// differ says where two runs first differ.
func differ(t testing.TB, what string, got, want *shown) {
	t.Helper()
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if a, b := g.Field(i), w.Field(i); !reflect.DeepEqual(a.Interface(), b.Interface()) {
			if a.Kind() == reflect.Slice {
				for k := range min(a.Len(), b.Len()) {
					if x, y := a.Index(k).Interface(), b.Index(k).Interface(); !reflect.DeepEqual(x, y) {
						t.Errorf("%s: %s %d: %+v, want %+v", what, g.Type().Field(i).Name, k, x, y)
						break
					}
				}
				if a.Len() != b.Len() {
					t.Errorf("%s: %d %s, want %d", what, a.Len(), g.Type().Field(i).Name, b.Len())
				}
				continue
			}
			t.Errorf("%s: %s: %+v, want %+v", what, g.Type().Field(i).Name, a.Interface(), b.Interface())
		}
	}
}

// samePartedRun compares a run in parts with the run of one world, and returns how
// often it could.
func samePartedRun(t *testing.T, sc *Scenario, data string, parts ...int) (divided int) {
	t.Helper()
	var series []string
	run := Run{Seed: sc.Seed, DataDir: data, Sample: func(at sim.Time, entity, metric string, value float64) {
		series = append(series, fmt.Sprint(at, entity, metric, value))
	}}
	w, err := Build(sc, run)
	if err != nil {
		t.Fatal(err)
	}
	want := show(t, w, &series)
	for _, n := range parts {
		series = nil
		w := parted(t, sc, run, n)
		if w == nil {
			continue
		}
		divided++
		differ(t, fmt.Sprintf("%d parts", n), show(t, w, &series), want)
	}
	return divided
}

// A run in parts shows what the run of one world shows: hash, counts, statistics,
// series, expectations. The scenarios have switches, acknowledgements beside the queues, several flows, scripted path
// managers, boxes that stand in the path or contain endpoints, MTU discovery, and a
// timeline.
func TestPartsAreTheRun(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   []string
		parts []int
	}{
		{"bench/permutation.toml", []string{"duration=5ms"}, []int{1, 2, 4}},
		{"datacenter/fattree-permutation.toml", []string{"duration=20ms", "topology.ack_delay=50us", "traffic.one.jitter=1ms", "traffic.one.stop=10ms", "traffic.eight.start=5ms", "traffic.eight.jitter=1ms"}, []int{2}},
		{"basic/requests.toml", nil, []int{2}},
		{"mbox/m10-pep.toml", nil, []int{2, 3}},
		{"net/pmtu.toml", nil, []int{2}},
		{"pm/two-switches-mesh.toml", nil, []int{2, 3}},
		{"nat/firewall.toml", nil, []int{2}},
		{"paths/join-port-same.toml", nil, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc, err := LoadLibrary(c.name, Options{Set: c.set})
			if err != nil {
				t.Fatal(err)
			}
			samePartedRun(t, sc, "", c.parts...)
		})
	}
}
