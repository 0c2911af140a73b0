package results

import (
	"bytes"
	"strings"
	"testing"

	"mpsim/net/wire"
	"mpsim/sim"
	"mpsim/sim/trace"
)

// What parts have observed is written by time, then by the key of the event, then by the
// step of the timeline, and within an event as it came; what was written is forgotten.
func TestPartsAreMergedInOrder(t *testing.T) {
	type place struct {
		at   sim.Time
		key  sim.Key
		step uint32
	}
	var log, frames bytes.Buffer
	e := NewEvents(&log, names{})
	c := NewCapture(&frames, CaptureInfo{}, 0)
	c.AddPoint("x")
	flow := tuple("10.0.0.1:1", "10.0.0.2:2")
	var now [3]place
	var sinks [3]trace.Sink
	var captures [3]*CapturePart
	for i := range now {
		where := func() (sim.Time, sim.Key, uint32) { return now[i].at, now[i].key, now[i].step }
		sinks[i], captures[i] = e.Part(names{}, where), c.Part(where)
	}
	emit := func(part int, p place, value int64) {
		now[part] = p
		sinks[part].Emit(&trace.Record{At: p.at, Kind: trace.Action, A: value})
		captures[part].packet(p.at, 0, true, &flow, &wire.Segment{Seq: wire.Seq(value)}, nil)
	}
	emit(2, place{5, 1, 1}, 2) // one event of the timeline, in two parts
	emit(0, place{5, 1, 2}, 3)
	emit(0, place{5, 7, 2}, 5)
	emit(0, place{5, 7, 2}, 6)
	emit(1, place{4, 9, 1}, 1)
	emit(1, place{5, 6, 2}, 4)
	e.Merge()
	c.Merge()
	emit(1, place{9, 1, 2}, 7)
	e.Merge()
	e.Merge()
	c.Merge()
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(log.String()) {
		_, after, _ := strings.Cut(line, `"index":`)
		order = append(order, after[:1])
	}
	if got := strings.Join(order, ""); got != "1234567" {
		t.Errorf("order %s in\n%s", got, log.String())
	}
	at := 0
	for seq := range byte(7) { // sequence numbers in the TCP headers of the frames
		i := bytes.Index(frames.Bytes()[at:], []byte{0, 1, 0, 2, 0, 0, 0, seq + 1})
		if i < 0 {
			t.Fatalf("packet %d does not follow", seq+1)
		}
		at += i
	}
}
