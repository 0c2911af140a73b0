package results

import (
	"cmp"
	"fmt"
	"slices"
)

// Change is one number of two summaries, or a setting, that differs between them.
type Change struct {
	Entity string `json:"entity"` // flow, "FLOW/SUBFLOW", "LINK.up", "counter", "run"
	Metric string `json:"metric"` // as the fields of summary.json
	// A and B are the values; null: the run does not have it.
	A *Number `json:"a"`
	B *Number `json:"b"`
}

// SettingChange is a line of the setup that differs between two runs.
type SettingChange struct {
	Name string `json:"name"`
	A    string `json:"a"` // "": not there
	B    string `json:"b"`
}

// Compare returns the numbers in which two summaries differ, in the order of the
// summary: flows with their subflows, links, counters.
func Compare(a, b *Summary) []Change {
	x, y := numbers(a), numbers(b)
	out := []Change{}
	for _, v := range x.list {
		w, ok := y.at[v.name]
		switch {
		case !ok:
			out = append(out, Change{v.name.entity, v.name.metric, v.value.Ptr(), nil})
		case w != v.value:
			out = append(out, Change{v.name.entity, v.name.metric, v.value.Ptr(), w.Ptr()})
		}
	}
	for _, v := range y.list {
		if _, ok := x.at[v.name]; !ok {
			out = append(out, Change{v.name.entity, v.name.metric, nil, v.value.Ptr()})
		}
	}
	return out
}

// CompareSetup returns the settings in which two runs differ.
func CompareSetup(a, b *Summary) []SettingChange {
	out := []SettingChange{}
	find := func(s []Setting, name string) (string, bool) {
		i := slices.IndexFunc(s, func(x Setting) bool { return x.Name == name })
		if i < 0 {
			return "", false
		}
		return s[i].Value, true
	}
	for _, x := range a.Setup {
		if v, _ := find(b.Setup, x.Name); v != x.Value {
			out = append(out, SettingChange{x.Name, x.Value, v})
		}
	}
	for _, y := range b.Setup {
		if _, ok := find(a.Setup, y.Name); !ok {
			out = append(out, SettingChange{y.Name, "", y.Value})
		}
	}
	return out
}

// numbered is the numbers of a summary by name.
type numbered struct {
	list []named
	at   map[numberName]Number
}

type numberName struct{ entity, metric string }

type named struct {
	name  numberName
	value Number
}

func (n *numbered) add(entity, metric string, v Number) {
	name := numberName{entity, metric}
	if _, twice := n.at[name]; twice {
		return
	}
	n.list = append(n.list, named{name, v})
	n.at[name] = v
}

func (n *numbered) addIf(entity, metric string, v *Number) {
	if v != nil {
		n.add(entity, metric, *v)
	}
}

func numbers(s *Summary) *numbered {
	n := &numbered{at: map[numberName]Number{}}
	n.add("run", "sim_time_s", s.SimTime)
	n.add("run", "packet_hops", Number(s.PacketHops))
	for i := range s.Flows {
		n.flow(&s.Flows[i])
	}
	for i := range s.Links {
		l := &s.Links[i]
		name := l.Name + "." + l.Direction
		n.add(name, "bytes", Number(l.Bytes))
		n.add(name, "drops", Number(l.Drops))
		n.add(name, "utilisation", l.Utilisation)
		n.add(name, "mean_queue_bytes", l.MeanQueueBytes)
		n.add(name, "p99_queue_bytes", l.P99QueueBytes)
	}
	var counters []named
	for name, v := range s.Counters {
		counters = append(counters, named{numberName{"counter", name}, Number(v)})
	}
	slices.SortFunc(counters, func(x, y named) int { return cmp.Compare(x.name.metric, y.name.metric) })
	for _, c := range counters {
		n.add(c.name.entity, c.name.metric, c.value)
	}
	return n
}

func (n *numbered) flow(f *Flow) {
	n.add(f.Name, "goodput_bps", f.Goodput)
	n.add(f.Name, "bytes_delivered", Number(f.BytesDelivered))
	n.add(f.Name, "corrupt_bytes", Number(f.CorruptBytes))
	n.add(f.Name, "max_gap_s", f.MaxGap)
	n.addIf(f.Name, "end_s", f.End)
	n.add(f.Name, "packets_received", Number(f.PacketsReceived))
	n.addIf(f.Name, "mean_delay_s", f.MeanDelay)
	n.add(f.Name, "requests", Number(f.Requests))
	n.addIf(f.Name, "mean_latency_s", f.MeanLatency)
	n.addIf(f.Name, "median_latency_s", f.MedianLatency)
	n.addIf(f.Name, "p95_latency_s", f.P95Latency)
	n.addIf(f.Name, "max_latency_s", f.MaxLatency)
	for i := range f.Subflows {
		s := &f.Subflows[i]
		name := fmt.Sprintf("%s/%d", f.Name, s.ID)
		n.add(name, "bytes_sent", Number(s.BytesSent))
		n.add(name, "bytes_delivered", Number(s.BytesDelivered))
		n.add(name, "retransmitted_bytes", Number(s.BytesRetransmitted))
		n.add(name, "reinjected_bytes", Number(s.BytesReinjected))
		n.add(name, "srtt_s", s.SRTT)
	}
}
