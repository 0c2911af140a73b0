package results

import "testing"

// Numbers that differ are listed in the order of the summary, with what only one run
// has.
func TestCompare(t *testing.T) {
	a := &Summary{
		SimTime: 10, Flows: []Flow{{Name: "dl", Goodput: 8e6, End: Number(4).Ptr(), Subflows: []Subflow{{ID: 0, BytesSent: 100}, {ID: 1}}}},
		Links:    []Link{{Name: "wifi", Direction: "down", Drops: 3}},
		Counters: map[string]uint64{"MPJoinSynRx": 1, "MPCapableSYNRX": 1},
		Setup:    []Setting{{"buffers", "4 MiB"}, {"flow dl", "minrtt"}},
	}
	b := &Summary{
		SimTime: 10, Flows: []Flow{{Name: "dl", Goodput: 9e6, Subflows: []Subflow{{ID: 0, BytesSent: 100}}}},
		Links:    []Link{{Name: "wifi", Direction: "down", Drops: 5}, {Name: "lte", Direction: "up"}},
		Counters: map[string]uint64{"MPJoinSynRx": 2, "MPCapableSYNRX": 1},
		Setup:    []Setting{{"flow dl", "roundrobin"}, {"seed", "1"}},
	}
	value := func(n *Number) float64 {
		if n == nil {
			return -1
		}
		return float64(*n)
	}
	want := []struct {
		entity, metric string
		a, b           float64
	}{
		{"dl", "goodput_bps", 8e6, 9e6}, {"dl", "end_s", 4, -1}, {"dl/1", "bytes_sent", 0, -1}, {"dl/1", "bytes_delivered", 0, -1},
		{"dl/1", "retransmitted_bytes", 0, -1}, {"dl/1", "reinjected_bytes", 0, -1}, {"dl/1", "srtt_s", 0, -1},
		{"wifi.down", "drops", 3, 5}, {"counter", "MPJoinSynRx", 1, 2}, {"lte.up", "bytes", -1, 0}, {"lte.up", "drops", -1, 0},
		{"lte.up", "utilisation", -1, 0}, {"lte.up", "mean_queue_bytes", -1, 0}, {"lte.up", "p99_queue_bytes", -1, 0},
	}
	got := Compare(a, b)
	if len(got) != len(want) {
		t.Fatalf("%d changes, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if g := got[i]; g.Entity != w.entity || g.Metric != w.metric || value(g.A) != w.a || value(g.B) != w.b {
			t.Errorf("change %d: %s %s %v %v, want %+v", i, g.Entity, g.Metric, value(g.A), value(g.B), w)
		}
	}
	setup := CompareSetup(a, b)
	if len(setup) != 3 || setup[0] != (SettingChange{"buffers", "4 MiB", ""}) || setup[1] != (SettingChange{"flow dl", "minrtt", "roundrobin"}) ||
		setup[2] != (SettingChange{"seed", "", "1"}) {
		t.Errorf("%+v", setup)
	}
	if len(Compare(a, a))+len(CompareSetup(a, a)) != 0 {
		t.Error("a summary differs from itself")
	}
}
