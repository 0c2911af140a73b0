package mbtest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	simnet "mpsim/net"
	"mpsim/net/wire"
	"mpsim/scenarios"
	"mpsim/sim"
)

// resets collects what the RSTs of each end carry: "client: 6", with MP_FAIL "server:
// 6 fail"; each once.
type resets struct{ list []string }

// Packet implements simnet.Tap at the interfaces of the client.
func (r *resets) Packet(_ sim.Time, ifc *simnet.Interface, d simnet.Dir, id simnet.PacketID) {
	n := ifc.Node().Network()
	s, o := n.Segment(id), n.Options(id)
	if !s.Flags.Has(wire.RST) || !o.Has(wire.OptRst) {
		return // or the answer to data that was under way
	}
	text := "server:"
	if d == simnet.Out {
		text = "client:"
	}
	text += fmt.Sprintf(" %d", o.Rst.Reason)
	if o.Has(wire.OptFail) {
		text += " fail"
	}
	if !slices.Contains(r.list, text) {
		r.list = append(r.list, text)
	}
}

// The reactions of a Linux 6.18 kernel to middleboxes, measured between two hosts on
// virtual links, come out the same with the profile linux. Left out are the two that
// are defects of the kernel: after options have vanished in mid-stream from the only
// subflow it delivers a wrong stream, and after a failed checksum on the only subflow
// it stalls. The kernel answers the RST of a join that lost its third packet by a RST of
// reason 0, which nobody receives and which is not modelled.
func TestKernelReactions(t *testing.T) {
	const both, up, down = `direction = "both"`, `direction = "up"`, `direction = "down"`
	for _, c := range []struct {
		name     string
		first    []Box // on the first path
		second   []Box // nil: one access network
		checksum bool
		size     int
		verdict  Verdict
		why      string // of a fallback
		wrong    int64
		counters map[string]uint64
		resets   []string // seen at the client; nil: none
	}{
		{name: "removed from the SYN", first: []Box{box("strip", `packets = "syn"`, up)}, size: 100_000,
			verdict: Fallback, why: "MPCapableFallbackSYNACK", counters: map[string]uint64{"MPCapableFallbackSYNACK": 1, "MPCapableFallbackACK": 0, "MPCapableSYNTX": 1}},
		{name: "removed from both SYNs", first: []Box{box("strip", `packets = "syn"`, up), box("strip", `packets = "synack"`, down)}, size: 100_000,
			verdict: Fallback, why: "MPCapableFallbackSYNACK", counters: map[string]uint64{"MPCapableFallbackSYNACK": 1, "MPCapableSYNTX": 1}},
		{name: "removed from the SYN/ACK", first: []Box{box("strip", `packets = "synack"`, down)}, size: 100_000,
			verdict: Fallback, why: "MPCapableFallbackSYNACK", counters: map[string]uint64{"MPCapableFallbackSYNACK": 1, "MPCapableFallbackACK": 1}},
		{name: "removed from all but SYNs", first: []Box{box("strip", `packets = "nonsyn"`, both)}, size: 100_000,
			verdict: Fallback, why: "MPCapableDataFallback", counters: map[string]uint64{"MPCapableDataFallback": 1}},
		{name: "SYN/ACK of the join", first: []Box{}, second: []Box{box("strip", `packets = "synack"`, down)}, size: 400_000,
			verdict: Closed, counters: map[string]uint64{"MPJoinSynTx": 1, "MPJoinAckRx": 0}, resets: []string{"client: 1"}},
		{name: "third packet of the join", first: []Box{}, second: []Box{box("strip", `packets = "ack"`, "count = 1", up)}, size: 400_000,
			verdict: Closed, counters: map[string]uint64{"MPJoinSynTx": 1, "MPJoinAckRx": 0}, resets: []string{"server: 1"}},
		{name: "vanish in mid-stream, two subflows", first: []Box{}, second: []Box{box("strip", `packets = "nonsyn"`, "first = 60", both)}, size: 2_000_000,
			verdict: Closed, resets: []string{"client: 6"}},
		{name: "payload changed without checksum", first: []Box{box("rewrite", "offset = 300000", "length = 1", down)}, second: []Box{}, size: 1_000_000,
			verdict: Broken, wrong: 1, counters: map[string]uint64{"DataCsumErr": 0, "MPFailTx": 0, "MPRstTx": 0}},
		{name: "payload changed with checksum, two subflows", first: []Box{box("rewrite", "offset = 300000", "length = 1", down)}, second: []Box{}, checksum: true, size: 1_000_000,
			verdict: Closed, counters: map[string]uint64{"DataCsumErr": 1, "MPFailTx": 1}, resets: []string{"client: 6 fail"}},
	} {
		s := Setup{Profile: "linux", Transfer: Down, Paths: [][]Box{c.first}, Checksum: c.checksum, Size: c.size, Seed: 1}
		if c.second != nil {
			s.Paths = append(s.Paths, c.second)
		}
		seen := &resets{}
		s.Capture = []string{"client.*"}
		s.attach = func(w *scenarios.World) {
			for _, ifc := range w.CapturePoints() {
				ifc.AddTap(seen)
			}
		}
		o, err := s.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		v, why := o.verdict(s.Size, &Outcome{})
		if v != c.verdict || v == Fallback && why != c.why || o.Corrupt != c.wrong || o.Bytes != int64(c.size) {
			t.Errorf("%s: %s (%s), %d bytes, %d wrong; want %s (%s), %d wrong", c.name, v, why, o.Bytes, o.Corrupt, c.verdict, c.why, c.wrong)
		}
		for name, want := range c.counters {
			if got, ok := o.Counters[name]; got != want || !ok {
				t.Errorf("%s: %s is %d, want %d", c.name, name, got, want)
			}
		}
		slices.Sort(seen.list)
		slices.Sort(c.resets)
		if !slices.Equal(seen.list, c.resets) {
			t.Errorf("%s: RSTs %q, want %q", c.name, seen.list, c.resets)
		}
	}
}
